/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The main loop over GLib's default context.
 *
 * GLib calls one function to wait; replacing it is enough to hold a lock
 * during every callback and drop it during every wait.
 */
#include "qemu/osdep.h"

#include "qemu/atomic.h"
#include "qemu/main-loop.h"

/* Set at start-up and shut-down by the thread that runs the loop. */
static QemuMutex *loop_lock;
static QemuMutex *loop_gate;
/* Released by main_loop_quit(): what came before it is seen after the run. */
static bool quit_requested;

static gint poll_unlocked(GPollFD *fds, guint n, gint timeout)
{
    gint ready;
    int saved_errno;

    /*
     * Also when @timeout is 0: a loop that always finds something to do must
     * not shut everybody else out.
     */
    qemu_mutex_unlock(loop_lock);
    ready = g_poll(fds, n, timeout);
    saved_errno = errno;
    qemu_mutex_lock(loop_gate);
    qemu_mutex_lock(loop_lock);
    qemu_mutex_unlock(loop_gate);
    errno = saved_errno;
    return ready;
}

/*
 * Scheduled calls wait in a queue of our own, served by one source that stays
 * attached: a source per call would be allocated and freed by GLib in different
 * threads, which the thread sanitizer, blind to GLib's locks, takes for a race.
 */
typedef struct ScheduledCall {
    void (*fn)(void *opaque);
    void *opaque;
} ScheduledCall;

static pthread_once_t schedule_once = PTHREAD_ONCE_INIT;
static QemuMutex schedule_lock;
static GQueue schedule_queue = G_QUEUE_INIT; /* under schedule_lock */
static GSource *schedule_source;

/* One call at a time, so that other sources have their turn in between. */
static gboolean run_next_scheduled(GSource *source, GSourceFunc callback,
                                   gpointer data)
{
    g_autofree ScheduledCall *call = NULL;

    WITH_QEMU_LOCK_GUARD(&schedule_lock) {
        call = g_queue_pop_head(&schedule_queue);
        if (!call) {
            g_source_set_ready_time(source, -1);
        }
    }
    if (call) {
        call->fn(call->opaque);
    }
    return G_SOURCE_CONTINUE;
}

static void schedule_init(void)
{
    static GSourceFuncs funcs = { .dispatch = run_next_scheduled };

    qemu_mutex_init(&schedule_lock);
    schedule_source = g_source_new(&funcs, sizeof(GSource));
    /* A call may run the context itself and wait there for a later one. */
    g_source_set_can_recurse(schedule_source, TRUE);
    g_source_attach(schedule_source, NULL);
}

void main_loop_schedule(void (*fn)(void *opaque), void *opaque)
{
    ScheduledCall *call = g_new0(ScheduledCall, 1);

    call->fn = fn;
    call->opaque = opaque;
    pthread_once(&schedule_once, schedule_init);
    WITH_QEMU_LOCK_GUARD(&schedule_lock) {
        g_queue_push_tail(&schedule_queue, call);
        g_source_set_ready_time(schedule_source, 0);
    }
}

void main_loop_set_lock(QemuMutex *lock, QemuMutex *gate)
{
    /* Here rather than in whichever thread schedules first. */
    pthread_once(&schedule_once, schedule_init);
    loop_lock = lock;
    loop_gate = gate;
    g_main_context_set_poll_func(NULL, lock ? poll_unlocked : NULL);
}

void main_loop_run(void)
{
    while (!qatomic_xchg(&quit_requested, false)) {
        g_main_context_iteration(NULL, TRUE);
    }
}

void main_loop_quit(void)
{
    qatomic_store_release(&quit_requested, true);
    g_main_context_wakeup(NULL);
}
