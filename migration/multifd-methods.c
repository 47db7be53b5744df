/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The methods that are built in, and what they have in common. */
#include "qemu/osdep.h"
#include "migration/multifd-internal.h"

#include "config-host.h"

/* Written at start-up only, always with the same values. */
static const MultiFDMethods *methods[MULTIFD_COMPRESSION__MAX];

void multifd_register_ops(MultiFDCompression method,
                          const MultiFDMethods *ops)
{
    qatomic_set(&methods[method], ops);
}

const MultiFDMethods *multifd_get_ops(MultiFDCompression method)
{
    return qatomic_read(&methods[method]);
}

bool multifd_method_supported(MultiFDCompression method)
{
    return method < MULTIFD_COMPRESSION__MAX && multifd_get_ops(method);
}

void multifd_methods_init(void)
{
    multifd_nocomp_register();
#if CONFIG_ZLIB
    multifd_zlib_register();
#endif
#if CONFIG_ZSTD
    multifd_zstd_register();
#endif
}

/* How many of offset[@i..@end) follow one another. */
static uint32_t run_length(const uint64_t *offset, uint32_t i, uint32_t end)
{
    uint32_t n = 1;

    while (i + n < end &&
           offset[i + n] == offset[i] + n * (uint64_t)TARGET_PAGE_SIZE) {
        n++;
    }
    return n;
}

uint32_t multifd_recv_run(const MultiFDRecvParams *p, uint32_t i,
                          uint32_t end, MultiFDRun *run)
{
    const RAMBlock *rb = p->block->rb;

    run->n = run_length(p->offset, i, end);
    run->first = p->offset[i] / TARGET_PAGE_SIZE;
    run->host = rb ? rb->host + p->offset[i] : NULL;
    return i + run->n;
}

uint32_t multifd_send_run(const MultiFDPages *pages, uint32_t i,
                          uint32_t end, MultiFDRun *run)
{
    run->n = run_length(pages->offset, i, end);
    run->first = pages->offset[i] / TARGET_PAGE_SIZE;
    run->host = pages->block->host + pages->offset[i];
    return i + run->n;
}

bool multifd_recv_data(MultiFDRecvParams *p, uint8_t *buf, Error **errp)
{
    if (p->next_packet_size > MULTIFD_DATA_MAX) {
        error_setg(errp, "packet has next_packet_size %u, more than %zu",
                   p->next_packet_size, MULTIFD_DATA_MAX);
        return false;
    }
    return qio_channel_read_all(p->c, buf, p->next_packet_size, errp);
}
