/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a migration goes, for people: phases and their times, rates, forecast,
 * what was sent and why, the first failure.  Kept after its end until the next
 * one starts.
 *
 * One lock protects all of it.  The migration thread takes it some ten times a
 * second, never per page; whoever asks gets one consistent picture.
 */
#ifndef MIGRATION_PROGRESS_H
#define MIGRATION_PROGRESS_H

#include "migration/estimate.h"
#include "migration/ram.h"
#include "qapi/qapi-types-migration-report.h"
#include "qemu/thread.h"

/* What the migration thread did since it last told. */
typedef enum ProgressSpent {
    PROGRESS_SENDING,
    PROGRESS_LIMITED, /* waited for the rate limit */
    PROGRESS_OTHER,   /* waited for the guest, or read the dirty log */
} ProgressSpent;

/* Where it stands when it tells. */
typedef struct ProgressPoint {
    RAMPosition ram;
    uint64_t bytes;   /* of the stream */
    uint64_t normal;  /* pages */
    uint64_t zero;    /* pages */
} ProgressPoint;

/* What the operator allows. */
typedef struct ProgressLimits {
    uint64_t max_bandwidth;        /* bytes/s */
    uint64_t switchover_bandwidth; /* bytes/s; 0: what is measured */
    uint64_t downtime_ms;
} ProgressLimits;

typedef struct MigrationProgress {
    QemuMutex lock;
    /* lock: */
    bool started;            /* there is something to report */
    bool going_on;
    bool completed;
    MigrationPhase phase;
    int64_t phase_ns;        /* since when */
    int64_t spent_ns[MIGRATION_PHASE__MAX];
    unsigned entered;        /* bit per phase */
    int64_t start_ns;        /* the log was switched on; 0: not yet */
    int64_t told_ns;         /* last sign of life of the migration thread */
    MigrationEstimate estimate;
    ProgressPoint at;
    uint64_t pages;          /* of guest memory */
    uint64_t untouched;      /* of these, never touched; as far as known */
    uint64_t first, again, zero; /* pages sent, by cause */
    uint64_t device_bytes;
    ProgressLimits limits;
    bool has_forecast;
    int64_t forecast_ns;
    Forecast forecast;
    ForecastRemedies remedies;
    double may_remain;       /* pages */
    MigrationFailure *failure;
    /* Migration thread only. */
    int64_t next_look_ns;
    int64_t look_every_ns;
} MigrationProgress;

void progress_init(MigrationProgress *p);
void progress_destroy(MigrationProgress *p);

/* A migration starts: forget the last one, enter CONNECT.  Main loop. */
void progress_start(MigrationProgress *p);
/* The next phase begins.  Any thread. */
void progress_enter(MigrationProgress *p, MigrationPhase phase);
/* Nothing more will happen. */
void progress_end(MigrationProgress *p, bool completed);

/*
 * The first failure: @reason, and if known the part of the stream, the
 * connection, and the peer's code (0: none) with its meaning.  Later ones are
 * ignored.  Any thread.
 */
void progress_fail(MigrationProgress *p, const char *reason,
                   const char *section, const char *channel,
                   uint32_t peer_code, const char *peer_reason);

/* ---- the migration thread tells ---- */

/* The first pass begins; @pages are all that have to be sent. */
void progress_first_pass(MigrationProgress *p, const ProgressPoint *at,
                         const ProgressLimits *limits);
/* What it did since the last call is @spent; it stands at @at now. */
void progress_tell(MigrationProgress *p, ProgressSpent spent,
                   const ProgressPoint *at, const ProgressLimits *limits);
/*
 * The log was read: of the old pass @left pages remain, @found are new; @fresh
 * and @unsure are as in a DirtyLook.
 */
void progress_synced(MigrationProgress *p, uint64_t left, uint64_t found,
                     uint64_t fresh, uint64_t unsure);
/* Is it time to look at the log? */
bool progress_wants_look(MigrationProgress *p);
/* It was looked at, since @began_ns. */
void progress_looked(MigrationProgress *p, const DirtyLook *look,
                     int64_t began_ns);
/* So many bytes of the stream are not guest memory. */
void progress_device_bytes(MigrationProgress *p, uint64_t n);

/* ---- others ask ---- */

/* NULL: there was no migration.  Freed by qapi_free_MigrationReport(). */
MigrationReport *progress_query(MigrationProgress *p);

#endif
