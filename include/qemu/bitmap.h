/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bitmaps as arrays of unsigned long (64 bits), with iteration over runs of
 * set bits and the atomic forms that dirty logs need.  Bit n is bit n % 64 of
 * word n / 64.
 */
#ifndef QEMU_BITMAP_H
#define QEMU_BITMAP_H

#include "qemu/osdep.h"

#define BITS_PER_LONG 64
QEMU_BUILD_BUG_ON(sizeof(long) != 8);
#define BITS_TO_LONGS(n) DIV_ROUND_UP((uint64_t)(n), BITS_PER_LONG)

/* A zeroed bitmap of @nbits bits; freed by g_free(). */
unsigned long *bitmap_new(uint64_t nbits);

void bitmap_set(unsigned long *map, uint64_t start, uint64_t n);
void bitmap_clear(unsigned long *map, uint64_t start, uint64_t n);
bool bitmap_empty(const unsigned long *map, uint64_t nbits);
uint64_t bitmap_count(const unsigned long *map, uint64_t start, uint64_t n);

static inline bool test_bit(uint64_t n, const unsigned long *map)
{
    return (map[n / BITS_PER_LONG] >> (n % BITS_PER_LONG)) & 1;
}
static inline void set_bit(uint64_t n, unsigned long *map)
{
    map[n / BITS_PER_LONG] |= 1UL << (n % BITS_PER_LONG);
}
static inline void clear_bit(uint64_t n, unsigned long *map)
{
    map[n / BITS_PER_LONG] &= ~(1UL << (n % BITS_PER_LONG));
}

/* First set (zero) bit at or after @start, @nbits if there is none. */
uint64_t find_next_bit(const unsigned long *map, uint64_t nbits,
                       uint64_t start);
uint64_t find_next_zero_bit(const unsigned long *map, uint64_t nbits,
                            uint64_t start);

/*
 * The next run of set bits at or after @from and below @nbits.  Returns false
 * if there is none; else *@start and *@len (at most @max) describe it.
 */
bool bitmap_next_run(const unsigned long *map, uint64_t nbits, uint64_t from,
                     uint64_t max, uint64_t *start, uint64_t *len);

/* Atomic (relaxed) forms, for maps that several threads write. */
void bitmap_set_atomic(unsigned long *map, uint64_t start, uint64_t n);
/* OR @src into @dst over @nbits; returns how many bits became set. */
uint64_t bitmap_or_atomic(unsigned long *dst, const unsigned long *src,
                          uint64_t nbits);
/*
 * Move all set bits of [@start, @start + @n) from @src to @dst (OR): each word
 * of @src is exchanged with zero atomically, @dst is private to the caller.
 * @start must be a multiple of 64.  Returns how many bits became set in @dst.
 */
uint64_t bitmap_fetch_clear(unsigned long *dst, unsigned long *src,
                            uint64_t start, uint64_t n);

#endif
