/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QIOChannel over a file, pipe or character device descriptor. */
#ifndef IO_CHANNEL_FILE_H
#define IO_CHANNEL_FILE_H

#include "io/channel.h"

#define QIO_TYPE_CHANNEL_FILE (qio_channel_file_get_type())
G_DECLARE_FINAL_TYPE(QIOChannelFile, qio_channel_file, QIO, CHANNEL_FILE,
                     QIOChannel)

/*
 * Takes ownership of @fd.  Seekable if the descriptor is.  A pipe or device is
 * non-blocking while the channel has it, which others that share the open file
 * see.  The program must ignore SIGPIPE, or block it in threads that write.
 */
QIOChannelFile *qio_channel_file_new_fd(int fd);
/* open(2) with @flags and @mode: "Could not open '/x': …" / "Could not create". */
QIOChannelFile *qio_channel_file_new_path(const char *path, int flags,
                                          mode_t mode, Error **errp);
int qio_channel_file_get_fd(QIOChannelFile *ioc);

#endif
