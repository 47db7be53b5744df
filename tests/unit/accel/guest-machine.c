/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine around the guest of guest-code.h. */
#include "qemu/osdep.h"

#include "config-host.h"
#include "qemu/atomic.h"
#include "qemu/clock.h"
#include "tests/unit/accel/guest-machine.h"

#include "tests/unit/accel/guest-code.h"

#define RAM_SIZE (16 * MiB)
#define LOAD_ADDRESS 0x7c00
#define MMIO_ADDRESS 0xd0000000
#define PORT_BASE 0xe0

/* Everything takes longer under sanitizers; a hang is what we look for. */
#define WAIT_MS 60000

/* Machine types have no room for the fixture; tests build one at a time. */
static GuestMachine *building;

static void guest_byte(GuestMachine *g, uint8_t val)
{
    if (val != g->next_byte) {
        g->byte_lost = true;
    }
    g->next_byte = val + 1;
    qatomic_add(&g->n_bytes, 1);
    if (g->stop_at_byte && g->n_bytes == g->stop_at_byte) {
        CPUState *cpu = machine_get_cpu(g->m, 0);

        /* As somebody who wants it stopped would, right now. */
        cpu->stop = true;
        cpu_kick(cpu);
    }
}

static uint64_t port_read(void *opaque, uint64_t addr, unsigned size)
{
    GuestMachine *g = opaque;

    switch (addr) {
    case 1:
        return qatomic_xchg(&g->stride, 0);
    case 4:
        return g->program;
    default:
        return 0;
    }
}

static void port_write(void *opaque, uint64_t addr, uint64_t val,
                       unsigned size)
{
    GuestMachine *g = opaque;

    switch (addr) {
    case 0:
        guest_byte(g, val);
        break;
    case 2:
        qatomic_add(&g->n_done, 1);
        break;
    }
}

static const IORegionOps port_ops = {
    .read = port_read,
    .write = port_write,
    .min_size = 1,
    .max_size = 1,
};

static uint64_t mmio_read(void *opaque, uint64_t addr, unsigned size)
{
    GuestMachine *g = opaque;

    return addr == 0 ? g->mmio_value : 0;
}

static void mmio_write(void *opaque, uint64_t addr, uint64_t val,
                       unsigned size)
{
    GuestMachine *g = opaque;

    if (addr != 4 || (uint32_t)val != g->mmio_value + 1) {
        g->mmio_wrong = true;
    }
    g->mmio_value = g->mmio_value * 3 + 7;
    qatomic_add(&g->n_mmio, 1);
}

static void guest_event(QapiEventSink *sink, const char *event,
                        json_object *data)
{
    GuestMachine *g = (GuestMachine *)sink;

    if (strcmp(event, "RESET") == 0) {
        qatomic_add(&g->n_resets, 1);
    }
    json_object_put(data);
}

static const IORegionOps mmio_ops = {
    .read = mmio_read,
    .write = mmio_write,
    .min_size = 4,
    .max_size = 4,
};

static bool guest_machine_init(Machine *m, Error **errp)
{
    GuestMachine *g = building;

    memory_map_ram(m, 0, machine_ram_first(m), 0, RAM_SIZE);
    ioport_map(m, "test-ports", PORT_BASE, 5, &port_ops, g);
    memory_map_io(m, "test-mmio", MMIO_ADDRESS, 4096, &mmio_ops, g);
    return cpu_create(m, 0, errp) != NULL;
}

static const MachineType guest_machine_type = {
    .name = "accel-test",
    .desc = "machine of the accelerators' tests",
    .default_ram_id = "test.ram",
    .default_ram_size = RAM_SIZE,
    .max_cpus = 1,
    .has_cpu = true,
    .init = guest_machine_init,
};

/* An FXSAVE image with a value of its own in each register. */
static void fill_fx(uint8_t *fx)
{
    static const uint8_t head[6] = { 0x7f, 0x03, 0x00, 0x30, 0xc3, 0x00 };
    static const uint8_t mxcsr[4] = { 0x80, 0x1f, 0x00, 0x00 };

    memcpy(fx, head, sizeof(head));
    memcpy(fx + 24, mxcsr, sizeof(mxcsr));
    for (int i = 0; i < 8; i++) {
        memset(fx + 32 + 16 * i, 0x81 + i, 8);
        fx[32 + 16 * i + 8] = i;
        fx[32 + 16 * i + 9] = 0x40;
        memset(fx + 160 + 16 * i, 0x11 * (i + 1), 16);
    }
}

static bool guest_machine_build(GuestMachine *g, const char *accel,
                                Error **errp)
{
    json_object *wanted = json_object_new_object();
    bool ok;

    json_object_object_add(wanted, "accel", json_object_new_string(accel));
    building = g;
    bql_lock(g->m);
    ok = accel_select(g->m, &wanted, 1, true, errp)
         && machine_build(g->m, errp);
    if (ok) {
        memcpy(machine_ram_first(g->m)->host + LOAD_ADDRESS, guest_code,
               sizeof(guest_code));
        fill_fx(machine_ram_first(g->m)->host + GUEST_FXRSTOR);
        cpu_x86_set_real_mode_entry(machine_get_cpu(g->m, 0)->env, 0,
                                    LOAD_ADDRESS, 0x80);
    }
    bql_unlock(g->m);
    error_set_location(NULL);
    json_object_put(wanted);
    return ok;
}

GuestMachine *guest_machine_new(const char *accel, GuestProgram program)
{
    MachineConfig config = { .type = &guest_machine_type };
    GuestMachine *g = g_new0(GuestMachine, 1);
    g_autoptr(Error) err = NULL;

    g->program = program;
    g->m = machine_new(&config);
    g->sink.emit = guest_event;
    machine_set_event_sink(g->m, &g->sink);
    if (!guest_machine_build(g, accel, &err)) {
        g_autofree char *reason =
            g_strdup_printf("no %s here: %s", accel, error_get_pretty(err));

        if (CONFIG_TCG && strcmp(accel, "tcg") == 0) {
            g_error("%s", reason); /* only KVM depends on the host */
        }
        machine_free(g->m);
        g_free(g);
        g_test_skip(reason);
        return NULL;
    }
    return g;
}

void guest_machine_free(GuestMachine *g)
{
    machine_free(g->m);
    g_free(g);
}

void guest_start(GuestMachine *g)
{
    bql_lock(g->m);
    vm_start(g->m);
    bql_unlock(g->m);
}

void guest_stop(GuestMachine *g)
{
    g_autoptr(Error) err = NULL;

    bql_lock(g->m);
    vm_stop(g->m, RUN_STATE_PAUSED, &err);
    bql_unlock(g->m);
    g_assert_no_error(err);
}

void guest_wait(GuestMachine *g, const uint32_t *counter, uint32_t value)
{
    int64_t end = clock_get_ms() + WAIT_MS;

    while (qatomic_read(counter) < value) {
        if (clock_get_ms() >= end) {
            g_error("the guest stands: %u of %u", qatomic_read(counter),
                    value);
        }
        clock_sleep_ns(100000);
    }
}

uint32_t guest_load32(GuestMachine *g, uint64_t gpa)
{
    uint32_t v;

    memcpy(&v, machine_ram_first(g->m)->host + gpa, sizeof(v));
    return v;
}

void guest_move(GuestMachine *from, GuestMachine *to)
{
    CPUState *src = machine_get_cpu(from->m, 0);
    CPUState *dst = machine_get_cpu(to->m, 0);
    g_autoptr(Error) err = NULL;
    bool ok;

    bql_lock(from->m);
    ok = machine_pre_save(from->m, &err);
    bql_unlock(from->m);
    g_assert_no_error(err);
    g_assert_true(ok);

    bql_lock(to->m);
    *dst->env = *src->env;
    dst->env->cpu = dst;
    dst->env->full_put = true;
    dst->env_valid = true;
    dst->env_dirty = true;
    memcpy(machine_ram_first(to->m)->host, machine_ram_first(from->m)->host,
           RAM_SIZE);
    ok = machine_post_load(to->m, &err);
    bql_unlock(to->m);
    g_assert_no_error(err);
    g_assert_true(ok);

    to->next_byte = from->next_byte;
    to->mmio_value = from->mmio_value;
}

void guest_machine_types_init(void)
{
    accel_register_types();
}
