/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Atomic access to flags and counters shared between threads: the compiler's
 * builtins, under names that say the ordering.  Works on plain integer,
 * boolean and pointer objects.
 */
#ifndef QEMU_ATOMIC_H
#define QEMU_ATOMIC_H

/* Relaxed: only this object matters (statistics, hints). */
#define qatomic_read(p) __atomic_load_n(p, __ATOMIC_RELAXED)
#define qatomic_set(p, v) __atomic_store_n(p, v, __ATOMIC_RELAXED)
#define qatomic_add(p, v) ((void)__atomic_fetch_add(p, v, __ATOMIC_RELAXED))
#define qatomic_sub(p, v) ((void)__atomic_fetch_sub(p, v, __ATOMIC_RELAXED))
#define qatomic_or(p, v) ((void)__atomic_fetch_or(p, v, __ATOMIC_RELAXED))

/* Acquire and release: the object publishes other data. */
#define qatomic_load_acquire(p) __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define qatomic_store_release(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)

/* Read-modify-write with full ordering; each returns the value before. */
#define qatomic_fetch_add(p, v) __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST)
#define qatomic_fetch_sub(p, v) __atomic_fetch_sub(p, v, __ATOMIC_SEQ_CST)
#define qatomic_fetch_or(p, v) __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST)
#define qatomic_fetch_and(p, v) __atomic_fetch_and(p, v, __ATOMIC_SEQ_CST)
#define qatomic_xchg(p, v) __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST)
/* Returns the value found; the store happened iff that equals @o. */
#define qatomic_cmpxchg(p, o, n)                                               \
    ({                                                                         \
        __typeof__(*(p)) old_ = (o);                                           \
        __atomic_compare_exchange_n(p, &old_, n, false, __ATOMIC_SEQ_CST,      \
                                    __ATOMIC_SEQ_CST);                         \
        old_;                                                                  \
    })

#endif
