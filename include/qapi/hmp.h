/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The human monitor's commands: tables of entries that each room keeps beside
 * its own code; the monitor parses the line, checks the arguments, calls.
 */
#ifndef QAPI_HMP_H
#define QAPI_HMP_H

#include <json-c/json.h>

#include "qapi/context.h"

typedef struct HmpContext HmpContext;
struct HmpContext {
    QmpContext *qmp;
    bool interactive; /* has a prompt, may be suspended */
    /* Append text; "\n" becomes CR LF on the wire. */
    void (*vprintf)(HmpContext *hmp, const char *fmt, va_list ap);
    /*
     * Withhold the prompt until update() is called with @finish (from the
     * main loop).  Returns a handle for update(), or NULL on a monitor that
     * cannot (not interactive).
     */
    void *(*suspend)(HmpContext *hmp);
    /*
     * Valid after the command returned: print (@text may be NULL), and give
     * the prompt back if @finish, after which @handle is invalid.  False: the
     * connection has ended, or the person pressed Ctrl-C since the last call
     * (*@interrupted, may be NULL).  Main loop.
     */
    bool (*update)(void *handle, const char *text, bool finish,
                   bool *interrupted);
};

void hmp_printf(HmpContext *hmp, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
/* Print "Error: text" and hints, free @err; false if @err was NULL. */
bool hmp_handle_error(HmpContext *hmp, Error *err);

typedef struct HmpCommand {
    const char *name;      /* "stop|s": aliases after bars */
    /*
     * Arguments, QEMU's notation: "detach:-d,resume:-r,uri:s".  Types: -X
     * flag, s string, S rest of the line, F file name, B block/other name,
     * l integer expression, o size (unit MiB), b on/off, / format letters
     * as in print/x; "?" behind: optional.
     */
    const char *args_type;
    const char *params;    /* shown by help: "[-d] [-r] uri" */
    const char *help;      /* one line or several */
    /*
     * @args: {"uri": "…", "detach": true}; absent optionals are missing.
     * Main loop, machine lock held.
     */
    void (*cmd)(HmpContext *hmp, json_object *args);
    /*
     * Completion of argument number @nb (0: first; flags do not count) that
     * begins with @prefix, @argv are the arguments before it: call @add for
     * each.  NULL: file names and on/off are completed by their types.
     */
    void (*complete)(QmpContext *ctx, int nb, char *const *argv,
                     const char *prefix,
                     void (*add)(void *opaque, const char *word),
                     void *opaque);
    bool is_info;          /* an `info NAME` command */
} HmpCommand;

/* Add @n commands to the monitor's list; start-up only, not copied. */
void hmp_register_commands(const HmpCommand *cmds, size_t n);

#endif
