/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opening sockets, in a form that another thread can end. */
#ifndef IO_SOCKET_OPEN_H
#define IO_SOCKET_OPEN_H

#include "io/sockets.h"
#include "io/wake.h"

/* As socket_connect(); fails soon after @wake is set. */
int socket_connect_wake(const SocketAddress *addr, Wake *wake, Error **errp);

#endif
