/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which pages of a block were ever touched, without touching any.
 *
 * Private memory: what the page tables hold (PAGEMAP_SCAN, or the entries of
 * /proc/self/pagemap; both described in the kernel's pagemap.rst).  Shared
 * memory: what the file holds (SEEK_DATA), whoever wrote it.  A private
 * mapping of a file: both together.
 */
#include "qemu/osdep.h"

#include <linux/fs.h>
#include <sys/ioctl.h>

#include "qemu/linux-mm.h"
#include "qemu/bitmap.h"
#include "qemu/hostfeat.h"
#include "system/memory.h"

#define SCAN_REGIONS 512
#define PAGEMAP_ENTRIES 8192

/* Bits of an entry of /proc/PID/pagemap. */
#define PM_ENTRY_PRESENT (UINT64_C(1) << 63)
#define PM_ENTRY_SWAPPED (UINT64_C(1) << 62)

/* Set the bits of all pages that [@from, @to) of the block reaches into. */
static void mark_bytes(const RAMBlock *b, unsigned long *map, uint64_t from,
                       uint64_t to)
{
    uint64_t first = from >> TARGET_PAGE_BITS;
    uint64_t end = MIN(DIV_ROUND_UP(to, TARGET_PAGE_SIZE), ram_block_pages(b));

    if (end > first) {
        bitmap_set(map, first, end - first);
    }
}

static bool scan_ioctl(const RAMBlock *b, int pagemap, unsigned long *map)
{
    g_autofree struct page_region *regions =
        g_new(struct page_region, SCAN_REGIONS);
    uint64_t base = (uintptr_t)b->host;
    uint64_t end = base + b->used_length;
    uint64_t at = base;

    while (at < end) {
        struct pm_scan_arg arg = {
            .size = sizeof(arg),
            .start = at,
            .end = end,
            .vec = (uintptr_t)regions,
            .vec_len = SCAN_REGIONS,
            /* Touched, but not merely mapped to the zero page by a read. */
            .category_inverted = PAGE_IS_PFNZERO,
            .category_mask = PAGE_IS_PFNZERO,
            .category_anyof_mask = PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
            .return_mask = PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
        };
        int n = ioctl(pagemap, PAGEMAP_SCAN, &arg);

        if (n < 0 || arg.walk_end <= at) {
            return false;
        }
        for (int i = 0; i < n; i++) {
            mark_bytes(b, map, regions[i].start - base, regions[i].end - base);
        }
        at = arg.walk_end;
    }
    return true;
}

static bool scan_entries(const RAMBlock *b, int pagemap, unsigned long *map)
{
    g_autofree uint64_t *entries = g_new(uint64_t, PAGEMAP_ENTRIES);
    uint64_t host_page = sysconf(_SC_PAGESIZE);
    uint64_t first = (uintptr_t)b->host / host_page;
    uint64_t left = DIV_ROUND_UP(b->used_length, host_page);
    uint64_t at = 0;

    while (left) {
        size_t want = MIN(left, PAGEMAP_ENTRIES) * sizeof(uint64_t);
        ssize_t got = pread(pagemap, entries, want,
                            (first + at) * sizeof(uint64_t));

        if (got <= 0 || got % sizeof(uint64_t) != 0) {
            return false;
        }
        for (size_t i = 0; i < got / sizeof(uint64_t); i++, at++, left--) {
            if (entries[i] & (PM_ENTRY_PRESENT | PM_ENTRY_SWAPPED)) {
                mark_bytes(b, map, at * host_page, (at + 1) * host_page);
            }
        }
    }
    return true;
}

static bool scan_page_tables(const RAMBlock *b, unsigned long *map)
{
    int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    bool ok = false;

    if (pagemap < 0) {
        return false;
    }
    if (hostfeat_has(HOSTFEAT_PAGEMAP_SCAN)) {
        ok = scan_ioctl(b, pagemap, map);
    }
    if (!ok) {
        ok = scan_entries(b, pagemap, map);
    }
    close(pagemap);
    return ok;
}

static bool scan_file(const RAMBlock *b, unsigned long *map)
{
    off_t at = b->fd_offset;
    off_t end = b->fd_offset + b->used_length;

    while (at < end) {
        off_t data = lseek(b->fd, at, SEEK_DATA);
        off_t hole;

        if (data < 0) {
            return errno == ENXIO; /* nothing but a hole up to the end */
        }
        if (data >= end) {
            break;
        }
        hole = lseek(b->fd, data, SEEK_HOLE);
        if (hole < 0) {
            return false;
        }
        hole = MIN(hole, end);
        mark_bytes(b, map, data - b->fd_offset, hole - b->fd_offset);
        at = hole;
    }
    return true;
}

bool ram_block_presence(const RAMBlock *b, unsigned long *map)
{
    bool ok = b->fd < 0 || scan_file(b, map);

    if (ok && (b->fd < 0 || !(b->flags & RAM_SHARED))) {
        ok = scan_page_tables(b, map);
    }
    if (!ok) {
        bitmap_set(map, 0, ram_block_pages(b));
    }
    return ok;
}
