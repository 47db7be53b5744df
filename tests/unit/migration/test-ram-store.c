/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Received pages are stored by another thread: in the order they came in, all
 * of them before the section ends, and a failure ends the load.
 */
#include "qemu/osdep.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "io/channel-buffer.h"
#include "io/channel-socket.h"
#include "machine-pair.h"
#include "migration/store-queue.h"

#define PAGES 1024
#define RAM_SIZE (PAGES * TARGET_PAGE_SIZE)

/* ---- a section, written by hand ---- */

static void put_word(GByteArray *a, uint64_t word)
{
    word = GUINT64_TO_BE(word);
    g_byte_array_append(a, (const guint8 *)&word, sizeof(word));
}

/* Filled with @value; 0: as a ZERO record.  The first one names the block. */
static void put_page(GByteArray *a, uint64_t page, uint8_t value, bool named)
{
    uint8_t data[TARGET_PAGE_SIZE];

    put_word(a, page * TARGET_PAGE_SIZE |
                (value ? RAM_SAVE_FLAG_PAGE : RAM_SAVE_FLAG_ZERO) |
                (named ? 0 : RAM_SAVE_FLAG_CONTINUE));
    if (named) {
        g_byte_array_append(a, (const guint8 *)"\3ram", 4);
    }
    memset(data, value, sizeof(data));
    g_byte_array_append(a, data, value ? sizeof(data) : 1);
}

static TestMachine *destination(uint32_t flags)
{
    TestMachine *t = test_machine_new(RAM_SIZE, flags, true);
    RAMConfig config = { 0 };

    ram_configure(machine_get_migration(t->m)->ram, &config);
    g_assert_true(ram_load_setup(machine_get_migration(t->m)->ram, NULL));
    return t;
}

static QEMUFile *input(const GByteArray *a)
{
    QIOChannelBuffer *buf = qio_channel_buffer_new(a->len + 1);
    QEMUFile *f;

    qio_channel_write_all(QIO_CHANNEL(buf), (const char *)a->data, a->len,
                          NULL);
    f = qemu_file_new_input(QIO_CHANNEL(buf));
    g_object_unref(buf);
    return f;
}

/* ---- order ---- */

/* Runs of pages and of zeros, over and over the same small memory. */
static void random_section(GByteArray *a, GRand *rnd, uint8_t *model)
{
    unsigned runs = g_rand_int_range(rnd, 1, 400);

    for (unsigned i = 0; i < runs; i++) {
        unsigned first = g_rand_int_range(rnd, 0, PAGES);
        unsigned n = g_rand_int_range(rnd, 1, g_rand_boolean(rnd) ? 4 : 64);
        bool zero = g_rand_int_range(rnd, 0, 3) == 0;

        for (unsigned p = first; p < MIN(first + n, PAGES); p++) {
            model[p] = zero ? 0 : g_rand_int_range(rnd, 1, 256);
            put_page(a, p, model[p],
                     i == 0 || g_rand_int_range(rnd, 0, 99) == 0);
        }
    }
    put_word(a, RAM_SAVE_FLAG_EOS);
}

static void assert_model(TestMachine *t, const uint8_t *model)
{
    for (unsigned p = 0; p < PAGES; p++) {
        const uint8_t *host = t->ram->host + p * TARGET_PAGE_SIZE;

        if (host[0] != model[p] ||
            memcmp(host, host + 1, TARGET_PAGE_SIZE - 1)) {
            g_error("page %u: 0x%02x, not 0x%02x", p, host[0], model[p]);
        }
    }
}

static void test_random(gconstpointer data)
{
    TestMachine *t = destination(GPOINTER_TO_UINT(data));
    RAMState *rs = machine_get_migration(t->m)->ram;
    g_autoptr(GRand) rnd = g_rand_new_with_seed(99);
    g_autofree uint8_t *model = g_malloc0(PAGES);

    for (unsigned section = 0; section < 12; section++) {
        g_autoptr(GByteArray) a = g_byte_array_new();
        QEMUFile *f;

        random_section(a, rnd, model);
        f = input(a);
        g_assert_true(ram_load_state(f, rs, 4, NULL));
        /* Not a moment later. */
        assert_model(t, model);
        qemu_file_free(f);
    }
    ram_load_cleanup(rs);
    test_machine_free(t);
}

/* More runs than a batch holds: single pages, none next to another. */
static void test_short_runs(void)
{
    TestMachine *t = destination(RAM_SHARED);
    RAMState *rs = machine_get_migration(t->m)->ram;
    g_autoptr(GByteArray) a = g_byte_array_new();
    g_autofree uint8_t *model = g_malloc0(PAGES);
    QEMUFile *f;

    for (unsigned i = 0; i < 20 * STORE_BATCH_RUNS; i++) {
        unsigned p = i * 7 % PAGES;

        model[p] = i % 3 ? 0 : i % 255 + 1;
        put_page(a, p, model[p], i == 0);
    }
    put_word(a, RAM_SAVE_FLAG_EOS);
    f = input(a);
    g_assert_true(ram_load_state(f, rs, 4, NULL));
    assert_model(t, model);
    qemu_file_free(f);
    ram_load_cleanup(rs);
    test_machine_free(t);
}

/* ---- errors ---- */

/*
 * No room for the pages: that ends the load, whatever comes later.  With few
 * pages it is the load thread that notices, with many the other one.
 */
static void test_no_room(gconstpointer data)
{
    TestMachine *t = destination(RAM_SHARED);
    RAMState *rs = machine_get_migration(t->m)->ram;
    g_autoptr(GByteArray) a = g_byte_array_new();
    g_autoptr(Error) err = NULL;
    int memory = t->ram->fd;
    QEMUFile *f;

    for (unsigned i = 0; i < GPOINTER_TO_UINT(data); i++) {
        put_page(a, i % PAGES, 1, i == 0);
    }
    put_word(a, 1); /* nonsense */
    f = input(a);
    t->ram->fd = open("/dev/full", O_RDWR | O_CLOEXEC);
    g_assert_cmpint(t->ram->fd, >=, 0);
    g_assert_false(ram_load_state(f, rs, 4, &err));
    g_assert_nonnull(err);
    if (!strstr(error_get_pretty(err), "cannot store pages of RAM block")) {
        g_error("%s", error_get_pretty(err));
    }
    close(t->ram->fd);
    t->ram->fd = memory;
    qemu_file_free(f);
    ram_load_cleanup(rs);
    test_machine_free(t);
}

/* What came before a bad record is stored all the same. */
static void test_bad_record(void)
{
    TestMachine *t = destination(RAM_SHARED);
    RAMState *rs = machine_get_migration(t->m)->ram;
    g_autoptr(GByteArray) a = g_byte_array_new();
    g_autofree uint8_t *model = g_malloc(PAGES);
    g_autoptr(Error) err = NULL;
    QEMUFile *f;

    for (unsigned i = 0; i < PAGES; i++) {
        model[i] = i % 255 + 1;
        put_page(a, i, model[i], i == 0);
    }
    put_word(a, 1);
    f = input(a);
    g_assert_false(ram_load_state(f, rs, 4, &err));
    g_assert_nonnull(strstr(error_get_pretty(err), "Unknown combination"));
    assert_model(t, model);
    qemu_file_free(f);
    ram_load_cleanup(rs);
    test_machine_free(t);
}

/* ---- the end while something waits ---- */

typedef struct Sender {
    int fd;
    const GByteArray *bytes;
} Sender;

/* Part of a section, and then nothing for a while, and then the end. */
static void *send_and_shut(void *opaque)
{
    Sender *s = opaque;

    for (size_t at = 0; at < s->bytes->len;) {
        ssize_t n = write(s->fd, s->bytes->data + at, s->bytes->len - at);

        g_assert_cmpint(n, >, 0);
        at += n;
    }
    g_usleep(20 * 1000);
    shutdown(s->fd, SHUT_RDWR);
    return NULL;
}

static void test_shutdown(void)
{
    TestMachine *t = destination(RAM_SHARED);
    RAMState *rs = machine_get_migration(t->m)->ram;
    g_autoptr(GByteArray) a = g_byte_array_new();
    g_autoptr(Error) err = NULL;
    QIOChannelSocket *sioc;
    QemuThread thread;
    Sender s = { .bytes = a };
    QEMUFile *f;
    int fds[2];

    for (unsigned i = 0; i < PAGES; i++) {
        put_page(a, i, 7, i == 0);
    }
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds),
                    ==, 0);
    s.fd = fds[1];
    sioc = qio_channel_socket_new_fd(fds[0], NULL);
    f = qemu_file_new_input(QIO_CHANNEL(sioc));
    g_object_unref(sioc);
    qemu_thread_create(&thread, "sender", send_and_shut, &s);
    g_assert_false(ram_load_state(f, rs, 4, &err));
    g_assert_nonnull(err);
    ram_load_cleanup(rs);
    qemu_thread_join(&thread);
    for (unsigned i = 0; i < PAGES; i++) {
        g_assert_cmpint(t->ram->host[i * TARGET_PAGE_SIZE], ==, 7);
    }
    close(fds[1]);
    qemu_file_free(f);
    test_machine_free(t);
}

/* Freed while batches are queued, and while there is nothing to do. */
static void test_free_busy(void)
{
    TestMachine *t = destination(RAM_SHARED);
    LoadBlock *lb = load_block_new("ram");
    g_autoptr(GByteArray) a = g_byte_array_new();

    load_block_attach(lb, t->ram, 0);
    g_byte_array_set_size(a, 512 * KiB);
    memset(a->data, 3, a->len);
    for (unsigned round = 0; round < 50; round++) {
        StoreQueue *q = store_queue_new();
        QEMUFile *f = input(a);
        const uint8_t *p;

        for (unsigned b = 0; b < round % (2 * STORE_QUEUE_BATCHES); b++) {
            g_assert_true(store_queue_begin(q));
            qemu_peek_buffer(f, &p, 1);
            for (unsigned i = 0; i < 100; i++) {
                store_queue_add(q, lb, i, p + i * STORE_RECORD_STRIDE);
            }
            store_queue_submit(q, f);
        }
        store_queue_free(q);
        qemu_file_free(f);
    }
    load_block_free(lb);
    ram_load_cleanup(machine_get_migration(t->m)->ram);
    test_machine_free(t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    error_init("test-ram-store");
    g_test_add_data_func("/ram-store/random/private", GUINT_TO_POINTER(0),
                         test_random);
    g_test_add_data_func("/ram-store/random/shared",
                         GUINT_TO_POINTER(RAM_SHARED), test_random);
    g_test_add_func("/ram-store/short-runs", test_short_runs);
    g_test_add_data_func("/ram-store/no-room/few", GUINT_TO_POINTER(3),
                         test_no_room);
    g_test_add_data_func("/ram-store/no-room/many",
                         GUINT_TO_POINTER(4 * PAGES), test_no_room);
    g_test_add_func("/ram-store/bad-record", test_bad_record);
    g_test_add_func("/ram-store/shutdown", test_shutdown);
    g_test_add_func("/ram-store/free-busy", test_free_busy);
    return g_test_run();
}
