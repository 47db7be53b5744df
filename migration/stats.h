/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counters of one migration and the rates made from them.  The migration
 * thread writes, everybody may read: each counter is a relaxed atomic of its
 * own, and a reader gets no snapshot of all of them at one moment.
 */
#ifndef MIGRATION_STATS_H
#define MIGRATION_STATS_H

#include "qapi/qapi-types-migration.h"
#include "qemu/atomic.h"
#include "qemu/osdep.h"

typedef struct MigrationCounters {
    uint64_t transferred;     /* bytes of the main and all other channels */
    uint64_t main_bytes;      /* of the main channel: the sum of the next two */
    uint64_t precopy_bytes;   /* while the guest ran */
    uint64_t downtime_bytes;  /* and while it stood still */
    uint64_t multifd_bytes;   /* of the others; counted by their threads */
    uint64_t normal_pages;
    uint64_t zero_pages;
    uint64_t total_bytes;     /* of guest memory */
    uint64_t remaining_bytes;
    uint64_t dirty_sync_count;
    uint64_t dirty_pages_rate; /* pages/s */
    uint64_t bandwidth;       /* bytes/s in the last window; 0: not known */
    uint64_t pages_per_second;
    uint64_t expected_downtime; /* ms */
    uint64_t missed_zero_copy;  /* times the kernel made a copy all the same */
} MigrationCounters;

/* What holds up a multifd channel's thread. */
typedef enum MultiFDWait {
    MULTIFD_WAIT_IDLE,    /* others */
    MULTIFD_WAIT_NETWORK, /* its connection */
    MULTIFD_WAIT__MAX,
} MultiFDWait;

/* Of one multifd channel; its thread writes. */
typedef struct MultiFDCounters {
    uint64_t bytes;
    uint64_t packets;
    uint64_t syncs;
    uint64_t normal_pages;
    uint64_t zero_pages;
    int64_t wait_ns[MULTIFD_WAIT__MAX];
    /* What it is in now, and since when; ns of the clock, 0: nothing. */
    int64_t since_ns[MULTIFD_WAIT__MAX];
} MultiFDCounters;

/* Measures the rates; used by the migration thread only. */
typedef struct MigrationMeter {
    MigrationCounters *counters;
    int64_t start_ns;   /* of the window */
    int64_t idle_ns;    /* time in it when there was nothing to send */
    uint64_t start_bytes;
    uint64_t start_pages;
    bool complete;      /* a whole window has passed */
    int64_t sync_ns;    /* when the dirty rate was last computed */
    uint64_t dirty_pages; /* found dirty since then */
} MigrationMeter;

void migration_counters_reset(MigrationCounters *c);
/*
 * The main channel has grown to @total bytes; @running: the guest ran
 * meanwhile.
 */
void migration_counters_transferred(MigrationCounters *c, uint64_t total,
                                    bool running);

void migration_meter_init(MigrationMeter *mt, MigrationCounters *c,
                          int64_t now_ns);
/* Look at the clock; ends the window when it is old enough. */
void migration_meter_update(MigrationMeter *mt, int64_t now_ns);
/* @ns went by without anything to send. */
void migration_meter_idle(MigrationMeter *mt, int64_t ns);
/* A sync of the dirty log found @pages newly dirtied ones. */
void migration_meter_sync(MigrationMeter *mt, int64_t now_ns, uint64_t pages);

/* Completed, @ns after the setup: the rates become those of the whole. */
void migration_meter_finish(MigrationMeter *mt, int64_t ns);

/* The "ram" member of query-migrate; freed by qapi_free_MigrationStats(). */
MigrationStats *migration_counters_query(MigrationCounters *c,
                                         bool completed);
/* The channel's thread begins, ends what may take a while. */
void multifd_counters_wait_begin(MultiFDCounters *c, MultiFDWait wait);
void multifd_counters_wait_end(MultiFDCounters *c, MultiFDWait wait);
/* The "x-channels" member: of @n channels, NULL if there are none. */
MultiFDChannelStatsList *multifd_counters_query(MultiFDCounters *c,
                                                unsigned n);

#endif
