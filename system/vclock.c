/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtual clock, and timers on it. */
#include "qemu/osdep.h"

#include <x86intrin.h>

#include "machine-internal.h"
#include "qemu/clock.h"

struct VTimer {
    Machine *machine;
    void (*fn)(void *opaque);
    void *opaque;
    int64_t expire_ns; /* -1: not armed */
};

static void vclock_expired(Machine *m);

void vclock_init(Machine *m)
{
    VClock *c = &m->clock;

    qemu_mutex_init(&c->lock);
    c->source = machine_source_new(m, "vclock", vclock_expired);
}

void vclock_destroy(Machine *m)
{
    VClock *c = &m->clock;

    g_source_destroy(c->source);
    g_source_unref(c->source);
    g_list_free(c->timers);
    c->timers = NULL;
    qemu_mutex_destroy(&c->lock);
}

/* ---- time ---- */

static int64_t vclock_now(const VClock *c)
{
    if (c->manual) {
        return c->manual_ns;
    }
    return c->running ? clock_get_ns() + c->offset_ns : c->offset_ns;
}

int64_t vclock_get_ns(Machine *m)
{
    QEMU_LOCK_GUARD(&m->clock.lock);
    return vclock_now(&m->clock);
}

/* Counter values wrap; the arithmetic on them is unsigned. */
static int64_t host_ticks(void)
{
    return (int64_t)__rdtsc();
}

static int64_t add_ticks(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

int64_t vclock_get_ticks(Machine *m)
{
    VClock *c = &m->clock;

    QEMU_LOCK_GUARD(&c->lock);
    return c->running ? add_ticks(host_ticks(), c->offset_ticks)
                      : c->offset_ticks;
}

/* Wake the main loop at the first expiry, if the clock moves by itself. */
static void vclock_arm(Machine *m)
{
    VClock *c = &m->clock;
    VTimer *first = c->timers ? c->timers->data : NULL;
    int64_t ready = -1;

    if (first && c->running && !c->manual) {
        int64_t left = first->expire_ns - vclock_get_ns(m);

        ready = left <= 0 ? 0 : g_get_monotonic_time() + left / 1000 + 1;
    }
    g_source_set_ready_time(c->source, ready);
}

void vclock_start(Machine *m)
{
    VClock *c = &m->clock;

    qemu_mutex_lock(&c->lock);
    if (!c->running) {
        c->offset_ns -= clock_get_ns();
        c->offset_ticks = (int64_t)((uint64_t)c->offset_ticks
                                    - (uint64_t)host_ticks());
        c->running = true;
    }
    qemu_mutex_unlock(&c->lock);
    vclock_arm(m);
}

void vclock_stop(Machine *m)
{
    VClock *c = &m->clock;

    qemu_mutex_lock(&c->lock);
    if (c->running) {
        c->offset_ns += clock_get_ns();
        c->offset_ticks = add_ticks(c->offset_ticks, host_ticks());
        c->running = false;
    }
    qemu_mutex_unlock(&c->lock);
    vclock_arm(m);
}

void vclock_get_offsets(Machine *m, int64_t *ticks, int64_t *ns)
{
    QEMU_LOCK_GUARD(&m->clock.lock);
    *ticks = m->clock.offset_ticks;
    *ns = vclock_now(&m->clock);
}

void vclock_set_offsets(Machine *m, int64_t ticks, int64_t ns)
{
    VClock *c = &m->clock;

    qemu_mutex_lock(&c->lock);
    if (!c->running) {
        c->offset_ticks = ticks;
        c->offset_ns = ns;
        c->manual_ns = ns;
    }
    qemu_mutex_unlock(&c->lock);
    vclock_arm(m);
}

/* ---- timers ---- */

VTimer *vtimer_new(Machine *m, void (*fn)(void *opaque), void *opaque)
{
    VTimer *t = g_new0(VTimer, 1);

    t->machine = m;
    t->fn = fn;
    t->opaque = opaque;
    t->expire_ns = -1;
    return t;
}

void vtimer_free(VTimer *t)
{
    if (t) {
        vtimer_del(t);
        g_free(t);
    }
}

static gint vtimer_compare(gconstpointer a, gconstpointer b)
{
    const VTimer *x = a, *y = b;

    /* Equal ones stay in order of arming: the new one goes behind. */
    return x->expire_ns < y->expire_ns ? -1 : 1;
}

void vtimer_mod(VTimer *t, int64_t expire_ns)
{
    VClock *c = &t->machine->clock;

    c->timers = g_list_remove(c->timers, t);
    t->expire_ns = MAX(expire_ns, 0);
    c->timers = g_list_insert_sorted(c->timers, t, vtimer_compare);
    if (c->timers->data == t) {
        vclock_arm(t->machine);
    }
}

void vtimer_del(VTimer *t)
{
    VClock *c = &t->machine->clock;

    /* Without re-arming: at worst the main loop wakes up for nothing. */
    c->timers = g_list_remove(c->timers, t);
    t->expire_ns = -1;
}

bool vtimer_pending(VTimer *t)
{
    return t->expire_ns >= 0;
}

int64_t vtimer_expire_ns(VTimer *t)
{
    return t->expire_ns;
}

/* Run what is due at @now; a callback may arm timers again. */
static void vclock_run_due(Machine *m, int64_t now)
{
    VClock *c = &m->clock;

    while (c->timers) {
        VTimer *t = c->timers->data;

        if (t->expire_ns > now) {
            break;
        }
        vtimer_del(t);
        t->fn(t->opaque);
    }
}

static void vclock_expired(Machine *m)
{
    if (m->clock.running && !m->clock.manual) {
        vclock_run_due(m, vclock_get_ns(m));
    }
    vclock_arm(m);
}

int64_t vclock_next_deadline(Machine *m)
{
    GList *first = m->clock.timers;

    return first ? ((VTimer *)first->data)->expire_ns : -1;
}

/* ---- manual mode ---- */

void vclock_set_manual(Machine *m, bool on)
{
    VClock *c = &m->clock;

    qemu_mutex_lock(&c->lock);
    c->manual_ns = vclock_now(c);
    c->manual = on;
    qemu_mutex_unlock(&c->lock);
    vclock_arm(m);
}

static void vclock_manual_to(VClock *c, int64_t ns)
{
    QEMU_LOCK_GUARD(&c->lock);
    c->manual_ns = MAX(c->manual_ns, ns);
}

bool vclock_set_ns(Machine *m, int64_t ns)
{
    VClock *c = &m->clock;

    if (!c->manual || ns < vclock_get_ns(m)) {
        return false;
    }
    /* From one expiry to the next, so that callbacks see the right time. */
    while (c->timers && vclock_next_deadline(m) <= ns) {
        vclock_manual_to(c, vclock_next_deadline(m));
        vclock_run_due(m, vclock_get_ns(m));
    }
    vclock_manual_to(c, ns);
    return true;
}
