/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The "accelerator" that runs nothing: memory, ports and the virtual clock
 * belong to a test program.  Dirty pages are those that somebody marks.
 */
#include "qemu/osdep.h"

#include "qemu/atomic.h"
#include "system/accel.h"
#include "system/accel/accel-int.h"
#include "system/dirty.h"
#include "system/vclock.h"

typedef struct QtestAccel {
    Accel parent;
} QtestAccel;

typedef struct QtestAccelClass {
    AccelClass parent_class;
} QtestAccelClass;

G_DEFINE_TYPE(QtestAccel, qtest_accel, ACCEL_TYPE)

static bool qtest_accel_start(Accel *accel, Machine *m, Error **errp)
{
    vclock_set_manual(m, true);
    dirty_log_set_source(m, NULL, NULL);
    return true;
}

/* A vCPU "runs" by waiting until it is wanted elsewhere. */
static bool qtest_accel_cpu_exec(Accel *accel, CPUState *cpu, Error **errp)
{
    bql_lock(cpu->machine);
    while (!qatomic_load_acquire(&cpu->exit_request)) {
        qemu_cond_wait(&cpu->halt_cond, machine_get_lock(cpu->machine));
    }
    bql_unlock(cpu->machine);
    return true;
}

static void qtest_accel_class_init(QtestAccelClass *klass)
{
    AccelClass *ac = QEMU_ACCEL_CLASS(klass);

    ac->name = "qtest";
    ac->init = qtest_accel_start;
    ac->cpu_exec = qtest_accel_cpu_exec;
}

static void qtest_accel_init(QtestAccel *accel)
{
}
