/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading JSON: what is accepted, and the exact text of every error. */
#include "qemu/osdep.h"
#include "qapi-types-test-schema.h"
#include "qemu/keyval.h"

typedef struct Case {
    const char *type;
    const char *json;
    const char *error; /* NULL: accepted */
} Case;

static const QapiType *const types[] = {
    &qapi_type_Scalars, &qapi_type_Derived, &qapi_type_Choice,
    &qapi_type_Holder,  &qapi_type_One,     &qapi_type_Nothing,
};

static const QapiType *find_type(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
        if (g_str_equal(types[i]->name, name)) {
            return types[i];
        }
    }
    g_assert_not_reached();
}

static void check(const Case *c, json_object *json, QapiInputMode mode)
{
    const QapiType *type = find_type(c->type);
    g_autoptr(Error) err = NULL;
    void *obj = NULL;
    bool ok = qapi_read(type, &obj, json, NULL, mode, &err);

    g_test_message("%s: %s", c->type, c->json);
    g_assert_cmpstr(err ? error_get_pretty(err) : NULL, ==, c->error);
    g_assert_true(ok == !c->error);
    g_assert_true(ok == (obj != NULL));
    qapi_clear(type, &obj);
    g_assert_null(obj);
}

#define TYPE(name, what)                                                       \
    "Invalid parameter type for '" name "', expected: " what
#define EXPECTS(name, what) "Parameter '" name "' expects " what
#define MISSING(name) "Parameter '" name "' is missing"
#define UNEXPECTED(name) "Parameter '" name "' is unexpected"

static const Case json_cases[] = {
    { "Scalars", "{}", NULL },
    { "Scalars", "[]", TYPE("null", "object") },
    { "Scalars", "null", TYPE("null", "object") },
    { "Scalars", "{'zz': 1}", UNEXPECTED("zz") },
    { "Scalars", "{'s': 1}", TYPE("s", "string") },
    { "Scalars", "{'s': null}", TYPE("s", "string") },
    { "Scalars", "{'s': 'a\\u0000b'}",
      "Parameter 's' contains a NUL character" },
    { "Scalars", "{'b': 'on'}", TYPE("b", "boolean") },
    { "Scalars", "{'b': 1}", TYPE("b", "boolean") },
    { "Scalars", "{'n': '1'}", TYPE("n", "number") },
    { "Scalars", "{'n': 1}", NULL },
    { "Scalars", "{'n': -1.5e3}", NULL },
    { "Scalars", "{'i': '1'}", TYPE("i", "integer") },
    { "Scalars", "{'i': 1.0}", TYPE("i", "integer") },
    { "Scalars", "{'i': 1e3}", TYPE("i", "integer") },
    { "Scalars", "{'i': -9223372036854775808}", NULL },
    { "Scalars", "{'i': 9223372036854775807}", NULL },
    { "Scalars", "{'i': 9223372036854775808}", TYPE("i", "integer") },
    { "Scalars", "{'i8': 127}", NULL },
    { "Scalars", "{'i8': -128}", NULL },
    { "Scalars", "{'i8': 128}", EXPECTS("i8", "int8_t") },
    { "Scalars", "{'i8': -129}", EXPECTS("i8", "int8_t") },
    { "Scalars", "{'i16': 32768}", EXPECTS("i16", "int16_t") },
    { "Scalars", "{'i16': true}", TYPE("i16", "integer") },
    { "Scalars", "{'i32': -2147483649}", EXPECTS("i32", "int32_t") },
    { "Scalars", "{'i64': 9223372036854775808}", TYPE("i64", "integer") },
    { "Scalars", "{'u8': 255}", NULL },
    { "Scalars", "{'u8': 256}", EXPECTS("u8", "uint8_t") },
    { "Scalars", "{'u8': -1}", EXPECTS("u8", "uint8_t") },
    { "Scalars", "{'u8': 'x'}", EXPECTS("u8", "uint64") },
    { "Scalars", "{'u8': 1.0}", EXPECTS("u8", "uint64") },
    { "Scalars", "{'u16': 65536}", EXPECTS("u16", "uint16_t") },
    { "Scalars", "{'u32': 4294967296}", EXPECTS("u32", "uint32_t") },
    { "Scalars", "{'u64': 18446744073709551615}", NULL },
    { "Scalars", "{'u64': -1}", NULL },
    { "Scalars", "{'u64': 1e3}", EXPECTS("u64", "uint64") },
    { "Scalars", "{'z': null}", EXPECTS("z", "uint64") },
    { "Scalars", "{'z': 1.5}", EXPECTS("z", "uint64") },
    { "Scalars", "{'a': null}", NULL },
    { "Scalars", "{'a': [{'x': 1}]}", NULL },
    { "Scalars", "{'c': '8bit'}", NULL },
    { "Scalars", "{'c': 'blue'}",
      "Parameter 'c' does not accept value 'blue'" },
    { "Scalars", "{'c': 0}", TYPE("c", "string") },

    { "Derived", "{'list': []}", MISSING("name") },
    { "Derived", "{'name': 'a'}", MISSING("list") },
    { "Derived", "{'name': 'a', 'list': []}", NULL },
    { "Derived", "{'name': 'a', 'list': ['x', 'y'], 'unix': true}", NULL },
    { "Derived", "{'name': 'a', 'list': {}}", TYPE("list", "array") },
    { "Derived", "{'name': 'a', 'list': ['x', 2]}",
      TYPE("list[1]", "string") },
    { "Derived", "{'name': 'a', 'list': [], 'colors': ['red', 'no']}",
      "Parameter 'null' does not accept value 'no'" },
    { "Derived", "{'name': 'a', 'list': [], 'bytes': [1, 2, 300]}",
      EXPECTS("null", "uint8_t") },
    { "Derived", "{'name': 'a', 'list': [], 'bytes': [1, 'x']}",
      EXPECTS("bytes[1]", "uint64") },
    { "Derived", "{'name': 'a', 'list': [], 'inner': [{'name': 'b'}]}",
      MISSING("inner[0].list") },
    { "Derived", "{'name': 'a', 'list': [], 'inner': [3]}",
      TYPE("inner[0]", "object") },
    { "Derived",
      "{'name': 'a', 'list': [], 'inner': [{'name': 'b', 'list': [], "
      "'inner': [{'name': 'c', 'list': [], 'zz': 1}]}]}",
      UNEXPECTED("inner[0].inner[0].zz") },

    { "Choice", "{'id': 'a'}", MISSING("kind") },
    { "Choice", "{'id': 'a', 'kind': 'plain'}", NULL },
    { "Choice", "{'id': 'a', 'kind': 'plain', 'x': 1}", UNEXPECTED("x") },
    { "Choice", "{'id': 'a', 'kind': 'first'}", MISSING("x") },
    { "Choice", "{'id': 'a', 'kind': 'first', 'x': 1}", NULL },
    { "Choice", "{'x': 1, 'kind': 'first', 'id': 'a'}", NULL },
    { "Choice", "{'id': 'a', 'kind': 'first', 'x': 'y'}",
      TYPE("x", "integer") },
    { "Choice", "{'id': 'a', 'kind': 'first', 'x': 1, 'name': 'n'}",
      UNEXPECTED("name") },
    { "Choice", "{'id': 'a', 'kind': 'unix', 'name': 'n', 'list': ['l']}",
      NULL },
    { "Choice", "{'id': 'a', 'kind': 'unix', 'name': 'n', 'list': [1]}",
      TYPE("list[0]", "string") },
    { "Choice", "{'id': 'a', 'kind': 'zz'}",
      "Parameter 'kind' does not accept value 'zz'" },

    { "Holder", "{'choice': {'id': 'a', 'kind': 'first'}}",
      MISSING("choice.x") },
    { "Holder", "{'choice': 'a'}", TYPE("choice", "object") },
    { "Holder", "{'alt': null}", NULL },
    { "Holder", "{'alt': 'text'}", NULL },
    { "Holder", "{'alt': {'id': 'a', 'kind': 'first', 'x': 1}}", NULL },
    { "Holder", "{'alt': {'id': 'a', 'kind': 'first'}}", MISSING("alt.x") },
    { "Holder", "{'alt': 1}", TYPE("alt", "OneOrText") },
    { "Holder", "{'alts': ['a', null, {'id': 'a', 'kind': 'plain'}]}", NULL },
    { "Holder", "{'alts': ['a', []]}", TYPE("alts[1]", "OneOrText") },
    { "Holder", "{'num': 4}", NULL },
    { "Holder", "{'num': true}", NULL },
    { "Holder", "{'num': ['a']}", NULL },
    { "Holder", "{'num': [1]}", TYPE("num[0]", "string") },
    { "Holder", "{'num': 400}", EXPECTS("num", "uint8_t") },
    { "Holder", "{'num': 'x'}", TYPE("num", "NumberOrFlag") },
    { "Holder", "{'seq': [{'id': 'a', 'kind': 'plain'}, {'id': 'b'}]}",
      MISSING("seq[1].kind") },
    { "Nothing", "{}", NULL },
    { "Nothing", "{'a': 1}", UNEXPECTED("a") },
};

static void test_json(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(json_cases); i++) {
        const Case *c = &json_cases[i];
        json_object *json = json_tokener_parse(c->json);

        g_assert_true(json || g_str_equal(c->json, "null"));
        check(c, json, QAPI_INPUT_JSON);
        json_object_put(json);
    }
}

static const Case keyval_cases[] = {
    { "Scalars", "s=a,b=on,n=1.5,i=-0x10,u64=0xffffffffffffffff", NULL },
    { "Scalars", "z=1.5K,c=red,a=x", NULL },
    { "Scalars", "b=maybe", "Parameter 'b' expects 'on' or 'off'" },
    { "Scalars", "i=1k", EXPECTS("i", "integer") },
    { "Scalars", "i=", EXPECTS("i", "integer") },
    { "Scalars", "i= 1", EXPECTS("i", "integer") },
    { "Scalars", "u32=x", EXPECTS("u32", "integer") },
    { "Scalars", "u32=5000000000", EXPECTS("u32", "uint32_t") },
    { "Scalars", "u8=-1", EXPECTS("u8", "uint8_t") },
    { "Scalars", "u64=-1", NULL },
    { "Scalars", "z=1X", EXPECTS("z", "a size value") },
    { "Scalars", "z=-1", EXPECTS("z", "a size value") },
    { "Scalars", "n=1x", EXPECTS("n", "number") },
    { "Scalars", "n=inf", EXPECTS("n", "number") },
    { "Scalars", "c=blue", "Parameter 'c' does not accept value 'blue'" },
    { "Scalars", "zz=1", UNEXPECTED("zz") },
    { "Scalars", "s.x=1", TYPE("s", "string") },
    { "Derived", "name=a,list.0=x,list.1=y,bytes.0=1", NULL },
    { "Derived", "name=a,list=x", TYPE("list", "array") },
    { "Derived", "name=a,list.0=x,bytes.0=1,bytes.1=q",
      EXPECTS("bytes.1", "integer") },
    { "Derived", "name=a,list.0=x,inner.0.name=b",
      MISSING("inner.0.list") },
    { "Choice", "id=a,kind=first,x=1", NULL },
    { "Choice", "id=a,kind=first,x=1,y.z=1", UNEXPECTED("y") },
    { "Holder", "choice.id=a,choice.kind=first", MISSING("choice.x") },
    { "Holder", "num=4", NULL },
    { "Holder", "num=q", EXPECTS("num", "integer") },
    { "Holder", "alt=q,num.0=a", NULL },
};

static void test_keyval(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(keyval_cases); i++) {
        const Case *c = &keyval_cases[i];
        json_object *json =
            keyval_parse(c->json, NULL, false, true, NULL, NULL);

        g_assert_nonnull(json);
        check(c, json, QAPI_INPUT_KEYVAL);
        json_object_put(json);
    }
}

/* A path given by the caller stands before that of the member. */
static void test_path(void)
{
    json_object *json = json_tokener_parse("{'x': 'y'}");
    g_autoptr(Error) err = NULL;

    g_assert_null(qapi_One_from_json(json, "outer", &err));
    g_assert_cmpstr(error_get_pretty(err), ==, TYPE("outer.x", "integer"));
    g_assert_null(qapi_One_from_json(json, NULL, NULL));
    json_object_put(json);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qapi/input/json", test_json);
    g_test_add_func("/qapi/input/keyval", test_keyval);
    g_test_add_func("/qapi/input/path", test_path);
    return g_test_run();
}
