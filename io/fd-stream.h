/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One direction of a file, pipe or character device, with calls that another
 * thread can end.
 *
 * A thread inside read(2) on a pipe cannot be woken from outside, so a
 * descriptor that may block is made non-blocking and waited for in poll(2)
 * together with a wake-up.  Its old mode returns when the stream is closed:
 * the open file may be shared with another process (a terminal with the shell).
 */
#ifndef IO_FD_STREAM_H
#define IO_FD_STREAM_H

#include "io/channel.h"
#include "io/wake.h"

typedef struct FdStream {
    int fd; /* -1: closed; not owned */
    int saved_flags;
    bool pollable;    /* may block: not a regular file or disk */
    bool nonblocking; /* the user asked for QIO_CHANNEL_ERR_BLOCK */
    Wake shut;
} FdStream;

/* A stream without descriptor: reads are at end of file, writes fail. */
void fd_stream_init_none(FdStream *s);
void fd_stream_init(FdStream *s, int fd);
/* Give the descriptor back, to be closed; repeatable. */
void fd_stream_release(FdStream *s);
void fd_stream_destroy(FdStream *s); /* after the release */
void fd_stream_shutdown(FdStream *s); /* any thread */

/* Results as those of QIOChannelClass.io_readv and io_writev. */
ssize_t fd_stream_readv(FdStream *s, const struct iovec *iov, size_t niov,
                        Error **errp);
ssize_t fd_stream_writev(FdStream *s, const struct iovec *iov, size_t niov,
                         Error **errp);

#endif
