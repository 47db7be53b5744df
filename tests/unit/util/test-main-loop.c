/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"

#include "qemu/main-loop.h"

static QemuMutex lock, gate;

static void quit(void *opaque)
{
    main_loop_quit();
}

static void append(void *opaque)
{
    g_string_append_c(opaque, 'x');
}

static void test_schedule(void)
{
    g_autoptr(GString) calls = g_string_new(NULL);

    main_loop_schedule(append, calls);
    main_loop_schedule(append, calls);
    main_loop_schedule(quit, NULL);
    main_loop_run();
    g_assert_cmpstr(calls->str, ==, "xx");
}

static void test_quit_before_run(void)
{
    main_loop_quit();
    main_loop_run();
}

static void check_locked(void *opaque)
{
    g_assert_false(qemu_mutex_trylock(&lock));
    (*(int *)opaque)++;
}

typedef struct Other {
    int rounds;
    int calls;
} Other;

/* Can take the lock only while the main loop waits. */
static void *other_thread(void *opaque)
{
    Other *other = opaque;

    for (int i = 0; i < 200; i++) {
        WITH_QEMU_LOCK_GUARD(&lock) {
            other->rounds++;
        }
        main_loop_schedule(check_locked, &other->calls);
    }
    main_loop_schedule(quit, NULL);
    return NULL;
}

static void test_lock(void)
{
    Other other = { 0 };
    QemuThread thread;

    qemu_mutex_init(&lock);
    qemu_mutex_init(&gate);
    qemu_mutex_lock(&lock);
    main_loop_set_lock(&lock, &gate);
    qemu_thread_create(&thread, "other", other_thread, &other);
    main_loop_run();
    g_assert_cmpint(other.rounds, ==, 200);
    g_assert_cmpint(other.calls, ==, 200);
    main_loop_set_lock(NULL, NULL);
    g_assert_false(qemu_mutex_trylock(&lock));
    qemu_mutex_unlock(&lock);
    qemu_thread_join(&thread);
    qemu_mutex_destroy(&lock);
}

static void *quit_thread(void *opaque)
{
    g_usleep(1000);
    *(int *)opaque = 1;
    main_loop_quit();
    return NULL;
}

/* The loop sleeps without any source; a quit from outside ends it. */
static void test_quit_from_thread(void)
{
    QemuThread thread;
    int done = 0;

    qemu_thread_create(&thread, "quit", quit_thread, &done);
    main_loop_run();
    g_assert_cmpint(done, ==, 1);
    qemu_thread_join(&thread);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/main-loop/schedule", test_schedule);
    g_test_add_func("/main-loop/quit-before-run", test_quit_before_run);
    g_test_add_func("/main-loop/lock", test_lock);
    g_test_add_func("/main-loop/quit-from-thread", test_quit_from_thread);
    return g_test_run();
}
