/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The qtest commands that move blocks of guest memory. */
#include "qemu/osdep.h"

#include "qtest-internal.h"

/* Most bytes memset may cover: a typing error must not hang the program. */
#define MEMSET_MAX ((uint64_t)256 * GiB)

static void append_hex(GString *out, const uint8_t *buf, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    size_t at = out->len;

    g_string_set_size(out, at + len * 2);
    for (size_t i = 0; i < len; i++) {
        out->str[at++] = digits[buf[i] >> 4];
        out->str[at++] = digits[buf[i] & 15];
    }
}

/* The bytes of a read command; *@len is not 0.  NULL: failed. */
static uint8_t *read_guest(QtestArgs *a, uint64_t *len)
{
    uint64_t addr;
    uint8_t *buf;

    if (!qtest_arg_count(a, 3, 3)
        || !qtest_arg_range(a, 1, QTEST_MAX_DATA, &addr, len)) {
        return NULL;
    }
    if (*len == 0) {
        qtest_fail(a, "Length must not be 0");
        return NULL;
    }
    buf = g_malloc(*len);
    memory_read(a->machine, addr, buf, *len);
    return buf;
}

void qtest_cmd_read(QtestArgs *a)
{
    uint64_t len;
    g_autofree uint8_t *buf = read_guest(a, &len);

    if (buf) {
        g_string_append(a->reply, "OK 0x");
        append_hex(a->reply, buf, len);
    }
}

void qtest_cmd_b64read(QtestArgs *a)
{
    uint64_t len;
    g_autofree uint8_t *buf = read_guest(a, &len);

    if (buf) {
        g_autofree char *text = g_base64_encode(buf, len);

        g_string_append_printf(a->reply, "OK %s", text);
    }
}

/* "0x0a0B": what is missing at the end stays zero. */
static bool parse_hex(QtestArgs *a, const char *text, uint8_t *buf, size_t len)
{
    for (size_t i = 0; i < len && text[0]; i++) {
        int hi = g_ascii_xdigit_value(text[0]);
        int lo = text[1] ? g_ascii_xdigit_value(text[1]) : 0;

        if (hi < 0 || lo < 0) {
            qtest_fail(a, "Data is not hexadecimal");
            return false;
        }
        buf[i] = hi << 4 | lo;
        text += text[1] ? 2 : 1;
    }
    return true;
}

void qtest_cmd_write(QtestArgs *a)
{
    g_autofree uint8_t *buf = NULL;
    uint64_t addr, len;

    if (!qtest_arg_count(a, 4, 4)
        || !qtest_arg_range(a, 1, QTEST_MAX_DATA, &addr, &len)) {
        return;
    }
    if (strlen(a->words[3]) < 3) {
        g_string_append(a->reply, "ERR invalid argument size");
        return;
    }
    if (!g_str_has_prefix(a->words[3], "0x")) {
        qtest_fail(a, "Data does not begin with 0x");
        return;
    }
    buf = g_malloc0(MAX(len, 1));
    if (parse_hex(a, a->words[3] + 2, buf, len)) {
        memory_write(a->machine, addr, buf, len);
        g_string_append(a->reply, "OK");
    }
}

void qtest_cmd_b64write(QtestArgs *a)
{
    g_autofree uint8_t *buf = NULL;
    uint64_t addr, len;
    gsize got;

    if (!qtest_arg_count(a, 4, 4)
        || !qtest_arg_range(a, 1, QTEST_MAX_DATA, &addr, &len)) {
        return;
    }
    if (strlen(a->words[3]) < 3) {
        g_string_append(a->reply, "ERR invalid argument size");
        return;
    }
    buf = g_base64_decode(a->words[3], &got);
    memory_write(a->machine, addr, buf, MIN(len, got));
    g_string_append(a->reply, "OK");
}

void qtest_cmd_memset(QtestArgs *a)
{
    uint8_t piece[65536];
    uint64_t addr, len, val;

    if (!qtest_arg_count(a, 4, 4)
        || !qtest_arg_range(a, 1, MEMSET_MAX, &addr, &len)
        || !qtest_arg_u64(a, 3, &val)) {
        return;
    }
    memset(piece, (uint8_t)val, sizeof(piece));
    while (len) {
        size_t n = MIN(len, sizeof(piece));

        memory_write(a->machine, addr, piece, n);
        addr += n;
        len -= n;
    }
    g_string_append(a->reply, "OK");
}
