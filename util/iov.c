/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scatter-gather lists. */
#include "qemu/osdep.h"

#include "qemu/iov.h"

size_t iov_size(const struct iovec *iov, size_t n)
{
    size_t total = 0;

    for (size_t i = 0; i < n; i++) {
        total += iov[i].iov_len;
    }
    return total;
}

/*
 * Walks the pieces of [@offset, @offset + @len): true with the next one in
 * *@piece, of length *@piece_len, until none is left.
 */
typedef struct IovWalk {
    const struct iovec *iov;
    size_t n;
    size_t offset;
    size_t left;
} IovWalk;

static bool iov_walk(IovWalk *walk, char **piece, size_t *piece_len)
{
    while (walk->n > 0 && walk->offset >= walk->iov->iov_len) {
        walk->offset -= walk->iov->iov_len;
        walk->iov++;
        walk->n--;
    }
    if (walk->n == 0 || walk->left == 0) {
        return false;
    }
    *piece = (char *)walk->iov->iov_base + walk->offset;
    *piece_len = MIN(walk->iov->iov_len - walk->offset, walk->left);
    walk->offset += *piece_len;
    walk->left -= *piece_len;
    return true;
}

size_t iov_from_buf(const struct iovec *iov, size_t n, size_t offset,
                    const void *buf, size_t len)
{
    IovWalk walk = { iov, n, offset, len };
    const char *src = buf;
    char *piece;
    size_t piece_len;

    while (iov_walk(&walk, &piece, &piece_len)) {
        memcpy(piece, src, piece_len);
        src += piece_len;
    }
    return len - walk.left;
}

size_t iov_to_buf(const struct iovec *iov, size_t n, size_t offset, void *buf,
                  size_t len)
{
    IovWalk walk = { iov, n, offset, len };
    char *dst = buf;
    char *piece;
    size_t piece_len;

    while (iov_walk(&walk, &piece, &piece_len)) {
        memcpy(dst, piece, piece_len);
        dst += piece_len;
    }
    return len - walk.left;
}

size_t iov_memset(const struct iovec *iov, size_t n, size_t offset, int c,
                  size_t len)
{
    IovWalk walk = { iov, n, offset, len };
    char *piece;
    size_t piece_len;

    while (iov_walk(&walk, &piece, &piece_len)) {
        memset(piece, c, piece_len);
    }
    return len - walk.left;
}

void iov_discard_front(struct iovec **iov, size_t *n, size_t bytes)
{
    while (*n > 0 && bytes >= (*iov)->iov_len) {
        bytes -= (*iov)->iov_len;
        (*iov)++;
        (*n)--;
    }
    if (*n > 0 && bytes > 0) {
        (*iov)->iov_base = (char *)(*iov)->iov_base + bytes;
        (*iov)->iov_len -= bytes;
    }
}
