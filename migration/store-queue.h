/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Storing received pages while the next ones are read.
 *
 * The load thread lists what a read buffer holds as a batch of runs.  A batch
 * of some size goes, with the buffer, to a thread that stores it; the file
 * gets another buffer, so no page is copied on the way.  Batches are stored in
 * order, one at a time: the last record for a page wins.
 *
 * The thread is started by the first batch that is worth it, so a small guest
 * has none.  It waits for batches only, and the load thread for it only.
 */
#ifndef MIGRATION_STORE_QUEUE_H
#define MIGRATION_STORE_QUEUE_H

#include "migration/qemu-file.h"
#include "migration/ram-store.h"
#include "qemu/thread.h"

/* One filled, one waiting, one being stored. */
#define STORE_QUEUE_BATCHES 3
/* A batch of short runs is closed early. */
#define STORE_BATCH_RUNS 512
/* Bytes of records for which waking another thread pays. */
#define STORE_HANDOFF_BYTES ((size_t)(64 * KiB))
/* From a page to the next one in the buffer, where nothing is in between. */
#define STORE_RECORD_STRIDE (TARGET_PAGE_SIZE + sizeof(uint64_t))

/* Pages [first, +n) of @block. */
typedef struct StoreRun {
    LoadBlock *block;
    uint64_t first;
    uint64_t n;
    const uint8_t *data; /* the first page, the next a stride on; NULL: zeros */
} StoreRun;

typedef struct StoreBatch {
    uint8_t *buf; /* what the runs' data lies in, or a spare one; may be NULL */
    size_t n;
    StoreRun run[STORE_BATCH_RUNS];
} StoreBatch;

typedef struct StoreQueue {
    StoreBatch batch[STORE_QUEUE_BATCHES];
    /* Of the store thread while a batch is queued, else of the load thread. */
    RAMStore store;
    QemuThread thread;

    QemuMutex lock;
    QemuCond work; /* for the thread: @queued or @quit changed */
    QemuCond done; /* for the load thread: @stored changed */
    /*
     * Batches handed over and done with, counted for ever, by lock.  The one
     * with number @queued (modulo the array) is the load thread's own, once
     * the one that had its place before is stored.
     */
    unsigned queued;
    unsigned stored;
    bool quit;
    Error *err; /* the first; nothing is stored any more */
} StoreQueue;

/* All but store_queue_free() are of the load thread. */
StoreQueue *store_queue_new(void);
/* Join the thread; what is still queued is dropped.  NULL is allowed. */
void store_queue_free(StoreQueue *q);

/* Wait until there is an empty batch to fill; false: storing has failed. */
bool store_queue_begin(StoreQueue *q);
/*
 * Add a page to the batch; @data (NULL: zeros) lies in the file's read buffer
 * and stays there until the batch is submitted or finished.
 */
void store_queue_add(StoreQueue *q, LoadBlock *lb, uint64_t page,
                     const uint8_t *data);
/* No more may be added to this batch. */
bool store_queue_full(StoreQueue *q);
/* Give the batch away, and the read buffer of @f with it. */
void store_queue_submit(StoreQueue *q, QEMUFile *f);
/* Everything added is stored on return; false: the first error that was. */
bool store_queue_finish(StoreQueue *q, Error **errp);

#endif
