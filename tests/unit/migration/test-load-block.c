/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which areas become huge pages, and that several threads may store pages of
 * one block in any order.  Where the kernel gives no huge page, the tests that
 * want one say so and are skipped.
 */
#include "qemu/osdep.h"

#include <sys/mman.h>

#include "machine-pair.h"
#include "migration/load-block.h"
#include "migration/ram-store.h"
#include "qemu/atomic.h"
#include "qemu/zero.h"

#define AREAS 8
#define RAM_SIZE (AREAS * LOAD_AREA_SIZE)
#define PACKET_PAGES 128

typedef struct Rig {
    TestMachine *t;
    LoadBlock *lb;
} Rig;

static Rig rig_new(uint32_t flags, uint64_t ahead)
{
    Rig r = {
        .t = test_machine_new(RAM_SIZE, flags, true),
        .lb = load_block_new("ram"),
    };

    /* A page of the guest may be there from the start; then nothing is new. */
    load_block_attach(r.lb, r.t->ram, ahead);
    return r;
}

static void rig_free(Rig *r)
{
    load_block_free(r->lb);
    test_machine_free(r->t);
}

/* As if the first @n pages of @area had been stored. */
static void fill_area(Rig *r, uint64_t area, uint64_t n)
{
    load_block_mark(r->lb, area * LOAD_AREA_PAGES, n);
}

/* Is each page of @area there, without having been written to? */
static bool is_present(const Rig *r, uint64_t area)
{
    unsigned char vec[LOAD_AREA_PAGES];

    g_assert_cmpint(mincore(r->t->ram->host + area * LOAD_AREA_SIZE,
                            LOAD_AREA_SIZE, vec), ==, 0);
    for (size_t i = 0; i < LOAD_AREA_PAGES; i++) {
        if (!(vec[i] & 1)) {
            return false;
        }
    }
    return true;
}

/* The area got no huge page though it was asked for one. */
static bool no_huge_here(const Rig *r, uint64_t area)
{
    if (r->lb->area[area] == LOAD_AREA_SMALL || r->lb->no_huge) {
        g_test_skip("the kernel gives no huge page for this memory");
        return true;
    }
    return false;
}

static void test_after_dense(gconstpointer data)
{
    Rig r = rig_new(GPOINTER_TO_UINT(data), 0);
    bool huge;

    g_assert_false(load_block_is_huge(r.lb, 0)); /* there is none before */
    fill_area(&r, 0, LOAD_AREA_PAGES);
    /* Entered in the middle: it will not get full. */
    g_assert_false(load_block_is_huge(r.lb, LOAD_AREA_PAGES * 3 / 2));
    huge = load_block_is_huge(r.lb, LOAD_AREA_PAGES);
    if (huge || !no_huge_here(&r, 1)) {
        g_assert_true(huge);
        g_assert_true(is_present(&r, 1));
        g_assert_true(load_block_is_new(r.lb, LOAD_AREA_PAGES,
                                        LOAD_AREA_PAGES));
        g_assert_true(load_block_is_huge(r.lb, 2 * LOAD_AREA_PAGES - 1));
        g_assert_true(buffer_is_zero(r.t->ram->host + LOAD_AREA_SIZE,
                                     LOAD_AREA_SIZE));
    }
    rig_free(&r);
}

/* What stays small, whatever the kernel can do. */
static void test_stays_small(gconstpointer data)
{
    Rig r = rig_new(GPOINTER_TO_UINT(data), 0);

    fill_area(&r, 0, LOAD_AREA_PAGES / 2);
    g_assert_false(load_block_is_huge(r.lb, LOAD_AREA_PAGES));
    g_assert_false(is_present(&r, 1));
    fill_area(&r, 2, LOAD_AREA_PAGES);
    fill_area(&r, 3, 1); /* something is in it */
    g_assert_false(load_block_is_huge(r.lb, 3 * LOAD_AREA_PAGES));
    /* Two areas on: only the one before counts. */
    g_assert_false(load_block_is_huge(r.lb, 4 * LOAD_AREA_PAGES));
    rig_free(&r);
}

/* Packets overtake one another, by the number that was announced. */
static void test_overtaken(gconstpointer data)
{
    Rig r = rig_new(GPOINTER_TO_UINT(data), PACKET_PAGES);

    fill_area(&r, 0, LOAD_AREA_PAGES);
    fill_area(&r, 1, LOAD_AREA_PAGES - PACKET_PAGES);
    if (load_block_is_huge(r.lb, 2 * LOAD_AREA_PAGES + PACKET_PAGES) ||
        !no_huge_here(&r, 2)) {
        g_assert_true(load_block_is_huge(r.lb, 2 * LOAD_AREA_PAGES));
        g_assert_false(load_block_is_huge(r.lb, 5 * LOAD_AREA_PAGES));
    }
    rig_free(&r);
}

/* ---- several threads ---- */

typedef struct Storers {
    Rig rig;
    unsigned next; /* packet; atomic */
} Storers;

static void *store_packets(void *opaque)
{
    Storers *s = opaque;
    RAMStore st = { 0 };
    g_autofree uint8_t *buf = g_malloc(PACKET_PAGES * TARGET_PAGE_SIZE);
    unsigned packet;

    while ((packet = qatomic_fetch_add(&s->next, 1)) <
           RAM_SIZE / TARGET_PAGE_SIZE / PACKET_PAGES) {
        memset(buf, packet + 1, PACKET_PAGES * TARGET_PAGE_SIZE);
        for (unsigned i = 0; i < PACKET_PAGES; i++) {
            g_assert_true(ram_store_page(&st, s->rig.lb,
                                         packet * PACKET_PAGES + i,
                                         buf + i * TARGET_PAGE_SIZE,
                                         NULL));
        }
        g_assert_true(ram_store_flush(&st, NULL));
    }
    return NULL;
}

static void test_threads(gconstpointer data)
{
    Storers s = { .rig = rig_new(GPOINTER_TO_UINT(data), 3 * PACKET_PAGES) };
    QemuThread threads[4] = { { 0 } };
    uint8_t buf[TARGET_PAGE_SIZE];

    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++) {
        qemu_thread_create(&threads[i], "store", store_packets, &s);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++) {
        qemu_thread_join(&threads[i]);
    }
    for (uint64_t at = 0; at < RAM_SIZE; at += sizeof(buf)) {
        memset(buf, at / (PACKET_PAGES * TARGET_PAGE_SIZE) + 1, sizeof(buf));
        g_assert_cmpmem(s.rig.t->ram->host + at, sizeof(buf), buf,
                        sizeof(buf));
    }
    rig_free(&s.rig);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        uint32_t flags;
    } kinds[] = { { "private", 0 }, { "shared", RAM_SHARED } };
    static const struct {
        const char *name;
        GTestDataFunc run;
    } cases[] = {
        { "after-dense", test_after_dense },
        { "stays-small", test_stays_small },
        { "overtaken", test_overtaken },
        { "threads", test_threads },
    };

    g_test_init(&argc, &argv, NULL);
    error_init("test-load-block");
    for (size_t k = 0; k < G_N_ELEMENTS(kinds); k++) {
        for (size_t c = 0; c < G_N_ELEMENTS(cases); c++) {
            g_autofree char *path = g_strdup_printf(
                "/load-block/%s/%s", cases[c].name, kinds[k].name);

            g_test_add_data_func(path, GUINT_TO_POINTER(kinds[k].flags),
                                 cases[c].run);
        }
    }
    return g_test_run();
}
