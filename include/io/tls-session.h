/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One end of a TLS connection, as a machine that turns bytes into bytes: it
 * does no I/O.  Who has it reads ciphertext from the peer into the room it
 * offers, and sends the output it has; see io/channel-tls.h for the channel
 * that does so.
 *
 * After the handshake one thread may receive (the functions named _input_,
 * _recv and _record_ready) and one may send (_send, _bye, _output_) at the same
 * time.
 */
#ifndef IO_TLS_SESSION_H
#define IO_TLS_SESSION_H

#include "io/authz.h"
#include "io/tls-creds.h"

typedef struct TLSSession TLSSession;

/* Largest payload of one record (RFC 8446, 5.1). */
#define TLS_RECORD_MAX 16384

typedef enum TLSStatus {
    TLS_STATUS_FAILED = -1,
    TLS_STATUS_OK,
    TLS_STATUS_NEED_INPUT,
    TLS_STATUS_END, /* the peer said that nothing more will come */
} TLSStatus;

/*
 * A session of the endpoint that @creds (referenced) are for.  @hostname: on
 * a client with certificates, whom the server must be, checked at the end of
 * the handshake (NULL: fails, unless verify-peer is off); elsewhere ignored.
 * @authz: on a server with certificates, who decides on the client's name,
 * referenced; NULL: everybody with a good certificate may come in.
 */
TLSSession *tls_session_new(TLSCreds *creds, const char *hostname,
                            Authz *authz, Error **errp);
void tls_session_free(TLSSession *s); /* @s may be NULL */

/*
 * Go on with the handshake until it is done (which includes the checks of the
 * peer), fails, or needs input.  In every case there may be output to send; of
 * a failure it tells the peer the reason.
 */
TLSStatus tls_session_handshake(TLSSession *s, Error **errp);

/* Where to put ciphertext, *@room bytes (not 0 unless a record is ready). */
uint8_t *tls_session_input_room(TLSSession *s, size_t *room);
/* @len bytes have been put there. */
void tls_session_input_add(TLSSession *s, size_t len);
/* There is a whole record, so the next tls_session_recv() needs no input. */
bool tls_session_record_ready(TLSSession *s);
/* The input ends within a record. */
bool tls_session_input_partial(TLSSession *s);

/*
 * Decrypt the next record: OK sets *@data to its payload, *@len bytes, valid
 * until the next call.
 */
TLSStatus tls_session_recv(TLSSession *s, const uint8_t **data, size_t *len,
                           Error **errp);

/* Encrypt @len bytes, at most TLS_RECORD_MAX, into one record of output. */
bool tls_session_send(TLSSession *s, const void *data, size_t len,
                      Error **errp);
/* Tell the peer that nothing more will come. */
bool tls_session_bye(TLSSession *s, Error **errp);
/*
 * Change the key of what we send with the next record (TLS 1.3); happens by
 * itself before a key has been used too much.
 */
bool tls_session_rekey(TLSSession *s, Error **errp);

/* Bytes of output; a hint while another thread receives. */
size_t tls_session_output_pending(TLSSession *s);
/*
 * Take all output: *@data, valid until the next call.  Returns its length.
 */
size_t tls_session_output_take(TLSSession *s, const uint8_t **data);

/* What was negotiated, e.g. "TLS1.3 AES-128-GCM": for people; g_free(). */
char *tls_session_describe(TLSSession *s);
/* The client's distinguished name as authorization gets it, or NULL. */
const char *tls_session_get_peer_name(TLSSession *s);

#endif
