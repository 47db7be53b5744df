/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small seeded scheduler behind qemu_thread_set_backend() and
 * clock_set_backend(): one thread runs at a time, every call is a point where
 * the seed picks who goes on, and time passes only when all wait.
 */
#include "qemu/osdep.h"

#include "qemu/clock.h"
#include "qemu/thread.h"

#define MAX_TASKS 8

typedef struct Sim Sim;

typedef struct Task {
    Sim *sim;
    pthread_t pthread;
    void *(*fn)(void *);
    void *arg;
    bool used;
    bool done;
    /* What it waits for: all NULL and no deadline means it can run. */
    QemuMutex *mutex;
    QemuCond *cond;
    struct Task *joined;
    int64_t deadline; /* 0: none */
    bool timed_out;
} Task;

struct Sim {
    pthread_mutex_t lock;
    pthread_cond_t turn_changed;
    Task tasks[MAX_TASKS];
    Task *turn;
    GRand *rand;
    GHashTable *held; /* set of QemuMutex */
    int64_t now;
    GString *trace;
};

static __thread Task *self;

static bool task_can_run(Sim *sim, Task *t)
{
    if (!t->used || t->done || t->cond) {
        return false;
    }
    if (t->joined) {
        return t->joined->done;
    }
    return !t->mutex || !g_hash_table_contains(sim->held, t->mutex);
}

/* Let time pass until somebody's deadline. */
static void pass_time(Sim *sim)
{
    Task *first = NULL;

    for (int i = 0; i < MAX_TASKS; i++) {
        Task *t = &sim->tasks[i];

        if (t->used && !t->done && t->deadline &&
            (!first || t->deadline < first->deadline)) {
            first = t;
        }
    }
    g_assert_nonnull(first); /* else: a deadlock */
    sim->now = MAX(sim->now, first->deadline);
    first->deadline = 0;
    first->cond = NULL;
    first->timed_out = true;
}

/* Pick who runs next; the caller holds sim->lock. */
static void pick(Sim *sim)
{
    Task *ready[MAX_TASKS];
    int n = 0;

    while (n == 0) {
        for (int i = 0; i < MAX_TASKS; i++) {
            if (task_can_run(sim, &sim->tasks[i])) {
                ready[n++] = &sim->tasks[i];
            }
        }
        if (n == 0) {
            pass_time(sim);
        }
    }
    sim->turn = ready[g_rand_int_range(sim->rand, 0, n)];
    g_string_append_c(sim->trace, '0' + (int)(sim->turn - sim->tasks));
    pthread_cond_broadcast(&sim->turn_changed);
}

/* Give the turn away and come back when it is ours again. */
static void reschedule(Sim *sim)
{
    pick(sim);
    while (sim->turn != self) {
        pthread_cond_wait(&sim->turn_changed, &sim->lock);
    }
}

static bool sim_lock(void *opaque, QemuMutex *mutex, bool wait)
{
    Sim *sim = opaque;
    bool got = true;

    pthread_mutex_lock(&sim->lock);
    self->mutex = wait ? mutex : NULL;
    reschedule(sim);
    self->mutex = NULL;
    got = g_hash_table_add(sim->held, mutex);
    g_assert_true(got || !wait);
    pthread_mutex_unlock(&sim->lock);
    return got;
}

static void sim_unlock(void *opaque, QemuMutex *mutex)
{
    Sim *sim = opaque;

    pthread_mutex_lock(&sim->lock);
    g_assert_true(g_hash_table_remove(sim->held, mutex));
    pthread_mutex_unlock(&sim->lock);
}

static bool sim_cond_wait(void *opaque, QemuCond *cond, QemuMutex *mutex,
                          int64_t ms)
{
    Sim *sim = opaque;

    pthread_mutex_lock(&sim->lock);
    g_assert_true(g_hash_table_remove(sim->held, mutex));
    self->cond = cond;
    self->mutex = mutex;
    self->timed_out = false;
    self->deadline = ms >= 0 ? sim->now + ms * NSEC_PER_MSEC + 1 : 0;
    reschedule(sim);
    self->mutex = NULL;
    self->deadline = 0;
    g_hash_table_add(sim->held, mutex);
    pthread_mutex_unlock(&sim->lock);
    return !self->timed_out;
}

static void sim_cond_wake(void *opaque, QemuCond *cond, bool all)
{
    Sim *sim = opaque;

    pthread_mutex_lock(&sim->lock);
    for (int i = 0; i < MAX_TASKS; i++) {
        if (sim->tasks[i].used && sim->tasks[i].cond == cond) {
            sim->tasks[i].cond = NULL;
            sim->tasks[i].deadline = 0;
            if (!all) {
                break;
            }
        }
    }
    pthread_mutex_unlock(&sim->lock);
}

static void *task_main(void *opaque)
{
    Task *t = opaque;
    void *ret;

    self = t;
    pthread_mutex_lock(&t->sim->lock);
    while (t->sim->turn != t) {
        pthread_cond_wait(&t->sim->turn_changed, &t->sim->lock);
    }
    pthread_mutex_unlock(&t->sim->lock);
    ret = t->fn(t->arg);
    pthread_mutex_lock(&t->sim->lock);
    t->done = true;
    pick(t->sim);
    pthread_mutex_unlock(&t->sim->lock);
    return ret;
}

static void sim_create(void *opaque, QemuThread *thread, const char *name,
                       void *(*fn)(void *), void *arg)
{
    Sim *sim = opaque;
    Task *t = sim->tasks;

    pthread_mutex_lock(&sim->lock);
    while (t->used) {
        t++;
        g_assert_true(t < sim->tasks + MAX_TASKS);
    }
    *t = (Task){ .sim = sim, .fn = fn, .arg = arg, .used = true };
    pthread_create(&t->pthread, NULL, task_main, t);
    thread->thread = t->pthread;
    pthread_mutex_unlock(&sim->lock);
}

static void *sim_join(void *opaque, QemuThread *thread)
{
    Sim *sim = opaque;
    Task *t = sim->tasks;
    void *ret;

    pthread_mutex_lock(&sim->lock);
    while (!t->used || !pthread_equal(t->pthread, thread->thread)) {
        t++;
    }
    self->joined = t;
    reschedule(sim);
    self->joined = NULL;
    pthread_mutex_unlock(&sim->lock);
    pthread_join(thread->thread, &ret);
    t->used = false;
    return ret;
}

static int64_t sim_now(void *opaque)
{
    return ((Sim *)opaque)->now;
}

static int64_t sim_wall(void *opaque)
{
    return ((Sim *)opaque)->now / 1000;
}

static void sim_sleep(void *opaque, int64_t ns)
{
    g_assert_not_reached(); /* the test does not sleep */
}

/* What runs under the scheduler: a producer and two consumers. */

typedef struct Work {
    QemuMutex lock;
    QemuSemaphore items;
    QemuEvent over;
    GString *order;
    int left;
    int timeouts;
} Work;

static void *consumer(void *opaque)
{
    Work *w = opaque;
    char name = 'a';

    WITH_QEMU_LOCK_GUARD(&w->lock) {
        name += w->left--;
    }
    for (int i = 0; i < 10; i++) {
        while (!qemu_sem_timedwait(&w->items, 1000)) {
            w->timeouts++;
        }
        QEMU_LOCK_GUARD(&w->lock);
        g_string_append_c(w->order, name);
    }
    qemu_event_wait(&w->over);
    return NULL;
}

static char *run_seeded(guint32 seed, int *timeouts, int64_t *elapsed)
{
    Sim sim = {
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .turn_changed = PTHREAD_COND_INITIALIZER,
        .rand = g_rand_new_with_seed(seed),
        .held = g_hash_table_new(NULL, NULL),
        .trace = g_string_new(NULL),
        .now = 1,
    };
    QemuThreadBackend threads = {
        sim_lock, sim_unlock, sim_cond_wait, sim_cond_wake,
        sim_create, sim_join, &sim,
    };
    ClockBackend clock = { sim_now, sim_wall, sim_sleep, &sim };
    Work w = { .order = g_string_new(NULL), .left = 2 };
    QemuThread c[2];
    char *result;

    sim.tasks[0] = (Task){ .sim = &sim, .used = true };
    self = sim.turn = &sim.tasks[0];
    qemu_thread_set_backend(&threads);
    clock_set_backend(&clock);

    qemu_mutex_init(&w.lock);
    qemu_sem_init(&w.items, 0);
    qemu_event_init(&w.over, false);
    for (int i = 0; i < 2; i++) {
        qemu_thread_create(&c[i], "consumer", consumer, &w);
    }
    /* Nobody posts meanwhile: two simulated seconds pass, in no real time. */
    g_assert_false(qemu_event_timedwait(&w.over, 2500));
    for (int i = 0; i < 20; i++) {
        qemu_sem_post(&w.items);
    }
    qemu_event_set(&w.over);
    for (int i = 0; i < 2; i++) {
        qemu_thread_join(&c[i]);
    }
    qemu_event_destroy(&w.over);
    qemu_sem_destroy(&w.items);
    qemu_mutex_destroy(&w.lock);

    qemu_thread_set_backend(NULL);
    clock_set_backend(NULL);
    g_assert_cmpint(w.order->len, ==, 20);
    *timeouts = w.timeouts;
    *elapsed = sim.now;
    result = g_strdup_printf("%s/%s", sim.trace->str, w.order->str);
    g_string_free(w.order, TRUE);
    g_string_free(sim.trace, TRUE);
    g_hash_table_unref(sim.held);
    g_rand_free(sim.rand);
    return result;
}

static void test_replay(void)
{
    g_autoptr(GHashTable) seen =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (guint32 seed = 0; seed < 20; seed++) {
        int timeouts, timeouts_again;
        int64_t elapsed, elapsed_again;
        char *once = run_seeded(seed, &timeouts, &elapsed);
        g_autofree char *again =
            run_seeded(seed, &timeouts_again, &elapsed_again);

        g_assert_cmpstr(once, ==, again);
        g_assert_cmpint(timeouts, ==, timeouts_again);
        g_assert_cmpint(elapsed, ==, elapsed_again);
        /* Two consumers, each of them twice before the main thread goes on. */
        g_assert_cmpint(timeouts, >=, 4);
        g_assert_cmpint(elapsed, >=, 2500 * NSEC_PER_MSEC);
        g_hash_table_add(seen, once);
    }
    /* The seed does decide. */
    g_assert_cmpint(g_hash_table_size(seen), >, 10);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/thread-backend/replay", test_replay);
    return g_test_run();
}
