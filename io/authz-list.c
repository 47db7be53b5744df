/* SPDX-License-Identifier: GPL-2.0-or-later */
/* authz-list: rules given with the object. */
#include "qemu/osdep.h"

#include "io/authz-int.h"

typedef struct AuthzList {
    GObject parent_instance;
    int policy;           /* as the user set it */
    json_object *rules;   /* likewise; NULL: none */
    /* Both, checked; does not change after completion. */
    AuthZListProperties *list;
} AuthzList;
typedef GObjectClass AuthzListClass;

static void authz_list_authz(AuthzInterface *iface);
static void authz_list_user_creatable(UserCreatableInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE(
    AuthzList, authz_list, G_TYPE_OBJECT,
    G_IMPLEMENT_INTERFACE(AUTHZ_TYPE, authz_list_authz)
    G_IMPLEMENT_INTERFACE(USER_CREATABLE_TYPE, authz_list_user_creatable))

enum { PROP_POLICY = 1, PROP_RULES };

static bool rule_matches(const QAuthZListRule *rule, const char *identity)
{
    if (rule->has_format && rule->format == Q_AUTH_Z_LIST_FORMAT_GLOB) {
        /* GLib aborts on patterns that are no UTF-8. */
        return g_utf8_validate(rule->match, -1, NULL) &&
               g_pattern_match_simple(rule->match, identity);
    }
    return strcmp(rule->match, identity) == 0;
}

bool authz_rules_allow(const AuthZListProperties *list, const char *identity)
{
    if (!g_utf8_validate(identity, -1, NULL)) {
        return false; /* no rule can be meant for it */
    }
    for (const QAuthZListRuleList *r = list->rules; r; r = r->next) {
        if (rule_matches(r->value, identity)) {
            return r->value->policy == Q_AUTH_Z_LIST_POLICY_ALLOW;
        }
    }
    return list->has_policy && list->policy == Q_AUTH_Z_LIST_POLICY_ALLOW;
}

static GType policy_get_type(void)
{
    static GType type;
    /* value_name is what qom-get shows. */
    static const GEnumValue values[] = {
        { Q_AUTH_Z_LIST_POLICY_DENY, "deny", "deny" },
        { Q_AUTH_Z_LIST_POLICY_ALLOW, "allow", "allow" },
        { 0, NULL, NULL },
    };

    if (g_once_init_enter(&type)) {
        g_once_init_leave(&type,
                          g_enum_register_static("QAuthZListPolicy", values));
    }
    return type;
}

static void authz_list_set_property(GObject *obj, guint id,
                                    const GValue *value, GParamSpec *spec)
{
    AuthzList *a = (AuthzList *)obj;

    switch (id) {
    case PROP_POLICY:
        a->policy = g_value_get_enum(value);
        break;
    case PROP_RULES:
        json_object_put(a->rules);
        a->rules = g_value_dup_boxed(value);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(obj, id, spec);
    }
}

static void authz_list_get_property(GObject *obj, guint id, GValue *value,
                                    GParamSpec *spec)
{
    g_value_set_enum(value, ((AuthzList *)obj)->policy);
}

static bool authz_list_complete(UserCreatable *uc, Error **errp)
{
    AuthzList *a = (AuthzList *)uc;
    json_object *content = json_object_new_object();

    if (a->rules) {
        json_object_object_add(content, "rules", json_object_get(a->rules));
    }
    a->list = qapi_AuthZListProperties_from_json(content, NULL, errp);
    json_object_put(content);
    if (a->list) {
        a->list->has_policy = true;
        a->list->policy = a->policy;
    }
    return a->list;
}

static bool authz_list_is_allowed(Authz *authz, const char *identity)
{
    return authz_rules_allow(((AuthzList *)authz)->list, identity);
}

static void authz_list_finalize(GObject *obj)
{
    AuthzList *a = (AuthzList *)obj;

    json_object_put(a->rules);
    qapi_free_AuthZListProperties(a->list);
    G_OBJECT_CLASS(authz_list_parent_class)->finalize(obj);
}

static void authz_list_class_init(AuthzListClass *klass)
{
    klass->set_property = authz_list_set_property;
    klass->get_property = authz_list_get_property;
    klass->finalize = authz_list_finalize;
    g_object_class_install_property(klass, PROP_POLICY,
        g_param_spec_enum("policy", "policy", "for whom no rule matches",
                          policy_get_type(), Q_AUTH_Z_LIST_POLICY_DENY,
                          G_PARAM_READWRITE));
    g_object_class_install_property(klass, PROP_RULES,
        g_param_spec_boxed("rules", "rules", "the first that matches counts",
                           OBJECT_TYPE_JSON, G_PARAM_WRITABLE));
}

static void authz_list_init(AuthzList *a)
{
    a->policy = Q_AUTH_Z_LIST_POLICY_DENY;
}

static void authz_list_authz(AuthzInterface *iface)
{
    iface->is_allowed = authz_list_is_allowed;
}

static void authz_list_user_creatable(UserCreatableInterface *iface)
{
    iface->complete = authz_list_complete;
}
