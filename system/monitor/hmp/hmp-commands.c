/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of HMP commands, put together from the rooms' tables. */
#include "qemu/osdep.h"

#include "hmp-int.h"

/* Filled at start-up, by the main thread; const HmpCommand. */
static GPtrArray *hmp_commands;

void hmp_register_commands(const HmpCommand *cmds, size_t n)
{
    if (!hmp_commands) {
        hmp_commands = g_ptr_array_new();
    }
    for (size_t i = 0; i < n; i++) {
        if (!g_ptr_array_find(hmp_commands, &cmds[i], NULL)) {
            g_ptr_array_add(hmp_commands, (gpointer)&cmds[i]);
        }
    }
}

static gint compare_names(gconstpointer a, gconstpointer b)
{
    const HmpCommand *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

GPtrArray *hmp_commands_sorted(bool is_info)
{
    GPtrArray *list = g_ptr_array_new();

    for (guint i = 0; hmp_commands && i < hmp_commands->len; i++) {
        const HmpCommand *cmd = g_ptr_array_index(hmp_commands, i);

        if (cmd->is_info == is_info) {
            g_ptr_array_add(list, (gpointer)cmd);
        }
    }
    g_ptr_array_sort(list, compare_names);
    return list;
}

static bool has_name(const HmpCommand *cmd, const char *name, size_t len)
{
    const char *p = cmd->name;

    for (;;) {
        size_t n = strcspn(p, "|");

        if (n == len && !memcmp(p, name, len)) {
            return true;
        }
        if (!p[n]) {
            return false;
        }
        p += n + 1;
    }
}

const HmpCommand *hmp_find_command(const char *name, size_t len, bool is_info)
{
    for (guint i = 0; hmp_commands && i < hmp_commands->len; i++) {
        const HmpCommand *cmd = g_ptr_array_index(hmp_commands, i);

        if (cmd->is_info == is_info && has_name(cmd, name, len)) {
            return cmd;
        }
    }
    return NULL;
}

void hmp_foreach_name(const HmpCommand *cmd,
                      void (*fn)(const char *name, void *opaque), void *opaque)
{
    g_auto(GStrv) names = g_strsplit(cmd->name, "|", -1);

    for (char **name = names; *name; name++) {
        fn(*name, opaque);
    }
}
