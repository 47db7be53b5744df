/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who gets a TLS connection with whom, and what is said if not. */
#include "qemu/osdep.h"

#include "tls-pair.h"

#define HOST "test.example"
#define BAD_CERT "TLS handshake failed: the peer refused: Certificate is bad"
#define GAVE_UP                                                                \
    "Cannot read from TLS channel: the peer gave up: Certificate is bad"

static TlsStore store;

typedef struct Case {
    const char *client, *server, *hostname, *authz;
    /* Expected; NULL: success, "*": any error. */
    const char *client_error, *server_error;
    /* What the client finds out when it reads; NULL: does not matter. */
    const char *later_error;
    /* The server, likewise. */
    const char *server_later;
} Case;

static const Case cases[] = {
    { "client", "server", HOST },
    { "client", "server", "127.0.0.1" },
    { "client", "server", HOST, "only-src" },
    { "client-lax", "server", NULL },
    { "client-lax", "server", "wrong.example" },
    { "client-bare", "server-lax", HOST },
    { "client", "server-lax", HOST },
    { "client-bare", "server", HOST, .server_error =
      "TLS handshake failed: the peer sent no certificate", .later_error =
      "Cannot read from TLS channel: the peer gave up: Certificate is required"
    },
    { "client", "server", "wrong.example", .client_error =
      "Certificate does not match the hostname wrong.example",
      .server_later = GAVE_UP },
    { "client", "server", "127.0.0.2", .client_error =
      "Certificate does not match the hostname 127.0.0.2",
      .server_later = GAVE_UP },
    { "client", "server", NULL, .client_error =
      "No hostname for certificate validation", .server_later = GAVE_UP },
    { "client-wary", "server", HOST, .client_error =
      "Verify failed: The certificate hasn't got a known issuer: the "
      "certificate of the server", .server_error = BAD_CERT },
    { "client-stranger", "server", HOST, .server_error =
      "Verify failed: The certificate's signature is wrong: the certificate of "
      "the client", .later_error =
      "Cannot read from TLS channel: the peer gave up: Certificate is bad" },
    { "client-misfit", "server", HOST, .server_error =
      "Verify failed: The certificate's purpose does not allow this use: the "
      "certificate of the client" },
    { "client", "server-crl", HOST, .server_error =
      "Verify failed: The certificate has been revoked: the certificate of the "
      "client" },
    { "client", "server-expired", HOST, .client_error =
      "Verify failed: The certificate has expired: the certificate of the "
      "server", .server_error = BAD_CERT },
    { "client", "server", HOST, "only-other", .server_error =
      "TLS x509 authz check for C=GB,O=Test,CN=src is denied", .later_error =
      "Cannot read from TLS channel: the peer gave up: Access was denied" },
    { "psk-client", "psk-server", NULL },
    { "psk-client", "psk-server", HOST, "only-other" },
    { "psk-wrong", "psk-server", NULL, .client_error = "*",
      .server_error = "*" },
    { "psk-unknown", "psk-server", NULL, .client_error = "*",
      .server_error = "*" },
    { "anon-client", "anon-server", NULL },
    { "anon-client", "psk-server", NULL, .client_error = "*",
      .server_error = "*" },
    { "psk-client", "server", NULL, .client_error = "*",
      .server_error = "*" },
    { "client", "anon-server", HOST, .client_error = "*",
      .server_error = "*" },
};

static void check_error(Error **err, const char *want)
{
    if (!want) {
        io_test_ok(*err);
    } else if (strcmp(want, "*") == 0) {
        g_assert_nonnull(*err);
        g_test_message("%s", error_get_pretty(*err));
        g_assert_true(g_str_has_prefix(error_get_pretty(*err),
                                       "TLS handshake failed: "));
        g_clear_pointer(err, error_free);
    } else {
        io_test_error(*err, want);
    }
}

static void test_case(gconstpointer data)
{
    const Case *t = data;
    Error *err = NULL;
    TlsPair p;
    char byte;

    tls_pair_new(&p, &store, t->client, t->server, t->hostname, t->authz);
    tls_pair_handshake(&p);
    check_error(&p.client_err, t->client_error);
    check_error(&p.server_err, t->server_error);
    if (t->later_error) {
        g_assert_cmpint(qio_channel_read(QIO_CHANNEL(p.client), &byte, 1,
                                         &err), ==, -1);
        io_test_error(err, t->later_error);
    } else if (t->server_later) {
        g_assert_cmpint(qio_channel_read(QIO_CHANNEL(p.server), &byte, 1,
                                         &err), ==, -1);
        io_test_error(err, t->server_later);
    } else if (!t->client_error && !t->server_error) {
        qio_channel_write_all(QIO_CHANNEL(p.client), "c", 1, &err);
        qio_channel_write_all(QIO_CHANNEL(p.server), "s", 1, &err);
        qio_channel_read_all(QIO_CHANNEL(p.client), &byte, 1, &err);
        g_assert_cmpint(byte, ==, 's');
        qio_channel_read_all(QIO_CHANNEL(p.server), &byte, 1, &err);
        g_assert_cmpint(byte, ==, 'c');
        io_test_ok(err);
        if (strcmp(t->client, "client") == 0 && t->authz) {
            g_assert_cmpstr(qio_channel_tls_get_peer_name(p.server), ==,
                            "C=GB,O=Test,CN=src");
        }
    }
    tls_pair_clear(&p);
}

static void test_misuse(void)
{
    QIOChannelSocket *a, *b;
    Error *err = NULL;
    TLSCreds *client = TLS_CREDS(object_container_get(store.objects,
                                                      "client"));
    TLSCreds *server = TLS_CREDS(object_container_get(store.objects,
                                                      "server-lax"));
    Authz *authz = authz_find(store.objects, "only-src", NULL);

    io_test_pair(&a, &b);
    g_assert_null(qio_channel_tls_new_client(QIO_CHANNEL(a), server, HOST,
                                             &err));
    io_test_error(err, "Expected TLS credentials for a client endpoint");
    g_assert_null(qio_channel_tls_new_server(QIO_CHANNEL(a), client, NULL,
                                             &err));
    io_test_error(err, "Expected TLS credentials for a server endpoint");
    g_assert_null(qio_channel_tls_new_server(QIO_CHANNEL(a), server, authz,
                                             &err));
    io_test_error(err, "Authorization of TLS clients needs credentials with "
                       "verify-peer=on");
    g_object_unref(a);
    g_object_unref(b);
}

static void test_plain_client(void)
{
    static const char *const garbage[] = {
        "QEVM\0\0\0\3\7\0\0\0\6pc-q35", "GET / HTTP/1.0\r\n\r\n",
        "\x16\x03\x01\xff\xff\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01",
        "\x16\x03\x01\0\4\x01\0\0\0\0\0\0\0\0\0\0",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(garbage); i++) {
        Error *err = NULL;
        TlsPair p;

        tls_pair_new(&p, &store, "client", "server", HOST, NULL);
        qio_channel_write_all(QIO_CHANNEL(p.csock), garbage[i], 16, &err);
        io_test_ok(err);
        qio_channel_shutdown(QIO_CHANNEL(p.csock), QIO_CHANNEL_SHUTDOWN_WRITE,
                             NULL);
        g_assert_false(qio_channel_tls_handshake_sync(p.server, &err));
        g_test_message("%s", error_get_pretty(err));
        if (i < 2) {
            g_assert_nonnull(strstr(error_get_pretty(err),
                                    "Perhaps the peer does not use TLS"));
        }
        error_free(err);
        tls_pair_clear(&p);
    }
}

/* What is chosen by default, and from what others offer. */
static void expect_cipher(const char *client, const char *server,
                          const char *want)
{
    g_autofree char *got = NULL;
    TlsPair p;

    tls_pair_connect(&p, &store, client, server);
    got = qio_channel_tls_describe(p.server);
    g_test_message("%s → %s: %s", client, server, got);
    g_assert_nonnull(strstr(got, want));
    tls_pair_clear(&p);
}

static void test_ciphers(void)
{
    const char *id;

    id = tls_store_with_priority(&store, "tls-creds-psk", false, "psk-client",
                                 "NORMAL:-VERS-TLS1.3");
    expect_cipher(id, "psk-server", "TLS1.2");
    id = tls_store_with_priority(&store, "tls-creds-x509", true, "server",
                                 "NORMAL:-VERS-TLS1.3");
    expect_cipher("client", id, "TLS1.2");
    expect_cipher("anon-client", "anon-server", "TLS1.2");
    if (!__builtin_cpu_supports("aes")) {
        return;
    }
    expect_cipher("client", "server", "TLS1.3 AES-128-GCM");
    expect_cipher("psk-client", "psk-server", "TLS1.3 AES-128-GCM");
    /* As others offer it, which would give ChaCha20. */
    id = tls_store_with_priority(&store, "tls-creds-psk", false, "psk-client",
                                 "NORMAL");
    expect_cipher(id, "psk-server", "TLS1.3 AES-128-GCM");
    /* A client that prefers ChaCha20 has its reasons. */
    id = tls_store_with_priority(&store, "tls-creds-psk", false, "psk-client",
                                 "NORMAL:-CIPHER-ALL:+CHACHA20-POLY1305"
                                 ":+AES-128-GCM");
    expect_cipher(id, "psk-server", "TLS1.3 CHACHA20-POLY1305");
}

static void test_bad_priority(void)
{
    QIOChannelSocket *a, *b;
    Error *err = NULL;
    const char *id = tls_store_with_priority(&store, "tls-creds-psk", false,
                                             "psk-client", "NORMAL:+NOSUCH");

    io_test_pair(&a, &b);
    g_assert_null(qio_channel_tls_new_client(
        QIO_CHANNEL(a), TLS_CREDS(object_container_get(store.objects, id)),
        NULL, &err));
    g_assert_true(g_str_has_prefix(error_get_pretty(err),
                                   "Unable to set TLS session priority "
                                   "'NORMAL:+NOSUCH': "));
    error_free(err);
    g_object_unref(a);
    g_object_unref(b);
}

typedef struct Cancel {
    Error *err;
    bool done;
} Cancel;

static void cancelled(QIOTask *task, gpointer opaque)
{
    Cancel *c = opaque;

    qio_task_propagate_error(task, &c->err);
    c->done = true;
}

static void test_cancel(void)
{
    for (int server = 0; server < 2; server++) {
        Cancel c = { 0 };
        Error *err = NULL;
        TlsPair p;

        tls_pair_new(&p, &store, "client", "server", HOST, NULL);
        /* The other end never answers. */
        qio_channel_tls_handshake(server ? p.server : p.client, cancelled, &c,
                                  NULL, NULL);
        io_test_let_block();
        g_assert_false(c.done);
        qio_channel_shutdown(QIO_CHANNEL(server ? p.server : p.client),
                             QIO_CHANNEL_SHUTDOWN_BOTH, &err);
        io_test_ok(err);
        while (!c.done) {
            g_main_context_iteration(NULL, TRUE);
        }
        io_test_error(c.err, "TLS handshake was cancelled");
        tls_pair_clear(&p);
    }
}

/* The other end never answers, and nobody cancels. */
static void test_late(void)
{
    for (int server = 0; server < 2; server++) {
        Cancel c = { 0 };
        QIOChannelTLS *tioc;
        TlsPair p;

        tls_pair_new(&p, &store, "client", "server", HOST, NULL);
        tioc = server ? p.server : p.client;
        qio_channel_tls_set_handshake_limit(tioc, 20);
        qio_channel_tls_handshake(tioc, cancelled, &c, NULL, NULL);
        while (!c.done) {
            g_main_context_iteration(NULL, TRUE);
        }
        io_test_error(c.err, "TLS handshake failed: it was not complete after "
                      "20 ms");
        tls_pair_clear(&p);
    }
}

/* The peer goes away in the middle. */
static void test_gone(void)
{
    Error *err = NULL;
    TlsPair p;

    tls_pair_new(&p, &store, "client", "server", HOST, NULL);
    qio_channel_close(QIO_CHANNEL(p.ssock), NULL);
    g_assert_false(qio_channel_tls_handshake_sync(p.client, &err));
    g_assert_true(g_str_has_prefix(error_get_pretty(err),
                                   "TLS handshake failed: "));
    error_free(err);
    tls_pair_clear(&p);
}

int main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    tls_store_init(&store);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        const Case *t = &cases[i];
        g_autofree char *path = g_strdup_printf(
            "/tls/handshake/%zu-%s-%s-%s%s%s", i, t->client, t->server,
            t->hostname ? t->hostname : "none", t->authz ? "-" : "",
            t->authz ? t->authz : "");

        g_test_add_data_func(path, t, test_case);
    }
    g_test_add_func("/tls/handshake/misuse", test_misuse);
    g_test_add_func("/tls/handshake/plain-client", test_plain_client);
    g_test_add_func("/tls/handshake/ciphers", test_ciphers);
    g_test_add_func("/tls/handshake/bad-priority", test_bad_priority);
    g_test_add_func("/tls/handshake/cancel", test_cancel);
    g_test_add_func("/tls/handshake/late", test_late);
    g_test_add_func("/tls/handshake/gone", test_gone);
    ret = g_test_run();
    tls_store_clear(&store);
    return ret;
}
