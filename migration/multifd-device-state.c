/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device state over multifd channels: a packet names the section of a device
 * and carries a piece of its state, which only the device understands.
 *
 * Nothing orders the pieces, neither against each other nor against the main
 * channel: a device numbers its own, and knows by itself when it has all (see
 * include/migration/register.h).
 */
#include "qemu/osdep.h"
#include "migration/multifd-internal.h"

#include "trace/trace-migration.h"

/* ---- source ---- */

bool multifd_device_state_supported(const MultiFDSend *ms)
{
    /* The packet has no place for a method's data. */
    return ms && ms->options->multifd_compression == MULTIFD_COMPRESSION_NONE;
}

static bool check_piece(const char *idstr, size_t len, Error **errp)
{
    size_t name = strlen(idstr);

    if (!name || name >= sizeof(((MultiFDPacketDevice *)0)->idstr)) {
        error_setg(errp, "device state of section '%s': its name has %zu "
                   "bytes, not 1 to 255", idstr, name);
        return false;
    }
    if (!len || len > MULTIFD_DEVICE_STATE_MAX) {
        error_setg(errp, "device state of section '%s' comes as a piece of "
                   "%zu bytes, not 1 to %zu", idstr, len,
                   MULTIFD_DEVICE_STATE_MAX);
        return false;
    }
    return true;
}

bool multifd_queue_device_state(MultiFDSend *ms, const char *idstr,
                                uint32_t instance_id, uint8_t *data,
                                size_t len, Error **errp)
{
    MultiFDSendData *batch;
    bool ok;

    if (!check_piece(idstr, len, errp)) {
        g_free(data);
        return false;
    }
    /* Small beside the piece; so any thread may come, without a lock. */
    batch = g_new(MultiFDSendData, 1);
    batch->type = MULTIFD_PAYLOAD_DEVICE_STATE;
    g_strlcpy(batch->u.device.idstr, idstr, sizeof(batch->u.device.idstr));
    batch->u.device.instance_id = instance_id;
    batch->u.device.data = data;
    batch->u.device.len = len;
    ok = multifd_send(ms, &batch, errp);
    /* It is the channel's empty one now, or still ours. */
    multifd_send_data_clear(batch);
    g_free(batch);
    return ok;
}

bool multifd_send_device_state(MultiFDSendParams *p, Error **errp)
{
    const MultiFDDeviceState *d = &p->data->u.device;
    MultiFDPacketDevice *packet = &p->device_packet;
    struct iovec iov[2] = {
        { packet, sizeof(*packet) },
        { d->data, d->len },
    };
    bool ok;

    memset(packet, 0, sizeof(*packet));
    packet->hdr.magic = GUINT32_TO_BE(MULTIFD_MAGIC);
    packet->hdr.version = GUINT32_TO_BE(MULTIFD_VERSION);
    packet->hdr.flags = GUINT32_TO_BE(MULTIFD_FLAG_DEVICE_STATE);
    g_strlcpy(packet->idstr, d->idstr, sizeof(packet->idstr));
    packet->instance_id = GUINT32_TO_BE(d->instance_id);
    packet->next_packet_size = GUINT32_TO_BE(d->len);
    trace_multifd_send_device_state(p->id, d->idstr, d->instance_id, d->len);
    /* Never in place, with zero-copy-send: the piece is freed after this. */
    multifd_counters_wait_begin(p->counters, MULTIFD_WAIT_NETWORK);
    ok = qio_channel_writev_all(p->c, iov, G_N_ELEMENTS(iov), errp);
    multifd_counters_wait_end(p->counters, MULTIFD_WAIT_NETWORK);
    if (!ok) {
        return false;
    }
    multifd_send_count(p, sizeof(*packet) + d->len);
    qatomic_add(&p->counters->packets, 1);
    return true;
}

/* ---- destination ---- */

static bool check_flags(const MultiFDRecvParams *p, Error **errp)
{
    if (p->flags & MULTIFD_FLAG_SYNC) {
        error_setg(errp, "packet has flags 0x%x: a sync together with device "
                   "state", p->flags);
        return false;
    }
    if (p->flags & MULTIFD_FLAG_COMPRESSION_MASK) {
        error_setg(errp, "packet has flags 0x%x: device state with "
                   "compression method 0x%x", p->flags,
                   p->flags & MULTIFD_FLAG_COMPRESSION_MASK);
        return false;
    }
    if (p->mr->options.multifd_compression != MULTIFD_COMPRESSION_NONE) {
        error_setg(errp, "packet has flags 0x%x: device state, which does not "
                   "go together with multifd-compression '%s'", p->flags,
                   MultiFDCompression_str(p->mr->options.multifd_compression));
        return false;
    }
    if (!p->synced) {
        error_setg(errp, "packet has device state before the first sync "
                   "point");
        return false;
    }
    return true;
}

/* The device that the packet names, and how much comes for it. */
static void *unfill_packet(MultiFDRecvParams *p, uint32_t *len, Error **errp)
{
    const MultiFDPacketDevice *packet = &p->device_packet;
    uint32_t instance_id = GUINT32_FROM_BE(packet->instance_id);
    MultiFDRecv *mr = p->mr;

    *len = GUINT32_FROM_BE(packet->next_packet_size);
    if (!memchr(packet->idstr, 0, sizeof(packet->idstr))) {
        g_autofree char *copy = g_strndup(packet->idstr, 32);
        g_autofree char *shown = g_strescape(copy, NULL);

        error_setg(errp, "packet with device state has idstr '%s...' without "
                   "an end within %zu bytes", shown, sizeof(packet->idstr));
        return NULL;
    }
    if (!*len || *len > MULTIFD_DEVICE_STATE_MAX) {
        g_autofree char *shown = g_strescape(packet->idstr, NULL);

        error_setg(errp, "packet with device state for '%s' instance %" PRIu32
                   " has next_packet_size %" PRIu32 ", not 1 to %zu", shown,
                   instance_id, *len, MULTIFD_DEVICE_STATE_MAX);
        return NULL;
    }
    if (!mr->device_ops) {
        error_setg(errp, "packet has flags 0x%x: device state, which nobody "
                   "takes here", p->flags);
        return NULL;
    }
    return mr->device_ops->find(mr->device_opaque, packet->idstr, instance_id,
                                errp);
}

bool multifd_recv_device_state(MultiFDRecvParams *p, Error **errp)
{
    const size_t begin = sizeof(p->packet->hdr);
    MultiFDPacketDevice *packet = &p->device_packet;
    g_autofree uint8_t *data = NULL;
    void *device;
    uint32_t len;

    packet->hdr = p->packet->hdr;
    if (!check_flags(p, errp) ||
        !qio_channel_read_all(p->c, (uint8_t *)packet + begin,
                              sizeof(*packet) - begin, errp)) {
        return false;
    }
    device = unfill_packet(p, &len, errp);
    if (!device) {
        return false;
    }
    trace_multifd_recv_device_state(p->id, packet->idstr,
                                    GUINT32_FROM_BE(packet->instance_id), len);
    data = g_try_malloc(len);
    if (!data) {
        error_setg(errp, "no memory for %" PRIu32 " bytes of device state for "
                   "'%s'", len, packet->idstr);
        return false;
    }
    if (!qio_channel_read_all(p->c, data, len, errp)) {
        error_prepend(errp, "device state for '%s': ", packet->idstr);
        return false;
    }
    qatomic_add(&p->counters->packets, 1);
    qatomic_add(&p->counters->bytes, sizeof(*packet) + len);
    return p->mr->device_ops->load(device, g_steal_pointer(&data), len, errp);
}
