/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtual CPUs: their threads, and the x86 state that all accelerators share.
 */
#ifndef SYSTEM_CPU_H
#define SYSTEM_CPU_H

#include "qemu/thread.h"
#include "system/machine.h"

typedef struct CPUX86State CPUX86State; /* system/cpu-x86.h */

typedef struct CPUState {
    Machine *machine;
    unsigned index;         /* also the APIC id */
    QemuThread thread;
    int thread_id;
    CPUX86State *env;       /* valid while synchronized */
    void *accel_data;       /* private to the accelerator */

    /* Requests to the thread, atomics (seq-cst) plus the condition. */
    bool exit_request;      /* leave cpu_exec() */
    bool stop;              /* pause after leaving */
    bool stopped;           /* machine lock */
    bool unplug;            /* end the thread; machine lock */
    bool created;           /* machine lock */
    QemuCond halt_cond;     /* with the machine lock */
    struct CPUWork *work;   /* machine lock */
    bool env_dirty;         /* env is newer than the accelerator */
    bool env_valid;         /* env holds the accelerator's state */
    Error *init_error;
} CPUState;

/*
 * Create vCPU @index (they are made in order, from 0), its register file in
 * reset state, its sections and its thread (paused); returns when the
 * accelerator has set it up.  The machine owns it.  Lock held.
 */
CPUState *cpu_create(Machine *m, unsigned index, Error **errp);
/*
 * Make @cpu leave cpu_exec() soon and look at its requests.  Any thread; a
 * waiter on halt_cond is woken if the machine lock is held.
 */
void cpu_kick(CPUState *cpu);
bool cpu_is_self(const CPUState *cpu); /* called in its thread? */
unsigned machine_cpu_count(Machine *m);
CPUState *machine_get_cpu(Machine *m, unsigned index);

/* Lock held; it is dropped while waiting. */
void cpus_pause_all(Machine *m);  /* returns when all are out of guest mode */
void cpus_resume_all(Machine *m);
void cpus_destroy_all(Machine *m);

/* Run @fn in the vCPU's thread and wait for it.  Lock held by the caller. */
void cpu_run_on(CPUState *cpu, void (*fn)(CPUState *cpu, void *opaque),
                void *opaque);
/* Fetch registers into cpu->env if not there; later changes are written back
 * before the CPU runs again.  Lock held, guest stopped. */
bool cpu_synchronize_state(CPUState *cpu, Error **errp);

#endif
