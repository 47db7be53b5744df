/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connecting to a destination without making anybody wait. */
#include "qemu/osdep.h"
#include "migration/channel.h"

#include "trace/trace-migration.h"

struct SocketConnect {
    QIOChannel *base;  /* what is being connected */
    MigrationTLS *tls; /* NULL: no TLS */
    SocketConnectFn *fn; /* NULL: given up */
    void *opaque;
    unsigned *left;
};

static SocketConnect *connect_new(QIOChannel *base, MigrationTLS *tls,
                                  SocketConnectFn *fn, void *opaque)
{
    SocketConnect *c = g_new0(SocketConnect, 1);

    c->base = g_object_ref(base);
    c->tls = migration_tls_ref(tls);
    c->fn = fn;
    c->opaque = opaque;
    return c;
}

static void connect_free(SocketConnect *c)
{
    migration_tls_unref(c->tls);
    g_object_unref(c->base);
    g_free(c);
}

/* @ioc (borrowed) is ready to be used, or @err (taken) says why not. */
static void connect_finish(SocketConnect *c, QIOChannel *ioc, Error *err)
{
    if (!c->fn) {
        error_free(err);
        --*c->left;
    } else if (err) {
        c->fn(c->opaque, NULL, err);
    } else {
        c->fn(c->opaque, g_object_ref(ioc), NULL);
    }
    connect_free(c);
}

static void connect_secured(QIOTask *task, gpointer opaque)
{
    SocketConnect *c = opaque;
    Error *err = NULL;

    qio_task_propagate_error(task, &err);
    trace_migration_tls_handshake_end("out", qio_channel_get_name(c->base),
                                      err ? error_get_pretty(err) : "ok");
    connect_finish(opaque, QIO_CHANNEL(qio_task_get_source(task)), err);
}

static void connect_connected(QIOTask *task, gpointer opaque)
{
    SocketConnect *c = opaque;
    Error *err = NULL;

    qio_task_propagate_error(task, &err);
    if (!err && c->fn && c->tls &&
        migration_tls_client_start(c->tls, c->base, connect_secured, c,
                                   &err)) {
        return;
    }
    connect_finish(c, c->base, err);
}

SocketConnect *migration_socket_connect(const SocketAddress *addr,
                                        MigrationTLS *tls,
                                        SocketConnectFn *fn, void *opaque)
{
    g_autoptr(QIOChannelSocket) sioc = qio_channel_socket_new();
    SocketConnect *c = connect_new(QIO_CHANNEL(sioc), tls, fn, opaque);

    qio_channel_set_name(c->base, "migration-outgoing");
    qio_channel_socket_connect_async(sioc, addr, connect_connected, c, NULL,
                                     NULL);
    return c;
}

SocketConnect *migration_channel_secure(QIOChannel *ioc, MigrationTLS *tls,
                                        SocketConnectFn *fn, void *opaque,
                                        Error **errp)
{
    SocketConnect *c = connect_new(ioc, tls, fn, opaque);

    if (!migration_tls_client_start(tls, ioc, connect_secured, c, errp)) {
        connect_free(c);
        return NULL;
    }
    return c;
}

QIOChannel *migration_socket_connect_channel(SocketConnect *c)
{
    return c->base;
}

void migration_socket_connect_cancel(SocketConnect *c, unsigned *left)
{
    c->fn = NULL;
    c->left = left;
    ++*left;
    /*
     * Ends a connect or a handshake that is under way; one still resolving
     * names goes on.
     */
    qio_channel_shutdown(c->base, QIO_CHANNEL_SHUTDOWN_BOTH, NULL);
}
