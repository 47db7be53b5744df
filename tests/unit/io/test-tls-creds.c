/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TLS credentials: what is read from files, and what is refused. */
#include "qemu/osdep.h"

#include "io-test.h"
#include "io/secret.h"
#include "tls-certs.h"

static char *dir; /* of the test that runs */

/*
 * Expect that adding fails with @error, in which "%s" stands for the dir; what
 * follows a last ": " are GnuTLS's words.
 */
static void expect_refused(const char *props, const char *error)
{
    ObjectContainer *c = object_container_new();
    g_auto(GStrv) parts = g_strsplit(error, "%s", -1);
    g_autofree char *want = g_strjoinv(dir, parts);
    Error *err = NULL;

    g_test_message("%s", error);
    g_assert_false(test_object_add(c, &err, "%s,id=x,dir=%s", props, dir));
    if (g_str_has_suffix(want, ": ") &&
        g_str_has_prefix(error_get_pretty(err), want)) {
        g_clear_pointer(&err, error_free);
    } else {
        io_test_error(err, want);
    }
    object_container_free(c);
}

static void expect_accepted(const char *props)
{
    ObjectContainer *c = object_container_new();
    Error *err = NULL;

    test_object_add(c, &err, "%s,id=x,dir=%s", props, dir);
    io_test_ok(err);
    object_container_free(c);
}

static void test_missing(void)
{
    g_autoptr(TestCert) ca = test_cert_new(
        &(TestCertSpec){ .cn = "ca", .ca = true }, NULL);
    ObjectContainer *c = object_container_new();
    Error *err = NULL;

    dir = test_dir_new();
    g_assert_false(test_object_add(c, &err, "tls-creds-x509,id=x"));
    io_test_error(err, "Missing 'dir' property value: no place to look for "
                       "ca-cert.pem");
    object_container_free(c);
    expect_refused("tls-creds-x509", "Unable to access credentials "
                   "%s/ca-cert.pem: No such file or directory");
    test_cert_write(dir, "ca-cert.pem", ca);
    expect_accepted("tls-creds-x509,endpoint=client");
    expect_refused("tls-creds-x509,endpoint=server",
                   "Unable to access credentials "
                   "%s/server-cert.pem: No such file or directory");
    test_cert_write(dir, "client-cert.pem", ca);
    expect_refused("tls-creds-x509,endpoint=client",
                   "Unable to use credentials %s/client-cert.pem without "
                   "client-key.pem beside it");
    test_file_write(dir, "ca-cert.pem", "garbage");
    test_file_write(dir, "client-key.pem", "garbage");
    expect_refused("tls-creds-x509,endpoint=client",
                   "Unable to import certificate %s/ca-cert.pem: ");
    expect_refused("tls-creds-x509,sanity-check=off",
                   "Cannot load CA certificate '%s/ca-cert.pem': no "
                   "certificate in it");
    test_dir_remove(dir);
}

/* A CA, and one certificate below it, each with something wrong or not. */
static const struct {
    TestCertSpec ca, leaf;
    const char *error; /* NULL: good */
    bool server;
} sanity[] = {
    { .server = true, .error = NULL },
    { .server = false, .error = NULL },
    { .ca = { .begin_days = -3, .end_days = -1 }, .server = true,
      .error = "The CA certificate %s/ca-cert.pem has expired" },
    { .ca = { .begin_days = 1, .end_days = 3 }, .server = true,
      .error = "The CA certificate %s/ca-cert.pem is not yet active" },
    { .leaf = { .begin_days = -3, .end_days = -1 }, .server = true,
      .error = "The server certificate %s/server-cert.pem has expired" },
    { .leaf = { .begin_days = 1, .end_days = 3 },
      .error = "The client certificate %s/client-cert.pem is not yet active" },
    { .ca = { .no_constraints = true },
      .error = "The certificate %s/ca-cert.pem is missing basic constraints "
               "for a CA" },
    { .leaf = { .ca = true }, .server = true,
      .error = "The certificate %s/server-cert.pem basic constraints show a "
               "CA, but we need one for a server" },
    { .leaf = { .no_constraints = true }, .error = NULL },
    { .ca = { .usage = GNUTLS_KEY_DIGITAL_SIGNATURE },
      .error = "Certificate %s/ca-cert.pem key usage does not permit "
               "certificate signing" },
    { .ca = { .usage = ~0U }, .leaf = { .usage = ~0U }, .error = NULL },
    { .leaf = { .usage = GNUTLS_KEY_KEY_CERT_SIGN }, .server = true,
      .error = "Certificate %s/server-cert.pem key usage does not permit "
               "digital signature" },
    { .leaf = { .purpose = GNUTLS_KP_TLS_WWW_SERVER }, .server = true,
      .error = NULL },
    { .leaf = { .purpose = GNUTLS_KP_TLS_WWW_CLIENT }, .server = true,
      .error = "Certificate %s/server-cert.pem purpose does not allow use "
               "with a TLS server" },
    { .leaf = { .purpose = GNUTLS_KP_TLS_WWW_SERVER },
      .error = "Certificate %s/client-cert.pem purpose does not allow use "
               "with a TLS client" },
    { .leaf = { .purpose = GNUTLS_KP_ANY }, .error = NULL },
};

static void test_sanity(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(sanity); i++) {
        TestCertSpec ca_spec = sanity[i].ca, leaf_spec = sanity[i].leaf;
        bool server = sanity[i].server;
        const char *type = server ? "tls-creds-x509,endpoint=server"
                                  : "tls-creds-x509";
        g_autofree char *lax = g_strconcat(type, ",sanity-check=off", NULL);
        g_autoptr(TestCert) ca = NULL, leaf = NULL;

        ca_spec.cn = "ca";
        ca_spec.ca = true;
        leaf_spec.cn = "leaf";
        ca = test_cert_new(&ca_spec, NULL);
        leaf = test_cert_new(&leaf_spec, ca);
        dir = test_dir_new();
        test_cert_write(dir, "ca-cert.pem", ca);
        test_cert_write(dir, server ? "server-cert.pem" : "client-cert.pem",
                        leaf);
        test_key_write(dir, server ? "server-key.pem" : "client-key.pem", leaf,
                       NULL);
        if (sanity[i].error) {
            expect_refused(type, sanity[i].error);
        } else {
            expect_accepted(type);
        }
        expect_accepted(lax);
        test_dir_remove(dir);
    }
}

static void test_chain(void)
{
    TestCertSpec spec = { .cn = "ca", .ca = true };
    g_autoptr(TestCert) ca = test_cert_new(&spec, NULL);
    g_autoptr(TestCert) other = test_cert_new(
        &(TestCertSpec){ .cn = "other", .ca = true }, NULL);
    g_autoptr(TestCert) old = test_cert_new(
        &(TestCertSpec){ .cn = "old", .ca = true, .begin_days = -3,
                         .end_days = -1 }, NULL);
    g_autoptr(TestCert) middle = test_cert_new(
        &(TestCertSpec){ .cn = "middle", .ca = true }, ca);
    g_autoptr(TestCert) leaf = test_cert_new(&(TestCertSpec){ .cn = "leaf" },
                                             middle);

    dir = test_dir_new();
    test_cert_write(dir, "ca-cert.pem", other);
    test_cert_write(dir, "client-cert.pem", leaf);
    test_cert_append(dir, "client-cert.pem", middle);
    test_key_write(dir, "client-key.pem", leaf, NULL);
    expect_refused("tls-creds-x509",
                   "Our own certificate %s/client-cert.pem failed validation "
                   "against %s/ca-cert.pem: The certificate hasn't got a known "
                   "issuer");
    /* An expired authority that has nothing to do with us does not matter. */
    test_cert_append(dir, "ca-cert.pem", old);
    test_cert_append(dir, "ca-cert.pem", ca);
    expect_accepted("tls-creds-x509");
    /* The key of somebody else. */
    test_key_write(dir, "client-key.pem", ca, NULL);
    expect_refused("tls-creds-x509",
                   "Cannot load certificate '%s/client-cert.pem' & key "
                   "'%s/client-key.pem': ");
    test_file_write(dir, "ca-crl.pem", "garbage");
    expect_refused("tls-creds-x509", "Cannot load CRL '%s/ca-crl.pem': ");
    test_dir_remove(dir);
}

static void test_password(void)
{
    g_autoptr(TestCert) ca = test_cert_new(
        &(TestCertSpec){ .cn = "ca", .ca = true }, NULL);
    g_autoptr(TestCert) leaf = test_cert_new(&(TestCertSpec){ .cn = "leaf" },
                                             ca);
    ObjectContainer *c = object_container_new();
    Error *err = NULL;

    dir = test_dir_new();
    test_cert_write(dir, "ca-cert.pem", ca);
    test_cert_write(dir, "server-cert.pem", leaf);
    test_key_write(dir, "server-key.pem", leaf, "sesame");
    test_object_add(c, &err, "secret,id=good,data=sesame");
    io_test_ok(err);
    test_object_add(c, &err, "secret,id=bad,data=simsim");
    io_test_ok(err);
    test_object_add(c, &err, "tls-creds-x509,id=t,endpoint=server,dir=%s,"
                    "passwordid=good", dir);
    io_test_ok(err);
    g_assert_false(test_object_add(c, &err, "tls-creds-x509,id=u,"
                   "endpoint=server,dir=%s,passwordid=bad", dir));
    g_assert_nonnull(strstr(error_get_pretty(err), "server-key.pem"));
    g_clear_pointer(&err, error_free);
    g_assert_false(test_object_add(c, &err, "tls-creds-x509,id=u,"
                   "endpoint=server,dir=%s,passwordid=none", dir));
    io_test_error(err, "No secret with id 'none'");
    object_container_free(c);
    test_dir_remove(dir);
}

static void test_psk(void)
{
    dir = test_dir_new();
    expect_refused("tls-creds-psk", "Unable to access credentials "
                   "%s/keys.psk: No such file or directory");
    test_file_write(dir, "keys.psk", "qemu:001122ff\nb:ob:Aabb\n\n# no\n");
    expect_accepted("tls-creds-psk");
    expect_accepted("tls-creds-psk,username=b:ob");
    expect_accepted("tls-creds-psk,endpoint=server");
    expect_refused("tls-creds-psk,username=eve",
                   "Username 'eve' not found in %s/keys.psk");
    expect_refused("tls-creds-psk,endpoint=server,username=qemu",
                   "username should not be set when endpoint=server");
    test_file_write(dir, "keys.psk", "a:11\nqemu\n");
    expect_refused("tls-creds-psk", "%s/keys.psk, line 2: not of the form "
                   "'user:key'");
    test_file_write(dir, "keys.psk", "qemu:123");
    expect_refused("tls-creds-psk", "%s/keys.psk, line 1: the key of user "
                   "'qemu' is not an even number of hex digits");
    test_file_write(dir, "keys.psk", "qemu:11");
    test_file_write(dir, "dh-params.pem", "garbage");
    expect_accepted("tls-creds-psk");
    expect_refused("tls-creds-psk,endpoint=server",
                   "Unable to load Diffie-Hellman parameters "
                   "%s/dh-params.pem: ");
    test_dir_remove(dir);
}

static void test_find(void)
{
    ObjectContainer *c = object_container_new();
    Error *err = NULL;

    test_object_add(c, &err, "tls-creds-anon,id=c");
    io_test_ok(err);
    test_object_add(c, &err, "tls-creds-anon,id=s,endpoint=server");
    io_test_ok(err);
    test_object_add(c, &err, "secret,id=sec,data=a");
    io_test_ok(err);
    g_assert_nonnull(tls_creds_find(c, "c", Q_CRYPTO_TLS_CREDS_ENDPOINT_CLIENT,
                                    &err));
    g_assert_nonnull(tls_creds_find(c, "s", Q_CRYPTO_TLS_CREDS_ENDPOINT_SERVER,
                                    &err));
    g_assert_null(tls_creds_find(c, "s", Q_CRYPTO_TLS_CREDS_ENDPOINT_CLIENT,
                                 &err));
    io_test_error(err, "Expected TLS credentials for a client endpoint");
    g_assert_null(tls_creds_find(c, "x", Q_CRYPTO_TLS_CREDS_ENDPOINT_CLIENT,
                                 &err));
    io_test_error(err, "No TLS credentials with id 'x'");
    g_assert_null(tls_creds_find(c, "sec", Q_CRYPTO_TLS_CREDS_ENDPOINT_CLIENT,
                                 &err));
    io_test_error(err, "Object with id 'sec' is not TLS credentials");
    object_container_free(c);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    secret_register_types();
    tls_creds_register_types();
    g_test_add_func("/tls/creds/missing", test_missing);
    g_test_add_func("/tls/creds/sanity", test_sanity);
    g_test_add_func("/tls/creds/chain", test_chain);
    g_test_add_func("/tls/creds/password", test_password);
    g_test_add_func("/tls/creds/psk", test_psk);
    g_test_add_func("/tls/creds/find", test_find);
    return g_test_run();
}
