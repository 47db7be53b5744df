/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Described state: for every kind of field the bytes on the wire, their
 * description, the way back, what happens when the stream ends anywhere, and
 * which values are refused.
 */
#include "qemu/osdep.h"

#include "vmdesc-check.h"
#include "vmstate-object.h"

/* ---- descriptions ---- */

static const VMStateDescription vmstate_tree[] = {
    {
        .name = "tree-value",
        .fields = (const VMStateField[]){
            VMSTATE_UINT16(b, Inner),
            VMSTATE_END_OF_LIST()
        },
    },
    {
        .name = "tree-key",
        .fields = (const VMStateField[]){
            VMSTATE_UINT8(a, Inner),
            VMSTATE_END_OF_LIST()
        },
    },
};

typedef struct Sum {
    Dev *parent;
    uint32_t sum;
} Sum;

static bool sum_pre_save(void *opaque, Error **errp)
{
    Sum *s = opaque;

    s->sum = s->parent->u8 + s->parent->u16;
    return true;
}

static bool sum_post_load(void *opaque, int version_id, Error **errp)
{
    Sum *s = opaque;

    /* Anything that gives the same sum again. */
    s->parent->u8 = 1;
    s->parent->u16 = s->sum - 1;
    return true;
}

static const VMStateDescription vmstate_sum = {
    .name = "sum",
    .pre_save = sum_pre_save,
    .post_load = sum_post_load,
    .fields = (const VMStateField[]){
        VMSTATE_UINT32(sum, Sum),
        VMSTATE_END_OF_LIST()
    },
};

/* ---- the harness ---- */

typedef struct Kind {
    const char *name;
    VMStateField fields[4];
    const char *wire; /* hex */
    const char *desc; /* "fields" of the description, or NULL */
} Kind;

static void check_kind(const Kind *k)
{
    g_autofree char *path = g_strdup_printf("kind-%s", k->name);
    const VMStateDescription vmsd = { .name = path, .fields = k->fields };
    g_autoptr(GByteArray) want = from_hex(k->wire);
    g_autoptr(GByteArray) got = NULL;
    g_autoptr(GByteArray) again = NULL;
    g_autofree char *msg = NULL;
    json_object *desc = json_object_new_object();
    Error *err = NULL;
    Dev *src = dev_new_filled();
    Dev *dst = dev_new();
    size_t cut;

    if (!vmstate_check(&vmsd, &err)) {
        g_error("%s", error_get_pretty(err));
    }
    got = dev_save(&vmsd, src, desc);
    g_assert_cmpmem(got->data, got->len, want->data, want->len);
    g_assert_cmpuint(vmdesc_payload(desc), ==, got->len);
    if (k->desc) {
        json_object *fields = json_object_object_get(desc, "fields");
        json_object *expected = json_tokener_parse(k->desc);

        g_assert_nonnull(expected);
        g_assert_cmpstr(json_object_to_json_string(fields), ==,
                        json_object_to_json_string(expected));
        json_object_put(expected);
    }
    /* Twice: the second load replaces what the first made. */
    for (int round = 0; round < 2; round++) {
        msg = dev_load(&vmsd, dst, 0, got->data, got->len);
        g_assert_cmpstr(msg, ==, NULL);
    }
    again = dev_save(&vmsd, dst, NULL);
    g_assert_cmpmem(got->data, got->len, again->data, again->len);
    for (cut = 0; cut < got->len; cut++) {
        Dev *d = dev_new();
        g_autofree char *why = dev_load(&vmsd, d, 0, got->data, cut);

        g_assert_nonnull(why);
        if (!g_str_has_suffix(why, "end of stream") ||
            !g_str_has_prefix(why, "field '")) {
            g_error("cut at %zu: %s", cut, why);
        }
        vmstate_release(&vmsd, d);
        dev_free(d);
    }
    vmstate_release(&vmsd, src);
    vmstate_release(&vmsd, dst);
    dev_free(src);
    dev_free(dst);
    json_object_put(desc);
}

#define END VMSTATE_END_OF_LIST()
#define SINGLE(f, i, t) VMSTATE_SINGLE_(f, Dev, 0, NULL, i, t)

static const Kind kinds[] = {
    { "bool", { VMSTATE_BOOL(flag, Dev), END }, "01",
      "[{\"name\":\"flag\",\"type\":\"bool\",\"size\":1}]" },
    { "int8", { VMSTATE_INT8(i8, Dev), END }, "fe" },
    { "int16", { VMSTATE_INT16(i16, Dev), END }, "fffd" },
    { "int32", { VMSTATE_INT32(i32, Dev), END }, "00000005" },
    { "int64", { VMSTATE_INT64(i64, Dev), END }, "fffffffffffffffb",
      "[{\"name\":\"i64\",\"type\":\"int64\",\"size\":8}]" },
    { "uint8", { VMSTATE_UINT8(u8, Dev), END }, "f1" },
    { "uint16", { VMSTATE_UINT16(u16, Dev), END }, "f1f2" },
    { "uint32", { VMSTATE_UINT32(u32, Dev), END }, "12345678" },
    { "uint64", { VMSTATE_UINT64(u64, Dev), END }, "000000000000004d" },
    { "uint32-equal", { VMSTATE_UINT32_EQUAL(u32, Dev), END }, "12345678",
      "[{\"name\":\"u32\",\"type\":\"uint32 equal\",\"size\":4}]" },
    { "uint64-equal", { VMSTATE_UINT64_EQUAL(u64, Dev), END },
      "000000000000004d" },
    { "int32-le", { VMSTATE_INT32_LE(i32, Dev), END }, "00000005" },
    { "cpudouble", { VMSTATE_CPUDOUBLE(number, Dev), END },
      "3ff8000000000000" },
    { "buffer", { VMSTATE_BUFFER(buf, Dev), END }, "68656c6c6f",
      "[{\"name\":\"buf\",\"type\":\"buffer\",\"size\":5}]" },
    { "partial-buffer", { VMSTATE_PARTIAL_BUFFER(buf, Dev, 1, 3), END },
      "656c6c" },
    { "unused", { VMSTATE_UNUSED(3), VMSTATE_UINT8(u8, Dev),
                  VMSTATE_UNUSED(300), END },
      "000000 f1"
      "00000000000000000000000000000000000000000000000000"
      "00000000000000000000000000000000000000000000000000"
      "00000000000000000000000000000000000000000000000000"
      "00000000000000000000000000000000000000000000000000"
      "00000000000000000000000000000000000000000000000000"
      "00000000000000000000000000000000000000000000000000"
      "00000000000000000000000000000000000000000000000000"
      "00000000000000000000000000000000000000000000000000"
      "00000000000000000000000000000000000000000000000000"
      "00000000000000000000000000000000000000000000000000"
      "00000000000000000000000000000000000000000000000000"
      "00000000000000000000000000000000000000000000000000",
      "[{\"name\":\"unused[0]\",\"type\":\"unused_buffer\",\"size\":3},"
      "{\"name\":\"u8\",\"type\":\"uint8\",\"size\":1},"
      "{\"name\":\"unused[1]\",\"type\":\"unused_buffer\",\"size\":300}]" },
    { "vbuffer", { VMSTATE_UINT32(size, Dev),
                   VMSTATE_VBUFFER_ALLOC_UINT32(vbuf, Dev, size), END },
      "00000003 616263",
      "[{\"name\":\"size\",\"type\":\"uint32\",\"size\":4},"
      "{\"name\":\"vbuf\",\"type\":\"buffer\",\"size\":3}]" },
    { "bitmap", { VMSTATE_BITMAP(map, Dev, 70), END },
      "8000000000000001 000000000000003f",
      "[{\"name\":\"map\",\"type\":\"bitmap\",\"size\":16}]" },
    { "bitmap-pointer", { VMSTATE_UINT32(bits, Dev),
                          VMSTATE_BITMAP_UINT32(pmap, Dev, bits), END },
      "00000046 0000000000000001 0000000000000020" },
    { "array", { VMSTATE_UINT16_ARRAY(words, Dev, 3), END }, "0001 0002 ffff",
      "[{\"name\":\"words\",\"array_len\":3,\"type\":\"uint16\","
      "\"size\":2}]" },
    { "varray-alloc",
      { VMSTATE_UINT32(count, Dev),
        VMSTATE_VARRAY_UINT32_ALLOC(varray, Dev, count, vmstate_info_uint16,
                                    uint16_t), END },
      "00000002 0000 1234" },
    { "varray",
      { VMSTATE_UINT32(count, Dev),
        VMSTATE_VARRAY_UINT32(some, Dev, count, vmstate_info_uint32,
                              uint32_t), END },
      "00000002 0000000a 0000000b",
      "[{\"name\":\"count\",\"type\":\"uint32\",\"size\":4},"
      "{\"name\":\"some\",\"array_len\":2,\"type\":\"uint32\",\"size\":4}]" },
    { "varray-multiply",
      { VMSTATE_UINT32(count, Dev),
        { .name = "some", .num_offset = offsetof(Dev, count), .num = 2,
          .info = &vmstate_info_uint32, .size = 4, .limit = 6,
          .flags = VMS_VARRAY_UINT32 | VMS_MULTIPLY_ELEMENTS,
          .offset = offsetof(Dev, some) }, END },
      "00000002 0000000a 0000000b 00000000 00000000" },
    { "struct", { VMSTATE_STRUCT(one, Dev, 0, vmstate_pair, Inner), END },
      "07 0008",
      "[{\"name\":\"one\",\"type\":\"struct\",\"struct\":{\"vmsd_name\":"
      "\"pair\",\"version\":2,\"fields\":[{\"name\":\"a\",\"type\":\"uint8\","
      "\"size\":1},{\"name\":\"b\",\"type\":\"uint16\",\"size\":2}]},"
      "\"size\":3}]" },
    { "vstruct", { VMSTATE_VSTRUCT(one, Dev, vmstate_pair, Inner, 1), END },
      "07", "[{\"name\":\"one\",\"type\":\"vstruct\",\"size\":1}]" },
    { "struct-pointer",
      { VMSTATE_STRUCT_POINTER(pointer, Dev, vmstate_pair, Inner), END },
      "09 0000" },
    { "struct-array",
      { VMSTATE_STRUCT_ARRAY(fixed, Dev, 3, 0, vmstate_pair, Inner), END },
      "05 0000 00 0006 00 0000" },
    { "struct-varray",
      { VMSTATE_UINT8(few, Dev),
        VMSTATE_STRUCT_VARRAY_UINT8(fixed, Dev, few, vmstate_pair, Inner),
        END },
      "02 05 0000 00 0006" },
    { "struct-varray-alloc",
      { VMSTATE_INT32(inner_count, Dev),
        VMSTATE_STRUCT_VARRAY_ALLOC(inners, Dev, inner_count, vmstate_owner,
                                    Inner), END },
      "00000002 01 00000001 78 03 00000002 797a" },
    { "pointers",
      { VMSTATE_ARRAY_OF_POINTER_TO_STRUCT(pointers, Dev, 3, vmstate_pair,
                                           Inner), END },
      "00 000a 30 0b 0000" },
    { "pointers-alloc",
      { VMSTATE_ARRAY_OF_POINTER_TO_STRUCT_ALLOC(made, Dev, 3, vmstate_owner,
                                                 Inner), END },
      "30 31 0c 00000001 71 30" },
    { "tmp", { VMSTATE_WITH_TMP(Dev, Sum, vmstate_sum), END }, "0000f2e3" },
    { "queue", { VMSTATE_GQUEUE(queue, Dev, 0, vmstate_pair, Inner), END },
      "01 0d 000e 01 0f 0010 00",
      "[{\"name\":\"queue\",\"type\":\"qtailq\",\"size\":9}]" },
    { "tree", { VMSTATE_GTREE(tree, Dev, 0, vmstate_tree, Inner, Inner), END },
      "00000002 01 01 0004 01 02 0003 00" },
    { "tree-direct",
      { VMSTATE_GTREE_DIRECT_KEY(direct, Dev, 0, vmstate_tree[0], Inner),
        END },
      "00000001 01 00000000000001f4 0005 00" },
};

static void test_kind(const void *data)
{
    check_kind(data);
}

/* ---- single facts ---- */

typedef struct Bad {
    const char *name;
    VMStateField fields[3];
    const char *wire;
    const char *error; /* pattern */
} Bad;

static const Bad bads[] = {
    { "bool", { VMSTATE_BOOL(flag, Dev), END }, "02",
      "field 'flag': a boolean is 2, not 0 or 1" },
    { "equal", { VMSTATE_UINT32_EQUAL(u32, Dev), END }, "12345679",
      "field 'u32': the stream has 305419897, this machine 305419896" },
    { "le", { VMSTATE_INT32_LE(i32, Dev), END }, "0000000a",
      "field 'i32': the stream has 10, not 0 to 9" },
    { "le-negative", { VMSTATE_INT32_LE(i32, Dev), END }, "ffffffff",
      "field 'i32': the stream has -1, not 0 to 9" },
    { "vbuffer-huge",
      { VMSTATE_UINT32(size, Dev),
        VMSTATE_VBUFFER_ALLOC_UINT32(vbuf, Dev, size), END },
      "ffffffff 00",
      "field 'vbuf': a size of 4294967295 is out of range "
      "(limit 67108864)" },
    /* Memory that exists: not more than there was before. */
    { "bitmap-longer",
      { VMSTATE_UINT32(bits, Dev), VMSTATE_BITMAP_UINT32(pmap, Dev, bits),
        END },
      "00000047 0000000000000000 0000000000000000",
      "field 'pmap': a size of 71 is out of range (limit 70)" },
    { "varray-past-end",
      { VMSTATE_UINT32(count, Dev),
        VMSTATE_VARRAY_UINT32(some, Dev, count, vmstate_info_uint32,
                              uint32_t), END },
      "00000007", "field 'some': a count of 7 is out of range (limit 6)" },
    { "varray-negative",
      { VMSTATE_INT32(inner_count, Dev),
        VMSTATE_STRUCT_VARRAY_ALLOC(inners, Dev, inner_count, vmstate_owner,
                                    Inner), END },
      "fffffffe", "field 'inners': a count of -2 is out of range*" },
    { "varray-huge",
      { VMSTATE_INT32(inner_count, Dev),
        VMSTATE_STRUCT_VARRAY_ALLOC(inners, Dev, inner_count, vmstate_owner,
                                    Inner), END },
      "7fffffff", "field 'inners': a count of 2147483647 is out of range*" },
    { "struct-varray-past-end",
      { VMSTATE_UINT8(few, Dev),
        VMSTATE_STRUCT_VARRAY_UINT8(fixed, Dev, few, vmstate_pair, Inner),
        END },
      "04", "field 'fixed': a count of 4 is out of range (limit 3)" },
    { "pointer-null-here",
      { VMSTATE_ARRAY_OF_POINTER_TO_STRUCT(pointers, Dev, 3, vmstate_pair,
                                           Inner), END },
      "000000 31", "field 'pointers[1]': marker of a pointer is 0x31*" },
    { "pointer-marker",
      { VMSTATE_ARRAY_OF_POINTER_TO_STRUCT_ALLOC(made, Dev, 3, vmstate_owner,
                                                 Inner), END },
      "30 30 32", "field 'made[2]': marker of a pointer is 0x32*" },
    { "nested",
      { VMSTATE_STRUCT_ARRAY(fixed, Dev, 3, 0, vmstate_pair, Inner), END },
      "01 0000 01 00", "field 'fixed[1]': field 'b': end of stream" },
    { "queue-byte", { VMSTATE_GQUEUE(queue, Dev, 0, vmstate_pair, Inner), END },
      "01 0d 000e 02", "field 'queue': byte before the next element is 0x02*" },
    { "queue-cut", { VMSTATE_GQUEUE(queue, Dev, 0, vmstate_pair, Inner), END },
      "01 0d", "field 'queue': element 0: field 'b': end of stream" },
    { "tree-more",
      { VMSTATE_GTREE_DIRECT_KEY(direct, Dev, 0, vmstate_tree[0], Inner),
        END },
      "00000000 01", "field 'direct': more nodes than the 0 announced" },
    { "tree-fewer",
      { VMSTATE_GTREE_DIRECT_KEY(direct, Dev, 0, vmstate_tree[0], Inner),
        END },
      "00000001 00", "field 'direct': fewer nodes than the 1 announced" },
    { "tree-twice",
      { VMSTATE_GTREE(tree, Dev, 0, vmstate_tree, Inner, Inner), END },
      "00000002 01 01 0004 01 01 0003 00",
      "field 'tree': node 1: the same key twice" },
    { "tree-huge",
      { VMSTATE_GTREE(tree, Dev, 0, vmstate_tree, Inner, Inner), END },
      "ffffffff", "field 'tree': 4294967295 nodes, at most *" },
};

static void test_bad(const void *data)
{
    const Bad *b = data;
    const VMStateDescription vmsd = { .name = "bad", .fields = b->fields };
    g_autoptr(GByteArray) wire = from_hex(b->wire);
    Dev *d = dev_new();
    g_autofree char *msg = dev_load(&vmsd, d, 0, wire->data, wire->len);

    g_assert_nonnull(msg);
    if (!g_pattern_match_simple(b->error, msg)) {
        g_error("'%s' is not '%s'", msg, b->error);
    }
    vmstate_release(&vmsd, d);
    dev_free(d);
}

int main(int argc, char **argv)
{
    size_t i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < G_N_ELEMENTS(kinds); i++) {
        g_autofree char *path = g_strdup_printf("/vmstate/kind/%s",
                                                kinds[i].name);

        g_test_add_data_func(path, &kinds[i], test_kind);
    }
    for (i = 0; i < G_N_ELEMENTS(bads); i++) {
        g_autofree char *path = g_strdup_printf("/vmstate/bad/%s",
                                                bads[i].name);

        g_test_add_data_func(path, &bads[i], test_bad);
    }
    return g_test_run();
}
