/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * key=value lists of the command line.
 *
 * With dotted keys the tree is built of objects only; at the end those whose
 * keys are all numbers become arrays.
 */
#include "qemu/osdep.h"
#include "qemu/keyval.h"

typedef struct KeyvalParser {
    const char *pos;
    const char *implied_key;
    bool legacy_bool;
    bool dotted;
    bool *help;
    json_object *root;
    Error **errp;
} KeyvalParser;

/* Keys have at most this many parts; deeper ones are no option of ours. */
#define MAX_PARTS 64

/*
 * The value at the parser's position: up to a single comma, which is
 * skipped, too; two commas stand for one.
 */
static char *take_value(KeyvalParser *p)
{
    GString *value = g_string_new(NULL);

    while (*p->pos) {
        if (*p->pos == ',') {
            p->pos++;
            if (*p->pos != ',') {
                break;
            }
        }
        g_string_append_c(value, *p->pos++);
    }
    return g_string_free(value, FALSE);
}

static bool all_digits(const char *s)
{
    return *s && strspn(s, "0123456789") == strlen(s);
}

/* Words of letters, digits, - and _; from the second part on also numbers. */
static bool part_is_valid(const char *part, bool first)
{
    if (!first && all_digits(part)) {
        return strlen(part) <= 9;
    }
    if (!g_ascii_isalpha(*part)) {
        return false;
    }
    while (*++part) {
        if (!g_ascii_isalnum(*part) && *part != '-' && *part != '_') {
            return false;
        }
    }
    return true;
}

static bool fail_key(KeyvalParser *p, const char *key)
{
    error_setg(p->errp, "Invalid parameter '%s'", key);
    return false;
}

/* The first @n of @parts, as they stood in the key. */
static char *join_parts(char **parts, size_t n)
{
    GString *text = g_string_new(parts[0]);

    for (size_t i = 1; i < n; i++) {
        g_string_append_printf(text, ".%s", parts[i]);
    }
    return g_string_free(text, FALSE);
}

static bool fail_inconsistent(KeyvalParser *p, char **parts, size_t n)
{
    g_autofree char *prefix = join_parts(parts, n);

    error_setg(p->errp, "Parameters '%s.*' used inconsistently", prefix);
    return false;
}

/* Numbers that mean the same must be the same key: "a.01" is "a.1". */
static void normalise_part(char *part)
{
    if (all_digits(part)) {
        size_t zeros = strspn(part, "0");

        if (!part[zeros]) {
            zeros--;
        }
        memmove(part, part + zeros, strlen(part + zeros) + 1);
    }
}

/* Put @value at the place in the tree that the dotted @key names. */
static bool put_dotted(KeyvalParser *p, const char *key, const char *value)
{
    /* One more than allowed, which then has all the rest. */
    g_auto(GStrv) parts = g_strsplit(key, ".", MAX_PARTS + 1);
    size_t n = g_strv_length(parts);
    json_object *node = p->root;
    json_object *found;

    if (n == 0 || n > MAX_PARTS) {
        return fail_key(p, key);
    }
    for (size_t i = 0; i < n; i++) {
        if (!part_is_valid(parts[i], i == 0)) {
            return fail_key(p, key);
        }
        normalise_part(parts[i]);
    }
    for (size_t i = 0; i < n - 1; i++) {
        if (!json_object_object_get_ex(node, parts[i], &found)) {
            found = json_object_new_object();
            json_object_object_add(node, parts[i], found);
        } else if (!json_object_is_type(found, json_type_object)) {
            return fail_inconsistent(p, parts, i + 1);
        }
        node = found;
    }
    if (json_object_object_get_ex(node, parts[n - 1], &found) &&
        json_object_is_type(found, json_type_object)) {
        return fail_inconsistent(p, parts, n);
    }
    json_object_object_add(node, parts[n - 1], json_object_new_string(value));
    return true;
}

static bool put(KeyvalParser *p, const char *key, const char *value)
{
    if (p->dotted) {
        return put_dotted(p, key, value);
    }
    if (!*key) {
        return fail_key(p, key);
    }
    json_object_object_add(p->root, key, json_object_new_string(value));
    return true;
}

/* A word without "=": implied key, request for help, or short boolean. */
static bool take_word(KeyvalParser *p, bool first)
{
    g_autofree char *word = take_value(p);

    if (p->help && (g_str_equal(word, "help") || g_str_equal(word, "?"))) {
        *p->help = true;
        return true;
    }
    if (first && p->implied_key) {
        return put(p, p->implied_key, word);
    }
    if (!p->legacy_bool) {
        error_setg(p->errp, "Expected '=' after parameter '%s'", word);
        return false;
    }
    if (g_str_has_prefix(word, "no") && word[2]) {
        return put(p, word + 2, "off");
    }
    return put(p, word, "on");
}

static bool take_pair(KeyvalParser *p, size_t key_len)
{
    g_autofree char *key = g_strndup(p->pos, key_len);
    g_autofree char *value = NULL;

    p->pos += key_len + 1;
    value = take_value(p);
    return put(p, key, value);
}

/* Do the keys of @node say that it is a list?  False also if mixed. */
static bool is_list(json_object *node, bool *mixed)
{
    size_t numbers = 0, words = 0;

    json_object_object_foreach(node, key, value)
    {
        (void)value;
        if (all_digits(key)) {
            numbers++;
        } else {
            words++;
        }
    }
    *mixed = numbers && words;
    return numbers && !words;
}

static json_object *listify(KeyvalParser *p, json_object *node,
                            const char *prefix);

/* Elements 0, 1, … of @node as an array; NULL if one is missing. */
static json_object *to_array(KeyvalParser *p, json_object *node,
                             const char *prefix)
{
    json_object *array = json_object_new_array();
    int n = json_object_object_length(node);

    for (int i = 0; i < n; i++) {
        g_autofree char *index = g_strdup_printf("%d", i);
        g_autofree char *path = g_strdup_printf("%s.%s", prefix, index);
        json_object *element, *converted = NULL;

        if (!json_object_object_get_ex(node, index, &element)) {
            error_setg(p->errp, "Parameter '%s' missing", path);
        } else {
            converted = listify(p, element, path);
        }
        if (!converted) {
            json_object_put(array);
            return NULL;
        }
        json_object_array_add(array, converted);
    }
    return array;
}

/*
 * A new reference to @node with objects that are lists replaced by arrays, at
 * all depths; NULL with an error.
 */
static json_object *listify(KeyvalParser *p, json_object *node,
                            const char *prefix)
{
    json_object *object;
    bool mixed;

    if (!json_object_is_type(node, json_type_object)) {
        return json_object_get(node);
    }
    if (is_list(node, &mixed)) {
        return to_array(p, node, prefix);
    }
    if (mixed) {
        error_setg(p->errp, "Parameters '%s.*' used inconsistently", prefix);
        return NULL;
    }
    object = json_object_new_object();
    json_object_object_foreach(node, key, value)
    {
        g_autofree char *path =
            *prefix ? g_strdup_printf("%s.%s", prefix, key) : g_strdup(key);
        json_object *converted = listify(p, value, path);

        if (!converted) {
            json_object_put(object);
            return NULL;
        }
        json_object_object_add(object, key, converted);
    }
    return object;
}

json_object *keyval_parse(const char *params, const char *implied_key,
                          bool legacy_bool, bool dotted, bool *help,
                          Error **errp)
{
    KeyvalParser p = {
        .pos = params,
        .implied_key = implied_key,
        .legacy_bool = legacy_bool,
        .dotted = dotted,
        .help = help,
        .root = json_object_new_object(),
        .errp = errp,
    };
    json_object *result = p.root;
    bool ok = true;

    if (help) {
        *help = false;
    }
    for (bool first = true; ok && *p.pos; first = false) {
        size_t len = strcspn(p.pos, "=,");

        ok = p.pos[len] == '=' ? take_pair(&p, len) : take_word(&p, first);
    }
    if (!ok) {
        result = NULL;
    } else if (dotted) {
        result = listify(&p, p.root, "");
    }
    if (result != p.root) {
        json_object_put(p.root);
    }
    return result;
}

static json_object *parse_json(const char *text, Error **errp)
{
    /* Not the strict mode: strings may stand in single quotes. */
    struct json_tokener *tok = json_tokener_new();
    json_object *obj = json_tokener_parse_ex(tok, text, strlen(text));
    enum json_tokener_error err = json_tokener_get_error(tok);
    const char *rest = text + json_tokener_get_parse_end(tok);

    json_tokener_free(tok);
    rest += strspn(rest, " \t\r\n");
    if (err == json_tokener_success && !*rest) {
        return obj;
    }
    if (err == json_tokener_success) {
        error_setg(errp, "Expecting at most one JSON value");
    } else if (err == json_tokener_continue) {
        error_setg(errp, "JSON parse error, premature EOI");
    } else {
        error_setg(errp, "JSON parse error, %s", json_tokener_error_desc(err));
    }
    json_object_put(obj);
    return NULL;
}

json_object *keyval_parse_or_json(const char *text, const char *implied_key,
                                  bool *help, Error **errp)
{
    if (text[0] != '{') {
        return keyval_parse(text, implied_key, false, true, help, errp);
    }
    if (help) {
        *help = false;
    }
    return parse_json(text, errp);
}
