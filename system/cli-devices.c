/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -device: devices that the machine gets beside those of its type. */
#include "qemu/osdep.h"

#include "hw/device.h"
#include "qemu/keyval.h"
#include "qemu/object.h"
#include "system/cli.h"

/* All members but the driver and the id. */
static bool set_properties(GObject *obj, json_object *opts, Error **errp)
{
    json_object_object_foreach(opts, key, value)
    {
        if (!g_str_equal(key, "driver") && !g_str_equal(key, "id") &&
            !object_property_set_json(obj, key, value, errp)) {
            return false;
        }
    }
    return true;
}

static bool id_is_ok(const char *id)
{
    return g_ascii_isalpha(*id) &&
           strspn(id, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-._") ==
               strlen(id);
}

static bool is_device(const ObjectTypeInfo *info)
{
    return info && !info->abstract && g_type_is_a(info->type, DEVICE_TYPE);
}

static bool create_device(Machine *m, json_object *opts, Error **errp)
{
    const char *driver = json_object_get_string(
        json_object_object_get(opts, "driver"));
    const char *id = json_object_get_string(
        json_object_object_get(opts, "id"));
    const ObjectTypeInfo *info;
    Device *dev;

    if (!driver) {
        error_setg(errp, "Parameter 'driver' is missing");
        return false;
    }
    info = object_type_find(driver);
    if (!is_device(info)) {
        error_setg(errp, "'%s' is not a valid device model name", driver);
        return false;
    }
    if (id && !id_is_ok(id)) {
        error_setg(errp, "Parameter 'id' expects an identifier");
        return false;
    }
    dev = g_object_new(info->type, NULL);
    if (!set_properties(G_OBJECT(dev), opts, errp) ||
        !machine_plug(m, dev, id, errp)) {
        g_object_unref(dev);
        return false;
    }
    return true;
}

bool cli_create_devices(const CommandLine *cl, Machine *m)
{
    for (guint i = 0; i < cl->devices->len; i++) {
        const CliUse *use = &g_array_index(cl->devices, CliUse, i);
        Error *err = NULL;
        json_object *opts = keyval_parse_or_json(use->value, "driver", NULL,
                                                 &err);
        bool ok = opts && create_device(m, opts, &err);

        json_object_put(opts);
        if (!ok) {
            cli_report(use, err);
            return false;
        }
    }
    return true;
}
