/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"

#include <glib/gstdio.h>

#include "io-test.h"
#include "io/net-listener.h"
#include "io/sockets.h"

static QIONetListener *open_on(const char *uri)
{
    g_autoptr(SocketAddress) addr = socket_parse(uri, NULL);
    QIONetListener *l = qio_net_listener_new();
    Error *err = NULL;

    qio_net_listener_set_name(l, "test");
    qio_net_listener_open_sync(l, addr, 4, &err);
    io_test_ok(err);
    g_assert_true(qio_net_listener_is_connected(l));
    return l;
}

static QIOChannelSocket *client_of(const SocketAddress *addr)
{
    QIOChannelSocket *client = qio_channel_socket_new();
    Error *err = NULL;

    qio_channel_socket_connect_sync(client, addr, &err);
    io_test_ok(err);
    return client;
}

typedef struct Clients {
    QIONetListener *l;
    GPtrArray *sockets;
    bool destroyed;
    bool drop; /* the listener, at the first client */
} Clients;

static void on_client(QIONetListener *l, QIOChannelSocket *client,
                      gpointer opaque)
{
    Clients *c = opaque;

    g_assert_true(l == c->l);
    g_ptr_array_add(c->sockets, g_object_ref(client));
    if (c->drop) {
        g_clear_object(&c->l);
    }
}

static void on_destroy(gpointer opaque)
{
    ((Clients *)opaque)->destroyed = true;
}

static void expect_clients(Clients *c, GMainContext *context, guint n)
{
    while (c->sockets->len < n) {
        g_main_context_iteration(context, TRUE);
    }
    g_assert_cmpuint(c->sockets->len, ==, n);
}

/* Every address works, and each client is a connection of its own. */
static void test_clients(void)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    Clients c = { .l = open_on("tcp::0") };
    g_autoptr(SocketAddressList) addrs = qio_net_listener_get_addresses(c.l);
    g_autoptr(GPtrArray) mine =
        g_ptr_array_new_with_free_func(g_object_unref);
    guint n = 0;
    char byte;

    c.sockets = g_ptr_array_new_with_free_func(g_object_unref);
    qio_net_listener_set_client_func(c.l, on_client, &c, on_destroy, context);
    for (SocketAddressList *a = addrs; a; a = a->next) {
        const InetSocketAddress *inet = &a->value->u.inet;

        g_assert_true(inet->has_ipv4 != inet->has_ipv6);
        g_ptr_array_add(mine, client_of(a->value));
        expect_clients(&c, context, ++n);
        g_ptr_array_add(mine, client_of(a->value));
        expect_clients(&c, context, ++n);
    }
    g_assert_cmpuint(n, >=, 2);
    for (guint i = 0; i < n; i++) {
        char number = 'a' + i;

        g_assert_true(qio_channel_write_all(g_ptr_array_index(mine, i),
                                            &number, 1, NULL));
        g_assert_true(qio_channel_read_all(
            g_ptr_array_index(c.sockets, i), &byte, 1, NULL));
        g_assert_cmpint(byte, ==, number);
    }

    qio_net_listener_set_client_func(c.l, NULL, NULL, NULL, NULL);
    g_assert_true(c.destroyed);
    qio_net_listener_disconnect(c.l);
    g_assert_false(qio_net_listener_is_connected(c.l));
    g_assert_null(qio_net_listener_get_addresses(c.l));
    g_ptr_array_unref(c.sockets);
    g_object_unref(c.l);
}

static void test_drop_in_callback(void)
{
    Clients c = { .l = open_on("tcp:127.0.0.1:0"), .drop = true };
    g_autoptr(SocketAddressList) addrs = qio_net_listener_get_addresses(c.l);
    g_autoptr(QIOChannelSocket) client = NULL;

    c.sockets = g_ptr_array_new_with_free_func(g_object_unref);
    qio_net_listener_set_client_func(c.l, on_client, &c, on_destroy, NULL);
    client = client_of(addrs->value);
    expect_clients(&c, NULL, 1);
    g_assert_true(c.destroyed);
    g_assert_null(c.l);
    g_ptr_array_unref(c.sockets);
}

static void *connect_thread(void *opaque)
{
    io_test_let_block();
    return client_of(opaque);
}

static void test_wait_client(void)
{
    g_autoptr(QIONetListener) l = open_on("tcp:127.0.0.1:0");
    g_autoptr(SocketAddressList) addrs = qio_net_listener_get_addresses(l);
    g_autoptr(QIOChannelSocket) a = NULL;
    g_autoptr(QIOChannelSocket) b = NULL;
    QemuThread thread;
    char byte;

    qemu_thread_create(&thread, "connect", connect_thread, addrs->value);
    b = qio_net_listener_wait_client(l);
    a = qemu_thread_join(&thread);
    g_assert_nonnull(b);
    g_assert_true(qio_channel_write_all(QIO_CHANNEL(a), "x", 1, NULL));
    g_assert_true(qio_channel_read_all(QIO_CHANNEL(b), &byte, 1, NULL));
}

static void *wait_thread(void *opaque)
{
    return qio_net_listener_wait_client(opaque);
}

static void test_disconnect_wait(void)
{
    const char *uris[] = { "tcp:127.0.0.1:0", "tcp::0" };

    for (int i = 0; i < 2; i++) {
        g_autoptr(QIONetListener) l = open_on(uris[i]);
        QemuThread thread;

        qemu_thread_create(&thread, "wait", wait_thread, l);
        io_test_let_block();
        qio_net_listener_disconnect(l);
        g_assert_null(qemu_thread_join(&thread));
        g_assert_null(qio_net_listener_wait_client(l));
    }
}

static void test_unix_file(void)
{
    g_autofree char *dir = g_dir_make_tmp("net-listener-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "s", NULL);
    g_autofree char *uri = g_strdup_printf("unix:%s", path);
    QIONetListener *l = open_on(uri);
    g_autoptr(SocketAddressList) addrs = qio_net_listener_get_addresses(l);

    g_assert_cmpstr(addrs->value->u.q_unix.path, ==, path);
    g_assert_null(addrs->next);
    g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
    qio_net_listener_disconnect(l);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    g_object_unref(l);
    g_rmdir(dir);
}

static void test_errors(void)
{
    g_autoptr(QIONetListener) l = qio_net_listener_new();
    g_autoptr(SocketAddress) addr = socket_parse("unix:/nonexistent/x", NULL);
    Error *err = NULL;

    g_assert_false(qio_net_listener_open_sync(l, addr, 1, &err));
    io_test_error(err, "Failed to bind socket to /nonexistent/x: "
                       "No such file or directory");
    g_assert_false(qio_net_listener_is_connected(l));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/net-listener/clients", test_clients);
    g_test_add_func("/net-listener/drop-in-callback", test_drop_in_callback);
    g_test_add_func("/net-listener/wait-client", test_wait_client);
    g_test_add_func("/net-listener/disconnect-wait", test_disconnect_wait);
    g_test_add_func("/net-listener/unix-file", test_unix_file);
    g_test_add_func("/net-listener/errors", test_errors);
    return g_test_run();
}
