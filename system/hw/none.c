/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Machine type `none`: RAM, if asked for, and nothing else. */
#include "qemu/osdep.h"

#include "system/hw/machines.h"

static bool none_init(Machine *m, Error **errp)
{
    RAMBlock *ram = machine_get_ram(m);

    if (machine_get_kernel(m)) {
        error_setg(errp, "The -kernel parameter is not supported "
                         "(use the generic 'loader' device instead).");
        return false;
    }
    if (ram) {
        memory_map_ram(m, 0, ram, 0, machine_get_ram_size(m));
    }
    return true;
}

const MachineType machine_type_none = {
    .name = "none",
    .desc = "empty machine",
    .default_ram_id = "ram",
    .max_cpus = 1,
    .init = none_init,
};
