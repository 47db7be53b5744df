/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices: the base class, and the machine's list of them. */
#include "qemu/osdep.h"

#include "machine-internal.h"

typedef struct DevicePrivate {
    Machine *machine;
    char *id;
    bool realized;
} DevicePrivate;

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE(Device, device, G_TYPE_OBJECT)

static DevicePrivate *device_private(Device *dev)
{
    return device_get_instance_private(dev);
}

static void device_finalize(GObject *obj)
{
    g_free(device_private(QEMU_DEVICE(obj))->id);
    G_OBJECT_CLASS(device_parent_class)->finalize(obj);
}

static void device_class_init(DeviceClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = device_finalize;
}

static void device_init(Device *dev)
{
}

bool device_realize(Device *dev, Machine *m, int instance_id, Error **errp)
{
    DeviceClass *dc = QEMU_DEVICE_GET_CLASS(dev);
    DevicePrivate *p = device_private(dev);

    g_assert(!p->machine);
    p->machine = m;
    if (dc->realize && !dc->realize(dev, errp)) {
        error_prepend(errp, "device %s: ", G_OBJECT_TYPE_NAME(dev));
        g_object_unref(dev);
        return false;
    }
    p->realized = true;
    g_ptr_array_add(m->devices, dev);
    return !dc->vmsd
           || vmstate_register(m->savevm, NULL, instance_id, dc->vmsd, dev,
                               errp);
}

const char *device_get_id(Device *dev)
{
    return device_private(dev)->id;
}

bool machine_plug(Machine *m, Device *dev, const char *id, Error **errp)
{
    for (guint i = 0; id && i < m->plugged->len; i++) {
        if (!g_strcmp0(device_get_id(g_ptr_array_index(m->plugged, i)), id)) {
            error_setg(errp, "Duplicate device ID '%s'", id);
            return false;
        }
    }
    device_private(dev)->id = g_strdup(id);
    g_ptr_array_add(m->plugged, dev);
    return true;
}

bool devices_realize_plugged(Machine *m, Error **errp)
{
    /* Realized or not, each reference goes over. */
    g_ptr_array_set_free_func(m->plugged, NULL);
    for (guint i = 0; i < m->plugged->len; i++) {
        Device *dev = g_ptr_array_index(m->plugged, i);

        if (!device_realize(dev, m, i, errp)) {
            while (++i < m->plugged->len) {
                g_object_unref(g_ptr_array_index(m->plugged, i));
            }
            g_ptr_array_set_size(m->plugged, 0);
            return false;
        }
    }
    return true;
}

Device *devices_find(Machine *m, const char *id)
{
    for (guint i = 0; i < m->plugged->len; i++) {
        Device *dev = g_ptr_array_index(m->plugged, i);

        if (!g_strcmp0(device_get_id(dev), id)) {
            return dev;
        }
    }
    return NULL;
}

Machine *device_get_machine(Device *dev)
{
    return device_private(dev)->machine;
}

Device *const *machine_get_devices(Machine *m, size_t *n)
{
    if (n) {
        *n = m->devices->len;
    }
    /* The NULL at the end is not counted. */
    g_ptr_array_add(m->devices, NULL);
    g_ptr_array_set_size(m->devices, m->devices->len - 1);
    return (Device *const *)m->devices->pdata;
}

void devices_reset_all(Machine *m)
{
    for (guint i = 0; i < m->devices->len; i++) {
        Device *dev = g_ptr_array_index(m->devices, i);
        DeviceClass *dc = QEMU_DEVICE_GET_CLASS(dev);

        if (dc->reset) {
            dc->reset(dev);
        }
    }
}

void devices_free_all(Machine *m)
{
    /* Last made, first gone: a device may use those made before it. */
    while (m->devices->len) {
        Device *dev = g_ptr_array_index(m->devices, m->devices->len - 1);
        DeviceClass *dc = QEMU_DEVICE_GET_CLASS(dev);

        g_ptr_array_set_size(m->devices, m->devices->len - 1);
        if (dc->vmsd) {
            vmstate_unregister(m->savevm, dc->vmsd, dev);
        }
        if (dc->unrealize) {
            dc->unrealize(dev);
        }
        g_object_unref(dev);
    }
}
