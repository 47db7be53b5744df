/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Secrets and authorization objects. */
#include "qemu/osdep.h"

#include <gnutls/crypto.h>

#include "io-test.h"
#include "io/authz.h"
#include "io/secret.h"
#include "tls-certs.h"

static void expect_secret(ObjectContainer *c, const char *id, const char *want)
{
    Error *err = NULL;
    g_autofree char *text = secret_lookup_utf8(c, id, &err);

    io_test_ok(err);
    g_assert_cmpstr(text, ==, want);
}

static void test_secret(void)
{
    ObjectContainer *c = object_container_new();
    char *dir = test_dir_new();
    g_autoptr(GBytes) bytes = NULL;
    Error *err = NULL;

    test_file_write(dir, "s", "in a file");
    test_object_add(c, &err, "secret,id=a,data=hello");
    io_test_ok(err);
    expect_secret(c, "a", "hello");
    test_object_add(c, &err, "secret,id=b,file=%s/s", dir);
    io_test_ok(err);
    expect_secret(c, "b", "in a file");
    test_object_add(c, &err, "secret,id=c,data=aGVsbG8=,format=base64");
    io_test_ok(err);
    expect_secret(c, "c", "hello");

    test_object_add(c, &err, "secret,id=bin,data=AP8=,format=base64");
    io_test_ok(err);
    bytes = secret_lookup(c, "bin", &err);
    g_assert_cmpmem(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes),
                    "\0\xff", 2);
    g_assert_null(secret_lookup_utf8(c, "bin", &err));
    io_test_error(err, "Data from secret 'bin' is not valid UTF-8");
    g_assert_null(secret_lookup_utf8(c, "none", &err));
    io_test_error(err, "No secret with id 'none'");

    /* Copies of what an object had outlive it. */
    g_assert_true(object_container_del(c, "bin", NULL));
    g_assert_cmpuint(g_bytes_get_size(bytes), ==, 2);
    object_container_free(c);
    test_dir_remove(dir);
}

static void test_secret_bad(void)
{
    static const struct {
        const char *props, *error;
    } table[] = {
        { "id=x", "Either 'file' or 'data' must be provided" },
        { "id=x,data=a,file=b", "'file' and 'data' are mutually exclusive" },
        { "id=x,file=/nonexistent",
          "Unable to read /nonexistent: Failed to open file “/nonexistent”: "
          "No such file or directory" },
        { "id=x,data=a$b,format=base64", "Secret is not valid base64" },
        { "id=x,data=abc,format=base64", "Secret is not valid base64" },
        { "id=x,data=a,format=hex",
          "Parameter 'format' does not accept value 'hex'" },
        { "id=x,data=a,iv=AA==", "'iv' needs 'keyid'" },
        { "id=x,data=a,keyid=k", "IV is required to decrypt secret" },
        { "id=x,data=a,keyid=k,iv=AA==", "No secret with id 'k'" },
        { "id=x,data=a,keyid=short,iv=AA==",
          "Key 'short' should be 32 bytes in length, not 1" },
        { "id=x,data=a,keyid=key,iv=AA==",
          "IV should be 16 bytes in length, not 1" },
        { "id=x,data=AAAA,keyid=key,iv=AAAAAAAAAAAAAAAAAAAAAA==",
          "Length of encrypted secret, 3 bytes, is not a multiple of 16" },
        { "id=x,data=AAAAAAAAAAAAAAAAAAAAAA==,keyid=key,"
          "iv=AAAAAAAAAAAAAAAAAAAAAA==",
          "Unable to decrypt secret: bad padding, perhaps a wrong key" },
    };
    ObjectContainer *c = object_container_new();
    Error *err = NULL;

    test_object_add(c, &err, "secret,id=short,data=k");
    io_test_ok(err);
    test_object_add(c, &err,
                    "secret,id=key,data=0123456789abcdef0123456789abcdef");
    io_test_ok(err);
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
        g_test_message("%s", table[i].props);
        g_assert_false(test_object_add(c, &err, "secret,%s", table[i].props));
        io_test_error(err, table[i].error);
    }
    object_container_free(c);
}

static void test_secret_encrypted(void)
{
    ObjectContainer *c = object_container_new();
    char key[] = "0123456789abcdef0123456789abcdef";
    uint8_t iv[16] = { 7, 8, 9 };
    uint8_t text[16] = "open sesame\5\5\5\5\5";
    gnutls_datum_t key_datum = { (void *)key, 32 }, iv_datum = { iv, 16 };
    gnutls_cipher_hd_t cipher;
    g_autofree char *data = NULL, *iv_text = g_base64_encode(iv, 16);
    Error *err = NULL;

    g_assert_cmpint(gnutls_cipher_init(&cipher, GNUTLS_CIPHER_AES_256_CBC,
                                       &key_datum, &iv_datum), ==, 0);
    g_assert_cmpint(gnutls_cipher_encrypt(cipher, text, 16), ==, 0);
    gnutls_cipher_deinit(cipher);
    data = g_base64_encode(text, 16);

    test_object_add(c, &err, "secret,id=key,data=%s", key);
    io_test_ok(err);
    test_object_add(c, &err, "secret,id=s,data=%s,keyid=key,iv=%s", data,
                    iv_text);
    io_test_ok(err);
    expect_secret(c, "s", "open sesame");
    object_container_free(c);
}

static Authz *find(ObjectContainer *c, const char *id)
{
    Error *err = NULL;
    Authz *authz = authz_find(c, id, &err);

    io_test_ok(err);
    return authz;
}

static void test_authz(void)
{
    ObjectContainer *c = object_container_new();
    Error *err = NULL;

    test_object_add(c, &err, "authz-simple,id=s,identity=CN=me");
    io_test_ok(err);
    g_assert_true(authz_is_allowed(find(c, "s"), "CN=me"));
    g_assert_false(authz_is_allowed(find(c, "s"), "CN=me2"));

    test_object_add(c, &err, "authz-list,id=l,policy=deny,"
                    "rules.0.match=CN=bad*,rules.0.policy=deny,"
                    "rules.0.format=glob,"
                    "rules.1.match=CN=b?,rules.1.policy=allow,"
                    "rules.1.format=glob,"
                    "rules.2.match=CN=*,rules.2.policy=allow");
    io_test_ok(err);
    g_assert_false(authz_is_allowed(find(c, "l"), "CN=bad"));
    g_assert_true(authz_is_allowed(find(c, "l"), "CN=bx"));
    g_assert_false(authz_is_allowed(find(c, "l"), "CN=x"));
    g_assert_true(authz_is_allowed(find(c, "l"), "CN=*"));

    test_object_add(c, &err, "authz-list,id=all,policy=allow");
    io_test_ok(err);
    g_assert_true(authz_is_allowed(find(c, "all"), "CN=x"));

    g_assert_false(test_object_add(c, &err, "authz-simple,id=x"));
    io_test_error(err, "Parameter 'identity' is missing");
    g_assert_false(test_object_add(c, &err, "authz-list,id=x,"
                                   "rules.0.match=a"));
    io_test_error(err, "Parameter 'rules[0].policy' is missing");
    g_assert_false(test_object_add(c, &err, "authz-list-file,id=x"));
    io_test_error(err, "Parameter 'filename' is missing");
    g_assert_null(authz_find(c, "none", &err));
    io_test_error(err, "No authorization object with id 'none'");
    test_object_add(c, &err, "secret,id=sec,data=a");
    io_test_ok(err);
    g_assert_null(authz_find(c, "sec", &err));
    io_test_error(err, "Object with id 'sec' is not an authorization object");
    object_container_free(c);
}

static void test_authz_file(void)
{
    ObjectContainer *c = object_container_new();
    char *dir = test_dir_new();
    Error *err = NULL;

    test_file_write(dir, "r", "{\"policy\": \"deny\", \"rules\": [{\"match\": "
                              "\"a\", \"policy\": \"allow\"}]}");
    test_object_add(c, &err, "authz-list-file,id=f,filename=%s/r", dir);
    io_test_ok(err);
    test_object_add(c, &err, "authz-list-file,id=old,filename=%s/r,refresh=off",
                    dir);
    io_test_ok(err);
    g_assert_true(authz_is_allowed(find(c, "f"), "a"));
    g_assert_false(authz_is_allowed(find(c, "f"), "b"));

    test_file_write(dir, "r", "{\"policy\": \"allow\"}");
    g_assert_true(authz_is_allowed(find(c, "f"), "b"));
    g_assert_false(authz_is_allowed(find(c, "old"), "b"));

    /* A file that is no good lets nobody in, until it is. */
    test_file_write(dir, "r", "{\"policy\": ");
    g_assert_false(authz_is_allowed(find(c, "f"), "b"));
    test_file_write(dir, "r", "{\"policy\": \"allow\"}");
    g_assert_true(authz_is_allowed(find(c, "f"), "b"));
    g_assert_true(authz_is_allowed(find(c, "old"), "a"));

    test_file_write(dir, "bad", "{\"policy\": \"perhaps\"}");
    g_assert_false(test_object_add(c, &err, "authz-list-file,id=x,"
                                   "filename=%s/bad", dir));
    g_assert_true(g_str_has_suffix(
        error_get_pretty(err),
        "/bad: Parameter 'policy' does not accept value 'perhaps'"));
    g_clear_pointer(&err, error_free);
    object_container_free(c);
    test_dir_remove(dir);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    secret_register_types();
    authz_register_types();
    g_test_add_func("/tls/secret", test_secret);
    g_test_add_func("/tls/secret/bad", test_secret_bad);
    g_test_add_func("/tls/secret/encrypted", test_secret_encrypted);
    g_test_add_func("/tls/authz", test_authz);
    g_test_add_func("/tls/authz/file", test_authz_file);
    return g_test_run();
}
