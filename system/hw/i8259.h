/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Intel 8259A interrupt controllers, two in cascade as in a PC/AT.
 *
 * Reference: Intel 8259A data sheet (231468).  The edge/level registers are
 * those of the 82371 (PIIX) south bridges.
 */
#ifndef HW_I8259_H
#define HW_I8259_H

#include "hw/device.h"

#define I8259_ELCR_MASK_MASTER 0xf8
#define I8259_ELCR_MASK_SLAVE 0xde

/* What section `i8259` holds. */
typedef struct I8259State {
    uint8_t last_irr;        /* level of each line when last looked at */
    uint8_t irr;
    uint8_t imr;
    uint8_t isr;
    uint8_t priority_add;    /* line with the highest priority */
    uint8_t irq_base;
    uint8_t read_reg_select; /* 1: port 0 shows ISR instead of IRR */
    uint8_t poll;
    uint8_t special_mask;
    uint8_t init_state;      /* ICW expected next; 0: none */
    uint8_t auto_eoi;
    uint8_t rotate_on_auto_eoi;
    uint8_t special_fully_nested_mode;
    uint8_t init4;           /* ICW4 will come */
    uint8_t single_mode;
    uint8_t elcr;            /* bit: that line is level triggered */
    uint8_t ltim;            /* all lines are */
} I8259State;

#define I8259_TYPE (i8259_get_type())
G_DECLARE_FINAL_TYPE(I8259, i8259, HW, I8259, Device)

/*
 * Make the pair (master: section instance 0, slave: 1) in @m.  @output is the
 * INT line of the master.  With @in_kernel the accelerator runs the chips:
 * the devices hold their state for streams, and nothing else.  Lock held.
 */
bool i8259_create_pair(Machine *m, IRQ output, bool in_kernel, Error **errp);

/* The chips' state: @n 0 master, 1 slave; NULL: no such.  Lock held. */
I8259State *i8259_get_state(Machine *m, unsigned n);

/* Set line @irq (0..15, but not 2) of the pair.  Lock held. */
void i8259_set_irq(Machine *m, int irq, int level);

/* Is the INT line of the master up?  Lock held. */
bool i8259_pending(Machine *m);

/*
 * The CPU's interrupt acknowledge cycle: returns the vector (that of a
 * spurious interrupt if none is pending), -1 without chips.  Lock held.
 */
int i8259_acknowledge(Machine *m);

#endif
