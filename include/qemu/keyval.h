/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * key=value lists of the command line, into json-c objects.
 *
 * "a=1,b.c=2,d.0=x" becomes {"a": "1", "b": {"c": "2"}, "d": ["x"]}: all
 * leaves are strings; ",," is a comma in a value; later keys win.
 */
#ifndef QEMU_KEYVAL_H
#define QEMU_KEYVAL_H

#include <json-c/json.h>

#include "qemu/error.h"

/*
 * Parse @params.  A first word without "=" is the value of @implied_key (NULL:
 * not allowed).  Later bare words mean word=on, "noword" word=off when
 * @legacy_bool, and are errors otherwise.  Keys with dots nest when @dotted.
 * The words "help" and "?" set *@help (if not NULL) and are dropped.
 * Returns a new reference to an object.
 */
json_object *keyval_parse(const char *params, const char *implied_key,
                          bool legacy_bool, bool dotted, bool *help,
                          Error **errp);
/* The same, but text that begins with "{" is parsed as JSON. */
json_object *keyval_parse_or_json(const char *text, const char *implied_key,
                                  bool *help, Error **errp);

#endif
