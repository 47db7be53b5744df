/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Zero pages: those of a batch are found by the channel's thread; long runs of
 * which it is known before come to it as such, so that packets of them cost no
 * hand-off each, and no system call.
 */
#include "qemu/osdep.h"
#include "migration/multifd-internal.h"

#include "qemu/zero.h"
#include "trace/trace-migration.h"

/* Sent at once: packets without data, 21 KiB. */
#define ZERO_PACKETS 16

void multifd_send_zero_page_detect(MultiFDSendParams *p)
{
    const bool detect = p->ms->options->zero_page_detection ==
                        ZERO_PAGE_DETECTION_MULTIFD;
    MultiFDPages *pages = &p->data->u.ram;
    uint64_t zero[MULTIFD_PAGES_MAX];
    uint32_t zeros = 0, normal = 0;

    /* Normal pages keep their order: neighbours go out in one piece. */
    for (uint32_t i = 0; detect && i < pages->normal_num; i++) {
        uint64_t offset = pages->offset[i];

        if (buffer_is_zero(pages->block->host + offset, TARGET_PAGE_SIZE)) {
            zero[zeros++] = offset;
        } else {
            pages->offset[normal++] = offset;
        }
    }
    if (detect) {
        pages->normal_num = normal;
    }
    /* Those known before stand at the very end. */
    memmove(pages->offset + pages->normal_num + zeros,
            pages->offset + MULTIFD_PAGES_MAX - pages->zero_num,
            pages->zero_num * sizeof(zero[0]));
    memcpy(pages->offset + pages->normal_num, zero,
           zeros * sizeof(zero[0]));
    pages->zero_num += zeros;
}

/* The first @n of p->zero_packets, with @pages pages in all. */
static bool send_zero_packets(MultiFDSendParams *p, uint32_t n, uint64_t pages,
                              Error **errp)
{
    size_t size = n * sizeof(*p->zero_packets);
    bool ok;

    trace_multifd_send(p->id, 0, pages, p->flags, 0);
    multifd_counters_wait_begin(p->counters, MULTIFD_WAIT_NETWORK);
    ok = qio_channel_write_all(p->c, p->zero_packets, size, errp);
    multifd_counters_wait_end(p->counters, MULTIFD_WAIT_NETWORK);
    if (!ok) {
        return false;
    }
    multifd_send_count(p, size);
    qatomic_add(&p->counters->packets, n);
    qatomic_add(&p->counters->zero_pages, pages);
    qatomic_add(&p->ms->counters->zero_pages, pages);
    return true;
}

bool multifd_send_zero_run(MultiFDSendParams *p, Error **errp)
{
    const MultiFDZeroRun *run = &p->data->u.zero_run;
    uint64_t page = run->first, end = run->first + run->n;

    if (!p->zero_packets) {
        p->zero_packets = g_new(MultiFDPacket, ZERO_PACKETS);
    }
    while (page < end) {
        uint64_t first = page;
        uint32_t i;

        for (i = 0; i < ZERO_PACKETS && page < end; i++) {
            uint32_t n = MIN(end - page, MULTIFD_PAGES_MAX);

            multifd_send_fill_zero(p, &p->zero_packets[i], page, n);
            page += n;
        }
        if (!send_zero_packets(p, i, page - first, errp)) {
            return false;
        }
    }
    return true;
}

void multifd_recv_zero_page_process(MultiFDRecvParams *p)
{
    const LoadBlock *lb = p->block;
    uint32_t end = p->normal_num + p->zero_num;
    MultiFDRun run;

    for (uint32_t i = p->normal_num; i < end && lb->rb;) {
        i = multifd_recv_run(p, i, end, &run);
        /* What was never touched is zero, and stays untouched. */
        if (load_block_is_new(lb, run.first, run.n)) {
            continue;
        }
        for (uint32_t k = 0; k < run.n; k++) {
            uint8_t *page = run.host + k * TARGET_PAGE_SIZE;

            if (!load_block_is_new(lb, run.first + k, 1) &&
                !buffer_is_zero(page, TARGET_PAGE_SIZE)) {
                memset(page, 0, TARGET_PAGE_SIZE);
            }
        }
    }
}
