/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's paravirtual clock (kvmclock): it stands while the guest is
 * stopped, and travels in section `kvmclock`.
 */
#include "qemu/osdep.h"

#include "migration/register.h"
#include "system/accel/kvm/kvm-int.h"

static bool clock_is_reliable_needed(void *opaque)
{
    const KVMAccel *k = opaque;

    return k->clock_is_reliable;
}

/*
 * Says that the value comes from the kernel and need not be reckoned anew from
 * the guest's clock page, as very old sources required.
 */
static const VMStateDescription vmstate_clock_is_reliable = {
    .name = "kvmclock/clock_is_reliable",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = clock_is_reliable_needed,
    .fields = (const VMStateField[]) {
        VMSTATE_BOOL(clock_is_reliable, KVMAccel),
        VMSTATE_END_OF_LIST(),
    },
};

static bool kvm_clock_read(KVMAccel *k, uint64_t *ns, Error **errp)
{
    struct kvm_clock_data data = { 0 };

    if (kvm_ioctl(k->vm_fd, KVM_GET_CLOCK, (uintptr_t)&data) < 0) {
        error_setg_errno(errp, errno, "kvm: cannot read the guest's clock");
        return false;
    }
    *ns = data.clock;
    return true;
}

static bool kvm_clock_pre_save(void *opaque, Error **errp)
{
    KVMAccel *k = opaque;

    k->clock_is_reliable = true;
    /* Stopped: the value was taken when the guest stopped. */
    return k->clock_valid || kvm_clock_read(k, &k->clock_ns, errp);
}

static bool kvm_clock_pre_load(void *opaque, Error **errp)
{
    KVMAccel *k = opaque;

    k->clock_is_reliable = false;
    return true;
}

static bool kvm_clock_post_load(void *opaque, int version_id, Error **errp)
{
    KVMAccel *k = opaque;

    /*
     * Without the subsection the value is that of the moment when the source
     * stopped just the same; it is merely less exact.
     */
    k->clock_valid = true;
    return true;
}

static const VMStateDescription vmstate_kvmclock = {
    .name = "kvmclock",
    .version_id = 1,
    .minimum_version_id = 1,
    .pre_save = kvm_clock_pre_save,
    .pre_load = kvm_clock_pre_load,
    .post_load = kvm_clock_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT64(clock_ns, KVMAccel),
        VMSTATE_END_OF_LIST(),
    },
    .subsections = (const VMStateDescription *const[]) {
        &vmstate_clock_is_reliable,
        NULL,
    },
};

bool kvm_clock_register(KVMAccel *k, Error **errp)
{
    k->clock_registered =
        vmstate_register(machine_get_savevm(k->machine), NULL, 0,
                         &vmstate_kvmclock, k, errp);
    return k->clock_registered;
}

void kvm_clock_unregister(KVMAccel *k)
{
    if (k->clock_registered) {
        vmstate_unregister(machine_get_savevm(k->machine), &vmstate_kvmclock,
                           k);
        k->clock_registered = false;
    }
}

void kvm_clock_state_change(KVMAccel *k, bool running)
{
    struct kvm_clock_data data = { 0 };

    if (!running) {
        k->clock_valid = kvm_clock_read(k, &k->clock_ns, NULL);
        return;
    }
    if (!k->clock_valid) {
        return;
    }
    /*
     * No flags: with those of KVM_GET_CLOCK the kernel would add the wall
     * time that went by meanwhile.
     */
    data.clock = k->clock_ns;
    if (kvm_ioctl(k->vm_fd, KVM_SET_CLOCK, (uintptr_t)&data) < 0) {
        warn_report("kvm: cannot set the guest's clock: %s",
                    g_strerror(errno));
    }
    k->clock_valid = false;
    for (unsigned i = 0; i < machine_cpu_count(k->machine); i++) {
        KVMCPU *c = kvm_cpu(machine_get_cpu(k->machine, i));

        /*
         * Tells the guest's watchdogs that time was missing.  Refused for a
         * guest that does not use the clock.
         */
        if (c) {
            kvm_ioctl(c->fd, KVM_KVMCLOCK_CTRL, 0);
        }
    }
}
