/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Socket addresses: text, resolving, connecting and listening. */
#include "qemu/osdep.h"

#include <glib/gstdio.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "io-test.h"
#include "io/sockets.h"

static SocketAddress *parse(const char *text)
{
    Error *err = NULL;
    SocketAddress *addr = socket_parse(text, &err);

    io_test_ok(err);
    return addr;
}

static void check_inet(const char *text, const char *host, const char *port,
                       const char *uri)
{
    g_autoptr(SocketAddress) addr = parse(text);
    g_autofree char *out = socket_address_to_uri(addr);

    g_assert_cmpint(addr->type, ==, SOCKET_ADDRESS_TYPE_INET);
    g_assert_cmpstr(addr->u.inet.host, ==, host);
    g_assert_cmpstr(addr->u.inet.port, ==, port);
    g_assert_cmpstr(out, ==, uri);
}

static void test_parse(void)
{
    check_inet("localhost:4444", "localhost", "4444", "tcp:localhost:4444");
    check_inet("tcp::0", "", "0", "tcp::0");
    check_inet("tcp:[::1]:80", "::1", "80", "tcp:[::1]:80");
    check_inet("tcp:1.2.3.4:ssh", "1.2.3.4", "ssh", "tcp:1.2.3.4:ssh");
    check_inet("tcp:a:b:c", "a", "b:c", "tcp:a:b:c");
    check_inet("tcp:h:1,ipv4", "h", "1", "tcp:h:1");
}

static void test_parse_options(void)
{
    g_autoptr(SocketAddress) addr =
        parse("tcp:h:1,to=9,ipv4,ipv6=off,keep-alive=on,mptcp=off");
    const InetSocketAddress *inet = &addr->u.inet;
    g_autoptr(SocketAddress) plain = parse("tcp:h:1");

    g_assert_true(inet->has_to);
    g_assert_cmpint(inet->to, ==, 9);
    g_assert_true(inet->has_ipv4 && inet->ipv4);
    g_assert_true(inet->has_ipv6 && !inet->ipv6);
    g_assert_true(inet->has_keep_alive && inet->keep_alive);
    g_assert_true(inet->has_mptcp && !inet->mptcp);
    inet = &plain->u.inet;
    g_assert_false(inet->has_to || inet->has_ipv4 || inet->has_ipv6 ||
                   inet->has_keep_alive || inet->has_mptcp ||
                   inet->has_numeric);
}

static void test_parse_others(void)
{
    g_autoptr(SocketAddress) un = parse("unix:/a,b:c");
    g_autoptr(SocketAddress) fd = parse("fd:name");
    g_autofree char *un_uri = socket_address_to_uri(un);
    g_autofree char *un_str = socket_address_to_str(un);
    g_autofree char *fd_uri = socket_address_to_uri(fd);
    g_autofree char *fd_str = socket_address_to_str(fd);

    g_assert_cmpstr(un->u.q_unix.path, ==, "/a,b:c");
    g_assert_cmpstr(un_uri, ==, "unix:/a,b:c");
    g_assert_cmpstr(un_str, ==, "/a,b:c");
    g_assert_cmpstr(fd_uri, ==, "fd:name");
    g_assert_cmpstr(fd_str, ==, "name");
}

static void test_parse_errors(void)
{
    static const struct {
        const char *text;
        const char *error;
    } cases[] = {
        { "", "error parsing address ''" },
        { "a", "error parsing address 'a'" },
        { "a,b:1", "error parsing address 'a,b:1'" },
        { "tcp:a", "error parsing address 'a'" },
        { "[::1", "error parsing IPv6 address '[::1'" },
        { "[::1]", "error parsing IPv6 address '[::1]'" },
        { "[::1],:5]:7", "error parsing IPv6 address '[::1],:5]:7'" },
        { "[]:1", "error parsing IPv6 address '[]:1'" },
        { "a:", "error parsing port in address 'a:'" },
        { ":", "error parsing port in address ':'" },
        { ":,ipv4", "error parsing port in address ':,ipv4'" },
        { "a:123456789012345678901234567890123",
          "trailing characters in address "
          "'a:123456789012345678901234567890123'" },
        { "a:1,foo", "Invalid parameter 'foo'" },
        { "a:1,ipv4=maybe", "Parameter 'ipv4' expects 'on' or 'off'" },
        { "a:1,to", "Parameter 'to' expects a number" },
        { "a:1,to=65536", "Parameter 'to' expects a number" },
        { "a:1,to=x", "Parameter 'to' expects a number" },
        { "unix:", "invalid Unix socket address" },
        { "fd:", "invalid file descriptor address" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        Error *err = NULL;

        g_assert_null(socket_parse(cases[i].text, &err));
        io_test_error(err, cases[i].error);
    }
}

static void expect_connect_error(const char *text, const char *error)
{
    g_autoptr(SocketAddress) addr = parse(text);
    Error *err = NULL;

    g_assert_cmpint(socket_connect(addr, &err), ==, -1);
    io_test_error(err, error);
}

static void expect_listen_error(const char *text, const char *error)
{
    g_autoptr(SocketAddress) addr = parse(text);
    Error *err = NULL;

    g_assert_cmpint(socket_listen(addr, 1, &err), ==, -1);
    io_test_error(err, error);
}

static void test_connect_errors(void)
{
    g_autofree char *long_path = g_strnfill(108, 'p');
    g_autofree char *long_uri = g_strdup_printf("unix:%s", long_path);
    g_autofree char *long_error =
        g_strdup_printf("UNIX socket path '%s' is too long", long_path);

    expect_connect_error("tcp:127.0.0.1:1", "Failed to connect to "
                         "'127.0.0.1:1': Connection refused");
    expect_connect_error("unix:/nonexistent/s", "Failed to connect to "
                         "'/nonexistent/s': No such file or directory");
    expect_connect_error(long_uri, long_error);
    expect_listen_error(long_uri, long_error);
    expect_connect_error("tcp:127.0.0.1:nosuchservice",
                         "address resolution failed for "
                         "127.0.0.1:nosuchservice: Servname not supported for "
                         "ai_socktype");
    expect_connect_error("tcp:1.2.3.4:5,ipv4=off,ipv6=off",
                         "Cannot disable IPv4 and IPv6 at same time");
    expect_connect_error("fd:nosuch", "File descriptor named 'nosuch' has not "
                                      "been found");
    expect_connect_error("fd:1000000", "File descriptor '1000000' cannot be "
                                       "used: Bad file descriptor");
}

static void test_numeric(void)
{
    g_autoptr(SocketAddress) addr = parse("tcp:localhost:1");
    Error *err = NULL;

    addr->u.inet.has_numeric = addr->u.inet.numeric = true;
    g_assert_cmpint(socket_connect(addr, &err), ==, -1);
    io_test_error(err, "address resolution failed for localhost:1: "
                       "Name or service not known");
}

static void test_fd(void)
{
    g_autoptr(SocketAddress) addr = g_new0(SocketAddress, 1);
    Error *err = NULL;
    g_autofree char *text = NULL;
    int fds[2];

    g_assert_cmpint(pipe(fds), ==, 0);
    addr->type = SOCKET_ADDRESS_TYPE_FD;
    addr->u.fd.str = g_strdup_printf("%d", fds[0]);
    text = g_strdup_printf("File descriptor '%d' is not a socket", fds[0]);
    g_assert_cmpint(socket_connect(addr, &err), ==, -1);
    io_test_error(err, text);
    close(fds[0]);
    close(fds[1]);

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), ==, 0);
    g_free(addr->u.fd.str);
    addr->u.fd.str = g_strdup_printf("%d", fds[0]);
    g_assert_cmpint(socket_connect(addr, &err), ==, fds[0]);
    io_test_ok(err);
    g_assert_true(fcntl(fds[0], F_GETFD) & FD_CLOEXEC);
    close(fds[0]);
    close(fds[1]);
}

static uint16_t port_of(int fd, int family)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);
    g_autoptr(SocketAddress) addr = NULL;
    Error *err = NULL;

    g_assert_cmpint(getsockname(fd, (struct sockaddr *)&sa, &len), ==, 0);
    g_assert_cmpint(sa.ss_family, ==, family);
    addr = socket_address_from_sockaddr(&sa, len, &err);
    io_test_ok(err);
    g_assert_cmpint(addr->u.inet.has_ipv4, ==, family == AF_INET);
    g_assert_cmpint(addr->u.inet.has_ipv6, ==, family == AF_INET6);
    return g_ascii_strtoull(addr->u.inet.port, NULL, 10);
}

static bool have_ipv6(void)
{
    g_autoptr(SocketAddress) addr = parse("tcp:[::1]:0");
    int fd = socket_listen(addr, 1, NULL);

    if (fd < 0) {
        g_test_skip("no IPv6 here");
        return false;
    }
    close(fd);
    return true;
}

static void test_ports(void)
{
    g_autoptr(SocketAddress) any = parse("tcp:127.0.0.1:0");
    Error *err = NULL;
    int first, second, port;

    first = socket_listen(any, 1, &err);
    io_test_ok(err);
    port = port_of(first, AF_INET);
    g_assert_cmpint(port, >, 0);

    g_free(any->u.inet.port);
    any->u.inet.port = g_strdup_printf("%d", port);
    g_assert_cmpint(socket_listen(any, 1, &err), ==, -1);
    io_test_error(err, "Failed to find an available port: "
                       "Address already in use");

    /* The same port, but others are allowed. */
    any->u.inet.has_to = true;
    any->u.inet.to = MIN(port + 100, UINT16_MAX);
    second = socket_listen(any, 1, &err);
    io_test_ok(err);
    g_assert_cmpint(port_of(second, AF_INET), >, port);
    close(first);
    close(second);
    expect_listen_error("tcp:192.0.2.1:0", "Failed to bind socket to "
                        "192.0.2.1:0: Cannot assign requested address");
}

/* An empty host is every interface, each family with its own socket. */
static void test_any(void)
{
    g_autoptr(SocketAddress) any = parse("tcp::0");
    g_autoptr(GArray) fds = NULL;
    Error *err = NULL;
    int families = 0;

    if (!have_ipv6()) {
        return;
    }
    fds = socket_listen_all(any, 1, &err);
    io_test_ok(err);
    g_assert_cmpuint(fds->len, ==, 2);
    for (guint i = 0; i < fds->len; i++) {
        struct sockaddr_storage sa;
        socklen_t len = sizeof(sa);
        int fd = g_array_index(fds, int, i);

        getsockname(fd, (struct sockaddr *)&sa, &len);
        families += sa.ss_family;
        g_assert_cmpint(port_of(fd, sa.ss_family), >, 0);
        close(fd);
    }
    g_assert_cmpint(families, ==, AF_INET + AF_INET6);
}

static void test_family(void)
{
    g_autoptr(SocketAddress) four = parse("tcp::0,ipv4");
    g_autoptr(SocketAddress) six = parse("tcp::0,ipv4=off");
    Error *err = NULL;
    int fd;

    if (!have_ipv6()) {
        return;
    }
    fd = socket_listen(four, 1, &err);
    io_test_ok(err);
    port_of(fd, AF_INET);
    close(fd);
    fd = socket_listen(six, 1, &err);
    io_test_ok(err);
    port_of(fd, AF_INET6);
    close(fd);
}

static void test_unix_file(void)
{
    g_autofree char *dir = g_dir_make_tmp("sockets-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "s", NULL);
    g_autofree char *uri = g_strdup_printf("unix:%s", path);
    g_autofree char *error =
        g_strdup_printf("Failed to bind socket to %s: Address already in use",
                        path);
    g_autoptr(SocketAddress) addr = parse(uri);
    Error *err = NULL;
    int stale, fd, client;

    /* A stale socket is replaced, any other file stays. */
    stale = socket_listen(addr, 1, &err);
    io_test_ok(err);
    close(stale);
    g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
    fd = socket_listen(addr, 1, &err);
    io_test_ok(err);
    client = socket_connect(addr, &err);
    io_test_ok(err);
    close(client);
    close(fd);
    g_unlink(path);
    g_assert_true(g_file_set_contents(path, "x", 1, NULL));
    expect_listen_error(uri, error);
    g_assert_true(g_file_test(path, G_FILE_TEST_IS_REGULAR));
    g_unlink(path);
    g_rmdir(dir);
    expect_listen_error("unix:/nonexistent/s", "Failed to bind socket to "
                        "/nonexistent/s: No such file or directory");
}

static void check_abstract(bool tight)
{
    g_autofree char *uri = g_strdup_printf("unix:test-sockets-%d", getpid());
    g_autoptr(SocketAddress) addr = parse(uri);
    g_autoptr(SocketAddress) bound = NULL;
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);
    Error *err = NULL;
    int fd, client;

    addr->u.q_unix.has_abstract = addr->u.q_unix.abstract = true;
    addr->u.q_unix.has_tight = true;
    addr->u.q_unix.tight = tight;
    fd = socket_listen(addr, 1, &err);
    io_test_ok(err);
    client = socket_connect(addr, &err);
    io_test_ok(err);
    getsockname(fd, (struct sockaddr *)&sa, &len);
    bound = socket_address_from_sockaddr(&sa, len, &err);
    io_test_ok(err);
    g_assert_cmpstr(bound->u.q_unix.path, ==, addr->u.q_unix.path);
    g_assert_true(bound->u.q_unix.abstract);
    g_assert_cmpint(bound->u.q_unix.tight, ==, tight);
    close(client);
    close(fd);
}

static void test_abstract(void)
{
    check_abstract(true);
    check_abstract(false);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sockets/parse", test_parse);
    g_test_add_func("/sockets/parse-options", test_parse_options);
    g_test_add_func("/sockets/parse-others", test_parse_others);
    g_test_add_func("/sockets/parse-errors", test_parse_errors);
    g_test_add_func("/sockets/connect-errors", test_connect_errors);
    g_test_add_func("/sockets/numeric", test_numeric);
    g_test_add_func("/sockets/fd", test_fd);
    g_test_add_func("/sockets/ports", test_ports);
    g_test_add_func("/sockets/any", test_any);
    g_test_add_func("/sockets/family", test_family);
    g_test_add_func("/sockets/unix-file", test_unix_file);
    g_test_add_func("/sockets/abstract", test_abstract);
    return g_test_run();
}
