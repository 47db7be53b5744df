/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which accelerators exist, and choosing one. */
#include "qemu/osdep.h"

#include "config-host.h"
#include "system/accel.h"
#include "system/accel/accel-int.h"

G_DEFINE_ABSTRACT_TYPE(Accel, accel, G_TYPE_OBJECT)

static void accel_class_init(AccelClass *klass)
{
}

static void accel_init(Accel *accel)
{
}

void accel_register_types(void)
{
    object_type_announce("accel", NULL, ACCEL_TYPE, true, false);
#if CONFIG_KVM
    object_type_announce("kvm-accel", "accel", kvm_accel_get_type(), false,
                         false);
#endif
#if CONFIG_TCG
    object_type_announce("tcg-accel", "accel", tcg_accel_get_type(), false,
                         false);
#endif
    object_type_announce("qtest-accel", "accel", qtest_accel_get_type(),
                         false, false);
}

/* Make the accelerator that @wanted asks for, with its properties set. */
static Accel *accel_new(json_object *wanted, const char *name, Error **errp)
{
    g_autofree char *type_name = g_strdup_printf("%s-accel", name);
    const ObjectTypeInfo *info = object_type_find(type_name);
    g_autoptr(GObject) obj = NULL;

    if (!info || info->abstract || !g_type_is_a(info->type, ACCEL_TYPE)) {
        error_setg(errp, "invalid accelerator %s", name);
        return NULL;
    }
    obj = g_object_new(info->type, NULL);
    json_object_object_foreach(wanted, key, value) {
        if (strcmp(key, "accel") == 0) {
            continue;
        }
        if (!g_object_class_find_property(G_OBJECT_GET_CLASS(obj), key)) {
            error_setg(errp, "Property '%s.%s' not found", type_name, key);
            return NULL;
        }
        if (!object_property_set_json(obj, key, value, errp)) {
            return NULL;
        }
    }
    return QEMU_ACCEL(g_steal_pointer(&obj));
}

static const char *accel_wanted_name(json_object *wanted)
{
    json_object *name;

    if (!json_object_object_get_ex(wanted, "accel", &name)
        || !json_object_is_type(name, json_type_string)) {
        return "";
    }
    return json_object_get_string(name);
}

bool accel_select(Machine *m, json_object *const *wanted, size_t n, bool quiet,
                  Error **errp)
{
    Error *err = NULL;

    for (size_t i = 0; i < n; i++) {
        const char *name = accel_wanted_name(wanted[i]);
        g_autofree char *location = g_strdup_printf("-accel %s", name);
        g_autoptr(Accel) accel = NULL;

        if (err) {
            /* Still under the location of the one that failed. */
            error_report_err(g_steal_pointer(&err));
        }
        error_set_location(location);
        accel = accel_new(wanted[i], name, &err);
        if (accel && QEMU_ACCEL_GET_CLASS(accel)->init(accel, m, &err)) {
            error_set_location(NULL);
            if (i > 0 && !quiet) {
                error_report("falling back to %s", name);
            }
            machine_set_accel(m, accel);
            return true;
        }
    }
    if (!err) {
        error_setg(&err, "no accelerator found");
    }
    error_propagate(errp, err);
    return false;
}
