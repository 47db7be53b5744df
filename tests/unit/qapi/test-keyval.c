/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"
#include "qemu/keyval.h"

typedef struct Case {
    const char *text;
    const char *implied;
    bool legacy;
    bool dotted;
    const char *expected; /* JSON, or the error if it begins with "!" */
    bool help;
} Case;

static const Case cases[] = {
    { "", NULL, false, true, "{}" },
    { "a=1,b=2", NULL, false, true, "{\"a\":\"1\",\"b\":\"2\"}" },
    { "a=1,", NULL, false, true, "{\"a\":\"1\"}" },
    { "a=", NULL, false, true, "{\"a\":\"\"}" },
    { "a=x=y", NULL, false, true, "{\"a\":\"x=y\"}" },
    { "a=1,,2,,,b=3", NULL, false, true, "{\"a\":\"1,2,\",\"b\":\"3\"}" },
    { "a=1,a=2", NULL, false, true, "{\"a\":\"2\"}" },
    { "word,a=1", "t", false, true, "{\"t\":\"word\",\"a\":\"1\"}" },
    { "wo,,rd", "t", false, true, "{\"t\":\"wo,rd\"}" },
    { "word", NULL, false, true, "!Expected '=' after parameter 'word'" },
    { "x,word", "t", false, true, "!Expected '=' after parameter 'word'" },
    { "x,server,nowait", "t", true, false,
      "{\"t\":\"x\",\"server\":\"on\",\"wait\":\"off\"}" },
    { "no", NULL, true, false, "{\"no\":\"on\"}" },
    { "x,help", "t", false, true, "{\"t\":\"x\"}", true },
    { "?", "t", false, true, "{}", true },
    { "a=help", "t", false, true, "{\"a\":\"help\"}" },
    { "a.b=1,a.c.d=2", NULL, false, true,
      "{\"a\":{\"b\":\"1\",\"c\":{\"d\":\"2\"}}}" },
    { "a.b=1", NULL, false, false, "{\"a.b\":\"1\"}" },
    { "a.1=y,a.0=x", NULL, false, true, "{\"a\":[\"x\",\"y\"]}" },
    { "a.0.b=x,a.1.b=y,a.00.c=z", NULL, false, true,
      "{\"a\":[{\"b\":\"x\",\"c\":\"z\"},{\"b\":\"y\"}]}" },
    { "a.b.1=x", NULL, false, true, "!Parameter 'a.b.0' missing" },
    { "a.0=x,a.b=y", NULL, false, true,
      "!Parameters 'a.*' used inconsistently" },
    { "a=1,a.b=2", NULL, false, true,
      "!Parameters 'a.*' used inconsistently" },
    { "a.b=2,a=1", NULL, false, true,
      "!Parameters 'a.*' used inconsistently" },
    { "a.b.c=2,a.b=1", NULL, false, true,
      "!Parameters 'a.b.*' used inconsistently" },
    { "=1", NULL, false, true, "!Invalid parameter ''" },
    { "=1", NULL, false, false, "!Invalid parameter ''" },
    { "9=1", NULL, false, true, "!Invalid parameter '9'" },
    { "a..b=1", NULL, false, true, "!Invalid parameter 'a..b'" },
    { "a.=1", NULL, false, true, "!Invalid parameter 'a.'" },
    { ".a=1", NULL, false, true, "!Invalid parameter '.a'" },
    { "a!b=1", NULL, false, true, "!Invalid parameter 'a!b'" },
    { "a.9999999999=1", NULL, false, true,
      "!Invalid parameter 'a.9999999999'" },
};

static void check(const Case *c, json_object *obj, bool help, Error *err)
{
    g_test_message("%s", c->text);
    if (c->expected[0] == '!') {
        g_assert_null(obj);
        g_assert_cmpstr(error_get_pretty(err), ==, c->expected + 1);
    } else {
        g_assert_no_error(err);
        g_assert_cmpstr(
            json_object_to_json_string_ext(obj, JSON_C_TO_STRING_PLAIN), ==,
            c->expected);
        g_assert_true(help == c->help);
    }
    json_object_put(obj);
}

static void test_parse(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        const Case *c = &cases[i];
        g_autoptr(Error) err = NULL;
        bool help = true;
        json_object *obj = keyval_parse(c->text, c->implied, c->legacy,
                                        c->dotted, &help, &err);

        check(c, obj, help, err);
    }
}

/* Keys without end must neither overflow the stack nor run for ever. */
static void test_deep(void)
{
    g_autoptr(GString) key = g_string_new("a");
    g_autoptr(Error) err = NULL;

    for (int i = 0; i < 100000; i++) {
        g_string_append(key, ".a");
    }
    g_string_append(key, "=1");
    g_assert_null(keyval_parse(key->str, NULL, false, true, NULL, &err));
    g_assert_true(g_str_has_prefix(error_get_pretty(err),
                                   "Invalid parameter 'a.a."));
}

static void test_json(void)
{
    static const Case json_cases[] = {
        { "{\"a\": 1}", "t", false, true, "{\"a\":1}" },
        { "{'a': [true, null]} ", "t", false, true, "{\"a\":[true,null]}" },
        { "a=1", "t", false, true, "{\"a\":\"1\"}" },
        { "a", "t", false, true, "{\"t\":\"a\"}" },
    };
    static const Case bad[] = {
        { "{", NULL, false, true, "!JSON parse error, premature EOI" },
        { "{\"a\": 1", NULL, false, true,
          "!JSON parse error, premature EOI" },
        { "{} x", NULL, false, true, "!Expecting at most one JSON value" },
        { "{'a': bad}", NULL, false, true,
          "!JSON parse error, unexpected character" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(json_cases); i++) {
        const Case *c = &json_cases[i];
        g_autoptr(Error) err = NULL;
        bool help = true;
        json_object *obj = keyval_parse_or_json(c->text, "t", &help, &err);

        check(c, obj, help, err);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(Error) err = NULL;
        json_object *obj = keyval_parse_or_json(bad[i].text, "t", NULL, &err);

        check(&bad[i], obj, false, err);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/keyval/parse", test_parse);
    g_test_add_func("/keyval/deep", test_deep);
    g_test_add_func("/keyval/json", test_json);
    return g_test_run();
}
