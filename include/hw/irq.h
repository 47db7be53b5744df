/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interrupt lines. */
#ifndef HW_IRQ_H
#define HW_IRQ_H

#include "qemu/osdep.h"

typedef void IRQHandler(void *opaque, int n, int level);

/* One end of a line: where a level goes.  Value type; zero: not connected. */
typedef struct IRQ {
    IRQHandler *handler;
    void *opaque;
    int n;
} IRQ;

/* Machine lock held. */
static inline void irq_set(IRQ irq, int level)
{
    if (irq.handler) {
        irq.handler(irq.opaque, irq.n, level);
    }
}

#endif
