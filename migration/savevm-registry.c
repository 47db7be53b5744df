/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The registry of savable state: an ordered list of what a machine's stream
 * consists of.  Live handlers stand first, then described state by priority,
 * in order of registration within a priority.
 */
#include "qemu/osdep.h"

#include "migration/savevm-internal.h"

static void save_state_entry_free(void *p)
{
    SaveStateEntry *e = p;

    g_free(e->idstr);
    g_free(e);
}

SaveStateRegistry *savevm_registry_new(void)
{
    SaveStateRegistry *reg = g_new0(SaveStateRegistry, 1);

    /* Never without memory: nothing may be added to a null pointer. */
    reg->entries = g_ptr_array_new_full(8, save_state_entry_free);
    return reg;
}

void savevm_registry_free(SaveStateRegistry *reg)
{
    if (reg) {
        json_object_put(reg->config_desc);
        json_object_put(reg->devices_desc);
        g_ptr_array_unref(reg->entries);
        g_free(reg->failed);
        g_free(reg);
    }
}

SaveStateEntry *savevm_registry_find(SaveStateRegistry *reg, const char *idstr,
                                     uint32_t instance_id)
{
    SAVEVM_FOREACH(reg, e) {
        if (e->instance_id == instance_id && !strcmp(e->idstr, idstr)) {
            return e;
        }
    }
    return NULL;
}

/* Sections with the larger rank come first. */
static int entry_rank(const SaveStateEntry *e)
{
    return e->ops ? INT_MAX : (int)e->vmsd->priority;
}

/* Put @e, which is taken, where it belongs; false: name taken or too long. */
static bool registry_add(SaveStateRegistry *reg, SaveStateEntry *e,
                         Error **errp)
{
    size_t len = strlen(e->idstr);
    guint pos = 0;

    if (len == 0 || len > 255) {
        error_setg(errp, "cannot register section '%s': its name has %zu "
                   "bytes, not 1 to 255", e->idstr, len);
    } else if (savevm_registry_find(reg, e->idstr, e->instance_id)) {
        error_setg(errp, "cannot register section '%s' instance %" PRIu32
                   ": it exists already", e->idstr, e->instance_id);
    } else {
        while (pos < reg->entries->len &&
               entry_rank(g_ptr_array_index(reg->entries, pos)) >=
                   entry_rank(e)) {
            pos++;
        }
        e->section_id = reg->next_section_id++;
        g_ptr_array_insert(reg->entries, pos, e);
        return true;
    }
    save_state_entry_free(e);
    return false;
}

static uint32_t next_instance(SaveStateRegistry *reg, const char *idstr)
{
    uint32_t next = 0;

    SAVEVM_FOREACH(reg, e) {
        if (!strcmp(e->idstr, idstr)) {
            next = MAX(next, e->instance_id + 1);
        }
    }
    return next;
}

bool vmstate_register(SaveStateRegistry *reg, const char *path,
                      int instance_id, const VMStateDescription *vmsd,
                      void *opaque, Error **errp)
{
    SaveStateEntry *e;

    if (!vmstate_check(vmsd, errp)) {
        return false;
    }
    e = g_new0(SaveStateEntry, 1);
    e->idstr = path ? g_strdup_printf("%s/%s", path, vmsd->name)
                    : g_strdup(vmsd->name);
    e->instance_id = instance_id < 0 ? next_instance(reg, e->idstr)
                                     : (uint32_t)instance_id;
    e->version_id = vmsd->version_id;
    e->vmsd = vmsd;
    e->opaque = opaque;
    return registry_add(reg, e, errp);
}

void vmstate_unregister(SaveStateRegistry *reg,
                        const VMStateDescription *vmsd, void *opaque)
{
    SAVEVM_FOREACH(reg, e) {
        if (e->vmsd == vmsd && e->opaque == opaque && !e->ignored) {
            g_ptr_array_remove(reg->entries, e);
            return;
        }
    }
}

bool vmstate_register_ignored(SaveStateRegistry *reg, const char *idstr,
                              uint32_t instance_id,
                              const VMStateDescription *vmsd, size_t size,
                              Error **errp)
{
    SaveStateEntry *e;

    if (!vmstate_check(vmsd, errp)) {
        return false;
    }
    e = g_new0(SaveStateEntry, 1);
    e->idstr = g_strdup(idstr);
    e->instance_id = instance_id;
    e->version_id = vmsd->version_id;
    e->vmsd = vmsd;
    e->ignored = true;
    e->ignored_size = size;
    return registry_add(reg, e, errp);
}

bool savevm_register_live(SaveStateRegistry *reg, const char *idstr,
                          uint32_t instance_id, int version_id,
                          const SaveVMHandlers *ops, void *opaque,
                          Error **errp)
{
    SaveStateEntry *e;

    if (ops->load_state_buffer && !(ops->load_thread && ops->load_end)) {
        /* Nothing else would make the load wait for the pieces. */
        error_setg(errp, "cannot register section '%s': it takes buffers, but "
                   "has no thread to load them", idstr);
        return false;
    }
    e = g_new0(SaveStateEntry, 1);
    e->idstr = g_strdup(idstr);
    e->instance_id = instance_id;
    e->version_id = version_id;
    e->ops = ops;
    e->opaque = opaque;
    return registry_add(reg, e, errp);
}

void savevm_unregister_live(SaveStateRegistry *reg, const char *idstr,
                            void *opaque)
{
    SAVEVM_FOREACH(reg, e) {
        if (e->ops && e->opaque == opaque && !strcmp(e->idstr, idstr)) {
            g_ptr_array_remove(reg->entries, e);
            return;
        }
    }
}
