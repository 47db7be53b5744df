/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The members of a QMP request, the command it names, the reply. */
#include "qemu/osdep.h"
#include "qapi/dispatch.h"

struct QmpCommandList {
    GPtrArray *in_order;
    GHashTable *by_name;
};

QmpCommandList *qmp_command_list_new(void)
{
    QmpCommandList *cmds = g_new0(QmpCommandList, 1);

    cmds->in_order = g_ptr_array_new();
    cmds->by_name = g_hash_table_new(g_str_hash, g_str_equal);
    return cmds;
}

void qmp_command_list_free(QmpCommandList *cmds)
{
    if (cmds) {
        g_ptr_array_unref(cmds->in_order);
        g_hash_table_unref(cmds->by_name);
        g_free(cmds);
    }
}

void qmp_command_list_add(QmpCommandList *cmds, const QmpCommand *table,
                          size_t n)
{
    for (size_t i = 0; i < n; i++) {
        g_ptr_array_add(cmds->in_order, (gpointer)&table[i]);
        g_hash_table_insert(cmds->by_name, (gpointer)table[i].name,
                            (gpointer)&table[i]);
    }
}

const QmpCommand *qmp_command_find(const QmpCommandList *cmds,
                                   const char *name)
{
    return g_hash_table_lookup(cmds->by_name, name);
}

void qmp_command_foreach(const QmpCommandList *cmds,
                         void (*fn)(const QmpCommand *cmd, void *opaque),
                         void *opaque)
{
    for (guint i = 0; i < cmds->in_order->len; i++) {
        fn(g_ptr_array_index(cmds->in_order, i), opaque);
    }
}

/* Take the command's name from member @key. */
static bool parse_execute(const char *key, json_object *value, QmpRequest *req,
                          Error **errp)
{
    if (!json_object_is_type(value, json_type_string)) {
        error_setg(errp, "QMP input member '%s' must be a string", key);
        return false;
    }
    if (req->command) {
        error_setg(errp, "QMP input member '%s' clashes with '%s'", key,
                   req->oob ? "exec-oob" : "execute");
        return false;
    }
    req->command = json_object_get_string(value);
    if (strlen(req->command) != (size_t)json_object_get_string_len(value)) {
        error_setg(errp, "QMP input member '%s' contains a NUL character",
                   key);
        return false;
    }
    req->oob = g_str_equal(key, "exec-oob");
    return true;
}

static bool parse_member(const char *key, json_object *value, bool allow_oob,
                         QmpRequest *req, Error **errp)
{
    if (g_str_equal(key, "execute") ||
        (allow_oob && g_str_equal(key, "exec-oob"))) {
        return parse_execute(key, value, req, errp);
    }
    if (g_str_equal(key, "arguments")) {
        if (!json_object_is_type(value, json_type_object)) {
            error_setg(errp,
                       "QMP input member 'arguments' must be an object");
            return false;
        }
        req->args = value;
        return true;
    }
    if (g_str_equal(key, "id")) {
        return true;
    }
    error_setg(errp, "QMP input member '%s' is unexpected", key);
    return false;
}

bool qmp_parse_request(json_object *request, bool allow_oob, QmpRequest *req,
                       Error **errp)
{
    *req = (QmpRequest){ 0 };
    if (!json_object_is_type(request, json_type_object)) {
        error_setg(errp, "QMP input must be a JSON object");
        return false;
    }
    req->has_id = json_object_object_get_ex(request, "id", &req->id);
    json_object_object_foreach(request, key, value)
    {
        if (!parse_member(key, value, allow_oob, req, errp)) {
            return false;
        }
    }
    if (!req->command) {
        error_setg(errp, "QMP input lacks member 'execute'");
        return false;
    }
    return true;
}

static void add_id(json_object *reply, const QmpRequest *req)
{
    if (req && req->has_id) {
        json_object_object_add(reply, "id", json_object_get(req->id));
    }
}

json_object *qmp_error_reply(const QmpRequest *req, const Error *err)
{
    json_object *reply = json_object_new_object();
    json_object *error = json_object_new_object();

    json_object_object_add(
        error, "class",
        json_object_new_string(ErrorClass_str(error_get_class(err))));
    json_object_object_add(error, "desc",
                           json_object_new_string(error_get_pretty(err)));
    json_object_object_add(reply, "error", error);
    add_id(reply, req);
    return reply;
}

/* Find and run the command; *@ret as QmpCommandFunc says. */
static bool run_command(const QmpCommandList *cmds, const QmpRequest *req,
                        json_object **ret, QmpContext *ctx, Error **errp)
{
    const QmpCommand *cmd = qmp_command_find(cmds, req->command);

    if (!cmd) {
        error_set(errp, ERROR_CLASS_COMMAND_NOT_FOUND,
                  "The command %s has not been found", req->command);
        return false;
    }
    if (req->oob && !cmd->allow_oob) {
        error_setg(errp, "The command %s does not support OOB",
                   req->command);
        return false;
    }
    if (!cmd->returns) {
        *ret = json_object_new_object();
    }
    return cmd->fn(req->args, ret, ctx, errp);
}

json_object *qmp_execute(const QmpCommandList *cmds, const QmpRequest *req,
                         QmpContext *ctx)
{
    g_autoptr(Error) err = NULL;
    json_object *ret = NULL;
    json_object *reply;

    if (!run_command(cmds, req, &ret, ctx, &err)) {
        json_object_put(ret);
        return qmp_error_reply(req, err);
    }
    reply = json_object_new_object();
    json_object_object_add(reply, "return", ret);
    add_id(reply, req);
    return reply;
}

json_object *qmp_dispatch(const QmpCommandList *cmds, json_object *request,
                          bool allow_oob, QmpContext *ctx)
{
    g_autoptr(Error) err = NULL;
    QmpRequest req;

    if (!qmp_parse_request(request, allow_oob, &req, &err)) {
        return qmp_error_reply(&req, err);
    }
    return qmp_execute(cmds, &req, ctx);
}
