/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by the parts of the run-time; private to util/qapi. */
#ifndef QAPI_INTERNAL_H
#define QAPI_INTERNAL_H

#include "qapi/qapi-runtime.h"

/*
 * The type of the further members of the union @obj by the value of its tag;
 * NULL if there are none or @type is no union.
 */
const QapiType *qapi_union_branch(const QapiType *type, const void *obj);

/* Is a branch of this kind held by value, not by pointer? */
bool qapi_kind_is_embedded(QapiKind kind);

#endif
