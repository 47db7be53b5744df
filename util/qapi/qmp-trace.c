/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trace-event-get-state and trace-event-set-state */
#include "qemu/osdep.h"
#include "qapi/qapi-commands-trace.h"
#include "qemu/atomic.h"
#include "qemu/trace.h"

static void list_event(TraceEvent *ev, void *opaque)
{
    TraceEventInfoList ***tail = opaque;
    TraceEventInfo *info = g_new0(TraceEventInfo, 1);

    info->name = g_strdup(ev->name);
    info->state = qatomic_read(&ev->enabled) ? TRACE_EVENT_STATE_ENABLED
                                             : TRACE_EVENT_STATE_DISABLED;
    QAPI_LIST_APPEND(*tail, info);
}

static bool is_pattern(const char *name)
{
    return strpbrk(name, "*?") != NULL;
}

TraceEventInfoList *qmp_trace_event_get_state(QmpContext *ctx,
                                              const char *name, Error **errp)
{
    TraceEventInfoList *list = NULL;
    TraceEventInfoList **tail = &list;

    trace_foreach(name, list_event, &tail);
    if (!list && !is_pattern(name)) {
        error_setg(errp, "unknown event \"%s\"", name);
    }
    return list;
}

/* No event is ever left out, so @ignore_unavailable has nothing to do. */
bool qmp_trace_event_set_state(QmpContext *ctx, const char *name, bool enable,
                               bool has_ignore_unavailable,
                               bool ignore_unavailable, Error **errp)
{
    if (!trace_enable_events(name, enable) && !is_pattern(name)) {
        error_setg(errp, "unknown event \"%s\"", name);
        return false;
    }
    return true;
}
