/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What all channels have in common, on a channel that does as little as it is
 * allowed to in each call; and the channels over memory and over nothing.
 */
#include "qemu/osdep.h"

#include "io-test.h"
#include "io/channel-buffer.h"
#include "io/channel-null.h"
#include "io/channel-watch.h"
#include "qemu/iov.h"

/* Reads what it wrote, a few bytes at a time, sometimes none. */
#define TYPE_SHORT_CHANNEL (short_channel_get_type())
G_DECLARE_FINAL_TYPE(ShortChannel, short_channel, TEST, SHORT, QIOChannel)

struct _ShortChannel {
    QIOChannel parent_instance;
    GByteArray *bytes;
    size_t pos;
    size_t max; /* bytes in one call */
    size_t fail_at; /* reading or writing this byte fails */
    unsigned calls;
    bool block; /* every second call would block */
};

G_DEFINE_FINAL_TYPE(ShortChannel, short_channel, QIO_TYPE_CHANNEL)

static void short_channel_init(ShortChannel *sc)
{
    sc->bytes = g_byte_array_new();
    sc->max = SIZE_MAX;
    sc->fail_at = SIZE_MAX;
}

static ssize_t short_allowed(ShortChannel *sc, size_t at, Error **errp)
{
    sc->calls++;
    if (sc->block && sc->calls % 2) {
        return QIO_CHANNEL_ERR_BLOCK;
    }
    if (at >= sc->fail_at) {
        error_setg(errp, "broken at %zu", sc->fail_at);
        return -1;
    }
    return MIN(MIN(sc->max, sc->fail_at - at), SSIZE_MAX);
}

static ssize_t short_readv(QIOChannel *ioc, const struct iovec *iov,
                           size_t niov, int **fds, size_t *nfds, int flags,
                           Error **errp)
{
    ShortChannel *sc = TEST_SHORT(ioc);
    ssize_t len = short_allowed(sc, sc->pos, errp);

    g_assert_cmpuint(niov, <=, IOV_MAX);
    g_assert_cmpuint(iov_size(iov, niov), >, 0);
    if (len > 0) {
        len = iov_from_buf(iov, niov, 0, sc->bytes->data + sc->pos,
                           MIN(len, sc->bytes->len - sc->pos));
        sc->pos += len;
    }
    return len;
}

static ssize_t short_writev(QIOChannel *ioc, const struct iovec *iov,
                            size_t niov, const int *fds, size_t nfds,
                            int flags, Error **errp)
{
    ShortChannel *sc = TEST_SHORT(ioc);
    ssize_t len = short_allowed(sc, sc->bytes->len, errp);
    size_t old = sc->bytes->len;

    g_assert_cmpuint(niov, <=, IOV_MAX);
    g_assert_cmpuint(iov_size(iov, niov), >, 0);
    if (len > 0) {
        len = MIN(len, iov_size(iov, niov));
        g_byte_array_set_size(sc->bytes, old + len);
        iov_to_buf(iov, niov, 0, sc->bytes->data + old, len);
    }
    return len;
}

static GSource *short_create_watch(QIOChannel *ioc, GIOCondition cond)
{
    return qio_channel_ready_watch(ioc, cond);
}

static void short_channel_finalize(GObject *obj)
{
    g_byte_array_unref(TEST_SHORT(obj)->bytes);
    G_OBJECT_CLASS(short_channel_parent_class)->finalize(obj);
}

static void short_channel_class_init(ShortChannelClass *klass)
{
    QIOChannelClass *ioc_class = QIO_CHANNEL_CLASS(klass);

    G_OBJECT_CLASS(klass)->finalize = short_channel_finalize;
    ioc_class->io_readv = short_readv;
    ioc_class->io_writev = short_writev;
    ioc_class->io_create_watch = short_create_watch;
}

/* Cut @buf into @n pieces, some of them empty. */
static struct iovec *cut(uint8_t *buf, size_t len, size_t n)
{
    struct iovec *iov = g_new0(struct iovec, n);

    for (size_t i = 0; i < n; i++) {
        size_t piece = len / (n - i) * g_test_rand_int_range(0, 3);

        piece = i + 1 == n ? len : MIN(piece, len);
        iov[i] = (struct iovec){ buf, piece };
        buf += piece;
        len -= piece;
    }
    return iov;
}

static void all_round(size_t len, size_t n, size_t max, bool block)
{
    g_autoptr(ShortChannel) sc = g_object_new(TYPE_SHORT_CHANNEL, NULL);
    QIOChannel *ioc = QIO_CHANNEL(sc);
    g_autofree uint8_t *sent = io_test_pattern(len);
    g_autofree uint8_t *got = g_malloc0(len);
    g_autofree struct iovec *out = cut(sent, len, n);
    g_autofree struct iovec *in = cut(got, len, n);
    g_autofree struct iovec *in_before = g_memdup2(in, n * sizeof(*in));
    Error *err = NULL;

    sc->max = max;
    sc->block = block;
    g_assert_true(qio_channel_writev_all(ioc, out, n, &err));
    io_test_ok(err);
    g_assert_true(qio_channel_readv_all(ioc, in, n, &err));
    io_test_ok(err);
    g_assert_cmpmem(sent, len, got, len);
    /* The caller's list stays as it was. */
    g_assert_cmpmem(in, n * sizeof(*in), in_before, n * sizeof(*in));
    g_assert_cmpint(qio_channel_read_all_eof(ioc, got, 1, &err), ==, 0);
    io_test_ok(err);
    g_assert_false(qio_channel_read_all(ioc, got, 1, &err));
    io_test_error(err, "Unexpected end-of-file before all data were read");
}

static void test_all(void)
{
    all_round(100, 1, 1, false);
    all_round(100, 7, 3, true);
    all_round(1, 5, 1, true);
    all_round(64 * 1024, 3 * IOV_MAX + 17, SIZE_MAX, false);
    all_round(64 * 1024, 3 * IOV_MAX + 17, 1000, true);
    for (int i = 0; i < 300; i++) {
        all_round(g_test_rand_int_range(1, 3000),
                  g_test_rand_int_range(1, 200),
                  g_test_rand_int_range(1, 300), g_test_rand_bit());
    }
}

/* One call of the channel is enough when it does everything. */
static void test_one_call(void)
{
    g_autoptr(ShortChannel) sc = g_object_new(TYPE_SHORT_CHANNEL, NULL);
    uint8_t buf[128] = { 0 };
    struct iovec iov[4] = {
        { buf, 0 }, { buf, 32 }, { buf + 32, 96 }, { buf + 128, 0 },
    };

    g_assert_true(qio_channel_writev_all(QIO_CHANNEL(sc), iov, 4, NULL));
    g_assert_true(qio_channel_readv_all(QIO_CHANNEL(sc), iov, 4, NULL));
    g_assert_cmpuint(sc->calls, ==, 2);
    /* Nothing to do: no call. */
    g_assert_true(qio_channel_writev_all(QIO_CHANNEL(sc), iov, 1, NULL));
    g_assert_true(qio_channel_readv_all(QIO_CHANNEL(sc), NULL, 0, NULL));
    g_assert_cmpuint(sc->calls, ==, 2);
}

static void test_failures(void)
{
    g_autoptr(ShortChannel) sc = g_object_new(TYPE_SHORT_CHANNEL, NULL);
    QIOChannel *ioc = QIO_CHANNEL(sc);
    uint8_t buf[20] = { 0 };
    Error *err = NULL;

    sc->max = 7;
    sc->fail_at = 10;
    g_assert_false(qio_channel_write_all(ioc, buf, sizeof(buf), &err));
    io_test_error(err, "broken at 10");
    g_assert_cmpuint(sc->bytes->len, ==, 10);
    g_assert_cmpint(qio_channel_read_all_eof(ioc, buf, 12, &err), ==, -1);
    io_test_error(err, "broken at 10");

    /* An end in the middle is always an error. */
    sc->fail_at = SIZE_MAX;
    sc->pos = 5;
    g_assert_cmpint(qio_channel_read_all_eof(ioc, buf, 6, &err), ==, -1);
    io_test_error(err, "Unexpected end-of-file before all data were read");
}

static void test_unsupported(void)
{
    g_autoptr(ShortChannel) sc = g_object_new(TYPE_SHORT_CHANNEL, NULL);
    QIOChannel *ioc = QIO_CHANNEL(sc);
    struct iovec iov = { (char[1]){ 0 }, 1 };
    int *fds, fd = 0;
    size_t nfds;
    Error *err = NULL;

    g_assert_cmpint(qio_channel_preadv(ioc, &iov, 1, 0, &err), ==, -1);
    io_test_error(err, "Requested channel is not seekable");
    g_assert_cmpint(qio_channel_pwritev(ioc, &iov, 1, 0, &err), ==, -1);
    io_test_error(err, "Requested channel is not seekable");
    g_assert_cmpint(qio_channel_seek(ioc, 0, SEEK_SET, &err), ==, -1);
    io_test_error(err, "Requested channel is not seekable");
    g_assert_cmpint(
        qio_channel_readv_full(ioc, &iov, 1, &fds, &nfds, 0, &err), ==, -1);
    io_test_error(err, "Channel does not support file descriptor passing");
    g_assert_cmpint(
        qio_channel_writev_full(ioc, &iov, 1, &fd, 1, 0, &err), ==, -1);
    io_test_error(err, "Channel does not support file descriptor passing");
    g_assert_cmpint(
        qio_channel_writev_full(ioc, &iov, 1, NULL, 0,
                                QIO_CHANNEL_WRITE_FLAG_ZERO_COPY, &err),
        ==, -1);
    io_test_error(err, "Requested Zero Copy feature is not available");
    g_assert_cmpint(
        qio_channel_readv_full(ioc, &iov, 1, NULL, NULL,
                               QIO_CHANNEL_READ_FLAG_MSG_PEEK, &err), ==, -1);
    io_test_error(err, "Channel does not support peek read");
    g_assert_false(
        qio_channel_shutdown(ioc, QIO_CHANNEL_SHUTDOWN_BOTH, &err));
    io_test_error(err, "Data path shutdown not supported");
    g_assert_cmpint(qio_channel_flush(ioc, &err), ==, 0);
    io_test_ok(err);
}

static void test_name(void)
{
    g_autoptr(QIOChannelNull) null = qio_channel_null_new();

    g_assert_null(qio_channel_get_name(QIO_CHANNEL(null)));
    qio_channel_set_name(QIO_CHANNEL(null), "a");
    qio_channel_set_name(QIO_CHANNEL(null), "b");
    g_assert_cmpstr(qio_channel_get_name(QIO_CHANNEL(null)), ==, "b");
}

static void test_buffer(void)
{
    g_autoptr(QIOChannelBuffer) buffer = qio_channel_buffer_new(2);
    QIOChannel *ioc = QIO_CHANNEL(buffer);
    char text[16] = "";
    struct iovec iov = { text, 5 };
    const uint8_t *data;
    size_t len;

    g_assert_true(qio_channel_write_all(ioc, "hello ", 6, NULL));
    g_assert_cmpint(
        qio_channel_readv_full(ioc, &iov, 1, NULL, NULL,
                               QIO_CHANNEL_READ_FLAG_MSG_PEEK, NULL), ==, 5);
    g_assert_cmpstr(text, ==, "hello");
    g_assert_true(qio_channel_write_all(ioc, "world", 5, NULL));
    data = qio_channel_buffer_data(buffer, &len);
    g_assert_cmpmem(data, len, "hello world", 11);
    g_assert_true(qio_channel_read_all(ioc, text, 11, NULL));
    g_assert_cmpstr(text, ==, "hello world");
    g_assert_cmpint(qio_channel_read(ioc, text, 1, NULL), ==, 0);
    g_assert_true(qio_channel_close(ioc, NULL));
    g_assert_true(qio_channel_close(ioc, NULL));
}

static gboolean count_watch(QIOChannel *ioc, GIOCondition cond, gpointer data)
{
    g_assert_cmpint(cond, ==, G_IO_OUT);
    return ++*(int *)data < 3;
}

static void test_null(void)
{
    g_autoptr(QIOChannelNull) null = qio_channel_null_new();
    QIOChannel *ioc = QIO_CHANNEL(null);
    char byte;
    int calls = 0;

    g_assert_true(qio_channel_write_all(ioc, "hello ", 6, NULL));
    g_assert_cmpint(qio_channel_read(ioc, &byte, 1, NULL), ==, 0);
    g_assert_true(qio_channel_shutdown(ioc, QIO_CHANNEL_SHUTDOWN_BOTH, NULL));
    qio_channel_add_watch(ioc, G_IO_OUT, count_watch, &calls, NULL);
    while (calls < 3) {
        g_main_context_iteration(NULL, TRUE);
    }
    g_assert_false(g_main_context_iteration(NULL, FALSE));
    g_assert_true(qio_channel_close(ioc, NULL));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/channel/all", test_all);
    g_test_add_func("/channel/one-call", test_one_call);
    g_test_add_func("/channel/failures", test_failures);
    g_test_add_func("/channel/unsupported", test_unsupported);
    g_test_add_func("/channel/name", test_name);
    g_test_add_func("/channel/buffer", test_buffer);
    g_test_add_func("/channel/null", test_null);
    return g_test_run();
}
