/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QIOChannel that encrypts: a TLS session over another channel.
 *
 * What a user does, here as the connecting side:
 *
 *     creds = tls_creds_find(objects, id, Q_CRYPTO_TLS_CREDS_ENDPOINT_CLIENT,
 *                            errp);
 *     tioc = qio_channel_tls_new_client(QIO_CHANNEL(sioc), creds, host, errp);
 *     qio_channel_tls_handshake(tioc, done, opaque, NULL, context);
 *     …
 *     done(): if (!qio_task_propagate_error(task, &err)) use the channel
 *
 * and, after the last byte on a channel of which the peer wants to know that
 * it was complete, qio_channel_tls_bye().  The accepting side is the same with
 * qio_channel_tls_new_server() and, if asked for, authz_find().
 *
 * One thread may read and one may write at the same time, as on any channel.
 * Writes fill records from as many buffers as it takes, and one call of the
 * channel below has many records: pass long lists of buffers.
 */
#ifndef IO_CHANNEL_TLS_H
#define IO_CHANNEL_TLS_H

#include "io/authz.h"
#include "io/channel.h"
#include "io/task.h"
#include "io/tls-creds.h"

#define QIO_TYPE_CHANNEL_TLS (qio_channel_tls_get_type())
G_DECLARE_FINAL_TYPE(QIOChannelTLS, qio_channel_tls, QIO, CHANNEL_TLS,
                     QIOChannel)

/*
 * The client's end over @master, a connected channel (referenced).  @hostname:
 * whom the server's certificate must be for; NULL or "": not known, which only
 * credentials that check no certificates allow.  NULL with an error if the
 * credentials are for the other end or cannot be used so.
 */
QIOChannelTLS *qio_channel_tls_new_client(QIOChannel *master, TLSCreds *creds,
                                          const char *hostname, Error **errp);
/*
 * The server's end.  @authz (may be NULL) decides which clients may come in, by
 * their certificates' names; psk and anon credentials do not ask it.
 */
QIOChannelTLS *qio_channel_tls_new_server(QIOChannel *master, TLSCreds *creds,
                                          Authz *authz, Error **errp);

/*
 * Do the handshake in a thread, then call @fn in @context (NULL: default) with
 * a task whose source is @ioc and whose error says what failed.  Nothing may be
 * read or written before.  qio_channel_shutdown() of @ioc cancels it.  A server
 * that refuses its client takes up to a second more, to have its reason read.
 * One that takes too long fails: a byte that was damaged on the way can make
 * both sides wait for more.
 */
void qio_channel_tls_handshake(QIOChannelTLS *ioc, QIOTaskFunc fn,
                               gpointer opaque, GDestroyNotify destroy,
                               GMainContext *context);
/* The same in the caller, which it blocks. */
bool qio_channel_tls_handshake_sync(QIOChannelTLS *ioc, Error **errp);
/* How long the former may take, in ms (default: 30 s); before it begins. */
void qio_channel_tls_set_handshake_limit(QIOChannelTLS *ioc, unsigned ms);
/* Name of the handshake's thread, a string that stays; before it begins. */
void qio_channel_tls_set_thread_name(QIOChannelTLS *ioc, const char *name);

/*
 * Tell the peer that nothing more will be written; blocks as a write does.
 * Called by the thread that writes.
 */
bool qio_channel_tls_bye(QIOChannelTLS *ioc, Error **errp);

/*
 * Whether an end of file without such a message from the peer is one (true),
 * or an error, since anybody on the way can make it (false, the default).  In
 * the middle of a record it always is an error.  After a local shutdown it
 * never is.
 */
void qio_channel_tls_set_relaxed_eof(QIOChannelTLS *ioc, bool relaxed);

/*
 * Change the key of what is written (TLS 1.3); happens by itself before a key
 * has been used too much.  Peers may refuse many changes within a second.
 */
bool qio_channel_tls_rekey(QIOChannelTLS *ioc, Error **errp);

QIOChannel *qio_channel_tls_get_master(QIOChannelTLS *ioc); /* borrowed */
/* Version and cipher, e.g. "TLS1.3 AES-128-GCM"; g_free(). */
char *qio_channel_tls_describe(QIOChannelTLS *ioc);
/* The distinguished name that the peer has proven, or NULL; borrowed. */
const char *qio_channel_tls_get_peer_name(QIOChannelTLS *ioc);

#endif
