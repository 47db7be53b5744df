/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the monitor's own files know of each other. */
#ifndef MONITOR_INT_H
#define MONITOR_INT_H

#include "monitor-fds.h"
#include "qemu/thread.h"
#include "qemu/wake-source.h"
#include "system/machine.h"
#include "system/monitor.h"

typedef struct MonitorQmp MonitorQmp;
typedef struct HmpMonitor HmpMonitor;

/*
 * Locks: hub, then a monitor's, then its chardev's.  No command is executed
 * with any of them held.
 */
struct MonitorHub {
    QapiEventSink sink;
    Machine *machine;
    const QmpCommandList *cmds;
    ChardevContainer *chardevs;
    QmpContext bare; /* the context without a connection */

    /* The thread in which QMP input is read and oob commands are executed. */
    GMainContext *io_context;
    QemuThread io_thread;
    bool io_stop; /* set with release, then the context is woken */

    /* Executes queued QMP commands in the main loop. */
    WakeSource *dispatcher;
    guint next_qmp;  /* whose turn it is; main thread */

    QemuMutex lock;
    GPtrArray *qmp;  /* MonitorQmp; added by the main thread, never removed */
    GPtrArray *hmp;  /* HmpMonitor; main thread only */
    GPtrArray *suspensions; /* HmpSuspension not finished; main thread */
};

/* What every monitor has; also the temporary ones, which have no chardev. */
typedef struct Monitor {
    MonitorHub *hub;
    Chardev *chr;
    bool is_qmp;
    QmpContext ctx;
    MonitorFds fds;
} Monitor;

void monitor_setup(Monitor *mon, MonitorHub *hub, Chardev *chr, bool is_qmp);
/* A QMP client has gone; with the last one go the descriptor sets. */
void monitor_client_gone(MonitorHub *hub);
void monitor_cleanup(Monitor *mon); /* also detaches from the chardev */
/* The monitor behind a command's context; NULL: it has none. */
Monitor *monitor_of(QmpContext *ctx);

/* qmp/qmp.c: new monitors; NULL if the chardev is in use. */
MonitorQmp *monitor_qmp_new(MonitorHub *hub, Chardev *chr, bool pretty,
                            Error **errp);
/* The hub's thread has ended. */
void monitor_qmp_free(MonitorQmp *mon);
Chardev *monitor_qmp_chardev(MonitorQmp *mon);
bool monitor_qmp_is_open(MonitorQmp *mon); /* it has a client */
/* Execute the next queued command; false if there is none.  Main loop. */
bool monitor_qmp_execute_one(MonitorQmp *mon);
/* Send to a client in command mode.  Any thread. */
void monitor_qmp_send_event(MonitorQmp *mon, json_object *event);

/*
 * For the implementations of commands.  @ctx must be that of the command being
 * executed, on a QMP monitor.
 */
/* The negotiation ends with the reply to this command. */
bool monitor_qmp_negotiated(QmpContext *ctx, bool oob, Error **errp);
/* Number of the first byte of the command being executed. */
uint64_t monitor_qmp_request_start(QmpContext *ctx);

/* {"qemu": {...}, "package": ""} */
json_object *monitor_version(void);

/* hmp/hmp.c */
HmpMonitor *hmp_monitor_new(MonitorHub *hub, Chardev *chr, Error **errp);
void hmp_monitor_free(HmpMonitor *mon);
Chardev *hmp_monitor_chardev(HmpMonitor *mon);
void hmp_suspension_free(gpointer suspension);
/* One line on a monitor of its own; what it printed, freed by g_free(). */
char *hmp_run_line(MonitorHub *hub, const char *line);

#endif
