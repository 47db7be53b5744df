/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmsplice(2) makes a pipe's buffers refer to pages, splice(2) hands them on
 * to the socket.
 */
#include "qemu/osdep.h"

#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "io/socket-splice.h"

/* What an unprivileged process may ask for; less makes for more calls. */
#define PIPE_SIZE (1 * MiB)

static bool splice_open(SocketSplice *s)
{
    int fds[2];

    if (s->in >= 0) {
        return true;
    }
    if (pipe2(fds, O_CLOEXEC) < 0) {
        return false;
    }
    fcntl(fds[1], F_SETPIPE_SZ, (int)PIPE_SIZE);
    *s = (SocketSplice) { .in = fds[1], .out = fds[0] };
    return true;
}

void socket_splice_close(SocketSplice *s)
{
    if (s->in >= 0) {
        close(s->in);
        close(s->out);
    }
    *s = (SocketSplice)SOCKET_SPLICE_NONE;
}

/* All @len bytes that are in the pipe. */
static bool splice_out(SocketSplice *s, int fd, size_t len)
{
    while (len) {
        ssize_t n = splice(s->out, NULL, fd, NULL, len, 0);

        if (n > 0) {
            len -= n;
        } else if (n == 0 || errno != EINTR) {
            errno = n == 0 ? EPIPE : errno;
            return false;
        }
    }
    return true;
}

ssize_t socket_splice_writev(SocketSplice *s, int fd, const struct iovec *iov,
                             size_t niov)
{
    ssize_t n;

    if (!splice_open(s)) {
        errno = ENOTSUP;
        return -1;
    }
    do {
        /* The pipe is empty: this does not wait. */
        n = vmsplice(s->in, iov, niov, 0);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        errno = ENOTSUP; /* not allowed, or not with this memory */
        return -1;
    }
    if (!splice_out(s, fd, n)) {
        int err = errno;

        /* With what is left in it it would be of no use. */
        socket_splice_close(s);
        errno = err;
        return -1;
    }
    return n;
}

/* Less than a page waits to be read. */
static bool all_read(int fd)
{
    int unread = 0;

    return ioctl(fd, SIOCOUTQ, &unread) < 0 ||
           unread < (int)TARGET_PAGE_SIZE;
}

/*
 * A unix socket can be written to when less than a quarter of its buffer waits
 * to be read: with the smallest buffer there is, that is less than a page.
 */
bool socket_splice_flush(int fd, Wake *wake)
{
    int size = 0, smallest = 1;
    socklen_t len = sizeof(size);
    bool ok = true;

    if (all_read(fd)) {
        return true;
    }
    getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &len);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &smallest, sizeof(smallest));
    while (ok && !all_read(fd)) {
        ok = wake_poll(wake, fd, POLLOUT, -1);
        if (ok && !all_read(fd)) {
            /* It is not what we think: ask again in a millisecond. */
            wake_poll(wake, -1, 0, 1);
        }
    }
    size /= 2; /* the kernel doubles it again */
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    return ok;
}
