/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A QIOChannel over memory that misbehaves on demand: moves little at a time,
 * fails at a given byte, and counts its calls.
 */
#ifndef TEST_CHANNEL_H
#define TEST_CHANNEL_H

#include "io/channel.h"
#include "migration/qemu-file.h"

#define TEST_TYPE_CHANNEL (test_channel_get_type())
G_DECLARE_FINAL_TYPE(TestChannel, test_channel, TEST, CHANNEL, QIOChannel)

struct _TestChannel {
    QIOChannel parent;
    GByteArray *data; /* written, or to be read */
    size_t pos;       /* read so far */
    size_t max_io;    /* bytes per call; 0: no limit */
    uint64_t fail_at; /* calls fail from this byte on; 0: never */
    unsigned calls;
    size_t max_niov;  /* largest list seen */
    bool closed;
};

/* @data may be NULL: empty, for writing. */
TestChannel *test_channel_new(const void *data, size_t len);

/* Files over a new channel of that kind; *@ioc is borrowed from the file. */
QEMUFile *test_file_output(TestChannel **ioc);
QEMUFile *test_file_input(const void *data, size_t len, TestChannel **ioc);

/* The bytes of @hex, in which blanks do not count. */
GByteArray *from_hex(const char *hex);

#endif
