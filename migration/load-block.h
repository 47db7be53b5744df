/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A RAM block of a stream that is being loaded: what it holds already, and
 * which areas the size of a huge page are made one before they are filled.
 *
 * The load thread makes and ends blocks; everything else may be called by any
 * thread that stores pages, several at once.
 */
#ifndef MIGRATION_LOAD_BLOCK_H
#define MIGRATION_LOAD_BLOCK_H

#include "qemu/thread.h"
#include "system/machine.h"

/* The size of an area. */
#define LOAD_AREA_SIZE ((uint64_t)(2 * MiB))
#define LOAD_AREA_PAGES (LOAD_AREA_SIZE / TARGET_PAGE_SIZE)
#define LOAD_AREA_LOCKS 8

typedef enum LoadArea {
    LOAD_AREA_UNDECIDED,
    LOAD_AREA_SMALL, /* stays small pages */
    LOAD_AREA_HUGE,  /* has been made a huge page; is present */
} LoadArea;

typedef struct LoadBlock {
    char *idstr;
    RAMBlock *rb;      /* NULL: the machine has no such block and ignores it */
    uint64_t length;
    bool skipped;      /* x-ignore-shared: no page may come */
    uint64_t ahead;    /* see load_block_attach() */
    /* Pages that may hold something but zeros; atomic bits. */
    unsigned long *used;
    bool by_write;     /* pwritev() into rb->fd works; atomic */
    bool no_huge;      /* huge pages are not to be had, or too slowly; atomic */
    unsigned huge_slow; /* how many took too long; atomic */
    uint8_t *area;     /* LoadArea of each; atomic, written under its lock */
    /* Of areas n, n + LOAD_AREA_LOCKS...: one thread gets memory for it. */
    QemuMutex area_lock[LOAD_AREA_LOCKS];
} LoadBlock;

LoadBlock *load_block_new(const char *idstr);
/*
 * It is for the pages of @rb: find out what it holds.  @ahead: so many pages
 * may come before ones that were sent before them (0: they come in order).
 */
void load_block_attach(LoadBlock *lb, RAMBlock *rb, uint64_t ahead);
void load_block_free(gpointer lb);

/* Will pages nobody touched be written to the file? */
bool load_block_by_write(const LoadBlock *lb);
/* They cannot be. */
void load_block_no_write(LoadBlock *lb);
/* Are pages [@first, +@n) all zero, none of them stored yet? */
bool load_block_is_new(const LoadBlock *lb, uint64_t first, uint64_t n);
/* Pages [@first, +@n) have been stored. */
void load_block_mark(LoadBlock *lb, uint64_t first, uint64_t n);
/*
 * Pages from @page on are about to be stored: is their area a huge page?  It
 * becomes one now if it is going to get full, which may take a while.
 */
bool load_block_is_huge(LoadBlock *lb, uint64_t page);
/*
 * Make the memory of pages [@first, +@n), about to be written, present with
 * one call rather than one fault per page, as a huge page where that is worth
 * it.  Failure is no error: then each store faults.
 */
void load_block_populate(LoadBlock *lb, uint64_t first, uint64_t n);

#endif
