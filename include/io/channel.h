/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QIOChannel: a byte stream in both or one direction, over a socket, file,
 * pipe pair, memory buffer or nothing.
 *
 * Reads and writes block the calling thread unless the channel was set to
 * non-blocking; another thread ends a blocked call with
 * qio_channel_shutdown().  One reader and one writer may work at the same
 * time; more need a lock of their own.
 */
#ifndef IO_CHANNEL_H
#define IO_CHANNEL_H

#include <glib-object.h>

#include "qemu/error.h"

#define QIO_TYPE_CHANNEL (qio_channel_get_type())
G_DECLARE_DERIVABLE_TYPE(QIOChannel, qio_channel, QIO, CHANNEL, GObject)

/* Result of the readv/writev calls when a non-blocking channel would block. */
#define QIO_CHANNEL_ERR_BLOCK (-2)

typedef enum QIOChannelFeature {
    QIO_CHANNEL_FEATURE_FD_PASS,
    QIO_CHANNEL_FEATURE_SHUTDOWN, /* shutdown() ends blocked calls */
    QIO_CHANNEL_FEATURE_SEEKABLE,
    QIO_CHANNEL_FEATURE_WRITE_ZERO_COPY,
    QIO_CHANNEL_FEATURE_READ_MSG_PEEK,
    QIO_CHANNEL_FEATURE_WRITE_BY_REFERENCE,
} QIOChannelFeature;

typedef enum QIOChannelShutdown {
    QIO_CHANNEL_SHUTDOWN_READ = 1,
    QIO_CHANNEL_SHUTDOWN_WRITE = 2,
    QIO_CHANNEL_SHUTDOWN_BOTH = 3,
} QIOChannelShutdown;

#define QIO_CHANNEL_WRITE_FLAG_ZERO_COPY 1 /* buffers stay until flush() */
/*
 * A hint: buffers need not be copied; what the peer reads is what they hold by
 * then.  flush() waits until it has read them.
 */
#define QIO_CHANNEL_WRITE_FLAG_BY_REFERENCE 2
#define QIO_CHANNEL_READ_FLAG_MSG_PEEK 1   /* leave the bytes in the channel */
/* A hint: rather wait for all bytes than return with some of them. */
#define QIO_CHANNEL_READ_FLAG_WAIT_ALL 2

struct _QIOChannelClass {
    GObjectClass parent_class;

    /*
     * Each returns the bytes done (0: end of file), QIO_CHANNEL_ERR_BLOCK, or
     * -1 with an error.  A signal restarts the call.
     */
    ssize_t (*io_readv)(QIOChannel *ioc, const struct iovec *iov, size_t niov,
                        int **fds, size_t *nfds, int flags, Error **errp);
    ssize_t (*io_writev)(QIOChannel *ioc, const struct iovec *iov,
                         size_t niov, const int *fds, size_t nfds, int flags,
                         Error **errp);
    bool (*io_close)(QIOChannel *ioc, Error **errp);
    bool (*io_shutdown)(QIOChannel *ioc, QIOChannelShutdown how,
                        Error **errp);
    bool (*io_set_blocking)(QIOChannel *ioc, bool enabled, Error **errp);
    off_t (*io_seek)(QIOChannel *ioc, off_t offset, int whence, Error **errp);
    ssize_t (*io_preadv)(QIOChannel *ioc, const struct iovec *iov, size_t niov,
                         off_t offset, Error **errp);
    ssize_t (*io_pwritev)(QIOChannel *ioc, const struct iovec *iov,
                          size_t niov, off_t offset, Error **errp);
    /* Wait for zero-copy writes; 1: some were copied after all, 0, -1. */
    int (*io_flush)(QIOChannel *ioc, Error **errp);
    /* Source that is ready when @cond holds; see qio_channel_create_watch. */
    GSource *(*io_create_watch)(QIOChannel *ioc, GIOCondition cond);
    gpointer padding[8];
};

void qio_channel_set_name(QIOChannel *ioc, const char *name);
const char *qio_channel_get_name(QIOChannel *ioc);
void qio_channel_set_feature(QIOChannel *ioc, QIOChannelFeature feature);
bool qio_channel_has_feature(QIOChannel *ioc, QIOChannelFeature feature);

/* One call: may do less than asked. */
ssize_t qio_channel_readv(QIOChannel *ioc, const struct iovec *iov,
                          size_t niov, Error **errp);
ssize_t qio_channel_writev(QIOChannel *ioc, const struct iovec *iov,
                           size_t niov, Error **errp);
ssize_t qio_channel_read(QIOChannel *ioc, void *buf, size_t len, Error **errp);
ssize_t qio_channel_write(QIOChannel *ioc, const void *buf, size_t len,
                          Error **errp);
/* With descriptors and flags. *@fds: new array of *@nfds, freed by g_free(). */
ssize_t qio_channel_readv_full(QIOChannel *ioc, const struct iovec *iov,
                               size_t niov, int **fds, size_t *nfds, int flags,
                               Error **errp);
ssize_t qio_channel_writev_full(QIOChannel *ioc, const struct iovec *iov,
                                size_t niov, const int *fds, size_t nfds,
                                int flags, Error **errp);

/*
 * Everything or failure.  End of file is an error ("Unexpected end-of-file
 * before all data were read").  Works on non-blocking channels too (waits).
 */
bool qio_channel_readv_all(QIOChannel *ioc, const struct iovec *iov,
                           size_t niov, Error **errp);
bool qio_channel_read_all(QIOChannel *ioc, void *buf, size_t len,
                          Error **errp);
bool qio_channel_writev_all(QIOChannel *ioc, const struct iovec *iov,
                            size_t niov, Error **errp);
bool qio_channel_write_all(QIOChannel *ioc, const void *buf, size_t len,
                           Error **errp);
bool qio_channel_writev_full_all(QIOChannel *ioc, const struct iovec *iov,
                                 size_t niov, const int *fds, size_t nfds,
                                 int flags, Error **errp);
/* As read_all: 1 done, 0 end of file before the first byte, -1 error. */
int qio_channel_readv_all_eof(QIOChannel *ioc, const struct iovec *iov,
                              size_t niov, Error **errp);
int qio_channel_read_all_eof(QIOChannel *ioc, void *buf, size_t len,
                             Error **errp);

/* At a file offset; the channel must be seekable. */
ssize_t qio_channel_preadv(QIOChannel *ioc, const struct iovec *iov,
                           size_t niov, off_t offset, Error **errp);
ssize_t qio_channel_pwritev(QIOChannel *ioc, const struct iovec *iov,
                            size_t niov, off_t offset, Error **errp);
off_t qio_channel_seek(QIOChannel *ioc, off_t offset, int whence,
                       Error **errp); /* -1: error */

/*
 * Close; reports errors that come late (a child's exit status, close(2) of a
 * network file).  Data need not be on disk yet.  Idempotent.
 */
bool qio_channel_close(QIOChannel *ioc, Error **errp);
/* From any thread: blocked and later calls end (read: end of file). */
bool qio_channel_shutdown(QIOChannel *ioc, QIOChannelShutdown how,
                          Error **errp);
bool qio_channel_set_blocking(QIOChannel *ioc, bool enabled, Error **errp);
int qio_channel_flush(QIOChannel *ioc, Error **errp);

typedef gboolean (*QIOChannelFunc)(QIOChannel *ioc, GIOCondition cond,
                                   gpointer data);
/*
 * A condition of sockets, for a watch of nothing but the end: the peer will
 * send no more, even if what it sent before has not been read.
 */
#define QIO_CHANNEL_PEER_CLOSED ((GIOCondition)0x2000)
/* A source whose callback is a QIOChannelFunc; not attached. */
GSource *qio_channel_create_watch(QIOChannel *ioc, GIOCondition cond);
/* Attach such a source to @context (NULL: default); returns the source id. */
guint qio_channel_add_watch(QIOChannel *ioc, GIOCondition cond,
                            QIOChannelFunc fn, gpointer data,
                            GMainContext *context);
/* Block until @cond holds. */
void qio_channel_wait(QIOChannel *ioc, GIOCondition cond);

#endif
