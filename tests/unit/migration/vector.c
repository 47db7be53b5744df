/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"

#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

#include "vector.h"

static const char *vector_dir;

void vector_set_dir(const char *dir)
{
    vector_dir = dir;
}

static const char *get_dir(void)
{
    const char *dir = vector_dir ? vector_dir : g_getenv("MIGRATION_VECTORS");

    g_assert_nonnull(dir);
    return dir;
}

static gint compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

GPtrArray *vector_names(void)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    GDir *dir = g_dir_open(get_dir(), 0, NULL);
    const char *file;

    g_assert_nonnull(dir);
    while ((file = g_dir_read_name(dir)) != NULL) {
        if (g_str_has_suffix(file, ".json")) {
            g_ptr_array_add(names, g_strndup(file, strlen(file) - 5));
        }
    }
    g_dir_close(dir);
    g_ptr_array_sort(names, compare_names);
    return names;
}

static json_object *get(json_object *obj, const char *key)
{
    return obj ? json_object_object_get(obj, key) : NULL;
}

static const char *get_str(json_object *obj, const char *key)
{
    return json_object_get_string(get(obj, key));
}

/* Unpack @data, which becomes @size bytes; NULL: no zstd here. */
static GByteArray *unpack(const char *data, size_t len, size_t size)
{
#ifdef HAVE_ZSTD
    GByteArray *out = g_byte_array_new();

    g_byte_array_set_size(out, size);
    g_assert_cmpuint(ZSTD_decompress(out->data, size, data, len), ==, size);
    return out;
#else
    return NULL;
#endif
}

static GByteArray *read_channel(Vector *v, const char *channel)
{
    json_object *info = get(get(v->json, "files"), channel);
    const char *file = get_str(info, "file");
    size_t size = json_object_get_uint64(get(info, "size"));
    size_t offset = json_object_get_uint64(get(v->json, "stream_offset"));
    g_autofree char *path = g_build_filename(get_dir(), file, NULL);
    g_autofree char *data = NULL;
    g_autofree char *sum = NULL;
    GByteArray *out;
    gsize len;

    g_assert_true(g_file_get_contents(path, &data, &len, NULL));
    if (g_str_has_suffix(file, ".zst")) {
        out = unpack(data, len, size);
        if (!out) {
            return NULL;
        }
    } else {
        out = g_byte_array_new();
        g_byte_array_append(out, (uint8_t *)data, len);
    }
    g_assert_cmpuint(out->len, ==, size);
    sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, out->data, out->len);
    g_assert_cmpstr(sum, ==, get_str(info, "sha256"));
    g_byte_array_remove_range(out, 0, offset);
    return out;
}

static bool has_capability(const Vector *v, const char *name)
{
    json_object *caps = get(v->json, "capabilities");
    size_t i;

    for (i = 0; i < json_object_array_length(caps); i++) {
        if (!strcmp(json_object_get_string(json_object_array_get_idx(caps, i)),
                    name)) {
            return true;
        }
    }
    return false;
}

/* -global migration.NAME=off on the source's command line. */
static bool is_off(const Vector *v, const char *prop)
{
    g_autofree char *text = g_strdup_printf("migration.%s=off", prop);

    return strstr(get_str(v->json, "command_line"), text);
}

static void read_uuid(Vector *v)
{
    const char *p = strstr(get_str(v->json, "command_line"), "-uuid ");
    int n = 0;

    if (!p) {
        return;
    }
    for (p += 6; n < 32; p++) {
        if (*p != '-') {
            v->uuid[n / 2] |= g_ascii_xdigit_value(*p) << (n % 2 ? 0 : 4);
            n++;
        }
    }
    v->has_uuid = true;
}

Vector *vector_load(const char *name)
{
    g_autofree char *file = g_strdup_printf("%s.json", name);
    g_autofree char *path = g_build_filename(get_dir(), file, NULL);
    g_autoptr(Vector) v = g_new0(Vector, 1);
    json_object *first;
    bool described;

    v->name = g_strdup(name);
    v->json = json_object_from_file(path);
    g_assert_nonnull(v->json);
    v->main = read_channel(v, "main");
    if (!v->main) {
        return NULL;
    }
    first = json_object_array_get_idx(get(v->json, "sections"), 0);
    v->machine = g_strdup(get_str(first, "machine"));
    if (!v->machine) {
        v->machine = g_strdup("none");
    }
    described = memmem(v->main->data, v->main->len, "{\"page_size\"", 12) ||
                memmem(v->main->data, v->main->len, "\"page_size\"", 11);
    v->opt = (StreamOptions){
        .send_configuration = !is_off(v, "send-configuration"),
        .send_section_footer = !is_off(v, "send-section-footer"),
        .store_global_state = !is_off(v, "store-global-state"),
        .send_switchover_start = true,
        .suppress_vmdesc = !described,
        .validate_uuid = has_capability(v, "validate-uuid"),
        .x_ignore_shared = has_capability(v, "x-ignore-shared"),
        .mapped_ram = has_capability(v, "mapped-ram"),
    };
    read_uuid(v);
    return g_steal_pointer(&v);
}

void vector_free(Vector *v)
{
    if (v->main) {
        g_byte_array_unref(v->main);
    }
    json_object_put(v->json);
    g_free(v->machine);
    g_free(v->name);
    g_free(v);
}

/* The @i-th element of the main channel; NULL: no more. */
static json_object *get_section(const Vector *v, size_t i)
{
    json_object *sections = get(v->json, "sections");

    return i < json_object_array_length(sections)
               ? json_object_array_get_idx(sections, i)
               : NULL;
}

void vector_foreach_block(const Vector *v,
                          void (*fn)(void *opaque, const char *name,
                                     uint64_t size),
                          void *opaque)
{
    json_object *s;
    size_t i, j;

    for (i = 0; (s = get_section(v, i)) != NULL; i++) {
        json_object *blocks = get(s, "blocks");

        for (j = 0; blocks && j < json_object_array_length(blocks); j++) {
            json_object *b = json_object_array_get_idx(blocks, j);

            fn(opaque, get_str(b, "name"),
               json_object_get_uint64(get(b, "length")));
        }
    }
}

const char *vector_ram_sha256(const Vector *v, const char *block)
{
    return get_str(get(get(v->json, "ram"), block), "sha256");
}

unsigned vector_ram_records(const Vector *v, const char *kind)
{
    unsigned sum = 0;
    json_object *s;
    size_t i;

    for (i = 0; (s = get_section(v, i)) != NULL; i++) {
        int n = json_object_get_int(get(get(s, "ram_records"), kind));
        int repeat = json_object_get_int(get(s, "repeat"));

        sum += n * MAX(repeat, 1);
    }
    return sum;
}

char *vector_commands(const Vector *v)
{
    GString *out = g_string_new(NULL);
    json_object *s;
    size_t i;

    for (i = 0; (s = get_section(v, i)) != NULL; i++) {
        if (!strcmp(get_str(s, "type"), "command")) {
            g_string_append_printf(out, "%s ", get_str(s, "command"));
        }
    }
    return g_string_free(out, false);
}
