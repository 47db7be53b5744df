/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a KVM guest sees in CPUID: what this host's KVM supports. */
#include "qemu/osdep.h"

#include "system/accel/kvm/kvm-int.h"

#define CPUID_MAX_ENTRIES 256

#define CPUID_1_ECX_TSC_DEADLINE (1u << 24)
#define CPUID_1_ECX_X2APIC (1u << 21)
#define CPUID_1_ECX_HYPERVISOR (1u << 31)

/*
 * Things that the supported list cannot know: the vCPU's own APIC id, that
 * there is a hypervisor, and timer modes of the in-kernel LAPIC (a guest that
 * was not told of them would use none, a migrated one would be stuck).
 */
static void kvm_cpuid_fix(KVMAccel *k, KVMCPU *c, unsigned apic_id,
                          struct kvm_cpuid_entry2 *e)
{
    switch (e->function) {
    case 1:
        e->ebx = (e->ebx & 0x00ffffff) | apic_id << 24;
        e->ecx |= CPUID_1_ECX_HYPERVISOR | CPUID_1_ECX_X2APIC;
        if (kvm_check_extension(k, KVM_CAP_TSC_DEADLINE_TIMER)) {
            e->ecx |= CPUID_1_ECX_TSC_DEADLINE;
        }
        break;
    case 0xb:
    case 0x1f:
        e->edx = apic_id;
        break;
    case 0x80000008:
        c->phys_bits = e->eax & 0xff;
        break;
    }
}

bool kvm_cpu_set_cpuid(KVMAccel *k, CPUState *cpu, Error **errp)
{
    KVMCPU *c = kvm_cpu(cpu);
    g_autofree struct kvm_cpuid2 *cpuid =
        g_malloc0(sizeof(*cpuid)
                  + CPUID_MAX_ENTRIES * sizeof(cpuid->entries[0]));

    cpuid->nent = CPUID_MAX_ENTRIES;
    if (kvm_ioctl(k->fd, KVM_GET_SUPPORTED_CPUID, (uintptr_t)cpuid) < 0) {
        error_setg_errno(errp, errno, "kvm: cannot read the CPU features "
                         "of this host");
        return false;
    }
    c->phys_bits = 36;
    for (uint32_t i = 0; i < cpuid->nent; i++) {
        kvm_cpuid_fix(k, c, cpu->index, &cpuid->entries[i]);
    }
    if (kvm_ioctl(c->fd, KVM_SET_CPUID2, (uintptr_t)cpuid) < 0) {
        error_setg_errno(errp, errno, "kvm: cannot set the CPU features of "
                         "vCPU %u", cpu->index);
        return false;
    }
    return true;
}
