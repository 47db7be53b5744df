/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The clocks in a migration stream: section `timer`, and the timers of
 * devices.  Layout: docs/wire-format.md.
 */
#include "qemu/osdep.h"

#include "machine-internal.h"

/* Highest sensible time, 73 years: sums with host time cannot overflow. */
#define VCLOCK_MAX_NS (INT64_C(1) << 61)

/* What the section describes; copied from and to the clock around it. */
struct TimerSection {
    Machine *machine;
    int64_t cpu_ticks_offset;
    int64_t cpu_clock_offset;
    /*
     * Of guests that run by instruction count, which ours never do: virtual
     * time is the bias plus the count times a constant that the stream does
     * not always tell.
     */
    bool has_icount;
    int64_t qemu_icount_bias;
    int64_t qemu_icount;
    int64_t vm_clock_warp_start;
    int64_t icount_warp_timer, icount_rt_timer, icount_vm_timer;
    int16_t icount_time_shift;
    int64_t last_delta;
};

static bool icount_needed(void *opaque)
{
    return false;
}

static bool icount_post_load(void *opaque, int version_id, Error **errp)
{
    struct TimerSection *s = opaque;

    s->has_icount = true;
    return true;
}

static const VMStateDescription vmstate_icount_warp_timer = {
    .name = "timer/icount/warp_timer",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = icount_needed,
    .fields = (const VMStateField[]){
        VMSTATE_INT64(vm_clock_warp_start, struct TimerSection),
        VMSTATE_INT64(icount_warp_timer, struct TimerSection),
        VMSTATE_END_OF_LIST(),
    },
};

static const VMStateDescription vmstate_icount_timers = {
    .name = "timer/icount/timers",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = icount_needed,
    .fields = (const VMStateField[]){
        VMSTATE_INT64(icount_rt_timer, struct TimerSection),
        VMSTATE_INT64(icount_vm_timer, struct TimerSection),
        VMSTATE_END_OF_LIST(),
    },
};

static const VMStateDescription vmstate_icount_shift = {
    .name = "timer/icount/shift",
    .version_id = 2,
    .minimum_version_id = 2,
    .needed = icount_needed,
    .fields = (const VMStateField[]){
        VMSTATE_INT16(icount_time_shift, struct TimerSection),
        VMSTATE_INT64(last_delta, struct TimerSection),
        VMSTATE_END_OF_LIST(),
    },
};

static const VMStateDescription vmstate_icount = {
    .name = "timer/icount",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = icount_needed,
    .post_load = icount_post_load,
    .fields = (const VMStateField[]){
        VMSTATE_INT64(qemu_icount_bias, struct TimerSection),
        VMSTATE_INT64(qemu_icount, struct TimerSection),
        VMSTATE_END_OF_LIST(),
    },
    .subsections = (const VMStateDescription *const[]){
        &vmstate_icount_warp_timer,
        &vmstate_icount_timers,
        &vmstate_icount_shift,
        NULL,
    },
};

static bool timer_pre_save(void *opaque, Error **errp)
{
    struct TimerSection *s = opaque;

    vclock_get_offsets(s->machine, &s->cpu_ticks_offset, &s->cpu_clock_offset);
    return true;
}

static bool timer_pre_load(void *opaque, Error **errp)
{
    struct TimerSection *s = opaque;

    *s = (struct TimerSection){ .machine = s->machine };
    return true;
}

static bool timer_post_load(void *opaque, int version_id, Error **errp)
{
    struct TimerSection *s = opaque;

    if (s->cpu_clock_offset < 0 || s->cpu_clock_offset > VCLOCK_MAX_NS) {
        error_setg(errp, "cpu_clock_offset is %" PRId64 ", expected 0 to %"
                   PRId64, s->cpu_clock_offset, VCLOCK_MAX_NS);
        return false;
    }
    /* Without CPUs nothing ever reads that clock. */
    if (s->has_icount && (s->qemu_icount || s->qemu_icount_bias)
        && machine_cpu_count(s->machine)) {
        error_setg(errp, "the guest runs by instruction count (-icount), which "
                   "this machine cannot go on with");
        return false;
    }
    vclock_set_offsets(s->machine, s->cpu_ticks_offset, s->cpu_clock_offset);
    return true;
}

static const VMStateDescription vmstate_timer = {
    .name = "timer",
    .version_id = 2,
    .minimum_version_id = 1,
    .priority = MIG_PRI_TIMER,
    .pre_save = timer_pre_save,
    .pre_load = timer_pre_load,
    .post_load = timer_post_load,
    .fields = (const VMStateField[]){
        VMSTATE_INT64(cpu_ticks_offset, struct TimerSection),
        VMSTATE_UNUSED(8),
        VMSTATE_INT64_V(cpu_clock_offset, struct TimerSection, 2),
        VMSTATE_END_OF_LIST(),
    },
    .subsections = (const VMStateDescription *const[]){
        &vmstate_icount,
        NULL,
    },
};

bool vclock_register(Machine *m, Error **errp)
{
    m->clock.section = g_new0(struct TimerSection, 1);
    m->clock.section->machine = m;
    return vmstate_register(m->savevm, NULL, 0, &vmstate_timer,
                            m->clock.section, errp);
}

void vclock_unregister(Machine *m)
{
    vmstate_unregister(m->savevm, &vmstate_timer, m->clock.section);
    g_clear_pointer(&m->clock.section, g_free);
}

/* ---- timers of devices ---- */

static bool vtimer_get(QEMUFile *f, void *pv, size_t size,
                       const VMStateField *field, Error **errp)
{
    VTimer *t = *(VTimer **)pv;
    int64_t expire = (int64_t)qemu_get_be64(f);

    if (expire < -1) {
        error_setg(errp, "expiry of a timer is %" PRId64 ", expected -1 or "
                   "more", expire);
        return false;
    }
    if (!t) {
        return true; /* a device that we do not have */
    }
    if (expire == -1) {
        vtimer_del(t);
    } else {
        vtimer_mod(t, expire);
    }
    return true;
}

static bool vtimer_put(QEMUFile *f, const void *pv, size_t size,
                       const VMStateField *field, Error **errp)
{
    VTimer *t = *(VTimer *const *)pv;

    qemu_put_be64(f, t ? vtimer_expire_ns(t) : -1);
    return true;
}

const VMStateInfo vmstate_info_vtimer = {
    .name = "timer",
    .get = vtimer_get,
    .put = vtimer_put,
};
