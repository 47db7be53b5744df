/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GSources for the kinds of channels. */
#ifndef IO_CHANNEL_WATCH_H
#define IO_CHANNEL_WATCH_H

#include "io/channel.h"

/*
 * A source over descriptors: @in_fd is watched for the input conditions,
 * @out_fd for the output ones (both may be the same, -1: none).  If @wake_fd
 * (-1: none) becomes readable, all of @cond hold, for the next call ends.
 */
GSource *qio_channel_fd_watch(QIOChannel *ioc, int in_fd, int out_fd,
                              int wake_fd, GIOCondition cond);

/* A source for a channel that never blocks. */
GSource *qio_channel_ready_watch(QIOChannel *ioc, GIOCondition cond);

#endif
