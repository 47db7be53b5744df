/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is the guest running, and if not, why. */
#ifndef SYSTEM_RUNSTATE_H
#define SYSTEM_RUNSTATE_H

#include "qapi/qapi-types-run-state.h"
#include "qemu/error.h"

typedef struct Machine Machine;

/* All need the machine lock, except where told. */

RunState runstate_get(Machine *m); /* any thread, no lock */
bool runstate_is_running(Machine *m); /* any thread, no lock */
/*
 * A guest that slept (state suspended) when it was stopped goes back to sleep
 * when it is started: remembered here, and part of the migration stream.
 */
bool runstate_get_was_suspended(Machine *m);
void runstate_set_was_suspended(Machine *m, bool on);

/* Is the change from @from to @to one that can happen? */
bool runstate_transition_ok(RunState from, RunState to);
/*
 * Change the state of a guest that is not running.  A change that cannot
 * happen is reported on stderr and not made.
 */
void runstate_set(Machine *m, RunState state);

/*
 * Stop the guest and enter @state: vCPUs are out of guest mode and the virtual
 * clock stands when this returns.  Emits STOP if it was running.  If it was
 * not running, only the state changes.  The lock is dropped while the vCPUs
 * are waited for.  Called in a vCPU's thread it only requests the stop.
 */
bool vm_stop(Machine *m, RunState state, Error **errp);
/* Run: emits RESUME.  No-op when running. */
void vm_start(Machine *m);

/* `cont`/`stop` of an operator, with the rules for each state. */
bool runstate_cont(Machine *m, Error **errp);
bool runstate_stop(Machine *m, Error **errp);
/* Does the guest start by itself (no -S, or cont during inmigrate)? */
bool runstate_get_autostart(Machine *m);
void runstate_set_autostart(Machine *m, bool on);

/* Called after each change, machine lock held. */
typedef void RunStateFn(void *opaque, bool running, RunState state);
void runstate_add_notifier(Machine *m, RunStateFn *fn, void *opaque);
void runstate_remove_notifier(Machine *m, RunStateFn *fn, void *opaque);

/*
 * Requests from any thread, without or with the lock.  The main loop acts on
 * them by itself; a command that wants their event out before its reply calls
 * system_handle_requests() as well.
 */
void system_reset_request(Machine *m, ShutdownCause cause);
void system_shutdown_request(Machine *m, ShutdownCause cause);
/* Stop the guest and enter @state: from its own CPUs and devices. */
void system_stop_request(Machine *m, RunState state);
/*
 * Main loop, lock held: do what was requested.  Shutdown: event SHUTDOWN, then
 * the handler (default: main_loop_quit()).  A reset waits while a migration
 * has the guest in finish-migrate.
 */
void system_handle_requests(Machine *m);
void runstate_set_shutdown_handler(Machine *m, void (*fn)(void *opaque),
                                   void *opaque);
/* -no-reboot: a guest's reset ends it; -no-shutdown: its end only stops it. */
void runstate_set_actions(Machine *m, bool no_reboot, bool no_shutdown);
void runstate_get_actions(Machine *m, bool *no_reboot, bool *no_shutdown);

#endif
