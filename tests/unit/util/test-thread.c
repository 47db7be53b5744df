/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"

#include <signal.h>

#include "qemu/atomic.h"
#include "qemu/clock.h"
#include "qemu/thread.h"

#define ROUNDS 2000

typedef struct Counter {
    QemuMutex lock;
    QemuCond changed;
    int value;
} Counter;

static void counter_init(Counter *c)
{
    qemu_mutex_init(&c->lock);
    qemu_cond_init(&c->changed);
    c->value = 0;
}

static void counter_destroy(Counter *c)
{
    qemu_cond_destroy(&c->changed);
    qemu_mutex_destroy(&c->lock);
}

static void *count_up(void *opaque)
{
    Counter *c = opaque;

    for (int i = 0; i < ROUNDS; i++) {
        QEMU_LOCK_GUARD(&c->lock);
        c->value++;
        qemu_cond_signal(&c->changed);
    }
    return c;
}

static void test_mutex_and_cond(void)
{
    QemuThread threads[4];
    Counter c;

    counter_init(&c);
    for (int i = 0; i < 4; i++) {
        qemu_thread_create(&threads[i], "count", count_up, &c);
    }
    WITH_QEMU_LOCK_GUARD(&c.lock) {
        while (c.value < 4 * ROUNDS) {
            qemu_cond_wait(&c.changed, &c.lock);
        }
    }
    for (int i = 0; i < 4; i++) {
        g_assert_true(qemu_thread_join(&threads[i]) == &c);
        g_assert_false(threads[i].created);
    }
    g_assert_cmpint(c.value, ==, 4 * ROUNDS);
    counter_destroy(&c);
}

static bool leave_early(QemuMutex *lock)
{
    WITH_QEMU_LOCK_GUARD(lock) {
        return true;
    }
    return false;
}

static void test_guards(void)
{
    QemuMutex lock;
    int passes = 0;

    qemu_mutex_init(&lock);
    WITH_QEMU_LOCK_GUARD(&lock) {
        passes++;
        g_assert_false(qemu_mutex_trylock(&lock));
    }
    g_assert_cmpint(passes, ==, 1);
    g_assert_true(qemu_mutex_trylock(&lock));
    qemu_mutex_unlock(&lock);
    g_assert_true(leave_early(&lock));
    g_assert_true(qemu_mutex_trylock(&lock));
    qemu_mutex_unlock(&lock);
    {
        QEMU_LOCK_GUARD(&lock);
        g_assert_false(qemu_mutex_trylock(&lock));
    }
    g_assert_true(qemu_mutex_trylock(&lock));
    qemu_mutex_unlock(&lock);
    qemu_mutex_destroy(&lock);
}

static void test_timed_waits(void)
{
    Counter c;
    QemuSemaphore sem;
    QemuEvent ev;
    int64_t start = clock_get_ns();

    counter_init(&c);
    qemu_mutex_lock(&c.lock);
    g_assert_false(qemu_cond_timedwait(&c.changed, &c.lock, 3));
    g_assert_false(qemu_cond_timedwait(&c.changed, &c.lock, -1));
    qemu_mutex_unlock(&c.lock);
    counter_destroy(&c);

    qemu_sem_init(&sem, 1);
    g_assert_true(qemu_sem_timedwait(&sem, 0));
    g_assert_false(qemu_sem_timedwait(&sem, 0));
    g_assert_false(qemu_sem_timedwait(&sem, 3));
    qemu_sem_post(&sem);
    g_assert_true(qemu_sem_timedwait(&sem, INT64_MAX));
    qemu_sem_destroy(&sem);

    qemu_event_init(&ev, false);
    g_assert_false(qemu_event_timedwait(&ev, 3));
    qemu_event_set(&ev);
    g_assert_true(qemu_event_timedwait(&ev, 0));
    qemu_event_wait(&ev);
    qemu_event_reset(&ev);
    g_assert_false(qemu_event_timedwait(&ev, 0));
    qemu_event_destroy(&ev);

    /* Each of the three waits of 3 ms was one. */
    g_assert_cmpint(clock_get_ns() - start, >=, 9 * NSEC_PER_MSEC);
}

typedef struct PingPong {
    QemuSemaphore ping;
    QemuSemaphore pong;
    QemuEvent go;
    int ball; /* owned by who has the semaphore */
} PingPong;

static void *ponger(void *opaque)
{
    PingPong *pp = opaque;

    qemu_event_wait(&pp->go);
    for (int i = 0; i < ROUNDS; i++) {
        qemu_sem_wait(&pp->ping);
        pp->ball++;
        qemu_sem_post(&pp->pong);
    }
    return NULL;
}

static void play(PingPong *pp)
{
    QemuThread thread;

    pp->ball = 0;
    qemu_sem_init(&pp->ping, 0);
    qemu_sem_init(&pp->pong, 0);
    qemu_event_init(&pp->go, false);
    qemu_thread_create(&thread, "ponger", ponger, pp);
    qemu_event_set(&pp->go);
    for (int i = 0; i < ROUNDS; i++) {
        g_assert_cmpint(pp->ball, ==, 2 * i);
        pp->ball++;
        qemu_sem_post(&pp->ping);
        qemu_sem_wait(&pp->pong);
    }
    qemu_thread_join(&thread);
    qemu_event_destroy(&pp->go);
    qemu_sem_destroy(&pp->pong);
    qemu_sem_destroy(&pp->ping);
}

static void test_semaphores(void)
{
    PingPong pp;

    play(&pp);
    g_assert_cmpint(pp.ball, ==, 2 * ROUNDS);
}

typedef struct Inside {
    QemuThread thread;
    QemuSemaphore known; /* @thread is filled in */
    bool is_self;
    int tid;
    char name[16];
    sigset_t mask;
} Inside;

static void *look_around(void *opaque)
{
    Inside *in = opaque;

    qemu_sem_wait(&in->known);
    in->is_self = qemu_thread_is_self(&in->thread);
    in->tid = qemu_get_thread_id();
    pthread_getname_np(pthread_self(), in->name, sizeof(in->name));
    pthread_sigmask(SIG_SETMASK, NULL, &in->mask);
    return NULL;
}

static void test_inside(void)
{
    Inside in = { 0 };
    sigset_t mine;

    qemu_sem_init(&in.known, 0);
    qemu_thread_naming(true);
    qemu_thread_create(&in.thread, "a-name-that-is-too-long", look_around,
                       &in);
    qemu_thread_naming(false);
    g_assert_false(qemu_thread_is_self(&in.thread));
    qemu_sem_post(&in.known);
    qemu_thread_join(&in.thread);
    qemu_sem_destroy(&in.known);

    g_assert_true(in.is_self);
    g_assert_cmpint(in.tid, !=, qemu_get_thread_id());
    g_assert_cmpint(qemu_get_thread_id(), ==, getpid());
    g_assert_cmpstr(in.name, ==, "a-name-that-is-");
    g_assert_true(sigismember(&in.mask, SIGINT));
    g_assert_true(sigismember(&in.mask, SIGUSR1));
    g_assert_false(sigismember(&in.mask, SIGBUS));
    g_assert_false(sigismember(&in.mask, SIGSEGV));
    pthread_sigmask(SIG_SETMASK, NULL, &mine);
    g_assert_false(sigismember(&mine, SIGINT));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/thread/mutex-and-cond", test_mutex_and_cond);
    g_test_add_func("/thread/guards", test_guards);
    g_test_add_func("/thread/timed-waits", test_timed_waits);
    g_test_add_func("/thread/semaphores", test_semaphores);
    g_test_add_func("/thread/inside", test_inside);
    return g_test_run();
}
