/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Decryption of secrets. */
#ifndef IO_SECRET_CRYPT_H
#define IO_SECRET_CRYPT_H

#include "qemu/error.h"

/*
 * Decrypt @len bytes at @data in place with AES-256 in CBC mode; *@plain of
 * them are left after the padding (RFC 5652, 6.3) is gone.
 */
bool secret_decrypt(uint8_t *data, size_t len, const uint8_t key[32],
                    const uint8_t iv[16], size_t *plain, Error **errp);

#endif
