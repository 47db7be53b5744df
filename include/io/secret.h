/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Secrets: passwords and keys that other objects name by id. */
#ifndef IO_SECRET_H
#define IO_SECRET_H

#include "qemu/object.h"

/*
 * The bytes of the secret @id of @container: a new reference, with a
 * terminating zero after the last byte.  NULL with an error if there is none.
 */
GBytes *secret_lookup(ObjectContainer *container, const char *id,
                      Error **errp);
/* The same as text, which must be UTF-8; g_free(). */
char *secret_lookup_utf8(ObjectContainer *container, const char *id,
                         Error **errp);

/* Announce the type secret.  Start-up only. */
void secret_register_types(void);

#endif
