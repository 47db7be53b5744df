/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of the io room share. */
#ifndef TEST_IO_TEST_H
#define TEST_IO_TEST_H

#include <sys/socket.h>

#include "io/channel-socket.h"
#include "qemu/error.h"
#include "qemu/thread.h"

/* Fail the test with the error's text if there is one. */
#define io_test_ok(err)                                                        \
    do {                                                                       \
        if (err) {                                                             \
            g_error("%s:%d: %s", __FILE__, __LINE__, error_get_pretty(err));   \
        }                                                                      \
    } while (0)

/* Expect an error with this text, and free it. */
#define io_test_error(err, text)                                               \
    do {                                                                       \
        g_assert_nonnull(err);                                                 \
        g_assert_cmpstr(error_get_pretty(err), ==, text);                      \
        g_clear_pointer(&(err), error_free);                                   \
    } while (0)

/* Long enough for another thread to be blocked, nearly always. */
static inline void io_test_let_block(void)
{
    g_usleep(20000);
}

/* @len bytes that differ from place to place. */
static inline uint8_t *io_test_pattern(size_t len)
{
    uint8_t *bytes = g_malloc(len);
    uint32_t x = 12345;

    for (size_t i = 0; i < len; i++) {
        x = x * 1664525 + 1013904223;
        bytes[i] = x >> 24;
    }
    return bytes;
}

/* Two connected channels over a socket pair. */
static inline void io_test_pair(QIOChannelSocket **a, QIOChannelSocket **b)
{
    Error *err = NULL;
    int fds[2];

    g_assert_cmpint(
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
    *a = qio_channel_socket_new_fd(fds[0], &err);
    io_test_ok(err);
    *b = qio_channel_socket_new_fd(fds[1], &err);
    io_test_ok(err);
}

/* A thread that does one blocking thing with a channel. */
typedef struct Blocked {
    QIOChannel *ioc;
    bool write;
    size_t len;
    uint8_t *buf;
    bool ok;
    Error *err;
    QemuThread thread;
} Blocked;

static inline void *blocked_thread(void *opaque)
{
    Blocked *b = opaque;

    b->ok = b->write ? qio_channel_write_all(b->ioc, b->buf, b->len, &b->err)
                     : qio_channel_read_all(b->ioc, b->buf, b->len, &b->err);
    return NULL;
}

/* Start reading or writing all of @buf. */
static inline void blocked_start(Blocked *b, QIOChannel *ioc, bool write,
                                 uint8_t *buf, size_t len)
{
    *b = (Blocked){ .ioc = ioc, .write = write, .len = len, .buf = buf };
    qemu_thread_create(&b->thread, "blocked", blocked_thread, b);
}

static inline bool blocked_end(Blocked *b)
{
    qemu_thread_join(&b->thread);
    return b->ok;
}

#endif
