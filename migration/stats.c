/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"
#include "migration/stats.h"

#include "qemu/clock.h"

/* Rates are averages over this long; a first guess comes sooner. */
#define WINDOW_NS (100 * NSEC_PER_MSEC)
#define FIRST_WINDOW_NS (5 * NSEC_PER_MSEC)
/* The dirty rate needs a longer look: syncs may come in quick succession. */
#define DIRTY_WINDOW_NS (1000 * NSEC_PER_MSEC)

void migration_counters_reset(MigrationCounters *c)
{
    qatomic_set(&c->transferred, 0);
    qatomic_set(&c->main_bytes, 0);
    qatomic_set(&c->multifd_bytes, 0);
    qatomic_set(&c->precopy_bytes, 0);
    qatomic_set(&c->downtime_bytes, 0);
    qatomic_set(&c->normal_pages, 0);
    qatomic_set(&c->zero_pages, 0);
    qatomic_set(&c->total_bytes, 0);
    qatomic_set(&c->remaining_bytes, 0);
    qatomic_set(&c->dirty_sync_count, 0);
    qatomic_set(&c->dirty_pages_rate, 0);
    qatomic_set(&c->bandwidth, 0);
    qatomic_set(&c->pages_per_second, 0);
    qatomic_set(&c->expected_downtime, 0);
    qatomic_set(&c->missed_zero_copy, 0);
}

void migration_counters_transferred(MigrationCounters *c, uint64_t total,
                                    bool running)
{
    uint64_t more = total - qatomic_read(&c->main_bytes);

    qatomic_set(&c->main_bytes, total);
    qatomic_set(&c->transferred, total + qatomic_read(&c->multifd_bytes));
    if (running) {
        qatomic_add(&c->precopy_bytes, more);
    } else {
        qatomic_add(&c->downtime_bytes, more);
    }
}

static uint64_t pages_sent(MigrationCounters *c)
{
    return qatomic_read(&c->normal_pages) + qatomic_read(&c->zero_pages);
}

void migration_meter_init(MigrationMeter *mt, MigrationCounters *c,
                          int64_t now_ns)
{
    *mt = (MigrationMeter) {
        .counters = c,
        .start_ns = now_ns,
        .sync_ns = now_ns,
        .start_bytes = qatomic_read(&c->transferred),
        .start_pages = pages_sent(c),
    };
}

static uint64_t per_second(uint64_t n, int64_t ns)
{
    return (unsigned __int128)n * NSEC_PER_SEC / ns;
}

void migration_meter_update(MigrationMeter *mt, int64_t now_ns)
{
    MigrationCounters *c = mt->counters;
    int64_t busy = now_ns - mt->start_ns - mt->idle_ns;
    uint64_t bytes = qatomic_read(&c->transferred);
    uint64_t pages = pages_sent(c);

    /*
     * Waiting for the rate limit counts: a limit below what the link can do
     * is the bandwidth this migration has.  Waiting for the guest to dirty
     * something does not.
     */
    if (busy < (mt->complete ? WINDOW_NS : FIRST_WINDOW_NS)) {
        return;
    }
    if (bytes > mt->start_bytes) {
        /*
         * What goes out in the first moments fills buffers on the way, and
         * says little about the link: the guess is as if nothing more came
         * in the whole window, so that no guest is stopped on its account for
         * longer than it should be.
         */
        int64_t span = MAX(busy, WINDOW_NS);

        qatomic_set(&c->bandwidth, per_second(bytes - mt->start_bytes, span));
        qatomic_set(&c->pages_per_second,
                    per_second(pages - mt->start_pages, span));
    }
    if (busy < WINDOW_NS) {
        return;
    }
    mt->complete = true;
    mt->start_ns = now_ns;
    mt->idle_ns = 0;
    mt->start_bytes = bytes;
    mt->start_pages = pages;
}

void migration_meter_idle(MigrationMeter *mt, int64_t ns)
{
    mt->idle_ns += ns;
}

void migration_meter_sync(MigrationMeter *mt, int64_t now_ns, uint64_t pages)
{
    int64_t span = now_ns - mt->sync_ns;

    mt->dirty_pages += pages;
    if (span >= DIRTY_WINDOW_NS) {
        qatomic_set(&mt->counters->dirty_pages_rate,
                    per_second(mt->dirty_pages, span));
        mt->dirty_pages = 0;
        mt->sync_ns = now_ns;
    }
}

void migration_meter_finish(MigrationMeter *mt, int64_t ns)
{
    MigrationCounters *c = mt->counters;

    if (ns > 0) {
        qatomic_set(&c->bandwidth,
                    per_second(qatomic_read(&c->transferred), ns));
        qatomic_set(&c->pages_per_second, per_second(pages_sent(c), ns));
    }
}

MigrationStats *migration_counters_query(MigrationCounters *c, bool completed)
{
    MigrationStats *st = g_new0(MigrationStats, 1);

    st->transferred = qatomic_read(&c->transferred);
    st->total = qatomic_read(&c->total_bytes);
    st->duplicate = qatomic_read(&c->zero_pages);
    st->normal = qatomic_read(&c->normal_pages);
    st->normal_bytes = st->normal * TARGET_PAGE_SIZE;
    st->mbps = qatomic_read(&c->bandwidth) * 8 / 1e6;
    st->dirty_sync_count = qatomic_read(&c->dirty_sync_count);
    st->page_size = TARGET_PAGE_SIZE;
    st->dirty_sync_missed_zero_copy = qatomic_read(&c->missed_zero_copy);
    st->multifd_bytes = qatomic_read(&c->multifd_bytes);
    st->pages_per_second = qatomic_read(&c->pages_per_second);
    st->precopy_bytes = qatomic_read(&c->precopy_bytes);
    st->downtime_bytes = qatomic_read(&c->downtime_bytes);
    if (!completed) {
        st->remaining = qatomic_read(&c->remaining_bytes);
        st->dirty_pages_rate = qatomic_read(&c->dirty_pages_rate);
    }
    return st;
}

void multifd_counters_wait_begin(MultiFDCounters *c, MultiFDWait wait)
{
    qatomic_set(&c->since_ns[wait], clock_get_ns());
}

void multifd_counters_wait_end(MultiFDCounters *c, MultiFDWait wait)
{
    int64_t took = clock_get_ns() - qatomic_read(&c->since_ns[wait]);

    qatomic_set(&c->since_ns[wait], 0);
    qatomic_add(&c->wait_ns[wait], took);
}

/* Microseconds, with the wait that is going on. */
static uint64_t wait_query(MultiFDCounters *c, MultiFDWait wait, int64_t now)
{
    int64_t since = qatomic_read(&c->since_ns[wait]);

    return (qatomic_read(&c->wait_ns[wait]) +
            (since ? MAX(now - since, 0) : 0)) / 1000;
}

MultiFDChannelStatsList *multifd_counters_query(MultiFDCounters *c, unsigned n)
{
    MultiFDChannelStatsList *list = NULL, **tail = &list;
    int64_t now = clock_get_ns();

    for (unsigned i = 0; i < n; i++) {
        MultiFDChannelStats *st = g_new0(MultiFDChannelStats, 1);

        st->id = i;
        st->bytes = qatomic_read(&c[i].bytes);
        st->packets = qatomic_read(&c[i].packets);
        st->syncs = qatomic_read(&c[i].syncs);
        st->normal = qatomic_read(&c[i].normal_pages);
        st->zero = qatomic_read(&c[i].zero_pages);
        st->idle = wait_query(&c[i], MULTIFD_WAIT_IDLE, now);
        st->network = wait_query(&c[i], MULTIFD_WAIT_NETWORK, now);
        QAPI_LIST_APPEND(tail, st);
    }
    return list;
}
