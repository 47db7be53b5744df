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
    unsigned long *seen;    /* written since the log was switched on */
    unsigned long *fresh;   /* written since this pass began, as known */
    unsigned long *hidden;  /* of the sample: while they were to be sent */
} ScanBlock;

typedef struct DirtyScan {
    ScanBlock *blocks;
    size_t n;
    uint64_t dirty;     /* pages to be sent in all blocks */
    size_t block;       /* where the walk stands */
    uint64_t page;
    uint64_t sent;      /* pages handed out so far */
    uint64_t untouched; /* of these, untouched ones */
    /*
     * The log reports pages that are to be sent again and again, so it cannot
     * be told whether they were written again, except for those of a sample.
     */
    bool repeats;
    bool sampled;       /* in this pass */
    uint64_t stride;    /* the sample is each so many'th word of the maps */
    uint64_t began;     /* pages that were to be sent when this pass began */
    uint64_t last_fresh, last_unsure; /* as in a DirtyLook, when it began */
} DirtyScan;

/* What the log says in the middle of a pass. */
typedef struct DirtyLook {
    uint64_t pages;        /* in all blocks */
    uint64_t todo;         /* to be sent, but for untouched ones */
    uint64_t untouched;    /* these */
    uint64_t written;      /* different pages written since the start */
    uint64_t written_todo; /* of these, in @todo */
    uint64_t backlog;      /* written, and not to be sent in this pass */
    uint64_t fresh;        /* different pages written since this pass began */
    uint64_t unsure;       /* besides, so many may have been written */
} DirtyLook;

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
 * Before that: set s->last_fresh and last_unsure to what was written in the
 * pass that ends.
 */
void dirty_scan_count_fresh(DirtyScan *s);
/*
 * After that, if s->repeats: take a sample of the pages to be sent, to know how
 * many of them the guest writes to in this pass.
 */
bool dirty_scan_sample(DirtyScan *s, Machine *m, Error **errp);
/*
 * Look at the log without beginning a new pass; the caller has synced it.
 * Pages that are still to be sent lose their mark: what was written to them
 * goes out with them.
 */
void dirty_scan_look(DirtyScan *s, DirtyLook *look);
/*
 * The next run, of at most @max pages (@max_untouched untouched ones); its
 * pages count as sent.  False: nothing is left.
 */
bool dirty_scan_next(DirtyScan *s, uint64_t max, uint64_t max_untouched,
                     DirtyRun *run);

#endif
