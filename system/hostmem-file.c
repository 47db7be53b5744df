/* SPDX-License-Identifier: GPL-2.0-or-later */
/* memory-backend-file: guest memory in a file. */
#include "qemu/osdep.h"

#include <sys/stat.h>

#include "hostmem-internal.h"
#include "qemu/fdset.h"

typedef struct MemoryBackendFile {
    MemoryBackend parent;
    char *mem_path;
} MemoryBackendFile;
typedef struct MemoryBackendFileClass {
    MemoryBackendClass parent_class;
} MemoryBackendFileClass;

G_DEFINE_TYPE(MemoryBackendFile, memory_backend_file, MEMORY_BACKEND_TYPE)

enum {
    PROP_MEM_PATH = 1,
    PROP_ALIGN,
    PROP_OFFSET,
    PROP_READONLY,
    PROP_DISCARD_DATA,
};

static void file_set_property(GObject *obj, guint id, const GValue *value,
                              GParamSpec *spec)
{
    MemoryBackendFile *s = (MemoryBackendFile *)obj;
    MemoryBackendOptions *o = memory_backend_options(&s->parent);

    switch (id) {
    case PROP_MEM_PATH:
        g_free(s->mem_path);
        s->mem_path = g_value_dup_string(value);
        break;
    case PROP_ALIGN:
        o->align = g_value_get_uint64(value);
        break;
    case PROP_OFFSET:
        o->offset = g_value_get_uint64(value);
        break;
    case PROP_READONLY:
        o->readonly = g_value_get_boolean(value);
        break;
    case PROP_DISCARD_DATA:
        o->discard_data = g_value_get_boolean(value);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(obj, id, spec);
    }
}

static void file_get_property(GObject *obj, guint id, GValue *value,
                              GParamSpec *spec)
{
    MemoryBackendFile *s = (MemoryBackendFile *)obj;
    MemoryBackendOptions *o = memory_backend_options(&s->parent);

    switch (id) {
    case PROP_MEM_PATH:
        g_value_set_string(value, s->mem_path);
        break;
    case PROP_ALIGN:
        g_value_set_uint64(value, o->align);
        break;
    case PROP_OFFSET:
        g_value_set_uint64(value, o->offset);
        break;
    case PROP_READONLY:
        g_value_set_boolean(value, o->readonly);
        break;
    case PROP_DISCARD_DATA:
        g_value_set_boolean(value, o->discard_data);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(obj, id, spec);
    }
}

/* A file without a name in directory @dir. */
static int file_open_temporary(const char *dir, Error **errp)
{
    g_autofree char *name = g_build_filename(dir, "qemu-ram-XXXXXX", NULL);
    int fd = g_mkstemp_full(name, O_RDWR | O_CLOEXEC, 0600);

    if (fd < 0) {
        error_setg_errno(errp, errno,
                         "can't create backing store in %s for guest RAM", dir);
        return -1;
    }
    unlink(name);
    return fd;
}

static int file_open_path(MemoryBackendFile *s, Error **errp)
{
    MemoryBackendOptions *o = memory_backend_options(&s->parent);
    int fd;

    if (g_file_test(s->mem_path, G_FILE_TEST_IS_DIR)) {
        if (o->readonly) {
            error_setg(errp, "can't open backing store %s for guest RAM: "
                       "a directory cannot be read-only memory", s->mem_path);
            return -1;
        }
        return file_open_temporary(s->mem_path, errp);
    }
    o->named_file = true;
    fd = qemu_open(s->mem_path, o->readonly ? O_RDONLY : O_RDWR | O_CREAT,
                   0644, NULL);
    if (fd < 0) {
        error_setg_errno(errp, errno,
                         "can't open backing store %s for guest RAM",
                         s->mem_path);
    }
    return fd;
}

/* The file must reach to the end of what is mapped: touching more is fatal. */
static bool file_extend(MemoryBackendFile *s, int fd, Error **errp)
{
    MemoryBackendOptions *o = memory_backend_options(&s->parent);
    uint64_t end = o->offset + o->size;
    struct stat st;

    if (end < o->size || end > INT64_MAX) {
        error_setg(errp, "backing store %s: offset 0x%" PRIx64 " and size 0x%"
                   PRIx64 " are too large", s->mem_path, o->offset, o->size);
        return false;
    }
    if (fstat(fd, &st) < 0) {
        error_setg_errno(errp, errno, "can't get the size of backing store %s",
                         s->mem_path);
        return false;
    }
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size >= end) {
        return true; /* devices (dax) tell no size */
    }
    if (o->readonly) {
        error_setg(errp, "backing store %s has 0x%" PRIx64 " bytes, 0x%" PRIx64
                   " are wanted, and it is read-only", s->mem_path,
                   (uint64_t)st.st_size, end);
        return false;
    }
    if (ftruncate(fd, end) < 0) {
        error_setg_errno(errp, errno, "can't extend backing store %s to 0x%"
                         PRIx64 " bytes", s->mem_path, end);
        return false;
    }
    return true;
}

static bool file_open(MemoryBackend *backend, int *fd, Error **errp)
{
    MemoryBackendFile *s = (MemoryBackendFile *)backend;

    if (!s->mem_path) {
        error_setg(errp, "Parameter 'mem-path' is missing");
        return false;
    }
    *fd = file_open_path(s, errp);
    if (*fd < 0) {
        return false;
    }
    if (!file_extend(s, *fd, errp)) {
        qemu_close(*fd);
        return false;
    }
    return true;
}

static void file_finalize(GObject *obj)
{
    g_free(((MemoryBackendFile *)obj)->mem_path);
    G_OBJECT_CLASS(memory_backend_file_parent_class)->finalize(obj);
}

static GParamSpec *file_size_spec(const char *name, const char *blurb)
{
    return g_param_spec_uint64(name, name, blurb, 0, UINT64_MAX, 0,
                               G_PARAM_READWRITE);
}

static void memory_backend_file_class_init(MemoryBackendFileClass *klass)
{
    GObjectClass *oc = G_OBJECT_CLASS(klass);

    QEMU_MEMORY_BACKEND_CLASS(klass)->open = file_open;
    oc->finalize = file_finalize;
    oc->set_property = file_set_property;
    oc->get_property = file_get_property;
    g_object_class_install_property(oc, PROP_MEM_PATH,
        g_param_spec_string("mem-path", "mem-path", "file or directory", NULL,
                            G_PARAM_READWRITE));
    g_object_class_install_property(oc, PROP_ALIGN,
        file_size_spec("align", "alignment of the host address"));
    g_object_class_install_property(oc, PROP_OFFSET,
        file_size_spec("offset", "where in the file the memory begins"));
    g_object_class_install_property(oc, PROP_READONLY,
        hostmem_bool_spec("readonly", "open for reading only"));
    g_object_class_install_property(oc, PROP_DISCARD_DATA,
        hostmem_bool_spec("discard-data", "content is not needed at the end"));
}

static void memory_backend_file_init(MemoryBackendFile *s)
{
}
