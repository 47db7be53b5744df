/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Chardev "file": output goes to a file at once, without a buffer of ours;
 * input, if any, comes from another one.
 */
#include "qemu/osdep.h"

#include "chardev-stream.h"
#include "io/channel-file.h"
#include "qemu/fdset.h"

#define CHARDEV_TYPE_FILE (chardev_file_get_type())
G_DECLARE_FINAL_TYPE(ChardevFile, chardev_file, CHARDEV, FILE, ChardevStream)

struct _ChardevFile {
    ChardevStream parent_instance;
};

G_DEFINE_FINAL_TYPE(ChardevFile, chardev_file, CHARDEV_TYPE_STREAM)

static char *file_get_filename(Chardev *chr)
{
    return g_strdup("file");
}

static void chardev_file_class_init(ChardevFileClass *klass)
{
    QEMU_CHARDEV_CLASS(klass)->get_filename = file_get_filename;
}

static void chardev_file_init(ChardevFile *self)
{
}

/* NULL with the error that users know, whether it would be created or not. */
static QIOChannelFile *open_path(const char *path, int flags, Error **errp)
{
    int fd = qemu_open(path, flags, 0666, NULL);

    if (fd < 0) {
        error_setg_errno(errp, errno, "Could not open '%s'", path);
        return NULL;
    }
    return qio_channel_file_new_fd(fd);
}

static Chardev *file_create(const char *label, json_object *opts, Error **errp)
{
    const char *path = chardev_opt_str(opts, "path");
    const char *input_path = chardev_opt_str(opts, "input-path");
    g_autoptr(QIOChannelFile) out = NULL;
    g_autoptr(QIOChannelFile) in = NULL;
    bool append;
    Chardev *chr;

    if (!path || !*path) {
        error_setg(errp, "chardev: file: no filename given");
        return NULL;
    }
    if (!chardev_opt_bool(opts, "append", false, &append, errp)) {
        return NULL;
    }
    out = open_path(path, O_WRONLY | O_CREAT | (append ? O_APPEND : O_TRUNC),
                    errp);
    if (!out) {
        return NULL;
    }
    if (input_path) {
        in = open_path(input_path, O_RDONLY, errp);
        if (!in) {
            return NULL;
        }
    }
    chr = g_object_new(CHARDEV_TYPE_FILE, "label", label, NULL);
    qemu_mutex_lock(chardev_lock(chr));
    chardev_stream_open(CHARDEV_STREAM(chr), in ? QIO_CHANNEL(in) : NULL,
                        QIO_CHANNEL(out));
    qemu_mutex_unlock(chardev_lock(chr));
    return chr;
}

const ChardevKind chardev_kind_file = {
    .name = "file",
    .options = (const char *const[]){ "path", "append", "input-path", NULL },
    .create = file_create,
};
