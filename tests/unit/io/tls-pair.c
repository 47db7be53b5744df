/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"

#include "tls-pair.h"

static void add(TlsStore *store, const char *format, ...)
    G_GNUC_PRINTF(2, 3);
static void add(TlsStore *store, const char *format, ...)
{
    g_autofree char *text = NULL;
    Error *err = NULL;
    va_list ap;

    va_start(ap, format);
    text = g_strdup_vprintf(format, ap);
    va_end(ap);
    test_object_add(store->objects, &err, "%s", text);
    io_test_ok(err);
}

static char *new_dir(TlsStore *store)
{
    char *dir = test_dir_new();

    g_ptr_array_add(store->dirs, dir);
    return dir;
}

/* A directory for one end, and the x509 object @id of it. */
static char *add_x509(TlsStore *store, const char *id, bool server,
                      const TestCert *ca, const TestCert *cert,
                      const char *more)
{
    char *dir = new_dir(store);

    test_cert_write(dir, "ca-cert.pem", ca);
    if (cert) {
        test_cert_write(dir, server ? "server-cert.pem" : "client-cert.pem",
                        cert);
        test_key_write(dir, server ? "server-key.pem" : "client-key.pem", cert,
                       NULL);
    }
    add(store, "tls-creds-x509,id=%s,endpoint=%s,dir=%s%s", id,
        server ? "server" : "client", dir, more);
    return dir;
}

static void add_all_x509(TlsStore *store)
{
    g_autoptr(TestCert) ca = test_cert_new(
        &(TestCertSpec){ .cn = "ca", .ca = true }, NULL);
    g_autoptr(TestCert) other_ca = test_cert_new(
        &(TestCertSpec){ .cn = "other", .ca = true }, NULL);
    /* Has the name of the good one, or clients would not use its like. */
    g_autoptr(TestCert) impostor = test_cert_new(
        &(TestCertSpec){ .cn = "ca", .ca = true }, NULL);
    g_autoptr(TestCert) server = test_cert_new(
        &(TestCertSpec){ .cn = "dst", .dns = "test.example",
                         .ip = "127.0.0.1" }, ca);
    g_autoptr(TestCert) expired = test_cert_new(
        &(TestCertSpec){ .cn = "dst", .dns = "test.example",
                         .begin_days = -3, .end_days = -1 }, ca);
    g_autoptr(TestCert) client = test_cert_new(
        &(TestCertSpec){ .cn = "src" }, ca);
    g_autoptr(TestCert) stranger = test_cert_new(
        &(TestCertSpec){ .cn = "src" }, impostor);
    g_autoptr(TestCert) misfit = test_cert_new(
        &(TestCertSpec){ .cn = "src", .purpose = GNUTLS_KP_TLS_WWW_SERVER },
        ca);
    char *dir;

    add_x509(store, "server", true, ca, server, "");
    add_x509(store, "server-lax", true, ca, server, ",verify-peer=off");
    add_x509(store, "server-expired", true, ca, expired, ",sanity-check=off");
    dir = add_x509(store, "server-nocrl", true, ca, server, "");
    test_crl_write(dir, ca, client);
    add(store, "tls-creds-x509,id=server-crl,endpoint=server,dir=%s", dir);
    add_x509(store, "client", false, ca, client, "");
    add_x509(store, "client-lax", false, ca, client, ",verify-peer=off");
    add_x509(store, "client-bare", false, ca, NULL, "");
    /* Trusts the server, but has a certificate nobody trusts here. */
    add_x509(store, "client-stranger", false, ca, stranger,
             ",sanity-check=off");
    /* Trusts somebody else. */
    add_x509(store, "client-wary", false, other_ca, NULL, "");
    add_x509(store, "client-misfit", false, ca, misfit, ",sanity-check=off");
}

void tls_store_init(TlsStore *store)
{
    char *good, *wrong;

    store->objects = object_container_new();
    store->dirs = g_ptr_array_new();
    tls_creds_register_types();
    authz_register_types();
    add_all_x509(store);
    good = new_dir(store);
    wrong = new_dir(store);
    test_file_write(good, "keys.psk", "qemu:00112233445566778899aabbccddeeff\n");
    test_file_write(wrong, "keys.psk", "qemu:10112233445566778899aabbccddeeff\n"
                    "eve:00112233445566778899aabbccddeeff\n");
    add(store, "tls-creds-psk,id=psk-server,endpoint=server,dir=%s", good);
    add(store, "tls-creds-psk,id=psk-client,dir=%s", good);
    add(store, "tls-creds-psk,id=psk-wrong,dir=%s", wrong);
    add(store, "tls-creds-psk,id=psk-unknown,dir=%s,username=eve", wrong);
    add(store, "tls-creds-anon,id=anon-server,endpoint=server");
    add(store, "tls-creds-anon,id=anon-client");
    add(store, "authz-simple,id=only-src,identity=C=GB,,O=Test,,CN=src");
    add(store, "authz-simple,id=only-other,identity=CN=src,,O=Test,,C=GB");
}

void tls_store_clear(TlsStore *store)
{
    object_container_free(store->objects);
    for (guint i = 0; i < store->dirs->len; i++) {
        test_dir_remove(g_ptr_array_index(store->dirs, i));
    }
    g_ptr_array_unref(store->dirs);
}

const char *tls_store_with_priority(TlsStore *store, const char *type,
                                    bool server, const char *from,
                                    const char *priority)
{
    static char id[32];
    static int n;
    g_autofree char *dir = NULL;

    g_object_get(object_container_get(store->objects, from), "dir", &dir,
                 NULL);
    snprintf(id, sizeof(id), "priority-%d", n++);
    add(store, "%s,id=%s,endpoint=%s,priority=%s%s%s", type, id,
        server ? "server" : "client", priority, dir ? ",dir=" : "",
        dir ? dir : "");
    return id;
}

void tls_pair_new_over(TlsPair *p, TlsStore *store, QIOChannelSocket *csock,
                       QIOChannelSocket *ssock, const char *client,
                       const char *server, const char *hostname,
                       const char *authz)
{
    Error *err = NULL;
    TLSCreds *creds;
    Authz *a = NULL;

    *p = (TlsPair){ .csock = csock, .ssock = ssock };
    creds = tls_creds_find(store->objects, client,
                           Q_CRYPTO_TLS_CREDS_ENDPOINT_CLIENT, &err);
    io_test_ok(err);
    p->client = qio_channel_tls_new_client(QIO_CHANNEL(csock), creds, hostname,
                                           &err);
    io_test_ok(err);
    creds = tls_creds_find(store->objects, server,
                           Q_CRYPTO_TLS_CREDS_ENDPOINT_SERVER, &err);
    io_test_ok(err);
    if (authz) {
        a = authz_find(store->objects, authz, &err);
        io_test_ok(err);
    }
    p->server = qio_channel_tls_new_server(QIO_CHANNEL(ssock), creds, a, &err);
    io_test_ok(err);
}

void tls_pair_new(TlsPair *p, TlsStore *store, const char *client,
                  const char *server, const char *hostname, const char *authz)
{
    QIOChannelSocket *csock, *ssock;

    io_test_pair(&csock, &ssock);
    tls_pair_new_over(p, store, csock, ssock, client, server, hostname, authz);
}

typedef struct Done {
    int *waiting;
    QIOChannelTLS *tioc;
    Error **err;
} Done;

static void handshake_done(QIOTask *task, gpointer opaque)
{
    Done *d = opaque;

    g_assert_true(qio_task_get_source(task) == G_OBJECT(d->tioc));
    if (qio_task_propagate_error(task, d->err)) {
        /* As a user would, who drops the connection. */
        qio_channel_shutdown(QIO_CHANNEL(d->tioc), QIO_CHANNEL_SHUTDOWN_WRITE,
                             NULL);
    }
    (*d->waiting)--;
}

void tls_pair_handshake(TlsPair *p)
{
    GMainContext *context = g_main_context_new();
    int waiting = 2;
    Done c = { &waiting, p->client, &p->client_err };
    Done s = { &waiting, p->server, &p->server_err };

    qio_channel_tls_handshake(p->client, handshake_done, &c, NULL, context);
    qio_channel_tls_handshake(p->server, handshake_done, &s, NULL, context);
    while (waiting) {
        g_main_context_iteration(context, TRUE);
    }
    g_main_context_unref(context);
}

void tls_pair_connect(TlsPair *p, TlsStore *store, const char *client,
                      const char *server)
{
    tls_pair_new(p, store, client, server, "test.example", NULL);
    tls_pair_handshake(p);
    io_test_ok(p->client_err);
    io_test_ok(p->server_err);
}

void tls_pair_clear(TlsPair *p)
{
    g_clear_object(&p->client);
    g_clear_object(&p->server);
    g_clear_object(&p->csock);
    g_clear_object(&p->ssock);
    g_clear_pointer(&p->client_err, error_free);
    g_clear_pointer(&p->server_err, error_free);
}
