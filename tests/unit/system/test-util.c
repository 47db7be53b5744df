/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test-util.h"

#include <json-c/json.h>

const MachineType test_machine_type = {
    .name = "test",
    .desc = "for tests",
    .alias = "t",
    .default_ram_id = "ram",
    .max_cpus = 8,
    .has_cpu = true,
};

const MachineType *const machine_types[] = { &test_machine_type, NULL };

typedef struct EventLog {
    QapiEventSink sink;
    QemuMutex lock;
    GString *text;
} EventLog;

static void log_emit(QapiEventSink *sink, const char *event, json_object *data)
{
    EventLog *log = container_of(sink, EventLog, sink);
    json_object *reason;

    QEMU_LOCK_GUARD(&log->lock);
    g_string_append_printf(log->text, "%s%s", log->text->len ? " " : "",
                           event);
    if (data && json_object_object_get_ex(data, "reason", &reason)) {
        g_string_append_printf(log->text, ":%s",
                               json_object_get_string(reason));
    }
    json_object_put(data);
}

char *test_events(Machine *m)
{
    EventLog *log = container_of(machine_get_event_sink(m), EventLog, sink);
    char *text;

    QEMU_LOCK_GUARD(&log->lock);
    text = g_strdup(log->text->str);
    g_string_truncate(log->text, 0);
    return text;
}

Machine *test_machine_new(uint64_t ram_size, GType accel)
{
    MachineConfig config = { .type = &test_machine_type, .ram_size = ram_size };
    EventLog *log = g_new0(EventLog, 1);
    Machine *m = machine_new(&config);
    Error *err = NULL;

    log->sink.emit = log_emit;
    log->text = g_string_new(NULL);
    qemu_mutex_init(&log->lock);
    bql_lock(m);
    machine_set_event_sink(m, &log->sink);
    if (accel != G_TYPE_INVALID) {
        g_autoptr(Accel) a = g_object_new(accel, NULL);

        if (QEMU_ACCEL_GET_CLASS(a)->init) {
            QEMU_ACCEL_GET_CLASS(a)->init(a, m, &err);
            g_assert_no_error(err);
        }
        machine_set_accel(m, a);
    }
    machine_build(m, &err);
    g_assert_no_error(err);
    return m;
}

void test_machine_free(Machine *m)
{
    EventLog *log = container_of(machine_get_event_sink(m), EventLog, sink);

    machine_stop_cpus(m);
    bql_unlock(m);
    machine_free(m);
    g_string_free(log->text, true);
    qemu_mutex_destroy(&log->lock);
    g_free(log);
}

void test_expect_error(Error **err, const char *text)
{
    g_assert_nonnull(*err);
    g_assert_cmpstr(error_get_pretty(*err), ==, text);
    g_clear_pointer(err, error_free);
}
