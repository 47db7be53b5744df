/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of machine types, and the devices that users can add. */
#include "qemu/osdep.h"

#include "config-host.h"
#include "hw/device.h"
#include "system/hw/framebuffer.h"
#include "system/hw/machines.h"

const MachineType *const machine_types[] = {
    &machine_type_microvm,
    &machine_type_none,
    NULL,
};

void hw_register_types(void)
{
#if CONFIG_PIXMAN
    framebuffer_register_type();
#endif
}
