/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tcg accelerator's parts among themselves; on Unicorn 2. */
#ifndef SYSTEM_ACCEL_TCG_TCG_INT_H
#define SYSTEM_ACCEL_TCG_TCG_INT_H

#include <unicorn/unicorn.h>

#include "system/accel.h"
#include "system/cpu-x86.h"
#include "system/dirty.h"

/*
 * Where a saved uc_context has what Unicorn's interface does not show:
 * byte offsets, found out by tcg_layout_probe().
 */
typedef struct TCGLayout {
    size_t hflags;
    size_t segs; /* six segments, then LDT, TR, GDT, IDT */
    size_t efer;
} TCGLayout;

#define TCG_ACCEL_TYPE (tcg_accel_get_type())
G_DECLARE_FINAL_TYPE(TCGAccel, tcg_accel, TCG, ACCEL, Accel)

struct _TCGAccel {
    Accel parent_instance;
    Machine *machine;
    TCGLayout layout;
    const MemoryRange *ranges; /* borrowed from the machine */
    size_t n_ranges;
    bool logging; /* machine lock */
};

/* A hole in the RAM, where accesses go to devices. */
typedef struct TCGHole {
    CPUState *cpu;
    uint64_t gpa;
} TCGHole;

/* A translator, with all that belongs to it. */
typedef struct TCGEngine {
    uc_engine *uc;
    uc_context *context; /* scratch for tcg-state.c */
    TCGHole *holes;      /* NULL: no memory mapped yet */
    bool logs_writes;    /* with the hook of tcg-dirty.c */
} TCGEngine;

/* All but the event belongs to the vCPU's thread. */
typedef struct TCGCPU {
    TCGAccel *accel;
    TCGEngine engine;
    QemuEvent wake;      /* ends the wait in a HLT */
    bool halted;
    bool stop_seen;      /* this slice ended because of exit_request */
    bool paging;         /* it ended because the guest uses page tables */
    int exception;       /* vector the slice ended with, -1: none */
    unsigned blocks;     /* counts them, to look at things now and then */
    uint64_t pending_gpa; /* last store, see tcg-dirty.c */
    unsigned pending_len; /* 0: none */
} TCGCPU;

static inline TCGCPU *tcg_cpu(CPUState *cpu)
{
    return cpu->accel_data;
}

/* tcg-cpu.c */
bool tcg_cpu_init(Accel *accel, CPUState *cpu, Error **errp);
void tcg_cpu_destroy(Accel *accel, CPUState *cpu);
bool tcg_cpu_exec(Accel *accel, CPUState *cpu, Error **errp);
void tcg_cpu_kick(Accel *accel, CPUState *cpu);
/*
 * Give @cpu a new engine; its registers go there before it runs next.  Between
 * slices, in the vCPU's thread.
 */
bool tcg_cpu_renew(CPUState *cpu, Error **errp);

/* tcg-state.c; the registers are those of the vCPU's thread. */
bool tcg_layout_probe(TCGLayout *layout, Error **errp);
bool tcg_get_registers(Accel *accel, CPUState *cpu, Error **errp);
bool tcg_put_registers(Accel *accel, CPUState *cpu, Error **errp);

/* tcg-map.c: show the machine's memory, devices and ports to the engine. */
bool tcg_map_memory(CPUState *cpu, Error **errp);
bool tcg_map_ports(CPUState *cpu, Error **errp);

/* tcg-dirty.c */
extern const DirtySource tcg_dirty_source;
/* While logging: watch the stores of @cpu's new engine. */
bool tcg_dirty_add_hook(CPUState *cpu, Error **errp);
/* No store is under way: report the last one.  vCPU's thread. */
void tcg_dirty_publish(CPUState *cpu);

#endif
