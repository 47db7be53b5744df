/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Buffered streams over channels that are slow, short, broken or shut. */
#include "qemu/osdep.h"

#include <sys/socket.h>

#include "io/channel-buffer.h"
#include "io/channel-socket.h"
#include "qemu/thread.h"
#include "test-channel.h"

#define PAGE TARGET_PAGE_SIZE

static const size_t io_sizes[] = { 0, 1, 3, 7, 4096, 5000, 100000 };

/* Byte @i of a stream in which every place is told from its neighbours. */
static uint8_t pattern(size_t i)
{
    return i ^ (i >> 8) ^ (i >> 16) * 31;
}

static GByteArray *pattern_new(size_t len)
{
    GByteArray *a = g_byte_array_new();
    size_t i;

    g_byte_array_set_size(a, len);
    for (i = 0; i < len; i++) {
        a->data[i] = pattern(i);
    }
    return a;
}

static void assert_error(QEMUFile *f, const char *text)
{
    g_autoptr(Error) err = NULL;

    g_assert_true(qemu_file_has_error(f));
    g_assert_true(qemu_file_get_error(f, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, text);
}

/* ---- writing ---- */

static void put_values(QEMUFile *f)
{
    qemu_put_byte(f, 0x01);
    qemu_put_be16(f, 0x0203);
    qemu_put_be32(f, 0x04050607);
    qemu_put_be64(f, UINT64_C(0x08090a0b0c0d0e0f));
    qemu_put_counted_string(f, "abc");
    qemu_put_buffer(f, "xyz", 3);
}

static const uint8_t values[] = {
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
    3, 'a', 'b', 'c', 'x', 'y', 'z',
};

static void check_values(QEMUFile *f)
{
    char name[256];
    char raw[3];

    g_assert_cmphex(qemu_get_byte(f), ==, 0x01);
    g_assert_cmphex(qemu_get_be16(f), ==, 0x0203);
    g_assert_cmphex(qemu_get_be32(f), ==, 0x04050607);
    g_assert_cmphex(qemu_get_be64(f), ==, UINT64_C(0x08090a0b0c0d0e0f));
    g_assert_cmpuint(qemu_get_counted_string(f, name), ==, 3);
    g_assert_cmpstr(name, ==, "abc");
    g_assert_cmpuint(qemu_get_buffer(f, raw, 3), ==, 3);
    g_assert_cmpmem(raw, 3, "xyz", 3);
    g_assert_false(qemu_file_has_error(f));
}

static void test_values(void)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(io_sizes); i++) {
        TestChannel *out, *in;
        QEMUFile *f = test_file_output(&out);

        out->max_io = io_sizes[i];
        put_values(f);
        g_assert_cmpuint(out->calls, ==, 0);
        g_assert_cmpuint(qemu_file_transferred(f), ==, sizeof(values));
        g_assert_true(qemu_fflush(f));
        g_assert_cmpmem(out->data->data, out->data->len, values,
                        sizeof(values));
        g_object_ref(out);
        g_assert_true(qemu_fclose(f, NULL));
        g_assert_true(out->closed);

        f = test_file_input(out->data->data, out->data->len, &in);
        in->max_io = io_sizes[i];
        check_values(f);
        g_assert_cmpuint(qemu_file_transferred(f), ==, sizeof(values));
        g_object_unref(out);
        qemu_file_free(f);
    }
}

/* Record word and page by reference: two list entries, full lists go out. */
static void test_pages(void)
{
    g_autofree uint8_t *ram = g_malloc(2000 * PAGE);
    TestChannel *out;
    QEMUFile *f = test_file_output(&out);
    size_t i;

    for (i = 0; i < 2000 * PAGE; i++) {
        ram[i] = pattern(i);
    }
    for (i = 0; i < 2000; i++) {
        qemu_put_be64(f, i);
        /* Not neighbours in memory: order reversed. */
        qemu_put_buffer_async(f, ram + (1999 - i) * PAGE, PAGE);
    }
    g_assert_true(qemu_fflush(f));
    g_assert_cmpuint(out->calls, ==, 4); /* 4000 entries, 1024 a call */
    g_assert_cmpuint(out->max_niov, ==, 1024);
    g_assert_cmpuint(out->data->len, ==, 2000 * (8 + PAGE));
    g_assert_cmpuint(qemu_file_transferred(f), ==, out->data->len);
    for (i = 0; i < 2000; i++) {
        const uint8_t *p = out->data->data + i * (8 + PAGE);
        uint64_t word;

        memcpy(&word, p, 8);
        g_assert_cmpuint(GUINT64_FROM_BE(word), ==, i);
        g_assert_cmpmem(p + 8, PAGE, ram + (1999 - i) * PAGE, PAGE);
    }
    qemu_file_free(f);
}

static void test_merge(void)
{
    g_autofree uint8_t *ram = g_malloc0(600 * PAGE);
    TestChannel *out;
    QEMUFile *f = test_file_output(&out);
    int i;

    for (i = 0; i < 600; i++) {
        qemu_put_buffer_async(f, ram + i * PAGE, PAGE);
    }
    g_assert_true(qemu_fflush(f));
    g_assert_cmpuint(out->max_niov, ==, 1);
    g_assert_cmpuint(out->calls, ==, 1);
    for (i = 0; i < 5000; i++) {
        qemu_put_be32(f, i);
    }
    g_assert_true(qemu_fflush(f));
    g_assert_cmpuint(out->max_niov, ==, 1);
    g_assert_cmpuint(out->calls, ==, 2);
    g_assert_cmpuint(out->data->len, ==, 600 * PAGE + 20000);
    qemu_file_free(f);
}

/* The buffer wraps many times; big and small puts keep their order. */
static void test_mixed_sizes(void)
{
    g_autoptr(GByteArray) want = pattern_new(3 * 1000 * 1000);
    TestChannel *out;
    QEMUFile *f = test_file_output(&out);
    size_t done = 0, n = 1;

    out->max_io = 70001;
    while (done < want->len) {
        n = MIN(n * 7 % 99991 + 1, want->len - done);
        if (n <= QEMU_FILE_DIRECT_MAX && n % 2) {
            memcpy(qemu_file_reserve(f, QEMU_FILE_DIRECT_MAX),
                   want->data + done, n);
            qemu_file_commit(f, n);
        } else {
            qemu_put_buffer(f, want->data + done, n);
        }
        done += n;
    }
    g_assert_true(qemu_fflush(f));
    g_assert_cmpmem(out->data->data, out->data->len, want->data, want->len);
    qemu_file_free(f);
}

static void test_write_error(void)
{
    TestChannel *out;
    QEMUFile *f = test_file_output(&out);
    Error *err = NULL;
    int i;

    out->fail_at = 10;
    put_values(f);
    g_assert_false(qemu_file_has_error(f));
    g_assert_false(qemu_fflush(f));
    assert_error(f, "test channel failed at byte 10");
    /* What follows vanishes, and the first error stays. */
    for (i = 0; i < 100000; i++) {
        put_values(f);
    }
    error_setg(&err, "another");
    qemu_file_set_error(f, err);
    err = NULL;
    g_assert_cmpuint(out->data->len, ==, 10);
    g_assert_false(qemu_fclose(f, &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "test channel failed at byte 10");
    error_free(err);
}

static void test_bad_names(void)
{
    g_autofree char *longest = g_strnfill(255, 'x');
    g_autofree char *longer = g_strnfill(256, 'x');
    TestChannel *out;
    QEMUFile *f = test_file_output(&out);
    char name[256];

    qemu_put_counted_string(f, longest);
    g_assert_true(qemu_fflush(f));
    g_assert_cmpuint(out->data->len, ==, 256);
    qemu_put_counted_string(f, longer);
    g_assert_true(qemu_file_has_error(f));
    qemu_file_free(f);

    f = test_file_output(&out);
    qemu_put_counted_string(f, "");
    g_assert_true(qemu_file_has_error(f));
    qemu_file_free(f);

    f = test_file_input("\0abc", 4, NULL);
    g_assert_cmpuint(qemu_get_counted_string(f, name), ==, 0);
    assert_error(f, "empty name in the stream");
    qemu_file_free(f);

    f = test_file_input("\3a\0c", 4, NULL);
    g_assert_cmpuint(qemu_get_counted_string(f, name), ==, 0);
    assert_error(f, "name 'a' in the stream has a NUL byte");
    qemu_file_free(f);
}

/* ---- reading ---- */

/* Cut everywhere: reads give zeros and the error, never old bytes. */
static void test_truncated(void)
{
    size_t cut;

    for (cut = 0; cut < sizeof(values); cut++) {
        QEMUFile *f = test_file_input(values, cut, NULL);
        uint8_t raw[3];
        char name[256];

        qemu_get_byte(f);
        qemu_get_be16(f);
        qemu_get_be32(f);
        qemu_get_be64(f);
        qemu_get_counted_string(f, name);
        memset(raw, 0xff, sizeof(raw));
        g_assert_cmpuint(qemu_get_buffer(f, raw, 3), ==,
                         cut > 19 ? cut - 19 : 0);
        g_assert_cmphex(raw[2], ==, 0);
        assert_error(f, "end of stream");
        g_assert_cmphex(qemu_get_be64(f), ==, 0);
        qemu_file_free(f);
    }
}

static void test_read_error(void)
{
    g_autoptr(GByteArray) want = pattern_new(100);
    g_autofree uint8_t *big = g_malloc(10000);
    TestChannel *in;
    QEMUFile *f = test_file_input(want->data, want->len, &in);
    const uint8_t *p;

    in->fail_at = 50;
    g_assert_cmpuint(qemu_get_buffer(f, big, 10), ==, 10);
    /* Looking further fails, and that is the end of it. */
    g_assert_cmpuint(qemu_peek_buffer(f, &p, 60), ==, 0);
    assert_error(f, "test channel failed at byte 50");
    g_assert_cmpuint(qemu_get_buffer(f, big, 10000), ==, 0);
    g_assert_cmpint(qemu_peek_byte(f, 0), ==, -1);
    qemu_file_free(f);
}

static void test_read_sizes(void)
{
    g_autoptr(GByteArray) want = pattern_new(2500000);
    g_autofree uint8_t *buf = g_malloc(300000);
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(io_sizes); i++) {
        TestChannel *in;
        QEMUFile *f;
        size_t done = 0, n = 1;

        if (io_sizes[i] && io_sizes[i] < 1000) {
            continue; /* takes too long under the sanitizers */
        }
        f = test_file_input(want->data, want->len, &in);
        in->max_io = io_sizes[i];
        while (done < want->len) {
            n = MIN(n * 13 % 262147 + 1, want->len - done);
            g_assert_cmpuint(qemu_get_buffer(f, buf, n), ==, n);
            g_assert_cmpmem(buf, n, want->data + done, n);
            done += n;
            g_assert_cmpuint(qemu_file_transferred(f), ==, done);
        }
        g_assert_cmpint(qemu_peek_byte(f, 0), ==, -1);
        g_assert_false(qemu_file_has_error(f));
        qemu_file_free(f);
    }
}

/* Peeks of all lengths with the buffer's end at every place in between. */
static void test_peek(void)
{
    const size_t size = 512 * KiB; /* of the read buffer */
    g_autoptr(GByteArray) want = pattern_new(size + 1000);
    g_autofree uint8_t *sink = g_malloc(size);
    size_t back, len;

    for (back = 0; back <= 300; back += back < 8 || back > 250 ? 1 : 13) {
        for (len = 1; len <= 257; len += len < 8 || len > 250 ? 1 : 31) {
            TestChannel *in;
            QEMUFile *f = test_file_input(want->data, want->len, &in);
            size_t at = size - back;
            const uint8_t *p;

            qemu_peek_byte(f, 0); /* fills the buffer from its start */
            g_assert_cmpuint(qemu_get_buffer(f, sink, at), ==, at);
            g_assert_cmpuint(qemu_peek_buffer(f, &p, len), ==, len);
            g_assert_cmpmem(p, len, want->data + at, len);
            g_assert_cmpint(qemu_peek_byte(f, len - 1), ==,
                            want->data[at + len - 1]);
            g_assert_cmpuint(qemu_file_transferred(f), ==, at);
            qemu_file_skip(f, len);
            g_assert_cmphex(qemu_get_byte(f), ==, want->data[at + len]);
            qemu_file_free(f);
        }
    }
}

/* A peek asks for no more than it needs: a silent peer does not stop it. */
static void test_peek_short_reads(void)
{
    g_autoptr(GByteArray) want = pattern_new(600);
    size_t len;

    for (len = 1; len <= 600; len++) {
        TestChannel *in;
        QEMUFile *f = test_file_input(want->data, want->len, &in);
        const uint8_t *p;

        in->max_io = 7;
        g_assert_cmpuint(qemu_peek_buffer(f, &p, len), ==, len);
        g_assert_cmpuint(in->calls, ==, DIV_ROUND_UP(len, 7));
        g_assert_cmpuint(qemu_file_buffered(f, &p), >=, len);
        qemu_file_free(f);
    }
}

static void test_peek_end(void)
{
    QEMUFile *f = test_file_input("abc", 3, NULL);
    const uint8_t *p;

    g_assert_cmpuint(qemu_peek_buffer(f, &p, 10), ==, 3);
    g_assert_cmpmem(p, 3, "abc", 3);
    g_assert_cmpint(qemu_peek_byte(f, 2), ==, 'c');
    g_assert_cmpint(qemu_peek_byte(f, 3), ==, -1);
    g_assert_cmpint(qemu_peek_byte(f, QEMU_FILE_PEEK_MAX), ==, -1);
    g_assert_false(qemu_file_has_error(f));
    qemu_file_skip(f, 100);
    g_assert_cmpint(qemu_peek_byte(f, 0), ==, -1);
    qemu_file_free(f);
}

static void test_buffer_channel(void)
{
    QIOChannelBuffer *ioc = qio_channel_buffer_new(16);
    QEMUFile *f = qemu_file_new_output(QIO_CHANNEL(ioc));

    put_values(f);
    g_assert_true(qemu_fflush(f));
    qemu_file_free(f);
    f = qemu_file_new_input(QIO_CHANNEL(ioc));
    check_values(f);
    g_assert_cmpint(qemu_peek_byte(f, 0), ==, -1);
    qemu_file_free(f);
    g_object_unref(ioc);
}

/* ---- sockets and threads ---- */

static void socket_pair(QIOChannel **a, QIOChannel **b)
{
    int fds[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), ==, 0);
    *a = QIO_CHANNEL(qio_channel_socket_new_fd(fds[0], NULL));
    *b = QIO_CHANNEL(qio_channel_socket_new_fd(fds[1], NULL));
    g_assert_true(*a && *b);
}

typedef struct Writer {
    QIOChannel *ioc;
    const GByteArray *data;
    QEMUFile *f;
    uint64_t seen; /* atomic, for the other thread */
} Writer;

static void *socket_writer(void *opaque)
{
    Writer *w = opaque;
    QEMUFile *f = qemu_file_new_output(w->ioc);
    size_t done;

    for (done = 0; done < w->data->len; done += PAGE) {
        qemu_put_be64(f, done);
        qemu_put_buffer_async(f, w->data->data + done, PAGE);
    }
    g_assert_true(qemu_fclose(f, NULL));
    return NULL;
}

static void test_socket(void)
{
    g_autoptr(GByteArray) want = pattern_new(3000 * PAGE);
    uint8_t page[PAGE];
    QIOChannel *a, *b;
    QemuThread thread;
    Writer w = { .data = want };
    QEMUFile *f;
    size_t done;

    socket_pair(&a, &b);
    w.ioc = a;
    f = qemu_file_new_input(b);
    qemu_thread_create(&thread, "writer", socket_writer, &w);
    for (done = 0; done < want->len; done += PAGE) {
        g_assert_cmpuint(qemu_get_be64(f), ==, done);
        g_assert_cmpuint(qemu_get_buffer(f, page, PAGE), ==, PAGE);
        g_assert_cmpmem(page, PAGE, want->data + done, PAGE);
    }
    g_assert_cmpint(qemu_peek_byte(f, 0), ==, -1);
    qemu_thread_join(&thread);
    g_assert_true(qemu_fclose(f, NULL));
    g_object_unref(a);
    g_object_unref(b);
}

static void *blocked_reader(void *opaque)
{
    QEMUFile *f = opaque;

    qemu_get_be64(f);
    assert_error(f, "the stream was shut down");
    return NULL;
}

static void *blocked_writer(void *opaque)
{
    g_autofree uint8_t *ram = g_malloc0(64 * PAGE);
    QEMUFile *f = opaque;

    while (!qemu_file_has_error(f)) {
        qemu_put_buffer(f, ram, 64 * PAGE);
    }
    assert_error(f, "the stream was shut down");
    return NULL;
}

/* Nobody is at the other end: only the shutdown can end these threads. */
static void test_shutdown(void)
{
    QIOChannel *r[2], *w[2];
    QemuThread reader, writer;
    QEMUFile *in, *out;
    int i;

    socket_pair(&r[0], &r[1]);
    socket_pair(&w[0], &w[1]);
    in = qemu_file_new_input(r[0]);
    out = qemu_file_new_output(w[0]);
    qemu_thread_create(&reader, "reader", blocked_reader, in);
    qemu_thread_create(&writer, "writer", blocked_writer, out);
    while (qemu_file_transferred(out) < 64 * PAGE) {
        g_thread_yield();
    }
    qemu_file_shutdown(in);
    qemu_file_shutdown(out);
    qemu_thread_join(&reader);
    qemu_thread_join(&writer);
    qemu_file_free(in);
    qemu_file_free(out);
    for (i = 0; i < 2; i++) {
        g_object_unref(r[i]);
        g_object_unref(w[i]);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qemu-file/values", test_values);
    g_test_add_func("/qemu-file/pages", test_pages);
    g_test_add_func("/qemu-file/merge", test_merge);
    g_test_add_func("/qemu-file/mixed-sizes", test_mixed_sizes);
    g_test_add_func("/qemu-file/write-error", test_write_error);
    g_test_add_func("/qemu-file/bad-names", test_bad_names);
    g_test_add_func("/qemu-file/truncated", test_truncated);
    g_test_add_func("/qemu-file/read-error", test_read_error);
    g_test_add_func("/qemu-file/read-sizes", test_read_sizes);
    g_test_add_func("/qemu-file/peek", test_peek);
    g_test_add_func("/qemu-file/peek-short-reads", test_peek_short_reads);
    g_test_add_func("/qemu-file/peek-end", test_peek_end);
    g_test_add_func("/qemu-file/buffer-channel", test_buffer_channel);
    g_test_add_func("/qemu-file/socket", test_socket);
    g_test_add_func("/qemu-file/shutdown", test_shutdown);
    return g_test_run();
}
