/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"
#include "forecast-sim.h"

#define STEP 0.005      /* one turn of the sender */
#define SYNC_INTERVAL 0.02
#define LONG_PASS 0.2   /* shorter ones are not sampled */
#define LOOK_FIRST 0.05
#define LOOK_LONGEST 1.0
#define PAGE_COST (TARGET_PAGE_SIZE + 8.0)

typedef struct Sim {
    SimConfig *c;       /* as it is now */
    uint8_t *todo, *log, *seen, *fresh; /* one byte per page */
    unsigned left, began, cursor, sent;
    unsigned hot_cursor;
    double now, writes_owed, sends_owed;
    GRand *rand;
    MigrationEstimate e;
    double next_look, look_every;
} Sim;

/* ---- the guest ---- */

static void sim_guest(Sim *s)
{
    const SimConfig *c = s->c;

    s->writes_owed += c->dirty_rate * STEP;
    for (; s->writes_owed >= 1; s->writes_owed--) {
        unsigned page = c->hot_first;

        if (c->pattern == SIM_SWEEP) {
            page += s->hot_cursor++ % c->hot_pages;
        } else if (c->pattern == SIM_MIXED &&
                   !g_rand_int_range(s->rand, 0, 5)) {
            page = g_rand_int_range(s->rand, 0, c->pages);
        } else {
            page += g_rand_int_range(s->rand, 0, c->hot_pages);
        }
        s->log[page] = 1;
        s->seen[page] = 1;
    }
}

static void sim_change(Sim *s)
{
    SimChange *change = &s->c->change;

    if (change->at <= 0 || s->now < change->at) {
        return;
    }
    if (change->dirty_rate > 0) {
        s->c->dirty_rate = change->dirty_rate;
    }
    if (change->send_rate > 0) {
        s->c->send_rate = change->send_rate;
        estimate_new_limit(&s->e);
    }
    if (change->downtime > 0) {
        s->c->downtime = change->downtime;
    }
    if (change->hot_pages > 0) {
        s->c->hot_pages = change->hot_pages;
    }
    change->at = 0;
}

/* ---- the sender ---- */

static void sim_send(Sim *s)
{
    unsigned n = 0;

    s->sends_owed += s->c->send_rate * STEP;
    while (s->left && s->sends_owed >= 1) {
        if (s->todo[s->cursor]) {
            s->todo[s->cursor] = 0;
            s->left--;
            s->sends_owed--;
            n++;
        }
        s->cursor = (s->cursor + 1) % s->c->pages;
    }
    s->sends_owed = MIN(s->sends_owed, 1);
    s->sent += n;
    estimate_sent(&s->e, n, n, n * PAGE_COST, STEP, 0);
}

/* Pages that may have been written without anybody seeing it. */
static double sim_unsure(const Sim *s)
{
    bool brief = s->began < s->c->send_rate * LONG_PASS;

    return s->c->repeats && brief ? s->began : 0;
}

static void sim_look(Sim *s)
{
    EstimateLook look = { .pages = s->c->pages, .todo = s->left,
                          .unsure = sim_unsure(s) };

    for (unsigned i = 0; i < s->c->pages; i++) {
        s->fresh[i] |= s->log[i] && !(sim_unsure(s) && s->todo[i]);
        if (s->todo[i]) {
            s->log[i] = 0; /* it will be sent with what it holds then */
        }
        look.written += s->seen[i];
        look.fresh += s->fresh[i];
        look.written_todo += s->seen[i] && s->todo[i];
        look.backlog += s->log[i];
    }
    estimate_look(&s->e, s->now, &look);
    s->look_every = MIN(s->look_every * 1.5, LOOK_LONGEST);
    s->next_look = s->now + s->look_every;
}

static void sim_sync(Sim *s)
{
    EstimateSync sync = { .left = s->left,
                          .unsure = sim_unsure(s) };

    for (unsigned i = 0; i < s->c->pages; i++) {
        sync.fresh += s->fresh[i] ||
                      (s->log[i] && !(sync.unsure && s->todo[i]));
        s->left += s->log[i] && !s->todo[i];
        s->todo[i] |= s->log[i];
        s->log[i] = 0;
    }
    memset(s->fresh, 0, s->c->pages);
    sync.found = s->left - sync.left;
    estimate_synced(&s->e, s->now, &sync);
    s->began = s->left;
}

static void sim_sample(Sim *s, SimResult *result)
{
    EstimateGoal goal = {
        .seconds = s->c->downtime,
        .limit = s->c->send_rate * PAGE_COST,
    };
    SimSample sample = {
        .time = s->now,
        .sent = MIN((double)s->sent / s->c->pages, 1),
    };
    DirtyCurve curve;
    ForecastInput in;

    sample.known = estimate_input(&s->e, s->now, s->left, &goal, &curve, &in);
    if (sample.known) {
        forecast_make(&in, &sample.forecast);
    }
    g_array_append_val(result->samples, sample);
}

/* Can the guest be stopped? */
static bool sim_converged(Sim *s, double *last_sync)
{
    double limit = s->c->send_rate * s->c->downtime;

    if (s->left > limit || s->now - *last_sync < SYNC_INTERVAL) {
        return false;
    }
    *last_sync = s->now;
    sim_sync(s);
    return s->left <= limit;
}

void sim_run(const SimConfig *config, SimResult *result)
{
    SimConfig now = *config;
    Sim s = {
        .c = &now,
        .left = config->pages,
        .todo = g_malloc(config->pages),
        .log = g_malloc0(config->pages),
        .seen = g_malloc0(config->pages),
        .fresh = g_malloc0(config->pages),
        .rand = g_rand_new_with_seed(1),
        .next_look = LOOK_FIRST,
        .look_every = LOOK_FIRST,
    };
    double last_sync = -1, next_sample = 0;
    double give_up = config->give_up > 0 ? config->give_up : 120;

    memset(s.todo, 1, config->pages);
    *result = (SimResult) {
        .samples = g_array_new(false, false, sizeof(SimSample)),
    };
    estimate_start(&s.e, 0, config->pages);
    while (s.now < give_up) {
        if (sim_converged(&s, &last_sync)) {
            result->converged = true;
            break;
        }
        sim_send(&s);
        sim_guest(&s);
        sim_change(&s);
        s.now += STEP;
        if (s.now >= s.next_look) {
            sim_look(&s);
        }
        if (s.now >= next_sample) {
            sim_sample(&s, result);
            next_sample = s.now + 0.1;
        }
    }
    result->end = s.now + s.left / now.send_rate;
    g_free(s.todo);
    g_free(s.log);
    g_free(s.seen);
    g_free(s.fresh);
    g_rand_free(s.rand);
}
