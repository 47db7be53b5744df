/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chardevs over QIOChannels. */
#include "qemu/osdep.h"

#include "chardev-stream.h"

/* What a device may leave queued before chardev_write() falls short. */
#define STREAM_QUEUE_LIMIT (64 * KiB)
#define STREAM_READ_SIZE (16 * KiB)

typedef struct ChardevStreamPrivate {
    /* All protected by the chardev's lock. */
    QIOChannel *in;
    QIOChannel *out;
    GSource *in_watch;
    GSource *hup_watch; /* instead, while the front end takes nothing */
    GSource *out_watch;
    GByteArray *queue; /* not sent yet, from queue_pos on */
    size_t queue_pos;
    bool in_ended;     /* nothing more to read from this peer */
    bool broken;       /* writing failed: what comes is dropped */
} ChardevStreamPrivate;

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE(ChardevStream, chardev_stream,
                                    CHARDEV_TYPE)

static ChardevStreamPrivate *stream_priv(ChardevStream *s)
{
    return chardev_stream_get_instance_private(s);
}

static void drop_source(GSource **source)
{
    if (*source) {
        g_source_destroy(*source);
        g_clear_pointer(source, g_source_unref);
    }
}

static GSource *watch(Chardev *chr, QIOChannel *ioc, GIOCondition cond,
                      QIOChannelFunc fn)
{
    GSource *source = qio_channel_create_watch(ioc, cond);

    g_source_set_callback(source, G_SOURCE_FUNC(fn), chr, NULL);
    /*
     * Nobody runs the context from within a handler, and GLib need not guard
     * against it: it would take the descriptors out and in again around each
     * call, waking itself up every time, which doubles the cost of a request.
     */
    g_source_set_can_recurse(source, TRUE);
    g_source_attach(source, chardev_context(chr));
    return source;
}

/* The input is at its end: nobody watches it any more. */
static void stream_end_input(ChardevStream *s)
{
    ChardevStreamPrivate *p = stream_priv(s);

    qemu_mutex_lock(chardev_lock(QEMU_CHARDEV(s)));
    p->in_ended = true;
    drop_source(&p->in_watch);
    drop_source(&p->hup_watch);
    qemu_mutex_unlock(chardev_lock(QEMU_CHARDEV(s)));
    CHARDEV_STREAM_GET_CLASS(s)->eof(s);
}

static gboolean stream_hung_up(QIOChannel *ioc, GIOCondition cond,
                               gpointer data)
{
    stream_end_input(data);
    return G_SOURCE_CONTINUE;
}

/*
 * The front end takes nothing now; if it changes its mind meanwhile, the
 * wake-up is still to come.  A peer that goes away is noticed all the same.
 */
static void stream_pause_input(Chardev *chr)
{
    ChardevStreamPrivate *p = stream_priv(CHARDEV_STREAM(chr));

    QEMU_LOCK_GUARD(chardev_lock(chr));
    drop_source(&p->in_watch);
    if (!p->hup_watch) {
        p->hup_watch = watch(chr, p->in, G_IO_HUP | G_IO_ERR, stream_hung_up);
    }
}

static gboolean stream_readable(QIOChannel *ioc, GIOCondition cond,
                                gpointer data)
{
    Chardev *chr = data;
    ChardevStream *s = CHARDEV_STREAM(chr);
    bool with_fds = qio_channel_has_feature(ioc, QIO_CHANNEL_FEATURE_FD_PASS);
    uint8_t buf[STREAM_READ_SIZE];
    struct iovec iov = { .iov_base = buf };
    int *fds = NULL;
    size_t nfds = 0;
    ssize_t n;

    /* The front end learns of its peer before it is asked for anything. */
    chardev_fe_sync_events(chr);

    iov.iov_len = MIN(chardev_fe_can_read(chr), sizeof(buf));
    if (!iov.iov_len) {
        stream_pause_input(chr);
        return G_SOURCE_CONTINUE;
    }
    n = qio_channel_readv_full(ioc, &iov, 1, with_fds ? &fds : NULL,
                               with_fds ? &nfds : NULL, 0, NULL);
    if (n == QIO_CHANNEL_ERR_BLOCK) {
        return G_SOURCE_CONTINUE;
    }
    if (n <= 0) {
        stream_end_input(s);
        return G_SOURCE_CONTINUE;
    }
    chardev_fe_read(chr, buf, n, fds, nfds);
    return G_SOURCE_CONTINUE;
}

/* Lock held. */
static bool stream_flush(Chardev *chr)
{
    ChardevStream *s = CHARDEV_STREAM(chr);
    ChardevStreamPrivate *p = stream_priv(s);

    while (p->out && p->queue_pos < p->queue->len) {
        ssize_t n = CHARDEV_STREAM_GET_CLASS(s)->send(
            s, p->out, p->queue->data + p->queue_pos,
            p->queue->len - p->queue_pos);

        if (n == QIO_CHANNEL_ERR_BLOCK) {
            return false;
        }
        if (n < 0) {
            /*
             * Whoever reads (maybe another thread) shall find the end of the
             * connection, and tell the front end.
             */
            p->broken = true;
            qio_channel_shutdown(p->out, QIO_CHANNEL_SHUTDOWN_BOTH, NULL);
            break;
        }
        p->queue_pos += n;
    }
    g_byte_array_set_size(p->queue, 0);
    p->queue_pos = 0;
    return true;
}

static gboolean stream_writable(QIOChannel *ioc, GIOCondition cond,
                                gpointer data)
{
    Chardev *chr = data;
    ChardevStreamPrivate *p = stream_priv(CHARDEV_STREAM(chr));

    QEMU_LOCK_GUARD(chardev_lock(chr));
    if (stream_flush(chr)) {
        drop_source(&p->out_watch);
    }
    return G_SOURCE_CONTINUE;
}

static size_t stream_write(Chardev *chr, const uint8_t *buf, size_t len,
                           bool unlimited)
{
    ChardevStreamPrivate *p = stream_priv(CHARDEV_STREAM(chr));
    size_t queued = p->queue->len - p->queue_pos;

    if (!p->out || p->broken) {
        return len;
    }
    if (queued && !unlimited) {
        size_t room = queued < STREAM_QUEUE_LIMIT ? STREAM_QUEUE_LIMIT - queued
                                                  : 0;

        len = MIN(len, room);
    }
    /* What was sent need not stay; the rest moves to the front. */
    if (p->queue_pos) {
        g_byte_array_remove_range(p->queue, 0, p->queue_pos);
        p->queue_pos = 0;
    }
    g_byte_array_append(p->queue, buf, len);
    if (!queued && !stream_flush(chr)) {
        chardev_wake(chr);
    }
    return len;
}

static void stream_update(Chardev *chr)
{
    ChardevStreamPrivate *p = stream_priv(CHARDEV_STREAM(chr));

    if (p->queue->len && !p->out_watch) {
        p->out_watch = watch(chr, p->out, G_IO_OUT | G_IO_HUP | G_IO_ERR,
                             stream_writable);
    }
    if (p->in && !p->in_ended && !p->in_watch) {
        drop_source(&p->hup_watch);
        p->in_watch = watch(chr, p->in, G_IO_IN | G_IO_HUP | G_IO_ERR,
                            stream_readable);
    }
}

static void stream_stop(Chardev *chr)
{
    ChardevStreamPrivate *p = stream_priv(CHARDEV_STREAM(chr));

    drop_source(&p->in_watch);
    drop_source(&p->hup_watch);
    drop_source(&p->out_watch);
}

void chardev_stream_open(ChardevStream *s, QIOChannel *in, QIOChannel *out)
{
    ChardevStreamPrivate *p = stream_priv(s);

    chardev_stream_close(s);
    p->in = in ? g_object_ref(in) : NULL;
    p->out = out ? g_object_ref(out) : NULL;
    p->in_ended = false;
    p->broken = false;
    chardev_set_open(QEMU_CHARDEV(s), true);
}

void chardev_stream_close(ChardevStream *s)
{
    ChardevStreamPrivate *p = stream_priv(s);

    stream_stop(QEMU_CHARDEV(s));
    g_clear_object(&p->in);
    g_clear_object(&p->out);
    g_byte_array_set_size(p->queue, 0);
    p->queue_pos = 0;
    chardev_set_open(QEMU_CHARDEV(s), false);
}

QIOChannel *chardev_stream_get_out(ChardevStream *s)
{
    return stream_priv(s)->out;
}

static ssize_t stream_default_send(ChardevStream *s, QIOChannel *out,
                                   const uint8_t *buf, size_t len)
{
    return qio_channel_write(out, buf, len, NULL);
}

static void stream_default_eof(ChardevStream *s)
{
}

static void chardev_stream_finalize(GObject *obj)
{
    ChardevStream *s = CHARDEV_STREAM(obj);

    chardev_stream_close(s);
    g_byte_array_unref(stream_priv(s)->queue);
    G_OBJECT_CLASS(chardev_stream_parent_class)->finalize(obj);
}

static void chardev_stream_class_init(ChardevStreamClass *klass)
{
    ChardevClass *cc = QEMU_CHARDEV_CLASS(klass);

    G_OBJECT_CLASS(klass)->finalize = chardev_stream_finalize;
    cc->write = stream_write;
    cc->flush = stream_flush;
    cc->update = stream_update;
    cc->stop = stream_stop;
    klass->send = stream_default_send;
    klass->eof = stream_default_eof;
}

static void chardev_stream_init(ChardevStream *s)
{
    stream_priv(s)->queue = g_byte_array_new();
}
