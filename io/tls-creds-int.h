/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kinds of TLS credentials share, and what a session needs of them.
 *
 * GnuTLS's own types appear here only by name, so that the parts without which
 * a build cannot link do not need its headers.
 */
#ifndef IO_TLS_CREDS_INT_H
#define IO_TLS_CREDS_INT_H

#include "io/tls-creds.h"

struct gnutls_session_int;
struct gnutls_dh_params_int;

struct _TLSCredsClass {
    GObjectClass parent_class;
    /* Read the files; at completion. */
    bool (*load)(TLSCreds *creds, Error **errp);
    /* Give the credentials to a new session.  Any thread. */
    bool (*attach)(TLSCreds *creds, struct gnutls_session_int *session,
                   Error **errp);
    /* Key exchanges to add to the priority string, with a colon; or NULL. */
    const char *priority_suffix;
    /* Peers have certificates: check them, their name and authorization. */
    bool has_certificates;
    /* Peers prove that they know a key. */
    bool has_keys;
};

GType tls_creds_anon_get_type(void);
GType tls_creds_psk_get_type(void);
GType tls_creds_x509_get_type(void);

/* The property "priority", NULL: default. */
const char *tls_creds_get_priority(TLSCreds *creds);
bool tls_creds_is_server(TLSCreds *creds);

/*
 * Path of the file @name of the credentials, g_free().  NULL if it is not
 * there, an error unless @optional, or cannot be read, always an error.
 */
char *tls_creds_path(TLSCreds *creds, const char *name, bool optional,
                     bool *ok, Error **errp);
/*
 * A server's parameters for Diffie-Hellman from dh-params.pem; *@out is NULL
 * without that file.
 */
bool tls_creds_load_dh(TLSCreds *creds, struct gnutls_dh_params_int **out,
                       Error **errp);

/* The credentials that @session was made with. */
TLSCreds *tls_session_creds_of(struct gnutls_session_int *session);

#endif
