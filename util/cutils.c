/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"

#include <math.h>

#include "qemu/cutils.h"

/* The C library skips blanks and takes signs; numbers here have neither. */
static bool starts_number(const char *s)
{
    return g_ascii_isdigit(*s);
}

/* "08" is no octal number, and "0x" no number at all. */
static bool parse_magnitude(const char *s, uint64_t *out)
{
    char *end;
    uint64_t value;

    if (!starts_number(s)) {
        return false;
    }
    errno = 0;
    value = g_ascii_strtoull(s, &end, 0);
    if (errno || *end) {
        return false;
    }
    *out = value;
    return true;
}

bool qemu_parse_u64(const char *s, uint64_t *out)
{
    return parse_magnitude(s, out);
}

bool qemu_parse_i64(const char *s, int64_t *out)
{
    bool negative = *s == '-';
    uint64_t limit = negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX;
    uint64_t value;

    if (!parse_magnitude(s + negative, &value) || value > limit) {
        return false;
    }
    /* Negation in unsigned arithmetic: -2^63 has no positive twin. */
    *out = (int64_t)(negative ? -value : value);
    return true;
}

/* What a suffix multiplies by; 0: not a suffix. */
static uint64_t suffix_factor(char c)
{
    static const char suffixes[] = "BKMGTPE";
    const char *found = c ? strchr(suffixes, g_ascii_toupper(c)) : NULL;

    return found ? UINT64_C(1) << (10 * (found - suffixes)) : 0;
}

/*
 * The fraction at *@s (".25") of @factor, rounded down; *@s moves behind it.
 * Digits beyond what a double holds do not matter: the result is a number of
 * bytes below 2^60.
 */
static uint64_t parse_fraction(const char *digits, size_t n, uint64_t factor)
{
    double fraction = 0;
    double place = 0.1;

    for (size_t i = 0; i < n; i++, place /= 10) {
        fraction += (digits[i] - '0') * place;
    }
    return (uint64_t)(fraction * (double)factor + 1e-6);
}

bool qemu_parse_size(const char *s, uint64_t unit, uint64_t *out)
{
    bool hex = s[0] == '0' && (s[1] == 'x' || s[1] == 'X');
    const char *digits = NULL;
    size_t n_digits = 0;
    uint64_t value, factor, extra = 0;
    char *end;

    if (!starts_number(s) || (hex && !g_ascii_isxdigit(s[2]))) {
        errno = *s == '-' && starts_number(s + 1) ? ERANGE : EINVAL;
        return false;
    }
    errno = 0;
    value = g_ascii_strtoull(s, &end, hex ? 16 : 10);
    if (errno) {
        return false;
    }
    errno = EINVAL;
    if (*end == '.' && !hex) {
        digits = end + 1;
        n_digits = strspn(digits, "0123456789");
        end += 1 + n_digits;
    }
    factor = unit;
    if (*end && !hex) {
        factor = suffix_factor(*end++);
    }
    if (*end || !factor) {
        return false;
    }
    if (digits) {
        /* Parts of bytes make no sense. */
        if (!n_digits || factor == 1) {
            return false;
        }
        extra = parse_fraction(digits, n_digits, factor);
    }
    if (value > (UINT64_MAX - extra) / factor) {
        errno = ERANGE;
        return false;
    }
    *out = value * factor + extra;
    return true;
}

bool qemu_parse_size_option(const char *name, const char *s, uint64_t unit,
                            uint64_t *out, Error **errp)
{
    if (qemu_parse_size(s, unit, out)) {
        return true;
    }
    if (errno == ERANGE) {
        error_setg(errp, "Value '%s' is out of range for parameter '%s'", s,
                   name);
        return false;
    }
    error_setg(errp, "Parameter '%s' expects a non-negative number below "
               "2^64", name);
    error_append_hint(errp, "Optional suffix k, M, G, T, P or E means "
                      "kilo-, mega-, giga-, tera-, peta-\n"
                      "and exabytes, respectively.\n");
    return false;
}

static bool is_one_of(const char *s, const char *const *words)
{
    return g_strv_contains(words, s);
}

bool qapi_bool_parse(const char *name, const char *s, bool *out, Error **errp)
{
    static const char *const on[] = { "on", "yes", "true", "y", NULL };
    static const char *const off[] = { "off", "no", "false", "n", NULL };

    if (is_one_of(s, on)) {
        *out = true;
    } else if (is_one_of(s, off)) {
        *out = false;
    } else {
        error_setg(errp, "Parameter '%s' expects 'on' or 'off'", name);
        return false;
    }
    return true;
}

bool id_wellformed(const char *id)
{
    if (!g_ascii_isalpha(*id)) {
        return false;
    }
    while (*++id) {
        if (!g_ascii_isalnum(*id) && !strchr("-._", *id)) {
            return false;
        }
    }
    return true;
}

char *size_to_str(uint64_t bytes)
{
    static const char *const units[] = { "",   "Ki", "Mi", "Gi",
                                         "Ti", "Pi", "Ei" };
    double value = (double)bytes;
    size_t unit = 0;

    /* 1000 of a unit would need four digits. */
    while (value >= 999.5 && unit < G_N_ELEMENTS(units) - 1) {
        value /= 1024;
        unit++;
    }
    return g_strdup_printf("%.3g %sB", value, units[unit]);
}
