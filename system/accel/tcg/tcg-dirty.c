/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Dirty log of translated code: a hook on every store of the guest.
 *
 * The hook is there only while logging, since it makes each store a call.
 * Whether it is called is decided when code is translated, so when logging
 * begins or ends the vCPU moves to a new engine; that takes milliseconds, while
 * Unicorn's own flush of translated code can take seconds.  It was preferred
 * to the generic source (system/dirty-host.c) because that needs a kernel
 * of 2023 or later, and this one is needed where least is at hand.
 *
 * The hook runs BEFORE the store.  A bit set then could be fetched and the
 * page be read by the migration before the store lands, and the store would
 * be lost.  So a store is reported when the next one begins (they come from
 * one thread, in order), when a device is accessed, or when the slice ends: it
 * has landed by then.  Between it and its report the guest runs; when the log
 * is asked for the last time the guest stands, and everything was reported.
 */
#include "qemu/osdep.h"

#include "system/accel/tcg/tcg-int.h"

/* Mark [@gpa, +@len), wherever in RAM it lies; devices are left out. */
static void tcg_mark(const TCGAccel *t, uint64_t gpa, uint64_t len)
{
    for (size_t i = 0; i < t->n_ranges; i++) {
        const MemoryRange *r = &t->ranges[i];
        uint64_t from = MAX(gpa, r->gpa);
        uint64_t to = MIN(gpa + len, r->gpa + r->size);

        if (from < to) {
            dirty_log_mark(r->block, from - r->gpa + r->offset, to - from);
        }
    }
}

void tcg_dirty_publish(CPUState *cpu)
{
    TCGCPU *c = tcg_cpu(cpu);

    if (c->pending_len) {
        tcg_mark(c->accel, c->pending_gpa, c->pending_len);
        c->pending_len = 0;
    }
}

static void tcg_write_hook(uc_engine *uc, uc_mem_type type, uint64_t gpa,
                           int size, int64_t value, void *opaque)
{
    CPUState *cpu = opaque;
    TCGCPU *c = tcg_cpu(cpu);

    if (c->pending_len
        && ((c->pending_gpa ^ gpa) & TARGET_PAGE_MASK) == 0
        && (gpa & ~TARGET_PAGE_MASK) + size <= TARGET_PAGE_SIZE
        && (c->pending_gpa & ~TARGET_PAGE_MASK) + c->pending_len
               <= TARGET_PAGE_SIZE) {
        /*
         * The same page again: one report, after the last of them, says as
         * much.
         */
        return;
    }
    tcg_dirty_publish(cpu);
    c->pending_gpa = gpa;
    c->pending_len = size;
}

bool tcg_dirty_add_hook(CPUState *cpu, Error **errp)
{
    TCGCPU *c = tcg_cpu(cpu);
    uc_hook hook;
    uc_err err;

    if (!c->accel->logging) {
        return true;
    }
    err = uc_hook_add(c->engine.uc, &hook, UC_HOOK_MEM_WRITE, tcg_write_hook,
                      cpu, 1, 0);
    if (err != UC_ERR_OK) {
        error_setg(errp, "tcg: cannot watch the writes of vCPU %u: %s",
                   cpu->index, uc_strerror(err));
        return false;
    }
    c->engine.logs_writes = true;
    return true;
}

typedef struct UpdateJob {
    Error *err;
} UpdateJob;

static void tcg_dirty_update_job(CPUState *cpu, void *opaque)
{
    UpdateJob *job = opaque;

    TCGCPU *c = tcg_cpu(cpu);

    if (c && c->engine.logs_writes != c->accel->logging) {
        tcg_cpu_renew(cpu, job->err ? NULL : &job->err);
    }
}

static bool tcg_dirty_switch(TCGAccel *t, bool on, Error **errp)
{
    UpdateJob job = { 0 };

    t->logging = on;
    for (unsigned i = 0; i < machine_cpu_count(t->machine); i++) {
        cpu_run_on(machine_get_cpu(t->machine, i), tcg_dirty_update_job,
                   &job);
    }
    if (job.err) {
        error_propagate(errp, job.err);
        return false;
    }
    return true;
}

static void tcg_dirty_stop(void *opaque)
{
    tcg_dirty_switch(opaque, false, NULL);
}

static bool tcg_dirty_start(void *opaque, Error **errp)
{
    if (!tcg_dirty_switch(opaque, true, errp)) {
        tcg_dirty_stop(opaque);
        return false;
    }
    return true;
}

static bool tcg_dirty_sync(void *opaque, Error **errp)
{
    return true; /* the hook marks the pages itself */
}

const DirtySource tcg_dirty_source = {
    .name = "tcg",
    .start = tcg_dirty_start,
    .stop = tcg_dirty_stop,
    .sync = tcg_dirty_sync,
};
