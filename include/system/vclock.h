/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's clocks: virtual time, which stands while the guest is stopped,
 * and timers on it.  With the qtest accelerator the test sets it.
 */
#ifndef SYSTEM_VCLOCK_H
#define SYSTEM_VCLOCK_H

#include "migration/vmstate.h"

typedef struct Machine Machine;
typedef struct VTimer VTimer;

/* Nanoseconds of the virtual clock.  Any thread. */
int64_t vclock_get_ns(Machine *m);
/*
 * Host time stamp counter minus the time the guest stood: for translators,
 * which have no TSC of their own.  Any thread.
 */
int64_t vclock_get_ticks(Machine *m);

/* A timer that calls @fn in the main loop, machine lock held. */
VTimer *vtimer_new(Machine *m, void (*fn)(void *opaque), void *opaque);
void vtimer_free(VTimer *t);
void vtimer_mod(VTimer *t, int64_t expire_ns); /* arm or re-arm; lock held */
void vtimer_del(VTimer *t);
bool vtimer_pending(VTimer *t);
/* Expiry in ns, -1: not armed (the encoding of migration streams). */
int64_t vtimer_expire_ns(VTimer *t);
/* A field `VTimer *` of a device: int64 expiry; loading arms or disarms it. */
extern const VMStateInfo vmstate_info_vtimer;
#define VMSTATE_VTIMER(f, s)                                                   \
    {                                                                          \
        .name = #f, .size = sizeof(VTimer *), .info = &vmstate_info_vtimer,    \
        .flags = VMS_SINGLE, .offset = VMSTATE_OFFSET_(s, f, VTimer *),        \
    }

/* qtest: take the clock over, then move it. False: would go backwards. */
void vclock_set_manual(Machine *m, bool on);
bool vclock_set_ns(Machine *m, int64_t ns);
/* Earliest deadline of any armed timer; -1: none. */
int64_t vclock_next_deadline(Machine *m);

#endif
