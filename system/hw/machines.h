/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine types, for the table of them, and what they share. */
#ifndef HW_MACHINES_H
#define HW_MACHINES_H

#include "system/machine.h"

extern const MachineType machine_type_none;
extern const MachineType machine_type_microvm;

#define MICROVM_LOW_RAM_MAX (3 * GiB)
#define MICROVM_HIGH_RAM_BASE (4 * GiB)

/*
 * Sections that a stock `microvm` sends for devices that are not here: read
 * and dropped, or refused when the guest used the device.  @rtc: this machine
 * has a real-time clock of its own.  Lock held.
 */
bool microvm_register_ignored(Machine *m, bool rtc, Error **errp);

#endif
