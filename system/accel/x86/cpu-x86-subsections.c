/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Subsections of `cpu`: state that most guests never change, sent only when
 * it differs from its power-on value.
 *
 * Names that are not in the list at the end make a load fail: a subsection
 * has no length and cannot be skipped.  Unknown here are nested
 * virtualization, Xen, SGX, FRED, AMX, LBR, CET and APX.
 */
#include "qemu/osdep.h"

#include "system/accel/x86/cpu-x86-vmstate.h"
#include "system/cpu-x86.h"

static bool any_set(const uint64_t *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (values[i]) {
            return true;
        }
    }
    return false;
}

/* Define subsection @var, sent when the expression @cond on env holds. */
#define CPU_SUBSECTION(var, wire_name, cond, ...)                              \
    static bool var##_needed(void *opaque)                                     \
    {                                                                          \
        const CPUX86State *env = opaque;                                       \
                                                                               \
        return (cond);                                                         \
    }                                                                          \
    static const VMStateDescription vmstate_##var = {                          \
        .name = "cpu/" wire_name,                                              \
        .version_id = 1,                                                       \
        .minimum_version_id = 1,                                               \
        .needed = var##_needed,                                                \
        .fields = (const VMStateField[]) {                                     \
            __VA_ARGS__,                                                       \
            VMSTATE_END_OF_LIST(),                                             \
        },                                                                     \
    }
/* One 64-bit value, sent unless 0. */
#define CPU_SUBSECTION_U64(field, wire_name)                                   \
    CPU_SUBSECTION(field, wire_name, env->field != 0, X86_U64(field))
/* The same for an array of @n. */
#define CPU_SUBSECTION_U64S(field, wire_name, n)                               \
    CPU_SUBSECTION(field, wire_name, any_set(env->field, n),                   \
                   X86_U64S(field, n))

static const VMStateDescription vmstate_bnd_reg = {
    .name = "bnd_reg",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT64(lb, X86BoundReg),
        VMSTATE_UINT64(ub, X86BoundReg),
        VMSTATE_END_OF_LIST(),
    },
};

/* Arrays of arrays travel flat; the description has one dimension. */
#define X86_U64_MATRIX(f, rows, columns)                                       \
    {                                                                          \
        .name = #f, .offset = offsetof(CPUX86State, f),                        \
        .num = (rows) * (columns), .size = sizeof(uint64_t),                   \
        .info = &vmstate_info_uint64,                                          \
        .flags = VMS_ARRAY,                                                    \
    }

CPU_SUBSECTION(exception_info, "exception_info",
               env->exception_pending && (env->hflags & HF_GUEST),
               X86_U8(exception_pending), X86_U8(exception_injected),
               X86_U8(exception_has_payload), X86_U64(exception_payload));
/* Never sent: releases before 11 refuse it.  Taken where offered. */
CPU_SUBSECTION(error_code, "error_code", env == NULL, X86_I32(error_code));
CPU_SUBSECTION_U64(async_pf_en_msr, "async_pf_msr");
CPU_SUBSECTION_U64(async_pf_int_msr, "async_pf_int_msr");
CPU_SUBSECTION_U64(pv_eoi_en_msr, "async_pv_eoi_msr");
CPU_SUBSECTION_U64(steal_time_msr, "steal_time_msr");
CPU_SUBSECTION(poll_control_msr, "poll_control_msr",
               env->poll_control_msr != 1, X86_U64(poll_control_msr));
CPU_SUBSECTION(fpop_ip_dp, "fpop_ip_dp",
               env->fpop || env->fpip || env->fpdp, X86_U16(fpop),
               X86_U64(fpip), X86_U64(fpdp));
CPU_SUBSECTION_U64(tsc_adjust, "msr_tsc_adjust");
CPU_SUBSECTION_U64(tsc_deadline, "msr_tscdeadline");
CPU_SUBSECTION(misc_enable, "msr_ia32_misc_enable", env->misc_enable != 1,
               X86_U64(misc_enable));
CPU_SUBSECTION_U64(feature_control, "msr_ia32_feature_control");
CPU_SUBSECTION(pmu, "msr_architectural_pmu",
               any_set(env->pmu_ctrl, 4)
                   || any_set(env->pmu_fixed, X86_PMU_FIXED)
                   || any_set(env->pmu_gp, X86_PMU_GP)
                   || any_set(env->pmu_evtsel, X86_PMU_GP),
               X86_U64S(pmu_ctrl, 4), X86_U64S(pmu_fixed, X86_PMU_FIXED),
               X86_U64S(pmu_gp, X86_PMU_GP),
               X86_U64S(pmu_evtsel, X86_PMU_GP));
CPU_SUBSECTION(mpx, "mpx",
               any_set(&env->bnd[0].lb, 8) || any_set(env->bndcs, 3),
               VMSTATE_STRUCT_ARRAY(bnd, CPUX86State, 4, 0, vmstate_bnd_reg,
                                    X86BoundReg),
               X86_U64S(bndcs, 3));
CPU_SUBSECTION_U64S(hv_hypercall, "msr_hyperv_hypercall", 2);
CPU_SUBSECTION_U64(hv_vapic, "msr_hyperv_vapic");
CPU_SUBSECTION_U64(hv_time, "msr_hyperv_time");
CPU_SUBSECTION_U64S(hv_crash, "msr_hyperv_crash", 5);
CPU_SUBSECTION_U64(hv_runtime, "msr_hyperv_runtime");
CPU_SUBSECTION_U64S(hv_synic, "msr_hyperv_synic", 19);
CPU_SUBSECTION_U64S(hv_stimer, "msr_hyperv_stimer", 8);
CPU_SUBSECTION_U64S(hv_reenlightenment, "msr_hyperv_reenlightenment", 3);
CPU_SUBSECTION(avx512, "avx512",
               any_set(env->opmask, 8) || any_set(&env->zmmh[0][0], 64)
                   || any_set(&env->hi16_zmm[0][0], 128),
               X86_U64S(opmask, 8), X86_U64_MATRIX(zmmh, 16, 4),
               X86_U64_MATRIX(hi16_zmm, 16, 8));
CPU_SUBSECTION_U64(xss, "xss");
CPU_SUBSECTION(umwait, "umwait", env->umwait != 0, X86_U32(umwait));
CPU_SUBSECTION(tsc_khz, "tsc_khz", env->tsc_khz != 0, X86_I64(tsc_khz));
CPU_SUBSECTION_U64(smi_count, "msr_smi_count");
CPU_SUBSECTION(pkru, "pkru", env->pkru != 0, X86_U32(pkru));
CPU_SUBSECTION(pkrs, "pkrs", env->pkrs != 0, X86_U32(pkrs));
CPU_SUBSECTION_U64(spec_ctrl, "spec_ctrl");
CPU_SUBSECTION_U64(amd_tsc_scale, "amd_tsc_scale_msr");
CPU_SUBSECTION_U64(mcg_ext_ctl, "mcg_ext_ctl");
CPU_SUBSECTION_U64S(intel_pt, "intel_pt", 13);
CPU_SUBSECTION_U64(virt_ssbd, "virt_ssbd");
CPU_SUBSECTION(svm_npt, "svn_npt", env->hflags2 & HF2_NPT,
               X86_U64(nested_cr3), X86_U32(nested_pg_mode));
CPU_SUBSECTION(svm_guest, "svm_guest", env->svm_int_ctl != 0,
               X86_U32(svm_int_ctl));
CPU_SUBSECTION(tsx_ctrl, "msr_tsx_ctrl", env->tsx_ctrl != 0,
               X86_U32(tsx_ctrl));
CPU_SUBSECTION(xfd, "msr_xfd", any_set(env->xfd, 2), X86_U64S(xfd, 2));
CPU_SUBSECTION_U64(hwcr, "msr_hwcr");
CPU_SUBSECTION(triple_fault, "triple_fault", env->triple_fault_pending,
               X86_U8(triple_fault_pending));

/* Page directory pointers of PAE guests, which the CPU caches. */
static bool pdptrs_needed(void *opaque)
{
    const CPUX86State *env = opaque;

    return env->pdptrs_valid;
}

static bool pdptrs_post_load(void *opaque, int version_id, Error **errp)
{
    CPUX86State *env = opaque;

    env->pdptrs_valid = true;
    return true;
}

static const VMStateDescription vmstate_pdptrs = {
    .name = "cpu/pdptrs",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = pdptrs_needed,
    .post_load = pdptrs_post_load,
    .fields = (const VMStateField[]) {
        X86_U64S(pdptrs, 4),
        VMSTATE_END_OF_LIST(),
    },
};

const VMStateDescription *const vmstate_x86_cpu_subsections[] = {
    &vmstate_exception_info,
    &vmstate_error_code,
    &vmstate_async_pf_en_msr,
    &vmstate_async_pf_int_msr,
    &vmstate_pv_eoi_en_msr,
    &vmstate_steal_time_msr,
    &vmstate_poll_control_msr,
    &vmstate_fpop_ip_dp,
    &vmstate_tsc_adjust,
    &vmstate_tsc_deadline,
    &vmstate_misc_enable,
    &vmstate_feature_control,
    &vmstate_pmu,
    &vmstate_mpx,
    &vmstate_hv_hypercall,
    &vmstate_hv_vapic,
    &vmstate_hv_time,
    &vmstate_hv_crash,
    &vmstate_hv_runtime,
    &vmstate_hv_synic,
    &vmstate_hv_stimer,
    &vmstate_hv_reenlightenment,
    &vmstate_avx512,
    &vmstate_xss,
    &vmstate_umwait,
    &vmstate_tsc_khz,
    &vmstate_smi_count,
    &vmstate_pkru,
    &vmstate_pkrs,
    &vmstate_spec_ctrl,
    &vmstate_amd_tsc_scale,
    &vmstate_mcg_ext_ctl,
    &vmstate_intel_pt,
    &vmstate_virt_ssbd,
    &vmstate_svm_npt,
    &vmstate_svm_guest,
    &vmstate_tsx_ctrl,
    &vmstate_pdptrs,
    &vmstate_xfd,
    &vmstate_hwcr,
    &vmstate_triple_fault,
    NULL,
};
