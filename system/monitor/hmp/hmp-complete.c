/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Completion of HMP lines. */
#include "qemu/osdep.h"

#include <sys/stat.h>

#include "hmp-int.h"

typedef struct Completion {
    Readline *rl;
    const char *prefix;
} Completion;

static void add_matching(const char *word, void *opaque)
{
    Completion *c = opaque;

    if (g_str_has_prefix(word, c->prefix)) {
        readline_add_completion(c->rl, word);
    }
}

static void add_word(void *opaque, const char *word)
{
    add_matching(word, opaque);
}

static void complete_command(Completion *c, bool is_info)
{
    g_autoptr(GPtrArray) commands = hmp_commands_sorted(is_info);

    for (guint i = 0; i < commands->len; i++) {
        hmp_foreach_name(g_ptr_array_index(commands, i), add_matching, c);
    }
}

/* Names in the directory of the path begun; directories end with "/". */
static void complete_filename(Completion *c)
{
    const char *slash = strrchr(c->prefix, '/');
    g_autofree char *dir =
        slash ? g_strndup(c->prefix, slash + 1 - c->prefix) : g_strdup("");
    g_autoptr(GDir) entries = g_dir_open(*dir ? dir : ".", 0, NULL);
    const char *name;

    while (entries && (name = g_dir_read_name(entries))) {
        g_autofree char *path = g_strconcat(dir, name, NULL);
        g_autofree char *with_slash = g_strconcat(path, "/", NULL);

        if (g_str_has_prefix(path, c->prefix)) {
            bool is_dir = g_file_test(path, G_FILE_TEST_IS_DIR);

            readline_add_completion(c->rl, is_dir ? with_slash : path);
        }
    }
}

/* The type letter of argument number @n of @cmd, flags not counted. */
static char arg_type(const HmpCommand *cmd, guint n)
{
    g_auto(GStrv) args = g_strsplit(cmd->args_type ? cmd->args_type : "", ",",
                                    -1);

    for (char **arg = args; *arg; arg++) {
        const char *type = strchr(*arg, ':');

        if (type && type[1] != '-' && type[1] != '/' && !n--) {
            return type[1];
        }
    }
    return '\0';
}

static void complete_arg(QmpContext *ctx, const HmpCommand *cmd,
                         GPtrArray *before, Completion *c)
{
    if (cmd->complete) {
        cmd->complete(ctx, before->len, (char *const *)before->pdata,
                      c->prefix, add_word, c);
        return;
    }
    switch (arg_type(cmd, before->len)) {
    case 'F':
        complete_filename(c);
        break;
    case 'b':
        add_matching("on", c);
        add_matching("off", c);
        break;
    default:
        break;
    }
}

size_t hmp_complete(QmpContext *ctx, Readline *rl, const char *text)
{
    const char *last = strrchr(text, ' ');
    Completion c = { .rl = rl, .prefix = last ? last + 1 : text };
    g_autofree char *head = g_strndup(text, c.prefix - text);
    g_auto(GStrv) words = g_strsplit_set(head, " ", -1);
    g_autoptr(GPtrArray) args = g_ptr_array_new(); /* words but flags */
    const HmpCommand *cmd = NULL;
    bool is_info;

    for (char **word = words; *word; word++) {
        /* Two blanks make an empty word, which is none. */
        if (**word && (**word != '-' || !args->len)) {
            g_ptr_array_add(args, *word);
        }
    }
    if (!args->len) {
        complete_command(&c, false);
        return strlen(c.prefix);
    }
    const char *first = g_ptr_array_index(args, 0);

    is_info = g_str_equal(first, "info");
    if (args->len == 1 && (is_info || g_str_equal(first, "help") ||
                           g_str_equal(first, "?"))) {
        complete_command(&c, is_info);
        return strlen(c.prefix);
    }
    if (is_info) {
        g_ptr_array_remove_index(args, 0);
        first = g_ptr_array_index(args, 0);
    }
    cmd = hmp_find_command(first, strlen(first), is_info);
    g_ptr_array_remove_index(args, 0);
    if (cmd) {
        complete_arg(ctx, cmd, args, &c);
    }
    return strlen(c.prefix);
}
