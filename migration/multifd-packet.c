/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The packets of multifd channels: filling them, and checking them.  The
 * format is QEMU's, version 1, see docs/wire-format.md.
 *
 * Nothing of a received packet is used before it was checked; what the checks
 * let through is stored in host byte order in the channel's own fields.
 */
#include "qemu/osdep.h"
#include "migration/multifd-internal.h"

/* ---- the first packet ---- */

void multifd_init_fill(MultiFDInit *init, Machine *m, uint8_t id)
{
    *init = (MultiFDInit) {
        .magic = GUINT32_TO_BE(MULTIFD_MAGIC),
        .version = GUINT32_TO_BE(MULTIFD_VERSION),
        .id = id,
    };
    machine_get_uuid(m, init->uuid);
}

static char *uuid_text(const uint8_t uuid[16])
{
    GString *s = g_string_new(NULL);

    for (int i = 0; i < 16; i++) {
        bool dash = i == 4 || i == 6 || i == 8 || i == 10;

        g_string_append_printf(s, "%s%02x", dash ? "-" : "", uuid[i]);
    }
    return g_string_free(s, FALSE);
}

bool multifd_init_check(const MultiFDInit *init, const uint8_t uuid[16],
                        unsigned n, Error **errp)
{
    uint32_t magic = GUINT32_FROM_BE(init->magic);
    uint32_t version = GUINT32_FROM_BE(init->version);

    if (magic != MULTIFD_MAGIC) {
        error_setg(errp, "multifd: initial packet has magic 0x%08x, not "
                   "0x%08x", magic, MULTIFD_MAGIC);
        return false;
    }
    if (version != MULTIFD_VERSION) {
        error_setg(errp, "multifd: initial packet has version %u, only %u is "
                   "known", version, MULTIFD_VERSION);
        return false;
    }
    if (memcmp(init->uuid, uuid, sizeof(init->uuid))) {
        g_autofree char *theirs = uuid_text(init->uuid);
        g_autofree char *ours = uuid_text(uuid);

        error_setg(errp, "multifd: initial packet of channel %u has UUID %s, "
                   "this machine has %s", init->id, theirs, ours);
        return false;
    }
    if (init->id >= n) {
        error_setg(errp, "multifd: initial packet has channel id %u, but "
                   "multifd-channels is %u here", init->id, n);
        return false;
    }
    return true;
}

/* ---- sending ---- */

static void fill_header(MultiFDSend *ms, MultiFDPacket *packet, uint32_t flags)
{
    uint64_t num = qatomic_fetch_add(&ms->packet_num, 1);

    memset(packet, 0, sizeof(*packet));
    packet->hdr.magic = GUINT32_TO_BE(MULTIFD_MAGIC);
    packet->hdr.version = GUINT32_TO_BE(MULTIFD_VERSION);
    packet->hdr.flags = GUINT32_TO_BE(flags);
    packet->packet_num = GUINT64_TO_BE(num);
}

void multifd_send_fill_sync(MultiFDSendParams *p)
{
    fill_header(p->ms, p->packet, MULTIFD_FLAG_SYNC);
}

/* All of a packet with pages but which these are. */
static void fill_pages_header(MultiFDSendParams *p, MultiFDPacket *packet,
                              const RAMBlock *block, uint32_t zero)
{
    fill_header(p->ms, packet, p->flags);
    packet->pages_alloc = GUINT32_TO_BE(MULTIFD_PAGES_MAX);
    packet->zero_pages = GUINT32_TO_BE(zero);
    g_strlcpy(packet->ramblock, block->idstr, sizeof(packet->ramblock));
}

void multifd_send_fill_packet(MultiFDSendParams *p)
{
    const MultiFDPages *pages = &p->data->u.ram;
    MultiFDPacket *packet = p->packet;

    fill_pages_header(p, packet, pages->block, pages->zero_num);
    packet->normal_pages = GUINT32_TO_BE(pages->normal_num);
    packet->next_packet_size = GUINT32_TO_BE(p->next_packet_size);
    for (uint32_t i = 0; i < pages->normal_num + pages->zero_num; i++) {
        packet->offset[i] = GUINT64_TO_BE(pages->offset[i]);
    }
}

void multifd_send_fill_zero(MultiFDSendParams *p, MultiFDPacket *packet,
                            uint64_t first, uint32_t n)
{
    fill_pages_header(p, packet, p->data->u.zero_run.block, n);
    for (uint32_t i = 0; i < n; i++) {
        packet->offset[i] = GUINT64_TO_BE((first + i) * TARGET_PAGE_SIZE);
    }
}

/* ---- receiving ---- */

bool multifd_recv_check_hdr(MultiFDRecvParams *p, Error **errp)
{
    uint32_t magic = GUINT32_FROM_BE(p->packet->hdr.magic);
    uint32_t version = GUINT32_FROM_BE(p->packet->hdr.version);

    if (magic != MULTIFD_MAGIC) {
        error_setg(errp, "packet has magic 0x%08x, not 0x%08x", magic,
                   MULTIFD_MAGIC);
        return false;
    }
    if (version != MULTIFD_VERSION) {
        error_setg(errp, "packet has version %u, only %u is known", version,
                   MULTIFD_VERSION);
        return false;
    }
    p->flags = GUINT32_FROM_BE(p->packet->hdr.flags);
    return true;
}

static bool check_counts(uint32_t alloc, uint32_t normal, uint32_t zero,
                         Error **errp)
{
    if (alloc > MULTIFD_PAGES_MAX) {
        error_setg(errp, "packet has pages_alloc %u, more than %zu", alloc,
                   MULTIFD_PAGES_MAX);
        return false;
    }
    if (normal > alloc) {
        error_setg(errp, "packet has %u normal pages, more than pages_alloc "
                   "%u", normal, alloc);
        return false;
    }
    if (zero > alloc - normal) {
        error_setg(errp, "packet has %u zero pages besides %u normal ones, "
                   "more than pages_alloc %u", zero, normal, alloc);
        return false;
    }
    return true;
}

/* The block that the packet names, if pages may come for it. */
static LoadBlock *find_block(MultiFDRecvParams *p, Error **errp)
{
    MultiFDRecv *mr = p->mr;
    const char *name = p->packet->ramblock;
    size_t len = strnlen(name, sizeof(p->packet->ramblock) - 1);
    LoadBlock *lb = mr->find(mr->find_opaque, (const uint8_t *)name, len);

    if (!lb) {
        g_autofree char *copy = g_strndup(name, len);
        g_autofree char *shown = g_strescape(copy, NULL);

        error_setg(errp, "packet for unknown RAM block '%s'", shown);
    } else if (lb->skipped) {
        error_setg(errp, "packet for RAM block '%s', which x-ignore-shared "
                   "leaves out", lb->idstr);
        lb = NULL;
    }
    return lb;
}

static bool unfill_offsets(MultiFDRecvParams *p, Error **errp)
{
    const LoadBlock *lb = p->block;

    for (uint32_t i = 0; i < p->normal_num + p->zero_num; i++) {
        uint64_t offset = GUINT64_FROM_BE(p->packet->offset[i]);

        if (offset % TARGET_PAGE_SIZE || offset >= lb->length) {
            error_setg(errp, "packet has offset 0x%" PRIx64 " of page %u, not "
                       "a page of RAM block '%s' of 0x%" PRIx64 " bytes",
                       offset, i, lb->idstr, lb->length);
            return false;
        }
        p->offset[i] = offset;
    }
    return true;
}

bool multifd_recv_unfill_packet(MultiFDRecvParams *p, Error **errp)
{
    const MultiFDPacket *packet = p->packet;
    uint32_t method = p->flags & MULTIFD_FLAG_COMPRESSION_MASK;
    uint32_t normal = GUINT32_FROM_BE(packet->normal_pages);
    uint32_t zero = GUINT32_FROM_BE(packet->zero_pages);

    p->block = NULL;
    p->normal_num = p->zero_num = 0;
    p->next_packet_size = 0;
    p->packet_num = GUINT64_FROM_BE(packet->packet_num);
    if (!check_counts(GUINT32_FROM_BE(packet->pages_alloc), normal, zero,
                      errp)) {
        return false;
    }
    if (normal + zero == 0) {
        /* Senders before 9.0 leave anything in the other fields. */
        return true;
    }
    if (!p->synced) {
        error_setg(errp, "packet has pages before the first sync point");
        return false;
    }
    if (method != p->mr->ops->flag) {
        error_setg(errp, "packet has flags 0x%x with compression method 0x%x, "
                   "but multifd-compression '%s' has 0x%x", p->flags, method,
                   MultiFDCompression_str(p->mr->options.multifd_compression),
                   p->mr->ops->flag);
        return false;
    }
    p->block = find_block(p, errp);
    if (!p->block) {
        return false;
    }
    p->normal_num = normal;
    p->zero_num = zero;
    if (normal) {
        p->next_packet_size = GUINT32_FROM_BE(packet->next_packet_size);
    }
    return unfill_offsets(p, errp);
}
