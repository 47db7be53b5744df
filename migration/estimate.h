/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a migration has shown of itself so far, made into a forecast: rates of
 * sending, the guest's writing, where in its pass it stands.  Arithmetic like
 * forecast.h: told what happens by the migration thread, by a simulation, or
 * by a record of an earlier run.
 *
 * Pages here are those that the guest ever touched; the others cost next to
 * nothing.  Times are seconds since the start, from any clock.
 */
#ifndef MIGRATION_ESTIMATE_H
#define MIGRATION_ESTIMATE_H

#include "migration/forecast.h"

typedef struct MigrationEstimate {
    RateMeter pages;       /* sent, per second of sending and being limited */
    RateMeter bytes;       /* of the stream, likewise */
    RateMeter link;        /* of the stream, per second of sending alone */
    double total_bytes;
    double total_whole;    /* pages sent whole */
    double total_pages;    /* pages sent */
    double total_seconds;  /* of sending and being limited */
    DirtyCurve curve;
    bool first_pass;
    double start;          /* when the curve began */
    ForecastPass pass;     /* as it was at ... */
    double at;             /* ... this moment */
    double began_at;       /* when it began */
    double began_speed;    /* the curve's, then */
    bool looked;           /* something is known about the guest's writing */
} MigrationEstimate;

/* A look at the log in the middle of a pass. */
typedef struct EstimateLook {
    double pages;          /* the guest uses so many */
    double todo;           /* to be sent in this pass */
    double written;        /* different pages written since the start */
    double written_todo;   /* of these, still to be sent in this pass */
    double backlog;        /* written, and not to be sent in this pass */
    double fresh;          /* different pages written since this pass began */
    double unsure;         /* besides, so many may have been written */
} EstimateLook;

/* The log was read and a pass ended. */
typedef struct EstimateSync {
    double left;           /* pages of it that remain */
    double found;          /* new ones that are to be sent */
    double fresh, unsure;  /* of that pass, as at a look */
} EstimateSync;

/* @now: the log was switched on, @pages have to be sent. */
void estimate_start(MigrationEstimate *e, double now, double pages);
/*
 * @pages went out, @whole of them whole, as @bytes of the stream; that took
 * @busy seconds and @limited seconds of waiting for the rate limit.
 */
void estimate_sent(MigrationEstimate *e, double pages, double whole,
                   double bytes, double busy, double limited);
/* Another rate limit: what was measured under the old one hardly counts. */
void estimate_new_limit(MigrationEstimate *e);
void estimate_look(MigrationEstimate *e, double now, const EstimateLook *look);
void estimate_synced(MigrationEstimate *e, double now,
                     const EstimateSync *sync);

/* Bytes/s of the stream; 0: nothing is known yet. */
double estimate_send_rate(const MigrationEstimate *e);
double estimate_link_rate(const MigrationEstimate *e);
/* Different pages that the guest writes in one second, and all in all. */
double estimate_dirty_rate(const MigrationEstimate *e);
double estimate_working_set(const MigrationEstimate *e);
/* Bytes of the stream that a page sent whole takes. */
double estimate_page_cost(const MigrationEstimate *e);

/* What the operator allows. */
typedef struct EstimateGoal {
    double limit;          /* bytes/s; 0: any */
    double seconds;        /* the guest may stand still */
    double bandwidth;      /* bytes/s expected then; 0: what was measured */
} EstimateGoal;

/*
 * The situation at @now with @todo pages left in the pass; @curve (of the
 * caller, for @in to refer to) becomes a copy.  False: too little is known.
 */
bool estimate_input(const MigrationEstimate *e, double now, double todo,
                    const EstimateGoal *goal, DirtyCurve *curve,
                    ForecastInput *in);

#endif
