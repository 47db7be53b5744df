/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"

#include <glib/gstdio.h>

#include "qemu/atomic.h"
#include "qemu/thread.h"
#include "qemu/trace.h"

static TraceEvent ev_one = { .name = "zz_test_one" };
static TraceEvent ev_two = { .name = "zz_test_two" };
static TraceEvent *const events[] = { &ev_one, &ev_two };

static char *dir;

static char *in_dir(const char *name)
{
    return g_build_filename(dir, name, NULL);
}

static char *read_file(const char *name)
{
    g_autofree char *path = in_dir(name);
    char *text = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    return text;
}

static void test_switch(void)
{
    g_assert_cmpuint(trace_enable_events("zz_test_one", true), ==, 1);
    g_assert_true(ev_one.enabled && !ev_two.enabled);
    g_assert_cmpuint(trace_enable_events("zz_test_*", true), ==, 2);
    g_assert_true(ev_one.enabled && ev_two.enabled);
    g_assert_cmpuint(trace_enable_events("-zz_test_tw?", true), ==, 1);
    g_assert_true(ev_one.enabled && !ev_two.enabled);
    g_assert_cmpuint(trace_enable_events("zz_test_*", false), ==, 2);
    g_assert_true(!ev_one.enabled && !ev_two.enabled);
    g_assert_cmpuint(trace_enable_events("zz_nosuch", true), ==, 0);
}

static void test_output(void)
{
    g_autofree char *path = in_dir("out");
    g_autofree char *opt = g_strdup_printf("file=%s", path);
    g_autofree char *text = NULL;

    g_assert_true(trace_opt_parse(opt, NULL));
    trace_emit(&ev_one, "a %d b %s", 5, "x");
    trace_emit(&ev_two, "plain");
    text = read_file("out");
    g_assert_cmpstr(text, ==, "zz_test_one a 5 b x\nzz_test_two plain\n");
}

static void test_timestamp(void)
{
    g_autofree char *path = in_dir("stamped");
    g_autofree char *text = NULL;

    g_assert_true(trace_set_file(path, NULL));
    error_set_timestamp(true);
    trace_emit(&ev_one, "x");
    error_set_timestamp(false);
    text = read_file("stamped");
    g_assert_true(g_regex_match_simple(
        "^[0-9]+@[0-9]+\\.[0-9]{6}:zz_test_one x\n$", text, 0, 0));
}

static void test_options(void)
{
    g_autofree char *path = in_dir("list");
    g_autofree char *opt = g_strdup_printf("events=%s", path);
    g_autoptr(Error) err = NULL;

    g_assert_true(g_file_set_contents(
        path, "# comment\n\nzz_test_*\n-zz_test_one\n", -1, NULL));
    g_assert_true(trace_opt_parse(opt, NULL));
    g_assert_true(!ev_one.enabled && ev_two.enabled);
    g_assert_true(trace_opt_parse("enable=zz_test_one", NULL));
    g_assert_true(ev_one.enabled);
    g_assert_true(trace_opt_parse("-zz_test_*", NULL));
    g_assert_true(!ev_one.enabled && !ev_two.enabled);

    g_assert_false(trace_opt_parse("zz_test_one,foo=1", &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "Invalid parameter 'foo'");
    g_assert_false(ev_one.enabled);
    g_clear_pointer(&err, error_free);
    g_assert_false(trace_opt_parse("events=/nonexistent/x", &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "/nonexistent/x: No such file or directory");
    g_clear_pointer(&err, error_free);
    g_assert_false(trace_opt_parse("file=/nonexistent/x", &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "Error opening logfile /nonexistent/x: No such file or "
                    "directory");
}

/* A name that fits nothing is warned about, a pattern is not. */
static void test_unknown(void)
{
    if (g_test_subprocess()) {
        error_init("prog");
        g_assert_true(trace_opt_parse("nosuch", NULL));
        g_assert_true(trace_opt_parse("-nosuch2", NULL));
        g_assert_true(trace_opt_parse("nosuch3*", NULL));
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr(
        "prog: warning: trace event 'nosuch' does not exist\n"
        "prog: warning: trace event 'nosuch2' does not exist\n");
}

#define WRITERS 4
#define LINES 500

static void *write_lines(void *opaque)
{
    for (int i = 0; i < LINES; i++) {
        if (qatomic_read(&ev_one.enabled)) {
            trace_emit(&ev_one, "writer %d line %d end", *(int *)opaque, i);
        }
    }
    return NULL;
}

/*
 * Lines of several threads stay whole, none is lost when the file is changed,
 * and switching an event while others use it is no race.
 */
static void test_threads(void)
{
    g_autofree char *first = in_dir("threads1");
    g_autofree char *second = in_dir("threads2");
    g_autofree char *joined = NULL;
    g_auto(GStrv) lines = NULL;
    QemuThread threads[WRITERS];
    int numbers[WRITERS];

    g_assert_true(trace_set_file(first, NULL));
    trace_enable_events("zz_test_one", true);
    for (int i = 0; i < WRITERS; i++) {
        numbers[i] = i;
        qemu_thread_create(&threads[i], "writer", write_lines, &numbers[i]);
    }
    g_assert_true(trace_set_file(second, NULL));
    for (int i = 0; i < 100; i++) {
        trace_enable_events("zz_test_two", i % 2);
    }
    for (int i = 0; i < WRITERS; i++) {
        qemu_thread_join(&threads[i]);
    }
    trace_enable_events("zz_test_*", false);

    {
        g_autofree char *a = read_file("threads1");
        g_autofree char *b = read_file("threads2");

        joined = g_strconcat(a, b, NULL);
    }
    lines = g_strsplit(joined, "\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, WRITERS * LINES + 1);
    for (int i = 0; i < WRITERS * LINES; i++) {
        g_assert_true(g_regex_match_simple(
            "^zz_test_one writer [0-3] line [0-9]+ end$", lines[i], 0, 0));
    }
}

static void remove_dir(void)
{
    const char *name;
    GDir *d = g_dir_open(dir, 0, NULL);

    while ((name = g_dir_read_name(d))) {
        g_autofree char *path = in_dir(name);

        g_unlink(path);
    }
    g_dir_close(d);
    g_rmdir(dir);
    g_free(dir);
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    dir = g_dir_make_tmp("test-trace-XXXXXX", NULL);
    trace_register_events(events, G_N_ELEMENTS(events));
    g_test_add_func("/trace/switch", test_switch);
    g_test_add_func("/trace/output", test_output);
    g_test_add_func("/trace/timestamp", test_timestamp);
    g_test_add_func("/trace/options", test_options);
    g_test_add_func("/trace/unknown", test_unknown);
    g_test_add_func("/trace/threads", test_threads);
    status = g_test_run();
    remove_dir();
    return status;
}
