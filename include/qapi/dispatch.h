/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a QMP request to the function that carries the command out. */
#ifndef QAPI_DISPATCH_H
#define QAPI_DISPATCH_H

#include "qapi/context.h"
#include "qapi/qapi-runtime.h"

/*
 * Generated for each command: checks @args (borrowed, may be NULL), calls
 * qmp_NAME(), stores the result in *@ret (new reference; untouched if the
 * command returns nothing; NULL is JSON's null).
 */
typedef bool QmpCommandFunc(json_object *args, json_object **ret,
                            QmpContext *ctx, Error **errp);

typedef struct QmpCommand {
    const char *name;
    QmpCommandFunc *fn;
    bool allow_oob;
    bool returns; /* something other than an empty object */
} QmpCommand;

/* A set of commands.  Filled at start-up, read by any thread after that. */
typedef struct QmpCommandList QmpCommandList;

QmpCommandList *qmp_command_list_new(void);
void qmp_command_list_free(QmpCommandList *cmds);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QmpCommandList, qmp_command_list_free)
/*
 * Add @n commands, not copied.  Generated code calls this:
 * qmp_init_commands_MODULE() for one module, qmp_init_commands() for all.
 */
void qmp_command_list_add(QmpCommandList *cmds, const QmpCommand *table,
                          size_t n);
/* NULL if there is none. */
const QmpCommand *qmp_command_find(const QmpCommandList *cmds,
                                   const char *name);
/* Call @fn for each command, in the order they were added. */
void qmp_command_foreach(const QmpCommandList *cmds,
                         void (*fn)(const QmpCommand *cmd, void *opaque),
                         void *opaque);

/* What a request asks for, after its members were checked. */
typedef struct QmpRequest {
    const char *command; /* points into the request */
    json_object *args;   /* borrowed, or NULL */
    json_object *id;     /* borrowed; valid if has_id */
    bool has_id;
    bool oob;            /* came as exec-oob */
} QmpRequest;

/*
 * Check the members of @request (any JSON value) and take them apart.
 * "exec-oob" is an unknown member unless @allow_oob.  On failure @req has at
 * least the id, if the request has one.
 */
bool qmp_parse_request(json_object *request, bool allow_oob, QmpRequest *req,
                       Error **errp);

/*
 * Carry out @request and return the reply, a new reference:
 * {"return": …, "id": …} or {"error": {"class": …, "desc": …}, "id": …}.
 * Takes no lock: the caller holds what the command needs.
 */
json_object *qmp_dispatch(const QmpCommandList *cmds, json_object *request,
                          bool allow_oob, QmpContext *ctx);
/* The same in two steps, for a request that was parsed before. */
json_object *qmp_execute(const QmpCommandList *cmds, const QmpRequest *req,
                         QmpContext *ctx);

/* The reply that tells of @err; @req (may be NULL) gives the id. */
json_object *qmp_error_reply(const QmpRequest *req, const Error *err);

/* Generated: the schema as query-qmp-schema returns it, a new reference. */
json_object *qapi_introspect(void);
/* Generated: names of all events, NULL at the end. */
extern const char *const qapi_event_names[];

#endif
