/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses of migration streams as text. */
#ifndef MIGRATION_URI_H
#define MIGRATION_URI_H

#include "qapi/qapi-types-migration.h"
#include "qapi/qapi-types-sockets.h"
#include "qemu/error.h"

/* New address, freed by qapi_free_MigrationAddress(); NULL: error. */
MigrationAddress *migration_uri_parse(const char *uri, Error **errp);

/*
 * The one address that the arguments of migrate (or @incoming:
 * migrate-incoming) name: either @uri or @channels.  New object.
 */
MigrationAddress *migration_target_parse(const char *uri,
                                         const MigrationChannelList *channels,
                                         bool incoming, Error **errp);

/* "tcp:HOST:PORT", "unix:PATH"; freed by g_free(). */
char *migration_socket_uri(const SocketAddress *addr);

/* Can the destination answer over this transport? */
bool migration_address_is_bidirectional(const MigrationAddress *addr);

#endif
