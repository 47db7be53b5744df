/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory backends as their kinds see them. */
#ifndef SYSTEM_HOSTMEM_INTERNAL_H
#define SYSTEM_HOSTMEM_INTERNAL_H

#include "system/hostmem.h"
#include "system/memory.h"

typedef struct MemoryBackendOptions {
    uint64_t size;
    bool size_set;
    bool share, prealloc, merge, dump, reserve;
    /* Set by the kinds that have it, before or in open(). */
    uint64_t align, offset;
    bool readonly, discard_data, named_file;

    bool taken; /* by a machine's block; its lock */
    HostMemory mem;
} MemoryBackendOptions;

MemoryBackendOptions *memory_backend_options(MemoryBackend *backend);

/* The name that users know the type of @backend by. */
const char *memory_backend_type_name(MemoryBackend *backend);

GParamSpec *hostmem_bool_spec(const char *name, const char *blurb);

GType memory_backend_ram_get_type(void);
GType memory_backend_file_get_type(void);
GType memory_backend_memfd_get_type(void);

#endif
