/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"

#include "qemu/clock.h"

static void test_real(void)
{
    int64_t wall = g_get_real_time();
    int64_t ns = clock_get_ns();
    int64_t ms = clock_get_ms();

    g_assert_cmpint(ns / NSEC_PER_MSEC, <=, ms);
    clock_sleep_ns(2 * NSEC_PER_MSEC);
    clock_sleep_ns(0);
    clock_sleep_ns(-1);
    g_assert_cmpint(clock_get_ns() - ns, >=, 2 * NSEC_PER_MSEC);
    g_assert_cmpint(clock_get_ms(), >=, ms + 2);
    g_assert_cmpint(clock_get_wall_us(), >=, wall);
}

static int64_t fake_ns;

static int64_t fake_monotonic(void *opaque)
{
    g_assert_true(opaque == &fake_ns);
    return fake_ns;
}

static int64_t fake_wall(void *opaque)
{
    return fake_ns / 1000 + 7;
}

static void fake_sleep(void *opaque, int64_t ns)
{
    fake_ns += ns;
}

static void test_backend(void)
{
    static const ClockBackend fake = {
        fake_monotonic, fake_wall, fake_sleep, &fake_ns,
    };

    fake_ns = 5 * NSEC_PER_SEC;
    clock_set_backend(&fake);
    g_assert_cmpint(clock_get_ns(), ==, 5 * NSEC_PER_SEC);
    g_assert_cmpint(clock_get_ms(), ==, 5000);
    g_assert_cmpint(clock_get_wall_us(), ==, 5000007);
    clock_sleep_ns(INT64_C(3600) * NSEC_PER_SEC);
    g_assert_cmpint(clock_get_ms(), ==, 3605000);
    clock_set_backend(NULL);
    g_assert_cmpint(clock_get_wall_us(), >, INT64_C(1600000000) * 1000000);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/clock/real", test_real);
    g_test_add_func("/clock/backend", test_backend);
    return g_test_run();
}
