/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of machine types. */
#include "qemu/osdep.h"

#include "system/hw/machines.h"

const MachineType *const machine_types[] = {
    &machine_type_microvm,
    &machine_type_none,
    NULL,
};
