/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connecting to a destination without making anybody wait. */
#include "qemu/osdep.h"
#include "migration/channel.h"

struct SocketConnect {
    QIOChannelSocket *sioc;
    SocketConnectFn *fn; /* NULL: given up */
    void *opaque;
    unsigned *left;
};

static void socket_connect_done(QIOTask *task, gpointer opaque)
{
    SocketConnect *c = opaque;
    g_autoptr(Error) err = NULL;

    qio_task_propagate_error(task, &err);
    if (!c->fn) {
        --*c->left;
    } else if (err) {
        c->fn(c->opaque, NULL, g_steal_pointer(&err));
    } else {
        c->fn(c->opaque, QIO_CHANNEL(g_object_ref(c->sioc)), NULL);
    }
    g_object_unref(c->sioc);
    g_free(c);
}

SocketConnect *migration_socket_connect(const SocketAddress *addr,
                                        SocketConnectFn *fn, void *opaque)
{
    SocketConnect *c = g_new0(SocketConnect, 1);

    c->sioc = qio_channel_socket_new();
    c->fn = fn;
    c->opaque = opaque;
    qio_channel_set_name(QIO_CHANNEL(c->sioc), "migration-outgoing");
    qio_channel_socket_connect_async(c->sioc, addr, socket_connect_done, c,
                                     NULL, NULL);
    return c;
}

QIOChannel *migration_socket_connect_channel(SocketConnect *c)
{
    return QIO_CHANNEL(c->sioc);
}

void migration_socket_connect_cancel(SocketConnect *c, unsigned *left)
{
    c->fn = NULL;
    c->left = left;
    ++*left;
    /* Ends a connect that is under way; one still resolving names goes on. */
    qio_channel_shutdown(QIO_CHANNEL(c->sioc), QIO_CHANNEL_SHUTDOWN_BOTH,
                         NULL);
}
