/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Model-specific registers that are part of a vCPU's state. */
#include "qemu/osdep.h"

#include "system/accel/kvm/kvm-int.h"

#define MSR_IA32_TSC 0x10
#define MSR_IA32_TSC_DEADLINE 0x6e0
#define MSR_MTRR_PHYS_MASK_0 0x201
#define MSR_MTRR_PHYS_MASK_7 0x20f

typedef enum MsrKind {
    MSR_PLAIN,
    MSR_TIME,     /* written only when the state comes from elsewhere */
    MSR_DEADLINE, /* the same, and last of all */
} MsrKind;

typedef struct MsrInfo {
    uint32_t index;
    uint16_t offset; /* in CPUX86State */
    uint8_t size;    /* 4 or 8 */
    uint8_t kind;    /* MsrKind */
} MsrInfo;

#define MSR(i, f, k)                                                           \
    {                                                                          \
        .index = (i), .offset = offsetof(CPUX86State, f),                      \
        .size = sizeof(((CPUX86State *)0)->f), .kind = (k),                    \
    }
#define MSR4(i, f, n)                                                          \
    MSR(i, f[n], MSR_PLAIN), MSR((i) + 1, f[(n) + 1], MSR_PLAIN),              \
        MSR((i) + 2, f[(n) + 2], MSR_PLAIN),                                   \
        MSR((i) + 3, f[(n) + 3], MSR_PLAIN)
#define MTRR(n)                                                                \
    MSR(0x200 + 2 * (n), mtrr_var[n].base, MSR_PLAIN),                         \
        MSR(0x201 + 2 * (n), mtrr_var[n].mask, MSR_PLAIN)
#define PMU_COUNTER(n)                                                         \
    MSR(0xc1 + (n), pmu_gp[n], MSR_PLAIN),                                     \
        MSR(0x186 + (n), pmu_evtsel[n], MSR_PLAIN)

/*
 * In the order of writing.  The first one unlocks others on some CPUs; the
 * clock of the guest (0x4b564d01) comes after the TSC that it relates to.
 */
static const MsrInfo msrs[] = {
    MSR(0x3a, feature_control, MSR_PLAIN),
    MSR(0x174, sysenter_cs, MSR_PLAIN),
    MSR(0x175, sysenter_esp, MSR_PLAIN),
    MSR(0x176, sysenter_eip, MSR_PLAIN),
    MSR(0x277, pat, MSR_PLAIN),
    MSR(0xc0000081, star, MSR_PLAIN),
    MSR(0xc0000082, lstar, MSR_PLAIN),
    MSR(0xc0000083, cstar, MSR_PLAIN),
    MSR(0xc0000084, fmask, MSR_PLAIN),
    MSR(0xc0000102, kernelgsbase, MSR_PLAIN),
    MSR(0xc0000103, tsc_aux, MSR_PLAIN),
    MSR(0xc0010117, vm_hsave, MSR_PLAIN),
    MSR(0x9e, smbase, MSR_PLAIN),
    MSR(0x1a0, misc_enable, MSR_PLAIN),
    MSR(0x34, smi_count, MSR_PLAIN),
    MSR(0x48, spec_ctrl, MSR_PLAIN),
    MSR(0xc001011f, virt_ssbd, MSR_PLAIN),
    MSR(0x122, tsx_ctrl, MSR_PLAIN),
    MSR(0xe1, umwait, MSR_PLAIN),
    MSR(0xda0, xss, MSR_PLAIN),
    MSR(0xd90, bndcs[2], MSR_PLAIN),
    MSR(0x6e1, pkrs, MSR_PLAIN),
    MSR(0x1c4, xfd[0], MSR_PLAIN),
    MSR(0x1c5, xfd[1], MSR_PLAIN),
    MSR(0xc0010015, hwcr, MSR_PLAIN),
    MSR(MSR_IA32_TSC, tsc, MSR_TIME),
    MSR(0x3b, tsc_adjust, MSR_TIME),
    MSR(0xc0000104, amd_tsc_scale, MSR_PLAIN),
    MSR(0x4b564d00, wall_clock_msr, MSR_TIME),
    MSR(0x4b564d01, system_time_msr, MSR_TIME),
    MSR(0x4b564d06, async_pf_int_msr, MSR_PLAIN),
    MSR(0x4b564d02, async_pf_en_msr, MSR_PLAIN),
    MSR(0x4b564d03, steal_time_msr, MSR_PLAIN),
    MSR(0x4b564d04, pv_eoi_en_msr, MSR_PLAIN),
    MSR(0x4b564d05, poll_control_msr, MSR_PLAIN),
    MSR(0x38d, pmu_ctrl[0], MSR_PLAIN),
    MSR(0x309, pmu_fixed[0], MSR_PLAIN),
    MSR(0x30a, pmu_fixed[1], MSR_PLAIN),
    MSR(0x30b, pmu_fixed[2], MSR_PLAIN),
    PMU_COUNTER(0), PMU_COUNTER(1), PMU_COUNTER(2), PMU_COUNTER(3),
    PMU_COUNTER(4), PMU_COUNTER(5), PMU_COUNTER(6), PMU_COUNTER(7),
    MSR(0x38e, pmu_ctrl[2], MSR_PLAIN),
    MSR(0x390, pmu_ctrl[3], MSR_PLAIN),
    MSR(0x38f, pmu_ctrl[1], MSR_PLAIN),
    MSR(0x250, mtrr_fixed[0], MSR_PLAIN),
    MSR(0x258, mtrr_fixed[1], MSR_PLAIN),
    MSR(0x259, mtrr_fixed[2], MSR_PLAIN),
    MSR4(0x268, mtrr_fixed, 3),
    MSR4(0x26c, mtrr_fixed, 7),
    MTRR(0), MTRR(1), MTRR(2), MTRR(3), MTRR(4), MTRR(5), MTRR(6), MTRR(7),
    MSR(0x2ff, mtrr_deftype, MSR_PLAIN),
    MSR(0x17a, mcg_status, MSR_PLAIN),
    MSR(0x17b, mcg_ctl, MSR_PLAIN),
    MSR(0x4d0, mcg_ext_ctl, MSR_PLAIN),
    MSR4(0x400, mce_banks, 0), MSR4(0x404, mce_banks, 4),
    MSR4(0x408, mce_banks, 8), MSR4(0x40c, mce_banks, 12),
    MSR4(0x410, mce_banks, 16), MSR4(0x414, mce_banks, 20),
    MSR4(0x418, mce_banks, 24), MSR4(0x41c, mce_banks, 28),
    MSR4(0x420, mce_banks, 32), MSR4(0x424, mce_banks, 36),
    MSR(MSR_IA32_TSC_DEADLINE, tsc_deadline, MSR_DEADLINE),
};

#define N_MSRS G_N_ELEMENTS(msrs)

typedef struct MsrBuffer {
    struct kvm_msrs header;
    struct kvm_msr_entry entries[N_MSRS];
} MsrBuffer;

static uint64_t msr_field_get(const CPUX86State *env, const MsrInfo *info)
{
    const char *field = (const char *)env + info->offset;
    uint64_t v = 0;

    memcpy(&v, field, info->size);
    return v;
}

static void msr_field_set(CPUX86State *env, const MsrInfo *info, uint64_t v)
{
    memcpy((char *)env + info->offset, &v, info->size);
}

/* How many of the @n entries of @buf the kernel took. */
static uint32_t msr_ioctl(CPUState *cpu, unsigned long request,
                          MsrBuffer *buf, uint32_t first, uint32_t n)
{
    MsrBuffer part = { .header.nmsrs = n };
    int ret;

    memcpy(part.entries, buf->entries + first, n * sizeof(part.entries[0]));
    ret = kvm_ioctl(kvm_cpu(cpu)->fd, request, (uintptr_t)&part);
    memcpy(buf->entries + first, part.entries, n * sizeof(part.entries[0]));
    return MAX(ret, 0);
}

void kvm_msr_probe(CPUState *cpu)
{
    KVMCPU *c = kvm_cpu(cpu);

    /*
     * Asking for each one tells more than KVM_GET_MSR_INDEX_LIST, which leaves
     * out what depends on CPUID (machine checks, MTRRs).
     */
    c->msr_supported = g_new0(bool, N_MSRS);
    for (size_t i = 0; i < N_MSRS; i++) {
        MsrBuffer buf = { .entries[0].index = msrs[i].index };

        c->msr_supported[i] = msr_ioctl(cpu, KVM_GET_MSRS, &buf, 0, 1) == 1;
    }
}

bool kvm_get_msrs(CPUState *cpu, Error **errp)
{
    KVMCPU *c = kvm_cpu(cpu);
    MsrBuffer buf = { 0 };
    const MsrInfo *info[N_MSRS];
    uint32_t n = 0, done;

    for (size_t i = 0; i < N_MSRS; i++) {
        if (c->msr_supported[i]) {
            info[n] = &msrs[i];
            buf.entries[n++].index = msrs[i].index;
        }
    }
    done = msr_ioctl(cpu, KVM_GET_MSRS, &buf, 0, n);
    if (done < n) {
        error_setg(errp, "kvm: cannot read MSR 0x%x",
                   buf.entries[done].index);
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        msr_field_set(cpu->env, info[i], buf.entries[i].data);
    }
    return true;
}

/* What to write for @info; streams may come from a CPU with other limits. */
static uint64_t msr_value(CPUState *cpu, const MsrInfo *info)
{
    uint64_t v = msr_field_get(cpu->env, info);

    if (info->index >= MSR_MTRR_PHYS_MASK_0
        && info->index <= MSR_MTRR_PHYS_MASK_7 && (info->index & 1)) {
        v &= (UINT64_C(1) << MIN(kvm_cpu(cpu)->phys_bits, 52u)) - 1;
    }
    return v;
}

/*
 * Write those in @buf.  One that the kernel refuses is no error if it has that
 * value anyway (read-only ones), or is 0: a feature that is not there.
 */
static bool put_msr_buffer(CPUState *cpu, MsrBuffer *buf, uint32_t n,
                           Error **errp)
{
    for (uint32_t i = 0; i < n; i++) {
        MsrBuffer now = { 0 };
        uint32_t bad;

        i += msr_ioctl(cpu, KVM_SET_MSRS, buf, i, n - i);
        if (i >= n) {
            break;
        }
        bad = buf->entries[i].index;
        now.entries[0].index = bad;
        if (buf->entries[i].data != 0
            && (msr_ioctl(cpu, KVM_GET_MSRS, &now, 0, 1) != 1
                || now.entries[0].data != buf->entries[i].data)) {
            error_setg(errp, "kvm: cannot set MSR 0x%x to 0x%"
                       PRIx64, bad,
                       (uint64_t)buf->entries[i].data);
            return false;
        }
    }
    return true;
}

bool kvm_put_msrs(CPUState *cpu, bool full, Error **errp)
{
    KVMCPU *c = kvm_cpu(cpu);
    MsrBuffer buf = { 0 };
    uint32_t n = 0;

    for (size_t i = 0; i < N_MSRS; i++) {
        if (!c->msr_supported[i] || msrs[i].kind == MSR_DEADLINE
            || (msrs[i].kind == MSR_TIME && !full)) {
            continue;
        }
        buf.entries[n].index = msrs[i].index;
        buf.entries[n++].data = msr_value(cpu, &msrs[i]);
    }
    return put_msr_buffer(cpu, &buf, n, errp);
}

bool kvm_put_tsc_deadline(CPUState *cpu, Error **errp)
{
    const MsrInfo *info = &msrs[N_MSRS - 1];
    MsrBuffer buf = {
        .entries[0].index = info->index,
        .entries[0].data = msr_field_get(cpu->env, info),
    };

    return !kvm_cpu(cpu)->msr_supported[N_MSRS - 1]
           || put_msr_buffer(cpu, &buf, 1, errp);
}
