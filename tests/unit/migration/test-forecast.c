/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The forecast, against simulated migrations whose end is known. */
#include "qemu/osdep.h"

#include <math.h>

#include "forecast-sim.h"

/* ---- the parts ---- */

static void test_rate(void)
{
    RateMeter m;

    rate_meter_init(&m, 2);
    g_assert_cmpfloat(rate_meter_get(&m), ==, 0);
    rate_meter_add(&m, 50, 0.5);
    g_assert_cmpfloat_with_epsilon(rate_meter_get(&m), 100, 1e-9);
    /* Time without anything counts; time that is not put in does not. */
    rate_meter_add(&m, 0, 0.5);
    g_assert_cmpfloat(rate_meter_get(&m), <, 60);
    for (int i = 0; i < 100; i++) {
        rate_meter_add(&m, 20, 0.1);
    }
    g_assert_cmpfloat_with_epsilon(rate_meter_get(&m), 200, 2);
}

static void test_curve(void)
{
    DirtyCurve c;

    dirty_curve_init(&c);
    dirty_curve_fit(&c, 1000);
    g_assert_cmpfloat(dirty_curve_at(&c, 10), ==, 0);
    /* A straight line: goes on like that, until there is no more memory. */
    for (int i = 1; i <= 100; i++) {
        dirty_curve_add(&c, i * 0.1, i * 10);
    }
    dirty_curve_fit(&c, 5000);
    g_assert_cmpuint(c.n, <=, DIRTY_CURVE_POINTS);
    g_assert_cmpfloat_with_epsilon(dirty_curve_at(&c, 3.5), 350, 1);
    g_assert_cmpfloat_with_epsilon(dirty_curve_mean(&c, 4), 200, 3);
    g_assert_cmpfloat_with_epsilon(dirty_curve_at(&c, 11), 1100, 10);
    g_assert_cmpfloat(dirty_curve_at(&c, 1000), <=, 5000);
    /* Pages drawn from 400. */
    dirty_curve_init(&c);
    for (int i = 1; i <= 50; i++) {
        dirty_curve_add(&c, i * 0.1, 400 * -expm1(-i * 0.1 * 0.5));
    }
    dirty_curve_fit(&c, 5000);
    g_assert_cmpfloat_with_epsilon(c.working_set, 400, 20);
    g_assert_cmpfloat_with_epsilon(dirty_curve_at(&c, 100), 400, 20);
    g_assert_cmpfloat_with_epsilon(dirty_curve_at(&c, 1), 157, 5);
}

/* ---- whole runs ---- */

typedef struct Run {
    const char *name;
    SimConfig c;
    bool converges;
    double tolerance;
} Run;

/* 100,000 pages at 10,000 a second: a first pass of ten seconds. */
#define BASE .pages = 100000, .send_rate = 10000, .downtime = 0.3

static const Run runs[] = {
    { "idle", { BASE, .hot_pages = 1 }, true, 0.05 },
    { "random-30", { BASE, .hot_pages = 100000, .dirty_rate = 3000 },
      true, 0.2 },
    { "random-60", { BASE, .hot_pages = 100000, .dirty_rate = 6000 },
      true, 0.2 },
    { "random-85", { BASE, .hot_pages = 100000, .dirty_rate = 8500 },
      true, 0.2 },
    { "random-115", { BASE, .hot_pages = 100000, .dirty_rate = 11500 },
      false, 0 },
    { "random-130", { BASE, .hot_pages = 100000, .dirty_rate = 13000 },
      false, 0 },
    { "random-300", { BASE, .hot_pages = 100000, .dirty_rate = 30000 },
      false, 0 },
    { "sweep-30", { BASE, .hot_pages = 100000, .dirty_rate = 3000,
                    .pattern = SIM_SWEEP }, true, 0.2 },
    { "sweep-60", { BASE, .hot_pages = 100000, .dirty_rate = 6000,
                    .pattern = SIM_SWEEP }, true, 0.2 },
    /* For ever, also when sender and guest come round in step. */
    { "sweep-150", { BASE, .hot_pages = 100000, .dirty_rate = 15000,
                     .pattern = SIM_SWEEP, .give_up = 600 }, false, 0 },
    { "sweep-150-half", { BASE, .hot_first = 25000, .hot_pages = 50000,
                          .dirty_rate = 15000, .pattern = SIM_SWEEP,
                          .give_up = 600 }, false, 0 },
    { "sweep-200", { BASE, .hot_pages = 100000, .dirty_rate = 20000,
                     .pattern = SIM_SWEEP, .give_up = 300 }, false, 0 },
    /* The rate is nearly that of sending. */
    { "random-95", { BASE, .hot_pages = 100000, .dirty_rate = 9500 },
      true, 0.2 },
    { "random-105", { BASE, .hot_pages = 100000, .dirty_rate = 10500 },
      false, 0 },
    { "sweep-95", { BASE, .hot_pages = 100000, .dirty_rate = 9500,
                    .pattern = SIM_SWEEP, .give_up = 400 }, true, 0.2 },
    { "sweep-105", { BASE, .hot_pages = 100000, .dirty_rate = 10500,
                     .pattern = SIM_SWEEP, .give_up = 400 }, false, 0 },
    /* The same where the log hides what is going to be sent anyway. */
    { "repeats/random-60", { BASE, .hot_pages = 100000, .repeats = true,
                             .dirty_rate = 6000 }, true, 0.2 },
    { "repeats/random-130", { BASE, .hot_pages = 100000, .repeats = true,
                              .dirty_rate = 13000 }, false, 0 },
    { "repeats/sweep-60", { BASE, .hot_pages = 100000, .repeats = true,
                            .dirty_rate = 6000, .pattern = SIM_SWEEP },
      true, 0.2 },
    { "repeats/sweep-150", { BASE, .hot_pages = 100000, .repeats = true,
                             .dirty_rate = 15000, .pattern = SIM_SWEEP,
                             .give_up = 600 }, false, 0 },
    { "repeats/hot-fast", { BASE, .hot_first = 1000, .hot_pages = 20000,
                            .repeats = true, .dirty_rate = 50000 },
      false, 0 },
    /* A small set that is hot, and all the rest now and then. */
    { "mixed-slow", { BASE, .hot_first = 30000, .hot_pages = 1500,
                      .dirty_rate = 10000, .pattern = SIM_MIXED },
      true, 0.2 },
    { "mixed", { BASE, .hot_first = 70000, .hot_pages = 1500,
                 .dirty_rate = 30000, .pattern = SIM_MIXED }, true, 0.2 },
    { "mixed-fast", { BASE, .hot_first = 30000, .hot_pages = 1500,
                      .dirty_rate = 70000, .pattern = SIM_MIXED },
      false, 0 },
    { "mixed-near", { BASE, .hot_first = 30000, .hot_pages = 1500,
                      .dirty_rate = 15000, .pattern = SIM_MIXED },
      true, 0.2 },
    { "mixed-large", { BASE, .hot_first = 30000, .hot_pages = 6000,
                       .dirty_rate = 30000, .pattern = SIM_MIXED },
      false, 0 },
    /* A working set that is written over and over. */
    { "hot-low", { BASE, .hot_first = 1000, .hot_pages = 20000,
                   .dirty_rate = 5000 }, true, 0.2 },
    { "hot-middle", { BASE, .hot_first = 50000, .hot_pages = 20000,
                      .dirty_rate = 5000 }, true, 0.2 },
    { "hot-high", { BASE, .hot_first = 79000, .hot_pages = 20000,
                    .dirty_rate = 5000 }, true, 0.2 },
    { "hot-low-fast", { BASE, .hot_first = 1000, .hot_pages = 20000,
                        .dirty_rate = 50000 }, false, 0 },
    { "hot-high-fast", { BASE, .hot_first = 79000, .hot_pages = 20000,
                         .dirty_rate = 50000 }, false, 0 },
    { "hot-sweep-fast", { BASE, .hot_first = 79000, .hot_pages = 20000,
                          .dirty_rate = 50000, .pattern = SIM_SWEEP },
      false, 0 },
    /* As fast, but it fits into the downtime. */
    { "small", { BASE, .hot_first = 30000, .hot_pages = 2000,
                 .dirty_rate = 50000 }, true, 0.2 },
    { "small-sweep", { BASE, .hot_first = 30000, .hot_pages = 2000,
                       .dirty_rate = 20000, .pattern = SIM_SWEEP },
      true, 0.2 },
    { "just-too-large", { BASE, .hot_first = 30000, .hot_pages = 4500,
                          .dirty_rate = 50000 }, false, 0 },
};

static void test_run(gconstpointer data)
{
    const Run *run = data;
    bool verbose = g_test_verbose();
    SimResult r;

    sim_run(&run->c, &r);
    g_test_message("%s, end %.2f", r.converged ? "converged" : "did not",
                   r.end);
    g_assert_cmpint(r.converged, ==, run->converges);
    for (guint i = 0; i < r.samples->len; i++) {
        const SimSample *s = &g_array_index(r.samples, SimSample, i);
        double end = s->time + s->forecast.seconds;

        if (verbose) {
            g_test_message("%6.2f %3.0f%%: %s %s, %.2f", s->time,
                           s->sent * 100, s->known ? "known" : "unknown",
                           s->forecast.converges ? "ends" : "does not",
                           s->forecast.converges ? end
                                                 : s->forecast.settles_at);
        }
        if (s->sent < 0.25) {
            continue;
        }
        g_assert_true(s->known);
        g_assert_cmpint(s->forecast.converges, ==, run->converges);
        if (run->converges) {
            g_assert_cmpfloat_with_epsilon(end, r.end,
                                           run->tolerance * r.end);
        }
    }
    g_array_unref(r.samples);
}

/* ---- something changes ---- */

typedef struct Change {
    const char *name;
    SimConfig c;
    bool before, after; /* does it converge? */
    double noticed;     /* seconds after the change */
} Change;

#define RANDOM_AT(rate) BASE, .hot_pages = 100000, .dirty_rate = (rate)
#define SWEEP_AT(rate) RANDOM_AT(rate), .pattern = SIM_SWEEP

static const Change changes[] = {
    { "faster", { RANDOM_AT(2000), .give_up = 60,
                  .change = { .at = 5, .dirty_rate = 20000 } },
      true, false, 4 },
    { "faster-late", { RANDOM_AT(8500), .give_up = 60,
                       .change = { .at = 14, .dirty_rate = 20000 } },
      true, false, 4 },
    { "slower", { RANDOM_AT(20000),
                  .change = { .at = 20, .dirty_rate = 2000 } },
      false, true, 3 },
    { "slower-late", { RANDOM_AT(13000),
                       .change = { .at = 50, .dirty_rate = 6000 } },
      false, true, 10 },
    { "sweep-faster", { SWEEP_AT(5000), .give_up = 60,
                        .change = { .at = 12, .dirty_rate = 15000 } },
      true, false, 4 },
    { "sweep-slower", { SWEEP_AT(15000),
                        .change = { .at = 20, .dirty_rate = 5000 } },
      false, true, 3 },
    { "idle-first", { BASE, .hot_pages = 5, .dirty_rate = 5, .give_up = 60,
                      .change = { .at = 8, .dirty_rate = 12000,
                                  .hot_pages = 100000 } },
      true, false, 6 },
    { "set-shrinks", { BASE, .hot_first = 30000, .hot_pages = 20000,
                       .dirty_rate = 50000,
                       .change = { .at = 20, .hot_pages = 2000 } },
      false, true, 2.2 },
    { "set-grows", { BASE, .hot_first = 30000, .hot_pages = 2000,
                     .dirty_rate = 30000, .give_up = 60,
                     .change = { .at = 5, .hot_pages = 50000 } },
      true, false, 3 },
    /* The operator does something: that shows at once. */
    { "bandwidth-up", { SWEEP_AT(15000),
                        .change = { .at = 30, .send_rate = 30000 } },
      false, true, 1 },
    { "bandwidth-up-first-pass", { RANDOM_AT(15000),
                                   .change = { .at = 4,
                                               .send_rate = 25000 } },
      false, true, 1 },
    { "bandwidth-down", { RANDOM_AT(6000), .give_up = 60,
                          .change = { .at = 8, .send_rate = 4000 } },
      true, false, 1 },
    { "downtime-up", { BASE, .hot_first = 30000, .hot_pages = 8000,
                       .dirty_rate = 50000,
                       .change = { .at = 25, .downtime = 0.9 } },
      false, true, 0.5 },
    { "downtime-up-sweep", { BASE, .hot_first = 30000, .hot_pages = 8000,
                             .dirty_rate = 50000, .pattern = SIM_SWEEP,
                             .change = { .at = 5, .downtime = 0.9 } },
      false, true, 0.5 },
    { "downtime-down", { BASE, .hot_first = 30000, .hot_pages = 2000,
                         .dirty_rate = 50000, .give_up = 60,
                         .change = { .at = 7, .downtime = 0.1 } },
      true, false, 0.5 },
};

/* Times of the change, and a little more, in which nothing is demanded. */
static bool is_noticed(const Change *ch, double t, bool *after)
{
    *after = t > ch->c.change.at;
    return t < ch->c.change.at - 0.05 ||
           t > ch->c.change.at + ch->noticed;
}

static void test_change(gconstpointer data)
{
    const Change *ch = data;
    SimResult r;
    bool after;

    sim_run(&ch->c, &r);
    g_assert_cmpint(r.converged, ==, ch->after);
    for (guint i = 0; i < r.samples->len; i++) {
        const SimSample *s = &g_array_index(r.samples, SimSample, i);
        double end = s->time + s->forecast.seconds;

        if (s->sent < 0.25 || !is_noticed(ch, s->time, &after)) {
            continue;
        }
        g_test_message("%6.2f: %s %.2f", s->time,
                       s->forecast.converges ? "ends" : "does not",
                       s->forecast.converges ? end : s->forecast.settles_at);
        g_assert_cmpint(s->forecast.converges, ==,
                        after ? ch->after : ch->before);
        if (after && ch->after) {
            g_assert_cmpfloat_with_epsilon(end, r.end, 0.2 * r.end);
        }
    }
    g_array_unref(r.samples);
}

/* What is said to help does, and half as much does not. */
static void test_remedies(void)
{
    SimConfig c = { BASE, .hot_first = 1000, .hot_pages = 20000,
                    .dirty_rate = 20000 };
    EstimateGoal goal = { .seconds = c.downtime };
    MigrationEstimate e;
    ForecastRemedies rem;
    DirtyCurve curve;
    ForecastInput in;
    Forecast f;
    SimConfig with;
    SimResult r;

    estimate_start(&e, 0, c.pages);
    estimate_sent(&e, 50000, 50000, 50000 * 4104.0, 5, 0);
    for (double t = 0.05; t <= 5; t *= 1.3) {
        double written = 20000 * -expm1(-t);
        EstimateLook look = { .pages = c.pages, .todo = c.pages - t * 10000,
                              .written = written, .backlog = written };

        estimate_look(&e, t, &look);
    }
    g_assert_true(estimate_input(&e, 5, 50000, &goal, &curve, &in));
    forecast_make(&in, &f);
    g_assert_false(f.converges);
    g_assert_cmpfloat(f.settles_at, >, 9000);
    g_assert_cmpfloat(f.settles_at, <, 20000);
    forecast_remedies(&in, goal.seconds, &rem);
    g_test_message("settles at %.0f; rate %.0f, limit %.0f, speed %.2f",
                   f.settles_at, rem.rate, rem.limit, rem.slowdown);

    for (int i = 0; i < 6; i++) {
        bool enough = i % 2;

        with = c;
        if (i / 2 == 0) {
            with.send_rate = rem.rate * (enough ? 1.15 : 0.8);
        } else if (i / 2 == 1) {
            with.downtime = rem.limit / c.send_rate * (enough ? 1.15 : 0.8);
        } else {
            with.dirty_rate *= rem.slowdown * (enough ? 0.85 : 1.25);
        }
        sim_run(&with, &r);
        g_assert_cmpint(r.converged, ==, enough);
        g_array_unref(r.samples);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/forecast/rate", test_rate);
    g_test_add_func("/forecast/curve", test_curve);
    for (size_t i = 0; i < G_N_ELEMENTS(runs); i++) {
        g_autofree char *path = g_strdup_printf("/forecast/run/%s",
                                                runs[i].name);

        g_test_add_data_func(path, &runs[i], test_run);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
        g_autofree char *path = g_strdup_printf("/forecast/change/%s",
                                                changes[i].name);

        g_test_add_data_func(path, &changes[i], test_change);
    }
    g_test_add_func("/forecast/remedies", test_remedies);
    return g_test_run();
}
