/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <sys/stat.h>

#include "io-test.h"
#include "io/channel-socket.h"
#include "io/sockets.h"

static QIOChannelSocket *listen_on(const char *uri)
{
    g_autoptr(SocketAddress) addr = socket_parse(uri, NULL);
    QIOChannelSocket *l = qio_channel_socket_new();
    Error *err = NULL;

    if (!qio_channel_socket_listen_sync(l, addr, 1, &err)) {
        g_test_message("%s: %s", uri, error_get_pretty(err));
        error_free(err);
        g_clear_object(&l);
    }
    return l;
}

/* Connect to where @l listens and accept that. */
static void connect_to(QIOChannelSocket *l, QIOChannelSocket **client,
                       QIOChannelSocket **server)
{
    Error *err = NULL;
    g_autoptr(SocketAddress) addr =
        qio_channel_socket_get_local_address(l, &err);

    io_test_ok(err);
    *client = qio_channel_socket_new();
    qio_channel_socket_connect_sync(*client, addr, &err);
    io_test_ok(err);
    *server = qio_channel_socket_accept(l, &err);
    io_test_ok(err);
}

#define BIG (3 * 1024 * 1024 + 2)

/* Much more than the socket's buffers, in both directions at once. */
static void exchange(QIOChannelSocket *a, QIOChannelSocket *b)
{
    g_autofree uint8_t *data = io_test_pattern(BIG);
    g_autofree uint8_t *at_a = g_malloc0(BIG);
    g_autofree uint8_t *at_b = g_malloc0(BIG);
    Blocked io[4];

    blocked_start(&io[0], QIO_CHANNEL(a), true, data, BIG);
    blocked_start(&io[1], QIO_CHANNEL(a), false, at_a, BIG);
    blocked_start(&io[2], QIO_CHANNEL(b), true, data, BIG);
    blocked_start(&io[3], QIO_CHANNEL(b), false, at_b, BIG);
    for (int i = 0; i < 4; i++) {
        blocked_end(&io[i]);
        io_test_ok(io[i].err);
    }
    g_assert_cmpmem(at_a, BIG, data, BIG);
    g_assert_cmpmem(at_b, BIG, data, BIG);
}

static void test_exchange(gconstpointer data)
{
    g_autoptr(QIOChannelSocket) l = listen_on(data);
    g_autoptr(QIOChannelSocket) a = NULL;
    g_autoptr(QIOChannelSocket) b = NULL;
    g_autoptr(SocketAddress) local = NULL;
    g_autoptr(SocketAddress) remote = NULL;
    g_autofree char *local_text = NULL;
    g_autofree char *remote_text = NULL;
    Error *err = NULL;
    char byte;

    if (!l) {
        g_test_skip("cannot listen there");
        return;
    }
    connect_to(l, &a, &b);
    g_assert_true(qio_channel_has_feature(QIO_CHANNEL(a),
                                          QIO_CHANNEL_FEATURE_SHUTDOWN));
    g_assert_true(fcntl(qio_channel_socket_get_fd(a), F_GETFD) & FD_CLOEXEC);
    g_assert_true(fcntl(qio_channel_socket_get_fd(b), F_GETFD) & FD_CLOEXEC);
    local = qio_channel_socket_get_local_address(b, &err);
    io_test_ok(err);
    remote = qio_channel_socket_get_remote_address(a, &err);
    io_test_ok(err);
    local_text = socket_address_to_uri(local);
    remote_text = socket_address_to_uri(remote);
    g_assert_cmpstr(local_text, ==, remote_text);
    exchange(a, b);

    /* Closing one end is end of file at the other. */
    g_assert_true(qio_channel_close(QIO_CHANNEL(a), &err));
    g_assert_true(qio_channel_close(QIO_CHANNEL(a), &err));
    g_assert_cmpint(qio_channel_read(QIO_CHANNEL(b), &byte, 1, &err), ==, 0);
    io_test_ok(err);
}

static void test_errors(void)
{
    g_autoptr(QIOChannelSocket) l = listen_on("tcp:127.0.0.1:0");
    g_autoptr(QIOChannelSocket) a = NULL;
    g_autoptr(QIOChannelSocket) b = NULL;
    struct linger hard = { .l_onoff = 1 };
    Error *err = NULL;
    int fds[2];
    char byte = 0;

    connect_to(l, &a, &b);
    setsockopt(qio_channel_socket_get_fd(a), SOL_SOCKET, SO_LINGER, &hard,
               sizeof(hard));
    g_assert_true(qio_channel_close(QIO_CHANNEL(a), NULL));
    g_assert_cmpint(qio_channel_read(QIO_CHANNEL(b), &byte, 1, &err), ==, -1);
    io_test_error(err, "Unable to read from socket: Connection reset by peer");
    /* No SIGPIPE. */
    g_assert_cmpint(qio_channel_write(QIO_CHANNEL(b), &byte, 1, &err), ==, -1);
    io_test_error(err, "Unable to write to socket: Broken pipe");

    g_assert_cmpint(pipe(fds), ==, 0);
    g_assert_null(qio_channel_socket_new_fd(fds[0], &err));
    io_test_error(err, "Unable to query local socket address: "
                       "Socket operation on non-socket");
    close(fds[0]); /* was not taken */
    close(fds[1]);
}

static void test_fd_passing(void)
{
    g_autoptr(QIOChannelSocket) a = NULL;
    g_autoptr(QIOChannelSocket) b = NULL;
    struct stat sent, got;
    char out[] = "xyz";
    struct iovec iov[2] = { { out, 2 }, { out + 2, 1 } };
    char text[4] = "";
    struct iovec in = { text, 3 };
    g_autofree int *fds = NULL;
    int many[17] = { 0 };
    Error *err = NULL;
    size_t nfds;
    int pair[2];

    io_test_pair(&a, &b);
    g_assert_true(qio_channel_has_feature(QIO_CHANNEL(a),
                                          QIO_CHANNEL_FEATURE_FD_PASS));
    g_assert_cmpint(pipe(pair), ==, 0);
    g_assert_cmpint(fstat(pair[0], &sent), ==, 0);
    g_assert_true(qio_channel_writev_full_all(QIO_CHANNEL(a), iov, 2, pair, 2,
                                              0, &err));
    io_test_ok(err);
    g_assert_cmpint(qio_channel_readv_full(QIO_CHANNEL(b), &in, 1, &fds,
                                           &nfds, 0, &err), ==, 3);
    io_test_ok(err);
    g_assert_cmpstr(text, ==, "xyz");
    g_assert_cmpuint(nfds, ==, 2);
    for (int i = 0; i < 2; i++) {
        g_assert_cmpint(fstat(fds[i], &got), ==, 0);
        g_assert_cmpuint(got.st_ino, ==, sent.st_ino);
        g_assert_true(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
        close(fds[i]);
    }

    /* Sent, but not asked for: they do not leak. */
    g_assert_true(qio_channel_writev_full_all(QIO_CHANNEL(a), iov, 2, pair, 2,
                                              0, &err));
    g_assert_true(qio_channel_read_all(QIO_CHANNEL(b), text, 3, &err));
    close(pair[1]);
    g_assert_cmpint(read(pair[0], text, 1), ==, 0);
    close(pair[0]);

    g_assert_false(qio_channel_writev_full_all(QIO_CHANNEL(a), iov, 2, many,
                                               17, 0, &err));
    io_test_error(err, "Cannot pass 17 file descriptors at once, at most 16");
}

static void test_peek(void)
{
    g_autoptr(QIOChannelSocket) a = NULL;
    g_autoptr(QIOChannelSocket) b = NULL;
    char text[5] = "";
    struct iovec iov = { text, 4 };

    io_test_pair(&a, &b);
    g_assert_true(qio_channel_write_all(QIO_CHANNEL(a), "QEVM", 4, NULL));
    g_assert_cmpint(
        qio_channel_readv_full(QIO_CHANNEL(b), &iov, 1, NULL, NULL,
                               QIO_CHANNEL_READ_FLAG_MSG_PEEK, NULL), ==, 4);
    g_assert_cmpstr(text, ==, "QEVM");
    memset(text, 0, sizeof(text));
    g_assert_true(qio_channel_read_all(QIO_CHANNEL(b), text, 4, NULL));
    g_assert_cmpstr(text, ==, "QEVM");
}

static void test_nonblocking(void)
{
    g_autoptr(QIOChannelSocket) a = NULL;
    g_autoptr(QIOChannelSocket) b = NULL;
    g_autofree uint8_t *data = io_test_pattern(BIG);
    g_autofree uint8_t *got = g_malloc0(BIG);
    Error *err = NULL;
    Blocked writer;
    ssize_t ret;

    io_test_pair(&a, &b);
    g_assert_true(qio_channel_set_blocking(QIO_CHANNEL(a), false, &err));
    g_assert_true(qio_channel_set_blocking(QIO_CHANNEL(b), false, &err));
    g_assert_cmpint(qio_channel_read(QIO_CHANNEL(b), got, 1, &err), ==,
                    QIO_CHANNEL_ERR_BLOCK);
    do {
        ret = qio_channel_write(QIO_CHANNEL(a), data, 65536, &err);
    } while (ret > 0);
    g_assert_cmpint(ret, ==, QIO_CHANNEL_ERR_BLOCK);
    do {
        ret = qio_channel_read(QIO_CHANNEL(b), got, 65536, &err);
    } while (ret > 0);
    g_assert_cmpint(ret, ==, QIO_CHANNEL_ERR_BLOCK);
    io_test_ok(err);

    /* The calls for everything wait. */
    blocked_start(&writer, QIO_CHANNEL(a), true, data, BIG);
    g_assert_true(qio_channel_read_all(QIO_CHANNEL(b), got, BIG, &err));
    io_test_ok(err);
    g_assert_true(blocked_end(&writer));
    g_assert_cmpmem(got, BIG, data, BIG);
}

static void blocked_pair(bool write, const char *error)
{
    g_autoptr(QIOChannelSocket) a = NULL;
    g_autoptr(QIOChannelSocket) b = NULL;
    g_autofree uint8_t *buf = g_malloc0(BIG);
    Error *err = NULL;
    Blocked blocked;

    io_test_pair(&a, &b);
    blocked_start(&blocked, QIO_CHANNEL(a), write, buf, BIG);
    io_test_let_block();
    g_assert_true(
        qio_channel_shutdown(QIO_CHANNEL(a), QIO_CHANNEL_SHUTDOWN_BOTH, &err));
    io_test_ok(err);
    g_assert_false(blocked_end(&blocked));
    io_test_error(blocked.err, error);
    /* Twice does no harm. */
    g_assert_true(
        qio_channel_shutdown(QIO_CHANNEL(a), QIO_CHANNEL_SHUTDOWN_BOTH, &err));
}

static void test_shutdown(void)
{
    blocked_pair(false, "Unexpected end-of-file before all data were read");
    blocked_pair(true, "Unable to write to socket: Broken pipe");
}

static void test_shutdown_write(void)
{
    g_autoptr(QIOChannelSocket) a = NULL;
    g_autoptr(QIOChannelSocket) b = NULL;
    char byte = 'x';

    io_test_pair(&a, &b);
    g_assert_true(qio_channel_shutdown(QIO_CHANNEL(a),
                                       QIO_CHANNEL_SHUTDOWN_WRITE, NULL));
    g_assert_cmpint(qio_channel_read(QIO_CHANNEL(b), &byte, 1, NULL), ==, 0);
    /* The other direction still works. */
    g_assert_true(qio_channel_write_all(QIO_CHANNEL(b), "y", 1, NULL));
    g_assert_true(qio_channel_read_all(QIO_CHANNEL(a), &byte, 1, NULL));
    g_assert_cmpint(byte, ==, 'y');
}

static void *accept_thread(void *opaque)
{
    Error *err = NULL;

    g_assert_null(qio_channel_socket_accept(opaque, &err));
    g_assert_nonnull(err);
    error_free(err);
    return NULL;
}

static void test_shutdown_accept(void)
{
    const char *uris[] = { "tcp:127.0.0.1:0", "unix:test-shutdown-accept" };

    for (int i = 0; i < 2; i++) {
        g_autoptr(QIOChannelSocket) l = listen_on(uris[i]);
        QemuThread thread;

        qemu_thread_create(&thread, "accept", accept_thread, l);
        io_test_let_block();
        g_assert_true(qio_channel_shutdown(QIO_CHANNEL(l),
                                           QIO_CHANNEL_SHUTDOWN_BOTH, NULL));
        qemu_thread_join(&thread);
    }
}

typedef struct Connecting {
    QIOChannelSocket *ioc;
    const SocketAddress *addr;
    Error *err;
} Connecting;

static void *connect_thread(void *opaque)
{
    Connecting *c = opaque;

    qio_channel_socket_connect_sync(c->ioc, c->addr, &c->err);
    return NULL;
}

/* Fill the queue of a listener until one more has to wait; end that one. */
static void shutdown_connect(const char *uri)
{
    g_autoptr(SocketAddress) where = socket_parse(uri, NULL);
    g_autoptr(SocketAddress) addr = NULL;
    g_autoptr(QIOChannelSocket) l = NULL;
    g_autoptr(QIOChannelSocket) ioc = qio_channel_socket_new();
    g_autofree char *name = NULL;
    g_autofree char *error = NULL;
    Connecting c = { ioc };
    QIOChannelSocket *waiting[2];
    Error *err = NULL;
    QemuThread thread;
    int fd = socket_listen(where, 0, &err);

    io_test_ok(err);
    l = qio_channel_socket_new_fd(fd, &err);
    addr = qio_channel_socket_get_local_address(l, &err);
    io_test_ok(err);
    waiting[0] = qio_channel_socket_new();
    qio_channel_socket_connect_sync(waiting[0], addr, &err);
    io_test_ok(err);

    c.addr = addr;
    qemu_thread_create(&thread, "connect", connect_thread, &c);
    io_test_let_block();
    g_assert_true(qio_channel_shutdown(QIO_CHANNEL(ioc),
                                       QIO_CHANNEL_SHUTDOWN_BOTH, &err));
    io_test_ok(err);
    qemu_thread_join(&thread);
    name = socket_address_to_str(addr);
    error = g_strdup_printf("Failed to connect to '%s': Operation canceled",
                            name);
    io_test_error(c.err, error);
    g_object_unref(waiting[0]);
}

static void test_shutdown_connect(void)
{
    shutdown_connect("tcp:127.0.0.1:0");
    shutdown_connect("unix:test-shutdown-connect");
    g_unlink("test-shutdown-connect");
}

static void test_shutdown_before_connect(void)
{
    g_autoptr(QIOChannelSocket) l = listen_on("tcp:127.0.0.1:0");
    g_autoptr(SocketAddress) addr =
        qio_channel_socket_get_local_address(l, NULL);
    g_autoptr(QIOChannelSocket) ioc = qio_channel_socket_new();

    g_assert_true(qio_channel_shutdown(QIO_CHANNEL(ioc),
                                       QIO_CHANNEL_SHUTDOWN_BOTH, NULL));
    g_assert_false(qio_channel_socket_connect_sync(ioc, addr, NULL));
}

static void nothing(int sig)
{
}

/* Signals that interrupt system calls do not show. */
static void test_signals(void)
{
    struct sigaction act = { .sa_handler = nothing };
    struct itimerspec often = { { 0, 200000 }, { 0, 200000 } };
    struct itimerspec never = { 0 };
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL,
                              .sigev_signo = SIGALRM };
    g_autoptr(QIOChannelSocket) a = NULL;
    g_autoptr(QIOChannelSocket) b = NULL;
    g_autofree uint8_t *data = io_test_pattern(BIG);
    g_autofree uint8_t *got = g_malloc0(BIG);
    Error *err = NULL;
    Blocked writer;
    timer_t timer;

    io_test_pair(&a, &b);
    g_assert_cmpint(sigaction(SIGALRM, &act, NULL), ==, 0);
    g_assert_cmpint(timer_create(CLOCK_MONOTONIC, &event, &timer), ==, 0);
    g_assert_cmpint(timer_settime(timer, 0, &often, NULL), ==, 0);
    blocked_start(&writer, QIO_CHANNEL(a), true, data, BIG);
    for (size_t done = 0; done < BIG; done += BIG / 5) {
        /* Also while nothing is there to read. */
        g_assert_true(qio_channel_read_all(QIO_CHANNEL(b), got + done, BIG / 5,
                                           &err));
        io_test_ok(err);
        g_usleep(500);
    }
    g_assert_true(blocked_end(&writer));
    timer_settime(timer, 0, &never, NULL);
    timer_delete(timer);
    signal(SIGALRM, SIG_DFL);
    g_assert_cmpmem(got, BIG, data, BIG);
}

static void test_zero_copy(void)
{
    g_autoptr(QIOChannelSocket) l = listen_on("tcp:127.0.0.1:0");
    g_autoptr(QIOChannelSocket) a = NULL;
    g_autoptr(QIOChannelSocket) b = NULL;
    g_autofree uint8_t *data = io_test_pattern(BIG);
    g_autofree uint8_t *got = g_malloc0(BIG);
    struct iovec iov = { data, BIG };
    Error *err = NULL;
    Blocked reader;
    int copied = 0;

    connect_to(l, &a, &b);
    if (!qio_channel_has_feature(QIO_CHANNEL(a),
                                 QIO_CHANNEL_FEATURE_WRITE_ZERO_COPY)) {
        g_test_skip("no MSG_ZEROCOPY here");
        return;
    }
    g_assert_cmpint(qio_channel_flush(QIO_CHANNEL(a), &err), ==, 0);
    for (int round = 0; round < 3; round++) {
        memset(got, 0, BIG);
        blocked_start(&reader, QIO_CHANNEL(b), false, got, BIG);
        qio_channel_writev_full_all(QIO_CHANNEL(a), &iov, 1, NULL, 0,
                                    QIO_CHANNEL_WRITE_FLAG_ZERO_COPY, &err);
        if (err && strstr(error_get_pretty(err), "lock enough memory")) {
            qio_channel_close(QIO_CHANNEL(a), NULL);
            blocked_end(&reader);
            g_test_skip(error_get_pretty(err));
            error_free(err);
            error_free(reader.err);
            return;
        }
        io_test_ok(err);
        copied = qio_channel_flush(QIO_CHANNEL(a), &err);
        io_test_ok(err);
        g_assert_cmpint(copied, >=, 0);
        /* Flushed: the memory is ours again, whatever was read so far. */
        g_assert_true(blocked_end(&reader));
        g_assert_cmpmem(got, BIG, data, BIG);
    }
    g_test_message("the kernel %s", copied ? "copied" : "did not copy");
    g_assert_cmpint(qio_channel_flush(QIO_CHANNEL(a), &err), ==, 0);
}

typedef struct FlushThread {
    QIOChannel *ioc;
    int ret;
    Error *err;
} FlushThread;

static void *flush_thread(void *opaque)
{
    FlushThread *f = opaque;

    f->ret = qio_channel_flush(f->ioc, &f->err);
    return NULL;
}

/* A peer that reads nothing holds the pages; a shutdown ends the wait. */
static void test_zero_copy_shutdown(void)
{
    g_autoptr(QIOChannelSocket) l = listen_on("tcp:127.0.0.1:0");
    g_autoptr(QIOChannelSocket) a = NULL;
    g_autoptr(QIOChannelSocket) b = NULL;
    g_autofree uint8_t *data = g_malloc0(65536);
    struct iovec iov = { data, 65536 };
    FlushThread flush = { 0 };
    QemuThread thread;
    ssize_t ret;

    connect_to(l, &a, &b);
    if (!qio_channel_has_feature(QIO_CHANNEL(a),
                                 QIO_CHANNEL_FEATURE_WRITE_ZERO_COPY)) {
        g_test_skip("no MSG_ZEROCOPY here");
        return;
    }
    qio_channel_set_blocking(QIO_CHANNEL(a), false, NULL);
    do {
        ret = qio_channel_writev_full(QIO_CHANNEL(a), &iov, 1, NULL, 0,
                                      QIO_CHANNEL_WRITE_FLAG_ZERO_COPY, NULL);
    } while (ret > 0);
    flush.ioc = QIO_CHANNEL(a);
    qemu_thread_create(&thread, "flush", flush_thread, &flush);
    io_test_let_block();
    g_assert_true(qio_channel_shutdown(QIO_CHANNEL(a),
                                       QIO_CHANNEL_SHUTDOWN_BOTH, NULL));
    qemu_thread_join(&thread);
    if (flush.ret < 0) {
        io_test_error(flush.err, "Unable to wait for zero-copy writes: "
                                 "Operation canceled");
    }
}

static void connected(QIOTask *task, gpointer opaque)
{
    Error **errp = opaque;

    if (!qio_task_propagate_error(task, errp)) {
        error_setg(errp, "connected");
    }
}

static void test_connect_async(void)
{
    g_autoptr(QIOChannelSocket) l = listen_on("tcp:127.0.0.1:0");
    g_autoptr(SocketAddress) good =
        qio_channel_socket_get_local_address(l, NULL);
    g_autoptr(SocketAddress) bad = socket_parse("tcp:127.0.0.1:1", NULL);
    g_autoptr(QIOChannelSocket) a = qio_channel_socket_new();
    g_autoptr(QIOChannelSocket) b = qio_channel_socket_new();
    g_autoptr(GMainContext) context = g_main_context_new();
    Error *err_a = NULL, *err_b = NULL;

    qio_channel_socket_connect_async(a, good, connected, &err_a, NULL,
                                     context);
    qio_channel_socket_connect_async(b, bad, connected, &err_b, NULL, NULL);
    while (!err_a) {
        g_main_context_iteration(context, TRUE);
    }
    while (!err_b) {
        g_main_context_iteration(NULL, TRUE);
    }
    io_test_error(err_a, "connected");
    io_test_error(err_b, "Failed to connect to '127.0.0.1:1': "
                         "Connection refused");
    g_assert_cmpint(qio_channel_socket_get_fd(a), >=, 0);
    g_assert_cmpint(qio_channel_socket_get_fd(b), ==, -1);
}

static gboolean on_ready(QIOChannel *ioc, GIOCondition cond, gpointer data)
{
    *(GIOCondition *)data = cond;
    return G_SOURCE_REMOVE;
}

static void test_watch(void)
{
    g_autoptr(QIOChannelSocket) a = NULL;
    g_autoptr(QIOChannelSocket) b = NULL;
    GIOCondition cond = 0;

    io_test_pair(&a, &b);
    qio_channel_add_watch(QIO_CHANNEL(b), G_IO_IN, on_ready, &cond, NULL);
    while (g_main_context_iteration(NULL, FALSE)) {
        /* Nothing can be ready. */
    }
    g_assert_cmpint(cond, ==, 0);
    g_assert_true(qio_channel_write_all(QIO_CHANNEL(a), "x", 1, NULL));
    while (!cond) {
        g_main_context_iteration(NULL, TRUE);
    }
    g_assert_cmpint(cond, ==, G_IO_IN);
    qio_channel_wait(QIO_CHANNEL(b), G_IO_IN);
}

static void test_unlink(void)
{
    g_autofree char *dir = g_dir_make_tmp("channel-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "s", NULL);
    g_autofree char *uri = g_strdup_printf("unix:%s", path);
    QIOChannelSocket *first = listen_on(uri);
    QIOChannelSocket *second = listen_on(uri);

    /* The first one's file is gone; the second one's is not its to remove. */
    g_object_unref(first);
    g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
    g_object_unref(second);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    g_rmdir(dir);
}

int main(int argc, char **argv)
{
    g_autofree char *dir = g_dir_make_tmp("channel-socket-XXXXXX", NULL);
    int ret;

    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(chdir(dir), ==, 0);
    g_test_add_data_func("/channel-socket/tcp4", "tcp:127.0.0.1:0",
                         test_exchange);
    g_test_add_data_func("/channel-socket/tcp6", "tcp:[::1]:0", test_exchange);
    g_test_add_data_func("/channel-socket/unix", "unix:exchange",
                         test_exchange);
    g_test_add_func("/channel-socket/errors", test_errors);
    g_test_add_func("/channel-socket/fd-passing", test_fd_passing);
    g_test_add_func("/channel-socket/peek", test_peek);
    g_test_add_func("/channel-socket/nonblocking", test_nonblocking);
    g_test_add_func("/channel-socket/shutdown", test_shutdown);
    g_test_add_func("/channel-socket/shutdown-write", test_shutdown_write);
    g_test_add_func("/channel-socket/shutdown-accept", test_shutdown_accept);
    g_test_add_func("/channel-socket/shutdown-connect", test_shutdown_connect);
    g_test_add_func("/channel-socket/shutdown-before-connect",
                    test_shutdown_before_connect);
    g_test_add_func("/channel-socket/signals", test_signals);
    g_test_add_func("/channel-socket/zero-copy", test_zero_copy);
    g_test_add_func("/channel-socket/zero-copy-shutdown",
                    test_zero_copy_shutdown);
    g_test_add_func("/channel-socket/connect-async", test_connect_async);
    g_test_add_func("/channel-socket/watch", test_watch);
    g_test_add_func("/channel-socket/unlink", test_unlink);
    ret = g_test_run();
    g_assert_cmpint(chdir("/"), ==, 0);
    g_rmdir(dir);
    return ret;
}
