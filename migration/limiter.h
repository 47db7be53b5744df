/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rate limiter: a bucket that fills at the allowed rate.
 *
 * The bucket holds 100 ms' worth, so over any span of T seconds at most
 * rate * (T + 0.1) bytes pass (plus the one page that is always let through);
 * what was sent beyond it is a debt that has to be waited for.  Nothing here
 * sleeps or reads a clock; one thread uses it, except for the rate.
 */
#ifndef MIGRATION_LIMITER_H
#define MIGRATION_LIMITER_H

#include "qemu/osdep.h"

/* No wait is longer than this, so that a new rate is soon noticed. */
#define RATE_LIMITER_WINDOW_NS (100 * NSEC_PER_MSEC)

typedef struct RateLimiter {
    const uint64_t *rate; /* bytes/s, atomic, 0: unlimited */
    int64_t now_ns;       /* until when the bucket was filled */
    int64_t tokens;       /* bytes that may be sent; negative: a debt */
    uint64_t sent;        /* bytes accounted for */
} RateLimiter;

/* @rate stays the caller's; @sent: bytes sent before the limit applies. */
void rate_limiter_init(RateLimiter *l, const uint64_t *rate, int64_t now_ns,
                       uint64_t sent);
/* Bytes that may be sent at once; UINT64_MAX: as many as you like. */
uint64_t rate_limiter_budget(RateLimiter *l, int64_t now_ns, uint64_t sent);
/* How long to wait before the next piece: 0 or up to the window. */
int64_t rate_limiter_wait_ns(RateLimiter *l, int64_t now_ns, uint64_t sent);

#endif
