/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recorded streams of stock QEMU go through loadvm_state() with a RAM handler
 * that records.  Devices are not known here: the description at the end of each
 * stream tells how long their sections are, and the footers tell whether that
 * is true.
 */
#include "qemu/osdep.h"

#include "fake-machine.h"
#include "ram-recorder.h"
#include "test-channel.h"
#include "vector.h"
#include "vmdesc-check.h"

/* Descriptions made for a stream: each section is so many bytes. */
typedef struct Opaque {
    VMStateDescription vmsd;
    VMStateField fields[2];
    char *name;
} Opaque;

static void opaque_free(void *p)
{
    Opaque *o = p;

    g_free(o->name);
    g_free(o);
}

static json_object *parse_description(const Vector *v)
{
    const uint8_t *eof = NULL;
    const uint8_t *p = v->main->data;
    size_t left = v->main->len;
    g_autofree char *text = NULL;

    /* The last element of the stream: its length leads to its very end. */
    while ((eof = memmem(p, left, "{\"", 2)) != NULL) {
        size_t len = v->main->data + v->main->len - eof;
        uint32_t said;

        memcpy(&said, eof - 4, 4);
        if (eof[-5] == 6 && GUINT32_FROM_BE(said) == len) {
            text = g_strndup((const char *)eof, len);
            return json_tokener_parse(text);
        }
        left -= eof + 1 - p;
        p = eof + 1;
    }
    return NULL;
}

static void register_devices(Machine *m, const Vector *v, GPtrArray *opaques)
{
    json_object *desc = parse_description(v);
    json_object *devices;
    size_t i;

    if (!desc) {
        return;
    }
    devices = json_object_object_get(desc, "devices");
    for (i = 0; i < json_object_array_length(devices); i++) {
        json_object *dev = json_object_array_get_idx(devices, i);
        const char *name =
            json_object_get_string(json_object_object_get(dev, "name"));
        Opaque *o;

        if (!strcmp(name, "globalstate")) {
            continue;
        }
        o = g_new0(Opaque, 1);
        o->name = g_strdup(name);
        o->fields[0] = (VMStateField)VMSTATE_UNUSED(vmdesc_payload(dev));
        o->vmsd.name = o->name;
        o->vmsd.version_id =
            json_object_get_int(json_object_object_get(dev, "version"));
        o->vmsd.fields = o->fields;
        g_ptr_array_add(opaques, o);
        g_assert_true(vmstate_register_ignored(
            m->reg, name,
            json_object_get_int(json_object_object_get(dev, "instance_id")),
            &o->vmsd, 1, NULL));
    }
    json_object_put(desc);
}

/* Streams without a description: the one device of `-machine none`. */
static const VMStateField timer_fields[] = {
    VMSTATE_UNUSED(24), VMSTATE_END_OF_LIST()
};
static const VMStateDescription vmstate_timer = {
    .name = "timer",
    .version_id = 2,
    .fields = timer_fields,
};

static bool log_command(void *opaque, MigCommand cmd, const uint8_t *payload,
                        uint16_t len, Error **errp)
{
    static const char *const names[] = {
        [MIG_CMD_OPEN_RETURN_PATH] = "OPEN_RETURN_PATH",
        [MIG_CMD_PING] = "PING",
        [MIG_CMD_SWITCHOVER_START] = "SWITCHOVER_START",
    };

    g_assert_cmpuint(cmd, <, G_N_ELEMENTS(names));
    g_assert_nonnull(names[cmd]);
    g_string_append_printf(opaque, "%s ", names[cmd]);
    return true;
}

static void add_block(void *opaque, const char *name, uint64_t size)
{
    ram_recorder_add(opaque, name, size);
}

static void check_ram(const Vector *v, const RamRecorder *ram)
{
    guint i;
    int k;

    for (k = 0; k < RAM_RECORD__MAX; k++) {
        g_assert_cmpuint(ram->count[k], ==,
                         vector_ram_records(v, ram_record_names[k]));
    }
    for (i = 0; i < ram->blocks->len; i++) {
        RamRecorderBlock *b = g_ptr_array_index(ram->blocks, i);
        const char *want = vector_ram_sha256(v, b->name);
        g_autofree char *got = NULL;

        /* With multifd the pages are not in this stream. */
        if (want && !ram->x_ignore_shared &&
            !g_str_has_prefix(v->name, "multifd")) {
            got = g_compute_checksum_for_data(G_CHECKSUM_SHA256, b->data,
                                              b->size);
            g_assert_cmpstr(got, ==, want);
        }
    }
}

static void check_state(const Vector *v, Machine *m)
{
    RunState state;

    g_assert_true(global_state_received(m, &state) ==
                  v->opt.store_global_state);
    if (v->opt.store_global_state) {
        g_assert_cmpint(state, ==,
                        strstr(v->name, "paused") || strstr(v->name, "pc-")
                            ? RUN_STATE_PRELAUNCH
                            : RUN_STATE_RUNNING);
    }
}

static void test_vector(const void *name)
{
    g_autoptr(Vector) v = vector_load(name);
    g_autoptr(GPtrArray) opaques =
        g_ptr_array_new_with_free_func(opaque_free);
    g_autoptr(Error) err = NULL;
    g_autofree char *commands = NULL;
    RamRecorder *ram = ram_recorder_new();
    GString *log = g_string_new(NULL);
    bool store = true;
    TestChannel *in;
    QEMUFile *f;
    Machine *m;

    if (!v) {
        g_test_skip("built without libzstd");
        ram_recorder_free(ram);
        g_string_free(log, true);
        return;
    }
    m = fake_machine_new(v->machine);
    m->has_uuid = v->has_uuid;
    memcpy(m->uuid, v->uuid, sizeof(m->uuid));
    ram->x_ignore_shared = v->opt.x_ignore_shared;
    vector_foreach_block(v, add_block, ram);
    g_assert_true(savevm_register_live(m->reg, "ram", 0, 4, &ram_recorder_ops,
                                       ram, NULL));
    global_state_register(m, &store);
    register_devices(m, v, opaques);
    if (!opaques->len) {
        g_assert_true(vmstate_register_ignored(m->reg, "timer", 0,
                                               &vmstate_timer, 1, NULL));
    }

    f = test_file_input(v->main->data, v->main->len, &in);
    in->max_io = 50000;
    if (!loadvm_state(f, &(LoadContext){ .machine = m, .opt = &v->opt,
                                         .command = log_command,
                                         .opaque = log }, &err)) {
        g_error("%s: %s", v->name, error_get_pretty(err));
    }
    /* To the last byte. */
    g_assert_cmpuint(qemu_file_transferred(f), ==, v->main->len);
    commands = vector_commands(v);
    g_assert_cmpstr(log->str, ==, commands);
    check_ram(v, ram);
    check_state(v, m);

    qemu_file_free(f);
    g_string_free(log, true);
    fake_machine_free(m);
    ram_recorder_free(ram);
}

int main(int argc, char **argv)
{
    GPtrArray *names;
    int ret;
    guint i;

    g_test_init(&argc, &argv, NULL);
    if (argc > 1) {
        vector_set_dir(argv[1]);
    }
    names = vector_names();
    for (i = 0; i < names->len; i++) {
        g_autofree char *path = g_strdup_printf(
            "/vectors/%s", (char *)g_ptr_array_index(names, i));

        g_test_add_data_func(path, g_ptr_array_index(names, i), test_vector);
    }
    ret = g_test_run();
    g_ptr_array_unref(names);
    return ret;
}
