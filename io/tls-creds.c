/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all TLS credentials have in common. */
#include "qemu/osdep.h"

#include "io/tls-creds-int.h"

typedef struct TLSCredsPrivate {
    char *dir;
    int endpoint;
    bool verify_peer;
    char *priority;
} TLSCredsPrivate;

static void tls_creds_user_creatable(UserCreatableInterface *iface);

G_DEFINE_ABSTRACT_TYPE_WITH_CODE(
    TLSCreds, tls_creds, G_TYPE_OBJECT,
    G_ADD_PRIVATE(TLSCreds)
    G_IMPLEMENT_INTERFACE(USER_CREATABLE_TYPE, tls_creds_user_creatable))

enum { PROP_DIR = 1, PROP_ENDPOINT, PROP_VERIFY_PEER, PROP_PRIORITY };

static TLSCredsPrivate *creds_private(gpointer creds)
{
    return tls_creds_get_instance_private(TLS_CREDS(creds));
}

static GType endpoint_get_type(void)
{
    static GType type;
    /* value_name is what qom-get shows. */
    static const GEnumValue values[] = {
        { Q_CRYPTO_TLS_CREDS_ENDPOINT_CLIENT, "client", "client" },
        { Q_CRYPTO_TLS_CREDS_ENDPOINT_SERVER, "server", "server" },
        { 0, NULL, NULL },
    };

    if (g_once_init_enter(&type)) {
        g_once_init_leave(&type, g_enum_register_static(
                                     "QCryptoTLSCredsEndpoint", values));
    }
    return type;
}

static void tls_creds_set_property(GObject *obj, guint id,
                                   const GValue *value, GParamSpec *spec)
{
    TLSCredsPrivate *priv = creds_private(obj);

    switch (id) {
    case PROP_DIR:
        g_free(priv->dir);
        priv->dir = g_value_dup_string(value);
        break;
    case PROP_ENDPOINT:
        priv->endpoint = g_value_get_enum(value);
        break;
    case PROP_VERIFY_PEER:
        priv->verify_peer = g_value_get_boolean(value);
        break;
    case PROP_PRIORITY:
        g_free(priv->priority);
        priv->priority = g_value_dup_string(value);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(obj, id, spec);
    }
}

static void tls_creds_get_property(GObject *obj, guint id, GValue *value,
                                   GParamSpec *spec)
{
    TLSCredsPrivate *priv = creds_private(obj);

    switch (id) {
    case PROP_DIR:
        g_value_set_string(value, priv->dir);
        break;
    case PROP_ENDPOINT:
        g_value_set_enum(value, priv->endpoint);
        break;
    case PROP_VERIFY_PEER:
        g_value_set_boolean(value, priv->verify_peer);
        break;
    case PROP_PRIORITY:
        g_value_set_string(value, priv->priority);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(obj, id, spec);
    }
}

static bool tls_creds_complete(UserCreatable *uc, Error **errp)
{
    TLSCreds *creds = TLS_CREDS(uc);

    return TLS_CREDS_GET_CLASS(creds)->load(creds, errp);
}

static void tls_creds_finalize(GObject *obj)
{
    TLSCredsPrivate *priv = creds_private(obj);

    g_free(priv->dir);
    g_free(priv->priority);
    G_OBJECT_CLASS(tls_creds_parent_class)->finalize(obj);
}

static void tls_creds_class_init(TLSCredsClass *klass)
{
    GObjectClass *oc = G_OBJECT_CLASS(klass);

    oc->set_property = tls_creds_set_property;
    oc->get_property = tls_creds_get_property;
    oc->finalize = tls_creds_finalize;
    g_object_class_install_property(oc, PROP_DIR,
        g_param_spec_string("dir", "dir", "directory with the files", NULL,
                            G_PARAM_READWRITE));
    g_object_class_install_property(oc, PROP_ENDPOINT,
        g_param_spec_enum("endpoint", "endpoint", "which end they are for",
                          endpoint_get_type(),
                          Q_CRYPTO_TLS_CREDS_ENDPOINT_CLIENT,
                          G_PARAM_READWRITE));
    g_object_class_install_property(oc, PROP_VERIFY_PEER,
        g_param_spec_boolean("verify-peer", "verify-peer",
                             "check who the peer is", true,
                             G_PARAM_READWRITE));
    g_object_class_install_property(oc, PROP_PRIORITY,
        g_param_spec_string("priority", "priority", "GnuTLS priority string",
                            NULL, G_PARAM_READWRITE));
}

static void tls_creds_init(TLSCreds *creds)
{
    TLSCredsPrivate *priv = creds_private(creds);

    priv->endpoint = Q_CRYPTO_TLS_CREDS_ENDPOINT_CLIENT;
    priv->verify_peer = true;
}

static void tls_creds_user_creatable(UserCreatableInterface *iface)
{
    iface->complete = tls_creds_complete;
}

QCryptoTLSCredsEndpoint tls_creds_get_endpoint(TLSCreds *creds)
{
    return creds_private(creds)->endpoint;
}

bool tls_creds_is_server(TLSCreds *creds)
{
    return tls_creds_get_endpoint(creds) == Q_CRYPTO_TLS_CREDS_ENDPOINT_SERVER;
}

bool tls_creds_get_verify_peer(TLSCreds *creds)
{
    return creds_private(creds)->verify_peer;
}

const char *tls_creds_get_priority(TLSCreds *creds)
{
    return creds_private(creds)->priority;
}

char *tls_creds_path(TLSCreds *creds, const char *name, bool optional,
                     bool *ok, Error **errp)
{
    TLSCredsPrivate *priv = creds_private(creds);
    g_autofree char *path = NULL;

    *ok = false;
    if (!priv->dir) {
        if (optional) {
            *ok = true;
        } else {
            error_setg(errp, "Missing 'dir' property value: no place to look "
                             "for %s", name);
        }
        return NULL;
    }
    path = g_build_filename(priv->dir, name, NULL);
    if (access(path, R_OK) == 0) {
        *ok = true;
        return g_steal_pointer(&path);
    }
    if (optional && errno == ENOENT) {
        *ok = true;
        return NULL;
    }
    error_setg_errno(errp, errno, "Unable to access credentials %s", path);
    return NULL;
}

TLSCreds *tls_creds_find(ObjectContainer *container, const char *id,
                         QCryptoTLSCredsEndpoint endpoint, Error **errp)
{
    GObject *obj = object_container_get(container, id);

    if (!obj) {
        error_setg(errp, "No TLS credentials with id '%s'", id);
        return NULL;
    }
    if (!TLS_IS_CREDS(obj)) {
        error_setg(errp, "Object with id '%s' is not TLS credentials", id);
        return NULL;
    }
    if (tls_creds_get_endpoint(TLS_CREDS(obj)) != endpoint) {
        error_setg(errp, "Expected TLS credentials for a %s endpoint",
                   QCryptoTLSCredsEndpoint_str(endpoint));
        return NULL;
    }
    return TLS_CREDS(obj);
}
