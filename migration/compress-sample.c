/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Noise has all byte values equally often, up to chance.  Pearson's chi-squared
 * tells how far counts are from that: about 255 for noise, give or take 23.
 *
 *  - Much more: some values are more frequent, and even a code that knows
 *    nothing else saves chi2 / (2 n ln 2) bits per byte.
 *  - Much less: more regular than chance is, like a counter.  That compresses.
 *
 * What repeats from far away and is noise in itself is taken for noise.
 */
#include "qemu/osdep.h"
#include "migration/compress-sample.h"

/* Below it is no accident. */
#define CHI2_MIN 150
/* With SAMPLE_BYTES this is where 2 % could be saved. */
#define CHI2_MAX 480

void compress_sample_add(CompressSample *s, const uint8_t *p, size_t len)
{
    len = MIN(len, SAMPLE_BYTES - s->n);
    for (size_t i = 0; i < len; i++) {
        s->count[p[i]]++;
    }
    s->n += len;
}

bool compress_sample_is_noise(const CompressSample *s)
{
    uint64_t squares = 0, chi2;

    if (s->n < SAMPLE_BYTES / 2) {
        return false;
    }
    for (int i = 0; i < 256; i++) {
        squares += (uint64_t)s->count[i] * s->count[i];
    }
    /* sum((count - n/256)^2 / (n/256)) */
    chi2 = squares * 256 / s->n - s->n;
    return chi2 >= CHI2_MIN && chi2 <= CHI2_MAX;
}
