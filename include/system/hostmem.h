/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory backends: user-creatable objects that provide host memory for RAM
 * blocks (memory-backend-ram, -file, -memfd).
 */
#ifndef SYSTEM_HOSTMEM_H
#define SYSTEM_HOSTMEM_H

#include <glib-object.h>

#include "qemu/error.h"

#define MEMORY_BACKEND_TYPE (memory_backend_get_type())
G_DECLARE_DERIVABLE_TYPE(MemoryBackend, memory_backend, QEMU, MEMORY_BACKEND,
                         GObject)

/* Host memory as mapped; see RAMBlock for the fields of the same name. */
typedef struct HostMemory {
    uint8_t *host;
    uint64_t size;
    size_t page_size;
    uint32_t flags;     /* RAM_SHARED, RAM_NAMED_FILE, RAM_READONLY */
    int fd;             /* owned; -1: none */
    uint64_t fd_offset;
    void *map_base;     /* what munmap() gets */
    size_t map_size;
} HostMemory;

struct _MemoryBackendClass {
    GObjectClass parent_class;
    /* Open or make what is behind the memory: *@fd is -1 if there is none. */
    bool (*open)(MemoryBackend *backend, int *fd, Error **errp);
    gpointer padding[4];
};

/* Announce all kinds of backends. */
void hostmem_register_types(void);

/* Valid after the object was completed. */
uint64_t memory_backend_get_size(MemoryBackend *backend);

/*
 * Take the backend for a machine's block: it cannot be deleted, nor taken
 * again, before memory_backend_release().  The memory stays the backend's.
 * Lock held.
 */
const HostMemory *memory_backend_take(MemoryBackend *backend, Error **errp);
void memory_backend_release(MemoryBackend *backend);

/*
 * Map @size bytes: of @fd from @offset on, or anonymous with @fd -1.  @flags:
 * RAM_SHARED, RAM_READONLY; @align 0: that of the pages; @reserve: account
 * swap space.  @fd belongs to @mem on success.
 */
bool host_memory_map(HostMemory *mem, int fd, uint64_t offset, uint64_t size,
                     uint32_t flags, uint64_t align, bool reserve,
                     Error **errp);
void host_memory_unmap(HostMemory *mem);
/* Page size of what @fd is on: huge pages of hugetlbfs; -1: the host's. */
size_t host_memory_fd_page_size(int fd);

#endif
