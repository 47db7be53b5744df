/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guests on the real accelerators: devices, stopping and going on, moving to
 * another machine, the dirty log.  Each test runs on kvm and on tcg; where
 * one cannot be had it is skipped.
 */
#include "qemu/osdep.h"

#include "qemu/atomic.h"
#include "qemu/bitmap.h"
#include "qemu/clock.h"
#include "tests/unit/accel/guest-machine.h"

/* What a test is about: accelerators by name, and the guest's program. */
typedef struct Case {
    const char *accel, *to_accel;
    GuestProgram program;
} Case;

static void test_ports(const void *data)
{
    const Case *c = data;
    GuestMachine *g = guest_machine_new(c->accel, c->program);

    if (!g) {
        return;
    }
    guest_start(g);
    guest_wait(g, &g->n_bytes, 1000);
    guest_stop(g);
    g_assert_false(g->byte_lost);
    guest_machine_free(g);
}

static void test_mmio(const void *data)
{
    const Case *c = data;
    GuestMachine *g = guest_machine_new(c->accel, GUEST_MMIO);

    if (!g) {
        return;
    }
    guest_start(g);
    guest_wait(g, &g->n_mmio, 100);
    guest_stop(g);
    g_assert_false(g->mmio_wrong);
    guest_machine_free(g);
}

/* Stopped means stopped, and no access is lost or done twice. */
static void test_stop_resume(const void *data)
{
    const Case *c = data;
    GuestMachine *g = guest_machine_new(c->accel, c->program);
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);

    if (!g) {
        return;
    }
    for (int i = 0; i < 200; i++) {
        uint32_t before;

        guest_start(g);
        if (i % 10 == 0) {
            guest_wait(g, &g->n_bytes, qatomic_read(&g->n_bytes) + 10);
        }
        clock_sleep_ns(g_rand_int_range(rand, 0, 500000));
        guest_stop(g);
        before = qatomic_read(&g->n_bytes);
        if (i % 20 == 0) {
            clock_sleep_ns(2000000);
            g_assert_cmpuint(qatomic_read(&g->n_bytes), ==, before);
        }
        if (i % 3 == 0) {
            g_autoptr(Error) err = NULL;

            /* Registers travel out and in again. */
            bql_lock(g->m);
            cpu_synchronize_state(machine_get_cpu(g->m, 0), &err);
            bql_unlock(g->m);
            g_assert_no_error(err);
        }
        g_assert_false(g->byte_lost);
    }
    g_assert_cmpuint(g->n_bytes, >=, 200);
    guest_machine_free(g);
}

/* What the guest stores is what it loaded, in the parts that are defined. */
static void expect_same_fpu(const uint8_t *ram)
{
    const uint8_t *in = ram + GUEST_FXRSTOR, *out = ram + GUEST_FXSAVE;

    g_assert_cmpmem(out, 5, in, 5);
    g_assert_cmpmem(out + 24, 4, in + 24, 4);
    for (int i = 0; i < 8; i++) {
        g_assert_cmpmem(out + 32 + 16 * i, 10, in + 32 + 16 * i, 10);
    }
    g_assert_cmpmem(out + 160, GUEST_FX_SIZE - 160, in + 160,
                    GUEST_FX_SIZE - 160);
}

/*
 * The vCPU is asked to stop while it is inside an access to a device: its
 * state must be that after the instruction (or between two rounds of a
 * repeated one), and another machine goes on from there.
 */
static void test_move(const void *data)
{
    const Case *c = data;
    GuestMachine *from = guest_machine_new(c->accel, c->program);
    GuestMachine *to = NULL;

    if (!from) {
        return;
    }
    for (int i = 0; i < 20; i++) {
        to = guest_machine_new(c->to_accel, c->program);
        if (!to) {
            break;
        }
        bql_lock(from->m);
        from->stop_at_byte = from->n_bytes + 100 + 37 * i;
        bql_unlock(from->m);
        guest_start(from);
        guest_wait(from, &from->n_bytes, from->stop_at_byte);
        guest_stop(from);
        g_assert_false(from->byte_lost);
        guest_move(from, to);
        guest_machine_free(from);
        from = to;
    }
    if (to) {
        guest_start(from);
        guest_wait(from, &from->n_bytes, 3000);
        guest_stop(from);
        g_assert_false(from->byte_lost);
        if (c->program == GUEST_VECTORS) {
            expect_same_fpu(machine_ram_first(from->m)->host);
        }
    }
    guest_machine_free(from);
}

/* Registers of a stopped guest show the next instruction, not another. */
static void test_registers(const void *data)
{
    const Case *c = data;
    GuestMachine *g = guest_machine_new(c->accel, GUEST_COUNT);
    g_autoptr(Error) err = NULL;
    CPUX86State *env;
    uint32_t counter;
    bool stored, sent;

    if (!g) {
        return;
    }
    g->stop_at_byte = 777;
    guest_start(g);
    guest_wait(g, &g->n_bytes, 777);
    guest_stop(g);
    bql_lock(g->m);
    cpu_synchronize_state(machine_get_cpu(g->m, 0), &err);
    bql_unlock(g->m);
    g_assert_no_error(err);

    env = machine_get_cpu(g->m, 0)->env;
    g_assert_cmphex(env->segs[R_CS].selector, ==, 8);
    g_assert_cmphex(env->segs[R_CS].flags, ==, 0xc09b00);
    g_assert_cmphex(env->segs[R_DS].selector, ==, 16);
    g_assert_cmphex(env->segs[R_DS].limit, ==, 0xffffffff);
    g_assert_cmphex(env->cr0 & CR0_PE_MASK, ==, 1);
    g_assert_cmphex(env->gdt.limit, ==, 23);
    g_assert_cmphex(env->hflags & (HF_PE | HF_CS32 | HF_SS32), ==,
                    HF_PE | HF_CS32 | HF_SS32);

    /* The loop: mov at 0x7c52, mov 0x7c58, out 0x7c5a, inc 0x7c5c, jmp. */
    counter = guest_load32(g, GUEST_COUNTER);
    stored = env->eip >= 0x7c58 && env->eip <= 0x7c5c;
    sent = env->eip == 0x7c5c;
    g_assert_cmphex(env->eip, >=, 0x7c52);
    g_assert_cmphex(env->eip, <=, 0x7c5d);
    g_assert_cmpuint(counter, ==, env->regs[R_EBX] - !stored);
    g_assert_cmpuint(g->n_bytes, ==, counter + (sent || !stored));
    guest_machine_free(g);
}

/* ---- dirty log ---- */

/* Let the guest write its pages, @stride apart, and wait until it has. */
static void write_pages(GuestMachine *g, uint8_t stride)
{
    uint32_t done = qatomic_read(&g->n_done);

    qatomic_set(&g->stride, stride);
    guest_wait(g, &g->n_done, done + 1);
}

/* Exactly the pages of @stride are in the log since the last look. */
static void expect_pages(GuestMachine *g, uint8_t stride)
{
    RAMBlock *b = machine_ram_first(g->m);
    uint64_t pages = ram_block_pages(b);
    g_autofree unsigned long *map = bitmap_new(pages);
    g_autofree unsigned long *expected = bitmap_new(pages);
    g_autoptr(Error) err = NULL;

    for (int i = 0; stride && i < GUEST_PAGES_COUNT; i++) {
        set_bit((GUEST_PAGES_BASE >> TARGET_PAGE_BITS) + (uint64_t)i * stride,
                expected);
    }
    dirty_log_sync(g->m, &err);
    g_assert_no_error(err);
    dirty_log_fetch(b, map);
    dirty_log_clear(g->m, b, 0, pages, &err);
    g_assert_no_error(err);
    for (uint64_t p = 0; p < pages; p++) {
        if (test_bit(p, map) != test_bit(p, expected)) {
            g_error("page %" PRIu64 ": dirty %d, expected %d", p,
                    test_bit(p, map), test_bit(p, expected));
        }
    }
}

static void test_dirty_log(const void *data)
{
    static const uint8_t strides[] = { 1, 3, 16, 3, 3 };
    const Case *c = data;
    GuestMachine *g = guest_machine_new(c->accel, GUEST_PAGES);
    g_autoptr(Error) err = NULL;

    if (!g) {
        return;
    }
    g_assert_cmpstr(dirty_log_source_name(g->m), ==, c->accel);
    guest_start(g);
    write_pages(g, 2); /* before logging */
    bql_lock(g->m);
    dirty_log_start(g->m, &err);
    bql_unlock(g->m);
    g_assert_no_error(err);
    for (size_t i = 0; i < G_N_ELEMENTS(strides); i++) {
        write_pages(g, strides[i]);
        guest_stop(g); /* an exact answer needs a guest that stands */
        expect_pages(g, strides[i]);
        expect_pages(g, 0);
        guest_start(g);
    }
    bql_lock(g->m);
    dirty_log_stop(g->m);
    bql_unlock(g->m);
    write_pages(g, 5); /* after it */
    bql_lock(g->m);
    dirty_log_start(g->m, &err);
    bql_unlock(g->m);
    g_assert_no_error(err);
    guest_stop(g);
    expect_pages(g, 0);
    guest_machine_free(g);
}

/*
 * A copy kept up to date by the log alone, while the guest writes, is equal
 * to the original in the end.
 */
static void test_dirty_copy(const void *data)
{
    const Case *c = data;
    GuestMachine *g = guest_machine_new(c->accel, GUEST_PAGES);
    g_autofree unsigned long *map = NULL;
    g_autofree uint8_t *copy = NULL;
    g_autoptr(Error) err = NULL;
    RAMBlock *b;
    uint64_t pages;

    if (!g) {
        return;
    }
    b = machine_ram_first(g->m);
    pages = ram_block_pages(b);
    copy = g_malloc(b->used_length);
    map = bitmap_new(pages);
    guest_start(g);
    bql_lock(g->m);
    dirty_log_start(g->m, &err);
    bql_unlock(g->m);
    g_assert_no_error(err);
    bitmap_set(map, 0, pages);
    for (int i = 0; i < 60; i++) {
        qatomic_set(&g->stride, i % 16 + 1);
        if (i % 20 == 10) {
            guest_wait(g, &g->n_done, qatomic_read(&g->n_done) + 1);
        }
        if (i == 59) {
            guest_stop(g);
        }
        dirty_log_sync(g->m, &err);
        dirty_log_fetch(b, map);
        dirty_log_clear(g->m, b, 0, pages, &err);
        g_assert_no_error(err);
        for (uint64_t p = find_next_bit(map, pages, 0); p < pages;
             p = find_next_bit(map, pages, p + 1)) {
            memcpy(copy + p * TARGET_PAGE_SIZE,
                   b->host + p * TARGET_PAGE_SIZE, TARGET_PAGE_SIZE);
        }
        bitmap_clear(map, 0, pages);
    }
    g_assert_cmpint(memcmp(copy, b->host, b->used_length), ==, 0);
    guest_machine_free(g);
}

/* ---- kicks ---- */

/* A guest without any exit, and one in HLT, can be stopped; many times. */
static void test_kick(const void *data)
{
    const Case *c = data;
    GuestMachine *g = guest_machine_new(c->accel, c->program);

    if (!g) {
        return;
    }
    guest_start(g);
    guest_wait(g, &g->n_done, 1);
    for (int i = 0; i < 100; i++) {
        guest_stop(g);
        guest_start(g);
    }
    guest_stop(g);
    guest_machine_free(g);
}

static void set_flag(CPUState *cpu, void *opaque)
{
    (*(int *)opaque)++;
}

static void test_run_on(const void *data)
{
    const Case *c = data;
    GuestMachine *g = guest_machine_new(c->accel, GUEST_SPIN);
    int ran = 0;

    if (!g) {
        return;
    }
    guest_start(g);
    bql_lock(g->m);
    for (int i = 0; i < 50; i++) {
        cpu_run_on(machine_get_cpu(g->m, 0), set_flag, &ran);
    }
    bql_unlock(g->m);
    g_assert_cmpint(ran, ==, 50);
    guest_machine_free(g);
}

/*
 * A guest that is at its end: a CPU that knows triple faults is reset; else
 * (tcg, and KVM that only emulates) the guest stops with the reason printed.
 */
static void test_fault(const void *data)
{
    const Case *c = data;
    GuestMachine *g = guest_machine_new(c->accel, GUEST_FAULT);
    int64_t end = clock_get_ms() + 60000;

    if (!g) {
        return;
    }
    guest_start(g);
    while (!g->n_resets && runstate_get(g->m) != RUN_STATE_INTERNAL_ERROR) {
        g_assert_cmpint(clock_get_ms(), <, end);
        clock_sleep_ns(1000000);
        bql_lock(g->m);
        system_handle_requests(g->m);
        bql_unlock(g->m);
    }
    g_assert_true(g->n_resets || !runstate_is_running(g->m));
    guest_stop(g);
    guest_machine_free(g);
}

static void test_unknown_accel(void)
{
    MachineConfig config = { .type = machine_type_find("none") };
    json_object *wanted = json_object_new_object();
    g_autoptr(Error) err = NULL;
    Machine *m = machine_new(&config);

    json_object_object_add(wanted, "accel", json_object_new_string("nosuch"));
    bql_lock(m);
    g_assert_false(accel_select(m, &wanted, 1, true, &err));
    bql_unlock(m);
    g_assert_cmpstr(error_get_pretty(err), ==, "invalid accelerator nosuch");
    error_set_location(NULL);
    json_object_put(wanted);
    machine_free(m);
}

static void test_unknown_property(void)
{
    MachineConfig config = { .type = machine_type_find("none") };
    json_object *wanted = json_object_new_object();
    g_autoptr(Error) err = NULL;
    Machine *m = machine_new(&config);

    json_object_object_add(wanted, "accel", json_object_new_string("qtest"));
    json_object_object_add(wanted, "foo", json_object_new_string("1"));
    bql_lock(m);
    g_assert_false(accel_select(m, &wanted, 1, true, &err));
    bql_unlock(m);
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "Property 'qtest-accel.foo' not found");
    error_set_location(NULL);
    json_object_put(wanted);
    machine_free(m);
}

static void add(const char *name, const char *accel, const char *to_accel,
                GuestProgram program, GTestDataFunc fn)
{
    g_autofree char *path = g_strdup_printf("/accel/%s/%s", accel, name);
    Case *c = g_new0(Case, 1);

    c->accel = accel;
    c->to_accel = to_accel;
    c->program = program;
    g_test_add_data_func_full(path, c, fn, g_free);
}

static void add_all(const char *accel, const char *other)
{
    add("ports-real-mode", accel, NULL, GUEST_REAL_MODE, test_ports);
    add("ports", accel, NULL, GUEST_COUNT, test_ports);
    add("ports-string", accel, NULL, GUEST_STRING, test_ports);
    add("mmio", accel, NULL, GUEST_MMIO, test_mmio);
    add("stop-resume", accel, NULL, GUEST_COUNT, test_stop_resume);
    add("stop-resume-string", accel, NULL, GUEST_STRING, test_stop_resume);
    add("registers", accel, NULL, GUEST_COUNT, test_registers);
    add("move-real-mode", accel, accel, GUEST_REAL_MODE, test_move);
    add("move", accel, accel, GUEST_COUNT, test_move);
    add("move-string", accel, accel, GUEST_STRING, test_move);
    add("move-vectors", accel, accel, GUEST_VECTORS, test_move);
    add("move-to-other", accel, other, GUEST_COUNT, test_move);
    add("move-to-other-vectors", accel, other, GUEST_VECTORS, test_move);
    add("dirty-log", accel, NULL, GUEST_PAGES, test_dirty_log);
    add("dirty-copy", accel, NULL, GUEST_PAGES, test_dirty_copy);
    add("kick-spin", accel, NULL, GUEST_SPIN, test_kick);
    add("kick-halt", accel, NULL, GUEST_HALT, test_kick);
    add("fault", accel, NULL, GUEST_FAULT, test_fault);
    add("run-on", accel, NULL, GUEST_SPIN, test_run_on);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    guest_machine_types_init();
    add_all("kvm", "tcg");
    add_all("tcg", "kvm");
    g_test_add_func("/accel/unknown", test_unknown_accel);
    g_test_add_func("/accel/unknown-property", test_unknown_property);
    return g_test_run();
}
