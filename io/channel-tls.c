/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QIOChannel over a TLS session over another channel.
 *
 * The session does no I/O.  The reader fills its input from the channel below,
 * many records per call, and has one record after the other decrypted; the
 * writer has records encrypted and sends its output when there is enough of it
 * or nothing more to write.  The channel below is never waited for while the
 * session's lock is held, so neither side holds up the other.
 */
#include "qemu/osdep.h"

#include "io/channel-tls.h"
#include "io/channel-tls-watch.h"
#include "io/tls-session.h"
#include "qemu/atomic.h"
#include "qemu/clock.h"

/* Ciphertext gathered before it is sent: 8 records. */
#define OUTPUT_ENOUGH (8 * TLS_RECORD_MAX)
/* How long, and in what pieces, a refused client is listened to. */
#define LINGER_NS NSEC_PER_SEC
#define LINGER_SIZE (64 * 1024)
#define HANDSHAKE_LIMIT_MS 30000

struct _QIOChannelTLS {
    QIOChannel parent_instance;
    QIOChannel *master;
    TLSSession *session;
    bool server;
    const char *thread_name; /* of the handshake's thread; NULL: any */
    bool relaxed_eof; /* atomic, set before it matters */
    bool shut_read;   /* atomic, release before the shutdown below */
    unsigned handshake_limit; /* ms; constant from the handshake on */

    /* The reader's. */
    const uint8_t *record; /* what is left of the current one; the session's */
    size_t record_len;
    GByteArray *peeked; /* records before it that were only looked at */
    bool ended;
    Error *read_error; /* found after data that had to be returned first */

    /* The writer's. */
    uint8_t *staging; /* a record put together from small buffers */
    const uint8_t *output; /* taken from the session, not yet sent */
    size_t output_len;
    /* Bytes of a call that would have blocked, to be returned when sent. */
    size_t accepted;
};

G_DEFINE_FINAL_TYPE(QIOChannelTLS, qio_channel_tls, QIO_TYPE_CHANNEL)

/* Set-up */

static QIOChannelTLS *tls_new(QIOChannel *master, TLSCreds *creds,
                              QCryptoTLSCredsEndpoint endpoint,
                              const char *hostname, Authz *authz,
                              Error **errp)
{
    g_autoptr(QIOChannelTLS) tioc = NULL;
    TLSSession *session;

    if (tls_creds_get_endpoint(creds) != endpoint) {
        error_setg(errp, "Expected TLS credentials for a %s endpoint",
                   QCryptoTLSCredsEndpoint_str(endpoint));
        return NULL;
    }
    session = tls_session_new(creds, hostname, authz, errp);
    if (!session) {
        return NULL;
    }
    tioc = g_object_new(QIO_TYPE_CHANNEL_TLS, NULL);
    tioc->session = session;
    tioc->server = endpoint == Q_CRYPTO_TLS_CREDS_ENDPOINT_SERVER;
    tioc->master = g_object_ref(master);
    qio_channel_set_feature(QIO_CHANNEL(tioc),
                            QIO_CHANNEL_FEATURE_READ_MSG_PEEK);
    if (qio_channel_has_feature(master, QIO_CHANNEL_FEATURE_SHUTDOWN)) {
        qio_channel_set_feature(QIO_CHANNEL(tioc),
                                QIO_CHANNEL_FEATURE_SHUTDOWN);
    }
    return g_steal_pointer(&tioc);
}

QIOChannelTLS *qio_channel_tls_new_client(QIOChannel *master, TLSCreds *creds,
                                          const char *hostname, Error **errp)
{
    return tls_new(master, creds, Q_CRYPTO_TLS_CREDS_ENDPOINT_CLIENT,
                   hostname && *hostname ? hostname : NULL, NULL, errp);
}

QIOChannelTLS *qio_channel_tls_new_server(QIOChannel *master, TLSCreds *creds,
                                          Authz *authz, Error **errp)
{
    return tls_new(master, creds, Q_CRYPTO_TLS_CREDS_ENDPOINT_SERVER, NULL,
                   authz, errp);
}

static void qio_channel_tls_init(QIOChannelTLS *tioc)
{
    tioc->handshake_limit = HANDSHAKE_LIMIT_MS;
}

static void qio_channel_tls_finalize(GObject *obj)
{
    QIOChannelTLS *tioc = QIO_CHANNEL_TLS(obj);

    tls_session_free(tioc->session);
    g_clear_object(&tioc->master);
    g_clear_pointer(&tioc->peeked, g_byte_array_unref);
    g_clear_pointer(&tioc->read_error, error_free);
    g_free(tioc->staging);
    G_OBJECT_CLASS(qio_channel_tls_parent_class)->finalize(obj);
}

void qio_channel_tls_set_relaxed_eof(QIOChannelTLS *tioc, bool relaxed)
{
    qatomic_set(&tioc->relaxed_eof, relaxed);
}

void qio_channel_tls_set_handshake_limit(QIOChannelTLS *tioc, unsigned ms)
{
    tioc->handshake_limit = ms;
}

void qio_channel_tls_set_thread_name(QIOChannelTLS *tioc, const char *name)
{
    tioc->thread_name = name;
}

bool qio_channel_tls_rekey(QIOChannelTLS *tioc, Error **errp)
{
    return tls_session_rekey(tioc->session, errp);
}

QIOChannel *qio_channel_tls_get_master(QIOChannelTLS *tioc)
{
    return tioc->master;
}

char *qio_channel_tls_describe(QIOChannelTLS *tioc)
{
    return tls_session_describe(tioc->session);
}

const char *qio_channel_tls_get_peer_name(QIOChannelTLS *tioc)
{
    return tls_session_get_peer_name(tioc->session);
}

static bool was_shut(QIOChannelTLS *tioc)
{
    return qatomic_load_acquire(&tioc->shut_read);
}

/* Ciphertext in and out */

/* Send all output: 1 done, QIO_CHANNEL_ERR_BLOCK, -1 with an error. */
static int flush_output(QIOChannelTLS *tioc, Error **errp)
{
    for (;;) {
        ssize_t len;

        if (tioc->output_len == 0) {
            if (tls_session_output_pending(tioc->session) == 0) {
                return 1;
            }
            tioc->output_len = tls_session_output_take(tioc->session,
                                                       &tioc->output);
        }
        len = qio_channel_write(tioc->master, tioc->output, tioc->output_len,
                                errp);
        if (len < 0) {
            return len;
        }
        tioc->output += len;
        tioc->output_len -= len;
    }
}

/* The same, waiting where the channel below does not by itself. */
static bool flush_output_wait(QIOChannelTLS *tioc, Error **errp)
{
    int ret;

    while ((ret = flush_output(tioc, errp)) == QIO_CHANNEL_ERR_BLOCK) {
        qio_channel_wait(tioc->master, G_IO_OUT);
    }
    return ret == 1;
}

/* Read more: 1 done, 0 end of file, QIO_CHANNEL_ERR_BLOCK, -1 with an error. */
static int fill_input(QIOChannelTLS *tioc, Error **errp)
{
    size_t room;
    uint8_t *to = tls_session_input_room(tioc->session, &room);
    ssize_t len = qio_channel_read(tioc->master, to, room, errp);

    if (len <= 0) {
        return len;
    }
    tls_session_input_add(tioc->session, len);
    return 1;
}

/* The handshake */

static bool fill_input_handshake(QIOChannelTLS *tioc, Error **errp)
{
    int ret;

    while ((ret = fill_input(tioc, errp)) == QIO_CHANNEL_ERR_BLOCK) {
        qio_channel_wait(tioc->master, G_IO_IN);
    }
    if (ret < 0) {
        error_prepend(errp, "TLS handshake failed: ");
    } else if (ret == 0) {
        error_setg(errp, was_shut(tioc)
                             ? "TLS handshake was cancelled"
                             : "TLS handshake failed: the peer closed the "
                               "connection");
    }
    return ret == 1;
}

/*
 * A client that we refuse may believe that its handshake was successful (with
 * TLS 1.3) and be writing: take that for a while, for closing a socket with
 * unread data in it ends the client's writing before it reads our reason.
 */
static void linger(QIOChannelTLS *tioc)
{
    int64_t deadline = clock_get_ns() + LINGER_NS;
    g_autofree char *sink = g_malloc(LINGER_SIZE);

    if (!qio_channel_shutdown(tioc->master, QIO_CHANNEL_SHUTDOWN_WRITE,
                              NULL) ||
        !qio_channel_set_blocking(tioc->master, false, NULL)) {
        return;
    }
    while (clock_get_ns() < deadline) {
        ssize_t n = qio_channel_read(tioc->master, sink, LINGER_SIZE, NULL);

        if (n == QIO_CHANNEL_ERR_BLOCK) {
            clock_sleep_ns(NSEC_PER_MSEC);
        } else if (n <= 0) {
            break;
        }
    }
}

bool qio_channel_tls_handshake_sync(QIOChannelTLS *tioc, Error **errp)
{
    for (;;) {
        TLSStatus status = tls_session_handshake(tioc->session, errp);

        if (status == TLS_STATUS_FAILED) {
            /* The alert, if the peer is still there to read it. */
            if (flush_output_wait(tioc, NULL) && tioc->server) {
                linger(tioc);
            }
            return false;
        }
        if (!flush_output_wait(tioc, errp)) {
            error_prepend(errp, "TLS handshake failed: ");
            return false;
        }
        if (status == TLS_STATUS_OK) {
            return true;
        }
        if (!fill_input_handshake(tioc, errp)) {
            return false;
        }
    }
}

/* One that goes on in a thread; freed with the task. */
typedef struct Handshake {
    QIOChannelTLS *tioc; /* the task's */
    QIOTaskFunc fn;
    gpointer opaque;
    GDestroyNotify destroy;
    GSource *timer; /* in the task's context, as its completion */
    bool late;
} Handshake;

static void handshake_worker(QIOTask *task, gpointer opaque)
{
    QIOChannelTLS *tioc = QIO_CHANNEL_TLS(qio_task_get_source(task));
    Error *err = NULL;

    if (!qio_channel_tls_handshake_sync(tioc, &err)) {
        qio_task_set_error(task, err);
    }
}

static gboolean handshake_late(gpointer opaque)
{
    Handshake *h = opaque;

    h->late = true;
    qio_channel_shutdown(QIO_CHANNEL(h->tioc), QIO_CHANNEL_SHUTDOWN_BOTH,
                         NULL);
    return G_SOURCE_REMOVE;
}

static void handshake_done(QIOTask *task, gpointer opaque)
{
    Handshake *h = opaque;

    g_source_destroy(h->timer);
    if (h->late) {
        Error *cut = NULL, *err = NULL;

        qio_task_propagate_error(task, &cut);
        error_free(cut);
        error_setg(&err, "TLS handshake failed: it was not complete after %u "
                   "ms", h->tioc->handshake_limit);
        qio_task_set_error(task, err);
    }
    h->fn(task, h->opaque);
}

static void handshake_free(gpointer opaque)
{
    Handshake *h = opaque;

    if (h->destroy) {
        h->destroy(h->opaque);
    }
    g_source_destroy(h->timer);
    g_source_unref(h->timer);
    g_free(h);
}

void qio_channel_tls_handshake(QIOChannelTLS *tioc, QIOTaskFunc fn,
                               gpointer opaque, GDestroyNotify destroy,
                               GMainContext *context)
{
    Handshake *h = g_new0(Handshake, 1);
    QIOTask *task = qio_task_new(G_OBJECT(tioc), handshake_done, h,
                                 handshake_free);

    *h = (Handshake) {
        .tioc = tioc,
        .fn = fn,
        .opaque = opaque,
        .destroy = destroy,
        .timer = g_timeout_source_new(tioc->handshake_limit),
    };
    g_source_set_callback(h->timer, handshake_late, h, NULL);
    g_source_attach(h->timer, context);
    if (tioc->thread_name) {
        qio_task_set_thread_name(task, tioc->thread_name);
    }
    qio_task_run_in_thread(task, handshake_worker, NULL, NULL, context);
}

/* Reading */

/* The input has ended without the peer saying so. */
static int input_ended(QIOChannelTLS *tioc, Error **errp)
{
    bool partial = tls_session_input_partial(tioc->session);

    if (was_shut(tioc) || (!partial && qatomic_read(&tioc->relaxed_eof))) {
        tioc->ended = true;
        return 0;
    }
    error_setg(errp, "Cannot read from TLS channel: the connection ended %s",
               partial ? "within a record"
                       : "without the peer's closing message");
    return -1;
}

/* Have the next record: 1, 0 end of file, QIO_CHANNEL_ERR_BLOCK, -1. */
static int next_record(QIOChannelTLS *tioc, Error **errp)
{
    while (!tioc->ended) {
        int ret;

        if (tls_session_record_ready(tioc->session)) {
            switch (tls_session_recv(tioc->session, &tioc->record,
                                     &tioc->record_len, errp)) {
            case TLS_STATUS_OK:
                if (tioc->record_len == 0) {
                    continue;
                }
                return 1;
            case TLS_STATUS_END:
                tioc->ended = true;
                return 0;
            case TLS_STATUS_NEED_INPUT:
                break; /* the record had no data */
            default:
                return -1;
            }
            if (tls_session_record_ready(tioc->session)) {
                continue;
            }
        }
        ret = fill_input(tioc, errp);
        if (ret == 0) {
            return input_ended(tioc, errp);
        }
        if (ret < 0) {
            return ret;
        }
    }
    return 0;
}

/* A place in a list of buffers. */
typedef struct Place {
    const struct iovec *iov;
    size_t niov;
    size_t done; /* of *@iov */
} Place;

/* Skip buffers that are full or empty; false: there is no other. */
static bool place_settle(Place *p)
{
    while (p->niov > 0 && p->done == p->iov->iov_len) {
        p->iov++;
        p->niov--;
        p->done = 0;
    }
    return p->niov > 0;
}

/* Copy as much of @len bytes as there is room; returns how much. */
static size_t place_put(Place *p, const uint8_t *data, size_t len)
{
    size_t total = 0;

    while (total < len && place_settle(p)) {
        size_t n = MIN(len - total, p->iov->iov_len - p->done);

        memcpy((uint8_t *)p->iov->iov_base + p->done, data + total, n);
        p->done += n;
        total += n;
    }
    return total;
}

/* Copy what has been decrypted; returns how much. */
static size_t deliver(QIOChannelTLS *tioc, Place *to, bool peek)
{
    size_t total = 0, n;

    if (tioc->peeked) {
        total = place_put(to, tioc->peeked->data, tioc->peeked->len);
        if (!peek && total == tioc->peeked->len) {
            g_clear_pointer(&tioc->peeked, g_byte_array_unref);
        } else if (!peek && total > 0) {
            g_byte_array_remove_range(tioc->peeked, 0, total);
        }
    }
    n = place_put(to, tioc->record, tioc->record_len);
    if (!peek) {
        tioc->record += n;
        tioc->record_len -= n;
    }
    return total + n;
}

/* Keep the current record, so that the next one can be looked at too. */
static void put_aside(QIOChannelTLS *tioc)
{
    if (!tioc->peeked) {
        tioc->peeked = g_byte_array_new();
    }
    g_byte_array_append(tioc->peeked, tioc->record, tioc->record_len);
    tioc->record_len = 0;
}

static ssize_t tls_peek(QIOChannelTLS *tioc, const struct iovec *iov,
                        size_t niov, Error **errp)
{
    for (;;) {
        Place to = { iov, niov };
        ssize_t total = deliver(tioc, &to, true);
        int ret;

        if (!place_settle(&to)) {
            return total;
        }
        /* Rather wait than have the caller ask again and again. */
        if (tioc->record_len) {
            put_aside(tioc);
        }
        ret = next_record(tioc, errp);
        if (ret == 0) {
            return total;
        }
        if (ret < 0) {
            return ret;
        }
    }
}

static ssize_t tls_readv(QIOChannel *ioc, const struct iovec *iov, size_t niov,
                         int **fds, size_t *nfds, int flags, Error **errp)
{
    QIOChannelTLS *tioc = QIO_CHANNEL_TLS(ioc);
    Place to = { iov, niov };
    ssize_t total = 0;
    Error *err = NULL;
    int ret;

    if (tioc->read_error) {
        error_propagate(errp, g_steal_pointer(&tioc->read_error));
        return -1;
    }
    if (flags & QIO_CHANNEL_READ_FLAG_MSG_PEEK) {
        return tls_peek(tioc, iov, niov, errp);
    }
    for (;;) {
        total += deliver(tioc, &to, false);
        if (!place_settle(&to) ||
            (total > 0 && !(flags & QIO_CHANNEL_READ_FLAG_WAIT_ALL) &&
             !tls_session_record_ready(tioc->session))) {
            return total;
        }
        ret = next_record(tioc, &err);
        if (ret > 0) {
            continue;
        }
        if (total > 0) {
            tioc->read_error = err;
            return total;
        }
        error_propagate(errp, err);
        return ret;
    }
}

/* Writing */

/*
 * The next record's data: in one piece where it lies (buffers that touch count
 * as one), else gathered in the staging buffer.
 */
static const uint8_t *gather_record(QIOChannelTLS *tioc, Place *from,
                                    size_t *len)
{
    const uint8_t *data;
    size_t filled = 0;

    if (!place_settle(from)) {
        *len = 0;
        return NULL;
    }
    data = (const uint8_t *)from->iov->iov_base + from->done;
    while (filled < TLS_RECORD_MAX && place_settle(from)) {
        const uint8_t *next =
            (const uint8_t *)from->iov->iov_base + from->done;
        size_t n = MIN(TLS_RECORD_MAX - filled,
                       from->iov->iov_len - from->done);

        if (data != tioc->staging && next != data + filled) {
            if (!tioc->staging) {
                tioc->staging = g_malloc(TLS_RECORD_MAX);
            }
            memcpy(tioc->staging, data, filled);
            data = tioc->staging;
        }
        if (data == tioc->staging) {
            memcpy(tioc->staging + filled, next, n);
        }
        filled += n;
        from->done += n;
    }
    *len = filled;
    return data;
}

/* Send output; what would block leaves @total to be returned later. */
static int flush_accepted(QIOChannelTLS *tioc, size_t total, Error **errp)
{
    int ret = flush_output(tioc, errp);

    tioc->accepted = ret == QIO_CHANNEL_ERR_BLOCK ? total : 0;
    return ret;
}

static ssize_t tls_writev(QIOChannel *ioc, const struct iovec *iov,
                          size_t niov, const int *fds, size_t nfds, int flags,
                          Error **errp)
{
    QIOChannelTLS *tioc = QIO_CHANNEL_TLS(ioc);
    Place from = { iov, niov };
    size_t total = tioc->accepted;
    const uint8_t *data;
    size_t len;
    int ret;

    if (total > 0) {
        /*
         * This is the repetition of a call that would have blocked: its data
         * is in the session already.
         */
        ret = flush_accepted(tioc, total, errp);
        return ret == 1 ? (ssize_t)total : ret;
    }
    while ((data = gather_record(tioc, &from, &len))) {
        if (!tls_session_send(tioc->session, data, len, errp)) {
            return -1;
        }
        total += len;
        if (tls_session_output_pending(tioc->session) >= OUTPUT_ENOUGH) {
            ret = flush_accepted(tioc, total, errp);
            if (ret < 0) {
                return ret;
            }
        }
    }
    ret = flush_accepted(tioc, total, errp);
    return ret == 1 ? (ssize_t)total : ret;
}

bool qio_channel_tls_bye(QIOChannelTLS *tioc, Error **errp)
{
    return tls_session_bye(tioc->session, errp) &&
           flush_output_wait(tioc, errp);
}

/* The channel as a whole */

static bool tls_close(QIOChannel *ioc, Error **errp)
{
    return qio_channel_close(QIO_CHANNEL_TLS(ioc)->master, errp);
}

static bool tls_shutdown(QIOChannel *ioc, QIOChannelShutdown how, Error **errp)
{
    QIOChannelTLS *tioc = QIO_CHANNEL_TLS(ioc);

    if (how & QIO_CHANNEL_SHUTDOWN_READ) {
        qatomic_store_release(&tioc->shut_read, true);
    }
    return qio_channel_shutdown(tioc->master, how, errp);
}

static bool tls_set_blocking(QIOChannel *ioc, bool enabled, Error **errp)
{
    return qio_channel_set_blocking(QIO_CHANNEL_TLS(ioc)->master, enabled,
                                    errp);
}

static bool tls_has_data(QIOChannel *ioc)
{
    QIOChannelTLS *tioc = QIO_CHANNEL_TLS(ioc);

    return tioc->record_len || tioc->peeked || tioc->ended ||
           tioc->read_error || tls_session_record_ready(tioc->session);
}

static GSource *tls_create_watch(QIOChannel *ioc, GIOCondition cond)
{
    return qio_channel_tls_watch(ioc, QIO_CHANNEL_TLS(ioc)->master, cond,
                                 tls_has_data);
}

static void qio_channel_tls_class_init(QIOChannelTLSClass *klass)
{
    QIOChannelClass *ioc_class = QIO_CHANNEL_CLASS(klass);

    G_OBJECT_CLASS(klass)->finalize = qio_channel_tls_finalize;
    ioc_class->io_readv = tls_readv;
    ioc_class->io_writev = tls_writev;
    ioc_class->io_close = tls_close;
    ioc_class->io_shutdown = tls_shutdown;
    ioc_class->io_set_blocking = tls_set_blocking;
    ioc_class->io_create_watch = tls_create_watch;
}
