/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hub: all monitors of a machine, their thread, events to them. */
#include "qemu/osdep.h"

#include "monitor-int.h"
#include "qemu/atomic.h"
#include "qemu/clock.h"
#include "qemu/fdset.h"

Monitor *monitor_of(QmpContext *ctx)
{
    return ctx->monitor;
}

static int context_take_fd(QmpContext *ctx, const char *name, Error **errp)
{
    Monitor *mon = monitor_of(ctx);

    if (!mon) {
        error_setg(errp, "File descriptor named '%s' has not been found",
                   name);
        return -1;
    }
    return monitor_fds_take(&mon->fds, name, errp);
}

static char *context_run_hmp(QmpContext *ctx, const char *line, Error **errp)
{
    Monitor *mon = monitor_of(ctx);

    if (!mon) {
        error_setg(errp, "There is no monitor to run '%s' on", line);
        return NULL;
    }
    return hmp_run_line(mon->hub, line);
}

void monitor_setup(Monitor *mon, MonitorHub *hub, Chardev *chr, bool is_qmp)
{
    mon->hub = hub;
    mon->chr = chr;
    mon->is_qmp = is_qmp;
    mon->ctx = (QmpContext){
        .machine = hub->machine,
        .take_fd = context_take_fd,
        .run_hmp = context_run_hmp,
        .monitor = mon,
    };
    monitor_fds_init(&mon->fds);
}

void monitor_cleanup(Monitor *mon)
{
    if (mon->chr) {
        chardev_detach(mon->chr);
    }
    monitor_fds_destroy(&mon->fds);
}

void monitor_client_gone(MonitorHub *hub)
{
    QEMU_LOCK_GUARD(&hub->lock);
    for (guint i = 0; i < hub->qmp->len; i++) {
        if (monitor_qmp_is_open(g_ptr_array_index(hub->qmp, i))) {
            return;
        }
    }
    fdset_drop_unused();
}

static json_object *event_object(const char *name, json_object *data)
{
    int64_t now = clock_get_wall_us();
    json_object *event = json_object_new_object();
    json_object *stamp = json_object_new_object();

    json_object_object_add(stamp, "seconds",
                           json_object_new_int64(now / 1000000));
    json_object_object_add(stamp, "microseconds",
                           json_object_new_int64(now % 1000000));
    json_object_object_add(event, "timestamp", stamp);
    json_object_object_add(event, "event", json_object_new_string(name));
    if (data) {
        json_object_object_add(event, "data", data);
    }
    return event;
}

static void hub_emit(QapiEventSink *sink, const char *name, json_object *data)
{
    MonitorHub *hub = container_of(sink, MonitorHub, sink);
    json_object *event = event_object(name, data);

    qemu_mutex_lock(&hub->lock);
    for (guint i = 0; i < hub->qmp->len; i++) {
        monitor_qmp_send_event(g_ptr_array_index(hub->qmp, i), event);
    }
    qemu_mutex_unlock(&hub->lock);
    json_object_put(event);
}

/* One command per turn, from the monitors in rotation. */
static void hub_dispatch(void *opaque)
{
    MonitorHub *hub = opaque;
    guint n = hub->qmp->len;

    for (guint i = 0; i < n; i++) {
        guint turn = (hub->next_qmp + i) % n;

        if (monitor_qmp_execute_one(g_ptr_array_index(hub->qmp, turn))) {
            hub->next_qmp = turn + 1;
            wake_source_wake(hub->dispatcher);
            return;
        }
    }
}

static void *hub_io_thread(void *opaque)
{
    MonitorHub *hub = opaque;

    g_main_context_push_thread_default(hub->io_context);
    /* Pairs with the release in monitor_hub_free(). */
    while (!qatomic_load_acquire(&hub->io_stop)) {
        g_main_context_iteration(hub->io_context, true);
    }
    g_main_context_pop_thread_default(hub->io_context);
    return NULL;
}

MonitorHub *monitor_hub_new(Machine *machine, const QmpCommandList *cmds,
                            ChardevContainer *chardevs)
{
    MonitorHub *hub = g_new0(MonitorHub, 1);

    hub->sink.emit = hub_emit;
    hub->machine = machine;
    hub->cmds = cmds;
    hub->chardevs = chardevs;
    if (chardevs) {
        chardev_container_set_yank(chardevs, machine_get_yank(machine));
    }
    hub->bare = (QmpContext){
        .machine = machine,
        .take_fd = context_take_fd,
        .run_hmp = context_run_hmp,
    };
    qemu_mutex_init(&hub->lock);
    hub->qmp = g_ptr_array_new();
    hub->hmp = g_ptr_array_new();
    hub->suspensions = g_ptr_array_new_with_free_func(hmp_suspension_free);
    hub->dispatcher = wake_source_new(NULL, hub_dispatch, hub);
    hub->io_context = g_main_context_new();
    qemu_thread_create(&hub->io_thread, "mon_iothread", hub_io_thread, hub);
    machine_set_event_sink(machine, &hub->sink);
    return hub;
}

void monitor_hub_free(MonitorHub *hub)
{
    if (!hub) {
        return;
    }
    machine_set_event_sink(hub->machine, NULL);

    qatomic_store_release(&hub->io_stop, true);
    g_main_context_wakeup(hub->io_context);
    qemu_thread_join(&hub->io_thread);
    if (hub->chardevs) {
        chardev_container_set_yank(hub->chardevs, NULL);
    }

    for (guint i = 0; i < hub->qmp->len; i++) {
        monitor_qmp_free(g_ptr_array_index(hub->qmp, i));
    }
    g_ptr_array_unref(hub->qmp);
    for (guint i = 0; i < hub->hmp->len; i++) {
        hmp_monitor_free(g_ptr_array_index(hub->hmp, i));
    }
    g_ptr_array_unref(hub->hmp);
    g_ptr_array_unref(hub->suspensions);
    wake_source_free(hub->dispatcher);
    g_main_context_unref(hub->io_context);
    qemu_mutex_destroy(&hub->lock);
    g_free(hub);
}

bool monitor_init(MonitorHub *hub, Chardev *chr, bool control, bool pretty,
                  Error **errp)
{
    gpointer mon;

    if (!control && pretty) {
        error_setg(errp, "'pretty' is not compatible with HMP monitors");
        return false;
    }
    if (!control) {
        mon = hmp_monitor_new(hub, chr, errp);
        if (mon) {
            g_ptr_array_add(hub->hmp, mon);
        }
        return mon != NULL;
    }
    mon = monitor_qmp_new(hub, chr, pretty, errp);
    if (mon) {
        qemu_mutex_lock(&hub->lock);
        g_ptr_array_add(hub->qmp, mon);
        qemu_mutex_unlock(&hub->lock);
        /* What its client has sent by now was not seen by the dispatcher. */
        wake_source_wake(hub->dispatcher);
    }
    return mon != NULL;
}

QapiEventSink *monitor_hub_get_sink(MonitorHub *hub)
{
    return &hub->sink;
}

QmpContext *monitor_hub_get_context(MonitorHub *hub)
{
    return &hub->bare;
}

bool monitor_flush_all(MonitorHub *hub, int64_t timeout_ms)
{
    int64_t end = clock_get_ms() + timeout_ms;
    bool ok = true;

    for (guint i = 0; i < hub->qmp->len + hub->hmp->len; i++) {
        Chardev *chr =
            i < hub->qmp->len
                ? monitor_qmp_chardev(g_ptr_array_index(hub->qmp, i))
                : hmp_monitor_chardev(
                      g_ptr_array_index(hub->hmp, i - hub->qmp->len));

        ok = chardev_flush(chr, MAX(end - clock_get_ms(), 0)) && ok;
    }
    return ok;
}
