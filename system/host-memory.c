/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mapping host memory for guest RAM. */
#include "qemu/osdep.h"

#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/vfs.h>

#include "qemu/fdset.h"
#include "system/hostmem.h"
#include "system/memory.h"

/*
 * Anonymous memory begins at a multiple of this, so that the kernel can use
 * huge pages for it, and where it fails to, KVM's second-level ones still do.
 */
#define HUGE_ALIGN ((uint64_t)2 * MiB)

size_t host_memory_fd_page_size(int fd)
{
    struct statfs fs;

    if (fd >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type == HUGETLBFS_MAGIC) {
        return fs.f_bsize;
    }
    return sysconf(_SC_PAGESIZE);
}

/* Reserve addresses so that an aligned piece of @size fits. */
static void *reserve_addresses(uint64_t size, uint64_t align, size_t *total)
{
    if (size > SIZE_MAX - align) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    *total = size + align;
    return mmap(NULL, *total, PROT_NONE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

static void set_flags(HostMemory *mem, int fd, uint32_t flags)
{
    /* Children made by fork (exec: streams) have no business with it. */
    madvise(mem->host, mem->size, MADV_DONTFORK);
    if (fd < 0 && !(flags & RAM_SHARED)) {
        madvise(mem->host, mem->size, MADV_HUGEPAGE);
    }
}

bool host_memory_map(HostMemory *mem, int fd, uint64_t offset, uint64_t size,
                     uint32_t flags, uint64_t align, bool reserve,
                     Error **errp)
{
    size_t page = host_memory_fd_page_size(fd);
    int prot = PROT_READ | (flags & RAM_READONLY ? 0 : PROT_WRITE);
    int mmap_flags = MAP_FIXED | (flags & RAM_SHARED ? MAP_SHARED : MAP_PRIVATE)
                     | (fd < 0 ? MAP_ANONYMOUS : 0)
                     | (reserve ? 0 : MAP_NORESERVE);
    size_t total;
    uint8_t *base;

    if (size == 0 || size % page != 0 || offset % page != 0) {
        error_setg(errp, "cannot map 0x%" PRIx64 " bytes at 0x%" PRIx64
                   ": not multiples of the page size 0x%zx", size, offset,
                   page);
        return false;
    }
    if (align & (align - 1)) {
        error_setg(errp, "alignment 0x%" PRIx64 " is not a power of two",
                   align);
        return false;
    }
    align = MAX(MAX(align, page), size >= HUGE_ALIGN ? HUGE_ALIGN : page);
    base = reserve_addresses(size, align, &total);
    if (base == MAP_FAILED) {
        error_setg_errno(errp, errno, "cannot reserve addresses for %" PRIu64
                         " bytes", size);
        return false;
    }
    *mem = (HostMemory){
        .host = (uint8_t *)ROUND_UP((uintptr_t)base, align),
        .size = size,
        .page_size = page,
        .flags = flags,
        .fd = fd,
        .fd_offset = offset,
        .map_base = base,
        .map_size = total,
    };
    if (mmap(mem->host, size, prot, mmap_flags, fd, offset) == MAP_FAILED) {
        error_setg_errno(errp, errno, "cannot map %" PRIu64 " bytes", size);
        munmap(base, total);
        return false;
    }
    set_flags(mem, fd, flags);
    return true;
}

void host_memory_unmap(HostMemory *mem)
{
    if (mem->map_base) {
        munmap(mem->map_base, mem->map_size);
        if (mem->fd >= 0) {
            qemu_close(mem->fd);
        }
        *mem = (HostMemory){ .fd = -1 };
    }
}
