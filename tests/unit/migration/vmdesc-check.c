/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"

#include "vmdesc-check.h"

static uint64_t member_u64(json_object *obj, const char *key)
{
    return json_object_get_uint64(json_object_object_get(obj, key));
}

uint64_t vmdesc_payload(json_object *vmsd)
{
    json_object *fields = json_object_object_get(vmsd, "fields");
    json_object *subs = json_object_object_get(vmsd, "subsections");
    uint64_t sum = 0;
    size_t i;

    g_assert_nonnull(fields);
    for (i = 0; i < json_object_array_length(fields); i++) {
        json_object *field = json_object_array_get_idx(fields, i);
        json_object *nested = json_object_object_get(field, "struct");
        uint64_t n = 1;

        g_assert_nonnull(json_object_object_get(field, "name"));
        g_assert_nonnull(json_object_object_get(field, "type"));
        g_assert_nonnull(json_object_object_get(field, "size"));
        if (json_object_object_get(field, "array_len")) {
            g_assert_null(json_object_object_get(field, "index"));
            n = member_u64(field, "array_len");
        }
        if (nested) {
            g_assert_cmpuint(vmdesc_payload(nested), ==,
                             member_u64(field, "size"));
        }
        sum += n * member_u64(field, "size");
    }
    for (i = 0; subs && i < json_object_array_length(subs); i++) {
        json_object *sub = json_object_array_get_idx(subs, i);
        const char *name =
            json_object_get_string(json_object_object_get(sub, "vmsd_name"));

        sum += 1 + 1 + strlen(name) + 4 + vmdesc_payload(sub);
    }
    return sum;
}
