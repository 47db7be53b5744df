/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QIOChannel over nothing. */
#include "qemu/osdep.h"

#include "io/channel-null.h"
#include "io/channel-watch.h"
#include "qemu/iov.h"

struct _QIOChannelNull {
    QIOChannel parent_instance;
};

G_DEFINE_FINAL_TYPE(QIOChannelNull, qio_channel_null, QIO_TYPE_CHANNEL)

static void qio_channel_null_init(QIOChannelNull *ioc)
{
}

QIOChannelNull *qio_channel_null_new(void)
{
    return g_object_new(QIO_TYPE_CHANNEL_NULL, NULL);
}

static ssize_t null_readv(QIOChannel *ioc, const struct iovec *iov,
                          size_t niov, int **fds, size_t *nfds, int flags,
                          Error **errp)
{
    return 0;
}

static ssize_t null_writev(QIOChannel *ioc, const struct iovec *iov,
                           size_t niov, const int *fds, size_t nfds, int flags,
                           Error **errp)
{
    return iov_size(iov, niov);
}

static bool null_shutdown(QIOChannel *ioc, QIOChannelShutdown how,
                          Error **errp)
{
    return true; /* nothing ever blocks */
}

static GSource *null_create_watch(QIOChannel *ioc, GIOCondition cond)
{
    return qio_channel_ready_watch(ioc, cond);
}

static void qio_channel_null_class_init(QIOChannelNullClass *klass)
{
    QIOChannelClass *ioc_class = QIO_CHANNEL_CLASS(klass);

    ioc_class->io_readv = null_readv;
    ioc_class->io_writev = null_writev;
    ioc_class->io_shutdown = null_shutdown;
    ioc_class->io_create_watch = null_create_watch;
}
