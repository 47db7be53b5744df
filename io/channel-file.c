/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QIOChannel over a plain descriptor. */
#include "qemu/osdep.h"

#include "io/channel-file.h"
#include "io/channel-watch.h"
#include "io/fd-stream.h"
#include "qemu/fdset.h"

struct _QIOChannelFile {
    QIOChannel parent_instance;
    int fd;
    FdStream in;
    FdStream out;
};

G_DEFINE_FINAL_TYPE(QIOChannelFile, qio_channel_file, QIO_TYPE_CHANNEL)

static void qio_channel_file_init(QIOChannelFile *ioc)
{
    ioc->fd = -1;
    fd_stream_init_none(&ioc->in);
    fd_stream_init_none(&ioc->out);
}

QIOChannelFile *qio_channel_file_new_fd(int fd)
{
    QIOChannelFile *fioc = g_object_new(QIO_TYPE_CHANNEL_FILE, NULL);
    QIOChannel *ioc = QIO_CHANNEL(fioc);

    fioc->fd = fd;
    fd_stream_init(&fioc->in, fd);
    fd_stream_init(&fioc->out, fd);
    if (lseek(fd, 0, SEEK_CUR) != (off_t)-1) {
        qio_channel_set_feature(ioc, QIO_CHANNEL_FEATURE_SEEKABLE);
    }
    qio_channel_set_feature(ioc, QIO_CHANNEL_FEATURE_SHUTDOWN);
    return fioc;
}

QIOChannelFile *qio_channel_file_new_path(const char *path, int flags,
                                          mode_t mode, Error **errp)
{
    int fd = qemu_open(path, flags, mode, errp);

    return fd < 0 ? NULL : qio_channel_file_new_fd(fd);
}

int qio_channel_file_get_fd(QIOChannelFile *ioc)
{
    return ioc->fd;
}

static ssize_t file_readv(QIOChannel *ioc, const struct iovec *iov,
                          size_t niov, int **fds, size_t *nfds, int flags,
                          Error **errp)
{
    return fd_stream_readv(&QIO_CHANNEL_FILE(ioc)->in, iov, niov, errp);
}

static ssize_t file_writev(QIOChannel *ioc, const struct iovec *iov,
                           size_t niov, const int *fds, size_t nfds, int flags,
                           Error **errp)
{
    return fd_stream_writev(&QIO_CHANNEL_FILE(ioc)->out, iov, niov, errp);
}

static ssize_t file_preadv(QIOChannel *ioc, const struct iovec *iov,
                           size_t niov, off_t offset, Error **errp)
{
    QIOChannelFile *fioc = QIO_CHANNEL_FILE(ioc);
    ssize_t ret;

    if (wake_is_set(&fioc->in.shut)) {
        return 0;
    }
    do {
        ret = preadv(fioc->fd, iov, niov, offset);
    } while (ret < 0 && errno == EINTR);
    if (ret < 0) {
        error_setg_errno(errp, errno, "Unable to read from file at %jd",
                         (intmax_t)offset);
        return -1;
    }
    return ret;
}

static ssize_t file_pwritev(QIOChannel *ioc, const struct iovec *iov,
                            size_t niov, off_t offset, Error **errp)
{
    QIOChannelFile *fioc = QIO_CHANNEL_FILE(ioc);
    ssize_t ret;

    if (wake_is_set(&fioc->out.shut)) {
        error_setg_errno(errp, EPIPE, "Unable to write to file at %jd",
                         (intmax_t)offset);
        return -1;
    }
    do {
        ret = pwritev(fioc->fd, iov, niov, offset);
    } while (ret < 0 && errno == EINTR);
    if (ret < 0) {
        error_setg_errno(errp, errno, "Unable to write to file at %jd",
                         (intmax_t)offset);
        return -1;
    }
    return ret;
}

static off_t file_seek(QIOChannel *ioc, off_t offset, int whence,
                       Error **errp)
{
    off_t ret = lseek(QIO_CHANNEL_FILE(ioc)->fd, offset, whence);

    if (ret < 0) {
        error_setg_errno(errp, errno, "Unable to seek to offset %jd whence %d "
                                      "in file", (intmax_t)offset, whence);
        return -1;
    }
    return ret;
}

static bool file_close(QIOChannel *ioc, Error **errp)
{
    QIOChannelFile *fioc = QIO_CHANNEL_FILE(ioc);
    int fd = fioc->fd;

    if (fd < 0) {
        return true;
    }
    /* The last to set the descriptor's mode is the first to restore it. */
    fd_stream_release(&fioc->out);
    fd_stream_release(&fioc->in);
    fioc->fd = -1;
    if (qemu_close(fd) < 0 && errno != EINTR) {
        error_setg_errno(errp, errno, "Unable to close file");
        return false;
    }
    return true;
}

static bool file_shutdown(QIOChannel *ioc, QIOChannelShutdown how,
                          Error **errp)
{
    QIOChannelFile *fioc = QIO_CHANNEL_FILE(ioc);

    if (how & QIO_CHANNEL_SHUTDOWN_READ) {
        fd_stream_shutdown(&fioc->in);
    }
    if (how & QIO_CHANNEL_SHUTDOWN_WRITE) {
        fd_stream_shutdown(&fioc->out);
    }
    return true;
}

static bool file_set_blocking(QIOChannel *ioc, bool enabled, Error **errp)
{
    QIOChannelFile *fioc = QIO_CHANNEL_FILE(ioc);

    fioc->in.nonblocking = fioc->out.nonblocking = !enabled;
    return true;
}

static GSource *file_create_watch(QIOChannel *ioc, GIOCondition cond)
{
    QIOChannelFile *fioc = QIO_CHANNEL_FILE(ioc);
    /* One wake-up is enough: a shutdown of a file ends both directions. */
    int wake_fd = cond & G_IO_OUT ? fioc->out.shut.fd : fioc->in.shut.fd;

    return qio_channel_fd_watch(ioc, fioc->fd, fioc->fd, wake_fd, cond);
}

static void qio_channel_file_finalize(GObject *obj)
{
    QIOChannelFile *fioc = QIO_CHANNEL_FILE(obj);

    file_close(QIO_CHANNEL(fioc), NULL);
    fd_stream_destroy(&fioc->in);
    fd_stream_destroy(&fioc->out);
    G_OBJECT_CLASS(qio_channel_file_parent_class)->finalize(obj);
}

static void qio_channel_file_class_init(QIOChannelFileClass *klass)
{
    QIOChannelClass *ioc_class = QIO_CHANNEL_CLASS(klass);

    G_OBJECT_CLASS(klass)->finalize = qio_channel_file_finalize;
    ioc_class->io_readv = file_readv;
    ioc_class->io_writev = file_writev;
    ioc_class->io_preadv = file_preadv;
    ioc_class->io_pwritev = file_pwritev;
    ioc_class->io_seek = file_seek;
    ioc_class->io_close = file_close;
    ioc_class->io_shutdown = file_shutdown;
    ioc_class->io_set_blocking = file_set_blocking;
    ioc_class->io_create_watch = file_create_watch;
}
