/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * KVM's dirty log as a source of a machine's log: memory slots, 4 KiB pages.
 *
 * Classic: KVM_GET_DIRTY_LOG returns the log and write-protects all reported
 * pages again.  Manual (KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2): it only reads, and
 * KVM_CLEAR_DIRTY_LOG re-protects a piece just before it is sent, so the guest
 * is held up in small steps.  There a page is reported until cleared, and each
 * report may be cleared once only: a second clear would lose a write that
 * came after the first.  Hence slot->bitmap, what was reported and not yet
 * cleared.
 */
#include "qemu/osdep.h"

#include "qemu/atomic.h"
#include "qemu/bitmap.h"
#include "system/accel/kvm/kvm-int.h"

static uint64_t slot_pages(const KVMSlot *slot)
{
    return slot->size >> TARGET_PAGE_BITS;
}

bool kvm_slot_set(KVMAccel *k, KVMSlot *slot, bool log, Error **errp)
{
    struct kvm_userspace_memory_region region = {
        .slot = slot->id,
        .flags = log ? KVM_MEM_LOG_DIRTY_PAGES : 0,
        .guest_phys_addr = slot->gpa,
        .memory_size = slot->size,
        .userspace_addr = (uintptr_t)slot->block->host + slot->offset,
    };

    if (slot->block->flags & RAM_READONLY) {
        region.flags |= KVM_MEM_READONLY;
    }
    if (kvm_ioctl(k->vm_fd, KVM_SET_USER_MEMORY_REGION, (uintptr_t)&region)
        < 0) {
        error_setg_errno(errp, errno, "kvm: cannot %s of '%s' at 0x%" PRIx64,
                         log ? "log writes to the memory"
                             : "map the memory",
                         slot->block->idstr, slot->gpa);
        return false;
    }
    return true;
}

static void kvm_dirty_stop(void *opaque)
{
    KVMAccel *k = opaque;

    for (size_t i = 0; i < k->n_slots; i++) {
        KVMSlot *slot = &k->slots[i];

        if (slot->bitmap) {
            /* Cannot fail: only a flag of a slot that is there changes. */
            kvm_slot_set(k, slot, false, NULL);
            g_free(slot->bitmap);
            slot->bitmap = NULL;
        }
    }
}

static bool kvm_dirty_start(void *opaque, Error **errp)
{
    KVMAccel *k = opaque;

    for (size_t i = 0; i < k->n_slots; i++) {
        KVMSlot *slot = &k->slots[i];

        if (!kvm_slot_set(k, slot, true, errp)) {
            kvm_dirty_stop(k);
            return false;
        }
        slot->bitmap = bitmap_new(slot_pages(slot));
    }
    return true;
}

/* OR what @slot's bitmap says into its block's map. */
static void slot_report(const KVMSlot *slot)
{
    unsigned long *dirty = slot->block->dirty;
    uint64_t n = slot_pages(slot);
    uint64_t base = slot->offset >> TARGET_PAGE_BITS;
    uint64_t start = 0, len;

    if (!dirty) {
        return;
    }
    if (base % BITS_PER_LONG == 0) {
        bitmap_or_atomic(dirty + base / BITS_PER_LONG, slot->bitmap, n);
        return;
    }
    while (bitmap_next_run(slot->bitmap, n, start, n, &start, &len)) {
        bitmap_set_atomic(dirty, base + start, len);
        start += len;
    }
}

static bool kvm_dirty_sync(void *opaque, Error **errp)
{
    KVMAccel *k = opaque;

    for (size_t i = 0; i < k->n_slots; i++) {
        KVMSlot *slot = &k->slots[i];
        struct kvm_dirty_log log = {
            .slot = slot->id,
            .dirty_bitmap = slot->bitmap,
        };

        if (kvm_ioctl(k->vm_fd, KVM_GET_DIRTY_LOG, (uintptr_t)&log) < 0) {
            error_setg_errno(errp, errno, "kvm: cannot read the dirty log of "
                             "'%s' at 0x%" PRIx64, slot->block->idstr,
                             slot->gpa);
            return false;
        }
        slot_report(slot);
    }
    return true;
}

/* Clear pages [@first, @end) of @slot (numbers in the slot). */
static bool slot_clear(KVMAccel *k, KVMSlot *slot, uint64_t first,
                       uint64_t end, Error **errp)
{
    uint64_t pages = slot_pages(slot);
    /* KVM takes whole words; bits outside of the range stay out of it. */
    uint64_t from = ROUND_DOWN(first, BITS_PER_LONG);
    uint64_t to = MIN(ROUND_UP(end, BITS_PER_LONG), pages);
    uint64_t nbits = to - from;
    g_autofree unsigned long *map = bitmap_new(nbits);
    struct kvm_clear_dirty_log clear = {
        .slot = slot->id,
        .first_page = from,
        .num_pages = nbits,
        .dirty_bitmap = map,
    };
    bool any = false;

    for (uint64_t p = find_next_bit(slot->bitmap, end, first); p < end;
         p = find_next_bit(slot->bitmap, end, p + 1)) {
        set_bit(p - from, map);
        any = true;
    }
    if (!any) {
        return true;
    }
    bitmap_clear(slot->bitmap, first, end - first);
    if (kvm_ioctl(k->vm_fd, KVM_CLEAR_DIRTY_LOG, (uintptr_t)&clear) < 0) {
        error_setg_errno(errp, errno, "kvm: cannot clear the dirty log of "
                         "'%s' from page %" PRIu64, slot->block->idstr,
                         first);
        return false;
    }
    return true;
}

static bool kvm_dirty_clear(void *opaque, RAMBlock *b, uint64_t first,
                            uint64_t n, Error **errp)
{
    KVMAccel *k = opaque;

    for (size_t i = 0; i < k->n_slots; i++) {
        KVMSlot *slot = &k->slots[i];
        uint64_t base = slot->offset >> TARGET_PAGE_BITS;
        uint64_t from = MAX(first, base);
        uint64_t to = MIN(first + n, base + slot_pages(slot));

        if (slot->block == b && from < to
            && !slot_clear(k, slot, from - base, to - base, errp)) {
            return false;
        }
    }
    return true;
}

const DirtySource kvm_dirty_source = {
    .name = "kvm",
    .start = kvm_dirty_start,
    .stop = kvm_dirty_stop,
    .sync = kvm_dirty_sync,
};

const DirtySource kvm_dirty_source_manual = {
    .name = "kvm",
    .start = kvm_dirty_start,
    .stop = kvm_dirty_stop,
    .sync = kvm_dirty_sync,
    .clear = kvm_dirty_clear,
};
