/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which pages have to be sent: per block a private copy of the dirty log,
 * walked in runs.
 */
#ifndef MIGRATION_DIRTY_SCAN_H
#define MIGRATION_DIRTY_SCAN_H

#include "qemu/bitmap.h"
#include "system/dirty.h"

typedef struct ScanBlock {
    RAMBlock *rb;
    uint64_t pages;
    uint64_t dirty;         /* bits set in todo */
    unsigned long *todo;    /* to be sent */
    /*
     * Pages that may hold something: NULL: all of them.  Made when the first
     * pass reaches the block, dropped when it has left it; what gets dirty in
     * between is added.
     */
    unsigned long *present;
    bool present_known;
    unsigned long *fetched; /* scratch, while present is there */
} ScanBlock;

typedef struct DirtyScan {
    ScanBlock *blocks;
    size_t n;
    uint64_t dirty;     /* pages to be sent in all blocks */
    size_t block;       /* where the walk stands */
    uint64_t page;
} DirtyScan;

/* A run of pages of one block; either all untouched (zero), or not known. */
typedef struct DirtyRun {
    ScanBlock *block;
    uint64_t first;
    uint64_t n;
    bool untouched;
} DirtyRun;

/* Add a block, all of whose pages have to be sent. */
void dirty_scan_add(DirtyScan *s, RAMBlock *rb);
void dirty_scan_free(DirtyScan *s);
/*
 * Take what the log has collected; the caller has synced it.  Returns how
 * many pages became dirty that were not.
 */
uint64_t dirty_scan_fetch(DirtyScan *s);
/*
 * The next run, of at most @max pages (@max_untouched untouched ones); its
 * pages count as sent.  False: nothing is left.
 */
bool dirty_scan_next(DirtyScan *s, uint64_t max, uint64_t max_untouched,
                     DirtyRun *run);

#endif
