/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages from a stream of QMP's JSON, in pieces of any size.
 */
#ifndef QMP_JSON_PARSER_H
#define QMP_JSON_PARSER_H

#include <json-c/json.h>

#include "qemu/error.h"

typedef struct JsonParser JsonParser;

JsonParser *json_parser_new(void);
void json_parser_free(JsonParser *parser);
/* Forget what has been read of a message. */
void json_parser_reset(JsonParser *parser);

/*
 * Read from @buf up to the end of one message, or all @len bytes; returns how
 * many bytes were read.  *@done: a message is complete: *@value is a new
 * reference (NULL for JSON's null), or *@errp is set and what was read of the
 * message has been dropped.
 */
size_t json_parser_feed(JsonParser *parser, const char *buf, size_t len,
                        bool *done, json_object **value, Error **errp);

#endif
