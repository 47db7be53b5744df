/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Intel 8254 programmable interval timer on the guest's virtual clock.
 *
 * Reference: Intel 8254 data sheet (231164).
 */
#ifndef HW_I8254_H
#define HW_I8254_H

#include "hw/device.h"

#define PIT_FREQ 1193182 /* Hz */
#define PIT_CHANNELS 3

/* What section `i8254` holds of one channel. */
typedef struct I8254Channel {
    int32_t count; /* 1 to 0x10000 */
    uint16_t latched_count;
    uint8_t count_latched; /* which bytes of it remain to be read */
    uint8_t status_latched;
    uint8_t status;
    uint8_t read_state;
    uint8_t write_state;
    uint8_t write_latch;
    uint8_t rw_mode;
    uint8_t mode;
    uint8_t bcd;
    uint8_t gate;
    int64_t count_load_time;      /* virtual clock, ns */
    int64_t next_transition_time; /* the same; -1: none.  Channel 0 only */
} I8254Channel;

typedef struct I8254State {
    I8254Channel channels[PIT_CHANNELS];
    uint32_t irq_disabled;
} I8254State;

#define I8254_TYPE (i8254_get_type())
G_DECLARE_FINAL_TYPE(I8254, i8254, HW, I8254, Device)

/*
 * Make the timer; @output is channel 0's line.  @in_kernel: the accelerator
 * runs it, the device only holds its state.  Lock held.
 */
bool i8254_create(Machine *m, IRQ output, bool in_kernel, Error **errp);

/* NULL: none.  Lock held. */
I8254State *i8254_get_state(Machine *m);

/*
 * When channel @c, looked at at @now, changes its output next, as the section
 * wants it: the next reload for modes 2 and 3, the end of the count for
 * the others, -1 when that is over.  All in ns of the virtual clock.
 */
int64_t i8254_next_transition(const I8254Channel *c, int64_t now);

#endif
