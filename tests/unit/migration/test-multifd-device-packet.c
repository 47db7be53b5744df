/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets with device state: what is sent, byte by byte, and damaged ones,
 * each field wrong in each way it can be.  What is refused names the field and
 * the value.
 */
#include "qemu/osdep.h"

#include <sys/socket.h>

#include "io/channel-buffer.h"
#include "io/channel-socket.h"
#include "machine-pair.h"
#include "migration/multifd-internal.h"

#define LEN 21 /* of the data, unless a case says otherwise */
#define HEADER sizeof(MultiFDPacketDevice)

/* ---- one receiving channel without a thread ---- */

typedef struct Rig {
    TestMachine *t;
    MultiFDRecv *mr;
    MultiFDRecvParams *p;
    MultiFDCounters counters;
    MigrationOptions options;
    GByteArray *taken; /* by the device */
    unsigned pieces;
    bool refuse;
} Rig;

static void *rig_find(void *opaque, const char *idstr, uint32_t instance_id,
                      Error **errp)
{
    if (!strcmp(idstr, "widget") && instance_id == 0x01020304) {
        return opaque;
    }
    error_setg(errp, "no '%s' instance %u", idstr, instance_id);
    return NULL;
}

static bool rig_load(void *device, uint8_t *data, size_t len, Error **errp)
{
    Rig *rig = device;

    g_byte_array_append(rig->taken, data, len);
    g_free(data);
    rig->pieces++;
    if (rig->refuse) {
        error_setg(errp, "not wanted");
    }
    return !rig->refuse;
}

static void rig_ended(void *opaque, bool failed)
{
}

static const MultiFDDeviceOps rig_ops = {
    .find = rig_find,
    .load = rig_load,
    .ended = rig_ended,
};

static void rig_failed(void *opaque, int channel, const Error *err)
{
    g_assert_not_reached();
}

static Rig *rig_new(MultiFDCompression method)
{
    Rig *rig = g_new0(Rig, 1);

    migration_options_init(&rig->options);
    rig->options.multifd_channels = 1;
    rig->options.multifd_compression = method;
    rig->t = test_machine_new(MiB, 0, true);
    rig->mr = multifd_recv_new(rig->t->m, &rig->options, &rig->counters,
                               rig_failed, rig);
    multifd_recv_set_devices(rig->mr, &rig_ops, rig);
    rig->p = &rig->mr->params[0];
    rig->p->packet = g_new0(MultiFDPacket, 1);
    rig->p->synced = true;
    rig->taken = g_byte_array_new();
    return rig;
}

static void rig_free(Rig *rig)
{
    g_free(rig->p->packet);
    multifd_recv_set_devices(rig->mr, NULL, NULL);
    multifd_recv_free(rig->mr);
    g_byte_array_unref(rig->taken);
    test_machine_free(rig->t);
    g_free(rig);
}

/* All that is in @bytes: 0 at its end, else -1. */
static int rig_recv(Rig *rig, const GByteArray *bytes, Error **errp)
{
    g_autoptr(QIOChannelBuffer) buf = qio_channel_buffer_new(bytes->len);
    int ret;

    g_assert_true(qio_channel_write_all(QIO_CHANNEL(buf), bytes->data,
                                        bytes->len, NULL));
    rig->p->c = QIO_CHANNEL(buf);
    do {
        ret = multifd_recv_step(rig->p, errp);
    } while (ret > 0);
    rig->p->c = NULL;
    return ret;
}

/* ---- the table ---- */

typedef enum Place {
    HERE,        /* nothing special */
    BEFORE_SYNC, /* no sync point has come */
    NO_DEVICES,  /* nobody takes device state */
    WITH_ZLIB,   /* is the method here */
    REFUSING,    /* the device does not like it */
} Place;

typedef struct PacketCase {
    const char *name;
    uint32_t magic, version, flags, instance, size;
    const char *idstr;
    int fill;    /* what follows the name */
    size_t cut;  /* the stream ends after so many bytes; 0: at its end */
    Place place;
    const char *error; /* NULL: taken */
} PacketCase;

/* A good packet; the cases change something. */
#define PACKET                                                                 \
    .magic = MULTIFD_MAGIC, .version = 1, .flags = 0x40, .size = LEN,          \
    .instance = 0x01020304, .idstr = "widget"

#pragma GCC diagnostic ignored "-Woverride-init"
static const PacketCase cases[] = {
    { "good", PACKET },
    { "magic", PACKET, .magic = 0x44332211,
      .error = "magic 0x44332211, not 0x11223344" },
    { "magic-0", PACKET, .magic = 0, .error = "magic 0x00000000" },
    { "version-0", PACKET, .version = 0, .error = "version 0, only 1" },
    { "version-2", PACKET, .version = 2, .error = "version 2, only 1" },
    { "version-high", PACKET, .version = 0x80000001,
      .error = "version 2147483649, only 1" },
    { "sync", PACKET, .flags = 0x41,
      .error = "flags 0x41: a sync together with device state" },
    { "method-zlib", PACKET, .flags = 0x42,
      .error = "flags 0x42: device state with compression method 0x2" },
    { "method-zstd", PACKET, .flags = 0x44, .error = "method 0x4" },
    { "method-all", PACKET, .flags = 0x7e, .error = "method 0x3e" },
    { "unknown-flag", PACKET, .flags = 0xffffffc0 },
    { "zlib-here", PACKET, .place = WITH_ZLIB,
      .error = "device state, which does not go together with "
               "multifd-compression 'zlib'" },
    { "before-sync", PACKET, .place = BEFORE_SYNC,
      .error = "device state before the first sync point" },
    { "no-devices", PACKET, .place = NO_DEVICES,
      .error = "flags 0x40: device state, which nobody takes here" },
    { "idstr-other", PACKET, .idstr = "gadget",
      .error = "no 'gadget' instance 16909060" },
    { "idstr-prefix", PACKET, .idstr = "widge", .error = "no 'widge'" },
    { "idstr-longer", PACKET, .idstr = "widgets", .error = "no 'widgets'" },
    { "idstr-empty", PACKET, .idstr = "", .error = "no ''" },
    { "idstr-rest", PACKET, .fill = 0xff }, /* behind its end */
    { "idstr-endless", PACKET, .idstr = NULL, .fill = 'x',
      .error = "idstr 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...' without an end "
               "within 256 bytes" },
    { "idstr-control", PACKET, .idstr = NULL, .fill = 0x1b,
      .error = "idstr '\\033\\033" },
    { "instance-swapped", PACKET, .instance = 0x04030201,
      .error = "no 'widget' instance 67305985" },
    { "instance-max", PACKET, .instance = UINT32_MAX,
      .error = "instance 4294967295" },
    { "size-0", PACKET, .size = 0,
      .error = "'widget' instance 16909060 has next_packet_size 0, not 1 to "
               "67108864" },
    { "size-limit", PACKET, .size = 64 * MiB,
      .error = "device state for 'widget': " },
    { "size-more", PACKET, .size = 64 * MiB + 1,
      .error = "next_packet_size 67108865, not 1" },
    { "size-max", PACKET, .size = UINT32_MAX,
      .error = "next_packet_size 4294967295, not 1" },
    { "size-control", PACKET, .size = 0, .idstr = "\x1b[2J",
      .error = "'\\033[2J' instance" },
    { "size-less", PACKET, .size = LEN - 1, .error = "end-of-file" },
    { "size-one-more", PACKET, .size = LEN + 1,
      .error = "device state for 'widget': " },
    { "cut-begin", PACKET, .cut = 11, .error = "end-of-file" },
    { "cut-header", PACKET, .cut = 12, .error = "end-of-file" },
    { "cut-size", PACKET, .cut = HEADER - 1, .error = "end-of-file" },
    { "cut-data", PACKET, .cut = HEADER,
      .error = "device state for 'widget': " },
    { "cut-last", PACKET, .cut = HEADER + LEN - 1,
      .error = "device state for 'widget': " },
    { "refused", PACKET, .place = REFUSING, .error = "not wanted" },
};

static void put_packet(GByteArray *to, const PacketCase *c)
{
    MultiFDPacketDevice packet = {
        .hdr.magic = GUINT32_TO_BE(c->magic),
        .hdr.version = GUINT32_TO_BE(c->version),
        .hdr.flags = GUINT32_TO_BE(c->flags),
        .instance_id = GUINT32_TO_BE(c->instance),
        .next_packet_size = GUINT32_TO_BE(c->size),
    };

    memset(packet.idstr, c->fill, sizeof(packet.idstr));
    if (c->idstr) {
        memcpy(packet.idstr, c->idstr, strlen(c->idstr) + 1);
    }
    g_byte_array_append(to, (uint8_t *)&packet, sizeof(packet));
    for (uint8_t i = 0; i < LEN; i++) {
        g_byte_array_append(to, &i, 1);
    }
    if (c->cut) {
        g_byte_array_set_size(to, c->cut);
    }
}

static void test_packet(gconstpointer data)
{
    const PacketCase *c = data;
    Rig *rig = rig_new(c->place == WITH_ZLIB ? MULTIFD_COMPRESSION_ZLIB
                                             : MULTIFD_COMPRESSION_NONE);
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_autoptr(Error) err = NULL;
    int ret;

    put_packet(bytes, c);
    rig->p->synced = c->place != BEFORE_SYNC;
    rig->refuse = c->place == REFUSING;
    if (c->place == NO_DEVICES) {
        multifd_recv_set_devices(rig->mr, NULL, NULL);
    }
    ret = rig_recv(rig, bytes, &err);
    if (c->error) {
        g_assert_cmpint(ret, ==, -1);
        if (!strstr(error_get_pretty(err), c->error)) {
            g_error("refused with: %s", error_get_pretty(err));
        }
        /* A shorter size is noticed at what should be the next packet. */
        g_assert_cmpuint(rig->pieces, ==,
                         c->place == REFUSING || c->size == LEN - 1);
    } else {
        g_assert_no_error(err);
        g_assert_cmpint(ret, ==, 0);
        g_assert_cmpmem(rig->taken->data, rig->taken->len,
                        bytes->data + HEADER, LEN);
        g_assert_cmpuint(rig->counters.packets, ==, 1);
        g_assert_cmpuint(rig->counters.bytes, ==, HEADER + LEN);
    }
    rig_free(rig);
}

/* Between packets with memory and sync points, which are longer. */
static void test_mixed(void)
{
    static const PacketCase good = { "good", PACKET };
    MultiFDPacket sync = {
        .hdr.magic = GUINT32_TO_BE(MULTIFD_MAGIC),
        .hdr.version = GUINT32_TO_BE(MULTIFD_VERSION),
        .hdr.flags = GUINT32_TO_BE(MULTIFD_FLAG_SYNC),
    };
    Rig *rig = rig_new(MULTIFD_COMPRESSION_NONE);
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_autoptr(Error) err = NULL;

    for (int i = 0; i < 3; i++) {
        g_byte_array_append(bytes, (uint8_t *)&sync, sizeof(sync));
        put_packet(bytes, &good);
    }
    g_assert_cmpint(rig_recv(rig, bytes, &err), ==, 0);
    g_assert_no_error(err);
    g_assert_cmpuint(rig->pieces, ==, 3);
    g_assert_cmpuint(rig->taken->len, ==, 3 * LEN);
    g_assert_cmpuint(rig->counters.packets, ==, 6);
    rig_free(rig);
}

/* ---- what is sent ---- */

/* The format once more, without its structure. */
static void put_be32(uint8_t *at, uint32_t v)
{
    at[0] = v >> 24;
    at[1] = v >> 16;
    at[2] = v >> 8;
    at[3] = v;
}

static void test_sent(void)
{
    uint8_t want[276 + LEN] = { 0 }, got[276 + LEN];
    MultiFDCounters counters = { 0 };
    MigrationCounters sums = { 0 };
    MigrationOptions options;
    TestMachine *t = test_machine_new(MiB, 0, false);
    g_autoptr(QIOChannel) peer = NULL;
    g_autoptr(Error) err = NULL;
    MultiFDInit init;
    MultiFDSend *ms;
    int sv[2];

    put_be32(want, 0x11223344);
    put_be32(want + 4, 1);
    put_be32(want + 8, 0x40);
    memcpy(want + 12, "widget", 6);
    put_be32(want + 268, 0x01020304);
    put_be32(want + 272, LEN);
    memcpy(want + 276, "something to be known", LEN);
    migration_options_init(&options);
    options.multifd_channels = 1;
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), ==,
                    0);
    ms = multifd_send_new(t->m, &options, &sums, &counters, rig_failed, NULL);
    ms->params[0].c = QIO_CHANNEL(qio_channel_socket_new_fd(sv[0], NULL));
    peer = QIO_CHANNEL(qio_channel_socket_new_fd(sv[1], NULL));
    multifd_send_start(ms);
    for (int i = 0; i < 2; i++) {
        g_assert_true(multifd_queue_device_state(
            ms, "widget", 0x01020304, g_memdup2(want + 276, LEN), LEN, &err));
    }
    g_assert_true(multifd_send_sync(ms, MULTIFD_SYNC_LOCAL, &err));
    g_assert_true(qio_channel_read_all(peer, &init, sizeof(init), NULL));
    for (int i = 0; i < 2; i++) {
        g_assert_true(qio_channel_read_all(peer, got, sizeof(got), NULL));
        g_assert_cmpmem(got, sizeof(got), want, sizeof(want));
    }
    g_assert_cmpuint(counters.packets, ==, 2);
    g_assert_cmpuint(sums.multifd_bytes, ==, 64 + 2 * sizeof(want));
    multifd_send_cleanup(ms);
    multifd_send_free(ms);
    test_machine_free(t);
}

/* What cannot be sent; the data is freed whatever comes. */
static void test_not_sent(void)
{
    g_autofree char *name = g_strnfill(256, 'n');
    MultiFDCounters counters = { 0 };
    MigrationCounters sums = { 0 };
    MigrationOptions options;
    TestMachine *t = test_machine_new(MiB, 0, false);
    g_autoptr(Error) empty = NULL, named = NULL, late = NULL;
    MultiFDSend *ms;

    migration_options_init(&options);
    ms = multifd_send_new(t->m, &options, &sums, &counters, rig_failed, NULL);
    g_assert_true(multifd_device_state_supported(ms));
    g_assert_false(multifd_device_state_supported(NULL));
    g_assert_false(multifd_queue_device_state(ms, "widget", 0, g_malloc(1), 0,
                                              &empty));
    g_assert_false(multifd_queue_device_state(ms, name, 0, g_malloc(1), 1,
                                              &named));
    g_assert_nonnull(strstr(error_get_pretty(empty), "piece of 0 bytes"));
    g_assert_nonnull(strstr(error_get_pretty(named), "its name has 256"));
    g_assert_false(multifd_send_exiting(ms));
    multifd_send_shutdown(ms);
    g_assert_true(multifd_send_exiting(ms));
    g_assert_false(multifd_queue_device_state(ms, "widget", 0, g_malloc(1), 1,
                                              &late));
    g_assert_nonnull(strstr(error_get_pretty(late), "were shut down"));
    options.multifd_compression = MULTIFD_COMPRESSION_ZLIB;
    g_assert_false(multifd_device_state_supported(ms));
    multifd_send_free(ms);
    test_machine_free(t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    error_init("test-multifd-device-packet");
    multifd_methods_init();
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strconcat("/packet/", cases[i].name, NULL);

        if (cases[i].place == WITH_ZLIB &&
            !multifd_method_supported(MULTIFD_COMPRESSION_ZLIB)) {
            continue;
        }
        g_test_add_data_func(path, &cases[i], test_packet);
    }
    g_test_add_func("/mixed", test_mixed);
    g_test_add_func("/sent", test_sent);
    g_test_add_func("/not-sent", test_not_sent);
    return g_test_run();
}
