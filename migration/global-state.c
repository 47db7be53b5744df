/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The "globalstate" section: the run state the guest had before the migration
 * stopped it.
 *
 * Two layouts of 104 bytes exist.  The old one has a 100-byte buffer for the
 * name of the state, the new one takes two flags from the zeros at its end; so
 * the new one reads both.
 */
#include "qemu/osdep.h"

#include "migration/savevm-internal.h"
#include "system/runstate.h"

static bool global_state_needed(void *opaque)
{
    GlobalState *gs = opaque;

    return *gs->store;
}

static bool global_state_post_load(void *opaque, int version_id, Error **errp)
{
    GlobalState *gs = opaque;
    const char *name = (const char *)gs->runstate;

    /* The size in front of it says nothing that the name does not. */
    if (!memchr(gs->runstate, 0, sizeof(gs->runstate))) {
        error_setg(errp, "the name of the run state does not end within %zu "
                   "bytes", sizeof(gs->runstate));
        return false;
    }
    if (!RunState_parse(name, &gs->state)) {
        g_autofree char *shown = g_strescape(name, NULL);

        error_setg(errp, "unknown run state '%s'", shown);
        return false;
    }
    gs->received = true;
    return true;
}

static const VMStateDescription vmstate_globalstate = {
    .name = "globalstate",
    .version_id = 1,
    .minimum_version_id = 1,
    .priority = MIG_PRI_LAST,
    .needed = global_state_needed,
    .post_load = global_state_post_load,
    .fields = (const VMStateField[]){
        VMSTATE_UINT32(size, GlobalState),
        VMSTATE_BUFFER(runstate, GlobalState),
        VMSTATE_UINT8(has_vm_was_suspended, GlobalState),
        VMSTATE_UINT8(vm_was_suspended, GlobalState),
        VMSTATE_BUFFER(unused, GlobalState),
        VMSTATE_END_OF_LIST()
    },
};

void global_state_register(Machine *m, const bool *store_global_state)
{
    SaveStateRegistry *reg = machine_get_savevm(m);
    Error *err = NULL;

    reg->global_state.store = store_global_state;
    if (!vmstate_register(reg, NULL, 0, &vmstate_globalstate,
                          &reg->global_state, &err)) {
        /* Nobody else uses this name: the machine was set up twice. */
        warn_report_err(err);
    }
}

void global_state_store(Machine *m)
{
    GlobalState *gs = &machine_get_savevm(m)->global_state;
    const char *name = RunState_str(runstate_get(m));

    memset(gs->runstate, 0, sizeof(gs->runstate));
    memset(gs->unused, 0, sizeof(gs->unused));
    g_strlcpy((char *)gs->runstate, name, sizeof(gs->runstate));
    gs->size = strlen(name) + 1;
    gs->has_vm_was_suspended = 1;
    gs->vm_was_suspended = 0;
}

void global_state_reset(SaveStateRegistry *reg)
{
    reg->global_state.received = false;
}

bool global_state_received(Machine *m, RunState *state)
{
    GlobalState *gs = &machine_get_savevm(m)->global_state;

    if (gs->received) {
        *state = gs->state;
    }
    return gs->received;
}
