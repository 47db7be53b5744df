/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ram section by itself: what is written is read again, nonsense is not. */
#include "qemu/osdep.h"

#include "io/channel-buffer.h"
#include "machine-pair.h"
#include "qemu/bitmap.h"
#include "qemu/zero.h"
#include "system/dirty.h"

#define RAM_SIZE (4 * MiB)

/* ---- a section's way from one machine to another ---- */

typedef struct Wire {
    TestMachine *src, *dst;
    QIOChannelBuffer *buf;
    QEMUFile *out;
    RateLimiter limiter;
    uint64_t rate;
    MigrationCounters counters;
    MigrationMeter meter;
    unsigned syncs;
} Wire;

static void count_sync(void *opaque, uint64_t n)
{
    Wire *w = opaque;

    g_assert_cmpuint(n, ==, ++w->syncs);
}

static Wire *wire_new(uint32_t src_flags, uint32_t dst_flags, bool detect_zero)
{
    Wire *w = g_new0(Wire, 1);
    RAMConfig config = {
        .detect_zero = detect_zero,
        .limiter = &w->limiter,
        .counters = &w->counters,
        .meter = &w->meter,
        .synced = count_sync,
        .opaque = w,
    };
    RAMConfig load = { 0 };

    w->src = test_machine_new(RAM_SIZE, src_flags, false);
    w->dst = test_machine_new(RAM_SIZE, dst_flags, true);
    rate_limiter_init(&w->limiter, &w->rate, 0, 0);
    migration_meter_init(&w->meter, &w->counters, 0);
    w->buf = qio_channel_buffer_new(64 * KiB);
    w->out = qemu_file_new_output(QIO_CHANNEL(w->buf));
    ram_configure(machine_get_migration(w->src->m)->ram, &config);
    ram_configure(machine_get_migration(w->dst->m)->ram, &load);
    return w;
}

static RAMState *wire_src(Wire *w)
{
    return machine_get_migration(w->src->m)->ram;
}

static RAMState *wire_dst(Wire *w)
{
    return machine_get_migration(w->dst->m)->ram;
}

static void wire_free(Wire *w)
{
    qemu_file_free(w->out);
    g_object_unref(w->buf);
    test_machine_free(w->src);
    test_machine_free(w->dst);
    g_free(w);
}

/* Iterate until nothing is left; @each is called before each piece. */
static void wire_save(Wire *w, void (*each)(Wire *w, unsigned n))
{
    RAMState *rs = wire_src(w);
    Error *err = NULL;
    unsigned n = 0;
    int done;

    bql_lock(w->src->m);
    g_assert_true(ram_handlers.save_setup(w->out, rs, &err));
    bql_unlock(w->src->m);
    do {
        if (each) {
            each(w, n++);
        }
        done = ram_handlers.save_iterate(w->out, rs, &err);
        g_assert_no_error(err);
        if (done && each && n < 20) {
            uint64_t left;

            g_assert_true(ram_handlers.state_pending(rs, true, &left, &err));
            done = 0;
        }
    } while (!done);
    bql_lock(w->src->m);
    g_assert_true(ram_handlers.save_complete(w->out, rs, &err));
    ram_handlers.save_cleanup(rs);
    bql_unlock(w->src->m);
    g_assert_true(qemu_fflush(w->out));
}

static void wire_load(Wire *w)
{
    RAMState *rs = wire_dst(w);
    QEMUFile *in = qemu_file_new_input(QIO_CHANNEL(w->buf));
    Error *err = NULL;

    g_assert_true(ram_load_setup(rs, &err));
    while (qemu_peek_byte(in, 0) >= 0) {
        g_assert_true(ram_load_state(in, rs, 4, &err));
    }
    g_assert_no_error(err);
    ram_load_cleanup(rs);
    qemu_file_free(in);
}

/* ---- tests ---- */

static void test_copy(gconstpointer data)
{
    unsigned variant = GPOINTER_TO_UINT(data);
    Wire *w = wire_new(variant & 1 ? RAM_SHARED : 0,
                       variant & 2 ? RAM_SHARED : 0, !(variant & 4));

    test_fill(w->src, variant + 20);
    /* What the destination held before must be gone. */
    memset(w->dst->ram->host, 0xaa, 64 * TARGET_PAGE_SIZE);
    wire_save(w, NULL);
    wire_load(w);
    test_assert_same_ram(w->src, w->dst);
    g_assert_cmpuint(w->counters.normal_pages + w->counters.zero_pages, ==,
                     RAM_SIZE / TARGET_PAGE_SIZE);
    g_assert_cmpuint(w->counters.total_bytes, ==, RAM_SIZE);
    wire_free(w);
}

/* The guest writes between the pieces, also where nothing was before. */
static void dirty_some(Wire *w, unsigned n)
{
    RAMBlock *b = w->src->ram;

    for (unsigned i = 0; i < 8; i++) {
        uint64_t page = (n * 131 + i * 17) % (RAM_SIZE / TARGET_PAGE_SIZE);
        uint64_t offset = page * TARGET_PAGE_SIZE;

        memset(b->host + offset, i ? n + i : 0, TARGET_PAGE_SIZE);
        dirty_log_mark(b, offset, TARGET_PAGE_SIZE);
    }
}

static void test_dirty(gconstpointer data)
{
    Wire *w = wire_new(GPOINTER_TO_UINT(data), GPOINTER_TO_UINT(data), true);

    /* So little at a time that there are many pieces, and syncs within. */
    w->rate = 0;
    wire_save(w, dirty_some);
    wire_load(w);
    test_assert_same_ram(w->src, w->dst);
    g_assert_cmpuint(w->syncs, >, 2);
    wire_free(w);
}

/* A page written after the presence scan and fetched in the first pass. */
static void test_untouched_then_written(void)
{
    Wire *w = wire_new(0, 0, true);
    RAMState *rs = wire_src(w);
    RAMBlock *b = w->src->ram;
    uint64_t left, last = RAM_SIZE - TARGET_PAGE_SIZE;
    Error *err = NULL;
    int done;

    bql_lock(w->src->m);
    g_assert_true(ram_handlers.save_setup(w->out, rs, &err));
    bql_unlock(w->src->m);
    /* One page at a time: the limit leaves no more. */
    w->rate = 1;
    rate_limiter_init(&w->limiter, &w->rate, 0, 0);
    w->limiter.tokens = 1;
    w->limiter.now_ns = INT64_MAX / 2;
    g_assert_cmpint(ram_handlers.save_iterate(w->out, rs, &err), ==, 0);
    memset(b->host + last, 0x55, TARGET_PAGE_SIZE);
    dirty_log_mark(b, last, TARGET_PAGE_SIZE);
    g_assert_true(ram_handlers.state_pending(rs, true, &left, &err));
    g_assert_cmpuint(left, >, TARGET_PAGE_SIZE);
    w->rate = 0;
    do {
        done = ram_handlers.save_iterate(w->out, rs, &err);
    } while (!done);
    bql_lock(w->src->m);
    g_assert_true(ram_handlers.save_complete(w->out, rs, &err));
    ram_handlers.save_cleanup(rs);
    bql_unlock(w->src->m);
    qemu_fflush(w->out);
    wire_load(w);
    test_assert_same_ram(w->src, w->dst);
    g_assert_cmpint(w->dst->ram->host[last], ==, 0x55);
    wire_free(w);
}

static uint64_t pages_present(TestMachine *t)
{
    uint64_t n = ram_block_pages(t->ram);
    g_autofree unsigned long *map = bitmap_new(n);

    if (!ram_block_presence(t->ram, map)) {
        return 0;
    }
    return bitmap_count(map, 0, n);
}

/* Memory nobody touched is made present on neither side. */
static void test_untouched(gconstpointer data)
{
    uint32_t flags = GPOINTER_TO_UINT(data);
    Wire *w = wire_new(flags, flags, true);

    w->src->ram->host[100 * TARGET_PAGE_SIZE] = 1;
    wire_save(w, NULL);
    wire_load(w);
    g_assert_cmpint(w->dst->ram->host[100 * TARGET_PAGE_SIZE], ==, 1);
    g_assert_cmpuint(pages_present(w->src), <=, 512);
    g_assert_cmpuint(pages_present(w->dst), <=, 512);
    wire_free(w);
}

/* ---- nonsense ---- */

#define BE64(x)                                                                \
    (char)((uint64_t)(x) >> 56), (char)((uint64_t)(x) >> 48),                  \
        (char)((uint64_t)(x) >> 40), (char)((uint64_t)(x) >> 32),              \
        (char)((uint64_t)(x) >> 24), (char)((uint64_t)(x) >> 16),              \
        (char)((uint64_t)(x) >> 8), (char)(x)

static const char bad_offset[] = { BE64(RAM_SIZE | 2), 3, 'r', 'a', 'm', 0 };
static const char bad_block[] = { BE64(2), 3, 'r', 'o', 'm', 0 };
static const char bad_continue[] = { BE64(0x22), 0 };
static const char bad_fill[] = { BE64(2), 3, 'r', 'a', 'm', 1 };
static const char bad_flags[] = { BE64(0x0a), 3, 'r', 'a', 'm', 0 };
static const char bad_full[] = { BE64(0x01) };
static const char bad_xbzrle[] = { BE64(0x40), 3, 'r', 'a', 'm', 1, 0, 1, 0 };
static const char bad_total[] = { BE64(0x1000 | 4), 3, 'r', 'a', 'm',
                                  BE64(RAM_SIZE) };
static const char bad_size[] = { BE64(0x1000 | 4), 3, 'r', 'a', 'm',
                                 BE64(0x1000) };
static const char bad_name[] = { BE64(0x1000 | 4), 0, BE64(0x1000) };
static const char bad_unknown[] = { BE64(0x1000 | 4), 3, 'r', 'o', 'm',
                                    BE64(0x1000) };
static const char cut_word[] = { 0, 0, 0 };
static const char cut_name[] = { BE64(2), 3, 'r' };
static const char cut_page[] = { BE64(8), 3, 'r', 'a', 'm', 1, 2, 3 };
static const char cut_list[] = { BE64(RAM_SIZE | 4), 3, 'r', 'a', 'm', 0 };
static const char empty_name[] = { BE64(2), 0, 0 };

static const struct {
    const char *name;
    const char *bytes;
    size_t len;
    const char *error;
} malformed[] = {
#define ROW(b, text) { #b, b, sizeof(b), text }
    ROW(bad_offset, "Illegal RAM offset"),
    ROW(bad_block, "unknown block 'rom'"),
    ROW(bad_continue, "none was named"),
    ROW(bad_fill, "0x01"),
    ROW(bad_flags, "Unknown combination"),
    ROW(bad_full, "Unknown combination"),
    ROW(bad_xbzrle, "Unknown combination"),
    ROW(bad_total, "announced total"),
    ROW(bad_size, "Size mismatch"),
    ROW(bad_name, "name"),
    ROW(bad_unknown, "Unknown ramblock"),
    ROW(cut_word, "ends within"),
    ROW(cut_name, "ends within"),
    ROW(cut_page, "ends within"),
    ROW(cut_list, ""),
    ROW(empty_name, "unknown block ''"),
#undef ROW
};

static void test_malformed(void)
{
    TestMachine *t = test_machine_new(RAM_SIZE, 0, true);
    RAMState *rs = machine_get_migration(t->m)->ram;
    RAMConfig config = { 0 };

    ram_configure(rs, &config);
    for (size_t i = 0; i < G_N_ELEMENTS(malformed); i++) {
        QIOChannelBuffer *buf = qio_channel_buffer_new(64);
        g_autoptr(Error) err = NULL;
        QEMUFile *f;

        qio_channel_write_all(QIO_CHANNEL(buf), malformed[i].bytes,
                              malformed[i].len, NULL);
        f = qemu_file_new_input(QIO_CHANNEL(buf));
        g_assert_true(ram_load_setup(rs, NULL));
        if (ram_load_state(f, rs, 4, &err)) {
            g_error("%s was accepted", malformed[i].name);
        }
        g_assert_nonnull(err);
        if (!strstr(error_get_pretty(err), malformed[i].error)) {
            g_error("%s: %s", malformed[i].name, error_get_pretty(err));
        }
        ram_load_cleanup(rs);
        qemu_file_free(f);
        g_object_unref(buf);
    }
    test_machine_free(t);
}

/* Every way to cut a good section is found out, none reads past its end. */
static void test_cut_everywhere(void)
{
    static const char head[] = { BE64(RAM_SIZE | 4), 3, 'r', 'a', 'm',
                                 BE64(RAM_SIZE), BE64(0x1000 | 2), 3, 'r',
                                 'a', 'm', 0, BE64(0x2000 | 0x28) };
    static const char tail[] = { BE64(0x22), 0, BE64(0x10) };
    g_autoptr(GByteArray) all = g_byte_array_new();
    TestMachine *t = test_machine_new(RAM_SIZE, 0, true);
    RAMState *rs = machine_get_migration(t->m)->ram;
    RAMConfig config = { 0 };
    uint8_t page[TARGET_PAGE_SIZE];

    memset(page, 0x77, sizeof(page));
    g_byte_array_append(all, (const guint8 *)head, sizeof(head));
    g_byte_array_append(all, page, sizeof(page));
    g_byte_array_append(all, (const guint8 *)tail, sizeof(tail));
    ram_configure(rs, &config);
    for (guint len = 0; len <= all->len; len++) {
        QIOChannelBuffer *buf = qio_channel_buffer_new(64);
        QEMUFile *f;

        qio_channel_write_all(QIO_CHANNEL(buf), all->data, len, NULL);
        f = qemu_file_new_input(QIO_CHANNEL(buf));
        g_assert_true(ram_load_setup(rs, NULL));
        g_assert_true(ram_load_state(f, rs, 4, NULL) == (len == all->len));
        ram_load_cleanup(rs);
        qemu_file_free(f);
        g_object_unref(buf);
    }
    g_assert_cmpmem(t->ram->host + 0x2000, sizeof(page), page, sizeof(page));
    test_machine_free(t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    error_init("test-ram");
    for (unsigned i = 0; i < 8; i++) {
        g_autofree char *path = g_strdup_printf(
            "/ram/copy/%s-to-%s%s", i & 1 ? "shared" : "private",
            i & 2 ? "shared" : "private", i & 4 ? "-no-zero" : "");

        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_copy);
    }
    g_test_add_data_func("/ram/dirty/private", GUINT_TO_POINTER(0),
                         test_dirty);
    g_test_add_data_func("/ram/dirty/shared", GUINT_TO_POINTER(RAM_SHARED),
                         test_dirty);
    g_test_add_func("/ram/dirty/untouched", test_untouched_then_written);
    g_test_add_data_func("/ram/untouched/private", GUINT_TO_POINTER(0),
                         test_untouched);
    g_test_add_data_func("/ram/untouched/shared",
                         GUINT_TO_POINTER(RAM_SHARED), test_untouched);
    g_test_add_func("/ram/malformed", test_malformed);
    g_test_add_func("/ram/cut", test_cut_everywhere);
    return g_test_run();
}
