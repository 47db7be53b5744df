/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sections of a stock `microvm` for devices that this one does not have.  A
 * section has no length of its own, so each must be described to be skipped;
 * where the device matters to a guest that uses it, the state must show
 * that it does not.
 */
#include "qemu/osdep.h"

#include "migration/register.h"
#include "migration/vmstate.h"
#include "system/hw/ioapic.h"
#include "system/hw/machines.h"

/* ---- fw_cfg: only firmware reads it ---- */

typedef struct IgnoredFwCfg {
    uint32_t unused;
} IgnoredFwCfg;

static bool never(void *opaque)
{
    return false;
}

static const VMStateDescription vmstate_fw_cfg_dma = {
    .name = "fw_cfg/dma",
    .version_id = 0,
    .minimum_version_id = 0,
    .needed = never,
    .fields = (const VMStateField[]){
        VMSTATE_UNUSED(8),
        VMSTATE_END_OF_LIST(),
    },
};

static const VMStateDescription vmstate_fw_cfg_acpi_mr = {
    .name = "fw_cfg/acpi_mr",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = never,
    .fields = (const VMStateField[]){
        VMSTATE_UNUSED(3 * 8),
        VMSTATE_END_OF_LIST(),
    },
};

static bool is_version_1(void *opaque, int version_id)
{
    return version_id == 1;
}

static bool is_version_2(void *opaque, int version_id)
{
    return version_id >= 2;
}

static const VMStateDescription vmstate_fw_cfg = {
    .name = "fw_cfg",
    .version_id = 2,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]){
        VMSTATE_UNUSED(2),
        {
            .name = "unused",
            .size = 2,
            .info = &vmstate_info_unused_buffer,
            .field_exists = is_version_1,
        },
        {
            .name = "unused",
            .size = 4,
            .info = &vmstate_info_unused_buffer,
            .field_exists = is_version_2,
        },
        VMSTATE_END_OF_LIST(),
    },
    .subsections = (const VMStateDescription *const[]){
        &vmstate_fw_cfg_dma,
        &vmstate_fw_cfg_acpi_mr,
        NULL,
    },
};

/* ---- kvm-tpr-opt: a patch that some guests make to their own code ---- */

typedef struct IgnoredVAPIC {
    uint32_t state; /* 0: not in use */
} IgnoredVAPIC;

static bool vapic_post_load(void *opaque, int version_id, Error **errp)
{
    const IgnoredVAPIC *s = opaque;

    if (s->state != 0) {
        error_setg(errp,
                   "section 'kvm-tpr-opt': the guest uses the TPR option ROM "
                   "(state %u), which is not here",
                   s->state);
        return false;
    }
    return true;
}

static const VMStateDescription vmstate_vapic = {
    .name = "kvm-tpr-opt",
    .version_id = 1,
    .minimum_version_id = 1,
    .post_load = vapic_post_load,
    .fields = (const VMStateField[]){
        VMSTATE_UNUSED(124),
        VMSTATE_UINT32(state, IgnoredVAPIC),
        VMSTATE_UNUSED(16),
        VMSTATE_END_OF_LIST(),
    },
};

/* ---- the second IOAPIC: no harm while all its lines are masked ---- */

typedef struct IgnoredIOAPIC {
    uint64_t ioredtbl[IOAPIC_PINS];
} IgnoredIOAPIC;

static bool ioapic2_post_load(void *opaque, int version_id, Error **errp)
{
    const IgnoredIOAPIC *s = opaque;

    for (int i = 0; i < IOAPIC_PINS; i++) {
        if (!(s->ioredtbl[i] & IOAPIC_ENTRY_MASKED)) {
            error_setg(errp,
                       "section 'ioapic' instance 1: the guest uses pin %d of "
                       "a second IOAPIC, which is not here",
                       i);
            return false;
        }
    }
    return true;
}

static const VMStateDescription vmstate_ioapic2 = {
    .name = "ioapic",
    .version_id = 3,
    .minimum_version_id = 1,
    .post_load = ioapic2_post_load,
    .fields = (const VMStateField[]){
        VMSTATE_UNUSED(2),
        VMSTATE_UNUSED_V(2, 12),
        VMSTATE_UINT64_ARRAY(ioredtbl, IgnoredIOAPIC, IOAPIC_PINS),
        VMSTATE_END_OF_LIST(),
    },
};

/* ---- acpi-ged: events for an operating system that was told of ACPI ---- */

typedef struct IgnoredGED {
    uint32_t unused;
} IgnoredGED;

static const VMStateDescription vmstate_ged_memhp = {
    .name = "acpi-ged/memhp",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = never,
    .fields = (const VMStateField[]){
        VMSTATE_UNUSED(4),
        VMSTATE_END_OF_LIST(),
    },
};

static const VMStateDescription vmstate_ged = {
    .name = "acpi-ged",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]){
        VMSTATE_UNUSED(4),
        VMSTATE_END_OF_LIST(),
    },
    .subsections = (const VMStateDescription *const[]){
        &vmstate_ged_memhp,
        NULL,
    },
};

/* ---- mc146818rtc where this machine was made without: by default, KVM ---- */

typedef struct IgnoredRTC {
    uint32_t unused;
} IgnoredRTC;

static const VMStateDescription vmstate_rtc_reinject = {
    .name = "mc146818rtc/irq_reinject_on_ack_count",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = never,
    .fields = (const VMStateField[]){
        VMSTATE_UNUSED(2),
        VMSTATE_END_OF_LIST(),
    },
};

static const VMStateDescription vmstate_ignored_rtc = {
    .name = "mc146818rtc",
    .version_id = 3,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]){
        VMSTATE_UNUSED(197),
        VMSTATE_UNUSED_V(2, 8),
        VMSTATE_UNUSED_V(3, 40),
        VMSTATE_END_OF_LIST(),
    },
    .subsections = (const VMStateDescription *const[]){
        &vmstate_rtc_reinject,
        NULL,
    },
};

bool microvm_register_ignored(Machine *m, bool rtc, Error **errp)
{
    SaveStateRegistry *reg = machine_get_savevm(m);

    return vmstate_register_ignored(reg, "fw_cfg", 0, &vmstate_fw_cfg,
                                    sizeof(IgnoredFwCfg), errp) &&
           vmstate_register_ignored(reg, "kvm-tpr-opt", 0, &vmstate_vapic,
                                    sizeof(IgnoredVAPIC), errp) &&
           vmstate_register_ignored(reg, "ioapic", 1, &vmstate_ioapic2,
                                    sizeof(IgnoredIOAPIC), errp) &&
           vmstate_register_ignored(reg, "acpi-ged", 0, &vmstate_ged,
                                    sizeof(IgnoredGED), errp) &&
           (rtc || vmstate_register_ignored(reg, "mc146818rtc", 0,
                                            &vmstate_ignored_rtc,
                                            sizeof(IgnoredRTC), errp));
}
