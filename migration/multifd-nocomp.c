/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pages as they are: written from guest memory and read into guest memory,
 * without a copy in between.
 *
 * The exception is memory with a file behind it that nobody touched yet.
 * There the kernel would have to clear each page before it is read into.  A
 * piece that stays in the CPU's cache is read instead, and written to the
 * file, which makes whole pages of it at once.  Where huge pages are made of
 * memory that gets full, the pages are there, and are read into again.
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

/* Read at once before it is written to a file. */
#define PIECE_PAGES 32

typedef struct NocompRecv {
    RAMStore store;
    uint8_t piece[PIECE_PAGES * TARGET_PAGE_SIZE];
} NocompRecv;

static bool nocomp_recv_setup(MultiFDRecvParams *p, Error **errp)
{
    p->iov = g_new(struct iovec, MULTIFD_PAGES_MAX);
    p->compress_data = g_new0(NocompRecv, 1);
    return true;
}

static void nocomp_recv_cleanup(MultiFDRecvParams *p)
{
    g_clear_pointer(&p->iov, g_free);
    g_clear_pointer(&p->compress_data, g_free);
}

static bool nocomp_recv_by_write(MultiFDRecvParams *p, Error **errp)
{
    NocompRecv *nr = p->compress_data;
    uint32_t n;

    for (uint32_t i = 0; i < p->normal_num; i += n) {
        n = MIN(p->normal_num - i, PIECE_PAGES);
        if (!qio_channel_read_all(p->c, nr->piece, n * TARGET_PAGE_SIZE,
                                  errp)) {
            return false;
        }
        for (uint32_t k = 0; k < n; k++) {
            if (!ram_store_page(&nr->store, p->block,
                                p->offset[i + k] / TARGET_PAGE_SIZE,
                                nr->piece + k * TARGET_PAGE_SIZE, errp)) {
                return false;
            }
        }
        if (!ram_store_flush(&nr->store, errp)) {
            return false;
        }
    }
    return true;
}

/* Is the file to be written, rather than the memory be read into? */
static bool want_write(const MultiFDRecvParams *p)
{
    LoadBlock *lb = p->block;
    MultiFDRun run;

    multifd_recv_run(p, 0, p->normal_num, &run);
    if (!run.host || !load_block_by_write(lb) ||
        !load_block_is_new(lb, run.first, run.n)) {
        return false;
    }
    return !load_block_is_huge(lb, run.first) ||
           !load_block_is_huge(lb, p->offset[p->normal_num - 1] /
                                   TARGET_PAGE_SIZE);
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
    if (want_write(p)) {
        return nocomp_recv_by_write(p, errp);
    }
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
