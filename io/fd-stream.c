/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interruptible reads and writes on plain descriptors. */
#include "qemu/osdep.h"

#include <poll.h>
#include <sys/stat.h>

#include "io/fd-stream.h"

void fd_stream_init_none(FdStream *s)
{
    *s = (FdStream){ .fd = -1, .shut = WAKE_NONE };
}

void fd_stream_init(FdStream *s, int fd)
{
    struct stat st;

    fd_stream_init_none(s);
    s->fd = fd;
    s->pollable = fstat(fd, &st) == 0 && !S_ISREG(st.st_mode) &&
                  !S_ISBLK(st.st_mode) && !S_ISDIR(st.st_mode);
    if (!s->pollable) {
        return;
    }
    wake_init(&s->shut);
    s->saved_flags = fcntl(fd, F_GETFL);
    if (!(s->saved_flags & O_NONBLOCK)) {
        fcntl(fd, F_SETFL, s->saved_flags | O_NONBLOCK);
    }
}

void fd_stream_release(FdStream *s)
{
    if (s->fd >= 0 && s->pollable && !(s->saved_flags & O_NONBLOCK)) {
        fcntl(s->fd, F_SETFL, s->saved_flags);
    }
    s->fd = -1;
}

void fd_stream_destroy(FdStream *s)
{
    wake_destroy(&s->shut);
}

void fd_stream_shutdown(FdStream *s)
{
    wake_set(&s->shut);
}

ssize_t fd_stream_readv(FdStream *s, const struct iovec *iov, size_t niov,
                        Error **errp)
{
    for (;;) {
        ssize_t ret;

        if (wake_is_set(&s->shut)) {
            return 0;
        }
        ret = readv(s->fd, iov, niov);
        if (ret >= 0) {
            return ret;
        }
        if (errno == EAGAIN) {
            if (s->nonblocking) {
                return QIO_CHANNEL_ERR_BLOCK;
            }
            wake_poll(&s->shut, s->fd, POLLIN, -1);
        } else if (errno != EINTR) {
            error_setg_errno(errp, errno, "Unable to read from file");
            return -1;
        }
    }
}

ssize_t fd_stream_writev(FdStream *s, const struct iovec *iov, size_t niov,
                         Error **errp)
{
    for (;;) {
        ssize_t ret;

        if (wake_is_set(&s->shut)) {
            error_setg_errno(errp, EPIPE, "Unable to write to file");
            return -1;
        }
        ret = writev(s->fd, iov, niov);
        if (ret >= 0) {
            return ret;
        }
        if (errno == EAGAIN) {
            if (s->nonblocking) {
                return QIO_CHANNEL_ERR_BLOCK;
            }
            wake_poll(&s->shut, s->fd, POLLOUT, -1);
        } else if (errno != EINTR) {
            error_setg_errno(errp, errno, "Unable to write to file");
            return -1;
        }
    }
}
