/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The built-in types of the schema language and lists of them. */
#include "qemu/osdep.h"
#include "qapi/qapi-runtime.h"

/*
 * The names of integer types are those that errors show.  The identifiers are
 * pasted at once, in one macro: "bool" may be a macro itself.
 */
#define WITH_LIST(ident, kind_, ctype, name_)                                  \
    const QapiType qapi_type_##ident = {                                       \
        .kind = kind_,                                                         \
        .name = name_,                                                         \
        .size = sizeof(ctype),                                                 \
    };                                                                         \
    const QapiType qapi_type_##ident##List = {                                 \
        .kind = QAPI_KIND_LIST,                                                \
        .name = #ident "List",                                                 \
        .size = sizeof(ident##List),                                           \
        .element = &qapi_type_##ident,                                         \
        .value_offset = offsetof(ident##List, value),                          \
    };                                                                         \
    QAPI_DEFINE_FUNCTIONS(ident##List)

WITH_LIST(str, QAPI_KIND_STR, char *, "str")
WITH_LIST(bool, QAPI_KIND_BOOL, bool, "bool")
WITH_LIST(number, QAPI_KIND_NUMBER, double, "number")
WITH_LIST(int, QAPI_KIND_INT, int64_t, "int64")
WITH_LIST(int8, QAPI_KIND_INT, int8_t, "int8_t")
WITH_LIST(int16, QAPI_KIND_INT, int16_t, "int16_t")
WITH_LIST(int32, QAPI_KIND_INT, int32_t, "int32_t")
WITH_LIST(int64, QAPI_KIND_INT, int64_t, "int64")
WITH_LIST(uint8, QAPI_KIND_UINT, uint8_t, "uint8_t")
WITH_LIST(uint16, QAPI_KIND_UINT, uint16_t, "uint16_t")
WITH_LIST(uint32, QAPI_KIND_UINT, uint32_t, "uint32_t")
WITH_LIST(uint64, QAPI_KIND_UINT, uint64_t, "uint64")
WITH_LIST(size, QAPI_KIND_SIZE, uint64_t, "size")
WITH_LIST(any, QAPI_KIND_ANY, json_object *, "any")

/* Has one value only, so nothing is stored. */
const QapiType qapi_type_null = {
    .kind = QAPI_KIND_NULL,
    .name = "null",
};

const QapiType qapi_type_empty = {
    .kind = QAPI_KIND_STRUCT,
    .name = "empty",
    .size = sizeof(char),
    .tag = -1,
};
