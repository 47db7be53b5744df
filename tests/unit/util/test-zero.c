/* SPDX-License-Identifier: GPL-2.0-or-later */
/* buffer_is_zero() and each of its variants, with every length and place. */
#include "qemu/osdep.h"

#include "qemu/zero.h"
#include "util/zero-variants.h"

/* Exactly as long as needed, so that the address sanitizer sees overruns. */
static uint8_t *zero_buffer(size_t align, size_t len, uint8_t **base)
{
    *base = g_malloc0(align + len);
    return *base + align;
}

/* All lengths up to 600, all alignments mod 64: one bit anywhere is found. */
static void check_all(bool (*is_zero)(const uint8_t *buf, size_t len),
                      size_t min_len)
{
    for (size_t len = min_len; len < 600; len++) {
        uint8_t *base;
        size_t align = len % 64;
        uint8_t *buf = zero_buffer(align, len, &base);

        g_assert_true(is_zero(buf, len));
        for (size_t i = 0; i < len; i++) {
            buf[i] = 1 << (i % 8);
            g_assert_false(is_zero(buf, len));
            buf[i] = 0;
        }
        g_free(base);
    }
    for (size_t align = 0; align < 64; align++) {
        const size_t len = 4096;
        uint8_t *base;
        uint8_t *buf = zero_buffer(align, len, &base);

        memset(base, 0xff, align); /* what lies before does not count */
        g_assert_true(is_zero(buf, len));
        for (size_t i = align; i < len; i += 61) {
            buf[i] = 0x80;
            g_assert_false(is_zero(buf, len));
            buf[i] = 0;
        }
        g_free(base);
    }
}

static void test_variant(gconstpointer data)
{
    const ZeroVariant *variant = data;

    if (!variant->usable()) {
        g_test_skip("this CPU does not have it");
        return;
    }
    check_all(variant->is_zero, ZERO_VARIANT_MIN);
}

static bool whole(const uint8_t *buf, size_t len)
{
    return buffer_is_zero(buf, len);
}

static void test_whole(void)
{
    check_all(whole, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/zero/whole", test_whole);
    for (size_t i = 0; i < zero_variants_count; i++) {
        g_autofree char *path =
            g_strdup_printf("/zero/%s", zero_variants[i].name);

        g_test_add_data_func(path, &zero_variants[i], test_variant);
    }
    return g_test_run();
}
