/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fd: a descriptor that was handed over before. */
#include "qemu/osdep.h"
#include "migration/channel.h"

#include <sys/stat.h>

#include "io/channel-file.h"
#include "io/channel-socket.h"

QIOChannel *migration_fd_open(const char *name, QmpContext *ctx, Error **errp)
{
    QIOChannelSocket *sioc;
    struct stat st;
    int fd;

    if (!ctx || !ctx->take_fd) {
        error_setg(errp, "File descriptor named '%s' has not been found",
                   name);
        return NULL;
    }
    fd = ctx->take_fd(ctx, name, errp);
    if (fd < 0) {
        return NULL;
    }
    if (fstat(fd, &st) < 0) {
        error_setg_errno(errp, errno, "cannot use descriptor '%s'", name);
        close(fd);
        return NULL;
    }
    if (S_ISSOCK(st.st_mode)) {
        sioc = qio_channel_socket_new_fd(fd, errp);
        if (!sioc) {
            close(fd);
            return NULL;
        }
        return QIO_CHANNEL(sioc);
    }
    if (S_ISREG(st.st_mode)) {
        warn_report("fd: migration to a file is deprecated. "
                    "Use file: instead.");
    }
    return QIO_CHANNEL(qio_channel_file_new_fd(fd));
}
