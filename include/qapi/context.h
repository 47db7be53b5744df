/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a command (QMP or HMP) may reach: the machine it is for and the
 * connection it came from.  Handed to every qmp_*() function, so that nothing
 * below the monitor needs a process-wide machine.
 */
#ifndef QAPI_CONTEXT_H
#define QAPI_CONTEXT_H

#include "qemu/error.h"

struct Machine;

typedef struct QmpContext QmpContext;
struct QmpContext {
    struct Machine *machine;
    /*
     * Take a descriptor registered by getfd under @name on this connection;
     * -1 and an error if there is none.  The caller closes it.
     */
    int (*take_fd)(QmpContext *ctx, const char *name, Error **errp);
    /*
     * Run one HMP line on a temporary non-interactive monitor; returns what it
     * printed, freed by g_free().
     */
    char *(*run_hmp)(QmpContext *ctx, const char *line, Error **errp);
    void *monitor; /* private to the monitor */
};

/*
 * Where events go.  emit() may be called from any thread, never blocks, and
 * takes ownership of @data (a json_object * or NULL).
 */
typedef struct QapiEventSink QapiEventSink;
struct json_object;
struct QapiEventSink {
    void (*emit)(QapiEventSink *sink, const char *event,
                 struct json_object *data);
};

#endif
