/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Will this migration end, and when?  Arithmetic only: no clock, no lock, no
 * engine, so that it can be tried on simulated and on recorded runs.
 *
 * What has to be known of the guest is one curve: how many different pages it
 * writes in a span of time, f(t).  It begins with the rate at which pages get
 * dirty and levels off at the working set.  A pass over what is to be sent
 * takes a time T; a page the guest writes again after its turn (or without
 * one) is in the next pass.  The passes shrink down to what may be left for
 * the switch-over, or settle above it.
 *
 * Times are in seconds, memory is in pages.
 */
#ifndef MIGRATION_FORECAST_H
#define MIGRATION_FORECAST_H

#include "qemu/osdep.h"

/* ---- rates ---- */

/*
 * An average in which the past fades: what was @tau seconds ago has 1/e of
 * the weight.  Only the time that is put in counts, so what is not to be
 * part of it (waits, scans) is left out by not adding it.
 */
typedef struct RateMeter {
    double tau;
    double amount;
    double seconds;
} RateMeter;

void rate_meter_init(RateMeter *m, double tau);
void rate_meter_add(RateMeter *m, double amount, double seconds);
/* Per second; 0: nothing is known. */
double rate_meter_get(const RateMeter *m);

/* ---- the guest's writing ---- */

#define DIRTY_CURVE_POINTS 32
#define DIRTY_KINDS 12

/* Different pages written since some moment, at some times after it. */
typedef struct DirtyCurve {
    unsigned n;
    struct {
        double t;
        double pages;
    } p[DIRTY_CURVE_POINTS]; /* both rise */
    double speed;       /* the guest is that much faster now than it was then */
    /* dirty_curve_fit(): */
    double working_set; /* where it levels off */
    /*
     * From how many pages it would draw if it drew them at random.  More than
     * there are, when it avoids those it has just written (a sweep).
     */
    double spread;
    /* If it draws at random: some pages more often than others. */
    struct {
        double pages;
        double rate;    /* a page's writes per second, at speed 1 */
    } kind[DIRTY_KINDS];
    bool has_kinds;     /* that explains the curve */
} DirtyCurve;

void dirty_curve_init(DirtyCurve *c);
/* The next point.  When there are too many, some older ones go. */
void dirty_curve_add(DirtyCurve *c, double t, double pages);
/* Estimate the working set; it is not above @pages (memory the guest uses). */
void dirty_curve_fit(DirtyCurve *c, double pages);
/*
 * In @t seconds the guest has written from @least to @most different pages:
 * correct its speed, by a part of @weight, if that is not what f(t) says.
 */
void dirty_curve_pace(DirtyCurve *c, double t, double least, double most,
                      double weight);
/* f(t). */
double dirty_curve_at(const DirtyCurve *c, double t);
/* The mean of f over the times from 0 to @t. */
double dirty_curve_mean(const DirtyCurve *c, double t);

/* ---- passes ---- */

/* A pass: what is still to be sent in it, and what waits for the next. */
typedef struct ForecastPass {
    double todo;      /* pages still to be sent */
    double todo_hot;  /* their part of the curve's spread */
    double backlog;   /* not among them, written again already */
    bool cold_first;  /* the hot ones of them come last */
} ForecastPass;

/*
 * Pages that wait for the next pass after @t more seconds, in which all but
 * @limit pages of @pass were sent.
 */
double forecast_dirtied(const DirtyCurve *c, const ForecastPass *pass,
                        double limit, double t);
typedef struct ForecastInput {
    ForecastPass pass;    /* the current one */
    double pass_rate;     /* pages/s sent in the rest of it */
    double rate;          /* and in those that follow */
    double final_rate;    /* and while the guest stands still */
    double limit;         /* so many may be left when the guest is stopped */
    const DirtyCurve *curve;
} ForecastInput;

typedef struct Forecast {
    bool converges;
    double seconds;       /* until the end, if it converges */
    double downtime;      /* of these, with the guest stopped */
    double pages;         /* to be sent until then */
    double settles_at;    /* pages left at each look, if it does not */
} Forecast;

/* @in->pass_rate, rate and final_rate are above 0. */
void forecast_make(const ForecastInput *in, Forecast *out);

/* What would make a migration converge that does not; 0: nothing would. */
typedef struct ForecastRemedies {
    double rate;          /* sending at least that many pages/s */
    double limit;         /* with so many pages left at the end */
    double slowdown;      /* the guest at that part of its speed */
} ForecastRemedies;

/* @seconds: of sending that are allowed for the last pages. */
void forecast_remedies(const ForecastInput *in, double seconds,
                       ForecastRemedies *out);

#endif
