/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the two directions of a QEMUFile share. */
#ifndef MIGRATION_QEMU_FILE_INTERNAL_H
#define MIGRATION_QEMU_FILE_INTERNAL_H

#include "migration/qemu-file.h"
#include "qemu/atomic.h"
#include "qemu/thread.h"

/*
 * Writers: small values between two flushes.  A page needs an 8-byte record
 * word, so the list of references is full long before this buffer.
 */
#define QEMU_FILE_OUT_SIZE (64 * KiB)
/* References per writev: the kernel's limit. */
#define QEMU_FILE_IOV_MAX 1024
/*
 * Queued bytes that force a flush.  More does not make system calls cheaper,
 * and would let the rate limiter run ahead of the wire.
 */
#define QEMU_FILE_QUEUE_MAX ((size_t)(4 * MiB))
/*
 * Readers: about what a socket holds at most, and small enough to stay in the
 * second-level cache between the kernel's copy and ours.
 */
#define QEMU_FILE_IN_SIZE ((size_t)(512 * KiB))

struct QEMUFile {
    QIOChannel *ioc;
    bool output;

    /*
     * Input: [pos, end) of @buf is read and not consumed.
     * Output: [0, end) is queued; @pos is not used.
     */
    uint8_t *buf;
    size_t buf_size;
    size_t pos;
    size_t end;

    struct iovec *iov; /* output only: what to write, in order */
    size_t niov;
    size_t queued; /* bytes in @iov */

    bool eof; /* input only: the channel has no more */
    Machine *lock_of; /* input only: see qemu_file_drop_lock() */

    /*
     * Written by the thread that uses the file, read by any; relaxed, as only
     * its own value matters.
     */
    uint64_t transferred;

    bool ended;         /* input: see qemu_file_ended() */
    QemuMutex err_lock; /* orders those who set @err */
    Error *err;         /* first error; constant once @has_error */
    bool has_error;     /* release/acquire: publishes @err */
};

/* One thread writes the counter: no atomic read-modify-write is needed. */
static inline void qemu_file_account(QEMUFile *f, size_t len)
{
    qatomic_set(&f->transferred, f->transferred + len);
}

#endif
