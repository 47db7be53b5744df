/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values of every kind of type: to C, copied, and back to JSON. */
#include "qemu/osdep.h"

#include <math.h>

#include "qapi-types-test-schema.h"

static char *to_text(json_object *json)
{
    char *text =
        g_strdup(json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN));

    json_object_put(json);
    return text;
}

/* Read @text, copy, free the original, write the copy: the same text. */
#define ROUND_TRIP(T, text)                                                    \
    do {                                                                       \
        json_object *json = json_tokener_parse(text);                          \
        g_autoptr(Error) err = NULL;                                           \
        T *obj = qapi_##T##_from_json(json, NULL, &err);                       \
        T *copy;                                                               \
        g_autofree char *out = NULL;                                           \
                                                                               \
        g_assert_no_error(err);                                                \
        json_object_put(json);                                                 \
        copy = qapi_##T##_clone(obj);                                          \
        qapi_free_##T(obj);                                                    \
        out = to_text(qapi_##T##_to_json(copy));                               \
        g_assert_cmpstr(out, ==, text);                                        \
        qapi_free_##T(copy);                                                   \
    } while (0)

static void test_round_trip(void)
{
    ROUND_TRIP(Scalars, "{}");
    ROUND_TRIP(Scalars,
               "{\"s\":\"é\",\"b\":false,\"n\":1.5,\"i\":-5,"
               "\"i8\":-128,\"i16\":-32768,\"i32\":-2147483648,"
               "\"i64\":-9223372036854775808,\"u8\":255,\"u16\":65535,"
               "\"u32\":4294967295,\"u64\":18446744073709551615,"
               "\"z\":9223372036854775808,\"a\":{\"x\":[1,null]},"
               "\"c\":\"8bit\"}");
    ROUND_TRIP(Derived, "{\"name\":\"n\",\"unix\":true,\"list\":[]}");
    ROUND_TRIP(Derived, "{\"name\":\"n\",\"list\":[\"a\",\"b\"],"
                        "\"colors\":[\"red\",\"dark-green\"],"
                        "\"bytes\":[0,255],\"inner\":[{\"name\":\"m\","
                        "\"list\":[\"c\"]}]}");
    ROUND_TRIP(Nothing, "{}");
    ROUND_TRIP(Choice, "{\"id\":\"a\",\"kind\":\"plain\"}");
    ROUND_TRIP(Choice, "{\"id\":\"a\",\"kind\":\"first\",\"x\":3}");
    ROUND_TRIP(Choice, "{\"id\":\"a\",\"kind\":\"unix\",\"name\":\"n\","
                       "\"list\":[\"l\"]}");
    ROUND_TRIP(Holder, "{\"choice\":{\"id\":\"a\",\"kind\":\"first\","
                       "\"x\":3},\"alt\":\"text\",\"alts\":[null,\"b\","
                       "{\"id\":\"a\",\"kind\":\"plain\"}],\"num\":4}");
    ROUND_TRIP(Holder, "{\"alt\":null,\"num\":[\"a\",\"b\"],"
                       "\"seq\":[{\"id\":\"a\",\"kind\":\"plain\"}]}");
    ROUND_TRIP(Holder, "{\"num\":true}");
    ROUND_TRIP(strList, "[\"a\",\"\"]");
    ROUND_TRIP(anyList, "[null,1,{}]");
    ROUND_TRIP(ChoiceList, "[{\"id\":\"a\",\"kind\":\"plain\"}]");
}

static void test_members(void)
{
    json_object *json = json_tokener_parse(
        "{'id': 'a', 'kind': 'unix', 'name': 'n', 'unix': true, "
        "'list': ['x', 'y'], 'colors': ['8bit']}");
    g_autoptr(Choice) c = qapi_Choice_from_json(json, NULL, NULL);

    json_object_put(json);
    g_assert_cmpint(c->kind, ==, KINDS_UNIX);
    g_assert_cmpstr(c->id, ==, "a");
    g_assert_cmpstr(c->u.q_unix.name, ==, "n");
    g_assert_true(c->u.q_unix.has_q_unix && c->u.q_unix.q_unix);
    g_assert_cmpstr(c->u.q_unix.list->next->value, ==, "y");
    g_assert_null(c->u.q_unix.list->next->next);
    g_assert_cmpint(c->u.q_unix.colors->value, ==, COLOR_8BIT);
    g_assert_null(c->u.q_unix.bytes);
}

static void test_alternate(void)
{
    json_object *json = json_tokener_parse("{'alts': [null, 'b', "
                                           "{'id': 'i', 'kind': 'first', "
                                           "'x': 3}]}");
    g_autoptr(Holder) h = qapi_Holder_from_json(json, NULL, NULL);
    OneOrTextList *l = h->alts;

    json_object_put(json);
    g_assert_cmpint(l->value->type, ==, QTYPE_QNULL);
    l = l->next;
    g_assert_cmpint(l->value->type, ==, QTYPE_QSTRING);
    g_assert_cmpstr(l->value->u.text, ==, "b");
    l = l->next;
    g_assert_cmpint(l->value->type, ==, QTYPE_QDICT);
    g_assert_cmpint(l->value->u.obj.u.first.x, ==, 3);
}

static void test_unsigned(void)
{
    json_object *json = json_tokener_parse("{'u64': -1, 'n': 3}");
    g_autoptr(Scalars) s = qapi_Scalars_from_json(json, NULL, NULL);

    json_object_put(json);
    g_assert_true(s->has_u64 && s->u64 == UINT64_MAX);
    g_assert_true(s->has_n && s->n == 3.0);
    g_assert_false(s->has_i);
}

static void test_enum(void)
{
    Color c = COLOR_RED;

    g_assert_cmpint(COLOR__MAX, ==, 3);
    g_assert_cmpstr(Color_str(COLOR_DARK_GREEN), ==, "dark-green");
    g_assert_cmpstr(Color_str(COLOR__MAX), ==, "invalid");
    g_assert_cmpstr(Color_str(-1), ==, "invalid");
    g_assert_true(Color_parse("8bit", &c) && c == COLOR_8BIT);
    g_assert_false(Color_parse("RED", &c));
    g_assert_false(Color_parse(NULL, &c));
    g_assert_cmpint(c, ==, COLOR_8BIT);
}

static void test_lists(void)
{
    intList *list = NULL;
    intList **tail = &list;
    g_autofree char *text = NULL;

    QAPI_LIST_APPEND(tail, 1);
    QAPI_LIST_APPEND(tail, 2);
    QAPI_LIST_PREPEND(list, 0);
    text = to_text(qapi_intList_to_json(list));
    g_assert_cmpstr(text, ==, "[0,1,2]");
    qapi_free_intList(list);
}

/* What code makes by itself may lack what input always has. */
static void test_incomplete(void)
{
    Derived d = { 0 };
    Scalars s = { .has_n = true, .n = HUGE_VAL };
    Choice c = { .id = (char *)"i", .kind = KINDS__MAX };
    g_autofree char *a = to_text(qapi_Derived_to_json(&d));
    g_autofree char *b = to_text(qapi_Scalars_to_json(&s));
    g_autofree char *e = to_text(qapi_Choice_to_json(&c));

    g_assert_cmpstr(a, ==, "{\"name\":\"\",\"list\":[]}");
    g_assert_nonnull(strstr(b, "e+308"));
    g_assert_cmpstr(e, ==, "{\"id\":\"i\",\"kind\":\"invalid\"}");
    g_assert_null(qapi_Derived_clone(NULL));
    qapi_free_Derived(NULL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qapi/values/round-trip", test_round_trip);
    g_test_add_func("/qapi/values/members", test_members);
    g_test_add_func("/qapi/values/alternate", test_alternate);
    g_test_add_func("/qapi/values/unsigned", test_unsigned);
    g_test_add_func("/qapi/values/enum", test_enum);
    g_test_add_func("/qapi/values/lists", test_lists);
    g_test_add_func("/qapi/values/incomplete", test_incomplete);
    return g_test_run();
}
