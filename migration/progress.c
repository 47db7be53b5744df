/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"
#include "migration/progress.h"

#include <math.h>

#include "qemu/clock.h"
#include "trace/trace-migration.h"

/* A look at the log: soon after the start, then less and less often. */
#define LOOK_FIRST_NS (50 * NSEC_PER_MSEC)
#define LOOK_LONGEST_NS NSEC_PER_SEC
/* It may cost that part of the time. */
#define LOOK_SHARE 50
/* A forecast lives at least that long. */
#define FORECAST_NS (100 * NSEC_PER_MSEC)
/* What downtime-limit may be set to, in milliseconds. */
#define DOWNTIME_LIMIT_MAX 2000000
/* A destination that takes nothing for that long is worth a word. */
#define STALLED_NS NSEC_PER_SEC

static double seconds(int64_t ns)
{
    return ns / (double)NSEC_PER_SEC;
}

void progress_init(MigrationProgress *p)
{
    *p = (MigrationProgress) { 0 };
    qemu_mutex_init(&p->lock);
}

void progress_destroy(MigrationProgress *p)
{
    qapi_free_MigrationFailure(p->failure);
    qemu_mutex_destroy(&p->lock);
}

/* ---- phases ---- */

static void phase_close(MigrationProgress *p, int64_t now)
{
    if (p->going_on) {
        p->spent_ns[p->phase] += now - p->phase_ns;
    }
    p->phase_ns = now;
}

static void phase_open(MigrationProgress *p, MigrationPhase phase)
{
    p->phase = phase;
    p->entered |= 1u << phase;
    trace_migration_phase(MigrationPhase_str(phase));
}

void progress_start(MigrationProgress *p)
{
    int64_t now = clock_get_ns();

    qemu_mutex_lock(&p->lock);
    qapi_free_MigrationFailure(p->failure);
    p->failure = NULL;
    memset(p->spent_ns, 0, sizeof(p->spent_ns));
    p->started = p->going_on = true;
    p->completed = p->has_forecast = false;
    p->entered = 0;
    p->start_ns = 0;
    p->first = p->again = p->zero = p->device_bytes = 0;
    p->pages = p->untouched = 0;
    p->at = (ProgressPoint) { 0 };
    p->phase_ns = p->told_ns = now;
    estimate_start(&p->estimate, 0, 0);
    phase_open(p, MIGRATION_PHASE_CONNECT);
    qemu_mutex_unlock(&p->lock);
}

void progress_enter(MigrationProgress *p, MigrationPhase phase)
{
    QEMU_LOCK_GUARD(&p->lock);

    if (p->going_on && phase != p->phase) {
        p->told_ns = clock_get_ns();
        phase_close(p, p->told_ns);
        phase_open(p, phase);
    }
}

void progress_end(MigrationProgress *p, bool completed)
{
    QEMU_LOCK_GUARD(&p->lock);

    phase_close(p, clock_get_ns());
    p->going_on = p->has_forecast = false;
    p->completed = completed;
}

void progress_fail(MigrationProgress *p, const char *reason,
                   const char *section, const char *channel,
                   uint32_t peer_code, const char *peer_reason)
{
    MigrationFailure *f;

    QEMU_LOCK_GUARD(&p->lock);
    if (p->failure) {
        return;
    }
    f = g_new0(MigrationFailure, 1);
    f->reason = g_strdup(reason);
    f->has_phase = true;
    f->phase = p->phase;
    f->section = g_strdup(section);
    f->channel = g_strdup(channel);
    f->has_peer_code = peer_code != 0;
    f->peer_code = peer_code;
    f->peer_reason = g_strdup(peer_reason);
    p->failure = f;
}

/* ---- told by the migration thread ---- */

static double now_seconds(const MigrationProgress *p)
{
    return seconds(clock_get_ns() - p->start_ns);
}

void progress_first_pass(MigrationProgress *p, const ProgressPoint *at,
                         const ProgressLimits *limits)
{
    progress_enter(p, MIGRATION_PHASE_FIRST_PASS);
    QEMU_LOCK_GUARD(&p->lock);
    p->at = *at;
    p->pages = at->ram.todo;
    p->limits = *limits;
    p->start_ns = p->told_ns = clock_get_ns();
    p->look_every_ns = LOOK_FIRST_NS;
    p->next_look_ns = p->start_ns + LOOK_FIRST_NS;
    estimate_start(&p->estimate, 0, at->ram.todo);
}

/*
 * Every page goes out once before any goes out again (a pass walks round all
 * memory, and those not yet sent come first), so it is enough to count.
 */
static void progress_count(MigrationProgress *p, const ProgressPoint *at)
{
    uint64_t before = p->at.normal + p->at.zero;
    uint64_t now = at->normal + at->zero;
    uint64_t normal = at->normal - p->at.normal;
    uint64_t again = now > p->pages ? now - MAX(before, p->pages) : 0;

    again = MIN(again, normal);
    p->again += again;
    p->first += normal - again;
    p->zero += at->zero - p->at.zero;
}

/* Pages to be sent in this pass that the guest ever touched. */
static double touched_todo(const MigrationProgress *p)
{
    uint64_t untouched = p->untouched > p->at.ram.untouched
                             ? p->untouched - p->at.ram.untouched
                             : 0;

    return p->at.ram.todo > untouched ? p->at.ram.todo - untouched : 0;
}

static void progress_forecast(MigrationProgress *p, int64_t now)
{
    EstimateGoal goal = {
        .limit = p->limits.max_bandwidth,
        .seconds = p->limits.downtime_ms / 1000.0,
        .bandwidth = p->limits.switchover_bandwidth,
    };
    DirtyCurve curve;
    ForecastInput in;

    p->forecast_ns = now;
    p->has_forecast = estimate_input(&p->estimate, seconds(now - p->start_ns),
                                     touched_todo(p), &goal, &curve, &in);
    if (!p->has_forecast) {
        return;
    }
    forecast_make(&in, &p->forecast);
    p->may_remain = in.limit;
    if (!p->forecast.converges) {
        forecast_remedies(&in, goal.seconds, &p->remedies);
    }
    trace_migration_forecast(seconds(now - p->start_ns),
                             p->forecast.converges, p->forecast.seconds,
                             p->forecast.settles_at);
}

void progress_tell(MigrationProgress *p, ProgressSpent spent,
                   const ProgressPoint *at, const ProgressLimits *limits)
{
    int64_t now = clock_get_ns();
    double t, pages;

    QEMU_LOCK_GUARD(&p->lock);
    t = seconds(now - p->told_ns);
    pages = (at->ram.sent - at->ram.untouched) -
            (double)(p->at.ram.sent - p->at.ram.untouched);
    if (limits->max_bandwidth != p->limits.max_bandwidth) {
        estimate_new_limit(&p->estimate);
    }
    p->limits = *limits;
    if (spent != PROGRESS_OTHER) {
        double whole = at->normal - p->at.normal;
        double bytes = at->bytes - p->at.bytes;

        estimate_sent(&p->estimate, pages, whole, bytes,
                      spent == PROGRESS_SENDING ? t : 0,
                      spent == PROGRESS_LIMITED ? t : 0);
        trace_migration_sent(seconds(now - p->start_ns), pages, whole, bytes,
                             t, spent == PROGRESS_LIMITED);
    }
    progress_count(p, at);
    p->at = *at;
    p->told_ns = now;
    if ((p->phase == MIGRATION_PHASE_FIRST_PASS ||
         p->phase == MIGRATION_PHASE_ITERATE) &&
        now - p->forecast_ns >= FORECAST_NS) {
        progress_forecast(p, now);
    }
}

void progress_synced(MigrationProgress *p, uint64_t left, uint64_t found,
                     uint64_t fresh, uint64_t unsure)
{
    QEMU_LOCK_GUARD(&p->lock);

    /* A page that was never touched is none of those that are left then. */
    estimate_synced(&p->estimate, now_seconds(p), &(EstimateSync) {
        .left = left,
        .found = found,
        .fresh = fresh,
        .unsure = unsure,
    });
    trace_migration_synced(now_seconds(p), left, found, fresh, unsure);
    p->told_ns = clock_get_ns();
}

bool progress_wants_look(MigrationProgress *p)
{
    return clock_get_ns() >= p->next_look_ns;
}

void progress_looked(MigrationProgress *p, const DirtyLook *look,
                     int64_t began_ns)
{
    int64_t now = clock_get_ns(), took = now - began_ns;
    EstimateLook l = {
        .pages = look->pages - look->untouched,
        .todo = look->todo,
        .written = look->written,
        .written_todo = look->written_todo,
        .backlog = look->backlog,
        .fresh = look->fresh,
        .unsure = look->unsure,
    };

    QEMU_LOCK_GUARD(&p->lock);
    p->untouched = p->at.ram.untouched + look->untouched;
    l.pages = look->pages - p->untouched;
    estimate_look(&p->estimate, now_seconds(p), &l);
    trace_migration_look(now_seconds(p), l.pages, l.todo, l.written,
                         l.written_todo, l.backlog, l.fresh, l.unsure);
    p->told_ns = now;
    p->look_every_ns = MIN(p->look_every_ns * 3 / 2, LOOK_LONGEST_NS);
    p->next_look_ns = now + MAX(p->look_every_ns, took * LOOK_SHARE);
}

void progress_device_bytes(MigrationProgress *p, uint64_t n)
{
    QEMU_LOCK_GUARD(&p->lock);

    p->device_bytes = n;
}

/* ---- report ---- */

static uint64_t to_bytes(double pages)
{
    return pages > 0 ? MIN(pages, 1e15) * TARGET_PAGE_SIZE : 0;
}

static MigrationForecast *query_forecast(const MigrationProgress *p,
                                         int64_t now)
{
    const Forecast *f = &p->forecast;
    MigrationForecast *out = g_new0(MigrationForecast, 1);
    double left = f->seconds - seconds(now - p->forecast_ns);

    out->converges = f->converges;
    out->may_remain = to_bytes(p->may_remain);
    if (f->converges) {
        out->has_remaining_time = out->has_downtime = true;
        out->remaining_time = MAX(left, f->downtime) * 1000;
        out->downtime = f->downtime * 1000;
        return out;
    }
    out->has_settles_at = true;
    out->settles_at = to_bytes(f->settles_at);
    out->needed_bandwidth = p->remedies.rate *
                            estimate_page_cost(&p->estimate);
    /* What the connection cannot do, no limit changes. */
    out->has_needed_bandwidth =
        p->remedies.rate > 0 &&
        out->needed_bandwidth <= estimate_link_rate(&p->estimate);
    if (p->remedies.limit > 0 && p->may_remain > 0) {
        out->needed_downtime_limit =
            ceil(p->limits.downtime_ms * p->remedies.limit / p->may_remain);
        out->has_needed_downtime_limit =
            out->needed_downtime_limit <= DOWNTIME_LIMIT_MAX;
    }
    out->has_needed_dirty_rate = p->remedies.slowdown > 0;
    out->needed_dirty_rate = to_bytes(estimate_dirty_rate(&p->estimate)) *
                             p->remedies.slowdown;
    return out;
}

static double query_percent(const MigrationProgress *p)
{
    double sent = p->at.ram.sent - p->at.ram.untouched;
    double todo = touched_todo(p), percent;

    if (p->completed) {
        return 100;
    }
    if (p->has_forecast && p->forecast.converges) {
        /* From when the forecast was made; a little less by now. */
        todo = MAX(todo, p->forecast.pages);
    } else if (p->has_forecast) {
        sent = MAX((double)p->pages - p->untouched - todo, 0);
    }
    percent = sent + todo > 0 ? sent * 100 / (sent + todo) : 0;
    return MIN(percent, 99.9);
}

static MigrationPhaseTimeList *query_phases(const MigrationProgress *p,
                                            int64_t now)
{
    MigrationPhaseTimeList *list = NULL, **tail = &list;

    for (int i = 0; i < MIGRATION_PHASE__MAX; i++) {
        MigrationPhaseTime *t;
        int64_t ns = p->spent_ns[i];

        if (!(p->entered & (1u << i))) {
            continue;
        }
        if (p->going_on && (int)p->phase == i) {
            ns += now - p->phase_ns;
        }
        t = g_new0(MigrationPhaseTime, 1);
        t->phase = i;
        t->microseconds = ns / 1000;
        QAPI_LIST_APPEND(tail, t);
    }
    return list;
}

/* Is the thread in a phase in which it writes, and does not get on? */
static bool is_stalled(const MigrationProgress *p, int64_t now)
{
    switch (p->phase) {
    case MIGRATION_PHASE_FIRST_PASS:
    case MIGRATION_PHASE_ITERATE:
    case MIGRATION_PHASE_LAST_MEMORY:
    case MIGRATION_PHASE_HAND_OVER:
    case MIGRATION_PHASE_ANSWER:
        return now - p->told_ns >= STALLED_NS;
    default:
        return false;
    }
}

MigrationReport *progress_query(MigrationProgress *p)
{
    MigrationReport *r;
    int64_t now;

    QEMU_LOCK_GUARD(&p->lock);
    if (!p->started) {
        return NULL;
    }
    now = clock_get_ns();
    r = g_new0(MigrationReport, 1);
    if (p->going_on) {
        r->has_phase = r->has_phase_age = true;
        r->phase = p->phase;
        r->phase_age = (now - p->phase_ns) / NSEC_PER_MSEC;
        r->has_stalled = is_stalled(p, now);
        r->stalled = r->has_stalled ? (now - p->told_ns) / NSEC_PER_MSEC : 0;
    }
    r->percent = query_percent(p);
    r->send_rate = estimate_send_rate(&p->estimate);
    r->link_rate = estimate_link_rate(&p->estimate);
    r->dirty_rate = to_bytes(estimate_dirty_rate(&p->estimate));
    r->working_set = to_bytes(estimate_working_set(&p->estimate));
    if (p->has_forecast && (p->phase == MIGRATION_PHASE_FIRST_PASS ||
                            p->phase == MIGRATION_PHASE_ITERATE)) {
        r->forecast = query_forecast(p, now);
    }
    r->phases = query_phases(p, now);
    r->bytes = g_new0(MigrationBytes, 1);
    r->bytes->first_copy = p->first * TARGET_PAGE_SIZE;
    r->bytes->re_dirtied = p->again * TARGET_PAGE_SIZE;
    r->bytes->zero = p->zero * TARGET_PAGE_SIZE;
    r->bytes->device = p->device_bytes;
    r->failure = qapi_MigrationFailure_clone(p->failure);
    return r;
}
