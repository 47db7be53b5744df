/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Registers between CPUX86State and the kernel.
 *
 * The order matters.  Reading: events and MP state first, because asking for
 * them can change other registers (a SIPI that waits alters CS:IP).  Writing:
 * special registers before the LAPIC, whose mode the APIC base selects; events
 * after the registers they refer to; MP state late; the TSC deadline after
 * both LAPIC and TSC.
 */
#include "qemu/osdep.h"

#include "system/accel/kvm/kvm-int.h"

#ifndef KVM_SREGS2_FLAGS_PDPTRS_VALID
#define KVM_SREGS2_FLAGS_PDPTRS_VALID 1
#endif

/* Where KVM has registers 0 to 7, whose order differs from the encoding. */
static __u64 *kvm_reg(struct kvm_regs *r, int n)
{
    __u64 *const low[8] = { &r->rax, &r->rcx, &r->rdx, &r->rbx,
                            &r->rsp, &r->rbp, &r->rsi, &r->rdi };

    return n < 8 ? low[n] : &r->r8 + (n - 8);
}

static bool kvm_vcpu_ioctl(CPUState *cpu, unsigned long request, void *arg,
                           const char *what, Error **errp)
{
    if (kvm_ioctl(kvm_cpu(cpu)->fd, request, (uintptr_t)arg) < 0) {
        error_setg_errno(errp, errno, "kvm: cannot %s", what);
        return false;
    }
    return true;
}

static void segment_from_kvm(SegmentCache *s, const struct kvm_segment *k)
{
    s->selector = k->selector;
    s->base = k->base;
    s->limit = k->limit;
    s->flags = k->type << DESC_TYPE_SHIFT | k->s << 12
               | k->dpl << DESC_DPL_SHIFT
               | (k->present && !k->unusable) << 15 | k->avl << 20
               | k->l << 21 | k->db << 22 | k->g << 23;
}

static void segment_to_kvm(struct kvm_segment *k, const SegmentCache *s)
{
    uint32_t f = s->flags;

    *k = (struct kvm_segment) {
        .base = s->base,
        .limit = s->limit,
        .selector = s->selector,
        .type = (f >> DESC_TYPE_SHIFT) & 15,
        .present = !!(f & DESC_P_MASK),
        .dpl = (f & DESC_DPL_MASK) >> DESC_DPL_SHIFT,
        .db = !!(f & DESC_B_MASK),
        .s = !!(f & DESC_S_MASK),
        .l = !!(f & DESC_L_MASK),
        .g = !!(f & DESC_G_MASK),
        .avl = !!(f & DESC_AVL_MASK),
        .unusable = !(f & DESC_P_MASK),
    };
}

/* Virtual-8086 mode fixes everything but base and selector. */
static void segment_to_kvm_vm86(struct kvm_segment *k, const SegmentCache *s)
{
    *k = (struct kvm_segment) {
        .base = s->base,
        .limit = 0xffff,
        .selector = s->selector,
        .type = 3,
        .present = 1,
        .dpl = 3,
        .s = 1,
    };
}

/* ---- reading ---- */

static bool get_events(CPUState *cpu, Error **errp)
{
    CPUX86State *env = cpu->env;
    KVMAccel *k = kvm_cpu(cpu)->accel;
    struct kvm_vcpu_events ev = { 0 };

    if (!kvm_vcpu_ioctl(cpu, KVM_GET_VCPU_EVENTS, &ev, "read events", errp)) {
        return false;
    }
    env->exception_pending = k->exception_payload && ev.exception.pending;
    env->exception_injected = ev.exception.injected;
    env->exception_has_payload = k->exception_payload
                                 && ev.exception_has_payload;
    env->exception_payload = env->exception_has_payload
                                 ? ev.exception_payload : 0;
    env->exception_nr = env->exception_injected || env->exception_pending
                            ? ev.exception.nr : -1;
    env->has_error_code = ev.exception.has_error_code;
    env->error_code = ev.exception.error_code;
    env->interrupt_injected = ev.interrupt.injected ? ev.interrupt.nr : -1;
    env->soft_interrupt = ev.interrupt.soft;
    env->nmi_injected = ev.nmi.injected;
    env->nmi_pending = ev.nmi.pending;
    env->hflags2 = HF2_GIF | HF2_VGIF | (ev.nmi.masked ? HF2_NMI : 0);
    env->sipi_vector = ev.sipi_vector;
    env->triple_fault_pending = k->triple_fault_event
                                && (ev.flags
                                    & KVM_VCPUEVENT_VALID_TRIPLE_FAULT)
                                && ev.triple_fault.pending;
    if (ev.flags & KVM_VCPUEVENT_VALID_SMM) {
        env->hflags = ev.smi.smm ? env->hflags | HF_SMM
                                 : env->hflags & ~HF_SMM;
    }
    return true;
}

static bool get_mp_state(CPUState *cpu, Error **errp)
{
    struct kvm_mp_state mp;

    if (!kvm_vcpu_ioctl(cpu, KVM_GET_MP_STATE, &mp, "read the MP state",
                        errp)) {
        return false;
    }
    cpu->env->mp_state = mp.mp_state;
    cpu->env->halted = mp.mp_state == KVM_MP_STATE_HALTED;
    return true;
}

static bool get_regs(CPUState *cpu, Error **errp)
{
    CPUX86State *env = cpu->env;
    struct kvm_regs regs;

    if (!kvm_vcpu_ioctl(cpu, KVM_GET_REGS, &regs, "read registers", errp)) {
        return false;
    }
    for (int i = 0; i < 16; i++) {
        env->regs[i] = *kvm_reg(&regs, i);
    }
    env->eip = regs.rip;
    env->eflags = regs.rflags;
    return true;
}

static bool get_xsave(CPUState *cpu, Error **errp)
{
    KVMCPU *c = kvm_cpu(cpu);
    CPUX86State *env = cpu->env;
    bool big = c->accel->xsave_size > sizeof(struct kvm_xsave);
    struct kvm_xcrs xcrs = { 0 };

    if (!kvm_vcpu_ioctl(cpu, big ? KVM_GET_XSAVE2 : KVM_GET_XSAVE, c->xsave,
                        "read the FPU", errp)
        || !kvm_vcpu_ioctl(cpu, KVM_GET_XCRS, &xcrs, "read XCR0", errp)) {
        return false;
    }
    cpu_x86_from_xsave(env, c->xsave, c->accel->xsave_size);
    for (uint32_t i = 0; i < xcrs.nr_xcrs && i < KVM_MAX_XCRS; i++) {
        if (xcrs.xcrs[i].xcr == 0) {
            env->xcr0 = xcrs.xcrs[i].value;
        }
    }
    return true;
}

/*
 * KVM_GET_SREGS2's structure begins like kvm_sregs up to the interrupt
 * bitmap, and has flags and PDPTRs there.  The bitmap is not needed: an
 * injected interrupt is among the events.
 */
static bool get_sregs(CPUState *cpu, Error **errp)
{
    CPUX86State *env = cpu->env;
    union {
        struct kvm_sregs v1;
        struct kvm_sregs2 v2;
    } u = { 0 };
    const struct kvm_sregs *s = &u.v1;
    bool v2 = kvm_cpu(cpu)->accel->has_sregs2;

    QEMU_BUILD_BUG_ON(offsetof(struct kvm_sregs, apic_base)
                      != offsetof(struct kvm_sregs2, apic_base));
    if (!kvm_vcpu_ioctl(cpu, v2 ? KVM_GET_SREGS2 : KVM_GET_SREGS, &u,
                        "read special registers", errp)) {
        return false;
    }
    segment_from_kvm(&env->segs[R_ES], &s->es);
    segment_from_kvm(&env->segs[R_CS], &s->cs);
    segment_from_kvm(&env->segs[R_SS], &s->ss);
    segment_from_kvm(&env->segs[R_DS], &s->ds);
    segment_from_kvm(&env->segs[R_FS], &s->fs);
    segment_from_kvm(&env->segs[R_GS], &s->gs);
    segment_from_kvm(&env->ldt, &s->ldt);
    segment_from_kvm(&env->tr, &s->tr);
    env->gdt.base = s->gdt.base;
    env->gdt.limit = s->gdt.limit;
    env->idt.base = s->idt.base;
    env->idt.limit = s->idt.limit;
    env->cr0 = s->cr0;
    env->cr2 = s->cr2;
    env->cr3 = s->cr3;
    env->cr4 = s->cr4;
    env->efer = s->efer;
    env->apic.apicbase = s->apic_base;
    env->pdptrs_valid = v2 && (u.v2.flags & KVM_SREGS2_FLAGS_PDPTRS_VALID);
    if (env->pdptrs_valid) {
        memcpy(env->pdptrs, u.v2.pdptrs, sizeof(env->pdptrs));
    }
    return true;
}

static bool get_debugregs(CPUState *cpu, Error **errp)
{
    CPUX86State *env = cpu->env;
    struct kvm_debugregs d;

    if (!kvm_vcpu_ioctl(cpu, KVM_GET_DEBUGREGS, &d, "read debug registers",
                        errp)) {
        return false;
    }
    for (int i = 0; i < 4; i++) {
        env->dr[i] = d.db[i];
    }
    env->dr[4] = env->dr[6] = d.dr6;
    env->dr[5] = env->dr[7] = d.dr7;
    return true;
}

bool kvm_get_registers(Accel *accel, CPUState *cpu, Error **errp)
{
    CPUX86State *env = cpu->env;

    if (!get_events(cpu, errp) || !get_mp_state(cpu, errp)
        || !get_regs(cpu, errp) || !get_xsave(cpu, errp)
        || !get_sregs(cpu, errp) || !kvm_get_msrs(cpu, errp)
        || !kvm_get_lapic(cpu, errp) || !get_debugregs(cpu, errp)) {
        return false;
    }
    env->tsc_khz = kvm_cpu(cpu)->tsc_khz;
    env->hflags = cpu_x86_compute_hflags(env);
    return true;
}

/* ---- writing ---- */

static void segments_to_kvm(const CPUX86State *env, struct kvm_sregs *s)
{
    void (*convert)(struct kvm_segment *, const SegmentCache *) =
        env->eflags & RFLAGS_VM ? segment_to_kvm_vm86 : segment_to_kvm;

    convert(&s->es, &env->segs[R_ES]);
    convert(&s->cs, &env->segs[R_CS]);
    convert(&s->ss, &env->segs[R_SS]);
    convert(&s->ds, &env->segs[R_DS]);
    convert(&s->fs, &env->segs[R_FS]);
    convert(&s->gs, &env->segs[R_GS]);
    segment_to_kvm(&s->ldt, &env->ldt);
    segment_to_kvm(&s->tr, &env->tr);
}

static bool put_sregs(CPUState *cpu, Error **errp)
{
    const CPUX86State *env = cpu->env;
    bool v2 = kvm_cpu(cpu)->accel->has_sregs2;
    union {
        struct kvm_sregs v1;
        struct kvm_sregs2 v2;
    } u = { 0 };
    struct kvm_sregs *s = &u.v1;

    segments_to_kvm(env, s);
    s->gdt.base = env->gdt.base;
    s->gdt.limit = env->gdt.limit;
    s->idt.base = env->idt.base;
    s->idt.limit = env->idt.limit;
    s->cr0 = env->cr0;
    s->cr2 = env->cr2;
    s->cr3 = env->cr3;
    s->cr4 = env->cr4;
    s->cr8 = env->apic.tpr >> 4;
    s->efer = env->efer;
    s->apic_base = env->apic.apicbase;
    if (v2 && env->pdptrs_valid) {
        u.v2.flags = KVM_SREGS2_FLAGS_PDPTRS_VALID;
        memcpy(u.v2.pdptrs, env->pdptrs, sizeof(env->pdptrs));
    }
    return kvm_vcpu_ioctl(cpu, v2 ? KVM_SET_SREGS2 : KVM_SET_SREGS, &u,
                          "write special registers", errp);
}

static bool put_regs(CPUState *cpu, Error **errp)
{
    CPUX86State *env = cpu->env;
    struct kvm_regs regs = { 0 };

    for (int i = 0; i < 16; i++) {
        *kvm_reg(&regs, i) = env->regs[i];
    }
    regs.rip = env->eip;
    regs.rflags = env->eflags;
    return kvm_vcpu_ioctl(cpu, KVM_SET_REGS, &regs, "write registers", errp);
}

static bool put_xsave(CPUState *cpu, Error **errp)
{
    KVMCPU *c = kvm_cpu(cpu);
    struct kvm_xcrs xcrs = {
        .nr_xcrs = 1,
        .xcrs = { { .xcr = 0, .value = cpu->env->xcr0 } },
    };

    cpu_x86_to_xsave(cpu->env, c->xsave, c->accel->xsave_size);
    return kvm_vcpu_ioctl(cpu, KVM_SET_XSAVE, c->xsave, "write the FPU", errp)
           && kvm_vcpu_ioctl(cpu, KVM_SET_XCRS, &xcrs, "write XCR0", errp);
}

static bool put_events(CPUState *cpu, Error **errp)
{
    const CPUX86State *env = cpu->env;
    KVMAccel *k = kvm_cpu(cpu)->accel;
    struct kvm_vcpu_events ev = {
        .exception.nr = MAX(env->exception_nr, 0),
        .exception.injected = env->exception_injected,
        .exception.has_error_code = env->has_error_code,
        .exception.error_code = env->error_code,
        .interrupt.injected = env->interrupt_injected >= 0,
        .interrupt.nr = MAX(env->interrupt_injected, 0),
        .interrupt.soft = env->soft_interrupt,
        .nmi.injected = env->nmi_injected,
        .nmi.pending = env->nmi_pending,
        .nmi.masked = !!(env->hflags2 & HF2_NMI),
        .flags = KVM_VCPUEVENT_VALID_NMI_PENDING,
    };

    if (env->mp_state == MP_STATE_SIPI_RECEIVED) {
        ev.sipi_vector = env->sipi_vector;
        ev.flags |= KVM_VCPUEVENT_VALID_SIPI_VECTOR;
    }
    if (k->exception_payload) {
        ev.flags |= KVM_VCPUEVENT_VALID_PAYLOAD;
        ev.exception.pending = env->exception_pending;
        ev.exception_has_payload = env->exception_has_payload;
        ev.exception_payload = env->exception_payload;
    }
    if (k->triple_fault_event) {
        ev.flags |= KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
        ev.triple_fault.pending = env->triple_fault_pending;
    }
    return kvm_vcpu_ioctl(cpu, KVM_SET_VCPU_EVENTS, &ev, "write events",
                          errp);
}

static bool put_mp_state(CPUState *cpu, Error **errp)
{
    const CPUX86State *env = cpu->env;
    struct kvm_mp_state mp = { .mp_state = env->mp_state };

    /* Streams of translators tell these two in their own way. */
    if (env->apic.wait_for_sipi) {
        mp.mp_state = KVM_MP_STATE_UNINITIALIZED;
    } else if (env->halted && env->mp_state == MP_STATE_RUNNABLE) {
        mp.mp_state = KVM_MP_STATE_HALTED;
    }
    return kvm_vcpu_ioctl(cpu, KVM_SET_MP_STATE, &mp, "write the MP state",
                          errp);
}

static bool put_debugregs(CPUState *cpu, Error **errp)
{
    const CPUX86State *env = cpu->env;
    struct kvm_debugregs d = {
        .db = { env->dr[0], env->dr[1], env->dr[2], env->dr[3] },
        .dr6 = env->dr[6],
        .dr7 = env->dr[7],
    };

    return kvm_vcpu_ioctl(cpu, KVM_SET_DEBUGREGS, &d,
                          "write debug registers", errp);
}

bool kvm_put_registers(Accel *accel, CPUState *cpu, Error **errp)
{
    CPUX86State *env = cpu->env;
    bool full = env->full_put;

    if (!put_sregs(cpu, errp) || !put_regs(cpu, errp) || !put_xsave(cpu, errp)
        || !kvm_put_msrs(cpu, full, errp) || !put_events(cpu, errp)) {
        return false;
    }
    /*
     * After a plain look at the registers the rest has its values still, and
     * writing a LAPIC would start its timer over.
     */
    if (full && (!put_mp_state(cpu, errp) || !kvm_put_lapic(cpu, errp)
                 || !kvm_put_tsc_deadline(cpu, errp))) {
        return false;
    }
    if (!put_debugregs(cpu, errp)) {
        return false;
    }
    env->full_put = false;
    return true;
}
