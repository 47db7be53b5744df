/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text to numbers, strictly. */
#ifndef QEMU_CUTILS_H
#define QEMU_CUTILS_H

#include "qemu/error.h"

/*
 * Parse all of @s as an integer: decimal, 0x hex, leading 0 octal.  False with
 * *@out untouched on anything else or overflow.
 */
bool qemu_parse_u64(const char *s, uint64_t *out);
bool qemu_parse_i64(const char *s, int64_t *out);

/*
 * Parse a size: decimal or 0x hex, a fraction allowed with a suffix, one of
 * B k K M G T P E (powers of 1024); @unit multiplies a number without suffix.
 * False on anything else, with errno EINVAL, or ERANGE for what is below 0 or
 * not below 2^64.
 */
bool qemu_parse_size(const char *s, uint64_t unit, uint64_t *out);
/* The same for parameter @name, with errors as option parsers word them. */
bool qemu_parse_size_option(const char *name, const char *s, uint64_t unit,
                            uint64_t *out, Error **errp);

/* "on"/"yes"/"true"/"y" and their opposites; error names @name. */
bool qapi_bool_parse(const char *name, const char *s, bool *out, Error **errp);

/* The letter-led identifiers allowed for id=. */
bool id_wellformed(const char *id);

/* "1.5 GiB" style with 3 significant digits; freed by g_free(). */
char *size_to_str(uint64_t bytes);

#endif
