/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The descriptors that a connection holds: received ones and named ones. */
#ifndef MONITOR_FDS_H
#define MONITOR_FDS_H

#include "qemu/error.h"
#include "qemu/thread.h"

typedef struct MonitorFds {
    QemuMutex lock;
    GArray *received;  /* ReceivedFd, oldest first: no command took them yet */
    GHashTable *named; /* name to descriptor */
} MonitorFds;

void monitor_fds_init(MonitorFds *f);
void monitor_fds_destroy(MonitorFds *f); /* closes all */
void monitor_fds_clear(MonitorFds *f);   /* the connection has ended */

/*
 * Descriptors came with bytes of the stream, the last of which had number
 * @end.  Takes the descriptors, not the array.
 */
void monitor_fds_received(MonitorFds *f, const int *fds, size_t n,
                          uint64_t end);
/*
 * The first descriptor that came with a command whose first byte had number
 * @start, the caller's then: what came with earlier commands, and was not
 * used, is closed.  -1: there is none.
 */
int monitor_fds_take_received(MonitorFds *f, uint64_t start, Error **errp);
/* getfd: the same, kept under @name. */
bool monitor_fds_name(MonitorFds *f, const char *name, uint64_t start,
                      Error **errp);
/* closefd */
bool monitor_fds_close(MonitorFds *f, const char *name, Error **errp);
/* The descriptor, which is the caller's then; -1: error. */
int monitor_fds_take(MonitorFds *f, const char *name, Error **errp);

#endif
