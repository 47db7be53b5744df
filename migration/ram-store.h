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

#include "migration/load-block.h"

/* Pages stored at once; what fits in the read buffer is the real limit. */
#define STORE_BATCH_PAGES 256

/* Gathered pages: [first, +n) of @block, from @iov's memory. */
typedef struct RAMStore {
    LoadBlock *block;
    uint64_t first;
    size_t n;
    struct iovec iov[STORE_BATCH_PAGES];
} RAMStore;

/* @data stays valid until ram_store_flush(). */
bool ram_store_page(RAMStore *st, LoadBlock *lb, uint64_t page,
                    const uint8_t *data, Error **errp);
/* Costs nothing where nothing was. */
bool ram_store_zero(RAMStore *st, LoadBlock *lb, uint64_t page, Error **errp);
bool ram_store_flush(RAMStore *st, Error **errp);

#endif
