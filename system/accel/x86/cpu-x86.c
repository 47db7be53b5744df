/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Power-on state of an x86 vCPU and what follows from its registers. */
#include "qemu/osdep.h"

#include "migration/register.h"
#include "system/accel/x86/cpu-x86-vmstate.h"
#include "system/cpu-x86.h"

/* The signature in RDX after reset: family 15, model 107, stepping 1. */
#define RESET_SIGNATURE 0x00060fb1u

#define APIC_BASE_ADDRESS 0xfee00000u
#define APIC_BASE_BSP (1u << 8)
#define APIC_BASE_ENABLE (1u << 11)
#define APIC_LVT_MASKED (1u << 16)

static void cpu_x86_reset_segments(CPUX86State *env)
{
    for (int i = 0; i < 6; i++) {
        env->segs[i] = (SegmentCache) { .limit = 0xffff, .flags = 0x9300 };
    }
    env->segs[R_CS] = (SegmentCache) {
        .selector = 0xf000, .base = 0xffff0000, .limit = 0xffff,
        .flags = 0x9b00,
    };
    env->ldt = (SegmentCache) { .limit = 0xffff, .flags = 0x8200 };
    env->tr = (SegmentCache) { .limit = 0xffff, .flags = 0x8b00 };
    env->gdt = (SegmentCache) { .limit = 0xffff };
    env->idt = (SegmentCache) { .limit = 0xffff };
}

static void cpu_x86_reset_apic(X86APICState *apic, unsigned index)
{
    *apic = (X86APICState) {
        .apicbase = APIC_BASE_ADDRESS | APIC_BASE_ENABLE
                    | (index == 0 ? APIC_BASE_BSP : 0),
        .id = index,
        .spurious_vec = 0xff,
        .dest_mode = 0xf,
        .timer_expiry = -1,
        .version = 0x14,
    };
    for (size_t i = 0; i < G_N_ELEMENTS(apic->lvt); i++) {
        apic->lvt[i] = APIC_LVT_MASKED;
    }
}

void cpu_x86_reset(CPUX86State *env)
{
    CPUState *cpu = env->cpu;
    unsigned index = cpu ? cpu->index : 0;
    int64_t tsc_khz = env->tsc_khz;

    memset(env, 0, sizeof(*env));
    env->cpu = cpu;
    env->tsc_khz = tsc_khz;
    env->exception_index = -1;
    env->regs[R_EDX] = RESET_SIGNATURE;
    env->eip = 0xfff0;
    env->eflags = 2;
    env->fpuc = 0x37f;
    cpu_x86_reset_segments(env);
    env->cr0 = 0x60000010;
    env->dr[6] = 0xffff0ff0;
    env->dr[7] = 0x400;
    env->a20_mask = -1;
    env->mxcsr = 0x1f80;
    env->smbase = 0x30000;
    env->pat = UINT64_C(0x0007040600070406);
    env->hflags2 = HF2_GIF | HF2_VGIF;
    env->interrupt_injected = -1;
    env->exception_nr = -1;
    env->mp_state = index == 0 ? MP_STATE_RUNNABLE : MP_STATE_UNINITIALIZED;
    env->halted = index != 0;
    env->mcg_cap = 0x1000100 | X86_MCE_BANKS;
    env->mcg_ctl = UINT64_MAX;
    for (int i = 0; i < X86_MCE_BANKS; i++) {
        env->mce_banks[4 * i] = UINT64_MAX;
    }
    env->xcr0 = XSTATE_FP;
    env->xstate_bv = XSTATE_FP | XSTATE_SSE;
    env->poll_control_msr = 1;
    env->misc_enable = 1;
    cpu_x86_reset_apic(&env->apic, index);
    env->hflags = cpu_x86_compute_hflags(env);
    env->full_put = true;
}

/* Does address arithmetic have to add segment bases? */
static bool cpu_x86_adds_bases(const CPUX86State *env, bool cs32)
{
    if (!(env->cr0 & CR0_PE_MASK) || (env->eflags & RFLAGS_VM) || !cs32) {
        return true;
    }
    return env->segs[R_DS].base || env->segs[R_ES].base
           || env->segs[R_SS].base;
}

uint32_t cpu_x86_compute_hflags(const CPUX86State *env)
{
    const uint32_t kept = HF_INHIBIT_IRQ | HF_SMM | HF_GUEST;
    uint32_t cs = env->segs[R_CS].flags, ss = env->segs[R_SS].flags;
    uint32_t h = env->hflags & kept;

    h |= (ss & DESC_DPL_MASK) >> DESC_DPL_SHIFT;
    h |= env->cr0 & CR0_PE_MASK ? HF_PE : 0;
    h |= (env->cr0 & (CR0_MP_MASK | CR0_EM_MASK | CR0_TS_MASK)) << 8;
    h |= env->eflags & (RFLAGS_TF | RFLAGS_VM);
    h |= env->eflags & (3u << RFLAGS_IOPL_SHIFT);
    h |= env->efer & EFER_SVME ? HF_SVME : 0;
    h |= env->cr4 & CR4_OSFXSR_MASK ? HF_OSFXSR : 0;
    h |= env->cr4 & CR4_SMAP_MASK ? HF_SMAP : 0;
    h |= env->cr4 & CR4_UMIP_MASK ? HF_UMIP : 0;
    if ((env->cr4 & CR4_OSXSAVE_MASK)
        && (env->xcr0 & (XSTATE_SSE | XSTATE_YMM))
               == (XSTATE_SSE | XSTATE_YMM)) {
        h |= HF_AVX_EN;
    }
    h |= env->efer & EFER_LMA ? HF_LMA : 0;
    if ((env->efer & EFER_LMA) && (cs & DESC_L_MASK)) {
        /* 64-bit code: flat, and "32 bit" in the sense of not 16 bit. */
        return h | HF_CS64 | HF_CS32 | HF_SS32;
    }
    h |= cs & DESC_B_MASK ? HF_CS32 : 0;
    h |= ss & DESC_B_MASK ? HF_SS32 : 0;
    h |= cpu_x86_adds_bases(env, cs & DESC_B_MASK) ? HF_ADDSEG : 0;
    return h;
}

void cpu_x86_set_real_mode_entry(CPUX86State *env, uint16_t cs, uint16_t ip,
                                 uint8_t dl)
{
    for (int i = 0; i < 6; i++) {
        env->segs[i].selector = cs;
        env->segs[i].base = (uint32_t)cs << 4;
    }
    env->eip = ip;
    env->regs[R_EDX] = dl;
    env->hflags = cpu_x86_compute_hflags(env);
}

int cpu_x86_apic_count_shift(uint32_t divide_conf)
{
    uint32_t v = (divide_conf & 3) | ((divide_conf >> 1) & 4);

    return (v + 1) & 7;
}

char *cpu_x86_dump(const CPUX86State *env)
{
    static const char *const seg_name[] = { "ES", "CS", "SS",
                                            "DS", "FS", "GS" };
    static const char *const reg_name[] = {
        "RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI",
        "R8 ", "R9 ", "R10", "R11", "R12", "R13", "R14", "R15",
    };
    GString *s = g_string_new(NULL);

    for (int i = 0; i < 16; i++) {
        g_string_append_printf(s, "%s=%016" PRIx64 "%c", reg_name[i],
                               env->regs[i], i % 4 == 3 ? '\n' : ' ');
    }
    g_string_append_printf(s, "RIP=%016" PRIx64 " RFL=%08" PRIx64
                           " HLT=%u\n",
                           env->eip, env->eflags, env->halted);
    for (int i = 0; i < 6; i++) {
        const SegmentCache *seg = &env->segs[i];

        g_string_append_printf(s, "%s=%04x %016" PRIx64 " %08x %08x\n",
                               seg_name[i], seg->selector, seg->base,
                               seg->limit, seg->flags);
    }
    g_string_append_printf(s, "GDT=%016" PRIx64 " %08x\n"
                           "IDT=%016" PRIx64 " %08x\n",
                           env->gdt.base, env->gdt.limit, env->idt.base,
                           env->idt.limit);
    g_string_append_printf(s, "CR0=%08" PRIx64 " CR2=%016" PRIx64
                           " CR3=%016" PRIx64 " CR4=%08" PRIx64
                           " EFER=%016" PRIx64,
                           env->cr0, env->cr2, env->cr3, env->cr4,
                           env->efer);
    return g_string_free(s, FALSE);
}

CPUX86State *cpu_x86_new(CPUState *cpu)
{
    CPUX86State *env = g_new0(CPUX86State, 1);

    env->cpu = cpu;
    cpu_x86_reset(env);
    return env;
}

void cpu_x86_free(CPUX86State *env)
{
    g_free(env);
}

bool cpu_x86_register(CPUState *cpu, Error **errp)
{
    struct SaveStateRegistry *reg = machine_get_savevm(cpu->machine);

    if (!vmstate_register(reg, NULL, cpu->index, &vmstate_cpu_common,
                          cpu->env, errp)) {
        return false;
    }
    if (!vmstate_register(reg, NULL, cpu->index, &vmstate_x86_cpu, cpu->env,
                          errp)) {
        vmstate_unregister(reg, &vmstate_cpu_common, cpu->env);
        return false;
    }
    if (!vmstate_register(reg, NULL, cpu->index, &vmstate_apic, cpu->env,
                          errp)) {
        vmstate_unregister(reg, &vmstate_x86_cpu, cpu->env);
        vmstate_unregister(reg, &vmstate_cpu_common, cpu->env);
        return false;
    }
    return true;
}

void cpu_x86_unregister(CPUState *cpu)
{
    struct SaveStateRegistry *reg = machine_get_savevm(cpu->machine);

    vmstate_unregister(reg, &vmstate_apic, cpu->env);
    vmstate_unregister(reg, &vmstate_x86_cpu, cpu->env);
    vmstate_unregister(reg, &vmstate_cpu_common, cpu->env);
}
