/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tls-creds-anon: encryption without authentication. */
#include "qemu/osdep.h"

#include <gnutls/gnutls.h>

#include "io/tls-creds-int.h"

typedef struct TLSCredsAnon {
    TLSCreds parent_instance;
    gnutls_anon_client_credentials_t client;
    gnutls_anon_server_credentials_t server;
    gnutls_dh_params_t dh;
} TLSCredsAnon;
typedef TLSCredsClass TLSCredsAnonClass;

G_DEFINE_FINAL_TYPE(TLSCredsAnon, tls_creds_anon, TLS_CREDS_TYPE)

static bool anon_load(TLSCreds *creds, Error **errp)
{
    TLSCredsAnon *a = (TLSCredsAnon *)creds;
    int ret;

    if (!tls_creds_is_server(creds)) {
        ret = gnutls_anon_allocate_client_credentials(&a->client);
    } else if (!tls_creds_load_dh(creds, &a->dh, errp)) {
        return false;
    } else {
        ret = gnutls_anon_allocate_server_credentials(&a->server);
        if (ret == 0 && a->dh) {
            gnutls_anon_set_server_dh_params(a->server, a->dh);
        } else if (ret == 0) {
            ret = gnutls_anon_set_server_known_dh_params(
                a->server, GNUTLS_SEC_PARAM_MEDIUM);
        }
    }
    if (ret < 0) {
        error_setg(errp, "Unable to set up anonymous TLS credentials: %s",
                   gnutls_strerror(ret));
    }
    return ret == 0;
}

static bool anon_attach(TLSCreds *creds, gnutls_session_t session,
                        Error **errp)
{
    TLSCredsAnon *a = (TLSCredsAnon *)creds;
    int ret = gnutls_credentials_set(session, GNUTLS_CRD_ANON,
                                     tls_creds_is_server(creds)
                                         ? (void *)a->server
                                         : (void *)a->client);

    if (ret < 0) {
        error_setg(errp, "Cannot use anonymous TLS credentials: %s",
                   gnutls_strerror(ret));
    }
    return ret == 0;
}

static void tls_creds_anon_finalize(GObject *obj)
{
    TLSCredsAnon *a = (TLSCredsAnon *)obj;

    g_clear_pointer(&a->client, gnutls_anon_free_client_credentials);
    g_clear_pointer(&a->server, gnutls_anon_free_server_credentials);
    g_clear_pointer(&a->dh, gnutls_dh_params_deinit);
    G_OBJECT_CLASS(tls_creds_anon_parent_class)->finalize(obj);
}

static void tls_creds_anon_class_init(TLSCredsAnonClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = tls_creds_anon_finalize;
    klass->load = anon_load;
    klass->attach = anon_attach;
    klass->priority_suffix = ":+ANON-ECDH:+ANON-DH";
}

static void tls_creds_anon_init(TLSCredsAnon *a)
{
}
