/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tokens to values.  The grammar is checked here, because clients know the
 * texts of its errors; strings and numbers are brought to the forms of
 * RFC 8259, and json-c makes the values.
 */
#include "qemu/osdep.h"

#include "json-lexer.h"
#include "json-parser.h"

struct JsonParser {
    JsonLexer lexer;
    GString *normal; /* the message as json-c gets it */
    size_t next;     /* token to look at */
};

static bool parse_value(JsonParser *p, Error **errp);

JsonParser *json_parser_new(void)
{
    JsonParser *p = g_new0(JsonParser, 1);

    json_lexer_init(&p->lexer);
    return p;
}

void json_parser_free(JsonParser *p)
{
    if (p) {
        json_lexer_destroy(&p->lexer);
        g_free(p);
    }
}

void json_parser_reset(JsonParser *p)
{
    json_lexer_reset(&p->lexer);
}

/* The token to look at; NULL with an error at the end. */
static const JsonToken *peek(JsonParser *p, Error **errp)
{
    if (p->next == p->lexer.tokens->len) {
        error_setg(errp, "JSON parse error, premature EOI");
        return NULL;
    }
    return &g_array_index(p->lexer.tokens, JsonToken, p->next);
}

static const char *token_text(JsonParser *p, const JsonToken *t)
{
    return p->lexer.text->str + t->start;
}

/* The code unit of the four hex digits at @s; -1 if they are not. */
static int hex4(const char *s, const char *end)
{
    int value = 0;

    if (end - s < 4) {
        return -1;
    }
    for (int i = 0; i < 4; i++) {
        int digit = g_ascii_xdigit_value(s[i]);

        if (digit < 0) {
            return -1;
        }
        value = value * 16 + digit;
    }
    return value;
}

/*
 * \uXXXX at @s, which may be the first half of a surrogate pair.  Returns how
 * long it is, 0 with an error if it is not a character.
 */
static size_t check_unicode_escape(const char *s, const char *end,
                                   Error **errp)
{
    int first = hex4(s + 2, end), second = -1;

    if (first < 0) {
        error_setg(errp,
                   "JSON parse error, %.*s is not a valid Unicode character",
                   (int)MIN(6, end - s), s);
        return 0;
    }
    if (first < 0xd800 || first > 0xdfff) {
        return 6;
    }
    if (first < 0xdc00 && end - s >= 12 && s[6] == '\\' && s[7] == 'u') {
        second = hex4(s + 8, end);
    }
    if (second < 0xdc00 || second > 0xdfff) {
        error_setg(errp,
                   "JSON parse error, %.6s is not a valid Unicode character",
                   s);
        return 0;
    }
    return 12;
}

/* Copy a string token to @out, in double quotes and with standard escapes. */
static bool normalize_string(JsonParser *p, const JsonToken *t, GString *out,
                             Error **errp)
{
    const char *s = token_text(p, t) + 1;
    const char *end = s + t->len - 2;

    if (!g_utf8_validate_len(s, end - s, NULL)) {
        error_setg(errp, "JSON parse error, invalid UTF-8 sequence in string");
        return false;
    }
    g_string_append_c(out, '"');
    while (s < end) {
        size_t len = 1;

        if (*s == '"') {
            g_string_append_c(out, '\\'); /* bare between single quotes */
        } else if (*s == '\\' && s[1] == '\'') {
            s++;
        } else if (*s == '\\' && s[1] == 'u') {
            len = check_unicode_escape(s, end, errp);
            if (!len) {
                return false;
            }
        } else if (*s == '\\') {
            len = 2;
            if (!strchr("\"\\/bfnrt", s[1])) {
                error_setg(errp, "JSON parse error, invalid escape sequence "
                                 "in string");
                return false;
            }
        }
        g_string_append_len(out, s, len);
        s += len;
    }
    g_string_append_c(out, '"');
    return true;
}

/* An integer that fits neither int64_t nor uint64_t is a floating one. */
static void normalize_integer(JsonParser *p, const JsonToken *t)
{
    g_autofree char *text = g_strndup(token_text(p, t), t->len);

    g_string_append(p->normal, text);
    errno = 0;
    if (*text == '-') {
        strtoll(text, NULL, 10);
    } else {
        strtoull(text, NULL, 10);
    }
    if (errno == ERANGE) {
        g_string_append(p->normal, "e0");
    }
}

static bool parse_keyword(JsonParser *p, const JsonToken *t, Error **errp)
{
    static const char *const keywords[] = { "true", "false", "null" };

    for (size_t i = 0; i < G_N_ELEMENTS(keywords); i++) {
        if (t->len == strlen(keywords[i]) &&
            !memcmp(token_text(p, t), keywords[i], t->len)) {
            g_string_append(p->normal, keywords[i]);
            return true;
        }
    }
    error_setg(errp, "JSON parse error, invalid keyword '%.*s'",
               (int)MIN(t->len, 256), token_text(p, t));
    return false;
}

/*
 * What a key means, so that "a" and "\u0061" are the same; NULL if C cannot
 * hold it: "a\u0000b" would be taken for "a".
 */
static char *decode_key(const char *normal)
{
    json_object *value;
    char *key = NULL;
    const char *text;

    if (!strchr(normal, '\\')) {
        return g_strdup(normal);
    }
    value = json_tokener_parse(normal);
    text = json_object_get_string(value);
    if (strlen(text) == (size_t)json_object_get_string_len(value)) {
        key = g_strdup_printf("\"%s\"", text);
    }
    json_object_put(value);
    return key;
}

static bool parse_key(JsonParser *p, GHashTable *keys, Error **errp)
{
    g_autoptr(GString) normal = g_string_new(NULL);
    const JsonToken *t = peek(p, errp);
    size_t length_before = p->normal->len;
    char *key;

    if (!t) {
        return false;
    }
    if (t->type != JSON_TOKEN_STRING) {
        /* Something that is no value at all is reported as such. */
        if (parse_value(p, errp)) {
            error_setg(errp,
                       "JSON parse error, key is not a string in object");
        }
        g_string_truncate(p->normal, length_before);
        return false;
    }
    p->next++;
    if (!normalize_string(p, t, normal, errp)) {
        return false;
    }
    g_string_append_len(p->normal, normal->str, normal->len);

    t = peek(p, errp);
    if (!t) {
        return false;
    }
    if (t->type != JSON_TOKEN_COLON) {
        error_setg(errp, "JSON parse error, missing : in object pair");
        return false;
    }
    p->next++;
    g_string_append_c(p->normal, ':');
    key = decode_key(normal->str);
    if (!key) {
        error_setg(errp, "JSON parse error, key contains a NUL character");
        return false;
    }
    /* Takes the key. */
    if (!g_hash_table_add(keys, key)) {
        error_setg(errp, "JSON parse error, duplicate key");
        return false;
    }
    return true;
}

/*
 * After an element: a comma (*@more), or @close.  @what names the container in
 * the error.
 */
static bool parse_separator(JsonParser *p, JsonTokenType close,
                            const char *what, bool *more, Error **errp)
{
    const JsonToken *t = peek(p, errp);

    if (!t) {
        return false;
    }
    *more = t->type == JSON_TOKEN_COMMA;
    if (!*more && t->type != close) {
        error_setg(errp, "JSON parse error, expected separator in %s", what);
        return false;
    }
    p->next++;
    g_string_append_c(p->normal, *token_text(p, t));
    return true;
}

/* The opening token has been read; an empty container ends at once. */
static bool parse_empty(JsonParser *p, JsonTokenType close)
{
    const JsonToken *t = peek(p, NULL);

    if (!t || t->type != close) {
        return false;
    }
    p->next++;
    g_string_append_c(p->normal, *token_text(p, t));
    return true;
}

static bool parse_object(JsonParser *p, Error **errp)
{
    g_autoptr(GHashTable) keys = NULL;
    bool more = true;

    g_string_append_c(p->normal, '{');
    if (parse_empty(p, JSON_TOKEN_RBRACE)) {
        return true;
    }
    keys = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    while (more) {
        if (!parse_key(p, keys, errp) || !parse_value(p, errp) ||
            !parse_separator(p, JSON_TOKEN_RBRACE, "dict", &more, errp)) {
            return false;
        }
    }
    return true;
}

static bool parse_array(JsonParser *p, Error **errp)
{
    bool more = true;

    g_string_append_c(p->normal, '[');
    if (parse_empty(p, JSON_TOKEN_RBRACKET)) {
        return true;
    }
    while (more) {
        if (!parse_value(p, errp) ||
            !parse_separator(p, JSON_TOKEN_RBRACKET, "list", &more, errp)) {
            return false;
        }
    }
    return true;
}

/* Recursion is bounded by the lexer's limit on nesting. */
static bool parse_value(JsonParser *p, Error **errp)
{
    const JsonToken *t = peek(p, errp);

    if (!t) {
        return false;
    }
    p->next++;
    switch (t->type) {
    case JSON_TOKEN_LBRACE:
        return parse_object(p, errp);
    case JSON_TOKEN_LBRACKET:
        return parse_array(p, errp);
    case JSON_TOKEN_STRING:
        return normalize_string(p, t, p->normal, errp);
    case JSON_TOKEN_INTEGER:
        normalize_integer(p, t);
        return true;
    case JSON_TOKEN_FLOAT:
        g_string_append_len(p->normal, token_text(p, t), t->len);
        return true;
    case JSON_TOKEN_KEYWORD:
        return parse_keyword(p, t, errp);
    default:
        error_setg(errp, "JSON parse error, expecting value");
        return false;
    }
}

/* The tokens of a whole message to a value. */
static bool parse_message(JsonParser *p, json_object **value, Error **errp)
{
    json_tokener *tokener;
    bool ok;

    p->next = 0;
    if (!parse_value(p, errp)) {
        return false;
    }
    if (p->normal->len > INT_MAX) {
        error_setg(errp, "JSON token size limit exceeded");
        return false;
    }
    tokener = json_tokener_new_ex(JSON_MAX_DEPTH + 2);
    /* A number only ends at the byte after it: json-c is given one. */
    g_string_append_c(p->normal, ' ');
    *value = json_tokener_parse_ex(tokener, p->normal->str, p->normal->len);
    ok = json_tokener_get_error(tokener) == json_tokener_success;
    if (!ok) {
        error_setg(errp, "JSON parse error, %s",
                   json_tokener_error_desc(json_tokener_get_error(tokener)));
    }
    json_tokener_free(tokener);
    return ok;
}

size_t json_parser_feed(JsonParser *p, const char *buf, size_t len, bool *done,
                        json_object **value, Error **errp)
{
    g_autoptr(Error) err = NULL;
    size_t used = json_lexer_feed(&p->lexer, buf, len, &err);

    *value = NULL;
    *done = err || p->lexer.complete;
    if (!err && p->lexer.complete) {
        p->normal = g_string_new(NULL);
        parse_message(p, value, &err);
        g_string_free(g_steal_pointer(&p->normal), true);
        json_lexer_next_message(&p->lexer);
    }
    error_propagate(errp, g_steal_pointer(&err));
    return used;
}
