/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading and writing elementary values of a migration stream, for those who
 * describe their state.  All integers are big-endian on the wire.
 *
 * Errors are sticky: after the first one reads return zeros and writes vanish;
 * the owner of the stream looks with qemu_file_get_error().
 */
#ifndef MIGRATION_QEMU_FILE_TYPES_H
#define MIGRATION_QEMU_FILE_TYPES_H

#include "qemu/osdep.h"

typedef struct QEMUFile QEMUFile;

void qemu_put_buffer(QEMUFile *f, const void *buf, size_t len);
void qemu_put_byte(QEMUFile *f, uint8_t v);
void qemu_put_be16(QEMUFile *f, uint16_t v);
void qemu_put_be32(QEMUFile *f, uint32_t v);
void qemu_put_be64(QEMUFile *f, uint64_t v);
/* A counted string: u8 length (1 to 255), then the bytes. */
void qemu_put_counted_string(QEMUFile *f, const char *s);

/* Returns the bytes read: @len, or less on error or end of file. */
size_t qemu_get_buffer(QEMUFile *f, void *buf, size_t len);
uint8_t qemu_get_byte(QEMUFile *f);
uint16_t qemu_get_be16(QEMUFile *f);
uint32_t qemu_get_be32(QEMUFile *f);
uint64_t qemu_get_be64(QEMUFile *f);
/* Into @buf of 256 bytes, NUL-terminated; returns the length, 0: error. */
size_t qemu_get_counted_string(QEMUFile *f, char buf[256]);

#endif
