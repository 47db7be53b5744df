/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which arriving connection is what.
 *
 * With multifd the main channel and the others come in any order, and each is
 * known by its first bytes.  Nothing here waits: a connection that says nothing
 * is left alone, and what follows is for the load's threads.  Reading them
 * begins when all are there.
 */
#include "qemu/osdep.h"
#include "migration/incoming.h"

#include "migration/savevm.h"
#include "migration/tls.h"
#include "trace/trace-migration.h"

/* How long others may take to come when one is closed already. */
#define GONE_GRACE_MS 1000
/* And how often that, if there are some within their TLS handshakes. */
#define GONE_LOOKS_MAX 20

typedef struct IncomingArrival {
    IncomingState *in;
    QIOChannel *ioc;
    guint watch; /* 0: none */
    /* The first packet of a multifd channel, as far as it has come. */
    MultiFDInit init;
    size_t have;
    bool known; /* what it is; its end is waited for, and the others */
    unsigned looks; /* since its end: were the others there? */
    bool lost; /* it is not this one that has ended, but one unknown */
} IncomingArrival;

static void arrival_free(gpointer data)
{
    IncomingArrival *a = data;

    if (a->watch) {
        g_source_remove(a->watch);
    }
    yank_unregister_function(machine_get_yank(a->in->machine), "migration",
                             incoming_yank_channel, a->ioc);
    g_object_unref(a->ioc);
    g_free(a);
}

static void arrival_drop(IncomingArrival *a)
{
    a->in->arrivals = g_slist_remove(a->in->arrivals, a);
    arrival_free(a);
}

void incoming_channels_drop(IncomingState *in)
{
    g_slist_free_full(g_steal_pointer(&in->arrivals), arrival_free);
    g_clear_object(&in->main);
}

/* Everybody is there? */
static void check_complete(IncomingState *in)
{
    QIOChannel *ioc;

    if (!in->main || !multifd_recv_complete(in->multifd)) {
        return;
    }
    ioc = g_object_ref(in->main);
    /* Later connections are none of ours. */
    qio_net_listener_set_client_func(in->listener, NULL, NULL, NULL, NULL);
    qio_net_listener_disconnect(in->listener);
    incoming_channels_drop(in);
    incoming_begin(in, ioc);
}

/* @a is the main channel. */
static bool arrival_main(IncomingArrival *a, Error **errp)
{
    IncomingState *in = a->in;

    if (in->main) {
        error_setg(errp, "a second main channel has come before all multifd "
                   "channels of the first one");
        return false;
    }
    if (!qio_channel_set_blocking(a->ioc, true, errp)) {
        return false;
    }
    in->main = g_object_ref(a->ioc);
    a->known = true;
    return true;
}

/* -1: error, 0: come again, 1: *@n bytes (0 at the end) were peeked at. */
static int arrival_peek(IncomingArrival *a, uint8_t *buf, size_t len,
                        size_t *n, Error **errp)
{
    struct iovec iov = { buf, len };
    ssize_t ret = qio_channel_readv_full(a->ioc, &iov, 1, NULL, NULL,
                                         QIO_CHANNEL_READ_FLAG_MSG_PEEK, errp);

    if (ret == QIO_CHANNEL_ERR_BLOCK) {
        return 0;
    }
    *n = MAX(ret, 0);
    return ret < 0 ? -1 : 1;
}

/*
 * A connection has said its first byte.  The first bytes of the two kinds
 * differ already; whoever reads the rest checks it.  *@unwanted: it ended before,
 * and that may be.
 */
static bool arrival_identify(IncomingArrival *a, bool *unwanted, Error **errp)
{
    const uint8_t main_byte = (uint8_t)('Q'); /* of "QEVM" */
    const uint8_t multifd_byte = MULTIFD_MAGIC >> 24;
    g_autoptr(GString) shown = g_string_new(NULL);
    uint8_t first[4];
    size_t n = 0;
    g_autoptr(Error) err = NULL;
    int ret = arrival_peek(a, first, sizeof(first), &n, &err);

    if (ret == 0) {
        return true;
    }
    if ((ret < 0 || n == 0) && QIO_IS_CHANNEL_TLS(a->ioc)) {
        /* A source that does not like our certificate's name. */
        warn_report("incoming migration: a connection was closed after its TLS "
                    "handshake%s%s", err ? ": " : "",
                    err ? error_get_pretty(err) : "");
        *unwanted = true;
        return true;
    }
    if (ret < 0 || n == 0) {
        /* A source that was cancelled: as without multifd, that was it. */
        error_setg(errp, "a connection was closed before it said what it is "
                   "for");
        return false;
    }
    if (first[0] == main_byte) {
        return arrival_main(a, errp);
    }
    if (first[0] == multifd_byte) {
        a->have = qio_channel_read(a->ioc, &a->init, 1, NULL) == 1;
        return true;
    }
    for (size_t i = 0; i < n; i++) {
        g_string_append_printf(shown, " %02x", first[i]);
    }
    error_setg(errp, "a connection begins with%s, neither a migration stream "
               "(51 45 56 4d) nor a multifd channel (11 22 33 44)",
               shown->str);
    return false;
}

/* More of a multifd channel's first packet. */
static bool arrival_read_init(IncomingArrival *a, Error **errp)
{
    ssize_t n = qio_channel_read(a->ioc, (uint8_t *)&a->init + a->have,
                                 sizeof(a->init) - a->have, errp);

    if (n == QIO_CHANNEL_ERR_BLOCK) {
        return true;
    }
    if (n <= 0) {
        if (n == 0) {
            error_setg(errp, "end of file within it");
        }
        error_prepend(errp, "multifd: initial packet of a channel: ");
        return false;
    }
    a->have += n;
    if (a->have < sizeof(a->init)) {
        return true;
    }
    if (!multifd_recv_new_channel(a->in->multifd, a->ioc, &a->init, errp)) {
        return false;
    }
    a->known = true;
    return true;
}

/* What is known of @a's purpose; new string. */
static char *arrival_name(const IncomingArrival *a)
{
    if (a->have == sizeof(a->init)) {
        return multifd_channel_name(a->init.id);
    }
    return a->known ? g_strdup("main") : NULL;
}

/* Takes @err. */
static void arrival_failed(IncomingArrival *a, Error *err)
{
    g_autofree char *channel = arrival_name(a);
    IncomingState *in = a->in;

    incoming_channels_drop(in);
    incoming_setup_failed(in, channel, err);
}

/*
 * A connection has been closed for a while, and the others have not come: all
 * that the source had made would be there by now.
 */
static gboolean arrival_given_up(gpointer opaque)
{
    IncomingArrival *a = opaque;
    Error *err = NULL;

    if (a->in->handshakes && ++a->looks < GONE_LOOKS_MAX) {
        return G_SOURCE_CONTINUE; /* they may be the others */
    }
    a->watch = 0;
    if (a->lost) {
        error_setg(&err, "a multifd channel was closed before it said which "
                   "one it is");
    } else if (a->have) {
        error_setg(&err, "multifd channel %u: the source closed it before all "
                   "other channels had come", a->init.id);
    } else {
        error_setg(&err, "the source closed the main channel before all "
                   "multifd channels had come");
    }
    arrival_failed(a, err);
    return G_SOURCE_REMOVE;
}

/*
 * The source has gone while the others were waited for.  If it is a small one
 * it may have sent everything: connections are made before anybody accepts
 * them, and what was written is there to be read.
 */
static gboolean arrival_gone(QIOChannel *ioc, GIOCondition cond,
                             gpointer opaque)
{
    IncomingArrival *a = opaque;

    trace_migration_channel_gone(a->have ? "multifd" : "main", a->init.id);
    a->watch = g_timeout_add(GONE_GRACE_MS, arrival_given_up, a);
    return G_SOURCE_REMOVE;
}

/*
 * A connection has ended before it said what it is for.  If the main channel is
 * there, that was one which the source does not make again.
 */
static void arrival_unwanted(IncomingArrival *a)
{
    IncomingState *in = a->in;

    arrival_drop(a);
    for (GSList *l = in->arrivals; l; l = l->next) {
        IncomingArrival *other = l->data;

        if (other->ioc == in->main && !other->lost) {
            other->lost = true;
            if (other->watch) {
                g_source_remove(other->watch);
            }
            other->watch = g_timeout_add(GONE_GRACE_MS, arrival_given_up,
                                         other);
        }
    }
}

static gboolean arrival_ready(QIOChannel *ioc, GIOCondition cond,
                              gpointer opaque)
{
    IncomingArrival *a = opaque;
    IncomingState *in = a->in;
    Error *err = NULL;
    bool unwanted = false;

    if (!(a->have ? arrival_read_init(a, &err)
                  : arrival_identify(a, &unwanted, &err))) {
        arrival_failed(a, err);
        return G_SOURCE_REMOVE;
    }
    if (unwanted) {
        arrival_unwanted(a);
        return G_SOURCE_REMOVE;
    }
    if (!a->known) {
        return G_SOURCE_CONTINUE;
    }
    trace_migration_channel_known(a->have ? "multifd" : "main", a->init.id);
    a->watch = qio_channel_add_watch(ioc,
                                     G_IO_HUP | QIO_CHANNEL_PEER_CLOSED,
                                     arrival_gone, a, NULL);
    check_complete(in); /* may free @a */
    return G_SOURCE_REMOVE;
}

void incoming_channel_arrived(IncomingState *in, QIOChannel *ioc)
{
    IncomingArrival *a;

    qio_channel_set_name(ioc, "migration-incoming");
    if (!qio_channel_set_blocking(ioc, false, NULL)) {
        return; /* it is gone */
    }
    trace_migration_channel_arrived(qio_channel_get_name(ioc));
    a = g_new0(IncomingArrival, 1);
    a->in = in;
    a->ioc = g_object_ref(ioc);
    in->arrivals = g_slist_prepend(in->arrivals, a);
    yank_register_function(machine_get_yank(in->machine), "migration",
                           incoming_yank_channel, ioc);
    a->watch = qio_channel_add_watch(ioc, G_IO_IN, arrival_ready, a, NULL);
}
