/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From addresses to channels. */
#ifndef MIGRATION_CHANNEL_H
#define MIGRATION_CHANNEL_H

#include "io/channel.h"
#include "io/net-listener.h"
#include "migration/tls.h"
#include "qapi/context.h"
#include "qapi/qapi-types-migration.h"

/*
 * Is @addr one that takes time to connect (migration_socket_connect()) and is
 * listened on?  All others open at once.
 */
bool migration_address_is_network(const MigrationAddress *addr);

/*
 * Open the channel of an address that is not a network one, to write
 * the stream to or (@incoming) to read it from.  @return_path: the other
 * direction will be used too.  @ctx resolves fd:NAME.  New reference.
 */
QIOChannel *migration_channel_open(const MigrationAddress *addr,
                                   QmpContext *ctx, bool incoming,
                                   bool return_path, Error **errp);

/* ---- the kinds, for channel.c ---- */

/* Takes the named descriptor. */
QIOChannel *migration_fd_open(const char *name, QmpContext *ctx, Error **errp);
QIOChannel *migration_exec_open(const strList *args, bool incoming,
                                bool return_path, Error **errp);
QIOChannel *migration_file_open_outgoing(const FileMigrationArgs *args,
                                         Error **errp);
QIOChannel *migration_file_open_incoming(const FileMigrationArgs *args,
                                         Error **errp);

/* ---- sockets ---- */

/*
 * An attempt to have a connection, TLS handshake included.  @fn is called once from the main loop, with a
 * channel (new reference) or an error to free; never after a cancel.
 */
typedef struct SocketConnect SocketConnect;
typedef void SocketConnectFn(void *opaque, QIOChannel *ioc, Error *err);

/* @tls: referenced; NULL: no TLS. */
SocketConnect *migration_socket_connect(const SocketAddress *addr,
                                        MigrationTLS *tls,
                                        SocketConnectFn *fn, void *opaque);
/*
 * The same for a channel (referenced) that is open, but has no TLS yet.  NULL:
 * error, and @fn is not called.
 */
SocketConnect *migration_channel_secure(QIOChannel *ioc, MigrationTLS *tls,
                                        SocketConnectFn *fn, void *opaque,
                                        Error **errp);
/*
 * What is being connected, borrowed; a shutdown ends the attempt.  What @fn
 * gets may be another channel over this one.
 */
QIOChannel *migration_socket_connect_channel(SocketConnect *c);
/*
 * Give up: the attempt ends by itself, and a connection that comes about all
 * the same is closed.  *@left is incremented now and decremented at that
 * moment.  Main loop thread.
 */
void migration_socket_connect_cancel(SocketConnect *c, unsigned *left);

#endif
