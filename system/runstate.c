/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The run state: what changes are possible, stopping and starting. */
#include "qemu/osdep.h"

#include "machine-internal.h"
#include "qapi/qapi-events-run-state.h"
#include "qemu/atomic.h"

#define TO(s) (UINT32_C(1) << RUN_STATE_##s)

/* For each state the states it can be followed by. */
static const uint32_t transitions[RUN_STATE__MAX] = {
    [RUN_STATE_PRELAUNCH] = TO(RUNNING) | TO(PAUSED) | TO(INMIGRATE)
        | TO(FINISH_MIGRATE) | TO(SUSPENDED) | TO(POSTMIGRATE) | TO(SAVE_VM)
        | TO(RESTORE_VM) | TO(SHUTDOWN),
    [RUN_STATE_INMIGRATE] = TO(RUNNING) | TO(PAUSED) | TO(PRELAUNCH)
        | TO(SUSPENDED) | TO(POSTMIGRATE) | TO(FINISH_MIGRATE) | TO(SHUTDOWN)
        | TO(INTERNAL_ERROR) | TO(IO_ERROR) | TO(WATCHDOG)
        | TO(GUEST_PANICKED) | TO(COLO),
    [RUN_STATE_RUNNING] = TO(PAUSED) | TO(FINISH_MIGRATE) | TO(SUSPENDED)
        | TO(DEBUG) | TO(INTERNAL_ERROR) | TO(IO_ERROR) | TO(SHUTDOWN)
        | TO(WATCHDOG) | TO(GUEST_PANICKED) | TO(SAVE_VM) | TO(RESTORE_VM)
        | TO(COLO),
    [RUN_STATE_SUSPENDED] = TO(RUNNING) | TO(PAUSED) | TO(FINISH_MIGRATE)
        | TO(PRELAUNCH) | TO(SAVE_VM) | TO(RESTORE_VM) | TO(SHUTDOWN)
        | TO(COLO),
    [RUN_STATE_PAUSED] = TO(RUNNING) | TO(FINISH_MIGRATE) | TO(POSTMIGRATE)
        | TO(PRELAUNCH) | TO(SUSPENDED) | TO(SAVE_VM) | TO(RESTORE_VM)
        | TO(SHUTDOWN) | TO(COLO),
    /* Back to any state the source was in, if the migration fails. */
    [RUN_STATE_FINISH_MIGRATE] = TO(RUNNING) | TO(PAUSED) | TO(POSTMIGRATE)
        | TO(PRELAUNCH) | TO(SUSPENDED) | TO(INTERNAL_ERROR) | TO(IO_ERROR)
        | TO(SHUTDOWN) | TO(WATCHDOG) | TO(GUEST_PANICKED) | TO(DEBUG)
        | TO(INMIGRATE) | TO(COLO),
    [RUN_STATE_POSTMIGRATE] = TO(RUNNING) | TO(PAUSED) | TO(FINISH_MIGRATE)
        | TO(PRELAUNCH) | TO(SUSPENDED) | TO(SHUTDOWN),
    [RUN_STATE_SHUTDOWN] = TO(PAUSED) | TO(FINISH_MIGRATE) | TO(PRELAUNCH)
        | TO(POSTMIGRATE),
    [RUN_STATE_INTERNAL_ERROR] = TO(PAUSED) | TO(FINISH_MIGRATE)
        | TO(PRELAUNCH) | TO(POSTMIGRATE),
    [RUN_STATE_IO_ERROR] = TO(RUNNING) | TO(FINISH_MIGRATE) | TO(PRELAUNCH)
        | TO(POSTMIGRATE) | TO(SUSPENDED) | TO(PAUSED),
    [RUN_STATE_WATCHDOG] = TO(RUNNING) | TO(FINISH_MIGRATE) | TO(PRELAUNCH)
        | TO(POSTMIGRATE),
    [RUN_STATE_GUEST_PANICKED] = TO(RUNNING) | TO(FINISH_MIGRATE)
        | TO(PRELAUNCH) | TO(POSTMIGRATE),
    [RUN_STATE_DEBUG] = TO(RUNNING) | TO(FINISH_MIGRATE) | TO(PRELAUNCH)
        | TO(SUSPENDED),
    [RUN_STATE_RESTORE_VM] = TO(RUNNING) | TO(PRELAUNCH) | TO(PAUSED)
        | TO(SUSPENDED),
    [RUN_STATE_SAVE_VM] = TO(RUNNING) | TO(PAUSED) | TO(PRELAUNCH)
        | TO(SUSPENDED),
    [RUN_STATE_COLO] = TO(RUNNING) | TO(PRELAUNCH) | TO(SHUTDOWN)
        | TO(SUSPENDED),
};

bool runstate_transition_ok(RunState from, RunState to)
{
    if ((unsigned)from >= RUN_STATE__MAX || (unsigned)to >= RUN_STATE__MAX) {
        return false;
    }
    return from == to || (transitions[from] >> to & 1);
}

void runcontrol_init(Machine *m, bool incoming, bool autostart)
{
    RunControl *rc = &m->run;

    rc->state = incoming ? RUN_STATE_INMIGRATE : RUN_STATE_PRELAUNCH;
    rc->autostart = autostart;
    rc->notifiers = g_array_new(false, false, sizeof(RunStateNotifier));
    qemu_cond_init(&rc->change_cond);
    runcontrol_requests_init(m);
}

void runcontrol_destroy(Machine *m)
{
    RunControl *rc = &m->run;

    runcontrol_requests_destroy(m);
    g_array_free(rc->notifiers, true);
    qemu_cond_destroy(&rc->change_cond);
}

RunState runstate_get(Machine *m)
{
    /* Relaxed: an observer without the lock gets some recent value. */
    return qatomic_read(&m->run.state);
}

bool runstate_is_running(Machine *m)
{
    return runstate_get(m) == RUN_STATE_RUNNING;
}

/* Make a change that can happen; notifiers are the caller's business. */
static bool state_change(Machine *m, RunState to, Error **errp)
{
    RunState from = runstate_get(m);

    if (!runstate_transition_ok(from, to)) {
        error_setg(errp, "the guest cannot go from state '%s' to '%s'",
                   RunState_str(from), RunState_str(to));
        return false;
    }
    qatomic_set(&m->run.state, to);
    if (from == RUN_STATE_FINISH_MIGRATE && to != from) {
        runcontrol_wake(m); /* a reset may have waited for this */
    }
    return true;
}

static void notify(Machine *m)
{
    RunState state = runstate_get(m);
    GArray *list = m->run.notifiers;
    g_autofree RunStateNotifier *copy =
        g_memdup2(list->data, list->len * sizeof(RunStateNotifier));
    guint n = list->len;

    /* A copy: a notifier may remove itself. */
    for (guint i = 0; i < n; i++) {
        copy[i].fn(copy[i].opaque, state == RUN_STATE_RUNNING, state);
    }
}

void runstate_set(Machine *m, RunState state)
{
    Error *err = NULL;

    if (runstate_get(m) == state) {
        return;
    }
    if (!state_change(m, state, &err)) {
        error_report_err(err);
        return;
    }
    notify(m);
}

bool runstate_get_was_suspended(Machine *m)
{
    return m->run.was_suspended;
}

void runstate_set_was_suspended(Machine *m, bool on)
{
    m->run.was_suspended = on;
}

void runcontrol_begin_change(Machine *m)
{
    while (m->run.changing) {
        qemu_cond_wait(&m->run.change_cond, &m->bql);
    }
    m->run.changing = true;
}

void runcontrol_end_change(Machine *m)
{
    m->run.changing = false;
    qemu_cond_broadcast(&m->run.change_cond);
}

/* vm_stop() in the middle of a change; *@live: was it running or asleep? */
static bool stop_guest(Machine *m, RunState state, bool *live, Error **errp)
{
    AccelClass *ac = machine_accel_class(m);
    bool running = runstate_is_running(m);

    *live = running || runstate_get(m) == RUN_STATE_SUSPENDED;
    if (!state_change(m, state, errp)) {
        return false;
    }
    if (*live) {
        m->run.was_suspended = !running;
    }
    if (running) {
        vclock_stop(m);
        cpus_pause_all(m);
        if (ac && ac->vm_state_change) {
            ac->vm_state_change(m->accel, false);
        }
    }
    return true;
}

bool vm_stop(Machine *m, RunState state, Error **errp)
{
    bool live, ok;

    if (cpus_self(m)) {
        /* A vCPU cannot wait for itself. */
        system_stop_request(m, state);
        return true;
    }
    runcontrol_begin_change(m);
    ok = stop_guest(m, state, &live, errp);
    runcontrol_end_change(m);
    if (ok) {
        notify(m);
        if (live && state != RUN_STATE_SUSPENDED) {
            qapi_event_send_stop(m->sink);
        }
    }
    return ok;
}

static bool start_guest(Machine *m, Error **errp)
{
    AccelClass *ac = machine_accel_class(m);
    bool sleeps = m->run.was_suspended;

    if (!state_change(m, sleeps ? RUN_STATE_SUSPENDED : RUN_STATE_RUNNING,
                      errp)) {
        return false;
    }
    m->run.was_suspended = false;
    qapi_event_send_resume(m->sink);
    if (!sleeps) {
        vclock_start(m);
        if (ac && ac->vm_state_change) {
            ac->vm_state_change(m->accel, true);
        }
    }
    notify(m);
    if (!sleeps) {
        cpus_resume_all(m);
    }
    return true;
}

void vm_start(Machine *m)
{
    Error *err = NULL;

    runcontrol_begin_change(m);
    if (!runstate_is_running(m) && !start_guest(m, &err)) {
        error_report_err(err);
    }
    runcontrol_end_change(m);
}

/* ---- the operator ---- */

bool runstate_cont(Machine *m, Error **errp)
{
    switch (runstate_get(m)) {
    case RUN_STATE_RUNNING:
    case RUN_STATE_SUSPENDED:
        return true;
    case RUN_STATE_INMIGRATE:
        m->run.autostart = true;
        return true;
    case RUN_STATE_SHUTDOWN:
    case RUN_STATE_INTERNAL_ERROR:
        error_setg(errp, "Resetting the Virtual Machine is required");
        return false;
    case RUN_STATE_FINISH_MIGRATE:
        error_setg(errp, "Migration is not finalized yet");
        return false;
    default:
        vm_start(m);
        return true;
    }
}

bool runstate_stop(Machine *m, Error **errp)
{
    switch (runstate_get(m)) {
    case RUN_STATE_INMIGRATE:
        m->run.autostart = false;
        return true;
    case RUN_STATE_RUNNING:
    case RUN_STATE_SUSPENDED:
        return vm_stop(m, RUN_STATE_PAUSED, errp);
    default:
        return true;
    }
}

bool runstate_get_autostart(Machine *m)
{
    return m->run.autostart;
}

void runstate_set_autostart(Machine *m, bool on)
{
    m->run.autostart = on;
}

/* ---- those who want to know ---- */

void runstate_add_notifier(Machine *m, RunStateFn *fn, void *opaque)
{
    RunStateNotifier n = { fn, opaque };

    g_array_append_val(m->run.notifiers, n);
}

void runstate_remove_notifier(Machine *m, RunStateFn *fn, void *opaque)
{
    GArray *list = m->run.notifiers;

    for (guint i = 0; i < list->len; i++) {
        RunStateNotifier *n = &g_array_index(list, RunStateNotifier, i);

        if (n->fn == fn && n->opaque == opaque) {
            g_array_remove_index(list, i);
            return;
        }
    }
}
