/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Chardev "socket": a stream socket, as client or as server.  A server has one
 * client at a time; the next waits in the kernel until the first has gone.
 */
#include "qemu/osdep.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "chardev-stream.h"
#include "io/channel-socket.h"
#include "io/net-listener.h"

#define CHARDEV_TYPE_SOCKET (chardev_socket_get_type())
G_DECLARE_FINAL_TYPE(ChardevSocket, chardev_socket, CHARDEV, SOCKET,
                     ChardevStream)

struct _ChardevSocket {
    ChardevStream parent_instance;
    /* Set when made. */
    SocketAddress *addr;
    bool server;
    bool nodelay;
    int64_t reconnect_ms;      /* clients; 0: connect once */
    QIONetListener *listener;  /* servers */
    /* Protected by the chardev's lock. */
    bool accepting;            /* the listener has our function */
    bool connecting;           /* a connect task is under way */
    GSource *reconnect_timer;
    char *connected_name;      /* file name while there is a peer */
};

G_DEFINE_FINAL_TYPE(ChardevSocket, chardev_socket, CHARDEV_TYPE_STREAM)

static void socket_find_peer(ChardevSocket *s);

/* The address as users write it, without options. */
static char *address_text(const SocketAddress *addr)
{
    switch (addr->type) {
    case SOCKET_ADDRESS_TYPE_INET:
        return g_strdup_printf(strchr(addr->u.inet.host, ':') ? "tcp:[%s]:%s"
                                                              : "tcp:%s:%s",
                               addr->u.inet.host, addr->u.inet.port);
    case SOCKET_ADDRESS_TYPE_UNIX:
        return g_strdup_printf("unix:%s", addr->u.q_unix.path);
    case SOCKET_ADDRESS_TYPE_FD:
        return g_strdup_printf("fd:%s", addr->u.fd.str);
    default:
        return g_strdup("unknown");
    }
}

/* The name for a connection over @ioc: for TCP with both ends. */
static char *connected_name(ChardevSocket *s, QIOChannelSocket *ioc)
{
    const char *suffix = s->server ? ",server=on" : "";
    g_autoptr(SocketAddress) local = NULL;
    g_autoptr(SocketAddress) remote = NULL;
    g_autofree char *text = NULL, *peer = NULL;

    local = qio_channel_socket_get_local_address(ioc, NULL);
    remote = qio_channel_socket_get_remote_address(ioc, NULL);
    if (local && remote && local->type == SOCKET_ADDRESS_TYPE_INET &&
        remote->type == SOCKET_ADDRESS_TYPE_INET) {
        text = address_text(local);
        peer = address_text(remote);
        return g_strdup_printf("%s%s <-> %s", text, suffix,
                               peer + strlen("tcp:"));
    }
    text = address_text(s->addr);
    return g_strconcat(text, suffix, NULL);
}

static char *socket_get_filename(Chardev *chr)
{
    ChardevSocket *s = CHARDEV_SOCKET(chr);
    g_autofree char *text = NULL;

    if (s->connected_name) {
        return g_strdup(s->connected_name);
    }
    text = address_text(s->addr);
    return g_strdup_printf("disconnected:%s%s", text,
                           s->server ? ",server=on" : "");
}

/* A peer is there.  Lock held. */
static void socket_connected(ChardevSocket *s, QIOChannelSocket *ioc)
{
    if (s->nodelay) {
        int on = 1;

        /* Fails on sockets that are not TCP, which have no delay either. */
        setsockopt(qio_channel_socket_get_fd(ioc), IPPROTO_TCP, TCP_NODELAY,
                   &on, sizeof(on));
    }
    qio_channel_set_blocking(QIO_CHANNEL(ioc), false, NULL);
    s->connected_name = connected_name(s, ioc);
    chardev_stream_open(CHARDEV_STREAM(s), QIO_CHANNEL(ioc),
                        QIO_CHANNEL(ioc));
}

static void socket_accept(QIONetListener *listener, QIOChannelSocket *client,
                          gpointer opaque)
{
    Chardev *chr = opaque;
    ChardevSocket *s = CHARDEV_SOCKET(chr);

    qemu_mutex_lock(chardev_lock(chr));
    if (!s->accepting) {
        /* It was accepted before the listener was told to stop. */
        qemu_mutex_unlock(chardev_lock(chr));
        return;
    }
    s->accepting = false;
    socket_connected(s, client);
    qemu_mutex_unlock(chardev_lock(chr));

    qio_net_listener_set_client_func(listener, NULL, NULL, NULL, NULL);
    chardev_fe_sync_events(chr);
}

static gboolean socket_reconnect(gpointer data)
{
    Chardev *chr = data;
    ChardevSocket *s = CHARDEV_SOCKET(chr);

    QEMU_LOCK_GUARD(chardev_lock(chr));
    g_source_destroy(s->reconnect_timer);
    g_clear_pointer(&s->reconnect_timer, g_source_unref);
    socket_find_peer(s);
    return G_SOURCE_REMOVE;
}

static void socket_connect_done(QIOTask *task, gpointer opaque)
{
    Chardev *chr = opaque;
    ChardevSocket *s = CHARDEV_SOCKET(chr);
    GObject *ioc = qio_task_get_source(task);
    bool failed = qio_task_propagate_error(task, NULL);

    qemu_mutex_lock(chardev_lock(chr));
    s->connecting = false;
    if (!failed) {
        socket_connected(s, QIO_CHANNEL_SOCKET(ioc));
    } else if (chardev_context(chr) && !s->reconnect_timer) {
        s->reconnect_timer = g_timeout_source_new(s->reconnect_ms);
        g_source_set_callback(s->reconnect_timer, socket_reconnect, chr, NULL);
        g_source_attach(s->reconnect_timer, chardev_context(chr));
    }
    qemu_mutex_unlock(chardev_lock(chr));
    chardev_fe_sync_events(chr);
}

/*
 * Without a peer: accept one, or connect.  In the front end's context, lock
 * held.
 */
static void socket_find_peer(ChardevSocket *s)
{
    Chardev *chr = QEMU_CHARDEV(s);

    if (s->connected_name) {
        return;
    }
    if (s->server) {
        if (s->listener && !s->accepting) {
            s->accepting = true;
            qio_net_listener_set_client_func(s->listener, socket_accept, s,
                                             NULL, chardev_context(chr));
        }
    } else if (s->reconnect_ms && !s->connecting && !s->reconnect_timer) {
        g_autoptr(QIOChannelSocket) ioc = qio_channel_socket_new();

        s->connecting = true;
        qio_channel_socket_connect_async(ioc, s->addr, socket_connect_done,
                                         g_object_ref(s), g_object_unref,
                                         chardev_context(chr));
    }
}

static void socket_update(Chardev *chr)
{
    QEMU_CHARDEV_CLASS(chardev_socket_parent_class)->update(chr);
    socket_find_peer(CHARDEV_SOCKET(chr));
}

static void socket_drop_timer(ChardevSocket *s)
{
    if (s->reconnect_timer) {
        g_source_destroy(s->reconnect_timer);
        g_clear_pointer(&s->reconnect_timer, g_source_unref);
    }
}

static void socket_stop(Chardev *chr)
{
    ChardevSocket *s = CHARDEV_SOCKET(chr);

    if (s->accepting) {
        s->accepting = false;
        qio_net_listener_set_client_func(s->listener, NULL, NULL, NULL, NULL);
    }
    socket_drop_timer(s);
    QEMU_CHARDEV_CLASS(chardev_socket_parent_class)->stop(chr);
}

static void socket_eof(ChardevStream *stream)
{
    Chardev *chr = QEMU_CHARDEV(stream);
    ChardevSocket *s = CHARDEV_SOCKET(stream);

    qemu_mutex_lock(chardev_lock(chr));
    chardev_stream_close(stream);
    g_clear_pointer(&s->connected_name, g_free);
    qemu_mutex_unlock(chardev_lock(chr));

    /* It learns of this end before there can be another peer. */
    chardev_fe_sync_events(chr);

    qemu_mutex_lock(chardev_lock(chr));
    if (chardev_context(chr)) {
        socket_find_peer(s);
    }
    qemu_mutex_unlock(chardev_lock(chr));
}

/* Whoever reads finds the end of the connection then. */
static void socket_yank(Chardev *chr)
{
    QIOChannel *ioc = chardev_stream_get_out(CHARDEV_STREAM(chr));

    if (ioc) {
        qio_channel_shutdown(ioc, QIO_CHANNEL_SHUTDOWN_BOTH, NULL);
    }
}

static void chardev_socket_finalize(GObject *obj)
{
    ChardevSocket *s = CHARDEV_SOCKET(obj);

    socket_drop_timer(s);
    if (s->listener) {
        qio_net_listener_disconnect(s->listener);
        g_clear_object(&s->listener);
    }
    g_free(s->connected_name);
    qapi_free_SocketAddress(s->addr);
    G_OBJECT_CLASS(chardev_socket_parent_class)->finalize(obj);
}

static void chardev_socket_class_init(ChardevSocketClass *klass)
{
    ChardevClass *cc = QEMU_CHARDEV_CLASS(klass);

    G_OBJECT_CLASS(klass)->finalize = chardev_socket_finalize;
    cc->update = socket_update;
    cc->stop = socket_stop;
    cc->get_filename = socket_get_filename;
    cc->yank = socket_yank;
    CHARDEV_STREAM_CLASS(klass)->eof = socket_eof;
}

static void chardev_socket_init(ChardevSocket *s)
{
}

/* Optional "on" or "off" of an address. */
static bool opt_tristate(json_object *opts, const char *name, bool *has,
                         bool *value, Error **errp)
{
    *has = chardev_opt_str(opts, name) != NULL;
    return chardev_opt_bool(opts, name, false, value, errp);
}

static bool inet_address(SocketAddress *addr, json_object *opts, Error **errp)
{
    const char *host = chardev_opt_str(opts, "host");
    const char *port = chardev_opt_str(opts, "port");
    uint64_t to = 0;

    addr->type = SOCKET_ADDRESS_TYPE_INET;
    addr->u.inet.host = g_strdup(host ? host : "");
    addr->u.inet.port = g_strdup(port ? port : "");
    if (!port) {
        error_setg(errp, "chardev: socket: no port given");
        return false;
    }
    if (!opt_tristate(opts, "ipv4", &addr->u.inet.has_ipv4,
                      &addr->u.inet.ipv4, errp) ||
        !opt_tristate(opts, "ipv6", &addr->u.inet.has_ipv6,
                      &addr->u.inet.ipv6, errp) ||
        !chardev_opt_uint(opts, "to", UINT16_MAX, &to, errp)) {
        return false;
    }
    addr->u.inet.has_to = chardev_opt_str(opts, "to") != NULL;
    addr->u.inet.to = to;
    return true;
}

static SocketAddress *socket_parse_address(json_object *opts, Error **errp)
{
    g_autoptr(SocketAddress) addr = g_new0(SocketAddress, 1);
    const char *path = chardev_opt_str(opts, "path");
    const char *host = chardev_opt_str(opts, "host");
    const char *fd = chardev_opt_str(opts, "fd");

    /* A valid tag before any return: the address is freed by it. */
    addr->type = SOCKET_ADDRESS_TYPE_FD;
    if (!!path + !!host + !!fd > 1) {
        error_setg(errp, "chardev: socket: 'path', 'host' and 'fd' exclude "
                         "each other");
        return NULL;
    }
    if (path) {
        addr->type = SOCKET_ADDRESS_TYPE_UNIX;
        addr->u.q_unix.path = g_strdup(path);
        if (!opt_tristate(opts, "abstract", &addr->u.q_unix.has_abstract,
                          &addr->u.q_unix.abstract, errp) ||
            !opt_tristate(opts, "tight", &addr->u.q_unix.has_tight,
                          &addr->u.q_unix.tight, errp)) {
            return NULL;
        }
    } else if (host) {
        if (!inet_address(addr, opts, errp)) {
            return NULL;
        }
    } else {
        if (!fd || !*fd) {
            error_setg(errp, "Unable to parse FD number");
            return NULL;
        }
        addr->u.fd.str = g_strdup(fd);
    }
    return g_steal_pointer(&addr);
}

/* "reconnect" is in seconds, "reconnect-ms" in milliseconds. */
static bool socket_parse_reconnect(ChardevSocket *s, json_object *opts,
                                   Error **errp)
{
    uint64_t seconds = 0, ms = 0;

    if (!chardev_opt_uint(opts, "reconnect", INT32_MAX / 1000, &seconds,
                          errp) ||
        !chardev_opt_uint(opts, "reconnect-ms", INT32_MAX, &ms, errp)) {
        return false;
    }
    if (seconds && ms) {
        error_setg(errp,
                   "'reconnect' and 'reconnect-ms' are mutually exclusive");
        return false;
    }
    s->reconnect_ms = ms ? ms : seconds * 1000;
    if (s->server && s->reconnect_ms) {
        error_setg(errp,
                   "'reconnect' option is incompatible with socket in "
                   "server listen mode");
        return false;
    }
    return true;
}

/* Bind; with @wait, block until the first client is there. */
static bool socket_open_server(ChardevSocket *s, bool wait, Error **errp)
{
    Chardev *chr = QEMU_CHARDEV(s);
    g_autoptr(SocketAddressList) bound = NULL;

    s->listener = qio_net_listener_new();
    qio_net_listener_set_name(s->listener, "chardev-listener");
    if (!qio_net_listener_open_sync(s->listener, s->addr, 1, errp)) {
        return false;
    }
    /* The port may have been left to the kernel. */
    bound = qio_net_listener_get_addresses(s->listener);
    if (bound && s->addr->type == SOCKET_ADDRESS_TYPE_INET &&
        bound->value->type == SOCKET_ADDRESS_TYPE_INET) {
        g_free(s->addr->u.inet.port);
        s->addr->u.inet.port = g_strdup(bound->value->u.inet.port);
    }
    if (wait) {
        g_autoptr(QIOChannelSocket) client = NULL;
        g_autofree char *name = chardev_get_filename(chr);

        info_report("QEMU waiting for connection on: %s", name);
        client = qio_net_listener_wait_client(s->listener);
        if (!client) {
            error_setg(errp, "Failed to accept a connection on %s", name);
            return false;
        }
        qemu_mutex_lock(chardev_lock(chr));
        socket_connected(s, client);
        qemu_mutex_unlock(chardev_lock(chr));
    }
    return true;
}

static bool socket_open_client(ChardevSocket *s, Error **errp)
{
    Chardev *chr = QEMU_CHARDEV(s);
    g_autoptr(QIOChannelSocket) ioc = NULL;

    if (s->reconnect_ms) {
        return true; /* when a front end comes */
    }
    ioc = qio_channel_socket_new();
    if (!qio_channel_socket_connect_sync(ioc, s->addr, errp)) {
        return false;
    }
    qemu_mutex_lock(chardev_lock(chr));
    socket_connected(s, ioc);
    qemu_mutex_unlock(chardev_lock(chr));
    return true;
}

static Chardev *socket_create(const char *label, json_object *opts,
                              Error **errp)
{
    g_autoptr(Chardev) chr = NULL;
    g_autoptr(SocketAddress) addr = socket_parse_address(opts, errp);
    ChardevSocket *s;
    bool wait;

    if (!addr) {
        return NULL;
    }
    chr = g_object_new(CHARDEV_TYPE_SOCKET, "label", label, NULL);
    s = CHARDEV_SOCKET(chr);
    s->addr = g_steal_pointer(&addr);
    if (!chardev_opt_bool(opts, "server", false, &s->server, errp) ||
        !chardev_opt_bool(opts, "wait", s->server, &wait, errp) ||
        !chardev_opt_bool(opts, "nodelay", false, &s->nodelay, errp) ||
        !socket_parse_reconnect(s, opts, errp)) {
        return NULL;
    }
    if (!s->server && chardev_opt_str(opts, "wait")) {
        error_setg(errp, "'wait' option is incompatible with socket in client "
                         "connect mode");
        return NULL;
    }
    if (!(s->server ? socket_open_server(s, wait, errp)
                    : socket_open_client(s, errp))) {
        return NULL;
    }
    return g_steal_pointer(&chr);
}

const ChardevKind chardev_kind_socket = {
    .name = "socket",
    .options =
        (const char *const[]){ "path", "abstract", "tight", "host", "port",
                               "to", "ipv4", "ipv6", "fd", "server", "wait",
                               "reconnect", "reconnect-ms", "nodelay", NULL },
    .create = socket_create,
};
