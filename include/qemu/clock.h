/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Host time.  Every reading of a clock and every sleep goes through here, so
 * that a test can put simulated time in its place.
 */
#ifndef QEMU_CLOCK_H
#define QEMU_CLOCK_H

#include "qemu/osdep.h"

/* CLOCK_MONOTONIC in nanoseconds. */
int64_t clock_get_ns(void);
/* The same in milliseconds. */
int64_t clock_get_ms(void);
/* Wall-clock time in microseconds since 1970. */
int64_t clock_get_wall_us(void);
/* Block the caller for @ns nanoseconds. Prefer a wait that can be ended. */
void clock_sleep_ns(int64_t ns);

typedef struct ClockBackend {
    int64_t (*monotonic_ns)(void *opaque);
    int64_t (*wall_us)(void *opaque);
    void (*sleep_ns)(void *opaque, int64_t ns);
    void *opaque;
} ClockBackend;

/* Replace the clock; NULL: the real one again.  @backend is not copied. */
void clock_set_backend(const ClockBackend *backend);

#endif
