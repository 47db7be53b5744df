/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pages as they are: written from guest memory and read into guest memory,
 * without a copy in between.
 */
#include "qemu/osdep.h"
#include "migration/multifd-internal.h"

static bool nocomp_send_setup(MultiFDSendParams *p, Error **errp)
{
    return true;
}

static void nocomp_send_cleanup(MultiFDSendParams *p)
{
}

static bool nocomp_send_prepare(MultiFDSendParams *p, Error **errp)
{
    const MultiFDPages *pages = &p->data->u.ram;
    MultiFDRun run;

    for (uint32_t i = 0; i < pages->normal_num;) {
        i = multifd_send_run(pages, i, pages->normal_num, &run);
        p->iov[p->iovs_num++] = (struct iovec) {
            .iov_base = run.host,
            .iov_len = run.n * TARGET_PAGE_SIZE,
        };
    }
    p->next_packet_size = pages->normal_num * TARGET_PAGE_SIZE;
    return true;
}

static bool nocomp_recv_setup(MultiFDRecvParams *p, Error **errp)
{
    p->iov = g_new(struct iovec, MULTIFD_PAGES_MAX);
    return true;
}

static void nocomp_recv_cleanup(MultiFDRecvParams *p)
{
    g_clear_pointer(&p->iov, g_free);
}

static bool nocomp_fill(MultiFDRecvParams *p, void *opaque, uint8_t *buf,
                        size_t len, Error **errp)
{
    return qio_channel_read_all(p->c, buf, len, errp);
}

static bool nocomp_recv(MultiFDRecvParams *p, Error **errp)
{
    uint32_t size = p->normal_num * TARGET_PAGE_SIZE;
    size_t n = 0;
    MultiFDRun run;

    if (p->next_packet_size != size) {
        error_setg(errp, "packet has next_packet_size %u, but its %u pages "
                   "take %u bytes", p->next_packet_size, p->normal_num, size);
        return false;
    }
    if (multifd_recv_wants_write(p)) {
        return multifd_recv_store(p, nocomp_fill, NULL, errp);
    }
    /* All at once. */
    for (uint32_t i = 0; i < p->normal_num;) {
        i = multifd_recv_run(p, i, p->normal_num, &run);
        if (run.host) {
            load_block_populate(p->block, run.first, run.n);
            p->iov[n++] = (struct iovec) {
                .iov_base = run.host,
                .iov_len = run.n * TARGET_PAGE_SIZE,
            };
            continue;
        }
        while (run.n--) {
            p->iov[n++] = (struct iovec) { p->scratch, TARGET_PAGE_SIZE };
        }
    }
    return qio_channel_readv_all(p->c, p->iov, n, errp);
}

static const MultiFDMethods nocomp_methods = {
    .flag = MULTIFD_FLAG_NOCOMP,
    .send_setup = nocomp_send_setup,
    .send_cleanup = nocomp_send_cleanup,
    .send_prepare = nocomp_send_prepare,
    .recv_setup = nocomp_recv_setup,
    .recv_cleanup = nocomp_recv_cleanup,
    .recv = nocomp_recv,
};

void multifd_nocomp_register(void)
{
    multifd_register_ops(MULTIFD_COMPRESSION_NONE, &nocomp_methods);
}
