/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands of devices.json: about devices that are not there. */
#include "qemu/osdep.h"

#include "qapi/qapi-commands-devices.h"

BlockInfoList *qmp_query_block(QmpContext *ctx, Error **errp)
{
    return NULL;
}

BlockStatsList *qmp_query_blockstats(QmpContext *ctx, bool has_query_nodes,
                                     bool query_nodes, Error **errp)
{
    return NULL;
}

BlockDeviceInfoList *qmp_query_named_block_nodes(QmpContext *ctx,
                                                 bool has_flat, bool flat,
                                                 Error **errp)
{
    return NULL;
}

BlockJobInfoList *qmp_query_block_jobs(QmpContext *ctx, Error **errp)
{
    return NULL;
}

JobInfoList *qmp_query_jobs(QmpContext *ctx, Error **errp)
{
    return NULL;
}

PciInfoList *qmp_query_pci(QmpContext *ctx, Error **errp)
{
    return NULL;
}

RxFilterInfoList *qmp_query_rx_filter(QmpContext *ctx, const char *name,
                                      Error **errp)
{
    if (name) {
        error_setg(errp, "invalid net client name: %s", name);
    }
    return NULL;
}

TPMInfoList *qmp_query_tpm(QmpContext *ctx, Error **errp)
{
    return NULL;
}

MouseInfoList *qmp_query_mice(QmpContext *ctx, Error **errp)
{
    return NULL;
}

BalloonInfo *qmp_query_balloon(QmpContext *ctx, Error **errp)
{
    error_set(errp, ERROR_CLASS_DEVICE_NOT_ACTIVE,
              "No balloon device has been activated");
    return NULL;
}

COLOStatus *qmp_query_colo_status(QmpContext *ctx, Error **errp)
{
    COLOStatus *status = g_new0(COLOStatus, 1);

    status->mode = status->last_mode = COLO_MODE_NONE;
    status->reason = COLO_EXIT_REASON_NONE;
    return status;
}
