/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Helpers for the devices' section descriptions.
 *
 * Each device keeps what travels in a plain structure, its member `wire`, so
 * that an accelerator with chips of its own can fill and read it; the
 * descriptions are relative to the device and name the fields without the
 * "wire." in front.
 */
#ifndef HW_WIRE_H
#define HW_WIRE_H

#include <glib-object.h>

#include "migration/vmstate.h"
#include "system/machine.h"

/* Member @f of @dev's wire structure, which has type @t, on version @v up. */
#define WIRE_FIELD_(f, dev, v, inf, t)                                         \
    {                                                                          \
        .name = #f, .version_id = (v), .size = sizeof(t), .info = &(inf),      \
        .offset = VMSTATE_OFFSET_(dev, wire.f, t),                             \
    }
#define WIRE_U8(f, dev) WIRE_FIELD_(f, dev, 0, vmstate_info_uint8, uint8_t)
#define WIRE_U32_V(f, dev, v)                                                  \
    WIRE_FIELD_(f, dev, v, vmstate_info_uint32, uint32_t)
#define WIRE_U64_V(f, dev, v)                                                  \
    WIRE_FIELD_(f, dev, v, vmstate_info_uint64, uint64_t)
#define WIRE_I64_V(f, dev, v)                                                  \
    WIRE_FIELD_(f, dev, v, vmstate_info_int64, int64_t)
#define WIRE_TIMER_V(f, dev, v)                                                \
    WIRE_FIELD_(f, dev, v, hw_vmstate_info_timer, int64_t)

/* An expiry time in nanoseconds in an int64_t, -1: not armed. */
extern const VMStateInfo hw_vmstate_info_timer;

/*
 * The @n-th (from 0) device of @type in @m, or NULL.  Machine lock held.
 */
gpointer hw_find_device(Machine *m, GType type, unsigned n);

/* a * b / c without overflow on the way; 0 <= a, b, 0 < c. */
static inline uint64_t hw_muldiv(uint64_t a, uint32_t b, uint32_t c)
{
    return (uint64_t)((unsigned __int128)a * b / c);
}

/* @now - @then where a stream may have brought any @then; never negative. */
static inline uint64_t hw_elapsed(int64_t now, int64_t then)
{
    return now > then ? (uint64_t)now - (uint64_t)then : 0;
}

#endif
