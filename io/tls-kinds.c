/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of the kinds of TLS credentials, and what some of them share. */
#include "qemu/osdep.h"

#include <gnutls/gnutls.h>

#include "io/tls-creds-int.h"

void tls_creds_register_types(void)
{
    object_type_announce("tls-creds", NULL, TLS_CREDS_TYPE, true, false);
    object_type_announce("tls-creds-anon", "tls-creds",
                         tls_creds_anon_get_type(), false, true);
    object_type_announce("tls-creds-psk", "tls-creds",
                         tls_creds_psk_get_type(), false, true);
    object_type_announce("tls-creds-x509", "tls-creds",
                         tls_creds_x509_get_type(), false, true);
}

bool tls_creds_load_dh(TLSCreds *creds, struct gnutls_dh_params_int **out,
                       Error **errp)
{
    bool ok;
    g_autofree char *path =
        tls_creds_path(creds, "dh-params.pem", true, &ok, errp);
    g_autofree char *text = NULL;
    gnutls_datum_t datum;
    Error *err = NULL;
    size_t len;
    int ret;

    *out = NULL;
    if (!path) {
        return ok;
    }
    if (!g_file_get_contents(path, &text, &len, &err)) {
        error_propagate(errp, err);
        error_prepend(errp, "Unable to load Diffie-Hellman parameters: ");
        return false;
    }
    datum.data = (void *)text;
    datum.size = len;
    ret = gnutls_dh_params_init(out);
    if (ret == 0) {
        ret = gnutls_dh_params_import_pkcs3(*out, &datum, GNUTLS_X509_FMT_PEM);
        if (ret < 0) {
            gnutls_dh_params_deinit(*out);
            *out = NULL;
        }
    }
    if (ret < 0) {
        error_setg(errp, "Unable to load Diffie-Hellman parameters %s: %s",
                   path, gnutls_strerror(ret));
    }
    return ret == 0;
}
