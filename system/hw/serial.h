/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * 16550A serial port.
 *
 * Reference: National Semiconductor PC16550D data sheet.
 */
#ifndef HW_SERIAL_H
#define HW_SERIAL_H

#include "hw/device.h"
#include "system/chardev.h"

#define SERIAL_FIFO_SIZE 16

/* A ring: @num bytes from index @head on, modulo the size. */
typedef struct SerialFifo {
    uint8_t data[SERIAL_FIFO_SIZE];
    uint32_t head;
    uint32_t num;
} SerialFifo;

/* What section `serial` holds. */
typedef struct SerialState {
    uint16_t divider;
    uint8_t rbr;
    uint8_t ier;
    uint8_t iir;
    uint8_t lcr;
    uint8_t mcr;
    uint8_t lsr;
    uint8_t msr;
    uint8_t scr;
    uint8_t fcr; /* bits that can be read back: 0xc9 */

    int32_t thr_ipending;   /* THR-empty interrupt waits to be seen */
    uint32_t tsr_retry;     /* not 0: a byte in tsr waits for the back-end */
    uint8_t thr;
    uint8_t tsr;
    SerialFifo recv_fifo;
    SerialFifo xmit_fifo;
    int64_t fifo_timeout;   /* expiry on the virtual clock, -1: not armed */
    int32_t timeout_ipending;
    int32_t poll_msl;       /* polling a real port's modem lines: never here */
    int64_t modem_poll;
} SerialState;

#define SERIAL_TYPE (serial_get_type())
G_DECLARE_FINAL_TYPE(Serial, serial, HW, SERIAL, Device)

/*
 * Make serial port @index (section instance) at ports @iobase.. with @output
 * as interrupt line.  @chr may be NULL: what is sent is lost.  Lock held.
 */
bool serial_create(Machine *m, int index, uint16_t iobase, IRQ output,
                   Chardev *chr, Error **errp);

/* NULL: none.  Lock held. */
SerialState *serial_get_state(Machine *m, unsigned n);

#endif
