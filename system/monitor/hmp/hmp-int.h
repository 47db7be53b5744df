/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of the human monitor. */
#ifndef HMP_INT_H
#define HMP_INT_H

#include "../monitor-int.h"
#include "qapi/hmp.h"
#include "readline.h"

/* The prompt is withheld by a command that has returned. */
typedef struct HmpSuspension {
    HmpMonitor *mon;  /* NULL: the connection has ended */
    MonitorHub *hub;
    bool interrupted; /* Ctrl-C was pressed, and not yet reported */
} HmpSuspension;

/* Used in the main loop only. */
struct HmpMonitor {
    Monitor common;
    HmpContext hmp;
    GString *out;    /* printed, not yet sent; lines end with CR LF */
    Readline *rl;    /* NULL: a temporary monitor */
    HmpSuspension *suspended; /* owned by the hub; NULL: not suspended */
    GByteArray *typed; /* while suspended */
    bool leaving;      /* the program ends: no prompt any more */
};

/* hmp-commands.c: the registered commands. */
/* All commands, or all info commands, by name; freed by g_ptr_array_unref(). */
GPtrArray *hmp_commands_sorted(bool is_info);
/* @name is one of its names; NULL: there is none. */
const HmpCommand *hmp_find_command(const char *name, size_t len, bool is_info);
/* Call @fn for each name of @cmd ("stop|s" has two). */
void hmp_foreach_name(const HmpCommand *cmd,
                      void (*fn)(const char *name, void *opaque),
                      void *opaque);

/* hmp-parse.c */
/*
 * The arguments of @cmd in @text as {"name": value...}, a new reference; NULL
 * with the text for the user in @errp.
 */
json_object *hmp_parse_args(const HmpCommand *cmd, const char *text,
                            Error **errp);
/* Execute one line; errors of the line itself are printed. */
void hmp_execute_line(HmpMonitor *mon, const char *line);

/* hmp-complete.c: as ReadlineOps.complete. */
size_t hmp_complete(QmpContext *ctx, Readline *rl, const char *text);

/* The editor of the monitor that @hmp is; NULL: a temporary one. */
Readline *hmp_readline(HmpContext *hmp);
/* The program is about to end: give no prompt after this command. */
void hmp_leave(HmpContext *hmp);

#endif
