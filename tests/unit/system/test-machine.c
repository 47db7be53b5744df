/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine: several in one process, its lock, run state, requests. */
#include "test-util.h"

#include "qapi/qapi-commands-run-state.h"

/* ---- two machines ---- */

static void test_two_machines(void)
{
    Machine *a = test_machine_new(4 * MiB, G_TYPE_INVALID);
    Machine *b = test_machine_new(8 * MiB, G_TYPE_INVALID);
    uint64_t val = 0x1122334455667788;

    g_assert_true(bql_locked(a) && bql_locked(b));
    bql_unlock(b);
    g_assert_true(bql_locked(a));
    g_assert_false(bql_locked(b));
    bql_lock(b);

    memory_write(a, 0x1000, &val, 8);
    g_assert_cmphex(memory_load(a, 0x1000, 8), ==, val);
    g_assert_cmphex(memory_load(b, 0x1000, 8), ==, 0);
    g_assert_cmpuint(machine_get_ram_size(b), ==, 8 * MiB);

    vm_start(a);
    g_assert_true(runstate_is_running(a));
    g_assert_false(runstate_is_running(b));
    assert_events(a, "RESUME");
    assert_events(b, "");
    vm_stop(a, RUN_STATE_PAUSED, NULL);
    bql_unlock(b); /* always taken in the same order */
    test_machine_free(a);
    bql_lock(b);
    g_assert_cmphex(memory_load(b, 0, 1), ==, 0);
    test_machine_free(b);
}

static void test_identity(void)
{
    MachineConfig config = {
        .type = &test_machine_type,
        .name = "guest",
        .uuid = "00112233-4455-6677-8899-aabbccddeeff",
        .kernel = "/boot/image",
    };
    Machine *m = machine_new(&config);
    uint8_t uuid[16];

    g_assert_true(machine_get_uuid(m, uuid));
    for (unsigned i = 0; i < 16; i++) {
        g_assert_cmphex(uuid[i], ==, i * 0x11);
    }
    g_assert_cmpstr(machine_get_name(m), ==, "guest");
    g_assert_cmpstr(machine_get_kernel(m), ==, "/boot/image");
    g_assert_null(machine_get_ram(m));
    g_assert_true(machine_type_find("t") == &test_machine_type);
    g_assert_null(machine_type_find("nosuch"));
    machine_free(m);
}

/* ---- the lock ---- */

typedef struct LockUser {
    Machine *machine;
    QemuThread thread;
    unsigned *counter;
} LockUser;

static void *lock_user(void *arg)
{
    LockUser *u = arg;

    g_assert_false(bql_locked(u->machine));
    for (unsigned i = 0; i < 10000; i++) {
        bql_lock(u->machine);
        g_assert_true(bql_locked(u->machine));
        (*u->counter)++;
        bql_unlock(u->machine);
    }
    return NULL;
}

static void test_lock(void)
{
    Machine *m = test_machine_new(0, G_TYPE_INVALID);
    LockUser users[4];
    unsigned counter = 0;

    bql_unlock(m);
    for (unsigned i = 0; i < 4; i++) {
        users[i] = (LockUser){ .machine = m, .counter = &counter };
        qemu_thread_create(&users[i].thread, "user", lock_user, &users[i]);
    }
    for (unsigned i = 0; i < 4; i++) {
        qemu_thread_join(&users[i].thread);
    }
    bql_lock(m);
    g_assert_cmpuint(counter, ==, 40000);
    test_machine_free(m);
}

/* ---- run state ---- */

static void test_transitions(void)
{
    static const RunState good[][2] = {
        { RUN_STATE_PRELAUNCH, RUN_STATE_RUNNING },
        { RUN_STATE_RUNNING, RUN_STATE_FINISH_MIGRATE },
        { RUN_STATE_FINISH_MIGRATE, RUN_STATE_POSTMIGRATE },
        { RUN_STATE_FINISH_MIGRATE, RUN_STATE_RUNNING },
        { RUN_STATE_POSTMIGRATE, RUN_STATE_RUNNING },
        { RUN_STATE_INMIGRATE, RUN_STATE_PAUSED },
        { RUN_STATE_PAUSED, RUN_STATE_PAUSED },
    };
    static const RunState bad[][2] = {
        { RUN_STATE_RUNNING, RUN_STATE_INMIGRATE },
        { RUN_STATE_RUNNING, RUN_STATE_PRELAUNCH },
        { RUN_STATE_SHUTDOWN, RUN_STATE_RUNNING },
        { RUN_STATE_INTERNAL_ERROR, RUN_STATE_RUNNING },
        { RUN_STATE_RUNNING, RUN_STATE__MAX },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        g_assert_true(runstate_transition_ok(good[i][0], good[i][1]));
    }
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_false(runstate_transition_ok(bad[i][0], bad[i][1]));
    }
}

static void count_changes(void *opaque, bool running, RunState state)
{
    unsigned *count = opaque;

    g_assert_true(running == (state == RUN_STATE_RUNNING));
    (*count)++;
}

static void test_stop_cont(void)
{
    Machine *m = test_machine_new(0, G_TYPE_INVALID);
    unsigned changes = 0;
    Error *err = NULL;

    runstate_add_notifier(m, count_changes, &changes);
    g_assert_cmpint(runstate_get(m), ==, RUN_STATE_PRELAUNCH);
    g_assert_true(runstate_stop(m, &err)); /* nothing to stop */
    g_assert_cmpint(runstate_get(m), ==, RUN_STATE_PRELAUNCH);
    g_assert_true(runstate_cont(m, &err));
    g_assert_true(runstate_cont(m, &err));
    assert_events(m, "RESUME");
    g_assert_true(runstate_stop(m, &err));
    g_assert_true(runstate_stop(m, &err));
    g_assert_cmpint(runstate_get(m), ==, RUN_STATE_PAUSED);
    assert_events(m, "STOP");
    g_assert_cmpuint(changes, ==, 2);

    runstate_remove_notifier(m, count_changes, &changes);
    g_assert_true(runstate_cont(m, &err));
    g_assert_cmpuint(changes, ==, 2);
    vm_stop(m, RUN_STATE_FINISH_MIGRATE, &err);
    g_assert_no_error(err);
    g_assert_false(runstate_cont(m, &err));
    test_expect_error(&err, "Migration is not finalized yet");
    runstate_set(m, RUN_STATE_POSTMIGRATE);
    g_assert_true(runstate_cont(m, &err));
    vm_stop(m, RUN_STATE_INTERNAL_ERROR, &err);
    g_assert_false(runstate_cont(m, &err));
    test_expect_error(&err, "Resetting the Virtual Machine is required");
    g_assert_false(vm_stop(m, RUN_STATE_INMIGRATE, &err));
    test_expect_error(&err, "the guest cannot go from state 'internal-error' "
                            "to 'inmigrate'");
    test_machine_free(m);
}

static void test_inmigrate(void)
{
    MachineConfig config = {
        .type = &test_machine_type, .incoming = true, .autostart = true,
    };
    Machine *m = machine_new(&config);

    bql_lock(m);
    g_assert_cmpint(runstate_get(m), ==, RUN_STATE_INMIGRATE);
    g_assert_true(runstate_get_autostart(m));
    runstate_stop(m, NULL);
    g_assert_false(runstate_get_autostart(m));
    runstate_cont(m, NULL);
    g_assert_true(runstate_get_autostart(m));
    g_assert_cmpint(runstate_get(m), ==, RUN_STATE_INMIGRATE);
    bql_unlock(m);
    machine_free(m);
}

/* A guest that slept goes on sleeping after stop and cont. */
static void test_suspended(void)
{
    Machine *m = test_machine_new(0, G_TYPE_INVALID);

    runstate_set(m, RUN_STATE_SUSPENDED);
    runstate_stop(m, NULL);
    g_assert_cmpint(runstate_get(m), ==, RUN_STATE_PAUSED);
    g_assert_true(runstate_get_was_suspended(m));
    runstate_cont(m, NULL);
    g_assert_cmpint(runstate_get(m), ==, RUN_STATE_SUSPENDED);
    assert_events(m, "STOP RESUME");
    test_machine_free(m);
}

/* ---- requests ---- */

static void note_shutdown(void *opaque)
{
    *(bool *)opaque = true;
}

static void test_requests(void)
{
    Machine *m = test_machine_new(0, G_TYPE_INVALID);
    QmpContext ctx = { .machine = m };
    bool ended = false;

    runstate_set_shutdown_handler(m, note_shutdown, &ended);
    vm_start(m);
    qmp_system_reset(&ctx, NULL);
    assert_events(m, "RESUME RESET:host-qmp-system-reset");
    g_assert_true(runstate_is_running(m));

    vm_stop(m, RUN_STATE_PAUSED, NULL);
    qmp_system_reset(&ctx, NULL);
    g_assert_cmpint(runstate_get(m), ==, RUN_STATE_PRELAUNCH);
    assert_events(m, "STOP RESET:host-qmp-system-reset");

    /* By the main loop, which does not hold our lock here. */
    system_stop_request(m, RUN_STATE_IO_ERROR); /* stands already: nothing */
    system_shutdown_request(m, SHUTDOWN_CAUSE_HOST_SIGNAL);
    bql_unlock(m);
    while (g_main_context_iteration(NULL, false)) {
    }
    bql_lock(m);
    g_assert_true(ended);
    assert_events(m, "SHUTDOWN:host-signal");
    test_machine_free(m);
}

static void test_reset_waits(void)
{
    Machine *m = test_machine_new(0, G_TYPE_INVALID);

    vm_start(m);
    vm_stop(m, RUN_STATE_FINISH_MIGRATE, NULL);
    assert_events(m, "RESUME STOP");
    system_reset_request(m, SHUTDOWN_CAUSE_GUEST_RESET);
    system_handle_requests(m);
    g_assert_cmpint(runstate_get(m), ==, RUN_STATE_FINISH_MIGRATE);
    assert_events(m, "");
    runstate_set(m, RUN_STATE_POSTMIGRATE);
    bql_unlock(m);
    while (g_main_context_iteration(NULL, false)) {
    }
    bql_lock(m);
    g_assert_cmpint(runstate_get(m), ==, RUN_STATE_PRELAUNCH);
    assert_events(m, "RESET:guest-reset");
    test_machine_free(m);
}

static void test_actions(void)
{
    Machine *m = test_machine_new(0, G_TYPE_INVALID);
    bool ended = false;

    runstate_set_shutdown_handler(m, note_shutdown, &ended);
    runstate_set_actions(m, true, true);
    vm_start(m);
    system_reset_request(m, SHUTDOWN_CAUSE_GUEST_RESET);
    system_handle_requests(m);
    g_assert_false(ended);
    g_assert_cmpint(runstate_get(m), ==, RUN_STATE_SHUTDOWN);
    assert_events(m, "RESUME SHUTDOWN:guest-reset STOP");
    system_shutdown_request(m, SHUTDOWN_CAUSE_HOST_QMP_QUIT);
    system_handle_requests(m);
    g_assert_true(ended);
    test_machine_free(m);
}

int main(int argc, char **argv)
{
    error_init(argv[0]);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/machine/two", test_two_machines);
    g_test_add_func("/machine/identity", test_identity);
    g_test_add_func("/machine/lock", test_lock);
    g_test_add_func("/runstate/transitions", test_transitions);
    g_test_add_func("/runstate/stop-cont", test_stop_cont);
    g_test_add_func("/runstate/inmigrate", test_inmigrate);
    g_test_add_func("/runstate/suspended", test_suspended);
    g_test_add_func("/runstate/requests", test_requests);
    g_test_add_func("/runstate/reset-waits", test_reset_waits);
    g_test_add_func("/runstate/actions", test_actions);
    return g_test_run();
}
