/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which ciphers TLS sessions use.
 *
 * AES-GCM is several times as fast as the alternatives on a CPU with
 * instructions for it.  GnuTLS's default order has AES-256-GCM first and
 * AES-128-GCM after ChaCha20; as pre-shared keys go only with ciphers whose
 * hash is SHA-256, they would get the slow one.  So our order has AES-GCM in
 * front, and a server chooses by its own order, unless the client's first wish
 * is ChaCha20: that client's CPU has no such instructions.
 */
#include "qemu/osdep.h"

#include "io/tls-creds-int.h"
#include "io/tls-session-int.h"
#include "qemu/hostfeat.h"

#define VERSIONS "-VERS-TLS1.1:-VERS-TLS1.0"
#define AES_FIRST                                                              \
    ":-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:+AES-128-CCM"   \
    ":+AES-256-CCM:+AES-128-CBC:+AES-256-CBC"
/* When this host would rather not use AES. */
#define CHACHA_FIRST                                                           \
    ":-CIPHER-ALL:+CHACHA20-POLY1305:+AES-128-GCM:+AES-256-GCM:+AES-128-CCM"   \
    ":+AES-256-CCM:+AES-128-CBC:+AES-256-CBC"
#define OWN_ORDER ":%SERVER_PRECEDENCE"

/* Cipher suites whose cipher is ChaCha20 (RFC 8446, B.4; RFC 7905). */
#define TLS_CHACHA20_POLY1305_SHA256 0x1303
#define TLS_CHACHA20_FIRST_RFC7905 0xcca8
#define TLS_CHACHA20_LAST_RFC7905 0xccae

/* The default order, with what @creds need. */
static int set_default(gnutls_session_t session, TLSCreds *creds,
                       bool own_order, const char **where)
{
    const char *kx = TLS_CREDS_GET_CLASS(creds)->priority_suffix;
    bool aes = hostfeat_has(HOSTFEAT_AES_GCM);
    g_autofree char *text = g_strconcat(
        VERSIONS, aes ? AES_FIRST : CHACHA_FIRST,
        aes && own_order ? OWN_ORDER : "", kx, NULL);

    *where = NULL;
    return gnutls_set_default_priority_append(session, text, where, 0);
}

/* The first real cipher suite of a ClientHello (RFC 8446, 4.1.2), or 0. */
static unsigned first_suite(const uint8_t *p, size_t len)
{
    const size_t fixed = 2 + 32; /* version, random */
    size_t at, end;

    if (len < fixed + 1) {
        return 0;
    }
    at = fixed + 1 + p[fixed]; /* session id */
    if (len < at + 2) {
        return 0;
    }
    end = at + 2 + (p[at] << 8 | p[at + 1]);
    for (at += 2; at + 2 <= MIN(end, len); at += 2) {
        unsigned suite = p[at] << 8 | p[at + 1];

        /* Reserved values that only keep servers tolerant (RFC 8701). */
        if ((suite & 0x0f0f) != 0x0a0a) {
            return suite;
        }
    }
    return 0;
}

static bool is_chacha(unsigned suite)
{
    return suite == TLS_CHACHA20_POLY1305_SHA256 ||
           (suite >= TLS_CHACHA20_FIRST_RFC7905 &&
            suite <= TLS_CHACHA20_LAST_RFC7905);
}

/* On a server, before GnuTLS looks at a ClientHello. */
static int client_hello(gnutls_session_t session, unsigned type, unsigned when,
                        unsigned incoming, const gnutls_datum_t *msg)
{
    const char *where;

    if (incoming && is_chacha(first_suite(msg->data, msg->size))) {
        /* Failing to obey is no reason to fail. */
        (void)set_default(session, tls_session_creds_of(session), false,
                          &where);
    }
    return 0;
}

bool tls_session_set_priority(gnutls_session_t session, TLSCreds *creds,
                              Error **errp)
{
    const char *wanted = tls_creds_get_priority(creds);
    const char *kx = TLS_CREDS_GET_CLASS(creds)->priority_suffix;
    g_autofree char *text = NULL;
    const char *where = NULL;
    int ret;

    if (wanted) {
        text = g_strconcat(wanted, kx, NULL);
        ret = gnutls_priority_set_direct(session, text, &where);
    } else {
        ret = set_default(session, creds, true, &where);
        gnutls_handshake_set_hook_function(session,
                                           GNUTLS_HANDSHAKE_CLIENT_HELLO,
                                           GNUTLS_HOOK_PRE, client_hello);
    }
    if (ret < 0) {
        error_setg(errp, "Unable to set TLS session priority '%s': %s%s%s",
                   wanted ? wanted : "default", gnutls_strerror(ret),
                   ret == GNUTLS_E_INVALID_REQUEST && where ? " At: " : "",
                   ret == GNUTLS_E_INVALID_REQUEST && where ? where : "");
    }
    return ret == 0;
}
