/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests, commands, events, introspection. */
#include "qemu/osdep.h"
#include "qapi-commands-test-schema.h"
#include "qapi-events-test-schema.h"
#include "test-qapi-init-commands.h"

json_object *test_qapi_introspect(void);
extern const char *const test_qapi_event_names[];

static QmpCommandList *cmds;
static QmpContext context;

static void check(const char *request, bool oob, const char *expected)
{
    json_object *json = json_tokener_parse(request);
    json_object *reply = qmp_dispatch(cmds, json, oob, &context);
    const char *text =
        json_object_to_json_string_ext(reply, JSON_C_TO_STRING_PLAIN);

    g_test_message("%s", request);
    g_assert_cmpstr(text, ==, expected);
    json_object_put(reply);
    json_object_put(json);
}

#define GENERIC(text) \
    "{\"error\":{\"class\":\"GenericError\",\"desc\":\"" text "\"}}"
#define GENERIC_ID(text, id)                                                   \
    "{\"error\":{\"class\":\"GenericError\",\"desc\":\"" text "\"},\"id\":" id \
    "}"

static void test_request(void)
{
    check("[]", false, GENERIC("QMP input must be a JSON object"));
    check("null", false, GENERIC("QMP input must be a JSON object"));
    check("{}", false, GENERIC("QMP input lacks member 'execute'"));
    check("{'id': [1]}", false,
          GENERIC_ID("QMP input lacks member 'execute'", "[1]"));
    check("{'execute': 1}", false,
          GENERIC("QMP input member 'execute' must be a string"));
    check("{'execute': 'do-nothing', 'foo': 1, 'id': null}", false,
          GENERIC_ID("QMP input member 'foo' is unexpected", "null"));
    check("{'execute': 'do-nothing', 'arguments': 1}", false,
          GENERIC("QMP input member 'arguments' must be an object"));
    check("{'execute': 'do-nothing', 'arguments': null}", false,
          GENERIC("QMP input member 'arguments' must be an object"));
    check("{'exec-oob': 'do-nothing'}", false,
          GENERIC("QMP input member 'exec-oob' is unexpected"));
    check("{'execute': 'a', 'exec-oob': 'b'}", true,
          GENERIC("QMP input member 'exec-oob' clashes with 'execute'"));
    check("{'exec-oob': 'a', 'execute': 'b'}", true,
          GENERIC("QMP input member 'execute' clashes with 'exec-oob'"));
    check("{'exec-oob': 1}", true,
          GENERIC("QMP input member 'exec-oob' must be a string"));
    check("{'execute': 'nosuch', 'id': 'x'}", false,
          "{\"error\":{\"class\":\"CommandNotFound\",\"desc\":"
          "\"The command nosuch has not been found\"},\"id\":\"x\"}");
    check("{'exec-oob': 'add'}", true,
          GENERIC("The command add does not support OOB"));
    check("{'exec-oob': 'do-nothing', 'id': 1}", true,
          "{\"return\":{},\"id\":1}");
}

static void test_command(void)
{
    check("{'execute': 'do-nothing'}", false, "{\"return\":{}}");
    check("{'execute': 'do-nothing', 'arguments': {'z': 1}}", false,
          GENERIC("Parameter 'z' is unexpected"));
    check("{'execute': 'add'}", false, GENERIC("Parameter 'a' is missing"));
    check("{'execute': 'add', 'arguments': {'a': 3}}", false,
          "{\"return\":4}");
    check("{'execute': 'add', 'arguments': {'a': 3, 'b': 0}}", false,
          "{\"return\":3}");
    check("{'execute': 'add', 'arguments': {'a': -3}}", false,
          GENERIC("negative"));
    check("{'execute': 'paint', 'arguments': {'colors': ['red']}}", false,
          "{\"return\":{\"name\":\"none\",\"list\":[],\"colors\":"
          "[\"red\"]}}");
    check("{'execute': 'paint', 'arguments': {'colors': [], 'note': 'n'}}",
          false, "{\"return\":{\"name\":\"n\",\"list\":[]}}");
    check("{'execute': 'paint', 'arguments': {'colors': [], 'note': null}}",
          false,
          GENERIC("Invalid parameter type for 'note', expected: string"));
    check("{'execute': 'take-box', 'arguments': {'id': 'a', 'kind': 'first', "
          "'x': 7}}",
          false, "{\"return\":{}}");
    check("{'execute': 'take-box', 'arguments': {'id': 'a', 'kind': "
          "'plain'}}",
          false, GENERIC("not seven"));
    check("{'execute': 'take-box'}", false,
          GENERIC("Parameter 'id' is missing"));
    check("{'execute': 'take-one', 'arguments': {'x': 2}}", false,
          "{\"return\":[\"0\",\"1\"]}");
    check("{'execute': 'take-one', 'arguments': {'x': 0}}", false,
          "{\"return\":[]}");
    check("{'execute': 'take-raw', 'arguments': {'q': null}}", false,
          "{\"return\":{\"q\":null}}");
    check("{'execute': 'take-raw'}", false, GENERIC("no arguments"));
}

static void test_error_class(void)
{
    context.monitor = cmds;
    check("{'execute': 'do-nothing'}", false,
          "{\"error\":{\"class\":\"DeviceNotFound\",\"desc\":"
          "\"told to fail\"}}");
    context.monitor = NULL;
}

static void append_name(const QmpCommand *cmd, void *opaque)
{
    g_string_append_printf(opaque, "%s%s ", cmd->name,
                           cmd->allow_oob ? "*" : "");
}

static void test_list(void)
{
    g_autoptr(GString) names = g_string_new(NULL);

    qmp_command_foreach(cmds, append_name, names);
    g_assert_cmpstr(names->str, ==,
                    "do-nothing* add paint take-box take-one take-raw ");
    g_assert_null(qmp_command_find(cmds, "nosuch"));
}

typedef struct TestSink {
    QapiEventSink sink;
    GString *text;
} TestSink;

static void test_emit(QapiEventSink *sink, const char *event,
                      json_object *data)
{
    TestSink *s = container_of(sink, TestSink, sink);

    g_string_append_printf(
        s->text, "%s %s\n", event,
        data ? json_object_to_json_string_ext(data, JSON_C_TO_STRING_PLAIN)
             : "-");
    json_object_put(data);
}

static void test_events(void)
{
    TestSink s = { .sink.emit = test_emit, .text = g_string_new(NULL) };
    Choice c = { .id = (char *)"i", .kind = KINDS_FIRST, .u.first.x = 2 };

    qapi_event_send_happened(&s.sink);
    qapi_event_send_color_changed(&s.sink, COLOR_8BIT, false, 0, NULL);
    qapi_event_send_color_changed(&s.sink, COLOR_RED, true, COLOR_8BIT, "w");
    qapi_event_send_boxed_up(&s.sink, &c);
    g_assert_cmpstr(s.text->str, ==,
                    "HAPPENED -\n"
                    "COLOR_CHANGED {\"color\":\"8bit\"}\n"
                    "COLOR_CHANGED {\"color\":\"red\",\"old\":\"8bit\","
                    "\"why\":\"w\"}\n"
                    "BOXED_UP {\"id\":\"i\",\"kind\":\"first\",\"x\":2}\n");
    g_string_free(s.text, TRUE);
    g_assert_cmpstr(test_qapi_event_names[1], ==, "COLOR_CHANGED");
    g_assert_null(test_qapi_event_names[3]);
}

/* The entity called @name, as text. */
static const char *entity(json_object *schema, const char *name)
{
    for (size_t i = 0; i < json_object_array_length(schema); i++) {
        json_object *e = json_object_array_get_idx(schema, i);
        json_object *n = json_object_object_get(e, "name");

        if (g_str_equal(json_object_get_string(n), name)) {
            return json_object_to_json_string_ext(e, JSON_C_TO_STRING_PLAIN);
        }
    }
    return NULL;
}

static void test_introspect(void)
{
    json_object *schema = test_qapi_introspect();

    g_assert_true(json_object_is_type(schema, json_type_array));
    g_assert_cmpstr(entity(schema, "0"), ==,
                    "{\"name\":\"0\",\"meta-type\":\"object\","
                    "\"members\":[]}");
    g_assert_cmpstr(entity(schema, "do-nothing"), ==,
                    "{\"name\":\"do-nothing\",\"meta-type\":\"command\","
                    "\"arg-type\":\"0\",\"ret-type\":\"0\","
                    "\"allow-oob\":true}");
    g_assert_cmpstr(entity(schema, "add"), ==,
                    "{\"name\":\"add\",\"meta-type\":\"command\","
                    "\"arg-type\":\"1\",\"ret-type\":\"int\"}");
    g_assert_cmpstr(entity(schema, "1"), ==,
                    "{\"name\":\"1\",\"meta-type\":\"object\",\"members\":["
                    "{\"name\":\"a\",\"type\":\"int\"},"
                    "{\"name\":\"b\",\"type\":\"int\",\"default\":null}]}");
    g_assert_cmpstr(entity(schema, "paint"), ==,
                    "{\"name\":\"paint\",\"meta-type\":\"command\","
                    "\"arg-type\":\"2\",\"ret-type\":\"3\","
                    "\"features\":[\"unstable\"]}");
    g_assert_cmpstr(entity(schema, "int"), ==,
                    "{\"name\":\"int\",\"meta-type\":\"builtin\","
                    "\"json-type\":\"int\"}");
    g_assert_cmpstr(entity(schema, "HAPPENED"), ==,
                    "{\"name\":\"HAPPENED\",\"meta-type\":\"event\","
                    "\"arg-type\":\"0\"}");
    g_assert_nonnull(strstr(entity(schema, "[str]"),
                            "\"element-type\":\"str\""));
    /* The type of take-box and BOXED_UP: tag, and a case for each value. */
    g_assert_nonnull(strstr(entity(schema, "4"), "\"tag\":\"kind\""));
    g_assert_nonnull(strstr(entity(schema, "4"),
                            "{\"case\":\"plain\",\"type\":\"0\"}"));
    /* Names of the schema's own types are not shown. */
    g_assert_null(entity(schema, "Choice"));
    json_object_put(schema);
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    cmds = qmp_command_list_new();
    test_qmp_init_commands(cmds);
    g_test_add_func("/qapi/dispatch/request", test_request);
    g_test_add_func("/qapi/dispatch/command", test_command);
    g_test_add_func("/qapi/dispatch/error-class", test_error_class);
    g_test_add_func("/qapi/dispatch/list", test_list);
    g_test_add_func("/qapi/events", test_events);
    g_test_add_func("/qapi/introspect", test_introspect);
    status = g_test_run();
    qmp_command_list_free(cmds);
    return status;
}
