/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Elementary kinds of described state. */
#include "qemu/osdep.h"

#include "migration/qemu-file.h"
#include "migration/vmstate-internal.h"
#include "qemu/bitmap.h"

/* Integers: plain, and one that has to equal what is here. */
#define VMSTATE_DEFINE_INT(name_, type_, bits_, fmt_)                          \
    static bool get_##name_(QEMUFile *f, void *pv, size_t size,                \
                            const VMStateField *field, Error **errp)           \
    {                                                                          \
        *(type_ *)pv = qemu_get_##bits_(f);                                    \
        return true;                                                           \
    }                                                                          \
    static bool put_##name_(QEMUFile *f, const void *pv, size_t size,          \
                            const VMStateField *field, Error **errp)           \
    {                                                                          \
        qemu_put_##bits_(f, *(const type_ *)pv);                               \
        return true;                                                           \
    }                                                                          \
    const VMStateInfo vmstate_info_##name_ = {                                 \
        .name = #name_,                                                        \
        .get = get_##name_,                                                    \
        .put = put_##name_,                                                    \
    }

#define VMSTATE_DEFINE_EQUAL(name_, type_, bits_, fmt_)                        \
    static bool get_##name_##_equal(QEMUFile *f, void *pv, size_t size,        \
                                    const VMStateField *field, Error **errp)   \
    {                                                                          \
        type_ here = *(type_ *)pv;                                             \
        type_ v = qemu_get_##bits_(f);                                         \
                                                                               \
        if (qemu_file_get_error(f, errp)) {                                    \
            return false;                                                      \
        }                                                                      \
        if (v != here) {                                                       \
            error_setg(errp, "the stream has %" fmt_ ", this machine %" fmt_,  \
                       v, here);                                               \
            return false;                                                      \
        }                                                                      \
        return true;                                                           \
    }                                                                          \
    const VMStateInfo vmstate_info_##name_##_equal = {                         \
        .name = #name_ " equal",                                               \
        .get = get_##name_##_equal,                                            \
        .put = put_##name_,                                                    \
    }

VMSTATE_DEFINE_INT(int8, int8_t, byte, PRId8);
VMSTATE_DEFINE_INT(int16, int16_t, be16, PRId16);
VMSTATE_DEFINE_INT(int32, int32_t, be32, PRId32);
VMSTATE_DEFINE_INT(int64, int64_t, be64, PRId64);
VMSTATE_DEFINE_INT(uint8, uint8_t, byte, PRIu8);
VMSTATE_DEFINE_INT(uint16, uint16_t, be16, PRIu16);
VMSTATE_DEFINE_INT(uint32, uint32_t, be32, PRIu32);
VMSTATE_DEFINE_INT(uint64, uint64_t, be64, PRIu64);

VMSTATE_DEFINE_EQUAL(int32, int32_t, be32, PRId32);
VMSTATE_DEFINE_EQUAL(int64, int64_t, be64, PRId64);
VMSTATE_DEFINE_EQUAL(uint8, uint8_t, byte, PRIu8);
VMSTATE_DEFINE_EQUAL(uint16, uint16_t, be16, PRIu16);
VMSTATE_DEFINE_EQUAL(uint32, uint32_t, be32, PRIu32);
VMSTATE_DEFINE_EQUAL(uint64, uint64_t, be64, PRIu64);

/* An index or count that must not exceed the one here. */
static bool get_int32_le(QEMUFile *f, void *pv, size_t size,
                         const VMStateField *field, Error **errp)
{
    int32_t *here = pv;
    int32_t v = qemu_get_be32(f);

    if (qemu_file_get_error(f, errp)) {
        return false;
    }
    if (v < 0 || v > *here) {
        error_setg(errp, "the stream has %" PRId32 ", not 0 to %" PRId32, v,
                   *here);
        return false;
    }
    *here = v;
    return true;
}

const VMStateInfo vmstate_info_int32_le = {
    .name = "int32 le",
    .get = get_int32_le,
    .put = put_int32,
};

static bool get_bool(QEMUFile *f, void *pv, size_t size,
                     const VMStateField *field, Error **errp)
{
    uint8_t v = qemu_get_byte(f);

    if (v > 1) {
        error_setg(errp, "a boolean is %" PRIu8 ", not 0 or 1", v);
        return false;
    }
    *(bool *)pv = v;
    return true;
}

static bool put_bool(QEMUFile *f, const void *pv, size_t size,
                     const VMStateField *field, Error **errp)
{
    qemu_put_byte(f, *(const bool *)pv);
    return true;
}

const VMStateInfo vmstate_info_bool = {
    .name = "bool",
    .get = get_bool,
    .put = put_bool,
};

/* Raw bytes. */
static bool get_buffer(QEMUFile *f, void *pv, size_t size,
                       const VMStateField *field, Error **errp)
{
    if (size) {
        qemu_get_buffer(f, pv, size);
    }
    return true;
}

static bool put_buffer(QEMUFile *f, const void *pv, size_t size,
                       const VMStateField *field, Error **errp)
{
    qemu_put_buffer(f, pv, size);
    return true;
}

const VMStateInfo vmstate_info_buffer = {
    .name = "buffer",
    .get = get_buffer,
    .put = put_buffer,
};

/* Bytes without a meaning: zeros out, anything in. */
static bool get_unused_buffer(QEMUFile *f, void *pv, size_t size,
                              const VMStateField *field, Error **errp)
{
    uint8_t sink[256];

    while (size && !qemu_file_has_error(f)) {
        size_t n = MIN(size, sizeof(sink));

        qemu_get_buffer(f, sink, n);
        size -= n;
    }
    return true;
}

static bool put_unused_buffer(QEMUFile *f, const void *pv, size_t size,
                              const VMStateField *field, Error **errp)
{
    static const uint8_t zeros[256];

    while (size) {
        size_t n = MIN(size, sizeof(zeros));

        qemu_put_buffer(f, zeros, n);
        size -= n;
    }
    return true;
}

const VMStateInfo vmstate_info_unused_buffer = {
    .name = "unused_buffer",
    .get = get_unused_buffer,
    .put = put_unused_buffer,
};

/* @size is in bits; whole words travel, bits past the end as zeros. */
static bool get_bitmap(QEMUFile *f, void *pv, size_t size,
                       const VMStateField *field, Error **errp)
{
    unsigned long *map = pv;
    uint64_t words = BITS_TO_LONGS(size);
    uint64_t i;

    for (i = 0; i < words && !qemu_file_has_error(f); i++) {
        map[i] = qemu_get_be64(f);
    }
    if (size % BITS_PER_LONG) {
        map[words - 1] &= (1UL << (size % BITS_PER_LONG)) - 1;
    }
    return true;
}

static bool put_bitmap(QEMUFile *f, const void *pv, size_t size,
                       const VMStateField *field, Error **errp)
{
    const unsigned long *map = pv;
    uint64_t words = BITS_TO_LONGS(size);
    uint64_t i;

    for (i = 0; i < words; i++) {
        unsigned long word = map[i];

        if (i == words - 1 && size % BITS_PER_LONG) {
            word &= (1UL << (size % BITS_PER_LONG)) - 1;
        }
        qemu_put_be64(f, word);
    }
    return true;
}

const VMStateInfo vmstate_info_bitmap = {
    .name = "bitmap",
    .get = get_bitmap,
    .put = put_bitmap,
};

/* A double: the high half of its bits first, which is plain big-endian. */
static bool get_cpudouble(QEMUFile *f, void *pv, size_t size,
                          const VMStateField *field, Error **errp)
{
    uint64_t bits = qemu_get_be64(f);

    QEMU_BUILD_BUG_ON(sizeof(double) != sizeof(bits));
    memcpy(pv, &bits, sizeof(bits));
    return true;
}

static bool put_cpudouble(QEMUFile *f, const void *pv, size_t size,
                          const VMStateField *field, Error **errp)
{
    uint64_t bits;

    memcpy(&bits, pv, sizeof(bits));
    qemu_put_be64(f, bits);
    return true;
}

const VMStateInfo vmstate_info_cpudouble = {
    .name = "CPU_Double_U",
    .get = get_cpudouble,
    .put = put_cpudouble,
};

/* A pointer that is null on both sides. */
static bool get_nullptr(QEMUFile *f, void *pv, size_t size,
                        const VMStateField *field, Error **errp)
{
    uint8_t v = qemu_get_byte(f);

    if (qemu_file_get_error(f, errp)) {
        return false;
    }
    if (v != VMSTATE_NULL_MARKER) {
        error_setg(errp, "marker of a null pointer is 0x%02x, not 0x30", v);
        return false;
    }
    return true;
}

static bool put_nullptr(QEMUFile *f, const void *pv, size_t size,
                        const VMStateField *field, Error **errp)
{
    qemu_put_byte(f, VMSTATE_NULL_MARKER);
    return true;
}

const VMStateInfo vmstate_info_nullptr = {
    .name = "nullptr",
    .get = get_nullptr,
    .put = put_nullptr,
};
