/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the described-state machinery share. */
#ifndef MIGRATION_VMSTATE_INTERNAL_H
#define MIGRATION_VMSTATE_INTERNAL_H

#include <json-c/json.h>

#include "migration/vmstate.h"

/* First bytes of elements of a stream that described state looks for. */
#define VMSTATE_SUBSECTION 0x05
/* Markers in arrays of pointers. */
#define VMSTATE_NULL_MARKER 0x30
#define VMSTATE_DATA_MARKER 0x31

#define VMS_VARRAY_ANY                                                         \
    (VMS_VARRAY_INT32 | VMS_VARRAY_UINT32 | VMS_VARRAY_UINT16 |                \
     VMS_VARRAY_UINT8)

/* ---- vmstate-field.c: where a field's elements are ---- */

typedef struct VMStateExtent {
    uint8_t *base;  /* first element; for arrays of pointers first pointer */
    uint64_t count; /* elements */
    size_t size;    /* of one element: bytes, for bitmaps bits */
    size_t step;    /* from one element (or pointer) to the next, bytes */
} VMStateExtent;

/*
 * Is @field present at @version?  False with an error if it must be and is
 * not.
 */
bool vmstate_field_exists(const VMStateField *field, void *opaque, int version,
                          bool *exists, Error **errp);

/*
 * What the count (VARRAY) or size (VBUFFER) member of @field says now; 0 for
 * other kinds and for negative values.
 */
uint64_t vmstate_field_announced(const VMStateField *field, void *opaque);

/* How to find out the extent of a field. */
typedef enum VMStateExtentUse {
    VMSTATE_EXTENT_SAVE,
    VMSTATE_EXTENT_LOAD, /* counts come from a stream; allocates VMS_ALLOC */
} VMStateExtentUse;

/*
 * Find the elements of @field in @opaque; check counts against the limits.
 * @before: for loads vmstate_field_announced() before anything was loaded.
 */
bool vmstate_field_extent(const VMStateField *field, void *opaque,
                          VMStateExtentUse use, uint64_t before,
                          VMStateExtent *ext, Error **errp);

/* Element @i: dereferenced for arrays of pointers, so it may be NULL. */
void *vmstate_extent_element(const VMStateField *field,
                             const VMStateExtent *ext, uint64_t i);

/* vmstate_release() of one field that had @announced elements or bytes. */
void vmstate_release_field(const VMStateField *field, void *opaque,
                           uint64_t announced);

/* Version of the structure that @field embeds. */
int vmstate_struct_version(const VMStateField *field);

/* ---- vmstate.c ---- */

/*
 * Write @opaque as @version of @vmsd.  @desc: JSON object that gets "fields"
 * and "subsections", NULL: no description wanted.
 */
bool vmstate_save_described(QEMUFile *f, const VMStateDescription *vmsd,
                            void *opaque, int version, json_object *desc,
                            Error **errp);

/* ---- vmstate-desc.c: the description for humans and tools ---- */

/* Put "vmsd_name" and "version" of @vmsd into @desc. */
void vmdesc_begin(json_object *desc, const VMStateDescription *vmsd,
                  int version);

/* Collects what was written for one field. */
typedef struct VMDescField VMDescField;
VMDescField *vmdesc_field_new(void);
/* @bytes for element @index; takes @nested (or NULL). */
void vmdesc_field_element(VMDescField *df, uint64_t index, const char *type,
                          uint64_t bytes, json_object *nested);
/*
 * Add the field, which is @field of @vmsd, to the array @fields; frees @df.
 */
void vmdesc_field_end(VMDescField *df, json_object *fields,
                      const VMStateDescription *vmsd,
                      const VMStateField *field);
void vmdesc_field_free(VMDescField *df);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VMDescField, vmdesc_field_free)

/* ---- vmstate-aggregates.c ---- */

/* Free the elements of a queue described by @field. */
void vmstate_gqueue_clear(GQueue *queue, const VMStateField *field);

#endif
