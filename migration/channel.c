/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"
#include "migration/channel.h"

bool migration_address_is_network(const MigrationAddress *addr)
{
    return addr->transport == MIGRATION_ADDRESS_TYPE_SOCKET &&
           addr->u.socket.type != SOCKET_ADDRESS_TYPE_FD;
}

QIOChannel *migration_channel_open(const MigrationAddress *addr,
                                   QmpContext *ctx, bool incoming,
                                   bool return_path, Error **errp)
{
    QIOChannel *ioc = NULL;

    switch (addr->transport) {
    case MIGRATION_ADDRESS_TYPE_SOCKET:
        if (migration_address_is_network(addr)) {
            error_setg(errp, "this address has to be connected to");
            return NULL;
        }
        ioc = migration_fd_open(addr->u.socket.u.fd.str, ctx, errp);
        break;
    case MIGRATION_ADDRESS_TYPE_EXEC:
        ioc = migration_exec_open(addr->u.exec.args, incoming, return_path,
                                  errp);
        break;
    case MIGRATION_ADDRESS_TYPE_FILE:
        ioc = incoming ? migration_file_open_incoming(&addr->u.file, errp)
                       : migration_file_open_outgoing(&addr->u.file, errp);
        break;
    default:
        error_setg(errp, "unknown kind of migration address");
        break;
    }
    if (ioc) {
        qio_channel_set_name(ioc, incoming ? "migration-incoming"
                                           : "migration-outgoing");
    }
    return ioc;
}
