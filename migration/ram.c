/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sending guest memory.
 *
 * Why no write of the guest gets lost: a page's bit leaves the dirty log at a
 * sync, and leaves the private map when the page's turn comes.  Only after
 * that the source of dirty bits is re-armed for it (dirty_log_clear()), and
 * only after that its content is looked at.  A write that comes later than the
 * re-arming is in the log again, and so are the pages it changed while they
 * were being read: whatever went out for them, torn or not, is sent once more.
 *
 * Pages are handed to the stream by reference, so their bytes are read when
 * the buffer goes out, still later than the test for zero.  That is the same
 * case: a page that changed in between is dirty again.  In the last pass the
 * guest stands still and nothing changes.
 */
#include "qemu/osdep.h"
#include "migration/ram.h"

#include "migration/dirty-scan.h"
#include "migration/zero-page.h"
#include "qemu/clock.h"
#include "trace/trace-migration.h"

/* Pages looked at between two glances at the clock and the rate limit. */
#define RUN_PAGES 64
/* The same for pages that cost nine bytes each and no look. */
#define RUN_UNTOUCHED_PAGES 8192
/* A PART section ends after this long. */
#define PART_NS (50 * NSEC_PER_MSEC)
/* Bytes of a PAGE record around the page. */
#define PAGE_RECORD_SIZE (TARGET_PAGE_SIZE + 8)

/* A pass of which it is good to know what the guest writes meanwhile. */
#define LONG_PASS_MS 200

struct RAMSave {
    DirtyScan scan;
    const RAMBlock *last; /* block of the last record on the stream */
    bool dirty_log;
    /*
     * The dirty log was read since pages went to multifd channels: these pages
     * may have to be sent again, and must have arrived before that.
     */
    bool multifd_flush;
};

bool ram_block_ignored(const RAMConfig *config, const RAMBlock *b)
{
    const uint32_t both = RAM_SHARED | RAM_NAMED_FILE;

    return config->ignore_shared && (b->flags & both) == both;
}

static void ram_count_remaining(RAMState *rs)
{
    qatomic_set(&rs->config.counters->remaining_bytes,
                rs->save->scan.dirty * TARGET_PAGE_SIZE);
}

/*
 * Is it worth while to take a sample of the pass that begins?  Not in the first
 * one, in which every page that is written is reported for the first time.
 */
static bool ram_pass_is_long(const RAMState *rs)
{
    const DirtyScan *scan = &rs->save->scan;
    uint64_t bandwidth = qatomic_read(&rs->config.counters->bandwidth);

    return scan->repeats && scan->sent &&
           scan->dirty * TARGET_PAGE_SIZE > bandwidth / 1000 * LONG_PASS_MS;
}

/* Read the dirty log; one "pass" begins.  @running: the guest does, too. */
static bool ram_sync(RAMState *rs, bool running, Error **errp)
{
    MigrationCounters *c = rs->config.counters;
    uint64_t n, count;

    if (!dirty_log_sync(rs->machine, errp)) {
        error_prepend(errp, "cannot read the dirty log: ");
        return false;
    }
    if (running) {
        dirty_scan_count_fresh(&rs->save->scan);
    }
    n = dirty_scan_fetch(&rs->save->scan);
    if (running && ram_pass_is_long(rs) &&
        !dirty_scan_sample(&rs->save->scan, rs->machine, errp)) {
        return false;
    }
    if (rs->config.multifd_send &&
        multifd_send_dirty(rs->config.multifd_send)) {
        rs->save->multifd_flush = true;
    }
    migration_meter_sync(rs->config.meter, clock_get_ns(), n);
    ram_count_remaining(rs);
    count = qatomic_read(&c->dirty_sync_count) + 1;
    qatomic_set(&c->dirty_sync_count, count);
    trace_ram_sync(count, n, rs->save->scan.dirty);
    rs->config.synced(rs->config.opaque, count);
    return true;
}

/* ---- sync points of multifd channels ---- */

/* All pages queued so far will be stored before anything that comes later. */
static bool ram_multifd_flush(QEMUFile *f, RAMState *rs, Error **errp)
{
    MultiFDSend *ms = rs->config.multifd_send;

    if (!ms) {
        return true;
    }
    if (!multifd_send_sync(ms, MULTIFD_SYNC_ALL, errp)) {
        return false;
    }
    rs->save->multifd_flush = false;
    if (!rs->config.multifd_flush_each_section) {
        qemu_put_be64(f, RAM_SAVE_FLAG_MULTIFD_FLUSH);
        /*
         * The peer's channels stand still until it has seen the record, and
         * who waits for one of them does not come back here to write it.
         */
        qemu_fflush(f);
    }
    return true;
}

/* The end of a section. */
static bool ram_put_eos(QEMUFile *f, RAMState *rs, Error **errp)
{
    bool sync = rs->config.multifd_flush_each_section;

    if (sync && !ram_multifd_flush(f, rs, errp)) {
        return false;
    }
    qemu_put_be64(f, RAM_SAVE_FLAG_EOS);
    if (sync) {
        qemu_fflush(f);
    }
    return true;
}

/* ---- setup ---- */

static gint block_compare(gconstpointer a, gconstpointer b)
{
    const RAMBlock *x = a, *y = b;

    if (x->max_length == y->max_length) {
        return 0;
    }
    return x->max_length > y->max_length ? -1 : 1;
}

/*
 * All blocks that travel, the largest first; equal ones stay in their order
 * of creation (sorting a GList is stable).
 */
static GList *ram_block_list(Machine *m)
{
    GList *list = NULL;

    RAMBLOCK_FOREACH_MIGRATABLE(m, b) {
        list = g_list_append(list, b);
    }
    return g_list_sort(list, block_compare);
}

static void ram_put_block_list(QEMUFile *f, RAMState *rs, GList *list)
{
    uint64_t total = 0;

    for (GList *l = list; l; l = l->next) {
        total += ((RAMBlock *)l->data)->used_length;
    }
    qatomic_set(&rs->config.counters->total_bytes, total);
    qemu_put_be64(f, total | RAM_SAVE_FLAG_MEM_SIZE);
    for (GList *l = list; l; l = l->next) {
        const RAMBlock *b = l->data;

        qemu_put_counted_string(f, b->idstr);
        qemu_put_be64(f, b->used_length);
        if (rs->config.ignore_shared) {
            qemu_put_be64(f, b->gpa);
        }
    }
}

static bool ram_save_setup(QEMUFile *f, void *opaque, Error **errp)
{
    RAMState *rs = opaque;
    RAMSave *save = g_new0(RAMSave, 1);
    g_autoptr(GList) list = NULL;

    rs->save = save;
    list = ram_block_list(rs->machine);
    ram_put_block_list(f, rs, list);
    /* Keeps the channels back until the peer has read the list. */
    if (!rs->config.multifd_flush_each_section &&
        !ram_multifd_flush(f, rs, errp)) {
        return false;
    }
    if (!ram_put_eos(f, rs, errp)) {
        return false;
    }

    if (!dirty_log_start(rs->machine, errp)) {
        error_prepend(errp, "cannot start the dirty log: ");
        return false;
    }
    save->dirty_log = true;
    for (GList *l = list; l; l = l->next) {
        RAMBlock *b = l->data;

        if (b->used_length && !ram_block_ignored(&rs->config, b)) {
            dirty_scan_add(&save->scan, b);
        }
    }
    save->scan.repeats = dirty_log_repeats(rs->machine);
    return ram_sync(rs, true, errp);
}

static void ram_save_cleanup(void *opaque)
{
    RAMState *rs = opaque;
    RAMSave *save = rs->save;

    if (!save) {
        return;
    }
    if (save->dirty_log) {
        dirty_log_stop(rs->machine);
    }
    dirty_scan_free(&save->scan);
    g_free(save);
    rs->save = NULL;
}

/* ---- records ---- */

/*
 * The start of a record.  The block is named only where it differs from that
 * of the record before, on this stream, in whatever section that was.
 */
static void ram_put_header(QEMUFile *f, RAMSave *save, const RAMBlock *rb,
                           uint64_t offset, uint64_t flag)
{
    uint64_t word = offset | flag;
    uint8_t *p;

    if (rb != save->last) {
        qemu_put_be64(f, word);
        qemu_put_counted_string(f, rb->idstr);
        save->last = rb;
        return;
    }
    word = GUINT64_TO_BE(word | RAM_SAVE_FLAG_CONTINUE);
    p = qemu_file_reserve(f, sizeof(word));
    memcpy(p, &word, sizeof(word));
    qemu_file_commit(f, sizeof(word));
}

static void ram_put_zero_pages(QEMUFile *f, RAMState *rs, const RAMBlock *rb,
                               uint64_t first, uint64_t n)
{
    uint64_t offset = first * TARGET_PAGE_SIZE;

    if (!n) {
        return;
    }
    qatomic_add(&rs->config.counters->zero_pages, n);
    if (rb != rs->save->last) {
        ram_put_header(f, rs->save, rb, offset, RAM_SAVE_FLAG_ZERO);
        qemu_put_byte(f, 0);
        offset += TARGET_PAGE_SIZE;
        n--;
    }
    zero_page_put_records(f, offset, n);
}

static void ram_put_normal_pages(QEMUFile *f, RAMState *rs, const RAMBlock *rb,
                                 uint64_t first, uint64_t n)
{
    uint64_t offset = first * TARGET_PAGE_SIZE;

    for (uint64_t i = 0; i < n; i++) {
        ram_put_header(f, rs->save, rb, offset, RAM_SAVE_FLAG_PAGE);
        qemu_put_buffer_async(f, rb->host + offset, TARGET_PAGE_SIZE);
        offset += TARGET_PAGE_SIZE;
    }
    qatomic_add(&rs->config.counters->normal_pages, n);
}

/* Pages that may be anything, to wherever such pages go. */
static bool ram_send_pages(QEMUFile *f, RAMState *rs, const RAMBlock *rb,
                           uint64_t first, uint64_t n, Error **errp)
{
    if (rs->config.multifd_send) {
        return multifd_queue_run(rs->config.multifd_send, rb, first, n, false,
                                 errp);
    }
    ram_put_normal_pages(f, rs, rb, first, n);
    return true;
}

/* Send the pages of @run, none of which was touched or all may be anything. */
static bool ram_save_run(QEMUFile *f, RAMState *rs, const DirtyRun *run,
                         Error **errp)
{
    RAMBlock *rb = run->block->rb;
    uint64_t page = run->first, end = run->first + run->n;
    bool zero = false;

    if (!dirty_log_clear(rs->machine, rb, run->first, run->n, errp)) {
        error_prepend(errp, "cannot re-arm the dirty log of block '%s': ",
                      rb->idstr);
        return false;
    }
    if (rs->save->multifd_flush && !ram_multifd_flush(f, rs, errp)) {
        return false;
    }
    if (run->untouched && rs->config.multifd_zero_pages) {
        return multifd_queue_run(rs->config.multifd_send, rb, page, run->n,
                                 true, errp);
    }
    if (run->untouched) {
        ram_put_zero_pages(f, rs, rb, page, run->n);
        return true;
    }
    if (!rs->config.detect_zero) {
        return ram_send_pages(f, rs, rb, page, run->n, errp);
    }
    while (page < end) {
        uint64_t n = zero_page_run(rb->host + page * TARGET_PAGE_SIZE,
                                   end - page, zero);

        if (zero) {
            ram_put_zero_pages(f, rs, rb, page, n);
        } else if (!ram_send_pages(f, rs, rb, page, n, errp)) {
            return false;
        }
        page += n;
        zero = !zero;
    }
    return true;
}

/* ---- iteration ---- */

static bool ram_has_pending(void *opaque)
{
    RAMState *rs = opaque;

    return rs->save->scan.dirty != 0;
}

/* Over all channels. */
static uint64_t ram_bytes_sent(RAMState *rs, QEMUFile *f)
{
    return qemu_file_transferred(f) +
           qatomic_read(&rs->config.counters->multifd_bytes);
}

static int ram_save_iterate(QEMUFile *f, void *opaque, Error **errp)
{
    RAMState *rs = opaque;
    RateLimiter *limiter = rs->config.limiter;
    int64_t start = clock_get_ns(), now = start;
    int done = 0;

    while (!qemu_file_has_error(f)) {
        uint64_t budget = rate_limiter_budget(limiter, now,
                                              ram_bytes_sent(rs, f));
        uint64_t max = budget / PAGE_RECORD_SIZE;
        uint64_t max_untouched = budget / ZERO_RECORD_SIZE;
        DirtyRun run;

        if (!budget || now - start >= PART_NS) {
            break;
        }
        /* However little the limit leaves, a page goes out. */
        max = CLAMP(max, 1, RUN_PAGES);
        max_untouched = CLAMP(max_untouched, 1, RUN_UNTOUCHED_PAGES);
        if (!dirty_scan_next(&rs->save->scan, max, max_untouched, &run)) {
            done = 1;
            break;
        }
        if (!ram_save_run(f, rs, &run, errp)) {
            return -1;
        }
        now = clock_get_ns();
    }
    ram_count_remaining(rs);
    if (!ram_put_eos(f, rs, errp) || qemu_file_get_error(f, errp)) {
        return -1;
    }
    return done;
}

static bool ram_save_rest(QEMUFile *f, RAMState *rs, Error **errp)
{
    DirtyRun run;

    while (!qemu_file_has_error(f) &&
           dirty_scan_next(&rs->save->scan, RUN_PAGES, RUN_UNTOUCHED_PAGES,
                           &run)) {
        if (!ram_save_run(f, rs, &run, errp)) {
            return false;
        }
        ram_count_remaining(rs);
    }
    if ((!rs->config.multifd_flush_each_section &&
         !ram_multifd_flush(f, rs, errp)) ||
        !ram_put_eos(f, rs, errp)) {
        return false;
    }
    qemu_fflush(f);
    return !qemu_file_get_error(f, errp);
}

/*
 * The guest stands still.  The pages go out without the machine lock, so that
 * a peer that does not read cannot take the monitor along: nobody else may
 * change the run state meanwhile (finish-migrate refuses cont), hence nobody
 * writes guest memory.
 */
static bool ram_save_complete(QEMUFile *f, void *opaque, Error **errp)
{
    RAMState *rs = opaque;
    bool ok;

    if (!ram_sync(rs, false, errp)) {
        return false;
    }
    bql_unlock(rs->machine);
    ok = ram_save_rest(f, rs, errp);
    bql_lock(rs->machine);
    return ok;
}

static bool ram_state_pending(void *opaque, bool exact, uint64_t *bytes,
                              Error **errp)
{
    RAMState *rs = opaque;

    if (exact && !ram_sync(rs, true, errp)) {
        return false;
    }
    *bytes = rs->save->scan.dirty * TARGET_PAGE_SIZE;
    return true;
}

/* ---- for the report ---- */

void ram_position(const RAMState *rs, RAMPosition *pos)
{
    const DirtyScan *scan = &rs->save->scan;

    *pos = (RAMPosition) {
        .todo = scan->dirty,
        .sent = scan->sent,
        .untouched = scan->untouched,
        .fresh = scan->last_fresh,
        .unsure = scan->last_unsure,
    };
}

bool ram_look(RAMState *rs, DirtyLook *look, Error **errp)
{
    if (!dirty_log_sync(rs->machine, errp)) {
        error_prepend(errp, "cannot read the dirty log: ");
        return false;
    }
    dirty_scan_look(&rs->save->scan, look);
    return true;
}

/* ---- registration ---- */

const SaveVMHandlers ram_handlers = {
    .save_setup = ram_save_setup,
    .has_pending = ram_has_pending,
    .save_iterate = ram_save_iterate,
    .save_complete = ram_save_complete,
    .state_pending = ram_state_pending,
    .save_cleanup = ram_save_cleanup,
    .load_setup = ram_load_setup,
    .load_state = ram_load_state,
    .load_cleanup = ram_load_cleanup,
};

RAMState *ram_register(Machine *m, Error **errp)
{
    RAMState *rs = g_new0(RAMState, 1);

    rs->machine = m;
    if (!savevm_register_live(machine_get_savevm(m), "ram", 0,
                              RAM_SECTION_VERSION, &ram_handlers, rs, errp)) {
        g_free(rs);
        return NULL;
    }
    return rs;
}

void ram_free(RAMState *rs)
{
    if (!rs) {
        return;
    }
    ram_load_cleanup(rs);
    g_free(rs);
}

void ram_configure(RAMState *rs, const RAMConfig *config)
{
    rs->config = *config;
}
