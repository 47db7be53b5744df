/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program as a process: background, pid file, signals. */
#ifndef SYSTEM_PROCESS_H
#define SYSTEM_PROCESS_H

#include "qemu/error.h"

/*
 * Fork.  The parent waits for process_daemon_ready() and ends with status 0,
 * or with 1 if the child ends before; only the child returns.
 */
bool process_daemonize(Error **errp);
/* Set-up is complete: let the parent end, detach from the terminal. */
void process_daemon_ready(void);

/* Write the pid to @path, locked; removed by process_remove_pidfile(). */
bool process_write_pidfile(const char *path, Error **errp);
void process_remove_pidfile(void);

/*
 * Until process_watch_signals(), SIGTERM, SIGINT and SIGHUP end the process at
 * once, as start-up may wait for other programs; the pid file is removed.
 */
void process_guard_startup(void);

/*
 * Turn SIGTERM, SIGINT and SIGHUP into calls of @fn in the main loop, and
 * ignore SIGPIPE.  Threads never take signals (qemu_thread_create()).
 */
typedef void ProcessSignalFn(void *opaque, int signo, pid_t sender);
bool process_watch_signals(ProcessSignalFn *fn, void *opaque, Error **errp);

/* First word of the command line of @pid, "<unknown process>" if gone. */
char *process_name_of(pid_t pid);

#endif
