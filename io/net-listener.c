/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A set of listening sockets. */
#include "qemu/osdep.h"

#include "io/channel-socket-int.h"
#include "io/net-listener.h"
#include "io/sockets.h"
#include "qemu/thread.h"

struct _QIONetListener {
    GObject parent_instance;
    char *name;
    GPtrArray *sockets; /* of QIOChannelSocket, listening */
    GPtrArray *sources; /* of GSource, one per socket while there is a @fn */
    QIONetListenerClientFunc fn;
    gpointer opaque;
    GDestroyNotify destroy;
    /*
     * Threads inside wait_client(), which a disconnect in another thread has
     * to see out before it closes the sockets.
     */
    QemuMutex lock;
    QemuCond idle;
    unsigned waiting;
};

G_DEFINE_FINAL_TYPE(QIONetListener, qio_net_listener, G_TYPE_OBJECT)

static void source_free(gpointer data)
{
    g_source_destroy(data);
    g_source_unref(data);
}

static void qio_net_listener_init(QIONetListener *l)
{
    l->sockets = g_ptr_array_new_with_free_func(g_object_unref);
    l->sources = g_ptr_array_new_with_free_func(source_free);
    qemu_mutex_init(&l->lock);
    qemu_cond_init(&l->idle);
}

QIONetListener *qio_net_listener_new(void)
{
    return g_object_new(QIO_TYPE_NET_LISTENER, NULL);
}

static void name_sockets(QIONetListener *l)
{
    g_autofree char *name = g_strdup_printf("%s-listen", l->name);

    for (guint i = 0; i < l->sockets->len; i++) {
        qio_channel_set_name(g_ptr_array_index(l->sockets, i), name);
    }
}

void qio_net_listener_set_name(QIONetListener *l, const char *name)
{
    g_free(l->name);
    l->name = g_strdup(name);
    name_sockets(l);
}

bool qio_net_listener_open_sync(QIONetListener *l, const SocketAddress *addr,
                                int backlog, Error **errp)
{
    g_autoptr(GArray) fds = socket_listen_all(addr, backlog, errp);
    g_autoptr(Error) err = NULL;

    if (!fds) {
        return false;
    }
    for (guint i = 0; i < fds->len; i++) {
        int fd = g_array_index(fds, int, i);
        QIOChannelSocket *sioc =
            err ? NULL : qio_channel_socket_new_fd(fd, &err);

        if (!sioc) {
            close(fd);
            continue;
        }
        if (addr->type == SOCKET_ADDRESS_TYPE_UNIX) {
            qio_channel_socket_own_path(sioc);
        }
        /* Another process may take a client that both were told of. */
        qio_channel_set_blocking(QIO_CHANNEL(sioc), false, NULL);
        g_ptr_array_add(l->sockets, sioc);
    }
    if (err) {
        qio_net_listener_disconnect(l);
        error_propagate(errp, g_steal_pointer(&err));
        return false;
    }
    if (l->name) {
        name_sockets(l);
    }
    return true;
}

/* Clients in the main loop */

static gboolean client_ready(QIOChannel *ioc, GIOCondition cond, gpointer data)
{
    /* The function may drop the listener. */
    g_autoptr(QIONetListener) l = g_object_ref(data);
    g_autoptr(QIOChannelSocket) client =
        qio_channel_socket_accept(QIO_CHANNEL_SOCKET(ioc), NULL);

    if (client && l->fn) {
        l->fn(l, client, l->opaque);
    }
    return G_SOURCE_CONTINUE;
}

static void drop_client_func(QIONetListener *l)
{
    g_ptr_array_set_size(l->sources, 0);
    if (l->destroy) {
        l->destroy(l->opaque);
    }
    l->fn = NULL;
    l->opaque = NULL;
    l->destroy = NULL;
}

void qio_net_listener_set_client_func(QIONetListener *l,
                                      QIONetListenerClientFunc fn,
                                      gpointer opaque, GDestroyNotify destroy,
                                      GMainContext *context)
{
    drop_client_func(l);
    l->fn = fn;
    l->opaque = opaque;
    l->destroy = destroy;
    for (guint i = 0; fn && i < l->sockets->len; i++) {
        GSource *source = qio_channel_create_watch(
            g_ptr_array_index(l->sockets, i), G_IO_IN);

        g_source_set_callback(source,
                              (GSourceFunc)(void (*)(void))client_ready, l,
                              NULL);
        g_source_attach(source, context);
        g_ptr_array_add(l->sources, source);
    }
}

/* Clients one at a time */

typedef struct ClientWait {
    QIOChannelSocket *client;
    bool ended; /* the listener was disconnected */
} ClientWait;

static gboolean wait_ready(QIOChannel *ioc, GIOCondition cond, gpointer data)
{
    ClientWait *wait = data;
    g_autoptr(Error) err = NULL;

    if (wait->client) {
        return G_SOURCE_CONTINUE; /* two at once: the other waits its turn */
    }
    wait->client = qio_channel_socket_accept(QIO_CHANNEL_SOCKET(ioc), &err);
    if (!wait->client && (cond & (G_IO_HUP | G_IO_ERR))) {
        wait->ended = true;
    }
    return G_SOURCE_CONTINUE;
}

QIOChannelSocket *qio_net_listener_wait_client(QIONetListener *l)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    g_autoptr(GPtrArray) sources = g_ptr_array_new_with_free_func(source_free);
    ClientWait wait = { 0 };

    WITH_QEMU_LOCK_GUARD(&l->lock) {
        l->waiting++;
        for (guint i = 0; i < l->sockets->len; i++) {
            GSource *source = qio_channel_create_watch(
                g_ptr_array_index(l->sockets, i), G_IO_IN | G_IO_HUP);

            g_source_set_callback(source,
                                  (GSourceFunc)(void (*)(void))wait_ready,
                                  &wait, NULL);
            g_source_attach(source, context);
            g_ptr_array_add(sources, source);
        }
    }
    while (sources->len > 0 && !wait.client && !wait.ended) {
        g_main_context_iteration(context, TRUE);
    }
    g_ptr_array_set_size(sources, 0);
    WITH_QEMU_LOCK_GUARD(&l->lock) {
        l->waiting--;
        qemu_cond_broadcast(&l->idle);
    }
    return wait.client;
}

/* The set as a whole */

void qio_net_listener_disconnect(QIONetListener *l)
{
    drop_client_func(l);
    WITH_QEMU_LOCK_GUARD(&l->lock) {
        for (guint i = 0; i < l->sockets->len; i++) {
            qio_channel_shutdown(g_ptr_array_index(l->sockets, i),
                                 QIO_CHANNEL_SHUTDOWN_BOTH, NULL);
        }
        while (l->waiting > 0) {
            qemu_cond_wait(&l->idle, &l->lock);
        }
        for (guint i = 0; i < l->sockets->len; i++) {
            qio_channel_close(g_ptr_array_index(l->sockets, i), NULL);
        }
        g_ptr_array_set_size(l->sockets, 0);
    }
}

bool qio_net_listener_is_connected(QIONetListener *l)
{
    return l->sockets->len > 0;
}

SocketAddressList *qio_net_listener_get_addresses(QIONetListener *l)
{
    SocketAddressList *list = NULL;
    SocketAddressList **tail = &list;

    for (guint i = 0; i < l->sockets->len; i++) {
        SocketAddress *addr = qio_channel_socket_get_local_address(
            g_ptr_array_index(l->sockets, i), NULL);

        if (addr) {
            QAPI_LIST_APPEND(tail, addr);
        }
    }
    return list;
}

static void qio_net_listener_finalize(GObject *obj)
{
    QIONetListener *l = QIO_NET_LISTENER(obj);

    qio_net_listener_disconnect(l);
    g_ptr_array_unref(l->sources);
    g_ptr_array_unref(l->sockets);
    qemu_cond_destroy(&l->idle);
    qemu_mutex_destroy(&l->lock);
    g_free(l->name);
    G_OBJECT_CLASS(qio_net_listener_parent_class)->finalize(obj);
}

static void qio_net_listener_class_init(QIONetListenerClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = qio_net_listener_finalize;
}
