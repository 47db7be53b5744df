/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The commands of qom.json.  The object tree that clients see is small: "/",
 * "/machine", "/objects" and the objects below it.
 */
#include "qemu/osdep.h"

#include "machine-internal.h"
#include "qapi/qapi-commands-qom.h"

/* ---- types ---- */

typedef struct TypeQuery {
    bool with_abstract;
    QomTypeInfoList **tail;
} TypeQuery;

static void add_type(const ObjectTypeInfo *type, void *opaque)
{
    TypeQuery *q = opaque;
    QomTypeInfo *info;

    if (type->abstract && !q->with_abstract) {
        return;
    }
    info = g_new0(QomTypeInfo, 1);
    info->name = g_strdup(type->name);
    info->parent = g_strdup(type->parent);
    info->has_abstract = info->abstract = type->abstract;
    QAPI_LIST_APPEND(q->tail, info);
}

QomTypeInfoList *qmp_qom_list_types(QmpContext *ctx, const char *implements,
                                    bool has_abstract, bool abstract,
                                    Error **errp)
{
    QomTypeInfoList *list = NULL;
    TypeQuery q = {
        .with_abstract = !has_abstract || abstract,
        .tail = &list,
    };

    object_type_foreach(implements, add_type, &q);
    return list;
}

/* ---- user objects ---- */

bool qmp_object_add(QmpContext *ctx, const ObjectOptions *arg, Error **errp)
{
    /* Checked by the schema; the properties set themselves from JSON. */
    json_object *props = qapi_ObjectOptions_to_json(arg);
    bool ok = object_container_add(machine_get_objects(ctx->machine), props,
                                   false, errp);

    json_object_put(props);
    return ok;
}

bool qmp_object_del(QmpContext *ctx, const char *id, Error **errp)
{
    return object_container_del(machine_get_objects(ctx->machine), id, errp);
}

/* ---- the tree ---- */

typedef enum PathKind {
    PATH_ROOT,
    PATH_MACHINE,
    PATH_OBJECTS,
    PATH_OBJECT,
} PathKind;

/* What @path leads to; *@obj is set for an object. */
static bool path_resolve(Machine *m, const char *path, PathKind *kind,
                         GObject **obj, Error **errp)
{
    g_auto(GStrv) parts = g_strsplit(path, "/", -1);
    const char *at[2];
    size_t n = 0;
    bool found = path[0] == '/';

    for (size_t i = 0; found && parts[i]; i++) {
        if (parts[i][0] == '\0') {
            continue;
        }
        found = n < G_N_ELEMENTS(at);
        if (found) {
            at[n++] = parts[i];
        }
    }
    *obj = NULL;
    if (found && n == 0) {
        *kind = PATH_ROOT;
        return true;
    }
    if (found && n == 1 && strcmp(at[0], "machine") == 0) {
        *kind = PATH_MACHINE;
        return true;
    }
    if (found && n == 1 && strcmp(at[0], "objects") == 0) {
        *kind = PATH_OBJECTS;
        return true;
    }
    if (found && n == 2 && strcmp(at[0], "objects") == 0) {
        *kind = PATH_OBJECT;
        *obj = object_container_get(m->objects, at[1]);
    }
    if (!*obj) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '%s' not found",
                  path);
        return false;
    }
    return true;
}

static void find_type_name(const ObjectTypeInfo *info, void *opaque)
{
    const void **search = opaque;

    if (info->type == G_OBJECT_TYPE(search[0])) {
        search[1] = info->name;
    }
}

static const char *object_type_name_of(GObject *obj)
{
    const void *search[2] = { obj, G_OBJECT_TYPE_NAME(obj) };

    object_type_foreach(NULL, find_type_name, search);
    return search[1];
}

static void add_property(ObjectPropertyInfoList ***tail, const char *name,
                         const char *type)
{
    ObjectPropertyInfo *info = g_new0(ObjectPropertyInfo, 1);

    info->name = g_strdup(name);
    info->type = g_strdup(type);
    QAPI_LIST_APPEND(*tail, info);
}

static void add_child(ObjectPropertyInfoList ***tail, const char *name,
                      const char *type)
{
    g_autofree char *child = g_strdup_printf("child<%s>", type);

    add_property(tail, name, child);
}

static const char *property_type(const GParamSpec *spec)
{
    switch (G_TYPE_FUNDAMENTAL(spec->value_type)) {
    case G_TYPE_BOOLEAN:
        return "bool";
    case G_TYPE_STRING:
    case G_TYPE_ENUM:
        return "string";
    case G_TYPE_UINT64:
        return "uint64";
    default:
        return "int";
    }
}

static void list_object(ObjectPropertyInfoList ***tail, GObject *obj)
{
    guint n;
    g_autofree GParamSpec **specs =
        g_object_class_list_properties(G_OBJECT_GET_CLASS(obj), &n);

    for (guint i = 0; i < n; i++) {
        add_property(tail, specs[i]->name, property_type(specs[i]));
    }
}

static char *machine_class_name(Machine *m)
{
    return g_strdup_printf("%s-machine", machine_get_type(m)->name);
}

ObjectPropertyInfoList *qmp_qom_list(QmpContext *ctx, const char *path,
                                     Error **errp)
{
    Machine *m = ctx->machine;
    g_autofree char *class_name = machine_class_name(m);
    g_auto(GStrv) ids = object_container_ids(m->objects);
    ObjectPropertyInfoList *list = NULL, **tail = &list;
    PathKind kind;
    GObject *obj;

    if (!path_resolve(m, path, &kind, &obj, errp)) {
        return NULL;
    }
    add_property(&tail, "type", "string");
    if (kind == PATH_ROOT) {
        add_child(&tail, "machine", class_name);
        add_child(&tail, "objects", "container");
    } else if (kind == PATH_OBJECT) {
        list_object(&tail, obj);
    }
    for (size_t i = 0; kind == PATH_OBJECTS && ids[i]; i++) {
        add_child(&tail, ids[i],
                  object_type_name_of(object_container_get(m->objects,
                                                           ids[i])));
    }
    return list;
}

static json_object *value_to_json(const GValue *value)
{
    GValue text = G_VALUE_INIT;
    json_object *out;

    switch (G_TYPE_FUNDAMENTAL(G_VALUE_TYPE(value))) {
    case G_TYPE_BOOLEAN:
        return json_object_new_boolean(g_value_get_boolean(value));
    case G_TYPE_UINT64:
        return json_object_new_uint64(g_value_get_uint64(value));
    case G_TYPE_UINT:
        return json_object_new_uint64(g_value_get_uint(value));
    case G_TYPE_INT:
        return json_object_new_int64(g_value_get_int(value));
    default:
        break;
    }
    g_value_init(&text, G_TYPE_STRING);
    g_value_transform(value, &text);
    out = json_object_new_string(g_value_get_string(&text)
                                     ? g_value_get_string(&text)
                                     : "");
    g_value_unset(&text);
    return out;
}

json_object *qmp_qom_get(QmpContext *ctx, const char *path,
                         const char *property, Error **errp)
{
    g_autofree char *class_name = machine_class_name(ctx->machine);
    const char *type = "container";
    GValue value = G_VALUE_INIT;
    GParamSpec *spec = NULL;
    json_object *out;
    PathKind kind;
    GObject *obj;

    if (!path_resolve(ctx->machine, path, &kind, &obj, errp)) {
        return NULL;
    }
    if (kind == PATH_MACHINE) {
        type = class_name;
    } else if (kind == PATH_OBJECT) {
        type = object_type_name_of(obj);
        spec = g_object_class_find_property(G_OBJECT_GET_CLASS(obj), property);
    }
    if (strcmp(property, "type") == 0) {
        return json_object_new_string(type);
    }
    if (!spec) {
        error_setg(errp, "Property '%s.%s' not found", type, property);
        return NULL;
    }
    if (!(spec->flags & G_PARAM_READABLE)) {
        error_setg(errp, "Property '%s.%s' is not readable", type, property);
        return NULL;
    }
    g_object_get_property(obj, spec->name, &value);
    out = value_to_json(&value);
    g_value_unset(&value);
    return out;
}
