/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tcg accelerator: guest code is translated by the Unicorn library.
 *
 * Limits that come with the library (2.0 and 2.1): no paging and so no 64-bit
 * mode, no AVX, a time stamp counter that cannot be set, and no way to raise
 * interrupts or exceptions inside the guest.  A guest that switches paging on,
 * takes an exception or executes INT stops with an error; devices' interrupts
 * are not delivered.
 */
#include "qemu/osdep.h"

#include "system/accel/tcg/tcg-int.h"

G_DEFINE_TYPE(TCGAccel, tcg_accel, ACCEL_TYPE)

static bool tcg_accel_init_machine(Accel *accel, Machine *m, Error **errp)
{
    TCGAccel *t = TCG_ACCEL(accel);

    t->machine = m;
    return tcg_layout_probe(&t->layout, errp);
}

static bool tcg_memory_ready(Accel *accel, Error **errp)
{
    TCGAccel *t = TCG_ACCEL(accel);

    t->n_ranges = memory_map_ranges(t->machine, &t->ranges);
    for (size_t i = 0; i < t->n_ranges; i++) {
        const MemoryRange *r = &t->ranges[i];

        if ((r->gpa | r->size) & ~TARGET_PAGE_MASK) {
            error_setg(errp, "tcg: memory at 0x%" PRIx64 " with 0x%" PRIx64
                       " bytes does not begin and end with a page", r->gpa,
                       r->size);
            return false;
        }
    }
    dirty_log_set_source(t->machine, &tcg_dirty_source, t);
    return true;
}

static void tcg_accel_class_init(TCGAccelClass *klass)
{
    AccelClass *ac = QEMU_ACCEL_CLASS(klass);

    ac->name = "tcg";
    ac->init = tcg_accel_init_machine;
    ac->memory_ready = tcg_memory_ready;
    ac->cpu_init = tcg_cpu_init;
    ac->cpu_destroy = tcg_cpu_destroy;
    ac->cpu_exec = tcg_cpu_exec;
    ac->cpu_kick = tcg_cpu_kick;
    ac->get_registers = tcg_get_registers;
    ac->put_registers = tcg_put_registers;
}

static void tcg_accel_init(TCGAccel *t)
{
}
