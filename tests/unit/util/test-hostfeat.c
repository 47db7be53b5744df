/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"

#include "qemu/hostfeat.h"

static void test_probe(void)
{
    for (int f = 0; f < HOSTFEAT__MAX; f++) {
        bool has = hostfeat_has(f);

        g_assert_nonnull(hostfeat_name(f));
        g_test_message("%s: %s", hostfeat_name(f), has ? "yes" : "no");
        g_assert_cmpint(hostfeat_has(f), ==, has);
    }
    g_assert_true(!hostfeat_has(HOSTFEAT_AVX2) ||
                  __builtin_cpu_supports("avx2"));
}

static void test_disable(void)
{
    if (g_test_subprocess()) {
        hostfeat_disable(HOSTFEAT_MEMFD);
        g_assert_false(hostfeat_has(HOSTFEAT_MEMFD));
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
}

static void test_environment(void)
{
    if (g_test_subprocess()) {
        g_setenv("QEMU_HOSTFEAT_OFF", "memfd,,avx2,nonsense", true);
        g_assert_false(hostfeat_has(HOSTFEAT_AVX2));
        g_assert_false(hostfeat_has(HOSTFEAT_MEMFD));
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*unknown feature 'nonsense'\n");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/hostfeat/probe", test_probe);
    g_test_add_func("/hostfeat/disable", test_disable);
    g_test_add_func("/hostfeat/environment", test_environment);
    return g_test_run();
}
