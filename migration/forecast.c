/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"
#include "migration/forecast-int.h"

#include <math.h>

/*
 * Sending stops at the end of a piece of a pass, so about this long a time's
 * worth below the limit; what the guest writes meanwhile has room there.
 */
#define SLACK 0.025
/* A guest is not taken to have become faster or slower than this. */
#define SPEED_MAX 64.0
/* Nor to have changed by more than that from one observation to the next. */
#define CORRECT_MAX 4.0
/* Pages that do not seem to be drawn at random at all. */
#define SPREAD_MAX 1024.0
/* From here on, pages are taken to be written in turn. */
#define IN_TURN 2.0
/* Where a curve that levels off still shows how it came there. */
#define RISING 0.85
/* So many times as many pages as there should be have another cause. */
#define UNEXPLAINED 1.3
/* Twice or half the speed must make that much of a difference. */
#define TELLING 0.1

/* ---- rates ---- */

void rate_meter_init(RateMeter *m, double tau)
{
    *m = (RateMeter) { .tau = tau };
}

void rate_meter_add(RateMeter *m, double amount, double seconds)
{
    double keep = exp(-seconds / m->tau);

    m->amount = m->amount * keep + amount;
    m->seconds = m->seconds * keep + seconds;
}

double rate_meter_get(const RateMeter *m)
{
    return m->seconds > 0 ? m->amount / m->seconds : 0;
}

/* ---- the guest's writing ---- */

void dirty_curve_init(DirtyCurve *c)
{
    *c = (DirtyCurve) { .speed = 1 };
}

void dirty_curve_add(DirtyCurve *c, double t, double pages)
{
    if (c->n && t <= c->p[c->n - 1].t) {
        return;
    }
    if (c->n == DIRTY_CURVE_POINTS) {
        /* Every second one; the first tells the rate and stays. */
        c->n = DIRTY_CURVE_POINTS / 2;
        for (unsigned i = 1; i < c->n; i++) {
            c->p[i] = c->p[2 * i];
        }
    }
    if (c->n) {
        pages = MAX(pages, c->p[c->n - 1].pages);
    }
    c->p[c->n].t = t;
    c->p[c->n].pages = pages;
    c->n++;
}

double dirty_curve_joined(const DirtyCurve *c, double t)
{
    double t0 = 0, p0 = 0;

    if (t <= 0) {
        return 0;
    }
    for (unsigned i = 0; i < c->n; i++) {
        double t1 = c->p[i].t, p1 = c->p[i].pages;

        if (t <= t1) {
            return p0 + (p1 - p0) * (t - t0) / (t1 - t0);
        }
        t0 = t1;
        p0 = p1;
    }
    return p0;
}

static double curve_end(const DirtyCurve *c)
{
    return c->n ? c->p[c->n - 1].t : 0;
}

/* Rate of new pages at the end, over its last third. */
static double curve_last_rate(const DirtyCurve *c)
{
    double end = curve_end(c), before = dirty_curve_joined(c, end * 2 / 3);

    return end > 0 ? (dirty_curve_joined(c, end) - before) / (end / 3) : 0;
}

/* When the curve came by @pages. */
static double curve_when(const DirtyCurve *c, double pages)
{
    double t0 = 0, p0 = 0;

    for (unsigned i = 0; i < c->n; i++) {
        double t1 = c->p[i].t, p1 = c->p[i].pages;

        if (p1 >= pages) {
            return t0 + (t1 - t0) * (pages - p0) / (p1 - p0);
        }
        t0 = t1;
        p0 = p1;
    }
    return t0;
}

/*
 * If pages were drawn at random from W, f(t) would be W (1 - exp(-x t)): find
 * the x that fits the rising part of the curve at its end and early in it.  A
 * part that is straight says nothing: either little was written yet, or pages
 * are written in turn.
 */
static double curve_spread(const DirtyCurve *c, double most)
{
    double last = dirty_curve_joined(c, curve_end(c)) * RISING;
    double when = last > 0 ? curve_when(c, last) : 0;
    double early = dirty_curve_joined(c, when / 8);
    double lo = 1e-6, hi = 1e3; /* of x, in units of 1 / when */

    if (early <= 0 || early * 8 <= last) {
        return most;
    }
    for (unsigned i = 0; i < 60; i++) {
        double x = sqrt(lo * hi);

        if (expm1(-x) / expm1(-x / 8) > last / early) {
            lo = x;
        } else {
            hi = x;
        }
    }
    return MIN(last / -expm1(-hi), most);
}

/*
 * Where a curve would level off whose rate in its second half is to that in
 * its first as it will be from half to half.
 */
static double curve_level(const DirtyCurve *c)
{
    double end = curve_end(c), half = dirty_curve_joined(c, end / 2);
    double keep = half > 0 ? dirty_curve_joined(c, end) / half - 1 : 1;

    return keep < 1 ? half / (1 - keep) : INFINITY;
}

/* For a guest of the speed at which the curve was taken. */
static double curve_at(const DirtyCurve *c, double t);

/* Not if the guest has become busier: kinds of pages do not change. */
static bool kinds_explain(const DirtyCurve *c)
{
    for (double t = curve_end(c); t > curve_end(c) / 16; t /= 2) {
        if (dirty_kinds_at(c, t) * UNEXPLAINED < curve_at(c, t)) {
            return false;
        }
    }
    return true;
}

void dirty_curve_fit(DirtyCurve *c, double pages)
{
    double last = dirty_curve_joined(c, curve_end(c));

    pages = MAX(pages, last);
    c->spread = MAX(curve_spread(c, pages * SPREAD_MAX), last);
    c->working_set = MIN(MIN(c->spread, pages), MAX(curve_level(c), last));
    memset(c->kind, 0, sizeof(c->kind));
    c->has_kinds = false;
    if (last > 0) {
        dirty_kinds_fit(c, pages, curve_when(c, last * RISING));
        c->has_kinds = kinds_explain(c);
    }
}

/*
 * What the curve does behind its end: bends as it has bent so far, until the
 * working set is reached.
 */
static double curve_beyond(const DirtyCurve *c, double t)
{
    double last = dirty_curve_joined(c, curve_end(c));
    double room = c->spread - last, rate = curve_last_rate(c);

    return room > 0 ? MIN(room * -expm1(-rate * t / room),
                          MAX(c->working_set - last, 0))
                    : 0;
}

static double curve_at(const DirtyCurve *c, double t)
{
    double end = curve_end(c);

    if (t > end) {
        return dirty_curve_joined(c, end) + curve_beyond(c, t - end);
    }
    /*
     * A guest that has become busier shows it at the end of the curve: in its
     * last @t it has written at least the pages that were new.
     */
    return MAX(dirty_curve_joined(c, t),
               dirty_curve_joined(c, end) - dirty_curve_joined(c, end - t));
}

double dirty_curve_at(const DirtyCurve *c, double t)
{
    return MIN(curve_at(c, t * c->speed), MAX(c->working_set, 0));
}

double dirty_curve_mean(const DirtyCurve *c, double t)
{
    /* Finer at the beginning, where the curve bends most. */
    const unsigned steps = 32;
    double sum = 0, t0 = 0, f0 = 0;

    if (t <= 0) {
        return 0;
    }
    for (unsigned i = 1; i <= steps; i++) {
        double t1 = t * i * i / (steps * steps);
        double f1 = dirty_curve_at(c, t1);

        sum += (f0 + f1) / 2 * (t1 - t0);
        t0 = t1;
        f0 = f1;
    }
    return sum / t;
}

void dirty_curve_pace(DirtyCurve *c, double t, double least, double most,
                      double weight)
{
    double pages = CLAMP(dirty_curve_at(c, t), least, most);
    double lo = MAX(c->speed / CORRECT_MAX, 1 / SPEED_MAX);
    double hi = MIN(c->speed * CORRECT_MAX, SPEED_MAX);
    double before = c->speed, slow, fast;

    if (t <= 0 || c->working_set <= 0) {
        return;
    }
    slow = curve_at(c, t * before / 2);
    fast = curve_at(c, t * before * 2);
    if (MIN(fast, c->working_set) - slow < pages * TELLING) {
        return; /* all that can be written is: that tells nothing of speed */
    }
    for (unsigned i = 0; i < 30; i++) {
        double speed = sqrt(lo * hi);

        if (curve_at(c, t * speed) < pages) {
            lo = speed;
        } else {
            hi = speed;
        }
    }
    c->speed = before * pow(sqrt(lo * hi) / before, weight);
}

/* ---- passes ---- */

/* How long it takes to write @pages different ones. */
static double curve_age(const DirtyCurve *c, double pages)
{
    double lo = 0, hi = MAX(curve_end(c), 1) / c->speed;

    if (pages <= 0) {
        return 0;
    }
    for (unsigned i = 0; i < 20 && dirty_curve_at(c, hi) < pages; i++) {
        hi *= 2;
    }
    for (unsigned i = 0; i < 40; i++) {
        double t = (lo + hi) / 2;

        if (dirty_curve_at(c, t) < pages) {
            lo = t;
        } else {
            hi = t;
        }
    }
    return hi;
}

/* Hot pages of @pass that are sent until @limit pages of it are left. */
static double hot_sent(const ForecastPass *pass, double limit)
{
    if (pass->todo <= limit) {
        return 0;
    }
    return pass->cold_first ? MAX(pass->todo_hot - limit, 0)
                            : pass->todo_hot * (1 - limit / pass->todo);
}

double forecast_dirtied(const DirtyCurve *c, const ForecastPass *pass,
                        double limit, double t)
{
    double w = c->spread, sent = hot_sent(pass, limit);
    double outside, age, grown, most;

    if (w <= 0 || t <= 0) {
        return pass->backlog;
    }
    /*
     * Hot pages that nobody sends: all of them are watched, and as many are
     * dirty as after some time of watching.
     */
    outside = MAX(w - pass->todo_hot, pass->backlog);
    age = outside > 0 ? curve_age(c, pass->backlog / outside * w) : 0;
    grown = outside / w *
            MAX(dirty_curve_at(c, age + t) - dirty_curve_at(c, age), 0);
    /* Those that get their turn: from then on. */
    grown += sent / w * dirty_curve_mean(c, t);
    most = c->working_set * (1 - MIN((pass->todo_hot - sent) / w, 1));
    return MIN(pass->backlog + grown, MAX(most, pass->backlog));
}

/*
 * The pass after @pass, of which @left pages were left, with @next new ones.
 */
static ForecastPass pass_after(const DirtyCurve *c, const ForecastPass *pass,
                               double left, double next)
{
    double hot = MAX(pass->todo_hot - hot_sent(pass, left), 0);

    return (ForecastPass) {
        .todo = left + next,
        .todo_hot = MIN(MIN(hot, left) + next, c->working_set),
        .cold_first = true,
    };
}

/*
 * In any time the guest writes f of it, of which only what can be sent in it
 * can be clean at the end, in whatever order: as many are never sent.
 */
static double never_sent(const DirtyCurve *c, double rate)
{
    double most = 0, t = FORECAST_PASS_MIN;

    while (t * rate < c->working_set) {
        most = MAX(most, dirty_curve_at(c, t) - t * rate);
        t *= 1.1;
    }
    return most;
}

double forecast_slack(const ForecastInput *in)
{
    return MIN(in->rate * SLACK, in->limit);
}

/*
 * Pass after pass, until one ends with so little left, or nothing changes.  For
 * a guest that writes its pages in turn.
 */
static void forecast_passes(const ForecastInput *in, Forecast *out)
{
    const double slack = forecast_slack(in);
    ForecastPass pass = in->pass;
    double t = MAX(pass.todo - in->limit, 0) / in->pass_rate, before = 0;
    double left = MIN(pass.todo, in->limit), next;

    *out = (Forecast) { .seconds = t, .pages = pass.todo - left };
    for (unsigned i = 0; i < FORECAST_PASSES_MAX; i++) {
        next = forecast_dirtied(in->curve, &pass, in->limit, t);
        if (next < 1 || next <= slack) {
            out->converges = true;
            break;
        }
        /* It begins with what was left, and ends with as much. */
        pass = pass_after(in->curve, &pass, left, next);
        before = t;
        t = MAX((pass.todo - in->limit) / in->rate, FORECAST_PASS_MIN);
        if (pass.todo <= in->limit) {
            out->converges = true;
            left = pass.todo;
            break;
        }
        if (i && t >= before * FORECAST_STANDSTILL) {
            out->settles_at = pass.todo;
            return;
        }
        left = MIN(left + next, in->limit);
        out->seconds += t;
        out->pages += pass.todo - left;
    }
    if (!out->converges) {
        out->settles_at = pass.todo;
        return;
    }
    out->pages += left;
    out->downtime = left / in->final_rate;
    out->seconds += out->downtime;
}

void forecast_make(const ForecastInput *in, Forecast *out)
{
    double never = never_sent(in->curve, in->rate);

    if (in->curve->spread > in->curve->working_set * IN_TURN ||
        !in->curve->has_kinds) {
        forecast_passes(in, out);
    } else {
        forecast_passes_random(in, out);
    }
    if (never > in->limit) {
        out->converges = false;
    }
    if (!out->converges) {
        out->settles_at = MAX(out->settles_at, never);
    }
}

/* ---- remedies ---- */

typedef struct Trial {
    ForecastInput in;
    DirtyCurve curve;
    double seconds;
} Trial;

static bool trial_rate(Trial *t, double factor)
{
    ForecastInput in = t->in;
    Forecast f;

    in.rate *= factor;
    in.pass_rate *= factor;
    in.final_rate *= factor;
    in.limit = in.rate * t->seconds;
    forecast_make(&in, &f);
    return f.converges;
}

static bool trial_limit(Trial *t, double factor)
{
    ForecastInput in = t->in;
    Forecast f;

    in.limit = factor;
    forecast_make(&in, &f);
    return f.converges;
}

/* @factor: how much slower. */
static bool trial_speed(Trial *t, double factor)
{
    Forecast f;
    double before = t->curve.speed;

    t->curve.speed /= factor;
    forecast_make(&t->in, &f);
    t->curve.speed = before;
    return f.converges;
}

/* The smallest value from @lo to @hi that helps, in percents; 0: none. */
static double trial_find(Trial *t, bool (*try)(Trial *t, double x), double lo,
                         double hi)
{
    if (!try(t, hi)) {
        return 0;
    }
    while (hi / lo > 1.01) {
        double mid = sqrt(lo * hi);

        if (try(t, mid)) {
            hi = mid;
        } else {
            lo = mid;
        }
    }
    return hi;
}

void forecast_remedies(const ForecastInput *in, double seconds,
                       ForecastRemedies *out)
{
    Trial t = { .in = *in, .curve = *in->curve, .seconds = seconds };
    double factor;

    t.in.curve = &t.curve;
    out->rate = in->rate * trial_find(&t, trial_rate, 1, 4096);
    out->limit = trial_find(&t, trial_limit, MAX(in->limit, 1),
                            MAX(in->curve->working_set, in->limit) + 2);
    factor = trial_find(&t, trial_speed, 1, 4096);
    out->slowdown = factor > 0 ? 1 / factor : 0;
}
