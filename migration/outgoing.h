/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The source's half: its states, and what the main loop, the migration thread
 * and the return-path thread share.
 */
#ifndef MIGRATION_OUTGOING_H
#define MIGRATION_OUTGOING_H

#include "migration/channel.h"
#include "migration/limiter.h"
#include "migration/migration.h"
#include "migration/multifd.h"
#include "migration/options.h"
#include "migration/progress.h"
#include "migration/ram.h"
#include "migration/return-path.h"
#include "migration/stats.h"
#include "qemu/thread.h"

/* The states of a migration; the table in migration.c tells what each means. */
typedef enum OutPhase {
    OUT_NONE,
    OUT_SETUP,
    OUT_ACTIVE,
    OUT_PRE_SWITCHOVER,
    OUT_DEVICE,
    OUT_COMMIT,
    OUT_CANCELLING,
    OUT_COMPLETED,
    OUT_FAILED,
    OUT_CANCELLED,
    OUT__MAX,
} OutPhase;

struct MigrationState {
    Machine *machine;
    RAMState *ram;

    /* Machine lock. */
    MigrationOptions options; /* what the operator has set */
    bool only_migratable;
    GSList *blockers;         /* of MigrationBlocker */
    unsigned next_blocker;
    unsigned connects_left;   /* given-up connects that have not ended yet */
    GSList *hmp_waits;        /* timers of people who wait for the end */
    unsigned reaps_left;      /* calls scheduled in the main loop */

    /*
     * The state: changed by compare-and-exchange, with full ordering, so that
     * a cancel and the thread's progress never both win.
     */
    int phase;

    /* ---- of one migration: made at its start, by the main loop ---- */
    MigrationOptions run;     /* copy of the options; live ones are atomic */
    StreamOptions stream;
    MigrationCounters counters;
    MigrationMeter meter;     /* migration thread */
    RateLimiter limiter;      /* migration thread */
    MigrationProgress progress; /* of this one or the last; its own lock */
    SocketConnect *connect;   /* main loop; while connecting */
    QemuThread thread;
    bool yank_registered;     /* main loop */
    ReturnPath *rp;           /* migration thread */
    bool wrote_end;           /* migration thread: end mark is with the kernel */
    RunState old_state;       /* migration thread: before it stopped the guest */
    bool stopped;             /* migration thread: it did stop the guest */

    SocketAddress *address;   /* main loop: where more channels go to */
    MigrationTLS *tls;        /* main loop: of all channels; NULL: no TLS */

    QemuMutex channel_lock;   /* protects the next two */
    QIOChannel *ioc;          /* to the destination; for cancel and yank */
    MultiFDSend *multifd;     /* NULL: none; changed by the main loop only */
    MultiFDCounters *channel_counters; /* one per channel, or NULL */
    QEMUFile *file;           /* migration thread */
    bool cancel_asked;        /* atomic: a cancel came during COMMIT */
    bool broken;              /* atomic: the return path has failed */
    bool failing;             /* atomic: the thread gives up by itself */
    bool rp_ended;            /* atomic: the return path brings no more */
    QemuEvent wake;           /* ends the thread's waits: cancel, continue */
    bool may_continue;        /* atomic: migrate-continue was given */

    QemuMutex error_lock;
    Error *error;             /* the first one; error_lock */
    Error *channel_error;     /* of a multifd channel; error_lock */
    int failed_channel;       /* which one, -1: none; error_lock */

    /* Times in ns of the monotonic clock; atomics, 0: not yet. */
    int64_t start_ns;
    int64_t setup_ns;         /* when setup ended */
    int64_t stop_ns;          /* when the guest was stopped */
    int64_t end_ns;
};

/* ---- states (migration.c) ---- */

OutPhase outgoing_phase(MigrationState *s); /* any thread */
MigrationStatus outgoing_status(MigrationState *s);
/* Is a migration going on? */
bool outgoing_running(MigrationState *s);
/* Does the table say that the guest may run here in @phase? */
bool outgoing_phase_owns_guest(OutPhase phase);
/*
 * Go from @from to @to and tell the world; false, and nothing happens, if the
 * state is not @from (any more).
 */
bool outgoing_move(MigrationState *s, OutPhase from, OutPhase to);
/* Keep @err (borrowed) if it is the first of this migration. */
void outgoing_set_error(MigrationState *s, const Error *err);
/* What is known of an error besides its text; all may be NULL or 0. */
typedef struct ErrorOrigin {
    const char *section;  /* part of the stream */
    const char *channel;
    uint32_t peer_code;   /* the destination's own reason */
    const char *peer_reason;
} ErrorOrigin;
/* The same, for the report as well. */
void outgoing_set_error_from(MigrationState *s, const Error *err,
                             const ErrorOrigin *origin);
/* Has a cancel ended this migration? */
bool outgoing_cancelled(MigrationState *s);
/* End blocked calls on the connection.  Any thread. */
void outgoing_shutdown_channel(MigrationState *s, QIOChannelShutdown how);
/*
 * Make @o what the operator has set, if it fits together; live options reach
 * the running migration.  Main loop, lock held.
 */
bool outgoing_set_options(MigrationState *s, const MigrationOptions *o,
                          Error **errp);
/* Begin to migrate to @addr.  @ctx resolves fd:NAME.  Main loop, lock held. */
bool outgoing_start(MigrationState *s, QmpContext *ctx,
                    const MigrationAddress *addr, Error **errp);
/* End it, as far as it may still be ended.  Main loop, lock held. */
void outgoing_cancel(MigrationState *s);
/* Leave pre-switchover.  Main loop, lock held. */
void outgoing_continue(MigrationState *s);
/* Join the thread of a migration that has ended.  Main loop, lock held. */
void outgoing_reap(MigrationState *s);
/* Emit MIGRATION if the capability in @o says so. */
void migration_send_event(Machine *m, const MigrationOptions *o,
                          MigrationStatus status);

/* ---- blocker.c ---- */

/* The first reason against migrating now, NULL: none.  Lock held. */
const char *migration_first_blocker(MigrationState *s);
/* All of them; new list. */
strList *migration_blocked_reasons(MigrationState *s);
void migration_blockers_free(MigrationState *s);

/* ---- telling.c; migration thread ---- */

/* The log is on, the first pass begins. */
void outgoing_tell_first_pass(MigrationState *s);
/* What was done since the last call is @spent; s->counters are up to date. */
void outgoing_tell(MigrationState *s, ProgressSpent spent);
/* A pass has ended; what is left grew from @before to @left bytes. */
void outgoing_tell_synced(MigrationState *s, uint64_t before, uint64_t left);
/*
 * The dirty log is read for the engine at the end of a pass only, and the
 * first one may take an hour.  Look at it in between, when it is time, to know
 * how fast the guest writes.
 */
bool outgoing_look(MigrationState *s, Error **errp);

/* ---- migration-thread.c ---- */

void *migration_thread(void *opaque);

#endif
