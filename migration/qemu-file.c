/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMUFile: what both directions share, that is life cycle, sticky error and
 * counter.  Writing is in qemu-file-output.c, reading in qemu-file-input.c.
 */
#include "qemu/osdep.h"

#include "migration/qemu-file-internal.h"

static QEMUFile *qemu_file_new(QIOChannel *ioc, bool output, size_t buf_size)
{
    QEMUFile *f = g_new0(QEMUFile, 1);

    f->ioc = g_object_ref(ioc);
    f->output = output;
    f->buf_size = buf_size;
    f->buf = g_malloc(buf_size);
    if (output) {
        f->iov = g_new(struct iovec, QEMU_FILE_IOV_MAX);
    }
    qemu_mutex_init(&f->err_lock);
    return f;
}

QEMUFile *qemu_file_new_output(QIOChannel *ioc)
{
    return qemu_file_new(ioc, true, QEMU_FILE_OUT_SIZE);
}

QEMUFile *qemu_file_new_input(QIOChannel *ioc)
{
    return qemu_file_new(ioc, false, QEMU_FILE_IN_SIZE);
}

QIOChannel *qemu_file_get_channel(QEMUFile *f)
{
    return f->ioc;
}

void qemu_file_free(QEMUFile *f)
{
    if (!f) {
        return;
    }
    qemu_mutex_destroy(&f->err_lock);
    error_free(f->err);
    g_object_unref(f->ioc);
    g_free(f->iov);
    g_free(f->buf);
    g_free(f);
}

bool qemu_fclose(QEMUFile *f, Error **errp)
{
    Error *err = NULL;
    Error *close_err = NULL;

    if (f->output) {
        qemu_fflush(f);
    }
    qemu_file_get_error(f, &err);
    qio_channel_close(f->ioc, &close_err);
    if (err) {
        error_free(close_err);
    } else {
        err = close_err;
    }
    qemu_file_free(f);
    if (err) {
        error_propagate(errp, err);
        return false;
    }
    return true;
}

bool qemu_file_has_error(QEMUFile *f)
{
    /* Pairs with the release in qemu_file_set_error(). */
    return qatomic_load_acquire(&f->has_error);
}

bool qemu_file_get_error(QEMUFile *f, Error **errp)
{
    if (!qemu_file_has_error(f)) {
        return false;
    }
    /* Never replaced once set: reading it needs no lock. */
    error_propagate(errp, error_copy(f->err));
    return true;
}

void qemu_file_set_error(QEMUFile *f, Error *err)
{
    QEMU_LOCK_GUARD(&f->err_lock);

    if (f->err) {
        error_free(err);
        return;
    }
    f->err = err;
    /* Publishes f->err to those who look without the lock. */
    qatomic_store_release(&f->has_error, true);
}

void qemu_file_shutdown(QEMUFile *f)
{
    Error *err = NULL;

    /*
     * The error comes first, so that the thread that is woken reports the
     * shutdown and not the end of file or broken pipe that it looks like.
     * It also stops channels that have no shutdown of their own, at their
     * next call.
     */
    error_setg(&err, "the stream was shut down");
    qemu_file_set_error(f, err);
    if (qio_channel_has_feature(f->ioc, QIO_CHANNEL_FEATURE_SHUTDOWN)) {
        qio_channel_shutdown(f->ioc, QIO_CHANNEL_SHUTDOWN_BOTH, NULL);
    }
}

uint64_t qemu_file_transferred(QEMUFile *f)
{
    return qatomic_read(&f->transferred);
}
