/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QIOChannel over a stream socket.
 *
 * shutdown(2) wakes whoever is blocked in a read or write of a connected
 * socket.  Connecting, accepting and waiting for zero-copy notices have no such
 * help from the kernel: they poll together with a wake-up.
 */
#include "qemu/osdep.h"

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "io/channel-socket.h"
#include "io/channel-socket-int.h"
#include "io/channel-watch.h"
#include "io/socket-open.h"
#include "io/socket-splice.h"
#include "qemu/atomic.h"
#include "qemu/hostfeat.h"

/* Descriptors taken from one message. */
#define MAX_PASSED_FDS 16

struct _QIOChannelSocket {
    QIOChannel parent_instance;
    /*
     * -1 until connected.  Full ordering against @wake: a shutdown in another
     * thread sees the descriptor, or connect sees the shutdown.
     */
    int fd;
    Wake wake; /* set by a shutdown of the reading side */
    bool listening;
    bool nonblocking;
    /* The socket file to remove at close, and which one it was; or NULL. */
    char *unlink_path;
    dev_t unlink_dev;
    ino_t unlink_ino;
    /* Zero-copy sends made, and completions seen; the writing thread's. */
    uint64_t zero_copy_sent;
    uint64_t zero_copy_done;
    bool zero_copy_copied; /* the kernel copied one since the last flush */
    SocketSplice splice;   /* the writing thread's */
    bool spliced;          /* since the last flush */
};

G_DEFINE_FINAL_TYPE(QIOChannelSocket, qio_channel_socket, QIO_TYPE_CHANNEL)

/* Set-up */

static void qio_channel_socket_init(QIOChannelSocket *ioc)
{
    ioc->fd = -1;
    ioc->splice = (SocketSplice)SOCKET_SPLICE_NONE;
    wake_init(&ioc->wake);
    qio_channel_set_feature(QIO_CHANNEL(ioc), QIO_CHANNEL_FEATURE_SHUTDOWN);
}

QIOChannelSocket *qio_channel_socket_new(void)
{
    return g_object_new(QIO_TYPE_CHANNEL_SOCKET, NULL);
}

int qio_channel_socket_get_fd(QIOChannelSocket *ioc)
{
    return ioc->fd;
}

static void setup_tcp(QIOChannelSocket *ioc, int fd)
{
    int on = 1;

    /* All users write whole messages; waiting for more costs a round trip. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (!ioc->listening && hostfeat_has(HOSTFEAT_MSG_ZEROCOPY) &&
        setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on)) == 0) {
        qio_channel_set_feature(QIO_CHANNEL(ioc),
                                QIO_CHANNEL_FEATURE_WRITE_ZERO_COPY);
    }
}

static void setup_unix(QIOChannelSocket *ioc)
{
    qio_channel_set_feature(QIO_CHANNEL(ioc), QIO_CHANNEL_FEATURE_FD_PASS);
    if (!ioc->listening && hostfeat_has(HOSTFEAT_UNIX_SPLICE)) {
        qio_channel_set_feature(QIO_CHANNEL(ioc),
                                QIO_CHANNEL_FEATURE_WRITE_BY_REFERENCE);
    }
}

/* Take @fd; fails, closing nothing, if it is no socket or shut down early. */
static bool set_fd(QIOChannelSocket *ioc, int fd, Error **errp)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);
    int accepting = 0;
    socklen_t opt_len = sizeof(accepting);

    if (ioc->fd >= 0) {
        error_setg(errp, "Socket is already open");
        return false;
    }
    if (getsockname(fd, (struct sockaddr *)&sa, &len) < 0) {
        error_setg_errno(errp, errno, "Unable to query local socket address");
        return false;
    }
    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepting, &opt_len);
    ioc->listening = accepting;
    if (ioc->listening) {
        /* A client may be gone between poll() and accept(). */
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    }
    if (sa.ss_family == AF_UNIX) {
        setup_unix(ioc);
    } else {
        setup_tcp(ioc, fd);
    }
    qio_channel_set_feature(QIO_CHANNEL(ioc),
                            QIO_CHANNEL_FEATURE_READ_MSG_PEEK);

    (void)qatomic_xchg(&ioc->fd, fd);
    if (wake_is_set(&ioc->wake)) {
        qatomic_set(&ioc->fd, -1);
        error_setg(errp, "Socket was shut down");
        return false;
    }
    return true;
}

QIOChannelSocket *qio_channel_socket_new_fd(int fd, Error **errp)
{
    g_autoptr(QIOChannelSocket) ioc = qio_channel_socket_new();

    return set_fd(ioc, fd, errp) ? g_steal_pointer(&ioc) : NULL;
}

void qio_channel_socket_own_path(QIOChannelSocket *ioc)
{
    struct sockaddr_un un = { 0 };
    socklen_t len = sizeof(un) - 1; /* keeps the path terminated */
    struct stat st;

    if (getsockname(ioc->fd, (struct sockaddr *)&un, &len) == 0 &&
        un.sun_family == AF_UNIX && un.sun_path[0] &&
        lstat(un.sun_path, &st) == 0) {
        ioc->unlink_path = g_strdup(un.sun_path);
        ioc->unlink_dev = st.st_dev;
        ioc->unlink_ino = st.st_ino;
    }
}

/* Connecting, listening, accepting */

bool qio_channel_socket_connect_sync(QIOChannelSocket *ioc,
                                     const SocketAddress *addr, Error **errp)
{
    int fd = socket_connect_wake(addr, &ioc->wake, errp);

    if (fd < 0) {
        return false;
    }
    if (!set_fd(ioc, fd, errp)) {
        close(fd);
        return false;
    }
    return true;
}

static void connect_worker(QIOTask *task, gpointer opaque)
{
    QIOChannelSocket *ioc = QIO_CHANNEL_SOCKET(qio_task_get_source(task));
    Error *err = NULL;

    if (!qio_channel_socket_connect_sync(ioc, opaque, &err)) {
        qio_task_set_error(task, err);
    }
}

static void free_address(gpointer addr)
{
    qapi_free_SocketAddress(addr);
}

void qio_channel_socket_connect_async(QIOChannelSocket *ioc,
                                      const SocketAddress *addr,
                                      QIOTaskFunc fn, gpointer opaque,
                                      GDestroyNotify destroy,
                                      GMainContext *context)
{
    QIOTask *task = qio_task_new(G_OBJECT(ioc), fn, opaque, destroy);

    qio_task_run_in_thread(task, connect_worker,
                           qapi_SocketAddress_clone(addr), free_address,
                           context);
}

bool qio_channel_socket_listen_sync(QIOChannelSocket *ioc,
                                    const SocketAddress *addr, int backlog,
                                    Error **errp)
{
    int fd = socket_listen(addr, backlog, errp);

    if (fd < 0) {
        return false;
    }
    if (!set_fd(ioc, fd, errp)) {
        close(fd);
        return false;
    }
    if (addr->type == SOCKET_ADDRESS_TYPE_UNIX) {
        qio_channel_socket_own_path(ioc);
    }
    return true;
}

QIOChannelSocket *qio_channel_socket_accept(QIOChannelSocket *ioc,
                                            Error **errp)
{
    QIOChannelSocket *client;

    for (;;) {
        int fd = accept4(ioc->fd, NULL, NULL, SOCK_CLOEXEC);

        if (fd >= 0) {
            client = qio_channel_socket_new_fd(fd, errp);
            if (!client) {
                close(fd);
            }
            return client;
        }
        /* A client that gave up while it waited is none. */
        if (errno == EINTR || errno == ECONNABORTED) {
            continue;
        }
        if (errno == EAGAIN && !ioc->nonblocking) {
            if (wake_poll(&ioc->wake, ioc->fd, POLLIN, -1)) {
                continue;
            }
            errno = ECANCELED;
        }
        error_setg_errno(errp, errno, "Unable to accept connection");
        return NULL;
    }
}

SocketAddress *qio_channel_socket_get_local_address(QIOChannelSocket *ioc,
                                                    Error **errp)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);

    if (getsockname(ioc->fd, (struct sockaddr *)&sa, &len) < 0) {
        error_setg_errno(errp, errno, "Unable to query local socket address");
        return NULL;
    }
    return socket_address_from_sockaddr(&sa, len, errp);
}

SocketAddress *qio_channel_socket_get_remote_address(QIOChannelSocket *ioc,
                                                     Error **errp)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);

    if (getpeername(ioc->fd, (struct sockaddr *)&sa, &len) < 0) {
        error_setg_errno(errp, errno, "Unable to query remote socket address");
        return NULL;
    }
    return socket_address_from_sockaddr(&sa, len, errp);
}

/* Reading and writing */

typedef union FdMessage {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int) * MAX_PASSED_FDS)];
} FdMessage;

/* Collect the descriptors that came with @msg. */
static void take_fds(struct msghdr *msg, int **fds, size_t *nfds)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        size_t n;

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        *fds = g_renew(int, *fds, *nfds + n);
        memcpy(*fds + *nfds, CMSG_DATA(c), n * sizeof(int));
        *nfds += n;
    }
}

static ssize_t socket_readv(QIOChannel *ioc, const struct iovec *iov,
                            size_t niov, int **fds, size_t *nfds, int flags,
                            Error **errp)
{
    QIOChannelSocket *sioc = QIO_CHANNEL_SOCKET(ioc);
    struct msghdr msg = { .msg_iov = (struct iovec *)iov, .msg_iovlen = niov };
    FdMessage control;
    int msg_flags = MSG_CMSG_CLOEXEC;
    ssize_t ret;

    if (fds) {
        /* Without room the kernel drops descriptors that nobody asked for. */
        msg.msg_control = &control;
        msg.msg_controllen = sizeof(control);
    }
    if (flags & QIO_CHANNEL_READ_FLAG_MSG_PEEK) {
        msg_flags |= MSG_PEEK;
    }
    if (flags & QIO_CHANNEL_READ_FLAG_WAIT_ALL) {
        msg_flags |= MSG_WAITALL;
    }
    do {
        ret = recvmsg(qatomic_read(&sioc->fd), &msg, msg_flags);
    } while (ret < 0 && errno == EINTR);
    if (ret < 0) {
        if (errno == EAGAIN) {
            return QIO_CHANNEL_ERR_BLOCK;
        }
        error_setg_errno(errp, errno, "Unable to read from socket");
        return -1;
    }
    if (fds) {
        take_fds(&msg, fds, nfds);
    }
    return ret;
}

static bool attach_fds(struct msghdr *msg, FdMessage *control, const int *fds,
                       size_t nfds, Error **errp)
{
    struct cmsghdr *c;

    if (nfds > MAX_PASSED_FDS) {
        error_setg(errp, "Cannot pass %zu file descriptors at once, at most %d",
                   nfds, MAX_PASSED_FDS);
        return false;
    }
    memset(control, 0, sizeof(*control));
    msg->msg_control = control;
    msg->msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
    c = CMSG_FIRSTHDR(msg);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
    memcpy(CMSG_DATA(c), fds, sizeof(int) * nfds);
    return true;
}

static bool zero_copy_wait(QIOChannelSocket *sioc, uint64_t until,
                           Error **errp);

static ssize_t socket_writev(QIOChannel *ioc, const struct iovec *iov,
                             size_t niov, const int *fds, size_t nfds,
                             int flags, Error **errp)
{
    QIOChannelSocket *sioc = QIO_CHANNEL_SOCKET(ioc);
    struct msghdr msg = { .msg_iov = (struct iovec *)iov, .msg_iovlen = niov };
    bool zero_copy = flags & QIO_CHANNEL_WRITE_FLAG_ZERO_COPY;
    FdMessage control;
    ssize_t ret;

    if (flags & QIO_CHANNEL_WRITE_FLAG_BY_REFERENCE && !nfds &&
        !sioc->nonblocking &&
        qio_channel_has_feature(ioc, QIO_CHANNEL_FEATURE_WRITE_BY_REFERENCE)) {
        ret = socket_splice_writev(&sioc->splice, qatomic_read(&sioc->fd), iov,
                                   niov);
        if (ret >= 0) {
            sioc->spliced = true;
            return ret;
        }
        if (errno != ENOTSUP) {
            error_setg_errno(errp, errno, "Unable to write to socket");
            return -1;
        }
    }
    if (nfds && !attach_fds(&msg, &control, fds, nfds, errp)) {
        return -1;
    }
    for (;;) {
        ret = sendmsg(qatomic_read(&sioc->fd), &msg,
                      MSG_NOSIGNAL | (zero_copy ? MSG_ZEROCOPY : 0));
        if (ret >= 0) {
            sioc->zero_copy_sent += zero_copy && ret > 0;
            return ret;
        }
        if (errno == EAGAIN) {
            return QIO_CHANNEL_ERR_BLOCK;
        }
        if (zero_copy && errno == ENOBUFS) {
            /*
             * The kernel may pin no more pages for now.  If some of them are
             * ours, they come free as the peer reads.
             */
            if (sioc->zero_copy_done < sioc->zero_copy_sent) {
                if (!zero_copy_wait(sioc, sioc->zero_copy_done + 1, errp)) {
                    return -1;
                }
                continue;
            }
            error_setg_errno(errp, errno, "Process can't lock enough memory "
                                          "for using MSG_ZEROCOPY");
            return -1;
        }
        if (errno != EINTR) {
            error_setg_errno(errp, errno, "Unable to write to socket");
            return -1;
        }
    }
}

/* Zero copy */

/* Account one message of the error queue; false: it is a real error. */
static bool zero_copy_notice(QIOChannelSocket *sioc, struct msghdr *msg,
                             Error **errp)
{
    struct cmsghdr *c = CMSG_FIRSTHDR(msg);
    struct sock_extended_err see;

    if (!c ||
        !((c->cmsg_level == SOL_IP && c->cmsg_type == IP_RECVERR) ||
          (c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_RECVERR))) {
        error_setg(errp, "Unexpected message in the socket's error queue");
        return false;
    }
    memcpy(&see, CMSG_DATA(c), sizeof(see));
    if (see.ee_origin != SO_EE_ORIGIN_ZEROCOPY || see.ee_errno) {
        error_setg_errno(errp, see.ee_errno,
                         "Unexpected notice (origin %u) in the socket's "
                         "error queue", see.ee_origin);
        return false;
    }
    if (see.ee_code & SO_EE_CODE_ZEROCOPY_COPIED) {
        sioc->zero_copy_copied = true;
    }
    /* One notice is for the sends [ee_info, ee_data], numbers mod 2^32. */
    sioc->zero_copy_done += (uint32_t)(see.ee_data - see.ee_info) + 1;
    return true;
}

/* Wait for the error queue; false with errno set if nothing more will come. */
static bool zero_copy_poll(QIOChannelSocket *sioc)
{
    socklen_t len = sizeof(int);
    int err = ECANCELED;

    /* POLLERR, which is always reported, says there is a notice. */
    if (wake_poll(&sioc->wake, qatomic_read(&sioc->fd), 0, -1)) {
        if (getsockopt(qatomic_read(&sioc->fd), SOL_SOCKET, SO_ERROR, &err,
                       &len) == 0 &&
            err == 0) {
            return true;
        }
    }
    errno = err;
    return false;
}

/* Wait until @until sends are done. */
static bool zero_copy_wait(QIOChannelSocket *sioc, uint64_t until,
                           Error **errp)
{
    bool hung_up = false;

    while (sioc->zero_copy_done < until) {
        char control[CMSG_SPACE(sizeof(struct sock_extended_err) +
                                sizeof(struct sockaddr_in6))];
        struct msghdr msg = {
            .msg_control = control,
            .msg_controllen = sizeof(control),
        };

        if (recvmsg(sioc->fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) {
            if (errno == EAGAIN) {
                if (hung_up) {
                    /* Polling a closed connection does not wait: slow down. */
                    wake_poll(&sioc->wake, -1, 0, 1);
                }
                hung_up = true;
                if (zero_copy_poll(sioc)) {
                    continue;
                }
            }
            if (errno == EINTR) {
                continue;
            }
            error_setg_errno(errp, errno,
                             "Unable to wait for zero-copy writes");
            return false;
        }
        hung_up = false;
        if (!zero_copy_notice(sioc, &msg, errp)) {
            return false;
        }
    }
    return true;
}

static int socket_flush(QIOChannel *ioc, Error **errp)
{
    QIOChannelSocket *sioc = QIO_CHANNEL_SOCKET(ioc);
    bool copied;

    if (sioc->spliced) {
        if (!socket_splice_flush(qatomic_read(&sioc->fd), &sioc->wake)) {
            error_setg(errp, "Unable to wait for the peer to read: the socket "
                       "was shut down");
            return -1;
        }
        sioc->spliced = false;
    }
    if (!zero_copy_wait(sioc, sioc->zero_copy_sent, errp)) {
        return -1;
    }
    copied = sioc->zero_copy_copied;
    sioc->zero_copy_copied = false;
    return copied;
}

/* The channel as a whole */

static bool socket_close(QIOChannel *ioc, Error **errp)
{
    QIOChannelSocket *sioc = QIO_CHANNEL_SOCKET(ioc);
    int fd = qatomic_xchg(&sioc->fd, -1);
    struct stat st;

    if (fd < 0) {
        return true;
    }
    /* Not if somebody else listens there by now. */
    if (sioc->unlink_path && lstat(sioc->unlink_path, &st) == 0 &&
        st.st_dev == sioc->unlink_dev && st.st_ino == sioc->unlink_ino) {
        unlink(sioc->unlink_path);
    }
    g_clear_pointer(&sioc->unlink_path, g_free);
    /* After EINTR the descriptor is closed all the same. */
    if (close(fd) < 0 && errno != EINTR) {
        error_setg_errno(errp, errno, "Unable to close socket");
        return false;
    }
    return true;
}

static bool socket_shutdown(QIOChannel *ioc, QIOChannelShutdown how,
                            Error **errp)
{
    QIOChannelSocket *sioc = QIO_CHANNEL_SOCKET(ioc);
    int sys_how = how == QIO_CHANNEL_SHUTDOWN_BOTH   ? SHUT_RDWR
                  : how == QIO_CHANNEL_SHUTDOWN_READ ? SHUT_RD
                                                     : SHUT_WR;
    int fd;

    if (how & QIO_CHANNEL_SHUTDOWN_READ) {
        wake_set(&sioc->wake);
    }
    /* A plain load to those who read it; still ordered after the wake. */
    fd = __atomic_load_n(&sioc->fd, __ATOMIC_SEQ_CST);
    /* Not connected (any more): nothing is left to end. */
    if (fd >= 0 && shutdown(fd, sys_how) < 0 && errno != ENOTCONN) {
        error_setg_errno(errp, errno, "Unable to shutdown socket");
        return false;
    }
    return true;
}

static bool socket_set_blocking(QIOChannel *ioc, bool enabled, Error **errp)
{
    QIOChannelSocket *sioc = QIO_CHANNEL_SOCKET(ioc);
    int flags;

    sioc->nonblocking = !enabled;
    if (sioc->listening) {
        return true; /* accept() waits by itself */
    }
    flags = fcntl(sioc->fd, F_GETFL);
    if (flags < 0 ||
        fcntl(sioc->fd, F_SETFL, enabled ? flags & ~O_NONBLOCK
                                         : flags | O_NONBLOCK) < 0) {
        error_setg_errno(errp, errno, "Unable to set the blocking mode of the "
                                      "socket");
        return false;
    }
    return true;
}

static GSource *socket_create_watch(QIOChannel *ioc, GIOCondition cond)
{
    QIOChannelSocket *sioc = QIO_CHANNEL_SOCKET(ioc);

    return qio_channel_fd_watch(ioc, sioc->fd, sioc->fd, sioc->wake.fd, cond);
}

static void qio_channel_socket_finalize(GObject *obj)
{
    QIOChannelSocket *sioc = QIO_CHANNEL_SOCKET(obj);

    socket_close(QIO_CHANNEL(sioc), NULL);
    socket_splice_close(&sioc->splice);
    wake_destroy(&sioc->wake);
    G_OBJECT_CLASS(qio_channel_socket_parent_class)->finalize(obj);
}

static void qio_channel_socket_class_init(QIOChannelSocketClass *klass)
{
    QIOChannelClass *ioc_class = QIO_CHANNEL_CLASS(klass);

    G_OBJECT_CLASS(klass)->finalize = qio_channel_socket_finalize;
    ioc_class->io_readv = socket_readv;
    ioc_class->io_writev = socket_writev;
    ioc_class->io_flush = socket_flush;
    ioc_class->io_close = socket_close;
    ioc_class->io_shutdown = socket_shutdown;
    ioc_class->io_set_blocking = socket_set_blocking;
    ioc_class->io_create_watch = socket_create_watch;
}
