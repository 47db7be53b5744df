/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether X.509 certificates (RFC 5280) can do what they are for, told when
 * they are loaded rather than by a failing handshake.
 */
#include "qemu/osdep.h"

#include "io/tls-x509-check.h"
#include "qemu/clock.h"

/* What a certificate is to be used as. */
typedef enum X509Role {
    X509_AUTHORITY,
    X509_SERVER,
    X509_CLIENT,
} X509Role;

static const char *role_name(X509Role role)
{
    return role == X509_AUTHORITY ? "CA"
           : role == X509_SERVER  ? "server"
                                  : "client";
}

bool x509_list_load(X509List *list, const char *path, Error **errp)
{
    g_autofree char *text = NULL;
    gnutls_datum_t datum;
    Error *err = NULL;
    size_t len;
    int ret;

    *list = (X509List){ .path = path };
    if (!g_file_get_contents(path, &text, &len, &err)) {
        error_propagate(errp, err);
        error_prepend(errp, "Unable to load certificate: ");
        return false;
    }
    datum.data = (void *)text;
    datum.size = len;
    ret = gnutls_x509_crt_list_import2(&list->certs, &list->n, &datum,
                                       GNUTLS_X509_FMT_PEM, 0);
    if (ret < 0) {
        error_setg(errp, "Unable to import certificate %s: %s", path,
                   gnutls_strerror(ret));
        return false;
    }
    return true;
}

void x509_list_clear(X509List *list)
{
    for (unsigned i = 0; i < list->n; i++) {
        gnutls_x509_crt_deinit(list->certs[i]);
    }
    gnutls_free(list->certs);
    *list = (X509List){ 0 };
}

static bool check_times(gnutls_x509_crt_t cert, const char *path,
                        X509Role role, Error **errp)
{
    time_t now = clock_get_wall_us() / 1000000;
    time_t begin = gnutls_x509_crt_get_activation_time(cert);
    time_t end = gnutls_x509_crt_get_expiration_time(cert);

    if (begin == (time_t)-1 || end == (time_t)-1) {
        error_setg(errp, "The %s certificate %s has no readable validity "
                         "period", role_name(role), path);
        return false;
    }
    if (now > end) {
        error_setg(errp, "The %s certificate %s has expired", role_name(role),
                   path);
        return false;
    }
    if (now < begin) {
        error_setg(errp, "The %s certificate %s is not yet active",
                   role_name(role), path);
        return false;
    }
    return true;
}

static bool check_basic_constraints(gnutls_x509_crt_t cert, const char *path,
                                    X509Role role, Error **errp)
{
    int is_ca = gnutls_x509_crt_get_basic_constraints(cert, NULL, NULL, NULL);

    if (is_ca > 0) {
        if (role == X509_AUTHORITY) {
            return true;
        }
        error_setg(errp, "The certificate %s basic constraints show a CA, but "
                         "we need one for a %s", path, role_name(role));
        return false;
    }
    if (is_ca == 0 || is_ca == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) {
        if (role != X509_AUTHORITY) {
            return true;
        }
        error_setg(errp, is_ca == 0
                             ? "The certificate %s basic constraints do not "
                               "show a CA"
                             : "The certificate %s is missing basic "
                               "constraints for a CA", path);
        return false;
    }
    error_setg(errp, "Unable to query basic constraints of certificate %s: %s",
               path, gnutls_strerror(is_ca));
    return false;
}

static bool check_key_usage(gnutls_x509_crt_t cert, const char *path,
                            X509Role role, Error **errp)
{
    unsigned usage, needed;
    int ret = gnutls_x509_crt_get_key_usage(cert, &usage, NULL);

    if (ret == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) {
        return true; /* not restricted */
    }
    if (ret < 0) {
        error_setg(errp, "Unable to query key usage of certificate %s: %s",
                   path, gnutls_strerror(ret));
        return false;
    }
    needed = role == X509_AUTHORITY ? GNUTLS_KEY_KEY_CERT_SIGN
                                    : GNUTLS_KEY_DIGITAL_SIGNATURE;
    if (!(usage & needed)) {
        error_setg(errp, "Certificate %s key usage does not permit %s", path,
                   role == X509_AUTHORITY ? "certificate signing"
                                          : "digital signature");
        return false;
    }
    return true;
}

static bool check_purpose(gnutls_x509_crt_t cert, const char *path,
                          X509Role role, Error **errp)
{
    const char *needed = role == X509_SERVER ? GNUTLS_KP_TLS_WWW_SERVER
                                             : GNUTLS_KP_TLS_WWW_CLIENT;

    for (unsigned i = 0;; i++) {
        char oid[128];
        size_t size = sizeof(oid);
        int ret = gnutls_x509_crt_get_key_purpose_oid(cert, i, oid, &size,
                                                      NULL);

        if (ret == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) {
            if (i == 0) {
                return true; /* not restricted */
            }
            error_setg(errp, "Certificate %s purpose does not allow use with "
                             "a TLS %s", path, role_name(role));
            return false;
        }
        if (ret == GNUTLS_E_SHORT_MEMORY_BUFFER) {
            continue; /* longer than all that we look for */
        }
        if (ret < 0) {
            error_setg(errp, "Unable to query key purpose of certificate %s: "
                             "%s", path, gnutls_strerror(ret));
            return false;
        }
        if (strcmp(oid, needed) == 0 || strcmp(oid, GNUTLS_KP_ANY) == 0) {
            return true;
        }
    }
}

static bool check_cert(gnutls_x509_crt_t cert, const char *path, X509Role role,
                       Error **errp)
{
    return check_times(cert, path, role, errp) &&
           check_basic_constraints(cert, path, role, errp) &&
           check_key_usage(cert, path, role, errp) &&
           (role == X509_AUTHORITY || check_purpose(cert, path, role, errp));
}

/* The authority that issued @cert, or NULL. */
static gnutls_x509_crt_t find_issuer(gnutls_x509_crt_t cert,
                                     const X509List *ca)
{
    for (unsigned i = 0; i < ca->n; i++) {
        if (gnutls_x509_crt_check_issuer(cert, ca->certs[i])) {
            return ca->certs[i];
        }
    }
    return NULL;
}

/* The authorities from @cert up; others in the file do not matter to us. */
static bool check_issuers(gnutls_x509_crt_t cert, const X509List *ca,
                          Error **errp)
{
    for (unsigned i = 0; i < ca->n; i++) {
        gnutls_x509_crt_t issuer = find_issuer(cert, ca);

        if (!issuer || issuer == cert) {
            break; /* verification says more about a missing one */
        }
        if (!check_cert(issuer, ca->path, X509_AUTHORITY, errp)) {
            return false;
        }
        cert = issuer;
    }
    return true;
}

/* One usable authority is enough to trust somebody. */
static bool check_any_authority(const X509List *ca, Error **errp)
{
    g_autoptr(Error) first = NULL;

    for (unsigned i = 0; i < ca->n; i++) {
        if (check_cert(ca->certs[i], ca->path, X509_AUTHORITY,
                       first ? NULL : &first)) {
            return true;
        }
    }
    error_propagate(errp, g_steal_pointer(&first));
    return false;
}

bool x509_check_sanity(const X509List *own, const X509List *ca, bool server,
                       Error **errp)
{
    X509Role role = server ? X509_SERVER : X509_CLIENT;
    unsigned status = 0;
    int ret;

    if (own->n == 0) {
        return check_any_authority(ca, errp);
    }
    for (unsigned i = 0; i < own->n; i++) {
        if (!check_cert(own->certs[i], own->path,
                        i == 0 ? role : X509_AUTHORITY, errp)) {
            return false;
        }
    }
    if (!check_issuers(own->certs[own->n - 1], ca, errp)) {
        return false;
    }
    ret = gnutls_x509_crt_list_verify(own->certs, own->n, ca->certs, ca->n,
                                      NULL, 0, 0, &status);
    if (ret < 0 || status) {
        error_setg(errp, "Our own certificate %s failed validation against "
                         "%s: %s", own->path, ca->path,
                   ret < 0 ? gnutls_strerror(ret)
                           : x509_status_reason(status));
        return false;
    }
    return true;
}

const char *x509_status_reason(unsigned status)
{
    static const struct {
        unsigned bit;
        const char *text;
    } reasons[] = {
        { GNUTLS_CERT_REVOKED, "The certificate has been revoked" },
        { GNUTLS_CERT_EXPIRED, "The certificate has expired" },
        { GNUTLS_CERT_NOT_ACTIVATED, "The certificate is not yet active" },
        { GNUTLS_CERT_SIGNER_NOT_FOUND,
          "The certificate hasn't got a known issuer" },
        { GNUTLS_CERT_SIGNER_NOT_CA, "The certificate's issuer is not a CA" },
        { GNUTLS_CERT_INSECURE_ALGORITHM,
          "The certificate uses an insecure algorithm" },
        { GNUTLS_CERT_PURPOSE_MISMATCH,
          "The certificate's purpose does not allow this use" },
        { GNUTLS_CERT_UNEXPECTED_OWNER,
          "The certificate does not match the hostname" },
        { GNUTLS_CERT_SIGNATURE_FAILURE,
          "The certificate's signature is wrong" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(reasons); i++) {
        if (status & reasons[i].bit) {
            return reasons[i].text;
        }
    }
    return "The certificate is not trusted";
}
