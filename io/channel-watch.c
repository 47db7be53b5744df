/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GSources that tell when a channel can go on. */
#include "qemu/osdep.h"

#include <poll.h>

#include "io/channel-watch.h"

#define IN_CONDITIONS (G_IO_IN | G_IO_PRI)
#define OUT_CONDITIONS G_IO_OUT

/* GLib hands the bits that it does not know to poll(). */
QEMU_BUILD_BUG_ON(QIO_CHANNEL_PEER_CLOSED != POLLRDHUP);

typedef struct ChannelSource {
    GSource parent;
    QIOChannel *ioc;
    GIOCondition cond;
    /* Tags of the watched descriptors; NULL: not watched. */
    gpointer in_tag;
    gpointer out_tag;
    gpointer wake_tag;
} ChannelSource;

static gboolean dispatch_call(ChannelSource *cs, GSourceFunc callback,
                              gpointer data, GIOCondition ready)
{
    /* The user passed a QIOChannelFunc to g_source_set_callback(). */
    QIOChannelFunc fn = (QIOChannelFunc)(void (*)(void))callback;

    return fn ? fn(cs->ioc, ready, data) : G_SOURCE_REMOVE;
}

static gboolean fd_dispatch(GSource *source, GSourceFunc callback,
                            gpointer data)
{
    ChannelSource *cs = (ChannelSource *)source;
    GIOCondition ready = 0;

    if (cs->in_tag) {
        ready |= g_source_query_unix_fd(source, cs->in_tag);
    }
    if (cs->out_tag && cs->out_tag != cs->in_tag) {
        ready |= g_source_query_unix_fd(source, cs->out_tag);
    }
    if (cs->wake_tag && g_source_query_unix_fd(source, cs->wake_tag)) {
        ready |= cs->cond;
    }
    return dispatch_call(cs, callback, data, ready);
}

static void source_finalize(GSource *source)
{
    ChannelSource *cs = (ChannelSource *)source;

    g_object_unref(cs->ioc);
}

static GSourceFuncs fd_source_funcs = {
    .dispatch = fd_dispatch,
    .finalize = source_finalize,
};

GSource *qio_channel_fd_watch(QIOChannel *ioc, int in_fd, int out_fd,
                              int wake_fd, GIOCondition cond)
{
    GSource *source = g_source_new(&fd_source_funcs, sizeof(ChannelSource));
    ChannelSource *cs = (ChannelSource *)source;
    GIOCondition in = cond & IN_CONDITIONS;
    GIOCondition out = cond & OUT_CONDITIONS;

    cs->ioc = g_object_ref(ioc);
    cs->cond = cond;
    if (!in && !out) {
        /* The caller waits for the end of the channel only. */
        in = cond & (G_IO_HUP | G_IO_ERR | QIO_CHANNEL_PEER_CLOSED);
    }
    if (in_fd == out_fd) {
        in |= out;
        out = 0;
    }
    if (in_fd >= 0 && in) {
        cs->in_tag = g_source_add_unix_fd(source, in_fd, in);
    }
    if (out_fd >= 0 && out) {
        cs->out_tag = g_source_add_unix_fd(source, out_fd, out);
    }
    if (wake_fd >= 0) {
        cs->wake_tag = g_source_add_unix_fd(source, wake_fd, G_IO_IN);
    }
    return source;
}

static gboolean ready_prepare(GSource *source, gint *timeout)
{
    *timeout = 0;
    return TRUE;
}

static gboolean ready_check(GSource *source)
{
    return TRUE;
}

static gboolean ready_dispatch(GSource *source, GSourceFunc callback,
                               gpointer data)
{
    ChannelSource *cs = (ChannelSource *)source;

    return dispatch_call(cs, callback, data, cs->cond);
}

static GSourceFuncs ready_source_funcs = {
    .prepare = ready_prepare,
    .check = ready_check,
    .dispatch = ready_dispatch,
    .finalize = source_finalize,
};

GSource *qio_channel_ready_watch(QIOChannel *ioc, GIOCondition cond)
{
    GSource *source = g_source_new(&ready_source_funcs, sizeof(ChannelSource));
    ChannelSource *cs = (ChannelSource *)source;

    cs->ioc = g_object_ref(ioc);
    cs->cond = cond;
    return source;
}
