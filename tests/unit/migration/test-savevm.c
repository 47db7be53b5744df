/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writing the main channel: which bytes, in which order, described how. */
#include "qemu/osdep.h"

#include "ram-recorder.h"
#include "savevm-rig.h"
#include "vmdesc-check.h"

static void test_order(void)
{
    g_autoptr(GByteArray) want = from_hex(
        HEADER CONFIG LIVE_START EARLY LIVE_PART LIVE_PART
        "08 000b 0000" LIVE_END CLOCK PIC WIDGET0 WIDGET1 GLOBALSTATE_HEAD);
    g_autoptr(GByteArray) got = NULL;
    Rig *r = rig_new();
    const uint8_t *tail;
    size_t i;

    rig_fill(r);
    g_assert_null(rig_save(r, &got));
    g_assert_cmpuint(got->len, >, want->len + 66 + 11);
    g_assert_cmpmem(got->data, want->len, want->data, want->len);
    tail = got->data + want->len;
    for (i = 0; i < 66; i++) {
        g_assert_cmphex(tail[i], ==, 0);
    }
    g_assert_cmpmem(tail + 66, 7, "\x7e\0\0\0\0\0\x06", 7);
    g_assert_cmpstr(r->live.log->str, ==,
                    "setup iterate iterate complete cleanup ");
    rig_free(r);
}

/* The description: right names, order and sizes of all that was sent. */
static void test_description(void)
{
    static const struct {
        const char *name;
        int instance;
        unsigned size;
    } want[] = {
        { "early", 0, 1 }, { "clock", 0, 1 }, { "bus/pic", 3, 1 },
        { "widget", 0, 1 }, { "widget", 1, 1 + 1 + 1 + 12 + 4 + 2 },
        { "globalstate", 0, 104 },
    };
    g_autoptr(GByteArray) got = NULL;
    g_autofree char *text = NULL;
    Rig *r = rig_new();
    json_object *desc, *devices;
    const uint8_t *mark;
    size_t i, len;

    rig_fill(r);
    g_assert_null(rig_save(r, &got));
    mark = memmem(got->data, got->len, "{\"configuration\"", 16);
    g_assert_nonnull(mark);
    len = got->data + got->len - mark;
    g_assert_cmphex(mark[-5], ==, QEMU_VM_VMDESCRIPTION);
    g_assert_cmphex((uint32_t)mark[-2] << 8 | mark[-1], ==, len);
    text = g_strndup((const char *)mark, len);
    desc = json_tokener_parse(text);
    g_assert_nonnull(desc);
    g_assert_cmpuint(vmdesc_payload(json_object_object_get(
                         desc, "configuration")), ==, 8);
    g_assert_cmpint(json_object_get_int(json_object_object_get(desc,
                                                               "page_size")),
                    ==, 4096);
    devices = json_object_object_get(desc, "devices");
    g_assert_cmpuint(json_object_array_length(devices), ==,
                     G_N_ELEMENTS(want));
    for (i = 0; i < G_N_ELEMENTS(want); i++) {
        json_object *dev = json_object_array_get_idx(devices, i);

        g_assert_cmpstr(json_object_get_string(json_object_object_get(
                            dev, "name")), ==, want[i].name);
        g_assert_cmpint(json_object_get_int(json_object_object_get(
                            dev, "instance_id")), ==, want[i].instance);
        g_assert_cmpuint(vmdesc_payload(dev), ==, want[i].size);
    }
    json_object_put(desc);
    rig_free(r);
}

static void test_save_variants(void)
{
    g_autoptr(GByteArray) want = from_hex(
        HEADER
        "01 00000006 04 6c697665 00000000 00000004 a1"
        "04 00000004 05 6561726c79 00000000 00000001 00"
        "03 00000006 a3"
        "04 00000005 05 636c6f636b 00000000 00000001 00"
        "04 00000003 07 6275732f706963 00000003 00000001 00"
        "04 00000002 06 776964676574 00000001 00000002 00"
        "00");
    g_autoptr(GByteArray) got = NULL;
    Rig *r = rig_new();

    r->opt.send_configuration = false;
    r->opt.send_section_footer = false;
    r->opt.send_switchover_start = false;
    r->opt.suppress_vmdesc = true;
    r->store = false;
    r->widgets[0].skip = true;
    g_assert_null(rig_save(r, &got));
    g_assert_cmpmem(got->data, got->len, want->data, want->len);
    rig_free(r);
}

static void test_pending(void)
{
    Rig *r = rig_new();
    Error *err = NULL;
    uint64_t bytes;

    g_assert_true(savevm_pending(r->m, true, &bytes, NULL));
    g_assert_cmpuint(bytes, ==, 7);
    g_assert_true(savevm_pending(r->m, false, &bytes, NULL));
    g_assert_cmpuint(bytes, ==, 70);
    r->live.fail = "pending";
    g_assert_false(savevm_pending(r->m, false, &bytes, &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "section 'live': pending failed");
    error_free(err);
    rig_free(r);
}

static void test_save_failures(void)
{
    static const char *const calls[] = { "setup", "iterate", "complete" };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(calls); i++) {
        Rig *r = rig_new();
        g_autofree char *want = g_strdup_printf(
            "Error while saving section 'live' instance 0: %s failed",
            calls[i]);
        g_autofree char *msg = NULL;

        rig_fill(r);
        r->live.fail = calls[i];
        msg = rig_save(r, NULL);
        g_assert_cmpstr(msg, ==, want);
        g_assert_true(g_str_has_suffix(r->live.log->str, "cleanup "));
        /* And the next one works. */
        r->live.fail = NULL;
        g_assert_null(rig_save(r, NULL));
        rig_free(r);
    }
}

static void test_register(void)
{
    Rig *r = rig_new();
    g_autofree char *long_path = g_strnfill(250, 'p');
    Error *err = NULL;
    Dev d = { 0 };

    g_assert_false(vmstate_register(r->m->reg, NULL, 1, &vmstate_widget, &d,
                                    &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "cannot register section "
                    "'widget' instance 1: it exists already");
    g_clear_error(&err);
    g_assert_false(vmstate_register(r->m->reg, long_path, 0, &vmstate_widget,
                                    &d, &err));
    g_clear_error(&err);
    vmstate_unregister(r->m->reg, &vmstate_widget, &r->widgets[1]);
    g_assert_true(vmstate_register(r->m->reg, NULL, -1, &vmstate_widget, &d,
                                   NULL));
    g_assert_nonnull(savevm_registry_find(r->m->reg, "widget", 1));
    savevm_unregister_live(r->m->reg, "live", &r->live);
    g_assert_null(savevm_registry_find(r->m->reg, "live", 0));
    rig_free(r);
}

/* ---- the worked example of the format's description, and back ---- */

static bool example_setup(QEMUFile *f, void *opaque, Error **errp)
{
    qemu_put_be64(f, 0x100000 | 4);
    qemu_put_counted_string(f, "ram0");
    qemu_put_be64(f, 0x100000);
    qemu_put_be64(f, 0x10);
    return true;
}

static int example_iterate(QEMUFile *f, void *opaque, Error **errp)
{
    static const uint8_t page[TARGET_PAGE_SIZE] = { 1, 2, 3 };

    qemu_put_be64(f, 0x02);
    qemu_put_counted_string(f, "ram0");
    qemu_put_byte(f, 0);
    qemu_put_be64(f, 0x1028);
    qemu_put_buffer_async(f, page, sizeof(page));
    qemu_put_be64(f, 0x10);
    return 1;
}

static bool example_complete(QEMUFile *f, void *opaque, Error **errp)
{
    qemu_put_be64(f, 0x10);
    return true;
}

static const SaveVMHandlers example_ops = {
    .save_setup = example_setup,
    .save_iterate = example_iterate,
    .save_complete = example_complete,
};

static void test_example(void)
{
    g_autoptr(GByteArray) start = from_hex(
        "5145564d00000003" "07000000046e6f6e65"
        "01 00000001 03 72616d 00000000 00000004"
        "0000000000100004 04 72616d30 0000000000100000 0000000000000010"
        "7e 00000001"
        "02 00000001 0000000000000002 04 72616d30 00 0000000000001028"
        "010203");
    g_autoptr(GByteArray) end = from_hex(
        "0000000000000010 7e 00000001"
        "08 000b 0000"
        "03 00000001 0000000000000010 7e 00000001"
        "04 00000002 0b 676c6f62616c7374617465 00000000 00000001");
    Machine *src = fake_machine_new("none");
    Machine *dst = fake_machine_new("none");
    StreamOptions opt = default_options;
    LoadContext ctx = { .machine = dst, .opt = &opt };
    RamRecorder *ram = ram_recorder_new();
    bool store = true;
    Dev first = { 0 };
    TestChannel *out;
    QEMUFile *f = test_file_output(&out);
    g_autoptr(Error) err = NULL;

    ram_recorder_add(ram, "ram0", 0x100000);
    memset(((RamRecorderBlock *)ram->blocks->pdata[0])->data, 0xff, 0x2000);
    g_assert_true(savevm_register_live(dst->reg, "ram", 0, 4,
                                       &ram_recorder_ops, ram, NULL));
    global_state_register(dst, &store);
    /* Takes id 0, as the clock does in the example. */
    g_assert_true(vmstate_register(src->reg, NULL, 0, &vmstate_widget, &first,
                                   NULL));
    first.skip = true;
    g_assert_true(savevm_register_live(src->reg, "ram", 0, 4, &example_ops,
                                       NULL, NULL));
    global_state_register(src, &store);
    global_state_store(src);
    g_assert_true(savevm_save_header(f, src, &opt, NULL));
    g_assert_true(savevm_setup(f, src, &opt, NULL));
    g_assert_cmpint(savevm_iterate(f, src, &opt, NULL), ==, 1);
    savevm_send_command(f, MIG_CMD_SWITCHOVER_START, NULL, 0);
    g_assert_true(savevm_complete_live(f, src, &opt, NULL));
    g_assert_true(savevm_complete_devices(f, src, &opt, NULL));
    savevm_cleanup(src);
    g_assert_cmpmem(out->data->data, start->len, start->data, start->len);
    g_assert_cmpmem(out->data->data + start->len - 3 + TARGET_PAGE_SIZE,
                    end->len, end->data, end->len);
    g_object_ref(out);
    qemu_file_free(f);

    f = test_file_input(out->data->data, out->data->len, NULL);
    if (!loadvm_state(f, &ctx, &err)) {
        g_error("%s", error_get_pretty(err));
    }
    g_assert_cmpmem(((RamRecorderBlock *)ram->blocks->pdata[0])->data + 4094,
                    5, "\0\0\1\2\3", 5);
    qemu_file_free(f);
    g_object_unref(out);
    ram_recorder_free(ram);
    fake_machine_free(src);
    fake_machine_free(dst);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/savevm/order", test_order);
    g_test_add_func("/savevm/description", test_description);
    g_test_add_func("/savevm/variants", test_save_variants);
    g_test_add_func("/savevm/pending", test_pending);
    g_test_add_func("/savevm/save-failures", test_save_failures);
    g_test_add_func("/savevm/register", test_register);
    g_test_add_func("/savevm/example", test_example);
    return g_test_run();
}
