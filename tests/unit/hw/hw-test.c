/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the device tests share. */
#include "qemu/osdep.h"

#include "hw-test.h"

#include "io/channel-buffer.h"
#include "migration/qemu-file.h"
#include "qemu/clock.h"
#include "system/runstate.h"

/* ---- the host's clocks ---- */

static int64_t host_ns;
static int64_t wall_jump;

static int64_t fake_monotonic(void *opaque)
{
    return host_ns;
}

static int64_t fake_wall(void *opaque)
{
    return HW_TEST_WALL_S * 1000000 + (host_ns + wall_jump) / 1000;
}

static const ClockBackend fake_clock = {
    .monotonic_ns = fake_monotonic,
    .wall_us = fake_wall,
};

/* ---- the machine ---- */

Machine *hw_test_machine(const char *properties, Chardev *serial)
{
    g_auto(GStrv) list = g_strsplit(properties ? properties : "", ",", -1);
    MachineConfig config = {
        .type = machine_type_find("microvm"),
        .ram_size = 2 * MiB,
        .serials = &serial,
        .n_serials = 1,
        .autostart = true,
    };
    Error *err = NULL;
    Machine *m;

    host_ns = 0;
    wall_jump = 0;
    clock_set_backend(&fake_clock);
    for (size_t i = 0; list[i]; i++) {
        g_auto(GStrv) pair = g_strsplit(list[i], "=", 2);

        g_assert_true(machine_set_property(&config, pair[0], pair[1], &err));
    }
    m = machine_new(&config);
    g_clear_pointer(&config.properties, g_hash_table_unref);
    bql_lock(m);
    vclock_set_manual(m, true);
    machine_build(m, &err);
    g_assert_no_error(err);
    vm_start(m);
    return m;
}

void hw_test_machine_free(Machine *m)
{
    bql_unlock(m);
    machine_free(m);
    clock_set_backend(NULL);
}

void hw_test_step(Machine *m, int64_t ns)
{
    int64_t end = vclock_get_ns(m) + ns;

    /* Timers look at both clocks: move them from expiry to expiry. */
    for (;;) {
        int64_t next = vclock_next_deadline(m);
        int64_t to = next < 0 || next > end ? end : next;

        host_ns += MAX(to - vclock_get_ns(m), 0);
        g_assert_true(vclock_set_ns(m, MAX(to, vclock_get_ns(m))));
        if (to == end) {
            break;
        }
    }
}

void hw_test_jump(int64_t ns)
{
    wall_jump += ns;
}

Device *hw_test_device(Machine *m, const char *name, unsigned n)
{
    size_t count;
    Device *const *devices = machine_get_devices(m, &count);

    for (size_t i = 0; i < count; i++) {
        const VMStateDescription *vmsd =
            QEMU_DEVICE_GET_CLASS(devices[i])->vmsd;

        if (vmsd && g_str_equal(vmsd->name, name) && n-- == 0) {
            return devices[i];
        }
    }
    return NULL;
}

uint8_t hw_in(Machine *m, uint16_t port)
{
    return ioport_in(m, port, 1);
}

void hw_out(Machine *m, uint16_t port, uint8_t val)
{
    ioport_out(m, port, val, 1);
}

/* ---- sections ---- */

GByteArray *hw_test_save(Device *dev)
{
    g_autoptr(QIOChannelBuffer) ioc = qio_channel_buffer_new(4096);
    QEMUFile *f = qemu_file_new_output(QIO_CHANNEL(ioc));
    GByteArray *out = g_byte_array_new();
    Error *err = NULL;
    const uint8_t *data;
    size_t len;

    vmstate_save(f, QEMU_DEVICE_GET_CLASS(dev)->vmsd, dev, &err);
    g_assert_no_error(err);
    g_assert_true(qemu_fflush(f));
    data = qio_channel_buffer_data(ioc, &len);
    g_byte_array_append(out, data, len);
    qemu_fclose(f, &err);
    g_assert_no_error(err);
    return out;
}

bool hw_test_load(Device *dev, const void *data, size_t len, int version,
                  Error **errp)
{
    g_autoptr(QIOChannelBuffer) ioc = qio_channel_buffer_new(4096);
    Error *err = NULL;
    QEMUFile *f;
    bool ok;

    qio_channel_write_all(QIO_CHANNEL(ioc), data, len, &err);
    g_assert_no_error(err);
    f = qemu_file_new_input(QIO_CHANNEL(ioc));
    ok = vmstate_load(f, QEMU_DEVICE_GET_CLASS(dev)->vmsd, dev, version, errp);
    if (ok) {
        g_assert_false(qemu_file_has_error(f));
        g_assert_cmpint(qemu_peek_byte(f, 0), ==, -1); /* all consumed */
    }
    qemu_file_free(f);
    return ok;
}

bool hw_test_has(const GByteArray *payload, const char *name)
{
    return memmem(payload->data, payload->len, name, strlen(name)) != NULL;
}

/* ---- the back-end: takes the place of system/chardev ---- */

struct _FakeChardev {
    GObject parent_instance;
    const ChardevHandlers *handlers;
    void *opaque;
    size_t room;
    GString *output;
};

G_DECLARE_FINAL_TYPE(FakeChardev, fake_chardev, FAKE, CHARDEV, GObject)
G_DEFINE_TYPE(FakeChardev, fake_chardev, G_TYPE_OBJECT)

static void fake_chardev_finalize(GObject *obj)
{
    FakeChardev *chr = FAKE_CHARDEV(obj);

    g_assert_null(chr->handlers); /* whoever attached has detached */
    g_string_free(chr->output, true);
    G_OBJECT_CLASS(fake_chardev_parent_class)->finalize(obj);
}

static void fake_chardev_class_init(FakeChardevClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = fake_chardev_finalize;
}

static void fake_chardev_init(FakeChardev *chr)
{
    chr->output = g_string_new(NULL);
    chr->room = SIZE_MAX;
}

/* Devices see a Chardev only through the functions below. */
static FakeChardev *fake(Chardev *chr)
{
    return (FakeChardev *)chr;
}

Chardev *fake_chardev_new(void)
{
    return (Chardev *)g_object_new(fake_chardev_get_type(), NULL);
}

void fake_chardev_set_room(Chardev *chr, size_t room)
{
    fake(chr)->room = room;
}

const char *fake_chardev_output(Chardev *chr)
{
    return fake(chr)->output->str;
}

size_t fake_chardev_input(Chardev *chr, const char *text)
{
    FakeChardev *f = fake(chr);
    size_t n = MIN(f->handlers->can_read(f->opaque), strlen(text));

    if (n) {
        f->handlers->read(f->opaque, (const uint8_t *)text, n);
    }
    return n;
}

bool chardev_attach(Chardev *chr, const ChardevHandlers *h, void *opaque,
                    GMainContext *context, Error **errp)
{
    fake(chr)->handlers = h;
    fake(chr)->opaque = opaque;
    return true;
}

void chardev_detach(Chardev *chr)
{
    fake(chr)->handlers = NULL;
}

size_t chardev_write(Chardev *chr, const void *buf, size_t len)
{
    size_t n = MIN(len, fake(chr)->room);

    fake(chr)->room -= n;
    g_string_append_len(fake(chr)->output, buf, n);
    return n;
}

void chardev_accept_input(Chardev *chr)
{
}
