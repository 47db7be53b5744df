/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fields of described state in memory: whether they are there, where their
 * elements are, how many the stream may bring, and what the load allocated.
 */
#include "qemu/osdep.h"

#include "migration/vmstate-internal.h"
#include "qemu/bitmap.h"

bool vmstate_field_exists(const VMStateField *field, void *opaque, int version,
                          bool *exists, Error **errp)
{
    *exists = field->version_id <= version &&
              (!field->field_exists || field->field_exists(opaque, version));
    if (!*exists && (field->flags & VMS_MUST_EXIST)) {
        error_setg(errp, "field '%s' is missing in version %d", field->name,
                   version);
        return false;
    }
    return true;
}

int vmstate_struct_version(const VMStateField *field)
{
    return field->flags & VMS_VSTRUCT ? field->struct_version_id
                                      : field->vmsd->version_id;
}

/* The value of the member that counts; signed so that bad ones show. */
static int64_t field_counter(const VMStateField *field, const void *opaque)
{
    const uint8_t *p = opaque;

    if (field->flags & VMS_VBUFFER) {
        return *(const uint32_t *)(p + field->size_offset);
    } else if (field->flags & VMS_VARRAY_INT32) {
        return *(const int32_t *)(p + field->num_offset);
    } else if (field->flags & VMS_VARRAY_UINT32) {
        return *(const uint32_t *)(p + field->num_offset);
    } else if (field->flags & VMS_VARRAY_UINT16) {
        return *(const uint16_t *)(p + field->num_offset);
    } else if (field->flags & VMS_VARRAY_UINT8) {
        return *(p + field->num_offset);
    }
    return 0;
}

/* Elements or bytes for a counter of @n; counters and factors are 32 bits. */
static uint64_t field_scale(const VMStateField *field, int64_t n)
{
    uint64_t value = MAX(n, 0);

    if ((field->flags & VMS_VARRAY_ANY) &&
        (field->flags & VMS_MULTIPLY_ELEMENTS)) {
        return value * (uint32_t)field->num;
    }
    if ((field->flags & VMS_VBUFFER) && (field->flags & VMS_MULTIPLY)) {
        return value * (uint32_t)field->size;
    }
    return value;
}

uint64_t vmstate_field_announced(const VMStateField *field, void *opaque)
{
    return field_scale(field, field_counter(field, opaque));
}

/* Memory that one element of @size takes. */
static uint64_t element_bytes(const VMStateField *field, uint64_t size)
{
    if (field->info == &vmstate_info_bitmap) {
        return BITS_TO_LONGS(size) * sizeof(long);
    }
    return size;
}

/* Most that the stream may announce, see VMStateField.limit. */
static uint64_t field_limit(const VMStateField *field, VMStateExtentUse use,
                            uint64_t before)
{
    uint64_t bytes;

    if (field->limit) {
        return field->limit;
    }
    if (field->flags & VMS_ALLOC) {
        bytes = field->flags & VMS_VBUFFER ? 1
                : field->flags & VMS_ARRAY_OF_POINTER
                    ? sizeof(void *)
                    : element_bytes(field, field->size);
        return VMSTATE_ALLOC_MAX / MAX(bytes, 1);
    }
    return use == VMSTATE_EXTENT_LOAD ? before : UINT64_MAX;
}

/* Count and size, checked. */
static bool field_dimensions(const VMStateField *field, void *opaque,
                             VMStateExtentUse use, uint64_t before,
                             VMStateExtent *ext, Error **errp)
{
    int64_t counter = field_counter(field, opaque);
    uint64_t announced = field_scale(field, counter);
    uint64_t limit;

    ext->count = field->flags & VMS_ARRAY ? field->num : 1;
    ext->size = field->size;
    if (field->flags & (VMS_VARRAY_ANY | VMS_VBUFFER)) {
        limit = field_limit(field, use, before);
        if (counter < 0 || announced > limit) {
            error_setg(errp, "%s of %" PRId64 " is out of range (limit %"
                       PRIu64 ")",
                       field->flags & VMS_VBUFFER ? "a size" : "a count",
                       counter, limit);
            return false;
        }
        if (field->flags & VMS_VBUFFER) {
            ext->size = announced;
        } else {
            ext->count = announced;
        }
    }
    ext->step = field->flags & VMS_ARRAY_OF_POINTER
                    ? sizeof(void *)
                    : element_bytes(field, ext->size);
    return true;
}

bool vmstate_field_extent(const VMStateField *field, void *opaque,
                          VMStateExtentUse use, uint64_t before,
                          VMStateExtent *ext, Error **errp)
{
    uint8_t *where = (uint8_t *)opaque + field->offset;
    uint64_t bytes;

    if (use == VMSTATE_EXTENT_LOAD && (field->flags & VMS_ALLOC)) {
        /* First of all: whatever fails, the old count is no longer needed. */
        vmstate_release_field(field, opaque, before);
    }
    if (!field_dimensions(field, opaque, use, before, ext, errp)) {
        return false;
    }
    /* Counts are below 2^63 / factor and limited: only tables overflow. */
    bytes = ext->count * ext->step;
    if (field->flags & VMS_VBUFFER) {
        bytes += field->start;
    }
    if (field->flags & VMS_POINTER) {
        void **pointer = (void **)where;

        if (use == VMSTATE_EXTENT_LOAD && (field->flags & VMS_ALLOC)) {
            *pointer = bytes ? g_try_malloc0(bytes) : NULL;
            if (bytes && !*pointer) {
                error_setg(errp, "cannot allocate %" PRIu64 " bytes", bytes);
                return false;
            }
        }
        where = *pointer;
        if (!where && bytes) {
            error_setg(errp, "there is no memory for its %" PRIu64 " bytes",
                       bytes);
            return false;
        }
    }
    ext->base = where;
    if (where && (field->flags & VMS_VBUFFER)) {
        ext->base += field->start;
    }
    return true;
}

void *vmstate_extent_element(const VMStateField *field,
                             const VMStateExtent *ext, uint64_t i)
{
    if (!ext->base) {
        return NULL; /* a buffer of no bytes */
    }
    if (field->flags & VMS_ARRAY_OF_POINTER) {
        return *(void **)(ext->base + i * ext->step);
    }
    return ext->base + i * ext->step;
}

void vmstate_release_field(const VMStateField *field, void *opaque,
                           uint64_t announced)
{
    uint8_t *where = (uint8_t *)opaque + field->offset;
    VMStateExtent ext = {
        .count = field->flags & VMS_ARRAY ? field->num : 1,
        .size = field->size,
        .step = field->flags & VMS_ARRAY_OF_POINTER ? sizeof(void *)
                                                    : field->size,
    };
    uint64_t i;

    if (field->info == &vmstate_info_gqueue) {
        vmstate_gqueue_clear((GQueue *)where, field);
        return;
    }
    if (field->flags & VMS_VARRAY_ANY) {
        ext.count = announced;
    }
    ext.base = field->flags & VMS_POINTER ? *(uint8_t **)where : where;
    if (!ext.base) {
        return;
    }
    for (i = 0; i < ext.count; i++) {
        void *elem;

        if (!(field->flags & (VMS_STRUCT | VMS_ARRAY_OF_POINTER))) {
            break; /* elementary: holds nothing */
        }
        elem = vmstate_extent_element(field, &ext, i);
        if (elem && (field->flags & VMS_STRUCT)) {
            vmstate_release(field->vmsd, elem);
        }
        if (field->flags & VMS_ARRAY_OF_POINTER_AUTO_ALLOC) {
            g_free(elem);
            *(void **)(ext.base + i * ext.step) = NULL;
        }
    }
    if (field->flags & VMS_ALLOC) {
        g_free(*(void **)where);
        *(void **)where = NULL;
    }
}

void vmstate_release(const VMStateDescription *vmsd, void *opaque)
{
    const VMStateField *field;
    const VMStateDescription *const *sub;

    for (field = vmsd->fields; field && field->name; field++) {
        vmstate_release_field(field, opaque,
                              vmstate_field_announced(field, opaque));
    }
    for (sub = vmsd->subsections; sub && *sub; sub++) {
        vmstate_release(*sub, opaque);
    }
}

static bool vmstate_check_field(const VMStateField *field, Error **errp)
{
    uint32_t flags = field->flags;
    uint32_t varray = flags & VMS_VARRAY_ANY;
    const char *what = NULL;

    if (flags & VMS_STRUCT) {
        what = field->vmsd && !field->info ? NULL
                                           : "a struct needs vmsd, not info";
    } else if (!field->info) {
        what = "info is missing";
    } else if ((field->info == &vmstate_info_gqueue ||
                field->info == &vmstate_info_gtree ||
                field->info == &vmstate_info_tmp) && !field->vmsd) {
        what = "vmsd is missing";
    } else if (flags & VMS_VBUFFER && flags & (varray | VMS_ARRAY)) {
        what = "variable size and count together";
    }
    if (varray & (varray - 1) || (varray && flags & VMS_ARRAY)) {
        what = "more than one count";
    } else if (flags & VMS_ALLOC && !(flags & VMS_POINTER)) {
        what = "only what a pointer leads to can be allocated";
    } else if (flags & VMS_ALLOC && field->info == &vmstate_info_bitmap) {
        what = "bitmaps are not allocated";
    } else if (flags & VMS_ARRAY_OF_POINTER_AUTO_ALLOC &&
               !(flags & VMS_ARRAY_OF_POINTER)) {
        what = "allocated elements need an array of pointers";
    }
    if (what) {
        error_setg(errp, "field '%s': %s", field->name, what);
        return false;
    }
    return !(flags & VMS_STRUCT) || vmstate_check(field->vmsd, errp);
}

bool vmstate_check(const VMStateDescription *vmsd, Error **errp)
{
    const VMStateField *field;
    const VMStateDescription *const *sub;
    size_t len = strlen(vmsd->name);

    for (field = vmsd->fields; field && field->name; field++) {
        if (!vmstate_check_field(field, errp)) {
            error_prepend(errp, "description '%s': ", vmsd->name);
            return false;
        }
    }
    for (sub = vmsd->subsections; sub && *sub; sub++) {
        const char *name = (*sub)->name;

        /*
         * Readers tell by the name whose subsection it is.  It is mostly
         * PARENT/WORD, but not always (apic_sipi).
         */
        if (strncmp(name, vmsd->name, len) || !name[len] ||
            strlen(name) > 255) {
            error_setg(errp, "description '%s': '%s' is no name for one of "
                       "its subsections", vmsd->name, name);
            return false;
        }
        if (!vmstate_check(*sub, errp)) {
            return false;
        }
    }
    return true;
}
