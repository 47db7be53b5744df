/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The dirty log: one bitmap per block that sources set bits in and the
 * consumer empties.
 */
#include "qemu/osdep.h"

#include "machine-internal.h"
#include "qemu/atomic.h"
#include "qemu/bitmap.h"

/*
 * For sources whose sync leaves pages writable: which chunks wait for clear()
 * since the last sync.  Only the thread that drives the log looks at it.
 */
typedef struct ClearMap {
    uint64_t chunks;
    unsigned long bits[];
} ClearMap;

void dirty_log_set_source(Machine *m, const DirtySource *source, void *opaque)
{
    g_assert(!dirty_log_enabled(m));
    m->dirty_source = source;
    m->dirty_opaque = opaque;
}

const char *dirty_log_source_name(Machine *m)
{
    return m->dirty_source ? m->dirty_source->name : "marks";
}

bool dirty_log_enabled(Machine *m)
{
    return qatomic_read(&m->dirty_enabled);
}

/* Begin with an empty map; a mark from before may still trickle in. */
static void block_log_start(RAMBlock *b)
{
    RAMBlockPriv *p = container_of(b, RAMBlockPriv, block);
    uint64_t pages = b->max_length >> TARGET_PAGE_BITS;
    uint64_t chunks = DIV_ROUND_UP(pages, UINT64_C(1)
                                              << DIRTY_CLEAR_CHUNK_BITS);
    ClearMap *cm = g_malloc0(sizeof(*cm)
                             + BITS_TO_LONGS(chunks) * sizeof(cm->bits[0]));

    if (!p->dirty) {
        p->dirty = bitmap_new(pages);
    }
    for (uint64_t i = 0; i < BITS_TO_LONGS(pages); i++) {
        qatomic_set(&p->dirty[i], 0UL);
    }
    cm->chunks = chunks;
    b->dirty_source_data = cm;
    /* Release: markers that see the map see it empty. */
    qatomic_store_release(&b->dirty, p->dirty);
}

/*
 * The map itself stays until the block goes: a marker in another thread may
 * have loaded the pointer just now.
 */
static void block_log_stop(RAMBlock *b)
{
    qatomic_store_release(&b->dirty, NULL);
    g_clear_pointer(&b->dirty_source_data, g_free);
}

bool dirty_log_start(Machine *m, Error **errp)
{
    const DirtySource *s = m->dirty_source;

    g_assert(!dirty_log_enabled(m));
    RAMBLOCK_FOREACH(m, b) {
        block_log_start(b);
    }
    if (s && s->start && !s->start(m->dirty_opaque, errp)) {
        RAMBLOCK_FOREACH(m, b) {
            block_log_stop(b);
        }
        error_prepend(errp, "cannot start the dirty log (%s): ", s->name);
        return false;
    }
    qatomic_set(&m->dirty_enabled, true);
    return true;
}

void dirty_log_stop(Machine *m)
{
    const DirtySource *s = m->dirty_source;

    if (!dirty_log_enabled(m)) {
        return;
    }
    qatomic_set(&m->dirty_enabled, false);
    if (s && s->stop) {
        s->stop(m->dirty_opaque);
    }
    RAMBLOCK_FOREACH(m, b) {
        block_log_stop(b);
    }
}

bool dirty_log_sync(Machine *m, Error **errp)
{
    const DirtySource *s = m->dirty_source;

    if (s && s->sync && !s->sync(m->dirty_opaque, errp)) {
        error_prepend(errp, "cannot read the dirty log (%s): ", s->name);
        return false;
    }
    if (s && s->clear) {
        RAMBLOCK_FOREACH(m, b) {
            ClearMap *cm = b->dirty_source_data;

            if (cm) {
                bitmap_set(cm->bits, 0, cm->chunks);
            }
        }
    }
    return true;
}

bool dirty_log_repeats(Machine *m)
{
    return m->dirty_source && m->dirty_source->clear;
}

uint64_t dirty_log_fetch(RAMBlock *b, unsigned long *dst)
{
    unsigned long *dirty = qatomic_load_acquire(&b->dirty);

    return dirty ? bitmap_fetch_clear(dst, dirty, 0, ram_block_pages(b)) : 0;
}

bool dirty_log_clear(Machine *m, RAMBlock *b, uint64_t first, uint64_t n,
                     Error **errp)
{
    const DirtySource *s = m->dirty_source;
    const uint64_t chunk_pages = UINT64_C(1) << DIRTY_CLEAR_CHUNK_BITS;
    uint64_t pages = ram_block_pages(b);
    ClearMap *cm = b->dirty_source_data;
    uint64_t last;

    if (!s || !s->clear || !cm || first >= pages || n == 0) {
        return true;
    }
    last = (first + MIN(n, pages - first) - 1) / chunk_pages;
    for (uint64_t c = first / chunk_pages; c <= last; c++) {
        uint64_t at = c * chunk_pages;

        if (!test_bit(c, cm->bits)) {
            continue;
        }
        clear_bit(c, cm->bits);
        if (!s->clear(m->dirty_opaque, b, at, MIN(chunk_pages, pages - at),
                      errp)) {
            error_prepend(errp, "cannot re-arm the dirty log (%s) of '%s': ",
                          s->name, b->idstr);
            return false;
        }
    }
    return true;
}

bool dirty_log_clear_sample(Machine *m, RAMBlock *b, uint64_t stride,
                            Error **errp)
{
    const DirtySource *s = m->dirty_source;
    uint64_t pages = ram_block_pages(b), step = stride * BITS_PER_LONG;

    if (!dirty_log_repeats(m) || !b->dirty_source_data) {
        return true;
    }
    if (stride == 1) {
        return dirty_log_clear(m, b, 0, pages, errp);
    }
    for (uint64_t at = 0; at < pages; at += step) {
        if (!s->clear(m->dirty_opaque, b, at,
                      MIN(BITS_PER_LONG, pages - at), errp)) {
            error_prepend(errp, "cannot re-arm the dirty log (%s) of '%s': ",
                          s->name, b->idstr);
            return false;
        }
    }
    return true;
}

void dirty_log_mark(RAMBlock *b, uint64_t offset, uint64_t len)
{
    unsigned long *dirty = qatomic_load_acquire(&b->dirty);
    uint64_t page, end;

    if (!dirty || len == 0) {
        return;
    }
    page = offset >> TARGET_PAGE_BITS;
    end = ((offset + len - 1) >> TARGET_PAGE_BITS) + 1;
    while (page < end) {
        unsigned bit = page % BITS_PER_LONG;
        unsigned n = MIN(end - page, BITS_PER_LONG - bit);
        unsigned long mask = (n == BITS_PER_LONG ? ~0UL : (1UL << n) - 1)
                             << bit;

        /*
         * Full ordering: who takes the bit and reads the page then must see
         * what was written before the mark.
         */
        (void)qatomic_fetch_or(&dirty[page / BITS_PER_LONG], mask);
        page += n;
    }
}
