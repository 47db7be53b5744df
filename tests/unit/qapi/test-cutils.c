/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"
#include "qemu/cutils.h"

static void test_u64(void)
{
    static const char *const bad[] = { "",    " 1", "+1", "-1", "1 ",
                                       "1x",  "0x", "08", "x",
                                       "18446744073709551616" };
    uint64_t n = 42;

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_false(qemu_parse_u64(bad[i], &n));
        g_assert_cmpuint(n, ==, 42);
    }
    g_assert_true(qemu_parse_u64("18446744073709551615", &n));
    g_assert_cmpuint(n, ==, UINT64_MAX);
    g_assert_true(qemu_parse_u64("0x1F", &n) && n == 31);
    g_assert_true(qemu_parse_u64("017", &n) && n == 15);
    g_assert_true(qemu_parse_u64("0", &n) && n == 0);
}

static void test_i64(void)
{
    int64_t n = 42;

    g_assert_true(qemu_parse_i64("-9223372036854775808", &n));
    g_assert_cmpint(n, ==, INT64_MIN);
    g_assert_true(qemu_parse_i64("-0x10", &n) && n == -16);
    g_assert_false(qemu_parse_i64("9223372036854775808", &n));
    g_assert_false(qemu_parse_i64("-9223372036854775809", &n));
    g_assert_false(qemu_parse_i64("--1", &n));
    g_assert_false(qemu_parse_i64("-", &n));
    g_assert_cmpint(n, ==, -16);
}

static void test_size(void)
{
    static const struct {
        const char *text;
        uint64_t unit, value;
    } good[] = {
        { "0", 1, 0 },
        { "128", MiB, 128 * MiB },
        { "010", 1, 10 },
        { "0x10", 1, 16 },
        { "0x10", KiB, 16 * KiB },
        { "1k", MiB, KiB },
        { "1K", 1, KiB },
        { "5B", MiB, 5 },
        { "1.5G", 1, GiB + GiB / 2 },
        { "0.5k", 1, 512 },
        { "0.1k", 1, 102 },
        { "1.25", MiB, MiB + MiB / 4 },
        { "15E", 1, 15 * (UINT64_C(1) << 60) },
        { "15.5E", 1, 31 * (UINT64_C(1) << 59) },
        { "18446744073709551615", 1, UINT64_MAX },
    };
    static const char *const bad[] = {
        "",    "k",   "-1",    "+1",  " 1",   "1 ",  "1X",    "1kB", "1.5",
        "1.k", ".5k", "1.5B",  "0x",  "0x1k", "16E", "1.5.5k",
        "18446744073709551616", "1e3", "15.9999999999999999999E4",
    };
    uint64_t n = 42;

    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        g_test_message("%s", good[i].text);
        g_assert_true(qemu_parse_size(good[i].text, good[i].unit, &n));
        g_assert_cmpuint(n, ==, good[i].value);
    }
    n = 42;
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_test_message("%s", bad[i]);
        g_assert_false(qemu_parse_size(bad[i], 1, &n));
        g_assert_cmpint(errno, ==,
                        g_str_equal(bad[i], "-1") ||
                                g_str_equal(bad[i], "16E") ||
                                strlen(bad[i]) == 20
                            ? ERANGE : EINVAL);
        g_assert_cmpuint(n, ==, 42);
    }
}

static void test_bool(void)
{
    bool on = false;
    g_autoptr(Error) err = NULL;

    g_assert_true(qapi_bool_parse("x", "yes", &on, NULL) && on);
    g_assert_true(qapi_bool_parse("x", "n", &on, NULL) && !on);
    g_assert_true(qapi_bool_parse("x", "true", &on, NULL) && on);
    g_assert_false(qapi_bool_parse("x.y", "ON", &on, &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "Parameter 'x.y' expects 'on' or 'off'");
}

static void test_id(void)
{
    g_assert_true(id_wellformed("a"));
    g_assert_true(id_wellformed("Ram-0.b_C"));
    g_assert_false(id_wellformed(""));
    g_assert_false(id_wellformed("0a"));
    g_assert_false(id_wellformed("_a"));
    g_assert_false(id_wellformed("a b"));
    g_assert_false(id_wellformed("\xc3\xa9"));
}

static void check_text(uint64_t bytes, const char *expected)
{
    g_autofree char *text = size_to_str(bytes);

    g_assert_cmpstr(text, ==, expected);
}

static void test_text(void)
{
    check_text(0, "0 B");
    check_text(999, "999 B");
    check_text(1000, "0.977 KiB");
    check_text(1024, "1 KiB");
    check_text(3 * GiB / 2, "1.5 GiB");
    check_text(UINT64_MAX, "16 EiB");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cutils/u64", test_u64);
    g_test_add_func("/cutils/i64", test_i64);
    g_test_add_func("/cutils/size", test_size);
    g_test_add_func("/cutils/bool", test_bool);
    g_test_add_func("/cutils/id", test_id);
    g_test_add_func("/cutils/size-to-str", test_text);
    return g_test_run();
}
