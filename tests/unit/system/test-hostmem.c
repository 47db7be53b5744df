/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory backends: what they map, and what they say when they cannot. */
#include "test-util.h"

#include <glib/gstdio.h>
#include <json-c/json.h>
#include <sys/stat.h>

#include "qapi/qapi-commands-machine.h"
#include "qapi/qapi-commands-qom.h"
#include "system/hostmem.h"

static char *tmpdir;

/* Make an object from @json, where $D stands for the test's directory. */
static bool add(ObjectContainer *c, const char *json, Error **errp)
{
    g_autoptr(GString) text = g_string_new(json);
    json_object *props;
    bool ok;

    g_string_replace(text, "$D", tmpdir, 0);
    g_string_replace(text, "'", "\"", 0);
    props = json_tokener_parse(text->str);
    g_assert_nonnull(props);
    ok = object_container_add(c, props, false, errp);
    json_object_put(props);
    return ok;
}

static const HostMemory *take(ObjectContainer *c, const char *id)
{
    Error *err = NULL;
    const HostMemory *mem =
        memory_backend_take(QEMU_MEMORY_BACKEND(object_container_get(c, id)),
                            &err);

    g_assert_no_error(err);
    return mem;
}

static void test_kinds(void)
{
    static const struct {
        const char *json;
        uint32_t flags;
        bool has_fd;
    } cases[] = {
        { "{'qom-type':'memory-backend-ram','id':'m','size':1048576}", 0,
          false },
        { "{'qom-type':'memory-backend-ram','id':'m','size':1048576,"
          "'share':true,'prealloc':true,'merge':false,'dump':false}",
          RAM_SHARED, true },
        { "{'qom-type':'memory-backend-ram','id':'m','size':'4M',"
          "'reserve':false,'prealloc':true}", 0, false },
        { "{'qom-type':'memory-backend-memfd','id':'m','size':1048576}",
          RAM_SHARED, true },
        { "{'qom-type':'memory-backend-memfd','id':'m','size':1048576,"
          "'share':false,'seal':false}", 0, true },
        { "{'qom-type':'memory-backend-file','id':'m','size':1048576,"
          "'mem-path':'$D/f','share':true}", RAM_SHARED | RAM_NAMED_FILE,
          true },
        { "{'qom-type':'memory-backend-file','id':'m','size':1048576,"
          "'mem-path':'$D/f','offset':4096,'align':16777216}", RAM_NAMED_FILE,
          true },
        { "{'qom-type':'memory-backend-file','id':'m','size':1048576,"
          "'mem-path':'$D','share':true,'discard-data':true}", RAM_SHARED,
          true },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        ObjectContainer *c = object_container_new();
        const HostMemory *mem;
        Error *err = NULL;

        add(c, cases[i].json, &err);
        g_assert_no_error(err);
        mem = take(c, "m");
        g_assert_cmphex(mem->flags, ==, cases[i].flags);
        g_assert_true((mem->fd >= 0) == cases[i].has_fd);
        g_assert_cmpuint(mem->page_size, ==, 4096);
        mem->host[0] = 1;
        mem->host[mem->size - 1] = 2;
        object_container_free(c);
    }
}

static void test_file(void)
{
    ObjectContainer *c = object_container_new();
    g_autofree char *path = g_build_filename(tmpdir, "data", NULL);
    const HostMemory *mem;
    struct stat st;
    uint8_t byte;
    Error *err = NULL;

    g_assert_true(g_file_set_contents(path, "begin", -1, NULL));
    add(c, "{'qom-type':'memory-backend-file','id':'s','size':65536,"
           "'mem-path':'$D/data','share':true,'offset':4096}", &err);
    g_assert_no_error(err);
    mem = take(c, "s");
    g_assert_cmpint(g_stat(path, &st), ==, 0);
    g_assert_cmpint(st.st_size, ==, 65536 + 4096);
    mem->host[10] = 'x';
    g_assert_cmpint(pread(mem->fd, &byte, 1, 4096 + 10), ==, 1);
    g_assert_cmpint(byte, ==, 'x');

    add(c, "{'qom-type':'memory-backend-file','id':'r','size':4096,"
           "'mem-path':'$D/data','readonly':true}", &err);
    g_assert_no_error(err);
    mem = take(c, "r");
    g_assert_cmphex(mem->flags, ==, RAM_NAMED_FILE | RAM_READONLY);
    g_assert_cmpmem(mem->host, 5, "begin", 5);
    object_container_free(c);
}

static void test_errors(void)
{
    static const struct {
        const char *json, *text;
    } cases[] = {
        { "{'qom-type':'memory-backend-ram','id':'m'}",
          "Parameter 'size' is missing" },
        { "{'qom-type':'memory-backend-ram','id':'m','size':0}",
          "property 'size' of memory-backend-ram doesn't take value '0'" },
        { "{'qom-type':'memory-backend-ram','id':'m','size':100}",
          "cannot map 0x64 bytes at 0x0: not multiples of the page size "
          "0x1000" },
        { "{'qom-type':'memory-backend-file','id':'m','size':4096}",
          "Parameter 'mem-path' is missing" },
        { "{'qom-type':'memory-backend-file','id':'m','size':4096,"
          "'mem-path':'/nonexistent/x'}",
          "can't open backing store /nonexistent/x for guest RAM: No such "
          "file or directory" },
        { "{'qom-type':'memory-backend-file','id':'m','size':4096,"
          "'mem-path':'/nonexistent/x','readonly':true}",
          "can't open backing store /nonexistent/x for guest RAM: No such "
          "file or directory" },
        { "{'qom-type':'memory-backend-file','id':'m','size':8192,"
          "'mem-path':'$D/page','offset':18446744073709547520}",
          "backing store $D/page: offset 0xfffffffffffff000 and size 0x2000 "
          "are too large" },
        { "{'qom-type':'memory-backend-file','id':'m','size':8192,"
          "'mem-path':'$D/page','readonly':true}",
          "backing store $D/page has 0x0 bytes, 0x2000 are wanted, and it is "
          "read-only" },
        { "{'qom-type':'memory-backend-file','id':'m','size':4096,"
          "'mem-path':'$D/x','align':12288}",
          "alignment 0x3000 is not a power of two" },
        { "{'qom-type':'memory-backend-memfd','id':'m','size':4096,"
          "'hugetlbsize':2097152}", "hugetlbsize needs hugetlb=on" },
        { "{'qom-type':'memory-backend-memfd','id':'m','size':4096,"
          "'hugetlb':true,'hugetlbsize':5}",
          "hugetlbsize 5 is not a power of two" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        ObjectContainer *c = object_container_new();
        g_autoptr(GString) text = g_string_new(cases[i].text);
        Error *err = NULL;

        g_string_replace(text, "$D", tmpdir, 0);
        g_assert_false(add(c, cases[i].json, &err));
        test_expect_error(&err, text->str);
        g_assert_null(object_container_get(c, "m"));
        object_container_free(c);
    }
}

/* A machine on a backend: name, size, and the backend is in use. */
static void test_machine_ram(void)
{
    ObjectContainer *c = object_container_new();
    MachineConfig config = { .type = &test_machine_type, .objects = c };
    Error *err = NULL;
    QmpContext ctx;
    MemdevList *devs;
    Machine *m;

    add(c, "{'qom-type':'memory-backend-memfd','id':'mb0','size':1048576}",
        &err);
    g_assert_no_error(err);
    m = machine_new(&config);
    bql_lock(m);
    g_assert_true(machine_set_memory_backend(m, object_container_get(c, "mb0"),
                                             &err));
    machine_build(m, &err);
    g_assert_no_error(err);
    g_assert_cmpstr(machine_get_ram(m)->idstr, ==, "mb0");
    g_assert_cmpuint(machine_get_ram_size(m), ==, MiB);
    g_assert_true(machine_get_ram(m)->flags & RAM_SHARED);
    memory_store(m, 8, 0x77, 1);
    g_assert_cmphex(machine_get_ram(m)->host[8], ==, 0x77);

    ctx = (QmpContext){ .machine = m };
    g_assert_false(qmp_object_del(&ctx, "mb0", &err));
    g_clear_pointer(&err, error_free);
    devs = qmp_query_memdev(&ctx, &err);
    g_assert_cmpstr(devs->value->id, ==, "mb0");
    g_assert_true(devs->value->share);
    g_assert_null(devs->next);
    qapi_free_MemdevList(devs);
    bql_unlock(m);
    machine_free(m);
}

static void test_machine_ram_size(void)
{
    ObjectContainer *c = object_container_new();
    MachineConfig config = {
        .type = &test_machine_type, .objects = c, .ram_size = 2 * MiB,
    };
    Error *err = NULL;
    Machine *m;

    add(c, "{'qom-type':'memory-backend-ram','id':'mb0','size':1048576}",
        &err);
    config.memory_backend = object_container_get(c, "mb0");
    m = machine_new(&config);
    bql_lock(m);
    g_assert_false(machine_build(m, &err));
    test_expect_error(&err, "Machine memory size does not match the size of "
                            "the memory backend");
    bql_unlock(m);
    machine_free(m);
}

static void test_qom(void)
{
    Machine *m = test_machine_new(0, G_TYPE_INVALID);
    QmpContext ctx = { .machine = m };
    g_autoptr(Error) none = NULL;
    Error *err = NULL;
    QomTypeInfoList *types;
    json_object *val;
    unsigned n = 0;

    types = qmp_qom_list_types(&ctx, "memory-backend", true, false, &none);
    for (QomTypeInfoList *t = types; t; t = t->next) {
        g_assert_cmpstr(t->value->parent, ==, "memory-backend");
        n++;
    }
    g_assert_cmpuint(n, ==, 3);
    qapi_free_QomTypeInfoList(types);
    g_assert_null(qmp_qom_list_types(&ctx, "nosuch", false, false, &none));

    val = qmp_qom_get(&ctx, "/machine", "type", &err);
    g_assert_cmpstr(json_object_get_string(val), ==, "test-machine");
    json_object_put(val);
    add(machine_get_objects(m),
        "{'qom-type':'memory-backend-ram','id':'o','size':4096}", &err);
    val = qmp_qom_get(&ctx, "/objects/o", "size", &err);
    g_assert_cmpint(json_object_get_int64(val), ==, 4096);
    json_object_put(val);
    g_assert_null(qmp_qom_get(&ctx, "/objects/o", "nosuch", &err));
    test_expect_error(&err, "Property 'memory-backend-ram.nosuch' not found");
    g_assert_null(qmp_qom_list(&ctx, "/nosuch", &err));
    g_assert_cmpint(error_get_class(err), ==, ERROR_CLASS_DEVICE_NOT_FOUND);
    test_expect_error(&err, "Device '/nosuch' not found");
    test_machine_free(m);
}

int main(int argc, char **argv)
{
    g_autofree char *rm = NULL;
    int ret;

    g_test_init(&argc, &argv, NULL);
    hostmem_register_types();
    tmpdir = g_dir_make_tmp("hostmem-XXXXXX", NULL);
    g_test_add_func("/hostmem/kinds", test_kinds);
    g_test_add_func("/hostmem/file", test_file);
    g_test_add_func("/hostmem/errors", test_errors);
    g_test_add_func("/hostmem/machine", test_machine_ram);
    g_test_add_func("/hostmem/machine-size", test_machine_ram_size);
    g_test_add_func("/hostmem/qom", test_qom);
    ret = g_test_run();
    rm = g_strdup_printf("rm -rf '%s'", tmpdir);
    ret |= system(rm);
    g_free(tmpdir);
    return ret;
}
