/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values to the text that QMP clients get. */
#include "qemu/osdep.h"

#include <float.h>
#include <math.h>

#include "json-writer.h"

static void write_value(GString *out, json_object *value, bool pretty,
                        int level);

/* One character that is not plain ASCII. */
static void write_escaped(GString *out, gunichar c)
{
    static const char named[] = "\"\\\b\f\n\r\t";
    static const char letter[] = "\"\\bfnrt";
    const char *found = c && c < 0x80 ? strchr(named, (int)c) : NULL;

    if (found) {
        g_string_append_c(out, '\\');
        g_string_append_c(out, letter[found - named]);
    } else if (c > 0xffff) {
        c -= 0x10000;
        g_string_append_printf(out, "\\u%04X\\u%04X", 0xd800 + (c >> 10),
                               0xdc00 + (c & 0x3ff));
    } else {
        g_string_append_printf(out, "\\u%04X", c);
    }
}

/* @len bytes of UTF-8; what is not valid becomes U+FFFD, byte by byte. */
static void write_string(GString *out, const char *s, size_t len)
{
    const char *end = s + len;

    g_string_append_c(out, '"');
    while (s < end) {
        unsigned char byte = *s;
        gunichar c = byte;
        size_t n = 1;

        if (byte >= 0x80) {
            c = g_utf8_get_char_validated(s, end - s);
            if (c >= 0x110000) {
                c = 0xfffd;
            } else {
                n = g_utf8_next_char(s) - s;
            }
        }
        if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
            g_string_append_c(out, (char)c);
        } else {
            write_escaped(out, c);
        }
        s += n;
    }
    g_string_append_c(out, '"');
}

static void write_double(GString *out, double d)
{
    char buf[G_ASCII_DTOSTR_BUF_SIZE];

    /* JSON has no infinity: the nearest number there is. */
    if (isinf(d)) {
        d = d > 0 ? DBL_MAX : -DBL_MAX;
    } else if (isnan(d)) {
        d = 0;
    }
    g_string_append(out, g_ascii_formatd(buf, sizeof(buf), "%.17g", d));
}

static void write_int(GString *out, json_object *value)
{
    int64_t i = json_object_get_int64(value);

    /* json-c saturates: a larger unsigned number shows as the maximum. */
    if (i == INT64_MAX) {
        g_string_append_printf(out, "%" PRIu64, json_object_get_uint64(value));
    } else {
        g_string_append_printf(out, "%" PRId64, i);
    }
}

static void write_newline(GString *out, bool pretty, int level)
{
    if (pretty) {
        g_string_append_printf(out, "\r\n%*s", level * 4, "");
    }
}

static void write_object(GString *out, json_object *value, bool pretty,
                         int level)
{
    const char *separator = "";

    g_string_append_c(out, '{');
    json_object_object_foreach(value, key, member)
    {
        g_string_append(out, separator);
        write_newline(out, pretty, level + 1);
        write_string(out, key, strlen(key));
        g_string_append(out, ": ");
        write_value(out, member, pretty, level + 1);
        separator = pretty ? "," : ", ";
    }
    write_newline(out, pretty, level);
    g_string_append_c(out, '}');
}

static void write_array(GString *out, json_object *value, bool pretty,
                        int level)
{
    size_t n = json_object_array_length(value);

    g_string_append_c(out, '[');
    for (size_t i = 0; i < n; i++) {
        if (i) {
            g_string_append(out, pretty ? "," : ", ");
        }
        write_newline(out, pretty, level + 1);
        write_value(out, json_object_array_get_idx(value, i), pretty,
                    level + 1);
    }
    write_newline(out, pretty, level);
    g_string_append_c(out, ']');
}

static void write_value(GString *out, json_object *value, bool pretty,
                        int level)
{
    switch (json_object_get_type(value)) {
    case json_type_null:
        g_string_append(out, "null");
        break;
    case json_type_boolean:
        g_string_append(out, json_object_get_boolean(value) ? "true"
                                                            : "false");
        break;
    case json_type_double:
        write_double(out, json_object_get_double(value));
        break;
    case json_type_int:
        write_int(out, value);
        break;
    case json_type_string:
        write_string(out, json_object_get_string(value),
                     json_object_get_string_len(value));
        break;
    case json_type_object:
        write_object(out, value, pretty, level);
        break;
    case json_type_array:
        write_array(out, value, pretty, level);
        break;
    }
}

void json_write(GString *out, json_object *value, bool pretty)
{
    write_value(out, value, pretty, 0);
}
