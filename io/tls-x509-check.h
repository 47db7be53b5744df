/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks of X.509 certificates beyond those GnuTLS makes by itself. */
#ifndef IO_TLS_X509_CHECK_H
#define IO_TLS_X509_CHECK_H

#include <gnutls/x509.h>

#include "qemu/error.h"

/* Certificates of one PEM file. */
typedef struct X509List {
    const char *path; /* borrowed */
    gnutls_x509_crt_t *certs;
    unsigned n;
} X509List;

bool x509_list_load(X509List *list, const char *path, Error **errp);
void x509_list_clear(X509List *list);

/*
 * Whether certificates @own (its own one first, then what leads to the
 * authority; may be empty) and the authorities @ca can work for a server or
 * client.  The error names the file, the field and what is wrong with it.
 */
bool x509_check_sanity(const X509List *own, const X509List *ca, bool server,
                       Error **errp);

/* Why a verification failed: words for GnuTLS's status bits, not 0. */
const char *x509_status_reason(unsigned status);

#endif
