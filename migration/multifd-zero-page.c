/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Zero pages of a batch: found by the channel's thread, sent without data. */
#include "qemu/osdep.h"
#include "migration/multifd-internal.h"

#include "qemu/zero.h"

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

void multifd_recv_zero_page_process(MultiFDRecvParams *p)
{
    const LoadBlock *lb = p->block;

    for (uint32_t i = 0; i < p->zero_num && lb->rb; i++) {
        uint64_t offset = p->offset[p->normal_num + i];
        uint8_t *page = lb->rb->host + offset;

        /* What was never touched is zero, and stays untouched. */
        if (!load_block_is_new(lb, offset / TARGET_PAGE_SIZE, 1) &&
            !buffer_is_zero(page, TARGET_PAGE_SIZE)) {
            memset(page, 0, TARGET_PAGE_SIZE);
        }
    }
}
