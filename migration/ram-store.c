/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"
#include "migration/ram-store.h"

#include <sys/mman.h>

#include "qemu/atomic.h"
#include "qemu/bitmap.h"
#include "qemu/clock.h"
#include "qemu/hostfeat.h"
#include "qemu/zero.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1 */
#endif

#define HUGE_SIZE ((uint64_t)(2 * MiB))
#define HUGE_PAGES (HUGE_SIZE / TARGET_PAGE_SIZE)
/*
 * So many pages of an area came: the next area will be as full.  What a huge
 * page wastes where the guess is wrong stays a small part of the guest.
 */
#define DENSE_PAGES (HUGE_PAGES * 15 / 16)
/*
 * A huge page that takes longer than its single pages would is a bad deal: the
 * host may have to find it first (fragmentation, memory given back to a
 * hypervisor).  After so many of these no more are asked for.
 */
#define HUGE_SLOW_NS (NSEC_PER_MSEC / 2)
#define HUGE_SLOW_MAX 4
/* An area that is entered further in than this will not get full. */
#define ENTRY_PAGES 64

/* ---- blocks ---- */

LoadBlock *load_block_new(const char *idstr)
{
    LoadBlock *lb = g_new0(LoadBlock, 1);

    lb->idstr = g_strdup(idstr);
    return lb;
}

void load_block_attach(LoadBlock *lb, RAMBlock *rb)
{
    lb->rb = rb;
    lb->length = rb->used_length;
    /* Files of huge pages cannot be written to. */
    lb->by_write = (rb->flags & RAM_SHARED) && rb->fd >= 0 &&
                   rb->page_size <= TARGET_PAGE_SIZE;
    lb->no_huge = rb->page_size > TARGET_PAGE_SIZE ||
                  ((rb->flags & RAM_SHARED) && !lb->by_write) ||
                  !hostfeat_has(HOSTFEAT_MADV_POPULATE);
    lb->used = bitmap_new(ram_block_pages(rb));
    ram_block_presence(rb, lb->used);
}

void load_block_free(gpointer data)
{
    LoadBlock *lb = data;

    g_free(lb->idstr);
    g_free(lb->used);
    g_free(lb);
}

bool load_block_by_write(const LoadBlock *lb)
{
    return qatomic_read(&lb->by_write);
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

/*
 * The first pages of an area have come: if the area before is full and nothing
 * is in this one yet, make it a huge page.
 */
static void try_huge(LoadBlock *lb, uint64_t page)
{
    uint64_t area = page / HUGE_PAGES, start = area * HUGE_PAGES;
    uint8_t *p = lb->rb->host + area * HUGE_SIZE;
    int64_t begun;

    if (lb->no_huge || lb->huge_area == area + 1 || !area ||
        page - start >= ENTRY_PAGES || (uintptr_t)p % HUGE_SIZE ||
        (area + 1) * HUGE_SIZE > lb->length ||
        find_next_bit(lb->used, start + HUGE_PAGES, start) !=
            start + HUGE_PAGES ||
        bitmap_count(lb->used, start - HUGE_PAGES, HUGE_PAGES) < DENSE_PAGES) {
        return;
    }
    begun = clock_get_ns();
    if (make_huge(lb->rb, p, HUGE_SIZE)) {
        lb->huge_area = area + 1;
    } else if (errno == EINVAL) {
        lb->no_huge = true; /* this kernel or this file cannot */
    }
    if (clock_get_ns() - begun > HUGE_SLOW_NS &&
        ++lb->huge_slow >= HUGE_SLOW_MAX) {
        lb->no_huge = true;
    }
}

/* ---- the ways to store ---- */

/* Writing has moved within the list: all elements are whole pages again. */
static void store_rewind(RAMStore *st)
{
    for (size_t i = 0; i < st->n; i++) {
        size_t gone = TARGET_PAGE_SIZE - st->iov[i].iov_len;

        st->iov[i].iov_base = (uint8_t *)st->iov[i].iov_base - gone;
        st->iov[i].iov_len = TARGET_PAGE_SIZE;
    }
}

/*
 * 1: the batch was written; 0: this block has to be copied to; -1: there is no
 * room, and copying would end in a signal.
 */
static int store_write(RAMStore *st, Error **errp)
{
    LoadBlock *lb = st->block;
    off_t at = lb->rb->fd_offset + st->first * TARGET_PAGE_SIZE;
    size_t i = 0;

    while (i < st->n) {
        ssize_t n = pwritev(lb->rb->fd, st->iov + i, st->n - i, at);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO)) {
            error_setg_errno(errp, errno, "cannot store pages of RAM block "
                             "'%s'", lb->idstr);
            return -1;
        }
        if (n <= 0) {
            /* Sealed or read-only; the mapping may still be written to. */
            store_rewind(st);
            return 0;
        }
        at += n;
        while (n && (size_t)n >= st->iov[i].iov_len) {
            n -= st->iov[i++].iov_len;
        }
        if (n) {
            st->iov[i].iov_base = (uint8_t *)st->iov[i].iov_base + n;
            st->iov[i].iov_len -= n;
        }
    }
    return 1;
}

/*
 * Make the memory the batch goes to present, with one call rather than one
 * fault per page.  Failure is no error: then each store faults.
 */
static void store_populate(RAMStore *st)
{
    LoadBlock *lb = st->block;

    if (st->n > 1 && hostfeat_has(HOSTFEAT_MADV_POPULATE) &&
        load_block_is_new(lb, st->first, st->n)) {
        madvise(lb->rb->host + st->first * TARGET_PAGE_SIZE,
                st->n * TARGET_PAGE_SIZE, MADV_POPULATE_WRITE);
    }
}

static void store_copy(RAMStore *st)
{
    uint8_t *to = st->block->rb->host + st->first * TARGET_PAGE_SIZE;

    if (st->block->huge_area != st->first / HUGE_PAGES + 1) {
        store_populate(st);
    }
    for (size_t i = 0; i < st->n; i++) {
        memcpy(to, st->iov[i].iov_base, TARGET_PAGE_SIZE);
        to += TARGET_PAGE_SIZE;
    }
}

bool ram_store_flush(RAMStore *st, Error **errp)
{
    LoadBlock *lb = st->block;
    int written = 0;

    if (!st->n) {
        return true;
    }
    try_huge(lb, st->first);
    if (load_block_by_write(lb) && lb->huge_area != st->first / HUGE_PAGES + 1) {
        written = store_write(st, errp);
        if (written < 0) {
            return false;
        }
        if (!written) {
            qatomic_set(&lb->by_write, false);
        }
    }
    if (!written) {
        store_copy(st);
    }
    load_block_mark(lb, st->first, st->n);
    st->n = 0;
    return true;
}

bool ram_store_page(RAMStore *st, LoadBlock *lb, uint64_t page,
                    const uint8_t *data, Error **errp)
{
    if (st->n &&
        (lb != st->block || st->n == STORE_BATCH_PAGES ||
         page != st->first + st->n || page % HUGE_PAGES == 0) &&
        !ram_store_flush(st, errp)) {
        return false;
    }
    if (!st->n) {
        st->block = lb;
        st->first = page;
    }
    st->iov[st->n++] = (struct iovec) {
        .iov_base = (void *)data,
        .iov_len = TARGET_PAGE_SIZE,
    };
    return true;
}

bool ram_store_zero(RAMStore *st, LoadBlock *lb, uint64_t page, Error **errp)
{
    uint8_t *p;

    /* If the page stands in the batch: the last record wins. */
    if (st->n && lb == st->block && page - st->first < st->n &&
        !ram_store_flush(st, errp)) {
        return false;
    }
    if (load_block_is_new(lb, page, 1)) {
        return true;
    }
    p = lb->rb->host + page * TARGET_PAGE_SIZE;
    if (!buffer_is_zero(p, TARGET_PAGE_SIZE)) {
        memset(p, 0, TARGET_PAGE_SIZE);
    }
    return true;
}
