/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <sys/stat.h>

#include "io-test.h"
#include "io/channel-file.h"

static void test_open_errors(void)
{
    Error *err = NULL;

    g_assert_null(qio_channel_file_new_path("/nonexistent/f", O_RDONLY, 0,
                                            &err));
    io_test_error(err, "Could not open '/nonexistent/f': "
                       "No such file or directory");
    g_assert_null(qio_channel_file_new_path("/nonexistent/f",
                                            O_CREAT | O_WRONLY, 0600, &err));
    io_test_error(err, "Could not create '/nonexistent/f': "
                       "No such file or directory");
}

static void test_regular(void)
{
    g_autofree char *dir = g_dir_make_tmp("channel-file-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "f", NULL);
    Error *err = NULL;
    g_autoptr(QIOChannelFile) file = qio_channel_file_new_path(
        path, O_CREAT | O_RDWR | O_TRUNC, 0600, &err);
    QIOChannel *ioc = QIO_CHANNEL(file);
    char text[8] = "";
    struct iovec iov[2] = { { text, 2 }, { text + 2, 3 } };
    struct stat st;

    io_test_ok(err);
    g_assert_true(qio_channel_has_feature(ioc, QIO_CHANNEL_FEATURE_SEEKABLE));
    g_assert_cmpint(fstat(qio_channel_file_get_fd(file), &st), ==, 0);
    g_assert_cmpint(st.st_mode & 0777, ==, 0600);
    g_assert_true(fcntl(qio_channel_file_get_fd(file), F_GETFD) & FD_CLOEXEC);

    g_assert_true(qio_channel_write_all(ioc, "0123456789", 10, &err));
    io_test_ok(err);
    g_assert_cmpint(qio_channel_seek(ioc, -7, SEEK_CUR, &err), ==, 3);
    g_assert_cmpint(qio_channel_preadv(ioc, iov, 2, 5, &err), ==, 5);
    g_assert_cmpstr(text, ==, "56789");
    g_assert_cmpint(qio_channel_pwritev(ioc, iov, 2, 100, &err), ==, 5);
    /* Neither moved the position. */
    g_assert_true(qio_channel_readv_all(ioc, iov, 2, &err));
    g_assert_cmpstr(text, ==, "34567");
    g_assert_cmpint(qio_channel_seek(ioc, 0, SEEK_END, &err), ==, 105);
    g_assert_cmpint(qio_channel_read(ioc, text, 1, &err), ==, 0);
    g_assert_cmpint(qio_channel_preadv(ioc, iov, 2, 105, &err), ==, 0);
    io_test_ok(err);
    g_assert_cmpint(qio_channel_seek(ioc, -1, SEEK_SET, &err), ==, -1);
    io_test_error(err, "Unable to seek to offset -1 whence 0 in file: "
                       "Invalid argument");

    /* Ended from outside. */
    g_assert_true(qio_channel_shutdown(ioc, QIO_CHANNEL_SHUTDOWN_BOTH, &err));
    g_assert_cmpint(qio_channel_preadv(ioc, iov, 2, 0, &err), ==, 0);
    g_assert_cmpint(qio_channel_pwritev(ioc, iov, 2, 0, &err), ==, -1);
    io_test_error(err, "Unable to write to file at 0: Broken pipe");
    g_assert_true(qio_channel_close(ioc, &err));
    g_assert_true(qio_channel_close(ioc, &err));
    g_unlink(path);
    g_rmdir(dir);
}

static void test_full(void)
{
    Error *err = NULL;
    g_autoptr(QIOChannelFile) file =
        qio_channel_file_new_path("/dev/full", O_WRONLY, 0, &err);

    io_test_ok(err);
    g_assert_false(qio_channel_write_all(QIO_CHANNEL(file), "x", 1, &err));
    io_test_error(err, "Unable to write to file: No space left on device");
}

static void open_pipe(QIOChannelFile **reader, QIOChannelFile **writer)
{
    int fds[2];

    g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);
    *reader = qio_channel_file_new_fd(fds[0]);
    *writer = qio_channel_file_new_fd(fds[1]);
}

#define BIG (1024 * 1024)

static void test_pipe(void)
{
    g_autoptr(QIOChannelFile) reader = NULL;
    g_autoptr(QIOChannelFile) writer = NULL;
    g_autofree uint8_t *data = io_test_pattern(BIG);
    g_autofree uint8_t *got = g_malloc0(BIG);
    Error *err = NULL;
    Blocked b;

    open_pipe(&reader, &writer);
    g_assert_false(qio_channel_has_feature(QIO_CHANNEL(reader),
                                           QIO_CHANNEL_FEATURE_SEEKABLE));
    blocked_start(&b, QIO_CHANNEL(writer), true, data, BIG);
    io_test_let_block();
    g_assert_true(qio_channel_read_all(QIO_CHANNEL(reader), got, BIG, &err));
    io_test_ok(err);
    g_assert_true(blocked_end(&b));
    g_assert_cmpmem(got, BIG, data, BIG);

    g_assert_true(qio_channel_close(QIO_CHANNEL(writer), &err));
    g_assert_cmpint(qio_channel_read_all_eof(QIO_CHANNEL(reader), got, 1,
                                             &err), ==, 0);
    io_test_ok(err);
}

static void test_pipe_broken(void)
{
    g_autoptr(QIOChannelFile) reader = NULL;
    g_autoptr(QIOChannelFile) writer = NULL;
    Error *err = NULL;

    open_pipe(&reader, &writer);
    g_assert_true(qio_channel_close(QIO_CHANNEL(reader), NULL));
    g_assert_false(qio_channel_write_all(QIO_CHANNEL(writer), "x", 1, &err));
    io_test_error(err, "Unable to write to file: Broken pipe");
}

static void test_pipe_shutdown(void)
{
    g_autoptr(QIOChannelFile) reader = NULL;
    g_autoptr(QIOChannelFile) writer = NULL;
    g_autofree uint8_t *buf = g_malloc0(BIG);
    Blocked b;

    open_pipe(&reader, &writer);
    blocked_start(&b, QIO_CHANNEL(reader), false, buf, BIG);
    io_test_let_block();
    g_assert_true(qio_channel_shutdown(QIO_CHANNEL(reader),
                                       QIO_CHANNEL_SHUTDOWN_READ, NULL));
    g_assert_false(blocked_end(&b));
    io_test_error(b.err, "Unexpected end-of-file before all data were read");

    blocked_start(&b, QIO_CHANNEL(writer), true, buf, BIG);
    io_test_let_block();
    g_assert_true(qio_channel_shutdown(QIO_CHANNEL(writer),
                                       QIO_CHANNEL_SHUTDOWN_BOTH, NULL));
    g_assert_false(blocked_end(&b));
    io_test_error(b.err, "Unable to write to file: Broken pipe");
}

static void test_pipe_nonblocking(void)
{
    g_autoptr(QIOChannelFile) reader = NULL;
    g_autoptr(QIOChannelFile) writer = NULL;
    g_autofree uint8_t *buf = g_malloc0(BIG);
    QIOChannel *in, *out;
    Error *err = NULL;
    Blocked b;
    ssize_t ret;

    open_pipe(&reader, &writer);
    in = QIO_CHANNEL(reader);
    out = QIO_CHANNEL(writer);
    g_assert_true(qio_channel_set_blocking(in, false, &err));
    g_assert_true(qio_channel_set_blocking(out, false, &err));
    g_assert_cmpint(qio_channel_read(in, buf, 1, &err), ==,
                    QIO_CHANNEL_ERR_BLOCK);
    do {
        ret = qio_channel_write(out, buf, BIG, &err);
    } while (ret > 0);
    g_assert_cmpint(ret, ==, QIO_CHANNEL_ERR_BLOCK);
    do {
        ret = qio_channel_read(in, buf, BIG, &err);
    } while (ret > 0);
    g_assert_cmpint(ret, ==, QIO_CHANNEL_ERR_BLOCK);
    io_test_ok(err);

    /* Waits, and a shutdown ends that wait too. */
    blocked_start(&b, in, false, buf, BIG);
    io_test_let_block();
    g_assert_true(qio_channel_shutdown(in, QIO_CHANNEL_SHUTDOWN_READ, &err));
    g_assert_false(blocked_end(&b));
    error_free(b.err);
}

/* The open file may be shared: its mode is as before when we are done. */
static void test_mode_restored(void)
{
    QIOChannelFile *file;
    int fds[2], copy;

    g_assert_cmpint(pipe(fds), ==, 0);
    copy = dup(fds[0]);
    file = qio_channel_file_new_fd(fds[0]);
    g_object_unref(file);
    g_assert_false(fcntl(copy, F_GETFL) & O_NONBLOCK);

    fcntl(copy, F_SETFL, O_NONBLOCK);
    file = qio_channel_file_new_fd(dup(copy));
    g_object_unref(file);
    g_assert_true(fcntl(copy, F_GETFL) & O_NONBLOCK);
    close(copy);
    close(fds[1]);
}

static gboolean on_ready(QIOChannel *ioc, GIOCondition cond, gpointer data)
{
    *(GIOCondition *)data = cond;
    return G_SOURCE_REMOVE;
}

static void test_watch_shutdown(void)
{
    g_autoptr(QIOChannelFile) reader = NULL;
    g_autoptr(QIOChannelFile) writer = NULL;
    GIOCondition cond = 0;

    open_pipe(&reader, &writer);
    qio_channel_add_watch(QIO_CHANNEL(reader), G_IO_IN, on_ready, &cond, NULL);
    g_assert_false(g_main_context_iteration(NULL, FALSE));
    qio_channel_shutdown(QIO_CHANNEL(reader), QIO_CHANNEL_SHUTDOWN_READ, NULL);
    while (!cond) {
        g_main_context_iteration(NULL, TRUE);
    }
    g_assert_cmpint(cond, ==, G_IO_IN);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    signal(SIGPIPE, SIG_IGN);
    g_test_add_func("/channel-file/open-errors", test_open_errors);
    g_test_add_func("/channel-file/regular", test_regular);
    g_test_add_func("/channel-file/full", test_full);
    g_test_add_func("/channel-file/pipe", test_pipe);
    g_test_add_func("/channel-file/pipe-broken", test_pipe_broken);
    g_test_add_func("/channel-file/pipe-shutdown", test_pipe_shutdown);
    g_test_add_func("/channel-file/pipe-nonblocking", test_pipe_nonblocking);
    g_test_add_func("/channel-file/mode-restored", test_mode_restored);
    g_test_add_func("/channel-file/watch-shutdown", test_watch_shutdown);
    return g_test_run();
}
