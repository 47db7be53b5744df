/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values to the text that QMP clients get. */
#ifndef QMP_JSON_WRITER_H
#define QMP_JSON_WRITER_H

#include <json-c/json.h>

#include "qemu/osdep.h"

/*
 * Append @value (may be NULL: null) to @out: ASCII only, floating numbers with
 * 17 significant digits.  Compact: one line, a blank after ":" and ",".
 * @pretty: 4 blanks per level, lines end with CR LF.
 */
void json_write(GString *out, json_object *value, bool pretty);

#endif
