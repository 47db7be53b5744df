/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"
#include "migration/limiter.h"

#include "qemu/atomic.h"

/* Faster than any machine; keeps the arithmetic within 64 bits. */
#define RATE_UNLIMITED (INT64_C(1) << 42)

/* The least a bucket holds: a page and its record header must fit. */
#define BUCKET_MIN ((int64_t)TARGET_PAGE_SIZE + 512)

static uint64_t limiter_rate(const RateLimiter *l)
{
    uint64_t rate = qatomic_read(l->rate);

    return rate < RATE_UNLIMITED ? rate : 0;
}

static int64_t bucket_size(uint64_t rate)
{
    return MAX((int64_t)rate / 10, BUCKET_MIN);
}

/* Time that @bytes take at @rate, rounded up. */
static int64_t bytes_to_ns(int64_t bytes, uint64_t rate)
{
    return ((__int128)bytes * NSEC_PER_SEC + rate - 1) / rate;
}

void rate_limiter_init(RateLimiter *l, const uint64_t *rate, int64_t now_ns,
                       uint64_t sent)
{
    l->rate = rate;
    l->now_ns = now_ns;
    l->sent = sent;
    l->tokens = bucket_size(limiter_rate(l));
}

/* Take what was sent out of the bucket, add what time has brought. */
static void limiter_update(RateLimiter *l, uint64_t rate, int64_t now_ns,
                           uint64_t sent)
{
    int64_t size = bucket_size(rate);
    __int128 tokens = l->tokens - (__int128)(sent - l->sent);
    int64_t elapsed = MAX(now_ns - l->now_ns, 0);
    int64_t gain = (__int128)elapsed * rate / NSEC_PER_SEC;

    l->sent = sent;
    if (tokens + gain >= size) {
        l->tokens = size;
        l->now_ns = now_ns;
        return;
    }
    /* A debt older than a day's sending says nothing any more. */
    l->tokens = MAX(tokens + gain, -(__int128)(INT64_C(1) << 60));
    /* Keep the fraction of a byte that was not credited yet. */
    l->now_ns += (__int128)gain * NSEC_PER_SEC / rate;
}

uint64_t rate_limiter_budget(RateLimiter *l, int64_t now_ns, uint64_t sent)
{
    uint64_t rate = limiter_rate(l);

    if (!rate) {
        /* No debt is left behind for the time when a limit is set. */
        rate_limiter_init(l, l->rate, now_ns, sent);
        return UINT64_MAX;
    }
    limiter_update(l, rate, now_ns, sent);
    return MAX(l->tokens, 0);
}

int64_t rate_limiter_wait_ns(RateLimiter *l, int64_t now_ns, uint64_t sent)
{
    uint64_t rate = limiter_rate(l);
    int64_t wanted;

    if (rate_limiter_budget(l, now_ns, sent) == UINT64_MAX ||
        l->tokens > 0) {
        return 0;
    }
    /* Wait for 10 ms' worth, rather than wake up for every page. */
    wanted = MAX((int64_t)rate / 100, 1);
    return MIN(bytes_to_ns(wanted - l->tokens, rate), RATE_LIMITER_WINDOW_NS);
}
