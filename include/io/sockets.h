/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Socket addresses: to and from text, and to descriptors that are connected to
 * them or listen on them.  All descriptors are close-on-exec.
 */
#ifndef IO_SOCKETS_H
#define IO_SOCKETS_H

#include <sys/socket.h>

#include "qapi/qapi-types-sockets.h"
#include "qemu/error.h"

/*
 * Parse "[HOST]:PORT[,to=N][,ipv4[=on|off]][,ipv6…][,keep-alive…][,mptcp…]",
 * an IPv6 host in brackets, into @out, which the caller zeroed.  On failure
 * @out is untouched.  Strings are freed with the address they become part of.
 * Errors: "error parsing address 'X'" and friends.
 */
bool inet_parse(InetSocketAddress *out, const char *text, Error **errp);

/*
 * Parse "unix:PATH", "fd:NAME", "tcp:…" or, without a prefix, what
 * inet_parse() takes.  A new address, NULL on failure.
 */
SocketAddress *socket_parse(const char *text, Error **errp);

/* "HOST:PORT", a path or a descriptor's name: for messages; g_free(). */
char *socket_address_to_str(const SocketAddress *addr);
/* The same as URI: "tcp:HOST:PORT", "unix:PATH", "fd:NAME"; g_free(). */
char *socket_address_to_uri(const SocketAddress *addr);

/* The address in @sa (numeric), new; NULL for a family not known here. */
SocketAddress *socket_address_from_sockaddr(const struct sockaddr_storage *sa,
                                            socklen_t len, Error **errp);

/*
 * Connect a stream socket, trying each address that @addr resolves to; blocks.
 * An address of type fd gives that descriptor itself, which the caller owns
 * from now on.  Returns the descriptor or -1.
 */
int socket_connect(const SocketAddress *addr, Error **errp);

/*
 * Bind and listen on the first address that @addr resolves to and that can be
 * used.  A file in the place of a unix socket is replaced if it is a socket.
 * Returns the descriptor or -1.
 */
int socket_listen(const SocketAddress *addr, int backlog, Error **errp);

/*
 * The same on all addresses that @addr resolves to; one is enough for success.
 * Returns a new array of int, to be closed by the caller, or NULL.
 */
GArray *socket_listen_all(const SocketAddress *addr, int backlog,
                          Error **errp);

#endif
