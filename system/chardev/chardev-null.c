/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chardev "null": output is lost, there is never input. */
#include "qemu/osdep.h"

#include "chardev-int.h"

#define CHARDEV_TYPE_NULL (chardev_null_get_type())
G_DECLARE_FINAL_TYPE(ChardevNull, chardev_null, CHARDEV, NULL_DEVICE, Chardev)

struct _ChardevNull {
    Chardev parent_instance;
};

G_DEFINE_FINAL_TYPE(ChardevNull, chardev_null, CHARDEV_TYPE)

static char *null_get_filename(Chardev *chr)
{
    return g_strdup("null");
}

static void chardev_null_class_init(ChardevNullClass *klass)
{
    QEMU_CHARDEV_CLASS(klass)->get_filename = null_get_filename;
}

static void chardev_null_init(ChardevNull *self)
{
}

static Chardev *null_create(const char *label, json_object *opts, Error **errp)
{
    Chardev *chr = g_object_new(CHARDEV_TYPE_NULL, "label", label, NULL);

    qemu_mutex_lock(chardev_lock(chr));
    chardev_set_open(chr, true);
    qemu_mutex_unlock(chardev_lock(chr));
    return chr;
}

const ChardevKind chardev_kind_null = {
    .name = "null",
    .options = (const char *const[]){ NULL },
    .create = null_create,
};
