/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The commands of qom.json.  The object tree that clients see is small: "/",
 * "/machine" with its CPUs, "/objects" and the objects below it.
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

char *cpu_qom_path(unsigned index)
{
    return g_strdup_printf("/machine/unattached/device[%u]", index);
}

char *machine_type_class_name(const MachineType *type)
{
    return g_strdup_printf("%s-machine", type->name);
}

void machine_register_types(void)
{
    object_type_announce("device", NULL, DEVICE_TYPE, true, false);
    object_type_announce("machine", NULL, G_TYPE_NONE, true, false);
    for (size_t i = 0; machine_types[i]; i++) {
        g_autofree char *name = machine_type_class_name(machine_types[i]);

        object_type_announce(name, "machine", G_TYPE_NONE, false, false);
    }
}

typedef enum PathKind {
    PATH_ROOT,
    PATH_MACHINE,
    PATH_OBJECTS,
    PATH_UNATTACHED, /* what has no name of its own: the CPUs */
    PATH_PERIPHERAL, /* what -device made, under its id */
    PATH_CPU,
    PATH_OBJECT,
} PathKind;

/* Places that are always there. */
static const struct {
    const char *path;
    PathKind kind;
} fixed_paths[] = {
    { "", PATH_ROOT },
    { "/machine", PATH_MACHINE },
    { "/machine/peripheral", PATH_PERIPHERAL },
    { "/machine/unattached", PATH_UNATTACHED },
    { "/objects", PATH_OBJECTS },
};

/* @path without needless slashes, none at its end. */
static char *path_normalize(const char *path)
{
    GString *out = g_string_new(NULL);

    for (; *path; path++) {
        if (*path != '/' || (path[1] != '/' && path[1] != '\0')) {
            g_string_append_c(out, *path);
        }
    }
    return g_string_free(out, false);
}

static bool path_is_cpu(Machine *m, const char *path)
{
    for (unsigned i = 0; i < machine_cpu_count(m); i++) {
        g_autofree char *cpu = cpu_qom_path(i);

        if (g_str_equal(cpu, path)) {
            return true;
        }
    }
    return false;
}

/* What @path leads to; *@obj is set for an object. */
static bool path_resolve(Machine *m, const char *path, PathKind *kind,
                         GObject **obj, Error **errp)
{
    g_autofree char *plain = path_normalize(path);

    *obj = NULL;
    for (size_t i = 0; path[0] == '/' && i < G_N_ELEMENTS(fixed_paths); i++) {
        if (g_str_equal(plain, fixed_paths[i].path)) {
            *kind = fixed_paths[i].kind;
            return true;
        }
    }
    if (path_is_cpu(m, plain)) {
        *kind = PATH_CPU;
        return true;
    }
    *kind = PATH_OBJECT;
    if (g_str_has_prefix(plain, "/machine/peripheral/")) {
        *obj = (GObject *)devices_find(m, strrchr(plain, '/') + 1);
    } else if (g_str_has_prefix(plain, "/objects/")) {
        *obj = object_container_get(m->objects, plain + strlen("/objects/"));
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

static void list_class(ObjectPropertyInfoList ***tail, GObjectClass *class)
{
    guint n;
    g_autofree GParamSpec **specs = g_object_class_list_properties(class, &n);

    for (guint i = 0; i < n; i++) {
        ObjectPropertyInfo *info = g_new0(ObjectPropertyInfo, 1);

        info->name = g_strdup(specs[i]->name);
        info->type = g_strdup(property_type(specs[i]));
        info->description = g_strdup(g_param_spec_get_blurb(specs[i]));
        QAPI_LIST_APPEND(*tail, info);
    }
}

static void list_machine_type(ObjectPropertyInfoList ***tail,
                              const MachineType *type)
{
    for (const MachineProperty *p = type->properties; p && p->name; p++) {
        ObjectPropertyInfo *info = g_new0(ObjectPropertyInfo, 1);

        info->name = g_strdup(p->name);
        info->type = g_strdup(p->has_auto ? "OnOffAuto" : "bool");
        info->description = g_strdup(p->desc);
        QAPI_LIST_APPEND(*tail, info);
    }
    add_property(tail, "kernel", "string");
    add_property(tail, "dump-guest-core", "bool");
    add_property(tail, "mem-merge", "bool");
    add_property(tail, "suppress-vmdesc", "bool");
}

static char *machine_class_name(Machine *m)
{
    return machine_type_class_name(machine_get_type(m));
}

/* The children of what @kind stands for. */
static void list_children(ObjectPropertyInfoList ***tail, Machine *m,
                          PathKind kind)
{
    g_autofree char *class_name = machine_class_name(m);
    g_auto(GStrv) ids = object_container_ids(m->objects);

    if (kind == PATH_ROOT) {
        add_child(tail, "machine", class_name);
        add_child(tail, "objects", "container");
    } else if (kind == PATH_MACHINE) {
        add_child(tail, "peripheral", "container");
        add_child(tail, "unattached", "container");
    }
    for (guint i = 0; kind == PATH_PERIPHERAL && i < m->plugged->len; i++) {
        Device *dev = g_ptr_array_index(m->plugged, i);

        if (device_get_id(dev)) {
            add_child(tail, device_get_id(dev),
                      object_type_name_of(G_OBJECT(dev)));
        }
    }
    for (unsigned i = 0; kind == PATH_UNATTACHED && i < machine_cpu_count(m);
         i++) {
        g_autofree char *path = cpu_qom_path(i);

        add_child(tail, strrchr(path, '/') + 1, CPU_TYPE_NAME);
    }
    for (size_t i = 0; kind == PATH_OBJECTS && ids[i]; i++) {
        add_child(tail, ids[i],
                  object_type_name_of(object_container_get(m->objects,
                                                           ids[i])));
    }
}

ObjectPropertyInfoList *qmp_qom_list(QmpContext *ctx, const char *path,
                                     Error **errp)
{
    Machine *m = ctx->machine;
    ObjectPropertyInfoList *list = NULL, **tail = &list;
    PathKind kind;
    GObject *obj;

    if (!path_resolve(m, path, &kind, &obj, errp)) {
        return NULL;
    }
    add_property(&tail, "type", "string");
    if (kind == PATH_OBJECT) {
        list_class(&tail, G_OBJECT_GET_CLASS(obj));
    } else if (kind == PATH_MACHINE) {
        list_machine_type(&tail, machine_get_type(m));
    }
    list_children(&tail, m, kind);
    return list;
}

ObjectPropertyInfoList *qmp_qom_list_properties(QmpContext *ctx,
                                                const char *typename,
                                                Error **errp)
{
    const ObjectTypeInfo *info = object_type_find(typename);
    ObjectPropertyInfoList *list = NULL, **tail = &list;

    if (!info) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "Class '%s' not found",
                  typename);
        return NULL;
    }
    add_property(&tail, "type", "string");
    if (g_type_is_a(info->type, G_TYPE_OBJECT)) {
        GObjectClass *class = g_type_class_ref(info->type);

        list_class(&tail, class);
        g_type_class_unref(class);
        return list;
    }
    for (size_t i = 0; machine_types[i]; i++) {
        g_autofree char *name = machine_type_class_name(machine_types[i]);

        if (g_str_equal(name, typename)) {
            list_machine_type(&tail, machine_types[i]);
        }
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

ObjectPropertyInfoList *qmp_device_list_properties(QmpContext *ctx,
                                                   const char *typename,
                                                   Error **errp)
{
    const ObjectTypeInfo *info = object_type_find(typename);
    ObjectPropertyInfoList *list;

    if (!info) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '%s' not found",
                  typename);
        return NULL;
    }
    if (info->abstract || !g_type_is_a(info->type, DEVICE_TYPE)) {
        error_setg(errp, "Parameter 'typename' expects a non-abstract device "
                   "type");
        return NULL;
    }
    list = qmp_qom_list_properties(ctx, typename, errp);
    if (list) {
        /* The first is the type, which is not for -device. */
        ObjectPropertyInfoList *rest = list->next;

        list->next = NULL;
        qapi_free_ObjectPropertyInfoList(list);
        list = rest;
    }
    return list;
}

/* The name of what @kind stands for, freed by g_free(). */
static char *path_type_name(Machine *m, PathKind kind, GObject *obj)
{
    switch (kind) {
    case PATH_MACHINE:
        return machine_class_name(m);
    case PATH_CPU:
        return g_strdup(CPU_TYPE_NAME);
    case PATH_OBJECT:
        return g_strdup(object_type_name_of(obj));
    default:
        return g_strdup("container");
    }
}

/* A property of the machine; NULL: it has none of that name. */
static json_object *machine_property(Machine *m, const char *property)
{
    const MachineProperty *p = machine_get_type(m)->properties;
    const char *value;

    if (g_str_equal(property, "kernel")) {
        value = machine_get_kernel(m);
        return json_object_new_string(value ? value : "");
    }
    if (g_str_equal(property, "suppress-vmdesc")) {
        return json_object_new_boolean(machine_get_suppress_vmdesc(m));
    }
    if (g_str_equal(property, "dump-guest-core")) {
        return json_object_new_boolean(!m->omit_from_core);
    }
    if (g_str_equal(property, "mem-merge")) {
        return json_object_new_boolean(m->mem_merge);
    }
    while (p && p->name && !g_str_equal(p->name, property)) {
        p++;
    }
    if (!p || !p->name) {
        return NULL;
    }
    value = machine_get_property(m, property);
    if (p->has_auto) {
        return json_object_new_string(value ? value : "auto");
    }
    /* What was not said is on, unless there is no such device at all. */
    return json_object_new_boolean(value ? g_str_equal(value, "on")
                                         : !p->off_only);
}

json_object *qmp_qom_get(QmpContext *ctx, const char *path,
                         const char *property, Error **errp)
{
    g_autofree char *type = NULL;
    GValue value = G_VALUE_INIT;
    GParamSpec *spec = NULL;
    json_object *out = NULL;
    PathKind kind;
    GObject *obj;

    if (!path_resolve(ctx->machine, path, &kind, &obj, errp)) {
        return NULL;
    }
    type = path_type_name(ctx->machine, kind, obj);
    if (strcmp(property, "type") == 0) {
        return json_object_new_string(type);
    }
    if (kind == PATH_OBJECT) {
        spec = g_object_class_find_property(G_OBJECT_GET_CLASS(obj), property);
    } else if (kind == PATH_MACHINE) {
        out = machine_property(ctx->machine, property);
    }
    if (!out && !spec) {
        error_setg(errp, "Property '%s.%s' not found", type, property);
    } else if (spec && !(spec->flags & G_PARAM_READABLE)) {
        error_setg(errp, "Property '%s.%s' is not readable", type, property);
    } else if (spec) {
        g_object_get_property(obj, spec->name, &value);
        out = value_to_json(&value);
        g_value_unset(&value);
    }
    return out;
}

bool qmp_qom_set(QmpContext *ctx, const char *path, const char *property,
                 json_object *value, Error **errp)
{
    g_autofree char *type = NULL;
    json_object *old;
    GParamSpec *spec;
    PathKind kind;
    GObject *obj;

    if (!path_resolve(ctx->machine, path, &kind, &obj, errp)) {
        return false;
    }
    spec = obj ? g_object_class_find_property(G_OBJECT_GET_CLASS(obj),
                                              property) : NULL;
    if (spec && (spec->flags & OBJECT_PARAM_LIVE)) {
        return object_property_set_json(obj, property, value, errp);
    }
    type = path_type_name(ctx->machine, kind, obj);
    if (spec) {
        error_setg(errp, "cannot change property '%s' of %s", property, type);
        return false;
    }
    /* Whatever else can be read is there, but cannot be changed. */
    old = qmp_qom_get(ctx, path, property, errp);
    if (old) {
        error_setg(errp, "Property '%s.%s' is not writable", type, property);
        json_object_put(old);
    }
    return false;
}
