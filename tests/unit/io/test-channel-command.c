/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <sys/wait.h>

#include "io-test.h"
#include "io/channel-command.h"

static QIOChannel *spawn_sh(const char *script, int flags)
{
    const char *argv[] = { "/bin/sh", "-c", script, NULL };
    Error *err = NULL;
    QIOChannelCommand *cmd = qio_channel_command_new_spawn(argv, flags, &err);

    io_test_ok(err);
    return QIO_CHANNEL(cmd);
}

#define BIG (1024 * 1024)

static void test_both(void)
{
    g_autoptr(QIOChannel) ioc = spawn_sh("exec cat", O_RDWR);
    g_autofree uint8_t *data = io_test_pattern(BIG);
    g_autofree uint8_t *got = g_malloc0(BIG);
    Error *err = NULL;
    Blocked b;

    blocked_start(&b, ioc, true, data, BIG);
    g_assert_true(qio_channel_read_all(ioc, got, BIG, &err));
    io_test_ok(err);
    g_assert_true(blocked_end(&b));
    g_assert_cmpmem(got, BIG, data, BIG);
    g_assert_true(qio_channel_close(ioc, &err));
    io_test_ok(err);
    g_assert_true(qio_channel_close(ioc, &err));
}

static void test_read_only(void)
{
    g_autoptr(QIOChannel) ioc = spawn_sh("cat; echo hello", O_RDONLY);
    char text[8] = "";
    Error *err = NULL;

    /* Its standard input is empty. */
    g_assert_true(qio_channel_read_all(ioc, text, 6, &err));
    io_test_ok(err);
    g_assert_cmpstr(text, ==, "hello\n");
    g_assert_cmpint(qio_channel_read_all_eof(ioc, text, 1, &err), ==, 0);
    g_assert_true(qio_channel_close(ioc, &err));
    io_test_ok(err);
}

/* Closing lets the child finish its work first. */
static void test_write_only(void)
{
    g_autofree char *dir = g_dir_make_tmp("channel-command-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "f", NULL);
    g_autofree char *script =
        g_strdup_printf("x=$(cat); sleep 0.05; echo \"$x\" >'%s'", path);
    g_autoptr(QIOChannel) ioc = spawn_sh(script, O_WRONLY);
    g_autofree char *contents = NULL;
    Error *err = NULL;

    g_assert_true(qio_channel_write_all(ioc, "hello", 5, &err));
    io_test_ok(err);
    g_assert_true(qio_channel_close(ioc, &err));
    io_test_ok(err);
    g_assert_true(g_file_get_contents(path, &contents, NULL, NULL));
    g_assert_cmpstr(contents, ==, "hello\n");
    g_unlink(path);
    g_rmdir(dir);
}

static void test_exit_status(void)
{
    g_autoptr(QIOChannel) fails = spawn_sh("exit 3", O_RDWR);
    g_autoptr(QIOChannel) dies = spawn_sh("kill -9 $$", O_RDWR);
    Error *err = NULL;

    g_assert_false(qio_channel_close(fails, &err));
    io_test_error(err, "Command exited with status 3");
    g_assert_false(qio_channel_close(dies, &err));
    io_test_error(err, "Command was ended by signal 9");
    g_assert_true(qio_channel_close(dies, &err));
}

static void test_missing(void)
{
    const char *argv[] = { "/nonexistent/program", NULL };
    const char *none[] = { NULL };
    Error *err = NULL;

    g_assert_null(qio_channel_command_new_spawn(argv, O_RDWR, &err));
    io_test_error(err, "Failed to execute child process \xe2\x80\x9c"
                       "/nonexistent/program\xe2\x80\x9d "
                       "(No such file or directory)");
    g_assert_null(qio_channel_command_new_spawn(none, O_RDWR, &err));
    io_test_error(err, "No command to execute was given");
}

/* A child may block signals and have SIGPIPE ignored no more than a shell's. */
static void *spawn_blocked(void *opaque)
{
    return spawn_sh("kill -TERM $$; sleep 10; echo survived", O_RDONLY);
}

static void test_signals_restored(void)
{
    g_autoptr(QIOChannel) ioc = NULL;
    QemuThread thread;
    char text[16];
    Error *err = NULL;

    /* Such a thread blocks SIGTERM. */
    qemu_thread_create(&thread, "spawn", spawn_blocked, NULL);
    ioc = qemu_thread_join(&thread);
    g_assert_cmpint(qio_channel_read(ioc, text, sizeof(text), &err), ==, 0);
    g_assert_false(qio_channel_close(ioc, &err));
    io_test_error(err, "Command was ended by signal 15");
}

static void test_shutdown(void)
{
    g_autoptr(QIOChannel) ioc = spawn_sh("exec sleep 1000", O_RDWR);
    g_autofree uint8_t *buf = g_malloc0(BIG);
    Blocked reader, writer;
    Error *err = NULL;

    blocked_start(&reader, ioc, false, buf, BIG);
    blocked_start(&writer, ioc, true, buf, BIG);
    io_test_let_block();
    g_assert_true(qio_channel_shutdown(ioc, QIO_CHANNEL_SHUTDOWN_BOTH, &err));
    g_assert_false(blocked_end(&reader));
    io_test_error(reader.err,
                  "Unexpected end-of-file before all data were read");
    g_assert_false(blocked_end(&writer));
    io_test_error(writer.err, "Unable to write to file: Broken pipe");
    /* The child is made to go; that it did is no failure. */
    g_assert_true(qio_channel_close(ioc, &err));
    io_test_ok(err);
}

static void *shutdown_thread(void *opaque)
{
    io_test_let_block();
    g_assert_true(
        qio_channel_shutdown(opaque, QIO_CHANNEL_SHUTDOWN_BOTH, NULL));
    return NULL;
}

/* A close that waits for a child that never ends can be ended as well. */
static void test_shutdown_close(void)
{
    g_autoptr(QIOChannel) ioc =
        spawn_sh("trap '' TERM; exec sleep 1000", O_WRONLY);
    QemuThread thread;
    Error *err = NULL;

    qemu_thread_create(&thread, "shutdown", shutdown_thread, ioc);
    g_assert_true(qio_channel_close(ioc, &err));
    io_test_ok(err);
    qemu_thread_join(&thread);
}

/* Dropping the last reference leaves no child behind. */
static void test_unref(void)
{
    QIOChannel *ioc = spawn_sh("exec sleep 1000", O_WRONLY);

    g_object_unref(ioc);
    g_assert_cmpint(waitpid(-1, NULL, WNOHANG), ==, -1);
    g_assert_cmpint(errno, ==, ECHILD);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    signal(SIGPIPE, SIG_IGN);
    g_test_add_func("/channel-command/both", test_both);
    g_test_add_func("/channel-command/read-only", test_read_only);
    g_test_add_func("/channel-command/write-only", test_write_only);
    g_test_add_func("/channel-command/exit-status", test_exit_status);
    g_test_add_func("/channel-command/missing", test_missing);
    g_test_add_func("/channel-command/signals-restored",
                    test_signals_restored);
    g_test_add_func("/channel-command/shutdown", test_shutdown);
    g_test_add_func("/channel-command/shutdown-close", test_shutdown_close);
    g_test_add_func("/channel-command/unref", test_unref);
    return g_test_run();
}
