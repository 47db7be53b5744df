/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the listener needs of socket channels beyond their public calls. */
#ifndef IO_CHANNEL_SOCKET_INT_H
#define IO_CHANNEL_SOCKET_INT_H

#include "io/channel-socket.h"

/*
 * @ioc listens on a socket file that it made itself: remove the file when the
 * channel is closed.  Nothing happens for other kinds of sockets.
 */
void qio_channel_socket_own_path(QIOChannelSocket *ioc);

#endif
