/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Section `cpu` version 12 (1817 bytes before subsections), `cpu_common` and
 * their hooks.
 */
#include "qemu/osdep.h"

#include "system/accel/x86/cpu-x86-vmstate.h"
#include "system/cpu-x86.h"

#define EXCP_DB 1
#define EXCP_PF 14

/* ---- cpu_common ---- */

static bool exception_index_needed(void *opaque)
{
    const CPUX86State *env = opaque;

    return env->exception_index != -1;
}

static const VMStateDescription vmstate_exception_index = {
    .name = "cpu_common/exception_index",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = exception_index_needed,
    .fields = (const VMStateField[]) {
        X86_I32(exception_index),
        VMSTATE_END_OF_LIST(),
    },
};

static bool crash_occurred_needed(void *opaque)
{
    const CPUX86State *env = opaque;

    return env->crash_occurred;
}

static const VMStateDescription vmstate_crash_occurred = {
    .name = "cpu_common/crash_occurred",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = crash_occurred_needed,
    .fields = (const VMStateField[]) {
        VMSTATE_BOOL(crash_occurred, CPUX86State),
        VMSTATE_END_OF_LIST(),
    },
};

static bool cpu_common_pre_load(void *opaque, Error **errp)
{
    CPUX86State *env = opaque;

    env->exception_index = -1;
    env->crash_occurred = false;
    return true;
}

static bool cpu_common_post_load(void *opaque, int version_id, Error **errp)
{
    CPUX86State *env = opaque;

    if (env->halted > 1) {
        error_setg(errp, "CPU %u: halted is %u, not 0 or 1",
                   env->cpu->index, env->halted);
        return false;
    }
    return true;
}

const VMStateDescription vmstate_cpu_common = {
    .name = "cpu_common",
    .version_id = 1,
    .minimum_version_id = 1,
    .pre_load = cpu_common_pre_load,
    .post_load = cpu_common_post_load,
    .fields = (const VMStateField[]) {
        X86_U32(halted),
        X86_U32(interrupt_request),
        VMSTATE_END_OF_LIST(),
    },
    .subsections = (const VMStateDescription *const[]) {
        &vmstate_exception_index,
        &vmstate_crash_occurred,
        NULL,
    },
};

/* ---- parts of cpu ---- */

static const VMStateDescription vmstate_segment = {
    .name = "segment",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32(selector, SegmentCache),
        VMSTATE_UINT64(base, SegmentCache),
        VMSTATE_UINT32(limit, SegmentCache),
        VMSTATE_UINT32(flags, SegmentCache),
        VMSTATE_END_OF_LIST(),
    },
};

static const VMStateDescription vmstate_fpreg = {
    .name = "fpreg",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT64(mantissa, X86FPReg),
        VMSTATE_UINT16(exponent, X86FPReg),
        VMSTATE_END_OF_LIST(),
    },
};

static const VMStateDescription vmstate_vec128 = {
    .name = "vec128",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT64_ARRAY(q, X86Vec128, 2),
        VMSTATE_END_OF_LIST(),
    },
};

static const VMStateDescription vmstate_mtrr_var = {
    .name = "mtrr_var",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT64(base, X86MTRRVar),
        VMSTATE_UINT64(mask, X86MTRRVar),
        VMSTATE_END_OF_LIST(),
    },
};

#define X86_SEGMENT(f)                                                         \
    VMSTATE_STRUCT(f, CPUX86State, 0, vmstate_segment, SegmentCache)
#define X86_VECTORS(f, v)                                                      \
    VMSTATE_STRUCT_ARRAY(f, CPUX86State, 16, v, vmstate_vec128, X86Vec128)

/*
 * Real mode knows no privilege levels, yet a virtualized CPU may leave some
 * in the caches; both ends of a migration agree that they are 0.
 */
static void clear_real_mode_dpl(CPUX86State *env)
{
    if ((env->cr0 & CR0_PE_MASK)
        || !(env->segs[R_CS].flags & DESC_DPL_MASK)) {
        return;
    }
    for (int i = 0; i < 6; i++) {
        env->segs[i].flags &= ~DESC_DPL_MASK;
    }
}

static bool cpu_pre_save(void *opaque, Error **errp)
{
    CPUX86State *env = opaque;

    env->fpregs_format = 0;
    clear_real_mode_dpl(env);
    env->hflags = cpu_x86_compute_hflags(env);
    if (env->exception_pending && !(env->hflags & HF_GUEST)) {
        /*
         * Outside of nested guests an exception that is only pending counts
         * as being delivered: its payload moves to where it belongs.
         */
        if (env->exception_has_payload) {
            if (env->exception_nr == EXCP_DB) {
                env->dr[6] = env->exception_payload;
            } else if (env->exception_nr == EXCP_PF) {
                env->cr2 = env->exception_payload;
            }
        }
        env->exception_pending = 0;
        env->exception_injected = 1;
        env->exception_has_payload = 0;
        env->exception_payload = 0;
    }
    return true;
}

static bool cpu_pre_load(void *opaque, Error **errp)
{
    CPUX86State *env = opaque;
    uint32_t halted = env->halted;
    uint32_t interrupt_request = env->interrupt_request;
    int32_t exception_index = env->exception_index;
    bool crash_occurred = env->crash_occurred;
    X86APICState apic = env->apic;

    /*
     * What the stream does not mention (subsections that were not needed)
     * has its power-on value; what other sections brought stays.
     */
    cpu_x86_reset(env);
    env->halted = halted;
    env->interrupt_request = interrupt_request;
    env->exception_index = exception_index;
    env->crash_occurred = crash_occurred;
    env->apic = apic;
    env->tsc_khz = 0;
    return true;
}

static bool check_range(const CPUX86State *env, const char *field,
                        int64_t value, int64_t min, int64_t max, Error **errp)
{
    if (value >= min && value <= max) {
        return true;
    }
    error_setg(errp, "CPU %u: %s is %" PRId64 ", expected %" PRId64 " to %"
               PRId64, env->cpu->index, field, value, min, max);
    return false;
}

static bool cpu_post_load(void *opaque, int version_id, Error **errp)
{
    CPUX86State *env = opaque;
    bool lma = env->efer & EFER_LMA;
    bool long_paging = (env->efer & EFER_LME) && (env->cr0 & CR0_PG_MASK);

    if (!check_range(env, "FPU register format", env->fpregs_format, 0, 0,
                     errp)
        || !check_range(env, "injected interrupt", env->interrupt_injected,
                        -1, 255, errp)
        || !check_range(env, "exception number", env->exception_nr, -1, 31,
                        errp)
        || !check_range(env, "MP state", env->mp_state, 0,
                        MP_STATE_SIPI_RECEIVED, errp)
        || !check_range(env, "FPU tags", env->fptag, 0, 0xff, errp)
        || !check_range(env, "SIPI vector", env->sipi_vector, 0, 255,
                        errp)) {
        return false;
    }
    if (lma != long_paging) {
        error_setg(errp, "CPU %u: EFER 0x%" PRIx64 " and CR0 0x%" PRIx64
                   " disagree about long mode", env->cpu->index, env->efer,
                   env->cr0);
        return false;
    }
    if (version_id < 12) {
        env->xcr0 = XSTATE_FP | XSTATE_SSE;
        env->xstate_bv = XSTATE_FP | XSTATE_SSE;
    }
    if (env->exception_nr >= 0 && !env->exception_pending) {
        env->exception_injected = 1;
    }
    clear_real_mode_dpl(env);
    env->hflags = cpu_x86_compute_hflags(env);
    env->full_put = true;
    env->cpu->env_valid = true;
    env->cpu->env_dirty = true;
    return true;
}

static const VMStateField cpu_fields[] = {
    X86_U64S(regs, 16),
    X86_U64(eip),
    X86_U64(eflags),
    X86_U32(hflags),
    X86_U16(fpuc),
    X86_U16(fpus),
    X86_U16(fptag),
    X86_U16(fpregs_format),
    VMSTATE_STRUCT_ARRAY(fpregs, CPUX86State, 8, 0, vmstate_fpreg, X86FPReg),
    VMSTATE_STRUCT_ARRAY(segs, CPUX86State, 6, 0, vmstate_segment,
                         SegmentCache),
    X86_SEGMENT(ldt),
    X86_SEGMENT(tr),
    X86_SEGMENT(gdt),
    X86_SEGMENT(idt),
    X86_U32(sysenter_cs),
    X86_U64(sysenter_esp),
    X86_U64(sysenter_eip),
    X86_U64(cr0),
    X86_U64(cr2),
    X86_U64(cr3),
    X86_U64(cr4),
    X86_U64S(dr, 8),
    X86_I32(a20_mask),
    X86_U32(mxcsr),
    X86_VECTORS(xmm, 0),
    X86_U64(efer),
    X86_U64(star),
    X86_U64(lstar),
    X86_U64(cstar),
    X86_U64(fmask),
    X86_U64(kernelgsbase),
    X86_U32(smbase),
    X86_U64(pat),
    X86_U32(hflags2),
    X86_U64(vm_hsave),
    X86_U64(vm_vmcb),
    X86_U64(tsc_offset),
    X86_U64(intercept),
    X86_U16(intercept_cr_read),
    X86_U16(intercept_cr_write),
    X86_U16(intercept_dr_read),
    X86_U16(intercept_dr_write),
    X86_U32(intercept_exceptions),
    X86_U8(v_tpr),
    X86_U64S(mtrr_fixed, 11),
    X86_U64(mtrr_deftype),
    VMSTATE_STRUCT_ARRAY(mtrr_var, CPUX86State, 8, 0, vmstate_mtrr_var,
                         X86MTRRVar),
    X86_I32(interrupt_injected),
    X86_U32(mp_state),
    X86_U64(tsc),
    X86_I32(exception_nr),
    X86_U8(soft_interrupt),
    X86_U8(nmi_injected),
    X86_U8(nmi_pending),
    X86_U8(has_error_code),
    X86_U32(sipi_vector),
    X86_U64(mcg_cap),
    X86_U64(mcg_status),
    X86_U64(mcg_ctl),
    X86_U64S(mce_banks, X86_MCE_BANKS * 4),
    X86_U64(tsc_aux),
    X86_U64(system_time_msr),
    X86_U64(wall_clock_msr),
    VMSTATE_UINT64_V(xcr0, CPUX86State, 12),
    VMSTATE_UINT64_V(xstate_bv, CPUX86State, 12),
    X86_VECTORS(ymmh, 12),
    VMSTATE_END_OF_LIST(),
};

const VMStateDescription vmstate_x86_cpu = {
    .name = "cpu",
    .version_id = 12,
    .minimum_version_id = 11,
    .pre_save = cpu_pre_save,
    .pre_load = cpu_pre_load,
    .post_load = cpu_post_load,
    .fields = cpu_fields,
    .subsections = vmstate_x86_cpu_subsections,
};
