/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"
#include "migration/load-block.h"

#include <sys/mman.h>

#include "qemu/atomic.h"
#include "qemu/bitmap.h"
#include "qemu/clock.h"
#include "qemu/hostfeat.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1 */
#endif

/*
 * So many pages of an area came: the next area will be as full.  What a huge
 * page wastes where the guess is wrong stays a small part of the guest.
 */
#define DENSE_PAGES (LOAD_AREA_PAGES * 15 / 16)
/*
 * Clearing a huge page takes a fifth of a millisecond, and some where a
 * hypervisor has to find the memory, which single pages cost as well.  One that
 * takes longer than all its single pages would is a bad deal: the kernel moves
 * memory around for it.  After so many of these no more are asked for.
 */
#define HUGE_SLOW_NS (NSEC_PER_MSEC * 4)
#define HUGE_SLOW_MAX 4
/* An area that is entered further in than this will not get full. */
#define ENTRY_PAGES 64

/* ---- life ---- */

LoadBlock *load_block_new(const char *idstr)
{
    LoadBlock *lb = g_new0(LoadBlock, 1);

    lb->idstr = g_strdup(idstr);
    for (size_t i = 0; i < LOAD_AREA_LOCKS; i++) {
        qemu_mutex_init(&lb->area_lock[i]);
    }
    return lb;
}

void load_block_attach(LoadBlock *lb, RAMBlock *rb, uint64_t ahead)
{
    lb->rb = rb;
    lb->length = rb->used_length;
    lb->ahead = ahead;
    /* Files of huge pages cannot be written to. */
    lb->by_write = (rb->flags & RAM_SHARED) && rb->fd >= 0 &&
                   rb->page_size <= TARGET_PAGE_SIZE;
    lb->no_huge = rb->page_size > TARGET_PAGE_SIZE ||
                  ((rb->flags & RAM_SHARED) && !lb->by_write) ||
                  !hostfeat_has(HOSTFEAT_MADV_POPULATE);
    lb->area = g_new0(uint8_t, lb->length / LOAD_AREA_SIZE + 1);
    lb->used = bitmap_new(ram_block_pages(rb));
    ram_block_presence(rb, lb->used);
}

void load_block_free(gpointer data)
{
    LoadBlock *lb = data;

    for (size_t i = 0; i < LOAD_AREA_LOCKS; i++) {
        qemu_mutex_destroy(&lb->area_lock[i]);
    }
    g_free(lb->idstr);
    g_free(lb->area);
    g_free(lb->used);
    g_free(lb);
}

/* ---- what it holds ---- */

bool load_block_by_write(const LoadBlock *lb)
{
    return qatomic_read(&lb->by_write);
}

void load_block_no_write(LoadBlock *lb)
{
    qatomic_set(&lb->by_write, false);
}

bool load_block_is_new(const LoadBlock *lb, uint64_t first, uint64_t n)
{
    for (uint64_t i = first; i < first + n; i++) {
        unsigned long word = qatomic_read(&lb->used[i / BITS_PER_LONG]);

        if (i % BITS_PER_LONG == 0 && !word) {
            i += BITS_PER_LONG - 1; /* all of them */
        } else if (word >> i % BITS_PER_LONG & 1) {
            return false;
        }
    }
    return true;
}

void load_block_mark(LoadBlock *lb, uint64_t first, uint64_t n)
{
    bitmap_set_atomic(lb->used, first, n);
}

/* ---- huge pages ---- */

/* Make @len bytes at @p one huge page; they hold only zeros. */
static bool make_huge(const RAMBlock *rb, uint8_t *p, size_t len)
{
    if (!(rb->flags & RAM_SHARED)) {
        return madvise(p, len, MADV_HUGEPAGE) == 0 &&
               madvise(p, len, MADV_POPULATE_WRITE) == 0;
    }
    /*
     * Shared memory gets huge pages by itself only where the administrator
     * has said so; this call is the way to ask for them all the same.  It
     * wants a page table, so one page has to be there.
     */
    return madvise(p, TARGET_PAGE_SIZE, MADV_POPULATE_WRITE) == 0 &&
           madvise(p, len, MADV_COLLAPSE) == 0;
}

static bool area_is_dense(const LoadBlock *lb, uint64_t area)
{
    const unsigned long *word =
        lb->used + area * (LOAD_AREA_PAGES / BITS_PER_LONG);
    unsigned n = 0;

    for (size_t i = 0; i < LOAD_AREA_PAGES / BITS_PER_LONG; i++) {
        n += __builtin_popcountl(qatomic_read(&word[i]));
    }
    return n >= DENSE_PAGES;
}

/*
 * Is an area before @area full?  Of the last ones pages may be still on their
 * way where others overtake them.
 */
static bool follows_dense(const LoadBlock *lb, uint64_t area)
{
    uint64_t back = 1 + DIV_ROUND_UP(lb->ahead, LOAD_AREA_PAGES);

    for (uint64_t i = 1; i <= MIN(back, area); i++) {
        if (area_is_dense(lb, area - i)) {
            return true;
        }
    }
    return false;
}

/* Nothing is in @area yet, whose lock is held. */
static LoadArea area_make(LoadBlock *lb, uint64_t area)
{
    LoadArea state = LOAD_AREA_SMALL;
    int64_t begun = clock_get_ns();

    if (make_huge(lb->rb, lb->rb->host + area * LOAD_AREA_SIZE,
                  LOAD_AREA_SIZE)) {
        state = LOAD_AREA_HUGE;
    } else if (errno == EINVAL) {
        qatomic_set(&lb->no_huge, true); /* this kernel or file cannot */
    }
    /* Of private memory the kernel makes huge pages anyway. */
    if ((lb->rb->flags & RAM_SHARED) &&
        clock_get_ns() - begun > HUGE_SLOW_NS &&
        qatomic_fetch_add(&lb->huge_slow, 1) + 1 >= HUGE_SLOW_MAX) {
        qatomic_set(&lb->no_huge, true);
    }
    return state;
}

static LoadArea area_state(LoadBlock *lb, uint64_t area)
{
    return qatomic_load_acquire(&lb->area[area]);
}

/* If @area, whose lock is held, is undecided: decide. */
static LoadArea area_decide(LoadBlock *lb, uint64_t area, bool dense)
{
    LoadArea state = area_state(lb, area);

    if (state == LOAD_AREA_UNDECIDED) {
        state = LOAD_AREA_SMALL;
        if (dense && load_block_is_new(lb, area * LOAD_AREA_PAGES,
                                       LOAD_AREA_PAGES)) {
            state = area_make(lb, area);
        }
        qatomic_store_release(&lb->area[area], (uint8_t)state);
    }
    return state;
}

static QemuMutex *area_lock(LoadBlock *lb, uint64_t area)
{
    return &lb->area_lock[area % LOAD_AREA_LOCKS];
}

static bool area_in_block(const LoadBlock *lb, uint64_t area)
{
    return (area + 1) * LOAD_AREA_SIZE <= lb->length;
}

/*
 * Another thread makes a huge page of the area before @area, which clears it
 * for a millisecond or so.  Rather than just wait for that, do the same here:
 * this is what both will need next.
 */
static void area_work_ahead(LoadBlock *lb, uint64_t area)
{
    if (area_in_block(lb, area) &&
        area_state(lb, area) == LOAD_AREA_UNDECIDED &&
        follows_dense(lb, area - 1) &&
        qemu_mutex_trylock(area_lock(lb, area))) {
        area_decide(lb, area, true);
        qemu_mutex_unlock(area_lock(lb, area));
    }
}

bool load_block_is_huge(LoadBlock *lb, uint64_t page)
{
    uint64_t area = page / LOAD_AREA_PAGES;
    LoadArea state = area_state(lb, area);

    if (state != LOAD_AREA_UNDECIDED || qatomic_read(&lb->no_huge) || !area ||
        page % LOAD_AREA_PAGES >= ENTRY_PAGES + lb->ahead ||
        (uintptr_t)lb->rb->host % LOAD_AREA_SIZE || !area_in_block(lb, area)) {
        return state == LOAD_AREA_HUGE;
    }
    if (!qemu_mutex_trylock(area_lock(lb, area))) {
        area_work_ahead(lb, area + 1);
        qemu_mutex_lock(area_lock(lb, area));
    }
    state = area_decide(lb, area, follows_dense(lb, area));
    qemu_mutex_unlock(area_lock(lb, area));
    return state == LOAD_AREA_HUGE;
}

void load_block_populate(LoadBlock *lb, uint64_t first, uint64_t n)
{
    uint64_t area = first / LOAD_AREA_PAGES;

    if (n < 2 || !hostfeat_has(HOSTFEAT_MADV_POPULATE) ||
        !load_block_is_new(lb, first, n) || load_block_is_huge(lb, first)) {
        return;
    }
    /*
     * The kernel may give the area a huge page, which two threads would clear
     * twice.
     */
    QEMU_LOCK_GUARD(area_lock(lb, area));
    madvise(lb->rb->host + first * TARGET_PAGE_SIZE, n * TARGET_PAGE_SIZE,
            MADV_POPULATE_WRITE);
}
