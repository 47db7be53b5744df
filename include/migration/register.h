/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The registry of a machine's savable state: which sections exist, in which
 * order, and who writes and reads them.
 */
#ifndef MIGRATION_REGISTER_H
#define MIGRATION_REGISTER_H

#include "migration/vmstate.h"

typedef struct SaveStateRegistry SaveStateRegistry;

/* One of the threads that send a device's state besides the main channel. */
typedef struct DeviceStateSave DeviceStateSave;

/*
 * A live handler: state that is sent while the guest runs (RAM).  Called by the
 * migration thread (save side) and the load thread.
 *
 * A device with much state may send it in pieces, by threads of its own, over
 * the channels that multifd has.  The pieces come in any order, before or
 * after any section of the main channel behind the first part of RAM.  So a
 * piece says in its own way which one it is, and the END section says how many
 * there are (none, if save_complete() had to write everything there).  The
 * load is not complete before load_thread() has said that it has all of them.
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
    /*
     * Just before the END sections, guest stopped, machine lock held: how many
     * threads shall run save_complete_thread()?  None will if not @able: there
     * are no channels for that, save_complete() has to write everything.
     */
    unsigned (*save_complete_threads)(void *opaque, bool able);
    /*
     * The @n-th of these threads, at the same time as the other ones and all
     * END sections: send pieces by device_state_send().  The migration does
     * not go on before all have returned, and fails if one does.  No lock; the
     * machine lock may be taken.
     */
    bool (*save_complete_thread)(DeviceStateSave *s, unsigned n, void *opaque,
                                 Error **errp);
    /* Bytes still to send; exact: look at the dirty log first. */
    bool (*state_pending)(void *opaque, bool exact, uint64_t *bytes,
                          Error **errp);
    /* After success, failure or cancel; only after save_setup was called. */
    void (*save_cleanup)(void *opaque);

    bool (*load_setup)(void *opaque, Error **errp);
    /* Payload of any START/PART/END/FULL section of this handler. */
    bool (*load_state)(QEMUFile *f, void *opaque, int version_id,
                       Error **errp);
    /*
     * A piece has come; takes @data (g_free()), also on failure.  Called by
     * several threads, at once, between load_setup() and load_cleanup(); must
     * not wait for other pieces or sections.  Needs load_thread.
     */
    bool (*load_state_buffer)(void *opaque, uint8_t *data, size_t len,
                              Error **errp);
    /*
     * In a thread of its own, from the START section on: wait for what is to
     * come and load it; true: the device is complete.  No lock; the machine
     * lock may be taken.
     */
    bool (*load_thread)(void *opaque, Error **errp);
    /*
     * Nothing comes any more, neither sections nor pieces: wake load_thread(),
     * which succeeds only if it has everything.  Any thread, perhaps more than
     * once; must not block.
     */
    void (*load_end)(void *opaque);
    void (*load_cleanup)(void *opaque);
} SaveVMHandlers;

/*
 * Send a piece of state of the device that @s is for; takes @data (g_free()),
 * also on failure, of 1 byte to 64 MiB.  May wait; fails when the migration is
 * over.
 * Between the call of save_complete_thread() and its return, any thread.
 */
bool device_state_send(DeviceStateSave *s, uint8_t *data, size_t len,
                       Error **errp);
/* Is the migration over?  Then what takes long may as well return. */
bool device_state_save_exiting(const DeviceStateSave *s);

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
/* Live handler @ops under @idstr.  Machine lock held. */
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
