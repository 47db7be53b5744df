/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Received pages on their way into memory, whatever method they come by.
 *
 * They are put where they belong, but for memory with a file behind it that
 * nobody touched yet.  There the kernel would have to clear each page before
 * it is written to.  A piece that stays in the CPU's cache is made instead, and
 * written to the file, which makes whole pages of it at once.  Where huge pages
 * are made of memory that gets full, the pages are there, and are written to.
 */
#include "qemu/osdep.h"
#include "migration/multifd-internal.h"

/* Written to a file at once. */
#define PIECE_PAGES 32

struct MultiFDPieces {
    RAMStore store;
    uint8_t piece[PIECE_PAGES * TARGET_PAGE_SIZE];
};

bool multifd_recv_wants_write(const MultiFDRecvParams *p)
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

static bool store_by_write(MultiFDRecvParams *p, MultiFDFillFn *fill,
                           void *opaque, Error **errp)
{
    MultiFDPieces *mp = p->pieces;
    uint32_t n;

    if (!mp) {
        mp = p->pieces = g_new0(MultiFDPieces, 1);
    }
    for (uint32_t i = 0; i < p->normal_num; i += n) {
        n = MIN(p->normal_num - i, PIECE_PAGES);
        if (!fill(p, opaque, mp->piece, n * TARGET_PAGE_SIZE, errp)) {
            return false;
        }
        for (uint32_t k = 0; k < n; k++) {
            if (!ram_store_page(&mp->store, p->block,
                                p->offset[i + k] / TARGET_PAGE_SIZE,
                                mp->piece + k * TARGET_PAGE_SIZE, errp)) {
                return false;
            }
        }
        if (!ram_store_flush(&mp->store, errp)) {
            return false;
        }
    }
    return true;
}

static bool store_in_place(MultiFDRecvParams *p, MultiFDFillFn *fill,
                           void *opaque, Error **errp)
{
    MultiFDRun run;

    for (uint32_t i = 0; i < p->normal_num;) {
        i = multifd_recv_run(p, i, p->normal_num, &run);
        if (run.host) {
            load_block_populate(p->block, run.first, run.n);
            if (!fill(p, opaque, run.host, run.n * TARGET_PAGE_SIZE, errp)) {
                return false;
            }
            continue;
        }
        while (run.n--) {
            if (!fill(p, opaque, p->scratch, TARGET_PAGE_SIZE, errp)) {
                return false;
            }
        }
    }
    return true;
}

bool multifd_recv_store(MultiFDRecvParams *p, MultiFDFillFn *fill,
                        void *opaque, Error **errp)
{
    return multifd_recv_wants_write(p)
               ? store_by_write(p, fill, opaque, errp)
               : store_in_place(p, fill, opaque, errp);
}
