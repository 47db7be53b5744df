/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Data over TLS channels, and how their streams end. */
#include "qemu/osdep.h"

#include <poll.h>

#include "qemu/atomic.h"
#include "qemu/clock.h"
#include "tls-pair.h"

static TlsStore store;

/* ---- all bytes arrive, however they are cut ---- */

/* One direction of a connection: who writes and who reads all of it. */
typedef struct Flow {
    QIOChannel *from, *to;
    const uint8_t *data;
    size_t len;
    uint32_t seed;
    int rekeys; /* GnuTLS takes 8 changes of keys per second */
    QemuThread writer, reader;
} Flow;

static void fill_iov(GRand *rand, struct iovec *iov, size_t *niov,
                     uint8_t *data, size_t len)
{
    size_t done = 0, n = 0;

    while (done < len && n < *niov) {
        /* Many small, some large, some empty, some pages. */
        static const int limits[] = { 1, 20, 4097, 70000, 300000 };
        size_t part = g_rand_int_range(rand, 0, limits[g_rand_int_range(
                                                    rand, 0, 5)]);

        part = g_rand_int_range(rand, 0, 3) ? part : 4096;
        part = MIN(part, len - done);
        iov[n].iov_base = data + done;
        iov[n++].iov_len = part;
        done += part;
    }
    *niov = n;
}

static void *write_flow(void *opaque)
{
    Flow *f = opaque;
    GRand *rand = g_rand_new_with_seed(f->seed);
    size_t done = 0;

    while (done < f->len) {
        struct iovec iov[30];
        size_t niov = g_rand_int_range(rand, 1, G_N_ELEMENTS(iov));
        size_t n = 0;
        Error *err = NULL;

        fill_iov(rand, iov, &niov, (uint8_t *)f->data + done, f->len - done);
        if (f->rekeys > 0 && g_rand_int_range(rand, 0, 3) == 0) {
            f->rekeys--;
            qio_channel_tls_rekey(QIO_CHANNEL_TLS(f->from), &err);
            io_test_ok(err);
        }
        qio_channel_writev_all(f->from, iov, niov, &err);
        io_test_ok(err);
        for (size_t i = 0; i < niov; i++) {
            n += iov[i].iov_len;
        }
        done += n;
    }
    g_rand_free(rand);
    return NULL;
}

static void *read_flow(void *opaque)
{
    Flow *f = opaque;
    GRand *rand = g_rand_new_with_seed(f->seed + 1);
    g_autofree uint8_t *buf = g_malloc(f->len);
    size_t done = 0;
    Error *err = NULL;

    while (done < f->len) {
        struct iovec iov[30];
        size_t niov = g_rand_int_range(rand, 1, G_N_ELEMENTS(iov));

        fill_iov(rand, iov, &niov, buf + done, f->len - done);
        if (g_rand_boolean(rand)) {
            qio_channel_readv_all(f->to, iov, niov, &err);
            io_test_ok(err);
            for (size_t i = 0; i < niov; i++) {
                done += iov[i].iov_len;
            }
        } else {
            size_t part = MIN(f->len - done, 5000);
            ssize_t n = qio_channel_read(f->to, buf + done, part, &err);

            io_test_ok(err);
            if (n == QIO_CHANNEL_ERR_BLOCK) {
                qio_channel_wait(f->to, G_IO_IN);
                continue;
            }
            g_assert_cmpint(n, >, 0);
            done += n;
        }
    }
    g_rand_free(rand);
    g_assert_true(memcmp(buf, f->data, f->len) == 0);
    return NULL;
}

/* Both directions at once. */
static void exchange(TlsPair *p, size_t len, int rekeys, bool blocking)
{
    g_autofree uint8_t *data = io_test_pattern(len + 1);
    Flow flows[2] = {
        { QIO_CHANNEL(p->client), QIO_CHANNEL(p->server), data, len, 1,
          rekeys },
        { QIO_CHANNEL(p->server), QIO_CHANNEL(p->client), data + 1, len, 2,
          rekeys },
    };
    char byte;
    Error *err = NULL;

    if (!blocking) {
        qio_channel_set_blocking(QIO_CHANNEL(p->client), false, NULL);
        qio_channel_set_blocking(QIO_CHANNEL(p->server), false, NULL);
    }
    for (int i = 0; i < 2; i++) {
        qemu_thread_create(&flows[i].writer, "w", write_flow, &flows[i]);
        qemu_thread_create(&flows[i].reader, "r", read_flow, &flows[i]);
    }
    for (int i = 0; i < 2; i++) {
        qemu_thread_join(&flows[i].writer);
        qemu_thread_join(&flows[i].reader);
    }
    qio_channel_tls_bye(p->client, &err);
    io_test_ok(err);
    g_assert_cmpint(qio_channel_read_all_eof(QIO_CHANNEL(p->server), &byte, 1,
                                             &err), ==, 0);
    io_test_ok(err);
}

static void test_exchange(gconstpointer data)
{
    const char *kind = data;
    g_autofree char *server = g_strconcat(kind, "server", NULL);
    g_autofree char *client = g_strconcat(kind, "client", NULL);

    for (int way = 0; way < 3; way++) {
        TlsPair p;

        if (way == 1 && strcmp(kind, "anon-") == 0) {
            continue; /* TLS 1.2 has no change of keys */
        }
        tls_pair_connect(&p, &store, client, server);
        exchange(&p, 6 * MiB, way == 1 ? 5 : 0, way != 2);
        tls_pair_clear(&p);
    }
}

static void test_peek(void)
{
    QIOChannel *c, *s;
    struct iovec iov;
    Error *err = NULL;
    char buf[8];
    TlsPair p;

    tls_pair_connect(&p, &store, "client", "server");
    c = QIO_CHANNEL(p.client);
    s = QIO_CHANNEL(p.server);
    iov = (struct iovec){ buf, 4 };
    /* In records of their own. */
    qio_channel_write_all(c, "A", 1, &err);
    qio_channel_write_all(c, "BC", 2, &err);
    qio_channel_write_all(c, "DEFGHIJ", 7, &err);
    for (int i = 0; i < 3; i++) {
        g_assert_cmpint(qio_channel_readv_full(s, &iov, 1, NULL, NULL,
                        QIO_CHANNEL_READ_FLAG_MSG_PEEK, &err), ==, 4);
        g_assert_cmpmem(buf, 4, "ABCD", 4);
    }
    qio_channel_read_all(s, buf, 2, &err);
    g_assert_cmpmem(buf, 2, "AB", 2);
    g_assert_cmpint(qio_channel_readv_full(s, &iov, 1, NULL, NULL,
                    QIO_CHANNEL_READ_FLAG_MSG_PEEK, &err), ==, 4);
    g_assert_cmpmem(buf, 4, "CDEF", 4);
    qio_channel_read_all(s, buf, 8, &err);
    g_assert_cmpmem(buf, 8, "CDEFGHIJ", 8);
    io_test_ok(err);
    tls_pair_clear(&p);
}

static gboolean readable(QIOChannel *ioc, GIOCondition cond, gpointer data)
{
    int *calls = data;
    char byte;

    g_assert_cmpint(qio_channel_read(ioc, &byte, 1, NULL), ==, 1);
    return ++*calls < 3;
}

/* What was read ahead counts as readable. */
static void test_watch(void)
{
    int calls = 0;
    TlsPair p;

    tls_pair_connect(&p, &store, "client", "server");
    qio_channel_add_watch(QIO_CHANNEL(p.server), G_IO_IN, readable, &calls,
                          NULL);
    while (g_main_context_iteration(NULL, FALSE)) {
        g_assert_cmpint(calls, ==, 0);
    }
    qio_channel_write_all(QIO_CHANNEL(p.client), "abc", 3, NULL);
    while (calls < 3) {
        g_main_context_iteration(NULL, TRUE);
    }
    tls_pair_clear(&p);
}

/* ---- the end ---- */

static void test_eof(void)
{
    Error *err = NULL;
    char buf[4];
    TlsPair p;

    for (int relaxed = 0; relaxed < 2; relaxed++) {
        tls_pair_connect(&p, &store, "client", "server");
        qio_channel_tls_set_relaxed_eof(p.server, relaxed);
        qio_channel_write_all(QIO_CHANNEL(p.client), "abc", 3, NULL);
        qio_channel_close(QIO_CHANNEL(p.client), NULL);
        /* First what came before; an error must not get lost either. */
        g_assert_cmpint(qio_channel_read(QIO_CHANNEL(p.server), buf, 4, &err),
                        ==, 3);
        for (int i = 0; i < 2; i++) {
            g_assert_cmpint(qio_channel_read(QIO_CHANNEL(p.server), buf, 4,
                                             &err), ==, relaxed ? 0 : -1);
            if (relaxed) {
                io_test_ok(err);
            } else {
                io_test_error(err, "Cannot read from TLS channel: the "
                                   "connection ended without the peer's "
                                   "closing message");
            }
        }
        tls_pair_clear(&p);
    }

    tls_pair_connect(&p, &store, "client", "server");
    qio_channel_write_all(QIO_CHANNEL(p.client), "abc", 3, NULL);
    qio_channel_tls_bye(p.client, &err);
    io_test_ok(err);
    g_assert_false(qio_channel_write_all(QIO_CHANNEL(p.client), "d", 1, NULL));
    /* The other direction goes on. */
    qio_channel_write_all(QIO_CHANNEL(p.server), "xyz", 3, &err);
    io_test_ok(err);
    qio_channel_read_all(QIO_CHANNEL(p.client), buf, 3, &err);
    io_test_ok(err);
    qio_channel_read_all(QIO_CHANNEL(p.server), buf, 3, &err);
    g_assert_cmpint(qio_channel_read_all_eof(QIO_CHANNEL(p.server), buf, 1,
                                             &err), ==, 0);
    io_test_ok(err);
    tls_pair_clear(&p);
}

/* A relay between the two ends that can cut and damage what passes. */
typedef struct Relay {
    QIOChannelSocket *a, *b; /* client's side, server's side */
    /* Bytes from the client to let through before the cut; atomic. */
    int64_t left;
    bool flip; /* atomic: damage the last byte instead of a cut */
    QemuThread thread;
} Relay;

static bool relay_some(Relay *r, QIOChannelSocket *from, QIOChannelSocket *to,
                       bool limited)
{
    uint8_t buf[4096];
    int64_t left = qatomic_read(&r->left);
    ssize_t n = qio_channel_read(QIO_CHANNEL(from), buf, sizeof(buf), NULL);

    if (n <= 0) {
        return false;
    }
    if (limited && n >= left) {
        if (qatomic_read(&r->flip)) {
            buf[left - 1] ^= 1;
        } else {
            n = left;
        }
        left = n;
        qatomic_set(&r->left, INT64_MAX);
        return qio_channel_write_all(QIO_CHANNEL(to), buf, n, NULL) &&
               qatomic_read(&r->flip);
    }
    if (limited && left != INT64_MAX) {
        qatomic_set(&r->left, left - n);
    }
    return qio_channel_write_all(QIO_CHANNEL(to), buf, n, NULL);
}

static void *relay_thread(void *opaque)
{
    Relay *r = opaque;
    struct pollfd fds[2] = {
        { qio_channel_socket_get_fd(r->a), POLLIN },
        { qio_channel_socket_get_fd(r->b), POLLIN },
    };
    bool go_on = true;

    while (go_on) {
        poll(fds, 2, -1);
        if (fds[0].revents) {
            go_on = relay_some(r, r->a, r->b, true);
        }
        if (go_on && fds[1].revents) {
            go_on = relay_some(r, r->b, r->a, false);
        }
    }
    qio_channel_shutdown(QIO_CHANNEL(r->a), QIO_CHANNEL_SHUTDOWN_BOTH, NULL);
    qio_channel_shutdown(QIO_CHANNEL(r->b), QIO_CHANNEL_SHUTDOWN_BOTH, NULL);
    return NULL;
}

static void relay_start(Relay *r, TlsPair *p)
{
    QIOChannelSocket *csock, *ssock;

    *r = (Relay){ .left = INT64_MAX };
    io_test_pair(&csock, &r->a);
    io_test_pair(&ssock, &r->b);
    qemu_thread_create(&r->thread, "relay", relay_thread, r);
    tls_pair_new_over(p, &store, csock, ssock, "client", "server",
                      "test.example", NULL);
    tls_pair_handshake(p);
    io_test_ok(p->client_err);
    io_test_ok(p->server_err);
}

static void relay_end(Relay *r, TlsPair *p)
{
    qio_channel_shutdown(QIO_CHANNEL(p->client), QIO_CHANNEL_SHUTDOWN_BOTH,
                         NULL);
    qemu_thread_join(&r->thread);
    g_object_unref(r->a);
    g_object_unref(r->b);
    tls_pair_clear(p);
}

static void test_cut_record(void)
{
    static const int cuts[] = { 1, 4, 5, 6, 100, 16000 };
    g_autofree uint8_t *data = io_test_pattern(16384);
    g_autofree uint8_t *buf = g_malloc(16384);

    for (size_t i = 0; i < G_N_ELEMENTS(cuts); i++) {
        Error *err = NULL;
        TlsPair p;
        Relay r;

        relay_start(&r, &p);
        qio_channel_tls_set_relaxed_eof(p.server, true);
        qatomic_set(&r.left, cuts[i]);
        qio_channel_write_all(QIO_CHANNEL(p.client), data, 16384, NULL);
        g_assert_cmpint(qio_channel_read_all_eof(QIO_CHANNEL(p.server), buf,
                                                 16384, &err), ==, -1);
        io_test_error(err, "Cannot read from TLS channel: the connection "
                           "ended within a record");
        relay_end(&r, &p);
    }
}

static void test_damage(void)
{
    static const int places[] = { 6, 100, 16390 };
    g_autofree uint8_t *data = io_test_pattern(16384);
    g_autofree uint8_t *buf = g_malloc(16384);

    for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
        Error *err = NULL;
        TlsPair p;
        Relay r;

        relay_start(&r, &p);
        qatomic_set(&r.flip, true);
        qatomic_set(&r.left, places[i]);
        qio_channel_write_all(QIO_CHANNEL(p.client), data, 16384, NULL);
        g_assert_cmpint(qio_channel_read(QIO_CHANNEL(p.server), buf, 16384,
                                         &err), ==, -1);
        g_assert_true(g_str_has_prefix(error_get_pretty(err),
                                       "Cannot read from TLS channel: "));
        error_free(err);
        relay_end(&r, &p);
    }
}

static void test_shutdown(void)
{
    g_autofree uint8_t *data = io_test_pattern(64 * MiB);
    uint8_t byte;
    Blocked reader, writer;
    TlsPair p;

    tls_pair_connect(&p, &store, "client", "server");
    blocked_start(&reader, QIO_CHANNEL(p.client), false, &byte, 1);
    blocked_start(&writer, QIO_CHANNEL(p.client), true, data, 64 * MiB);
    io_test_let_block();
    g_assert_true(qio_channel_shutdown(QIO_CHANNEL(p.client),
                                       QIO_CHANNEL_SHUTDOWN_BOTH, NULL));
    g_assert_false(blocked_end(&reader));
    /* Our own doing: a plain end of file. */
    io_test_error(reader.err,
                  "Unexpected end-of-file before all data were read");
    g_assert_false(blocked_end(&writer));
    g_clear_pointer(&writer.err, error_free);
    tls_pair_clear(&p);
}

/* ---- speed: told, not judged ---- */

#define CHUNK_PAGES 128

typedef struct Pump {
    QIOChannel *ioc;
    uint8_t *memory;
    size_t rounds;
    QemuThread thread;
} Pump;

static void pump_iov(Pump *pump, struct iovec *iov)
{
    for (size_t i = 0; i < CHUNK_PAGES; i++) {
        /* Every other page: nothing lies side by side. */
        iov[i].iov_base = pump->memory + 2 * i * TARGET_PAGE_SIZE;
        iov[i].iov_len = TARGET_PAGE_SIZE;
    }
}

static void *pump_read(void *opaque)
{
    Pump *pump = opaque;
    struct iovec iov[CHUNK_PAGES];
    Error *err = NULL;

    pump_iov(pump, iov);
    for (size_t i = 0; i < pump->rounds; i++) {
        qio_channel_readv_all(pump->ioc, iov, CHUNK_PAGES, &err);
        io_test_ok(err);
    }
    return NULL;
}

static void test_speed(gconstpointer data)
{
    const char *kind = data;
    g_autofree char *server = g_strconcat(kind, "server", NULL);
    g_autofree char *client = g_strconcat(kind, "client", NULL);
    size_t size = 2 * CHUNK_PAGES * TARGET_PAGE_SIZE;
    g_autofree uint8_t *from = io_test_pattern(size);
    g_autofree uint8_t *to = g_malloc(size);
    size_t rounds = g_test_perf() ? 4000 : 100;
    struct iovec iov[CHUNK_PAGES];
    Pump writer = { NULL, from, rounds }, reader = { NULL, to, rounds };
    g_autofree char *what = NULL;
    int64_t begin;
    double s;
    TlsPair p;

    tls_pair_connect(&p, &store, client, server);
    what = qio_channel_tls_describe(p.client);
    writer.ioc = QIO_CHANNEL(p.client);
    reader.ioc = QIO_CHANNEL(p.server);
    pump_iov(&writer, iov);
    begin = clock_get_ns();
    qemu_thread_create(&reader.thread, "reader", pump_read, &reader);
    for (size_t i = 0; i < rounds; i++) {
        Error *err = NULL;

        qio_channel_writev_all(writer.ioc, iov, CHUNK_PAGES, &err);
        io_test_ok(err);
    }
    qemu_thread_join(&reader.thread);
    s = (double)(clock_get_ns() - begin) / NSEC_PER_SEC;
    g_test_message("%s: %.0f MiB/s", what,
                   rounds * CHUNK_PAGES * TARGET_PAGE_SIZE / s / MiB);
    tls_pair_clear(&p);
}

int main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    tls_store_init(&store);
    g_test_add_data_func("/tls/channel/exchange/x509", "", test_exchange);
    g_test_add_data_func("/tls/channel/exchange/psk", "psk-", test_exchange);
    g_test_add_data_func("/tls/channel/exchange/anon", "anon-",
                         test_exchange);
    g_test_add_func("/tls/channel/peek", test_peek);
    g_test_add_func("/tls/channel/watch", test_watch);
    g_test_add_func("/tls/channel/eof", test_eof);
    g_test_add_func("/tls/channel/cut-record", test_cut_record);
    g_test_add_func("/tls/channel/damage", test_damage);
    g_test_add_func("/tls/channel/shutdown", test_shutdown);
    g_test_add_data_func("/tls/channel/speed/x509", "", test_speed);
    g_test_add_data_func("/tls/channel/speed/psk", "psk-", test_speed);
    ret = g_test_run();
    tls_store_clear(&store);
    return ret;
}
