/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A line of the human monitor to a command and its arguments. */
#include "qemu/osdep.h"

#include "expr.h"
#include "hmp-int.h"
#include "qemu/cutils.h"

/* One element of HmpCommand.args_type. */
typedef struct ArgType {
    char *key;
    char type;       /* '-': a flag */
    char flag;       /* its letter */
    bool optional;
    const char *rest; /* the elements after it */
} ArgType;

/* The element at *@types, which moves on; false at the end. */
static bool next_arg_type(const char **types, ArgType *arg)
{
    size_t key_len = strcspn(*types, ":");
    const char *type;

    if (!(*types)[key_len]) {
        return false;
    }
    arg->key = g_strndup(*types, key_len);
    type = *types + key_len + 1;
    arg->type = *type;
    arg->flag = *type == '-' ? type[1] : '\0';
    *types = type + strcspn(type, ",");
    arg->optional = (*types)[-1] == '?';
    if (**types) {
        ++*types;
    }
    arg->rest = *types;
    return true;
}

static void skip_blanks(const char **p)
{
    while (g_ascii_isspace(**p)) {
        ++*p;
    }
}

/* A string in double quotes, @p behind the first.  NULL: no valid one. */
static char *parse_quoted(const char **p)
{
    static const char escapes[] = "nr\\'\"";
    static const char meaning[] = "\n\r\\'\"";
    g_autoptr(GString) word = g_string_new(NULL);

    for (; **p && **p != '"'; ++*p) {
        const char *escape;

        if (**p != '\\') {
            g_string_append_c(word, **p);
            continue;
        }
        ++*p;
        escape = **p ? strchr(escapes, **p) : NULL;
        if (!escape) {
            return NULL;
        }
        g_string_append_c(word, meaning[escape - escapes]);
    }
    if (**p != '"') {
        return NULL;
    }
    ++*p;
    return g_string_free(g_steal_pointer(&word), false);
}

/* NULL: no valid one. */
static char *parse_word(const char **p)
{
    const char *begin = *p;

    if (*begin == '"') {
        ++*p;
        return parse_quoted(p);
    }
    while (**p && !g_ascii_isspace(**p)) {
        ++*p;
    }
    return g_strndup(begin, *p - begin);
}

static bool parse_string(const HmpCommand *cmd, const ArgType *arg,
                         const char **p, json_object *args, Error **errp)
{
    const char *what = arg->type == 'F'   ? "filename"
                       : arg->type == 'B' ? "block device name"
                                          : "string";
    g_autofree char *word = NULL;

    if (!**p) {
        if (!arg->optional) {
            error_setg(errp, "%s: %s expected", cmd->name, what);
        }
        return arg->optional;
    }
    if (arg->type == 'S') {
        word = g_strdup(*p);
        *p += strlen(*p);
    } else {
        word = parse_word(p);
    }
    if (!word) {
        error_setg(errp, "%s: %s expected", cmd->name, what);
        return false;
    }
    json_object_object_add(args, arg->key, json_object_new_string(word));
    return true;
}

static bool parse_onoff(const ArgType *arg, const char **p, json_object *args,
                        Error **errp)
{
    const char *begin = *p;
    bool on;

    if (!*begin && arg->optional) {
        return true;
    }
    while (g_ascii_isgraph(**p)) {
        ++*p;
    }
    on = *p - begin == 2 && !memcmp(begin, "on", 2);
    if (!on && !(*p - begin == 3 && !memcmp(begin, "off", 3))) {
        error_setg(errp, "Expected 'on' or 'off'");
        return false;
    }
    json_object_object_add(args, arg->key, json_object_new_boolean(on));
    return true;
}

static bool parse_size(const ArgType *arg, const char **p, json_object *args,
                       Error **errp)
{
    g_autofree char *word = NULL;
    uint64_t size;

    if (!**p && arg->optional) {
        return true;
    }
    word = parse_word(p);
    if (!word || !qemu_parse_size(word, MiB, &size)) {
        error_setg(errp, "invalid size");
        return false;
    }
    json_object_object_add(args, arg->key, json_object_new_uint64(size));
    return true;
}

static bool parse_integer(const ArgType *arg, const char **p,
                          json_object *args, Error **errp)
{
    int64_t value;

    if (!**p && arg->optional) {
        return true;
    }
    if (!hmp_parse_expr(p, &value, errp)) {
        return false;
    }
    json_object_object_add(args, arg->key, json_object_new_int64(value));
    return true;
}

/*
 * "/FORMAT" directly behind the command's name or after blanks: a count, then
 * letters of formats and sizes.
 */
static bool parse_format(const ArgType *arg, const char **p, json_object *args,
                         Error **errp)
{
    const char *begin = *p + 1;

    if (**p != '/') {
        return true;
    }
    for (++*p; g_ascii_isdigit(**p); ++*p) {
    }
    for (; **p && !g_ascii_isspace(**p); ++*p) {
        if (!strchr("oxducibhwg", **p)) {
            error_setg(errp, "invalid char in format: '%c'", **p);
            return false;
        }
    }
    json_object_object_add(args, arg->key,
                           json_object_new_string_len(begin, *p - begin));
    return true;
}

/* Is -@letter among the flags in @types? */
static bool is_flag(const char *types, char letter)
{
    for (const char *p = types; (p = strstr(p, ":-")); p += 2) {
        if (p[2] == letter && letter) {
            return true;
        }
    }
    return false;
}

/* A flag is only looked for at its place in the order of declaration. */
static bool parse_flag(const HmpCommand *cmd, const ArgType *arg,
                       const char **p, json_object *args, Error **errp)
{
    if (**p != '-') {
        return true;
    }
    if ((*p)[1] == arg->flag) {
        *p += 2;
        json_object_object_add(args, arg->key, json_object_new_boolean(true));
        return true;
    }
    if (is_flag(arg->rest, (*p)[1])) {
        return true; /* its turn comes */
    }
    error_setg(errp, "%s: unsupported option -%c", cmd->name, (*p)[1]);
    return false;
}

static bool parse_arg(const HmpCommand *cmd, const ArgType *arg,
                      const char **p, json_object *args, Error **errp)
{
    skip_blanks(p);
    switch (arg->type) {
    case '-':
        return parse_flag(cmd, arg, p, args, errp);
    case '/':
        return parse_format(arg, p, args, errp);
    case 'b':
        return parse_onoff(arg, p, args, errp);
    case 'l':
        return parse_integer(arg, p, args, errp);
    case 'o':
        return parse_size(arg, p, args, errp);
    default:
        return parse_string(cmd, arg, p, args, errp);
    }
}

json_object *hmp_parse_args(const HmpCommand *cmd, const char *text,
                            Error **errp)
{
    json_object *args = json_object_new_object();
    const char *types = cmd->args_type ? cmd->args_type : "";
    ArgType arg;
    bool ok = true;

    while (ok && next_arg_type(&types, &arg)) {
        ok = parse_arg(cmd, &arg, &text, args, errp);
        g_free(arg.key);
    }
    if (ok) {
        skip_blanks(&text);
        if (*text) {
            error_setg(errp, "%s: extraneous characters at the end of line",
                       cmd->name);
            ok = false;
        }
    }
    if (!ok) {
        json_object_put(args);
        return NULL;
    }
    return args;
}

/*
 * The command that the line at *@p begins with, which moves behind its name;
 * `info NAME` is one if there is such a NAME word.
 */
static const HmpCommand *parse_command(const char **p)
{
    bool is_info = false;

    for (;;) {
        const char *name = *p;
        const HmpCommand *cmd;
        const char *after;

        *p += strcspn(*p, " \t\r\n\v\f/");
        cmd = hmp_find_command(name, *p - name, is_info);
        if (is_info || !cmd || !g_str_has_prefix(cmd->name, "info")) {
            return cmd;
        }
        after = *p;
        skip_blanks(&after);
        if (!*after || *after == '/') {
            return cmd;
        }
        *p = after;
        is_info = true;
    }
}

void hmp_execute_line(HmpMonitor *mon, const char *line)
{
    g_autoptr(Error) err = NULL;
    const char *begin = line;
    const HmpCommand *cmd;
    json_object *args;
    const char *p;

    skip_blanks(&line);
    if (!*line) {
        return;
    }
    p = line;
    cmd = parse_command(&p);
    if (!cmd) {
        hmp_printf(&mon->hmp, "unknown command: '%.*s'\n", (int)(p - begin),
                   begin);
        return;
    }
    args = hmp_parse_args(cmd, p, &err);
    if (!args) {
        hmp_printf(&mon->hmp, "%s\n", error_get_pretty(err));
        hmp_printf(&mon->hmp, "Try \"help %.*s\" for more information\n",
                   (int)(p - line), line);
        return;
    }
    cmd->cmd(&mon->hmp, args);
    json_object_put(args);
}
