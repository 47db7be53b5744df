/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtual clock, timers, and their place in a stream. */
#include "test-util.h"

#include "io/channel-buffer.h"
#include "migration/qemu-file.h"
#include "migration/savevm-internal.h"
#include "qemu/clock.h"
#include "system/vclock.h"

typedef struct Alarm {
    Machine *machine;
    VTimer *timer;
    GString *log;
    int64_t again; /* re-arm after that many ns, 0: no */
    char name;
} Alarm;

static void rings(void *opaque)
{
    Alarm *a = opaque;

    g_assert_true(bql_locked(a->machine));
    g_assert_false(vtimer_pending(a->timer));
    g_string_append_printf(a->log, "%c@%" PRId64 " ", a->name,
                           vclock_get_ns(a->machine));
    if (a->again) {
        vtimer_mod(a->timer, vclock_get_ns(a->machine) + a->again);
    }
}

static Alarm *alarm_new(Machine *m, char name, GString *log)
{
    Alarm *a = g_new0(Alarm, 1);

    a->machine = m;
    a->name = name;
    a->log = log;
    a->timer = vtimer_new(m, rings, a);
    return a;
}

static void alarm_free(Alarm *a)
{
    vtimer_free(a->timer);
    g_free(a);
}

static void test_manual(void)
{
    Machine *m = test_machine_new(0, G_TYPE_INVALID);
    g_autoptr(GString) log = g_string_new(NULL);
    Alarm *a = alarm_new(m, 'a', log);
    Alarm *b = alarm_new(m, 'b', log);

    vclock_set_manual(m, true);
    g_assert_cmpint(vclock_get_ns(m), ==, 0);
    g_assert_cmpint(vclock_next_deadline(m), ==, -1);
    g_assert_cmpint(vtimer_expire_ns(a->timer), ==, -1);
    vtimer_mod(a->timer, 300);
    vtimer_mod(b->timer, 100);
    a->again = 50;
    g_assert_cmpint(vclock_next_deadline(m), ==, 100);
    g_assert_true(vclock_set_ns(m, 99));
    g_assert_cmpstr(log->str, ==, "");
    /* Each callback sees its own time, in order, re-armed ones too. */
    g_assert_true(vclock_set_ns(m, 360));
    g_assert_cmpstr(log->str, ==, "b@100 a@300 a@350 ");
    g_assert_cmpint(vclock_get_ns(m), ==, 360);
    g_assert_false(vclock_set_ns(m, 359));
    g_assert_true(vtimer_pending(a->timer));
    vtimer_del(a->timer);
    g_assert_false(vtimer_pending(a->timer));
    g_assert_true(vclock_set_ns(m, 1000));
    g_assert_cmpint(log->len, ==, strlen("b@100 a@300 a@350 "));

    /* Equal expiry: first armed, first served. */
    g_string_truncate(log, 0);
    a->again = 0;
    vtimer_mod(b->timer, 2000);
    vtimer_mod(a->timer, 2000);
    vclock_set_ns(m, 2000);
    g_assert_cmpstr(log->str, ==, "b@2000 a@2000 ");
    alarm_free(a);
    alarm_free(b);
    test_machine_free(m);
}

/* Host time stands still but for what the test adds. */
static int64_t fake_now;

static int64_t fake_monotonic(void *opaque)
{
    return fake_now;
}

static int64_t fake_wall(void *opaque)
{
    return 0;
}

static void fake_sleep(void *opaque, int64_t ns)
{
    fake_now += ns;
}

static void test_runs_with_guest(void)
{
    static const ClockBackend backend = {
        fake_monotonic, fake_wall, fake_sleep, NULL,
    };
    Machine *m = test_machine_new(0, G_TYPE_INVALID);
    int64_t ticks;

    fake_now = 1000000;
    clock_set_backend(&backend);
    g_assert_cmpint(vclock_get_ns(m), ==, 0);
    fake_now += 500;
    g_assert_cmpint(vclock_get_ns(m), ==, 0);
    vm_start(m);
    fake_now += 700;
    g_assert_cmpint(vclock_get_ns(m), ==, 700);
    vm_stop(m, RUN_STATE_PAUSED, NULL);
    ticks = vclock_get_ticks(m);
    g_assert_cmpint(ticks, >, 0);
    fake_now += 10000;
    g_assert_cmpint(vclock_get_ns(m), ==, 700);
    g_assert_cmpint(vclock_get_ticks(m), ==, ticks);
    vm_start(m);
    g_assert_cmpint(vclock_get_ns(m), ==, 700);
    g_assert_cmpint(vclock_get_ticks(m), >, ticks);
    vm_stop(m, RUN_STATE_PAUSED, NULL);
    clock_set_backend(NULL);
    test_machine_free(m);
}

/* With real time, in the main loop; only while the guest runs. */
static void test_main_loop(void)
{
    Machine *m = test_machine_new(0, G_TYPE_INVALID);
    g_autoptr(GString) log = g_string_new(NULL);
    Alarm *a = alarm_new(m, 'a', log);

    vtimer_mod(a->timer, 0);
    g_assert_false(g_main_context_iteration(NULL, false));
    vm_start(m);
    vtimer_mod(a->timer, vclock_get_ns(m) + 2 * NSEC_PER_MSEC);
    bql_unlock(m);
    while (log->len == 0) {
        g_main_context_iteration(NULL, true);
    }
    bql_lock(m);
    g_assert_cmpint(log->str[0], ==, 'a');
    vm_stop(m, RUN_STATE_PAUSED, NULL);
    alarm_free(a);
    test_machine_free(m);
}

/* ---- in the stream ---- */

/* Load @bytes into section `timer` of @m. */
static bool load_timer(Machine *m, const void *bytes, size_t len, int version,
                       Error **errp)
{
    const SaveStateEntry *se =
        savevm_registry_find(machine_get_savevm(m), "timer", 0);
    QIOChannelBuffer *ioc = qio_channel_buffer_new(len);
    QEMUFile *f;
    bool ok;

    g_assert_true(qio_channel_write_all(QIO_CHANNEL(ioc), bytes, len, NULL));
    f = qemu_file_new_input(QIO_CHANNEL(ioc));
    ok = vmstate_load(f, se->vmsd, se->opaque, version, errp);
    qemu_file_free(f);
    g_object_unref(ioc);
    return ok;
}

static const uint8_t timer_bytes[] = {
    0, 0, 0, 0, 0, 0, 0x12, 0x34, /* ticks */
    0, 0, 0, 0, 0, 0, 0, 0,       /* unused */
    0, 0, 0, 0, 0, 0x0f, 0x42, 0x40, /* a million ns */
};

static void test_section(void)
{
    Machine *m = test_machine_new(0, G_TYPE_INVALID);
    const SaveStateEntry *se =
        savevm_registry_find(machine_get_savevm(m), "timer", 0);
    QIOChannelBuffer *ioc = qio_channel_buffer_new(64);
    QEMUFile *f = qemu_file_new_output(QIO_CHANNEL(ioc));
    const uint8_t *out;
    Error *err = NULL;
    size_t len;

    g_assert_true(load_timer(m, timer_bytes, sizeof(timer_bytes), 2, &err));
    g_assert_no_error(err);
    g_assert_cmpint(vclock_get_ns(m), ==, 1000000);
    g_assert_cmpint(vclock_get_ticks(m), ==, 0x1234);

    g_assert_true(vmstate_save(f, se->vmsd, se->opaque, &err));
    g_assert_true(qemu_fflush(f));
    out = qio_channel_buffer_data(ioc, &len);
    g_assert_cmpmem(out, len, timer_bytes, sizeof(timer_bytes));
    qemu_file_free(f);
    g_object_unref(ioc);

    /* Version 1 has no clock. */
    g_assert_true(load_timer(m, timer_bytes, 16, 1, &err));
    g_assert_cmpint(vclock_get_ns(m), ==, 0);
    test_machine_free(m);
}

static void test_section_bad(void)
{
    Machine *m = test_machine_new(0, G_TYPE_INVALID);
    uint8_t bytes[sizeof(timer_bytes)];
    Error *err = NULL;

    memcpy(bytes, timer_bytes, sizeof(bytes));
    bytes[16] = 0xff;
    g_assert_false(load_timer(m, bytes, sizeof(bytes), 2, &err));
    g_assert_nonnull(strstr(error_get_pretty(err), "cpu_clock_offset"));
    g_clear_pointer(&err, error_free);
    g_assert_false(load_timer(m, timer_bytes, 7, 2, &err));
    g_clear_pointer(&err, error_free);
    g_assert_false(load_timer(m, timer_bytes, sizeof(bytes), 3, &err));
    g_clear_pointer(&err, error_free);
    test_machine_free(m);
}

/* A guest run by instruction count: read, and refused where it matters. */
static void test_section_icount(void)
{
    static const char icount[] =
        "\x05\x0c" "timer/icount" "\0\0\0\x01"
        "\0\0\0\0\0\0\0\x07" "\0\0\0\0\0\0\0\x09"
        "\x05\x17" "timer/icount/warp_timer" "\0\0\0\x01"
        "\xff\xff\xff\xff\xff\xff\xff\xff"
        "\xff\xff\xff\xff\xff\xff\xff\xff"
        "\x05\x13" "timer/icount/timers" "\0\0\0\x01"
        "\0\0\0\0\0\0\0\0" "\0\0\0\0\0\0\0\0"
        "\x05\x12" "timer/icount/shift" "\0\0\0\x02"
        "\0\x03" "\0\0\0\0\0\0\0\0";
    Machine *m = test_machine_new(0, G_TYPE_INVALID);
    uint8_t bytes[sizeof(timer_bytes) + sizeof(icount) - 1];
    Error *err = NULL;

    memcpy(bytes, timer_bytes, sizeof(timer_bytes));
    memcpy(bytes + sizeof(timer_bytes), icount, sizeof(icount) - 1);
    g_assert_true(load_timer(m, bytes, sizeof(bytes), 2, &err));
    g_assert_no_error(err);
    g_assert_nonnull(cpu_create(m, 0, &err));
    g_assert_false(load_timer(m, bytes, sizeof(bytes), 2, &err));
    g_assert_nonnull(strstr(error_get_pretty(err), "instruction count"));
    g_clear_pointer(&err, error_free);
    test_machine_free(m);
}

typedef struct Device1 {
    VTimer *timer;
} Device1;

static const VMStateDescription vmstate_device1 = {
    .name = "device1",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]){
        VMSTATE_VTIMER(timer, Device1),
        VMSTATE_END_OF_LIST(),
    },
};

static void test_vtimer_field(void)
{
    static const struct {
        const char *bytes;
        bool ok;
        int64_t expire;
    } cases[] = {
        { "\0\0\0\0\0\0\x01\0", true, 256 },
        { "\xff\xff\xff\xff\xff\xff\xff\xff", true, -1 },
        { "\x80\0\0\0\0\0\0\0", false, 77 },
    };
    Machine *m = test_machine_new(0, G_TYPE_INVALID);
    g_autoptr(GString) log = g_string_new(NULL);
    Alarm *a = alarm_new(m, 'a', log);

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        QIOChannelBuffer *ioc = qio_channel_buffer_new(8);
        g_autoptr(Error) err = NULL;
        Device1 dev = { .timer = a->timer };
        Device1 none = { .timer = NULL };
        QEMUFile *f;

        vtimer_mod(a->timer, 77);
        qio_channel_write_all(QIO_CHANNEL(ioc), cases[i].bytes, 8, NULL);
        qio_channel_write_all(QIO_CHANNEL(ioc), cases[i].bytes, 8, NULL);
        f = qemu_file_new_input(QIO_CHANNEL(ioc));
        g_assert_true(vmstate_load(f, &vmstate_device1, &dev, 1, &err)
                      == cases[i].ok);
        g_assert_cmpint(vtimer_expire_ns(a->timer), ==, cases[i].expire);
        if (cases[i].ok) {
            g_assert_true(vmstate_load(f, &vmstate_device1, &none, 1, &err));
        }
        qemu_file_free(f);
        g_object_unref(ioc);
    }
    alarm_free(a);
    test_machine_free(m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vclock/manual", test_manual);
    g_test_add_func("/vclock/runs-with-guest", test_runs_with_guest);
    g_test_add_func("/vclock/main-loop", test_main_loop);
    g_test_add_func("/vclock/section", test_section);
    g_test_add_func("/vclock/section-bad", test_section_bad);
    g_test_add_func("/vclock/section-icount", test_section_icount);
    g_test_add_func("/vclock/vtimer-field", test_vtimer_field);
    return g_test_run();
}
