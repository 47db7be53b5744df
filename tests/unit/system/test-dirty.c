/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The dirty log: explicit marks, chunked clearing, and the host source. */
#include "test-util.h"

#include <sys/random.h>

#include "qemu/atomic.h"
#include "qemu/bitmap.h"
#include "system/dirty.h"

#define PAGE TARGET_PAGE_SIZE

/* ---- marks ---- */

static void test_marks(void)
{
    Machine *m = test_machine_new(MiB, G_TYPE_INVALID);
    RAMBlock *b = machine_get_ram(m);
    g_autofree unsigned long *map = bitmap_new(ram_block_pages(b));
    uint8_t byte = 1;
    Error *err = NULL;

    g_assert_cmpstr(dirty_log_source_name(m), ==, "marks");
    memory_write(m, 0, &byte, 1); /* before the log is on */
    g_assert_true(dirty_log_start(m, &err));
    g_assert_cmpuint(dirty_log_fetch(b, map), ==, 0);

    memory_write(m, 0x2fff, "xy", 2); /* two pages */
    dirty_log_mark(b, 63 * PAGE, 66 * PAGE);
    dirty_log_mark(b, 5 * PAGE, 0);
    g_assert_true(dirty_log_sync(m, &err));
    g_assert_cmpuint(dirty_log_fetch(b, map), ==, 2 + 66);
    g_assert_cmpuint(bitmap_count(map, 0, ram_block_pages(b)), ==, 68);
    g_assert_true(test_bit(2, map) && test_bit(3, map));
    g_assert_true(test_bit(63, map) && test_bit(128, map));
    g_assert_false(test_bit(129, map));
    /* Fetched once; marked again: nothing new in the consumer's map. */
    g_assert_cmpuint(dirty_log_fetch(b, map), ==, 0);
    memory_write(m, 0x2000, &byte, 1);
    g_assert_cmpuint(dirty_log_fetch(b, map), ==, 0);

    dirty_log_stop(m);
    dirty_log_stop(m);
    g_assert_null(b->dirty);
    memory_write(m, 0x2000, &byte, 1);
    g_assert_true(dirty_log_start(m, &err));
    bitmap_clear(map, 0, ram_block_pages(b));
    g_assert_cmpuint(dirty_log_fetch(b, map), ==, 0);
    test_machine_free(m);
}

/* ---- clear() once per chunk and sync ---- */

static unsigned clears;
static uint64_t cleared_first, cleared_n;

static bool fake_sync(void *opaque, Error **errp)
{
    return true;
}

static bool fake_clear(void *opaque, RAMBlock *b, uint64_t first, uint64_t n,
                       Error **errp)
{
    clears++;
    cleared_first = first;
    cleared_n = n;
    return true;
}

static bool fail_start(void *opaque, Error **errp)
{
    error_setg(errp, "no");
    return false;
}

static void test_clear(void)
{
    static const DirtySource source = {
        .name = "fake", .sync = fake_sync, .clear = fake_clear,
    };
    const uint64_t chunk = UINT64_C(1) << DIRTY_CLEAR_CHUNK_BITS;
    Machine *m = test_machine_new((2 * chunk + 10) * PAGE, G_TYPE_INVALID);
    RAMBlock *b = machine_get_ram(m);

    dirty_log_set_source(m, &source, NULL);
    dirty_log_start(m, NULL);
    dirty_log_clear(m, b, 0, 1, NULL);
    g_assert_cmpuint(clears, ==, 0); /* nothing was synced yet */
    dirty_log_sync(m, NULL);
    dirty_log_clear(m, b, 3, 100, NULL);
    dirty_log_clear(m, b, 200, 1, NULL);
    g_assert_cmpuint(clears, ==, 1);
    g_assert_cmpuint(cleared_first, ==, 0);
    g_assert_cmpuint(cleared_n, ==, chunk);
    dirty_log_clear(m, b, chunk - 1, chunk + 5, NULL);
    g_assert_cmpuint(clears, ==, 3);
    g_assert_cmpuint(cleared_first, ==, 2 * chunk);
    g_assert_cmpuint(cleared_n, ==, 10);
    dirty_log_sync(m, NULL);
    dirty_log_clear(m, b, 0, 2 * chunk + 10, NULL);
    g_assert_cmpuint(clears, ==, 6);
    /* A sample at once, without being asked; then all the same. */
    g_assert_true(dirty_log_repeats(m));
    dirty_log_sync(m, NULL);
    clears = 0;
    dirty_log_clear_sample(m, b, chunk / 64, NULL);
    g_assert_cmpuint(clears, ==, 3);
    g_assert_cmpuint(cleared_first, ==, 2 * chunk);
    g_assert_cmpuint(cleared_n, ==, 10);
    dirty_log_clear(m, b, 0, 1, NULL);
    g_assert_cmpuint(clears, ==, 4);
    dirty_log_clear_sample(m, b, 1, NULL);
    g_assert_cmpuint(clears, ==, 6); /* the chunks that are left */
    test_machine_free(m);
}

static void test_start_fails(void)
{
    static const DirtySource source = { .name = "bad", .start = fail_start };
    Machine *m = test_machine_new(MiB, G_TYPE_INVALID);
    Error *err = NULL;

    dirty_log_set_source(m, &source, NULL);
    g_assert_false(dirty_log_start(m, &err));
    test_expect_error(&err, "cannot start the dirty log (bad): no");
    g_assert_false(dirty_log_enabled(m));
    g_assert_null(machine_get_ram(m)->dirty);
    test_machine_free(m);
}

/* ---- marks from several threads ---- */

typedef struct Marker {
    QemuThread thread;
    RAMBlock *block;
    unsigned start;
} Marker;

static void *marker(void *arg)
{
    Marker *mk = arg;

    for (unsigned i = mk->start; i < 4096; i += 4) {
        dirty_log_mark(mk->block, i * PAGE, 1);
    }
    return NULL;
}

static void test_mark_threads(void)
{
    Machine *m = test_machine_new(4096 * PAGE, G_TYPE_INVALID);
    RAMBlock *b = machine_get_ram(m);
    g_autofree unsigned long *map = bitmap_new(4096);
    Marker markers[4];
    uint64_t n = 0;

    dirty_log_start(m, NULL);
    for (unsigned i = 0; i < 4; i++) {
        markers[i] = (Marker){ .block = b, .start = i };
        qemu_thread_create(&markers[i].thread, "mark", marker, &markers[i]);
    }
    for (unsigned i = 0; i < 100; i++) {
        n += dirty_log_fetch(b, map);
    }
    for (unsigned i = 0; i < 4; i++) {
        qemu_thread_join(&markers[i].thread);
    }
    n += dirty_log_fetch(b, map);
    g_assert_cmpuint(n, ==, 4096);
    test_machine_free(m);
}

/* ---- the host source ---- */

static bool have_host_source(Machine *m)
{
    g_autoptr(Error) err = NULL;

    if (dirty_log_use_host_source(m, &err)) {
        return true;
    }
    g_test_skip(error_get_pretty(err));
    return false;
}

static uint64_t sync_fetch(Machine *m, RAMBlock *b, unsigned long *map)
{
    g_autoptr(Error) err = NULL;

    dirty_log_sync(m, &err);
    g_assert_no_error(err);
    return dirty_log_fetch(b, map);
}

static void check_host(uint32_t flags)
{
    Machine *m = test_machine_new(0, G_TYPE_INVALID);
    RAMBlock *b = machine_ram_add(m, "b", 8 * MiB, flags, NULL);
    g_autofree unsigned long *map = bitmap_new(ram_block_pages(b));
    Error *err = NULL;

    if (have_host_source(m)) {
        memset(b->host, 1, 4 * MiB); /* huge pages, where there are any */
        g_assert_true(dirty_log_start(m, &err));
        g_assert_no_error(err);
        g_assert_cmpuint(sync_fetch(m, b, map), ==, 0);
        b->host[5 * PAGE] = 2;           /* touched before */
        b->host[6 * MiB + 9] = 2;        /* never touched before */
        g_assert_cmpuint(*(volatile uint8_t *)(b->host + 7 * PAGE), ==, 1);
        sync_fetch(m, b, map);
        g_assert_true(test_bit(5, map));
        g_assert_true(test_bit(6 * MiB / PAGE, map));
        g_assert_false(test_bit(7, map));
        bitmap_clear(map, 0, ram_block_pages(b));
        g_assert_cmpuint(sync_fetch(m, b, map), ==, 0);
        /* Again, and by the kernel. */
        b->host[5 * PAGE + 1] = 3;
        g_assert_cmpint(getrandom(b->host + 8 * PAGE, 16, 0), ==, 16);
        g_assert_cmpuint(sync_fetch(m, b, map), ==, 2);
        g_assert_true(test_bit(5, map) && test_bit(8, map));
        /* A second round from the start. */
        dirty_log_stop(m);
        b->host[0] = 4;
        g_assert_true(dirty_log_start(m, &err));
        bitmap_clear(map, 0, ram_block_pages(b));
        g_assert_cmpuint(sync_fetch(m, b, map), ==, 0);
        b->host[0] = 5;
        g_assert_cmpuint(sync_fetch(m, b, map), ==, 1);
    }
    test_machine_free(m);
}

static void test_host_private(void)
{
    check_host(0);
}

static void test_host_shared(void)
{
    check_host(RAM_SHARED);
}

/*
 * A thread writes all the time, the "migration" copies dirty pages: after the
 * last sync with the writer stopped, the copy equals the original.
 */
#define RACE_PAGES 512

typedef struct Writer {
    QemuThread thread;
    RAMBlock *block;
    uint64_t done; /* writes so far; atomic */
    bool stop;     /* atomic */
} Writer;

static void *writer(void *arg)
{
    Writer *w = arg;
    uint32_t seed = 1;

    for (uint64_t i = 1; !qatomic_read(&w->stop); i++) {
        uint64_t page;

        seed = seed * 1103515245 + 12345;
        page = (seed >> 8) % RACE_PAGES;
        /* Relaxed atomics: the copier looks at the same words. */
        qatomic_set((uint64_t *)(w->block->host + page * PAGE), i);
        qatomic_set(&w->done, i);
    }
    return NULL;
}

/* Until it has written @n times more. */
static void let_write(Writer *w, uint64_t n)
{
    uint64_t from = qatomic_read(&w->done);

    while (qatomic_read(&w->done) < from + n) {
        g_thread_yield();
    }
}

static void copy_dirty(RAMBlock *b, unsigned long *map, uint64_t *copy)
{
    for (uint64_t p = find_next_bit(map, RACE_PAGES, 0); p < RACE_PAGES;
         p = find_next_bit(map, RACE_PAGES, p + 1)) {
        copy[p] = qatomic_read((uint64_t *)(b->host + p * PAGE));
        clear_bit(p, map);
    }
}

static void check_race(uint32_t flags)
{
    Machine *m = test_machine_new(0, G_TYPE_INVALID);
    RAMBlock *b = machine_ram_add(m, "b", RACE_PAGES * PAGE, flags, NULL);
    g_autofree unsigned long *map = bitmap_new(RACE_PAGES);
    g_autofree uint64_t *copy = g_new0(uint64_t, RACE_PAGES);
    Writer w = { .block = b };
    uint64_t dirty = 0;

    if (have_host_source(m)) {
        qemu_thread_create(&w.thread, "writer", writer, &w);
        g_assert_true(dirty_log_start(m, NULL));
        bitmap_set(map, 0, RACE_PAGES);
        copy_dirty(b, map, copy);
        for (unsigned round = 0; round < 300; round++) {
            let_write(&w, 50);
            dirty += sync_fetch(m, b, map);
            copy_dirty(b, map, copy);
        }
        qatomic_set(&w.stop, true);
        qemu_thread_join(&w.thread);
        sync_fetch(m, b, map);
        copy_dirty(b, map, copy);
        g_assert_cmpuint(dirty, >, 0);
        for (unsigned p = 0; p < RACE_PAGES; p++) {
            g_assert_cmpuint(copy[p], ==, *(uint64_t *)(b->host + p * PAGE));
        }
    }
    test_machine_free(m);
}

static void test_race_private(void)
{
    check_race(0);
}

static void test_race_shared(void)
{
    check_race(RAM_SHARED);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dirty/marks", test_marks);
    g_test_add_func("/dirty/clear", test_clear);
    g_test_add_func("/dirty/start-fails", test_start_fails);
    g_test_add_func("/dirty/mark-threads", test_mark_threads);
    g_test_add_func("/dirty/host/private", test_host_private);
    g_test_add_func("/dirty/host/shared", test_host_shared);
    g_test_add_func("/dirty/host/race-private", test_race_private);
    g_test_add_func("/dirty/host/race-shared", test_race_shared);
    return g_test_run();
}
