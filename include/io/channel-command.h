/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QIOChannel over the standard input and output of a child process. */
#ifndef IO_CHANNEL_COMMAND_H
#define IO_CHANNEL_COMMAND_H

#include "io/channel.h"

#define QIO_TYPE_CHANNEL_COMMAND (qio_channel_command_get_type())
G_DECLARE_FINAL_TYPE(QIOChannelCommand, qio_channel_command, QIO,
                     CHANNEL_COMMAND, QIOChannel)

/*
 * Start @argv (NULL-terminated).  @flags: O_RDONLY, O_WRONLY or O_RDWR.
 * Closing waits for the child; a failing exit status is the close's error.  A
 * shutdown of both directions, before or during the close, has the child killed
 * instead, and so has dropping the last reference without a close.  SIGPIPE as
 * for files.
 */
QIOChannelCommand *qio_channel_command_new_spawn(const char *const *argv,
                                                 int flags, Error **errp);

#endif
