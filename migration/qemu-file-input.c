/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The reading half of a QEMUFile.
 *
 * f->buf holds what the channel gave and nobody consumed yet.  A read that
 * needs more asks the channel for the rest of the caller's memory and a buffer
 * full of what follows in the same readv, so the page that straddles the end
 * of the buffer, and every large read, is copied once only.
 */
#include "qemu/osdep.h"

#include "migration/qemu-file-internal.h"
#include "system/machine.h"

/* From this many missing bytes on, read into the caller's memory. */
#define DIRECT_READ_MIN 4096
/* Up to this much is moved to the front to have the buffer for a large read. */
#define CHEAP_MOVE 8192

/*
 * One read of at least one byte; a non-blocking channel is waited for.
 * Returns the bytes read; 0: end of file or (sticky) error.
 */
static size_t readv_unlocked(QEMUFile *f, const struct iovec *iov,
                             size_t niov)
{
    Error *err = NULL;
    ssize_t n;

    while (!f->eof && !qemu_file_has_error(f)) {
        n = qio_channel_readv(f->ioc, iov, niov, &err);
        if (n > 0) {
            return n;
        }
        if (n == 0) {
            f->eof = true;
        } else if (n == QIO_CHANNEL_ERR_BLOCK) {
            qio_channel_wait(f->ioc, G_IO_IN);
        } else {
            qemu_file_set_error(f, err);
        }
    }
    return 0;
}

static size_t qemu_file_readv(QEMUFile *f, const struct iovec *iov,
                              size_t niov)
{
    size_t n;

    if (!f->lock_of) {
        return readv_unlocked(f, iov, niov);
    }
    bql_unlock(f->lock_of);
    n = readv_unlocked(f, iov, niov);
    bql_lock(f->lock_of);
    return n;
}

void qemu_file_drop_lock(QEMUFile *f, Machine *m)
{
    f->lock_of = m;
}

/* Have @len bytes in the buffer, if the channel has them. */
static bool qemu_file_fill(QEMUFile *f, size_t len)
{
    struct iovec iov;
    size_t n;

    if (f->end - f->pos >= len) {
        return true;
    }
    if (f->buf_size - f->pos < len || f->end - f->pos <= CHEAP_MOVE) {
        memmove(f->buf, f->buf + f->pos, f->end - f->pos);
        f->end -= f->pos;
        f->pos = 0;
    }
    while (f->end - f->pos < len) {
        iov.iov_base = f->buf + f->end;
        iov.iov_len = f->buf_size - f->end;
        n = qemu_file_readv(f, &iov, 1);
        if (!n) {
            return false;
        }
        f->end += n;
    }
    return true;
}

static void qemu_file_consume(QEMUFile *f, size_t len)
{
    f->pos += len;
    if (f->pos == f->end) {
        f->pos = f->end = 0;
    }
    qemu_file_account(f, len);
}

bool qemu_file_ended(QEMUFile *f)
{
    return f->ended;
}

/* A read came up short: unless the channel said why, that is the error. */
static void qemu_file_set_eof(QEMUFile *f)
{
    Error *err = NULL;

    f->ended = f->ended || !qemu_file_has_error(f);
    error_setg(&err, "end of stream");
    qemu_file_set_error(f, err);
}

/* Read straight into @dst, and what follows into the (empty) buffer. */
static size_t qemu_file_read_direct(QEMUFile *f, uint8_t *dst, size_t len)
{
    size_t done = 0;

    while (done < len) {
        struct iovec iov[2] = {
            { .iov_base = dst + done, .iov_len = len - done },
            { .iov_base = f->buf, .iov_len = f->buf_size },
        };
        size_t n = qemu_file_readv(f, iov, 2);

        if (!n) {
            break;
        }
        if (n > len - done) {
            f->end = n - (len - done);
            n = len - done;
        }
        done += n;
    }
    qemu_file_account(f, done);
    return done;
}

size_t qemu_get_buffer(QEMUFile *f, void *buf, size_t len)
{
    uint8_t *dst = buf;
    size_t done = MIN(len, f->end - f->pos);

    if (G_UNLIKELY(qemu_file_has_error(f))) {
        memset(buf, 0, len);
        return 0;
    }
    if (done) {
        memcpy(dst, f->buf + f->pos, done);
        qemu_file_consume(f, done);
    }
    if (done < len) {
        size_t rest = len - done;

        if (rest >= DIRECT_READ_MIN) {
            done += qemu_file_read_direct(f, dst + done, rest);
        } else {
            size_t n = qemu_file_fill(f, rest) ? rest : f->end - f->pos;

            memcpy(dst + done, f->buf + f->pos, n);
            qemu_file_consume(f, n);
            done += n;
        }
        if (done < len) {
            memset(dst + done, 0, len - done);
            qemu_file_set_eof(f);
        }
    }
    return done;
}

/* @len bytes at the front of the buffer, to be consumed; NULL: error. */
static inline const uint8_t *qemu_file_front(QEMUFile *f, size_t len)
{
    if (G_UNLIKELY(qemu_file_has_error(f))) {
        return NULL;
    }
    if (G_UNLIKELY(f->end - f->pos < len) && !qemu_file_fill(f, len)) {
        qemu_file_set_eof(f);
        return NULL;
    }
    return f->buf + f->pos;
}

uint8_t qemu_get_byte(QEMUFile *f)
{
    const uint8_t *p = qemu_file_front(f, 1);
    uint8_t v = 0;

    if (p) {
        v = *p;
        qemu_file_consume(f, 1);
    }
    return v;
}

uint16_t qemu_get_be16(QEMUFile *f)
{
    const uint8_t *p = qemu_file_front(f, 2);
    uint16_t v = 0;

    if (p) {
        memcpy(&v, p, sizeof(v));
        qemu_file_consume(f, sizeof(v));
    }
    return GUINT16_FROM_BE(v);
}

uint32_t qemu_get_be32(QEMUFile *f)
{
    const uint8_t *p = qemu_file_front(f, 4);
    uint32_t v = 0;

    if (p) {
        memcpy(&v, p, sizeof(v));
        qemu_file_consume(f, sizeof(v));
    }
    return GUINT32_FROM_BE(v);
}

uint64_t qemu_get_be64(QEMUFile *f)
{
    const uint8_t *p = qemu_file_front(f, 8);
    uint64_t v = 0;

    if (p) {
        memcpy(&v, p, sizeof(v));
        qemu_file_consume(f, sizeof(v));
    }
    return GUINT64_FROM_BE(v);
}

size_t qemu_get_counted_string(QEMUFile *f, char buf[256])
{
    size_t len = qemu_get_byte(f);
    Error *err = NULL;

    buf[0] = '\0';
    if (qemu_file_has_error(f)) {
        return 0;
    }
    if (len == 0) {
        error_setg(&err, "empty name in the stream");
        qemu_file_set_error(f, err);
        return 0;
    }
    if (qemu_get_buffer(f, buf, len) < len) {
        buf[0] = '\0';
        return 0;
    }
    buf[len] = '\0';
    if (strlen(buf) != len) {
        /* Would be taken for the name that its first part is. */
        error_setg(&err, "name '%s' in the stream has a NUL byte", buf);
        qemu_file_set_error(f, err);
        buf[0] = '\0';
        return 0;
    }
    return len;
}

size_t qemu_peek_buffer(QEMUFile *f, const uint8_t **out, size_t len)
{
    len = MIN(len, QEMU_FILE_PEEK_MAX);
    if (f->end - f->pos < len) {
        qemu_file_fill(f, len);
    }
    *out = f->buf + f->pos;
    return qemu_file_has_error(f) ? 0 : MIN(len, f->end - f->pos);
}

int qemu_peek_byte(QEMUFile *f, size_t offset)
{
    const uint8_t *p;

    if (offset >= QEMU_FILE_PEEK_MAX ||
        qemu_peek_buffer(f, &p, offset + 1) <= offset) {
        return -1;
    }
    return p[offset];
}

void qemu_file_skip(QEMUFile *f, size_t len)
{
    qemu_file_consume(f, MIN(len, f->end - f->pos));
}

size_t qemu_file_buffered(QEMUFile *f, const uint8_t **out)
{
    *out = f->buf + f->pos;
    return qemu_file_has_error(f) ? 0 : f->end - f->pos;
}

uint8_t *qemu_file_exchange_buffer(QEMUFile *f, uint8_t *spare)
{
    uint8_t *old = f->buf;
    uint8_t *rest = old + f->pos;

    f->buf = spare ? spare : g_malloc(f->buf_size);
    f->end -= f->pos;
    f->pos = 0;
    memcpy(f->buf, rest, f->end);
    return old;
}
