/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TLS credentials: user-creatable objects that say who we are and whom we
 * trust.  Kinds: tls-creds-x509, tls-creds-psk, tls-creds-anon.  They read
 * their files when they are made, and do not change afterwards, so sessions in
 * any thread may use them.
 */
#ifndef IO_TLS_CREDS_H
#define IO_TLS_CREDS_H

#include "qapi/qapi-types-objects.h"
#include "qemu/object.h"

#define TLS_CREDS_TYPE (tls_creds_get_type())
G_DECLARE_DERIVABLE_TYPE(TLSCreds, tls_creds, TLS, CREDS, GObject)

QCryptoTLSCredsEndpoint tls_creds_get_endpoint(TLSCreds *creds);
bool tls_creds_get_verify_peer(TLSCreds *creds);

/*
 * The credentials @id of @container, which must be for @endpoint: a borrowed
 * reference.  NULL if there is no such object, it is of another kind, or it is
 * for the other end ("Expected TLS credentials for a client endpoint").
 */
TLSCreds *tls_creds_find(ObjectContainer *container, const char *id,
                         QCryptoTLSCredsEndpoint endpoint, Error **errp);

/* Announce the kinds; none when built without GnuTLS.  Start-up only. */
void tls_creds_register_types(void);

#endif
