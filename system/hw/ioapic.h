/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * I/O advanced interrupt controller with 24 lines.
 *
 * Reference: Intel 82093AA data sheet (290566); the EOI register of
 * version 0x20 is that of the ICH south bridges.
 */
#ifndef HW_IOAPIC_H
#define HW_IOAPIC_H

#include "hw/device.h"

#define IOAPIC_PINS 24
#define IOAPIC_BASE 0xfec00000u

#define IOAPIC_ENTRY_REMOTE_IRR (UINT64_C(1) << 14)
#define IOAPIC_ENTRY_LEVEL (UINT64_C(1) << 15)
#define IOAPIC_ENTRY_MASKED (UINT64_C(1) << 16)

/* What section `ioapic` holds. */
typedef struct IOAPICState {
    uint8_t id;
    uint8_t ioregsel;
    uint32_t irr;
    uint64_t ioredtbl[IOAPIC_PINS];
} IOAPICState;

#define IOAPIC_TYPE (ioapic_get_type())
G_DECLARE_FINAL_TYPE(IOAPIC, ioapic, HW, IOAPIC, Device)

/*
 * Make the controller.  @in_kernel: the accelerator runs it, the device only
 * holds its state.  Lock held.
 */
bool ioapic_create(Machine *m, bool in_kernel, Error **errp);

/* NULL: none.  Lock held. */
IOAPICState *ioapic_get_state(Machine *m);

/* Set input @pin (0..23).  Lock held. */
void ioapic_set_pin(Machine *m, int pin, int level);

/*
 * Who takes the interrupts: called with the redirection entry, machine lock
 * held.  Without a handler (there is no local APIC) requests stay pending.
 */
typedef void IOAPICDeliver(void *opaque, uint64_t entry);
void ioapic_set_deliver(Machine *m, IOAPICDeliver *fn, void *opaque);
/* A local APIC has ended service of a level-triggered @vector.  Lock held. */
void ioapic_eoi(Machine *m, uint8_t vector);

#endif
