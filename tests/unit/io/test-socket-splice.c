/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes to local sockets that do not copy. */
#include "qemu/osdep.h"

#include <sys/mman.h>
#include <sys/resource.h>

#include "io-test.h"
#include "qemu/atomic.h"

#define BIG (5 * 1024 * 1024 + 2)
#define FLAG QIO_CHANNEL_WRITE_FLAG_BY_REFERENCE

typedef struct Pair {
    QIOChannelSocket *a, *b;
    QIOChannel *out, *in;
} Pair;

/* False, and the test is skipped: not here. */
static bool pair_new(Pair *p)
{
    io_test_pair(&p->a, &p->b);
    p->out = QIO_CHANNEL(p->a);
    p->in = QIO_CHANNEL(p->b);
    if (qio_channel_has_feature(p->out,
                                QIO_CHANNEL_FEATURE_WRITE_BY_REFERENCE)) {
        return true;
    }
    g_object_unref(p->a);
    g_object_unref(p->b);
    g_test_skip("splice(2) to a unix socket copies here, or is not allowed");
    return false;
}

static void pair_free(Pair *p)
{
    g_object_unref(p->a);
    g_object_unref(p->b);
}

/* A thread that writes; it has SIGPIPE blocked, as all have. */
typedef struct Writer {
    QIOChannel *ioc;
    const struct iovec *iov;
    size_t niov;
    bool ok;
    Error *err;
    QemuThread thread;
} Writer;

static void *writer_thread(void *opaque)
{
    Writer *w = opaque;

    w->ok = qio_channel_writev_full_all(w->ioc, w->iov, w->niov, NULL, 0, FLAG,
                                        &w->err);
    return NULL;
}

static void writer_start(Writer *w, QIOChannel *ioc, const struct iovec *iov,
                         size_t niov)
{
    *w = (Writer) { .ioc = ioc, .iov = iov, .niov = niov };
    qemu_thread_create(&w->thread, "writer", writer_thread, w);
}

static bool writer_end(Writer *w)
{
    qemu_thread_join(&w->thread);
    return w->ok;
}

/* Pieces of all sizes, whole pages and parts, more than a pipe can hold. */
static void exchange(Pair *p)
{
    static const size_t sizes[] = { 1, 4095, 4096, 3, 163840, 65537, 0, 12,
                                    1200000, 4097 };
    g_autofree uint8_t *data = io_test_pattern(BIG);
    g_autofree uint8_t *got = g_malloc0(BIG);
    struct iovec iov[G_N_ELEMENTS(sizes) + 1];
    size_t at = 0, n = 0;
    Error *err = NULL;
    Writer w;

    for (; n < G_N_ELEMENTS(sizes); n++) {
        iov[n] = (struct iovec) { data + at, sizes[n] };
        at += sizes[n];
    }
    iov[n++] = (struct iovec) { data + at, BIG - at };
    writer_start(&w, p->out, iov, n);
    g_assert_true(qio_channel_read_all(p->in, got, BIG, &err));
    g_assert_true(writer_end(&w));
    g_assert_cmpmem(got, BIG, data, BIG);
}

static void test_content(void)
{
    Pair p;

    if (pair_new(&p)) {
        for (int round = 0; round < 3; round++) {
            exchange(&p);
        }
        pair_free(&p);
    }
}

/* What is changed before the peer reads is what it reads. */
static void test_refers(void)
{
    g_autofree uint8_t *data = g_malloc0(65536);
    struct iovec iov = { data, 65536 };
    uint8_t got[2];
    Error *err = NULL;
    Pair p;

    if (!pair_new(&p)) {
        return;
    }
    g_assert_cmpint(qio_channel_writev_full(p.out, &iov, 1, NULL, 0, FLAG,
                                            &err), ==, 65536);
    io_test_ok(err);
    data[1] = 7;
    g_assert_true(qio_channel_read_all(p.in, got, 2, &err));
    g_assert_cmpuint(got[0], ==, 0);
    g_assert_cmpuint(got[1], ==, 7);
    pair_free(&p);
}

typedef struct Flush {
    QIOChannel *ioc;
    int ret;
    bool done; /* atomic */
    Error *err;
    QemuThread thread;
} Flush;

static void *flush_thread(void *opaque)
{
    Flush *f = opaque;

    f->ret = qio_channel_flush(f->ioc, &f->err);
    qatomic_store_release(&f->done, true);
    return NULL;
}

/* A flush waits until the peer has read everything, or a shutdown. */
static void test_flush(gconstpointer opaque)
{
    bool shut = GPOINTER_TO_INT(opaque);
    g_autofree uint8_t *data = g_malloc0(65536);
    g_autofree uint8_t *got = g_malloc(65536);
    struct iovec iov = { data, 65536 };
    Flush f = { 0 };
    Error *err = NULL;
    Pair p;

    if (!pair_new(&p)) {
        return;
    }
    f.ioc = p.out;
    g_assert_cmpint(qio_channel_flush(p.out, &err), ==, 0);
    g_assert_cmpint(qio_channel_writev_full(p.out, &iov, 1, NULL, 0, FLAG,
                                            &err), ==, 65536);
    qemu_thread_create(&f.thread, "flush", flush_thread, &f);
    io_test_let_block();
    g_assert_true(qio_channel_read_all(p.in, got, 32768, &err));
    io_test_let_block();
    g_assert_false(qatomic_load_acquire(&f.done));
    if (shut) {
        g_assert_true(qio_channel_shutdown(p.out, QIO_CHANNEL_SHUTDOWN_BOTH,
                                           NULL));
        qemu_thread_join(&f.thread);
        g_assert_cmpint(f.ret, ==, -1);
        io_test_error(f.err, "Unable to wait for the peer to read: the socket "
                             "was shut down");
    } else {
        g_assert_true(qio_channel_read_all(p.in, got, 32768, &err));
        qemu_thread_join(&f.thread);
        io_test_ok(f.err);
        g_assert_cmpint(f.ret, ==, 0);
        exchange(&p); /* with its buffer as it was */
    }
    pair_free(&p);
}

/* Nobody reads; it is ended from here, or the peer goes away. */
static void test_ended(gconstpointer opaque)
{
    bool peer = GPOINTER_TO_INT(opaque);
    g_autofree uint8_t *data = g_malloc0(BIG);
    struct iovec iov = { data, BIG };
    Writer w;
    Pair p;

    if (!pair_new(&p)) {
        return;
    }
    writer_start(&w, p.out, &iov, 1);
    io_test_let_block();
    g_assert_true(peer ? qio_channel_close(p.in, NULL)
                       : qio_channel_shutdown(p.out,
                                              QIO_CHANNEL_SHUTDOWN_BOTH,
                                              NULL));
    g_assert_false(writer_end(&w));
    if (peer) {
        /* Broken pipe, or reset, with unread data. */
        g_assert_true(g_str_has_prefix(error_get_pretty(w.err),
                                       "Unable to write to socket: "));
        error_free(w.err);
    } else {
        io_test_error(w.err, "Unable to write to socket: Broken pipe");
    }
    pair_free(&p);
}

/* Not without blocking, and not memory that is none: as without the flag. */
static void test_as_without(void)
{
    g_autofree uint8_t *data = g_malloc0(65536);
    void *none = mmap(NULL, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                      0);
    struct iovec iov = { none, 65536 };
    Error *err = NULL;
    ssize_t ret;
    Pair p;

    if (!pair_new(&p)) {
        munmap(none, 65536);
        return;
    }
    g_assert_cmpint(qio_channel_writev_full(p.out, &iov, 1, NULL, 0, FLAG,
                                            &err), ==, -1);
    io_test_error(err, "Unable to write to socket: Bad address");
    exchange(&p);
    iov.iov_base = data;
    g_assert_true(qio_channel_set_blocking(p.out, false, NULL));
    do {
        ret = qio_channel_writev_full(p.out, &iov, 1, NULL, 0, FLAG, &err);
    } while (ret > 0);
    g_assert_cmpint(ret, ==, QIO_CHANNEL_ERR_BLOCK);
    io_test_ok(err);
    munmap(none, 65536);
    pair_free(&p);
}

/* Without descriptors for the pipe all is copied. */
static void test_no_pipe(void)
{
    struct rlimit before, low;
    Pair p;

    if (!pair_new(&p)) {
        return;
    }
    g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &before), ==, 0);
    low = before;
    low.rlim_cur = 0;
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &low), ==, 0);
    exchange(&p);
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &before), ==, 0);
    exchange(&p);
    pair_free(&p);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/socket-splice/content", test_content);
    g_test_add_func("/socket-splice/refers", test_refers);
    g_test_add_data_func("/socket-splice/flush", GINT_TO_POINTER(0),
                         test_flush);
    g_test_add_data_func("/socket-splice/flush-shutdown", GINT_TO_POINTER(1),
                         test_flush);
    g_test_add_data_func("/socket-splice/shutdown", GINT_TO_POINTER(0),
                         test_ended);
    g_test_add_data_func("/socket-splice/peer-closes", GINT_TO_POINTER(1),
                         test_ended);
    g_test_add_func("/socket-splice/as-without", test_as_without);
    g_test_add_func("/socket-splice/no-pipe", test_no_pipe);
    return g_test_run();
}
