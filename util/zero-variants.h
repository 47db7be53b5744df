/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The implementations of buffer_is_zero(), for its test and benchmark. */
#ifndef UTIL_ZERO_VARIANTS_H
#define UTIL_ZERO_VARIANTS_H

#include "qemu/osdep.h"

typedef struct ZeroVariant {
    const char *name;
    /* True if all @len bytes, at least ZERO_VARIANT_MIN, are zero. */
    bool (*is_zero)(const uint8_t *buf, size_t len);
    bool (*usable)(void); /* on this CPU */
} ZeroVariant;

#define ZERO_VARIANT_MIN 64

/* The best first; the last one is always usable. */
extern const ZeroVariant zero_variants[];
extern const size_t zero_variants_count;

#endif
