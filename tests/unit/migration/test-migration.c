/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole migrations between two machines in one process. */
#include "qemu/osdep.h"

#include <glib/gstdio.h>

#include "machine-pair.h"
#include "qapi/qapi-commands-migration.h"
#include "qemu/atomic.h"
#include "system/runstate.h"

#define RAM_SIZE (8 * MiB)

static const MigrationCapability with_return_path[] = {
    MIGRATION_CAPABILITY_RETURN_PATH,
    MIGRATION_CAPABILITY_EVENTS,
};

/* ---- success ---- */

static void check_moved(TestMachine *src, TestMachine *dst)
{
    g_assert_cmpint(test_wait_source(src, dst), ==,
                    MIGRATION_STATUS_COMPLETED);
    g_assert_cmpint(test_wait_destination(src, dst), ==,
                    MIGRATION_STATUS_COMPLETED);
    g_assert_cmpint(runstate_get(src->m), ==, RUN_STATE_POSTMIGRATE);
    test_assert_same_ram(src, dst);
}

static void test_stopped(gconstpointer data)
{
    uint32_t flags = GPOINTER_TO_UINT(data);
    TestMachine *src = test_machine_new(RAM_SIZE, flags, false);
    TestMachine *dst = test_machine_new(RAM_SIZE, flags, true);

    test_fill(src, 1);
    test_migrate_socketpair(src, dst, NULL, 0);
    check_moved(src, dst);
    g_assert_cmpint(runstate_get(dst->m), ==, RUN_STATE_PRELAUNCH);
    test_machine_free(src);
    test_machine_free(dst);
}

static void test_running(gconstpointer data)
{
    uint32_t flags = GPOINTER_TO_UINT(data);
    TestMachine *src = test_machine_new(RAM_SIZE, flags, false);
    TestMachine *dst = test_machine_new(RAM_SIZE, flags, true);
    TestGuest *g;

    test_fill(src, 2);
    test_machine_start(src);
    g = test_guest_new(src, 100, 500, 20);
    test_set_bandwidth(src, 50 * MiB);
    test_migrate_socketpair(src, dst, with_return_path, 2);
    check_moved(src, dst);
    test_guest_stop(g);
    test_assert_guest_ram(dst, g);
    g_assert_cmpint(runstate_get(dst->m), ==, RUN_STATE_RUNNING);
    test_guest_free(g);
    test_machine_free(src);
    test_machine_free(dst);
}

/* Events in the order that clients know. */
static void test_events(void)
{
    TestMachine *src = test_machine_new(RAM_SIZE, 0, false);
    TestMachine *dst = test_machine_new(RAM_SIZE, 0, true);
    g_autofree char *out = NULL, *in = NULL;

    test_machine_start(src);
    test_migrate_socketpair(src, dst, with_return_path, 2);
    check_moved(src, dst);
    out = test_machine_events(src);
    in = test_machine_events(dst);
    g_assert_true(g_str_has_prefix(
        out, "RESUME; MIGRATION setup; MIGRATION_PASS 1; MIGRATION active; "));
    g_assert_nonnull(strstr(out, "; STOP; MIGRATION device; MIGRATION_PASS "));
    g_assert_true(g_str_has_suffix(out, "; MIGRATION completed; "));
    g_assert_cmpstr(in, ==, "MIGRATION setup; MIGRATION active; RESUME; "
                    "MIGRATION completed; ");
    test_machine_free(src);
    test_machine_free(dst);
}

static void test_pause_before_switchover(void)
{
    const MigrationCapability caps[] = {
        MIGRATION_CAPABILITY_PAUSE_BEFORE_SWITCHOVER,
    };
    TestMachine *src = test_machine_new(RAM_SIZE, 0, false);
    TestMachine *dst = test_machine_new(RAM_SIZE, 0, true);
    MigrationState *s = machine_get_migration(src->m);
    Error *err = NULL;

    test_machine_start(src);
    test_migrate_socketpair(src, dst, caps, 1);
    while (outgoing_status(s) != MIGRATION_STATUS_PRE_SWITCHOVER) {
        test_pump(src, dst);
    }
    g_assert_cmpint(runstate_get(src->m), ==, RUN_STATE_FINISH_MIGRATE);
    bql_lock(src->m);
    g_assert_false(qmp_migrate_continue(&src->ctx, MIGRATION_STATUS_ACTIVE,
                                        &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "Migration not in expected state: pre-switchover");
    g_clear_error(&err);
    g_assert_true(qmp_migrate_continue(
        &src->ctx, MIGRATION_STATUS_PRE_SWITCHOVER, &err));
    bql_unlock(src->m);
    check_moved(src, dst);
    test_machine_free(src);
    test_machine_free(dst);
}

static void test_file_round_trip(void)
{
    g_autofree char *dir = g_dir_make_tmp("migration-XXXXXX", NULL);
    g_autofree char *uri = g_strdup_printf("file:%s/state,offset=4k", dir);
    g_autofree char *path = g_strdup_printf("%s/state", dir);
    TestMachine *src = test_machine_new(RAM_SIZE, 0, false);
    TestMachine *dst = test_machine_new(RAM_SIZE, RAM_SHARED, true);
    Error *err = NULL;

    test_fill(src, 3);
    test_machine_start(src);
    bql_lock(src->m);
    qmp_migrate(&src->ctx, uri, NULL, false, false, false, false, &err);
    bql_unlock(src->m);
    g_assert_no_error(err);
    g_assert_cmpint(test_wait_source(src, NULL), ==,
                    MIGRATION_STATUS_COMPLETED);
    bql_lock(dst->m);
    qmp_migrate_incoming(&dst->ctx, uri, NULL, true, true, &err);
    bql_unlock(dst->m);
    g_assert_no_error(err);
    check_moved(src, dst);
    g_unlink(path);
    g_rmdir(dir);
    test_machine_free(src);
    test_machine_free(dst);
}

/* By a listener: its address is told, and forgotten at the end. */
static void test_listen(gconstpointer data)
{
    g_autofree char *dir = g_dir_make_tmp("migration-XXXXXX", NULL);
    g_autofree char *uri = g_strcmp0(data, "unix") == 0
                               ? g_strdup_printf("unix:%s/socket", dir)
                               : g_strdup("tcp:127.0.0.1:0");
    TestMachine *src = test_machine_new(RAM_SIZE, 0, false);
    TestMachine *dst = test_machine_new(RAM_SIZE, 0, true);
    g_autoptr(MigrationInfo) info = NULL, after = NULL;
    MigrationChannel channel = { 0 };
    MigrationChannelList list = { .value = &channel };
    MigrationAddress addr = { .transport = MIGRATION_ADDRESS_TYPE_SOCKET };
    Error *err = NULL;

    test_fill(src, 4);
    bql_lock(dst->m);
    qmp_migrate_incoming(&dst->ctx, uri, NULL, true, false, &err);
    g_assert_no_error(err);
    info = qmp_query_migrate(&dst->ctx, NULL);
    bql_unlock(dst->m);
    g_assert_cmpint(info->status, ==, MIGRATION_STATUS_SETUP);
    g_assert_nonnull(info->socket_address);
    addr.u.socket = *info->socket_address->value;
    channel.addr = &addr;
    bql_lock(src->m);
    qmp_migrate(&src->ctx, NULL, &list, false, false, false, false, &err);
    bql_unlock(src->m);
    g_assert_no_error(err);
    check_moved(src, dst);
    bql_lock(dst->m);
    after = qmp_query_migrate(&dst->ctx, NULL);
    bql_unlock(dst->m);
    g_assert_null(after->socket_address);
    g_rmdir(dir);
    test_machine_free(src);
    test_machine_free(dst);
}

/* ---- failure ---- */

static void test_refused(void)
{
    TestMachine *src = test_machine_new(RAM_SIZE, 0, false);
    g_autofree char *desc = NULL;
    Error *err = NULL;

    test_machine_start(src);
    bql_lock(src->m);
    qmp_migrate(&src->ctx, "unix:/nonexistent/socket", NULL, false, false,
                false, false, &err);
    bql_unlock(src->m);
    g_assert_no_error(err);
    g_assert_cmpint(test_wait_source(src, NULL), ==, MIGRATION_STATUS_FAILED);
    desc = test_error_desc(src);
    g_assert_cmpstr(desc, ==, "Failed to connect to '/nonexistent/socket': "
                    "No such file or directory");
    g_assert_true(runstate_is_running(src->m));
    test_machine_free(src);
}

static void test_missing_fd(void)
{
    TestMachine *src = test_machine_new(RAM_SIZE, 0, false);
    g_autofree char *desc = NULL;
    Error *err = NULL;

    bql_lock(src->m);
    g_assert_false(qmp_migrate(&src->ctx, "fd:99", NULL, false, false, false,
                               false, &err));
    bql_unlock(src->m);
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "File descriptor named '99' has not been found");
    g_clear_error(&err);
    desc = test_error_desc(src);
    g_assert_nonnull(desc);
    g_assert_cmpint(test_wait_source(src, NULL), ==, MIGRATION_STATUS_FAILED);
    test_machine_free(src);
}

static void test_garbage(void)
{
    TestMachine *dst = test_machine_new(RAM_SIZE, 0, true);
    g_autofree char *desc = NULL;
    g_autofree char *path = g_strdup("/tmp/migration-garbage-XXXXXX");
    Error *err = NULL;

    dst->fd = g_mkstemp(path);
    g_assert_cmpint(write(dst->fd, "GET / HTTP/1.0\r\n", 16), ==, 16);
    g_assert_cmpint(lseek(dst->fd, 0, SEEK_SET), ==, 0);
    bql_lock(dst->m);
    qmp_migrate_incoming(&dst->ctx, "fd:x", NULL, false, false, &err);
    bql_unlock(dst->m);
    g_assert_no_error(err);
    g_assert_cmpint(test_wait_destination(NULL, dst), ==,
                    MIGRATION_STATUS_FAILED);
    desc = test_error_desc(dst);
    g_assert_nonnull(strstr(desc, "Not a migration stream"));
    g_assert_cmpint(dst->exit_status, ==, 1);
    g_assert_cmpint(runstate_get(dst->m), ==, RUN_STATE_INMIGRATE);
    g_unlink(path);
    test_machine_free(dst);
}

/* Machines that do not fit: the refusal reaches the source. */
static void test_size_mismatch(void)
{
    TestMachine *src = test_machine_new(RAM_SIZE, 0, false);
    TestMachine *dst = test_machine_new(RAM_SIZE / 2, 0, true);
    g_autofree char *desc = NULL;

    test_fill(src, 5);
    test_machine_start(src);
    test_migrate_socketpair(src, dst, with_return_path, 2);
    g_assert_cmpint(test_wait_source(src, dst), ==, MIGRATION_STATUS_FAILED);
    g_assert_cmpint(test_wait_destination(src, dst), ==,
                    MIGRATION_STATUS_FAILED);
    g_assert_true(runstate_is_running(src->m));
    desc = test_error_desc(src);
    g_assert_nonnull(strstr(desc, "the destination could not take the guest"));
    test_machine_free(src);
    test_machine_free(dst);
}

/* ---- cancel at random moments ---- */

static void check_one_owner(TestMachine *src, TestMachine *dst)
{
    MigrationStatus out = test_wait_source(src, dst);
    MigrationStatus in = test_wait_destination(src, dst);

    if (out == MIGRATION_STATUS_COMPLETED) {
        g_assert_cmpint(in, ==, MIGRATION_STATUS_COMPLETED);
        g_assert_cmpint(runstate_get(src->m), ==, RUN_STATE_POSTMIGRATE);
        g_assert_true(runstate_is_running(dst->m));
        test_assert_same_ram(src, dst);
    } else {
        g_assert_cmpint(in, ==, MIGRATION_STATUS_FAILED);
        g_assert_true(runstate_is_running(src->m));
        g_assert_cmpint(runstate_get(dst->m), ==, RUN_STATE_INMIGRATE);
    }
}

static void test_cancel_random(gconstpointer data)
{
    bool rp = GPOINTER_TO_UINT(data);
    g_autoptr(GRand) rand = g_rand_new_with_seed(11);
    TestMachine *src = test_machine_new(RAM_SIZE, 0, false);
    unsigned cancelled = 0, completed = 0;

    test_fill(src, 6);
    test_machine_start(src);
    for (int i = 0; i < 100; i++) {
        TestMachine *dst = test_machine_new(RAM_SIZE, 0, true);
        gint64 end = g_get_monotonic_time() + g_rand_int_range(rand, 0, 6000);
        MigrationState *s = machine_get_migration(src->m);
        MigrationStatus status;

        test_migrate_socketpair(src, dst, with_return_path, rp);
        while (g_get_monotonic_time() < end) {
            test_pump(src, dst);
        }
        bql_lock(src->m);
        qmp_migrate_cancel(&src->ctx, NULL);
        bql_unlock(src->m);
        check_one_owner(src, dst);
        status = outgoing_status(s);
        cancelled += status == MIGRATION_STATUS_CANCELLED;
        completed += status == MIGRATION_STATUS_COMPLETED;
        g_assert_cmpint(cancelled + completed, ==, i + 1);
        test_machine_free(dst);
        if (status == MIGRATION_STATUS_COMPLETED) {
            test_machine_free(src);
            src = test_machine_new(RAM_SIZE, 0, false);
            test_fill(src, 6);
            test_machine_start(src);
        }
    }
    g_test_message("%u cancelled, %u completed", cancelled, completed);
    g_assert_cmpint(cancelled, >, 0);
    test_machine_free(src);
}

/* A cancel while the peer reads nothing: the thread hangs in a write. */
static void test_cancel_stuck(void)
{
    TestMachine *src = test_machine_new(RAM_SIZE, 0, false);
    MigrationState *s = machine_get_migration(src->m);
    g_autofree char *desc = NULL;
    Error *err = NULL;
    int fds[2];

    test_fill(src, 7);
    test_machine_start(src);
    g_assert_cmpint(pipe(fds), ==, 0);
    src->fd = fds[1];
    bql_lock(src->m);
    qmp_migrate(&src->ctx, "fd:x", NULL, false, false, false, false, &err);
    bql_unlock(src->m);
    g_assert_no_error(err);
    while (outgoing_status(s) != MIGRATION_STATUS_ACTIVE) {
        test_pump(src, NULL);
    }
    for (int i = 0; i < 20; i++) {
        test_pump(src, NULL);
    }
    bql_lock(src->m);
    g_assert_false(qmp_migrate(&src->ctx, "fd:x", NULL, false, false, false,
                               false, &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "There's a migration process in progress");
    g_clear_error(&err);
    qmp_migrate_cancel(&src->ctx, NULL);
    bql_unlock(src->m);
    g_assert_cmpint(test_wait_source(src, NULL), ==,
                    MIGRATION_STATUS_CANCELLED);
    g_assert_true(runstate_is_running(src->m));
    desc = test_error_desc(src);
    g_assert_null(desc);
    close(fds[0]);
    test_machine_free(src);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    error_init("test-migration");
    g_test_add_data_func("/migration/stopped/private", GUINT_TO_POINTER(0),
                         test_stopped);
    g_test_add_data_func("/migration/stopped/shared",
                         GUINT_TO_POINTER(RAM_SHARED), test_stopped);
    g_test_add_data_func("/migration/running/private", GUINT_TO_POINTER(0),
                         test_running);
    g_test_add_data_func("/migration/running/shared",
                         GUINT_TO_POINTER(RAM_SHARED), test_running);
    g_test_add_func("/migration/events", test_events);
    g_test_add_func("/migration/pause-before-switchover",
                    test_pause_before_switchover);
    g_test_add_func("/migration/file", test_file_round_trip);
    g_test_add_data_func("/migration/listen/unix", "unix", test_listen);
    g_test_add_data_func("/migration/listen/tcp", "tcp", test_listen);
    g_test_add_func("/migration/refused", test_refused);
    g_test_add_func("/migration/missing-fd", test_missing_fd);
    g_test_add_func("/migration/garbage", test_garbage);
    g_test_add_func("/migration/size-mismatch", test_size_mismatch);
    g_test_add_func("/migration/cancel/stuck", test_cancel_stuck);
    g_test_add_data_func("/migration/cancel/random", GUINT_TO_POINTER(0),
                         test_cancel_random);
    g_test_add_data_func("/migration/cancel/random-return-path",
                         GUINT_TO_POINTER(2), test_cancel_random);
    return g_test_run();
}
