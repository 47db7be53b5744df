/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Monitors: QMP for programs, HMP for people.  A MonitorHub holds all monitors
 * of one machine, the thread that serves their input, and is the sink that
 * the machine's events go to.
 */
#ifndef SYSTEM_MONITOR_H
#define SYSTEM_MONITOR_H

#include "qapi/context.h"
#include "qapi/dispatch.h"
#include "system/chardev.h"

typedef struct MonitorHub MonitorHub;

/*
 * Make the hub of @machine, start its thread, and make it the machine's event
 * sink.  @cmds: what QMP clients may call; @chardevs: what query-chardev
 * lists.  Both are borrowed and must outlive the hub.  Main thread.
 */
MonitorHub *monitor_hub_new(struct Machine *machine,
                            const QmpCommandList *cmds,
                            ChardevContainer *chardevs);
/*
 * Stop the thread, drop all clients and free everything; @hub may be NULL.
 * The machine's sink is the dropping one again.  Replies still queued are
 * lost: flush first.  Main thread, when the main loop has ended and nobody
 * sends events any more.
 */
void monitor_hub_free(MonitorHub *hub);

/*
 * Put a monitor on @chr: QMP if @control, else HMP.  @pretty: indented output
 * (QMP only).  False: the chardev is in use, or pretty HMP was asked for.
 * Main thread.
 */
bool monitor_init(MonitorHub *hub, Chardev *chr, bool control, bool pretty,
                  Error **errp);

/* Events to all QMP clients in command mode. */
QapiEventSink *monitor_hub_get_sink(MonitorHub *hub);
/*
 * A context without a connection, for what the command line asks for: it has
 * the machine, no descriptors ("fd:N" is then a number the caller resolves).
 */
QmpContext *monitor_hub_get_context(MonitorHub *hub);

/*
 * Wait until all clients have taken what was sent to them, at most
 * @timeout_ms milliseconds in all.  False: time is up.
 */
bool monitor_flush_all(MonitorHub *hub, int64_t timeout_ms);

/* Register the monitor's own HMP commands (help, info, stop, quit, ...). */
void monitor_register_hmp_commands(void);

#endif
