/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Character devices: kinds, command-line forms, one client at a time. */
#include "qemu/osdep.h"

#include <glib/gstdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "qemu/keyval.h"
#include "qemu/thread.h"
#include "system/chardev.h"

/* A front end that keeps what it is told. */
typedef struct FrontEnd {
    Chardev *chr;
    GString *text;
    GString *events; /* "O" and "C" */
    size_t room;     /* what can_read() says */
    int fd;          /* the last one received, or -1 */
} FrontEnd;

static size_t fe_can_read(void *opaque)
{
    return ((FrontEnd *)opaque)->room;
}

static void fe_read(void *opaque, const uint8_t *buf, size_t len)
{
    FrontEnd *fe = opaque;
    size_t n;
    g_autofree int *fds = chardev_take_fds(fe->chr, &n);

    for (size_t i = 0; i < n; i++) {
        if (fe->fd >= 0) {
            close(fe->fd);
        }
        fe->fd = fds[i];
    }
    g_assert_cmpuint(len, <=, fe->room);
    g_string_append_len(fe->text, (const char *)buf, len);
}

static void fe_event(void *opaque, ChardevEvent event)
{
    g_string_append_c(((FrontEnd *)opaque)->events,
                      event == CHARDEV_EVENT_OPENED ? 'O' : 'C');
}

static const ChardevHandlers fe_handlers = {
    .can_read = fe_can_read,
    .read = fe_read,
    .event = fe_event,
};

static FrontEnd *fe_new(Chardev *chr)
{
    FrontEnd *fe = g_new0(FrontEnd, 1);
    Error *err = NULL;

    fe->chr = chr;
    fe->text = g_string_new(NULL);
    fe->events = g_string_new(NULL);
    fe->room = 4096;
    fe->fd = -1;
    chardev_attach(chr, &fe_handlers, fe, NULL, &err);
    g_assert_no_error(err);
    return fe;
}

static void fe_free(FrontEnd *fe)
{
    chardev_detach(fe->chr);
    g_string_free(fe->text, true);
    g_string_free(fe->events, true);
    if (fe->fd >= 0) {
        close(fe->fd);
    }
    g_free(fe);
}

/* Run the main loop until @text holds @want.  A failure hangs: time limit. */
static void wait_text(GString *text, const char *want)
{
    while (!g_str_equal(text->str, want)) {
        g_main_context_iteration(NULL, true);
    }
}

static void drain(void)
{
    while (g_main_context_iteration(NULL, false)) {
    }
}

static Chardev *make(ChardevContainer *c, const char *params)
{
    Error *err = NULL;
    json_object *opts = keyval_parse(params, "backend", true, false, NULL,
                                     &err);
    Chardev *chr;

    g_assert_no_error(err);
    chr = chardev_container_add(c, opts, &err);
    g_assert_no_error(err);
    g_assert_nonnull(chr);
    json_object_put(opts);
    return chr;
}

/* -1: nobody listens there. */
static int try_connect_unix(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(addr.sun_path, path, sizeof(addr.sun_path));
    if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
        g_assert_true(errno == ENOENT || errno == ECONNREFUSED);
        close(fd);
        return -1;
    }
    return fd;
}

static int connect_unix(const char *path)
{
    int fd = try_connect_unix(path);

    g_assert_cmpint(fd, >=, 0);
    return fd;
}

static void send_text(int fd, const char *text)
{
    g_assert_cmpint(send(fd, text, strlen(text), MSG_NOSIGNAL), ==,
                    strlen(text));
}

static void send_fd(int fd, const char *text, int passed)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = { 0 };
    struct iovec iov = { .iov_base = (char *)text, .iov_len = strlen(text) };
    struct msghdr msg = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof(control.space),
    };
    struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    cmsg->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(cmsg), &passed, sizeof(int));
    g_assert_cmpint(sendmsg(fd, &msg, 0), ==, strlen(text));
}

/* Read exactly @len bytes while the main loop runs. */
static char *receive(int fd, size_t len)
{
    g_autofree char *buf = g_malloc0(len + 1);
    size_t done = 0;

    while (done < len) {
        ssize_t n = recv(fd, buf + done, len - done, MSG_DONTWAIT);

        if (n < 0) {
            g_assert_cmpint(errno, ==, EAGAIN);
            g_main_context_iteration(NULL, false);
            continue;
        }
        g_assert_cmpint(n, >, 0);
        done += n;
    }
    return g_steal_pointer(&buf);
}

/* A directory for sockets and files, removed at the end. */
static char *scratch;

static char *scratch_path(const char *name)
{
    return g_build_filename(scratch, name, NULL);
}

static void test_server(void)
{
    ChardevContainer *c = chardev_container_new();
    g_autofree char *path = scratch_path("server");
    g_autofree char *params = g_strdup_printf(
        "socket,id=s0,path=%s,server=on,wait=off", path);
    g_autofree char *connected = g_strdup_printf("unix:%s,server=on", path);
    g_autofree char *disconnected = g_strconcat("disconnected:", connected,
                                                NULL);
    Chardev *chr = make(c, params);
    FrontEnd *fe = fe_new(chr);
    g_autofree char *name = NULL, *got = NULL;
    int first, second;

    name = chardev_get_filename(chr);
    g_assert_cmpstr(name, ==, disconnected);
    /* Without a peer, output goes nowhere. */
    g_assert_cmpuint(chardev_write(chr, "lost", 4), ==, 4);

    first = connect_unix(path);
    wait_text(fe->events, "O");
    second = connect_unix(path);
    send_text(second, "two");
    send_text(first, "one");
    wait_text(fe->text, "one");
    drain();
    g_assert_cmpstr(fe->text->str, ==, "one");
    chardev_write_all(chr, "hello", 5);
    got = receive(first, 5);
    g_assert_cmpstr(got, ==, "hello");
    g_free(name);
    name = chardev_get_filename(chr);
    g_assert_cmpstr(name, ==, connected);

    /* The second client gets in when the first has gone. */
    close(first);
    wait_text(fe->events, "OCO");
    wait_text(fe->text, "onetwo");
    close(second);
    wait_text(fe->events, "OCOC");

    fe_free(fe);
    chardev_container_free(c);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

static void test_thousand_clients(void)
{
    ChardevContainer *c = chardev_container_new();
    g_autofree char *path = scratch_path("many");
    g_autofree char *params = g_strdup_printf(
        "socket,id=s0,path=%s,server=on,wait=off", path);
    FrontEnd *fe = fe_new(make(c, params));
    int before, after;

    before = dup(0);
    close(before);
    for (int i = 0; i < 1000; i++) {
        int fd = connect_unix(path);

        if (i % 2) {
            wait_text(fe->events, "O");
        }
        close(fd);
        wait_text(fe->events, "OC");
        g_string_truncate(fe->events, 0);
    }
    after = dup(0);
    close(after);
    /* The lowest free descriptor is the same: none is left open. */
    g_assert_cmpint(after, ==, before);
    fe_free(fe);
    chardev_container_free(c);
}

/* The front end takes little at a time, then nothing, then goes on. */
static void test_flow_control(void)
{
    ChardevContainer *c = chardev_container_new();
    g_autofree char *path = scratch_path("flow");
    g_autofree char *params = g_strdup_printf(
        "socket,id=s0,path=%s,server=on,wait=off", path);
    FrontEnd *fe = fe_new(make(c, params));
    int fd = connect_unix(path);

    fe->room = 3;
    send_text(fd, "abcdef");
    wait_text(fe->text, "abcdef");
    fe->room = 0;
    send_text(fd, "ghi");
    drain();
    g_assert_cmpstr(fe->text->str, ==, "abcdef");
    fe->room = 100;
    chardev_accept_input(fe->chr);
    wait_text(fe->text, "abcdefghi");
    close(fd);
    fe_free(fe);
    chardev_container_free(c);
}

/* A peer that does not read: monitors queue, devices are told. */
static void test_backlog(void)
{
    ChardevContainer *c = chardev_container_new();
    g_autofree char *path = scratch_path("backlog");
    g_autofree char *params = g_strdup_printf(
        "socket,id=s0,path=%s,server=on,wait=off", path);
    Chardev *chr = make(c, params);
    FrontEnd *fe = fe_new(chr);
    const size_t size = 4 * MiB;
    g_autofree char *data = g_malloc(size);
    g_autofree char *got = NULL;
    size_t taken;
    int fd = connect_unix(path);

    for (size_t i = 0; i < size; i++) {
        data[i] = (char)(i * 7 + (i >> 8));
    }
    wait_text(fe->events, "O");
    chardev_write_all(chr, data, size);
    g_assert_false(chardev_flush(chr, 1));
    taken = chardev_write(chr, data, 100);
    g_assert_cmpuint(taken, ==, 0);
    got = receive(fd, size);
    g_assert_cmpmem(got, size, data, size);
    drain();
    g_assert_true(chardev_flush(chr, 0));
    g_assert_cmpuint(chardev_write(chr, "x", 1), ==, 1);

    /* A peer that goes away takes the queue with it. */
    chardev_write_all(chr, data, size);
    close(fd);
    wait_text(fe->events, "OC");
    g_assert_true(chardev_flush(chr, 0));
    fe_free(fe);
    chardev_container_free(c);
}

static void test_fd_passing(void)
{
    ChardevContainer *c = chardev_container_new();
    g_autofree char *path = scratch_path("fds");
    g_autofree char *params = g_strdup_printf(
        "socket,id=s0,path=%s,server=on,wait=off", path);
    FrontEnd *fe = fe_new(make(c, params));
    int fd = connect_unix(path), pipe_fds[2];
    char byte;

    g_assert_cmpint(pipe2(pipe_fds, O_CLOEXEC), ==, 0);
    send_fd(fd, "take", pipe_fds[1]);
    close(pipe_fds[1]);
    wait_text(fe->text, "take");
    g_assert_cmpint(fe->fd, >=, 0);
    g_assert_cmpint(write(fe->fd, "!", 1), ==, 1);
    g_assert_cmpint(read(pipe_fds[0], &byte, 1), ==, 1);
    close(pipe_fds[0]);
    close(fd);
    fe_free(fe);
    chardev_container_free(c);
}

/* A client, to a server of our own; TCP, port chosen by the kernel. */
static void test_tcp_pair(void)
{
    ChardevContainer *c = chardev_container_new();
    Error *err = NULL;
    Chardev *server = chardev_container_parse(
        c, "tcp:127.0.0.1:0,server=on,wait=off", "srv", NULL, &err);
    g_autofree char *name = NULL, *text = NULL;
    Chardev *client;
    FrontEnd *a, *b;

    g_assert_no_error(err);
    a = fe_new(server);
    name = chardev_get_filename(server);
    g_assert_true(g_str_has_prefix(name, "disconnected:tcp:127.0.0.1:"));
    g_assert_true(g_str_has_suffix(name, ",server=on"));
    g_assert_null(strstr(name, ":0,"));

    text = g_strndup(name + strlen("disconnected:"),
                     strlen(name) - strlen("disconnected:") -
                         strlen(",server=on"));
    client = chardev_container_parse(c, text, "cli", NULL, &err);
    g_assert_no_error(err);
    b = fe_new(client);
    wait_text(b->events, "O");
    chardev_write_all(client, "ping", 4);
    wait_text(a->text, "ping");
    chardev_write_all(server, "pong", 4);
    wait_text(b->text, "pong");
    g_free(name);
    name = chardev_get_filename(client);
    g_assert_nonnull(strstr(name, " <-> 127.0.0.1:"));
    fe_free(b);
    fe_free(a);
    chardev_container_free(c);
}

static void test_reconnect(void)
{
    ChardevContainer *c = chardev_container_new();
    g_autofree char *path = scratch_path("again");
    g_autofree char *server_params = g_strdup_printf(
        "socket,id=srv,path=%s,server=on,wait=off", path);
    g_autofree char *client_params = g_strdup_printf(
        "socket,id=cli,path=%s,reconnect-ms=1", path);
    FrontEnd *client = fe_new(make(c, client_params)), *server;
    ChardevContainer *sc = chardev_container_new();

    drain();
    server = fe_new(make(sc, server_params));
    wait_text(client->events, "O");
    wait_text(server->events, "O");
    fe_free(server);
    chardev_container_free(sc);
    wait_text(client->events, "OC");

    sc = chardev_container_new();
    server = fe_new(make(sc, server_params));
    wait_text(client->events, "OCO");
    chardev_write_all(client->chr, "back", 4);
    wait_text(server->text, "back");
    fe_free(client);
    fe_free(server);
    drain();
    chardev_container_free(c);
    chardev_container_free(sc);
}

static void *connect_later(void *opaque)
{
    int fd;

    while ((fd = try_connect_unix(opaque)) < 0) {
        g_usleep(1000);
    }
    return GINT_TO_POINTER(fd);
}

/* wait=on: making the server blocks until there is a client. */
static void test_wait(void)
{
    ChardevContainer *c = chardev_container_new();
    g_autofree char *path = scratch_path("wait");
    g_autofree char *text = g_strdup_printf("unix:%s,server=on", path);
    QemuThread thread;
    Error *err = NULL;
    Chardev *chr;
    FrontEnd *fe;

    qemu_thread_create(&thread, "client", connect_later, path);
    chr = chardev_container_parse(c, text, "w", NULL, &err);
    g_assert_no_error(err);
    g_assert_true(chardev_is_open(chr));
    fe = fe_new(chr);
    wait_text(fe->events, "O");
    close(GPOINTER_TO_INT(qemu_thread_join(&thread)));
    wait_text(fe->events, "OC");
    fe_free(fe);
    chardev_container_free(c);
}

static void test_file(void)
{
    ChardevContainer *c = chardev_container_new();
    g_autofree char *path = scratch_path("out");
    g_autofree char *input = scratch_path("in");
    g_autofree char *text = g_strconcat("file:", path, NULL);
    g_autofree char *params = g_strdup_printf(
        "file,id=f1,path=%s,append=on,input-path=%s", path, input);
    g_autofree char *got = NULL;
    Error *err = NULL;
    Chardev *chr;
    FrontEnd *fe;

    g_assert_true(g_file_set_contents(path, "old", -1, NULL));
    g_assert_true(g_file_set_contents(input, "typed", -1, NULL));
    chr = chardev_container_parse(c, text, "f0", NULL, &err);
    g_assert_no_error(err);
    g_assert_cmpuint(chardev_write(chr, "abc", 3), ==, 3);
    g_assert_true(g_file_get_contents(path, &got, NULL, NULL));
    g_assert_cmpstr(got, ==, "abc");

    fe = fe_new(make(c, params));
    wait_text(fe->text, "typed");
    chardev_write_all(fe->chr, "def", 3);
    g_free(got);
    g_assert_true(g_file_get_contents(path, &got, NULL, NULL));
    g_assert_cmpstr(got, ==, "abcdef");
    fe_free(fe);
    chardev_container_free(c);
    g_unlink(path);
    g_unlink(input);
}

static void test_null(void)
{
    ChardevContainer *c = chardev_container_new();
    Chardev *chr = make(c, "null,id=n");
    FrontEnd *fe = fe_new(chr);
    g_autofree char *name = chardev_get_filename(chr);
    Error *err = NULL;

    wait_text(fe->events, "O");
    g_assert_cmpuint(chardev_write(chr, "abc", 3), ==, 3);
    g_assert_cmpstr(name, ==, "null");
    g_assert_true(chardev_has_frontend(chr));
    g_assert_false(chardev_attach(chr, &fe_handlers, fe, NULL, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, 
                    "chardev 'n' is already in use");
    error_free(err);
    g_assert_true(chardev_container_find(c, "n") == chr);
    g_assert_null(chardev_container_find(c, "m"));
    fe_free(fe);
    g_assert_false(chardev_has_frontend(chr));
    chardev_container_free(c);
}

static void test_errors(void)
{
    static const struct {
        const char *params;
        const char *error;
    } cases[] = {
        { "null", "chardev: no id specified" },
        { "null,id=1x", "Parameter 'id' expects an identifier" },
        { "null,id=dup", "Duplicate ID 'dup' for chardev" },
        { "id=x", "chardev: \"x\" missing backend" },
        { "nosuch,id=x", "'nosuch' is not a valid char driver name" },
        { "socket,id=x", "Unable to parse FD number" },
        { "socket,id=x,path=/nonexistent/s",
          "Failed to connect to '/nonexistent/s': "
          "No such file or directory" },
        { "file,id=x", "chardev: file: no filename given" },
        { "null,id=x,size=3", "Invalid parameter 'size'" },
        { "file,id=x,path=/nonexistent/x",
          "Could not open '/nonexistent/x': No such file or directory" },
    };
    ChardevContainer *c = chardev_container_new();

    make(c, "null,id=dup");
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        json_object *opts = keyval_parse(cases[i].params, "backend", true,
                                         false, NULL, NULL);
        Error *err = NULL;

        g_assert_null(chardev_container_add(c, opts, &err));
        g_assert_cmpstr(error_get_pretty(err), ==, cases[i].error);
        error_free(err);
        json_object_put(opts);
    }
    chardev_container_free(c);
}

static void test_short_errors(void)
{
    static const struct {
        const char *text;
        const char *error;
    } cases[] = {
        { "nosuch:1", "'nosuch:1' is not a valid char driver" },
        { "none", "'none' is not a valid char driver" },
        { "mon:stdio", "'mon:stdio' is not a valid char driver" },
        { "tcp:localhost",
          "address 'localhost' lacks a port: expected HOST:PORT" },
        { "chardev:zz",
          "chardev \"zz\" not found" },
    };
    ChardevContainer *c = chardev_container_new();

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        Error *err = NULL;

        g_assert_null(
            chardev_container_parse(c, cases[i].text, "lab", NULL, &err));
        g_assert_cmpstr(error_get_pretty(err), ==, cases[i].error);
        error_free(err);
    }
    chardev_container_free(c);
}

static void count_quit(void *opaque)
{
    ++*(int *)opaque;
}

/* mon: two front ends on one socket, Ctrl-A between them. */
static void test_mux(void)
{
    ChardevContainer *c = chardev_container_new();
    g_autofree char *path = scratch_path("mux");
    g_autofree char *text = g_strdup_printf("mon:unix:%s,server=on,wait=off",
                                            path);
    g_autofree char *got = NULL;
    Chardev *serial, *monitor;
    FrontEnd *fs, *fm;
    Error *err = NULL;
    int quits = 0, fd;

    chardev_container_set_quit(c, count_quit, &quits);
    serial = chardev_container_parse(c, text, "serial0", &monitor, &err);
    g_assert_no_error(err);
    g_assert_nonnull(monitor);
    g_assert_cmpstr(chardev_get_label(serial), ==, "serial0");
    fs = fe_new(serial);
    fm = fe_new(monitor);
    drain();
    fd = connect_unix(path);
    wait_text(fs->events, "O");
    g_assert_cmpstr(fm->events->str, ==, "");
    send_text(fd, "ser");
    wait_text(fs->text, "ser");
    send_text(fd, "\001cmon");
    wait_text(fm->text, "mon");
    g_assert_cmpstr(fm->events->str, ==, "O");
    send_text(fd, "\001\001.");
    wait_text(fm->text, "mon\001.");
    chardev_write_all(serial, "S", 1);
    chardev_write_all(monitor, "M", 1);
    got = receive(fd, 2);
    g_assert_cmpstr(got, ==, "SM");

    /* The serial port is full; what is typed is kept for it. */
    fs->room = 0;
    send_text(fd, "\001cial\001c!");
    wait_text(fm->text, "mon\001.!");
    g_assert_cmpstr(fs->text->str, ==, "ser");
    fs->room = 16;
    chardev_accept_input(serial);
    wait_text(fs->text, "serial");

    send_text(fd, "\001x");
    while (!quits) {
        g_main_context_iteration(NULL, true);
    }
    close(fd);
    wait_text(fs->events, "OC");
    wait_text(fm->events, "OC");
    fe_free(fs);
    fe_free(fm);
    chardev_container_free(c);
}

int main(int argc, char **argv)
{
    g_autofree char *template =
        g_build_filename(g_get_tmp_dir(), "chardev-XXXXXX", NULL);
    int status;

    g_test_init(&argc, &argv, NULL);
    error_init(argv[0]);
    scratch = g_mkdtemp(g_steal_pointer(&template));
    g_assert_nonnull(scratch);
    g_test_add_func("/chardev/null", test_null);
    g_test_add_func("/chardev/file", test_file);
    g_test_add_func("/chardev/socket/server", test_server);
    g_test_add_func("/chardev/socket/thousand-clients", test_thousand_clients);
    g_test_add_func("/chardev/socket/flow-control", test_flow_control);
    g_test_add_func("/chardev/socket/backlog", test_backlog);
    g_test_add_func("/chardev/socket/fd-passing", test_fd_passing);
    g_test_add_func("/chardev/socket/tcp", test_tcp_pair);
    g_test_add_func("/chardev/socket/reconnect", test_reconnect);
    g_test_add_func("/chardev/socket/wait", test_wait);
    g_test_add_func("/chardev/errors", test_errors);
    g_test_add_func("/chardev/short-errors", test_short_errors);
    g_test_add_func("/chardev/mux", test_mux);
    status = g_test_run();
    g_rmdir(scratch);
    g_free(scratch);
    return status;
}
