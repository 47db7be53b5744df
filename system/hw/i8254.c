/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Intel 8254 programmable interval timer: counters, registers, section. */
#include "qemu/osdep.h"

#include "system/hw/i8254.h"

#include "system/hw/wire.h"
#include "system/vclock.h"

/*
 * The shortest time between two interrupts: a guest that programs a shorter
 * period must not keep the main loop busy.
 */
#define MIN_PERIOD_NS 100000

/* rw_mode, read_state, write_state, count_latched. */
enum { RW_NONE, RW_LOW, RW_HIGH, RW_BOTH, RW_BOTH_HIGH };

struct _I8254 {
    Device parent_instance;
    I8254State wire;
    bool in_kernel;
    IRQ output;
    VTimer *timer; /* channel 0's next transition */
};

G_DEFINE_TYPE(I8254, i8254, DEVICE_TYPE)

/* Clock ticks since the count was loaded. */
static uint64_t ticks(const I8254Channel *c, int64_t now)
{
    return hw_muldiv(hw_elapsed(now, c->count_load_time), PIT_FREQ,
                     NSEC_PER_SEC);
}

static int64_t tick_time(const I8254Channel *c, uint64_t n)
{
    unsigned __int128 ns = (unsigned __int128)n * NSEC_PER_SEC;

    /* Wraps, and the caller copes, when a stream brought an absurd time. */
    return (int64_t)((uint64_t)c->count_load_time +
                     (uint64_t)DIV_ROUND_UP(ns, PIT_FREQ));
}

static bool is_periodic(const I8254Channel *c)
{
    return (c->mode & 3) >= 2; /* modes 6 and 7 are 2 and 3 */
}

/* What a read of the counter gives (binary also when the channel is BCD). */
static uint16_t current_count(const I8254Channel *c, int64_t now)
{
    uint64_t d = ticks(c, now);

    if (!is_periodic(c)) {
        return c->count - d;
    }
    if ((c->mode & 3) == 3) {
        return c->count - 2 * d % c->count; /* counts down by two */
    }
    return c->count - d % c->count;
}

/*
 * Level of OUT.  The one-tick pulses of modes 2, 4 and 5 are shown inverted,
 * as high pulses, so that their edge is where the interrupt is.
 */
static bool out_level(const I8254Channel *c, int64_t now)
{
    uint64_t d = ticks(c, now);
    uint64_t count = c->count;

    switch (c->mode) {
    case 0:
        return d >= count;
    case 1:
        return d < count;
    case 2:
    case 6:
        return d != 0 && d % count == 0;
    case 3:
    case 7:
        return d % count < (count + 1) / 2;
    default:
        return d == count;
    }
}

int64_t i8254_next_transition(const I8254Channel *c, int64_t now)
{
    uint64_t d = ticks(c, now);
    uint64_t next = c->count;

    if (is_periodic(c)) {
        next = (d / c->count + 1) * c->count;
    } else if (d >= next) {
        return -1;
    }
    return MAX(tick_time(c, next), now + 1);
}

static void arm(I8254 *pit, int64_t now)
{
    I8254Channel *c = &pit->wire.channels[0];
    int64_t next = -1;

    if (!pit->wire.irq_disabled) {
        next = i8254_next_transition(c, now);
    }
    c->next_transition_time = next;
    if (next < 0) {
        vtimer_del(pit->timer);
    } else {
        vtimer_mod(pit->timer, MAX(next, now + MIN_PERIOD_NS));
    }
}

/*
 * The count of channel 0 has ended.  Only the rising edge means anything to an
 * interrupt controller, so a periodic output is a pulse.  Periods
 * that went by unseen are not made up for.
 */
static void channel0_expired(void *opaque)
{
    I8254 *pit = opaque;
    const I8254Channel *c = &pit->wire.channels[0];
    int64_t now = vclock_get_ns(device_get_machine(QEMU_DEVICE(pit)));

    if (c->mode != 1) { /* 1 waits for an edge of the gate, which is fixed */
        irq_set(pit->output, 1);
    }
    if (c->mode != 0) {
        irq_set(pit->output, 0);
    }
    arm(pit, now);
}

/* A new mode: channel 0 is quiet until its count is written. */
static void mode_changed(I8254 *pit, unsigned n)
{
    if (n == 0) {
        irq_set(pit->output, 0);
        pit->wire.channels[0].next_transition_time = -1;
        vtimer_del(pit->timer);
    }
}

static void load_count(I8254 *pit, unsigned n, uint16_t val, int64_t now)
{
    I8254Channel *c = &pit->wire.channels[n];

    c->count_load_time = now;
    c->count = val ? val : 0x10000;
    if (n == 0) {
        irq_set(pit->output, 0);
        arm(pit, now);
    }
}

static void latch_count(I8254Channel *c, int64_t now)
{
    if (!c->count_latched) {
        c->latched_count = current_count(c, now);
        c->count_latched = c->rw_mode;
    }
}

static void latch_status(I8254Channel *c, int64_t now)
{
    if (!c->status_latched) {
        c->status = (out_level(c, now) ? 0x80 : 0) | c->rw_mode << 4 |
                    c->mode << 1 | c->bcd;
        c->status_latched = 1;
    }
}

static void write_control(I8254 *pit, uint8_t val, int64_t now)
{
    unsigned n = val >> 6, access = (val >> 4) & 3;
    I8254Channel *c;

    if (n == 3) { /* read-back command */
        for (unsigned i = 0; i < PIT_CHANNELS; i++) {
            if (!(val & (2 << i))) {
                continue;
            }
            if (!(val & 0x20)) {
                latch_count(&pit->wire.channels[i], now);
            }
            if (!(val & 0x10)) {
                latch_status(&pit->wire.channels[i], now);
            }
        }
        return;
    }
    c = &pit->wire.channels[n];
    if (access == 0) {
        latch_count(c, now);
        return;
    }
    c->rw_mode = access;
    c->read_state = access;
    c->write_state = access;
    c->mode = (val >> 1) & 7;
    c->bcd = val & 1;
    mode_changed(pit, n);
}

static void pit_write(void *opaque, uint64_t addr, uint64_t val, unsigned size)
{
    I8254 *pit = opaque;
    int64_t now = vclock_get_ns(device_get_machine(QEMU_DEVICE(pit)));
    I8254Channel *c;

    if (addr == 3) {
        write_control(pit, val, now);
        return;
    }
    c = &pit->wire.channels[addr];
    switch (c->write_state) {
    case RW_HIGH:
        load_count(pit, addr, (val & 0xff) << 8, now);
        break;
    case RW_BOTH:
        c->write_latch = val;
        c->write_state = RW_BOTH_HIGH;
        break;
    case RW_BOTH_HIGH:
        c->write_state = RW_BOTH;
        load_count(pit, addr, c->write_latch | (val & 0xff) << 8, now);
        break;
    default:
        load_count(pit, addr, val & 0xff, now);
        break;
    }
}

static uint8_t read_latched(I8254Channel *c)
{
    switch (c->count_latched) {
    case RW_BOTH:
        c->count_latched = RW_BOTH_HIGH;
        return c->latched_count;
    case RW_LOW:
        c->count_latched = RW_NONE;
        return c->latched_count;
    default:
        c->count_latched = RW_NONE;
        return c->latched_count >> 8;
    }
}

static uint64_t pit_read(void *opaque, uint64_t addr, unsigned size)
{
    I8254 *pit = opaque;
    int64_t now = vclock_get_ns(device_get_machine(QEMU_DEVICE(pit)));
    I8254Channel *c;
    uint16_t count;

    if (addr == 3) {
        return 0; /* the control register cannot be read */
    }
    c = &pit->wire.channels[addr];
    if (c->status_latched) {
        c->status_latched = 0;
        return c->status;
    }
    if (c->count_latched) {
        return read_latched(c);
    }
    count = current_count(c, now);
    switch (c->read_state) {
    case RW_HIGH:
        return count >> 8;
    case RW_BOTH:
        c->read_state = RW_BOTH_HIGH;
        return count & 0xff;
    case RW_BOTH_HIGH:
        c->read_state = RW_BOTH;
        return count >> 8;
    default:
        return count & 0xff;
    }
}

static const IORegionOps pit_ops = {
    .read = pit_read,
    .write = pit_write,
    .min_size = 1,
    .max_size = 1,
};

static void pit_reset(Device *dev)
{
    I8254 *pit = HW_I8254(dev);
    int64_t now = vclock_get_ns(device_get_machine(dev));

    pit->wire.irq_disabled = 0;
    for (unsigned i = 0; i < PIT_CHANNELS; i++) {
        pit->wire.channels[i] = (I8254Channel){
            .mode = 3,
            .gate = i != 2, /* port 0x61 would open that of channel 2 */
            .count = 0x10000,
            .count_load_time = now,
            .next_transition_time = -1,
        };
    }
    if (!pit->in_kernel) {
        irq_set(pit->output, 0);
        arm(pit, now);
    }
}

static bool pit_realize(Device *dev, Error **errp)
{
    I8254 *pit = HW_I8254(dev);
    Machine *m = device_get_machine(dev);

    if (!pit->in_kernel) {
        pit->timer = vtimer_new(m, channel0_expired, pit);
        ioport_map(m, "pit", 0x40, 4, &pit_ops, pit);
    }
    return true;
}

static void pit_unrealize(Device *dev)
{
    I8254 *pit = HW_I8254(dev);

    g_clear_pointer(&pit->timer, vtimer_free);
}

static bool pit_post_load(void *opaque, int version_id, Error **errp)
{
    I8254 *pit = opaque;
    int64_t next = pit->wire.channels[0].next_transition_time;

    for (unsigned i = 0; i < PIT_CHANNELS; i++) {
        const I8254Channel *c = &pit->wire.channels[i];

        if (c->count < 1 || c->count > 0x10000 || c->mode > 7) {
            error_setg(errp,
                       "i8254 channel %u: bad state: count %d (1 to 65536), "
                       "mode %u (limit 7)",
                       i, c->count, c->mode);
            return false;
        }
    }
    if (!pit->in_kernel) {
        if (next >= 0) {
            vtimer_mod(pit->timer, next);
        } else {
            vtimer_del(pit->timer);
        }
    }
    return true;
}

static const VMStateDescription vmstate_pit_channel = {
    .name = "pit channel",
    .version_id = 2,
    .minimum_version_id = 2,
    .fields = (const VMStateField[]){
        VMSTATE_INT32(count, I8254Channel),
        VMSTATE_UINT16(latched_count, I8254Channel),
        VMSTATE_UINT8(count_latched, I8254Channel),
        VMSTATE_UINT8(status_latched, I8254Channel),
        VMSTATE_UINT8(status, I8254Channel),
        VMSTATE_UINT8(read_state, I8254Channel),
        VMSTATE_UINT8(write_state, I8254Channel),
        VMSTATE_UINT8(write_latch, I8254Channel),
        VMSTATE_UINT8(rw_mode, I8254Channel),
        VMSTATE_UINT8(mode, I8254Channel),
        VMSTATE_UINT8(bcd, I8254Channel),
        VMSTATE_UINT8(gate, I8254Channel),
        VMSTATE_INT64(count_load_time, I8254Channel),
        VMSTATE_INT64(next_transition_time, I8254Channel),
        VMSTATE_END_OF_LIST(),
    },
};

static const VMStateDescription vmstate_pit = {
    .name = "i8254",
    .version_id = 3,
    .minimum_version_id = 2,
    .post_load = pit_post_load,
    .fields = (const VMStateField[]){
        WIRE_U32_V(irq_disabled, I8254, 3),
        {
            .name = "channels",
            .version_id = 2,
            .num = PIT_CHANNELS,
            .vmsd = &vmstate_pit_channel,
            .size = sizeof(I8254Channel),
            .flags = VMS_STRUCT | VMS_ARRAY,
            .offset = offsetof(I8254, wire.channels),
        },
        /* Channel 0's transition travels a second time. */
        WIRE_I64_V(channels[0].next_transition_time, I8254, 0),
        VMSTATE_END_OF_LIST(),
    },
};

static void i8254_class_init(I8254Class *klass)
{
    DeviceClass *dc = QEMU_DEVICE_CLASS(klass);

    dc->realize = pit_realize;
    dc->unrealize = pit_unrealize;
    dc->reset = pit_reset;
    dc->vmsd = &vmstate_pit;
}

static void i8254_init(I8254 *pit)
{
}

bool i8254_create(Machine *m, IRQ output, bool in_kernel, Error **errp)
{
    I8254 *pit = g_object_new(I8254_TYPE, NULL);

    pit->output = output;
    pit->in_kernel = in_kernel;
    return device_realize(QEMU_DEVICE(pit), m, 0, errp);
}

I8254State *i8254_get_state(Machine *m)
{
    I8254 *pit = hw_find_device(m, I8254_TYPE, 0);

    return pit ? &pit->wire : NULL;
}
