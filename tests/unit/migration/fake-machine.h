/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * As much of a machine as reading and writing streams needs, so that they are
 * tested without one.
 */
#ifndef FAKE_MACHINE_H
#define FAKE_MACHINE_H

#include "system/machine.h"
#include "system/runstate.h"

struct Machine {
    MachineType type;
    bool has_uuid;
    uint8_t uuid[16];
    bool suppress_vmdesc;
    RunState runstate;
    struct SaveStateRegistry *reg;
    bool locked;
    unsigned lock_count; /* times it was taken */
};

Machine *fake_machine_new(const char *type_name);
void fake_machine_free(Machine *m);

#endif
