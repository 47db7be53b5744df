/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A set of listening sockets: all addresses that one SocketAddress means. */
#ifndef IO_NET_LISTENER_H
#define IO_NET_LISTENER_H

#include "io/channel-socket.h"

#define QIO_TYPE_NET_LISTENER (qio_net_listener_get_type())
G_DECLARE_FINAL_TYPE(QIONetListener, qio_net_listener, QIO, NET_LISTENER,
                     GObject)

typedef void (*QIONetListenerClientFunc)(QIONetListener *listener,
                                         QIOChannelSocket *client,
                                         gpointer opaque);

QIONetListener *qio_net_listener_new(void);
void qio_net_listener_set_name(QIONetListener *l, const char *name);
/* "Failed to bind socket to /x: No such file or directory" and friends. */
bool qio_net_listener_open_sync(QIONetListener *l, const SocketAddress *addr,
                                int backlog, Error **errp);
/* Call @fn for each client from @context (NULL: default); NULL @fn: stop. */
void qio_net_listener_set_client_func(QIONetListener *l,
                                      QIONetListenerClientFunc fn,
                                      gpointer opaque, GDestroyNotify destroy,
                                      GMainContext *context);
/* Block until one client has come. */
QIOChannelSocket *qio_net_listener_wait_client(QIONetListener *l);
/* Stop listening; the path of a unix socket is removed. */
void qio_net_listener_disconnect(QIONetListener *l);
bool qio_net_listener_is_connected(QIONetListener *l);
/* The addresses really bound (port numbers filled in); new list. */
SocketAddressList *qio_net_listener_get_addresses(QIONetListener *l);

#endif
