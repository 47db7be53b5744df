/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QIOChannel over a stream socket: TCP, unix, or a descriptor. */
#ifndef IO_CHANNEL_SOCKET_H
#define IO_CHANNEL_SOCKET_H

#include "io/channel.h"
#include "io/task.h"
#include "qapi/qapi-types-sockets.h"

#define QIO_TYPE_CHANNEL_SOCKET (qio_channel_socket_get_type())
G_DECLARE_FINAL_TYPE(QIOChannelSocket, qio_channel_socket, QIO,
                     CHANNEL_SOCKET, QIOChannel)

QIOChannelSocket *qio_channel_socket_new(void);
/* Takes ownership of @fd on success. */
QIOChannelSocket *qio_channel_socket_new_fd(int fd, Error **errp);
int qio_channel_socket_get_fd(QIOChannelSocket *ioc);

/*
 * Connect, blocking: "Failed to connect to 'HOST:PORT': …",
 * "address resolution failed for …" (texts of spec: qmp errors).
 */
bool qio_channel_socket_connect_sync(QIOChannelSocket *ioc,
                                     const SocketAddress *addr, Error **errp);
/* In a worker thread; @fn is called in @context (NULL: default). */
void qio_channel_socket_connect_async(QIOChannelSocket *ioc,
                                      const SocketAddress *addr,
                                      QIOTaskFunc fn, gpointer opaque,
                                      GDestroyNotify destroy,
                                      GMainContext *context);
/* Bind and listen on the first address that @addr resolves to. */
bool qio_channel_socket_listen_sync(QIOChannelSocket *ioc,
                                    const SocketAddress *addr, int backlog,
                                    Error **errp);
QIOChannelSocket *qio_channel_socket_accept(QIOChannelSocket *ioc,
                                            Error **errp);
/* New objects freed by qapi_free_SocketAddress(). */
SocketAddress *qio_channel_socket_get_local_address(QIOChannelSocket *ioc,
                                                    Error **errp);
SocketAddress *qio_channel_socket_get_remote_address(QIOChannelSocket *ioc,
                                                     Error **errp);

#endif
