/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"

#include "test-channel.h"

G_DEFINE_TYPE(TestChannel, test_channel, QIO_TYPE_CHANNEL)

static bool test_channel_room(TestChannel *ioc, size_t done, size_t *room,
                              Error **errp)
{
    *room = ioc->max_io ? ioc->max_io : SIZE_MAX;
    ioc->calls++;
    if (ioc->fail_at) {
        if (done >= ioc->fail_at) {
            error_setg(errp, "test channel failed at byte %" PRIu64,
                       ioc->fail_at);
            return false;
        }
        *room = MIN(*room, ioc->fail_at - done);
    }
    return true;
}

static ssize_t test_channel_readv(QIOChannel *base, const struct iovec *iov,
                                  size_t niov, int **fds, size_t *nfds,
                                  int flags, Error **errp)
{
    TestChannel *ioc = TEST_CHANNEL(base);
    size_t room, n, done = 0;

    if (!test_channel_room(ioc, ioc->pos, &room, errp)) {
        return -1;
    }
    for (; niov && room; iov++, niov--) {
        n = MIN(MIN(iov->iov_len, room), ioc->data->len - ioc->pos);
        if (n) {
            memcpy(iov->iov_base, ioc->data->data + ioc->pos, n);
        }
        ioc->pos += n;
        room -= n;
        done += n;
    }
    return done;
}

static ssize_t test_channel_writev(QIOChannel *base, const struct iovec *iov,
                                   size_t niov, const int *fds, size_t nfds,
                                   int flags, Error **errp)
{
    TestChannel *ioc = TEST_CHANNEL(base);
    size_t room, done = 0;

    if (!test_channel_room(ioc, ioc->data->len, &room, errp)) {
        return -1;
    }
    ioc->max_niov = MAX(ioc->max_niov, niov);
    for (; niov && room; iov++, niov--) {
        size_t n = MIN(iov->iov_len, room);

        g_byte_array_append(ioc->data, iov->iov_base, n);
        room -= n;
        done += n;
    }
    return done;
}

static bool test_channel_close(QIOChannel *base, Error **errp)
{
    TEST_CHANNEL(base)->closed = true;
    return true;
}

static void test_channel_finalize(GObject *obj)
{
    g_byte_array_unref(TEST_CHANNEL(obj)->data);
    G_OBJECT_CLASS(test_channel_parent_class)->finalize(obj);
}

static void test_channel_init(TestChannel *ioc)
{
    ioc->data = g_byte_array_new();
}

static void test_channel_class_init(TestChannelClass *klass)
{
    QIOChannelClass *ioc_class = QIO_CHANNEL_CLASS(klass);

    ioc_class->io_readv = test_channel_readv;
    ioc_class->io_writev = test_channel_writev;
    ioc_class->io_close = test_channel_close;
    G_OBJECT_CLASS(klass)->finalize = test_channel_finalize;
}

TestChannel *test_channel_new(const void *data, size_t len)
{
    TestChannel *ioc = g_object_new(TEST_TYPE_CHANNEL, NULL);

    if (len) {
        g_byte_array_append(ioc->data, data, len);
    }
    return ioc;
}

QEMUFile *test_file_output(TestChannel **ioc)
{
    QEMUFile *f;

    *ioc = test_channel_new(NULL, 0);
    f = qemu_file_new_output(QIO_CHANNEL(*ioc));
    g_object_unref(*ioc);
    return f;
}

QEMUFile *test_file_input(const void *data, size_t len, TestChannel **ioc)
{
    TestChannel *c = test_channel_new(data, len);
    QEMUFile *f = qemu_file_new_input(QIO_CHANNEL(c));

    g_object_unref(c);
    if (ioc) {
        *ioc = c;
    }
    return f;
}

GByteArray *from_hex(const char *hex)
{
    GByteArray *a = g_byte_array_new();

    while (*hex) {
        uint8_t v;

        if (*hex == ' ') {
            hex++;
            continue;
        }
        v = g_ascii_xdigit_value(hex[0]) << 4 | g_ascii_xdigit_value(hex[1]);
        g_byte_array_append(a, &v, 1);
        hex += 2;
    }
    return a;
}
