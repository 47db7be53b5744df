/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The authorization interface, and its simplest kind. */
#include "qemu/osdep.h"

#include "io/authz-int.h"

G_DEFINE_INTERFACE(Authz, authz, G_TYPE_OBJECT)

static void authz_default_init(AuthzInterface *iface)
{
}

bool authz_is_allowed(Authz *authz, const char *identity)
{
    return IO_AUTHZ_GET_IFACE(authz)->is_allowed(authz, identity);
}

Authz *authz_find(ObjectContainer *container, const char *id, Error **errp)
{
    GObject *obj = object_container_get(container, id);

    if (!obj) {
        error_setg(errp, "No authorization object with id '%s'", id);
        return NULL;
    }
    if (!IO_IS_AUTHZ(obj)) {
        error_setg(errp, "Object with id '%s' is not an authorization object",
                   id);
        return NULL;
    }
    return IO_AUTHZ(obj);
}

void authz_register_types(void)
{
    object_type_announce("authz", NULL, AUTHZ_TYPE, true, false);
    object_type_announce("authz-list", "authz", authz_list_get_type(), false,
                         true);
    object_type_announce("authz-list-file", "authz",
                         authz_list_file_get_type(), false, true);
    object_type_announce("authz-simple", "authz", authz_simple_get_type(),
                         false, true);
}

/* ---- authz-simple ---- */

typedef struct AuthzSimple {
    GObject parent_instance;
    char *identity;
} AuthzSimple;
typedef GObjectClass AuthzSimpleClass;

static void authz_simple_authz(AuthzInterface *iface);
static void authz_simple_user_creatable(UserCreatableInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE(
    AuthzSimple, authz_simple, G_TYPE_OBJECT,
    G_IMPLEMENT_INTERFACE(AUTHZ_TYPE, authz_simple_authz)
    G_IMPLEMENT_INTERFACE(USER_CREATABLE_TYPE, authz_simple_user_creatable))

enum { PROP_IDENTITY = 1 };

static void authz_simple_set_property(GObject *obj, guint id,
                                      const GValue *value, GParamSpec *spec)
{
    AuthzSimple *a = (AuthzSimple *)obj;

    g_free(a->identity);
    a->identity = g_value_dup_string(value);
}

static void authz_simple_get_property(GObject *obj, guint id, GValue *value,
                                      GParamSpec *spec)
{
    g_value_set_string(value, ((AuthzSimple *)obj)->identity);
}

static bool authz_simple_complete(UserCreatable *uc, Error **errp)
{
    if (!((AuthzSimple *)uc)->identity) {
        error_setg(errp, "Parameter 'identity' is missing");
        return false;
    }
    return true;
}

static bool authz_simple_is_allowed(Authz *authz, const char *identity)
{
    return strcmp(((AuthzSimple *)authz)->identity, identity) == 0;
}

static void authz_simple_finalize(GObject *obj)
{
    g_free(((AuthzSimple *)obj)->identity);
    G_OBJECT_CLASS(authz_simple_parent_class)->finalize(obj);
}

static void authz_simple_class_init(AuthzSimpleClass *klass)
{
    klass->set_property = authz_simple_set_property;
    klass->get_property = authz_simple_get_property;
    klass->finalize = authz_simple_finalize;
    g_object_class_install_property(klass, PROP_IDENTITY,
        g_param_spec_string("identity", "identity", "who may come in", NULL,
                            G_PARAM_READWRITE | OBJECT_PARAM_LIVE));
}

static void authz_simple_init(AuthzSimple *a)
{
}

static void authz_simple_authz(AuthzInterface *iface)
{
    iface->is_allowed = authz_simple_is_allowed;
}

static void authz_simple_user_creatable(UserCreatableInterface *iface)
{
    iface->complete = authz_simple_complete;
}
