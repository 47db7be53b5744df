/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scatter-gather lists (struct iovec). */
#ifndef QEMU_IOV_H
#define QEMU_IOV_H

#include "qemu/osdep.h"

/* Sum of all lengths. */
size_t iov_size(const struct iovec *iov, size_t n);
/*
 * Copy @len bytes between @buf and the list from byte @offset on; returns the
 * bytes done, which are less where the list ends.
 */
size_t iov_from_buf(const struct iovec *iov, size_t n, size_t offset,
                    const void *buf, size_t len);
size_t iov_to_buf(const struct iovec *iov, size_t n, size_t offset, void *buf,
                  size_t len);
/* Set @len bytes from byte @offset on to @c; bytes done. */
size_t iov_memset(const struct iovec *iov, size_t n, size_t offset, int c,
                  size_t len);
/*
 * Drop @bytes from the front: advances *@iov and *@n past whole elements and
 * shortens the first that remains (the array is modified).
 */
void iov_discard_front(struct iovec **iov, size_t *n, size_t bytes);

#endif
