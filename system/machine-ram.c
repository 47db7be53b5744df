/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The RAM blocks of a machine. */
#include "qemu/osdep.h"

#include <sys/mman.h>

#include "machine-internal.h"

RAMBlock *machine_ram_first(Machine *m)
{
    return m->ram_first;
}

RAMBlock *machine_ram_find(Machine *m, const char *idstr, size_t idlen)
{
    RAMBLOCK_FOREACH(m, b) {
        if (strlen(b->idstr) == idlen && memcmp(b->idstr, idstr, idlen) == 0) {
            return b;
        }
    }
    return NULL;
}

RAMBlock *machine_ram_from_host(Machine *m, const void *host,
                                uint64_t *offset)
{
    RAMBLOCK_FOREACH(m, b) {
        uint64_t at = (uintptr_t)host - (uintptr_t)b->host;

        if ((uintptr_t)host >= (uintptr_t)b->host && at < b->used_length) {
            *offset = at;
            return b;
        }
    }
    return NULL;
}

uint64_t ram_block_pages(const RAMBlock *b)
{
    return DIV_ROUND_UP(b->used_length, TARGET_PAGE_SIZE);
}

static bool ram_check_new(Machine *m, const char *idstr, uint64_t size,
                          Error **errp)
{
    size_t len = strlen(idstr);

    /* The wire counts the bytes of a name in one byte. */
    if (len == 0 || len > 255) {
        error_setg(errp, "RAM block name '%s' has %zu bytes, expected 1 to 255",
                   idstr, len);
        return false;
    }
    if (machine_ram_find(m, idstr, len)) {
        error_setg(errp, "RAM block '%s' exists already", idstr);
        return false;
    }
    if (size == 0 || size % TARGET_PAGE_SIZE != 0) {
        error_setg(errp, "size 0x%" PRIx64 " of RAM block '%s' is not a "
                   "multiple of the page size 0x%zx", size, idstr,
                   TARGET_PAGE_SIZE);
        return false;
    }
    return true;
}

/* Fill in the public part from @mem and put it at the end of the list. */
static RAMBlock *ram_append(Machine *m, RAMBlockPriv *p, const char *idstr,
                            const HostMemory *mem, uint32_t flags)
{
    RAMBlock *b = &p->block;
    RAMBlock **tail = &m->ram_first;

    b->idstr = g_strdup(idstr);
    b->host = mem->host;
    b->used_length = mem->size;
    b->max_length = mem->size;
    b->page_size = mem->page_size;
    b->flags = mem->flags | flags;
    b->fd = mem->fd;
    b->fd_offset = mem->fd_offset;
    while (*tail) {
        tail = &(*tail)->next;
    }
    *tail = b;
    return b;
}

RAMBlock *machine_ram_add(Machine *m, const char *idstr, uint64_t size,
                          uint32_t flags, Error **errp)
{
    RAMBlockPriv *p;
    HostMemory mem;
    int fd = -1;

    if (!ram_check_new(m, idstr, size, errp)) {
        return NULL;
    }
    if (flags & RAM_SHARED) {
        fd = memfd_create(idstr, MFD_CLOEXEC);
        if (fd < 0 || ftruncate(fd, size) < 0) {
            error_setg_errno(errp, errno, "cannot make %" PRIu64 " bytes of "
                             "shared memory for RAM block '%s'", size, idstr);
            goto fail;
        }
    }
    if (!host_memory_map(&mem, fd, 0, size, flags & RAM_SHARED, 0, true,
                         errp)) {
        error_prepend(errp, "cannot set up guest memory '%s': ", idstr);
        goto fail;
    }
    p = g_new0(RAMBlockPriv, 1);
    p->mem = mem;
    return ram_append(m, p, idstr, &p->mem, flags);

fail:
    if (fd >= 0) {
        close(fd);
    }
    return NULL;
}

RAMBlock *machine_ram_add_backend(Machine *m, const char *idstr,
                                  MemoryBackend *backend, Error **errp)
{
    const HostMemory *mem;
    RAMBlockPriv *p;

    if (!ram_check_new(m, idstr, memory_backend_get_size(backend), errp)) {
        return NULL;
    }
    mem = memory_backend_take(backend, errp);
    if (!mem) {
        return NULL;
    }
    p = g_new0(RAMBlockPriv, 1);
    p->backend = g_object_ref(backend);
    return ram_append(m, p, idstr, mem, RAM_MIGRATABLE);
}

void machine_ram_free_all(Machine *m)
{
    while (m->ram_first) {
        RAMBlockPriv *p = container_of(m->ram_first, RAMBlockPriv, block);

        m->ram_first = p->block.next;
        if (p->backend) {
            memory_backend_release(p->backend);
            g_object_unref(p->backend);
        } else {
            host_memory_unmap(&p->mem);
        }
        g_free(p->dirty);
        g_free(p->block.idstr);
        g_free(p);
    }
    m->ram = NULL;
}

bool ram_block_discard(RAMBlock *b, uint64_t offset, uint64_t len,
                       Error **errp)
{
    int ret;

    if (offset > b->used_length || len > b->used_length - offset
        || offset % b->page_size != 0 || len % b->page_size != 0) {
        error_setg(errp, "cannot discard 0x%" PRIx64 " bytes at 0x%" PRIx64
                   " of RAM block '%s': not whole pages inside its 0x%" PRIx64
                   " bytes", len, offset, b->idstr, b->used_length);
        return false;
    }
    if (b->flags & RAM_READONLY) {
        error_setg(errp, "cannot discard memory of read-only RAM block '%s'",
                   b->idstr);
        return false;
    }
    if (len == 0) {
        return true;
    }
    if (b->fd >= 0) {
        /*
         * The file holds the content; where the mapping is private, our copies
         * of its pages must go as well.
         */
        ret = fallocate(b->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                        b->fd_offset + offset, len);
        if (ret == 0 && !(b->flags & RAM_SHARED)) {
            ret = madvise(b->host + offset, len, MADV_DONTNEED);
        }
    } else {
        ret = madvise(b->host + offset, len, MADV_DONTNEED);
    }
    if (ret < 0) {
        error_setg_errno(errp, errno, "cannot discard 0x%" PRIx64 " bytes at "
                         "0x%" PRIx64 " of RAM block '%s'", len, offset,
                         b->idstr);
        return false;
    }
    dirty_log_mark(b, offset, len);
    return true;
}
