/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sending side of multifd: channels, hand-off of batches, sync points.
 *
 * A batch changes hands without being copied: the one that queues swaps its
 * full batch for the empty one of an idle channel.  pending_job says whose it
 * is.  A sync is a request of its own that a channel sees after the job it was
 * given before.
 *
 * How all of it ends: "exiting" is set first, then every semaphore is posted
 * and every connection shut down.  Whoever waits looks at "exiting" when he
 * wakes up, and nobody waits without having looked at it before.
 */
#include "qemu/osdep.h"
#include "migration/multifd-internal.h"

#include "trace/trace-migration.h"

/* For less data it is cheaper to copy. */
#define BY_REFERENCE_MIN (64 * KiB)
/* Nor is it done with more channels: each needs two descriptors for it. */
#define BY_REFERENCE_CHANNELS 16
/* How long a channel may be closed by the destination without a reason. */
#define CLOSED_GRACE_MS 1000

char *multifd_channel_name(int channel)
{
    return channel >= 0 ? g_strdup_printf("multifd %d", channel) : NULL;
}

/* ---- life ---- */

MultiFDSend *multifd_send_new(Machine *m, const MigrationOptions *options,
                              MigrationCounters *counters,
                              MultiFDCounters *channel_counters,
                              MultiFDFailedFn *failed, void *opaque)
{
    MultiFDSend *ms = g_new0(MultiFDSend, 1);

    ms->machine = m;
    ms->options = options;
    ms->counters = counters;
    ms->failed = failed;
    ms->opaque = opaque;
    ms->ops = multifd_get_ops(options->multifd_compression);
    ms->n = options->multifd_channels;
    ms->params = g_new0(MultiFDSendParams, ms->n);
    ms->data = g_new0(MultiFDSendData, 1);
    ms->zero_run = g_new0(MultiFDSendData, 1);
    qemu_mutex_init(&ms->channel_lock);
    qemu_mutex_init(&ms->send_mutex);
    qemu_sem_init(&ms->channels_created, 0);
    qemu_sem_init(&ms->channels_ready, ms->n);
    for (unsigned i = 0; i < ms->n; i++) {
        MultiFDSendParams *p = &ms->params[i];

        p->ms = ms;
        p->id = i;
        g_snprintf(p->name, sizeof(p->name), "mig/src/send_%u", i);
        p->data = g_new0(MultiFDSendData, 1);
        p->packet = g_new0(MultiFDPacket, 1);
        p->iov = g_new0(struct iovec, MULTIFD_SEND_IOVS);
        p->flags = ms->ops->flag;
        p->counters = &channel_counters[i];
        p->zero_copy = options->caps[MIGRATION_CAPABILITY_ZERO_COPY_SEND];
        qemu_sem_init(&p->sem, 0);
        qemu_sem_init(&p->sem_sync, 0);
    }
    return ms;
}

void multifd_send_free(MultiFDSend *ms)
{
    if (!ms) {
        return;
    }
    for (unsigned i = 0; i < ms->n; i++) {
        MultiFDSendParams *p = &ms->params[i];

        if (p->watch) {
            g_source_remove(p->watch);
        }
        g_clear_object(&p->watched);
        g_clear_object(&p->c);
        multifd_send_data_clear(p->data);
        g_free(p->data);
        g_free(p->packet);
        g_free(p->zero_packets);
        g_free(p->iov);
        qemu_sem_destroy(&p->sem);
        qemu_sem_destroy(&p->sem_sync);
    }
    qemu_sem_destroy(&ms->channels_created);
    qemu_sem_destroy(&ms->channels_ready);
    qemu_mutex_destroy(&ms->send_mutex);
    qemu_mutex_destroy(&ms->channel_lock);
    g_free(ms->params);
    g_free(ms->data);
    g_free(ms->zero_run);
    g_free(ms);
}

static bool send_exiting(const MultiFDSend *ms)
{
    return qatomic_load_acquire(&ms->exiting);
}

bool multifd_send_exiting(const MultiFDSend *ms)
{
    return send_exiting(ms);
}

void multifd_send_shutdown(MultiFDSend *ms)
{
    if (qatomic_xchg(&ms->exiting, true)) {
        return;
    }
    trace_multifd_send_shutdown(ms->n);
    WITH_QEMU_LOCK_GUARD(&ms->channel_lock) {
        for (unsigned i = 0; i < ms->n; i++) {
            if (ms->params[i].c) {
                qio_channel_shutdown(ms->params[i].c,
                                     QIO_CHANNEL_SHUTDOWN_BOTH, NULL);
            }
        }
    }
    for (unsigned i = 0; i < ms->n; i++) {
        qemu_sem_post(&ms->params[i].sem);
        qemu_sem_post(&ms->params[i].sem_sync);
    }
    qemu_sem_post(&ms->channels_ready);
}

static void multifd_send_failed(MultiFDSend *ms, int channel,
                                const Error *err)
{
    /* What breaks because of the shutdown is no news. */
    if (!send_exiting(ms) && !qatomic_xchg(&ms->failing, true)) {
        trace_multifd_send_error(error_get_pretty(err));
        ms->failed(ms->opaque, channel, err);
    }
    multifd_send_shutdown(ms);
}

void multifd_send_error(MultiFDSend *ms, const Error *err)
{
    multifd_send_failed(ms, -1, err);
}

/* Channel @p has failed.  Takes @err. */
static void multifd_send_fail(MultiFDSendParams *p, Error *err)
{
    error_prepend(&err, "multifd channel %u: ", p->id);
    multifd_send_failed(p->ms, p->id, err);
    error_free(err);
}

/* ---- a channel's thread ---- */

void multifd_send_count(MultiFDSendParams *p, uint64_t bytes)
{
    qatomic_add(&p->ms->counters->multifd_bytes, bytes);
    qatomic_add(&p->counters->bytes, bytes);
}

static bool multifd_send_initial_packet(MultiFDSendParams *p, Error **errp)
{
    MultiFDInit init;

    multifd_init_fill(&init, p->ms->machine, p->id);
    if (!qio_channel_write_all(p->c, &init, sizeof(init), errp)) {
        return false;
    }
    multifd_send_count(p, sizeof(init));
    return true;
}

/* How the data of the packet is to be written. */
static int multifd_send_flags(const MultiFDSendParams *p)
{
    if (p->zero_copy && p->iovs_num > 1) {
        return QIO_CHANNEL_WRITE_FLAG_ZERO_COPY;
    }
    return p->by_reference && p->next_packet_size >= BY_REFERENCE_MIN
               ? QIO_CHANNEL_WRITE_FLAG_BY_REFERENCE : 0;
}

/*
 * Header and data: in one call, unless the data stays where it is for a while,
 * when the header's place is needed for the next one.
 */
static bool multifd_send_iovs(MultiFDSendParams *p, Error **errp)
{
    int flags = multifd_send_flags(p);
    size_t first = flags ? 1 : 0;

    p->iov[0] = (struct iovec) { p->packet, sizeof(*p->packet) };
    return (!first || qio_channel_writev_all(p->c, p->iov, 1, errp)) &&
           qio_channel_writev_full_all(p->c, p->iov + first,
                                       p->iovs_num - first, NULL, 0, flags,
                                       errp);
}

static bool multifd_send_packet(MultiFDSendParams *p, Error **errp)
{
    bool ok;

    multifd_counters_wait_begin(p->counters, MULTIFD_WAIT_NETWORK);
    ok = multifd_send_iovs(p, errp);
    multifd_counters_wait_end(p->counters, MULTIFD_WAIT_NETWORK);
    if (!ok) {
        return false;
    }
    multifd_send_count(p, sizeof(*p->packet) + p->next_packet_size);
    qatomic_add(&p->counters->packets, 1);
    return true;
}

/* Wait until the kernel has sent what it was to send in place. */
static bool multifd_send_flush(MultiFDSendParams *p, Error **errp)
{
    int ret = p->zero_copy ? qio_channel_flush(p->c, errp) : 0;

    if (ret > 0) {
        qatomic_add(&p->ms->counters->missed_zero_copy, 1);
    }
    return ret >= 0;
}

static bool multifd_send_pages(MultiFDSendParams *p, Error **errp)
{
    MultiFDPages *pages = &p->data->u.ram;
    MigrationCounters *c = p->ms->counters;

    multifd_send_zero_page_detect(p);
    p->iovs_num = 1;
    p->next_packet_size = 0;
    if (pages->normal_num && !p->ms->ops->send_prepare(p, errp)) {
        return false;
    }
    multifd_send_fill_packet(p);
    trace_multifd_send(p->id, pages->normal_num, pages->zero_num, p->flags,
                       p->next_packet_size);
    if (!multifd_send_packet(p, errp)) {
        return false;
    }
    qatomic_add(&c->normal_pages, pages->normal_num);
    qatomic_add(&c->zero_pages, pages->zero_num);
    qatomic_add(&p->counters->normal_pages, pages->normal_num);
    qatomic_add(&p->counters->zero_pages, pages->zero_num);
    return true;
}

static bool multifd_send_sync_packet(MultiFDSendParams *p, Error **errp)
{
    p->iovs_num = 1;
    p->next_packet_size = 0;
    multifd_send_fill_sync(p);
    trace_multifd_send_sync_packet(p->id);
    qatomic_add(&p->counters->syncs, 1);
    return multifd_send_packet(p, errp);
}

static bool multifd_send_payload(MultiFDSendParams *p, Error **errp)
{
    switch (p->data->type) {
    case MULTIFD_PAYLOAD_DEVICE_STATE:
        return multifd_send_device_state(p, errp);
    case MULTIFD_PAYLOAD_ZERO_RUN:
        return multifd_send_zero_run(p, errp);
    default:
        return multifd_send_pages(p, errp);
    }
}

static bool multifd_send_job(MultiFDSendParams *p, Error **errp)
{
    bool ok = multifd_send_payload(p, errp);

    multifd_send_data_clear(p->data);
    if (ok) {
        qatomic_store_release(&p->pending_job, false);
        qemu_sem_post(&p->ms->channels_ready);
    }
    return ok;
}

/*
 * What there is to do.  A sync comes after all jobs that whoever asks for it
 * gave before: a request that was seen first has its jobs behind it when the
 * one that is seen then is done.  Looking in this order also keeps devices'
 * threads, which may have a job ready at any time, from holding up a sync.
 */
static bool multifd_send_step(MultiFDSendParams *p, Error **errp)
{
    MultiFDSyncReq req = qatomic_load_acquire(&p->pending_sync);

    if (qatomic_load_acquire(&p->pending_job) && !multifd_send_job(p, errp)) {
        return false;
    }
    if (req == MULTIFD_SYNC_NONE) {
        return true;
    }
    if (!multifd_send_flush(p, errp) ||
        (req == MULTIFD_SYNC_ALL && !multifd_send_sync_packet(p, errp))) {
        return false;
    }
    qatomic_store_release(&p->pending_sync, (int)MULTIFD_SYNC_NONE);
    qemu_sem_post(&p->sem_sync);
    return true;
}

/* Can the channel do what it is told to? */
static bool multifd_send_check(MultiFDSendParams *p, Error **errp)
{
    if (p->zero_copy &&
        !qio_channel_has_feature(p->c,
                                 QIO_CHANNEL_FEATURE_WRITE_ZERO_COPY)) {
        error_setg(errp, "zero-copy-send is on, but the host cannot do that "
                   "on this connection: it has to be tcp, and the kernel must "
                   "know MSG_ZEROCOPY");
        return false;
    }
    return true;
}

/*
 * May the peer read memory later than it is sent?  Guest memory, yes: what is
 * written in between is in the dirty log, and multifd_send_finish() waits until
 * the last of it was read.  A method's own buffers are used again at once.
 */
static bool multifd_send_may_refer(const MultiFDSendParams *p)
{
    const MigrationOptions *o = p->ms->options;

    return !p->zero_copy &&
           o->multifd_compression == MULTIFD_COMPRESSION_NONE &&
           p->ms->n <= BY_REFERENCE_CHANNELS &&
           qio_channel_has_feature(p->c,
                                   QIO_CHANNEL_FEATURE_WRITE_BY_REFERENCE);
}

static void *multifd_send_thread(void *opaque)
{
    MultiFDSendParams *p = opaque;
    Error *err = NULL;
    bool ok;

    trace_multifd_send_thread_start(p->id);
    p->by_reference = multifd_send_may_refer(p);
    ok = multifd_send_check(p, &err) && p->ms->ops->send_setup(p, &err);
    if (ok) {
        ok = multifd_send_initial_packet(p, &err);
        while (ok) {
            multifd_counters_wait_begin(p->counters, MULTIFD_WAIT_IDLE);
            qemu_sem_wait(&p->sem);
            multifd_counters_wait_end(p->counters, MULTIFD_WAIT_IDLE);
            if (send_exiting(p->ms)) {
                break;
            }
            ok = multifd_send_step(p, &err);
        }
        p->ms->ops->send_cleanup(p);
    }
    if (!ok) {
        multifd_send_fail(p, err);
    }
    trace_multifd_send_thread_end(p->id);
    return NULL;
}

/* ---- creation and end ---- */

/*
 * Main loop: the destination closed a channel a while ago, and nobody else
 * noticed: there was nothing to write, or it goes where nobody reads it.
 */
static gboolean multifd_send_closed(gpointer opaque)
{
    MultiFDSendParams *p = opaque;
    Error *err = NULL;

    p->watch = 0;
    trace_multifd_send_closed(p->id);
    if (!send_exiting(p->ms) && !qatomic_read(&p->ms->finished)) {
        error_setg(&err, "the destination closed the connection");
        multifd_send_fail(p, err);
    }
    return G_SOURCE_REMOVE;
}

/* It may say on the return path why; that is worth more. */
static gboolean multifd_send_closing(QIOChannel *ioc, GIOCondition cond,
                                     gpointer opaque)
{
    MultiFDSendParams *p = opaque;

    qatomic_set(&p->closed, true);
    p->watch = g_timeout_add(CLOSED_GRACE_MS, multifd_send_closed, p);
    return G_SOURCE_REMOVE;
}

bool multifd_send_finish(MultiFDSend *ms)
{
    for (unsigned i = 0; i < ms->n; i++) {
        MultiFDSendParams *p = &ms->params[i];
        Error *err = NULL;

        /* The sync has ordered what the channel's thread did. */
        if (p->by_reference && qio_channel_flush(p->c, &err) < 0) {
            multifd_send_fail(p, err);
            return false;
        }
        if (qatomic_read(&p->closed)) {
            error_setg(&err, "the destination closed the connection");
            multifd_send_fail(p, err);
            return false;
        }
    }
    qatomic_set(&ms->finished, true);
    return true;
}

static void multifd_send_start_one(MultiFDSendParams *p)
{
    qemu_thread_create(&p->thread, p->name, multifd_send_thread, p);
}

void multifd_send_start(MultiFDSend *ms)
{
    for (unsigned i = 0; i < ms->n; i++) {
        multifd_send_start_one(&ms->params[i]);
    }
}

/* The connection is there, or failed.  Takes @ioc and @err. */
static void multifd_send_connected(void *opaque, QIOChannel *ioc, Error *err)
{
    MultiFDSendParams *p = opaque;
    QIOChannel *old;

    p->connect = NULL;
    trace_multifd_new_send_channel(p->id, err ? error_get_pretty(err) : "ok");
    if (err) {
        multifd_send_fail(p, err);
    } else {
        /* It is the one we have, or lies above it. */
        WITH_QEMU_LOCK_GUARD(&p->ms->channel_lock) {
            old = p->c;
            p->c = ioc;
        }
        g_object_unref(old);
        if (!send_exiting(p->ms)) {
            p->watched = g_object_ref(p->c);
            /* What zero-copy has sent is told by the same means as an end. */
            if (!p->zero_copy) {
                p->watch = qio_channel_add_watch(
                    p->c, G_IO_HUP | QIO_CHANNEL_PEER_CLOSED,
                    multifd_send_closing, p, NULL);
            }
            multifd_send_start_one(p);
        }
    }
    qemu_sem_post(&p->ms->channels_created);
}

void multifd_send_connect(MultiFDSend *ms, const SocketAddress *addr,
                          MigrationTLS *tls)
{
    for (unsigned i = 0; i < ms->n; i++) {
        MultiFDSendParams *p = &ms->params[i];

        p->connect = migration_socket_connect(addr, tls,
                                              multifd_send_connected, p);
        /* From here on a shutdown ends the attempt, too. */
        WITH_QEMU_LOCK_GUARD(&ms->channel_lock) {
            p->c = g_object_ref(migration_socket_connect_channel(p->connect));
            qio_channel_set_name(p->c, "multifd-outgoing");
            if (send_exiting(ms)) {
                qio_channel_shutdown(p->c, QIO_CHANNEL_SHUTDOWN_BOTH, NULL);
            }
        }
    }
}

void multifd_send_cancel(MultiFDSend *ms, unsigned *left)
{
    multifd_send_shutdown(ms);
    for (unsigned i = 0; i < ms->n; i++) {
        MultiFDSendParams *p = &ms->params[i];

        if (p->connect) {
            migration_socket_connect_cancel(p->connect, left);
            p->connect = NULL;
            qemu_sem_post(&ms->channels_created);
        }
    }
}

static bool error_set_ended(Error **errp)
{
    error_setg(errp, "multifd: the channels were shut down");
    return false;
}

bool multifd_send_setup(MultiFDSend *ms, Error **errp)
{
    for (unsigned i = 0; i < ms->n; i++) {
        qemu_sem_wait(&ms->channels_created);
    }
    return !send_exiting(ms) || error_set_ended(errp);
}

void multifd_send_bye(MultiFDSend *ms)
{
    /* The threads have nothing to write any more. */
    for (unsigned i = 0; i < ms->n && !send_exiting(ms); i++) {
        if (ms->params[i].c) {
            migration_tls_bye(ms->params[i].c);
        }
    }
}

void multifd_send_cleanup(MultiFDSend *ms)
{
    multifd_send_shutdown(ms);
    for (unsigned i = 0; i < ms->n; i++) {
        MultiFDSendParams *p = &ms->params[i];
        QIOChannel *c;

        if (p->thread.created) {
            qemu_thread_join(&p->thread);
        }
        WITH_QEMU_LOCK_GUARD(&ms->channel_lock) {
            c = g_steal_pointer(&p->c);
        }
        g_clear_object(&c);
    }
}

/* ---- hand-off ---- */

bool multifd_send(MultiFDSend *ms, MultiFDSendData **data, Error **errp)
{
    QEMU_LOCK_GUARD(&ms->send_mutex);
    MultiFDSendParams *p;
    MultiFDSendData *empty;

    if (send_exiting(ms)) {
        return error_set_ended(errp);
    }
    qemu_sem_wait(&ms->channels_ready);
    if (send_exiting(ms)) {
        return error_set_ended(errp);
    }
    /* One of them is idle, and only this function makes them busy. */
    do {
        p = &ms->params[ms->next_channel];
        ms->next_channel = (ms->next_channel + 1) % ms->n;
    } while (qatomic_load_acquire(&p->pending_job));
    /* Acquired: the channel's thread has done with the batch it had. */
    empty = p->data;
    p->data = *data;
    *data = empty;
    qatomic_store_release(&p->pending_job, true);
    qemu_sem_post(&p->sem);
    return true;
}

void multifd_send_data_clear(MultiFDSendData *data)
{
    if (data->type == MULTIFD_PAYLOAD_DEVICE_STATE) {
        g_free(data->u.device.data);
    }
    data->type = MULTIFD_PAYLOAD_NONE;
}

static void pages_reset(MultiFDPages *pages)
{
    pages->block = NULL;
    pages->normal_num = 0;
    pages->zero_num = 0;
}

/* Give the batch away if there is something in it. */
static bool multifd_send_batch(MultiFDSend *ms, Error **errp)
{
    if (ms->data->type == MULTIFD_PAYLOAD_NONE) {
        return true;
    }
    return multifd_send(ms, &ms->data, errp);
}

/* Past the batch being filled: what it holds goes on waiting. */
static bool multifd_queue_zero_run(MultiFDSend *ms, const RAMBlock *rb,
                                   uint64_t first, uint64_t n, Error **errp)
{
    ms->zero_run->type = MULTIFD_PAYLOAD_ZERO_RUN;
    ms->zero_run->u.zero_run = (MultiFDZeroRun) { rb, first, n };
    return multifd_send(ms, &ms->zero_run, errp);
}

bool multifd_queue_run(MultiFDSend *ms, const RAMBlock *rb, uint64_t first,
                       uint64_t n, bool untouched, Error **errp)
{
    uint64_t offset = first * TARGET_PAGE_SIZE;

    ms->dirty = true;
    if (untouched && n >= MULTIFD_PAGES_MAX) {
        return multifd_queue_zero_run(ms, rb, first, n, errp);
    }
    while (n) {
        MultiFDPages *pages = &ms->data->u.ram;
        uint32_t now;

        if (ms->data->type == MULTIFD_PAYLOAD_NONE) {
            ms->data->type = MULTIFD_PAYLOAD_RAM;
            pages_reset(pages);
            pages->block = rb;
        }
        now = MIN(n, MULTIFD_PAGES_MAX - pages->normal_num - pages->zero_num);
        if (!now || pages->block != rb) {
            if (!multifd_send_batch(ms, errp)) {
                return false;
            }
            continue;
        }
        n -= now;
        for (; now--; offset += TARGET_PAGE_SIZE) {
            if (untouched) {
                pages->offset[MULTIFD_PAGES_MAX - ++pages->zero_num] = offset;
            } else {
                pages->offset[pages->normal_num++] = offset;
            }
        }
    }
    return true;
}

/* ---- sync points ---- */

bool multifd_send_dirty(MultiFDSend *ms)
{
    return ms->dirty;
}

bool multifd_send_sync(MultiFDSend *ms, MultiFDSyncReq req, Error **errp)
{
    if (!multifd_send_batch(ms, errp)) {
        return false;
    }
    trace_multifd_send_sync_main(qatomic_read(&ms->packet_num), req);
    for (unsigned i = 0; i < ms->n; i++) {
        MultiFDSendParams *p = &ms->params[i];

        qatomic_store_release(&p->pending_sync, (int)req);
        qemu_sem_post(&p->sem);
    }
    for (unsigned i = 0; i < ms->n; i++) {
        if (send_exiting(ms)) {
            return error_set_ended(errp);
        }
        qemu_sem_wait(&ms->params[i].sem_sync);
    }
    if (send_exiting(ms)) {
        return error_set_ended(errp);
    }
    ms->dirty = false;
    return true;
}
