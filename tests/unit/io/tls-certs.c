/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"

#include <arpa/inet.h>
#include <glib/gstdio.h>
#include <gnutls/gnutls.h>

#include "qemu/clock.h"
#include "qemu/keyval.h"
#include "tls-certs.h"

#define DAY 86400

static void ok(int ret)
{
    if (ret < 0) {
        g_error("GnuTLS: %s", gnutls_strerror(ret));
    }
}

static void set_names(gnutls_x509_crt_t crt, const TestCertSpec *spec)
{
    struct in_addr ip;

    ok(gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COUNTRY_NAME, 0,
                                     "GB", 2));
    ok(gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_ORGANIZATION_NAME, 0,
                                     "Test", 4));
    ok(gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0,
                                     spec->cn, strlen(spec->cn)));
    if (spec->dns) {
        ok(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME,
                                                spec->dns, strlen(spec->dns),
                                                GNUTLS_FSAN_APPEND));
    }
    if (spec->ip) {
        g_assert_cmpint(inet_pton(AF_INET, spec->ip, &ip), ==, 1);
        ok(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, &ip,
                                                sizeof(ip),
                                                GNUTLS_FSAN_APPEND));
    }
}

static void set_limits(gnutls_x509_crt_t crt, const TestCertSpec *spec)
{
    time_t now = clock_get_wall_us() / 1000000;
    bool standard = spec->begin_days == 0 && spec->end_days == 0;
    unsigned usage = spec->usage ? spec->usage
                     : spec->ca  ? GNUTLS_KEY_KEY_CERT_SIGN |
                                      GNUTLS_KEY_CRL_SIGN
                                 : GNUTLS_KEY_DIGITAL_SIGNATURE;

    ok(gnutls_x509_crt_set_activation_time(
        crt, now + (standard ? -1 : spec->begin_days) * DAY));
    ok(gnutls_x509_crt_set_expiration_time(
        crt, now + (standard ? 1 : spec->end_days) * DAY));
    if (!spec->no_constraints) {
        ok(gnutls_x509_crt_set_basic_constraints(crt, spec->ca, -1));
    }
    if (usage != ~0U) {
        ok(gnutls_x509_crt_set_key_usage(crt, usage));
    }
    if (spec->purpose) {
        ok(gnutls_x509_crt_set_key_purpose_oid(crt, spec->purpose, 0));
    }
}

TestCert *test_cert_new(const TestCertSpec *spec, const TestCert *issuer)
{
    static uint8_t serial;
    TestCert *cert = g_new0(TestCert, 1);
    uint8_t id[20] = { 1 };
    size_t id_len = sizeof(id);

    ok(gnutls_x509_privkey_init(&cert->key));
    ok(gnutls_x509_privkey_generate(
        cert->key, GNUTLS_PK_ECDSA,
        GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
    ok(gnutls_x509_crt_init(&cert->crt));
    ok(gnutls_x509_crt_set_version(cert->crt, 3));
    ok(gnutls_x509_crt_set_key(cert->crt, cert->key));
    serial++;
    ok(gnutls_x509_crt_set_serial(cert->crt, &serial, 1));
    ok(gnutls_x509_crt_get_key_id(cert->crt, 0, id, &id_len));
    ok(gnutls_x509_crt_set_subject_key_id(cert->crt, id, id_len));
    set_names(cert->crt, spec);
    set_limits(cert->crt, spec);
    ok(gnutls_x509_crt_sign2(cert->crt, issuer ? issuer->crt : cert->crt,
                             issuer ? issuer->key : cert->key,
                             GNUTLS_DIG_SHA256, 0));
    return cert;
}

void test_cert_free(TestCert *cert)
{
    gnutls_x509_crt_deinit(cert->crt);
    gnutls_x509_privkey_deinit(cert->key);
    g_free(cert);
}

static void write_datum(const char *dir, const char *name, const char *mode,
                        gnutls_datum_t *datum)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);
    FILE *f = fopen(path, mode);

    g_assert_nonnull(f);
    g_assert_cmpuint(fwrite(datum->data, 1, datum->size, f), ==, datum->size);
    g_assert_cmpint(fclose(f), ==, 0);
    gnutls_free(datum->data);
}

static void export_cert(const char *dir, const char *name, const char *mode,
                        const TestCert *cert)
{
    gnutls_datum_t datum;

    ok(gnutls_x509_crt_export2(cert->crt, GNUTLS_X509_FMT_PEM, &datum));
    write_datum(dir, name, mode, &datum);
}

void test_cert_write(const char *dir, const char *name, const TestCert *cert)
{
    export_cert(dir, name, "w", cert);
}

void test_cert_append(const char *dir, const char *name, const TestCert *cert)
{
    export_cert(dir, name, "a", cert);
}

void test_key_write(const char *dir, const char *name, const TestCert *cert,
                    const char *password)
{
    gnutls_datum_t datum;

    ok(gnutls_x509_privkey_export2_pkcs8(
        cert->key, GNUTLS_X509_FMT_PEM, password,
        password ? GNUTLS_PKCS_PBES2_AES_256 : GNUTLS_PKCS_PLAIN, &datum));
    write_datum(dir, name, "w", &datum);
}

void test_crl_write(const char *dir, const TestCert *issuer,
                    const TestCert *cert)
{
    time_t now = clock_get_wall_us() / 1000000;
    gnutls_datum_t datum;
    gnutls_x509_crl_t crl;

    ok(gnutls_x509_crl_init(&crl));
    ok(gnutls_x509_crl_set_version(crl, 2));
    ok(gnutls_x509_crl_set_this_update(crl, now - 60));
    ok(gnutls_x509_crl_set_next_update(crl, now + DAY));
    ok(gnutls_x509_crl_set_number(crl, "\1", 1));
    ok(gnutls_x509_crl_set_crt(crl, cert->crt, now - 60));
    ok(gnutls_x509_crl_sign2(crl, issuer->crt, issuer->key, GNUTLS_DIG_SHA256,
                             0));
    ok(gnutls_x509_crl_export2(crl, GNUTLS_X509_FMT_PEM, &datum));
    gnutls_x509_crl_deinit(crl);
    write_datum(dir, "ca-crl.pem", "w", &datum);
}

char *test_dir_new(void)
{
    char *dir = g_dir_make_tmp("test-tls-XXXXXX", NULL);

    g_assert_nonnull(dir);
    return dir;
}

void test_dir_remove(char *dir)
{
    GDir *d = g_dir_open(dir, 0, NULL);
    const char *name;

    while ((name = g_dir_read_name(d))) {
        g_autofree char *path = g_build_filename(dir, name, NULL);

        g_unlink(path);
    }
    g_dir_close(d);
    g_rmdir(dir);
    g_free(dir);
}

void test_file_write(const char *dir, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

bool test_object_add(ObjectContainer *c, Error **errp, const char *format, ...)
{
    g_autofree char *text = NULL;
    json_object *props;
    va_list ap;
    bool added;

    va_start(ap, format);
    text = g_strdup_vprintf(format, ap);
    va_end(ap);
    props = keyval_parse_or_json(text, "qom-type", NULL, NULL);
    g_assert_nonnull(props);
    added = object_container_add(c, props, true, errp);
    json_object_put(props);
    return added;
}
