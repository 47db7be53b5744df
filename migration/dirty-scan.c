/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"
#include "migration/dirty-scan.h"

#include "qemu/atomic.h"

void dirty_scan_add(DirtyScan *s, RAMBlock *rb)
{
    ScanBlock *b;

    s->blocks = g_renew(ScanBlock, s->blocks, s->n + 1);
    b = &s->blocks[s->n++];
    *b = (ScanBlock) {
        .rb = rb,
        .pages = ram_block_pages(rb),
    };
    b->todo = bitmap_new(b->pages);
    bitmap_set(b->todo, 0, b->pages);
    b->dirty = b->pages;
    s->dirty += b->pages;
}

static void scan_block_forget_presence(ScanBlock *b)
{
    g_clear_pointer(&b->present, g_free);
    g_clear_pointer(&b->fetched, g_free);
}

void dirty_scan_free(DirtyScan *s)
{
    for (size_t i = 0; i < s->n; i++) {
        scan_block_forget_presence(&s->blocks[i]);
        g_free(s->blocks[i].todo);
        g_free(s->blocks[i].seen);
        g_free(s->blocks[i].fresh);
        g_free(s->blocks[i].hidden);
    }
    g_free(s->blocks);
    *s = (DirtyScan) { 0 };
}

static uint64_t scan_block_fetch(ScanBlock *b)
{
    uint64_t n;

    if (!b->present) {
        return dirty_log_fetch(b->rb, b->todo);
    }
    /*
     * A page nobody had touched when the presence map was made may have been
     * written since.  It must lose its "untouched" together with becoming
     * dirty, or it would be sent as zero.
     */
    memset(b->fetched, 0, BITS_TO_LONGS(b->pages) * sizeof(long));
    dirty_log_fetch(b->rb, b->fetched);
    bitmap_or_atomic(b->present, b->fetched, b->pages);
    n = bitmap_or_atomic(b->todo, b->fetched, b->pages);
    return n;
}

/* ---- how many pages the guest writes in a pass ---- */

/* A pass re-arms so many pieces of 64 pages before their turn, and no more. */
#define SAMPLE_WORDS 256

/* @bits of word @i of the log are set: which of them are news? */
static void fresh_note(const DirtyScan *s, ScanBlock *b, uint64_t i,
                       unsigned long bits)
{
    unsigned long todo = b->todo[i];

    if (!s->repeats) {
        b->fresh[i] |= bits;
        return;
    }
    b->fresh[i] |= bits & ~todo;
    if (s->sampled && i % s->stride == 0) {
        b->hidden[i / s->stride] |= bits & todo;
    }
}

/* Pages of word @i, for how many of its kind it may stand. */
static uint64_t fresh_count(const DirtyScan *s, const ScanBlock *b, uint64_t i)
{
    uint64_t n = __builtin_popcountl(b->fresh[i]);

    if (s->sampled && i % s->stride == 0) {
        n += s->stride * __builtin_popcountl(b->hidden[i / s->stride] &
                                             ~b->fresh[i]);
    }
    return n;
}

static uint64_t fresh_unsure(const DirtyScan *s)
{
    return s->repeats && !s->sampled ? s->began : 0;
}

static void fresh_need(ScanBlock *b)
{
    if (!b->fresh) {
        b->fresh = bitmap_new(b->pages);
    }
}

void dirty_scan_count_fresh(DirtyScan *s)
{
    s->last_fresh = 0;
    s->last_unsure = fresh_unsure(s);
    for (size_t n = 0; n < s->n; n++) {
        ScanBlock *b = &s->blocks[n];
        unsigned long *dirty = qatomic_load_acquire(&b->rb->dirty);

        fresh_need(b);
        for (uint64_t i = 0; dirty && i < BITS_TO_LONGS(b->pages); i++) {
            fresh_note(s, b, i, qatomic_read(&dirty[i]));
            s->last_fresh += fresh_count(s, b, i);
            b->fresh[i] = 0;
        }
    }
    s->sampled = false;
}

bool dirty_scan_sample(DirtyScan *s, Machine *m, Error **errp)
{
    uint64_t words = 0;

    for (size_t i = 0; i < s->n; i++) {
        words += BITS_TO_LONGS(s->blocks[i].pages);
    }
    s->stride = DIV_ROUND_UP(words, SAMPLE_WORDS);
    for (size_t i = 0; i < s->n; i++) {
        ScanBlock *b = &s->blocks[i];
        uint64_t n = DIV_ROUND_UP(BITS_TO_LONGS(b->pages), s->stride);

        g_free(b->hidden);
        b->hidden = g_new0(unsigned long, n);
        if (!dirty_log_clear_sample(m, b->rb, s->stride, errp)) {
            return false;
        }
    }
    s->sampled = true;
    return true;
}

/* ---- the log ---- */

uint64_t dirty_scan_fetch(DirtyScan *s)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < s->n; i++) {
        uint64_t n = scan_block_fetch(&s->blocks[i]);

        s->blocks[i].dirty += n;
        sum += n;
    }
    s->dirty += sum;
    s->began = s->dirty;
    return sum;
}

static void scan_block_look(const DirtyScan *s, ScanBlock *b,
                            DirtyLook *look)
{
    unsigned long *dirty = qatomic_load_acquire(&b->rb->dirty);

    if (!b->seen) {
        b->seen = bitmap_new(b->pages);
    }
    fresh_need(b);
    for (uint64_t i = 0; dirty && i < BITS_TO_LONGS(b->pages); i++) {
        unsigned long todo = b->todo[i], bits = qatomic_read(&dirty[i]);
        unsigned long cold = b->present ? todo & ~b->present[i] : 0;

        if (bits & todo) {
            /* Full ordering: these writes are seen when the page is read. */
            bits = qatomic_fetch_and(&dirty[i], ~todo);
            if (b->present) {
                b->present[i] |= bits & todo;
                cold &= ~bits;
            }
        }
        b->seen[i] |= bits;
        fresh_note(s, b, i, bits);
        look->todo += __builtin_popcountl(todo & ~cold);
        look->untouched += __builtin_popcountl(cold);
        look->written += __builtin_popcountl(b->seen[i]);
        look->written_todo += __builtin_popcountl(b->seen[i] & todo);
        look->backlog += __builtin_popcountl(bits & ~todo);
        look->fresh += fresh_count(s, b, i);
    }
    look->pages += b->pages;
}

void dirty_scan_look(DirtyScan *s, DirtyLook *look)
{
    *look = (DirtyLook) { .unsure = fresh_unsure(s) };
    for (size_t i = 0; i < s->n; i++) {
        scan_block_look(s, &s->blocks[i], look);
    }
}

/*
 * First time at this block: ask the host which pages were ever touched.  The
 * dirty log is on already, so a page that is touched after this answer is
 * reported dirty and sent again.
 */
static void scan_block_enter(ScanBlock *b)
{
    if (b->present_known) {
        return;
    }
    b->present_known = true;
    b->present = bitmap_new(b->pages);
    b->fetched = bitmap_new(b->pages);
    if (!ram_block_presence(b->rb, b->present)) {
        scan_block_forget_presence(b);
    }
}

/* Cut [@run->first, +@run->n) where presence changes. */
static void run_split(DirtyRun *run, uint64_t max, uint64_t max_untouched)
{
    ScanBlock *b = run->block;
    uint64_t end = run->first + run->n;
    uint64_t cut;

    run->untouched = b->present && !test_bit(run->first, b->present);
    if (run->untouched) {
        cut = find_next_bit(b->present, end, run->first);
        max = max_untouched;
    } else if (b->present) {
        cut = find_next_zero_bit(b->present, end, run->first);
    } else {
        cut = end;
    }
    run->n = MIN(cut - run->first, max);
}

bool dirty_scan_next(DirtyScan *s, uint64_t max, uint64_t max_untouched,
                     DirtyRun *run)
{
    uint64_t limit = MAX(max, max_untouched);

    if (!s->dirty) {
        return false;
    }
    /* Something is dirty: at the latest the second round finds it. */
    for (size_t tries = 0; tries <= 2 * s->n; tries++) {
        ScanBlock *b = &s->blocks[s->block];

        if (b->dirty) {
            scan_block_enter(b);
        }
        if (b->dirty && bitmap_next_run(b->todo, b->pages, s->page, limit,
                                        &run->first, &run->n)) {
            run->block = b;
            run_split(run, max, max_untouched);
            bitmap_clear(b->todo, run->first, run->n);
            b->dirty -= run->n;
            s->dirty -= run->n;
            s->page = run->first + run->n;
            s->sent += run->n;
            s->untouched += run->untouched ? run->n : 0;
            return true;
        }
        if (!b->dirty) {
            /* The first pass is through: everything was sent once. */
            scan_block_forget_presence(b);
        }
        s->block = (s->block + 1) % s->n;
        s->page = 0;
    }
    return false;
}
