/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads and everything a thread can wait on, besides a QIOChannel.
 *
 * All blocking of the program goes through here or through a QIOChannel call,
 * so that a test can replace the primitives by a seeded scheduler
 * (qemu_thread_set_backend()).
 */
#ifndef QEMU_THREAD_H
#define QEMU_THREAD_H

#include <pthread.h>

#include "qemu/osdep.h"

typedef struct QemuMutex {
    pthread_mutex_t lock;
    bool initialized;
} QemuMutex;

typedef struct QemuCond {
    pthread_cond_t cond;
    bool initialized;
} QemuCond;

/* Counting semaphore. */
typedef struct QemuSemaphore {
    QemuMutex mutex;
    QemuCond cond;
    unsigned count;
} QemuSemaphore;

/* A flag to wait for: set wakes all waiters, and stays set until reset. */
typedef struct QemuEvent {
    QemuMutex mutex;
    QemuCond cond;
    bool value;
} QemuEvent;

typedef struct QemuThread {
    pthread_t thread;
    bool created; /* and not yet joined */
} QemuThread;

void qemu_mutex_init(QemuMutex *mutex);
void qemu_mutex_destroy(QemuMutex *mutex);
void qemu_mutex_lock(QemuMutex *mutex);
bool qemu_mutex_trylock(QemuMutex *mutex); /* true: locked */
void qemu_mutex_unlock(QemuMutex *mutex);

void qemu_cond_init(QemuCond *cond);
void qemu_cond_destroy(QemuCond *cond);
void qemu_cond_signal(QemuCond *cond);
void qemu_cond_broadcast(QemuCond *cond);
void qemu_cond_wait(QemuCond *cond, QemuMutex *mutex);
/* As above, at most @ms milliseconds; false: time is up. */
bool qemu_cond_timedwait(QemuCond *cond, QemuMutex *mutex, int64_t ms);

void qemu_sem_init(QemuSemaphore *sem, unsigned count);
void qemu_sem_destroy(QemuSemaphore *sem);
void qemu_sem_post(QemuSemaphore *sem);
void qemu_sem_wait(QemuSemaphore *sem);
/* False: not posted within @ms milliseconds. */
bool qemu_sem_timedwait(QemuSemaphore *sem, int64_t ms);

void qemu_event_init(QemuEvent *ev, bool set);
void qemu_event_destroy(QemuEvent *ev);
void qemu_event_set(QemuEvent *ev);
void qemu_event_reset(QemuEvent *ev);
void qemu_event_wait(QemuEvent *ev);
bool qemu_event_timedwait(QemuEvent *ev, int64_t ms);

/*
 * Start a joinable thread.  @name (at most 15 characters are shown) becomes the
 * kernel's thread name when qemu_thread_naming(true) was called.  All signals
 * but the synchronous ones are blocked in it.
 */
void qemu_thread_create(QemuThread *thread, const char *name,
                        void *(*fn)(void *), void *arg);
/* Wait for the end of @thread; returns what its function returned. */
void *qemu_thread_join(QemuThread *thread);
bool qemu_thread_is_self(const QemuThread *thread);
int qemu_get_thread_id(void); /* kernel thread id of the caller */
void qemu_thread_naming(bool on);

/*
 * Another implementation of blocking, for simulated schedulers: semaphores and
 * events are made of mutexes and conditions, so these six calls are everything
 * a thread can wait in.  Each member is called in place of the primitive and
 * must keep its meaning; initialisation and destruction stay here.
 */
typedef struct QemuThreadBackend {
    /* @wait false: only try.  Returns whether the caller now has @mutex. */
    bool (*mutex_lock)(void *opaque, QemuMutex *mutex, bool wait);
    void (*mutex_unlock)(void *opaque, QemuMutex *mutex);
    /* At most @ms milliseconds (negative: no limit); false: time is up. */
    bool (*cond_wait)(void *opaque, QemuCond *cond, QemuMutex *mutex,
                      int64_t ms);
    /* Wake one waiter or @all. */
    void (*cond_wake)(void *opaque, QemuCond *cond, bool all);
    /* Set thread->thread to a pthread that runs @fn(@arg). */
    void (*thread_create)(void *opaque, QemuThread *thread, const char *name,
                          void *(*fn)(void *), void *arg);
    void *(*thread_join)(void *opaque, QemuThread *thread);
    void *opaque;
} QemuThreadBackend;

/*
 * Use @backend (not copied) from now on; NULL: the real primitives.  Only
 * while the caller is the only thread and holds no mutex.  Timed waits of a
 * backend are in its own time: replace the clock as well.
 */
void qemu_thread_set_backend(const QemuThreadBackend *backend);

/* Hold @m until the end of the scope. */
typedef QemuMutex *QemuLockGuard;
static inline void qemu_lock_guard_cleanup(QemuLockGuard *guard)
{
    qemu_mutex_unlock(*guard);
}
static inline QemuMutex *qemu_lock_guard_take(QemuMutex *mutex)
{
    qemu_mutex_lock(mutex);
    return mutex;
}
#define QEMU_LOCK_GUARD(m)                                                     \
    QemuLockGuard G_PASTE(qemu_lock_guard_, __COUNTER__)                       \
        __attribute__((cleanup(qemu_lock_guard_cleanup), unused)) =            \
            qemu_lock_guard_take(m)

/*
 * Hold @m for the one block that follows; leaving the block early (return,
 * break, goto) unlocks too.
 */
#define WITH_QEMU_LOCK_GUARD(m)                                                \
    for (QemuLockGuard qemu_lock_guard_with                                    \
             __attribute__((cleanup(qemu_lock_guard_leave))) =                 \
                 qemu_lock_guard_take(m);                                      \
         qemu_lock_guard_with;                                                 \
         qemu_mutex_unlock(qemu_lock_guard_with), qemu_lock_guard_with = NULL)
static inline void qemu_lock_guard_leave(QemuLockGuard *guard)
{
    if (*guard) {
        qemu_mutex_unlock(*guard);
    }
}

#endif
