/* SPDX-License-Identifier: GPL-2.0-or-later */
/* COMMAND elements: messages to the destination between sections. */
#include "qemu/osdep.h"

#include "migration/savevm-internal.h"

#define ANY_LENGTH (-1)

static const struct {
    const char *name;
    int len;     /* of the payload, bytes */
    bool may_be_empty;
} commands[MIG_CMD__MAX] = {
    [MIG_CMD_OPEN_RETURN_PATH] = { "OPEN_RETURN_PATH", 0 },
    [MIG_CMD_PING] = { "PING", 4 },
    [MIG_CMD_POSTCOPY_ADVISE] = { "POSTCOPY_ADVISE", 16,
                                  .may_be_empty = true },
    [MIG_CMD_POSTCOPY_LISTEN] = { "POSTCOPY_LISTEN", 0 },
    [MIG_CMD_POSTCOPY_RUN] = { "POSTCOPY_RUN", 0 },
    [MIG_CMD_POSTCOPY_RAM_DISCARD] = { "POSTCOPY_RAM_DISCARD", ANY_LENGTH },
    [MIG_CMD_PACKAGED] = { "PACKAGED", 4 },
    [MIG_CMD_ENABLE_COLO] = { "ENABLE_COLO", 0 },
    [MIG_CMD_POSTCOPY_RESUME] = { "POSTCOPY_RESUME", 0 },
    [MIG_CMD_RECV_BITMAP] = { "RECV_BITMAP", ANY_LENGTH },
    [MIG_CMD_SWITCHOVER_START] = { "SWITCHOVER_START", 0 },
};

const char *savevm_command_name(MigCommand cmd)
{
    return (unsigned)cmd < MIG_CMD__MAX && commands[cmd].name
               ? commands[cmd].name
               : "of unknown number";
}

void savevm_send_command(QEMUFile *f, MigCommand cmd, const void *payload,
                         uint16_t len)
{
    qemu_put_byte(f, QEMU_VM_COMMAND);
    qemu_put_be16(f, cmd);
    qemu_put_be16(f, len);
    qemu_put_buffer(f, payload, len);
    /* The other side is to act on it now, not when more state follows. */
    qemu_fflush(f);
}

void savevm_send_open_return_path(QEMUFile *f)
{
    savevm_send_command(f, MIG_CMD_OPEN_RETURN_PATH, NULL, 0);
}

void savevm_send_ping(QEMUFile *f, uint32_t value)
{
    value = GUINT32_TO_BE(value);
    savevm_send_command(f, MIG_CMD_PING, &value, sizeof(value));
}

/* What a load without a command handler does. */
static bool default_command(MigCommand cmd, Error **errp)
{
    switch (cmd) {
    case MIG_CMD_SWITCHOVER_START:
        return true;
    case MIG_CMD_OPEN_RETURN_PATH:
    case MIG_CMD_PING:
        error_setg(errp, "command %s, but there is no return path",
                   commands[cmd].name);
        return false;
    default:
        error_setg(errp, "command %s is not supported", commands[cmd].name);
        return false;
    }
}

bool loadvm_command(QEMUFile *f, const LoadContext *ctx, Error **errp)
{
    g_autofree uint8_t *payload = NULL;
    uint16_t cmd = qemu_get_be16(f);
    uint16_t len = qemu_get_be16(f);

    if (qemu_file_get_error(f, errp)) {
        error_prepend(errp, "Error while reading a command: ");
        return false;
    }
    if (cmd >= MIG_CMD__MAX || !commands[cmd].name) {
        error_setg(errp, "unknown command 0x%x in the stream", cmd);
        return false;
    }
    if (commands[cmd].len != ANY_LENGTH && len != commands[cmd].len &&
        !(len == 0 && commands[cmd].may_be_empty)) {
        error_setg(errp, "command %s has %u bytes of payload, not %d",
                   commands[cmd].name, len, commands[cmd].len);
        return false;
    }
    payload = g_malloc(len + 1);
    qemu_get_buffer(f, payload, len);
    if (qemu_file_get_error(f, errp)) {
        error_prepend(errp, "Error while reading command %s: ",
                      commands[cmd].name);
        return false;
    }
    if (!ctx->command) {
        return default_command(cmd, errp);
    }
    return ctx->command(ctx->opaque, cmd, payload, len, errp);
}
