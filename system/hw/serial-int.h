/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The serial port's source files share this. */
#ifndef HW_SERIAL_INT_H
#define HW_SERIAL_INT_H

#include "system/hw/serial.h"
#include "system/vclock.h"

#define IER_RDI 0x01  /* data, and its timeout */
#define IER_THRI 0x02 /* transmitter holding register empty */
#define IER_RLSI 0x04 /* line status */
#define IER_MSI 0x08  /* modem status */

#define IIR_MODEM 0x00
#define IIR_NONE 0x01
#define IIR_THRI 0x02
#define IIR_DATA 0x04
#define IIR_LINE 0x06
#define IIR_TIMEOUT 0x0c
#define IIR_ID 0x0f
#define IIR_FIFO 0xc0 /* the FIFOs are on */

#define FCR_ENABLE 0x01
#define FCR_CLEAR_RECV 0x02
#define FCR_CLEAR_XMIT 0x04
#define FCR_STORED 0xc9

#define LCR_DLAB 0x80

#define MCR_DTR 0x01
#define MCR_RTS 0x02
#define MCR_OUT1 0x04
#define MCR_OUT2 0x08
#define MCR_LOOP 0x10

#define LSR_DR 0x01
#define LSR_OE 0x02
#define LSR_BI 0x10
#define LSR_ERRORS 0x1e
#define LSR_THRE 0x20
#define LSR_TEMT 0x40

#define MSR_DELTAS 0x0f
#define MSR_CTS 0x10
#define MSR_DSR 0x20
#define MSR_RI 0x40
#define MSR_DCD 0x80

struct _Serial {
    Device parent_instance;
    SerialState wire;
    uint16_t iobase;
    IRQ output;
    Chardev *chr; /* a reference, or NULL */
    bool attached;
    VTimer *timeout_timer;
    VTimer *retry_timer; /* offer tsr to the back-end again */
};

extern const VMStateDescription vmstate_serial;

/* Work out IIR and the line from the causes. */
void serial_update_irq(Serial *s);
/* State was loaded: get timers and the line in step with it. */
void serial_restart(Serial *s);

#endif
