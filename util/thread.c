/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads over pthreads, or over the backend of a simulation.
 *
 * A pthread call that fails here means misuse (a lock destroyed while held, a
 * thread joined twice) or a host that cannot start another thread: nothing
 * could go on safely, so the program ends with a message.
 */
#include "qemu/osdep.h"

#include <signal.h>
#include <sys/syscall.h>
#include <time.h>

#include "qemu/atomic.h"
#include "qemu/clock.h"
#include "qemu/error.h"
#include "qemu/thread.h"

/* Changed only while there is one thread, hence no ordering needed. */
static const QemuThreadBackend *backend;
static bool name_threads;

void qemu_thread_set_backend(const QemuThreadBackend *b)
{
    backend = b;
}

static void check(int err, const char *what)
{
    if (G_UNLIKELY(err)) {
        error_report("%s: %s", what, g_strerror(err));
        abort();
    }
}

/* Mutexes */

void qemu_mutex_init(QemuMutex *mutex)
{
    check(pthread_mutex_init(&mutex->lock, NULL), "cannot make a mutex");
    mutex->initialized = true;
}

void qemu_mutex_destroy(QemuMutex *mutex)
{
    g_assert(mutex->initialized);
    mutex->initialized = false;
    check(pthread_mutex_destroy(&mutex->lock), "cannot destroy a mutex");
}

void qemu_mutex_lock(QemuMutex *mutex)
{
    g_assert(mutex->initialized);
    if (G_UNLIKELY(backend)) {
        backend->mutex_lock(backend->opaque, mutex, true);
        return;
    }
    check(pthread_mutex_lock(&mutex->lock), "cannot lock a mutex");
}

bool qemu_mutex_trylock(QemuMutex *mutex)
{
    int err;

    g_assert(mutex->initialized);
    if (G_UNLIKELY(backend)) {
        return backend->mutex_lock(backend->opaque, mutex, false);
    }
    err = pthread_mutex_trylock(&mutex->lock);
    if (err == EBUSY) {
        return false;
    }
    check(err, "cannot lock a mutex");
    return true;
}

void qemu_mutex_unlock(QemuMutex *mutex)
{
    g_assert(mutex->initialized);
    if (G_UNLIKELY(backend)) {
        backend->mutex_unlock(backend->opaque, mutex);
        return;
    }
    check(pthread_mutex_unlock(&mutex->lock), "cannot unlock a mutex");
}

/* Conditions */

void qemu_cond_init(QemuCond *cond)
{
    pthread_condattr_t attr;

    check(pthread_condattr_init(&attr), "cannot make a condition");
    /* Timed waits must not see the wall clock being set. */
    check(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC),
          "cannot set the clock of a condition");
    check(pthread_cond_init(&cond->cond, &attr), "cannot make a condition");
    pthread_condattr_destroy(&attr);
    cond->initialized = true;
}

void qemu_cond_destroy(QemuCond *cond)
{
    g_assert(cond->initialized);
    cond->initialized = false;
    check(pthread_cond_destroy(&cond->cond), "cannot destroy a condition");
}

void qemu_cond_signal(QemuCond *cond)
{
    g_assert(cond->initialized);
    if (G_UNLIKELY(backend)) {
        backend->cond_wake(backend->opaque, cond, false);
        return;
    }
    check(pthread_cond_signal(&cond->cond), "cannot signal a condition");
}

void qemu_cond_broadcast(QemuCond *cond)
{
    g_assert(cond->initialized);
    if (G_UNLIKELY(backend)) {
        backend->cond_wake(backend->opaque, cond, true);
        return;
    }
    check(pthread_cond_broadcast(&cond->cond), "cannot signal a condition");
}

void qemu_cond_wait(QemuCond *cond, QemuMutex *mutex)
{
    g_assert(cond->initialized && mutex->initialized);
    if (G_UNLIKELY(backend)) {
        backend->cond_wait(backend->opaque, cond, mutex, -1);
        return;
    }
    check(pthread_cond_wait(&cond->cond, &mutex->lock),
          "cannot wait for a condition");
}

bool qemu_cond_timedwait(QemuCond *cond, QemuMutex *mutex, int64_t ms)
{
    struct timespec until;
    int err;

    g_assert(cond->initialized && mutex->initialized);
    ms = MAX(ms, 0);
    if (G_UNLIKELY(backend)) {
        return backend->cond_wait(backend->opaque, cond, mutex, ms);
    }
    /* The kernel's clock, not util/clock's: the wait itself is real. */
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * NSEC_PER_MSEC;
    if (until.tv_nsec >= NSEC_PER_SEC) {
        until.tv_sec++;
        until.tv_nsec -= NSEC_PER_SEC;
    }
    err = pthread_cond_timedwait(&cond->cond, &mutex->lock, &until);
    if (err == ETIMEDOUT) {
        return false;
    }
    check(err, "cannot wait for a condition");
    return true;
}

/*
 * Wait until @deadline (nanoseconds of util/clock), or for a wake-up.  False:
 * time is up.  Wake-ups may be spurious; the caller looks at its condition.
 */
static bool cond_wait_until(QemuCond *cond, QemuMutex *mutex, int64_t deadline)
{
    int64_t left = deadline - clock_get_ns();

    return left > 0 &&
           qemu_cond_timedwait(cond, mutex, DIV_ROUND_UP(left, NSEC_PER_MSEC));
}

static int64_t deadline_after_ms(int64_t ms)
{
    int64_t now = clock_get_ns();

    return ms < (INT64_MAX - now) / NSEC_PER_MSEC ? now + ms * NSEC_PER_MSEC
                                                  : INT64_MAX;
}

/* Semaphores */

void qemu_sem_init(QemuSemaphore *sem, unsigned count)
{
    qemu_mutex_init(&sem->mutex);
    qemu_cond_init(&sem->cond);
    sem->count = count;
}

void qemu_sem_destroy(QemuSemaphore *sem)
{
    qemu_cond_destroy(&sem->cond);
    qemu_mutex_destroy(&sem->mutex);
}

void qemu_sem_post(QemuSemaphore *sem)
{
    QEMU_LOCK_GUARD(&sem->mutex);

    g_assert(sem->count < UINT_MAX);
    sem->count++;
    /*
     * With the lock held, so that a waiter may destroy the semaphore as soon
     * as it has the count.
     */
    qemu_cond_signal(&sem->cond);
}

void qemu_sem_wait(QemuSemaphore *sem)
{
    QEMU_LOCK_GUARD(&sem->mutex);

    while (sem->count == 0) {
        qemu_cond_wait(&sem->cond, &sem->mutex);
    }
    sem->count--;
}

bool qemu_sem_timedwait(QemuSemaphore *sem, int64_t ms)
{
    int64_t deadline = deadline_after_ms(ms);
    QEMU_LOCK_GUARD(&sem->mutex);

    while (sem->count == 0 &&
           cond_wait_until(&sem->cond, &sem->mutex, deadline)) {
        /* Woken: look again. */
    }
    if (sem->count == 0) {
        return false;
    }
    sem->count--;
    return true;
}

/* Events */

void qemu_event_init(QemuEvent *ev, bool set)
{
    qemu_mutex_init(&ev->mutex);
    qemu_cond_init(&ev->cond);
    ev->value = set;
}

void qemu_event_destroy(QemuEvent *ev)
{
    qemu_cond_destroy(&ev->cond);
    qemu_mutex_destroy(&ev->mutex);
}

void qemu_event_set(QemuEvent *ev)
{
    QEMU_LOCK_GUARD(&ev->mutex);

    ev->value = true;
    qemu_cond_broadcast(&ev->cond);
}

void qemu_event_reset(QemuEvent *ev)
{
    QEMU_LOCK_GUARD(&ev->mutex);

    ev->value = false;
}

void qemu_event_wait(QemuEvent *ev)
{
    QEMU_LOCK_GUARD(&ev->mutex);

    while (!ev->value) {
        qemu_cond_wait(&ev->cond, &ev->mutex);
    }
}

bool qemu_event_timedwait(QemuEvent *ev, int64_t ms)
{
    int64_t deadline = deadline_after_ms(ms);
    QEMU_LOCK_GUARD(&ev->mutex);

    while (!ev->value && cond_wait_until(&ev->cond, &ev->mutex, deadline)) {
        /* Woken: look again. */
    }
    return ev->value;
}

/* Threads */

typedef struct ThreadStart {
    void *(*fn)(void *);
    void *arg;
    char name[16]; /* what the kernel takes, terminator included */
} ThreadStart;

static void *thread_body(void *opaque)
{
    ThreadStart start = *(ThreadStart *)opaque;

    g_free(opaque);
    if (start.name[0]) {
        pthread_setname_np(pthread_self(), start.name);
    }
    return start.fn(start.arg);
}

static void real_thread_create(QemuThread *thread, const char *name,
                               void *(*fn)(void *), void *arg)
{
    ThreadStart *start = g_new0(ThreadStart, 1);
    sigset_t blocked, old;

    start->fn = fn;
    start->arg = arg;
    if (qatomic_read(&name_threads)) {
        g_strlcpy(start->name, name, sizeof(start->name));
    }

    /*
     * A new thread starts with its creator's mask.  Faults that an instruction
     * raises must stay deliverable: blocked, they would kill the process.
     */
    sigfillset(&blocked);
    sigdelset(&blocked, SIGSEGV);
    sigdelset(&blocked, SIGBUS);
    sigdelset(&blocked, SIGFPE);
    sigdelset(&blocked, SIGILL);
    sigdelset(&blocked, SIGTRAP);
    sigdelset(&blocked, SIGSYS);
    sigdelset(&blocked, SIGABRT);
    check(pthread_sigmask(SIG_SETMASK, &blocked, &old), "cannot block signals");
    check(pthread_create(&thread->thread, NULL, thread_body, start),
          "cannot start a thread");
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void qemu_thread_create(QemuThread *thread, const char *name,
                        void *(*fn)(void *), void *arg)
{
    /* Before the thread runs: it may pass @thread to who joins it. */
    thread->created = true;
    if (G_UNLIKELY(backend)) {
        backend->thread_create(backend->opaque, thread, name, fn, arg);
    } else {
        real_thread_create(thread, name, fn, arg);
    }
}

void *qemu_thread_join(QemuThread *thread)
{
    void *ret = NULL;

    g_assert(thread->created);
    if (G_UNLIKELY(backend)) {
        ret = backend->thread_join(backend->opaque, thread);
    } else {
        check(pthread_join(thread->thread, &ret), "cannot join a thread");
    }
    thread->created = false;
    return ret;
}

bool qemu_thread_is_self(const QemuThread *thread)
{
    return pthread_equal(pthread_self(), thread->thread);
}

int qemu_get_thread_id(void)
{
    return (int)syscall(SYS_gettid);
}

void qemu_thread_naming(bool on)
{
    qatomic_set(&name_threads, on);
}
