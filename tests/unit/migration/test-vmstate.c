/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Described state: versions, subsections, hooks and failures. */
#include "qemu/osdep.h"

#include "vmdesc-check.h"
#include "vmstate-object.h"

#define END VMSTATE_END_OF_LIST()

static void test_null_pointer(void)
{
    static const VMStateField fields[] = {
        VMSTATE_STRUCT_POINTER(pointer, Dev, vmstate_pair, Inner), END
    };
    const VMStateDescription vmsd = { .name = "null", .fields = fields };
    Dev *d = dev_new();
    g_autofree char *msg = NULL;
    Error *err = NULL;
    TestChannel *out;
    QEMUFile *f = test_file_output(&out);

    g_clear_pointer(&d->pointer, g_free);
    msg = dev_load(&vmsd, d, 0, "abc", 3);
    g_assert_nonnull(msg);
    g_assert_false(vmstate_save(f, &vmsd, d, &err));
    g_assert_nonnull(err);
    error_free(err);
    qemu_file_free(f);
    dev_free(d);
}

static bool only_odd(void *opaque, int version_id)
{
    return ((Dev *)opaque)->u8 & 1;
}

static const VMStateDescription vmstate_versions = {
    .name = "versions",
    .version_id = 3,
    .minimum_version_id = 2,
    .fields = (const VMStateField[]){
        VMSTATE_UINT8(u8, Dev),
        VMSTATE_UINT32_TEST(u32, Dev, only_odd),
        VMSTATE_UINT16_V(u16, Dev, 3),
        VMSTATE_END_OF_LIST()
    },
};

static void test_versions(void)
{
    static const struct {
        int version;
        const char *wire;
        const char *error;
    } steps[] = {
        { 3, "01 00000009 0102", NULL },
        { 3, "02 0102", NULL },
        { 2, "02", NULL },
        { 2, "03 00000009", NULL },
        { 3, "02", "field 'u16': end of stream" },
        { 4, "02", "version 4 of 'versions' is newer than 3, the newest "
                   "known" },
        { -1, "02", "version 4294967295 of 'versions' is newer than 3, the "
                    "newest known" },
        { 1, "02", "version 1 of 'versions' is older than 2, the oldest "
                   "known" },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(steps); i++) {
        g_autoptr(GByteArray) wire = from_hex(steps[i].wire);
        Dev *d = dev_new();
        g_autofree char *msg = dev_load(&vmstate_versions, d, steps[i].version,
                                        wire->data, wire->len);

        g_assert_cmpstr(msg, ==, steps[i].error);
        if (!msg) {
            g_assert_cmphex(d->u8, ==, wire->data[0]);
            g_assert_cmphex(d->u32, ==, d->u8 & 1 ? 9 : 0x12345678);
            g_assert_cmphex(d->u16, ==, steps[i].version == 3 ? 0x0102 : 0);
        }
        dev_free(d);
    }
}

static bool never(void *opaque, int version_id)
{
    return false;
}

static void test_must_exist(void)
{
    static const VMStateField fields[] = {
        { .name = "u8", .size = 1, .info = &vmstate_info_uint8,
          .flags = VMS_MUST_EXIST, .field_exists = never },
        END
    };
    const VMStateDescription vmsd = { .name = "must", .fields = fields };
    Dev *d = dev_new();
    g_autofree char *msg = dev_load(&vmsd, d, 0, "a", 1);

    g_assert_cmpstr(msg, ==, "field 'u8' is missing in version 0");
    dev_free(d);
}

/* ---- subsections ---- */

static bool u16_needed(void *opaque)
{
    return ((Dev *)opaque)->u16 != 0;
}

static const VMStateDescription vmstate_deep = {
    .name = "dev/sub/deep",
    .version_id = 1,
    .fields = (const VMStateField[]){
        VMSTATE_UINT8(fixed[0].a, Dev),
        VMSTATE_END_OF_LIST()
    },
};

static const VMStateDescription vmstate_sub = {
    .name = "dev/sub",
    .version_id = 2,
    .minimum_version_id = 1,
    .needed = u16_needed,
    .fields = (const VMStateField[]){
        VMSTATE_UINT16(u16, Dev),
        VMSTATE_END_OF_LIST()
    },
    .subsections = (const VMStateDescription *const[]){ &vmstate_deep, NULL },
};

static const VMStateDescription vmstate_other = {
    .name = "dev/other",
    .version_id = 1,
    .fields = (const VMStateField[]){
        VMSTATE_UINT8(fixed[1].a, Dev),
        VMSTATE_END_OF_LIST()
    },
};

static const VMStateDescription vmstate_pair_extra = {
    .name = "one/extra",
    .version_id = 1,
    .fields = (const VMStateField[]){
        VMSTATE_UINT16(b, Inner),
        VMSTATE_END_OF_LIST()
    },
};

static const VMStateDescription vmstate_one = {
    .name = "one",
    .version_id = 1,
    .fields = (const VMStateField[]){
        VMSTATE_UINT8(a, Inner),
        VMSTATE_END_OF_LIST()
    },
    .subsections =
        (const VMStateDescription *const[]){ &vmstate_pair_extra, NULL },
};

/* The subsection of the last field meets those of the whole. */
static const VMStateDescription vmstate_dev = {
    .name = "dev",
    .version_id = 1,
    .fields = (const VMStateField[]){
        VMSTATE_UINT8(u8, Dev),
        VMSTATE_STRUCT(one, Dev, 0, vmstate_one, Inner),
        VMSTATE_END_OF_LIST()
    },
    .subsections = (const VMStateDescription *const[]){
        &vmstate_sub, &vmstate_other, NULL
    },
};

/* u8, one.a, one/extra, dev/sub, dev/sub/deep, dev/other */
#define WIRE_DEV "f1 07"
#define WIRE_EXTRA "05 09 6f6e652f6578747261 00000001 0008"
#define WIRE_SUB "05 07 6465762f737562 00000002 f1f2"
#define WIRE_DEEP "05 0c 6465762f7375622f64656570 00000001 05"
#define WIRE_OTHER "05 09 6465762f6f74686572 00000001 00"

static void test_subsections(void)
{
    g_autoptr(GByteArray) want = from_hex(WIRE_DEV WIRE_EXTRA WIRE_SUB
                                          WIRE_DEEP WIRE_OTHER);
    g_autoptr(GByteArray) with_next = NULL;
    g_autoptr(GByteArray) got = NULL;
    json_object *desc = json_object_new_object();
    Dev *src = dev_new_filled();
    Dev *dst = dev_new();
    QEMUFile *f;
    size_t cut;

    g_assert_true(vmstate_check(&vmstate_dev, NULL));
    got = dev_save(&vmstate_dev, src, desc);
    g_assert_cmpmem(got->data, got->len, want->data, want->len);
    g_assert_cmpuint(vmdesc_payload(desc), ==, got->len);

    /* What follows the section is left in the stream. */
    with_next = from_hex(WIRE_DEV WIRE_EXTRA WIRE_SUB WIRE_DEEP WIRE_OTHER
                         "7e");
    f = test_file_input(with_next->data, with_next->len, NULL);
    g_assert_true(vmstate_load(f, &vmstate_dev, dst, 1, NULL));
    g_assert_cmphex(qemu_get_byte(f), ==, 0x7e);
    qemu_file_free(f);
    g_assert_cmphex(dst->u8, ==, 0xf1);
    g_assert_cmphex(dst->one.a, ==, 7);
    g_assert_cmphex(dst->one.b, ==, 8);
    g_assert_cmphex(dst->u16, ==, 0xf1f2);
    g_assert_cmphex(dst->fixed[0].a, ==, 5);

    /* Cut between subsections it is complete, cut elsewhere it is not. */
    for (cut = 0; cut < got->len; cut++) {
        Dev *d = dev_new();
        QEMUFile *in = test_file_input(got->data, cut, NULL);
        Error *err = NULL;

        if (vmstate_load(in, &vmstate_dev, d, 1, &err)) {
            /* Nothing is swallowed: the caller meets the rest, or the end. */
            g_assert_cmpuint(cut, >=, 2);
            g_assert_false(qemu_file_has_error(in));
        } else {
            g_assert_nonnull(err);
            error_free(err);
        }
        qemu_file_free(in);
        dev_free(d);
    }
    json_object_put(desc);
    dev_free(src);
    dev_free(dst);
}

static void test_subsection_variants(void)
{
    static const struct {
        const char *wire;
        const char *error;
    } steps[] = {
        { WIRE_DEV, NULL },
        { WIRE_DEV WIRE_OTHER WIRE_SUB, NULL },
        { WIRE_DEV WIRE_SUB WIRE_SUB, NULL },
        /* Not of this parent, or too short a name: somebody else's. */
        { WIRE_DEV "05 03 616263", NULL },
        { WIRE_DEV "05 06 666f6f2f6162", NULL },
        { WIRE_DEV "05 07 6465762f78797a 00000001",
          "unknown subsection 'dev/xyz'" },
        { WIRE_DEV "05 07 6465762f737562 00000003 0000",
          "subsection 'dev/sub': version 3 of 'dev/sub' is newer than 2, the "
          "newest known" },
        { WIRE_DEV "05 07 6465762f737562 00000000 0000",
          "subsection 'dev/sub': version 0 of 'dev/sub' is older than 1, the "
          "oldest known" },
        { WIRE_DEV "05 07 6465762f737562 00000002 00",
          "subsection 'dev/sub': field 'u16': end of stream" },
        { WIRE_DEV "05 07 6465762f737562 0000",
          "subsection 'dev/sub': end of stream" },
        { "f1 07 05 09 6f6e652f6578747262 00000001",
          "field 'one': unknown subsection 'one/extrb'" },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(steps); i++) {
        g_autoptr(GByteArray) wire = from_hex(steps[i].wire);
        Dev *d = dev_new();
        g_autofree char *msg = dev_load(&vmstate_dev, d, 1, wire->data,
                                        wire->len);

        g_assert_cmpstr(msg, ==, steps[i].error);
        dev_free(d);
    }
}

static void test_not_needed(void)
{
    g_autoptr(GByteArray) want = from_hex("00 00 05 09 6f6e652f6578747261"
                                          "00000001 0000" WIRE_OTHER);
    g_autoptr(GByteArray) got = NULL;
    json_object *desc = json_object_new_object();
    Dev *d = dev_new();

    got = dev_save(&vmstate_dev, d, desc);
    g_assert_cmpmem(got->data, got->len, want->data, want->len);
    g_assert_cmpuint(vmdesc_payload(desc), ==, got->len);
    json_object_put(desc);
    dev_free(d);
}

/* Elements that differ in size are listed one by one. */
static void test_unequal_elements(void)
{
    static const VMStateField fields[] = {
        VMSTATE_STRUCT_VARRAY_ALLOC(inners, Dev, inner_count, vmstate_owner,
                                    Inner), END
    };
    const VMStateDescription vmsd = { .name = "unequal", .fields = fields };
    json_object *desc = json_object_new_object();
    json_object *list, *second;
    g_autoptr(GByteArray) got = NULL;
    Dev *d = dev_new_filled();

    got = dev_save(&vmsd, d, desc);
    list = json_object_object_get(desc, "fields");
    g_assert_cmpuint(json_object_array_length(list), ==, 2);
    second = json_object_array_get_idx(list, 1);
    g_assert_cmpint(json_object_get_int(json_object_object_get(second,
                                                               "index")),
                    ==, 1);
    g_assert_cmpuint(vmdesc_payload(desc), ==, got->len);
    json_object_put(desc);
    dev_free(d);
}

/* ---- hooks and tables ---- */

static GString *calls;
static const char *fails;

static bool hook(const char *name, Error **errp)
{
    g_string_append_printf(calls, "%s ", name);
    if (fails && !strcmp(fails, name)) {
        error_setg(errp, "%s said no", name);
        return false;
    }
    return true;
}

static bool hook_pre_save(void *opaque, Error **errp)
{
    return hook("pre_save", errp);
}

static void hook_post_save(void *opaque)
{
    hook("post_save", NULL);
}

static bool hook_pre_load(void *opaque, Error **errp)
{
    return hook("pre_load", errp);
}

static bool hook_post_load(void *opaque, int version_id, Error **errp)
{
    g_assert_cmpint(version_id, ==, 4);
    return hook("post_load", errp);
}

static const VMStateDescription vmstate_hooks = {
    .name = "hooks",
    .version_id = 4,
    .pre_save = hook_pre_save,
    .post_save = hook_post_save,
    .pre_load = hook_pre_load,
    .post_load = hook_post_load,
    .fields = (const VMStateField[]){
        VMSTATE_UINT8(u8, Dev),
        VMSTATE_END_OF_LIST()
    },
};

static void test_hooks(void)
{
    static const char *const failing[] = { "pre_save", "pre_load",
                                           "post_load" };
    Dev *d = dev_new();
    size_t i;

    calls = g_string_new(NULL);
    g_byte_array_unref(dev_save(&vmstate_hooks, d, NULL));
    g_assert_null(dev_load(&vmstate_hooks, d, 4, "a", 1));
    g_assert_cmpstr(calls->str, ==,
                    "pre_save post_save pre_load post_load ");
    for (i = 0; i < G_N_ELEMENTS(failing); i++) {
        TestChannel *out;
        QEMUFile *f = test_file_output(&out);
        g_autofree char *msg = NULL;
        g_autofree char *want = g_strdup_printf("%s said no", failing[i]);
        Error *err = NULL;

        fails = failing[i];
        if (vmstate_save(f, &vmstate_hooks, d, &err)) {
            msg = dev_load(&vmstate_hooks, d, 4, "a", 1);
        } else {
            msg = g_strdup(error_get_pretty(err));
            error_free(err);
        }
        g_assert_cmpstr(msg, ==, want);
        qemu_file_free(f);
    }
    fails = NULL;
    g_string_free(calls, true);
    dev_free(d);
}

static const VMStateDescription vmstate_misnamed = { .name = "de/sub" };

static const VMStateDescription vmstate_bad_sub = {
    .name = "dev",
    .subsections =
        (const VMStateDescription *const[]){ &vmstate_misnamed, NULL },
};

static void test_check(void)
{
    static const VMStateField bad_fields[][2] = {
        { { .name = "x", .flags = VMS_STRUCT }, END },
        { { .name = "x" }, END },
        { { .name = "x", .info = &vmstate_info_gqueue }, END },
        { { .name = "x", .info = &vmstate_info_uint8, .flags = VMS_ALLOC },
          END },
        { { .name = "x", .info = &vmstate_info_uint8,
            .flags = VMS_VARRAY_UINT8 | VMS_VARRAY_UINT16 }, END },
        { { .name = "x", .info = &vmstate_info_uint8,
            .flags = VMS_ARRAY_OF_POINTER_AUTO_ALLOC }, END },
    };
    size_t i;

    g_assert_false(vmstate_check(&vmstate_bad_sub, NULL));
    for (i = 0; i < G_N_ELEMENTS(bad_fields); i++) {
        const VMStateDescription vmsd = { .name = "x",
                                          .fields = bad_fields[i] };
        Error *err = NULL;

        g_assert_false(vmstate_check(&vmsd, &err));
        g_assert_nonnull(err);
        error_free(err);
    }
}

/* A load that fails halfway over an object that had memory of its own. */
static void test_fail_over_filled(void)
{
    static const VMStateField fields[] = {
        VMSTATE_INT32(inner_count, Dev),
        VMSTATE_UINT32(size, Dev),
        VMSTATE_STRUCT_VARRAY_ALLOC(inners, Dev, inner_count, vmstate_owner,
                                    Inner),
        VMSTATE_VBUFFER_ALLOC_UINT32(vbuf, Dev, size), END
    };
    const VMStateDescription vmsd = { .name = "filled", .fields = fields };
    g_autoptr(GByteArray) wire = from_hex("00000009 00000009 01 00000001 78");
    size_t cut;

    for (cut = 0; cut < wire->len; cut++) {
        Dev *d = dev_new_filled();
        g_autofree char *msg = dev_load(&vmsd, d, 0, wire->data, cut);

        g_assert_nonnull(msg);
        vmstate_release(&vmsd, d);
        g_assert_null(d->inners);
        g_assert_null(d->vbuf);
        vmstate_release(&vmstate_owner, d->made[1]);
        dev_free(d);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vmstate/null-pointer", test_null_pointer);
    g_test_add_func("/vmstate/versions", test_versions);
    g_test_add_func("/vmstate/must-exist", test_must_exist);
    g_test_add_func("/vmstate/subsections", test_subsections);
    g_test_add_func("/vmstate/subsection-variants", test_subsection_variants);
    g_test_add_func("/vmstate/not-needed", test_not_needed);
    g_test_add_func("/vmstate/unequal-elements", test_unequal_elements);
    g_test_add_func("/vmstate/hooks", test_hooks);
    g_test_add_func("/vmstate/check", test_check);
    g_test_add_func("/vmstate/fail-over-filled", test_fail_over_filled);
    return g_test_run();
}
