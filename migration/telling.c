/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the migration thread tells the report (progress.h) of its work. */
#include "qemu/osdep.h"
#include "migration/outgoing.h"

#include "qemu/atomic.h"
#include "qemu/clock.h"

static void where_it_stands(MigrationState *s, ProgressPoint *at,
                            ProgressLimits *limits)
{
    ram_position(s->ram, &at->ram);
    at->bytes = qatomic_read(&s->counters.transferred);
    at->normal = qatomic_read(&s->counters.normal_pages);
    at->zero = qatomic_read(&s->counters.zero_pages);
    limits->max_bandwidth = qatomic_read(&s->run.max_bandwidth);
    limits->switchover_bandwidth =
        qatomic_read(&s->run.avail_switchover_bandwidth);
    limits->downtime_ms = qatomic_read(&s->run.downtime_limit);
}

void outgoing_tell_first_pass(MigrationState *s)
{
    ProgressLimits limits;
    ProgressPoint at;

    where_it_stands(s, &at, &limits);
    progress_first_pass(&s->progress, &at, &limits);
}

void outgoing_tell(MigrationState *s, ProgressSpent spent)
{
    ProgressLimits limits;
    ProgressPoint at;

    where_it_stands(s, &at, &limits);
    progress_tell(&s->progress, spent, &at, &limits);
}

void outgoing_tell_synced(MigrationState *s, uint64_t before, uint64_t left)
{
    uint64_t found = left > before ? left - before : 0;
    RAMPosition at;

    ram_position(s->ram, &at);
    progress_enter(&s->progress, MIGRATION_PHASE_ITERATE);
    progress_synced(&s->progress, before / TARGET_PAGE_SIZE,
                    found / TARGET_PAGE_SIZE, at.fresh, at.unsure);
    outgoing_tell(s, PROGRESS_OTHER);
}

bool outgoing_look(MigrationState *s, Error **errp)
{
    int64_t began = clock_get_ns();
    DirtyLook look;

    if (!progress_wants_look(&s->progress)) {
        return true;
    }
    if (!ram_look(s->ram, &look, errp)) {
        return false;
    }
    progress_looked(&s->progress, &look, began);
    return true;
}
