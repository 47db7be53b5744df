/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Registers between CPUX86State and a Unicorn engine.
 *
 * Unicorn's interface has most of them, but not the hidden parts of segment
 * registers (base, limit, rights), nor the derived flags that choose how code
 * is translated, and it cannot clear EFER.LMA.  All that is in the image that
 * uc_context_save() makes, at places that depend on the library's build.
 * tcg_layout_probe() finds them: values set through the interface are looked
 * for in the image, and their neighbours are checked against what a fresh
 * 64-bit engine must have there.  Should that fail, the accelerator refuses
 * to start.
 */
#include "qemu/osdep.h"

#include "system/accel/tcg/tcg-int.h"

/* A segment register inside Unicorn: part of its CPU structure. */
typedef struct UCSegment {
    uint32_t selector;
    uint32_t pad;
    uint64_t base;
    uint32_t limit;
    uint32_t flags;
} UCSegment;

#define SEGMENT_FLAGS 0x00f0ff00u

enum { UC_SEG_LDT = 6, UC_SEG_TR, UC_SEG_GDT, UC_SEG_IDT, UC_SEG_COUNT };

#define MSR_EFER 0xc0000080

/* What precedes the CPU in the image of Unicorn 2.1 is no multiple of 8. */
#define IMAGE_ALIGN sizeof(uint32_t)

static void *image_of(uc_context *context)
{
    return context;
}

/* Offset of the only occurrence of @value in @image, or 0. */
static size_t find_marker(const uint8_t *image, size_t size, uint64_t value)
{
    size_t found = 0;

    for (size_t i = 0; i + sizeof(value) <= size; i += IMAGE_ALIGN) {
        if (memcmp(image + i, &value, sizeof(value)) == 0) {
            if (found) {
                return 0;
            }
            found = i;
        }
    }
    return found;
}

static uint32_t read32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

static bool find_segments(TCGLayout *l, const uint8_t *image, size_t size,
                          const uc_x86_mmr *gdt)
{
    const uint32_t fresh_hflags = HF_LMA | HF_CS64 | HF_PE | HF_CS32 | HF_SS32;
    size_t base = find_marker(image, size, gdt->base);
    size_t before = offsetof(UCSegment, base)
                    + UC_SEG_GDT * sizeof(UCSegment);

    if (base < before + 2 * sizeof(uint32_t)
        || base + 2 * sizeof(UCSegment) > size) {
        return false;
    }
    l->segs = base - before;
    l->hflags = l->segs - 2 * sizeof(uint32_t);
    return read32(image + base + sizeof(uint64_t)) == gdt->limit
           && (read32(image + l->hflags) & fresh_hflags) == fresh_hflags;
}

/* The one place where LMA|LME became LMA when EFER was set to 0. */
static bool find_efer(TCGLayout *l, const uint8_t *before,
                      const uint8_t *after, size_t size)
{
    const uint64_t was = EFER_LMA | EFER_LME, is = EFER_LMA;

    l->efer = 0;
    for (size_t i = 0; i + sizeof(was) <= size; i += IMAGE_ALIGN) {
        if (memcmp(before + i, &was, sizeof(was)) == 0
            && memcmp(after + i, &is, sizeof(is)) == 0) {
            if (l->efer) {
                return false;
            }
            l->efer = i;
        }
    }
    return l->efer != 0;
}

static bool layout_from_engine(TCGLayout *l, uc_engine *uc,
                               uc_context *before, uc_context *after)
{
    const uc_x86_mmr gdt = {
        .base = UINT64_C(0x5eb1c0de87654320),
        .limit = 0x7abc,
    };
    const uc_x86_msr efer = { .rid = MSR_EFER, .value = 0 };
    size_t size = uc_context_size(uc);

    return uc_reg_write(uc, UC_X86_REG_GDTR, &gdt) == UC_ERR_OK
           && uc_context_save(uc, before) == UC_ERR_OK
           && uc_reg_write(uc, UC_X86_REG_MSR, &efer) == UC_ERR_OK
           && uc_context_save(uc, after) == UC_ERR_OK
           && find_segments(l, image_of(before), size, &gdt)
           && find_efer(l, image_of(before), image_of(after), size);
}

bool tcg_layout_probe(TCGLayout *layout, Error **errp)
{
    uc_context *before = NULL, *after = NULL;
    uc_engine *uc;
    bool ok = false;
    uc_err err = uc_open(UC_ARCH_X86, UC_MODE_64, &uc);

    if (err != UC_ERR_OK) {
        error_setg(errp, "failed to initialize tcg: Unicorn: %s",
                   uc_strerror(err));
        return false;
    }
    if (uc_context_alloc(uc, &before) == UC_ERR_OK
        && uc_context_alloc(uc, &after) == UC_ERR_OK) {
        ok = layout_from_engine(layout, uc, before, after);
    }
    if (before) {
        uc_context_free(before);
    }
    if (after) {
        uc_context_free(after);
    }
    uc_close(uc);
    if (!ok) {
        error_setg(errp, "failed to initialize tcg: this version of Unicorn "
                   "keeps its registers in an unknown way");
    }
    return ok;
}

/* ---- tables ---- */

typedef struct RegInfo {
    int id;        /* UC_X86_REG_* or number of an MSR */
    size_t offset; /* in CPUX86State */
    size_t size;
} RegInfo;

#define REG(r, f)                                                              \
    { UC_X86_REG_##r, offsetof(CPUX86State, f), sizeof(((CPUX86State *)0)->f) }
#define MSR(n, f)                                                              \
    { (int)(n), offsetof(CPUX86State, f), sizeof(((CPUX86State *)0)->f) }

/* Plain values.  CR0 is not here: writing it has side effects. */
static const RegInfo plain_regs[] = {
    REG(RAX, regs[R_EAX]), REG(RCX, regs[R_ECX]), REG(RDX, regs[R_EDX]),
    REG(RBX, regs[R_EBX]), REG(RSP, regs[R_ESP]), REG(RBP, regs[R_EBP]),
    REG(RSI, regs[R_ESI]), REG(RDI, regs[R_EDI]), REG(R8, regs[8]),
    REG(R9, regs[9]),      REG(R10, regs[10]),    REG(R11, regs[11]),
    REG(R12, regs[12]),    REG(R13, regs[13]),    REG(R14, regs[14]),
    REG(R15, regs[15]),    REG(RIP, eip),         REG(EFLAGS, eflags),
    REG(CR2, cr2),         REG(CR3, cr3),         REG(CR4, cr4),
    REG(DR0, dr[0]),       REG(DR1, dr[1]),       REG(DR2, dr[2]),
    REG(DR3, dr[3]),       REG(DR6, dr[6]),       REG(DR7, dr[7]),
    REG(FPCW, fpuc),       REG(FPSW, fpus),       REG(MXCSR, mxcsr),
    REG(FIP, fpip),        REG(FDP, fpdp),        REG(FOP, fpop),
};

static const RegInfo msr_regs[] = {
    MSR(0x174, sysenter_cs),     MSR(0x175, sysenter_esp),
    MSR(0x176, sysenter_eip),    MSR(0x277, pat),
    MSR(0xc0000081, star),         MSR(0xc0000082, lstar),
    MSR(0xc0000083, cstar),      MSR(0xc0000084, fmask),
    MSR(0xc0000102, kernelgsbase), MSR(0xc0000103, tsc_aux),
};

static void *reg_field(CPUX86State *env, const RegInfo *info)
{
    return (char *)env + info->offset;
}

/*
 * Unicorn reads and writes as many bytes as it thinks the register has, so it
 * gets a buffer that is large enough for all of them.
 */
static uint64_t uc_get(uc_engine *uc, int reg)
{
    uint64_t v[8] = { 0 };

    uc_reg_read(uc, reg, v);
    return v[0];
}

static void uc_set(uc_engine *uc, int reg, uint64_t value)
{
    uint64_t v[8] = { value };

    uc_reg_write(uc, reg, v);
}

/* ---- FPU ---- */

/*
 * Unicorn's tag word has two bits per register, 3 is empty; CPUX86State has
 * one, set when in use.  Its FP registers are the physical ones.
 */
static void fpu_get(uc_engine *uc, CPUX86State *env)
{
    uint16_t tags = uc_get(uc, UC_X86_REG_FPTAG);
    unsigned top = (env->fpus >> 11) & 7;

    env->fptag = 0;
    for (unsigned i = 0; i < 8; i++) {
        uint8_t value[16] = { 0 };
        X86FPReg *st = &env->fpregs[(i - top) & 7];

        env->fptag |= ((tags >> (2 * i)) & 3) != 3 ? 1u << i : 0;
        uc_reg_read(uc, UC_X86_REG_FP0 + (int)i, value);
        memcpy(&st->mantissa, value, sizeof(st->mantissa));
        memcpy(&st->exponent, value + 8, sizeof(st->exponent));
    }
    for (int i = 0; i < 16; i++) {
        uc_reg_read(uc, UC_X86_REG_XMM0 + i, &env->xmm[i]);
    }
}

static void fpu_put(uc_engine *uc, const CPUX86State *env)
{
    unsigned top = (env->fpus >> 11) & 7;
    uint16_t tags = 0;

    for (unsigned i = 0; i < 8; i++) {
        uint8_t value[16] = { 0 };
        const X86FPReg *st = &env->fpregs[(i - top) & 7];

        tags |= env->fptag & (1u << i) ? 0 : 3u << (2 * i);
        memcpy(value, &st->mantissa, sizeof(st->mantissa));
        memcpy(value + 8, &st->exponent, sizeof(st->exponent));
        uc_reg_write(uc, UC_X86_REG_FP0 + (int)i, value);
    }
    uc_set(uc, UC_X86_REG_FPTAG, tags);
    for (int i = 0; i < 16; i++) {
        uc_reg_write(uc, UC_X86_REG_XMM0 + i, &env->xmm[i]);
    }
}

/* ---- hidden registers ---- */

static SegmentCache *hidden_segment(CPUX86State *env, int i)
{
    SegmentCache *const others[] = { &env->ldt, &env->tr, &env->gdt,
                                     &env->idt };

    return i < UC_SEG_LDT ? &env->segs[i] : others[i - UC_SEG_LDT];
}

static bool hidden_get(CPUState *cpu, Error **errp)
{
    TCGCPU *c = tcg_cpu(cpu);
    const TCGLayout *l = &c->accel->layout;
    const uint8_t *image = image_of(c->engine.context);
    uc_err err = uc_context_save(c->engine.uc, c->engine.context);

    if (err != UC_ERR_OK) {
        error_setg(errp, "tcg: cannot read the segments: %s",
                   uc_strerror(err));
        return false;
    }
    for (int i = 0; i < UC_SEG_COUNT; i++) {
        SegmentCache *s = hidden_segment(cpu->env, i);
        UCSegment u;

        memcpy(&u, image + l->segs + i * sizeof(u), sizeof(u));
        s->selector = u.selector;
        s->base = u.base;
        s->limit = u.limit;
        s->flags = u.flags & SEGMENT_FLAGS; /* not the limit's bits */
    }
    memcpy(&cpu->env->efer, image + l->efer, sizeof(uint64_t));
    memcpy(&cpu->env->hflags, image + l->hflags, sizeof(uint32_t));
    return true;
}

static bool hidden_put(CPUState *cpu, Error **errp)
{
    TCGCPU *c = tcg_cpu(cpu);
    const TCGLayout *l = &c->accel->layout;
    uint8_t *image = image_of(c->engine.context);
    uc_err err = uc_context_save(c->engine.uc, c->engine.context);

    if (err == UC_ERR_OK) {
        for (int i = 0; i < UC_SEG_COUNT; i++) {
            const SegmentCache *s = hidden_segment(cpu->env, i);
            UCSegment u = {
                .selector = s->selector,
                .base = s->base,
                .limit = s->limit,
                .flags = s->flags,
            };

            memcpy(image + l->segs + i * sizeof(u), &u, sizeof(u));
        }
        memcpy(image + l->efer, &cpu->env->efer, sizeof(uint64_t));
        memcpy(image + l->hflags, &cpu->env->hflags, sizeof(uint32_t));
        err = uc_context_restore(c->engine.uc, c->engine.context);
    }
    if (err != UC_ERR_OK) {
        error_setg(errp, "tcg: cannot write the segments: %s",
                   uc_strerror(err));
        return false;
    }
    return true;
}

/* ---- all ---- */

bool tcg_get_registers(Accel *accel, CPUState *cpu, Error **errp)
{
    TCGCPU *c = tcg_cpu(cpu);
    CPUX86State *env = cpu->env;

    for (size_t i = 0; i < G_N_ELEMENTS(plain_regs); i++) {
        uint64_t v = uc_get(c->engine.uc, plain_regs[i].id);

        memcpy(reg_field(env, &plain_regs[i]), &v, plain_regs[i].size);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(msr_regs); i++) {
        uc_x86_msr msr = { .rid = (uint32_t)msr_regs[i].id };

        uc_reg_read(c->engine.uc, UC_X86_REG_MSR, &msr);
        memcpy(reg_field(env, &msr_regs[i]), &msr.value, msr_regs[i].size);
    }
    env->cr0 = uc_get(c->engine.uc, UC_X86_REG_CR0);
    fpu_get(c->engine.uc, env);
    if (!hidden_get(cpu, errp)) {
        return false;
    }
    env->hflags = cpu_x86_compute_hflags(env);
    env->halted = c->halted;
    env->mp_state = MP_STATE_RUNNABLE;
    return true;
}

bool tcg_put_registers(Accel *accel, CPUState *cpu, Error **errp)
{
    TCGCPU *c = tcg_cpu(cpu);
    CPUX86State *env = cpu->env;

    if (env->cr0 & CR0_PG_MASK) {
        error_setg(errp, "tcg: the guest uses paging, which this "
                   "accelerator does not have");
        return false;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(plain_regs); i++) {
        uint64_t v = 0;

        memcpy(&v, reg_field(env, &plain_regs[i]), plain_regs[i].size);
        uc_set(c->engine.uc, plain_regs[i].id, v);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(msr_regs); i++) {
        uc_x86_msr msr = { .rid = (uint32_t)msr_regs[i].id };

        memcpy(&msr.value, reg_field(env, &msr_regs[i]), msr_regs[i].size);
        uc_reg_write(c->engine.uc, UC_X86_REG_MSR, &msr);
    }
    fpu_put(c->engine.uc, env);
    uc_set(c->engine.uc, UC_X86_REG_CR0, env->cr0);
    /* Last: writing CR0 and RFLAGS changes the derived flags. */
    env->hflags = cpu_x86_compute_hflags(env);
    if (!hidden_put(cpu, errp)) {
        return false;
    }
    c->halted = env->halted || env->apic.wait_for_sipi
                || env->mp_state == MP_STATE_HALTED
                || env->mp_state == MP_STATE_UNINITIALIZED;
    env->full_put = false;
    return true;
}
