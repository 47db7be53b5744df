/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON to values of schema types, checked against the schema.
 *
 * The texts of errors are part of the protocol: clients match them.
 */
#include "qemu/osdep.h"

#include "qapi-internal.h"
#include "qapi/qapi-runtime.h"
#include "qemu/cutils.h"

/* Where we are in the input, from the innermost value outwards. */
typedef struct Where {
    const struct Where *parent;
    const char *name; /* member name, NULL for an element of a list */
    size_t index;     /* of that element */
} Where;

typedef struct Input {
    QapiInputMode mode;
    Error **errp;
} Input;

static bool read_value(const Input *in, const QapiType *type, void *slot,
                       json_object *json, const Where *where);

/* The path of @where, such as "addr.ports[2].name"; "null" for none. */
static char *where_path(const Input *in, const Where *where)
{
    GString *path = g_string_new(NULL);

    for (; where; where = where->parent) {
        g_autofree char *part = NULL;

        if (path->len && path->str[0] != '[' && path->str[0] != '.') {
            g_string_prepend_c(path, '.');
        }
        if (where->name) {
            part = g_strdup(where->name);
        } else if (in->mode == QAPI_INPUT_KEYVAL) {
            part = g_strdup_printf(".%zu", where->index);
        } else {
            part = g_strdup_printf("[%zu]", where->index);
        }
        g_string_prepend(path, part);
    }
    if (!path->len) {
        g_string_assign(path, "null");
    }
    return g_string_free(path, FALSE);
}

/* Some errors show the member alone; elements of lists have no name. */
static const char *where_leaf(const Where *where)
{
    return where && where->name ? where->name : "null";
}

static bool fail_type(const Input *in, const Where *where, const char *expected)
{
    g_autofree char *path = where_path(in, where);

    error_setg(in->errp, "Invalid parameter type for '%s', expected: %s", path,
               expected);
    return false;
}

static bool fail_value(const Input *in, const Where *where,
                       const char *expected)
{
    g_autofree char *path = where_path(in, where);

    error_setg(in->errp, "Parameter '%s' expects %s", path, expected);
    return false;
}

/* The text of a JSON string that C can hold; NULL with an error if not. */
static const char *get_string(const Input *in, json_object *json,
                              const Where *where)
{
    const char *s;

    if (!json_object_is_type(json, json_type_string)) {
        fail_type(in, where, "string");
        return NULL;
    }
    s = json_object_get_string(json);
    if (strlen(s) != (size_t)json_object_get_string_len(json)) {
        g_autofree char *path = where_path(in, where);

        error_setg(in->errp, "Parameter '%s' contains a NUL character", path);
        return NULL;
    }
    return s;
}

static bool is_keyval_string(const Input *in, json_object *json)
{
    return in->mode == QAPI_INPUT_KEYVAL &&
           json_object_is_type(json, json_type_string);
}

static bool read_str(const Input *in, void *slot, json_object *json,
                     const Where *where)
{
    const char *s = get_string(in, json, where);

    *(char **)slot = g_strdup(s);
    return s != NULL;
}

static bool read_bool(const Input *in, void *slot, json_object *json,
                      const Where *where)
{
    if (is_keyval_string(in, json)) {
        g_autofree char *path = where_path(in, where);

        return qapi_bool_parse(path, json_object_get_string(json), slot,
                               in->errp);
    }
    if (!json_object_is_type(json, json_type_boolean)) {
        return fail_type(in, where, "boolean");
    }
    *(bool *)slot = json_object_get_boolean(json);
    return true;
}

static bool read_number(const Input *in, void *slot, json_object *json,
                        const Where *where)
{
    if (is_keyval_string(in, json)) {
        const char *s = json_object_get_string(json);
        char *end;
        double value;

        errno = 0;
        value = g_ascii_strtod(s, &end);
        if (!*s || g_ascii_isspace(*s) || *end || errno ||
            !(value >= -G_MAXDOUBLE && value <= G_MAXDOUBLE)) {
            return fail_value(in, where, "number");
        }
        *(double *)slot = value;
        return true;
    }
    if (!json_object_is_type(json, json_type_int) &&
        !json_object_is_type(json, json_type_double)) {
        return fail_type(in, where, "number");
    }
    *(double *)slot = json_object_get_double(json);
    return true;
}

static bool read_int(const Input *in, const QapiType *type, void *slot,
                     json_object *json, const Where *where)
{
    int64_t value;

    if (is_keyval_string(in, json)) {
        if (!qemu_parse_i64(json_object_get_string(json), &value)) {
            return fail_value(in, where, "integer");
        }
    } else if (!json_object_is_type(json, json_type_int) ||
               json_object_get_uint64(json) > INT64_MAX) {
        return fail_type(in, where, "integer");
    } else {
        value = json_object_get_int64(json);
    }
    if (type->size < sizeof(value)) {
        int64_t max = INT64_MAX >> (64 - 8 * type->size);

        if (value > max || value < -max - 1) {
            error_setg(in->errp, "Parameter '%s' expects %s",
                       where_leaf(where), type->name);
            return false;
        }
    }
    /* Little-endian: the low bytes come first. */
    memcpy(slot, &value, type->size);
    return true;
}

static bool parse_unsigned(const QapiType *type, const char *s, uint64_t *out)
{
    int64_t negative;

    if (type->kind == QAPI_KIND_SIZE) {
        return qemu_parse_size(s, 1, out);
    }
    if (s[0] == '-' && qemu_parse_i64(s, &negative)) {
        *out = negative;
        return true;
    }
    return qemu_parse_u64(s, out);
}

/* Negative numbers count modulo 2^64, so that -1 is "all bits set". */
static bool read_uint(const Input *in, const QapiType *type, void *slot,
                      json_object *json, const Where *where)
{
    uint64_t value;

    if (is_keyval_string(in, json)) {
        if (!parse_unsigned(type, json_object_get_string(json), &value)) {
            return fail_value(in, where, type->kind == QAPI_KIND_SIZE
                                             ? "a size value"
                                             : "integer");
        }
    } else if (!json_object_is_type(json, json_type_int)) {
        return fail_value(in, where, "uint64");
    } else {
        int64_t low = json_object_get_int64(json);

        value = low < 0 ? (uint64_t)low : json_object_get_uint64(json);
    }
    if (type->size < sizeof(value) && value >> (8 * type->size)) {
        error_setg(in->errp, "Parameter '%s' expects %s", where_leaf(where),
                   type->name);
        return false;
    }
    memcpy(slot, &value, type->size);
    return true;
}

static bool read_enum(const Input *in, const QapiType *type, void *slot,
                      json_object *json, const Where *where)
{
    const char *s = get_string(in, json, where);

    if (!s) {
        return false;
    }
    if (!qapi_enum_parse(type, s, slot)) {
        error_setg(in->errp, "Parameter '%s' does not accept value '%s'",
                   where_leaf(where), s);
        return false;
    }
    return true;
}

static bool read_list(const Input *in, const QapiType *type, void *slot,
                      json_object *json, const Where *where)
{
    void **tail = slot;

    if (!json_object_is_type(json, json_type_array)) {
        return fail_type(in, where, "array");
    }
    for (size_t i = 0; i < json_object_array_length(json); i++) {
        Where here = { .parent = where, .index = i };
        char *node = g_malloc0(type->size);

        *tail = node;
        tail = (void **)node;
        if (!read_value(in, type->element, node + type->value_offset,
                        json_object_array_get_idx(json, i), &here)) {
            return false;
        }
    }
    return true;
}

/* Does @key name a member of @obj, whose tag, if any, has been read? */
static bool has_member(const QapiType *type, const char *obj, const char *key)
{
    const QapiType *branch = qapi_union_branch(type, obj);

    for (uint32_t i = 0; i < type->n; i++) {
        if (g_str_equal(type->members[i].name, key)) {
            return true;
        }
    }
    return branch && has_member(branch, obj + type->u_offset, key);
}

static bool read_member(const Input *in, const QapiMember *member, char *obj,
                        json_object *json, const Where *where)
{
    Where here = { .parent = where, .name = member->name };
    json_object *value;

    if (!json || !json_object_object_get_ex(json, member->name, &value)) {
        g_autofree char *path = NULL;

        if (member->optional) {
            return true;
        }
        path = where_path(in, &here);
        error_setg(in->errp, "Parameter '%s' is missing", path);
        return false;
    }
    if (!read_value(in, member->type, obj + member->offset, value, &here)) {
        return false;
    }
    if (member->has_flag) {
        *(bool *)(obj + member->has_offset) = true;
    }
    return true;
}

static bool read_members(const Input *in, const QapiType *type, char *obj,
                         json_object *json, const Where *where)
{
    const QapiType *branch;

    for (uint32_t i = 0; i < type->n; i++) {
        if (!read_member(in, &type->members[i], obj, json, where)) {
            return false;
        }
    }
    branch = qapi_union_branch(type, obj);
    return !branch ||
           read_members(in, branch, obj + type->u_offset, json, where);
}

static bool read_object(const Input *in, const QapiType *type, void *obj,
                        json_object *json, const Where *where)
{
    if (json && !json_object_is_type(json, json_type_object)) {
        return fail_type(in, where, "object");
    }
    if (!read_members(in, type, obj, json, where)) {
        return false;
    }
    if (!json) {
        return true;
    }
    json_object_object_foreach(json, key, value)
    {
        (void)value;
        if (!has_member(type, obj, key)) {
            Where here = { .parent = where, .name = key };
            g_autofree char *path = where_path(in, &here);

            error_setg(in->errp, "Parameter '%s' is unexpected", path);
            return false;
        }
    }
    return true;
}

static QType json_qtype(json_object *json)
{
    switch (json_object_get_type(json)) {
    case json_type_boolean:
        return QTYPE_QBOOL;
    case json_type_double:
    case json_type_int:
        return QTYPE_QNUM;
    case json_type_object:
        return QTYPE_QDICT;
    case json_type_array:
        return QTYPE_QLIST;
    case json_type_string:
        return QTYPE_QSTRING;
    default:
        return QTYPE_QNULL;
    }
}

static bool read_alternate(const Input *in, const QapiType *type, char *obj,
                           json_object *json, const Where *where)
{
    QType qtype = json_qtype(json);
    const QapiType *branch = type->branches[qtype];

    /* Text of the command line may stand for a number or a boolean. */
    if (!branch && is_keyval_string(in, json)) {
        qtype = type->branches[QTYPE_QNUM] ? QTYPE_QNUM : QTYPE_QBOOL;
        branch = type->branches[qtype];
    }
    if (!branch) {
        return fail_type(in, where, type->name);
    }
    *(QType *)obj = qtype;
    if (qapi_kind_is_embedded(branch->kind)) {
        return read_object(in, branch, obj + type->u_offset, json, where);
    }
    return branch->kind == QAPI_KIND_NULL ||
           read_value(in, branch, obj + type->u_offset, json, where);
}

static bool read_value(const Input *in, const QapiType *type, void *slot,
                       json_object *json, const Where *where)
{
    switch (type->kind) {
    case QAPI_KIND_STR:
        return read_str(in, slot, json, where);
    case QAPI_KIND_BOOL:
        return read_bool(in, slot, json, where);
    case QAPI_KIND_NUMBER:
        return read_number(in, slot, json, where);
    case QAPI_KIND_INT:
        return read_int(in, type, slot, json, where);
    case QAPI_KIND_UINT:
    case QAPI_KIND_SIZE:
        return read_uint(in, type, slot, json, where);
    case QAPI_KIND_ENUM:
        return read_enum(in, type, slot, json, where);
    case QAPI_KIND_ANY:
        *(json_object **)slot = json_object_get(json);
        return true;
    case QAPI_KIND_NULL:
        return !json || fail_type(in, where, "null");
    case QAPI_KIND_LIST:
        return read_list(in, type, slot, json, where);
    case QAPI_KIND_STRUCT:
        if (!json) {
            return fail_type(in, where, "object");
        }
        *(void **)slot = g_malloc0(type->size);
        return read_object(in, type, *(void **)slot, json, where);
    case QAPI_KIND_ALTERNATE:
        *(void **)slot = g_malloc0(type->size);
        return read_alternate(in, type, *(void **)slot, json, where);
    }
    return fail_type(in, where, type->name);
}

bool qapi_read(const QapiType *type, void *slot, json_object *json,
               const char *path, QapiInputMode mode, Error **errp)
{
    Input in = { .mode = mode, .errp = errp };
    Where where = { .name = path };

    if (!read_value(&in, type, slot, json, path ? &where : NULL)) {
        qapi_clear(type, slot);
        return false;
    }
    return true;
}

bool qapi_read_struct(const QapiType *type, void *obj, json_object *json,
                      QapiInputMode mode, Error **errp)
{
    Input in = { .mode = mode, .errp = errp };

    memset(obj, 0, type->size);
    if (!read_object(&in, type, obj, json, NULL)) {
        qapi_clear_struct(type, obj);
        return false;
    }
    return true;
}
