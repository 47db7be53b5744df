/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Resets, ends and stops wanted by any thread, done by the main loop. */
#include "qemu/osdep.h"

#include "machine-internal.h"
#include "qapi/qapi-events-run-state.h"
#include "qemu/main-loop.h"

void runcontrol_requests_init(Machine *m)
{
    RunControl *rc = &m->run;

    qemu_mutex_init(&rc->request_lock);
    rc->source = machine_source_new(m, "run-state-requests",
                                    system_handle_requests);
}

void runcontrol_requests_destroy(Machine *m)
{
    RunControl *rc = &m->run;

    g_source_destroy(rc->source);
    g_source_unref(rc->source);
    qemu_mutex_destroy(&rc->request_lock);
}

void runcontrol_wake(Machine *m)
{
    g_source_set_ready_time(m->run.source, 0);
}

/* The first one to ask gives the reason. */
static void request(Machine *m, ShutdownCause *which, ShutdownCause cause)
{
    qemu_mutex_lock(&m->run.request_lock);
    if (*which == SHUTDOWN_CAUSE_NONE) {
        *which = cause;
    }
    qemu_mutex_unlock(&m->run.request_lock);
    runcontrol_wake(m);
}

void system_reset_request(Machine *m, ShutdownCause cause)
{
    if (m->run.no_reboot && cause == SHUTDOWN_CAUSE_GUEST_RESET) {
        request(m, &m->run.shutdown, cause);
    } else {
        request(m, &m->run.reset, cause);
    }
}

void system_shutdown_request(Machine *m, ShutdownCause cause)
{
    request(m, &m->run.shutdown, cause);
}

void system_stop_request(Machine *m, RunState state)
{
    qemu_mutex_lock(&m->run.request_lock);
    m->run.stop = true;
    m->run.stop_state = state;
    qemu_mutex_unlock(&m->run.request_lock);
    runcontrol_wake(m);
}

void runstate_set_shutdown_handler(Machine *m, void (*fn)(void *opaque),
                                   void *opaque)
{
    m->run.shutdown_fn = fn;
    m->run.shutdown_opaque = opaque;
}

void runstate_set_actions(Machine *m, bool no_reboot, bool no_shutdown)
{
    m->run.no_reboot = no_reboot;
    m->run.no_shutdown = no_shutdown;
}

void runstate_get_actions(Machine *m, bool *no_reboot, bool *no_shutdown)
{
    *no_reboot = m->run.no_reboot;
    *no_shutdown = m->run.no_shutdown;
}

/* ---- doing it ---- */

static ShutdownCause take(Machine *m, ShutdownCause *which)
{
    ShutdownCause cause;

    QEMU_LOCK_GUARD(&m->run.request_lock);
    cause = *which;
    *which = SHUTDOWN_CAUSE_NONE;
    return cause;
}

static bool caused_by_guest(ShutdownCause cause)
{
    return cause >= SHUTDOWN_CAUSE_GUEST_SHUTDOWN;
}

static void do_stop(Machine *m)
{
    bool wanted;
    RunState state;

    qemu_mutex_lock(&m->run.request_lock);
    wanted = m->run.stop;
    state = m->run.stop_state;
    m->run.stop = false;
    qemu_mutex_unlock(&m->run.request_lock);
    /* If it stands by now, somebody else's reason was first. */
    if (wanted && runstate_is_running(m)) {
        vm_stop(m, state, NULL);
    }
}

static void do_shutdown(Machine *m, ShutdownCause cause)
{
    qapi_event_send_shutdown(m->sink, caused_by_guest(cause), cause);
    if (m->run.no_shutdown && caused_by_guest(cause)) {
        vm_stop(m, RUN_STATE_SHUTDOWN, NULL);
    } else if (m->run.shutdown_fn) {
        m->run.shutdown_fn(m->run.shutdown_opaque);
    } else {
        main_loop_quit();
    }
}

/* In the middle of a change: nobody starts or stops the guest meanwhile. */
static void do_reset(Machine *m, ShutdownCause cause)
{
    bool running = runstate_is_running(m);

    if (running) {
        cpus_pause_all(m);
    }
    machine_reset(m, cause);
    if (running) {
        cpus_resume_all(m);
    } else if (runstate_get(m) != RUN_STATE_INMIGRATE) {
        m->run.was_suspended = false;
        runstate_set(m, RUN_STATE_PRELAUNCH);
    }
}

void system_handle_requests(Machine *m)
{
    ShutdownCause cause;

    do_stop(m);
    cause = take(m, &m->run.shutdown);
    if (cause != SHUTDOWN_CAUSE_NONE) {
        do_shutdown(m, cause);
    }
    runcontrol_begin_change(m);
    /*
     * In finish-migrate the stream is about to hold the guest's state: a reset
     * now would leave source and destination with different guests.
     */
    if (runstate_get(m) != RUN_STATE_FINISH_MIGRATE) {
        cause = take(m, &m->run.reset);
        if (cause != SHUTDOWN_CAUSE_NONE) {
            do_reset(m, cause);
        }
    }
    runcontrol_end_change(m);
}
