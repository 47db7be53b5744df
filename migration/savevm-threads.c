/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads of devices that send their state over multifd channels while the END
 * sections are written.
 *
 * The first failure ends all of them, and the migration: the channels are shut
 * down, so that nobody goes on to wait for one.
 */
#include "qemu/osdep.h"

#include "migration/savevm-internal.h"
#include "qemu/atomic.h"
#include "qemu/main-loop.h"
#include "qemu/thread.h"
#include "trace/trace-migration.h"

struct DeviceStateSave {
    SaveThreads *all;
    const SaveStateEntry *e;
    unsigned n; /* which one of its device */
    QemuThread thread;
    char name[16];
    Error *err; /* why it failed */
};

struct SaveThreads {
    SaveStateRegistry *reg;
    MultiFDSend *channels;
    GPtrArray *threads;     /* of DeviceStateSave */
    DeviceStateSave *first; /* atomic: the first to fail by itself */
};

/* ---- for the devices ---- */

bool device_state_send(DeviceStateSave *s, uint8_t *data, size_t len,
                       Error **errp)
{
    return multifd_queue_device_state(s->all->channels, s->e->idstr,
                                      s->e->instance_id, data, len, errp);
}

bool device_state_save_exiting(const DeviceStateSave *s)
{
    return multifd_send_exiting(s->all->channels);
}

/* ---- a thread ---- */

static void save_thread_failed(DeviceStateSave *s)
{
    /* Whoever fails when all is over already fails because of that. */
    bool by_itself = !multifd_send_exiting(s->all->channels);

    error_prepend(&s->err, "Error while saving section '%s' instance %" PRIu32
                  ": ", s->e->idstr, s->e->instance_id);
    if (by_itself) {
        qatomic_cmpxchg(&s->all->first, (DeviceStateSave *)NULL, s);
    }
    multifd_send_error(s->all->channels, s->err);
}

static void *save_thread(void *opaque)
{
    DeviceStateSave *s = opaque;
    const SaveStateEntry *e = s->e;

    trace_device_state_thread_start("out", e->idstr, e->instance_id);
    if (!e->ops->save_complete_thread(s, s->n, e->opaque, &s->err)) {
        save_thread_failed(s);
    }
    trace_device_state_thread_end("out", e->idstr, e->instance_id,
                                  s->err ? error_get_pretty(s->err) : "ok");
    return NULL;
}

/* ---- all of them; migration thread ---- */

static void device_state_save_free(void *p)
{
    DeviceStateSave *s = p;

    error_free(s->err);
    g_free(s);
}

SaveThreads *save_threads_start(SaveStateRegistry *reg)
{
    SaveThreads *st = g_new0(SaveThreads, 1);

    st->reg = reg;
    st->channels = reg->channels;
    st->threads = g_ptr_array_new_with_free_func(device_state_save_free);
    SAVEVM_FOREACH(reg, e) {
        unsigned n;

        if (!e->ops || !e->ops->save_complete_threads) {
            continue;
        }
        n = e->ops->save_complete_threads(e->opaque, st->channels != NULL);
        for (unsigned i = 0; st->channels && i < n; i++) {
            DeviceStateSave *s = g_new0(DeviceStateSave, 1);

            s->all = st;
            s->e = e;
            s->n = i;
            g_snprintf(s->name, sizeof(s->name), "mig/src/dev_%u",
                       st->threads->len);
            g_ptr_array_add(st->threads, s);
            qemu_thread_create(&s->thread, s->name, save_thread, s);
        }
    }
    return st;
}

/* Without the machine lock: neither they nor the peer wait for it in vain. */
static bool save_threads_wait(SaveThreads *st, QEMUFile *f, bool ok,
                              Error **err)
{
    bool all_ok = true;

    /* The peer may load the sections while the pieces are under way. */
    qemu_fflush(f);
    ok = ok && !qemu_file_get_error(f, err);
    if (!ok && *err) {
        multifd_send_error(st->channels, *err);
    } else if (!ok) {
        multifd_send_shutdown(st->channels);
    }
    for (guint i = 0; i < st->threads->len; i++) {
        DeviceStateSave *s = g_ptr_array_index(st->threads, i);

        qemu_thread_join(&s->thread);
        if (s->err) {
            all_ok = false;
            if (!*err) {
                *err = error_copy(s->err);
            }
        }
    }
    /*
     * What was queued may still be in the channels' hands, and when the
     * migration ends they are shut down.  A sync point for the peer is not
     * needed: it knows the pieces by their numbers.
     */
    return ok && all_ok &&
           multifd_send_sync(st->channels, MULTIFD_SYNC_LOCAL, err);
}

bool save_threads_join(SaveThreads *st, QEMUFile *f, Machine *m, bool ok,
                       Error **err)
{
    DeviceStateSave *first;

    if (st->threads->len) {
        bql_unlock(m);
        ok = save_threads_wait(st, f, ok, err);
        bql_lock(m);
    }
    first = st->first; /* all were joined */
    if (first) {
        error_free(*err);
        *err = error_copy(first->err);
        g_free(st->reg->failed);
        st->reg->failed = g_strdup_printf("%s instance %" PRIu32,
                                          first->e->idstr,
                                          first->e->instance_id);
    }
    g_ptr_array_unref(st->threads);
    g_free(st);
    return ok;
}
