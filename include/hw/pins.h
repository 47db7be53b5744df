/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupt lines that have names: the pins of a device, which tests can look
 * at and set.  Everything here with the machine lock held.
 */
#ifndef HW_PINS_H
#define HW_PINS_H

#include "hw/irq.h"
#include "system/machine.h"

typedef struct IRQPins IRQPins;

/*
 * Give @device @n pins; what is set on pin i goes on to @wire with number
 * @wire.n + i.  @input: they are its inputs, else its outputs.  The machine
 * owns the result.
 */
IRQPins *irq_pins_new(Machine *m, const char *device, bool input, unsigned n,
                      IRQ wire);
/* The line that leads to pin @i, which exists. */
IRQ irq_pins_get(IRQPins *pins, unsigned i);
unsigned irq_pins_count(const IRQPins *pins);

/* Is there a device of this name (or path: the last part counts)? */
bool irq_pins_has_device(Machine *m, const char *path);
/* Its inputs or outputs, or NULL. */
IRQPins *irq_pins_find(Machine *m, const char *path, bool input);
/*
 * From now on @tap is told of every level before it goes on; NULL: nobody
 * is.
 */
void irq_pins_tap(IRQPins *pins, IRQHandler *tap, void *opaque);

#endif
