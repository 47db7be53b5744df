/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Described device state: tables that say how a structure is laid out on the
 * wire.  The format is described in docs/wire-format.md.
 */
#ifndef MIGRATION_VMSTATE_H
#define MIGRATION_VMSTATE_H

#include "migration/qemu-file-types.h"
#include "qemu/error.h"

typedef struct VMStateDescription VMStateDescription;
typedef struct VMStateField VMStateField;

/* One kind of element.  get/put move one element of @size bytes at @pv. */
typedef struct VMStateInfo {
    const char *name; /* type name in the VM description */
    bool (*get)(QEMUFile *f, void *pv, size_t size, const VMStateField *field,
                Error **errp);
    bool (*put)(QEMUFile *f, const void *pv, size_t size,
                const VMStateField *field, Error **errp);
} VMStateInfo;

typedef enum VMStateFlags {
    VMS_SINGLE = 0,
    VMS_POINTER = 1 << 0,        /* field is a pointer to the data */
    VMS_ARRAY = 1 << 1,          /* num elements */
    VMS_STRUCT = 1 << 2,         /* element is described by vmsd */
    VMS_VARRAY_INT32 = 1 << 3,   /* count in an int32_t at num_offset */
    VMS_VARRAY_UINT32 = 1 << 4,
    VMS_VARRAY_UINT16 = 1 << 5,
    VMS_VARRAY_UINT8 = 1 << 6,
    VMS_MULTIPLY_ELEMENTS = 1 << 7, /* count = that field * num */
    VMS_VBUFFER = 1 << 8,        /* size in an int32_t/uint32_t at size_offset */
    VMS_MULTIPLY = 1 << 9,       /* size = that field * size */
    VMS_ALLOC = 1 << 10,         /* pointer is allocated (g_malloc) on load */
    VMS_ARRAY_OF_POINTER = 1 << 11, /* null markers on the wire */
    VMS_ARRAY_OF_POINTER_AUTO_ALLOC = 1 << 12, /* 0x30 / 0x31 + data */
    VMS_VSTRUCT = 1 << 13,       /* struct at struct_version_id */
    VMS_MUST_EXIST = 1 << 14,    /* field_exists must be true */
} VMStateFlags;

struct VMStateField {
    const char *name; /* NULL: end of the table */
    size_t offset;
    size_t size;      /* of one element */
    size_t start;     /* VBUFFER, BUFFER: first byte */
    int num;          /* fixed count or multiplier */
    size_t num_offset;
    size_t size_offset;
    const VMStateInfo *info;
    uint32_t flags;
    const VMStateDescription *vmsd;
    int version_id;   /* present from this version on */
    int struct_version_id;
    bool (*field_exists)(void *opaque, int version_id);
    /*
     * Most elements (VARRAY) or bytes (VBUFFER; bitmap: bits) that a stream may
     * announce.  0: for memory that the load allocates, what fits
     * VMSTATE_ALLOC_MAX; for memory that exists, as many as the count field
     * said before the load.
     */
    uint64_t limit;
};

/* Bytes that one field may make the load allocate, unless it says itself. */
#define VMSTATE_ALLOC_MAX ((uint64_t)(64 * MiB))

/* Sections with higher priority are sent before those with lower. */
typedef enum MigrationPriority {
    MIG_PRI_DEFAULT,
    MIG_PRI_IOAPIC,
    MIG_PRI_VIRTIO_MEM,
    MIG_PRI_PCI_BUS,
    MIG_PRI_IOMMU,
    MIG_PRI_TIMER,    /* before all devices, as stock does */
    MIG_PRI_LAST = -1 /* globalstate: after all devices */
} MigrationPriority;

struct VMStateDescription {
    const char *name;
    int version_id;
    int minimum_version_id;
    MigrationPriority priority;
    bool early_setup; /* sent in the setup phase */
    /* Hooks; NULL: nothing to do.  Machine lock held. */
    bool (*pre_load)(void *opaque, Error **errp);
    bool (*post_load)(void *opaque, int version_id, Error **errp);
    bool (*pre_save)(void *opaque, Error **errp);
    void (*post_save)(void *opaque);
    bool (*needed)(void *opaque); /* NULL: always */
    const VMStateField *fields;   /* ends with VMSTATE_END_OF_LIST() */
    const VMStateDescription *const *subsections; /* NULL-terminated */
};

extern const VMStateInfo vmstate_info_bool;
extern const VMStateInfo vmstate_info_int8, vmstate_info_int16;
extern const VMStateInfo vmstate_info_int32, vmstate_info_int64;
extern const VMStateInfo vmstate_info_uint8, vmstate_info_uint16;
extern const VMStateInfo vmstate_info_uint32, vmstate_info_uint64;
extern const VMStateInfo vmstate_info_int32_equal, vmstate_info_int64_equal;
extern const VMStateInfo vmstate_info_uint8_equal, vmstate_info_uint16_equal;
extern const VMStateInfo vmstate_info_uint32_equal, vmstate_info_uint64_equal;
extern const VMStateInfo vmstate_info_int32_le; /* 0 <= value <= local */
extern const VMStateInfo vmstate_info_buffer;
extern const VMStateInfo vmstate_info_unused_buffer;
extern const VMStateInfo vmstate_info_bitmap; /* unsigned long *, num bits */
extern const VMStateInfo vmstate_info_tmp;
extern const VMStateInfo vmstate_info_cpudouble; /* double as two be32 */
extern const VMStateInfo vmstate_info_nullptr;
/*
 * Lists and trees (vmstate-aggregates.c).  A load replaces what was in them;
 * elements, keys and values are g_malloc()ed.
 */
extern const VMStateInfo vmstate_info_gqueue; /* wire form of QTAILQ/QLIST */
extern const VMStateInfo vmstate_info_gtree;

/* Compile-time check that member @f of @s has type @t. */
#define VMSTATE_OFFSET_(s, f, t)                                               \
    (offsetof(s, f) + sizeof(char[__builtin_types_compatible_p(                \
                                      __typeof__(((s *)0)->f), t)              \
                                      ? 1                                      \
                                      : -1]) -                                 \
     1)
#define VMSTATE_OFFSET_ARRAY_(s, f, t, n) VMSTATE_OFFSET_(s, f, t[n])

#define VMSTATE_SINGLE_(f, s, v, test, inf, t)                                 \
    {                                                                          \
        .name = #f, .version_id = (v), .field_exists = (test),                 \
        .size = sizeof(t), .info = &(inf), .flags = VMS_SINGLE,                \
        .offset = VMSTATE_OFFSET_(s, f, t),                                    \
    }
#define VMSTATE_ARRAY_(f, s, n, v, test, inf, t)                               \
    {                                                                          \
        .name = #f, .version_id = (v), .field_exists = (test), .num = (n),     \
        .size = sizeof(t), .info = &(inf), .flags = VMS_ARRAY,                 \
        .offset = VMSTATE_OFFSET_ARRAY_(s, f, t, n),                           \
    }

#define VMSTATE_BOOL(f, s) VMSTATE_SINGLE_(f, s, 0, NULL, vmstate_info_bool, bool)
#define VMSTATE_INT8(f, s) VMSTATE_SINGLE_(f, s, 0, NULL, vmstate_info_int8, int8_t)
#define VMSTATE_INT16(f, s) VMSTATE_SINGLE_(f, s, 0, NULL, vmstate_info_int16, int16_t)
#define VMSTATE_INT32(f, s) VMSTATE_SINGLE_(f, s, 0, NULL, vmstate_info_int32, int32_t)
#define VMSTATE_INT64(f, s) VMSTATE_SINGLE_(f, s, 0, NULL, vmstate_info_int64, int64_t)
#define VMSTATE_UINT8(f, s) VMSTATE_SINGLE_(f, s, 0, NULL, vmstate_info_uint8, uint8_t)
#define VMSTATE_UINT16(f, s) VMSTATE_SINGLE_(f, s, 0, NULL, vmstate_info_uint16, uint16_t)
#define VMSTATE_UINT32(f, s) VMSTATE_SINGLE_(f, s, 0, NULL, vmstate_info_uint32, uint32_t)
#define VMSTATE_UINT64(f, s) VMSTATE_SINGLE_(f, s, 0, NULL, vmstate_info_uint64, uint64_t)
#define VMSTATE_BOOL_V(f, s, v) VMSTATE_SINGLE_(f, s, v, NULL, vmstate_info_bool, bool)
#define VMSTATE_UINT8_V(f, s, v) VMSTATE_SINGLE_(f, s, v, NULL, vmstate_info_uint8, uint8_t)
#define VMSTATE_UINT16_V(f, s, v) VMSTATE_SINGLE_(f, s, v, NULL, vmstate_info_uint16, uint16_t)
#define VMSTATE_INT32_V(f, s, v) VMSTATE_SINGLE_(f, s, v, NULL, vmstate_info_int32, int32_t)
#define VMSTATE_UINT32_V(f, s, v) VMSTATE_SINGLE_(f, s, v, NULL, vmstate_info_uint32, uint32_t)
#define VMSTATE_INT64_V(f, s, v) VMSTATE_SINGLE_(f, s, v, NULL, vmstate_info_int64, int64_t)
#define VMSTATE_UINT64_V(f, s, v) VMSTATE_SINGLE_(f, s, v, NULL, vmstate_info_uint64, uint64_t)
#define VMSTATE_UINT8_TEST(f, s, test) VMSTATE_SINGLE_(f, s, 0, test, vmstate_info_uint8, uint8_t)
#define VMSTATE_UINT32_TEST(f, s, test) VMSTATE_SINGLE_(f, s, 0, test, vmstate_info_uint32, uint32_t)
#define VMSTATE_UINT64_TEST(f, s, test) VMSTATE_SINGLE_(f, s, 0, test, vmstate_info_uint64, uint64_t)
#define VMSTATE_UINT32_EQUAL(f, s) VMSTATE_SINGLE_(f, s, 0, NULL, vmstate_info_uint32_equal, uint32_t)
#define VMSTATE_UINT64_EQUAL(f, s) VMSTATE_SINGLE_(f, s, 0, NULL, vmstate_info_uint64_equal, uint64_t)
#define VMSTATE_INT32_EQUAL(f, s) VMSTATE_SINGLE_(f, s, 0, NULL, vmstate_info_int32_equal, int32_t)
#define VMSTATE_INT32_LE(f, s) VMSTATE_SINGLE_(f, s, 0, NULL, vmstate_info_int32_le, int32_t)

#define VMSTATE_BOOL_ARRAY(f, s, n) VMSTATE_ARRAY_(f, s, n, 0, NULL, vmstate_info_bool, bool)
#define VMSTATE_UINT8_ARRAY(f, s, n) VMSTATE_ARRAY_(f, s, n, 0, NULL, vmstate_info_uint8, uint8_t)
#define VMSTATE_UINT16_ARRAY(f, s, n) VMSTATE_ARRAY_(f, s, n, 0, NULL, vmstate_info_uint16, uint16_t)
#define VMSTATE_INT32_ARRAY(f, s, n) VMSTATE_ARRAY_(f, s, n, 0, NULL, vmstate_info_int32, int32_t)
#define VMSTATE_UINT32_ARRAY(f, s, n) VMSTATE_ARRAY_(f, s, n, 0, NULL, vmstate_info_uint32, uint32_t)
#define VMSTATE_INT64_ARRAY(f, s, n) VMSTATE_ARRAY_(f, s, n, 0, NULL, vmstate_info_int64, int64_t)
#define VMSTATE_UINT64_ARRAY(f, s, n) VMSTATE_ARRAY_(f, s, n, 0, NULL, vmstate_info_uint64, uint64_t)
#define VMSTATE_UINT64_ARRAY_V(f, s, n, v) VMSTATE_ARRAY_(f, s, n, v, NULL, vmstate_info_uint64, uint64_t)

/* @f is a byte array member: its whole size travels. */
#define VMSTATE_BUFFER(f, s)                                                   \
    {                                                                          \
        .name = #f, .size = sizeof(((s *)0)->f),                               \
        .info = &vmstate_info_buffer, .flags = VMS_SINGLE,                     \
        .offset = offsetof(s, f),                                              \
    }
/* @n bytes that mean nothing (any more). */
#define VMSTATE_UNUSED(n) VMSTATE_UNUSED_V(0, n)
#define VMSTATE_UNUSED_V(v, n)                                                 \
    {                                                                          \
        .name = "unused", .version_id = (v), .size = (n),                      \
        .info = &vmstate_info_unused_buffer, .flags = VMS_SINGLE,              \
    }
/* A pointer to a buffer whose size is in field @sz (int32_t or uint32_t). */
#define VMSTATE_VBUFFER_UINT32(f, s, sz)                                       \
    {                                                                          \
        .name = #f, .size_offset = VMSTATE_OFFSET_(s, sz, uint32_t),           \
        .info = &vmstate_info_buffer, .flags = VMS_VBUFFER | VMS_POINTER,      \
        .offset = offsetof(s, f),                                              \
    }
#define VMSTATE_VBUFFER_ALLOC_UINT32(f, s, sz)                                 \
    {                                                                          \
        .name = #f, .size_offset = VMSTATE_OFFSET_(s, sz, uint32_t),           \
        .info = &vmstate_info_buffer,                                          \
        .flags = VMS_VBUFFER | VMS_POINTER | VMS_ALLOC,                        \
        .offset = offsetof(s, f),                                              \
    }
#define VMSTATE_STRUCT_TEST(f, s, test, v, d, t)                               \
    {                                                                          \
        .name = #f, .version_id = (v), .field_exists = (test), .vmsd = &(d),   \
        .size = sizeof(t), .flags = VMS_STRUCT,                                \
        .offset = VMSTATE_OFFSET_(s, f, t),                                    \
    }
#define VMSTATE_STRUCT(f, s, v, d, t) VMSTATE_STRUCT_TEST(f, s, NULL, v, d, t)
#define VMSTATE_VSTRUCT(f, s, d, t, v)                                         \
    {                                                                          \
        .name = #f, .struct_version_id = (v), .vmsd = &(d),                    \
        .size = sizeof(t), .flags = VMS_VSTRUCT | VMS_STRUCT,                  \
        .offset = VMSTATE_OFFSET_(s, f, t),                                    \
    }
#define VMSTATE_STRUCT_POINTER(f, s, d, t)                                     \
    {                                                                          \
        .name = #f, .vmsd = &(d), .size = sizeof(t),                           \
        .flags = VMS_STRUCT | VMS_POINTER,                                     \
        .offset = VMSTATE_OFFSET_(s, f, t *),                                  \
    }
#define VMSTATE_STRUCT_ARRAY(f, s, n, v, d, t)                                 \
    {                                                                          \
        .name = #f, .version_id = (v), .num = (n), .vmsd = &(d),               \
        .size = sizeof(t), .flags = VMS_STRUCT | VMS_ARRAY,                    \
        .offset = VMSTATE_OFFSET_ARRAY_(s, f, t, n),                           \
    }
/* Pointer @f to as many elements as field @n says; allocated on load. */
#define VMSTATE_VARRAY_UINT32_ALLOC(f, s, n, inf, t)                           \
    {                                                                          \
        .name = #f, .num_offset = VMSTATE_OFFSET_(s, n, uint32_t),             \
        .info = &(inf), .size = sizeof(t),                                     \
        .flags = VMS_VARRAY_UINT32 | VMS_POINTER | VMS_ALLOC,                  \
        .offset = VMSTATE_OFFSET_(s, f, t *),                                  \
    }
#define VMSTATE_STRUCT_VARRAY_ALLOC(f, s, n, d, t)                             \
    {                                                                          \
        .name = #f, .num_offset = VMSTATE_OFFSET_(s, n, int32_t),              \
        .vmsd = &(d), .size = sizeof(t),                                       \
        .flags = VMS_STRUCT | VMS_VARRAY_INT32 | VMS_POINTER | VMS_ALLOC,      \
        .offset = VMSTATE_OFFSET_(s, f, t *),                                  \
    }
/*
 * Fields of description @d, whose structure @t is made for the occasion:
 * allocated zeroed, its first member is a `@s *parent`.
 */
#define VMSTATE_WITH_TMP(s, t, d)                                              \
    {                                                                          \
        .name = "tmp", .size = sizeof(t), .vmsd = &(d),                        \
        .info = &vmstate_info_tmp, .flags = VMS_SINGLE,                        \
    }
/* Only the first @n bytes of the byte array @f, from byte @st on. */
#define VMSTATE_PARTIAL_BUFFER(f, s, st, n)                                    \
    {                                                                          \
        .name = #f, .size = (n), .info = &vmstate_info_buffer,                 \
        .flags = VMS_SINGLE, .offset = offsetof(s, f) + (st),                  \
    }
#define VMSTATE_CPUDOUBLE(f, s)                                                \
    VMSTATE_SINGLE_(f, s, 0, NULL, vmstate_info_cpudouble, double)
/*
 * The first @n elements of the array member @f, @n being a uint32_t member:
 * never more than the array has.
 */
#define VMSTATE_VARRAY_UINT32(f, s, n, inf, t)                                 \
    {                                                                          \
        .name = #f, .num_offset = VMSTATE_OFFSET_(s, n, uint32_t),             \
        .info = &(inf), .size = sizeof(t), .flags = VMS_VARRAY_UINT32,         \
        .limit = G_N_ELEMENTS(((s *)0)->f), .offset = offsetof(s, f),          \
    }
#define VMSTATE_STRUCT_VARRAY_UINT8(f, s, n, d, t)                             \
    {                                                                          \
        .name = #f, .num_offset = VMSTATE_OFFSET_(s, n, uint8_t),              \
        .vmsd = &(d), .size = sizeof(t),                                       \
        .flags = VMS_STRUCT | VMS_VARRAY_UINT8,                                \
        .limit = G_N_ELEMENTS(((s *)0)->f), .offset = offsetof(s, f),          \
    }
/* @f is an array of @n pointers to @t; both sides have the same null ones. */
#define VMSTATE_ARRAY_OF_POINTER_TO_STRUCT(f, s, n, d, t)                      \
    {                                                                          \
        .name = #f, .num = (n), .vmsd = &(d), .size = sizeof(t),               \
        .flags = VMS_STRUCT | VMS_ARRAY | VMS_ARRAY_OF_POINTER,                \
        .offset = VMSTATE_OFFSET_ARRAY_(s, f, t *, n),                         \
    }
/* The same, but the load makes and frees elements as the stream says. */
#define VMSTATE_ARRAY_OF_POINTER_TO_STRUCT_ALLOC(f, s, n, d, t)                \
    {                                                                          \
        .name = #f, .num = (n), .vmsd = &(d), .size = sizeof(t),               \
        .flags = VMS_STRUCT | VMS_ARRAY | VMS_ARRAY_OF_POINTER |               \
                 VMS_ARRAY_OF_POINTER_AUTO_ALLOC,                              \
        .offset = VMSTATE_OFFSET_ARRAY_(s, f, t *, n),                         \
    }
/* @f is an embedded array of unsigned long with @n bits in use. */
#define VMSTATE_BITMAP(f, s, n)                                                \
    {                                                                          \
        .name = #f, .size = (n), .info = &vmstate_info_bitmap,                 \
        .flags = VMS_SINGLE, .offset = offsetof(s, f),                         \
    }
/* @f points to a bitmap of as many bits as the uint32_t member @n says. */
#define VMSTATE_BITMAP_UINT32(f, s, n)                                         \
    {                                                                          \
        .name = #f, .size_offset = VMSTATE_OFFSET_(s, n, uint32_t),            \
        .info = &vmstate_info_bitmap, .flags = VMS_VBUFFER | VMS_POINTER,      \
        .offset = VMSTATE_OFFSET_(s, f, unsigned long *),                      \
    }
/* @f is a GQueue member whose elements are @t. */
#define VMSTATE_GQUEUE(f, s, v, d, t)                                          \
    {                                                                          \
        .name = #f, .version_id = (v), .vmsd = &(d), .size = sizeof(t),        \
        .info = &vmstate_info_gqueue, .flags = VMS_SINGLE,                     \
        .offset = VMSTATE_OFFSET_(s, f, GQueue),                               \
    }
/*
 * @f is a GTree pointer, made by the owner with functions that free keys and
 * values.  @d is an array of two descriptions: of the value @tv and of the key
 * @tk.
 */
#define VMSTATE_GTREE(f, s, v, d, tk, tv)                                      \
    {                                                                          \
        .name = #f, .version_id = (v), .vmsd = (d), .size = sizeof(tv),        \
        .start = sizeof(tk), .info = &vmstate_info_gtree,                      \
        .flags = VMS_SINGLE, .offset = VMSTATE_OFFSET_(s, f, GTree *),         \
    }
/* The same with plain numbers (GUINT_TO_POINTER) as keys; @d: of the value. */
#define VMSTATE_GTREE_DIRECT_KEY(f, s, v, d, tv)                               \
    {                                                                          \
        .name = #f, .version_id = (v), .vmsd = &(d), .size = sizeof(tv),       \
        .info = &vmstate_info_gtree, .flags = VMS_SINGLE,                      \
        .offset = VMSTATE_OFFSET_(s, f, GTree *),                              \
    }
#define VMSTATE_END_OF_LIST() { 0 }

/* Write or read one object at @opaque.  @file errors come back in @errp. */
bool vmstate_save(QEMUFile *f, const VMStateDescription *vmsd, void *opaque,
                  Error **errp);
/* @version: what the stream announced; checked against the description. */
bool vmstate_load(QEMUFile *f, const VMStateDescription *vmsd, void *opaque,
                  int version, Error **errp);
/*
 * Free what a load allocated in @opaque: VMS_ALLOC and auto-allocated memory
 * and the elements of queues, recursively; the pointers become NULL.  Trees
 * belong to their owner.
 */
void vmstate_release(const VMStateDescription *vmsd, void *opaque);
/*
 * Is the table consistent (names of subsections, kinds that go together)?
 * vmstate_register() asks this.
 */
bool vmstate_check(const VMStateDescription *vmsd, Error **errp);

#endif
