/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a guest's page tables lead. */
#include "test-util.h"

#include "system/cpu-x86.h"
#include "system/machine-internal.h"

#define PG CR0_PG_MASK
#define PAE (1u << 5)
#define PSE (1u << 4)
#define LA57 (1u << 12)
#define NOWHERE UINT64_MAX

typedef struct Entry {
    uint64_t at, value;
    unsigned size;
} Entry;

typedef struct Lookup {
    uint64_t va, pa;
} Lookup;

static void check(const CPUX86State *env, const Entry *entries, size_t n,
                  const Lookup *lookups, size_t n_lookups)
{
    Machine *m = test_machine_new(8 * MiB, 0);
    CPUX86State *copy = g_memdup2(env, sizeof(*env));
    CPUState cpu = { .machine = m, .env = copy };

    for (size_t i = 0; i < n; i++) {
        memory_store(m, entries[i].at, entries[i].value, entries[i].size);
    }
    for (size_t i = 0; i < n_lookups; i++) {
        uint64_t pa = 0;

        if (!cpu_x86_translate(&cpu, lookups[i].va, &pa)) {
            pa = NOWHERE;
        }
        g_assert_cmphex(pa, ==, lookups[i].pa);
    }
    g_free(copy);
    test_machine_free(m);
}

#define CHECK(env, entries, lookups)                                           \
    check(env, entries, G_N_ELEMENTS(entries), lookups, G_N_ELEMENTS(lookups))

static void test_no_paging(void)
{
    g_autofree CPUX86State *env = g_new0(CPUX86State, 1);
    static const Entry none[] = { { 0, 0, 8 } };
    static const Lookup lookups[] = {
        { 0, 0 }, { 0x12345678, 0x12345678 }, { 0xffffffff, 0xffffffff },
        { 0x100000000, NOWHERE },
    };

    CHECK(env, none, lookups);
}

static void test_32(void)
{
    g_autofree CPUX86State *env = g_new0(CPUX86State, 1);
    static const Entry entries[] = {
        { 0x1000 + 4 * 1, 0x2001, 4 },          /* 4 MiB: a table */
        { 0x2000 + 4 * 3, 0x55001, 4 },
        { 0x2000 + 4 * 4, 0x55000, 4 },         /* not present */
        { 0x1000 + 4 * 2, 0x12400081, 4 },      /* 8 MiB: large */
        { 0x1000 + 4 * 5, 0x02406081, 4 },      /* large, above 4 GiB */
    };
    static const Lookup lookups[] = {
        { 0x403abc, 0x55abc },   { 0x404000, NOWHERE },
        { 0x000000, NOWHERE },   { 0x812345, 0x12412345 },
        { 0x1400001, 0x302400001 }, { 0x100000000, NOWHERE },
    };

    env->cr0 = PG;
    env->cr3 = 0x1fff; /* the low bits are flags */
    env->cr4 = PSE;
    CHECK(env, entries, lookups);
}

static void test_pae(void)
{
    g_autofree CPUX86State *env = g_new0(CPUX86State, 1);
    static const Entry entries[] = {
        { 0x1020 + 8 * 3, 0x3001, 8 },
        { 0x3000 + 8 * 1, 0x4001, 8 },
        { 0x4000 + 8 * 2, UINT64_C(0x8000000700001001), 8 },
        { 0x3000 + 8 * 2, 0x600081, 8 },
    };
    static const Lookup lookups[] = {
        { 0xc0202123, 0x700001123 },
        { 0xc0456789, 0x656789 },
        { 0xc0203000, NOWHERE },
        { 0x00202123, NOWHERE },
    };

    env->cr0 = PG;
    env->cr3 = 0x1020;
    env->cr4 = PAE;
    CHECK(env, entries, lookups);
}

static void test_long(void)
{
    g_autofree CPUX86State *env = g_new0(CPUX86State, 1);
    static const Entry entries[] = {
        { 0x1000 + 8 * 0x1ff, 0x2003, 8 },
        { 0x2000 + 8 * 0x1fe, 0x3003, 8 },
        { 0x2000 + 8 * 0x1ff, 0x40000083, 8 },  /* 1 GiB */
        { 0x3000 + 8 * 0, 0x4003, 8 },
        { 0x3000 + 8 * 1, 0x200083, 8 },        /* 2 MiB */
        { 0x4000 + 8 * 7, 0x99083, 8 },         /* bit 7 is no size here */
    };
    static const Lookup lookups[] = {
        { UINT64_C(0xffffffff80007010), 0x99010 },
        { UINT64_C(0xffffffff80234567), 0x234567 },
        { UINT64_C(0xffffffffc1234567), 0x41234567 },
        { UINT64_C(0xffffffff80008000), NOWHERE },
        { 0, NOWHERE },
    };

    env->cr0 = PG;
    env->cr3 = 0x1000;
    env->cr4 = PAE;
    env->efer = EFER_LMA | EFER_LME;
    CHECK(env, entries, lookups);
}

static void test_five_levels(void)
{
    g_autofree CPUX86State *env = g_new0(CPUX86State, 1);
    static const Entry entries[] = {
        { 0x1000 + 8 * 1, 0x2003, 8 },
        { 0x2000, 0x3003, 8 },
        { 0x3000, 0x40000083, 8 },
    };
    static const Lookup lookups[] = {
        { UINT64_C(0x0001000000000042), 0x40000042 }, { 0x42, NOWHERE },
    };

    env->cr0 = PG;
    env->cr3 = 0x1000;
    env->cr4 = PAE | LA57;
    env->efer = EFER_LMA | EFER_LME;
    CHECK(env, entries, lookups);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/walk/no-paging", test_no_paging);
    g_test_add_func("/walk/32", test_32);
    g_test_add_func("/walk/pae", test_pae);
    g_test_add_func("/walk/long", test_long);
    g_test_add_func("/walk/five-levels", test_five_levels);
    return g_test_run();
}
