/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Storing received pages: pages of one block that follow one another are
 * gathered and stored in one go, in the way that is cheapest for the kind of
 * memory.
 *
 *  - Shared memory behind a descriptor: pwritev().  A page that nobody mapped
 *    yet is allocated without being zeroed first and without a page fault.
 *  - Other memory: a copy, after the range was made present by one call.
 *  - An area the size of a huge page which is about to be filled: made a huge
 *    page first, then a copy.  That costs a third of 512 single pages.
 */
#ifndef MIGRATION_RAM_STORE_H
#define MIGRATION_RAM_STORE_H

#include "system/machine.h"

/* Pages stored at once; what fits in the read buffer is the real limit. */
#define STORE_BATCH_PAGES 256

/* A block of the stream. */
typedef struct LoadBlock {
    char *idstr;
    RAMBlock *rb;      /* NULL: the machine has no such block and ignores it */
    uint64_t length;
    bool skipped;      /* x-ignore-shared: no page may come */
    /*
     * Pages that may hold something but zeros; the channels of a multifd
     * migration set bits in it too, atomically.
     */
    unsigned long *used;
    bool by_write;     /* pwritev() into rb->fd works; atomic */
    bool no_huge;      /* huge pages are not to be had, or too slowly */
    unsigned huge_slow; /* how many took too long */
    uint64_t huge_area; /* number + 1 of the last area made a huge page */
} LoadBlock;

/* Gathered pages: [first, +n) of @block, from @iov's memory. */
typedef struct RAMStore {
    LoadBlock *block;
    uint64_t first;
    size_t n;
    struct iovec iov[STORE_BATCH_PAGES];
} RAMStore;

LoadBlock *load_block_new(const char *idstr);
/* It is for the pages of @rb: find out what it holds. */
void load_block_attach(LoadBlock *lb, RAMBlock *rb);
void load_block_free(gpointer lb);
/* Will pages nobody touched be written to the file?  Any thread. */
bool load_block_by_write(const LoadBlock *lb);
/* Are pages [@first, +@n) all zero, none of them stored yet?  Any thread. */
bool load_block_is_new(const LoadBlock *lb, uint64_t first, uint64_t n);
/* Pages [@first, +@n) have been stored.  Any thread. */
void load_block_mark(LoadBlock *lb, uint64_t first, uint64_t n);

/* @data stays valid until ram_store_flush(). */
bool ram_store_page(RAMStore *st, LoadBlock *lb, uint64_t page,
                    const uint8_t *data, Error **errp);
/* Costs nothing where nothing was. */
bool ram_store_zero(RAMStore *st, LoadBlock *lb, uint64_t page, Error **errp);
bool ram_store_flush(RAMStore *st, Error **errp);

#endif
