/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The main loop: GMainContext's default context, run with a lock held that is
 * dropped only while waiting.
 */
#ifndef QEMU_MAIN_LOOP_H
#define QEMU_MAIN_LOOP_H

#include "qemu/thread.h"

/*
 * From now on every wait of the default context's poll drops @lock (held by
 * the thread that iterates it) and takes it again; NULL: no lock.  @gate is
 * held while waiting for @lock, as everybody else does who takes turns through
 * it.
 */
void main_loop_set_lock(QemuMutex *lock, QemuMutex *gate);

/* Run until main_loop_quit(); the caller holds the lock. */
void main_loop_run(void);
/* From any thread, also before main_loop_run(). */
void main_loop_quit(void);

/* Run @fn(@opaque) once in the main loop, lock held.  From any thread. */
void main_loop_schedule(void (*fn)(void *opaque), void *opaque);

#endif
