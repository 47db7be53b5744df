/* SPDX-License-Identifier: GPL-2.0-or-later */
/* file: a stream that begins at some offset of a file. */
#include "qemu/osdep.h"
#include "migration/channel.h"

#include "io/channel-file.h"

static bool file_seek(QIOChannel *ioc, const FileMigrationArgs *args,
                      Error **errp)
{
    /* Also to 0: one out of a descriptor set may stand anywhere. */
    if ((args->offset ||
         qio_channel_has_feature(ioc, QIO_CHANNEL_FEATURE_SEEKABLE)) &&
        qio_channel_seek(ioc, args->offset, SEEK_SET, errp) < 0) {
        error_prepend(errp, "cannot go to offset %" PRIu64 " of '%s': ",
                      args->offset, args->filename);
        return false;
    }
    return true;
}

/*
 * What stands before the offset is the user's and stays; everything behind it
 * goes, so that no older, longer stream shines through.
 */
QIOChannel *migration_file_open_outgoing(const FileMigrationArgs *args,
                                         Error **errp)
{
    g_autoptr(QIOChannelFile) fioc =
        qio_channel_file_new_path(args->filename, O_CREAT | O_WRONLY, 0600,
                                  errp);

    if (!fioc) {
        return NULL;
    }
    if (ftruncate(qio_channel_file_get_fd(fioc), args->offset) < 0) {
        error_setg_errno(errp, errno,
                         "failed to truncate migration file to offset %"
                         PRIx64, args->offset);
        return NULL;
    }
    if (!file_seek(QIO_CHANNEL(fioc), args, errp)) {
        return NULL;
    }
    return QIO_CHANNEL(g_steal_pointer(&fioc));
}

QIOChannel *migration_file_open_incoming(const FileMigrationArgs *args,
                                         Error **errp)
{
    g_autoptr(QIOChannelFile) fioc =
        qio_channel_file_new_path(args->filename, O_RDONLY, 0, errp);

    if (!fioc || !file_seek(QIO_CHANNEL(fioc), args, errp)) {
        return NULL;
    }
    return QIO_CHANNEL(g_steal_pointer(&fioc));
}
