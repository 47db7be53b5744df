/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Certificates and credentials made for tests. */
#ifndef TEST_TLS_CERTS_H
#define TEST_TLS_CERTS_H

#include <gnutls/x509.h>

#include "io/tls-creds.h"

typedef struct TestCert {
    gnutls_x509_crt_t crt;
    gnutls_x509_privkey_t key;
} TestCert;

/* What is to be in a certificate; zero values are good ones. */
typedef struct TestCertSpec {
    const char *cn; /* C=GB,O=Test,CN=@cn */
    bool ca;
    bool no_constraints;   /* leave the basic constraints out */
    int begin_days, end_days; /* from now; both 0: one day around now */
    unsigned usage;        /* key usage; 0: what the kind needs, ~0: none */
    const char *purpose;   /* extended key usage, NULL: none */
    const char *dns;       /* alternative name */
    const char *ip;        /* IPv4 address as alternative name */
} TestCertSpec;

/* A new certificate signed by @issuer, NULL: by itself. */
TestCert *test_cert_new(const TestCertSpec *spec, const TestCert *issuer);
void test_cert_free(TestCert *cert);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TestCert, test_cert_free)

/* Write PEM files DIR/NAME; several certificates make a chain. */
void test_cert_write(const char *dir, const char *name, const TestCert *cert);
void test_cert_append(const char *dir, const char *name, const TestCert *cert);
void test_key_write(const char *dir, const char *name, const TestCert *cert,
                    const char *password);
/* A list by @issuer that revokes @cert. */
void test_crl_write(const char *dir, const TestCert *issuer,
                    const TestCert *cert);

/* A new directory; removed with all its files by test_dir_remove(). */
char *test_dir_new(void);
void test_dir_remove(char *dir);
void test_file_write(const char *dir, const char *name, const char *text);

/*
 * object-add with text as of the command line: "TYPE,id=ID,dir=%s…".  False
 * with an error as object_container_add().
 */
bool test_object_add(ObjectContainer *c, Error **errp, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

#endif
