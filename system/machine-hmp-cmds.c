/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Human monitor commands about the machine and its objects. */
#include "qemu/osdep.h"

#include "machine-internal.h"
#include "qapi/hmp.h"
#include "qapi/qapi-commands-machine.h"
#include "qapi/qapi-commands-qom.h"
#include "qapi/qapi-commands-run-state.h"
#include "qapi/qapi-commands-ui.h"
#include "qemu/keyval.h"

static const char *arg_str(json_object *args, const char *name)
{
    return json_object_get_string(json_object_object_get(args, name));
}

/* ---- buttons ---- */

static void hmp_system_powerdown(HmpContext *hmp, json_object *args)
{
    Error *err = NULL;

    qmp_system_powerdown(hmp->qmp, &err);
    hmp_handle_error(hmp, err);
}

static void hmp_system_wakeup(HmpContext *hmp, json_object *args)
{
    Error *err = NULL;

    qmp_system_wakeup(hmp->qmp, &err);
    hmp_handle_error(hmp, err);
}

static void hmp_nmi(HmpContext *hmp, json_object *args)
{
    Error *err = NULL;

    qmp_inject_nmi(hmp->qmp, &err);
    hmp_handle_error(hmp, err);
}

static void hmp_screendump(HmpContext *hmp, json_object *args)
{
    bool png = json_object_get_boolean(json_object_object_get(args, "png"));
    Error *err = NULL;

    qmp_screendump(hmp->qmp, arg_str(args, "filename"), NULL, false, 0, true,
                   png ? IMAGE_FORMAT_PNG : IMAGE_FORMAT_PPM, &err);
    hmp_handle_error(hmp, err);
}

/* ---- objects ---- */

static void hmp_object_add(HmpContext *hmp, json_object *args)
{
    const char *text = arg_str(args, "object");
    Error *err = NULL;
    json_object *props = keyval_parse_or_json(text, "qom-type", NULL, &err);

    if (props) {
        object_container_add(machine_get_objects(hmp->qmp->machine), props,
                             *text != '{', &err);
        json_object_put(props);
    }
    hmp_handle_error(hmp, err);
}

static void hmp_object_del(HmpContext *hmp, json_object *args)
{
    Error *err = NULL;

    qmp_object_del(hmp->qmp, arg_str(args, "id"), &err);
    hmp_handle_error(hmp, err);
}

static void complete_object_id(QmpContext *ctx, int nb, char *const *argv,
                               const char *prefix,
                               void (*add)(void *opaque, const char *word),
                               void *opaque)
{
    g_auto(GStrv) ids =
        object_container_ids(machine_get_objects(ctx->machine));

    for (size_t i = 0; nb == 0 && ids[i]; i++) {
        if (g_str_has_prefix(ids[i], prefix)) {
            add(opaque, ids[i]);
        }
    }
}

static void hmp_qom_list(HmpContext *hmp, json_object *args)
{
    const char *path = arg_str(args, "path");
    Error *err = NULL;
    g_autoptr(ObjectPropertyInfoList) list = NULL;

    if (!path) {
        hmp_printf(hmp, "/\n");
        return;
    }
    list = qmp_qom_list(hmp->qmp, path, &err);
    for (ObjectPropertyInfoList *i = list; i; i = i->next) {
        hmp_printf(hmp, "%s (%s)\n", i->value->name, i->value->type);
    }
    hmp_handle_error(hmp, err);
}

static void hmp_qom_get(HmpContext *hmp, json_object *args)
{
    Error *err = NULL;
    json_object *value = qmp_qom_get(hmp->qmp, arg_str(args, "path"),
                                     arg_str(args, "property"), &err);

    if (!err) {
        hmp_printf(hmp, "%s\n", json_object_to_json_string_ext(
                       value, JSON_C_TO_STRING_PRETTY |
                              JSON_C_TO_STRING_NOSLASHESCAPE));
        json_object_put(value);
    }
    hmp_handle_error(hmp, err);
}

/* The value is a word: the property knows what it means. */
static void hmp_qom_set(HmpContext *hmp, json_object *args)
{
    Error *err = NULL;

    qmp_qom_set(hmp->qmp, arg_str(args, "path"), arg_str(args, "property"),
                json_object_object_get(args, "value"), &err);
    hmp_handle_error(hmp, err);
}

/* ---- info ---- */

static const char *true_false(bool on)
{
    return on ? "true" : "false";
}

static void hmp_info_memdev(HmpContext *hmp, json_object *args)
{
    g_autoptr(MemdevList) list = qmp_query_memdev(hmp->qmp, NULL);

    for (MemdevList *i = list; i; i = i->next) {
        const Memdev *d = i->value;

        hmp_printf(hmp, "memory backend: %s\n  size:  %" PRIu64 "\n"
                   "  merge: %s\n  dump: %s\n  prealloc: %s\n  share: %s\n"
                   "  reserve: %s\n  policy: %s\n  host nodes: \n",
                   d->id, d->size, true_false(d->merge), true_false(d->dump),
                   true_false(d->prealloc), true_false(d->share),
                   true_false(d->reserve), HostMemPolicy_str(d->policy));
    }
    hmp_printf(hmp, "\n");
}

static void hmp_info_memory_size(HmpContext *hmp, json_object *args)
{
    g_autoptr(MemoryInfo) info =
        qmp_query_memory_size_summary(hmp->qmp, NULL);

    hmp_printf(hmp, "base memory: %" PRIu64 "\n", info->base_memory);
    if (info->has_plugged_memory) {
        hmp_printf(hmp, "plugged memory: %" PRIu64 "\n",
                   info->plugged_memory);
    }
}

static const HmpCommand machine_commands[] = {
    { "system_powerdown", "", "", "press the power button",
      hmp_system_powerdown },
    { "system_wakeup", "", "", "wake a sleeping guest", hmp_system_wakeup },
    { "nmi", "", "", "send a non-maskable interrupt", hmp_nmi },
    { "screendump", "png:-p,filename:F", "[-p] file",
      "write what is on the screen to a file (-p: as PNG)", hmp_screendump },
    { "object_add", "object:S", "[qom-type=]type,id=id[,prop=value...]",
      "create an object", hmp_object_add },
    { "object_del", "id:s", "id", "remove an object", hmp_object_del,
      complete_object_id },
    { "qom-list", "path:s?", "path", "list the properties of an object",
      hmp_qom_list },
    { "qom-get", "path:s,property:s", "path property",
      "show a property of an object", hmp_qom_get },
    { "qom-set", "path:s,property:s,value:S", "path property value",
      "set a property of an object", hmp_qom_set },
    { "memdev", "", "", "show the memory backends", hmp_info_memdev,
      .is_info = true },
    { "memory_size_summary", "", "", "show how much RAM the guest has",
      hmp_info_memory_size, .is_info = true },
};

void machine_register_hmp_commands(void)
{
    cpu_register_hmp_commands();
    devices_register_hmp_commands();
    memory_register_hmp_commands();
    hmp_register_commands(machine_commands, G_N_ELEMENTS(machine_commands));
}
