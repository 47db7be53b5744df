/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The dirty log: which target pages were written since the consumer (the
 * migration) last looked.
 *
 * Each block has one atomic bitmap (RAMBlock.dirty) while the log is on.
 * Sources set bits in it: the accelerator (KVM's log, the translator's write
 * hook), or the generic host-memory source, and everybody who writes guest
 * memory himself (dirty_log_mark()).
 */
#ifndef SYSTEM_DIRTY_H
#define SYSTEM_DIRTY_H

#include "system/memory.h"

/*
 * A place where dirty bits come from.  All are called from the thread that
 * drives the log, one at a time; none needs the machine lock unless told.
 */
typedef struct DirtySource {
    const char *name;
    /* Begin: writes after this returns are reported.  Machine lock held. */
    bool (*start)(void *opaque, Error **errp);
    void (*stop)(void *opaque); /* machine lock held */
    /* OR what was written since the last sync into each block's dirty map. */
    bool (*sync)(void *opaque, Error **errp);
    /*
     * Re-arm tracking for pages [@first, +@n) of @b, whose content is about to
     * be read; NULL if sync re-arms.  @first and @n are multiples of 64
     * (or end with the block).
     */
    bool (*clear)(void *opaque, RAMBlock *b, uint64_t first, uint64_t n,
                  Error **errp);
} DirtySource;

/*
 * Chunk of pages that one clear() call covers: 2^15 pages (128 MiB).  Small
 * enough that few pages are written again between their chunk's clear() and
 * being read; large enough that a terabyte takes some thousand calls a pass.
 */
#define DIRTY_CLEAR_CHUNK_BITS 15

/*
 * Replaces the source of @m (the accelerator does this at its start); NULL:
 * explicit marks only, as in the beginning.  Not while logging is on.
 */
void dirty_log_set_source(Machine *m, const DirtySource *source,
                          void *opaque);

/*
 * The generic source: tracks any host memory with userfaultfd's asynchronous
 * write protection and the PAGEMAP_SCAN ioctl, whoever writes through this
 * process's mapping: threads, the kernel, vCPUs.  A first touch by reading may
 * count as a write.  Error: the kernel has it not (before Linux 6.7).
 */
bool dirty_log_use_host_source(Machine *m, Error **errp);
/* Name of the source, for reports; "marks" if there is none. */
const char *dirty_log_source_name(Machine *m);

/* Switch logging on: all maps begin empty.  Machine lock held. */
bool dirty_log_start(Machine *m, Error **errp);
void dirty_log_stop(Machine *m); /* machine lock held; idempotent */
bool dirty_log_enabled(Machine *m);

/* Ask the source: afterwards every write that ended before is in the maps. */
bool dirty_log_sync(Machine *m, Error **errp);

/*
 * Does each sync report a page again until dirty_log_clear(), also if it was
 * not written again?
 */
bool dirty_log_repeats(Machine *m);

/*
 * Move the dirty bits of the whole block into @dst (OR) and clear them.
 * Returns how many bits became set in @dst.
 */
uint64_t dirty_log_fetch(RAMBlock *b, unsigned long *dst);

/*
 * Call before reading pages [@first, +@n) of @b for sending: re-arms the
 * source for the chunks they lie in, once per chunk and sync.
 */
bool dirty_log_clear(Machine *m, RAMBlock *b, uint64_t first, uint64_t n,
                     Error **errp);
/*
 * The same now for a sample: each @stride-th 64 pages of @b, from the first
 * on.  From then on a sync reports those of them that were written again.
 */
bool dirty_log_clear_sample(Machine *m, RAMBlock *b, uint64_t stride,
                            Error **errp);

/*
 * Somebody wrote [@offset, +@len) of @b himself.  Any thread; cheap when off.
 */
void dirty_log_mark(RAMBlock *b, uint64_t offset, uint64_t len);

#endif
