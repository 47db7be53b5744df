/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The receiving side of multifd.
 *
 * A channel that has read a sync point tells so and stops until the main
 * channel has reached it, too; the load thread waits there for all channels.
 * What ends one channel with an error ends all of them, and wakes the load
 * thread.  "exiting" works as on the sending side, see multifd.c.
 */
#include "qemu/osdep.h"
#include "migration/multifd-internal.h"

#include "trace/trace-migration.h"

/* ---- life ---- */

MultiFDRecv *multifd_recv_new(Machine *m, const MigrationOptions *options,
                              MultiFDCounters *channel_counters,
                              MultiFDFailedFn *failed, void *opaque)
{
    MultiFDRecv *mr = g_new0(MultiFDRecv, 1);

    mr->options = *options;
    mr->failed = failed;
    mr->opaque = opaque;
    mr->ops = multifd_get_ops(options->multifd_compression);
    mr->n = options->multifd_channels;
    mr->first_eof = -1;
    mr->params = g_new0(MultiFDRecvParams, mr->n);
    machine_get_uuid(m, mr->uuid);
    qemu_mutex_init(&mr->channel_lock);
    qemu_sem_init(&mr->sem_sync, 0);
    for (unsigned i = 0; i < mr->n; i++) {
        MultiFDRecvParams *p = &mr->params[i];

        p->mr = mr;
        p->id = i;
        p->counters = &channel_counters[i];
        g_snprintf(p->name, sizeof(p->name), "mig/dst/recv_%u", i);
        qemu_sem_init(&p->sem_sync, 0);
    }
    return mr;
}

void multifd_recv_free(MultiFDRecv *mr)
{
    if (!mr) {
        return;
    }
    for (unsigned i = 0; i < mr->n; i++) {
        g_clear_object(&mr->params[i].c);
        g_free(mr->params[i].pieces);
        qemu_sem_destroy(&mr->params[i].sem_sync);
    }
    qemu_sem_destroy(&mr->sem_sync);
    qemu_mutex_destroy(&mr->channel_lock);
    g_free(mr->params);
    g_free(mr);
}

static bool recv_exiting(MultiFDRecv *mr)
{
    return qatomic_load_acquire(&mr->exiting);
}

/* Tell the devices, if any wait, that nothing comes any more. */
static void devices_ended(MultiFDRecv *mr, bool failed)
{
    QEMU_LOCK_GUARD(&mr->channel_lock);

    if (mr->device_ops) {
        mr->device_ops->ended(mr->device_opaque, failed);
    }
}

void multifd_recv_set_devices(MultiFDRecv *mr, const MultiFDDeviceOps *ops,
                              void *opaque)
{
    WITH_QEMU_LOCK_GUARD(&mr->channel_lock) {
        mr->device_ops = ops;
        mr->device_opaque = opaque;
    }
    /* Either the shutdown sees the devices, or they see the shutdown. */
    if (recv_exiting(mr)) {
        devices_ended(mr, true);
    }
}

void multifd_recv_shutdown(MultiFDRecv *mr)
{
    if (qatomic_xchg(&mr->exiting, true)) {
        return;
    }
    trace_multifd_recv_shutdown(mr->n);
    WITH_QEMU_LOCK_GUARD(&mr->channel_lock) {
        for (unsigned i = 0; i < mr->n; i++) {
            if (mr->params[i].c) {
                qio_channel_shutdown(mr->params[i].c,
                                     QIO_CHANNEL_SHUTDOWN_BOTH, NULL);
            }
        }
    }
    for (unsigned i = 0; i < mr->n; i++) {
        qemu_sem_post(&mr->params[i].sem_sync);
    }
    qemu_sem_post(&mr->sem_sync);
    devices_ended(mr, true);
}

/* @ended: because nothing more came. */
static void multifd_recv_failed(MultiFDRecv *mr, int channel, bool ended,
                                const Error *err)
{
    if (!recv_exiting(mr) && !qatomic_xchg(&mr->failing, true)) {
        trace_multifd_recv_error(error_get_pretty(err));
        qatomic_set(&mr->given_up, ended);
        mr->failed(mr->opaque, channel, err);
    }
    multifd_recv_shutdown(mr);
}

void multifd_recv_error(MultiFDRecv *mr, const Error *err)
{
    multifd_recv_failed(mr, -1, false, err);
}

void multifd_recv_source_gone(MultiFDRecv *mr)
{
    qatomic_set(&mr->source_gone, true); /* read after "exiting" */
    multifd_recv_shutdown(mr);
}

/* Nothing more can be read from @c, which is not needed any longer. */
static bool at_end(QIOChannel *c)
{
    uint8_t byte;
    ssize_t n;

    qio_channel_set_blocking(c, false, NULL);
    n = qio_channel_read(c, &byte, 1, NULL);
    return n <= 0 && n != QIO_CHANNEL_ERR_BLOCK;
}

/* Channel @p has failed.  Takes @err. */
static void multifd_recv_fail(MultiFDRecvParams *p, Error *err)
{
    error_prepend(&err, "multifd channel %u: ", p->id);
    multifd_recv_failed(p->mr, p->id, at_end(p->c), err);
    error_free(err);
}

bool multifd_recv_new_channel(MultiFDRecv *mr, QIOChannel *ioc,
                              const MultiFDInit *init, Error **errp)
{
    MultiFDRecvParams *p;

    if (!multifd_init_check(init, mr->uuid, mr->n, errp)) {
        return false;
    }
    p = &mr->params[init->id];
    if (p->c) {
        error_setg(errp, "multifd: two connections are for channel %u",
                   init->id);
        return false;
    }
    WITH_QEMU_LOCK_GUARD(&mr->channel_lock) {
        p->c = g_object_ref(ioc);
    }
    migration_tls_expect_bye(ioc, mr->options.multifd_clean_tls_termination);
    mr->come++;
    qatomic_add(&p->counters->bytes, sizeof(*init));
    trace_multifd_recv_new_channel(p->id, mr->come, mr->n);
    return true;
}

bool multifd_recv_complete(const MultiFDRecv *mr)
{
    return mr->come == mr->n;
}

/* ---- a channel's thread ---- */

/* The rest of a packet's header: all but the beginning. */
static bool multifd_recv_packet(MultiFDRecvParams *p, Error **errp)
{
    const size_t begin = sizeof(p->packet->hdr);

    if (!qio_channel_read_all(p->c, (uint8_t *)p->packet + begin,
                              sizeof(*p->packet) - begin, errp) ||
        !multifd_recv_unfill_packet(p, errp)) {
        return false;
    }
    trace_multifd_recv(p->id, p->packet_num, p->normal_num, p->zero_num,
                       p->flags);
    return true;
}

static bool multifd_recv_data_pages(MultiFDRecvParams *p, Error **errp)
{
    bool ok;

    multifd_counters_wait_begin(p->counters, MULTIFD_WAIT_NETWORK);
    ok = p->mr->ops->recv(p, errp);
    multifd_counters_wait_end(p->counters, MULTIFD_WAIT_NETWORK);
    return ok;
}

static bool multifd_recv_pages(MultiFDRecvParams *p, Error **errp)
{
    MultiFDRun run;

    if (p->normal_num && !multifd_recv_data_pages(p, errp)) {
        error_prepend(errp, "data for RAM block '%s': ", p->block->idstr);
        return false;
    }
    for (uint32_t i = 0; i < p->normal_num && p->block->rb;) {
        i = multifd_recv_run(p, i, p->normal_num, &run);
        load_block_mark(p->block, run.first, run.n);
    }
    if (p->zero_num) {
        multifd_recv_zero_page_process(p);
    }
    qatomic_add(&p->counters->packets, 1);
    qatomic_add(&p->counters->bytes, sizeof(*p->packet) + p->next_packet_size);
    qatomic_add(&p->counters->normal_pages, p->normal_num);
    qatomic_add(&p->counters->zero_pages, p->zero_num);
    return true;
}

int multifd_recv_step(MultiFDRecvParams *p, Error **errp)
{
    bool ok;
    int ret;

    multifd_counters_wait_begin(p->counters, MULTIFD_WAIT_NETWORK);
    ret = qio_channel_read_all_eof(p->c, p->packet, sizeof(p->packet->hdr),
                                   errp);
    multifd_counters_wait_end(p->counters, MULTIFD_WAIT_NETWORK);
    if (ret <= 0) {
        return ret;
    }
    if (!multifd_recv_check_hdr(p, errp)) {
        return -1;
    }
    /* The flags tell how long the header is. */
    if (p->flags & MULTIFD_FLAG_DEVICE_STATE) {
        ok = multifd_recv_device_state(p, errp);
    } else {
        ok = multifd_recv_packet(p, errp) && multifd_recv_pages(p, errp);
    }
    return ok ? 1 : -1;
}

/* Packets up to the end of file or of everything. */
static bool multifd_recv_loop(MultiFDRecvParams *p, Error **errp)
{
    MultiFDRecv *mr = p->mr;
    int ret;

    while ((ret = multifd_recv_step(p, errp)) > 0) {
        if (p->flags & MULTIFD_FLAG_SYNC) {
            qatomic_add(&p->counters->syncs, 1);
            trace_multifd_recv_sync(p->id);
            qemu_sem_post(&mr->sem_sync);
            multifd_counters_wait_begin(p->counters, MULTIFD_WAIT_IDLE);
            qemu_sem_wait(&p->sem_sync);
            multifd_counters_wait_end(p->counters, MULTIFD_WAIT_IDLE);
            if (recv_exiting(mr)) {
                return true;
            }
            p->synced = true;
        }
    }
    if (ret == 0) {
        trace_multifd_recv_eof(p->id);
        qatomic_cmpxchg(&mr->first_eof, -1, (int)p->id);
        qemu_sem_post(&mr->sem_sync);
        /* The last one sees what all others have given to the devices. */
        if (qatomic_fetch_add(&mr->ended, 1) + 1 == mr->n) {
            devices_ended(mr, false);
        }
    }
    return ret == 0;
}

static void *multifd_recv_thread(void *opaque)
{
    MultiFDRecvParams *p = opaque;
    Error *err = NULL;
    bool ok;

    trace_multifd_recv_thread_start(p->id);
    p->packet = g_new(MultiFDPacket, 1);
    p->scratch = g_malloc(TARGET_PAGE_SIZE);
    ok = p->mr->ops->recv_setup(p, &err);
    if (ok) {
        ok = multifd_recv_loop(p, &err);
        p->mr->ops->recv_cleanup(p);
    }
    if (!ok) {
        multifd_recv_fail(p, err);
    }
    g_clear_pointer(&p->packet, g_free);
    g_clear_pointer(&p->scratch, g_free);
    trace_multifd_recv_thread_end(p->id);
    return NULL;
}

/* ---- the load thread ---- */

uint64_t multifd_recv_ahead(const MultiFDRecv *mr)
{
    /* With many channels, few of them are on the CPU at a time. */
    return MIN(mr->n - 1, 7) * MULTIFD_PAGES_MAX;
}

void multifd_recv_start(MultiFDRecv *mr, MultiFDFindFn *find, void *opaque)
{
    mr->find = find;
    mr->find_opaque = opaque;
    for (unsigned i = 0; i < mr->n; i++) {
        MultiFDRecvParams *p = &mr->params[i];

        qemu_thread_create(&p->thread, p->name, multifd_recv_thread, p);
    }
}

/* Has a channel ended that is waited for? */
static bool check_eof(MultiFDRecv *mr, Error **errp)
{
    int channel = qatomic_load_acquire(&mr->first_eof);
    Error *err = NULL;

    if (channel < 0) {
        return true;
    }
    error_setg(&err, "multifd channel %d: unexpected end of file before a sync "
               "point", channel);
    multifd_recv_failed(mr, channel, true, err);
    error_propagate(errp, err);
    return false;
}

bool multifd_recv_sync_main(MultiFDRecv *mr, Error **errp)
{
    for (unsigned i = 0; i < mr->n; i++) {
        if (!recv_exiting(mr)) {
            qemu_sem_wait(&mr->sem_sync);
        }
        if (recv_exiting(mr)) {
            bool gone = qatomic_read(&mr->source_gone);

            if (gone) {
                qatomic_set(&mr->given_up, true);
            }
            error_setg(errp, gone
                       ? "multifd: the source closed the main channel before "
                         "all channels had reached a sync point"
                       : "multifd: the channels were shut down");
            return false;
        }
        if (!check_eof(mr, errp)) {
            return false;
        }
    }
    trace_multifd_recv_sync_main(mr->n);
    for (unsigned i = 0; i < mr->n; i++) {
        qemu_sem_post(&mr->params[i].sem_sync);
    }
    return true;
}

bool multifd_recv_given_up(const MultiFDRecv *mr)
{
    return qatomic_read(&mr->given_up);
}

void multifd_recv_cleanup(MultiFDRecv *mr)
{
    multifd_recv_shutdown(mr);
    for (unsigned i = 0; i < mr->n; i++) {
        if (mr->params[i].thread.created) {
            qemu_thread_join(&mr->params[i].thread);
        }
    }
}
