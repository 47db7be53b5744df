/* SPDX-License-Identifier: GPL-2.0-or-later */
/* exec: the standard input or output of a command. */
#include "qemu/osdep.h"
#include "migration/channel.h"

#include "io/channel-command.h"

QIOChannel *migration_exec_open(const strList *args, bool incoming,
                                bool return_path, Error **errp)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    QIOChannelCommand *ioc;
    int flags;

    for (const strList *a = args; a; a = a->next) {
        g_ptr_array_add(argv, a->value);
    }
    g_ptr_array_add(argv, NULL);
    /*
     * A source opens the other direction only if somebody will read it: a
     * command that prints must not block on a pipe nobody empties.  Whether a
     * destination has to answer is told by the stream, too late to choose.
     */
    flags = incoming || return_path ? O_RDWR : O_WRONLY;
    ioc = qio_channel_command_new_spawn((const char *const *)argv->pdata,
                                        flags, errp);
    return ioc ? QIO_CHANNEL(ioc) : NULL;
}
