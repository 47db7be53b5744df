/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TLS sessions over GnuTLS.
 *
 * GnuTLS reads and writes through callbacks; ours only copy from and to two
 * buffers, so no call of GnuTLS ever blocks.  That allows to hold a lock across
 * each of them, which it needs: it lets one thread send while another receives
 * as long as no keys change, but TLS 1.3 may change them at any time.
 */
#include "qemu/osdep.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "io/tls-creds-int.h"
#include "io/tls-session-int.h"
#include "io/tls-x509-check.h"
#include "qemu/atomic.h"
#include "qemu/thread.h"

/* Ciphertext read at once: several records per system call. */
#define INPUT_SIZE (128 * 1024)
/* A record that did not fit is moved to the front when less room is left. */
#define INPUT_LOW (48 * 1024)
#define RECORD_HEADER 5
/* Ciphertext of one record (RFC 5246, 6.2.3; TLS 1.3 has less). */
#define RECORD_CIPHER_MAX (TLS_RECORD_MAX + 2048)

typedef struct Output {
    uint8_t *data;
    size_t len;
    size_t size;
} Output;

struct TLSSession {
    TLSCreds *creds;
    char *hostname;
    Authz *authz;
    bool server;

    QemuMutex lock; /* held in every call of GnuTLS */
    gnutls_session_t session;
    /* What is wrong with the peer's certificate, and the alert that says so. */
    Error *refusal;
    gnutls_alert_description_t refusal_alert;
    char *peer_name;
    bool hostname_matches; /* client */

    /* The receiving thread's. */
    uint8_t *input;
    size_t input_start, input_end;
    gnutls_packet_t packet; /* what the caller looks at */

    Output output; /* under @lock; its length is also read without, as a hint */
    Output taken;  /* the sending thread's */
};

/* The callbacks */

static ssize_t session_push(gnutls_transport_ptr_t opaque, const void *data,
                            size_t len)
{
    TLSSession *s = opaque;
    Output *out = &s->output;

    if (out->size - out->len < len) {
        out->size = MAX(out->size * 2, out->len + len);
        out->data = g_realloc(out->data, out->size);
    }
    memcpy(out->data + out->len, data, len);
    qatomic_set(&out->len, out->len + len);
    return len;
}

static ssize_t session_pull(gnutls_transport_ptr_t opaque, void *data,
                            size_t len)
{
    TLSSession *s = opaque;

    len = MIN(len, s->input_end - s->input_start);
    if (len == 0) {
        gnutls_transport_set_errno(s->session, EAGAIN);
        return -1;
    }
    memcpy(data, s->input + s->input_start, len);
    s->input_start += len;
    return len;
}

static int session_pull_timeout(gnutls_transport_ptr_t opaque, unsigned ms)
{
    TLSSession *s = opaque;

    return s->input_end > s->input_start;
}

TLSCreds *tls_session_creds_of(struct gnutls_session_int *session)
{
    return ((TLSSession *)gnutls_session_get_ptr(session))->creds;
}

/* Making a session */

static bool session_check_use(TLSSession *s, Error **errp)
{
    if (!TLS_CREDS_GET_CLASS(s->creds)->has_certificates) {
        return true;
    }
    if (s->server && s->authz && !tls_creds_get_verify_peer(s->creds)) {
        error_setg(errp, "Authorization of TLS clients needs credentials with "
                         "verify-peer=on");
        return false;
    }
    return true;
}

static int session_verify(gnutls_session_t session);

static bool session_setup(TLSSession *s, Error **errp)
{
    int ret = gnutls_init(&s->session,
                          (s->server ? GNUTLS_SERVER : GNUTLS_CLIENT) |
                              GNUTLS_NONBLOCK | GNUTLS_NO_TICKETS);

    if (ret < 0) {
        s->session = NULL;
        error_setg(errp, "Cannot initialize TLS session: %s",
                   gnutls_strerror(ret));
        return false;
    }
    gnutls_session_set_ptr(s->session, s);
    gnutls_transport_set_ptr(s->session, s);
    gnutls_transport_set_push_function(s->session, session_push);
    gnutls_transport_set_pull_function(s->session, session_pull);
    gnutls_transport_set_pull_timeout_function(s->session,
                                               session_pull_timeout);
    if (!TLS_CREDS_GET_CLASS(s->creds)->attach(s->creds, s->session, errp) ||
        !tls_session_set_priority(s->session, s->creds, errp)) {
        return false;
    }
    if (TLS_CREDS_GET_CLASS(s->creds)->has_certificates &&
        tls_creds_get_verify_peer(s->creds)) {
        gnutls_session_set_verify_function(s->session, session_verify);
    }
    if (!s->server && s->hostname && !g_hostname_is_ip_address(s->hostname)) {
        /* Servers with several names choose by it; only a name is allowed. */
        gnutls_server_name_set(s->session, GNUTLS_NAME_DNS, s->hostname,
                               strlen(s->hostname));
    }
    return true;
}

TLSSession *tls_session_new(TLSCreds *creds, const char *hostname,
                            Authz *authz, Error **errp)
{
    TLSSession *s = g_new0(TLSSession, 1);

    s->creds = g_object_ref(creds);
    s->server = tls_creds_is_server(creds);
    s->hostname = g_strdup(hostname);
    s->authz = authz ? g_object_ref(authz) : NULL;
    qemu_mutex_init(&s->lock);
    if (!session_check_use(s, errp) || !session_setup(s, errp)) {
        tls_session_free(s);
        return NULL;
    }
    s->input = g_malloc(INPUT_SIZE);
    return s;
}

void tls_session_free(TLSSession *s)
{
    if (!s) {
        return;
    }
    g_clear_pointer(&s->packet, gnutls_packet_deinit);
    g_clear_pointer(&s->session, gnutls_deinit);
    qemu_mutex_destroy(&s->lock);
    g_clear_object(&s->authz);
    g_object_unref(s->creds);
    error_free(s->refusal);
    g_free(s->hostname);
    g_free(s->peer_name);
    g_free(s->input);
    g_free(s->output.data);
    g_free(s->taken.data);
    g_free(s);
}

/* The checks of the peer's certificate */

static int refuse(TLSSession *s, gnutls_alert_description_t alert)
{
    s->refusal_alert = alert;
    return GNUTLS_E_CERTIFICATE_ERROR;
}

static bool check_chain(TLSSession *s)
{
    gnutls_typed_vdata_st purpose = {
        .type = GNUTLS_DT_KEY_PURPOSE_OID,
        .data = (void *)(s->server ? GNUTLS_KP_TLS_WWW_CLIENT
                                   : GNUTLS_KP_TLS_WWW_SERVER),
    };
    unsigned status = 0;
    int ret = gnutls_certificate_verify_peers(s->session, &purpose, 1,
                                              &status);

    if (ret < 0) {
        error_setg(&s->refusal, "Verify failed: %s",
                   ret == GNUTLS_E_NO_CERTIFICATE_FOUND
                       ? "The peer sent no certificate"
                       : gnutls_strerror(ret));
        return false;
    }
    if (status) {
        error_setg(&s->refusal, "Verify failed: %s: the certificate of the %s",
                   x509_status_reason(status), s->server ? "client" : "server");
        return false;
    }
    return true;
}

/* The name in @cert, and whether who has it may come in. */
static int check_name(TLSSession *s, gnutls_x509_crt_t cert)
{
    gnutls_datum_t dn = { 0 };
    int ret;

    /* In the order of the certificate, as rules for QEMU are written. */
    ret = gnutls_x509_crt_get_dn3(cert, &dn, GNUTLS_X509_DN_FLAG_COMPAT);
    if (ret < 0 && ret != GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) {
        error_setg(&s->refusal, "Unable to read the name in the peer's "
                                "certificate: %s", gnutls_strerror(ret));
        return refuse(s, GNUTLS_A_BAD_CERTIFICATE);
    }
    g_free(s->peer_name);
    s->peer_name = g_strndup((char *)dn.data, dn.size);
    gnutls_free(dn.data);
    if (s->server && s->authz && !authz_is_allowed(s->authz, s->peer_name)) {
        error_setg(&s->refusal, "TLS x509 authz check for %s is denied",
                   s->peer_name);
        return refuse(s, GNUTLS_A_ACCESS_DENIED);
    }
    if (!s->server) {
        s->hostname_matches = s->hostname &&
            gnutls_x509_crt_check_hostname(cert, s->hostname);
    }
    return 0;
}

/*
 * On a client, after the handshake: is the server whom we wanted?  As with
 * other programs of this protocol, the server learns of a connection that then
 * ends without a word.
 */
static bool check_hostname(TLSSession *s, Error **errp)
{
    if (s->server || s->hostname_matches ||
        !TLS_CREDS_GET_CLASS(s->creds)->has_certificates ||
        !tls_creds_get_verify_peer(s->creds)) {
        return true;
    }
    if (s->hostname) {
        error_setg(errp, "Certificate does not match the hostname %s",
                   s->hostname);
    } else {
        error_setg(errp, "No hostname for certificate validation");
    }
    gnutls_alert_send(s->session, GNUTLS_AL_FATAL, GNUTLS_A_BAD_CERTIFICATE);
    return false;
}

/* Called by GnuTLS when it has the peer's certificate; 0 is "go on". */
static int session_verify(gnutls_session_t session)
{
    TLSSession *s = gnutls_session_get_ptr(session);
    const gnutls_datum_t *certs;
    gnutls_x509_crt_t cert;
    unsigned n = 0;
    int ret;

    if (!check_chain(s)) {
        return refuse(s, GNUTLS_A_BAD_CERTIFICATE);
    }
    certs = gnutls_certificate_get_peers(session, &n);
    ret = n ? gnutls_x509_crt_init(&cert) : GNUTLS_E_NO_CERTIFICATE_FOUND;
    if (ret == 0) {
        ret = gnutls_x509_crt_import(cert, &certs[0], GNUTLS_X509_FMT_DER);
        if (ret == 0) {
            ret = check_name(s, cert);
        }
        gnutls_x509_crt_deinit(cert);
    }
    if (ret < 0 && !s->refusal) {
        error_setg(&s->refusal, "Unable to read the peer's certificate: %s",
                   gnutls_strerror(ret));
        return refuse(s, GNUTLS_A_BAD_CERTIFICATE);
    }
    return ret;
}

/* The handshake */

static void handshake_error(TLSSession *s, int ret, Error **errp)
{
    /* That is how a bad proof of knowing the key looks, at the server. */
    bool wrong_key = TLS_CREDS_GET_CLASS(s->creds)->has_keys &&
                     (ret == GNUTLS_E_RECEIVED_ILLEGAL_PARAMETER ||
                      ret == GNUTLS_E_DECRYPTION_FAILED);

    if (s->refusal) {
        error_propagate(errp, g_steal_pointer(&s->refusal));
        gnutls_alert_send(s->session, GNUTLS_AL_FATAL, s->refusal_alert);
        return;
    }
    switch (ret) {
    case GNUTLS_E_FATAL_ALERT_RECEIVED:
        error_setg(errp, "TLS handshake failed: the peer refused: %s",
                   gnutls_alert_get_name(gnutls_alert_get(s->session)));
        return;
    case GNUTLS_E_NO_CERTIFICATE_FOUND:
    case GNUTLS_E_CERTIFICATE_REQUIRED:
        error_setg(errp, "TLS handshake failed: the peer sent no certificate");
        break;
    case GNUTLS_E_UNEXPECTED_PACKET:
    case GNUTLS_E_UNEXPECTED_PACKET_LENGTH:
    case GNUTLS_E_UNSUPPORTED_VERSION_PACKET:
    case GNUTLS_E_RECORD_OVERFLOW:
        error_setg(errp, "TLS handshake failed: %s Perhaps the peer does not "
                         "use TLS", gnutls_strerror(ret));
        break;
    default:
        error_setg(errp, "TLS handshake failed: %s%s", gnutls_strerror(ret),
                   wrong_key ? " Perhaps the two ends have different keys"
                             : "");
        break;
    }
    gnutls_alert_send_appropriate(s->session, ret);
}

TLSStatus tls_session_handshake(TLSSession *s, Error **errp)
{
    QEMU_LOCK_GUARD(&s->lock);
    int ret;

    do {
        ret = gnutls_handshake(s->session);
    } while (ret < 0 && ret != GNUTLS_E_AGAIN && !gnutls_error_is_fatal(ret));
    if (ret == GNUTLS_E_AGAIN) {
        return TLS_STATUS_NEED_INPUT;
    }
    if (ret < 0) {
        handshake_error(s, ret, errp);
        return TLS_STATUS_FAILED;
    }
    return check_hostname(s, errp) ? TLS_STATUS_OK : TLS_STATUS_FAILED;
}

/* Receiving */

uint8_t *tls_session_input_room(TLSSession *s, size_t *room)
{
    size_t len = s->input_end - s->input_start;

    if (len == 0) {
        s->input_start = s->input_end = 0;
    } else if (INPUT_SIZE - s->input_end < INPUT_LOW && len < INPUT_LOW) {
        memmove(s->input, s->input + s->input_start, len);
        s->input_start = 0;
        s->input_end = len;
    }
    *room = INPUT_SIZE - s->input_end;
    return s->input + s->input_end;
}

void tls_session_input_add(TLSSession *s, size_t len)
{
    s->input_end += len;
}

bool tls_session_record_ready(TLSSession *s)
{
    const uint8_t *p = s->input + s->input_start;
    size_t have = s->input_end - s->input_start;
    size_t len;

    if (have < RECORD_HEADER) {
        return false;
    }
    len = p[3] << 8 | p[4];
    /* One that is too long is an error, which needs no more of it. */
    return len > RECORD_CIPHER_MAX || have - RECORD_HEADER >= len;
}

bool tls_session_input_partial(TLSSession *s)
{
    return s->input_end > s->input_start;
}

static void recv_error(TLSSession *s, int ret, Error **errp)
{
    switch (ret) {
    case GNUTLS_E_FATAL_ALERT_RECEIVED:
        error_setg(errp, "Cannot read from TLS channel: the peer gave up: %s",
                   gnutls_alert_get_name(gnutls_alert_get(s->session)));
        break;
    case GNUTLS_E_REHANDSHAKE:
        error_setg(errp, "Cannot read from TLS channel: the peer wants to "
                         "renegotiate");
        break;
    default:
        error_setg(errp, "Cannot read from TLS channel: %s",
                   gnutls_strerror(ret));
        break;
    }
}

TLSStatus tls_session_recv(TLSSession *s, const uint8_t **data, size_t *len,
                           Error **errp)
{
    QEMU_LOCK_GUARD(&s->lock);
    gnutls_datum_t datum;
    ssize_t ret;

    g_clear_pointer(&s->packet, gnutls_packet_deinit);
    do {
        ret = gnutls_record_recv_packet(s->session, &s->packet);
    } while (ret == GNUTLS_E_INTERRUPTED ||
             ret == GNUTLS_E_WARNING_ALERT_RECEIVED);
    if (ret == GNUTLS_E_AGAIN) {
        return TLS_STATUS_NEED_INPUT;
    }
    if (ret < 0) {
        recv_error(s, ret, errp);
        return TLS_STATUS_FAILED;
    }
    if (!s->packet) {
        return TLS_STATUS_END;
    }
    gnutls_packet_get(s->packet, &datum, NULL);
    *data = datum.data;
    *len = datum.size;
    return TLS_STATUS_OK;
}

/* Sending */

bool tls_session_send(TLSSession *s, const void *data, size_t len,
                      Error **errp)
{
    QEMU_LOCK_GUARD(&s->lock);

    while (len > 0) {
        ssize_t ret = gnutls_record_send(s->session, data, len);

        if (ret == GNUTLS_E_INTERRUPTED || ret == GNUTLS_E_AGAIN) {
            continue;
        }
        if (ret < 0) {
            error_setg(errp, "Cannot write to TLS channel: %s",
                       gnutls_strerror(ret));
            return false;
        }
        data = (const char *)data + ret;
        len -= ret;
    }
    return true;
}

bool tls_session_bye(TLSSession *s, Error **errp)
{
    QEMU_LOCK_GUARD(&s->lock);
    int ret = gnutls_bye(s->session, GNUTLS_SHUT_WR);

    if (ret < 0) {
        error_setg(errp, "Failed to terminate TLS session: %s",
                   gnutls_strerror(ret));
    }
    return ret == 0;
}

bool tls_session_rekey(TLSSession *s, Error **errp)
{
    QEMU_LOCK_GUARD(&s->lock);
    /* Not the peer's: GnuTLS fails if two such wishes cross. */
    int ret = gnutls_session_key_update(s->session, 0);

    if (ret < 0) {
        error_setg(errp, "Cannot change keys of TLS session: %s",
                   gnutls_strerror(ret));
    }
    return ret == 0;
}

size_t tls_session_output_pending(TLSSession *s)
{
    return qatomic_read(&s->output.len);
}

size_t tls_session_output_take(TLSSession *s, const uint8_t **data)
{
    Output empty = s->taken;

    empty.len = 0;
    WITH_QEMU_LOCK_GUARD(&s->lock) {
        s->taken = s->output;
        s->output.data = empty.data;
        s->output.size = empty.size;
        qatomic_set(&s->output.len, 0);
    }
    *data = s->taken.data;
    return s->taken.len;
}

/* For people */

char *tls_session_describe(TLSSession *s)
{
    QEMU_LOCK_GUARD(&s->lock);
    const char *protocol =
        gnutls_protocol_get_name(gnutls_protocol_get_version(s->session));
    const char *cipher =
        gnutls_cipher_get_name(gnutls_cipher_get(s->session));

    return g_strdup_printf("%s %s", protocol ? protocol : "unknown",
                           cipher ? cipher : "unknown");
}

const char *tls_session_get_peer_name(TLSSession *s)
{
    return s->peer_name;
}
