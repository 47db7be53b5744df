/* SPDX-License-Identifier: GPL-2.0-or-later */
/* query-qmp-schema */
#include "qemu/osdep.h"
#include "qapi/qapi-commands-introspect.h"

json_object *qmp_query_qmp_schema(QmpContext *ctx, json_object *args,
                                  Error **errp)
{
    char none;

    /*
     * The data bypasses the generated types: in those, "default: null" could
     * not be told from no default.
     */
    if (!qapi_read_struct(&qapi_type_empty, &none, args, QAPI_INPUT_JSON,
                          errp)) {
        return NULL;
    }
    return qapi_introspect();
}
