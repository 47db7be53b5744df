/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices of a machine. */
#ifndef HW_DEVICE_H
#define HW_DEVICE_H

#include <glib-object.h>

#include "hw/irq.h"
#include "migration/vmstate.h"
#include "system/machine.h"

#define DEVICE_TYPE (device_get_type())
G_DECLARE_DERIVABLE_TYPE(Device, device, QEMU, DEVICE, GObject)

struct _DeviceClass {
    GObjectClass parent_class;
    /* Map registers, take lines; all construction is done.  Lock held. */
    bool (*realize)(Device *dev, Error **errp);
    void (*unrealize)(Device *dev);
    void (*reset)(Device *dev);
    /*
     * State on the wire, relative to the GObject instance; NULL: none.
     */
    const VMStateDescription *vmsd;
    gpointer padding[4];
};

/*
 * Realize @dev in @m under section instance @instance_id; the machine owns the
 * reference from now on, resets it and registers its state.  Lock held.
 */
bool device_realize(Device *dev, Machine *m, int instance_id, Error **errp);
Machine *device_get_machine(Device *dev);
/* Its name among the user's devices (-device), or NULL. */
const char *device_get_id(Device *dev);
/*
 * Have machine_build() realize @dev after the devices of the machine's type.
 * Takes the reference.  False: the @id (may be NULL) is taken.
 */
bool machine_plug(Machine *m, Device *dev, const char *id, Error **errp);
/* Announce the types that -device takes; start-up only. */
void hw_register_types(void);
/* Devices of the machine in order of creation, NULL-terminated array. */
Device *const *machine_get_devices(Machine *m, size_t *n);

#endif
