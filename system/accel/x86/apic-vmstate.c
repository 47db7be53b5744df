/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Section `apic` version 3: the local APIC of a vCPU. */
#include "qemu/osdep.h"

#include "system/accel/x86/cpu-x86-vmstate.h"
#include "system/cpu-x86.h"

/* The section's object is the vCPU; the LAPIC is a member of it. */
#define APIC_U8(f) VMSTATE_UINT8(apic.f, CPUX86State)
#define APIC_U32(f) VMSTATE_UINT32(apic.f, CPUX86State)
#define APIC_U32S(f, n) VMSTATE_UINT32_ARRAY(apic.f, CPUX86State, n)
#define APIC_I32(f) VMSTATE_INT32(apic.f, CPUX86State)
#define APIC_I64(f) VMSTATE_INT64(apic.f, CPUX86State)

static bool sipi_needed(void *opaque)
{
    const CPUX86State *env = opaque;

    return env->apic.wait_for_sipi != 0;
}

/* Not "apic/sipi": the name is older than that convention. */
static const VMStateDescription vmstate_apic_sipi = {
    .name = "apic_sipi",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = sipi_needed,
    .fields = (const VMStateField[]) {
        APIC_I32(sipi_vector),
        APIC_I32(wait_for_sipi),
        VMSTATE_END_OF_LIST(),
    },
};

static bool apic_pre_load(void *opaque, Error **errp)
{
    CPUX86State *env = opaque;

    env->apic.sipi_vector = 0;
    env->apic.wait_for_sipi = 0;
    return true;
}

static bool apic_post_load(void *opaque, int version_id, Error **errp)
{
    CPUX86State *env = opaque;

    if (env->apic.count_shift < 0 || env->apic.count_shift > 7) {
        error_setg(errp, "APIC %u: the timer's divider shift is %d, "
                   "expected 0 to 7", env->cpu->index, env->apic.count_shift);
        return false;
    }
    env->full_put = true;
    env->cpu->env_valid = true;
    env->cpu->env_dirty = true;
    return true;
}

const VMStateDescription vmstate_apic = {
    .name = "apic",
    .version_id = 3,
    .minimum_version_id = 3,
    .pre_load = apic_pre_load,
    .post_load = apic_post_load,
    .fields = (const VMStateField[]) {
        APIC_U32(apicbase),
        APIC_U8(id),
        APIC_U8(arb_id),
        APIC_U8(tpr),
        APIC_U32(spurious_vec),
        APIC_U8(log_dest),
        APIC_U8(dest_mode),
        APIC_U32S(isr, 8),
        APIC_U32S(tmr, 8),
        APIC_U32S(irr, 8),
        APIC_U32S(lvt, 6),
        APIC_U32(esr),
        APIC_U32S(icr, 2),
        APIC_U32(divide_conf),
        APIC_I32(count_shift),
        APIC_U32(initial_count),
        APIC_I64(initial_count_load_time),
        APIC_I64(next_time),
        APIC_I64(timer_expiry),
        VMSTATE_END_OF_LIST(),
    },
    .subsections = (const VMStateDescription *const[]) {
        &vmstate_apic_sipi,
        NULL,
    },
};
