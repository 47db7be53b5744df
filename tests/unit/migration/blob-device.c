/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"
#include "blob-device.h"

#include "migration/qemu-file-types.h"
#include "qemu/atomic.h"

static size_t piece_size(unsigned i)
{
    return MIN(BLOB_PIECE, BLOB_SIZE - i * BLOB_PIECE);
}

/* ---- saving ---- */

static unsigned blob_save_complete_threads(void *opaque, bool able)
{
    Blob *b = opaque;

    g_assert_true(bql_locked(b->t->m));
    b->able = able && b->threads;
    qatomic_set(&b->sent, 0);
    return b->threads;
}

static bool blob_send_piece(Blob *b, DeviceStateSave *s, unsigned i,
                            Error **errp)
{
    size_t len = piece_size(i);
    uint32_t index = GUINT32_TO_BE(i);
    uint8_t *data;

    if (b->fault == BLOB_SAVE_FAILS && i == b->fault_at) {
        error_setg(errp, "piece %u cannot be read", i);
        return false;
    }
    if (b->fault == BLOB_PIECE_MISSING && i == b->fault_at) {
        return true;
    }
    while (b->fault == BLOB_STUCK && i == b->fault_at) {
        if (device_state_save_exiting(s)) {
            error_setg(errp, "told to end");
            return false;
        }
        g_usleep(100);
    }
    if (b->fault == BLOB_SAVE_HUGE && i == b->fault_at) {
        len = 64 * MiB - 3;
    }
    data = g_malloc0(sizeof(index) + len);
    memcpy(data, &index, sizeof(index));
    memcpy(data + sizeof(index), b->state + i * BLOB_PIECE, piece_size(i));
    if (!device_state_send(s, data, sizeof(index) + len, errp)) {
        return false;
    }
    qatomic_add(&b->sent, 1);
    return true;
}

/* Each thread has its own pieces, the even ones from their end. */
static bool blob_save_complete_thread(DeviceStateSave *s, unsigned n,
                                      void *opaque, Error **errp)
{
    Blob *b = opaque;
    unsigned mine = (BLOB_PIECES - n + b->threads - 1) / b->threads;
    bool ok = true;

    qatomic_fetch_add(&b->running, 1);
    for (unsigned k = 0; ok && k < mine; k++) {
        unsigned at = n % 2 ? k : mine - 1 - k;

        if (b->pause_us) {
            g_usleep(b->pause_us);
        }
        ok = blob_send_piece(b, s, n + at * b->threads, errp);
    }
    qatomic_fetch_sub(&b->running, 1);
    return ok;
}

static bool blob_save_complete(QEMUFile *f, void *opaque, Error **errp)
{
    Blob *b = opaque;

    if (b->fault == BLOB_END_FAILS) {
        error_setg(errp, "the end is nowhere");
        return false;
    }
    qemu_put_be32(f, b->able ? BLOB_PIECES : 0);
    if (!b->able) {
        qemu_put_buffer(f, b->state, BLOB_SIZE);
    }
    return true;
}

static void blob_save_cleanup(void *opaque)
{
    Blob *b = opaque;

    g_assert_cmpint(qatomic_read(&b->running), ==, 0);
}

/* ---- loading ---- */

static void blob_forget(Blob *b)
{
    for (unsigned i = 0; i < BLOB_PIECES; i++) {
        g_clear_pointer(&b->pieces[i], g_bytes_unref);
    }
    b->got = b->expected = b->out_of_order = 0;
    b->begun = b->told = b->inlined = b->ended = b->complete = false;
}

static bool blob_load_setup(void *opaque, Error **errp)
{
    blob_forget(opaque);
    return true;
}

static bool blob_load_state(QEMUFile *f, void *opaque, int version_id,
                            Error **errp)
{
    Blob *b = opaque;
    uint32_t expected;

    if (!b->begun) {
        b->begun = true; /* START has nothing in it */
        return true;
    }
    /* Not with the lock: load_end() may be called meanwhile. */
    expected = qemu_get_be32(f);
    if (expected != 0 && expected != BLOB_PIECES) {
        error_setg(errp, "%u pieces, not %u", expected, BLOB_PIECES);
        return false;
    }
    if (!expected) {
        qemu_get_buffer(f, b->state, BLOB_SIZE);
    }
    WITH_QEMU_LOCK_GUARD(&b->lock) {
        b->expected = expected;
        b->inlined = !expected;
        b->told = true;
        qemu_cond_broadcast(&b->cond);
    }
    return true;
}

static bool blob_take_piece(Blob *b, const uint8_t *data, size_t len,
                            Error **errp)
{
    uint32_t i;
    QEMU_LOCK_GUARD(&b->lock);

    if (len <= sizeof(i)) {
        error_setg(errp, "piece of %zu bytes", len);
        return false;
    }
    memcpy(&i, data, sizeof(i));
    i = GUINT32_FROM_BE(i);
    if (i >= BLOB_PIECES || b->pieces[i] ||
        len != sizeof(i) + piece_size(i)) {
        error_setg(errp, "piece %u of %zu bytes is wrong", i, len);
        return false;
    }
    if (b->fault == BLOB_LOAD_FAILS && i == b->fault_at) {
        error_setg(errp, "piece %u is not liked", i);
        return false;
    }
    b->out_of_order += i && !b->pieces[i - 1];
    b->pieces[i] = g_bytes_new(data + sizeof(i), len - sizeof(i));
    b->got++;
    qemu_cond_broadcast(&b->cond);
    return true;
}

static bool blob_load_state_buffer(void *opaque, uint8_t *data, size_t len,
                                   Error **errp)
{
    g_autofree uint8_t *owned = data;

    return blob_take_piece(opaque, owned, len, errp);
}

/* Lock held. */
static bool blob_put_together(Blob *b, Error **errp)
{
    uint8_t *to = b->state;

    for (unsigned i = 0; i < BLOB_PIECES; i++) {
        gsize len;
        const void *from;

        while (!b->pieces[i] && !b->ended && !b->inlined) {
            qemu_cond_wait(&b->cond, &b->lock);
        }
        if (b->inlined) {
            return true;
        }
        if (!b->pieces[i]) {
            error_setg(errp, "piece %u is missing, %u of %u came", i, b->got,
                       b->told ? b->expected : 0);
            return false;
        }
        if (b->fault == BLOB_THREAD_FAILS && i == b->fault_at) {
            error_setg(errp, "piece %u does not fit", i);
            return false;
        }
        from = g_bytes_get_data(b->pieces[i], &len);
        memcpy(to, from, len);
        to += len;
    }
    return true;
}

static bool blob_load_thread(void *opaque, Error **errp)
{
    Blob *b = opaque;
    QEMU_LOCK_GUARD(&b->lock);

    b->complete = blob_put_together(b, errp);
    return b->complete;
}

static void blob_load_end(void *opaque)
{
    Blob *b = opaque;
    QEMU_LOCK_GUARD(&b->lock);

    b->ended = true;
    qemu_cond_broadcast(&b->cond);
}

static void blob_load_cleanup(void *opaque)
{
    Blob *b = opaque;

    for (unsigned i = 0; i < BLOB_PIECES; i++) {
        g_clear_pointer(&b->pieces[i], g_bytes_unref);
    }
}

static const SaveVMHandlers blob_handlers = {
    .save_complete_threads = blob_save_complete_threads,
    .save_complete_thread = blob_save_complete_thread,
    .save_complete = blob_save_complete,
    .save_cleanup = blob_save_cleanup,
    .load_setup = blob_load_setup,
    .load_state = blob_load_state,
    .load_state_buffer = blob_load_state_buffer,
    .load_thread = blob_load_thread,
    .load_end = blob_load_end,
    .load_cleanup = blob_load_cleanup,
};

/* ---- life ---- */

Blob *blob_new(TestMachine *t, uint32_t instance, uint32_t seed)
{
    uint64_t x = seed;
    Blob *b = g_new0(Blob, 1);
    Error *err = NULL;

    b->t = t;
    b->instance = instance;
    b->threads = 1;
    b->state = g_malloc0(BLOB_SIZE);
    for (size_t i = 0; seed && i + sizeof(x) <= BLOB_SIZE; i += sizeof(x)) {
        x = x * UINT64_C(6364136223846793005) + 1442695040888963407;
        memcpy(b->state + i, &x, sizeof(x));
    }
    qemu_mutex_init(&b->lock);
    qemu_cond_init(&b->cond);
    bql_lock(t->m);
    savevm_register_live(machine_get_savevm(t->m), "blob", instance, 1,
                         &blob_handlers, b, &err);
    bql_unlock(t->m);
    g_assert_no_error(err);
    return b;
}

void blob_free(Blob *b)
{
    bql_lock(b->t->m);
    savevm_unregister_live(machine_get_savevm(b->t->m), "blob", b);
    bql_unlock(b->t->m);
    blob_forget(b);
    qemu_cond_destroy(&b->cond);
    qemu_mutex_destroy(&b->lock);
    g_free(b->state);
    g_free(b);
}
