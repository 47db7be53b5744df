/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bitmaps: everything works a word at a time, the ends by mask. */
#include "qemu/osdep.h"

#include "qemu/atomic.h"
#include "qemu/bitmap.h"

/* Bits of word @word that lie in [@start, @end); not empty. */
static inline unsigned long word_mask(uint64_t word, uint64_t start,
                                      uint64_t end)
{
    uint64_t first = word * BITS_PER_LONG;
    unsigned long mask = ~0UL;

    if (start > first) {
        mask <<= start - first;
    }
    if (end - first < BITS_PER_LONG) {
        mask &= ~0UL >> (BITS_PER_LONG - (end - first));
    }
    return mask;
}

unsigned long *bitmap_new(uint64_t nbits)
{
    return g_new0(unsigned long, BITS_TO_LONGS(nbits));
}

void bitmap_set(unsigned long *map, uint64_t start, uint64_t n)
{
    uint64_t end = start + n;

    for (uint64_t w = start / BITS_PER_LONG; w * BITS_PER_LONG < end; w++) {
        map[w] |= word_mask(w, start, end);
    }
}

void bitmap_clear(unsigned long *map, uint64_t start, uint64_t n)
{
    uint64_t end = start + n;

    for (uint64_t w = start / BITS_PER_LONG; w * BITS_PER_LONG < end; w++) {
        map[w] &= ~word_mask(w, start, end);
    }
}

bool bitmap_empty(const unsigned long *map, uint64_t nbits)
{
    return find_next_bit(map, nbits, 0) == nbits;
}

uint64_t bitmap_count(const unsigned long *map, uint64_t start, uint64_t n)
{
    uint64_t end = start + n;
    uint64_t count = 0;

    for (uint64_t w = start / BITS_PER_LONG; w * BITS_PER_LONG < end; w++) {
        count += __builtin_popcountl(map[w] & word_mask(w, start, end));
    }
    return count;
}

/* First bit at or after @start that differs from the bits of @flip. */
static inline uint64_t find_next(const unsigned long *map, uint64_t nbits,
                                 uint64_t start, unsigned long flip)
{
    uint64_t w = start / BITS_PER_LONG;
    uint64_t words = BITS_TO_LONGS(nbits);
    unsigned long bits;

    if (start >= nbits) {
        return nbits;
    }
    bits = (map[w] ^ flip) & (~0UL << (start % BITS_PER_LONG));
    while (!bits) {
        if (++w == words) {
            return nbits;
        }
        bits = map[w] ^ flip;
    }
    /* The last word may have bits beyond the map's end. */
    return MIN(w * BITS_PER_LONG + __builtin_ctzl(bits), nbits);
}

uint64_t find_next_bit(const unsigned long *map, uint64_t nbits,
                       uint64_t start)
{
    return find_next(map, nbits, start, 0);
}

uint64_t find_next_zero_bit(const unsigned long *map, uint64_t nbits,
                            uint64_t start)
{
    return find_next(map, nbits, start, ~0UL);
}

bool bitmap_next_run(const unsigned long *map, uint64_t nbits, uint64_t from,
                     uint64_t max, uint64_t *start, uint64_t *len)
{
    uint64_t first = find_next_bit(map, nbits, from);
    uint64_t limit;

    if (first == nbits) {
        return false;
    }
    /* Never look further than the caller takes. */
    limit = max < nbits - first ? first + max : nbits;
    *start = first;
    *len = find_next_zero_bit(map, limit, first) - first;
    return true;
}

void bitmap_set_atomic(unsigned long *map, uint64_t start, uint64_t n)
{
    uint64_t end = start + n;

    for (uint64_t w = start / BITS_PER_LONG; w * BITS_PER_LONG < end; w++) {
        qatomic_or(&map[w], word_mask(w, start, end));
    }
}

uint64_t bitmap_or_atomic(unsigned long *dst, const unsigned long *src,
                          uint64_t nbits)
{
    uint64_t added = 0;

    for (uint64_t w = 0; w * BITS_PER_LONG < nbits; w++) {
        unsigned long bits = src[w];
        unsigned long old;

        /* Most words of a dirty log are empty: no locked access for them. */
        if (!bits || !(bits &= word_mask(w, 0, nbits))) {
            continue;
        }
        old = __atomic_fetch_or(&dst[w], bits, __ATOMIC_RELAXED);
        added += __builtin_popcountl(bits & ~old);
    }
    return added;
}

uint64_t bitmap_fetch_clear(unsigned long *dst, unsigned long *src,
                            uint64_t start, uint64_t n)
{
    uint64_t end = start + n;
    uint64_t added = 0;

    g_assert(start % BITS_PER_LONG == 0);
    for (uint64_t w = start / BITS_PER_LONG; w * BITS_PER_LONG < end; w++) {
        unsigned long mask = word_mask(w, start, end);
        unsigned long bits;

        if (!(qatomic_read(&src[w]) & mask)) {
            continue;
        }
        /*
         * Full ordering: the memory that a bit stands for is read after the
         * bit is gone, so a later store sets it anew.
         */
        bits = qatomic_fetch_and(&src[w], ~mask) & mask;
        added += __builtin_popcountl(bits & ~dst[w]);
        dst[w] |= bits;
    }
    return added;
}
