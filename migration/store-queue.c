/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"
#include "migration/store-queue.h"

static bool store_run(RAMStore *st, const StoreRun *run, Error **errp)
{
    for (uint64_t i = 0; i < run->n; i++) {
        uint64_t page = run->first + i;

        if (run->data
                ? !ram_store_page(st, run->block, page,
                                  run->data + i * STORE_RECORD_STRIDE, errp)
                : !ram_store_zero(st, run->block, page, errp)) {
            return false;
        }
    }
    return true;
}

static bool store_batch(RAMStore *st, const StoreBatch *b, Error **errp)
{
    bool ok = true;

    for (size_t i = 0; ok && i < b->n; i++) {
        ok = store_run(st, &b->run[i], errp);
    }
    ok = ok && ram_store_flush(st, errp);
    st->n = 0;
    return ok;
}

/* The batch that the load thread may fill. */
static StoreBatch *own_batch(StoreQueue *q)
{
    /* Written by this thread only: no lock to read it. */
    return &q->batch[q->queued % STORE_QUEUE_BATCHES];
}

static void *store_thread(void *opaque)
{
    StoreQueue *q = opaque;

    qemu_mutex_lock(&q->lock);
    while (!q->quit) {
        StoreBatch *b = &q->batch[q->stored % STORE_QUEUE_BATCHES];
        bool ok = !q->err;
        Error *err = NULL;

        if (q->stored == q->queued) {
            qemu_cond_wait(&q->work, &q->lock);
            continue;
        }
        qemu_mutex_unlock(&q->lock);
        if (ok) {
            store_batch(&q->store, b, &err);
        }
        b->n = 0;
        qemu_mutex_lock(&q->lock);
        if (err) {
            q->err = err;
        }
        q->stored++;
        qemu_cond_signal(&q->done);
    }
    qemu_mutex_unlock(&q->lock);
    return NULL;
}

StoreQueue *store_queue_new(void)
{
    StoreQueue *q = g_new0(StoreQueue, 1);

    qemu_mutex_init(&q->lock);
    qemu_cond_init(&q->work);
    qemu_cond_init(&q->done);
    return q;
}

void store_queue_free(StoreQueue *q)
{
    if (!q) {
        return;
    }
    if (q->thread.created) {
        qemu_mutex_lock(&q->lock);
        q->quit = true;
        qemu_cond_signal(&q->work);
        qemu_mutex_unlock(&q->lock);
        qemu_thread_join(&q->thread);
    }
    for (size_t i = 0; i < STORE_QUEUE_BATCHES; i++) {
        g_free(q->batch[i].buf);
    }
    error_free(q->err);
    qemu_cond_destroy(&q->done);
    qemu_cond_destroy(&q->work);
    qemu_mutex_destroy(&q->lock);
    g_free(q);
}

/* Until less than @n batches are queued; false: storing has failed. */
static bool wait_queued_below(StoreQueue *q, unsigned n)
{
    QEMU_LOCK_GUARD(&q->lock);

    while (q->queued - q->stored >= n) {
        qemu_cond_wait(&q->done, &q->lock);
    }
    return !q->err;
}

bool store_queue_begin(StoreQueue *q)
{
    return wait_queued_below(q, STORE_QUEUE_BATCHES);
}

void store_queue_add(StoreQueue *q, LoadBlock *lb, uint64_t page,
                     const uint8_t *data)
{
    StoreBatch *b = own_batch(q);
    StoreRun *run = b->n ? &b->run[b->n - 1] : NULL;

    if (run && run->block == lb && run->first + run->n == page &&
        (data ? run->data && run->data + run->n * STORE_RECORD_STRIDE == data
              : !run->data)) {
        run->n++;
        return;
    }
    b->run[b->n++] = (StoreRun) {
        .block = lb,
        .first = page,
        .n = 1,
        .data = data,
    };
}

bool store_queue_full(StoreQueue *q)
{
    return own_batch(q)->n == STORE_BATCH_RUNS;
}

void store_queue_submit(StoreQueue *q, QEMUFile *f)
{
    StoreBatch *b = own_batch(q);

    b->buf = qemu_file_exchange_buffer(f, b->buf);
    if (!q->thread.created) {
        qemu_thread_create(&q->thread, "mig/dst/store", store_thread, q);
    }
    QEMU_LOCK_GUARD(&q->lock);
    q->queued++;
    qemu_cond_signal(&q->work);
}

bool store_queue_finish(StoreQueue *q, Error **errp)
{
    StoreBatch *b = own_batch(q);

    /* From then on the thread is idle, and all of @q is ours. */
    if (wait_queued_below(q, 1)) {
        store_batch(&q->store, b, &q->err);
    }
    b->n = 0;
    if (q->err) {
        error_propagate(errp, error_copy(q->err));
        return false;
    }
    return true;
}
