/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A vCPU on a Unicorn engine: its life, and running it in slices.
 *
 * Mode.  The engine is opened for 64 bits although the guest begins in real
 * mode.  Unicorn's mode decides which registers its interface reads and
 * writes completely (in 16-bit mode even the start address is cut to 16 bits);
 * what the translator does follows the guest's own CR0, EFER and segments,
 * which tcg-state.c sets to real mode at reset.  A guest that then sets
 * CR0.PE and jumps is translated as 32-bit code from there on, as on a CPU.
 *
 * Stopping.  uc_emu_stop() from another thread is lost when it comes just
 * before uc_emu_start(), which begins by forgetting old requests.  So nobody
 * calls it from outside: a hook at the head of each basic block looks at
 * cpu->exit_request, and stops from within, with all registers as they are
 * before that block.  Loops, also the iterations of REP instructions, are
 * blocks, so a request is seen soon, and never lost.
 */
#include "qemu/osdep.h"

#include "qemu/atomic.h"
#include "system/accel/tcg/tcg-int.h"

/* How often to look whether the guest switched paging on. */
#define PAGING_CHECK_BLOCKS 1024

/*
 * Unicorn 2.0 takes virtual addresses for physical ones, whatever CR0.PG
 * says.  A guest with page tables would run on in the wrong memory.
 */
static bool tcg_paging_on(uc_engine *uc)
{
    uint64_t cr0 = 0;

    uc_reg_read(uc, UC_X86_REG_CR0, &cr0);
    return cr0 & CR0_PG_MASK;
}

static void tcg_block_hook(uc_engine *uc, uint64_t address, uint32_t size,
                           void *opaque)
{
    CPUState *cpu = opaque;

    TCGCPU *c = tcg_cpu(cpu);

    /* Pairs with whoever sets the flag and waits for cpu_exec() to end. */
    if (qatomic_load_acquire(&cpu->exit_request)) {
        c->stop_seen = true;
        uc_emu_stop(uc);
    } else if (c->blocks++ % PAGING_CHECK_BLOCKS == 0 && tcg_paging_on(uc)) {
        c->paging = true;
        uc_emu_stop(uc);
    }
}

/* Exceptions and INT: end the slice. */
static void tcg_interrupt_hook(uc_engine *uc, uint32_t vector, void *opaque)
{
    CPUState *cpu = opaque;

    tcg_cpu(cpu)->exception = vector;
    uc_emu_stop(uc);
}

static bool tcg_add_hooks(CPUState *cpu, Error **errp)
{
    TCGCPU *c = tcg_cpu(cpu);
    uc_hook hook;
    uc_err err;

    /* Begin above end: for code at every address. */
    err = uc_hook_add(c->engine.uc, &hook, UC_HOOK_BLOCK, tcg_block_hook, cpu,
                      1, 0);
    if (err == UC_ERR_OK) {
        err = uc_hook_add(c->engine.uc, &hook, UC_HOOK_INTR,
                          tcg_interrupt_hook, cpu, 1, 0);
    }
    if (err != UC_ERR_OK) {
        error_setg(errp, "tcg: cannot watch vCPU %u: %s", cpu->index,
                   uc_strerror(err));
        return false;
    }
    return true;
}

static void tcg_engine_close(TCGEngine *e)
{
    if (e->context) {
        uc_context_free(e->context);
    }
    if (e->uc) {
        uc_close(e->uc);
    }
    g_free(e->holes);
    *e = (TCGEngine) { 0 };
}

/* Make c->engine; it shows the ports, but no memory yet. */
static bool tcg_engine_open(CPUState *cpu, Error **errp)
{
    TCGCPU *c = tcg_cpu(cpu);
    uc_err err;

    c->engine = (TCGEngine) { 0 };
    err = uc_open(UC_ARCH_X86, UC_MODE_64, &c->engine.uc);
    if (err == UC_ERR_OK) {
        err = uc_context_alloc(c->engine.uc, &c->engine.context);
    }
    if (err != UC_ERR_OK) {
        error_setg(errp, "tcg: cannot make a translator for vCPU %u: %s",
                   cpu->index, uc_strerror(err));
    } else if (tcg_map_ports(cpu, errp) && tcg_add_hooks(cpu, errp)
               && tcg_dirty_add_hook(cpu, errp)) {
        return true;
    }
    tcg_engine_close(&c->engine);
    return false;
}

bool tcg_cpu_renew(CPUState *cpu, Error **errp)
{
    TCGCPU *c = tcg_cpu(cpu);
    TCGEngine old = c->engine;

    if (!cpu->env_valid
        && !tcg_get_registers(QEMU_ACCEL(c->accel), cpu, errp)) {
        return false;
    }
    cpu->env_valid = true;
    if (!tcg_engine_open(cpu, errp)) {
        c->engine = old;
        return false;
    }
    cpu->env_dirty = true; /* to be put into the new one */
    tcg_engine_close(&old);
    return true;
}

bool tcg_cpu_init(Accel *accel, CPUState *cpu, Error **errp)
{
    TCGCPU *c = g_new0(TCGCPU, 1);

    c->accel = TCG_ACCEL(accel);
    c->exception = -1;
    qemu_event_init(&c->wake, false);
    cpu->accel_data = c;
    if (!tcg_engine_open(cpu, errp)) {
        tcg_cpu_destroy(accel, cpu);
        return false;
    }
    return true;
}

void tcg_cpu_destroy(Accel *accel, CPUState *cpu)
{
    TCGCPU *c = tcg_cpu(cpu);

    if (c) {
        tcg_engine_close(&c->engine);
        qemu_event_destroy(&c->wake);
        g_free(c);
        cpu->accel_data = NULL;
    }
}

void tcg_cpu_kick(Accel *accel, CPUState *cpu)
{
    TCGCPU *c = tcg_cpu(cpu);

    if (c) {
        qemu_event_set(&c->wake);
    }
}

static void tcg_set_fatal(CPUState *cpu, uc_err err, Error **errp)
{
    TCGCPU *c = tcg_cpu(cpu);
    g_autofree char *registers = NULL;

    if (tcg_get_registers(QEMU_ACCEL(c->accel), cpu, NULL)) {
        registers = cpu_x86_dump(cpu->env);
    }
    if (c->exception >= 0) {
        error_setg(errp, "tcg: the guest took interrupt or exception %d, "
                   "which this accelerator cannot deliver", c->exception);
    } else if (c->paging) {
        error_setg(errp, "tcg: the guest switched paging on, which this "
                   "accelerator does not have");
    } else {
        error_setg(errp, "tcg: %s", uc_strerror(err));
    }
    error_append_hint(errp, "%s", registers ? registers
                                            : "no registers to be had");
}

/* Run until a hook stops it or the guest executes HLT. */
static bool tcg_run_slice(CPUState *cpu, Error **errp)
{
    TCGCPU *c = tcg_cpu(cpu);
    uint64_t rip = 0;
    uc_err err;

    c->stop_seen = false;
    c->exception = -1;
    c->paging = false;
    uc_reg_read(c->engine.uc, UC_X86_REG_RIP, &rip);
    err = uc_emu_start(c->engine.uc, rip, UINT64_MAX, 0, 0);
    tcg_dirty_publish(cpu);
    c->paging |= tcg_paging_on(c->engine.uc);
    if (err != UC_ERR_OK || c->exception >= 0 || c->paging) {
        tcg_set_fatal(cpu, err, errp);
        return false;
    }
    /* No end address, no stop: it was HLT. */
    c->halted = !c->stop_seen;
    return true;
}

bool tcg_cpu_exec(Accel *accel, CPUState *cpu, Error **errp)
{
    TCGCPU *c = tcg_cpu(cpu);

    /* Not at creation: the machine's map is complete only now. */
    if (!c->engine.holes && !tcg_map_memory(cpu, errp)) {
        return false;
    }
    for (;;) {
        /* Before the look: a kick that comes after it will be found set. */
        qemu_event_reset(&c->wake);
        if (__atomic_load_n(&cpu->exit_request, __ATOMIC_SEQ_CST)) {
            return true;
        }
        if (c->halted) {
            qemu_event_wait(&c->wake);
            continue;
        }
        if (!tcg_run_slice(cpu, errp)) {
            return false;
        }
    }
}
