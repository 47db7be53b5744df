/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/object.h"

#include "qemu/cutils.h"

/* Types by name, and in the order they were announced. */
static GHashTable *types_by_name;
static GPtrArray *types_in_order;

struct ObjectContainer {
    GHashTable *by_id; /* owns the ids and a reference to each object */
    GPtrArray *ids;    /* in order of creation; the hash table's strings */
};

G_DEFINE_INTERFACE(UserCreatable, user_creatable, G_TYPE_OBJECT)

/* The container an object is in, as data of the object. */
#define CONTAINER_KEY "object-container"

static void user_creatable_default_init(UserCreatableInterface *iface)
{
}

typedef json_object ObjectJson; /* as GObject wants it */

static ObjectJson *object_json_ref(ObjectJson *value)
{
    return json_object_get(value);
}

static void object_json_unref(ObjectJson *value)
{
    json_object_put(value);
}

G_DEFINE_BOXED_TYPE(ObjectJson, object_json, object_json_ref,
                    object_json_unref)

void object_type_announce(const char *name, const char *parent, GType type,
                          bool abstract, bool user_creatable)
{
    ObjectTypeInfo *info;

    if (!types_by_name) {
        types_by_name = g_hash_table_new(g_str_hash, g_str_equal);
        types_in_order = g_ptr_array_new();
    }
    if (g_hash_table_contains(types_by_name, name)) {
        return; /* two machines of one process announce the same types */
    }
    info = g_new0(ObjectTypeInfo, 1);
    info->name = g_strdup(name);
    info->parent = g_strdup(parent);
    info->type = type;
    info->abstract = abstract;
    info->user_creatable = user_creatable;
    g_hash_table_insert(types_by_name, (gpointer)info->name, info);
    g_ptr_array_add(types_in_order, info);
}

const ObjectTypeInfo *object_type_find(const char *name)
{
    return types_by_name ? g_hash_table_lookup(types_by_name, name) : NULL;
}

static bool type_descends(const ObjectTypeInfo *info, const char *ancestor)
{
    while (info) {
        if (g_str_equal(info->name, ancestor) ||
            g_strcmp0(info->parent, ancestor) == 0) {
            return true;
        }
        info = info->parent ? object_type_find(info->parent) : NULL;
    }
    return false;
}

void object_type_foreach(const char *implements,
                         void (*fn)(const ObjectTypeInfo *info, void *opaque),
                         void *opaque)
{
    for (guint i = 0; types_in_order && i < types_in_order->len; i++) {
        const ObjectTypeInfo *info = g_ptr_array_index(types_in_order, i);

        if (!implements || type_descends(info, implements)) {
            fn(info, opaque);
        }
    }
}

/* The name people know the type of @obj by. */
static const char *object_type_name(GObject *obj)
{
    for (guint i = 0; types_in_order && i < types_in_order->len; i++) {
        const ObjectTypeInfo *info = g_ptr_array_index(types_in_order, i);

        if (info->type == G_OBJECT_TYPE(obj)) {
            return info->name;
        }
    }
    return G_OBJECT_TYPE_NAME(obj);
}

ObjectContainer *object_container_new(void)
{
    ObjectContainer *c = g_new0(ObjectContainer, 1);

    c->by_id = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                     g_object_unref);
    c->ids = g_ptr_array_new();
    return c;
}

void object_container_free(ObjectContainer *c)
{
    if (!c) {
        return;
    }
    /* Later objects may use earlier ones: the last goes first. */
    while (c->ids->len) {
        const char *id = g_ptr_array_index(c->ids, c->ids->len - 1);

        /* Others may have a reference and live on. */
        g_object_set_data(object_container_get(c, id), CONTAINER_KEY, NULL);
        g_ptr_array_set_size(c->ids, c->ids->len - 1);
        g_hash_table_remove(c->by_id, id);
    }
    g_ptr_array_unref(c->ids);
    g_hash_table_unref(c->by_id);
    g_free(c);
}

GObject *object_container_get(ObjectContainer *c, const char *id)
{
    return g_hash_table_lookup(c->by_id, id);
}

ObjectContainer *object_get_container(GObject *obj)
{
    return g_object_get_data(obj, CONTAINER_KEY);
}

char **object_container_ids(ObjectContainer *c)
{
    char **ids = g_new0(char *, c->ids->len + 1);

    for (guint i = 0; i < c->ids->len; i++) {
        ids[i] = g_strdup(g_ptr_array_index(c->ids, i));
    }
    return ids;
}

static bool fail_expects(const char *name, const char *what, Error **errp)
{
    error_setg(errp, "Parameter '%s' expects %s", name, what);
    return false;
}

static bool fail_json_type(const char *name, const char *what, Error **errp)
{
    error_setg(errp, "Invalid parameter type for '%s', expected: %s", name,
               what);
    return false;
}

static bool get_bool(const char *name, json_object *value, bool *out,
                     Error **errp)
{
    if (json_object_is_type(value, json_type_string)) {
        return qapi_bool_parse(name, json_object_get_string(value), out, errp);
    }
    if (!json_object_is_type(value, json_type_boolean)) {
        return fail_json_type(name, "boolean", errp);
    }
    *out = json_object_get_boolean(value);
    return true;
}

/* An unsigned number that must lie in [@min, @max]. */
static bool get_unsigned(const char *name, json_object *value, uint64_t min,
                         uint64_t max, uint64_t *out, Error **errp)
{
    if (json_object_is_type(value, json_type_string)) {
        if (!qemu_parse_size(json_object_get_string(value), 1, out)) {
            return fail_expects(
                name, max > UINT32_MAX ? "a size value" : "a uint64 value",
                errp);
        }
    } else if (!json_object_is_type(value, json_type_int)) {
        return fail_expects(name, "uint64", errp);
    } else {
        int64_t low = json_object_get_int64(value);

        *out = low < 0 ? (uint64_t)low : json_object_get_uint64(value);
    }
    if (*out >= min && *out <= max) {
        return true;
    }
    if (max == UINT32_MAX && min == 0) {
        return fail_expects(name, "uint32_t", errp);
    }
    error_setg(errp,
               "Parameter '%s' expects a value between %" PRIu64
               " and %" PRIu64,
               name, min, max);
    return false;
}

/* A signed number that must lie in [@min, @max]. */
static bool get_signed(const char *name, json_object *value, int64_t min,
                       int64_t max, int64_t *out, Error **errp)
{
    if (json_object_is_type(value, json_type_string)) {
        const char *s = json_object_get_string(value);
        uint64_t size;

        if (!qemu_parse_i64(s, out)) {
            if (!qemu_parse_size(s, 1, &size) || size > INT64_MAX) {
                return fail_expects(name, "an int64 value", errp);
            }
            *out = (int64_t)size;
        }
    } else if (!json_object_is_type(value, json_type_int) ||
               json_object_get_uint64(value) > INT64_MAX) {
        return fail_json_type(name, "integer", errp);
    } else {
        *out = json_object_get_int64(value);
    }
    if (*out >= min && *out <= max) {
        return true;
    }
    if (min == INT32_MIN && max == INT32_MAX) {
        return fail_expects(name, "int32_t", errp);
    }
    error_setg(errp,
               "Parameter '%s' expects a value between %" PRId64
               " and %" PRId64,
               name, min, max);
    return false;
}

static bool get_double(const char *name, json_object *value, double *out,
                       Error **errp)
{
    if (json_object_is_type(value, json_type_string)) {
        const char *s = json_object_get_string(value);
        char *end;

        *out = g_ascii_strtod(s, &end);
        return (*s && !*end) || fail_expects(name, "a number", errp);
    }
    if (!json_object_is_type(value, json_type_double) &&
        !json_object_is_type(value, json_type_int)) {
        return fail_json_type(name, "number", errp);
    }
    *out = json_object_get_double(value);
    return true;
}

static const char *get_string(const char *name, json_object *value,
                              Error **errp)
{
    if (!json_object_is_type(value, json_type_string)) {
        fail_json_type(name, "string", errp);
        return NULL;
    }
    return json_object_get_string(value);
}

static bool set_enum(GValue *gvalue, const char *name, json_object *value,
                     Error **errp)
{
    g_autoptr(GEnumClass) class = g_type_class_ref(G_VALUE_TYPE(gvalue));
    const char *s = get_string(name, value, errp);
    const GEnumValue *found;

    if (!s) {
        return false;
    }
    found = g_enum_get_value_by_nick(class, s);
    if (!found) {
        error_setg(errp, "Parameter '%s' does not accept value '%s'", name, s);
        return false;
    }
    g_value_set_enum(gvalue, found->value);
    return true;
}

static bool set_strings(GValue *gvalue, const char *name, json_object *value,
                        Error **errp)
{
    g_autoptr(GPtrArray) strings = g_ptr_array_new_with_free_func(g_free);

    if (!json_object_is_type(value, json_type_array)) {
        return fail_json_type(name, "array", errp);
    }
    for (size_t i = 0; i < json_object_array_length(value); i++) {
        g_autofree char *path = g_strdup_printf("%s[%zu]", name, i);
        const char *s =
            get_string(path, json_object_array_get_idx(value, i), errp);

        if (!s) {
            return false;
        }
        g_ptr_array_add(strings, g_strdup(s));
    }
    g_ptr_array_add(strings, NULL);
    g_value_take_boxed(gvalue, g_ptr_array_steal(strings, NULL));
    return true;
}

static bool set_unsigned(GValue *gvalue, GParamSpec *pspec, json_object *value,
                         Error **errp)
{
    const char *name = pspec->name;
    uint64_t n;

    if (G_IS_PARAM_SPEC_UINT(pspec)) {
        GParamSpecUInt *p = G_PARAM_SPEC_UINT(pspec);

        if (!get_unsigned(name, value, p->minimum, p->maximum, &n, errp)) {
            return false;
        }
        g_value_set_uint(gvalue, (guint)n);
    } else if (G_IS_PARAM_SPEC_ULONG(pspec)) {
        GParamSpecULong *p = G_PARAM_SPEC_ULONG(pspec);

        if (!get_unsigned(name, value, p->minimum, p->maximum, &n, errp)) {
            return false;
        }
        g_value_set_ulong(gvalue, n);
    } else {
        GParamSpecUInt64 *p = G_PARAM_SPEC_UINT64(pspec);

        if (!get_unsigned(name, value, p->minimum, p->maximum, &n, errp)) {
            return false;
        }
        g_value_set_uint64(gvalue, n);
    }
    return true;
}

static bool set_signed(GValue *gvalue, GParamSpec *pspec, json_object *value,
                       Error **errp)
{
    const char *name = pspec->name;
    int64_t n;

    if (G_IS_PARAM_SPEC_INT(pspec)) {
        GParamSpecInt *p = G_PARAM_SPEC_INT(pspec);

        if (!get_signed(name, value, p->minimum, p->maximum, &n, errp)) {
            return false;
        }
        g_value_set_int(gvalue, (gint)n);
    } else if (G_IS_PARAM_SPEC_LONG(pspec)) {
        GParamSpecLong *p = G_PARAM_SPEC_LONG(pspec);

        if (!get_signed(name, value, p->minimum, p->maximum, &n, errp)) {
            return false;
        }
        g_value_set_long(gvalue, n);
    } else {
        GParamSpecInt64 *p = G_PARAM_SPEC_INT64(pspec);

        if (!get_signed(name, value, p->minimum, p->maximum, &n, errp)) {
            return false;
        }
        g_value_set_int64(gvalue, n);
    }
    return true;
}

/* Fill @gvalue, which has the type of the property @pspec. */
static bool value_from_json(GValue *gvalue, GParamSpec *pspec,
                            json_object *value, Error **errp)
{
    const char *name = pspec->name;
    const char *s;
    double number;
    bool on;

    switch (G_TYPE_FUNDAMENTAL(pspec->value_type)) {
    case G_TYPE_BOOLEAN:
        if (!get_bool(name, value, &on, errp)) {
            return false;
        }
        g_value_set_boolean(gvalue, on);
        return true;
    case G_TYPE_UINT:
    case G_TYPE_ULONG:
    case G_TYPE_UINT64:
        return set_unsigned(gvalue, pspec, value, errp);
    case G_TYPE_INT:
    case G_TYPE_LONG:
    case G_TYPE_INT64:
        return set_signed(gvalue, pspec, value, errp);
    case G_TYPE_DOUBLE:
        if (!get_double(name, value, &number, errp)) {
            return false;
        }
        g_value_set_double(gvalue, number);
        return true;
    case G_TYPE_STRING:
        s = get_string(name, value, errp);
        g_value_set_string(gvalue, s);
        return s != NULL;
    case G_TYPE_ENUM:
        return set_enum(gvalue, name, value, errp);
    default:
        if (pspec->value_type == G_TYPE_STRV) {
            return set_strings(gvalue, name, value, errp);
        }
        if (pspec->value_type == OBJECT_TYPE_JSON) {
            g_value_set_boxed(gvalue, value);
            return true;
        }
        error_setg(errp, "Property '%s' cannot be set by a user", name);
        return false;
    }
}

/* GObject takes "a_b" for "a-b"; users must write what is documented. */
static GParamSpec *find_property(GObject *obj, const char *name)
{
    GParamSpec *pspec =
        g_object_class_find_property(G_OBJECT_GET_CLASS(obj), name);

    return pspec && g_str_equal(pspec->name, name) ? pspec : NULL;
}

bool object_property_set_json(GObject *obj, const char *name,
                              json_object *value, Error **errp)
{
    GParamSpec *pspec = find_property(obj, name);
    GValue gvalue = G_VALUE_INIT;
    bool ok;

    if (!pspec) {
        error_setg(errp, "Property '%s.%s' not found", object_type_name(obj),
                   name);
        return false;
    }
    if (!(pspec->flags & G_PARAM_WRITABLE) ||
        (pspec->flags & G_PARAM_CONSTRUCT_ONLY)) {
        error_setg(errp, "Property '%s.%s' is not writable",
                   object_type_name(obj), name);
        return false;
    }
    g_value_init(&gvalue, pspec->value_type);
    ok = value_from_json(&gvalue, pspec, value, errp);
    if (ok) {
        g_object_set_property(obj, name, &gvalue);
    }
    g_value_unset(&gvalue);
    return ok;
}

/* A mandatory string of @props; borrowed, NULL with an error. */
static const char *get_member(json_object *props, const char *name,
                              Error **errp)
{
    json_object *value;

    if (!json_object_object_get_ex(props, name, &value)) {
        error_setg(errp, "Parameter '%s' is missing", name);
        return NULL;
    }
    return get_string(name, value, errp);
}

/* Set all properties but the type and the id. */
static bool set_properties(GObject *obj, json_object *props, bool from_text,
                           Error **errp)
{
    json_object_object_foreach(props, key, value)
    {
        if (g_str_equal(key, "qom-type") || g_str_equal(key, "id")) {
            continue;
        }
        if (!find_property(obj, key)) {
            if (from_text) {
                error_setg(errp, "Invalid parameter '%s'", key);
            } else {
                error_setg(errp, "Parameter '%s' is unexpected", key);
            }
            return false;
        }
        if (!object_property_set_json(obj, key, value, errp)) {
            return false;
        }
    }
    return true;
}

static bool complete_object(GObject *obj, Error **errp)
{
    UserCreatable *uc;

    if (!USER_IS_CREATABLE(obj)) {
        return true;
    }
    uc = USER_CREATABLE(obj);
    return !USER_CREATABLE_GET_IFACE(uc)->complete ||
           USER_CREATABLE_GET_IFACE(uc)->complete(uc, errp);
}

bool object_container_add(ObjectContainer *c, json_object *props,
                          bool from_text, Error **errp)
{
    const ObjectTypeInfo *info;
    const char *type, *id;
    char *own_id;
    g_autoptr(GObject) obj = NULL;

    type = get_member(props, "qom-type", errp);
    if (!type) {
        return false;
    }
    info = object_type_find(type);
    if (!info || info->abstract || !info->user_creatable) {
        error_setg(errp, "Parameter 'qom-type' does not accept value '%s'",
                   type);
        return false;
    }
    id = get_member(props, "id", errp);
    if (!id) {
        return false;
    }
    if (!id_wellformed(id)) {
        error_setg(errp, "Parameter 'id' expects an identifier");
        error_append_hint(errp, "An identifier begins with a letter and goes "
                                "on with letters, digits, '-', '.', '_'.\n");
        return false;
    }
    obj = g_object_new(info->type, NULL);
    if (!set_properties(obj, props, from_text, errp)) {
        return false;
    }
    if (g_hash_table_contains(c->by_id, id)) {
        error_setg(errp,
                   "attempt to add duplicate property '%s' to object (type "
                   "'container')",
                   id);
        return false;
    }
    g_object_set_data(obj, CONTAINER_KEY, c);
    if (!complete_object(obj, errp)) {
        return false;
    }
    own_id = g_strdup(id);
    g_hash_table_insert(c->by_id, own_id, g_steal_pointer(&obj));
    g_ptr_array_add(c->ids, own_id);
    return true;
}

bool object_container_del(ObjectContainer *c, const char *id, Error **errp)
{
    gpointer own_id, obj;

    if (!g_hash_table_lookup_extended(c->by_id, id, &own_id, &obj)) {
        error_setg(errp, "object '%s' not found", id);
        return false;
    }
    if (USER_IS_CREATABLE(obj)) {
        UserCreatableInterface *iface = USER_CREATABLE_GET_IFACE(obj);

        if (iface->can_be_deleted && !iface->can_be_deleted(obj)) {
            error_setg(errp, "object '%s' is in use, can not be deleted", id);
            return false;
        }
    }
    g_object_set_data(obj, CONTAINER_KEY, NULL);
    g_ptr_array_remove(c->ids, own_id);
    g_hash_table_remove(c->by_id, own_id);
    return true;
}
