/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The registry of a machine's savable state: which sections exist, in which
 * order, and who writes and reads them.
 */
#ifndef MIGRATION_REGISTER_H
#define MIGRATION_REGISTER_H

#include "migration/vmstate.h"

typedef struct SaveStateRegistry SaveStateRegistry;

/*
 * A live handler: state that is sent while the guest runs (RAM).  Called by the
 * migration thread (save side) and the load thread.
 */
typedef struct SaveVMHandlers {
    /* START section's payload.  Machine lock held. */
    bool (*save_setup)(QEMUFile *f, void *opaque, Error **errp);
    /* Anything left to iterate over? */
    bool (*has_pending)(void *opaque);
    /*
     * PART section's payload, a bounded piece: 1: nothing left for now,
     * 0: more to do, -1 error.  No lock.
     */
    int (*save_iterate)(QEMUFile *f, void *opaque, Error **errp);
    /* END section's payload; guest stopped, machine lock held. */
    bool (*save_complete)(QEMUFile *f, void *opaque, Error **errp);
    /* Bytes still to send; exact: look at the dirty log first. */
    bool (*state_pending)(void *opaque, bool exact, uint64_t *bytes,
                          Error **errp);
    /* After success, failure or cancel; only after save_setup was called. */
    void (*save_cleanup)(void *opaque);

    bool (*load_setup)(void *opaque, Error **errp);
    /* Payload of any START/PART/END/FULL section of this handler. */
    bool (*load_state)(QEMUFile *f, void *opaque, int version_id,
                       Error **errp);
    void (*load_cleanup)(void *opaque);
} SaveVMHandlers;

SaveStateRegistry *savevm_registry_new(void);
void savevm_registry_free(SaveStateRegistry *reg);

/*
 * Register described state under "PATH/NAME" (@path NULL: just the
 * description's name).  @instance_id -1: the next free one of that name.
 * Machine lock held.
 */
bool vmstate_register(SaveStateRegistry *reg, const char *path,
                      int instance_id, const VMStateDescription *vmsd,
                      void *opaque, Error **errp);
void vmstate_unregister(SaveStateRegistry *reg,
                        const VMStateDescription *vmsd, void *opaque);
bool savevm_register_live(SaveStateRegistry *reg, const char *idstr,
                          uint32_t instance_id, int version_id,
                          const SaveVMHandlers *ops, void *opaque,
                          Error **errp);
void savevm_unregister_live(SaveStateRegistry *reg, const char *idstr,
                            void *opaque);
/*
 * Accept a section that this machine has no device for: its payload is parsed by @vmsd into a
 * throw-away object of @size bytes, checked by the description's post_load, and dropped.
 */
bool vmstate_register_ignored(SaveStateRegistry *reg, const char *idstr,
                              uint32_t instance_id,
                              const VMStateDescription *vmsd, size_t size,
                              Error **errp);

#endif
