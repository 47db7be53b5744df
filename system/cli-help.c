/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists that options print for "help": answered before anything else. */
#include "qemu/osdep.h"

#include "qemu/object.h"
#include "qemu/trace.h"
#include "system/chardev.h"
#include "system/cli.h"
#include "system/machine.h"

static bool is_help(const char *value)
{
    return g_str_equal(value, "help") || g_str_equal(value, "?");
}

static bool uses_ask_help(const GArray *uses)
{
    for (guint i = 0; i < uses->len; i++) {
        if (is_help(g_array_index(uses, CliUse, i).value)) {
            return true;
        }
    }
    return false;
}

static void print_option(const char *name, const char *type, const char *desc)
{
    g_autofree char *left = g_strdup_printf("%s=<%s>", name, type);

    if (desc && *desc) {
        printf("  %-22s - %s\n", left, desc);
    } else {
        printf("  %s\n", left);
    }
}

static void print_machines(void)
{
    printf("Supported machines are:\n");
    for (size_t i = 0; machine_types[i]; i++) {
        printf("%-20s %s\n", machine_types[i]->name, machine_types[i]->desc);
    }
}

/* -machine help, or -machine NAME,help if there is a machine NAME. */
static void print_machine_help(json_object *machine)
{
    const char *name = json_object_get_string(
        json_object_object_get(machine, "type"));
    const MachineType *type = name ? machine_type_find(name) : NULL;

    if (!type) {
        print_machines();
        return;
    }
    printf("%s-machine options:\n", type->name);
    print_option("accel", "string", "Accelerators to try, as NAME:NAME");
    print_option("kernel", "string", "Image to boot");
    print_option("memory-backend", "string", "Id of the object to use as RAM");
    print_option("dump-guest-core", "bool", "RAM is part of core dumps");
    print_option("mem-merge", "bool", "The host may merge equal pages of RAM");
    print_option("suppress-vmdesc", "bool",
                 "Send no description of the stream at its end");
    for (const MachineProperty *p = type->properties; p && p->name; p++) {
        print_option(p->name, p->has_auto ? "OnOffAuto" : "bool", p->desc);
    }
}

static void print_accel(const ObjectTypeInfo *info, void *opaque)
{
    if (!info->abstract) {
        g_autofree char *name = g_strdup(info->name);

        if (g_str_has_suffix(name, "-accel")) {
            name[strlen(name) - strlen("-accel")] = '\0';
        }
        printf("%s\n", name);
    }
}

static void print_user_type(const ObjectTypeInfo *info, void *opaque)
{
    if (info->user_creatable) {
        printf("  %s\n", info->name);
    }
}

static const char *property_type(const GParamSpec *spec)
{
    switch (G_TYPE_FUNDAMENTAL(spec->value_type)) {
    case G_TYPE_BOOLEAN:
        return "bool";
    case G_TYPE_INT:
    case G_TYPE_UINT:
    case G_TYPE_INT64:
    case G_TYPE_UINT64:
        return "int";
    case G_TYPE_STRING:
        return "string";
    default:
        return g_type_name(spec->value_type);
    }
}

static void note_found(const ObjectTypeInfo *info, void *opaque)
{
    const ObjectTypeInfo **search = opaque;

    if (info == search[0]) {
        search[1] = info;
    }
}

/*
 * "TYPE,help" where users can make a TYPE that is a @kind, or with NULL any
 * object; false if @value is not of that form or type.
 */
static bool print_type_options(const char *value, const char *kind)
{
    const ObjectTypeInfo *search[2] = { NULL };
    size_t len = strcspn(value, ",");
    g_autofree char *name = g_strndup(value, len);
    const ObjectTypeInfo *info;
    g_autofree GParamSpec **specs = NULL;
    GObjectClass *klass;
    guint n;

    if (!value[len] || !is_help(value + len + 1)) {
        return false;
    }
    info = object_type_find(name);
    search[0] = info;
    if (kind) {
        object_type_foreach(kind, note_found, search);
    }
    if (!info || info->abstract ||
        !(kind ? search[1] != NULL : info->user_creatable)) {
        return false;
    }
    printf("%s options:\n", name);
    klass = g_type_class_ref(info->type);
    specs = g_object_class_list_properties(klass, &n);
    for (guint i = 0; i < n; i++) {
        if (specs[i]->flags & G_PARAM_WRITABLE) {
            print_option(specs[i]->name, property_type(specs[i]),
                         g_param_spec_get_blurb(specs[i]));
        }
    }
    g_type_class_unref(klass);
    return true;
}

static void print_device(const ObjectTypeInfo *info, void *opaque)
{
    if (!info->abstract) {
        printf("name \"%s\"\n", info->name);
    }
}

/* -device help, -device NAME,help */
static bool answer_device_help(const GArray *devices)
{
    if (uses_ask_help(devices)) {
        printf("Display devices:\n");
        object_type_foreach("device", print_device, NULL);
        return true;
    }
    for (guint i = 0; i < devices->len; i++) {
        if (print_type_options(g_array_index(devices, CliUse, i).value,
                               "device")) {
            return true;
        }
    }
    return false;
}

static bool answer_object_help(const GArray *objects)
{
    if (uses_ask_help(objects)) {
        printf("List of user creatable objects:\n");
        object_type_foreach(NULL, print_user_type, NULL);
        return true;
    }
    for (guint i = 0; i < objects->len; i++) {
        if (print_type_options(g_array_index(objects, CliUse, i).value,
                               NULL)) {
            return true;
        }
    }
    return false;
}

static void print_chardev_kind(const char *name, void *opaque)
{
    printf("  %s\n", name);
}

static void print_trace_event(TraceEvent *ev, void *opaque)
{
    printf("%s\n", ev->name);
}

bool cli_answer_help(const CommandLine *cl)
{
    if (cl->help) {
        cli_print_help();
    } else if (cl->version) {
        cli_print_version();
    } else if (cl->machine && json_object_object_get(cl->machine, "help")) {
        print_machine_help(cl->machine);
    } else if (uses_ask_help(cl->accels)) {
        printf("Accelerators supported in QEMU binary:\n");
        object_type_foreach("accel", print_accel, NULL);
    } else if (uses_ask_help(cl->chardevs)) {
        printf("Available chardev backend types:\n");
        chardev_kind_foreach(print_chardev_kind, NULL);
    } else if (cl->log_items && is_help(cl->log_items)) {
        printf("%s", TRACE_LOG_ITEMS);
    } else if (uses_ask_help(cl->traces)) {
        trace_foreach("*", print_trace_event, NULL);
    } else {
        return answer_object_help(cl->objects) ||
               answer_device_help(cl->devices);
    }
    return true;
}
