/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The writing half of a QEMUFile.
 *
 * The queue is one list of iovecs.  Small values are copied to f->buf and
 * pages are only referred to; neighbours in memory share an entry.  When list,
 * buffer or byte limit is reached everything goes out in one writev, and the
 * same memory serves the next round: nothing is allocated per page.
 *
 * After an error the queue is dropped at every flush, so that callers may go
 * on until it suits them to look.
 */
#include "qemu/osdep.h"

#include "migration/qemu-file-internal.h"

bool qemu_fflush(QEMUFile *f)
{
    Error *err = NULL;

    if (f->niov && !qemu_file_has_error(f) &&
        !qio_channel_writev_all(f->ioc, f->iov, f->niov, &err)) {
        qemu_file_set_error(f, err);
    }
    f->niov = 0;
    f->queued = 0;
    f->end = 0;
    return !qemu_file_has_error(f);
}

/* Append [@p, +@len) to the list.  There is a free entry before and after. */
static void qemu_file_queue(QEMUFile *f, const void *p, size_t len)
{
    struct iovec *last = f->niov ? &f->iov[f->niov - 1] : NULL;

    if (last && (uint8_t *)last->iov_base + last->iov_len == p) {
        last->iov_len += len;
    } else {
        f->iov[f->niov].iov_base = (void *)p;
        f->iov[f->niov].iov_len = len;
        f->niov++;
    }
    f->queued += len;
    qemu_file_account(f, len);
    if (G_UNLIKELY(f->niov == QEMU_FILE_IOV_MAX ||
                   f->queued >= QEMU_FILE_QUEUE_MAX)) {
        qemu_fflush(f);
    }
}

uint8_t *qemu_file_reserve(QEMUFile *f, size_t len)
{
    if (G_UNLIKELY(f->buf_size - f->end < len)) {
        qemu_fflush(f);
    }
    return f->buf + f->end;
}

void qemu_file_commit(QEMUFile *f, size_t used)
{
    uint8_t *p = f->buf + f->end;

    if (used) {
        f->end += used;
        qemu_file_queue(f, p, used);
    }
}

void qemu_put_buffer_async(QEMUFile *f, const void *buf, size_t len)
{
    if (len) {
        qemu_file_queue(f, buf, len);
    }
}

void qemu_put_buffer(QEMUFile *f, const void *buf, size_t len)
{
    if (len > QEMU_FILE_DIRECT_MAX) {
        /* Cheaper to write now than to copy; the caller keeps @buf so long. */
        qemu_put_buffer_async(f, buf, len);
        qemu_fflush(f);
    } else if (len) {
        memcpy(qemu_file_reserve(f, len), buf, len);
        qemu_file_commit(f, len);
    }
}

void qemu_put_byte(QEMUFile *f, uint8_t v)
{
    *qemu_file_reserve(f, 1) = v;
    qemu_file_commit(f, 1);
}

void qemu_put_be16(QEMUFile *f, uint16_t v)
{
    v = GUINT16_TO_BE(v);
    memcpy(qemu_file_reserve(f, sizeof(v)), &v, sizeof(v));
    qemu_file_commit(f, sizeof(v));
}

void qemu_put_be32(QEMUFile *f, uint32_t v)
{
    v = GUINT32_TO_BE(v);
    memcpy(qemu_file_reserve(f, sizeof(v)), &v, sizeof(v));
    qemu_file_commit(f, sizeof(v));
}

void qemu_put_be64(QEMUFile *f, uint64_t v)
{
    v = GUINT64_TO_BE(v);
    memcpy(qemu_file_reserve(f, sizeof(v)), &v, sizeof(v));
    qemu_file_commit(f, sizeof(v));
}

void qemu_put_counted_string(QEMUFile *f, const char *s)
{
    size_t len = strlen(s);
    Error *err = NULL;

    if (len == 0 || len > 255) {
        error_setg(&err,
                   "cannot write the name '%.64s%s': %zu bytes, not 1 to 255",
                   s, len > 64 ? "..." : "", len);
        qemu_file_set_error(f, err);
        return;
    }
    qemu_put_byte(f, len);
    qemu_put_buffer(f, s, len);
}
