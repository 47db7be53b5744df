/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands of the test schema. */
#include "qemu/osdep.h"
#include "qapi-commands-test-schema.h"

bool qmp_do_nothing(QmpContext *ctx, Error **errp)
{
    if (ctx && ctx->monitor) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "told to fail");
        return false;
    }
    return true;
}

int64_t qmp_add(QmpContext *ctx, int64_t a, bool has_b, int64_t b,
                Error **errp)
{
    if (a < 0) {
        error_setg(errp, "negative");
    }
    return a + (has_b ? b : 1);
}

Derived *qmp_paint(QmpContext *ctx, ColorList *colors, const char *note,
                   Error **errp)
{
    Derived *d = g_new0(Derived, 1);

    d->name = g_strdup(note ? note : "none");
    d->colors = qapi_ColorList_clone(colors);
    return d;
}

bool qmp_take_box(QmpContext *ctx, const Choice *arg, Error **errp)
{
    if (arg->kind != KINDS_FIRST || arg->u.first.x != 7) {
        error_setg(errp, "not seven");
        return false;
    }
    return true;
}

strList *qmp_take_one(QmpContext *ctx, int64_t x, Error **errp)
{
    strList *list = NULL;

    while (x-- > 0) {
        QAPI_LIST_PREPEND(list, g_strdup_printf("%" PRId64, x));
    }
    return list;
}

json_object *qmp_take_raw(QmpContext *ctx, json_object *args, Error **errp)
{
    if (!args) {
        error_setg(errp, "no arguments");
    }
    return json_object_get(args);
}
