/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connections that break: a relay between the two machines forwards so many
 * bytes and then cuts both sides off.  Whatever the moment, the guest is left
 * on exactly one side where the source learns the outcome, and never runs on
 * both where it does not.
 */
#include "qemu/osdep.h"

#include <poll.h>
#include <sys/socket.h>

#include "machine-pair.h"
#include "qapi/qapi-commands-migration.h"
#include "qemu/atomic.h"
#include "system/runstate.h"

#define RAM_SIZE MiB

typedef struct Relay {
    int src, dst;   /* this end of each connection */
    uint64_t limit; /* bytes towards the destination */
    uint64_t passed;
    QemuThread thread;
} Relay;

/* Forward what is there, up to @max bytes; false: this side has ended. */
static bool relay_move(int from, int to, uint64_t max, uint64_t *passed)
{
    char buf[4096];
    ssize_t n = recv(from, buf, MIN(max, sizeof(buf)), MSG_DONTWAIT);

    if (n < 0) {
        return errno == EAGAIN;
    }
    if (n == 0 || send(to, buf, n, MSG_NOSIGNAL) != n) {
        return false;
    }
    *passed += n;
    return true;
}

static void *relay_thread(void *opaque)
{
    Relay *r = opaque;
    uint64_t back = 0;
    struct pollfd fds[2] = {
        { .fd = r->src, .events = POLLIN },
        { .fd = r->dst, .events = POLLIN },
    };

    while (r->passed < r->limit) {
        poll(fds, 2, -1);
        if (fds[1].revents && !relay_move(r->dst, r->src, 4096, &back)) {
            break;
        }
        if (fds[0].revents &&
            !relay_move(r->src, r->dst, r->limit - r->passed, &r->passed)) {
            /* The source says no more; what the peer says still counts. */
            shutdown(r->dst, SHUT_WR);
            fds[0].fd = -1;
        }
    }
    close(r->src);
    close(r->dst);
    return NULL;
}

static void migrate_through_relay(TestMachine *src, TestMachine *dst, Relay *r,
                                  bool rp)
{
    MigrationState *s = machine_get_migration(src->m);
    Error *err = NULL;
    int a[2], b[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, a), ==, 0);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, b), ==, 0);
    src->fd = a[0];
    r->src = a[1];
    r->dst = b[1];
    dst->fd = b[0];
    test_set_capability(src, MIGRATION_CAPABILITY_RETURN_PATH, rp);
    qemu_thread_create(&r->thread, "relay", relay_thread, r);
    bql_lock(dst->m);
    qmp_migrate_incoming(&dst->ctx, "fd:x", NULL, true, false, &err);
    g_assert_no_error(err);
    bql_unlock(dst->m);
    bql_lock(src->m);
    qmp_migrate(&src->ctx, "fd:x", NULL, false, false, false, false, &err);
    g_assert_no_error(err);
    bql_unlock(src->m);
    test_wait_source(src, dst);
    test_wait_destination(src, dst);
    qemu_thread_join(&r->thread);
    g_assert_false(outgoing_running(s));
}

static void test_cut(gconstpointer data)
{
    bool rp = GPOINTER_TO_UINT(data);
    TestMachine *src = test_machine_new(RAM_SIZE, 0, false);
    uint64_t limit = 1, step = 1;
    unsigned failed = 0;
    bool done = false;

    test_fill(src, 30);
    test_machine_start(src);
    /* Byte by byte through the head of the stream, then in strides. */
    for (; !done; limit += step) {
        TestMachine *dst = test_machine_new(RAM_SIZE, 0, true);
        Relay r = { .limit = limit };
        bool runs_here, runs_there;

        migrate_through_relay(src, dst, &r, rp);
        runs_here = runstate_is_running(src->m);
        runs_there = runstate_is_running(dst->m);
        done = r.passed < limit; /* the whole stream went through */
        g_assert_false(runs_here && runs_there);
        if (rp || done) {
            g_assert_true(runs_here != runs_there);
        }
        if (runs_there) {
            test_assert_same_ram(src, dst);
        } else {
            g_autofree char *desc = test_error_desc(dst);

            g_assert_nonnull(desc);
            failed++;
        }
        if (!runs_here && !done) {
            /* Ours was the last word; play on with a fresh source. */
            test_machine_free(src);
            src = test_machine_new(RAM_SIZE, 0, false);
            test_fill(src, 30);
            test_machine_start(src);
        }
        test_machine_free(dst);
        step = limit < 100 ? 7 : 9973;
    }
    g_test_message("%u cuts, the last at %" PRIu64, failed, limit);
    g_assert_cmpuint(failed, >, 50);
    test_machine_free(src);
}

/* ---- answers of a destination that is not ours ---- */

static const struct {
    const char *name;
    const char *bytes;
    size_t len;
    const char *error;
} answers[] = {
#define ROW(name, bytes, error) { name, bytes, sizeof(bytes) - 1, error }
    ROW("shut-1", "\0\1\0\4\0\0\0\1", "could not take the guest"),
    ROW("shut-early", "\0\1\0\4\0\0\0\0", "before it was sent the whole"),
    ROW("type-0", "\0\0\0\0", "unknown type 0"),
    ROW("type-8", "\0\10\0\0", "unknown type 8"),
    ROW("shut-long", "\0\1\0\5\0\0\0\0\0", "expected 4"),
    ROW("huge", "\0\5\377\377", "expected 512"),
    ROW("unasked", "\0\7\0\0", "unexpected message SWITCHOVER_ACK"),
    ROW("close", "", "before it had the guest"),
#undef ROW
};

static void test_answer(gconstpointer data)
{
    unsigned i = GPOINTER_TO_UINT(data);
    TestMachine *src = test_machine_new(RAM_SIZE, 0, false);
    g_autofree char *desc = NULL;
    Error *err = NULL;
    int sv[2];

    test_fill(src, 31);
    test_machine_start(src);
    test_set_capability(src, MIGRATION_CAPABILITY_RETURN_PATH, true);
    test_set_bandwidth(src, MiB); /* it is still at it when the answer comes */
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), ==, 0);
    src->fd = sv[0];
    g_assert_cmpint(write(sv[1], answers[i].bytes, answers[i].len), ==,
                    answers[i].len);
    if (!answers[i].len) {
        shutdown(sv[1], SHUT_WR);
    }
    bql_lock(src->m);
    qmp_migrate(&src->ctx, "fd:x", NULL, false, false, false, false, &err);
    bql_unlock(src->m);
    g_assert_no_error(err);
    g_assert_cmpint(test_wait_source(src, NULL), ==, MIGRATION_STATUS_FAILED);
    desc = test_error_desc(src);
    if (!strstr(desc, answers[i].error)) {
        g_error("%s: %s", answers[i].name, desc);
    }
    g_assert_true(runstate_is_running(src->m));
    close(sv[1]);
    test_machine_free(src);
}

/* Nobody answers: a yank ends the wait, the guest runs on here. */
static void test_yank(void)
{
    TestMachine *src = test_machine_new(RAM_SIZE, 0, false);
    TestMachine *dst = test_machine_new(RAM_SIZE, 0, true);
    Error *err = NULL;
    int sv[2];

    test_machine_start(src);
    test_set_capability(src, MIGRATION_CAPABILITY_RETURN_PATH, true);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), ==, 0);
    src->fd = sv[0];
    bql_lock(src->m);
    qmp_migrate(&src->ctx, "fd:x", NULL, false, false, false, false, &err);
    bql_unlock(src->m);
    g_assert_no_error(err);
    while (outgoing_phase(machine_get_migration(src->m)) != OUT_COMMIT) {
        test_pump(src, NULL);
    }
    g_assert_true(yank_instance(machine_get_yank(src->m), "migration", NULL));
    g_assert_cmpint(test_wait_source(src, NULL), ==, MIGRATION_STATUS_FAILED);
    g_assert_true(runstate_is_running(src->m));
    /* And the machine can be migrated again. */
    close(sv[1]);
    test_migrate_socketpair(src, dst, NULL, 0);
    g_assert_cmpint(test_wait_source(src, dst), ==,
                    MIGRATION_STATUS_COMPLETED);
    test_machine_free(src);
    test_machine_free(dst);
}

/* A destination that hangs: the first cancel asks it, the second does not. */
static void test_cancel_unanswered(void)
{
    TestMachine *src = test_machine_new(RAM_SIZE, 0, false);
    MigrationState *s = machine_get_migration(src->m);
    Error *err = NULL;
    int sv[2];

    test_machine_start(src);
    test_set_capability(src, MIGRATION_CAPABILITY_RETURN_PATH, true);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), ==, 0);
    src->fd = sv[0];
    bql_lock(src->m);
    qmp_migrate(&src->ctx, "fd:x", NULL, false, false, false, false, &err);
    bql_unlock(src->m);
    g_assert_no_error(err);
    while (outgoing_phase(s) != OUT_COMMIT) {
        test_pump(src, NULL);
    }
    bql_lock(src->m);
    qmp_migrate_cancel(&src->ctx, NULL);
    bql_unlock(src->m);
    for (int i = 0; i < 50; i++) {
        test_pump(src, NULL);
    }
    g_assert_cmpint(outgoing_status(s), ==, MIGRATION_STATUS_DEVICE);
    bql_lock(src->m);
    qmp_migrate_cancel(&src->ctx, NULL);
    bql_unlock(src->m);
    g_assert_cmpint(test_wait_source(src, NULL), ==,
                    MIGRATION_STATUS_CANCELLED);
    g_assert_true(runstate_is_running(src->m));
    close(sv[1]);
    test_machine_free(src);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    error_init("test-migration-faults");
    g_test_add_data_func("/faults/cut/return-path", GUINT_TO_POINTER(1),
                         test_cut);
    g_test_add_data_func("/faults/cut/one-way", GUINT_TO_POINTER(0), test_cut);
    for (unsigned i = 0; i < G_N_ELEMENTS(answers); i++) {
        g_autofree char *path = g_strdup_printf("/faults/answer/%s",
                                                answers[i].name);

        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_answer);
    }
    g_test_add_func("/faults/yank", test_yank);
    g_test_add_func("/faults/cancel-unanswered", test_cancel_unanswered);
    return g_test_run();
}
