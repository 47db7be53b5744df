/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The JSON description that follows a stream.  It is built from what was
 * written, not from the tables: every size is a number of bytes that went out,
 * so the sums always match the sections.
 */
#include "qemu/osdep.h"

#include "migration/vmstate-internal.h"

/* Elements in a row that look the same. */
typedef struct VMDescRun {
    uint64_t first;
    uint64_t count;
    const char *type;
    uint64_t bytes;
    json_object *nested; /* or NULL */
} VMDescRun;

struct VMDescField {
    GArray *runs;
};

static void vmdesc_run_clear(void *p)
{
    VMDescRun *run = p;

    json_object_put(run->nested);
}

VMDescField *vmdesc_field_new(void)
{
    VMDescField *df = g_new(VMDescField, 1);

    df->runs = g_array_new(false, false, sizeof(VMDescRun));
    g_array_set_clear_func(df->runs, vmdesc_run_clear);
    return df;
}

void vmdesc_field_free(VMDescField *df)
{
    if (df) {
        g_array_unref(df->runs);
        g_free(df);
    }
}

void vmdesc_begin(json_object *desc, const VMStateDescription *vmsd,
                  int version)
{
    json_object_object_add(desc, "vmsd_name",
                           json_object_new_string(vmsd->name));
    json_object_object_add(desc, "version", json_object_new_int(version));
}

void vmdesc_field_element(VMDescField *df, uint64_t index, const char *type,
                          uint64_t bytes, json_object *nested)
{
    VMDescRun run = { index, 1, type, bytes, nested };
    VMDescRun *last;

    if (df->runs->len) {
        last = &g_array_index(df->runs, VMDescRun, df->runs->len - 1);
        if (last->bytes == bytes && last->first + last->count == index &&
            !strcmp(last->type, type) &&
            json_object_equal(last->nested, nested)) {
            last->count++;
            json_object_put(nested);
            return;
        }
    }
    g_array_append_val(df->runs, run);
}

/* The field's name, numbered if the description uses it more than once. */
static char *vmdesc_field_name(const VMStateDescription *vmsd,
                               const VMStateField *field)
{
    const VMStateField *other;
    unsigned before = 0;
    unsigned all = 0;

    for (other = vmsd->fields; other->name; other++) {
        if (!strcmp(other->name, field->name)) {
            all++;
            before += other < field;
        }
    }
    return all == 1 ? g_strdup(field->name)
                    : g_strdup_printf("%s[%u]", field->name, before);
}

static void vmdesc_emit(json_object *fields, const char *name,
                        const VMDescRun *run, const char *key, uint64_t value)
{
    json_object *obj = json_object_new_object();

    json_object_object_add(obj, "name", json_object_new_string(name));
    if (key) {
        json_object_object_add(obj, key, json_object_new_uint64(value));
    }
    json_object_object_add(obj, "type", json_object_new_string(run->type));
    if (run->nested) {
        json_object_object_add(obj, "struct", json_object_get(run->nested));
    }
    json_object_object_add(obj, "size", json_object_new_uint64(run->bytes));
    json_object_array_add(fields, obj);
}

void vmdesc_field_end(VMDescField *df, json_object *fields,
                      const VMStateDescription *vmsd,
                      const VMStateField *field)
{
    g_autofree char *name = vmdesc_field_name(vmsd, field);
    unsigned r;
    uint64_t i;

    for (r = 0; r < df->runs->len; r++) {
        VMDescRun *run = &g_array_index(df->runs, VMDescRun, r);

        if (df->runs->len == 1) {
            /* All alike, and equal in size: one entry stands for all. */
            vmdesc_emit(fields, name, run,
                        run->count > 1 ? "array_len" : NULL, run->count);
        } else {
            for (i = 0; i < run->count; i++) {
                vmdesc_emit(fields, name, run, "index", run->first + i);
            }
        }
    }
    vmdesc_field_free(df);
}
