/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QIOChannel over memory. */
#include "qemu/osdep.h"

#include "io/channel-buffer.h"
#include "io/channel-watch.h"
#include "qemu/iov.h"

struct _QIOChannelBuffer {
    QIOChannel parent_instance;
    GByteArray *bytes; /* all that was written */
    size_t read_pos;
};

G_DEFINE_FINAL_TYPE(QIOChannelBuffer, qio_channel_buffer, QIO_TYPE_CHANNEL)

static void qio_channel_buffer_init(QIOChannelBuffer *ioc)
{
    qio_channel_set_feature(QIO_CHANNEL(ioc),
                            QIO_CHANNEL_FEATURE_READ_MSG_PEEK);
}

QIOChannelBuffer *qio_channel_buffer_new(size_t capacity)
{
    QIOChannelBuffer *bioc = g_object_new(QIO_TYPE_CHANNEL_BUFFER, NULL);

    /* Never nothing: a null pointer has no end that could be looked at. */
    bioc->bytes = g_byte_array_sized_new(CLAMP(capacity, 1, G_MAXUINT / 2));
    return bioc;
}

const uint8_t *qio_channel_buffer_data(QIOChannelBuffer *ioc, size_t *len)
{
    *len = ioc->bytes->len;
    return ioc->bytes->data;
}

static ssize_t buffer_readv(QIOChannel *ioc, const struct iovec *iov,
                            size_t niov, int **fds, size_t *nfds, int flags,
                            Error **errp)
{
    QIOChannelBuffer *bioc = QIO_CHANNEL_BUFFER(ioc);
    size_t len = iov_from_buf(iov, niov, 0, bioc->bytes->data + bioc->read_pos,
                              bioc->bytes->len - bioc->read_pos);

    if (!(flags & QIO_CHANNEL_READ_FLAG_MSG_PEEK)) {
        bioc->read_pos += len;
    }
    return len;
}

static ssize_t buffer_writev(QIOChannel *ioc, const struct iovec *iov,
                             size_t niov, const int *fds, size_t nfds,
                             int flags, Error **errp)
{
    QIOChannelBuffer *bioc = QIO_CHANNEL_BUFFER(ioc);
    size_t old = bioc->bytes->len;
    size_t len = iov_size(iov, niov);

    /* GLib counts in guint, and ends the program when it overflows. */
    if (len > G_MAXUINT / 2 - old) {
        error_setg_errno(errp, ENOSPC, "Unable to write to memory buffer");
        return -1;
    }
    g_byte_array_set_size(bioc->bytes, old + len);
    return iov_to_buf(iov, niov, 0, bioc->bytes->data + old, len);
}

static GSource *buffer_create_watch(QIOChannel *ioc, GIOCondition cond)
{
    return qio_channel_ready_watch(ioc, cond);
}

static void qio_channel_buffer_finalize(GObject *obj)
{
    g_byte_array_unref(QIO_CHANNEL_BUFFER(obj)->bytes);
    G_OBJECT_CLASS(qio_channel_buffer_parent_class)->finalize(obj);
}

static void qio_channel_buffer_class_init(QIOChannelBufferClass *klass)
{
    QIOChannelClass *ioc_class = QIO_CHANNEL_CLASS(klass);

    G_OBJECT_CLASS(klass)->finalize = qio_channel_buffer_finalize;
    ioc_class->io_readv = buffer_readv;
    ioc_class->io_writev = buffer_writev;
    ioc_class->io_create_watch = buffer_create_watch;
}
