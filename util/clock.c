/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Host time, or the time a test makes. */
#include "qemu/osdep.h"

#include <time.h>

#include "qemu/atomic.h"
#include "qemu/clock.h"

/* Published with release, read with acquire: its contents are complete. */
static const ClockBackend *clock_backend;

void clock_set_backend(const ClockBackend *backend)
{
    qatomic_store_release(&clock_backend, backend);
}

static int64_t read_clock_ns(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

int64_t clock_get_ns(void)
{
    const ClockBackend *b = qatomic_load_acquire(&clock_backend);

    return b ? b->monotonic_ns(b->opaque) : read_clock_ns(CLOCK_MONOTONIC);
}

int64_t clock_get_ms(void)
{
    return clock_get_ns() / NSEC_PER_MSEC;
}

int64_t clock_get_wall_us(void)
{
    const ClockBackend *b = qatomic_load_acquire(&clock_backend);

    return b ? b->wall_us(b->opaque) : read_clock_ns(CLOCK_REALTIME) / 1000;
}

void clock_sleep_ns(int64_t ns)
{
    const ClockBackend *b = qatomic_load_acquire(&clock_backend);
    struct timespec left;

    if (ns <= 0) {
        return;
    }
    if (b) {
        b->sleep_ns(b->opaque, ns);
        return;
    }
    left.tv_sec = ns / NSEC_PER_SEC;
    left.tv_nsec = ns % NSEC_PER_SEC;
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR) {
        /* A signal came: sleep what is left. */
    }
}
