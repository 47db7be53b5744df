/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The monitor's own QMP commands. */
#include "qemu/osdep.h"

#include "monitor-int.h"
#include "qapi/qapi-commands-control.h"
#include "qapi/qapi-commands-yank.h"
#include "qemu/fdset.h"
#include "system/cpu.h"
#include "system/runstate.h"

bool qmp_qmp_capabilities(QmpContext *ctx, QMPCapabilityList *enable,
                          Error **errp)
{
    Monitor *mon = monitor_of(ctx);
    bool oob = false;

    for (; enable; enable = enable->next) {
        oob |= enable->value == QMP_CAPABILITY_OOB;
    }
    if (!mon || !mon->is_qmp) {
        error_setg(errp, "there is no connection to negotiate for");
        return false;
    }
    return monitor_qmp_negotiated(ctx, oob, errp);
}

VersionInfo *qmp_query_version(QmpContext *ctx, Error **errp)
{
    json_object *version = monitor_version();
    VersionInfo *info = qapi_VersionInfo_from_json(version, NULL, errp);

    json_object_put(version);
    return info;
}

static void add_command(const QmpCommand *cmd, void *opaque)
{
    CommandInfoList **list = opaque;
    CommandInfo *info = g_new0(CommandInfo, 1);

    info->name = g_strdup(cmd->name);
    QAPI_LIST_PREPEND(*list, info);
}

CommandInfoList *qmp_query_commands(QmpContext *ctx, Error **errp)
{
    CommandInfoList *list = NULL;
    Monitor *mon = monitor_of(ctx);

    if (mon) {
        qmp_command_foreach(mon->hub->cmds, add_command, &list);
    }
    return list;
}

EventInfoList *qmp_query_events(QmpContext *ctx, Error **errp)
{
    EventInfoList *list = NULL, **tail = &list;

    for (size_t i = 0; qapi_event_names[i]; i++) {
        EventInfo *info = g_new0(EventInfo, 1);

        info->name = g_strdup(qapi_event_names[i]);
        QAPI_LIST_APPEND(tail, info);
    }
    return list;
}

char *qmp_human_monitor_command(QmpContext *ctx, const char *command_line,
                                bool has_cpu_index, int64_t cpu_index,
                                Error **errp)
{
    if (has_cpu_index &&
        (cpu_index < 0 || cpu_index >= machine_cpu_count(ctx->machine))) {
        error_setg(errp, "Parameter 'cpu-index' expects a CPU number");
        return NULL;
    }
    return ctx->run_hmp(ctx, command_line, errp);
}

bool qmp_quit(QmpContext *ctx, Error **errp)
{
    system_shutdown_request(ctx->machine, SHUTDOWN_CAUSE_HOST_QMP_QUIT);
    /* Now, so that the event is on the wire before the reply. */
    system_handle_requests(ctx->machine);
    return true;
}

bool qmp_getfd(QmpContext *ctx, const char *fdname, Error **errp)
{
    Monitor *mon = monitor_of(ctx);

    if (!mon) {
        error_setg(errp, "No file descriptor supplied via SCM_RIGHTS");
        return false;
    }
    return monitor_fds_name(&mon->fds, fdname,
                            mon->is_qmp ? monitor_qmp_request_start(ctx) : 0,
                            errp);
}

bool qmp_closefd(QmpContext *ctx, const char *fdname, Error **errp)
{
    Monitor *mon = monitor_of(ctx);

    if (!mon) {
        error_setg(errp, "File descriptor named '%s' not found", fdname);
        return false;
    }
    return monitor_fds_close(&mon->fds, fdname, errp);
}

AddfdInfo *qmp_add_fd(QmpContext *ctx, bool has_fdset_id, int64_t fdset_id,
                      const char *opaque, Error **errp)
{
    Monitor *mon = monitor_of(ctx);
    AddfdInfo *info;
    int fd;

    if (!mon || !mon->is_qmp) {
        error_setg(errp, "No file descriptor supplied via SCM_RIGHTS");
        return NULL;
    }
    fd = monitor_fds_take_received(&mon->fds, monitor_qmp_request_start(ctx),
                                   errp);
    if (fd < 0) {
        return NULL;
    }
    if (has_fdset_id && fdset_id < 0) {
        close(fd);
        error_setg(errp, "Parameter 'fdset-id' expects a non-negative value");
        return NULL;
    }
    info = g_new0(AddfdInfo, 1);
    info->fd = fd;
    info->fdset_id = fdset_add_fd(fd, has_fdset_id ? fdset_id : -1, opaque);
    return info;
}

bool qmp_remove_fd(QmpContext *ctx, int64_t fdset_id, bool has_fd, int64_t fd,
                   Error **errp)
{
    if (has_fd && fd < 0) {
        error_setg(errp, "File descriptor named 'fdset-id:%" PRId64 ", fd:%"
                   PRId64 "' not found", fdset_id, fd);
        return false;
    }
    return fdset_remove_fd(fdset_id, has_fd ? fd : -1, errp);
}

typedef struct FdsetList {
    FdsetInfoList *first, **tail;
    FdsetInfo *last;
    FdsetFdInfoList **fd_tail;
} FdsetList;

static void add_fdset_fd(int64_t id, int fd, const char *opaque, void *list)
{
    FdsetList *l = list;
    FdsetFdInfo *info = g_new0(FdsetFdInfo, 1);

    if (!l->last || l->last->fdset_id != id) {
        l->last = g_new0(FdsetInfo, 1);
        l->last->fdset_id = id;
        l->fd_tail = &l->last->fds;
        QAPI_LIST_APPEND(l->tail, l->last);
    }
    info->fd = fd;
    info->opaque = g_strdup(opaque);
    QAPI_LIST_APPEND(l->fd_tail, info);
}

FdsetInfoList *qmp_query_fdsets(QmpContext *ctx, Error **errp)
{
    FdsetList list = { 0 };

    list.tail = &list.first;
    fdset_foreach(add_fdset_fd, &list);
    return list.first;
}

static void add_chardev(Chardev *chr, void *opaque)
{
    ChardevInfoList ***tail = opaque;
    ChardevInfo *info = g_new0(ChardevInfo, 1);

    info->label = g_strdup(chardev_get_label(chr));
    info->filename = chardev_get_filename(chr);
    info->frontend_open = chardev_has_frontend(chr);
    QAPI_LIST_APPEND(*tail, info);
}

ChardevInfoList *qmp_query_chardev(QmpContext *ctx, Error **errp)
{
    ChardevInfoList *list = NULL, **tail = &list;
    Monitor *mon = monitor_of(ctx);

    if (mon && mon->hub->chardevs) {
        chardev_container_foreach(mon->hub->chardevs, add_chardev, &tail);
    }
    return list;
}

static void add_chardev_kind(const char *name, void *opaque)
{
    ChardevBackendInfoList ***tail = opaque;
    ChardevBackendInfo *info = g_new0(ChardevBackendInfo, 1);

    info->name = g_strdup(name);
    QAPI_LIST_APPEND(*tail, info);
}

ChardevBackendInfoList *qmp_query_chardev_backends(QmpContext *ctx,
                                                   Error **errp)
{
    ChardevBackendInfoList *list = NULL, **tail = &list;

    chardev_kind_foreach(add_chardev_kind, &tail);
    return list;
}

/* The registry's name for @instance; freed by g_free(). */
static char *yank_name(const YankInstance *instance)
{
    if (instance->type == YANK_INSTANCE_TYPE_CHARDEV) {
        return g_strconcat("chardev:", instance->u.chardev.id, NULL);
    }
    return g_strdup(YankInstanceType_str(instance->type));
}

bool qmp_yank(QmpContext *ctx, YankInstanceList *instances, Error **errp)
{
    YankRegistry *registry = machine_get_yank(ctx->machine);
    g_auto(GStrv) known = yank_list_instances(registry);

    /* All or nothing, as far as can be told beforehand. */
    for (YankInstanceList *i = instances; i; i = i->next) {
        g_autofree char *name = yank_name(i->value);

        if (!g_strv_contains((const char *const *)known, name)) {
            error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND,
                      "Instance not found");
            return false;
        }
    }
    for (YankInstanceList *i = instances; i; i = i->next) {
        g_autofree char *name = yank_name(i->value);

        /* One that ended meanwhile needs no yank any more. */
        yank_instance(registry, name, NULL);
    }
    return true;
}

YankInstanceList *qmp_query_yank(QmpContext *ctx, Error **errp)
{
    g_auto(GStrv) names = yank_list_instances(machine_get_yank(ctx->machine));
    YankInstanceList *list = NULL, **tail = &list;

    for (char **name = names; *name; name++) {
        g_autoptr(YankInstance) instance = g_new0(YankInstance, 1);

        if (g_str_has_prefix(*name, "chardev:")) {
            instance->type = YANK_INSTANCE_TYPE_CHARDEV;
            instance->u.chardev.id = g_strdup(*name + strlen("chardev:"));
        } else if (!YankInstanceType_parse(*name, &instance->type)) {
            continue;
        }
        QAPI_LIST_APPEND(tail, g_steal_pointer(&instance));
    }
    return list;
}
