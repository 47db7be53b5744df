/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The simple kinds of memory backends, and the list of all kinds. */
#include "qemu/osdep.h"

#include <sys/mman.h>

#include "hostmem-internal.h"
#include "qemu/object.h"

#ifndef MFD_HUGE_SHIFT
#define MFD_HUGE_SHIFT 26
#endif

static const struct {
    const char *name;
    GType (*get_type)(void);
} kinds[] = {
    { "memory-backend-file", memory_backend_file_get_type },
    { "memory-backend-memfd", memory_backend_memfd_get_type },
    { "memory-backend-ram", memory_backend_ram_get_type },
};

void hostmem_register_types(void)
{
    object_type_announce("memory-backend", NULL, MEMORY_BACKEND_TYPE, true,
                         false);
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        object_type_announce(kinds[i].name, "memory-backend",
                             kinds[i].get_type(), false, true);
    }
}

const char *memory_backend_type_name(MemoryBackend *backend)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (G_OBJECT_TYPE(backend) == kinds[i].get_type()) {
            return kinds[i].name;
        }
    }
    return "memory-backend";
}

/* A memfd of the backend's size; huge pages if @hugetlb. */
static int hostmem_new_memfd(MemoryBackend *backend, unsigned flags,
                             Error **errp)
{
    uint64_t size = memory_backend_options(backend)->size;
    int fd = memfd_create(memory_backend_type_name(backend),
                          MFD_CLOEXEC | flags);

    if (fd < 0) {
        error_setg_errno(errp, errno, "cannot make a memfd for guest RAM");
        return -1;
    }
    if (size > INT64_MAX || ftruncate(fd, size) < 0) {
        error_setg_errno(errp, size > INT64_MAX ? EFBIG : errno,
                         "cannot make a memfd of %" PRIu64 " bytes for guest "
                         "RAM", size);
        close(fd);
        return -1;
    }
    return fd;
}

/* ---- memory-backend-ram ---- */

typedef struct MemoryBackendRam {
    MemoryBackend parent;
} MemoryBackendRam;
typedef struct MemoryBackendRamClass {
    MemoryBackendClass parent_class;
} MemoryBackendRamClass;

G_DEFINE_TYPE(MemoryBackendRam, memory_backend_ram, MEMORY_BACKEND_TYPE)

static bool ram_open(MemoryBackend *backend, int *fd, Error **errp)
{
    *fd = -1;
    if (!memory_backend_options(backend)->share) {
        return true;
    }
    /* Shared memory is a file that others can be given. */
    *fd = hostmem_new_memfd(backend, 0, errp);
    return *fd >= 0;
}

static void memory_backend_ram_class_init(MemoryBackendRamClass *klass)
{
    QEMU_MEMORY_BACKEND_CLASS(klass)->open = ram_open;
}

static void memory_backend_ram_init(MemoryBackendRam *ram)
{
}

/* ---- memory-backend-memfd ---- */

typedef struct MemoryBackendMemfd {
    MemoryBackend parent;
    bool hugetlb, seal;
    uint64_t hugetlbsize;
} MemoryBackendMemfd;
typedef struct MemoryBackendMemfdClass {
    MemoryBackendClass parent_class;
} MemoryBackendMemfdClass;

G_DEFINE_TYPE(MemoryBackendMemfd, memory_backend_memfd, MEMORY_BACKEND_TYPE)

enum { PROP_HUGETLB = 1, PROP_HUGETLBSIZE, PROP_SEAL };

static void memfd_set_property(GObject *obj, guint id, const GValue *value,
                               GParamSpec *spec)
{
    MemoryBackendMemfd *s = (MemoryBackendMemfd *)obj;

    switch (id) {
    case PROP_HUGETLB:
        s->hugetlb = g_value_get_boolean(value);
        break;
    case PROP_HUGETLBSIZE:
        s->hugetlbsize = g_value_get_uint64(value);
        break;
    case PROP_SEAL:
        s->seal = g_value_get_boolean(value);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(obj, id, spec);
    }
}

static void memfd_get_property(GObject *obj, guint id, GValue *value,
                               GParamSpec *spec)
{
    MemoryBackendMemfd *s = (MemoryBackendMemfd *)obj;

    switch (id) {
    case PROP_HUGETLB:
        g_value_set_boolean(value, s->hugetlb);
        break;
    case PROP_HUGETLBSIZE:
        g_value_set_uint64(value, s->hugetlbsize);
        break;
    case PROP_SEAL:
        g_value_set_boolean(value, s->seal);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(obj, id, spec);
    }
}

static bool memfd_open(MemoryBackend *backend, int *fd, Error **errp)
{
    MemoryBackendMemfd *s = (MemoryBackendMemfd *)backend;
    unsigned flags = s->seal ? MFD_ALLOW_SEALING : 0;

    if (s->hugetlbsize && !s->hugetlb) {
        error_setg(errp, "hugetlbsize needs hugetlb=on");
        return false;
    }
    if (s->hugetlbsize & (s->hugetlbsize - 1)) {
        error_setg(errp, "hugetlbsize %" PRIu64 " is not a power of two",
                   s->hugetlbsize);
        return false;
    }
    if (s->hugetlb) {
        flags |= MFD_HUGETLB;
    }
    if (s->hugetlbsize) {
        flags |= (unsigned)g_bit_nth_msf(s->hugetlbsize, -1)
                 << MFD_HUGE_SHIFT;
    }
    *fd = hostmem_new_memfd(backend, flags, errp);
    if (*fd >= 0 && s->seal
        && fcntl(*fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)
           < 0) {
        error_setg_errno(errp, errno, "cannot seal the memfd for guest RAM");
        close(*fd);
        return false;
    }
    return *fd >= 0;
}

static void memory_backend_memfd_class_init(MemoryBackendMemfdClass *klass)
{
    GObjectClass *oc = G_OBJECT_CLASS(klass);

    QEMU_MEMORY_BACKEND_CLASS(klass)->open = memfd_open;
    oc->set_property = memfd_set_property;
    oc->get_property = memfd_get_property;
    g_object_class_install_property(oc, PROP_HUGETLB,
        hostmem_bool_spec("hugetlb", "take huge pages"));
    g_object_class_install_property(oc, PROP_HUGETLBSIZE,
        g_param_spec_uint64("hugetlbsize", "hugetlbsize",
                            "bytes of a huge page", 0, UINT64_MAX, 0,
                            G_PARAM_READWRITE));
    g_object_class_install_property(oc, PROP_SEAL,
        hostmem_bool_spec("seal", "forbid changes of the size"));
}

static void memory_backend_memfd_init(MemoryBackendMemfd *s)
{
    memory_backend_options(&s->parent)->share = true;
    s->seal = true;
}
