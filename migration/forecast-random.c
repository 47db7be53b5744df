/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest that writes to memory at random, to some pages more often than to
 * others: kinds of pages, each with a rate of its own.
 */
#include "qemu/osdep.h"
#include "migration/forecast-int.h"

#include <math.h>

/* The slowest kind, and the fastest, in units of the times of the curve. */
#define SLOWEST 0.1
#define FASTEST 4.0
#define FIT_ROUNDS 400
/* A pass no shorter than the one before, so many times in a row, is the end. */
#define STANDSTILLS 3

/* Points that far off, as the logarithm of their ratio, are no accident. */
#define TOLERANCE 0.1

/* ---- kinds ---- */

/*
 * One kind of pages, as many as the curve's spread, if that explains the curve
 * well enough; @most of them at most.
 */
static bool kinds_are_one(DirtyCurve *c, double most, double when)
{
    double n = MIN(c->spread, most), at = dirty_curve_joined(c, when);
    double rate = n > at ? -log1p(-at / n) / when : 0, sum = 0;

    if (rate <= 0) {
        return false;
    }
    for (unsigned i = 0; i < c->n; i++) {
        double off = log(MAX(c->p[i].pages, 1) /
                         (n * -expm1(-rate * c->p[i].t)));

        sum += off * off;
    }
    if (sum > TOLERANCE * TOLERANCE * c->n) {
        return false;
    }
    memset(c->kind, 0, sizeof(c->kind));
    c->kind[0].pages = n;
    c->kind[0].rate = rate;
    return true;
}

/*
 * How many pages of each kind there are: multiplicative corrections, which
 * keep all of them from becoming negative, bring the sum of the kinds to the
 * points of the curve.
 */
static void kinds_fit(DirtyCurve *c)
{
    double part[DIRTY_CURVE_POINTS][DIRTY_KINDS], weight, sum[DIRTY_KINDS];

    for (unsigned k = 0; k < DIRTY_KINDS; k++) {
        sum[k] = 0;
        for (unsigned i = 0; i < c->n; i++) {
            weight = 1 / MAX(c->p[i].pages, 1);
            part[i][k] = -expm1(-c->kind[k].rate * c->p[i].t) * weight;
            sum[k] += part[i][k];
        }
        c->kind[k].pages = c->p[c->n - 1].pages / DIRTY_KINDS;
    }
    for (unsigned round = 0; round < FIT_ROUNDS; round++) {
        double ratio[DIRTY_KINDS] = { 0 };

        for (unsigned i = 0; i < c->n; i++) {
            double now = 0;

            for (unsigned k = 0; k < DIRTY_KINDS; k++) {
                now += part[i][k] * c->kind[k].pages;
            }
            for (unsigned k = 0; now > 0 && k < DIRTY_KINDS; k++) {
                ratio[k] += part[i][k] / now;
            }
        }
        for (unsigned k = 0; k < DIRTY_KINDS; k++) {
            c->kind[k].pages *= ratio[k] / sum[k];
        }
    }
}

/* There are no more than @most pages: the slower ones are fewer and faster. */
static void kinds_limit(DirtyCurve *c, double most)
{
    double others = 0;

    for (unsigned k = DIRTY_KINDS; k-- > 0;) {
        double room = MAX(most - others, 1), n = c->kind[k].pages;

        if (n > room) {
            c->kind[k].rate *= n / room;
            c->kind[k].pages = room;
        }
        others += c->kind[k].pages;
    }
}

void dirty_kinds_fit(DirtyCurve *c, double most, double when)
{
    double slow = SLOWEST / c->p[c->n - 1].t, fast = FASTEST / c->p[0].t;

    if (kinds_are_one(c, most, when)) {
        return;
    }
    for (unsigned k = 0; k < DIRTY_KINDS; k++) {
        c->kind[k].rate = slow * pow(fast / slow, k / (DIRTY_KINDS - 1.0));
    }
    kinds_fit(c);
    kinds_limit(c, most);
}

double dirty_kinds_at(const DirtyCurve *c, double t)
{
    double sum = 0;

    for (unsigned k = 0; k < DIRTY_KINDS; k++) {
        sum += c->kind[k].pages * -expm1(-c->kind[k].rate * t);
    }
    return sum;
}

/* ---- passes ---- */

/* Pages of each kind, and those that the guest never writes to. */
typedef struct Kinds {
    double n[DIRTY_KINDS];
    double sum;
} Kinds;

/* As many as are written in @t seconds, if @share of them are watched. */
static void kinds_written(const DirtyCurve *c, const double *share, double t,
                          Kinds *out)
{
    out->sum = 0;
    for (unsigned k = 0; k < DIRTY_KINDS; k++) {
        out->n[k] = share[k] * c->kind[k].pages *
                    -expm1(-c->kind[k].rate * c->speed * t);
        out->sum += out->n[k];
    }
}

/* Which @pages of them are those that were written last. */
static void kinds_latest(const DirtyCurve *c, const double *share,
                         double pages, Kinds *out)
{
    double lo = 1e-6, hi = 1e6;

    *out = (Kinds) { 0 };
    if (pages <= 0) {
        return;
    }
    for (unsigned i = 0; i < 50; i++) {
        double t = sqrt(lo * hi);

        kinds_written(c, share, t, out);
        if (out->sum < pages) {
            lo = t;
        } else {
            hi = t;
        }
    }
}

/* Where a pass stands, in kinds: to be sent; written again, for the next. */
static void kinds_begin(const ForecastInput *in, Kinds *todo, Kinds *backlog)
{
    const DirtyCurve *c = in->curve;
    const ForecastPass *pass = &in->pass;
    double share[DIRTY_KINDS];

    if (pass->cold_first) {
        for (unsigned k = 0; k < DIRTY_KINDS; k++) {
            share[k] = 1;
        }
        kinds_latest(c, share, MIN(pass->todo_hot, pass->todo), todo);
    } else {
        todo->sum = 0;
        for (unsigned k = 0; k < DIRTY_KINDS; k++) {
            todo->n[k] = c->kind[k].pages *
                         CLAMP(pass->todo_hot / c->spread, 0, 1);
            todo->sum += todo->n[k];
        }
    }
    for (unsigned k = 0; k < DIRTY_KINDS; k++) {
        double n = c->kind[k].pages;

        share[k] = n > 0 ? MAX(1 - todo->n[k] / n, 0) : 0;
    }
    kinds_latest(c, share, pass->backlog, backlog);
}

/*
 * A pass of @t seconds sends part @sent of @todo, evenly; it becomes the next
 * one.  Returns how many pages are new in it.
 */
static double kinds_pass(const DirtyCurve *c, Kinds *todo, Kinds *backlog,
                         double sent, double t)
{
    double found = 0;

    todo->sum = 0;
    for (unsigned k = 0; k < DIRTY_KINDS; k++) {
        double x = c->kind[k].rate * c->speed * t;
        double outside = MAX(c->kind[k].pages - todo->n[k] - backlog->n[k],
                             0);
        double written = -expm1(-x);
        /* The mean for pages whose turn came at any time of the pass. */
        double again = x > 1e-6 ? 1 - written / x : x / 2;
        double n = backlog->n[k] + outside * written +
                   todo->n[k] * sent * again;

        todo->n[k] = todo->n[k] * (1 - sent) + n;
        todo->sum += todo->n[k];
        backlog->n[k] = 0;
        found += n;
    }
    backlog->sum = 0;
    return found;
}

void forecast_passes_random(const ForecastInput *in, Forecast *out)
{
    const double slack = forecast_slack(in);
    Kinds todo, backlog;
    double pages = in->pass.todo, rate = in->pass_rate, before = 0;
    unsigned standstills = 0;

    *out = (Forecast) { .converges = false };
    kinds_begin(in, &todo, &backlog);
    for (unsigned i = 0; i < FORECAST_PASSES_MAX && standstills < STANDSTILLS;
         i++) {
        double send = MAX(pages - in->limit, 0);
        double t = send / rate, found;

        if (i) {
            t = MAX(t, FORECAST_PASS_MIN);
            standstills = i > 1 && t >= before * FORECAST_STANDSTILL
                              ? standstills + 1
                              : 0;
        }
        send = MIN(MAX(send, i ? t * rate : 0), pages);
        found = kinds_pass(in->curve, &todo, &backlog,
                           pages > 0 ? send / pages : 0, t);
        out->seconds += t;
        out->pages += send;
        pages += found - send;
        if (found < 1 || found <= slack || pages <= in->limit) {
            out->converges = true;
            break;
        }
        before = t;
        rate = in->rate;
    }
    if (!out->converges) {
        out->settles_at = pages;
        return;
    }
    pages = MIN(pages, in->limit);
    out->pages += pages;
    out->downtime = pages / in->final_rate;
    out->seconds += out->downtime;
}
