/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connections that have come and have their TLS handshakes before anything
 * else.  Any number of handshakes go on at the same time; one that fails ends
 * that connection only, and the destination goes on waiting.
 */
#include "qemu/osdep.h"
#include "migration/incoming.h"

#include "migration/outgoing.h"
#include "migration/tls.h"
#include "trace/trace-migration.h"

/* More at a time than any source needs are somebody's attempt to annoy. */
#define HANDSHAKES_MAX 512

typedef struct IncomingHandshake {
    IncomingState *in;
    QIOChannel *ioc; /* the task's; NULL: given up */
} IncomingHandshake;

static YankRegistry *handshake_yank(IncomingState *in)
{
    return machine_get_yank(in->machine);
}

static void handshake_forget(IncomingHandshake *h)
{
    IncomingState *in = h->in;

    yank_unregister_function(handshake_yank(in), "migration",
                             incoming_yank_channel, h->ioc);
    in->handshakes = g_slist_remove(in->handshakes, h);
    h->ioc = NULL;
}

static void handshake_done(QIOTask *task, gpointer opaque)
{
    IncomingHandshake *h = opaque;
    IncomingState *in = h->in;
    QIOChannel *ioc = h->ioc;
    Error *err = NULL;

    in->reaps_left--;
    qio_task_propagate_error(task, &err);
    trace_migration_tls_handshake_end("in", "migration-incoming",
                                      err ? error_get_pretty(err) : "ok");
    if (!ioc) {
        error_free(err);
    } else {
        handshake_forget(h);
        if (!err) {
            incoming_channel_ready(in, ioc);
        } else if (in->listener) {
            error_prepend(&err, "incoming migration: connection refused: ");
            error_report_err(err);
        } else {
            /* No other connection can come. */
            incoming_setup_failed(in, NULL, err);
        }
    }
    g_free(h);
}

bool incoming_channel_secure(IncomingState *in, QIOChannel *ioc, Error **errp)
{
    IncomingHandshake *h;
    QIOChannelTLS *tioc;

    if (g_slist_length(in->handshakes) >= HANDSHAKES_MAX) {
        error_setg(errp, "%d TLS handshakes are going on already",
                   HANDSHAKES_MAX);
        return false;
    }
    h = g_new0(IncomingHandshake, 1);
    qio_channel_set_name(ioc, "migration-incoming");
    tioc = migration_tls_server_start(in->machine, &in->outgoing->options,
                                      ioc, handshake_done, h, errp);
    if (!tioc) {
        g_free(h);
        return false;
    }
    h->in = in;
    h->ioc = QIO_CHANNEL(tioc);
    in->handshakes = g_slist_prepend(in->handshakes, h);
    in->reaps_left++;
    yank_register_function(handshake_yank(in), "migration",
                           incoming_yank_channel, h->ioc);
    return true;
}

void incoming_handshakes_drop(IncomingState *in)
{
    while (in->handshakes) {
        IncomingHandshake *h = in->handshakes->data;

        qio_channel_shutdown(h->ioc, QIO_CHANNEL_SHUTDOWN_BOTH, NULL);
        handshake_forget(h);
    }
}
