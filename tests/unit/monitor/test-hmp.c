/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The human monitor: lines, arguments, editing, history, completion. */
#include "qemu/osdep.h"

#include <glib/gstdio.h>

#include "fake-machine.h"
#include "qapi/hmp.h"

#define PROMPT "(qemu) "
#define CURSOR_LEFT "\033[D"
#define ERASE "\033[K"

/* ---- commands of the test's own ---- */

static void cmd_show(HmpContext *hmp, json_object *args)
{
    hmp_printf(hmp, "%s\n",
               json_object_to_json_string_ext(
                   args, JSON_C_TO_STRING_PLAIN |
                             JSON_C_TO_STRING_NOSLASHESCAPE));
}

static void complete_color(QmpContext *ctx, int nb, char *const *argv,
                           const char *prefix,
                           void (*add)(void *opaque, const char *word),
                           void *opaque)
{
    if (nb == 0) {
        add(opaque, "green");
        add(opaque, "red");
        add(opaque, "grey");
    } else if (g_str_equal(argv[0], "red")) {
        add(opaque, "dark");
    }
}

static void *foreground;      /* handle of the last x-foreground */
static HmpContext *seen_from; /* monitor of the last x-foreground */

static void cmd_foreground(HmpContext *hmp, json_object *args)
{
    seen_from = hmp;
    foreground = hmp->suspend(hmp);
    if (!foreground) {
        hmp_printf(hmp, "not interactive\n");
    }
}

static const HmpCommand test_commands[] = {
    { "x-flags", "detach:-d,resume:-r,uri:s", "[-d] [-r] uri", "test flags",
      cmd_show },
    { "x-types|xt", "on:b,size:o,n:l,s:s?", "on|off size n [s]",
      "test types", cmd_show },
    { "x-rest", "text:S", "text", "test rest", cmd_show },
    { "x-file", "name:F", "file", "test file", cmd_show },
    { "x-color", "color:s,tone:s?", "color [tone]", "test completion",
      cmd_show, complete_color },
    { "x-foreground", "", "", "test suspend", cmd_foreground },
};

/* ---- single lines ---- */

static void check_line(Fixture *f, const char *line, const char *want)
{
    g_autofree char *escaped = g_strescape(line, NULL);
    g_autofree char *request = g_strdup_printf(
        "{\"execute\": \"human-monitor-command\", \"arguments\": "
        "{\"command-line\": \"%s\"}}", escaped);
    g_autofree char *want_escaped = g_strescape(want, NULL);
    g_autofree char *reply = g_strdup_printf("{\"return\": \"%s\"}",
                                             want_escaped);
    Client *c = client_new(f, "qmp0");

    client_negotiate(c, false);
    client_send(c, request);
    client_expect(c, reply);
    client_free(c);
}

static Fixture *new_fixture(void)
{
    Fixture *f = fixture_new();

    fixture_add_monitor(f, "qmp0", true, false);
    fixture_add_monitor(f, "hmp0", false, false);
    return f;
}

static void test_lines(void)
{
    static const char *const cases[][2] = {
        { "", "" },
        { "   ", "" },
        { "xyz a b", "unknown command: 'xyz'\r\n" },
        { "info xyz", "unknown command: 'info xyz'\r\n" },
        { "x-flags", "x-flags: string expected\r\n"
                     "Try \"help x-flags\" for more information\r\n" },
        { "x-flags -d -r u",
          "{\"detach\":true,\"resume\":true,\"uri\":\"u\"}\r\n" },
        { "x-flags -r u", "{\"resume\":true,\"uri\":\"u\"}\r\n" },
        { "x-flags -r -d u",
          "x-flags: extraneous characters at the end of line\r\n"
          "Try \"help x-flags\" for more information\r\n" },
        { "x-flags -dr u",
          "x-flags: extraneous characters at the end of line\r\n"
          "Try \"help x-flags\" for more information\r\n" },
        { "x-flags -z u", "x-flags: unsupported option -z\r\n"
                          "Try \"help x-flags\" for more information\r\n" },
        { "x-flags \"a b\\n\\\"\"", "{\"uri\":\"a b\\n\\\"\"}\r\n" },
        { "x-types on 10 1+2*3",
          "{\"on\":true,\"size\":10485760,\"n\":7}\r\n" },
        { "xt off 1.5G 0x10 w",
          "{\"on\":false,\"size\":1610612736,\"n\":16,\"s\":\"w\"}\r\n" },
        { "xt yes 1 1", "Expected 'on' or 'off'\r\n"
                        "Try \"help xt\" for more information\r\n" },
        { "xt on 1z 1", "invalid size\r\n"
                        "Try \"help xt\" for more information\r\n" },
        { "xt on 1 (1", "')' expected\r\n"
                        "Try \"help xt\" for more information\r\n" },
        { "xt on 1 1/t", "invalid char 't' in expression\r\n"
                         "Try \"help xt\" for more information\r\n" },
        { "xt on 1 1+", "unexpected end of expression\r\n"
                        "Try \"help xt\" for more information\r\n" },
        { "xt on 1 1/0", "division by zero\r\n"
                         "Try \"help xt\" for more information\r\n" },
        { "xt on 1 $eip", "unknown register\r\n"
                          "Try \"help xt\" for more information\r\n" },
        { "xt on 1 1 a b",
          "x-types|xt: extraneous characters at the end of line\r\n"
          "Try \"help xt\" for more information\r\n" },
        { "x-rest  a  b ", "{\"text\":\"a  b \"}\r\n" },
        { "x-file", "x-file: filename expected\r\n"
                    "Try \"help x-file\" for more information\r\n" },
        { "help x-flags", "x-flags [-d] [-r] uri -- test flags\r\n" },
        { "help nosuch", "unknown command: 'nosuch'\r\n" },
        { "help info status",
          "info status  -- show whether the guest is running\r\n" },
        { "print 2", "0x2\r\n" },
        { "p/d -1", "-1\r\n" },
        { "p /c 'A'", "'A'\r\n" },
        { "p /o 010", "010\r\n" },
        { "p/x ~0 & 0xff ^ 1", "0xfe\r\n" },
        { "p/t 1", "invalid char in format: 't'\r\n"
                    "Try \"help p\" for more information\r\n" },
        { "info status", "VM status: paused (postmigrate)\r\n" },
        { "cont", "" },
        { "info status", "VM status: running\r\n" },
        { "c", "Error: it runs\r\nStop it first\r\n" },
        { "stop", "" },
        { "s", "" },
        { "info name", "guest\r\n" },
        { "info uuid", "00000000-0000-0000-0000-000000000000\r\n" },
        { "info kvm", "kvm support: not compiled\r\n" },
        { "info accelerators", "kvm [tcg]\r\n" },
        { "info history", "" },
        { "system_reset", "" },
        { "trace-event nosuch on", "unknown event \"nosuch\"\r\n" },
        { "getfd x",
          "Error: No file descriptor supplied via SCM_RIGHTS\r\n" },
        { "closefd x", "Error: File descriptor named 'x' not found\r\n" },
        { "x-foreground", "not interactive\r\n" },
    };
    Fixture *f = new_fixture();

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        check_line(f, cases[i][0], cases[i][1]);
    }
    fixture_free(f);
}

/* ---- at the terminal ---- */

static Client *new_terminal(Fixture *f)
{
    Client *c = client_new(f, "hmp0");
    g_autofree char *text = client_until(c, PROMPT);

    g_assert_true(g_str_has_prefix(text, "QEMU "));
    g_assert_true(g_str_has_suffix(
        text, " monitor - type 'help' for more information\r\n" PROMPT));
    return c;
}

/*
 * Press @keys and then enter: the line must have become @line, and its output
 * must be @output.
 */
static void check_keys(Client *c, const char *keys, const char *line,
                       const char *output)
{
    g_autofree char *all = g_strconcat(keys, "\r", NULL);
    g_autofree char *want = g_strdup_printf("\r\n%s" PROMPT, output);
    g_autofree char *text = NULL;
    const char *shown, *end;

    client_send(c, all);
    text = client_until(c, want);
    end = g_strrstr(text, want);
    /* What the screen shows is what follows the last complete redraw. */
    *(char *)end = '\0';
    shown = g_strrstr(text, ERASE);
    if (shown) {
        g_autofree char *before = g_strndup(text, shown - text);
        const char *last = g_strrstr(before, CURSOR_LEFT);
        const char *visible = last ? last + strlen(CURSOR_LEFT) : before;

        g_assert_true(g_str_has_suffix(visible, line));
    } else {
        g_assert_cmpstr(line, ==, "");
    }
}

static void test_editing(void)
{
    Fixture *f = new_fixture();
    Client *c = new_terminal(f);

    check_keys(c, "", "", "");
    check_keys(c, "x-rest ab", "x-rest ab", "{\"text\":\"ab\"}\r\n");
    check_keys(c, "rest a\001x-", "x-rest a", "{\"text\":\"a\"}\r\n");
    check_keys(c, "x-rest ac\033[Db\005d", "x-rest abcd",
               "{\"text\":\"abcd\"}\r\n");
    check_keys(c, "x-rest abX\177", "x-rest ab", "{\"text\":\"ab\"}\r\n");
    check_keys(c, "x-rest abX\010", "x-rest ab", "{\"text\":\"ab\"}\r\n");
    check_keys(c, "x-rest aXb\033[D\033[D\004", "x-rest ab",
               "{\"text\":\"ab\"}\r\n");
    check_keys(c, "x-rest aXb\033[D\033[D\033[3~", "x-rest ab",
               "{\"text\":\"ab\"}\r\n");
    check_keys(c, "nonsense\025x-rest a", "x-rest a",
               "{\"text\":\"a\"}\r\n");
    check_keys(c, "x-rest a b \027c", "x-rest a c",
               "{\"text\":\"a c\"}\r\n");
    check_keys(c, "-rest a\033[1~x\033[4~b", "x-rest ab",
               "{\"text\":\"ab\"}\r\n");
    check_keys(c, "-rest a\033OHx\033OFb", "x-rest ab",
               "{\"text\":\"ab\"}\r\n");
    check_keys(c, "x-rest a\003\002\006b", "x-rest ab",
               "{\"text\":\"ab\"}\r\n");
    client_free(c);
    fixture_free(f);
}

static void test_history(void)
{
    Fixture *f = new_fixture();
    Client *c = new_terminal(f);

    check_keys(c, "x-rest 1", "x-rest 1", "{\"text\":\"1\"}\r\n");
    check_keys(c, "x-rest 2", "x-rest 2", "{\"text\":\"2\"}\r\n");
    check_keys(c, "\020", "x-rest 2", "{\"text\":\"2\"}\r\n");
    check_keys(c, "\033[A\033[A", "x-rest 1", "{\"text\":\"1\"}\r\n");
    check_keys(c, "\033[A\033[A\033[B", "x-rest 1", "{\"text\":\"1\"}\r\n");
    check_keys(c, "info history", "info history",
               "0: 'x-rest 2'\r\n1: 'x-rest 1'\r\n2: 'info history'\r\n");
    for (int i = 0; i < 70; i++) {
        g_autofree char *line = g_strdup_printf("x-rest n%d", i);
        g_autofree char *want = g_strdup_printf("{\"text\":\"n%d\"}\r\n", i);

        check_keys(c, line, line, want);
    }
    client_send(c, "info history\r");
    g_autofree char *list = client_until(c, "63: 'info history'\r\n" PROMPT);
    g_assert_nonnull(strstr(list, "\r\n0: 'x-rest n7'\r\n"));
    client_free(c);

    /* The next person does not see it. */
    c = new_terminal(f);
    check_keys(c, "info history", "info history",
               "0: 'info history'\r\n");
    client_free(c);
    fixture_free(f);
}

static void test_completion(void)
{
    Fixture *f = new_fixture();
    Client *c = new_terminal(f);
    g_autofree char *path = g_build_filename(f->dir, "onlyone", NULL);
    g_autofree char *half = g_strdup_printf("x-file %s/only\t", f->dir);
    g_autofree char *line = g_strdup_printf("x-file %s ", path);
    g_autofree char *output = g_strdup_printf("{\"name\":\"%s\"}\r\n", path);
    g_autofree char *text = NULL;

    /* The only one: completed, and a blank. */
    check_keys(c, "x-re\t9", "x-rest 9", "{\"text\":\"9\"}\r\n");
    check_keys(c, "x-color r\tdark", "x-color red dark",
               "{\"color\":\"red\",\"tone\":\"dark\"}\r\n");
    check_keys(c, "x-color red d\t", "x-color red dark ",
               "{\"color\":\"red\",\"tone\":\"dark\"}\r\n");
    check_keys(c, "info nam\t", "info name ", "guest\r\n");
    check_keys(c, "help x-fl\t", "help x-flags ",
               "x-flags [-d] [-r] uri -- test flags\r\n");
    check_keys(c, "xt of\t1 1", "xt off 1 1",
               "{\"on\":false,\"size\":1048576,\"n\":1}\r\n");
    g_assert_true(g_file_set_contents(path, "", -1, NULL));
    check_keys(c, half, line, output);
    g_unlink(path);

    /* Several: what they share, and a list, and the line again. */
    client_send(c, "x-color g\t");
    text = client_until(c, "\r\ngreen  grey   \r\n" PROMPT);
    check_keys(c, "y\b\by", "x-color gry", "{\"color\":\"gry\"}\r\n");
    /* None: nothing happens. */
    check_keys(c, "x-color red dark nosuch\t\025", "", "");
    client_free(c);
    fixture_free(f);
}

static void pump(void)
{
    while (g_main_context_iteration(NULL, false)) {
    }
}

/* A command in the foreground withholds the prompt. */
static void test_foreground(void)
{
    Fixture *f = new_fixture();
    Client *c = new_terminal(f);
    bool interrupted;

    client_send(c, "x-foreground\r");
    while (!foreground) {
        g_main_context_iteration(NULL, true);
    }
    g_assert_true(
        seen_from->update(foreground, "working\n", false, &interrupted));
    g_assert_false(interrupted);
    g_free(client_until(c, "\r\nworking\r\n"));
    client_send(c, "x-rest ahead\r");
    pump();
    g_assert_cmpstr(c->input->str, ==, "");
    g_assert_true(seen_from->update(foreground, "done\n", true, NULL));
    foreground = NULL;
    g_free(client_until(c, "done\r\n" PROMPT));
    /* What was typed meanwhile comes now. */
    g_free(client_until(c, "\r\n{\"text\":\"ahead\"}\r\n" PROMPT));

    /* Ctrl-C is reported once. */
    client_send(c, "x-foreground\r");
    while (!foreground) {
        g_main_context_iteration(NULL, true);
    }
    client_send(c, "\003");
    do {
        g_main_context_iteration(NULL, true);
    } while (seen_from->update(foreground, NULL, false, &interrupted));
    g_assert_true(interrupted);
    g_assert_true(seen_from->update(foreground, NULL, true, &interrupted));
    g_assert_false(interrupted);
    foreground = NULL;

    /* The person leaves: the command finds out. */
    client_send(c, "x-foreground\r");
    while (!foreground) {
        g_main_context_iteration(NULL, true);
    }
    client_free(c);
    do {
        g_main_context_iteration(NULL, true);
    } while (seen_from->update(foreground, NULL, false, &interrupted));
    g_assert_false(interrupted);
    g_assert_false(seen_from->update(foreground, "gone\n", true, NULL));
    foreground = NULL;
    c = new_terminal(f);
    check_keys(c, "x-rest 1", "x-rest 1", "{\"text\":\"1\"}\r\n");
    client_free(c);
    fixture_free(f);
}

static void test_getfd(void)
{
    Fixture *f = new_fixture();
    Client *c = new_terminal(f);
    int fds[2];
    char byte;

    g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);
    client_send_fd(c, "getfd mine\r", fds[1]);
    close(fds[1]);
    g_free(client_until(c, "\r\n" PROMPT));
    check_keys(c, "closefd mine", "closefd mine", "");
    g_assert_cmpint(read(fds[0], &byte, 1), ==, 0);
    close(fds[0]);
    client_free(c);
    fixture_free(f);
}

static void test_quit(void)
{
    Fixture *f = new_fixture();
    Client *c = new_terminal(f);

    client_send(c, "q\r");
    while (!f->machine.quits) {
        g_main_context_iteration(NULL, true);
    }
    client_free(c);
    fixture_free(f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    error_init(argv[0]);
    monitor_register_hmp_commands();
    hmp_register_commands(test_commands, G_N_ELEMENTS(test_commands));
    g_test_add_func("/hmp/lines", test_lines);
    g_test_add_func("/hmp/editing", test_editing);
    g_test_add_func("/hmp/history", test_history);
    g_test_add_func("/hmp/completion", test_completion);
    g_test_add_func("/hmp/foreground", test_foreground);
    g_test_add_func("/hmp/getfd", test_getfd);
    g_test_add_func("/hmp/quit", test_quit);
    return g_test_run();
}
