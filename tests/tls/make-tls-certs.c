/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * make-tls-certs: certificates for tests, with GnuTLS.
 *
 *     make-tls-certs PREFIX cn=NAME [key=value...]
 *
 * writes PREFIX-cert.pem and PREFIX-key.pem.  The keys:
 *
 *     cn=NAME         common name; the whole is O=Test,CN=NAME
 *     dns=NAME        alternative name, may be given several times
 *     ip=A.B.C.D      the same
 *     ca=yes          it may sign others
 *     signer=PREFIX   who signs; without it the certificate signs itself
 *     from=DAYS to=DAYS  when it is valid, from now; -1 and 1
 */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#define DAY 86400

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "make-tls-certs: %s: %s\n", what, why);
    exit(1);
}

static void check(int ret, const char *what)
{
    if (ret < 0) {
        fail(what, gnutls_strerror(ret));
    }
}

static char *path_of(const char *prefix, const char *suffix)
{
    char *path;

    if (asprintf(&path, "%s%s", prefix, suffix) < 0) {
        fail(prefix, "no memory");
    }
    return path;
}

static void save(const char *prefix, const char *suffix, gnutls_datum_t *pem)
{
    char *path = path_of(prefix, suffix);
    FILE *f = fopen(path, "w");

    if (!f || fwrite(pem->data, 1, pem->size, f) != pem->size || fclose(f)) {
        fail(path, "cannot be written");
    }
    gnutls_free(pem->data);
    free(path);
}

static void load(const char *prefix, const char *suffix, gnutls_datum_t *pem)
{
    char *path = path_of(prefix, suffix);

    check(gnutls_load_file(path, pem), path);
    free(path);
}

static void load_signer(const char *prefix, gnutls_x509_crt_t *crt,
                        gnutls_x509_privkey_t *key)
{
    gnutls_datum_t pem;

    check(gnutls_x509_crt_init(crt), "signer");
    check(gnutls_x509_privkey_init(key), "signer");
    load(prefix, "-cert.pem", &pem);
    check(gnutls_x509_crt_import(*crt, &pem, GNUTLS_X509_FMT_PEM), prefix);
    gnutls_free(pem.data);
    load(prefix, "-key.pem", &pem);
    check(gnutls_x509_privkey_import(*key, &pem, GNUTLS_X509_FMT_PEM), prefix);
    gnutls_free(pem.data);
}

static void set_identity(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key)
{
    uint8_t id[20], serial[8];
    size_t len = sizeof(id);

    check(gnutls_x509_crt_set_version(crt, 3), "version");
    check(gnutls_x509_crt_set_key(crt, key), "key");
    check(gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial)), "serial");
    serial[0] = 1; /* positive and not 0 */
    check(gnutls_x509_crt_set_serial(crt, serial, sizeof(serial)), "serial");
    check(gnutls_x509_crt_get_key_id(crt, 0, id, &len), "key id");
    check(gnutls_x509_crt_set_subject_key_id(crt, id, len), "key id");
    check(gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_ORGANIZATION_NAME,
                                        0, "Test", 4), "name");
}

static void add_name(gnutls_x509_crt_t crt, gnutls_x509_subject_alt_name_t type,
                     const void *data, unsigned len)
{
    check(gnutls_x509_crt_set_subject_alt_name(crt, type, data, len,
                                               GNUTLS_FSAN_APPEND),
          "alternative name");
}

static void set_names(gnutls_x509_crt_t crt, char **args)
{
    for (; *args; args++) {
        struct in_addr ip;

        if (!strncmp(*args, "cn=", 3)) {
            check(gnutls_x509_crt_set_dn_by_oid(
                      crt, GNUTLS_OID_X520_COMMON_NAME, 0, *args + 3,
                      strlen(*args + 3)), "common name");
        } else if (!strncmp(*args, "dns=", 4)) {
            add_name(crt, GNUTLS_SAN_DNSNAME, *args + 4, strlen(*args + 4));
        } else if (!strncmp(*args, "ip=", 3)) {
            if (inet_pton(AF_INET, *args + 3, &ip) != 1) {
                fail(*args, "not an IPv4 address");
            }
            add_name(crt, GNUTLS_SAN_IPADDRESS, &ip, sizeof(ip));
        }
    }
}

/* The value of KEY= (with its "=") among @args, NULL: not there. */
static const char *value_of(char **args, const char *key)
{
    for (; *args; args++) {
        if (!strncmp(*args, key, strlen(key))) {
            return *args + strlen(key);
        }
    }
    return NULL;
}

static void set_limits(gnutls_x509_crt_t crt, char **args, bool ca)
{
    const char *from = value_of(args, "from="), *to = value_of(args, "to=");
    time_t now = time(NULL);

    check(gnutls_x509_crt_set_activation_time(
              crt, now + (from ? atoi(from) : -1) * DAY), "activation");
    check(gnutls_x509_crt_set_expiration_time(
              crt, now + (to ? atoi(to) : 1) * DAY), "expiration");
    check(gnutls_x509_crt_set_basic_constraints(crt, ca, -1), "constraints");
    check(gnutls_x509_crt_set_key_usage(
              crt, ca ? GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN
                      : GNUTLS_KEY_DIGITAL_SIGNATURE |
                        GNUTLS_KEY_KEY_ENCIPHERMENT), "key usage");
}

int main(int argc, char **argv)
{
    char **args = argv + 2;
    gnutls_x509_privkey_t key, signer_key;
    gnutls_x509_crt_t crt, signer;
    gnutls_datum_t pem;

    if (argc < 3) {
        fail("usage", "make-tls-certs PREFIX cn=NAME [key=value...]");
    }
    check(gnutls_x509_privkey_init(&key), "key");
    check(gnutls_x509_privkey_generate(
              key, GNUTLS_PK_ECDSA,
              GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0), "key");
    check(gnutls_x509_crt_init(&crt), "certificate");
    set_identity(crt, key);
    set_names(crt, args);
    set_limits(crt, args, value_of(args, "ca="));
    if (value_of(args, "signer=")) {
        load_signer(value_of(args, "signer="), &signer, &signer_key);
    } else {
        signer = crt;
        signer_key = key;
    }
    check(gnutls_x509_crt_sign2(crt, signer, signer_key, GNUTLS_DIG_SHA256, 0),
          "signing");
    check(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem), "export");
    save(argv[1], "-cert.pem", &pem);
    check(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pem),
          "export");
    save(argv[1], "-key.pem", &pem);
    if (signer != crt) {
        gnutls_x509_crt_deinit(signer);
        gnutls_x509_privkey_deinit(signer_key);
    }
    gnutls_x509_crt_deinit(crt);
    gnutls_x509_privkey_deinit(key);
    return 0;
}
