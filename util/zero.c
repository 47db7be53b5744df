/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * buffer_is_zero(): one vector loop per instruction set.
 *
 * Each looks at the first and the last vector unaligned, which covers the odd
 * ends, and at what lies between in aligned blocks of two vectors.  Nothing
 * outside the buffer is ever read (a prefetch does not fault and has no value).
 */
#include "qemu/osdep.h"

#include <immintrin.h>

#include "qemu/atomic.h"
#include "qemu/hostfeat.h"
#include "qemu/zero.h"
#include "util/zero-variants.h"

static inline uint64_t load_u64(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

/* The first multiple of @align after @p. */
static inline const uint8_t *align_after(const uint8_t *p, size_t align)
{
    return (const uint8_t *)(((uintptr_t)p + align) & ~(align - 1));
}

/*
 * How far to prefetch, bytes.  The hardware's own prefetching starts anew in
 * each page, and wide loads do not give it time to catch up: measured, this
 * lifts AVX-512 from two thirds of the memory's bandwidth to all of it.
 */
#define PREFETCH_AHEAD 512

/* Instruction sets differ in types and names only; hence a template. */
#define DEFINE_ZERO_VARIANT(suffix, features, Vec, LOADU, OR, NONZERO)         \
    __attribute__((target(features))) static bool zero_##suffix(               \
        const uint8_t *buf, size_t len)                                        \
    {                                                                          \
        const uint8_t *end = buf + len;                                        \
        const Vec *v = (const Vec *)align_after(buf, sizeof(Vec));             \
        Vec ends = OR(LOADU((const void *)buf),                                \
                      LOADU((const void *)(end - sizeof(Vec))));               \
                                                                               \
        if (NONZERO(ends)) {                                                   \
            return false;                                                      \
        }                                                                      \
        for (; (const uint8_t *)(v + 2) <= end; v += 2) {                      \
            for (size_t i = 0; i < 2 * sizeof(Vec); i += 64) {                 \
                _mm_prefetch((const char *)v + PREFETCH_AHEAD + i,             \
                             _MM_HINT_T0);                                     \
            }                                                                  \
            if (NONZERO(OR(v[0], v[1]))) {                                     \
                return false;                                                  \
            }                                                                  \
        }                                                                      \
        for (; (const uint8_t *)(v + 1) <= end; v++) {                         \
            if (NONZERO(*v)) {                                                 \
                return false;                                                  \
            }                                                                  \
        }                                                                      \
        return true;                                                           \
    }

#define SSE2_NONZERO(v)                                                        \
    (_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_setzero_si128())) != 0xffff)
#define AVX2_NONZERO(v) (!_mm256_testz_si256(v, v))
#define AVX512_NONZERO(v) (_mm512_test_epi64_mask(v, v) != 0)

DEFINE_ZERO_VARIANT(sse2, "sse2", __m128i, _mm_loadu_si128, _mm_or_si128,
                    SSE2_NONZERO)
DEFINE_ZERO_VARIANT(avx2, "avx2", __m256i, _mm256_loadu_si256,
                    _mm256_or_si256, AVX2_NONZERO)
DEFINE_ZERO_VARIANT(avx512, "avx512f,avx512bw", __m512i, _mm512_loadu_si512,
                    _mm512_or_si512, AVX512_NONZERO)

static bool sse2_usable(void)
{
    return true; /* part of x86-64 */
}

static bool avx2_usable(void)
{
    return hostfeat_has(HOSTFEAT_AVX2);
}

static bool avx512_usable(void)
{
    return hostfeat_has(HOSTFEAT_AVX512);
}

const ZeroVariant zero_variants[] = {
    { "avx512", zero_avx512, avx512_usable },
    { "avx2", zero_avx2, avx2_usable },
    { "sse2", zero_sse2, sse2_usable },
};
const size_t zero_variants_count = G_N_ELEMENTS(zero_variants);

typedef bool ZeroFn(const uint8_t *buf, size_t len);

static ZeroFn zero_select;
/* Relaxed: every thread that selects finds the same function. */
static ZeroFn *zero_fn = zero_select;

static bool zero_select(const uint8_t *buf, size_t len)
{
    size_t i = 0;

    while (!zero_variants[i].usable()) {
        i++;
    }
    qatomic_set(&zero_fn, zero_variants[i].is_zero);
    return zero_variants[i].is_zero(buf, len);
}

static bool zero_short(const uint8_t *p, size_t len)
{
    uint8_t bits = 0;

    for (size_t i = 0; i < len; i++) {
        bits |= p[i];
    }
    return bits == 0;
}

bool buffer_is_zero(const void *buf, size_t len)
{
    const uint8_t *p = buf;

    if (len < ZERO_VARIANT_MIN) {
        return zero_short(p, len);
    }
    /*
     * Most pages that are not zero show it in one of a few words: look there
     * before the loop is set up and whole cache lines stream in.
     */
    if (load_u64(p) | load_u64(p + len / 2) | load_u64(p + len - 8)) {
        return false;
    }
    return qatomic_read(&zero_fn)(p, len);
}
