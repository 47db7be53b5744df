/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMUFile: one direction of a migration stream, buffered over a QIOChannel.
 *
 * Writers collect small values in a buffer and pages as references to guest
 * memory, and hand both to the channel in one large writev.  Readers fill a
 * large buffer and can look ahead.  One thread at a time uses a QEMUFile;
 * qemu_file_shutdown(), _set_error() and the counters may be used from any.
 */
#ifndef MIGRATION_QEMU_FILE_H
#define MIGRATION_QEMU_FILE_H

#include "io/channel.h"
#include "migration/qemu-file-types.h"
#include "qemu/error.h"
#include "system/machine.h"

/* Take a reference to @ioc. */
QEMUFile *qemu_file_new_output(QIOChannel *ioc);
QEMUFile *qemu_file_new_input(QIOChannel *ioc);
QIOChannel *qemu_file_get_channel(QEMUFile *f); /* borrowed */
/*
 * The reading thread holds the lock of @m from now on (NULL: of none), which
 * is dropped while it waits for the peer: no peer may keep the monitors from
 * working, least of all from ending the migration.
 */
void qemu_file_drop_lock(QEMUFile *f, Machine *m);

/* Flush (output) and close the channel; first error wins.  Frees @f. */
bool qemu_fclose(QEMUFile *f, Error **errp);
/* Free without flushing: after a failure. */
void qemu_file_free(QEMUFile *f);

/* Sticky error: true and a copy in *@errp if there is one. */
bool qemu_file_get_error(QEMUFile *f, Error **errp);
bool qemu_file_has_error(QEMUFile *f);
/* Input: has a read come up short because the channel ended?  Reading thread. */
bool qemu_file_ended(QEMUFile *f);
/* Takes @err; dropped if there is an error already. */
void qemu_file_set_error(QEMUFile *f, Error *err);
/* End blocked calls of the other thread, from any thread. */
void qemu_file_shutdown(QEMUFile *f);

bool qemu_fflush(QEMUFile *f); /* false: sticky error */

/*
 * Append [@buf, +@len) by reference: the memory is read when the buffer goes
 * out, and must stay mapped until the next qemu_fflush().
 */
void qemu_put_buffer_async(QEMUFile *f, const void *buf, size_t len);

/*
 * Room for at least @len (<= QEMU_FILE_DIRECT_MAX) bytes written in place:
 * fill it, then commit what was used.  For encoders of many small records.
 */
#define QEMU_FILE_DIRECT_MAX 4096
uint8_t *qemu_file_reserve(QEMUFile *f, size_t len);
void qemu_file_commit(QEMUFile *f, size_t used);

/*
 * Look at @len (<= QEMU_FILE_PEEK_MAX) bytes without consuming; *@out points
 * into the buffer.  Returns the bytes available, less than @len only at the
 * end of file (not an error yet) or after an error (then 0).
 */
#define QEMU_FILE_PEEK_MAX 65536
size_t qemu_peek_buffer(QEMUFile *f, const uint8_t **out, size_t len);
int qemu_peek_byte(QEMUFile *f, size_t offset); /* -1: end of file */
void qemu_file_skip(QEMUFile *f, size_t len); /* of what was peeked at */
/* Everything buffered and not consumed yet, without reading more. */
size_t qemu_file_buffered(QEMUFile *f, const uint8_t **out);
/*
 * Take the read buffer away, for whoever still works on what was consumed from
 * it; freed by g_free().  @spare (NULL: a new one) is read to from now on: one
 * that an earlier call returned.  What is not consumed is copied there.
 */
uint8_t *qemu_file_exchange_buffer(QEMUFile *f, uint8_t *spare);

/* Bytes given to the channel plus buffered ones / bytes consumed. */
uint64_t qemu_file_transferred(QEMUFile *f); /* any thread */

#endif
