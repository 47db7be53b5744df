/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Motorola MC146818 real-time clock: registers and interrupts. */
#include "qemu/osdep.h"

#include "system/hw/mc146818rtc-int.h"

#include "qemu/clock.h"
#include "system/hw/wire.h"

#define RATE_HZ 32768

G_DEFINE_TYPE(MC146818RTC, mc146818rtc, DEVICE_TYPE)

int64_t rtc_wall_ns(void)
{
    return clock_get_wall_us() * 1000;
}

static int64_t virtual_now(MC146818RTC *s)
{
    return vclock_get_ns(device_get_machine(QEMU_DEVICE(s)));
}

/* Does time go on, i.e. is the clock neither being set nor held? */
static bool is_running(const RTCState *w)
{
    return !(w->cmos_data[RTC_REG_B] & REG_B_SET) &&
           (w->cmos_data[RTC_REG_A] & REG_A_DIVIDER) <= REG_A_DIVIDER_ON;
}

/* ---- time ---- */

/* Guest time at wall time @now: seconds since 1970, and the rest in ns. */
static int64_t guest_time(const RTCState *w, int64_t now, int64_t *rest)
{
    __int128 ns = (__int128)now - w->last_update + w->offset;
    int64_t seconds = ns / NSEC_PER_SEC;

    *rest = ns % NSEC_PER_SEC;
    if (*rest < 0) {
        *rest += NSEC_PER_SEC;
        seconds--;
    }
    return (int64_t)w->base_rtc + seconds;
}

/* Bring the time registers up to date; they stand while time does. */
static void latch_time(MC146818RTC *s)
{
    int64_t rest;

    if (is_running(&s->wire)) {
        rtc_time_to_cmos(&s->wire, guest_time(&s->wire, rtc_wall_ns(), &rest));
    }
}

/* Go on from the time in the registers, @rest ns into its second. */
static void set_time(MC146818RTC *s, int64_t rest)
{
    s->wire.base_rtc = rtc_time_from_cmos(&s->wire);
    s->wire.last_update = rtc_wall_ns();
    s->wire.offset = rest;
    s->last_second = s->wire.base_rtc;
}

/* ---- interrupts ---- */

static void update_irq(MC146818RTC *s)
{
    uint8_t *c = &s->wire.cmos_data[RTC_REG_C];

    if (*c & s->wire.cmos_data[RTC_REG_B] & REG_C_CAUSES) {
        *c |= REG_C_IRQF;
    } else {
        *c &= ~REG_C_IRQF;
    }
    irq_set(s->output, !!(*c & REG_C_IRQF));
}

/* Note the ends of update cycles, and alarms, since the last look. */
static void note_updates(MC146818RTC *s)
{
    RTCState *w = &s->wire;
    int64_t rest, second;

    if (!is_running(w)) {
        return;
    }
    second = guest_time(w, rtc_wall_ns(), &rest);
    if (second > s->last_second) {
        w->cmos_data[RTC_REG_C] |= REG_C_UF;
        if (rtc_alarm_distance(w, s->last_second, second - s->last_second)) {
            w->cmos_data[RTC_REG_C] |= REG_C_AF;
        }
    }
    s->last_second = second;
}

/* A timer is needed only while somebody wants an interrupt. */
static void arm_update(MC146818RTC *s)
{
    const RTCState *w = &s->wire;
    int64_t rest;

    if (is_running(w) &&
        (w->cmos_data[RTC_REG_B] & (REG_B_AIE | REG_B_UIE))) {
        guest_time(w, rtc_wall_ns(), &rest);
        vtimer_mod(s->update_timer, virtual_now(s) + NSEC_PER_SEC - rest);
    } else {
        vtimer_del(s->update_timer);
    }
}

static void update_expired(void *opaque)
{
    MC146818RTC *s = opaque;

    note_updates(s);
    update_irq(s);
    arm_update(s);
}

/* Period of register A's rate selection in ticks of 32768 Hz, 0: none. */
static uint32_t period_ticks(const RTCState *w)
{
    unsigned rate = w->cmos_data[RTC_REG_A] & REG_A_RATE;

    if (rate == 0 ||
        !(w->cmos_data[RTC_REG_B] & (REG_B_PIE | REG_B_SQWE))) {
        return 0;
    }
    return UINT32_C(1) << ((rate <= 2 ? rate + 7 : rate) - 1);
}

static void arm_periodic(MC146818RTC *s)
{
    RTCState *w = &s->wire;
    int64_t now = rtc_wall_ns();
    uint64_t next;

    w->period = period_ticks(w);
    if (w->period == 0) {
        vtimer_del(s->periodic_timer);
        return;
    }
    next = hw_muldiv(now, RATE_HZ, NSEC_PER_SEC);
    next = ROUND_DOWN(next, w->period) + w->period;
    w->next_periodic_time = hw_muldiv(next, NSEC_PER_SEC, RATE_HZ) + 1;
    vtimer_mod(s->periodic_timer,
               virtual_now(s) + w->next_periodic_time - now);
}

/* A tick that was due when the state was saved is still to come. */
static void rearm_periodic(MC146818RTC *s)
{
    RTCState *w = &s->wire;
    int64_t due = w->periodic_timer, now = rtc_wall_ns();

    arm_periodic(s);
    if (w->period && due >= 0 && due < w->next_periodic_time) {
        w->next_periodic_time = due;
        vtimer_mod(s->periodic_timer, virtual_now(s) + MAX(due - now, 0));
    }
}

static void periodic_expired(void *opaque)
{
    MC146818RTC *s = opaque;

    s->wire.cmos_data[RTC_REG_C] |= REG_C_PF;
    update_irq(s);
    arm_periodic(s);
}

/* ---- registers ---- */

static void write_reg_a(MC146818RTC *s, uint8_t val)
{
    RTCState *w = &s->wire;
    bool was_held =
        (w->cmos_data[RTC_REG_A] & REG_A_DIVIDER) > REG_A_DIVIDER_ON;

    latch_time(s);
    w->cmos_data[RTC_REG_A] = val & ~REG_A_UIP;
    if (was_held && is_running(w)) {
        set_time(s, NSEC_PER_SEC / 2); /* the first update is 500 ms later */
    }
    arm_periodic(s);
    arm_update(s);
}

static void write_reg_b(MC146818RTC *s, uint8_t val)
{
    RTCState *w = &s->wire;
    bool ran = is_running(w);
    int64_t rest;

    note_updates(s);
    latch_time(s);
    guest_time(w, rtc_wall_ns(), &rest);
    if (val & REG_B_SET) {
        val &= ~REG_B_UIE;
    }
    w->cmos_data[RTC_REG_B] = val;
    if (!ran && is_running(w)) {
        set_time(s, rest); /* seconds keep their beat */
    }
    update_irq(s);
    arm_periodic(s);
    arm_update(s);
}

static void write_time(MC146818RTC *s, unsigned index, uint8_t val)
{
    RTCState *w = &s->wire;
    int64_t rest;

    latch_time(s);
    w->cmos_data[index] = val;
    if (is_running(w)) {
        guest_time(w, rtc_wall_ns(), &rest);
        set_time(s, rest);
        arm_update(s);
    }
}

static void rtc_write(void *opaque, uint64_t addr, uint64_t val, unsigned size)
{
    MC146818RTC *s = opaque;
    unsigned index = s->wire.cmos_index;

    if (addr == 0) {
        s->wire.cmos_index = val & 0x7f; /* bit 7 masks NMI: there is none */
        return;
    }
    switch (index) {
    case RTC_SECONDS:
    case RTC_MINUTES:
    case RTC_HOURS:
    case RTC_WEEKDAY:
    case RTC_DAY:
    case RTC_MONTH:
    case RTC_YEAR:
    case RTC_CENTURY:
        write_time(s, index, val);
        break;
    case RTC_REG_A:
        write_reg_a(s, val);
        break;
    case RTC_REG_B:
        write_reg_b(s, val);
        break;
    case RTC_REG_C:
    case RTC_REG_D:
        break; /* read only */
    default:
        note_updates(s); /* alarms so far are by the old alarm time */
        s->wire.cmos_data[index] = val;
        break;
    }
}

static uint8_t read_reg_a(const RTCState *w)
{
    int64_t rest;

    guest_time(w, rtc_wall_ns(), &rest);
    if (is_running(w) && rest >= NSEC_PER_SEC - RTC_UIP_NS) {
        return w->cmos_data[RTC_REG_A] | REG_A_UIP;
    }
    return w->cmos_data[RTC_REG_A];
}

static uint64_t rtc_read(void *opaque, uint64_t addr, unsigned size)
{
    MC146818RTC *s = opaque;
    unsigned index = s->wire.cmos_index;
    uint8_t val;

    if (addr == 0) {
        return 0xff;
    }
    switch (index) {
    case RTC_REG_A:
        return read_reg_a(&s->wire);
    case RTC_REG_C:
        note_updates(s);
        update_irq(s);
        val = s->wire.cmos_data[RTC_REG_C];
        s->wire.cmos_data[RTC_REG_C] = 0;
        update_irq(s);
        return val;
    default:
        latch_time(s);
        return s->wire.cmos_data[index];
    }
}

static const IORegionOps rtc_ops = {
    .read = rtc_read,
    .write = rtc_write,
    .min_size = 1,
    .max_size = 1,
};

/* ---- life ---- */

static void rtc_reset(Device *dev)
{
    MC146818RTC *s = HW_MC146818RTC(dev);

    s->wire.cmos_data[RTC_REG_B] &=
        ~(REG_B_PIE | REG_B_AIE | REG_B_UIE | REG_B_SQWE);
    s->wire.cmos_data[RTC_REG_C] = 0;
    s->wire.irq_coalesced = 0;
    update_irq(s);
    arm_periodic(s);
    arm_update(s);
}

static bool rtc_realize(Device *dev, Error **errp)
{
    MC146818RTC *s = HW_MC146818RTC(dev);
    Machine *m = device_get_machine(dev);
    RTCState *w = &s->wire;

    s->update_timer = vtimer_new(m, update_expired, s);
    s->periodic_timer = vtimer_new(m, periodic_expired, s);
    w->cmos_data[RTC_REG_A] = REG_A_DIVIDER_ON | 6; /* 1024 Hz */
    w->cmos_data[RTC_REG_B] = REG_B_24H;
    w->cmos_data[RTC_REG_D] = REG_D_VALID;
    w->last_update = rtc_wall_ns();
    w->base_rtc = w->last_update / NSEC_PER_SEC;
    w->offset = w->last_update % NSEC_PER_SEC;
    s->last_second = w->base_rtc;
    ioport_map(m, "rtc", 0x70, 2, &rtc_ops, s);
    return true;
}

static void rtc_unrealize(Device *dev)
{
    MC146818RTC *s = HW_MC146818RTC(dev);

    g_clear_pointer(&s->update_timer, vtimer_free);
    g_clear_pointer(&s->periodic_timer, vtimer_free);
}

/* Expiry of @t on the wall clock, in which it travels. */
static int64_t expiry_to_wall(MC146818RTC *s, VTimer *t)
{
    int64_t expire = vtimer_expire_ns(t);

    return expire < 0 ? -1 : expire - virtual_now(s) + rtc_wall_ns();
}

bool rtc_pre_save(void *opaque, Error **errp)
{
    MC146818RTC *s = opaque;
    RTCState *w = &s->wire;
    int64_t rest, wait;

    note_updates(s);
    update_irq(s);
    latch_time(s);
    guest_time(w, rtc_wall_ns(), &rest);
    wait = rtc_alarm_distance(w, s->last_second, INT64_MAX);
    w->next_alarm_time = UINT64_MAX;
    if (is_running(w) && wait > 0) {
        w->next_alarm_time = rtc_wall_ns() - rest + wait * NSEC_PER_SEC;
    }
    w->update_timer = expiry_to_wall(s, s->update_timer);
    w->periodic_timer = w->period ? w->next_periodic_time : -1;
    return true;
}

/* Updates follow from the registers and the wall clock of this host. */
bool rtc_post_load(void *opaque, int version_id, Error **errp)
{
    MC146818RTC *s = opaque;
    RTCState *w = &s->wire;

    w->cmos_index &= 0x7f;
    if (version_id < 3) {
        set_time(s, 0);
    } else if (w->base_rtc > RTC_SECONDS_MAX || w->last_update > INT64_MAX) {
        error_setg(errp,
                   "mc146818rtc: bad state: base_rtc %" PRIu64
                   " (limit %" PRIu64 "), last_update %" PRIu64
                   " (limit %" PRId64 ")",
                   w->base_rtc, RTC_SECONDS_MAX, w->last_update, INT64_MAX);
        return false;
    }
    /* The registers tell the time of saving: alarms since then are due. */
    s->last_second = rtc_time_from_cmos(w);
    update_irq(s);
    rearm_periodic(s);
    arm_update(s);
    return true;
}

static void mc146818rtc_class_init(MC146818RTCClass *klass)
{
    DeviceClass *dc = QEMU_DEVICE_CLASS(klass);

    dc->realize = rtc_realize;
    dc->unrealize = rtc_unrealize;
    dc->reset = rtc_reset;
    dc->vmsd = &vmstate_rtc;
}

static void mc146818rtc_init(MC146818RTC *s)
{
    s->wire.next_alarm_time = UINT64_MAX;
}

bool mc146818rtc_create(Machine *m, IRQ output, uint64_t low, uint64_t high,
                        Error **errp)
{
    MC146818RTC *s = g_object_new(MC146818RTC_TYPE, NULL);

    s->output = output;
    rtc_describe_ram(&s->wire, low, high);
    return device_realize(QEMU_DEVICE(s), m, 0, errp);
}

RTCState *mc146818rtc_get_state(Machine *m)
{
    MC146818RTC *s = hw_find_device(m, MC146818RTC_TYPE, 0);

    return s ? &s->wire : NULL;
}
