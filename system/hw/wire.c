/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Helpers for the devices' section descriptions. */
#include "qemu/osdep.h"

#include "system/hw/wire.h"

#include "hw/device.h"

static bool get_timer(QEMUFile *f, void *pv, size_t size,
                      const VMStateField *field, Error **errp)
{
    *(int64_t *)pv = (int64_t)qemu_get_be64(f);
    return true;
}

static bool put_timer(QEMUFile *f, const void *pv, size_t size,
                      const VMStateField *field, Error **errp)
{
    qemu_put_be64(f, (uint64_t)*(const int64_t *)pv);
    return true;
}

const VMStateInfo hw_vmstate_info_timer = {
    .name = "timer",
    .get = get_timer,
    .put = put_timer,
};

gpointer hw_find_device(Machine *m, GType type, unsigned n)
{
    size_t count;
    Device *const *devices = machine_get_devices(m, &count);

    for (size_t i = 0; i < count; i++) {
        if (G_TYPE_CHECK_INSTANCE_TYPE(devices[i], type) && n-- == 0) {
            return devices[i];
        }
    }
    return NULL;
}
