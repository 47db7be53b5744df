/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A one-shot signal that ends a poll(): set once by any thread, seen by all
 * waiters from then on.
 */
#ifndef IO_WAKE_H
#define IO_WAKE_H

#include "qemu/osdep.h"

typedef struct Wake {
    int fd;   /* eventfd, readable once set; -1: nothing waits on it */
    bool set; /* fully ordered by the setter, acquired by the waiters */
} Wake;

#define WAKE_NONE { .fd = -1 }

/*
 * WAKE_NONE has only the flag, for what never blocks; this makes both.  Without
 * descriptors left it degrades to the flag.
 */
void wake_init(Wake *wake);
void wake_destroy(Wake *wake);
void wake_set(Wake *wake); /* any thread */
bool wake_is_set(Wake *wake);

/*
 * Block until @fd has one of the poll(2) @events (or an error), or until
 * @wake is set, or for @ms milliseconds (-1: no limit).  True: @fd is ready;
 * false: @wake is set, or time is up.  Signals restart the wait.
 */
bool wake_poll(Wake *wake, int fd, short events, int ms);

#endif
