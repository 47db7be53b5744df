/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"

#include "qemu/bitmap.h"
#include "vmstate-object.h"

const VMStateDescription vmstate_pair = {
    .name = "pair",
    .version_id = 2,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]){
        VMSTATE_UINT8(a, Inner),
        VMSTATE_UINT16_V(b, Inner, 2),
        VMSTATE_END_OF_LIST()
    },
};

const VMStateDescription vmstate_owner = {
    .name = "owner",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]){
        VMSTATE_UINT8(a, Inner),
        VMSTATE_UINT32(len, Inner),
        VMSTATE_VBUFFER_ALLOC_UINT32(data, Inner, len),
        VMSTATE_END_OF_LIST()
    },
};

static gint compare_inner(gconstpointer a, gconstpointer b, gpointer data)
{
    return ((const Inner *)a)->a - ((const Inner *)b)->a;
}

static gint compare_number(gconstpointer a, gconstpointer b, gpointer data)
{
    return a < b ? -1 : a > b;
}

Dev *dev_new(void)
{
    Dev *d = g_new0(Dev, 1);

    d->u32 = 0x12345678;
    d->u64 = 77;
    d->i32 = 9;
    d->bits = 70;
    d->pmap = bitmap_new(70);
    d->pointer = g_new0(Inner, 1);
    d->pointers[0] = g_new0(Inner, 1);
    d->pointers[2] = g_new0(Inner, 1);
    g_queue_init(&d->queue);
    d->tree = g_tree_new_full(compare_inner, NULL, g_free, g_free);
    d->direct = g_tree_new_full(compare_number, NULL, NULL, g_free);
    return d;
}

static Inner *inner_new(uint8_t a, uint16_t b)
{
    Inner *i = g_new0(Inner, 1);

    i->a = a;
    i->b = b;
    return i;
}

static void inner_fill(Inner *i, uint8_t a, uint16_t b, const char *data)
{
    i->a = a;
    i->b = b;
    i->len = strlen(data);
    i->data = i->len ? (uint8_t *)g_strdup(data) : NULL;
}

Dev *dev_new_filled(void)
{
    Dev *d = dev_new();

    d->flag = true;
    d->i8 = -2;
    d->i16 = -3;
    d->i32 = 5;
    d->i64 = -5;
    d->u8 = 0xf1;
    d->u16 = 0xf1f2;
    d->number = 1.5;
    memcpy(d->buf, "hello", 5);
    d->size = 3;
    d->vbuf = (uint8_t *)g_strdup("abc");
    set_bit(0, d->pmap);
    set_bit(69, d->pmap);
    d->map[0] = 0x8000000000000001;
    d->map[1] = ~0UL; /* only 6 of them count */
    d->words[0] = 1;
    d->words[1] = 2;
    d->words[2] = 0xffff;
    d->count = 2;
    d->varray = g_new0(uint16_t, 2);
    d->varray[1] = 0x1234;
    d->some[0] = 10;
    d->some[1] = 11;
    d->inner_count = 2;
    d->inners = g_new0(Inner, 2);
    inner_fill(&d->inners[0], 1, 2, "x");
    inner_fill(&d->inners[1], 3, 4, "yz");
    d->few = 2;
    d->fixed[0].a = 5;
    d->fixed[1].b = 6;
    d->one.a = 7;
    d->one.b = 8;
    d->pointer->a = 9;
    d->pointers[0]->b = 10;
    d->pointers[2]->a = 11;
    d->made[1] = inner_new(12, 0);
    inner_fill(d->made[1], 12, 0, "q");
    g_queue_push_tail(&d->queue, inner_new(13, 14));
    g_queue_push_tail(&d->queue, inner_new(15, 16));
    g_tree_insert(d->tree, inner_new(2, 0), inner_new(0, 3));
    g_tree_insert(d->tree, inner_new(1, 0), inner_new(0, 4));
    g_tree_insert(d->direct, GUINT_TO_POINTER(500), inner_new(0, 5));
    return d;
}

void dev_free(Dev *d)
{
    int i;

    for (i = 0; i < d->inner_count && d->inners; i++) {
        g_free(d->inners[i].data);
    }
    for (i = 0; i < 3; i++) {
        g_free(d->pointers[i]);
        if (d->made[i]) {
            g_free(d->made[i]->data);
            g_free(d->made[i]);
        }
    }
    g_queue_clear_full(&d->queue, g_free);
    g_tree_unref(d->tree);
    g_tree_unref(d->direct);
    g_free(d->pointer);
    g_free(d->inners);
    g_free(d->varray);
    g_free(d->pmap);
    g_free(d->vbuf);
    g_free(d);
}

GByteArray *dev_save(const VMStateDescription *vmsd, void *obj,
                     json_object *desc)
{
    g_autoptr(GByteArray) bytes = NULL;
    Error *err = NULL;
    TestChannel *out;
    QEMUFile *f = test_file_output(&out);

    if (!vmstate_save_described(f, vmsd, obj, vmsd->version_id, desc, &err)) {
        g_error("%s: %s", vmsd->name, error_get_pretty(err));
    }
    g_assert_true(qemu_fflush(f));
    bytes = g_byte_array_ref(out->data);
    qemu_file_free(f);
    return g_steal_pointer(&bytes);
}

char *dev_load(const VMStateDescription *vmsd, void *obj, int version,
               const void *data, size_t len)
{
    g_autoptr(Error) err = NULL;
    QEMUFile *f = test_file_input(data, len, NULL);
    bool ok = vmstate_load(f, vmsd, obj, version, &err);

    g_assert_true(ok == !err);
    qemu_file_free(f);
    return ok ? NULL : g_strdup(error_get_pretty(err));
}
