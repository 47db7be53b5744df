/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parts of a TLS session. */
#ifndef IO_TLS_SESSION_INT_H
#define IO_TLS_SESSION_INT_H

#include <gnutls/gnutls.h>

#include "io/tls-session.h"

/*
 * Set what @session offers, from the properties of @creds; on a server also
 * what is chosen from the client's offer.
 */
bool tls_session_set_priority(gnutls_session_t session, TLSCreds *creds,
                              Error **errp);

#endif
