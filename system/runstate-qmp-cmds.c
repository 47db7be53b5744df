/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands of run-state.json. */
#include "qemu/osdep.h"

#include "qapi/qapi-commands-run-state.h"
#include "qapi/qapi-events-run-state.h"
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
    /* It would wait, and be done to what is left when the guest has gone. */
    if (runstate_get(ctx->machine) == RUN_STATE_FINISH_MIGRATE) {
        error_setg(errp, "Migration is not finalized yet");
        return false;
    }
    system_reset_request(ctx->machine, SHUTDOWN_CAUSE_HOST_QMP_SYSTEM_RESET);
    /* At once: clients expect the event before the reply. */
    system_handle_requests(ctx->machine);
    return true;
}

bool qmp_system_powerdown(QmpContext *ctx, Error **errp)
{
    qapi_event_send_powerdown(machine_get_event_sink(ctx->machine));
    return true;
}

bool qmp_system_wakeup(QmpContext *ctx, Error **errp)
{
    error_setg(errp, "wake-up from suspend is not supported by this guest");
    return false;
}

bool qmp_set_action(QmpContext *ctx, bool has_reboot, RebootAction reboot,
                    bool has_shutdown, ShutdownAction shutdown, Error **errp)
{
    bool no_reboot, no_shutdown;

    runstate_get_actions(ctx->machine, &no_reboot, &no_shutdown);
    if (has_reboot) {
        no_reboot = reboot == REBOOT_ACTION_SHUTDOWN;
    }
    if (has_shutdown) {
        no_shutdown = shutdown == SHUTDOWN_ACTION_PAUSE;
    }
    runstate_set_actions(ctx->machine, no_reboot, no_shutdown);
    return true;
}
