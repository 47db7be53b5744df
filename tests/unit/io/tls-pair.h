/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two ends of a TLS connection for tests, with credentials of every kind. */
#ifndef TEST_TLS_PAIR_H
#define TEST_TLS_PAIR_H

#include "io-test.h"
#include "io/channel-tls.h"
#include "tls-certs.h"

/* Directories with certificates and keys; made once, shared by all tests. */
typedef struct TlsStore {
    ObjectContainer *objects;
    GPtrArray *dirs;
} TlsStore;

/*
 * Credentials (by id) after this.  x509 servers: "server", "server-expired",
 * "server-lax" (verify-peer off), "server-crl" (the client is revoked); name
 * test.example, address 127.0.0.1.  x509 clients: "client", "client-bare" (no
 * certificate), "client-wary" (trusts another CA), "client-stranger" (certificate
 * of a CA nobody knows), "client-misfit" (certificate for servers only),
 * "client-lax" (verify-peer off).  "psk-server", "psk-client", "psk-wrong",
 * "psk-unknown", "anon-server", "anon-client".  Authorization: "only-src",
 * which lets C=GB,O=Test,CN=src in, and "only-other".
 */
void tls_store_init(TlsStore *store);
void tls_store_clear(TlsStore *store);

/* A copy of credentials @id with this priority string, under a new id. */
const char *tls_store_with_priority(TlsStore *store, const char *type,
                                    bool server, const char *from,
                                    const char *priority);

typedef struct TlsPair {
    QIOChannelSocket *csock, *ssock;
    QIOChannelTLS *client, *server;
    Error *client_err, *server_err; /* of the handshake */
} TlsPair;

/* Sessions over a socket pair; no handshake yet. */
void tls_pair_new(TlsPair *p, TlsStore *store, const char *client,
                  const char *server, const char *hostname, const char *authz);
/* Over these sockets, which it takes over. */
void tls_pair_new_over(TlsPair *p, TlsStore *store, QIOChannelSocket *csock,
                       QIOChannelSocket *ssock, const char *client,
                       const char *server, const char *hostname,
                       const char *authz);
/* Do both handshakes; fills in the errors. */
void tls_pair_handshake(TlsPair *p);
/* All of this, expected to succeed. */
void tls_pair_connect(TlsPair *p, TlsStore *store, const char *client,
                      const char *server);
void tls_pair_clear(TlsPair *p);

#endif
