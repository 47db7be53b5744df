/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"
#include "migration/ram-store.h"

#include <sys/uio.h>

#include "qemu/zero.h"

/* Writing has moved within the list: all elements are whole pages again. */
static void store_rewind(RAMStore *st)
{
    for (size_t i = 0; i < st->n; i++) {
        size_t gone = TARGET_PAGE_SIZE - st->iov[i].iov_len;

        st->iov[i].iov_base = (uint8_t *)st->iov[i].iov_base - gone;
        st->iov[i].iov_len = TARGET_PAGE_SIZE;
    }
}

/*
 * 1: the batch was written; 0: this block has to be copied to; -1: there is no
 * room, and copying would end in a signal.
 */
static int store_write(RAMStore *st, Error **errp)
{
    LoadBlock *lb = st->block;
    off_t at = lb->rb->fd_offset + st->first * TARGET_PAGE_SIZE;
    size_t i = 0;

    while (i < st->n) {
        ssize_t n = pwritev(lb->rb->fd, st->iov + i, st->n - i, at);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO)) {
            error_setg_errno(errp, errno, "cannot store pages of RAM block "
                             "'%s'", lb->idstr);
            return -1;
        }
        if (n <= 0) {
            /* Sealed or read-only; the mapping may still be written to. */
            store_rewind(st);
            return 0;
        }
        at += n;
        while (n && (size_t)n >= st->iov[i].iov_len) {
            n -= st->iov[i++].iov_len;
        }
        if (n) {
            st->iov[i].iov_base = (uint8_t *)st->iov[i].iov_base + n;
            st->iov[i].iov_len -= n;
        }
    }
    return 1;
}

static void store_copy(RAMStore *st)
{
    uint8_t *to = st->block->rb->host + st->first * TARGET_PAGE_SIZE;

    load_block_populate(st->block, st->first, st->n);
    for (size_t i = 0; i < st->n; i++) {
        memcpy(to, st->iov[i].iov_base, TARGET_PAGE_SIZE);
        to += TARGET_PAGE_SIZE;
    }
}

bool ram_store_flush(RAMStore *st, Error **errp)
{
    LoadBlock *lb = st->block;
    int written = 0;

    if (!st->n) {
        return true;
    }
    if (!load_block_is_huge(lb, st->first) && load_block_by_write(lb)) {
        written = store_write(st, errp);
        if (written < 0) {
            return false;
        }
        if (!written) {
            load_block_no_write(lb);
        }
    }
    if (!written) {
        store_copy(st);
    }
    load_block_mark(lb, st->first, st->n);
    st->n = 0;
    return true;
}

bool ram_store_page(RAMStore *st, LoadBlock *lb, uint64_t page,
                    const uint8_t *data, Error **errp)
{
    if (st->n &&
        (lb != st->block || st->n == STORE_BATCH_PAGES ||
         page != st->first + st->n || page % LOAD_AREA_PAGES == 0) &&
        !ram_store_flush(st, errp)) {
        return false;
    }
    if (!st->n) {
        st->block = lb;
        st->first = page;
    }
    st->iov[st->n++] = (struct iovec) {
        .iov_base = (void *)data,
        .iov_len = TARGET_PAGE_SIZE,
    };
    return true;
}

bool ram_store_zero(RAMStore *st, LoadBlock *lb, uint64_t page, Error **errp)
{
    uint8_t *p;

    /* If the page stands in the batch: the last record wins. */
    if (st->n && lb == st->block && page - st->first < st->n &&
        !ram_store_flush(st, errp)) {
        return false;
    }
    if (load_block_is_new(lb, page, 1)) {
        return true;
    }
    p = lb->rb->host + page * TARGET_PAGE_SIZE;
    if (!buffer_is_zero(p, TARGET_PAGE_SIZE)) {
        memset(p, 0, TARGET_PAGE_SIZE);
    }
    return true;
}
