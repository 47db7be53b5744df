/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * 16550A serial port: registers, and bytes to and from the back-end.
 *
 * All of it runs under the machine lock.  What happens by itself (retries, the
 * receive timeout) hangs on the virtual clock, and input is taken only while
 * the guest runs: a stopped guest's state does not change behind the back of
 * whoever saves it.
 */
#include "qemu/osdep.h"

#include "system/hw/serial-int.h"

#include "system/hw/wire.h"
#include "system/runstate.h"

#define UART_CLOCK 1843200
#define RETRY_NS NSEC_PER_MSEC

G_DEFINE_TYPE(Serial, serial, DEVICE_TYPE)

static int64_t virtual_now(Serial *s)
{
    return vclock_get_ns(device_get_machine(QEMU_DEVICE(s)));
}

static void fifo_push(SerialFifo *f, uint8_t byte)
{
    f->data[(f->head + f->num++) % SERIAL_FIFO_SIZE] = byte;
}

static uint8_t fifo_pop(SerialFifo *f)
{
    uint8_t byte = f->data[f->head];

    f->head = (f->head + 1) % SERIAL_FIFO_SIZE;
    f->num--;
    return byte;
}

static bool fifo_enabled(const SerialState *w)
{
    return w->fcr & FCR_ENABLE;
}

/* ---- interrupts ---- */

/* How many bytes in the receive FIFO call for an interrupt. */
static unsigned trigger_level(const SerialState *w)
{
    static const uint8_t levels[] = { 1, 4, 8, 14 };

    return levels[w->fcr >> 6];
}

static uint8_t most_urgent_cause(const SerialState *w)
{
    if ((w->ier & IER_RLSI) && (w->lsr & LSR_ERRORS)) {
        return IIR_LINE;
    }
    if ((w->ier & IER_RDI) && w->timeout_ipending) {
        return IIR_TIMEOUT;
    }
    if ((w->ier & IER_RDI) && (w->lsr & LSR_DR) &&
        (!fifo_enabled(w) || w->recv_fifo.num >= trigger_level(w))) {
        return IIR_DATA;
    }
    if ((w->ier & IER_THRI) && w->thr_ipending) {
        return IIR_THRI;
    }
    if ((w->ier & IER_MSI) && (w->msr & MSR_DELTAS)) {
        return IIR_MODEM;
    }
    return IIR_NONE;
}

void serial_update_irq(Serial *s)
{
    uint8_t cause = most_urgent_cause(&s->wire);

    s->wire.iir = (s->wire.iir & ~IIR_ID) | cause;
    irq_set(s->output, cause != IIR_NONE);
}

/* ---- reception ---- */

/* Time of four characters on the line. */
static int64_t timeout_ns(const SerialState *w)
{
    unsigned bits = 1 + 5 + (w->lcr & 3) + !!(w->lcr & 8) + 1 + !!(w->lcr & 4);
    unsigned divider = MAX(w->divider, 1);

    return 4 * bits * divider * NSEC_PER_SEC / (UART_CLOCK / 16);
}

static void timeout_expired(void *opaque)
{
    Serial *s = opaque;

    if (s->wire.recv_fifo.num) {
        s->wire.timeout_ipending = 1;
        serial_update_irq(s);
    }
}

static void clear_recv(Serial *s)
{
    SerialState *w = &s->wire;

    w->recv_fifo = (SerialFifo){ 0 };
    w->lsr &= ~(LSR_DR | LSR_BI);
    w->timeout_ipending = 0;
    vtimer_del(s->timeout_timer);
}

static void receive_byte(Serial *s, uint8_t byte)
{
    SerialState *w = &s->wire;

    if (!fifo_enabled(w)) {
        if (w->lsr & LSR_DR) {
            w->lsr |= LSR_OE;
        }
        w->rbr = byte;
    } else if (w->recv_fifo.num < SERIAL_FIFO_SIZE) {
        fifo_push(&w->recv_fifo, byte);
        vtimer_mod(s->timeout_timer, virtual_now(s) + timeout_ns(w));
    } else {
        w->lsr |= LSR_OE;
    }
    w->lsr |= LSR_DR;
    serial_update_irq(s);
}

static size_t serial_can_read(void *opaque)
{
    Serial *s = opaque;
    const SerialState *w = &s->wire;

    if (!runstate_is_running(device_get_machine(QEMU_DEVICE(s))) ||
        (w->mcr & MCR_LOOP)) {
        return 0;
    }
    if (fifo_enabled(w)) {
        return SERIAL_FIFO_SIZE - w->recv_fifo.num;
    }
    return !(w->lsr & LSR_DR);
}

static void serial_read_bytes(void *opaque, const uint8_t *buf, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        receive_byte(opaque, buf[i]);
    }
}

static const ChardevHandlers serial_handlers = {
    .can_read = serial_can_read,
    .read = serial_read_bytes,
};

static void run_state_changed(void *opaque, bool running, RunState state)
{
    Serial *s = opaque;

    if (running && s->chr) {
        chardev_accept_input(s->chr);
    }
}

/* ---- transmission ---- */

/* Move the next byte into the shift register; false: there is none. */
static bool fetch_byte(Serial *s)
{
    SerialState *w = &s->wire;

    if (w->lsr & LSR_THRE) {
        return false;
    }
    if (!fifo_enabled(w)) {
        w->tsr = w->thr;
        w->lsr |= LSR_THRE;
    } else {
        if (w->xmit_fifo.num == 0) { /* only a stream can say so */
            w->lsr |= LSR_THRE;
            return false;
        }
        w->tsr = fifo_pop(&w->xmit_fifo);
        if (w->xmit_fifo.num == 0) {
            w->lsr |= LSR_THRE;
        }
    }
    if (w->lsr & LSR_THRE) {
        w->thr_ipending = 1;
    }
    return true;
}

/* False: the back-end does not take it now. */
static bool send_byte(Serial *s, uint8_t byte)
{
    if (s->wire.mcr & MCR_LOOP) {
        receive_byte(s, byte);
        return true;
    }
    return !s->chr || chardev_write(s->chr, &byte, 1) == 1;
}

/* Send what there is, until the back-end is full. */
static void transmit(Serial *s)
{
    SerialState *w = &s->wire;

    while (w->tsr_retry || fetch_byte(s)) {
        if (!send_byte(s, w->tsr)) {
            w->tsr_retry = 1;
            vtimer_mod(s->retry_timer, virtual_now(s) + RETRY_NS);
            break;
        }
        w->tsr_retry = 0;
    }
    if (!w->tsr_retry) {
        w->lsr |= LSR_TEMT;
    }
    serial_update_irq(s);
}

static void retry_expired(void *opaque)
{
    transmit(opaque);
}

static void write_thr(Serial *s, uint8_t val)
{
    SerialState *w = &s->wire;

    w->thr = val;
    if (fifo_enabled(w) && w->xmit_fifo.num < SERIAL_FIFO_SIZE) {
        fifo_push(&w->xmit_fifo, val); /* a byte too many is lost */
    }
    w->thr_ipending = 0;
    w->lsr &= ~(LSR_THRE | LSR_TEMT);
    serial_update_irq(s);
    if (!w->tsr_retry) {
        transmit(s);
    }
}

static void clear_xmit(Serial *s)
{
    s->wire.xmit_fifo = (SerialFifo){ 0 };
    s->wire.lsr |= LSR_THRE;
    s->wire.thr_ipending = 1;
}

/* ---- registers ---- */

static void write_ier(Serial *s, uint8_t val)
{
    SerialState *w = &s->wire;
    uint8_t enabled = val & ~w->ier;

    w->ier = val & 0x0f;
    if ((enabled & IER_THRI) && (w->lsr & LSR_THRE)) {
        w->thr_ipending = 1;
    }
    serial_update_irq(s);
}

static void write_fcr(Serial *s, uint8_t val)
{
    SerialState *w = &s->wire;

    if ((val ^ w->fcr) & FCR_ENABLE) {
        val |= FCR_CLEAR_RECV | FCR_CLEAR_XMIT;
    }
    if (val & FCR_CLEAR_RECV) {
        clear_recv(s);
    }
    if (val & FCR_CLEAR_XMIT) {
        clear_xmit(s);
    }
    w->fcr = val & FCR_STORED;
    w->iir &= ~IIR_FIFO;
    if (fifo_enabled(w)) {
        w->iir |= IIR_FIFO;
    } else {
        w->fcr = 0;
    }
    serial_update_irq(s);
    if (s->chr) {
        chardev_accept_input(s->chr);
    }
}

static void serial_write(void *opaque, uint64_t addr, uint64_t val,
                         unsigned size)
{
    Serial *s = opaque;
    SerialState *w = &s->wire;

    switch (addr) {
    case 0:
        if (w->lcr & LCR_DLAB) {
            w->divider = (w->divider & 0xff00) | val;
        } else {
            write_thr(s, val);
        }
        break;
    case 1:
        if (w->lcr & LCR_DLAB) {
            w->divider = (w->divider & 0x00ff) | val << 8;
        } else {
            write_ier(s, val);
        }
        break;
    case 2:
        write_fcr(s, val);
        break;
    case 3:
        w->lcr = val;
        break;
    case 4:
        w->mcr = val & 0x1f;
        if (s->chr && !(w->mcr & MCR_LOOP)) {
            chardev_accept_input(s->chr);
        }
        break;
    case 7:
        w->scr = val;
        break;
    default:
        break; /* the status registers cannot be written */
    }
}

static uint8_t read_rbr(Serial *s)
{
    SerialState *w = &s->wire;
    uint8_t byte = w->rbr;

    if (fifo_enabled(w)) {
        byte = w->recv_fifo.num ? fifo_pop(&w->recv_fifo) : 0;
        if (w->recv_fifo.num) {
            vtimer_mod(s->timeout_timer, virtual_now(s) + timeout_ns(w));
        } else {
            vtimer_del(s->timeout_timer);
        }
        w->timeout_ipending = 0;
    }
    if (!fifo_enabled(w) || w->recv_fifo.num == 0) {
        w->lsr &= ~(LSR_DR | LSR_BI);
    }
    serial_update_irq(s);
    if (s->chr) {
        chardev_accept_input(s->chr);
    }
    return byte;
}

static uint8_t read_iir(Serial *s)
{
    uint8_t iir = s->wire.iir;

    if ((iir & IIR_ID) == IIR_THRI) {
        s->wire.thr_ipending = 0;
        serial_update_irq(s);
    }
    return iir;
}

static uint8_t read_lsr(Serial *s)
{
    uint8_t lsr = s->wire.lsr;

    if (lsr & LSR_ERRORS) {
        s->wire.lsr &= ~LSR_ERRORS;
        serial_update_irq(s);
    }
    return lsr;
}

static uint8_t read_msr(Serial *s)
{
    uint8_t msr = s->wire.msr, mcr = s->wire.mcr;

    if (mcr & MCR_LOOP) { /* the outputs come back as inputs */
        return (mcr & MCR_OUT2 ? MSR_DCD : 0) | (mcr & MCR_OUT1 ? MSR_RI : 0) |
               (mcr & MCR_DTR ? MSR_DSR : 0) | (mcr & MCR_RTS ? MSR_CTS : 0);
    }
    if (msr & MSR_DELTAS) {
        s->wire.msr &= ~MSR_DELTAS;
        serial_update_irq(s);
    }
    return msr;
}

static uint64_t serial_read(void *opaque, uint64_t addr, unsigned size)
{
    Serial *s = opaque;
    const SerialState *w = &s->wire;
    bool dlab = w->lcr & LCR_DLAB;

    switch (addr) {
    case 0:
        return dlab ? w->divider & 0xff : read_rbr(s);
    case 1:
        return dlab ? w->divider >> 8 : w->ier;
    case 2:
        return read_iir(s);
    case 3:
        return w->lcr;
    case 4:
        return w->mcr;
    case 5:
        return read_lsr(s);
    case 6:
        return read_msr(s);
    default:
        return w->scr;
    }
}

static const IORegionOps serial_ops = {
    .read = serial_read,
    .write = serial_write,
    .min_size = 1,
    .max_size = 1,
};

/* ---- life ---- */

static void serial_reset(Device *dev)
{
    Serial *s = HW_SERIAL(dev);

    vtimer_del(s->timeout_timer);
    vtimer_del(s->retry_timer);
    s->wire = (SerialState){
        .divider = 12, /* 9600 baud */
        .iir = IIR_NONE,
        .mcr = MCR_OUT2,
        .lsr = LSR_TEMT | LSR_THRE,
        .msr = MSR_DCD | MSR_DSR | MSR_CTS,
        .fifo_timeout = -1,
        .poll_msl = -1,
        .modem_poll = -1,
    };
    serial_update_irq(s);
}

void serial_restart(Serial *s)
{
    SerialState *w = &s->wire;

    if (w->fifo_timeout >= 0) {
        vtimer_mod(s->timeout_timer, w->fifo_timeout);
    } else {
        vtimer_del(s->timeout_timer);
    }
    if (w->tsr_retry) {
        vtimer_mod(s->retry_timer, virtual_now(s) + RETRY_NS);
    } else {
        vtimer_del(s->retry_timer);
    }
    serial_update_irq(s);
}

static bool serial_realize(Device *dev, Error **errp)
{
    Serial *s = HW_SERIAL(dev);
    Machine *m = device_get_machine(dev);

    if (s->chr && !chardev_attach(s->chr, &serial_handlers, s, NULL, errp)) {
        return false;
    }
    s->attached = true;
    s->timeout_timer = vtimer_new(m, timeout_expired, s);
    s->retry_timer = vtimer_new(m, retry_expired, s);
    runstate_add_notifier(m, run_state_changed, s);
    ioport_map(m, "serial", s->iobase, 8, &serial_ops, s);
    return true;
}

static void serial_unrealize(Device *dev)
{
    Serial *s = HW_SERIAL(dev);

    if (!s->attached) {
        return;
    }
    s->attached = false;
    if (s->chr) {
        chardev_detach(s->chr);
    }
    runstate_remove_notifier(device_get_machine(dev), run_state_changed, s);
    g_clear_pointer(&s->timeout_timer, vtimer_free);
    g_clear_pointer(&s->retry_timer, vtimer_free);
}

static void serial_dispose(GObject *obj)
{
    g_clear_object(&HW_SERIAL(obj)->chr);
    G_OBJECT_CLASS(serial_parent_class)->dispose(obj);
}

static void serial_class_init(SerialClass *klass)
{
    DeviceClass *dc = QEMU_DEVICE_CLASS(klass);

    G_OBJECT_CLASS(klass)->dispose = serial_dispose;
    dc->realize = serial_realize;
    dc->unrealize = serial_unrealize;
    dc->reset = serial_reset;
    dc->vmsd = &vmstate_serial;
}

static void serial_init(Serial *s)
{
}

bool serial_create(Machine *m, int index, uint16_t iobase, IRQ output,
                   Chardev *chr, Error **errp)
{
    Serial *s = g_object_new(SERIAL_TYPE, NULL);

    s->iobase = iobase;
    s->output = output;
    s->chr = chr ? g_object_ref(chr) : NULL;
    return device_realize(QEMU_DEVICE(s), m, index, errp);
}

SerialState *serial_get_state(Machine *m, unsigned n)
{
    Serial *s = hw_find_device(m, SERIAL_TYPE, n);

    return s ? &s->wire : NULL;
}
