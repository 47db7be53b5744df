/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * In place of everything that needs GnuTLS when the program is built without
 * it: no kind of credentials exists, so no session can be made either.
 */
#include "qemu/osdep.h"

#include "io/tls-session.h"

void tls_creds_register_types(void)
{
}

TLSSession *tls_session_new(TLSCreds *creds, const char *hostname,
                            Authz *authz, Error **errp)
{
    error_setg(errp, "TLS is not supported: the program was built without "
                     "GnuTLS");
    return NULL;
}

/* The rest is never called, for there is no session. */

void tls_session_free(TLSSession *s)
{
}

TLSStatus tls_session_handshake(TLSSession *s, Error **errp)
{
    return TLS_STATUS_FAILED;
}

uint8_t *tls_session_input_room(TLSSession *s, size_t *room)
{
    *room = 0;
    return NULL;
}

void tls_session_input_add(TLSSession *s, size_t len)
{
}

bool tls_session_record_ready(TLSSession *s)
{
    return false;
}

bool tls_session_input_partial(TLSSession *s)
{
    return false;
}

TLSStatus tls_session_recv(TLSSession *s, const uint8_t **data, size_t *len,
                           Error **errp)
{
    return TLS_STATUS_FAILED;
}

bool tls_session_send(TLSSession *s, const void *data, size_t len,
                      Error **errp)
{
    return false;
}

bool tls_session_bye(TLSSession *s, Error **errp)
{
    return false;
}

bool tls_session_rekey(TLSSession *s, Error **errp)
{
    return false;
}

size_t tls_session_output_pending(TLSSession *s)
{
    return 0;
}

size_t tls_session_output_take(TLSSession *s, const uint8_t **data)
{
    return 0;
}

char *tls_session_describe(TLSSession *s)
{
    return g_strdup("none");
}

const char *tls_session_get_peer_name(TLSSession *s)
{
    return NULL;
}
