/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -object: objects that users make, before and after the monitors. */
#include "qemu/osdep.h"

#include "qapi/qapi-types-qom.h"
#include "qemu/cutils.h"
#include "qemu/keyval.h"
#include "qemu/object.h"
#include "system/cli.h"

static const char *member(json_object *props, const char *name)
{
    return json_object_get_string(json_object_object_get(props, name));
}

static bool is_memory_backend(json_object *props)
{
    const char *type = member(props, "qom-type");

    return type && g_str_has_prefix(type, "memory-backend-");
}

/* Do @props say what the schema wants?  If not, the option is at fault. */
static bool text_is_right(json_object *props, bool from_text)
{
    const char *id = member(props, "id");
    ObjectOptions *options = from_text
        ? qapi_ObjectOptions_from_keyval(props, NULL)
        : qapi_ObjectOptions_from_json(props, NULL, NULL);

    if (!options) {
        return false;
    }
    qapi_free_ObjectOptions(options);
    return id_wellformed(id);
}

static bool create_object(ObjectContainer *objects, const CliUse *use,
                          json_object *props)
{
    bool from_text = use->value[0] != '{';
    const char *id = member(props, "id");
    Error *err = NULL;

    if (id && object_container_get(objects, id)) {
        error_setg(&err, "Duplicate ID '%s' for object", id);
        cli_report(use, err);
        return false;
    }
    if (object_container_add(objects, props, from_text, &err)) {
        return true;
    }
    /* What goes wrong in the object itself is told without the option. */
    cli_report(text_is_right(props, from_text) ? NULL : use, err);
    return false;
}

bool cli_create_objects(const CommandLine *cl, ObjectContainer *objects,
                        bool memory)
{
    for (guint i = 0; i < cl->objects->len; i++) {
        const CliUse *use = &g_array_index(cl->objects, CliUse, i);
        Error *err = NULL;
        bool ok;
        json_object *props = keyval_parse_or_json(use->value, "qom-type",
                                                  NULL, &err);

        if (!props) {
            cli_report(use, err);
            return false;
        }
        ok = is_memory_backend(props) != memory ||
             create_object(objects, use, props);
        json_object_put(props);
        if (!ok) {
            return false;
        }
    }
    return true;
}
