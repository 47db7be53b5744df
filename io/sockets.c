/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Socket addresses to descriptors. */
#include "qemu/osdep.h"

#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "io/socket-open.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

/* How often a full unix listener is tried again, milliseconds. */
#define UNIX_RETRY_MS 10

typedef struct addrinfo AddrInfo;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AddrInfo, freeaddrinfo)

static void close_keep_errno(int fd)
{
    int saved = errno;

    close(fd);
    errno = saved;
}

/* The family that the ipv4 and ipv6 members leave; -1: error. */
static int inet_family(const InetSocketAddress *inet, Error **errp)
{
    bool want4 = inet->has_ipv4 && inet->ipv4;
    bool want6 = inet->has_ipv6 && inet->ipv6;
    bool not4 = inet->has_ipv4 && !inet->ipv4;
    bool not6 = inet->has_ipv6 && !inet->ipv6;

    if (not4 && not6) {
        error_setg(errp, "Cannot disable IPv4 and IPv6 at same time");
        return -1;
    }
    if (want4 == want6) {
        return not4 ? AF_INET6 : not6 ? AF_INET : AF_UNSPEC;
    }
    return want4 ? AF_INET : AF_INET6;
}

/* All addresses of @inet, for listening if @passive; NULL: error. */
static AddrInfo *inet_resolve(const InetSocketAddress *inet, bool passive,
                              Error **errp)
{
    AddrInfo hints = { .ai_socktype = SOCK_STREAM };
    const char *host = inet->host;
    AddrInfo *list;
    int ret;

    hints.ai_family = inet_family(inet, errp);
    if (hints.ai_family < 0) {
        return NULL;
    }
    if (passive) {
        hints.ai_flags |= AI_PASSIVE;
        host = *host ? host : NULL; /* every interface */
    }
    if (inet->has_numeric && inet->numeric) {
        hints.ai_flags |= AI_NUMERICHOST | AI_NUMERICSERV;
    }
    ret = getaddrinfo(host, inet->port, &hints, &list);
    if (ret) {
        error_setg(errp, "address resolution failed for %s:%s: %s",
                   inet->host, inet->port,
                   ret == EAI_SYSTEM ? g_strerror(errno) : gai_strerror(ret));
        return NULL;
    }
    return list;
}

static int inet_socket(const InetSocketAddress *inet, int family, int flags,
                       Error **errp)
{
    bool mptcp = inet->has_mptcp && inet->mptcp;
    int on = 1;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | flags,
                    mptcp ? IPPROTO_MPTCP : IPPROTO_TCP);

    if (fd < 0) {
        error_setg_errno(errp, errno, "Failed to create a socket");
        return -1;
    }
    /* Accepted sockets inherit it from the listening one. */
    if (inet->has_keep_alive && inet->keep_alive &&
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) < 0) {
        error_setg_errno(errp, errno, "Unable to set keep-alive option on "
                                      "socket");
        close(fd);
        return -1;
    }
    return fd;
}

static bool unix_sockaddr(const UnixSocketAddress *addr,
                          struct sockaddr_un *un, socklen_t *len,
                          Error **errp)
{
    size_t path_len = strlen(addr->path);
    bool abstract = addr->has_abstract && addr->abstract;
    bool tight = !addr->has_tight || addr->tight;
    /* One byte is for the leading or the trailing zero. */
    size_t max = sizeof(un->sun_path) - 1;

    if (path_len > max) {
        error_setg(errp, "UNIX socket path '%s' is too long", addr->path);
        error_append_hint(errp, "Path must be less than %zu bytes\n",
                          sizeof(un->sun_path));
        return false;
    }
    if (path_len == 0 && !abstract) {
        error_setg(errp, "invalid Unix socket address");
        return false;
    }
    memset(un, 0, sizeof(*un));
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path + abstract, addr->path, path_len);
    *len = abstract && tight
               ? offsetof(struct sockaddr_un, sun_path) + 1 + path_len
               : sizeof(*un);
    return true;
}

/* A descriptor named by its number; names are the monitor's business. */
static int fd_open(const FdSocketAddress *addr, Error **errp)
{
    struct stat st;
    guint64 fd;

    if (!g_ascii_string_to_unsigned(addr->str, 10, 0, INT_MAX, &fd, NULL)) {
        error_setg(errp, "File descriptor named '%s' has not been found",
                   addr->str);
        return -1;
    }
    if (fstat(fd, &st) < 0) {
        error_setg_errno(errp, errno, "File descriptor '%s' cannot be used",
                         addr->str);
        return -1;
    }
    if (!S_ISSOCK(st.st_mode)) {
        error_setg(errp, "File descriptor '%s' is not a socket", addr->str);
        return -1;
    }
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    return fd;
}

/* Connecting */

/* connect(2) of the non-blocking @fd to its end; false with errno set. */
static bool connect_wait(int fd, const struct sockaddr *sa, socklen_t len,
                         Wake *wake)
{
    socklen_t err_len = sizeof(int);
    int err;

    while (connect(fd, sa, len) < 0) {
        if (wake_is_set(wake)) {
            errno = ECANCELED;
            return false;
        }
        if (errno == EAGAIN && sa->sa_family == AF_UNIX) {
            /*
             * The listener's queue is full, and nothing tells when it no
             * longer is.
             */
            wake_poll(wake, -1, 0, UNIX_RETRY_MS);
            continue;
        }
        /* EINTR: the attempt goes on, as after EINPROGRESS. */
        if (errno != EINPROGRESS && errno != EINTR) {
            return false;
        }
        if (!wake_poll(wake, fd, POLLOUT, -1)) {
            errno = ECANCELED;
            return false;
        }
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &err_len) < 0) {
            return false;
        }
        errno = err;
        return err == 0;
    }
    return true;
}

/* Connect @fd, closing it on failure, and make it blocking. */
static int connect_finish(int fd, const struct sockaddr *sa, socklen_t len,
                          const SocketAddress *addr, Wake *wake, Error **errp)
{
    g_autofree char *name = NULL;

    if (connect_wait(fd, sa, len, wake) &&
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) == 0) {
        return fd;
    }
    close_keep_errno(fd);
    name = socket_address_to_str(addr);
    error_setg_errno(errp, errno, "Failed to connect to '%s'", name);
    return -1;
}

static int inet_connect(const SocketAddress *addr, Wake *wake, Error **errp)
{
    g_autoptr(AddrInfo) list = inet_resolve(&addr->u.inet, false, errp);
    g_autoptr(Error) last = NULL;

    for (AddrInfo *ai = list; ai; ai = ai->ai_next) {
        int fd;

        g_clear_pointer(&last, error_free);
        fd = inet_socket(&addr->u.inet, ai->ai_family, SOCK_NONBLOCK, &last);
        if (fd >= 0) {
            fd = connect_finish(fd, ai->ai_addr, ai->ai_addrlen, addr, wake,
                                &last);
        }
        if (fd >= 0) {
            return fd;
        }
        if (wake_is_set(wake)) {
            break;
        }
    }
    error_propagate(errp, g_steal_pointer(&last));
    return -1;
}

static int unix_connect(const SocketAddress *addr, Wake *wake, Error **errp)
{
    struct sockaddr_un un;
    socklen_t len;
    int fd;

    if (!unix_sockaddr(&addr->u.q_unix, &un, &len, errp)) {
        return -1;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        error_setg_errno(errp, errno, "Failed to create a socket");
        return -1;
    }
    return connect_finish(fd, (struct sockaddr *)&un, len, addr, wake, errp);
}

int socket_connect_wake(const SocketAddress *addr, Wake *wake, Error **errp)
{
    switch (addr->type) {
    case SOCKET_ADDRESS_TYPE_INET:
        return inet_connect(addr, wake, errp);
    case SOCKET_ADDRESS_TYPE_UNIX:
        return unix_connect(addr, wake, errp);
    case SOCKET_ADDRESS_TYPE_FD:
        return fd_open(&addr->u.fd, errp);
    default:
        error_setg(errp, "socket address type %d is not supported",
                   addr->type);
        return -1;
    }
}

int socket_connect(const SocketAddress *addr, Error **errp)
{
    Wake never = WAKE_NONE;

    return socket_connect_wake(addr, &never, errp);
}

/* Listening */

static void sockaddr_set_port(struct sockaddr *sa, uint16_t port)
{
    if (sa->sa_family == AF_INET) {
        ((struct sockaddr_in *)sa)->sin_port = htons(port);
    } else {
        ((struct sockaddr_in6 *)sa)->sin6_port = htons(port);
    }
}

static uint16_t sockaddr_get_port(const struct sockaddr *sa)
{
    return ntohs(sa->sa_family == AF_INET
                     ? ((const struct sockaddr_in *)sa)->sin_port
                     : ((const struct sockaddr_in6 *)sa)->sin6_port);
}

/* One socket listening on the address and port in @ai, or -1. */
static int inet_listen_port(const SocketAddress *addr, const AddrInfo *ai,
                            int backlog, bool *in_use, Error **errp)
{
    int on = 1;
    int fd = inet_socket(&addr->u.inet, ai->ai_family, 0, errp);

    *in_use = false;
    if (fd < 0) {
        return -1;
    }
    /* A port whose last connections still wind down is free. */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (ai->ai_family == AF_INET6) {
        /* Each family has its own socket. */
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    }
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 &&
        listen(fd, backlog) == 0) {
        return fd;
    }
    *in_use = errno == EADDRINUSE;
    close_keep_errno(fd);
    if (*in_use) {
        error_setg_errno(errp, errno, "Failed to find an available port");
    } else {
        g_autofree char *name = socket_address_to_str(addr);

        error_setg_errno(errp, errno, "Failed to bind socket to %s", name);
    }
    return -1;
}

/* The same, trying the ports up to the address's "to". */
static int inet_listen_ports(const SocketAddress *addr, AddrInfo *ai,
                             int backlog, Error **errp)
{
    const InetSocketAddress *inet = &addr->u.inet;
    uint32_t first = sockaddr_get_port(ai->ai_addr);
    uint32_t last = inet->has_to ? MAX(inet->to, first) : first;
    g_autoptr(Error) err = NULL;
    bool in_use = true;

    for (uint32_t port = first; in_use && port <= last; port++) {
        int fd;

        g_clear_pointer(&err, error_free);
        sockaddr_set_port(ai->ai_addr, port);
        fd = inet_listen_port(addr, ai, backlog, &in_use, &err);
        if (fd >= 0) {
            return fd;
        }
    }
    error_propagate(errp, g_steal_pointer(&err));
    return -1;
}

static bool inet_listen(const SocketAddress *addr, int backlog, GArray *fds,
                        Error **errp)
{
    g_autoptr(AddrInfo) list = inet_resolve(&addr->u.inet, true, errp);
    g_autoptr(Error) err = NULL;

    for (AddrInfo *ai = list; ai; ai = ai->ai_next) {
        g_autoptr(Error) this_err = NULL;
        int fd = inet_listen_ports(addr, ai, backlog, &this_err);

        if (fd >= 0) {
            g_array_append_val(fds, fd);
        } else {
            error_propagate(&err, g_steal_pointer(&this_err));
        }
    }
    if (fds->len == 0) {
        error_propagate(errp, g_steal_pointer(&err));
        return false;
    }
    return true;
}

static bool unix_listen(const SocketAddress *addr, int backlog, GArray *fds,
                        Error **errp)
{
    const UnixSocketAddress *u = &addr->u.q_unix;
    struct sockaddr_un un;
    struct stat st;
    socklen_t len;
    int fd;

    if (!unix_sockaddr(u, &un, &len, errp)) {
        return false;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        error_setg_errno(errp, errno, "Failed to create a socket");
        return false;
    }
    /* What an earlier listener left; anything but a socket stays. */
    if (un.sun_path[0] && lstat(u->path, &st) == 0 && S_ISSOCK(st.st_mode)) {
        unlink(u->path);
    }
    if (bind(fd, (struct sockaddr *)&un, len) < 0) {
        error_setg_errno(errp, errno, "Failed to bind socket to %s", u->path);
        close(fd);
        return false;
    }
    if (listen(fd, backlog) < 0) {
        error_setg_errno(errp, errno, "Failed to listen on socket %s",
                         u->path);
        close(fd);
        return false;
    }
    g_array_append_val(fds, fd);
    return true;
}

static bool fd_listen(const SocketAddress *addr, int backlog, GArray *fds,
                      Error **errp)
{
    int fd = fd_open(&addr->u.fd, errp);

    if (fd < 0) {
        return false;
    }
    if (listen(fd, backlog) < 0) {
        error_setg_errno(errp, errno,
                         "Failed to listen on file descriptor '%s'",
                         addr->u.fd.str);
        return false;
    }
    g_array_append_val(fds, fd);
    return true;
}

GArray *socket_listen_all(const SocketAddress *addr, int backlog,
                          Error **errp)
{
    g_autoptr(GArray) fds = g_array_new(FALSE, FALSE, sizeof(int));
    bool ok;

    switch (addr->type) {
    case SOCKET_ADDRESS_TYPE_INET:
        ok = inet_listen(addr, backlog, fds, errp);
        break;
    case SOCKET_ADDRESS_TYPE_UNIX:
        ok = unix_listen(addr, backlog, fds, errp);
        break;
    case SOCKET_ADDRESS_TYPE_FD:
        ok = fd_listen(addr, backlog, fds, errp);
        break;
    default:
        error_setg(errp, "socket address type %d is not supported",
                   addr->type);
        ok = false;
    }
    return ok ? g_steal_pointer(&fds) : NULL;
}

int socket_listen(const SocketAddress *addr, int backlog, Error **errp)
{
    g_autoptr(GArray) fds = socket_listen_all(addr, backlog, errp);

    if (!fds) {
        return -1;
    }
    for (guint i = 1; i < fds->len; i++) {
        close(g_array_index(fds, int, i));
    }
    return g_array_index(fds, int, 0);
}
