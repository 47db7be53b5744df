/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tls-creds-x509: certificates in PEM files. */
#include "qemu/osdep.h"

#include <gnutls/gnutls.h>

#include "io/secret.h"
#include "io/tls-creds-int.h"
#include "io/tls-x509-check.h"

typedef struct TLSCredsX509 {
    TLSCreds parent_instance;
    bool sanity_check;
    char *passwordid;
    gnutls_certificate_credentials_t cred;
    gnutls_dh_params_t dh;
} TLSCredsX509;
typedef TLSCredsClass TLSCredsX509Class;

G_DEFINE_FINAL_TYPE(TLSCredsX509, tls_creds_x509, TLS_CREDS_TYPE)

enum { PROP_SANITY_CHECK = 1, PROP_PASSWORDID };

/* The files that were found; NULL: it is not there. */
typedef struct X509Files {
    char *ca, *crl, *cert, *key;
} X509Files;

static void x509_files_clear(X509Files *f)
{
    g_free(f->ca);
    g_free(f->crl);
    g_free(f->cert);
    g_free(f->key);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(X509Files, x509_files_clear)

static void x509_set_property(GObject *obj, guint id, const GValue *value,
                              GParamSpec *spec)
{
    TLSCredsX509 *x = (TLSCredsX509 *)obj;

    switch (id) {
    case PROP_SANITY_CHECK:
        x->sanity_check = g_value_get_boolean(value);
        break;
    case PROP_PASSWORDID:
        g_free(x->passwordid);
        x->passwordid = g_value_dup_string(value);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(obj, id, spec);
    }
}

static void x509_get_property(GObject *obj, guint id, GValue *value,
                              GParamSpec *spec)
{
    TLSCredsX509 *x = (TLSCredsX509 *)obj;

    switch (id) {
    case PROP_SANITY_CHECK:
        g_value_set_boolean(value, x->sanity_check);
        break;
    case PROP_PASSWORDID:
        g_value_set_string(value, x->passwordid);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(obj, id, spec);
    }
}

/* A server needs all but the list of revoked ones, a client only @ca. */
static bool find_files(TLSCreds *creds, X509Files *f, Error **errp)
{
    bool server = tls_creds_is_server(creds);
    const char *cert = server ? "server-cert.pem" : "client-cert.pem";
    const char *key = server ? "server-key.pem" : "client-key.pem";
    bool ok;

    f->ca = tls_creds_path(creds, "ca-cert.pem", false, &ok, errp);
    if (!ok) {
        return false;
    }
    f->crl = tls_creds_path(creds, "ca-crl.pem", true, &ok, errp);
    if (!ok) {
        return false;
    }
    f->cert = tls_creds_path(creds, cert, !server, &ok, errp);
    if (!ok) {
        return false;
    }
    f->key = tls_creds_path(creds, key, !server, &ok, errp);
    if (!ok) {
        return false;
    }
    if (!f->cert != !f->key) {
        error_setg(errp, "Unable to use credentials %s without %s beside it",
                   f->cert ? f->cert : f->key, f->cert ? key : cert);
        return false;
    }
    return true;
}

static bool check_files(TLSCreds *creds, const X509Files *f, Error **errp)
{
    X509List ca = { 0 }, own = { 0 };
    bool ok = x509_list_load(&ca, f->ca, errp) &&
              (!f->cert || x509_list_load(&own, f->cert, errp)) &&
              x509_check_sanity(&own, &ca, tls_creds_is_server(creds), errp);

    x509_list_clear(&ca);
    x509_list_clear(&own);
    return ok;
}

static bool load_key(TLSCredsX509 *x, const X509Files *f, Error **errp)
{
    char *password = NULL;
    int ret;

    if (x->passwordid) {
        password = secret_lookup_utf8(object_get_container(G_OBJECT(x)),
                                      x->passwordid, errp);
        if (!password) {
            return false;
        }
    }
    ret = gnutls_certificate_set_x509_key_file2(x->cred, f->cert, f->key,
                                                GNUTLS_X509_FMT_PEM, password,
                                                0);
    if (password) {
        explicit_bzero(password, strlen(password));
        g_free(password);
    }
    if (ret < 0) {
        error_setg(errp, "Cannot load certificate '%s' & key '%s': %s",
                   f->cert, f->key, gnutls_strerror(ret));
    }
    return ret >= 0;
}

static bool load_files(TLSCredsX509 *x, const X509Files *f, Error **errp)
{
    int ret = gnutls_certificate_set_x509_trust_file(x->cred, f->ca,
                                                     GNUTLS_X509_FMT_PEM);

    if (ret <= 0) {
        error_setg(errp, "Cannot load CA certificate '%s': %s", f->ca,
                   ret < 0 ? gnutls_strerror(ret) : "no certificate in it");
        return false;
    }
    if (f->crl) {
        ret = gnutls_certificate_set_x509_crl_file(x->cred, f->crl,
                                                   GNUTLS_X509_FMT_PEM);
        if (ret < 0) {
            error_setg(errp, "Cannot load CRL '%s': %s", f->crl,
                       gnutls_strerror(ret));
            return false;
        }
    }
    return !f->cert || load_key(x, f, errp);
}

static bool x509_load(TLSCreds *creds, Error **errp)
{
    TLSCredsX509 *x = (TLSCredsX509 *)creds;
    g_auto(X509Files) f = { 0 };
    int ret;

    if (!find_files(creds, &f, errp) ||
        (x->sanity_check && !check_files(creds, &f, errp))) {
        return false;
    }
    ret = gnutls_certificate_allocate_credentials(&x->cred);
    if (ret < 0) {
        error_setg(errp, "Cannot allocate credentials: %s",
                   gnutls_strerror(ret));
        return false;
    }
    if (!load_files(x, &f, errp)) {
        return false;
    }
    if (!tls_creds_is_server(creds)) {
        return true;
    }
    if (!tls_creds_load_dh(creds, &x->dh, errp)) {
        return false;
    }
    if (x->dh) {
        gnutls_certificate_set_dh_params(x->cred, x->dh);
    } else {
        gnutls_certificate_set_known_dh_params(x->cred,
                                               GNUTLS_SEC_PARAM_MEDIUM);
    }
    return true;
}

static bool x509_attach(TLSCreds *creds, gnutls_session_t session,
                        Error **errp)
{
    TLSCredsX509 *x = (TLSCredsX509 *)creds;
    int ret = gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, x->cred);

    if (ret < 0) {
        error_setg(errp, "Cannot use TLS certificates: %s",
                   gnutls_strerror(ret));
        return false;
    }
    if (tls_creds_is_server(creds)) {
        gnutls_certificate_server_set_request(
            session, tls_creds_get_verify_peer(creds) ? GNUTLS_CERT_REQUIRE
                                                      : GNUTLS_CERT_REQUEST);
    }
    return true;
}

static void tls_creds_x509_finalize(GObject *obj)
{
    TLSCredsX509 *x = (TLSCredsX509 *)obj;

    g_free(x->passwordid);
    g_clear_pointer(&x->cred, gnutls_certificate_free_credentials);
    g_clear_pointer(&x->dh, gnutls_dh_params_deinit);
    G_OBJECT_CLASS(tls_creds_x509_parent_class)->finalize(obj);
}

static void tls_creds_x509_class_init(TLSCredsX509Class *klass)
{
    GObjectClass *oc = G_OBJECT_CLASS(klass);

    oc->set_property = x509_set_property;
    oc->get_property = x509_get_property;
    oc->finalize = tls_creds_x509_finalize;
    klass->load = x509_load;
    klass->attach = x509_attach;
    klass->has_certificates = true;
    g_object_class_install_property(oc, PROP_SANITY_CHECK,
        g_param_spec_boolean("sanity-check", "sanity-check",
                             "check the own certificates at once", true,
                             G_PARAM_READWRITE));
    g_object_class_install_property(oc, PROP_PASSWORDID,
        g_param_spec_string("passwordid", "passwordid",
                            "secret that opens the private key", NULL,
                            G_PARAM_READWRITE));
}

static void tls_creds_x509_init(TLSCredsX509 *x)
{
    x->sanity_check = true;
}
