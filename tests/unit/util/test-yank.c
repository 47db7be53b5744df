/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"

#include "qemu/thread.h"
#include "qemu/yank.h"

static void count(void *opaque)
{
    (*(int *)opaque)++;
}

static void test_registry(void)
{
    YankRegistry *reg = yank_registry_new();
    g_autoptr(Error) err = NULL;
    g_auto(GStrv) names = NULL;
    int a = 0, b = 0;

    g_assert_true(yank_register_instance(reg, "migration", NULL));
    g_assert_true(yank_register_instance(reg, "chardev:c0", NULL));
    g_assert_false(yank_register_instance(reg, "migration", &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "duplicate yank instance");
    g_clear_pointer(&err, error_free);

    names = yank_list_instances(reg);
    g_assert_cmpint(g_strv_length(names), ==, 2);
    g_assert_cmpstr(names[0], ==, "migration");
    g_assert_cmpstr(names[1], ==, "chardev:c0");

    yank_register_function(reg, "migration", count, &a);
    yank_register_function(reg, "migration", count, &a);
    yank_register_function(reg, "migration", count, &b);
    g_assert_true(yank_instance(reg, "migration", NULL));
    g_assert_cmpint(a, ==, 2);
    g_assert_cmpint(b, ==, 1);
    yank_unregister_function(reg, "migration", count, &a);
    g_assert_true(yank_instance(reg, "migration", NULL));
    g_assert_cmpint(a, ==, 3);
    g_assert_cmpint(b, ==, 2);
    yank_unregister_function(reg, "migration", count, &b);
    yank_unregister_function(reg, "migration", count, &a);
    yank_unregister_instance(reg, "migration");

    g_assert_false(yank_instance(reg, "migration", &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "Instance not found");
    g_assert_cmpint(error_get_class(err), ==, ERROR_CLASS_DEVICE_NOT_FOUND);
    g_assert_true(yank_register_instance(reg, "migration", NULL));
    yank_registry_free(reg);
    yank_registry_free(NULL);
}

static void *yanker(void *opaque)
{
    for (int i = 0; i < 500; i++) {
        g_assert_true(yank_instance(opaque, "migration", NULL));
    }
    return NULL;
}

/* After unregistering, a function's data may go. */
static void test_concurrent(void)
{
    YankRegistry *reg = yank_registry_new();
    QemuThread thread;

    g_assert_true(yank_register_instance(reg, "migration", NULL));
    qemu_thread_create(&thread, "yanker", yanker, reg);
    for (int i = 0; i < 500; i++) {
        int *data = g_new0(int, 1);

        yank_register_function(reg, "migration", count, data);
        yank_unregister_function(reg, "migration", count, data);
        g_free(data);
    }
    qemu_thread_join(&thread);
    yank_unregister_instance(reg, "migration");
    yank_registry_free(reg);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/yank/registry", test_registry);
    g_test_add_func("/yank/concurrent", test_concurrent);
    return g_test_run();
}
