/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The yank registry.
 *
 * Functions are called with the registry's lock held: when
 * yank_unregister_function() returns, the function runs no more, and what it
 * works on may be freed.  So the functions must not call back into here.
 */
#include "qemu/osdep.h"

#include "qemu/thread.h"
#include "qemu/yank.h"

typedef struct YankFunction {
    YankFn *fn;
    void *opaque;
} YankFunction;

typedef struct YankInstance {
    char *name;
    GArray *functions; /* of YankFunction */
} YankInstance;

struct YankRegistry {
    QemuMutex lock;
    GPtrArray *instances; /* in the order they were registered */
};

static void yank_instance_free(gpointer data)
{
    YankInstance *inst = data;

    g_free(inst->name);
    g_array_free(inst->functions, TRUE);
    g_free(inst);
}

YankRegistry *yank_registry_new(void)
{
    YankRegistry *reg = g_new0(YankRegistry, 1);

    qemu_mutex_init(&reg->lock);
    reg->instances = g_ptr_array_new_with_free_func(yank_instance_free);
    return reg;
}

void yank_registry_free(YankRegistry *reg)
{
    if (!reg) {
        return;
    }
    g_ptr_array_free(reg->instances, TRUE);
    qemu_mutex_destroy(&reg->lock);
    g_free(reg);
}

/* NULL if there is none; the caller holds the lock. */
static YankInstance *find_instance(YankRegistry *reg, const char *name)
{
    for (guint i = 0; i < reg->instances->len; i++) {
        YankInstance *inst = g_ptr_array_index(reg->instances, i);

        if (!strcmp(inst->name, name)) {
            return inst;
        }
    }
    return NULL;
}

bool yank_register_instance(YankRegistry *reg, const char *instance,
                            Error **errp)
{
    YankInstance *inst;
    QEMU_LOCK_GUARD(&reg->lock);

    if (find_instance(reg, instance)) {
        error_setg(errp, "duplicate yank instance");
        return false;
    }
    inst = g_new0(YankInstance, 1);
    inst->name = g_strdup(instance);
    inst->functions = g_array_new(FALSE, FALSE, sizeof(YankFunction));
    g_ptr_array_add(reg->instances, inst);
    return true;
}

void yank_unregister_instance(YankRegistry *reg, const char *instance)
{
    YankInstance *inst;
    QEMU_LOCK_GUARD(&reg->lock);

    inst = find_instance(reg, instance);
    g_return_if_fail(inst && inst->functions->len == 0);
    g_ptr_array_remove(reg->instances, inst);
}

void yank_register_function(YankRegistry *reg, const char *instance,
                            YankFn *fn, void *opaque)
{
    YankFunction entry = { fn, opaque };
    YankInstance *inst;
    QEMU_LOCK_GUARD(&reg->lock);

    inst = find_instance(reg, instance);
    g_return_if_fail(inst);
    g_array_append_val(inst->functions, entry);
}

void yank_unregister_function(YankRegistry *reg, const char *instance,
                              YankFn *fn, void *opaque)
{
    YankInstance *inst;
    QEMU_LOCK_GUARD(&reg->lock);

    inst = find_instance(reg, instance);
    for (guint i = 0; inst && i < inst->functions->len; i++) {
        YankFunction *f = &g_array_index(inst->functions, YankFunction, i);

        if (f->fn == fn && f->opaque == opaque) {
            g_array_remove_index(inst->functions, i);
            return;
        }
    }
    g_return_if_reached();
}

bool yank_instance(YankRegistry *reg, const char *instance, Error **errp)
{
    YankInstance *inst;
    QEMU_LOCK_GUARD(&reg->lock);

    inst = find_instance(reg, instance);
    if (!inst) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "Instance not found");
        return false;
    }
    for (guint i = 0; i < inst->functions->len; i++) {
        YankFunction *f = &g_array_index(inst->functions, YankFunction, i);

        f->fn(f->opaque);
    }
    return true;
}

char **yank_list_instances(YankRegistry *reg)
{
    GPtrArray *names = g_ptr_array_new();
    QEMU_LOCK_GUARD(&reg->lock);

    for (guint i = 0; i < reg->instances->len; i++) {
        YankInstance *inst = g_ptr_array_index(reg->instances, i);

        g_ptr_array_add(names, g_strdup(inst->name));
    }
    g_ptr_array_add(names, NULL);
    return (char **)g_ptr_array_free(names, FALSE);
}
