/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A function that other threads can have called in a GMainContext: one source
 * that stays attached, costs no allocation per wake-up, and is gone for good
 * when it is destroyed (unlike a scheduled call, which cannot be taken back).
 */
#ifndef QEMU_WAKE_SOURCE_H
#define QEMU_WAKE_SOURCE_H

#include "qemu/osdep.h"

typedef struct WakeSource WakeSource;

/* Call @fn(@opaque) in @context (NULL: default) after each wake(). */
WakeSource *wake_source_new(GMainContext *context, void (*fn)(void *opaque),
                            void *opaque);
/*
 * Have the function called soon; several wake-ups before that are one.  What
 * the caller did before is seen by the call.  Any thread.
 */
void wake_source_wake(WakeSource *wake);
/*
 * No call begins any more.  From the thread that iterates the context (also
 * inside the function), or when nobody does.  @wake may be NULL.
 */
void wake_source_free(WakeSource *wake);

#endif
