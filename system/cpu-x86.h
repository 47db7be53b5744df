/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The registers of an x86 vCPU in the form in which they travel: what the
 * accelerators fill and read, and what sections `cpu`, `cpu_common` and
 * `apic` describe.
 *
 * The layout rules are those of the Intel SDM (volume 3) and of the microvm
 * stream notes in docs/wire-format.md; nothing in here depends on how an
 * accelerator stores its registers.
 */
#ifndef SYSTEM_CPU_X86_H
#define SYSTEM_CPU_X86_H

#include "qemu/error.h"
#include "system/cpu.h"

enum { R_EAX, R_ECX, R_EDX, R_EBX, R_ESP, R_EBP, R_ESI, R_EDI };
enum { R_ES, R_CS, R_SS, R_DS, R_FS, R_GS };

#define CR0_PE_MASK (1u << 0)
#define CR0_MP_MASK (1u << 1)
#define CR0_EM_MASK (1u << 2)
#define CR0_TS_MASK (1u << 3)
#define CR0_PG_MASK (1u << 31)
#define CR4_OSFXSR_MASK (1u << 9)
#define CR4_OSXSAVE_MASK (1u << 18)
#define CR4_SMAP_MASK (1u << 21)
#define CR4_UMIP_MASK (1u << 11)

#define RFLAGS_TF (1u << 8)
#define RFLAGS_IF (1u << 9)
#define RFLAGS_IOPL_SHIFT 12
#define RFLAGS_RF (1u << 16)
#define RFLAGS_VM (1u << 17)

#define EFER_LME (1u << 8)
#define EFER_LMA (1u << 10)
#define EFER_SVME (1u << 12)

/* Bits of SegmentCache.flags: the second word of a descriptor. */
#define DESC_TYPE_SHIFT 8
#define DESC_A_MASK (1u << 8)
#define DESC_S_MASK (1u << 12)
#define DESC_DPL_SHIFT 13
#define DESC_DPL_MASK (3u << DESC_DPL_SHIFT)
#define DESC_P_MASK (1u << 15)
#define DESC_AVL_MASK (1u << 20)
#define DESC_L_MASK (1u << 21)
#define DESC_B_MASK (1u << 22)
#define DESC_G_MASK (1u << 23)

/* Derived bits that travel for translators' sake. */
#define HF_INHIBIT_IRQ (1u << 3)
#define HF_CS32 (1u << 4)
#define HF_SS32 (1u << 5)
#define HF_ADDSEG (1u << 6)
#define HF_PE (1u << 7)
#define HF_LMA (1u << 14)
#define HF_CS64 (1u << 15)
#define HF_SMM (1u << 19)
#define HF_SVME (1u << 20)
#define HF_GUEST (1u << 21)
#define HF_OSFXSR (1u << 22)
#define HF_SMAP (1u << 23)
#define HF_UMIP (1u << 27)
#define HF_AVX_EN (1u << 28)
#define HF2_GIF (1u << 0)
#define HF2_NMI (1u << 2)
#define HF2_NPT (1u << 6)
#define HF2_VGIF (1u << 8)

/* XSAVE components (Intel SDM volume 1, chapter 13). */
#define XSTATE_FP (1u << 0)
#define XSTATE_SSE (1u << 1)
#define XSTATE_YMM (1u << 2)
#define XSTATE_BNDREGS (1u << 3)
#define XSTATE_BNDCSR (1u << 4)
#define XSTATE_OPMASK (1u << 5)
#define XSTATE_ZMM_HI256 (1u << 6)
#define XSTATE_HI16_ZMM (1u << 7)
#define XSTATE_PKRU (1u << 9)

/* Values of mp_state: those of KVM. */
enum {
    MP_STATE_RUNNABLE,
    MP_STATE_UNINITIALIZED,
    MP_STATE_INIT_RECEIVED,
    MP_STATE_HALTED,
    MP_STATE_SIPI_RECEIVED
};

typedef struct SegmentCache {
    uint32_t selector;
    uint64_t base;
    uint32_t limit; /* in bytes, granularity applied */
    uint32_t flags; /* DESC_* */
} SegmentCache;

typedef struct X86FPReg {
    uint64_t mantissa;
    uint16_t exponent; /* with the sign */
} X86FPReg;

typedef struct X86Vec128 {
    uint64_t q[2];
} X86Vec128;

typedef struct X86MTRRVar {
    uint64_t base, mask;
} X86MTRRVar;

typedef struct X86BoundReg {
    uint64_t lb, ub;
} X86BoundReg;

#define X86_MCE_BANKS 10
#define X86_PMU_FIXED 3
#define X86_PMU_GP 18

/* A LAPIC as section `apic` version 3 has it. */
typedef struct X86APICState {
    uint32_t apicbase;
    uint8_t id;
    uint8_t arb_id;
    uint8_t tpr;
    uint32_t spurious_vec;
    uint8_t log_dest;
    uint8_t dest_mode;
    uint32_t isr[8], tmr[8], irr[8];
    uint32_t lvt[6]; /* timer, thermal, perf, LINT0, LINT1, error */
    uint32_t esr;
    uint32_t icr[2];
    uint32_t divide_conf;
    int32_t count_shift;
    uint32_t initial_count;
    int64_t initial_count_load_time; /* virtual clock, ns */
    int64_t next_time;
    int64_t timer_expiry;            /* -1: not armed */
    int32_t sipi_vector;
    int32_t wait_for_sipi;
    uint32_t version;                /* not sent */
} X86APICState;

struct CPUX86State {
    CPUState *cpu; /* owner; survives reset */

    /* Section `cpu_common`. */
    uint32_t halted;
    uint32_t interrupt_request;
    int32_t exception_index;
    bool crash_occurred;

    /* Section `cpu`, in the order of the wire. */
    uint64_t regs[16];
    uint64_t eip;
    uint64_t eflags;
    uint32_t hflags; /* see cpu_x86_compute_hflags() */
    uint16_t fpuc, fpus;
    uint16_t fptag;  /* bit i: physical register i is in use */
    uint16_t fpregs_format;
    X86FPReg fpregs[8]; /* relative to the top of the stack */
    SegmentCache segs[6];
    SegmentCache ldt, tr, gdt, idt;
    uint32_t sysenter_cs;
    uint64_t sysenter_esp, sysenter_eip;
    uint64_t cr0, cr2, cr3, cr4;
    uint64_t dr[8];
    int32_t a20_mask;
    uint32_t mxcsr;
    X86Vec128 xmm[16];
    uint64_t efer, star, lstar, cstar, fmask, kernelgsbase;
    uint32_t smbase;
    uint64_t pat;
    uint32_t hflags2;
    uint64_t vm_hsave, vm_vmcb, tsc_offset, intercept;
    uint16_t intercept_cr_read, intercept_cr_write;
    uint16_t intercept_dr_read, intercept_dr_write;
    uint32_t intercept_exceptions;
    uint8_t v_tpr;
    uint64_t mtrr_fixed[11];
    uint64_t mtrr_deftype;
    X86MTRRVar mtrr_var[8];
    int32_t interrupt_injected; /* vector or -1 */
    uint32_t mp_state;
    uint64_t tsc;
    int32_t exception_nr; /* vector or -1 */
    uint8_t soft_interrupt;
    uint8_t nmi_injected, nmi_pending;
    uint8_t has_error_code;
    uint32_t sipi_vector;
    uint64_t mcg_cap, mcg_status, mcg_ctl;
    uint64_t mce_banks[X86_MCE_BANKS * 4];
    uint64_t tsc_aux;
    uint64_t system_time_msr, wall_clock_msr;
    uint64_t xcr0, xstate_bv;
    X86Vec128 ymmh[16];

    /* Its subsections. */
    uint8_t exception_pending, exception_injected, exception_has_payload;
    uint64_t exception_payload;
    int32_t error_code;
    uint64_t async_pf_en_msr, async_pf_int_msr, pv_eoi_en_msr;
    uint64_t steal_time_msr, poll_control_msr;
    uint16_t fpop;
    uint64_t fpip, fpdp;
    uint64_t tsc_adjust, tsc_deadline;
    uint64_t misc_enable, feature_control;
    uint64_t pmu_ctrl[4]; /* fixed_ctrl, global ctrl, status, ovf_ctrl */
    uint64_t pmu_fixed[X86_PMU_FIXED];
    uint64_t pmu_gp[X86_PMU_GP], pmu_evtsel[X86_PMU_GP];
    X86BoundReg bnd[4];
    uint64_t bndcs[3]; /* cfgu, sts, bndcfgs */
    uint64_t hv_hypercall[2], hv_vapic, hv_time, hv_crash[5], hv_runtime;
    uint64_t hv_synic[19], hv_stimer[8], hv_reenlightenment[3];
    uint64_t opmask[8];
    uint64_t zmmh[16][4];
    uint64_t hi16_zmm[16][8];
    uint64_t xss;
    uint32_t umwait;
    int64_t tsc_khz;
    uint64_t smi_count;
    uint32_t pkru, pkrs;
    uint64_t spec_ctrl, amd_tsc_scale, mcg_ext_ctl;
    uint64_t intel_pt[13];
    uint64_t virt_ssbd;
    uint64_t nested_cr3;
    uint32_t nested_pg_mode;
    uint32_t svm_int_ctl;
    uint32_t tsx_ctrl;
    uint64_t pdptrs[4];
    bool pdptrs_valid;
    uint64_t xfd[2];
    uint64_t hwcr;
    uint8_t triple_fault_pending;

    X86APICState apic;

    /*
     * The values come from a reset or a stream, not from this accelerator:
     * clocks, timers and the like must be written too.
     */
    bool full_put;
};

/*
 * Make and free the register file of @cpu (cpu->env).  It begins in reset
 * state.  Machine lock held.
 */
CPUX86State *cpu_x86_new(CPUState *cpu);
void cpu_x86_free(CPUX86State *env);

/*
 * Power-on state of vCPU @index (0 is the boot processor), to be written by
 * put_registers before it runs.
 */
void cpu_x86_reset(CPUX86State *env);

/*
 * Register sections cpu_common, cpu and apic of @cpu in its machine's
 * registry; undo it.  Machine lock held.
 */
bool cpu_x86_register(CPUState *cpu, Error **errp);
void cpu_x86_unregister(CPUState *cpu);

/* What hflags must be for the other registers (keeps what is not derived). */
uint32_t cpu_x86_compute_hflags(const CPUX86State *env);

/* Several lines with the registers, for reports; freed by g_free(). */
char *cpu_x86_dump(const CPUX86State *env);

/* Enter real mode at @cs:@ip with all segment bases @cs * 16 (boot sector). */
void cpu_x86_set_real_mode_entry(CPUX86State *env, uint16_t cs, uint16_t ip,
                                 uint8_t dl);

/*
 * FPU and vector registers to and from an XSAVE area in the standard format
 * (Intel SDM volume 1, 13.4).  @size is that of the area, at least 576 bytes;
 * components that do not fit are left out.
 */
void cpu_x86_to_xsave(const CPUX86State *env, void *area, size_t size);
void cpu_x86_from_xsave(CPUX86State *env, const void *area, size_t size);

/* Divider of the LAPIC timer that @divide_conf means, as a shift. */
int cpu_x86_apic_count_shift(uint32_t divide_conf);

#endif
