/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QIOChannel: what all kinds of channels have in common, above all the calls
 * that do everything or fail.
 */
#include "qemu/osdep.h"

#include "io/channel.h"

typedef struct QIOChannelPrivate {
    char *name;
    unsigned features; /* bits of QIOChannelFeature; set while connecting */
} QIOChannelPrivate;

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE(QIOChannel, qio_channel, G_TYPE_OBJECT)

static QIOChannelPrivate *channel_private(QIOChannel *ioc)
{
    return qio_channel_get_instance_private(ioc);
}

static void qio_channel_finalize(GObject *obj)
{
    g_free(channel_private(QIO_CHANNEL(obj))->name);
    G_OBJECT_CLASS(qio_channel_parent_class)->finalize(obj);
}

static void qio_channel_class_init(QIOChannelClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = qio_channel_finalize;
}

static void qio_channel_init(QIOChannel *ioc)
{
}

void qio_channel_set_name(QIOChannel *ioc, const char *name)
{
    QIOChannelPrivate *priv = channel_private(ioc);

    g_free(priv->name);
    priv->name = g_strdup(name);
}

const char *qio_channel_get_name(QIOChannel *ioc)
{
    return channel_private(ioc)->name;
}

void qio_channel_set_feature(QIOChannel *ioc, QIOChannelFeature feature)
{
    channel_private(ioc)->features |= 1U << feature;
}

bool qio_channel_has_feature(QIOChannel *ioc, QIOChannelFeature feature)
{
    return channel_private(ioc)->features & (1U << feature);
}

/* One call */

ssize_t qio_channel_readv_full(QIOChannel *ioc, const struct iovec *iov,
                               size_t niov, int **fds, size_t *nfds, int flags,
                               Error **errp)
{
    if (fds) {
        *fds = NULL;
        *nfds = 0;
        if (!qio_channel_has_feature(ioc, QIO_CHANNEL_FEATURE_FD_PASS)) {
            error_setg(errp, "Channel does not support file descriptor "
                             "passing");
            return -1;
        }
    }
    if ((flags & QIO_CHANNEL_READ_FLAG_MSG_PEEK) &&
        !qio_channel_has_feature(ioc, QIO_CHANNEL_FEATURE_READ_MSG_PEEK)) {
        error_setg(errp, "Channel does not support peek read");
        return -1;
    }
    /* The kernel refuses more elements; doing less is always allowed. */
    return QIO_CHANNEL_GET_CLASS(ioc)->io_readv(ioc, iov, MIN(niov, IOV_MAX),
                                                fds, nfds, flags, errp);
}

ssize_t qio_channel_writev_full(QIOChannel *ioc, const struct iovec *iov,
                                size_t niov, const int *fds, size_t nfds,
                                int flags, Error **errp)
{
    if (nfds &&
        !qio_channel_has_feature(ioc, QIO_CHANNEL_FEATURE_FD_PASS)) {
        error_setg(errp, "Channel does not support file descriptor passing");
        return -1;
    }
    if ((flags & QIO_CHANNEL_WRITE_FLAG_ZERO_COPY) &&
        !qio_channel_has_feature(ioc, QIO_CHANNEL_FEATURE_WRITE_ZERO_COPY)) {
        error_setg(errp, "Requested Zero Copy feature is not available");
        return -1;
    }
    return QIO_CHANNEL_GET_CLASS(ioc)->io_writev(ioc, iov, MIN(niov, IOV_MAX),
                                                 fds, nfds, flags, errp);
}

ssize_t qio_channel_readv(QIOChannel *ioc, const struct iovec *iov,
                          size_t niov, Error **errp)
{
    return qio_channel_readv_full(ioc, iov, niov, NULL, NULL, 0, errp);
}

ssize_t qio_channel_writev(QIOChannel *ioc, const struct iovec *iov,
                           size_t niov, Error **errp)
{
    return qio_channel_writev_full(ioc, iov, niov, NULL, 0, 0, errp);
}

ssize_t qio_channel_read(QIOChannel *ioc, void *buf, size_t len, Error **errp)
{
    struct iovec iov = { buf, len };

    return qio_channel_readv(ioc, &iov, 1, errp);
}

ssize_t qio_channel_write(QIOChannel *ioc, const void *buf, size_t len,
                          Error **errp)
{
    struct iovec iov = { (void *)buf, len };

    return qio_channel_writev(ioc, &iov, 1, errp);
}

/* Everything or failure */

/*
 * What is left of a caller's list, which must not be changed: whole elements
 * as they are, or, after a call ended inside an element, a window of copies
 * with the first one shortened.  Nothing is copied if every call ends at an
 * element's end, and never more than a window.
 */
typedef struct IovCursor {
    const struct iovec *iov; /* the element that is next */
    size_t niov;
    size_t done; /* bytes of *@iov already done */
    struct iovec window[64];
} IovCursor;

static void cursor_advance(IovCursor *c, size_t bytes)
{
    bytes += c->done;
    while (c->niov > 0 && bytes >= c->iov->iov_len) {
        bytes -= c->iov->iov_len;
        c->iov++;
        c->niov--;
    }
    c->done = bytes;
}

static const struct iovec *cursor_get(IovCursor *c, size_t *n)
{
    if (c->done == 0) {
        *n = c->niov;
        return c->iov;
    }
    *n = MIN(c->niov, G_N_ELEMENTS(c->window));
    memcpy(c->window, c->iov, *n * sizeof(*c->iov));
    c->window[0].iov_base = (char *)c->window[0].iov_base + c->done;
    c->window[0].iov_len -= c->done;
    return c->window;
}

int qio_channel_readv_all_eof(QIOChannel *ioc, const struct iovec *iov,
                              size_t niov, Error **errp)
{
    IovCursor c;
    bool begun = false;

    c.iov = iov;
    c.niov = niov;
    c.done = 0;
    /* Skip empty elements: a read of nothing would look like end of file. */
    cursor_advance(&c, 0);
    while (c.niov > 0) {
        size_t n;
        const struct iovec *now = cursor_get(&c, &n);
        ssize_t len = qio_channel_readv_full(ioc, now, n, NULL, NULL,
                                             QIO_CHANNEL_READ_FLAG_WAIT_ALL,
                                             errp);

        if (len == QIO_CHANNEL_ERR_BLOCK) {
            qio_channel_wait(ioc, G_IO_IN);
            continue;
        }
        if (len < 0) {
            return -1;
        }
        if (len == 0) {
            if (!begun) {
                return 0;
            }
            error_setg(errp,
                       "Unexpected end-of-file before all data were read");
            return -1;
        }
        begun = true;
        cursor_advance(&c, len);
    }
    return 1;
}

int qio_channel_read_all_eof(QIOChannel *ioc, void *buf, size_t len,
                             Error **errp)
{
    struct iovec iov = { buf, len };

    return qio_channel_readv_all_eof(ioc, &iov, 1, errp);
}

bool qio_channel_readv_all(QIOChannel *ioc, const struct iovec *iov,
                           size_t niov, Error **errp)
{
    int ret = qio_channel_readv_all_eof(ioc, iov, niov, errp);

    if (ret == 0) {
        error_setg(errp, "Unexpected end-of-file before all data were read");
    }
    return ret == 1;
}

bool qio_channel_read_all(QIOChannel *ioc, void *buf, size_t len,
                          Error **errp)
{
    struct iovec iov = { buf, len };

    return qio_channel_readv_all(ioc, &iov, 1, errp);
}

bool qio_channel_writev_full_all(QIOChannel *ioc, const struct iovec *iov,
                                 size_t niov, const int *fds, size_t nfds,
                                 int flags, Error **errp)
{
    IovCursor c;

    c.iov = iov;
    c.niov = niov;
    c.done = 0;
    cursor_advance(&c, 0);
    while (c.niov > 0) {
        size_t n;
        const struct iovec *now = cursor_get(&c, &n);
        ssize_t len = qio_channel_writev_full(ioc, now, n, fds, nfds, flags,
                                              errp);

        if (len == QIO_CHANNEL_ERR_BLOCK) {
            qio_channel_wait(ioc, G_IO_OUT);
            continue;
        }
        if (len < 0) {
            return false;
        }
        /* The descriptors went with the first byte. */
        fds = NULL;
        nfds = 0;
        cursor_advance(&c, len);
    }
    return true;
}

bool qio_channel_writev_all(QIOChannel *ioc, const struct iovec *iov,
                            size_t niov, Error **errp)
{
    return qio_channel_writev_full_all(ioc, iov, niov, NULL, 0, 0, errp);
}

bool qio_channel_write_all(QIOChannel *ioc, const void *buf, size_t len,
                           Error **errp)
{
    struct iovec iov = { (void *)buf, len };

    return qio_channel_writev_all(ioc, &iov, 1, errp);
}

/* At an offset */

static bool check_seekable(QIOChannel *ioc, Error **errp)
{
    if (!qio_channel_has_feature(ioc, QIO_CHANNEL_FEATURE_SEEKABLE)) {
        error_setg(errp, "Requested channel is not seekable");
        return false;
    }
    return true;
}

ssize_t qio_channel_preadv(QIOChannel *ioc, const struct iovec *iov,
                           size_t niov, off_t offset, Error **errp)
{
    if (!check_seekable(ioc, errp)) {
        return -1;
    }
    return QIO_CHANNEL_GET_CLASS(ioc)->io_preadv(ioc, iov, MIN(niov, IOV_MAX),
                                                 offset, errp);
}

ssize_t qio_channel_pwritev(QIOChannel *ioc, const struct iovec *iov,
                            size_t niov, off_t offset, Error **errp)
{
    if (!check_seekable(ioc, errp)) {
        return -1;
    }
    return QIO_CHANNEL_GET_CLASS(ioc)->io_pwritev(ioc, iov,
                                                  MIN(niov, IOV_MAX), offset,
                                                  errp);
}

off_t qio_channel_seek(QIOChannel *ioc, off_t offset, int whence,
                       Error **errp)
{
    if (!check_seekable(ioc, errp)) {
        return -1;
    }
    return QIO_CHANNEL_GET_CLASS(ioc)->io_seek(ioc, offset, whence, errp);
}

/* The channel as a whole */

bool qio_channel_close(QIOChannel *ioc, Error **errp)
{
    QIOChannelClass *klass = QIO_CHANNEL_GET_CLASS(ioc);

    return !klass->io_close || klass->io_close(ioc, errp);
}

bool qio_channel_shutdown(QIOChannel *ioc, QIOChannelShutdown how,
                          Error **errp)
{
    QIOChannelClass *klass = QIO_CHANNEL_GET_CLASS(ioc);

    if (!klass->io_shutdown) {
        error_setg(errp, "Data path shutdown not supported");
        return false;
    }
    return klass->io_shutdown(ioc, how, errp);
}

bool qio_channel_set_blocking(QIOChannel *ioc, bool enabled, Error **errp)
{
    QIOChannelClass *klass = QIO_CHANNEL_GET_CLASS(ioc);

    return !klass->io_set_blocking ||
           klass->io_set_blocking(ioc, enabled, errp);
}

int qio_channel_flush(QIOChannel *ioc, Error **errp)
{
    QIOChannelClass *klass = QIO_CHANNEL_GET_CLASS(ioc);

    return klass->io_flush ? klass->io_flush(ioc, errp) : 0;
}

/* Waiting */

GSource *qio_channel_create_watch(QIOChannel *ioc, GIOCondition cond)
{
    GSource *source = QIO_CHANNEL_GET_CLASS(ioc)->io_create_watch(ioc, cond);
    const char *name = qio_channel_get_name(ioc);

    if (name) {
        g_source_set_name(source, name);
    }
    return source;
}

guint qio_channel_add_watch(QIOChannel *ioc, GIOCondition cond,
                            QIOChannelFunc fn, gpointer data,
                            GMainContext *context)
{
    GSource *source = qio_channel_create_watch(ioc, cond);
    guint id;

    g_source_set_callback(source, (GSourceFunc)(void (*)(void))fn, data, NULL);
    id = g_source_attach(source, context);
    g_source_unref(source);
    return id;
}

static gboolean wait_done(QIOChannel *ioc, GIOCondition cond, gpointer data)
{
    *(bool *)data = true;
    return G_SOURCE_REMOVE;
}

void qio_channel_wait(QIOChannel *ioc, GIOCondition cond)
{
    GMainContext *context = g_main_context_new();
    bool done = false;

    qio_channel_add_watch(ioc, cond, wait_done, &done, context);
    while (!done) {
        g_main_context_iteration(context, TRUE);
    }
    g_main_context_unref(context);
}
