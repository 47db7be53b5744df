/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The forecast, against records of real migrations (tests/data/forecast), made
 * from the trace events of progress.c by tests/qtest/record_forecast.py.  The
 * diverging ones sweep over memory 1.5 times as fast as it is sent.  Lines:
 *   run PAGES BANDWIDTH DOWNTIME END       (END 0: it did not converge)
 *   sent TIME PAGES WHOLE BYTES BUSY LIMITED
 *   look TIME PAGES TODO WRITTEN WRITTEN-TODO BACKLOG FRESH UNSURE
 *   synced TIME LEFT FOUND FRESH UNSURE
 */
#include "qemu/osdep.h"

#include "migration/estimate.h"

static const char *data_dir;

typedef struct Replay {
    MigrationEstimate e;
    EstimateGoal goal;
    double pages, end, todo, sent;
    unsigned checked;
} Replay;

static void replay_check(Replay *r, double now)
{
    DirtyCurve curve;
    ForecastInput in;
    Forecast f;

    if (r->sent < r->pages / 4) {
        return;
    }
    g_assert_true(estimate_input(&r->e, now, r->todo, &r->goal, &curve, &in));
    forecast_make(&in, &f);
    g_test_message("%.2f: %d %.2f", now, f.converges, now + f.seconds);
    g_assert_cmpint(f.converges, ==, r->end > 0);
    if (f.converges) {
        g_assert_cmpfloat_with_epsilon(now + f.seconds, r->end, 0.2 * r->end);
    }
    r->checked++;
}

static void replay_line(Replay *r, const char *line)
{
    g_auto(GStrv) words = g_strsplit(line, " ", -1);
    double v[9] = { 0 };

    for (guint i = 1; i < g_strv_length(words) && i < 9; i++) {
        v[i] = g_ascii_strtod(words[i], NULL);
    }
    if (g_str_equal(words[0], "run")) {
        r->pages = r->todo = v[1];
        r->goal.limit = v[2];
        r->goal.seconds = v[3];
        r->end = v[4];
        estimate_start(&r->e, 0, v[1]);
    } else if (g_str_equal(words[0], "sent")) {
        estimate_sent(&r->e, v[2], v[3], v[4], v[5], v[6]);
        r->todo = MAX(r->todo - v[2], 0);
        r->sent += v[2];
        replay_check(r, v[1]);
    } else if (g_str_equal(words[0], "look")) {
        EstimateLook look = { v[2], v[3], v[4], v[5], v[6], v[7], v[8] };

        estimate_look(&r->e, v[1], &look);
        r->todo = look.todo;
    } else if (g_str_equal(words[0], "synced")) {
        estimate_synced(&r->e, v[1],
                        &(EstimateSync) { v[2], v[3], v[4], v[5] });
        r->todo = v[2] + v[3];
    }
}

static void test_replay(gconstpointer name)
{
    g_autofree char *file = g_strdup_printf("%s.txt", (const char *)name);
    g_autofree char *path = g_build_filename(data_dir, file, NULL);
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    Replay r = { .checked = 0 };

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        if (**line) {
            replay_line(&r, *line);
        }
    }
    g_assert_cmpuint(r.checked, >, 20);
}

static const char *const records[] = {
    "kvm-converging",
    "kvm-diverging",
    "tcg-converging",
    "tcg-diverging",
};

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(argc, ==, 2);
    data_dir = argv[1];
    for (size_t i = 0; i < G_N_ELEMENTS(records); i++) {
        g_autofree char *path = g_strdup_printf("/forecast/replay/%s",
                                                records[i]);

        g_test_add_data_func(path, records[i], test_replay);
    }
    return g_test_run();
}
