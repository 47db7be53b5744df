/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all memory backends have in common. */
#include "qemu/osdep.h"

#include <sys/mman.h>

#include "hostmem-internal.h"
#include "qemu/fdset.h"
#include "qemu/hostfeat.h"
#include "qemu/linux-mm.h"
#include "qemu/object.h"

enum {
    PROP_SIZE = 1,
    PROP_SHARE,
    PROP_PREALLOC,
    PROP_MERGE,
    PROP_DUMP,
    PROP_RESERVE,
};

typedef MemoryBackendOptions MemoryBackendPrivate; /* as GObject wants it */

static void memory_backend_user_creatable(UserCreatableInterface *iface);

G_DEFINE_ABSTRACT_TYPE_WITH_CODE(
    MemoryBackend, memory_backend, G_TYPE_OBJECT,
    G_ADD_PRIVATE(MemoryBackend)
    G_IMPLEMENT_INTERFACE(USER_CREATABLE_TYPE, memory_backend_user_creatable))

MemoryBackendOptions *memory_backend_options(MemoryBackend *backend)
{
    return memory_backend_get_instance_private(backend);
}

static void memory_backend_set_property(GObject *obj, guint id,
                                        const GValue *value, GParamSpec *spec)
{
    MemoryBackendOptions *o = memory_backend_options(QEMU_MEMORY_BACKEND(obj));

    switch (id) {
    case PROP_SIZE:
        o->size = g_value_get_uint64(value);
        o->size_set = true;
        break;
    case PROP_SHARE:
        o->share = g_value_get_boolean(value);
        break;
    case PROP_PREALLOC:
        o->prealloc = g_value_get_boolean(value);
        break;
    case PROP_MERGE:
        o->merge = g_value_get_boolean(value);
        break;
    case PROP_DUMP:
        o->dump = g_value_get_boolean(value);
        break;
    case PROP_RESERVE:
        o->reserve = g_value_get_boolean(value);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(obj, id, spec);
    }
}

static void memory_backend_get_property(GObject *obj, guint id, GValue *value,
                                        GParamSpec *spec)
{
    MemoryBackendOptions *o = memory_backend_options(QEMU_MEMORY_BACKEND(obj));

    switch (id) {
    case PROP_SIZE:
        g_value_set_uint64(value, o->size);
        break;
    case PROP_SHARE:
        g_value_set_boolean(value, o->share);
        break;
    case PROP_PREALLOC:
        g_value_set_boolean(value, o->prealloc);
        break;
    case PROP_MERGE:
        g_value_set_boolean(value, o->merge);
        break;
    case PROP_DUMP:
        g_value_set_boolean(value, o->dump);
        break;
    case PROP_RESERVE:
        g_value_set_boolean(value, o->reserve);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(obj, id, spec);
    }
}

static void memory_backend_finalize(GObject *obj)
{
    MemoryBackendOptions *o = memory_backend_options(QEMU_MEMORY_BACKEND(obj));

    if (o->discard_data && o->mem.host && o->mem.flags & RAM_SHARED) {
        /* Nobody needs the content: spare the host from writing it out. */
        madvise(o->mem.host, o->mem.size, MADV_REMOVE);
    }
    host_memory_unmap(&o->mem);
    G_OBJECT_CLASS(memory_backend_parent_class)->finalize(obj);
}

static void memory_backend_class_init(MemoryBackendClass *klass)
{
    GObjectClass *oc = G_OBJECT_CLASS(klass);

    oc->set_property = memory_backend_set_property;
    oc->get_property = memory_backend_get_property;
    oc->finalize = memory_backend_finalize;
    g_object_class_install_property(oc, PROP_SIZE,
        g_param_spec_uint64("size", "size", "bytes of memory", 0, UINT64_MAX,
                            0, G_PARAM_READWRITE));
    g_object_class_install_property(oc, PROP_SHARE,
        hostmem_bool_spec("share", "changes reach the other users"));
    g_object_class_install_property(oc, PROP_PREALLOC,
        hostmem_bool_spec("prealloc", "make all pages now"));
    g_object_class_install_property(oc, PROP_MERGE,
        hostmem_bool_spec("merge", "the host may merge equal pages"));
    g_object_class_install_property(oc, PROP_DUMP,
        hostmem_bool_spec("dump", "is part of core dumps"));
    g_object_class_install_property(oc, PROP_RESERVE,
        hostmem_bool_spec("reserve", "set swap space aside"));
}

static void memory_backend_init(MemoryBackend *backend)
{
    MemoryBackendOptions *o = memory_backend_options(backend);

    o->mem.fd = -1;
    o->merge = true;
    o->dump = true;
    o->reserve = true;
}

GParamSpec *hostmem_bool_spec(const char *name, const char *blurb)
{
    return g_param_spec_boolean(name, name, blurb, false, G_PARAM_READWRITE);
}

/* ---- completion ---- */

static bool hostmem_populate(HostMemory *mem, Error **errp)
{
    if (hostfeat_has(HOSTFEAT_MADV_POPULATE)
        && madvise(mem->host, mem->size, MADV_POPULATE_WRITE) == 0) {
        return true;
    }
    if (mem->fd >= 0 && mem->flags & RAM_SHARED) {
        int ret = posix_fallocate(mem->fd, mem->fd_offset, mem->size);

        if (ret != 0) {
            error_setg_errno(errp, ret, "cannot preallocate %" PRIu64 " bytes",
                             mem->size);
        }
        return ret == 0;
    }
    /* Write to each page what it holds already. */
    for (uint64_t i = 0; i < mem->size; i += mem->page_size) {
        volatile uint8_t *p = mem->host + i;

        *p = *p;
    }
    return true;
}

static bool hostmem_check(MemoryBackend *backend, Error **errp)
{
    MemoryBackendOptions *o = memory_backend_options(backend);

    if (!o->size_set) {
        error_setg(errp, "Parameter 'size' is missing");
        return false;
    }
    if (o->size == 0) {
        error_setg(errp, "property 'size' of %s doesn't take value '0'",
                   memory_backend_type_name(backend));
        return false;
    }
    if (o->readonly && o->prealloc) {
        error_setg(errp, "read-only memory cannot be preallocated");
        return false;
    }
    return true;
}

static bool memory_backend_complete(UserCreatable *uc, Error **errp)
{
    MemoryBackend *backend = QEMU_MEMORY_BACKEND(uc);
    MemoryBackendOptions *o = memory_backend_options(backend);
    uint32_t flags;
    int fd = -1;

    if (!hostmem_check(backend, errp)
        || !QEMU_MEMORY_BACKEND_GET_CLASS(backend)->open(backend, &fd, errp)) {
        return false;
    }
    flags = (o->share ? RAM_SHARED : 0)
            | (o->named_file ? RAM_NAMED_FILE : 0)
            | (o->readonly ? RAM_READONLY : 0);
    if (!host_memory_map(&o->mem, fd, o->offset, o->size, flags, o->align,
                         o->reserve, errp)) {
        if (fd >= 0) {
            qemu_close(fd);
        }
        return false;
    }
    if (!o->dump) {
        madvise(o->mem.host, o->mem.size, MADV_DONTDUMP);
    }
    if (o->merge) {
        madvise(o->mem.host, o->mem.size, MADV_MERGEABLE);
    }
    return !o->prealloc || hostmem_populate(&o->mem, errp);
}

static bool memory_backend_can_be_deleted(UserCreatable *uc)
{
    return !memory_backend_options(QEMU_MEMORY_BACKEND(uc))->taken;
}

static void memory_backend_user_creatable(UserCreatableInterface *iface)
{
    iface->complete = memory_backend_complete;
    iface->can_be_deleted = memory_backend_can_be_deleted;
}

/* ---- for the machine ---- */

uint64_t memory_backend_get_size(MemoryBackend *backend)
{
    return memory_backend_options(backend)->size;
}

const HostMemory *memory_backend_take(MemoryBackend *backend, Error **errp)
{
    MemoryBackendOptions *o = memory_backend_options(backend);

    if (!o->mem.host) {
        error_setg(errp, "memory backend has no memory");
        return NULL;
    }
    if (o->taken) {
        error_setg(errp, "memory backend is in use already");
        return NULL;
    }
    o->taken = true;
    return &o->mem;
}

void memory_backend_release(MemoryBackend *backend)
{
    memory_backend_options(backend)->taken = false;
}
