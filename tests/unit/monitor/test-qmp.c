/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QMP over real sockets, with a machine that has nothing. */
#include "qemu/osdep.h"

#include "fake-machine.h"
#include "qemu/atomic.h"

#define GENERIC "{\"error\": {\"class\": \"GenericError\", \"desc\": "
#define NOT_FOUND "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": "

/* Commands of the test's own. */

/* Takes the descriptor named "f" and writes to it. */
static bool cmd_use_fd(json_object *args, json_object **ret, QmpContext *ctx,
                       Error **errp)
{
    const char *text =
        json_object_get_string(json_object_object_get(args, "text"));
    int fd = ctx->take_fd(
        ctx, json_object_get_string(json_object_object_get(args, "name")),
        errp);

    if (fd < 0) {
        return false;
    }
    g_assert_cmpint(write(fd, text, strlen(text)), ==, strlen(text));
    close(fd);
    return true;
}

static bool cmd_event(json_object *args, json_object **ret, QmpContext *ctx,
                      Error **errp)
{
    json_object *data = json_object_new_object();

    json_object_object_add(data, "n", json_object_new_int(1));
    ctx->machine->sink->emit(ctx->machine->sink, "TEST", data);
    return true;
}

static bool cmd_nothing(json_object *args, json_object **ret, QmpContext *ctx,
                        Error **errp)
{
    return true;
}

static const QmpCommand test_commands[] = {
    { "x-use-fd", cmd_use_fd },
    { "x-event", cmd_event },
    { "x-nothing", cmd_nothing },
};

static Fixture *new_fixture(void)
{
    Fixture *f = fixture_new();

    qmp_command_list_add(f->cmds, test_commands,
                         G_N_ELEMENTS(test_commands));
    return f;
}

static Fixture *with_client(Client **c, bool oob)
{
    Fixture *f = new_fixture();

    fixture_add_monitor(f, "qmp0", true, false);
    *c = client_new(f, "qmp0");
    client_negotiate(*c, oob);
    return f;
}

static void test_negotiation(void)
{
    Fixture *f = new_fixture();
    g_autofree char *greeting = NULL;
    Client *c;

    fixture_add_monitor(f, "qmp0", true, false);
    c = client_new(f, "qmp0");
    greeting = client_line(c);
    g_assert_true(g_str_has_suffix(
        greeting, "\"package\": \"\"}, \"capabilities\": [\"oob\"]}}"));

    client_send(c, "{\"execute\": \"query-version\", \"id\": 1}");
    client_expect(c, NOT_FOUND "\"Expecting capabilities negotiation with "
                               "'qmp_capabilities'\"}, \"id\": 1}");
    client_send(c, "{\"execute\": \"qmp_capabilities\", "
                   "\"arguments\": {\"enable\": [\"foo\"]}}");
    g_autofree char *refused = client_line(c);
    g_assert_true(g_str_has_suffix(refused,
                                   "does not accept value 'foo'\"}}"));
    /* No events before the negotiation is over. */
    f->machine.sink->emit(f->machine.sink, "EARLY", NULL);
    client_send(c, "{\"execute\": \"qmp_capabilities\"}");
    client_expect(c, "{\"return\": {}}");
    client_send(c, "{\"execute\": \"qmp_capabilities\", \"id\": \"x\"}");
    client_expect(c, NOT_FOUND "\"Capabilities negotiation is already "
                               "complete, command ignored\"}, \"id\": \"x\"}");
    client_free(c);

    /* The next client begins anew. */
    c = client_new(f, "qmp0");
    client_negotiate(c, true);
    client_free(c);
    fixture_free(f);
}

/* Input and the reply lines it causes; a good command after it must work. */
static const struct {
    const char *input;
    const char *replies[4];
} protocol_cases[] = {
    { "{\"execute\": }",
      { GENERIC "\"JSON parse error, expecting value\"}}" } },
    { "{\"execute\": \"x\", }",
      { GENERIC "\"JSON parse error, expecting value\"}}" } },
    { "{\"execute\" \"x\"}",
      { GENERIC "\"JSON parse error, missing : in object pair\"}}" } },
    { "{1: 2}",
      { GENERIC "\"JSON parse error, key is not a string in object\"}}" } },
    { "{\"a\": nope}",
      { GENERIC "\"JSON parse error, invalid keyword 'nope'\"}}" } },
    { "@\n", { GENERIC "\"JSON parse error, stray '@'\"}}" } },
    { "\001", { GENERIC "\"JSON parse error, stray '\\u0001'\"}}" } },
    { "\377\n", { GENERIC "\"JSON parse error, stray '\\uFFFD'\"}}" } },
    { "\"text\n\n", { GENERIC "\"JSON parse error, stray '\\\"text\\n'\"}}" } },
    { "{\"a\": \"\\q\"}",
      { GENERIC "\"JSON parse error, invalid escape sequence in string\"}}" } },
    { "{\"a\": 1, \"a\": 2}",
      { GENERIC "\"JSON parse error, duplicate key\"}}" } },
    { "{\"a\": 1, \"\\u0061\": 2}",
      { GENERIC "\"JSON parse error, duplicate key\"}}" } },
    { "[1 2]",
      { GENERIC "\"JSON parse error, expected separator in list\"}}" } },
    { "{\"a\": 1 \"b\": 2}",
      { GENERIC "\"JSON parse error, expected separator in dict\"}}" } },
    { "]", { GENERIC "\"JSON parse error, expecting value\"}}" } },
    /* Each bracket left over from a broken message is an error of its own. */
    { "{\"a\": [@]}",
      { GENERIC "\"JSON parse error, stray '@'\"}}",
        GENERIC "\"JSON parse error, expecting value\"}}",
        GENERIC "\"JSON parse error, expecting value\"}}" } },
    { "{\"a\": 01}",
      { GENERIC "\"JSON parse error, stray '01'\"}}",
        GENERIC "\"JSON parse error, expecting value\"}}" } },
    { "[]", { GENERIC "\"QMP input must be a JSON object\"}}" } },
    { "\"x\"", { GENERIC "\"QMP input must be a JSON object\"}}" } },
    { "null ", { GENERIC "\"QMP input must be a JSON object\"}}" } },
    { "{}", { GENERIC "\"QMP input lacks member 'execute'\"}}" } },
    { "{\"execute\": 1}",
      { GENERIC "\"QMP input member 'execute' must be a string\"}}" } },
    { "{\"execute\": \"x\", \"foo\": 1}",
      { GENERIC "\"QMP input member 'foo' is unexpected\"}}" } },
    { "{\"exec-oob\": \"x\"}",
      { GENERIC "\"QMP input member 'exec-oob' is unexpected\"}}" } },
    { "{\"execute\": \"x\", \"arguments\": []}",
      { GENERIC "\"QMP input member 'arguments' must be an object\"}}" } },
    { "{\"execute\": \"nosuch\", \"id\": 7}",
      { NOT_FOUND "\"The command nosuch has not been found\"}, \"id\": 7}" } },
    { "{'execute': 'closefd', 'arguments': {'fdname': 'a\"\\'b'}}",
      { GENERIC
        "\"File descriptor named 'a\\\"'b' not found\"}}" } },
    { "{\"execute\": \"x-nothing\"}{\"execute\": \"x-nothing\", \"id\": 2}",
      { "{\"return\": {}}", "{\"return\": {}, \"id\": 2}" } },
};

static void check_replies(Client *c, size_t i)
{
    for (size_t n = 0; n < G_N_ELEMENTS(protocol_cases[i].replies) &&
                       protocol_cases[i].replies[n];
         n++) {
        client_expect(c, protocol_cases[i].replies[n]);
    }
    client_send(c, "\n{\"execute\": \"x-nothing\", \"id\": \"after\"}");
    client_expect(c, "{\"return\": {}, \"id\": \"after\"}");
}

static void test_protocol_errors(void)
{
    Client *c;
    Fixture *f = with_client(&c, false);

    for (size_t i = 0; i < G_N_ELEMENTS(protocol_cases); i++) {
        client_send(c, protocol_cases[i].input);
        check_replies(c, i);
    }
    client_free(c);
    fixture_free(f);
}

/* Every case, cut in two at every place. */
static void test_split(void)
{
    Client *c;
    Fixture *f = with_client(&c, false);

    for (size_t i = 0; i < G_N_ELEMENTS(protocol_cases); i++) {
        const char *input = protocol_cases[i].input;

        for (size_t at = 1; at < strlen(input); at++) {
            g_autofree char *head = g_strndup(input, at);

            client_send(c, head);
            while (g_main_context_iteration(NULL, false)) {
            }
            g_usleep(50); /* a chance for the reading thread */
            client_send(c, input + at);
            check_replies(c, i);
        }
    }
    client_free(c);
    fixture_free(f);
}

static void test_ids(void)
{
    static const char *const ids[][2] = {
        { "1", NULL },
        { "-9223372036854775808", NULL },
        { "18446744073709551615", NULL },
        { "18446744073709551616", "1.8446744073709552e+19" },
        { "0.1", "0.10000000000000001" },
        { "1.0", "1" },
        { "true", NULL },
        { "false", NULL },
        { "null", NULL },
        { "\"\"", NULL },
        { "\"a\\u0000b\"", NULL },
        { "\"\303\244\"", "\"\\u00E4\"" },
        { "\"\360\237\230\200\"", "\"\\uD83D\\uDE00\"" },
        { "\"\\ud83d\\ude00\"", "\"\\uD83D\\uDE00\"" },
        { "\"\\/\\b\\f\\n\\r\\t\\\\\\\"\"", "\"/\\b\\f\\n\\r\\t\\\\\\\"\"" },
        { "'single \"double\"'", "\"single \\\"double\\\"\"" },
        { "[]", NULL },
        { "{}", NULL },
        { "[1, [2, {\"a\": []}]]", NULL },
        { "{\"a\": {\"b\": null}}", NULL },
    };
    Client *c;
    Fixture *f = with_client(&c, false);

    for (size_t i = 0; i < G_N_ELEMENTS(ids); i++) {
        const char *back = ids[i][1] ? ids[i][1] : ids[i][0];
        g_autofree char *good = g_strdup_printf(
            "{\"execute\": \"x-nothing\", \"id\": %s}", ids[i][0]);
        g_autofree char *bad = g_strdup_printf(
            "{\"id\": %s, \"execute\": \"nosuch\"}", ids[i][0]);
        g_autofree char *good_reply = g_strdup_printf(
            "{\"return\": {}, \"id\": %s}", back);
        g_autofree char *bad_reply = g_strdup_printf(
            NOT_FOUND "\"The command nosuch has not been found\"}, "
                      "\"id\": %s}", back);

        client_send(c, good);
        client_expect(c, good_reply);
        client_send(c, bad);
        client_expect(c, bad_reply);
    }
    client_free(c);
    fixture_free(f);
}

/* 1024 levels are taken, 1025 are not. */
static void test_depth(void)
{
    Client *c;
    Fixture *f = with_client(&c, false);
    g_autofree char *open = g_strnfill(1023, '[');
    g_autofree char *close = g_strnfill(1023, ']');
    g_autofree char *good = g_strdup_printf(
        "{\"execute\": \"x-nothing\", \"id\": %s%s}", open, close);
    g_autofree char *good_reply = g_strdup_printf(
        "{\"return\": {}, \"id\": %s%s}", open, close);
    g_autofree char *bad = g_strdup_printf(
        "{\"execute\": \"x-nothing\", \"id\": [%s", open);

    client_send(c, good);
    client_expect(c, good_reply);
    client_send(c, bad);
    client_expect(c, GENERIC "\"JSON nesting depth limit exceeded\"}}");
    client_send(c, "{\"execute\": \"x-nothing\"}");
    client_expect(c, "{\"return\": {}}");
    client_free(c);
    fixture_free(f);
}

static void expect_event(Client *c, const char *rest)
{
    g_autofree char *line = client_line(c);

    g_assert_true(g_str_has_prefix(line, "{\"timestamp\": {\"seconds\": "));
    g_assert_true(g_str_has_suffix(line, rest));
}

/* Events go to all in command mode, and before the reply. */
static void test_two_monitors(void)
{
    Client *a, *b, *waiting;
    Fixture *f = with_client(&a, false);
    g_autofree char *line = NULL;

    fixture_add_monitor(f, "qmp1", true, false);
    fixture_add_monitor(f, "qmp2", true, false);
    b = client_new(f, "qmp1");
    client_negotiate(b, true);
    waiting = client_new(f, "qmp2");
    line = client_line(waiting);

    client_send(a, "{\"execute\": \"x-event\", \"id\": 5}");
    expect_event(a, "\"event\": \"TEST\", \"data\": {\"n\": 1}}");
    client_expect(a, "{\"return\": {}, \"id\": 5}");
    expect_event(b, "\"event\": \"TEST\", \"data\": {\"n\": 1}}");
    f->machine.sink->emit(f->machine.sink, "BARE", NULL);
    expect_event(a, "\"event\": \"BARE\"}");
    expect_event(b, "\"event\": \"BARE\"}");

    /* The one that had not negotiated got none of them. */
    client_send(waiting, "{\"execute\": \"qmp_capabilities\"}");
    client_expect(waiting, "{\"return\": {}}");
    client_free(a);
    client_free(b);
    client_free(waiting);
    fixture_free(f);
}

static void count_yank(void *opaque)
{
    qatomic_add((int *)opaque, 1);
}

static void test_oob(void)
{
    Client *c;
    Fixture *f = with_client(&c, true);
    g_autofree char *line = NULL;
    int yanks = 0;

    g_assert_true(yank_register_instance(f->machine.yank, "migration", NULL));
    yank_register_function(f->machine.yank, "migration", count_yank, &yanks);

    /* The main loop stands: only the monitor's thread can answer. */
    client_send(c, "{\"execute\": \"x-nothing\", \"id\": 1}"
                   "{\"exec-oob\": \"yank\", \"id\": 2, \"arguments\": "
                   "{\"instances\": [{\"type\": \"migration\"}]}}");
    line = client_line_blocking(c);
    g_assert_cmpstr(line, ==, "{\"return\": {}, \"id\": 2}");
    g_assert_cmpint(qatomic_read(&yanks), ==, 1);
    client_expect(c, "{\"return\": {}, \"id\": 1}");

    client_send(c, "{\"exec-oob\": \"query-yank\"}");
    client_expect(c, "{\"return\": [{\"type\": \"chardev\", \"id\": \"qmp0\"}, "
                     "{\"type\": \"migration\"}]}");
    client_send(c, "{\"exec-oob\": \"x-nothing\", \"id\": 3}");
    client_expect(c, GENERIC "\"The command x-nothing does not support "
                             "OOB\"}, \"id\": 3}");
    client_send(c, "{\"execute\": \"yank\", \"arguments\": {\"instances\": "
                   "[{\"type\": \"chardev\", \"id\": \"no\"}]}}");
    client_expect(c, "{\"error\": {\"class\": \"DeviceNotFound\", \"desc\": "
                     "\"Instance not found\"}}");
    client_send(c, "{\"execute\": \"yank\", \"exec-oob\": \"yank\"}");
    client_expect(c, GENERIC "\"QMP input member 'exec-oob' clashes with "
                             "'execute'\"}}");

    yank_unregister_function(f->machine.yank, "migration", count_yank,
                             &yanks);
    yank_unregister_instance(f->machine.yank, "migration");
    client_free(c);
    fixture_free(f);
}

/* Eight in-band requests are queued; what is behind a ninth waits. */
static void test_oob_queue(void)
{
    Client *c;
    Fixture *f = with_client(&c, true);
    int next = 0;

    for (int i = 0; i < 9; i++) {
        g_autofree char *request = g_strdup_printf(
            "{\"execute\": \"x-nothing\", \"id\": %d}", i);

        client_send(c, request);
    }
    client_send(c, "{\"exec-oob\": \"query-yank\", \"id\": \"oob\"}");
    client_expect(c, "{\"return\": {}, \"id\": 0}");
    next = 1;
    for (bool oob_seen = false; next < 9 || !oob_seen;) {
        g_autofree char *line = client_line(c);
        g_autofree char *want = g_strdup_printf(
            "{\"return\": {}, \"id\": %d}", next);

        if (!oob_seen && g_str_equal(line, "{\"return\": [{\"type\": \"chardev\", "
                                           "\"id\": \"qmp0\"}], \"id\": "
                                           "\"oob\"}")) {
            oob_seen = true;
            continue;
        }
        g_assert_cmpstr(line, ==, want);
        next++;
    }
    client_free(c);
    fixture_free(f);
}

/* Clients that go away at any moment leave nothing behind. */
static void test_thousand_drops(void)
{
    static const char *const said[] = {
        "", "{\"execute\": \"qmp_capa", "{\"execute\": \"qmp_capabilities\"}",
        ("{\"execute\": \"qmp_capabilities\"}{\"execute\": \"x-nothing\"}"
         "{\"execute\": \"x-nothing\"}\"open string"),
        "[[[[[", "\"", "@",
    };
    Fixture *f = new_fixture();
    int before, after, pipe_fds[2];
    Client *c;

    fixture_add_monitor(f, "qmp0", true, false);
    c = client_new(f, "qmp0");
    client_negotiate(c, false);
    client_free(c);
    g_assert_cmpint(pipe2(pipe_fds, O_CLOEXEC), ==, 0);
    before = dup(0);
    close(before);
    for (int i = 0; i < 1000; i++) {
        c = client_new(f, "qmp0");
        if (i % 3 == 0) {
            g_free(client_line(c));
        }
        client_send(c, said[i % G_N_ELEMENTS(said)]);
        if (i % 5 == 0) {
            client_send_fd(c, " ", pipe_fds[1]);
        }
        if (i % 2) {
            g_main_context_iteration(NULL, false);
        }
        client_free(c);
    }
    /* The next one is served only when all before have been dropped. */
    c = client_new(f, "qmp0");
    client_negotiate(c, false);
    client_send(c, "{\"execute\": \"x-nothing\"}");
    client_expect(c, "{\"return\": {}}");
    client_free(c);
    close(pipe_fds[1]);
    /* All copies of the descriptor are closed: the pipe is at its end. */
    char byte;
    g_assert_cmpint(read(pipe_fds[0], &byte, 1), ==, 0);
    close(pipe_fds[0]);
    fixture_free(f);
    after = dup(0);
    close(after);
    g_assert_cmpint(after, <=, before);
}

static void test_fds(void)
{
    Client *c;
    Fixture *f = with_client(&c, false);
    int a[2], b[2];
    char buf[4] = "";

    g_assert_cmpint(pipe2(a, O_CLOEXEC), ==, 0);
    g_assert_cmpint(pipe2(b, O_CLOEXEC), ==, 0);
    client_send(c, "{\"execute\": \"getfd\", \"arguments\": "
                   "{\"fdname\": \"f\"}}");
    client_expect(c, GENERIC "\"No file descriptor supplied via "
                             "SCM_RIGHTS\"}}");
    client_send_fd(c, "{\"execute\": \"getfd\", \"arguments\": "
                      "{\"fdname\": \"1f\"}}", a[1]);
    client_expect(c, GENERIC "\"Parameter 'fdname' expects a name not "
                             "starting with a digit\"}}");

    /* A descriptor that no command asked for is not the next one's. */
    client_send_fd(c, "{\"execute\": \"x-nothing\"}", a[1]);
    client_expect(c, "{\"return\": {}}");
    client_send(c, "{\"execute\": \"getfd\", \"arguments\": "
                   "{\"fdname\": \"f\"}}");
    client_expect(c, GENERIC "\"No file descriptor supplied via "
                             "SCM_RIGHTS\"}}");

    /* Two at once, before the first reply. */
    client_send_fd(c, "{\"execute\": \"getfd\", \"arguments\": "
                      "{\"fdname\": \"f\"}}\n", a[1]);
    client_send_fd(c, "{\"execute\": \"getfd\", \"arguments\": "
                      "{\"fdname\": \"g\"}}\n", b[1]);
    client_expect(c, "{\"return\": {}}");
    client_expect(c, "{\"return\": {}}");
    close(a[1]);
    close(b[1]);
    client_send(c, "{\"execute\": \"x-use-fd\", \"arguments\": "
                   "{\"name\": \"g\", \"text\": \"gg\"}}");
    client_expect(c, "{\"return\": {}}");
    g_assert_cmpint(read(b[0], buf, 3), ==, 2);
    g_assert_cmpstr(buf, ==, "gg");
    client_send(c, "{\"execute\": \"x-use-fd\", \"arguments\": "
                   "{\"name\": \"g\", \"text\": \"gg\"}}");
    client_expect(c, GENERIC "\"File descriptor named 'g' has not been "
                             "found\"}}");
    client_send(c, "{\"execute\": \"closefd\", \"arguments\": "
                   "{\"fdname\": \"g\"}}");
    client_expect(c, GENERIC "\"File descriptor named 'g' not found\"}}");
    client_free(c);

    /* "f" goes with the connection. */
    c = client_new(f, "qmp0");
    client_negotiate(c, false);
    g_assert_cmpint(read(a[0], buf, 1), ==, 0);
    client_free(c);
    close(a[0]);
    close(b[0]);
    fixture_free(f);
}

static void test_queries(void)
{
    Client *c;
    Fixture *f = with_client(&c, false);
    g_autofree char *version = NULL, *commands = NULL, *events = NULL;
    g_autofree char *schema = NULL, *chardevs = NULL;

    client_send(c, "{\"execute\": \"query-version\"}");
    version = client_line(c);
    g_assert_true(g_str_has_prefix(version, "{\"return\": {\"qemu\": {"));
    client_send(c, "{\"execute\": \"query-commands\"}");
    commands = client_line(c);
    g_assert_nonnull(strstr(commands, "{\"name\": \"query-commands\"}"));
    g_assert_nonnull(strstr(commands, "{\"name\": \"x-nothing\"}"));
    client_send(c, "{\"execute\": \"query-events\"}");
    events = client_line(c);
    g_assert_nonnull(strstr(events, "{\"name\": \"SHUTDOWN\"}"));
    client_send(c, "{\"execute\": \"query-qmp-schema\"}");
    schema = client_line(c);
    g_assert_nonnull(strstr(schema, "\"query-qmp-schema\""));
    client_send(c, "{\"execute\": \"query-chardev\"}");
    chardevs = client_line(c);
    g_assert_nonnull(strstr(chardevs, "\"label\": \"qmp0\""));
    g_assert_nonnull(strstr(chardevs, "/qmp0,server=on\""));
    client_free(c);
    fixture_free(f);
}

static void test_hmc(void)
{
    Client *c;
    Fixture *f = with_client(&c, false);

    client_send(c, "{\"execute\": \"human-monitor-command\", \"arguments\": "
                   "{\"command-line\": \"nosuch x\"}}");
    client_expect(c, "{\"return\": \"unknown command: 'nosuch'\\r\\n\"}");
    client_send(c, "{\"execute\": \"human-monitor-command\", \"arguments\": "
                   "{\"command-line\": \"\"}}");
    client_expect(c, "{\"return\": \"\"}");
    client_send(c, "{\"execute\": \"human-monitor-command\", \"arguments\": "
                   "{\"command-line\": \"\", \"cpu-index\": 1}}");
    client_expect(c, GENERIC "\"Parameter 'cpu-index' expects a CPU "
                             "number\"}}");
    client_free(c);
    fixture_free(f);
}

static void test_quit(void)
{
    Client *c;
    Fixture *f = with_client(&c, false);

    client_send(c, "{\"execute\": \"quit\"}");
    expect_event(c, "\"event\": \"SHUTDOWN\", \"data\": {\"guest\": false, "
                    "\"reason\": \"host-qmp-quit\"}}");
    client_expect(c, "{\"return\": {}}");
    g_assert_cmpint(f->machine.quits, ==, 1);
    g_assert_true(monitor_flush_all(f->hub, 1000));
    client_free(c);
    fixture_free(f);
}

static void test_pretty(void)
{
    Fixture *f = new_fixture();
    g_autofree char *greeting = NULL, *reply = NULL;
    Error *err = NULL;
    Client *c;

    fixture_add_monitor(f, "qmp0", true, true);
    c = client_new(f, "qmp0");
    greeting = client_until(c, "\r\n}\r\n");
    g_assert_true(g_str_has_prefix(
        greeting, "{\r\n    \"QMP\": {\r\n        \"version\": {\r\n"));
    client_send(c, "{\"execute\": \"qmp_capabilities\"}");
    reply = client_until(c, "\r\n}\r\n");
    g_assert_cmpstr(reply, ==, "{\r\n    \"return\": {\r\n    }\r\n}\r\n");
    client_free(c);
    g_assert_false(monitor_init(f->hub, NULL, false, true, &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "'pretty' is not compatible with HMP monitors");
    error_free(err);
    fixture_free(f);
}

static void *emit_many(void *opaque)
{
    QapiEventSink *sink = opaque;

    for (int i = 0; i < 500; i++) {
        sink->emit(sink, "STORM", NULL);
    }
    return NULL;
}

/* Events from other threads while commands run and clients come and go. */
static void test_storm(void)
{
    Client *c;
    Fixture *f = with_client(&c, true);
    QemuThread threads[2];
    int events = 0, replies = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++) {
        qemu_thread_create(&threads[i], "storm", emit_many, f->machine.sink);
    }
    for (int i = 0; i < 100; i++) {
        client_send(c, "{\"execute\": \"x-nothing\"}");
    }
    while (events < 1000 || replies < 100) {
        g_autofree char *line = client_line(c);

        if (g_str_has_suffix(line, "\"event\": \"STORM\"}")) {
            events++;
        } else {
            g_assert_cmpstr(line, ==, "{\"return\": {}}");
            replies++;
        }
    }
    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++) {
        qemu_thread_join(&threads[i]);
    }
    client_free(c);
    fixture_free(f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    error_init(argv[0]);
    g_test_add_func("/qmp/negotiation", test_negotiation);
    g_test_add_func("/qmp/protocol-errors", test_protocol_errors);
    g_test_add_func("/qmp/split", test_split);
    g_test_add_func("/qmp/ids", test_ids);
    g_test_add_func("/qmp/depth", test_depth);
    g_test_add_func("/qmp/two-monitors", test_two_monitors);
    g_test_add_func("/qmp/oob", test_oob);
    g_test_add_func("/qmp/oob-queue", test_oob_queue);
    g_test_add_func("/qmp/thousand-drops", test_thousand_drops);
    g_test_add_func("/qmp/fds", test_fds);
    g_test_add_func("/qmp/queries", test_queries);
    g_test_add_func("/qmp/human-monitor-command", test_hmc);
    g_test_add_func("/qmp/quit", test_quit);
    g_test_add_func("/qmp/pretty", test_pretty);
    g_test_add_func("/qmp/storm", test_storm);
    return g_test_run();
}
