/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the guest of a Unicorn engine can reach: the machine's RAM directly,
 * everything else through the machine's dispatch, under its lock.
 */
#include "qemu/osdep.h"

#include "system/accel/tcg/tcg-int.h"

/* Physical addresses end here, as with 40 address lines. */
#define TCG_PHYS_END (UINT64_C(1) << 40)

static uint64_t tcg_mmio_read(uc_engine *uc, uint64_t offset, unsigned size,
                              void *opaque)
{
    const TCGHole *hole = opaque;
    Machine *m = hole->cpu->machine;
    uint64_t val;

    tcg_dirty_publish(hole->cpu);
    bql_lock(m);
    val = memory_load(m, hole->gpa + offset, size);
    bql_unlock(m);
    return val;
}

static void tcg_mmio_write(uc_engine *uc, uint64_t offset, unsigned size,
                           uint64_t val, void *opaque)
{
    const TCGHole *hole = opaque;
    Machine *m = hole->cpu->machine;

    tcg_dirty_publish(hole->cpu);
    bql_lock(m);
    memory_store(m, hole->gpa + offset, val, size);
    bql_unlock(m);
}

static uint32_t tcg_port_in(uc_engine *uc, uint32_t port, int size,
                            void *opaque)
{
    CPUState *cpu = opaque;
    uint32_t val;

    tcg_dirty_publish(cpu);
    bql_lock(cpu->machine);
    val = ioport_in(cpu->machine, port, size);
    bql_unlock(cpu->machine);
    return val;
}

static void tcg_port_out(uc_engine *uc, uint32_t port, int size, uint32_t val,
                         void *opaque)
{
    CPUState *cpu = opaque;

    tcg_dirty_publish(cpu);
    bql_lock(cpu->machine);
    ioport_out(cpu->machine, port, val, size);
    bql_unlock(cpu->machine);
}

static bool tcg_check(uc_err err, const char *what, uint64_t gpa,
                      Error **errp)
{
    if (err != UC_ERR_OK) {
        error_setg(errp, "tcg: cannot show the guest %s at 0x%" PRIx64
                   ": %s", what, gpa, uc_strerror(err));
        return false;
    }
    return true;
}

static bool tcg_map_hole(CPUState *cpu, TCGHole *hole, uint64_t gpa,
                         uint64_t end, Error **errp)
{
    if (gpa >= end) {
        return true;
    }
    *hole = (TCGHole) { .cpu = cpu, .gpa = gpa };
    return tcg_check(uc_mmio_map(tcg_cpu(cpu)->engine.uc, gpa, end - gpa,
                                 tcg_mmio_read, hole, tcg_mmio_write, hole),
                     "devices", gpa, errp);
}

bool tcg_map_memory(CPUState *cpu, Error **errp)
{
    TCGCPU *c = tcg_cpu(cpu);
    TCGAccel *t = c->accel;
    uint64_t gpa = 0;

    /* One before each range, and one after the last. */
    c->engine.holes = g_new0(TCGHole, t->n_ranges + 1);
    for (size_t i = 0; i < t->n_ranges; i++) {
        const MemoryRange *r = &t->ranges[i];
        uint32_t prot = r->block->flags & RAM_READONLY
                            ? UC_PROT_READ | UC_PROT_EXEC : UC_PROT_ALL;

        if (!tcg_map_hole(cpu, &c->engine.holes[i], gpa, r->gpa, errp)
            || !tcg_check(uc_mem_map_ptr(c->engine.uc, r->gpa, r->size, prot,
                                         r->block->host + r->offset),
                          "RAM", r->gpa, errp)) {
            return false;
        }
        gpa = r->gpa + r->size;
    }
    return tcg_map_hole(cpu, &c->engine.holes[t->n_ranges], gpa, TCG_PHYS_END,
                        errp);
}

bool tcg_map_ports(CPUState *cpu, Error **errp)
{
    uc_engine *uc = tcg_cpu(cpu)->engine.uc;
    uc_hook hook;

    /* Begin above end: for code at every address. */
    return tcg_check(uc_hook_add(uc, &hook, UC_HOOK_INSN, tcg_port_in, cpu, 1,
                                 0, UC_X86_INS_IN),
                     "ports to read", 0, errp)
           && tcg_check(uc_hook_add(uc, &hook, UC_HOOK_INSN, tcg_port_out,
                                    cpu, 1, 0, UC_X86_INS_OUT),
                        "ports to write", 0, errp);
}
