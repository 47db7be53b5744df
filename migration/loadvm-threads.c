/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices whose state comes over multifd channels, too, while a stream is
 * loaded: who takes a piece, and when a device is complete.
 *
 * The end mark of the main channel says nothing about the channels, and on
 * these nothing says that no more will come but their end, which is after the
 * source has heard that all is well.  So the device itself has to know what
 * belongs to it (its END section says how many pieces), and the load waits,
 * behind the end mark, for the thread of each device that has begun.
 *
 * A thread that waits for a piece that cannot come any more is told so: when
 * the load has failed, or when the end mark was read and all channels have
 * ended.  Neither of the latter is enough by itself: what is missing may come
 * on the other way.
 */
#include "qemu/osdep.h"

#include "migration/savevm-internal.h"
#include "qemu/thread.h"
#include "trace/trace-migration.h"

typedef struct LoadDevice {
    LoadThreads *all;
    const SaveStateEntry *e;
    QemuThread thread; /* load_thread(); created when the section begins */
    char name[16];

    /* Load thread. */
    uint32_t section_id;
    bool begun, ended; /* START, END */
} LoadDevice;

struct LoadThreads {
    MultiFDRecv *multifd; /* NULL: none */
    LoadDevice *devices;
    guint n;

    QemuMutex lock; /* protects what follows */
    bool ready;         /* load_setup() was called for all */
    bool sections_done; /* the end mark was read */
    bool channels_done;
    bool failed;
    LoadDevice *first; /* to fail */
    Error *err;        /* of that one */
    bool by_itself;    /* nothing else had failed before it */
};

/* ---- the end of waiting ---- */

/* Tell the devices if nothing can come any more.  Lock held. */
static void load_threads_check_end(LoadThreads *lt)
{
    if (!lt->ready ||
        !(lt->failed || (lt->sections_done && lt->channels_done))) {
        return;
    }
    for (guint i = 0; i < lt->n; i++) {
        const SaveStateEntry *e = lt->devices[i].e;

        if (e->ops->load_end) {
            e->ops->load_end(e->opaque);
        }
    }
}

/* The channels bring nothing any more.  Any thread. */
static void load_threads_channels_ended(void *opaque, bool failed)
{
    LoadThreads *lt = opaque;
    QEMU_LOCK_GUARD(&lt->lock);

    lt->channels_done = true;
    lt->failed |= failed;
    load_threads_check_end(lt);
}

/* ---- pieces; the channels' threads ---- */

static void *load_threads_find(void *opaque, const char *idstr,
                               uint32_t instance_id, Error **errp)
{
    LoadThreads *lt = opaque;
    g_autofree char *shown = NULL;

    /* The table was made before the channels' threads. */
    for (guint i = 0; i < lt->n; i++) {
        const SaveStateEntry *e = lt->devices[i].e;

        if (e->ops->load_state_buffer && e->instance_id == instance_id &&
            !strcmp(e->idstr, idstr)) {
            return &lt->devices[i];
        }
    }
    shown = g_strescape(idstr, NULL);
    error_setg(errp, "packet with device state for section '%s' instance %"
               PRIu32 ", which takes none or is unknown here", shown,
               instance_id);
    return NULL;
}

static bool load_threads_piece(void *device, uint8_t *data, size_t len,
                               Error **errp)
{
    const SaveStateEntry *e = ((LoadDevice *)device)->e;

    if (e->ops->load_state_buffer(e->opaque, data, len, errp)) {
        return true;
    }
    error_prepend(errp, "Error while loading device state of section '%s' "
                  "instance %" PRIu32 ": ", e->idstr, e->instance_id);
    return false;
}

static const MultiFDDeviceOps load_threads_ops = {
    .find = load_threads_find,
    .load = load_threads_piece,
    .ended = load_threads_channels_ended,
};

/* ---- a device's thread ---- */

/* Takes @err. */
static void load_thread_failed(LoadDevice *d, Error *err)
{
    LoadThreads *lt = d->all;
    g_autoptr(Error) copy = NULL;
    bool by_itself;

    error_prepend(&err, "Error while loading section '%s' instance %" PRIu32
                  ": ", d->e->idstr, d->e->instance_id);
    copy = error_copy(err);
    WITH_QEMU_LOCK_GUARD(&lt->lock) {
        by_itself = !lt->failed;
        if (!lt->err) {
            lt->first = d;
            lt->by_itself = by_itself;
            lt->err = g_steal_pointer(&err);
        }
    }
    error_free(err);
    /* The load may be waiting for the main channel, the peer for us. */
    if (lt->multifd && by_itself) {
        multifd_recv_error(lt->multifd, copy);
    }
    load_threads_channels_ended(lt, true);
}

static void *load_thread(void *opaque)
{
    LoadDevice *d = opaque;
    const SaveStateEntry *e = d->e;
    Error *err = NULL;
    bool ok;

    trace_device_state_thread_start("in", e->idstr, e->instance_id);
    ok = e->ops->load_thread(e->opaque, &err);
    trace_device_state_thread_end("in", e->idstr, e->instance_id,
                                  ok ? "ok" : error_get_pretty(err));
    if (!ok) {
        load_thread_failed(d, err);
    }
    return NULL;
}

/* ---- the load thread ---- */

static bool takes_part(const SaveStateEntry *e)
{
    return e->ops && (e->ops->load_state_buffer || e->ops->load_thread);
}

LoadThreads *load_threads_new(SaveStateRegistry *reg, MultiFDRecv *mr)
{
    LoadThreads *lt = g_new0(LoadThreads, 1);

    lt->multifd = mr;
    lt->channels_done = !mr;
    lt->devices = g_new0(LoadDevice, reg->entries->len);
    qemu_mutex_init(&lt->lock);
    SAVEVM_FOREACH(reg, e) {
        if (takes_part(e)) {
            LoadDevice *d = &lt->devices[lt->n];

            d->all = lt;
            d->e = e;
            g_snprintf(d->name, sizeof(d->name), "mig/dst/dev_%u", lt->n++);
        }
    }
    if (mr) {
        multifd_recv_set_devices(mr, &load_threads_ops, lt);
    }
    return lt;
}

void load_threads_ready(LoadThreads *lt)
{
    QEMU_LOCK_GUARD(&lt->lock);

    lt->ready = true;
    load_threads_check_end(lt);
}

static LoadDevice *find_entry(LoadThreads *lt, const SaveStateEntry *e)
{
    for (guint i = 0; i < lt->n; i++) {
        if (lt->devices[i].e == e) {
            return &lt->devices[i];
        }
    }
    return NULL;
}

void load_threads_section_begins(LoadThreads *lt, const SaveStateEntry *e,
                                 uint32_t section_id)
{
    LoadDevice *d = find_entry(lt, e);

    if (!d || d->begun) {
        return;
    }
    d->begun = true;
    d->section_id = section_id;
    if (e->ops->load_thread) {
        qemu_thread_create(&d->thread, d->name, load_thread, d);
    }
}

void load_threads_section_ended(LoadThreads *lt, const SaveStateEntry *e)
{
    LoadDevice *d = find_entry(lt, e);

    if (d) {
        d->ended = true;
    }
}

/* Did the sections tell each device all that it has to know? */
static bool check_sections(LoadThreads *lt, Error **errp)
{
    for (guint i = 0; i < lt->n; i++) {
        const LoadDevice *d = &lt->devices[i];

        if (d->begun && !d->ended) {
            error_setg(errp, "section '%s' instance %" PRIu32 " has begun, but "
                       "the stream ends without its END", d->e->idstr,
                       d->e->instance_id);
            return false;
        }
    }
    return true;
}

bool load_threads_join(LoadThreads *lt, bool ok, LoadContext *ctx,
                       Error **errp)
{
    ok = ok && check_sections(lt, errp);
    WITH_QEMU_LOCK_GUARD(&lt->lock) {
        lt->sections_done = true;
        lt->failed |= !ok;
        load_threads_check_end(lt);
    }
    for (guint i = 0; i < lt->n; i++) {
        if (lt->devices[i].thread.created) {
            qemu_thread_join(&lt->devices[i].thread);
        }
    }
    if (lt->err && (ok || lt->by_itself)) {
        ctx->stage = LOAD_IN_SECTION;
        ctx->section_id = lt->first->section_id;
        load_tell_section(ctx, lt->first->e);
    }
    if (lt->err && ok) {
        error_propagate(errp, g_steal_pointer(&lt->err));
        return false;
    }
    return ok;
}

void load_threads_free(LoadThreads *lt)
{
    if (lt->multifd) {
        multifd_recv_cleanup(lt->multifd);
        multifd_recv_set_devices(lt->multifd, NULL, NULL);
    }
    error_free(lt->err);
    qemu_mutex_destroy(&lt->lock);
    g_free(lt->devices);
    g_free(lt);
}
