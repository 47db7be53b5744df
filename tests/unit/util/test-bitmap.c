/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bitmaps against an array of bool. */
#include "qemu/osdep.h"

#include "qemu/bitmap.h"
#include "qemu/thread.h"

#define MAX_BITS 400

typedef struct Model {
    unsigned long *map;
    bool bits[MAX_BITS];
    uint64_t n;
} Model;

/* Random runs, so that words are empty, full and mixed. */
static void model_fill(Model *m, uint64_t n)
{
    bool value = g_test_rand_bit();
    uint64_t i = 0;

    m->map = bitmap_new(n);
    m->n = n;
    while (i < n) {
        uint64_t len = g_test_rand_int_range(1, g_test_rand_bit() ? 5 : 150);

        for (; len > 0 && i < n; len--, i++) {
            m->bits[i] = value;
            if (value) {
                set_bit(i, m->map);
            }
        }
        value = !value;
    }
    /* Bits beyond the end must not matter. */
    if (n % 64 && g_test_rand_bit()) {
        m->map[n / 64] |= ~0UL << (n % 64);
    }
}

static void model_check(const Model *m)
{
    for (uint64_t i = 0; i < m->n; i++) {
        g_assert_cmpint(test_bit(i, m->map), ==, m->bits[i]);
    }
}

static uint64_t model_next(const Model *m, uint64_t start, bool value)
{
    while (start < m->n && m->bits[start] != value) {
        start++;
    }
    return MIN(start, m->n);
}

/* A random range [@start, @start + @n) inside @m. */
static void random_range(const Model *m, uint64_t *start, uint64_t *n)
{
    *start = g_test_rand_int_range(0, m->n);
    *n = g_test_rand_int_range(0, m->n - *start + 1);
}

static void test_set_clear_count(void)
{
    for (int round = 0; round < 3000; round++) {
        Model m;
        uint64_t start, n, count = 0;
        int op = g_test_rand_int_range(0, 3);

        model_fill(&m, g_test_rand_int_range(1, MAX_BITS));
        random_range(&m, &start, &n);
        for (uint64_t i = start; i < start + n; i++) {
            count += m.bits[i];
            m.bits[i] = op != 1;
        }
        g_assert_cmpuint(bitmap_count(m.map, start, n), ==, count);
        if (op == 0) {
            bitmap_set(m.map, start, n);
        } else if (op == 1) {
            bitmap_clear(m.map, start, n);
        } else {
            bitmap_set_atomic(m.map, start, n);
        }
        model_check(&m);
        g_assert_cmpint(bitmap_empty(m.map, m.n), ==,
                        model_next(&m, 0, true) == m.n);
        g_free(m.map);
    }
}

static void test_find(void)
{
    for (int round = 0; round < 500; round++) {
        Model m;

        model_fill(&m, g_test_rand_int_range(1, MAX_BITS));
        for (uint64_t i = 0; i <= m.n + 70; i++) {
            g_assert_cmpuint(find_next_bit(m.map, m.n, i), ==,
                             model_next(&m, i, true));
            g_assert_cmpuint(find_next_zero_bit(m.map, m.n, i), ==,
                             model_next(&m, i, false));
        }
        g_free(m.map);
    }
    g_assert_cmpuint(find_next_bit(NULL, 0, 0), ==, 0);
}

static void test_runs(void)
{
    for (int round = 0; round < 3000; round++) {
        uint64_t max = g_test_rand_bit() ? g_test_rand_int_range(1, 100)
                                         : UINT64_MAX;
        uint64_t start = 0, len = 0, from;
        Model m;

        model_fill(&m, g_test_rand_int_range(1, MAX_BITS));
        from = g_test_rand_int_range(0, m.n);
        while (bitmap_next_run(m.map, m.n, from, max, &start, &len)) {
            uint64_t first = model_next(&m, from, true);
            uint64_t end = model_next(&m, first, false);

            g_assert_cmpuint(start, ==, first);
            g_assert_cmpuint(len, ==, MIN(end - first, max));
            g_assert_cmpuint(len, >, 0);
            from = start + len;
        }
        g_assert_cmpuint(model_next(&m, from, true), ==, m.n);
        g_free(m.map);
    }
}

static void test_or(void)
{
    for (int round = 0; round < 2000; round++) {
        uint64_t n = g_test_rand_int_range(1, MAX_BITS), added = 0;
        Model dst, src;

        model_fill(&dst, n);
        model_fill(&src, n);
        for (uint64_t i = 0; i < n; i++) {
            added += src.bits[i] && !dst.bits[i];
            dst.bits[i] |= src.bits[i];
        }
        g_assert_cmpuint(bitmap_or_atomic(dst.map, src.map, n), ==, added);
        model_check(&dst);
        model_check(&src);
        g_free(dst.map);
        g_free(src.map);
    }
}

static void test_fetch_clear(void)
{
    for (int round = 0; round < 2000; round++) {
        uint64_t size = g_test_rand_int_range(1, MAX_BITS), added = 0;
        uint64_t start = ROUND_DOWN(g_test_rand_int_range(0, size), 64);
        uint64_t n = g_test_rand_int_range(0, size - start + 1);
        Model dst, src;

        model_fill(&dst, size);
        model_fill(&src, size);
        for (uint64_t i = start; i < start + n; i++) {
            added += src.bits[i] && !dst.bits[i];
            dst.bits[i] |= src.bits[i];
            src.bits[i] = false;
        }
        g_assert_cmpuint(bitmap_fetch_clear(dst.map, src.map, start, n), ==,
                         added);
        model_check(&dst);
        model_check(&src);
        g_free(dst.map);
        g_free(src.map);
    }
}

#define SHARED_BITS 1024
#define SHARED_ROUNDS 300

static void *setter(void *opaque)
{
    unsigned long *log = opaque;

    for (int i = 0; i < SHARED_ROUNDS; i++) {
        for (uint64_t bit = 0; bit < SHARED_BITS; bit += 3) {
            bitmap_set_atomic(log, bit, 2);
        }
    }
    return NULL;
}

/* Bits set by other threads while the log is collected are never lost. */
static void test_concurrent(void)
{
    unsigned long *log = bitmap_new(SHARED_BITS + 2);
    unsigned long *got = bitmap_new(SHARED_BITS + 2);
    uint64_t want = 0, added = 0;
    QemuThread threads[2];

    for (int i = 0; i < 2; i++) {
        qemu_thread_create(&threads[i], "setter", setter, log);
    }
    for (int i = 0; i < SHARED_ROUNDS; i++) {
        added += bitmap_fetch_clear(got, log, 0, SHARED_BITS + 2);
    }
    for (int i = 0; i < 2; i++) {
        qemu_thread_join(&threads[i]);
    }
    added += bitmap_fetch_clear(got, log, 0, SHARED_BITS + 2);
    for (uint64_t bit = 0; bit < SHARED_BITS; bit += 3) {
        g_assert_true(test_bit(bit, got) && test_bit(bit + 1, got));
        want += 2;
    }
    g_assert_cmpuint(added, ==, want);
    g_assert_cmpuint(bitmap_count(got, 0, SHARED_BITS + 2), ==, want);
    g_assert_true(bitmap_empty(log, SHARED_BITS + 2));
    g_free(log);
    g_free(got);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/bitmap/set-clear-count", test_set_clear_count);
    g_test_add_func("/bitmap/find", test_find);
    g_test_add_func("/bitmap/runs", test_runs);
    g_test_add_func("/bitmap/or", test_or);
    g_test_add_func("/bitmap/fetch-clear", test_fetch_clear);
    g_test_add_func("/bitmap/concurrent", test_concurrent);
    return g_test_run();
}
