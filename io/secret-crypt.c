/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Decryption of secrets, by GnuTLS. */
#include "qemu/osdep.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "io/secret-crypt.h"

#define AES_BLOCK 16

bool secret_decrypt(uint8_t *data, size_t len, const uint8_t key[32],
                    const uint8_t iv[16], size_t *plain, Error **errp)
{
    gnutls_datum_t key_datum = { (void *)key, 32 };
    gnutls_datum_t iv_datum = { (void *)iv, 16 };
    gnutls_cipher_hd_t cipher;
    uint8_t padding;
    int ret;

    if (len == 0 || len % AES_BLOCK) {
        error_setg(errp, "Length of encrypted secret, %zu bytes, is not a "
                         "multiple of %d", len, AES_BLOCK);
        return false;
    }
    ret = gnutls_cipher_init(&cipher, GNUTLS_CIPHER_AES_256_CBC, &key_datum,
                             &iv_datum);
    if (ret == 0) {
        ret = gnutls_cipher_decrypt(cipher, data, len);
        gnutls_cipher_deinit(cipher);
    }
    if (ret < 0) {
        error_setg(errp, "Unable to decrypt secret: %s", gnutls_strerror(ret));
        return false;
    }
    padding = data[len - 1];
    for (size_t i = 1; i <= padding && padding <= AES_BLOCK; i++) {
        if (data[len - i] != padding) {
            padding = 0;
        }
    }
    if (padding == 0 || padding > AES_BLOCK) {
        error_setg(errp, "Unable to decrypt secret: bad padding, perhaps a "
                         "wrong key");
        return false;
    }
    *plain = len - padding;
    return true;
}
