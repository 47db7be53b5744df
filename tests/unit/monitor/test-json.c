/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The JSON of QMP by itself: limits, pieces of any size, output. */
#include "qemu/osdep.h"

#include "system/monitor/qmp/json-lexer.h"
#include "system/monitor/qmp/json-parser.h"
#include "system/monitor/qmp/json-writer.h"

/* Feed @text in pieces of @piece bytes; results joined by "|". */
static char *parse_all(const char *text, size_t len, size_t piece)
{
    JsonParser *parser = json_parser_new();
    GString *out = g_string_new(NULL);

    for (size_t at = 0; at < len;) {
        g_autoptr(Error) err = NULL;
        json_object *value;
        bool done;

        at += json_parser_feed(parser, text + at, MIN(piece, len - at), &done,
                               &value, &err);
        if (err) {
            g_string_append(out, error_get_pretty(err));
        } else if (done) {
            json_write(out, value, false);
        }
        if (done) {
            g_string_append_c(out, '|');
        }
        json_object_put(value);
    }
    json_parser_free(parser);
    return g_string_free(out, false);
}

static void test_pieces(void)
{
    static const char text[] =
        "{'a': [1, -2.5e3, true, null], \"b\": {'c': \"\\u00e4\\n\"}} [] "
        "'s' 12 null @ {\"x\" 1} [}] -0 0.0 1e400 [1,] tru [\"\\ud800\"] "
        "[\"\\u12\"] [\"\xff\"] {\"a\\u0000b\": 1} {} ";
    static const char want[] =
        "{\"a\": [1, -2500, true, null], \"b\": {\"c\": \"\\u00E4\\n\"}}|[]|"
        "\"s\"|12|null|JSON parse error, stray '@'|"
        "JSON parse error, missing : in object pair|"
        "JSON parse error, expecting value|"
        "JSON parse error, expecting value|0|0|1.7976931348623157e+308|"
        "JSON parse error, expecting value|"
        "JSON parse error, invalid keyword 'tru'|"
        "JSON parse error, \\ud800 is not a valid Unicode character|"
        "JSON parse error, \\u12 is not a valid Unicode character|"
        "JSON parse error, invalid UTF-8 sequence in string|"
        "JSON parse error, key contains a NUL character|{}|";

    for (size_t piece = 1; piece <= sizeof(text); piece++) {
        g_autofree char *got = parse_all(text, sizeof(text) - 1, piece);

        g_assert_cmpstr(got, ==, want);
    }
}

static void test_tokens(void)
{
    GString *text = g_string_new("[0");
    g_autofree char *got = NULL;

    for (int i = 0; i < JSON_MAX_TOKENS / 2; i++) {
        g_string_append(text, ",0");
    }
    g_string_append(text, "]\001");
    got = parse_all(text->str, text->len, 65536);
    g_assert_true(g_str_has_prefix(got, "JSON token count limit exceeded|"));
    g_string_free(text, true);
}

static void test_size(void)
{
    g_autofree char *text = g_malloc(JSON_MAX_TEXT + 16);
    g_autofree char *got = NULL;

    memset(text, 'a', JSON_MAX_TEXT + 16);
    text[0] = '"';
    text[JSON_MAX_TEXT + 12] = '\n';
    text[JSON_MAX_TEXT + 13] = '{';
    text[JSON_MAX_TEXT + 14] = '}';
    got = parse_all(text, JSON_MAX_TEXT + 15, 1 << 20);
    g_assert_cmpstr(got, ==, "JSON token size limit exceeded|{}|");
}

static void test_pretty(void)
{
    json_object *value =
        json_tokener_parse("{\"a\": [1, {}], \"b\": [], \"c\": \"x\"}");
    g_autoptr(GString) out = g_string_new(NULL);

    json_write(out, value, true);
    g_assert_cmpstr(out->str, ==,
                    "{\r\n    \"a\": [\r\n        1,\r\n        {\r\n"
                    "        }\r\n    ],\r\n    \"b\": [\r\n    ],\r\n"
                    "    \"c\": \"x\"\r\n}");
    json_object_put(value);
}

/* Random bytes from what the grammar is made of: no crash, no hang. */
static void test_random(void)
{
    static const char alphabet[] = "{}[]:,\"'\\utrue nl09.-eE \n\001\xc3\xa4";

    for (int round = 0; round < 2000; round++) {
        char text[64];
        g_autofree char *whole = NULL, *bytes = NULL;

        for (size_t i = 0; i < sizeof(text); i++) {
            text[i] = alphabet[g_test_rand_int_range(0, sizeof(alphabet))];
        }
        whole = parse_all(text, sizeof(text), sizeof(text));
        bytes = parse_all(text, sizeof(text), 1);
        g_assert_cmpstr(whole, ==, bytes);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/json/pieces", test_pieces);
    g_test_add_func("/json/token-limit", test_tokens);
    g_test_add_func("/json/size-limit", test_size);
    g_test_add_func("/json/pretty", test_pretty);
    g_test_add_func("/json/random", test_random);
    return g_test_run();
}
