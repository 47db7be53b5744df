/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"

#include "qemu/error.h"

static void test_set(void)
{
    g_autoptr(Error) err = NULL;

    errno = EINTR;
    error_setg(&err, "cannot open '%s'", "x");
    g_assert_cmpint(errno, ==, EINTR);
    g_assert_cmpstr(error_get_pretty(err), ==, "cannot open 'x'");
    g_assert_cmpint(error_get_class(err), ==, ERROR_CLASS_GENERIC_ERROR);
    g_assert_null(error_get_hint(err));

    g_clear_pointer(&err, error_free);
    error_setg_errno(&err, ENOENT, "cannot open '%s'", "x");
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "cannot open 'x': No such file or directory");

    g_clear_pointer(&err, error_free);
    error_setg_errno(&err, 0, "closed");
    g_assert_cmpstr(error_get_pretty(err), ==, "closed");

    g_clear_pointer(&err, error_free);
    error_set(&err, ERROR_CLASS_DEVICE_NOT_FOUND, "no '%d'", 5);
    g_assert_cmpint(error_get_class(err), ==, ERROR_CLASS_DEVICE_NOT_FOUND);
    g_assert_cmpstr(ErrorClass_str(error_get_class(err)), ==,
                    "DeviceNotFound");

    /* Nobody wants to know. */
    error_setg(NULL, "lost");
}

static void test_first_wins(void)
{
    g_autoptr(Error) err = NULL;

    error_setg(&err, "first");
    g_test_expect_message(NULL, G_LOG_LEVEL_WARNING, "*overwrite 'first'*");
    error_setg(&err, "second");
    g_test_assert_expected_messages();
    g_assert_cmpstr(error_get_pretty(err), ==, "first");
}

static void test_prepend_and_hint(void)
{
    g_autoptr(Error) err = NULL;
    g_autoptr(Error) copy = NULL;

    error_prepend(&err, "nothing to ");
    g_assert_null(err);
    error_append_hint(&err, "nothing");
    error_append_hint(NULL, "nothing");

    error_setg(&err, "%s", "100%");
    error_prepend(&err, "%s: ", "load");
    g_assert_cmpstr(error_get_pretty(err), ==, "load: 100%");
    error_append_hint(&err, "Try %d\n", 1);
    error_append_hint(&err, "Try %d\n", 2);

    copy = error_copy(err);
    error_prepend(&err, "changed ");
    g_assert_cmpstr(error_get_pretty(copy), ==, "load: 100%");
    g_assert_cmpstr(error_get_hint(copy), ==, "Try 1\nTry 2\n");
}

static void test_propagate(void)
{
    g_autoptr(Error) dst = NULL;
    Error *src = NULL;

    error_propagate(&dst, NULL);
    g_assert_null(dst);

    error_setg(&src, "one");
    error_propagate(&dst, src);
    g_assert_true(dst == src);

    src = NULL;
    error_setg(&src, "two");
    error_propagate(&dst, src);
    g_assert_cmpstr(error_get_pretty(dst), ==, "one");

    src = NULL;
    error_setg(&src, "three");
    error_propagate(NULL, src);
}

static void test_foreign(void)
{
    Error *err = g_error_new_literal(G_FILE_ERROR, G_FILE_ERROR_NOENT, "gone");

    g_assert_cmpint(error_get_class(err), ==, ERROR_CLASS_GENERIC_ERROR);
    g_assert_null(error_get_hint(err));
    error_append_hint(&err, "dropped");
    error_prepend(&err, "file ");
    g_assert_cmpstr(error_get_pretty(err), ==, "file gone");
    error_free(err);
}

static void report_everything(void)
{
    Error *err = NULL;

    error_init("/usr/bin/prog");
    error_report("one");
    error_set_location("-m 1X");
    warn_report("two %d", 2);
    error_set_location(NULL);
    error_setg(&err, "three");
    error_append_hint(&err, "A hint");
    error_report_err(err);
    error_set_timestamp(true);
    info_report("four");
}

static void test_report(void)
{
    if (g_test_subprocess()) {
        report_everything();
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("prog: one\n"
                              "prog: -m 1X: warning: two 2\n"
                              "prog: three\n"
                              "A hint\n"
                              "20*-*-*T*:*:*.*Z prog: info: four\n");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/error/set", test_set);
    g_test_add_func("/error/first-wins", test_first_wins);
    g_test_add_func("/error/prepend-and-hint", test_prepend_and_hint);
    g_test_add_func("/error/propagate", test_propagate);
    g_test_add_func("/error/foreign", test_foreign);
    g_test_add_func("/error/report", test_report);
    return g_test_run();
}
