/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * FPU and vector registers in the XSAVE area, standard format: Intel SDM
 * volume 1, 13.4.  The first 512 bytes are FXSAVE's (10.5.1); the place of each
 * later component is what CPUID leaf 0xd of this host says.
 */
#include "qemu/osdep.h"

#include <cpuid.h>

#include "system/cpu-x86.h"

enum {
    XS_FCW = 0,
    XS_FSW = 2,
    XS_FTW = 4, /* abridged tags */
    XS_FOP = 6,
    XS_FIP = 8,
    XS_FDP = 16,
    XS_MXCSR = 24,
    XS_MXCSR_MASK = 28,
    XS_ST = 32,
    XS_XMM = 160,
    XS_BV = 512,
    XS_HEADER_END = 576,
};

typedef struct XSaveComponent {
    unsigned bit;       /* of xstate_bv */
    size_t field;       /* in CPUX86State */
    size_t len;
} XSaveComponent;

#define XSAVE_COMPONENT(b, f)                                                  \
    { b, offsetof(CPUX86State, f), sizeof(((CPUX86State *)0)->f) }

/* Components that are a plain copy of a field. */
static const XSaveComponent components[] = {
    XSAVE_COMPONENT(2, ymmh),
    XSAVE_COMPONENT(3, bnd),
    { 4, offsetof(CPUX86State, bndcs), 2 * sizeof(uint64_t) },
    XSAVE_COMPONENT(5, opmask),
    XSAVE_COMPONENT(6, zmmh),
    XSAVE_COMPONENT(7, hi16_zmm),
    XSAVE_COMPONENT(9, pkru),
};

/* Offset of component @bit in an area of @size bytes; 0: not there. */
static size_t xsave_offset(unsigned bit, size_t len, size_t size)
{
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;

    if (!__get_cpuid_count(0xd, bit, &eax, &ebx, &ecx, &edx) || eax < len
        || ebx < XS_HEADER_END || ebx > size || size - ebx < len) {
        return 0;
    }
    return ebx;
}

static bool all_zero(const void *p, size_t len)
{
    const uint8_t *b = p;

    for (size_t i = 0; i < len; i++) {
        if (b[i]) {
            return false;
        }
    }
    return true;
}

void cpu_x86_to_xsave(const CPUX86State *env, void *area, size_t size)
{
    uint8_t *x = area;
    uint8_t tags = env->fptag;
    uint64_t bv = XSTATE_FP | XSTATE_SSE;

    g_return_if_fail(size >= XS_HEADER_END);
    memset(x, 0, size);
    memcpy(x + XS_FCW, &env->fpuc, 2);
    memcpy(x + XS_FSW, &env->fpus, 2);
    x[XS_FTW] = tags;
    memcpy(x + XS_FOP, &env->fpop, 2);
    memcpy(x + XS_FIP, &env->fpip, 8);
    memcpy(x + XS_FDP, &env->fpdp, 8);
    memcpy(x + XS_MXCSR, &env->mxcsr, 4);
    for (int i = 0; i < 8; i++) {
        memcpy(x + XS_ST + 16 * i, &env->fpregs[i].mantissa, 8);
        memcpy(x + XS_ST + 16 * i + 8, &env->fpregs[i].exponent, 2);
    }
    memcpy(x + XS_XMM, env->xmm, sizeof(env->xmm));

    for (size_t i = 0; i < G_N_ELEMENTS(components); i++) {
        const XSaveComponent *c = &components[i];
        const void *field = (const char *)env + c->field;
        size_t offset = xsave_offset(c->bit, c->len, size);

        /* All zero is the initial state: the component may stay out. */
        if (offset && !all_zero(field, c->len)) {
            memcpy(x + offset, field, c->len);
            bv |= UINT64_C(1) << c->bit;
        }
    }
    memcpy(x + XS_BV, &bv, 8);
}

void cpu_x86_from_xsave(CPUX86State *env, const void *area, size_t size)
{
    const uint8_t *x = area;
    uint64_t bv;

    g_return_if_fail(size >= XS_HEADER_END);
    memcpy(&bv, x + XS_BV, 8);
    memcpy(&env->fpuc, x + XS_FCW, 2);
    memcpy(&env->fpus, x + XS_FSW, 2);
    env->fptag = x[XS_FTW];
    memcpy(&env->fpop, x + XS_FOP, 2);
    memcpy(&env->fpip, x + XS_FIP, 8);
    memcpy(&env->fpdp, x + XS_FDP, 8);
    memcpy(&env->mxcsr, x + XS_MXCSR, 4);
    for (int i = 0; i < 8; i++) {
        memcpy(&env->fpregs[i].mantissa, x + XS_ST + 16 * i, 8);
        memcpy(&env->fpregs[i].exponent, x + XS_ST + 16 * i + 8, 2);
    }
    memcpy(env->xmm, x + XS_XMM, sizeof(env->xmm));
    env->xstate_bv = bv;

    for (size_t i = 0; i < G_N_ELEMENTS(components); i++) {
        const XSaveComponent *c = &components[i];
        void *field = (char *)env + c->field;
        size_t offset = xsave_offset(c->bit, c->len, size);

        if (offset && (bv & (UINT64_C(1) << c->bit))) {
            memcpy(field, x + offset, c->len);
        } else {
            memset(field, 0, c->len);
        }
    }
}
