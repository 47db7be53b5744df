/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values of schema types: to JSON, copied, freed. */
#include "qemu/osdep.h"

#include <math.h>

#include "qapi-internal.h"
#include "qapi/qapi-runtime.h"

/* Has the member a value in @obj? */
static bool member_present(const QapiMember *member, const char *obj)
{
    const char *slot = obj + member->offset;

    if (!member->optional) {
        return true;
    }
    if (member->has_flag) {
        return *(const bool *)(obj + member->has_offset);
    }
    return *(void *const *)slot != NULL;
}

const QapiType *qapi_union_branch(const QapiType *type, const void *obj)
{
    const QapiMember *tag;
    int value;

    if (type->tag < 0) {
        return NULL;
    }
    tag = &type->members[type->tag];
    memcpy(&value, (const char *)obj + tag->offset, sizeof(value));
    if (value < 0 || (uint32_t)value >= type->n_branches) {
        return NULL;
    }
    return type->branches[value];
}

bool qapi_kind_is_embedded(QapiKind kind)
{
    return kind == QAPI_KIND_STRUCT;
}

static const QapiType *alternate_branch(const QapiType *type, const void *obj)
{
    QType qtype = *(const QType *)obj;

    return qtype < type->n_branches ? type->branches[qtype] : NULL;
}

static json_object *write_int(const QapiType *type, const void *slot)
{
    switch (type->size) {
    case 1:
        return json_object_new_int(*(const int8_t *)slot);
    case 2:
        return json_object_new_int(*(const int16_t *)slot);
    case 4:
        return json_object_new_int(*(const int32_t *)slot);
    default:
        return json_object_new_int64(*(const int64_t *)slot);
    }
}

static json_object *write_uint(const QapiType *type, const void *slot)
{
    switch (type->size) {
    case 1:
        return json_object_new_int(*(const uint8_t *)slot);
    case 2:
        return json_object_new_int(*(const uint16_t *)slot);
    case 4:
        return json_object_new_int64(*(const uint32_t *)slot);
    default:
        return json_object_new_uint64(*(const uint64_t *)slot);
    }
}

/* JSON has no infinities and no NaN: the nearest that it has. */
static json_object *write_number(double value)
{
    if (isnan(value)) {
        value = 0;
    } else if (isinf(value)) {
        value = value > 0 ? G_MAXDOUBLE : -G_MAXDOUBLE;
    }
    return json_object_new_double(value);
}

static json_object *write_list(const QapiType *type, const char *node)
{
    json_object *array = json_object_new_array();

    for (; node; node = *(const char *const *)node) {
        json_object_array_add(array, qapi_write(type->element,
                                                node + type->value_offset));
    }
    return array;
}

static void write_members(const QapiType *type, const char *obj,
                          json_object *json)
{
    const QapiType *branch;

    for (uint32_t i = 0; i < type->n; i++) {
        const QapiMember *member = &type->members[i];

        if (member_present(member, obj)) {
            json_object_object_add(json, member->name,
                                   qapi_write(member->type,
                                              obj + member->offset));
        }
    }
    branch = qapi_union_branch(type, obj);
    if (branch) {
        write_members(branch, obj + type->u_offset, json);
    }
}

json_object *qapi_write_struct(const QapiType *type, const void *obj)
{
    json_object *json = json_object_new_object();

    if (obj) {
        write_members(type, obj, json);
    }
    return json;
}

static json_object *write_alternate(const QapiType *type, const char *obj)
{
    const QapiType *branch = obj ? alternate_branch(type, obj) : NULL;

    if (!branch) {
        return NULL;
    }
    if (qapi_kind_is_embedded(branch->kind)) {
        return qapi_write_struct(branch, obj + type->u_offset);
    }
    return qapi_write(branch, obj + type->u_offset);
}

json_object *qapi_write(const QapiType *type, const void *slot)
{
    void *ptr;

    switch (type->kind) {
    case QAPI_KIND_BOOL:
        return json_object_new_boolean(*(const bool *)slot);
    case QAPI_KIND_NUMBER:
        return write_number(*(const double *)slot);
    case QAPI_KIND_INT:
        return write_int(type, slot);
    case QAPI_KIND_UINT:
    case QAPI_KIND_SIZE:
        return write_uint(type, slot);
    case QAPI_KIND_ENUM:
        return json_object_new_string(
            qapi_enum_str(type, *(const int *)slot));
    case QAPI_KIND_NULL:
        return NULL;
    default:
        break;
    }

    ptr = *(void *const *)slot;
    switch (type->kind) {
    case QAPI_KIND_STR:
        return json_object_new_string(ptr ? (const char *)ptr : "");
    case QAPI_KIND_ANY:
        return json_object_get(ptr);
    case QAPI_KIND_STRUCT:
        return qapi_write_struct(type, ptr);
    case QAPI_KIND_ALTERNATE:
        return write_alternate(type, ptr);
    default:
        return write_list(type, ptr);
    }
}

void qapi_clear_struct(const QapiType *type, void *obj)
{
    const QapiType *branch = qapi_union_branch(type, obj);

    if (branch) {
        qapi_clear_struct(branch, (char *)obj + type->u_offset);
    }
    for (uint32_t i = 0; i < type->n; i++) {
        qapi_clear(type->members[i].type,
                   (char *)obj + type->members[i].offset);
    }
}

static void clear_alternate(const QapiType *type, char *obj)
{
    const QapiType *branch = alternate_branch(type, obj);

    if (branch && qapi_kind_is_embedded(branch->kind)) {
        qapi_clear_struct(branch, obj + type->u_offset);
    } else if (branch) {
        qapi_clear(branch, obj + type->u_offset);
    }
}

static void free_list(const QapiType *type, char *node)
{
    while (node) {
        char *next = *(char **)node;

        qapi_clear(type->element, node + type->value_offset);
        g_free(node);
        node = next;
    }
}

void qapi_clear(const QapiType *type, void *slot)
{
    void *ptr;

    switch (type->kind) {
    case QAPI_KIND_STR:
    case QAPI_KIND_ANY:
    case QAPI_KIND_STRUCT:
    case QAPI_KIND_ALTERNATE:
    case QAPI_KIND_LIST:
        break;
    default:
        return; /* scalars own nothing */
    }

    ptr = *(void **)slot;
    *(void **)slot = NULL;
    if (!ptr) {
        return;
    }
    switch (type->kind) {
    case QAPI_KIND_ANY:
        json_object_put(ptr);
        return;
    case QAPI_KIND_LIST:
        free_list(type, ptr);
        return;
    case QAPI_KIND_STRUCT:
        qapi_clear_struct(type, ptr);
        break;
    case QAPI_KIND_ALTERNATE:
        clear_alternate(type, ptr);
        break;
    default:
        break;
    }
    g_free(ptr);
}

/* @dst has been filled with the bytes of @src: copy what they point to. */
static void copy_members(const QapiType *type, char *dst, const char *src)
{
    const QapiType *branch = qapi_union_branch(type, src);

    for (uint32_t i = 0; i < type->n; i++) {
        qapi_copy(type->members[i].type, dst + type->members[i].offset,
                  src + type->members[i].offset);
    }
    if (branch) {
        copy_members(branch, dst + type->u_offset, src + type->u_offset);
    }
}

static void *copy_list(const QapiType *type, const char *node)
{
    void *head = NULL;
    void **tail = &head;

    for (; node; node = *(const char *const *)node) {
        char *copy = g_malloc0(type->size);

        qapi_copy(type->element, copy + type->value_offset,
                  node + type->value_offset);
        *tail = copy;
        tail = (void **)copy;
    }
    return head;
}

static void *copy_alternate(const QapiType *type, const char *src)
{
    const QapiType *branch = alternate_branch(type, src);
    char *dst = g_memdup2(src, type->size);

    if (branch && qapi_kind_is_embedded(branch->kind)) {
        copy_members(branch, dst + type->u_offset, src + type->u_offset);
    } else if (branch) {
        qapi_copy(branch, dst + type->u_offset, src + type->u_offset);
    }
    return dst;
}

/* A deep copy of what @src points to, by the kind of @type. */
static void *copy_pointee(const QapiType *type, void *src)
{
    void *dst;

    switch (type->kind) {
    case QAPI_KIND_STR:
        return g_strdup(src);
    case QAPI_KIND_ANY:
        dst = NULL;
        json_object_deep_copy(src, (json_object **)&dst, NULL);
        return dst;
    case QAPI_KIND_LIST:
        return copy_list(type, src);
    case QAPI_KIND_ALTERNATE:
        return copy_alternate(type, src);
    default:
        dst = g_memdup2(src, type->size);
        copy_members(type, dst, src);
        return dst;
    }
}

void qapi_copy(const QapiType *type, void *dst, const void *src)
{
    switch (type->kind) {
    case QAPI_KIND_STR:
    case QAPI_KIND_ANY:
    case QAPI_KIND_STRUCT:
    case QAPI_KIND_ALTERNATE:
    case QAPI_KIND_LIST: {
        void *ptr = *(void *const *)src;

        *(void **)dst = ptr ? copy_pointee(type, ptr) : NULL;
        return;
    }
    default:
        memcpy(dst, src, type->size);
    }
}

const char *qapi_enum_str(const QapiType *type, int value)
{
    if (value < 0 || (uint32_t)value >= type->n) {
        return "invalid";
    }
    return type->values[value];
}

bool qapi_enum_parse(const QapiType *type, const char *s, int *out)
{
    for (uint32_t i = 0; s && i < type->n; i++) {
        if (g_str_equal(s, type->values[i])) {
            *out = i;
            return true;
        }
    }
    return false;
}
