/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In place of secret-crypt.c when there is no GnuTLS. */
#include "qemu/osdep.h"

#include "io/secret-crypt.h"

bool secret_decrypt(uint8_t *data, size_t len, const uint8_t key[32],
                    const uint8_t iv[16], size_t *plain, Error **errp)
{
    error_setg(errp, "Encrypted secrets are not supported: the program was "
                     "built without GnuTLS");
    return false;
}
