/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The walk over a description that writes or reads an object: fields in the
 * order of the table, then subsections, hooks around both.
 */
#include "qemu/osdep.h"

#include "migration/qemu-file.h"
#include "migration/vmstate-internal.h"

/* ---- save ---- */

static const char *field_type(const VMStateField *field)
{
    if (field->flags & VMS_VSTRUCT) {
        return "vstruct";
    }
    return field->flags & VMS_STRUCT ? "struct" : field->info->name;
}

/* One element, without null markers. */
static bool save_element(QEMUFile *f, const VMStateField *field, void *elem,
                         size_t size, json_object *nested, Error **errp)
{
    if (field->flags & VMS_STRUCT) {
        return vmstate_save_described(f, field->vmsd, elem,
                                      vmstate_struct_version(field), nested,
                                      errp);
    }
    return field->info->put(f, elem, size, field, errp);
}

static bool save_field(QEMUFile *f, const VMStateField *field, void *opaque,
                       VMDescField *df, Error **errp)
{
    bool describe = df && (field->flags & VMS_STRUCT) &&
                    !(field->flags & VMS_VSTRUCT);
    VMStateExtent ext;
    uint64_t i;

    if (!vmstate_field_extent(field, opaque, VMSTATE_EXTENT_SAVE, 0, &ext,
                              errp)) {
        error_prepend(errp, "field '%s': ", field->name);
        return false;
    }
    for (i = 0; i < ext.count; i++) {
        void *elem = vmstate_extent_element(field, &ext, i);
        uint64_t start = qemu_file_transferred(f);
        json_object *nested;

        if (field->flags & VMS_ARRAY_OF_POINTER) {
            if (!elem || (field->flags & VMS_ARRAY_OF_POINTER_AUTO_ALLOC)) {
                qemu_put_byte(f, elem ? VMSTATE_DATA_MARKER
                                      : VMSTATE_NULL_MARKER);
                if (df) {
                    vmdesc_field_element(df, i, "nullptr", 1, NULL);
                }
                start++;
            }
            if (!elem) {
                continue;
            }
        }
        nested = describe ? json_object_new_object() : NULL;
        if (!save_element(f, field, elem, ext.size, nested, errp)) {
            json_object_put(nested);
            error_prepend(errp, "field '%s': ", field->name);
            return false;
        }
        if (df) {
            vmdesc_field_element(df, i, field_type(field),
                                 qemu_file_transferred(f) - start, nested);
        }
    }
    return true;
}

static bool save_fields(QEMUFile *f, const VMStateDescription *vmsd,
                        void *opaque, int version, json_object *fields,
                        Error **errp)
{
    const VMStateField *field;

    for (field = vmsd->fields; field && field->name; field++) {
        g_autoptr(VMDescField) df = NULL;
        bool exists;

        if (!vmstate_field_exists(field, opaque, version, &exists, errp)) {
            return false;
        }
        if (!exists) {
            continue;
        }
        df = fields ? vmdesc_field_new() : NULL;
        if (!save_field(f, field, opaque, df, errp)) {
            return false;
        }
        if (df) {
            vmdesc_field_end(g_steal_pointer(&df), fields, vmsd, field);
        }
    }
    return true;
}

static bool save_subsections(QEMUFile *f, const VMStateDescription *vmsd,
                             void *opaque, json_object *desc, Error **errp)
{
    const VMStateDescription *const *subp;
    json_object *list = NULL;

    for (subp = vmsd->subsections; subp && *subp; subp++) {
        const VMStateDescription *sub = *subp;
        json_object *nested = NULL;

        if (sub->needed && !sub->needed(opaque)) {
            continue;
        }
        if (desc) {
            if (!list) {
                list = json_object_new_array();
                json_object_object_add(desc, "subsections", list);
            }
            nested = json_object_new_object();
            json_object_array_add(list, nested);
        }
        qemu_put_byte(f, VMSTATE_SUBSECTION);
        qemu_put_counted_string(f, sub->name);
        qemu_put_be32(f, sub->version_id);
        if (!vmstate_save_described(f, sub, opaque, sub->version_id, nested,
                                    errp)) {
            error_prepend(errp, "subsection '%s': ", sub->name);
            return false;
        }
    }
    return true;
}

bool vmstate_save_described(QEMUFile *f, const VMStateDescription *vmsd,
                            void *opaque, int version, json_object *desc,
                            Error **errp)
{
    json_object *fields = NULL;
    bool ok;

    if (vmsd->pre_save && !vmsd->pre_save(opaque, errp)) {
        return false;
    }
    if (desc) {
        fields = json_object_new_array();
        vmdesc_begin(desc, vmsd, version);
        json_object_object_add(desc, "fields", fields);
    }
    ok = save_fields(f, vmsd, opaque, version, fields, errp) &&
         save_subsections(f, vmsd, opaque, desc, errp);
    if (vmsd->post_save) {
        vmsd->post_save(opaque);
    }
    return ok;
}

bool vmstate_save(QEMUFile *f, const VMStateDescription *vmsd, void *opaque,
                  Error **errp)
{
    return vmstate_save_described(f, vmsd, opaque, vmsd->version_id, NULL,
                                  errp) &&
           !qemu_file_get_error(f, errp);
}

/* ---- load ---- */

/*
 * The marker of element @i of an array of pointers.  *@elem: where its data
 * goes, NULL: nothing follows.
 */
static bool load_marker(QEMUFile *f, const VMStateField *field,
                        const VMStateExtent *ext, uint64_t i, void **elem,
                        Error **errp)
{
    bool alloc = field->flags & VMS_ARRAY_OF_POINTER_AUTO_ALLOC;
    void **pointer = (void **)(ext->base + i * ext->step);
    uint8_t marker;

    *elem = *pointer;
    if (*elem && !alloc) {
        return true; /* no marker: the data itself follows */
    }
    marker = qemu_get_byte(f);
    if (qemu_file_get_error(f, errp)) {
        return false;
    }
    if (marker == VMSTATE_NULL_MARKER) {
        if (*elem) {
            if (field->flags & VMS_STRUCT) {
                vmstate_release(field->vmsd, *elem);
            }
            g_free(*elem);
        }
        *pointer = *elem = NULL;
        return true;
    }
    if (alloc && marker == VMSTATE_DATA_MARKER) {
        if (!*elem) {
            *pointer = *elem = g_malloc0(field->size);
        }
        return true;
    }
    error_setg(errp, "marker of a pointer is 0x%02x, expected %s", marker,
               alloc ? "0x30 or 0x31" : "0x30, as it is null here");
    return false;
}

/* One element, without null markers. */
static bool load_element(QEMUFile *f, const VMStateField *field, void *elem,
                         size_t size, Error **errp)
{
    if (field->flags & VMS_STRUCT) {
        return vmstate_load(f, field->vmsd, elem,
                            vmstate_struct_version(field), errp);
    }
    return field->info->get(f, elem, size, field, errp) &&
           !qemu_file_get_error(f, errp);
}

static bool load_field(QEMUFile *f, const VMStateField *field, void *opaque,
                       uint64_t before, Error **errp)
{
    VMStateExtent ext;
    uint64_t i;

    if (!vmstate_field_extent(field, opaque, VMSTATE_EXTENT_LOAD, before,
                              &ext, errp)) {
        error_prepend(errp, "field '%s': ", field->name);
        return false;
    }
    for (i = 0; i < ext.count; i++) {
        void *elem = NULL;
        bool ok;

        if (field->flags & VMS_ARRAY_OF_POINTER) {
            ok = load_marker(f, field, &ext, i, &elem, errp);
            if (ok && !elem) {
                continue;
            }
        } else {
            elem = vmstate_extent_element(field, &ext, i);
            ok = true;
        }
        if (!ok || !load_element(f, field, elem, ext.size, errp)) {
            if (field->flags & (VMS_ARRAY | VMS_VARRAY_ANY)) {
                error_prepend(errp, "field '%s[%" PRIu64 "]': ", field->name,
                              i);
            } else {
                error_prepend(errp, "field '%s': ", field->name);
            }
            return false;
        }
    }
    return true;
}

/* What the counting members say before the stream changes them. */
static uint64_t *counts_before(const VMStateDescription *vmsd, void *opaque)
{
    const VMStateField *field;
    uint64_t *before = NULL;
    size_t n = 0;

    for (field = vmsd->fields; field && field->name; field++) {
        n++;
    }
    for (field = vmsd->fields; field && field->name; field++) {
        if (field->flags & (VMS_VARRAY_ANY | VMS_VBUFFER)) {
            if (!before) {
                before = g_new0(uint64_t, n);
            }
            before[field - vmsd->fields] =
                vmstate_field_announced(field, opaque);
        }
    }
    return before;
}

/*
 * The load failed at @field.  Memory of later fields belongs to the counts of
 * before, which may be gone: free it now, while they are known.
 */
static void drop_unread(const VMStateDescription *vmsd,
                        const VMStateField *field, void *opaque,
                        const uint64_t *before)
{
    for (; before && field->name; field++) {
        if (field->flags & VMS_ALLOC) {
            vmstate_release_field(field, opaque, before[field - vmsd->fields]);
        }
    }
}

static bool load_fields(QEMUFile *f, const VMStateDescription *vmsd,
                        void *opaque, int version, Error **errp)
{
    g_autofree uint64_t *before = counts_before(vmsd, opaque);
    const VMStateField *field;

    for (field = vmsd->fields; field && field->name; field++) {
        bool exists;

        if (!vmstate_field_exists(field, opaque, version, &exists, errp)) {
            drop_unread(vmsd, field, opaque, before);
            return false;
        }
        if (exists &&
            !load_field(f, field, opaque,
                        before ? before[field - vmsd->fields] : 0, errp)) {
            drop_unread(vmsd, field + 1, opaque, before);
            return false;
        }
    }
    return true;
}

static const VMStateDescription *
find_subsection(const VMStateDescription *vmsd, const char *name, size_t len)
{
    const VMStateDescription *const *sub;

    for (sub = vmsd->subsections; sub && *sub; sub++) {
        if (strlen((*sub)->name) == len && !memcmp((*sub)->name, name, len)) {
            return *sub;
        }
    }
    return NULL;
}

/*
 * Length of the name of the subsection of @vmsd that comes next; *@name points
 * into the buffer.  0: what comes is none of ours (docs/wire-format.md).
 */
static size_t peek_subsection(QEMUFile *f, const VMStateDescription *vmsd,
                              const char **name)
{
    size_t parent = strlen(vmsd->name);
    const uint8_t *p;
    int len;

    if (qemu_peek_byte(f, 0) != VMSTATE_SUBSECTION) {
        return 0;
    }
    len = qemu_peek_byte(f, 1);
    if (len < 0 || qemu_peek_buffer(f, &p, len + 2) < (size_t)len + 2) {
        /* Whosever it was to be: it is cut off. */
        Error *err = NULL;

        error_setg(&err, "end of stream");
        qemu_file_set_error(f, err);
        return 0;
    }
    if ((size_t)len < parent + 1 || memcmp(p + 2, vmsd->name, parent)) {
        return 0;
    }
    *name = (const char *)p + 2;
    return len;
}

static bool load_subsections(QEMUFile *f, const VMStateDescription *vmsd,
                             void *opaque, Error **errp)
{
    const char *name;
    size_t len;

    while ((len = peek_subsection(f, vmsd, &name)) != 0) {
        const VMStateDescription *sub = find_subsection(vmsd, name, len);
        uint32_t version;

        if (!sub) {
            g_autofree char *copy = g_strndup(name, len);
            g_autofree char *shown = g_strescape(copy, NULL);

            error_setg(errp, "unknown subsection '%s'", shown);
            return false;
        }
        qemu_file_skip(f, len + 2);
        version = qemu_get_be32(f);
        if (qemu_file_get_error(f, errp) ||
            !vmstate_load(f, sub, opaque, version, errp)) {
            error_prepend(errp, "subsection '%s': ", sub->name);
            return false;
        }
    }
    if (qemu_file_get_error(f, errp)) {
        error_prepend(errp, "subsection: ");
        return false;
    }
    return true;
}

bool vmstate_load(QEMUFile *f, const VMStateDescription *vmsd, void *opaque,
                  int version, Error **errp)
{
    /* Read as unsigned on the wire: a negative one is a very new one. */
    if ((uint32_t)version > (uint32_t)vmsd->version_id) {
        error_setg(errp, "version %u of '%s' is newer than %d, the newest "
                   "known", (uint32_t)version, vmsd->name, vmsd->version_id);
        return false;
    }
    if (version < vmsd->minimum_version_id) {
        error_setg(errp, "version %d of '%s' is older than %d, the oldest "
                   "known", version, vmsd->name, vmsd->minimum_version_id);
        return false;
    }
    if (vmsd->pre_load && !vmsd->pre_load(opaque, errp)) {
        return false;
    }
    return load_fields(f, vmsd, opaque, version, errp) &&
           load_subsections(f, vmsd, opaque, errp) &&
           (!vmsd->post_load || vmsd->post_load(opaque, version, errp));
}
