/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the schema compiler's output stands on.
 *
 * Each type of the schema is a C type and a constant QapiType that describes
 * it; reading from JSON, writing, copying and freeing walk that description.
 * Code outside util/qapi uses the typed functions of qapi-types-MODULE.h
 * (qapi_T_from_json(), qapi_T_to_json(), qapi_T_clone(), qapi_free_T()) and
 * the list macros below.
 *
 * Nothing here keeps state: all functions may be called from any thread.
 */
#ifndef QAPI_QAPI_RUNTIME_H
#define QAPI_QAPI_RUNTIME_H

#include <json-c/json.h>

#include "qemu/error.h"

/* Which JSON type an alternate holds. */
typedef enum QType {
    QTYPE_NONE,
    QTYPE_QNULL,
    QTYPE_QNUM,
    QTYPE_QSTRING,
    QTYPE_QDICT,
    QTYPE_QLIST,
    QTYPE_QBOOL,
    QTYPE__MAX,
} QType;

/* Where the JSON comes from. */
typedef enum QapiInputMode {
    QAPI_INPUT_JSON,
    /*
     * From keyval_parse(): all leaves are strings, and are read as what the
     * schema says ("on", "0x10", "1.5G"); paths in errors are dotted keys.
     */
    QAPI_INPUT_KEYVAL,
} QapiInputMode;

typedef enum QapiKind {
    QAPI_KIND_STR,
    QAPI_KIND_BOOL,
    QAPI_KIND_NUMBER,
    QAPI_KIND_INT,
    QAPI_KIND_UINT,
    QAPI_KIND_SIZE,
    QAPI_KIND_NULL,
    QAPI_KIND_ANY,
    QAPI_KIND_ENUM,
    QAPI_KIND_STRUCT, /* also flat unions: those have a tag */
    QAPI_KIND_ALTERNATE,
    QAPI_KIND_LIST,
} QapiKind;

typedef struct QapiType QapiType;

typedef struct QapiMember {
    const char *name;
    const QapiType *type;
    uint32_t offset;
    uint32_t has_offset; /* of has_NAME; valid if has_flag */
    bool optional;
    bool has_flag;
} QapiMember;

/*
 * A "slot" below is the variable or struct member that holds a value: it has
 * the value itself for scalars, a pointer for everything else.
 */
struct QapiType {
    QapiKind kind;
    const char *name;       /* in errors */
    uint32_t size;          /* bytes of a scalar's slot, or of the struct */
    /* ENUM: strings by value, @n of them. */
    const char *const *values;
    /* STRUCT: members that are always there, @n of them. */
    const QapiMember *members;
    uint32_t n;
    /*
     * STRUCT with a tag: index of the tag among the members, and the struct
     * type of each of the tag's values (NULL: no further members).
     * ALTERNATE: type of each QType (NULL: not accepted).
     * The value of the branch lies at @u_offset.
     */
    int32_t tag;
    uint32_t u_offset;
    const QapiType *const *branches;
    uint32_t n_branches;
    /* LIST */
    const QapiType *element;
    uint32_t value_offset;
};

/*
 * Read @json into the empty slot @slot.  @path names the value in errors;
 * NULL: @json is the outermost object, its members are named by themselves.
 * On failure the slot is left empty.
 */
bool qapi_read(const QapiType *type, void *slot, json_object *json,
               const char *path, QapiInputMode mode, Error **errp);
/* The value in @slot as JSON: a new reference, NULL means JSON's null. */
json_object *qapi_write(const QapiType *type, const void *slot);
/* Free what @slot points to and make it empty. */
void qapi_clear(const QapiType *type, void *slot);
/* Copy the value in @src, deeply, to the empty slot @dst. */
void qapi_copy(const QapiType *type, void *dst, const void *src);

/*
 * The same for a struct in place: @obj is the struct itself, and is zeroed
 * before reading.  @json may be NULL, which is the same as an empty object.
 */
bool qapi_read_struct(const QapiType *type, void *obj, json_object *json,
                      QapiInputMode mode, Error **errp);
json_object *qapi_write_struct(const QapiType *type, const void *obj);
void qapi_clear_struct(const QapiType *type, void *obj);

/* "invalid" if @value is none of the type's. */
const char *qapi_enum_str(const QapiType *type, int value);
/* False, with *@out untouched, if @s (may be NULL) is none of the type's. */
bool qapi_enum_parse(const QapiType *type, const char *s, int *out);

/*
 * Put @v in front of @list; append it to the list whose end is *@tail, a
 * pointer to the last link (first: to the list variable), which moves on.
 */
#define QAPI_LIST_PREPEND(list, v)                                             \
    do {                                                                       \
        __typeof__(list) node_ = g_malloc0(sizeof(*node_));                    \
        node_->value = (v);                                                    \
        node_->next = (list);                                                  \
        (list) = node_;                                                        \
    } while (0)
#define QAPI_LIST_APPEND(tail, v)                                              \
    do {                                                                       \
        *(tail) = g_malloc0(sizeof(**(tail)));                                 \
        (*(tail))->value = (v);                                                \
        (tail) = &(*(tail))->next;                                             \
    } while (0)

/* Lists of built-in types, and what every type has. */
#define QAPI_DECLARE_LIST(List, ctype)                                         \
    typedef struct List List;                                                  \
    struct List {                                                              \
        List *next;                                                            \
        ctype value;                                                           \
    };                                                                         \
    QAPI_DECLARE_FUNCTIONS(List)
#define QAPI_DECLARE_FUNCTIONS(T)                                              \
    extern const QapiType qapi_type_##T;                                       \
    void qapi_free_##T(T *obj);                                                \
    json_object *qapi_##T##_to_json(const T *obj);                             \
    T *qapi_##T##_from_json(json_object *json, const char *path,               \
                            Error **errp);                                     \
    T *qapi_##T##_from_keyval(json_object *json, Error **errp);                \
    T *qapi_##T##_clone(const T *obj);                                         \
    G_DEFINE_AUTOPTR_CLEANUP_FUNC(T, qapi_free_##T)
#define QAPI_DEFINE_FUNCTIONS(T)                                               \
    void qapi_free_##T(T *obj)                                                 \
    {                                                                          \
        qapi_clear(&qapi_type_##T, &obj);                                      \
    }                                                                          \
    json_object *qapi_##T##_to_json(const T *obj)                              \
    {                                                                          \
        return qapi_write(&qapi_type_##T, &obj);                               \
    }                                                                          \
    T *qapi_##T##_from_json(json_object *json, const char *path,               \
                            Error **errp)                                      \
    {                                                                          \
        T *obj = NULL;                                                         \
        qapi_read(&qapi_type_##T, &obj, json, path, QAPI_INPUT_JSON, errp);    \
        return obj;                                                            \
    }                                                                          \
    T *qapi_##T##_from_keyval(json_object *json, Error **errp)                 \
    {                                                                          \
        T *obj = NULL;                                                         \
        qapi_read(&qapi_type_##T, &obj, json, NULL, QAPI_INPUT_KEYVAL, errp);  \
        return obj;                                                            \
    }                                                                          \
    T *qapi_##T##_clone(const T *obj)                                          \
    {                                                                          \
        T *copy = NULL;                                                        \
        qapi_copy(&qapi_type_##T, &copy, &obj);                                \
        return copy;                                                           \
    }

extern const QapiType qapi_type_str, qapi_type_bool, qapi_type_number,
    qapi_type_int, qapi_type_int8, qapi_type_int16, qapi_type_int32,
    qapi_type_int64, qapi_type_uint8, qapi_type_uint16, qapi_type_uint32,
    qapi_type_uint64, qapi_type_size, qapi_type_null, qapi_type_any;
/* The object without members. */
extern const QapiType qapi_type_empty;

QAPI_DECLARE_LIST(strList, char *)
QAPI_DECLARE_LIST(boolList, bool)
QAPI_DECLARE_LIST(numberList, double)
QAPI_DECLARE_LIST(intList, int64_t)
QAPI_DECLARE_LIST(int8List, int8_t)
QAPI_DECLARE_LIST(int16List, int16_t)
QAPI_DECLARE_LIST(int32List, int32_t)
QAPI_DECLARE_LIST(int64List, int64_t)
QAPI_DECLARE_LIST(uint8List, uint8_t)
QAPI_DECLARE_LIST(uint16List, uint16_t)
QAPI_DECLARE_LIST(uint32List, uint32_t)
QAPI_DECLARE_LIST(uint64List, uint64_t)
QAPI_DECLARE_LIST(sizeList, uint64_t)
QAPI_DECLARE_LIST(anyList, json_object *)

#endif
