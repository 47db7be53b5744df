/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A quick guess whether compressing memory is worth the work. */
#ifndef MIGRATION_COMPRESS_SAMPLE_H
#define MIGRATION_COMPRESS_SAMPLE_H

#include "qemu/osdep.h"

/* Bytes that are looked at for one guess, at most. */
#define SAMPLE_BYTES 2048

typedef struct CompressSample {
    uint32_t n;
    uint16_t count[256]; /* of each byte value */
} CompressSample;

/* Look at [@p, +@len) too, as far as there is room left. */
void compress_sample_add(CompressSample *s, const uint8_t *p, size_t len);
/*
 * Is what was looked at like noise: already compressed or encrypted?  False
 * when too little was seen.
 */
bool compress_sample_is_noise(const CompressSample *s);

#endif
