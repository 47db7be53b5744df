/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmsplice(2) makes a pipe's buffers refer to pages, splice(2) hands them on
 * to the socket.
 */
#include "qemu/osdep.h"
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
