/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading the main channel: what is taken, and what is refused and how. */
#include "qemu/osdep.h"

#include "qemu/thread.h"
#include "savevm-rig.h"

static void test_round_trip(void)
{
    g_autoptr(GByteArray) stream = NULL;
    Rig *src = rig_new();
    Rig *dst = rig_new();
    RunState state;

    rig_fill(src);
    src->m->runstate = RUN_STATE_PAUSED;
    g_assert_null(rig_save(src, &stream));
    g_assert_false(global_state_received(dst->m, &state));
    g_assert_cmpstr(rig_load(dst, stream->data, stream->len), ==, NULL);
    g_assert_cmpstr(dst->live.log->str, ==,
                    "load-setup load load load load load-cleanup ");
    g_assert_cmpmem(dst->live.loaded, dst->live.n_loaded,
                    "\xa1\xa2\xa2\xa3", 4);
    g_assert_cmphex(dst->widgets[0].value, ==, 0x11);
    g_assert_cmphex(dst->widgets[1].value, ==, 0x22);
    g_assert_cmphex(dst->widgets[1].extra, ==, 0xabcd);
    g_assert_cmphex(dst->pic.value, ==, 0x33);
    g_assert_cmphex(dst->early.value, ==, 0x44);
    g_assert_cmphex(dst->clock.value, ==, 0x55);
    g_assert_true(global_state_received(dst->m, &state));
    g_assert_cmpint(state, ==, RUN_STATE_PAUSED);
    rig_free(src);
    rig_free(dst);
}

/* Wherever the stream ends, the load fails and says so; nothing leaks. */
static void test_truncated(void)
{
    g_autoptr(GByteArray) stream = NULL;
    Rig *src = rig_new();
    size_t cut, eof;

    rig_fill(src);
    g_assert_null(rig_save(src, &stream));
    eof = (const uint8_t *)memmem(stream->data, stream->len,
                                  "{\"configuration\"", 16) -
          stream->data - 5;
    for (cut = 0; cut < stream->len; cut++) {
        Rig *dst = rig_new();
        g_autofree char *msg = rig_load(dst, stream->data, cut);

        if (cut >= eof) {
            /* The end mark is there: complete but for the description. */
            g_assert_cmpstr(msg, ==, NULL);
        } else {
            g_assert_nonnull(msg);
            g_assert_true(g_str_has_suffix(msg, "end of stream"));
        }
        rig_free(dst);
    }
    rig_free(src);
}

#define END_OF_STREAM "00 06 00000002 7b7d"

typedef struct LoadCase {
    const char *name;
    const char *wire;
    const char *error; /* NULL: loads */
} LoadCase;

#define WIDGET(id, instance, version, rest)                                    \
    "04 " id " 06 776964676574 " instance " " version " " rest

static const LoadCase load_cases[] = {
    { "empty", HEADER CONFIG END_OF_STREAM, NULL },
    { "no-description", HEADER CONFIG "00", NULL },
    { "other-after-end", HEADER CONFIG "00 01", NULL },
    { "magic", "5145564e 00000003",
      "Not a migration stream: it begins with 0x5145564e" },
    { "http", "47455420 2f20",
      "Not a migration stream: it begins with 0x47455420" },
    { "version-2", "5145564d 00000002",
      "Stream version 2 is obsolete, version 3 is expected" },
    { "version-4", "5145564d 00000004",
      "Stream version 4 is unknown, version 3 is expected" },
    { "nothing", "",
      "Error while reading the stream header: end of stream" },
    { "no-configuration", HEADER WIDGET0,
      "Configuration is missing: found element 0x04 (send-configuration must "
      "be alike on both sides)" },
    { "machine", HEADER "07 00000002 7063 00",
      "Error while loading the configuration: the stream is of machine type "
      "'pc', this machine is 'none'" },
    { "machine-empty", HEADER "07 00000000 00",
      "Error while loading the configuration: the stream is of machine type "
      "'', this machine is 'none'" },
    { "machine-prefix", HEADER "07 00000002 6e6f 00",
      "Error while loading the configuration: the stream is of machine type "
      "'no', this machine is 'none'" },
    { "machine-longer", HEADER "07 00000005 6e6f6e6573 00",
      "Error while loading the configuration: the stream is of machine type "
      "'nones', this machine is 'none'" },
    { "machine-huge", HEADER "07 7fffffff 6e6f",
      "Error while loading the configuration: field 'name': a size of "
      "2147483647 is out of range (limit 255)" },
    { "page-bits", HEADER CONFIG
      "05 1e 636f6e66696775726174696f6e2f7461726765742d706167652d62697473"
      "00000001 0000000c" END_OF_STREAM, NULL },
    { "page-bits-other", HEADER CONFIG
      "05 1e 636f6e66696775726174696f6e2f7461726765742d706167652d62697473"
      "00000001 0000000d" END_OF_STREAM,
      "Error while loading the configuration: subsection "
      "'configuration/target-page-bits': field 'target_page_bits': the stream "
      "has 13, this machine 12" },
    { "capabilities", HEADER CONFIG
      "05 1a 636f6e66696775726174696f6e2f6361706162696c6974696573"
      "00000001 00000001 0a 6d61707065642d72616d" END_OF_STREAM,
      "Error while loading the configuration: capability 'mapped-ram' is on "
      "at the source and off here" },
    { "capability-unknown", HEADER CONFIG
      "05 1a 636f6e66696775726174696f6e2f6361706162696c6974696573"
      "00000001 00000001 03 666f6f" END_OF_STREAM,
      "Error while loading the configuration: subsection "
      "'configuration/capabilities': field 'capabilities[0]': unknown "
      "capability 'foo'" },
    { "capabilities-many", HEADER CONFIG
      "05 1a 636f6e66696775726174696f6e2f6361706162696c6974696573"
      "00000001 00000011",
      "Error while loading the configuration: subsection "
      "'configuration/capabilities': field 'capabilities': a count of 17 is "
      "out of range (limit 16)" },
    { "element", HEADER CONFIG "09", "Unknown section type 0x09 in the "
      "stream" },
    { "subsection-on-top", HEADER CONFIG WIDGET0 "05 03 616263",
      "Unknown section type 0x05 in the stream" },
    { "description-early", HEADER CONFIG "06 00000002 7b7d",
      "Unknown section type 0x06 in the stream" },
    /* Behind the end mark nothing fails: the source has given up the guest. */
    { "description-huge", HEADER CONFIG "00 06 ffffffff", NULL },
    { "description-cut", HEADER CONFIG "00 06 00000003 7b7d", NULL },
    { "unknown-section", HEADER CONFIG "04 00000001 03 666f6f 00000000 "
      "00000001", "section 'foo' instance 0 is unknown: this machine has no "
      "such device" },
    { "unknown-instance", HEADER CONFIG
      WIDGET("00000001", "00000002", "00000002", ""),
      "section 'widget' instance 2 is unknown: this machine has no such "
      "device" },
    { "binary-name", HEADER CONFIG "04 00000001 02 07ff 00000000 00000001",
      "section '\\007\\377' instance 0 is unknown: this machine has no such "
      "device" },
    { "empty-name", HEADER CONFIG "04 00000001 00 00000000 00000001",
      "Error while reading the head of a section: empty name in the "
      "stream" },
    { "newer", HEADER CONFIG WIDGET("00000001", "00000000", "00000003", ""),
      "Error while loading section 'widget' instance 0: version 3 is newer "
      "than 2, the newest known" },
    { "older", HEADER CONFIG WIDGET("00000001", "00000000", "00000001", ""),
      "Error while loading section 'widget' instance 0: version 1 of "
      "'widget' is older than 2, the oldest known" },
    { "device-cut", HEADER CONFIG
      WIDGET("00000001", "00000000", "00000002", ""),
      "Error while loading section 'widget' instance 0: field 'value': end "
      "of stream" },
    { "device-refuses", HEADER CONFIG
      WIDGET("00000001", "00000000", "00000002", "ee 7e"),
      "Error while loading section 'widget' instance 0: value 0xee is "
      "refused" },
    { "unknown-subsection", HEADER CONFIG
      WIDGET("00000001", "00000000", "00000002",
             "11 05 08 7769646765742f78"),
      "Error while loading section 'widget' instance 0: unknown subsection "
      "'widget/x'" },
    { "no-footer", HEADER CONFIG
      WIDGET("00000001", "00000000", "00000002", "11 00"),
      "Error while loading section 'widget' instance 0: section footer is "
      "missing: found 0x00" },
    { "other-footer", HEADER CONFIG
      WIDGET("00000001", "00000000", "00000002", "11 7e 00000002"),
      "Error while loading section 'widget' instance 0: section footer is of "
      "section id 2, not 1" },
    { "footer-cut", HEADER CONFIG
      WIDGET("00000001", "00000000", "00000002", "11 7e 0000"),
      "Error while loading section 'widget' instance 0: section footer: end "
      "of stream" },
    { "part-first", HEADER CONFIG LIVE_PART,
      "a section continues section id 6, which has not started" },
    { "start-twice", HEADER CONFIG LIVE_START LIVE_START LIVE_PART
      END_OF_STREAM, NULL },
    { "no-end", HEADER CONFIG LIVE_START END_OF_STREAM, NULL },
    { "id-reused", HEADER CONFIG
      WIDGET("00000001", "00000000", "00000002", "11 7e 00000001")
      WIDGET("00000001", "00000001", "00000002", "22 7e 00000001")
      END_OF_STREAM, NULL },
    { "live-newer", HEADER CONFIG
      "01 00000006 04 6c697665 00000000 00000005 a1",
      "Error while loading section 'live' instance 0: version 5 is newer "
      "than 4, the newest known" },
    { "no-end-mark", HEADER CONFIG LIVE_START,
      "Error while waiting for a section, a command or the end mark: end of "
      "stream" },
    /* Commands. */
    { "switchover", HEADER CONFIG "08 000b 0000" END_OF_STREAM, NULL },
    { "switchover-length", HEADER CONFIG "08 000b 0001 00",
      "command SWITCHOVER_START has 1 bytes of payload, not 0" },
    { "return-path", HEADER CONFIG "08 0001 0000",
      "command OPEN_RETURN_PATH, but there is no return path" },
    { "ping", HEADER CONFIG "08 0002 0004 00000001",
      "command PING, but there is no return path" },
    { "ping-length", HEADER CONFIG "08 0002 0003 000001",
      "command PING has 3 bytes of payload, not 4" },
    { "advise", HEADER CONFIG "08 0003 0000",
      "command POSTCOPY_ADVISE is not supported" },
    { "command-0", HEADER CONFIG "08 0000 0000",
      "unknown command 0x0 in the stream" },
    { "command-12", HEADER CONFIG "08 000c 0000",
      "unknown command 0xc in the stream" },
    { "command-cut", HEADER CONFIG "08 000a 0005 0461",
      "Error while reading command RECV_BITMAP: end of stream" },
};

static void test_load_case(const void *data)
{
    const LoadCase *c = data;
    g_autoptr(GByteArray) wire = from_hex(c->wire);
    Rig *r = rig_new();
    g_autofree char *msg = rig_load(r, wire->data, wire->len);

    g_assert_cmpstr(msg, ==, c->error);
    /* Set up and cleaned up go together. */
    g_assert_true(!strstr(r->live.log->str, "load-setup") ==
                  !strstr(r->live.log->str, "load-cleanup"));
    rig_free(r);
}

static void test_load_failures(void)
{
    static const char *const calls[] = { "load-setup", "load" };
    static const char *const errors[] = {
        "Error while preparing to load section 'live': load-setup failed",
        "Error while loading section 'live' instance 0: load failed",
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(calls); i++) {
        g_autoptr(GByteArray) wire = from_hex(HEADER CONFIG LIVE_START);
        Rig *r = rig_new();
        g_autofree char *msg = NULL;

        r->live.fail = calls[i];
        msg = rig_load(r, wire->data, wire->len);
        g_assert_cmpstr(msg, ==, errors[i]);
        g_assert_true(g_str_has_suffix(r->live.log->str, "load-cleanup "));
        rig_free(r);
    }
}

/* Both sides must agree on the shape of the stream. */
static void test_load_options(void)
{
    g_autoptr(GByteArray) bare = from_hex(
        HEADER "04 00000001 06 776964676574 00000000 00000002 11 00");
    Rig *r = rig_new();
    g_autofree char *msg = NULL;

    r->opt.send_configuration = false;
    r->opt.send_section_footer = false;
    r->opt.suppress_vmdesc = true;
    g_assert_cmpstr(rig_load(r, bare->data, bare->len), ==, NULL);
    g_assert_cmphex(r->widgets[0].value, ==, 0x11);
    r->opt.send_section_footer = true;
    msg = rig_load(r, bare->data, bare->len);
    g_assert_nonnull(strstr(msg, "section footer is missing: found 0x00"));
    rig_free(r);
}

static void test_uuid(void)
{
    static const uint8_t uuid[16] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    g_autoptr(GByteArray) stream = NULL;
    Rig *src = rig_new();
    Rig *dst = rig_new();
    g_autofree char *msg = NULL;

    src->m->has_uuid = true;
    memcpy(src->m->uuid, uuid, 16);
    src->opt.validate_uuid = true;
    g_assert_null(rig_save(src, &stream));
    /* None here: only a warning. */
    g_assert_cmpstr(rig_load(dst, stream->data, stream->len), ==, NULL);
    dst->m->has_uuid = true;
    memcpy(dst->m->uuid, uuid, 16);
    g_assert_cmpstr(rig_load(dst, stream->data, stream->len), ==, NULL);
    dst->m->uuid[15] = 1;
    msg = rig_load(dst, stream->data, stream->len);
    g_assert_cmpstr(msg, ==, "Error while loading the configuration: "
                    "subsection 'configuration/uuid': the stream is of a "
                    "machine with another UUID");
    rig_free(src);
    rig_free(dst);
}

static void test_capabilities(void)
{
    g_autoptr(GByteArray) stream = NULL;
    Rig *src = rig_new();
    Rig *dst = rig_new();
    g_autofree char *msg = NULL;

    src->opt.x_ignore_shared = true;
    src->opt.mapped_ram = true;
    g_assert_null(rig_save(src, &stream));
    dst->opt.x_ignore_shared = true;
    dst->opt.mapped_ram = true;
    g_assert_cmpstr(rig_load(dst, stream->data, stream->len), ==, NULL);
    src->opt.x_ignore_shared = false;
    g_clear_pointer(&stream, g_byte_array_unref);
    g_assert_null(rig_save(src, &stream));
    msg = rig_load(dst, stream->data, stream->len);
    g_assert_cmpstr(msg, ==, "Error while loading the configuration: "
                    "capability 'x-ignore-shared' is off at the source and on "
                    "here");
    rig_free(src);
    rig_free(dst);
}

typedef struct Commands {
    GString *log;
    bool refuse;
} Commands;

static bool log_command(void *opaque, MigCommand cmd, const uint8_t *payload,
                        uint16_t len, Error **errp)
{
    Commands *c = opaque;
    int i;

    g_string_append_printf(c->log, "%d:", cmd);
    for (i = 0; i < len; i++) {
        g_string_append_printf(c->log, "%02x", payload[i]);
    }
    g_string_append_c(c->log, ' ');
    if (c->refuse) {
        error_setg(errp, "no, thanks");
    }
    return !c->refuse;
}

static void test_commands(void)
{
    Commands c = { .log = g_string_new(NULL) };
    Rig *r = rig_new();
    LoadContext ctx = { .machine = r->m, .opt = &r->opt,
                        .command = log_command, .opaque = &c };
    TestChannel *out;
    QEMUFile *f = test_file_output(&out);
    g_autoptr(Error) err = NULL;
    QEMUFile *in;

    global_state_store(r->m);
    g_assert_true(savevm_save_header(f, r->m, &r->opt, NULL));
    savevm_send_open_return_path(f);
    savevm_send_ping(f, 0x01020304);
    savevm_send_command(f, MIG_CMD_RECV_BITMAP, "\3ram", 4);
    savevm_send_command(f, MIG_CMD_SWITCHOVER_START, NULL, 0);
    /* Sent at once: the other side may be waiting for it. */
    g_assert_cmpuint(out->data->len, ==, qemu_file_transferred(f));
    g_assert_true(savevm_complete_devices(f, r->m, &r->opt, NULL));
    savevm_cleanup(r->m);

    in = test_file_input(out->data->data, out->data->len, NULL);
    g_assert_true(loadvm_state(in, &ctx, NULL));
    g_assert_cmpstr(c.log->str, ==, "1: 2:01020304 10:0372616d 11: ");
    qemu_file_free(in);

    c.refuse = true;
    in = test_file_input(out->data->data, out->data->len, NULL);
    g_assert_false(loadvm_state(in, &ctx, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "no, thanks");
    qemu_file_free(in);
    qemu_file_free(f);
    g_string_free(c.log, true);
    rig_free(r);
}

/* A section for which there is no device here, and memory in it. */
typedef struct Ghost {
    uint32_t len;
    uint8_t *data;
} Ghost;

static bool ghost_post_load(void *opaque, int version_id, Error **errp)
{
    Ghost *g = opaque;

    if (g->len > 3) {
        error_setg(errp, "the ghost has too much");
        return false;
    }
    return true;
}

static const VMStateDescription vmstate_ghost = {
    .name = "ghost",
    .version_id = 1,
    .minimum_version_id = 1,
    .post_load = ghost_post_load,
    .fields = (const VMStateField[]){
        VMSTATE_UINT32(len, Ghost),
        VMSTATE_VBUFFER_ALLOC_UINT32(data, Ghost, len),
        VMSTATE_END_OF_LIST()
    },
};

static void test_ignored(void)
{
    g_autoptr(GByteArray) good = from_hex(
        HEADER CONFIG "04 00000009 05 67686f7374 00000000 00000001"
        "00000003 616263 7e 00000009" END_OF_STREAM);
    g_autoptr(GByteArray) bad = from_hex(
        HEADER CONFIG "04 00000009 05 67686f7374 00000000 00000001"
        "00000004 61626364 7e 00000009" END_OF_STREAM);
    g_autoptr(GByteArray) stream = NULL;
    g_autofree char *msg = NULL;
    Rig *r = rig_new();

    g_assert_true(vmstate_register_ignored(r->m->reg, "ghost", 0,
                                           &vmstate_ghost, sizeof(Ghost),
                                           NULL));
    g_assert_cmpstr(rig_load(r, good->data, good->len), ==, NULL);
    msg = rig_load(r, bad->data, bad->len);
    g_assert_cmpstr(msg, ==, "Error while loading section 'ghost' instance "
                    "0: the ghost has too much");
    /* It is not sent. */
    g_assert_null(rig_save(r, &stream));
    g_assert_null(memmem(stream->data, stream->len, "ghost", 5));
    rig_free(r);
}

static void test_global_state(void)
{
    static const struct {
        const char *name;
        const char *error;
        RunState state;
    } steps[] = {
        { "running", NULL, RUN_STATE_RUNNING },
        { "prelaunch", NULL, RUN_STATE_PRELAUNCH },
        { "finish-migrate", NULL, RUN_STATE_FINISH_MIGRATE },
        { "nonsense", "unknown run state 'nonsense'", 0 },
        { "", "unknown run state ''", 0 },
        { "0123456789012345678901234567890123",
          "the name of the run state does not end within 32 bytes", 0 },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(steps); i++) {
        g_autoptr(GByteArray) wire = from_hex(
            HEADER CONFIG "04 00000000 0b 676c6f62616c7374617465"
            "00000000 00000001 000000ff");
        g_autoptr(GByteArray) tail = from_hex("7e 00000000" END_OF_STREAM);
        g_autofree char *msg = NULL;
        char body[100] = "";
        Rig *r = rig_new();
        RunState state;

        /* The old layout: one buffer of 100 bytes. */
        g_strlcpy(body, steps[i].name, sizeof(body));
        g_byte_array_append(wire, (uint8_t *)body, sizeof(body));
        g_byte_array_append(wire, tail->data, tail->len);
        msg = rig_load(r, wire->data, wire->len);
        if (steps[i].error) {
            g_assert_nonnull(msg);
            g_assert_true(g_str_has_suffix(msg, steps[i].error));
            g_assert_false(global_state_received(r->m, &state));
        } else {
            g_assert_cmpstr(msg, ==, NULL);
            g_assert_true(global_state_received(r->m, &state));
            g_assert_cmpint(state, ==, steps[i].state);
        }
        rig_free(r);
    }
}

/* ---- a device with a thread that waits for the end ---- */

typedef struct Late {
    QemuEvent end;
    bool threaded; /* the thread has run */
    bool fail;
} Late;

static bool late_load_state(QEMUFile *f, void *opaque, int version_id,
                            Error **errp)
{
    return true;
}

static bool late_load_thread(void *opaque, Error **errp)
{
    Late *l = opaque;

    qemu_event_wait(&l->end);
    l->threaded = true;
    if (l->fail) {
        error_setg(errp, "too little");
    }
    return !l->fail;
}

static void late_load_end(void *opaque)
{
    qemu_event_set(&((Late *)opaque)->end);
}

static bool late_load_buffer(void *opaque, uint8_t *data, size_t len,
                             Error **errp)
{
    g_assert_not_reached();
}

#define LATE_START "01 00000009 04 6c617465 00000000 00000001 7e 00000009"
#define LATE_END "03 00000009 7e 00000009"

static void test_thread(void)
{
    static const SaveVMHandlers ops = {
        .load_state = late_load_state,
        .load_state_buffer = late_load_buffer,
        .load_thread = late_load_thread,
        .load_end = late_load_end,
    };
    static const struct {
        const char *wire;
        bool fail, threaded;
        const char *error;
    } steps[] = {
        { HEADER CONFIG END_OF_STREAM, false, false, NULL },
        { HEADER CONFIG LATE_START LATE_END END_OF_STREAM, false, true, NULL },
        { HEADER CONFIG LATE_START LATE_START LATE_END END_OF_STREAM, false,
          true, NULL },
        { HEADER CONFIG LATE_START LATE_END END_OF_STREAM, true, true,
          "Error while loading section 'late' instance 0: too little" },
        { HEADER CONFIG LATE_START END_OF_STREAM, false, true,
          "section 'late' instance 0 has begun, but the stream ends without "
          "its END" },
        { HEADER CONFIG LATE_START, true, true,
          "Error while waiting for a section, a command or the end mark: end "
          "of stream" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
        g_autoptr(GByteArray) wire = from_hex(steps[i].wire);
        Late late = { .fail = steps[i].fail };
        g_autofree char *msg = NULL;
        Rig *r = rig_new();

        qemu_event_init(&late.end, false);
        g_assert_true(savevm_register_live(r->m->reg, "late", 0, 1, &ops,
                                           &late, NULL));
        msg = rig_load(r, wire->data, wire->len);
        g_assert_cmpstr(msg, ==, steps[i].error);
        g_assert_true(late.threaded == steps[i].threaded);
        rig_free(r);
        qemu_event_destroy(&late.end);
    }
}

/* Nothing would make the load wait for its buffers. */
static void test_thread_needed(void)
{
    static const SaveVMHandlers ops = {
        .load_state = late_load_state,
        .load_state_buffer = late_load_buffer,
    };
    g_autoptr(Error) err = NULL;
    Rig *r = rig_new();

    g_assert_false(savevm_register_live(r->m->reg, "late", 0, 1, &ops, NULL,
                                        &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "cannot register section "
                    "'late': it takes buffers, but has no thread to load "
                    "them");
    rig_free(r);
}

int main(int argc, char **argv)
{
    size_t i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < G_N_ELEMENTS(load_cases); i++) {
        g_autofree char *path = g_strdup_printf("/loadvm/stream/%s",
                                                load_cases[i].name);

        g_test_add_data_func(path, &load_cases[i], test_load_case);
    }
    g_test_add_func("/loadvm/round-trip", test_round_trip);
    g_test_add_func("/loadvm/truncated", test_truncated);
    g_test_add_func("/loadvm/failures", test_load_failures);
    g_test_add_func("/loadvm/options", test_load_options);
    g_test_add_func("/loadvm/uuid", test_uuid);
    g_test_add_func("/loadvm/capabilities", test_capabilities);
    g_test_add_func("/loadvm/commands", test_commands);
    g_test_add_func("/loadvm/ignored", test_ignored);
    g_test_add_func("/loadvm/global-state", test_global_state);
    g_test_add_func("/loadvm/thread", test_thread);
    g_test_add_func("/loadvm/thread-needed", test_thread_needed);
    return g_test_run();
}
