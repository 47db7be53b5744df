/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands of run-state.json. */
#include "qemu/osdep.h"

#include "qapi/qapi-commands-run-state.h"
#include "system/machine.h"
#include "system/runstate.h"

StatusInfo *qmp_query_status(QmpContext *ctx, Error **errp)
{
    StatusInfo *info = g_new0(StatusInfo, 1);

    info->status = runstate_get(ctx->machine);
    info->running = info->status == RUN_STATE_RUNNING;
    return info;
}

bool qmp_stop(QmpContext *ctx, Error **errp)
{
    return runstate_stop(ctx->machine, errp);
}

bool qmp_cont(QmpContext *ctx, Error **errp)
{
    return runstate_cont(ctx->machine, errp);
}

bool qmp_system_reset(QmpContext *ctx, Error **errp)
{
    system_reset_request(ctx->machine, SHUTDOWN_CAUSE_HOST_QMP_SYSTEM_RESET);
    /* At once: clients expect the event before the reply. */
    system_handle_requests(ctx->machine);
    return true;
}
