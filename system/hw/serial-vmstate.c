/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * 16550A serial port: section `serial` (see docs/wire-format.md): a structure
 * of the same name around the registers, whose subsections say what is in
 * flight.
 */
#include "qemu/osdep.h"

#include "system/hw/serial-int.h"

#include "system/hw/wire.h"

/* "Not in the stream" for a flag that defaults to what IIR says. */
#define THR_PENDING_UNKNOWN -1

static bool thr_pending_by_iir(const SerialState *w)
{
    return (w->iir & IIR_ID) == IIR_THRI;
}

/* ---- subsections ---- */

static bool thr_ipending_needed(void *opaque)
{
    const SerialState *w = opaque;

    return (w->ier & IER_THRI) && !!w->thr_ipending != thr_pending_by_iir(w);
}

static bool tsr_needed(void *opaque)
{
    const SerialState *w = opaque;

    return w->tsr_retry != 0;
}

static bool recv_fifo_needed(void *opaque)
{
    const SerialState *w = opaque;

    return w->recv_fifo.num != 0;
}

static bool xmit_fifo_needed(void *opaque)
{
    const SerialState *w = opaque;

    return w->xmit_fifo.num != 0;
}

static bool fifo_timeout_needed(void *opaque)
{
    const SerialState *w = opaque;

    return w->fifo_timeout >= 0;
}

static bool timeout_ipending_needed(void *opaque)
{
    const SerialState *w = opaque;

    return w->timeout_ipending != 0;
}

static bool poll_needed(void *opaque)
{
    const SerialState *w = opaque;

    return w->poll_msl >= 0;
}

static const VMStateDescription vmstate_thr_ipending = {
    .name = "serial/thr_ipending",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = thr_ipending_needed,
    .fields = (const VMStateField[]){
        VMSTATE_INT32(thr_ipending, SerialState),
        VMSTATE_END_OF_LIST(),
    },
};

static const VMStateDescription vmstate_tsr = {
    .name = "serial/tsr",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = tsr_needed,
    .fields = (const VMStateField[]){
        VMSTATE_UINT32(tsr_retry, SerialState),
        VMSTATE_UINT8(thr, SerialState),
        VMSTATE_UINT8(tsr, SerialState),
        VMSTATE_END_OF_LIST(),
    },
};

static const VMStateDescription vmstate_fifo = {
    .name = "Fifo8",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]){
        VMSTATE_BUFFER(data, SerialFifo),
        VMSTATE_UINT32(head, SerialFifo),
        VMSTATE_UINT32(num, SerialFifo),
        VMSTATE_END_OF_LIST(),
    },
};

static const VMStateDescription vmstate_recv_fifo = {
    .name = "serial/recv_fifo",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = recv_fifo_needed,
    .fields = (const VMStateField[]){
        VMSTATE_STRUCT(recv_fifo, SerialState, 1, vmstate_fifo, SerialFifo),
        VMSTATE_END_OF_LIST(),
    },
};

static const VMStateDescription vmstate_xmit_fifo = {
    .name = "serial/xmit_fifo",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = xmit_fifo_needed,
    .fields = (const VMStateField[]){
        VMSTATE_STRUCT(xmit_fifo, SerialState, 1, vmstate_fifo, SerialFifo),
        VMSTATE_END_OF_LIST(),
    },
};

#define SERIAL_TIMER(f)                                                        \
    VMSTATE_SINGLE_(f, SerialState, 0, NULL, hw_vmstate_info_timer, int64_t)

static const VMStateDescription vmstate_fifo_timeout = {
    .name = "serial/fifo_timeout_timer",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = fifo_timeout_needed,
    .fields = (const VMStateField[]){
        SERIAL_TIMER(fifo_timeout),
        VMSTATE_END_OF_LIST(),
    },
};

static const VMStateDescription vmstate_timeout_ipending = {
    .name = "serial/timeout_ipending",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = timeout_ipending_needed,
    .fields = (const VMStateField[]){
        VMSTATE_INT32(timeout_ipending, SerialState),
        VMSTATE_END_OF_LIST(),
    },
};

static const VMStateDescription vmstate_poll = {
    .name = "serial/poll",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = poll_needed,
    .fields = (const VMStateField[]){
        VMSTATE_INT32(poll_msl, SerialState),
        SERIAL_TIMER(modem_poll),
        VMSTATE_END_OF_LIST(),
    },
};

/* ---- the registers ---- */

static bool state_pre_load(void *opaque, Error **errp)
{
    SerialState *w = opaque;

    w->fcr = 0;
    w->thr_ipending = THR_PENDING_UNKNOWN;
    w->tsr_retry = 0;
    w->thr = 0;
    w->tsr = 0;
    w->recv_fifo = (SerialFifo){ 0 };
    w->xmit_fifo = (SerialFifo){ 0 };
    w->fifo_timeout = -1;
    w->timeout_ipending = 0;
    w->poll_msl = -1;
    return true;
}

static bool check_fifo(const SerialFifo *f, const char *name, Error **errp)
{
    if (f->head < SERIAL_FIFO_SIZE && f->num <= SERIAL_FIFO_SIZE) {
        return true;
    }
    error_setg(errp,
               "bad %s in serial device: head %u (limit %d), num %u (limit %d)",
               name, f->head, SERIAL_FIFO_SIZE - 1, f->num, SERIAL_FIFO_SIZE);
    return false;
}

static bool state_post_load(void *opaque, int version_id, Error **errp)
{
    SerialState *w = opaque;

    if (!check_fifo(&w->recv_fifo, "recv_fifo", errp) ||
        !check_fifo(&w->xmit_fifo, "xmit_fifo", errp)) {
        return false;
    }
    /* The transmitter is empty exactly when no byte waits in it. */
    if (!(w->lsr & LSR_TEMT) != (w->tsr_retry != 0)) {
        error_setg(errp,
                   "inconsistent state in serial device: TEMT %s, tsr_retry %u",
                   w->lsr & LSR_TEMT ? "set" : "clear", w->tsr_retry);
        return false;
    }
    if (w->thr_ipending == THR_PENDING_UNKNOWN) {
        w->thr_ipending = thr_pending_by_iir(w);
    }
    w->tsr_retry = !!w->tsr_retry;
    w->fcr &= FCR_STORED;
    w->poll_msl = -1; /* no back-end here has modem lines to poll */
    return true;
}

static const VMStateDescription vmstate_serial_state = {
    .name = "serial",
    .version_id = 3,
    .minimum_version_id = 2,
    .pre_load = state_pre_load,
    .post_load = state_post_load,
    .fields = (const VMStateField[]){
        VMSTATE_UINT16(divider, SerialState),
        VMSTATE_UINT8(rbr, SerialState),
        VMSTATE_UINT8(ier, SerialState),
        VMSTATE_UINT8(iir, SerialState),
        VMSTATE_UINT8(lcr, SerialState),
        VMSTATE_UINT8(mcr, SerialState),
        VMSTATE_UINT8(lsr, SerialState),
        VMSTATE_UINT8(msr, SerialState),
        VMSTATE_UINT8(scr, SerialState),
        VMSTATE_UINT8_V(fcr, SerialState, 3),
        VMSTATE_END_OF_LIST(),
    },
    .subsections = (const VMStateDescription *const[]){
        &vmstate_thr_ipending,
        &vmstate_tsr,
        &vmstate_recv_fifo,
        &vmstate_xmit_fifo,
        &vmstate_fifo_timeout,
        &vmstate_timeout_ipending,
        &vmstate_poll,
        NULL,
    },
};

/* ---- the section ---- */

static bool serial_pre_save(void *opaque, Error **errp)
{
    Serial *s = opaque;

    s->wire.fifo_timeout = vtimer_expire_ns(s->timeout_timer);
    return true;
}

static bool serial_post_load(void *opaque, int version_id, Error **errp)
{
    serial_restart(opaque);
    return true;
}

static bool is_version_2(void *opaque, int version_id)
{
    return version_id == 2;
}

static bool is_version_3(void *opaque, int version_id)
{
    return version_id >= 3;
}

/* The inner structure has the version of the outer one. */
#define SERIAL_STATE(v, test)                                                  \
    {                                                                          \
        .name = "state", .vmsd = &vmstate_serial_state,                        \
        .struct_version_id = (v), .field_exists = (test),                      \
        .size = sizeof(SerialState), .offset = offsetof(Serial, wire),         \
        .flags = VMS_STRUCT | VMS_VSTRUCT,                                     \
    }

const VMStateDescription vmstate_serial = {
    .name = "serial",
    .version_id = 3,
    .minimum_version_id = 2,
    .pre_save = serial_pre_save,
    .post_load = serial_post_load,
    .fields = (const VMStateField[]){
        SERIAL_STATE(3, is_version_3),
        SERIAL_STATE(2, is_version_2),
        VMSTATE_END_OF_LIST(),
    },
};
