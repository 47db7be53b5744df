/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Human monitor commands about kinds of devices that are not there. */
#include "qemu/osdep.h"

#include "machine-internal.h"
#include "qapi/hmp.h"
#include "qapi/qapi-commands-devices.h"
#include "qapi/qapi-commands-machine.h"

/* There are none. */
static void hmp_info_nothing(HmpContext *hmp, json_object *args)
{
}

static void hmp_info_block_jobs(HmpContext *hmp, json_object *args)
{
    hmp_printf(hmp, "No active jobs\n");
}

static void hmp_info_mice(HmpContext *hmp, json_object *args)
{
    hmp_printf(hmp, "No mouse devices connected\n");
}

static void hmp_info_numa(HmpContext *hmp, json_object *args)
{
    hmp_printf(hmp, "0 nodes\n");
}

static void hmp_info_snapshots(HmpContext *hmp, json_object *args)
{
    hmp_printf(hmp, "no block device can store vmstate for snapshot\n");
}

static void hmp_info_balloon(HmpContext *hmp, json_object *args)
{
    Error *err = NULL;

    qapi_free_BalloonInfo(qmp_query_balloon(hmp->qmp, &err));
    hmp_handle_error(hmp, err);
}

static void hmp_info_hotpluggable(HmpContext *hmp, json_object *args)
{
    Error *err = NULL;

    qapi_free_HotpluggableCPUList(qmp_query_hotpluggable_cpus(hmp->qmp,
                                                              &err));
    hmp_handle_error(hmp, err);
}

static const HmpCommand device_commands[] = {
    { "block", "", "", "show the disk drives: there are none",
      hmp_info_nothing, .is_info = true },
    { "blockstats", "", "", "show what disk drives did: there are none",
      hmp_info_nothing, .is_info = true },
    { "block-jobs", "", "", "show work on disks in the background",
      hmp_info_block_jobs, .is_info = true },
    { "network", "", "", "show the networks: there are none",
      hmp_info_nothing, .is_info = true },
    { "pci", "", "", "show the PCI buses: there are none", hmp_info_nothing,
      .is_info = true },
    { "tpm", "", "", "show trusted platform modules: there are none",
      hmp_info_nothing, .is_info = true },
    { "mice", "", "", "show the pointing devices", hmp_info_mice,
      .is_info = true },
    { "numa", "", "", "show the NUMA nodes", hmp_info_numa,
      .is_info = true },
    { "snapshots", "", "", "show the snapshots on the disks",
      hmp_info_snapshots, .is_info = true },
    { "balloon", "", "", "show what a balloon device leaves to the guest",
      hmp_info_balloon, .is_info = true },
    { "memory-devices", "", "", "show devices that add RAM",
      hmp_info_nothing, .is_info = true },
    { "iothreads", "", "", "show threads that serve devices",
      hmp_info_nothing, .is_info = true },
    { "hotpluggable-cpus", "", "", "show the places for more CPUs",
      hmp_info_hotpluggable, .is_info = true },
};

void devices_register_hmp_commands(void)
{
    hmp_register_commands(device_commands, G_N_ELEMENTS(device_commands));
}
