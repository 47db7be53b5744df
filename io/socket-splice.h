/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sending memory over a local socket without copying it: the socket's buffers
 * refer to the sender's pages, and the one copy is the reader's.
 */
#ifndef IO_SOCKET_SPLICE_H
#define IO_SOCKET_SPLICE_H

#include "io/wake.h"

/* The pipe through which pages go; made when it is needed. */
typedef struct SocketSplice {
    int in, out; /* -1: none */
} SocketSplice;

#define SOCKET_SPLICE_NONE { -1, -1 }

/*
 * As writev() to the blocking socket @fd: the bytes sent, or -1 with errno.
 * What the peer reads is what is in the memory by then, until a flush.  ENOTSUP:
 * nothing was sent, and cannot be in this way.  A broken connection raises
 * SIGPIPE, which the program has to ignore.
 */
ssize_t socket_splice_writev(SocketSplice *s, int fd, const struct iovec *iov,
                             size_t niov);
/*
 * Wait until the peer has read, or dropped, all pages that were sent; nobody
 * may write meanwhile.  False: @wake was set.
 */
bool socket_splice_flush(int fd, Wake *wake);
void socket_splice_close(SocketSplice *s);

#endif
