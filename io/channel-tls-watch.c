/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A source with the source of the channel below as its child. */
#include "qemu/osdep.h"

#include "io/channel-tls-watch.h"

typedef struct TLSWatch {
    GSource source;
    QIOChannel *ioc;
    GIOCondition cond;
    bool (*has_data)(QIOChannel *ioc);
} TLSWatch;

static gboolean watch_has_data(TLSWatch *w)
{
    return (w->cond & G_IO_IN) && w->has_data(w->ioc);
}

static gboolean watch_prepare(GSource *source, gint *timeout)
{
    *timeout = -1;
    return watch_has_data((TLSWatch *)source);
}

static gboolean watch_check(GSource *source)
{
    return watch_has_data((TLSWatch *)source);
}

/* The child is dispatched together with its parent, in either order. */
static gboolean child_ready(QIOChannel *master, GIOCondition cond,
                            gpointer data)
{
    return G_SOURCE_CONTINUE;
}

static gboolean watch_dispatch(GSource *source, GSourceFunc callback,
                               gpointer data)
{
    TLSWatch *w = (TLSWatch *)source;
    QIOChannelFunc fn = (QIOChannelFunc)(void (*)(void))callback;

    return fn ? fn(w->ioc, w->cond, data) : G_SOURCE_REMOVE;
}

static void watch_finalize(GSource *source)
{
    g_object_unref(((TLSWatch *)source)->ioc);
}

static GSourceFuncs watch_funcs = {
    .prepare = watch_prepare,
    .check = watch_check,
    .dispatch = watch_dispatch,
    .finalize = watch_finalize,
};

GSource *qio_channel_tls_watch(QIOChannel *ioc, QIOChannel *master,
                               GIOCondition cond,
                               bool (*has_data)(QIOChannel *ioc))
{
    GSource *source = g_source_new(&watch_funcs, sizeof(TLSWatch));
    GSource *child = qio_channel_create_watch(master, cond);
    TLSWatch *w = (TLSWatch *)source;

    w->ioc = g_object_ref(ioc);
    w->cond = cond;
    w->has_data = has_data;
    g_source_set_callback(child, (GSourceFunc)(void (*)(void))child_ready,
                          NULL, NULL);
    g_source_add_child_source(source, child);
    g_source_unref(child);
    return source;
}
