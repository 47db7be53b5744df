/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"
#include "migration/estimate.h"

/* How long it takes a rate to forget. */
#define RATE_TAU 2.0
/* The weight of what was measured under another limit. */
#define RENEW 0.02
/* Rates over less than this much sending say nothing. */
#define RATE_MIN 0.01
/* An observation that took so long has half of the weight. */
#define CORRECT_HALF 0.1

/* So much faster than the sender, over that many seconds, is fast. */
#define LAPS 1.25
#define LAPS_TIME 0.05

void estimate_start(MigrationEstimate *e, double now, double pages)
{
    *e = (MigrationEstimate) {
        .first_pass = true,
        .start = now,
        .at = now,
        .pass.todo = pages,
    };
    rate_meter_init(&e->pages, RATE_TAU);
    rate_meter_init(&e->bytes, RATE_TAU);
    rate_meter_init(&e->link, RATE_TAU);
    dirty_curve_init(&e->curve);
}

/* What was measured before weighs next to nothing. */
static void meter_renew(RateMeter *m)
{
    m->amount *= RENEW;
    m->seconds *= RENEW;
}

void estimate_new_limit(MigrationEstimate *e)
{
    meter_renew(&e->pages);
    meter_renew(&e->bytes);
    meter_renew(&e->link);
}

void estimate_sent(MigrationEstimate *e, double pages, double whole,
                   double bytes, double busy, double limited)
{
    e->total_bytes += bytes;
    e->total_whole += whole;
    e->total_pages += pages;
    e->total_seconds += busy + limited;
    rate_meter_add(&e->pages, pages, busy + limited);
    rate_meter_add(&e->bytes, bytes, busy + limited);
    rate_meter_add(&e->link, bytes, busy);
}

/* Hot pages among @todo, if they lie as at the last look. */
static double estimate_hot(const MigrationEstimate *e, double todo)
{
    if (e->pass.cold_first) {
        return MIN(e->pass.todo_hot, todo);
    }
    return e->pass.todo > 0
               ? e->pass.todo_hot * MIN(todo / e->pass.todo, 1)
               : 0;
}

/* From here on the guest's speed is observed. */
static void estimate_observe(MigrationEstimate *e)
{
    e->began_at = e->at;
    e->began_speed = e->curve.speed;
}

/* Since the beginning of the pass the guest has written that many pages. */
static void estimate_pace(MigrationEstimate *e, double now, double fresh,
                          double unsure)
{
    double t = now - e->began_at;

    e->curve.speed = e->began_speed;
    dirty_curve_pace(&e->curve, t, fresh, fresh + unsure,
                     t / (t + CORRECT_HALF));
}

static void look_first_pass(MigrationEstimate *e, double now,
                            const EstimateLook *look)
{
    dirty_curve_add(&e->curve, now - e->start, look->written);
    dirty_curve_fit(&e->curve, look->pages);
    e->pass = (ForecastPass) {
        .todo = look->todo,
        .todo_hot = look->todo,
        .backlog = look->backlog,
    };
    if (look->written > 0) {
        e->pass.todo_hot = e->curve.spread * look->written_todo /
                           look->written;
    }
    e->at = now;
    estimate_observe(e);
}

void estimate_look(MigrationEstimate *e, double now, const EstimateLook *look)
{
    e->looked = true;
    if (e->first_pass) {
        look_first_pass(e, now, look);
        return;
    }
    estimate_pace(e, now, look->fresh, look->unsure);
    e->pass.todo_hot = estimate_hot(e, look->todo);
    e->pass.todo = look->todo;
    e->pass.backlog = look->backlog;
    e->at = now;
}

void estimate_synced(MigrationEstimate *e, double now,
                     const EstimateSync *sync)
{
    double left = sync->left, found = sync->found;
    double hot = estimate_hot(e, left);

    if (e->first_pass && !e->curve.n) {
        /* Too short a pass to look in between. */
        dirty_curve_add(&e->curve, now - e->start, found);
        dirty_curve_fit(&e->curve, MAX(e->pass.todo, found));
    } else if (!e->first_pass) {
        estimate_pace(e, now, sync->fresh, sync->unsure);
    }
    /* More than there should be: it was underestimated. */
    e->curve.working_set = MAX(e->curve.working_set, found);
    e->curve.spread = MAX(e->curve.spread, found);
    e->first_pass = false;
    e->looked = true;
    e->pass = (ForecastPass) {
        .todo = left + found,
        .todo_hot = MIN(MIN(hot, left) + found, e->curve.working_set),
        .cold_first = true,
    };
    e->at = now;
    estimate_observe(e);
}

double estimate_send_rate(const MigrationEstimate *e)
{
    return e->total_seconds >= RATE_MIN ? rate_meter_get(&e->bytes) : 0;
}

double estimate_link_rate(const MigrationEstimate *e)
{
    return e->total_seconds >= RATE_MIN ? rate_meter_get(&e->link) : 0;
}

double estimate_dirty_rate(const MigrationEstimate *e)
{
    return dirty_curve_at(&e->curve, 1.0);
}

double estimate_working_set(const MigrationEstimate *e)
{
    return e->curve.n ? e->curve.working_set : 0;
}

double estimate_page_cost(const MigrationEstimate *e)
{
    return e->total_whole > 0 ? e->total_bytes / e->total_whole
                              : TARGET_PAGE_SIZE;
}

/*
 * A guest that writes its pages in turn is followed by the sender, if it is
 * slow; a fast one laps the sender, which then finds it anywhere: as if the
 * guest wrote at random.
 */
static void input_lapped(const MigrationEstimate *e, DirtyCurve *curve,
                         ForecastInput *in)
{
    double share = curve->working_set / curve->spread;

    if (dirty_curve_at(curve, LAPS_TIME) < in->rate * LAPS_TIME * LAPS) {
        return;
    }
    curve->spread = curve->working_set;
    if (e->first_pass) {
        in->pass.todo_hot *= share;
    }
}

bool estimate_input(const MigrationEstimate *e, double now, double todo,
                    const EstimateGoal *goal, DirtyCurve *curve,
                    ForecastInput *in)
{
    double send = estimate_send_rate(e), link = estimate_link_rate(e);
    double cost = estimate_page_cost(e), pages = rate_meter_get(&e->pages);
    double stop;

    if (!e->looked || send <= 0 || pages <= 0) {
        return false;
    }
    if (goal->limit > 0 && send > goal->limit) {
        /* The limit lets a little more through at first. */
        pages *= goal->limit / send;
        send = goal->limit;
    }
    stop = goal->bandwidth > 0 ? goal->bandwidth : send;
    *curve = e->curve;
    *in = (ForecastInput) {
        .pass = {
            .todo = todo,
            .todo_hot = estimate_hot(e, todo),
            .cold_first = e->pass.cold_first,
            .backlog = forecast_dirtied(curve, &e->pass, todo, now - e->at),
        },
        .pass_rate = e->first_pass ? pages : send / cost,
        .rate = send / cost,
        .final_rate = MAX(link, send) / cost,
        .limit = stop * goal->seconds / TARGET_PAGE_SIZE,
        .curve = curve,
    };
    input_lapped(e, curve, in);
    return true;
}
