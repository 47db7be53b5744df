/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TLS on the connections of a migration: the source is the client, the
 * destination the server, and a connection carries nothing before its
 * handshake.
 *
 * All of this runs in the main loop with the machine lock held; handshakes run
 * in threads of their own and end in the main loop.
 */
#ifndef MIGRATION_TLS_H
#define MIGRATION_TLS_H

#include "io/channel-tls.h"
#include "migration/options.h"
#include "system/machine.h"

/* Do the options ask for TLS? */
bool migration_tls_wanted(const MigrationOptions *o);

/* ---- source ---- */

/* Credentials and name for all connections of one migration; counted. */
typedef struct MigrationTLS MigrationTLS;

/*
 * What @o asks for when the destination is at @addr: *@tls becomes a new
 * reference, or NULL if that is no TLS.  Fails if the credentials do not exist
 * or are for the other end.
 */
bool migration_tls_new(Machine *m, const MigrationOptions *o,
                       const MigrationAddress *addr, MigrationTLS **tls,
                       Error **errp);
MigrationTLS *migration_tls_ref(MigrationTLS *tls); /* both take NULL */
void migration_tls_unref(MigrationTLS *tls);

/*
 * Begin the handshake over @ioc: @fn gets a task whose source is the channel
 * to use afterwards.  A shutdown of @ioc ends it.  False: it cannot even begin,
 * and @fn is not called.
 */
bool migration_tls_client_start(MigrationTLS *tls, QIOChannel *ioc,
                                QIOTaskFunc fn, void *opaque, Error **errp);

/* ---- destination ---- */

/*
 * The same for a connection that has come.  The objects are looked up now, so
 * they may be made while we already listen.
 */
QIOChannelTLS *migration_tls_server_start(Machine *m,
                                          const MigrationOptions *o,
                                          QIOChannel *ioc, QIOTaskFunc fn,
                                          void *opaque, Error **errp);

/* ---- end of a connection; other channels than TLS ones are left alone ---- */

/*
 * Is it an error if the peer's stream ends without the peer saying so?  It is
 * not unless this says it is: the main stream itself tells when it is complete.
 */
void migration_tls_expect_bye(QIOChannel *ioc, bool expect);
/*
 * Tell the peer that nothing more will come; by who writes.  A peer that has
 * left already is no error.  May block until a shutdown.
 */
void migration_tls_bye(QIOChannel *ioc);

#endif
