/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Types with names, properties from JSON and text, the container. */
#include "qemu/osdep.h"
#include "qemu/keyval.h"
#include "qemu/object.h"

typedef enum Fruit { FRUIT_APPLE, FRUIT_PEAR } Fruit;

static GType fruit_get_type(void)
{
    static const GEnumValue values[] = {
        { FRUIT_APPLE, "FRUIT_APPLE", "apple" },
        { FRUIT_PEAR, "FRUIT_PEAR", "pear-tree" },
        { 0, NULL, NULL },
    };
    static GType type;

    if (!type) {
        type = g_enum_register_static("Fruit", values);
    }
    return type;
}

#define TYPE_THING (thing_get_type())
G_DECLARE_FINAL_TYPE(Thing, thing, TEST, THING, GObject)

struct _Thing {
    GObject parent;
    bool flag;
    bool in_use;
    guint u;
    guint64 size;
    gint i;
    gint64 i64;
    double number;
    char *text;
    int fruit;
    char **words;
    char *fixed;
};

enum {
    PROP_0,
    PROP_FLAG,
    PROP_U,
    PROP_SMALL,
    PROP_SIZE,
    PROP_I,
    PROP_I64,
    PROP_NUMBER,
    PROP_TEXT,
    PROP_FRUIT,
    PROP_WORDS,
    PROP_FIXED,
};

static int things_alive;

static bool thing_complete(UserCreatable *uc, Error **errp)
{
    if (!TEST_THING(uc)->size) {
        error_setg(errp, "Parameter 'size' is missing");
        return false;
    }
    return true;
}

static bool thing_can_be_deleted(UserCreatable *uc)
{
    return !TEST_THING(uc)->in_use;
}

static void thing_user_creatable_init(UserCreatableInterface *iface)
{
    iface->complete = thing_complete;
    iface->can_be_deleted = thing_can_be_deleted;
}

G_DEFINE_TYPE_WITH_CODE(Thing, thing, G_TYPE_OBJECT,
                        G_IMPLEMENT_INTERFACE(USER_CREATABLE_TYPE,
                                              thing_user_creatable_init))

static void thing_set_property(GObject *obj, guint id, const GValue *value,
                               GParamSpec *pspec)
{
    Thing *t = TEST_THING(obj);

    switch (id) {
    case PROP_FLAG:
        t->flag = g_value_get_boolean(value);
        break;
    case PROP_U:
    case PROP_SMALL:
        t->u = g_value_get_uint(value);
        break;
    case PROP_SIZE:
        t->size = g_value_get_uint64(value);
        break;
    case PROP_I:
        t->i = g_value_get_int(value);
        break;
    case PROP_I64:
        t->i64 = g_value_get_int64(value);
        break;
    case PROP_NUMBER:
        t->number = g_value_get_double(value);
        break;
    case PROP_TEXT:
        g_free(t->text);
        t->text = g_value_dup_string(value);
        break;
    case PROP_FRUIT:
        t->fruit = g_value_get_enum(value);
        break;
    case PROP_WORDS:
        g_strfreev(t->words);
        t->words = g_value_dup_boxed(value);
        break;
    }
}

static void thing_finalize(GObject *obj)
{
    Thing *t = TEST_THING(obj);

    things_alive--;
    g_free(t->text);
    g_strfreev(t->words);
    G_OBJECT_CLASS(thing_parent_class)->finalize(obj);
}

static void thing_class_init(ThingClass *class)
{
    GObjectClass *oc = G_OBJECT_CLASS(class);
    GParamFlags rw = G_PARAM_WRITABLE;

    oc->set_property = thing_set_property;
    oc->finalize = thing_finalize;
#define ADD(id, spec) g_object_class_install_property(oc, id, spec)
    ADD(PROP_FLAG, g_param_spec_boolean("flag", "", "", false, rw));
    ADD(PROP_U, g_param_spec_uint("u-32", "", "", 0, G_MAXUINT, 0, rw));
    ADD(PROP_SMALL, g_param_spec_uint("small", "", "", 1, 9, 1, rw));
    ADD(PROP_SIZE, g_param_spec_uint64("size", "", "", 0, G_MAXUINT64, 0, rw));
    ADD(PROP_I, g_param_spec_int("i", "", "", G_MININT, G_MAXINT, 0, rw));
    ADD(PROP_I64, g_param_spec_int64("i64", "", "", G_MININT64, G_MAXINT64,
                                     0, rw));
    ADD(PROP_NUMBER, g_param_spec_double("number", "", "", 0, 10, 0, rw));
    ADD(PROP_TEXT, g_param_spec_string("text", "", "", NULL, rw));
    ADD(PROP_FRUIT, g_param_spec_enum("fruit", "", "", fruit_get_type(),
                                      FRUIT_APPLE, rw));
    ADD(PROP_WORDS, g_param_spec_boxed("words", "", "", G_TYPE_STRV, rw));
    ADD(PROP_FIXED, g_param_spec_string("fixed", "", "", NULL,
                                        rw | G_PARAM_CONSTRUCT_ONLY));
#undef ADD
}

static void thing_init(Thing *t)
{
    things_alive++;
}

typedef struct Case {
    const char *json;
    const char *error; /* NULL: accepted */
} Case;

#define PRE "{\"qom-type\": \"thing\", \"id\": \"t\", \"size\": 1, "

static const Case add_cases[] = {
    { "{}", "Parameter 'qom-type' is missing" },
    { "{\"qom-type\": 3}",
      "Invalid parameter type for 'qom-type', expected: string" },
    { "{\"qom-type\": \"nosuch\"}",
      "Parameter 'qom-type' does not accept value 'nosuch'" },
    { "{\"qom-type\": \"any-thing\"}",
      "Parameter 'qom-type' does not accept value 'any-thing'" },
    { "{\"qom-type\": \"thing\"}", "Parameter 'id' is missing" },
    { "{\"qom-type\": \"thing\", \"id\": \"9\"}",
      "Parameter 'id' expects an identifier" },
    { "{\"qom-type\": \"thing\", \"id\": \"t\"}",
      "Parameter 'size' is missing" },
    { PRE "\"props\": {}}", "Parameter 'props' is unexpected" },
    { PRE "\"u_32\": 1}", "Parameter 'u_32' is unexpected" },
    { PRE "\"fixed\": \"x\"}", "Property 'thing.fixed' is not writable" },
    { PRE "\"flag\": 1}", "Invalid parameter type for 'flag', expected: "
                          "boolean" },
    { PRE "\"flag\": \"x\"}", "Parameter 'flag' expects 'on' or 'off'" },
    { PRE "\"u-32\": -1}", "Parameter 'u-32' expects uint32_t" },
    { PRE "\"u-32\": 4294967296}", "Parameter 'u-32' expects uint32_t" },
    { PRE "\"u-32\": 1.5}", "Parameter 'u-32' expects uint64" },
    { PRE "\"u-32\": \"x\"}", "Parameter 'u-32' expects a uint64 value" },
    { PRE "\"small\": 10}", "Parameter 'small' expects a value between 1 and "
                            "9" },
    { PRE "\"i\": 2147483648}", "Parameter 'i' expects int32_t" },
    { PRE "\"i\": true}", "Invalid parameter type for 'i', expected: "
                          "integer" },
    { PRE "\"i64\": 9223372036854775808}",
      "Invalid parameter type for 'i64', expected: integer" },
    { PRE "\"i64\": \"x\"}", "Parameter 'i64' expects an int64 value" },
    { PRE "\"number\": \"1x\"}", "Parameter 'number' expects a number" },
    { PRE "\"text\": 1}", "Invalid parameter type for 'text', expected: "
                          "string" },
    { PRE "\"fruit\": \"fig\"}",
      "Parameter 'fruit' does not accept value 'fig'" },
    { PRE "\"words\": \"x\"}", "Invalid parameter type for 'words', "
                               "expected: array" },
    { PRE "\"words\": [\"x\", 1]}",
      "Invalid parameter type for 'words[1]', expected: string" },
};

static bool add(ObjectContainer *c, const char *text, Error **errp)
{
    bool from_text = text[0] != '{';
    json_object *props = keyval_parse_or_json(text, "qom-type", NULL, NULL);
    bool ok;

    g_assert_nonnull(props);
    ok = object_container_add(c, props, from_text, errp);
    json_object_put(props);
    return ok;
}

static void test_add_errors(void)
{
    ObjectContainer *c = object_container_new();

    for (size_t i = 0; i < G_N_ELEMENTS(add_cases); i++) {
        g_autoptr(Error) err = NULL;

        g_test_message("%s", add_cases[i].json);
        g_assert_false(add(c, add_cases[i].json, &err));
        g_assert_cmpstr(error_get_pretty(err), ==, add_cases[i].error);
    }
    /* What failed has left nothing. */
    g_assert_cmpint(things_alive, ==, 0);
    object_container_free(c);
}

static void test_add(void)
{
    ObjectContainer *c = object_container_new();
    g_autoptr(Error) err = NULL;
    Thing *t;

    g_assert_true(add(c,
                      PRE "\"flag\": true, \"u-32\": 4294967295, \"i\": -1, "
                          "\"i64\": -5, \"number\": 1.5, \"text\": \"a\", "
                          "\"fruit\": \"pear-tree\", \"words\": [\"x\"]}",
                      &err));
    g_assert_no_error(err);
    t = TEST_THING(object_container_get(c, "t"));
    g_assert_true(t->flag && t->u == UINT32_MAX && t->i == -1);
    g_assert_true(t->i64 == -5 && t->number == 1.5);
    g_assert_cmpstr(t->text, ==, "a");
    g_assert_cmpint(t->fruit, ==, FRUIT_PEAR);
    g_assert_cmpstr(t->words[0], ==, "x");
    g_assert_null(t->words[1]);
    object_container_free(c);
    g_assert_cmpint(things_alive, ==, 0);
}

static void test_add_text(void)
{
    ObjectContainer *c = object_container_new();
    g_autoptr(Error) err = NULL;
    Thing *t;

    g_assert_true(add(c, "thing,id=t,size=1.5G,u-32=1k,flag=on,i=-3", NULL));
    t = TEST_THING(object_container_get(c, "t"));
    g_assert_true(t->size == 1536 * MiB && t->u == 1024 && t->flag);
    g_assert_cmpint(t->i, ==, -3);
    g_assert_false(add(c, "thing,id=u,size=1,foo=1", &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "Invalid parameter 'foo'");
    g_clear_pointer(&err, error_free);
    g_assert_false(add(c, "thing,id=u,size=4X", &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "Parameter 'size' expects a size value");
    object_container_free(c);
}

static void test_container(void)
{
    ObjectContainer *c = object_container_new();
    g_autoptr(Error) err = NULL;
    char **ids;

    g_assert_true(add(c, "thing,id=b,size=1", NULL));
    g_assert_true(add(c, "thing,id=a,size=1", NULL));
    g_assert_false(add(c, "thing,id=a,size=1", &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "attempt to add duplicate property 'a' to object (type "
                    "'container')");
    g_clear_pointer(&err, error_free);

    ids = object_container_ids(c);
    g_assert_cmpstr(ids[0], ==, "b");
    g_assert_cmpstr(ids[1], ==, "a");
    g_assert_null(ids[2]);
    g_strfreev(ids);

    TEST_THING(object_container_get(c, "b"))->in_use = true;
    g_assert_false(object_container_del(c, "b", &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "object 'b' is in use, can not be deleted");
    g_clear_pointer(&err, error_free);
    TEST_THING(object_container_get(c, "b"))->in_use = false;
    g_assert_true(object_container_del(c, "b", NULL));
    g_assert_null(object_container_get(c, "b"));
    g_assert_false(object_container_del(c, "b", &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "object 'b' not found");
    g_assert_cmpint(things_alive, ==, 1);
    object_container_free(c);
}

static void test_property(void)
{
    g_autoptr(Thing) t = g_object_new(TYPE_THING, NULL);
    json_object *one = json_object_new_int(1);
    g_autoptr(Error) err = NULL;

    g_assert_true(
        object_property_set_json(G_OBJECT(t), "small", one, &err));
    g_assert_cmpint(t->u, ==, 1);
    g_assert_false(object_property_set_json(G_OBJECT(t), "nope", one, &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "Property 'thing.nope' not found");
    json_object_put(one);
}

static void append_name(const ObjectTypeInfo *info, void *opaque)
{
    g_string_append_printf(opaque, "%s ", info->name);
}

static void test_types(void)
{
    g_autoptr(GString) names = g_string_new(NULL);

    object_type_foreach("any-thing", append_name, names);
    g_assert_cmpstr(names->str, ==, "any-thing thing sub-thing ");
    g_string_truncate(names, 0);
    object_type_foreach("thing", append_name, names);
    g_assert_cmpstr(names->str, ==, "thing sub-thing ");
    g_string_truncate(names, 0);
    object_type_foreach("nosuch", append_name, names);
    g_assert_cmpstr(names->str, ==, "");
    object_type_foreach(NULL, append_name, names);
    g_assert_cmpstr(names->str, ==, "any-thing thing sub-thing other ");
    g_assert_null(object_type_find("nosuch"));
    g_assert_true(object_type_find("any-thing")->abstract);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    object_type_announce("any-thing", NULL, G_TYPE_OBJECT, true, true);
    object_type_announce("thing", "any-thing", TYPE_THING, false, true);
    object_type_announce("sub-thing", "thing", G_TYPE_OBJECT, false, false);
    object_type_announce("other", NULL, G_TYPE_OBJECT, false, false);
    g_test_add_func("/object/add-errors", test_add_errors);
    g_test_add_func("/object/add", test_add);
    g_test_add_func("/object/add-text", test_add_text);
    g_test_add_func("/object/container", test_container);
    g_test_add_func("/object/property", test_property);
    g_test_add_func("/object/types", test_types);
    return g_test_run();
}
