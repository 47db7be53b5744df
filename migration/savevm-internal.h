/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What writing and reading the main channel share. */
#ifndef MIGRATION_SAVEVM_INTERNAL_H
#define MIGRATION_SAVEVM_INTERNAL_H

#include <json-c/json.h>

#include "migration/multifd.h"
#include "migration/savevm.h"

#define QEMU_VM_FILE_MAGIC 0x5145564d /* "QEVM" */
#define QEMU_VM_FILE_VERSION 3
#define QEMU_VM_FILE_VERSION_OBSOLETE 2

/* First byte of each element of the main channel. */
typedef enum StreamElement {
    QEMU_VM_EOF = 0x00,
    QEMU_VM_SECTION_START = 0x01,
    QEMU_VM_SECTION_PART = 0x02,
    QEMU_VM_SECTION_END = 0x03,
    QEMU_VM_SECTION_FULL = 0x04,
    QEMU_VM_SUBSECTION = 0x05,
    QEMU_VM_VMDESCRIPTION = 0x06,
    QEMU_VM_CONFIGURATION = 0x07,
    QEMU_VM_COMMAND = 0x08,
    QEMU_VM_SECTION_FOOTER = 0x7e,
} StreamElement;

/* One kind of section. */
typedef struct SaveStateEntry {
    char *idstr;
    uint32_t instance_id;
    uint32_t section_id; /* for streams that we write */
    int version_id;
    const VMStateDescription *vmsd; /* described state; NULL: @ops */
    const SaveVMHandlers *ops;      /* live handler; NULL: @vmsd */
    void *opaque;
    /* Only read and dropped: the object of this size is made for it. */
    bool ignored;
    size_t ignored_size;
    bool setup_called; /* save_setup was called, save_cleanup not yet */
} SaveStateEntry;

/* The run state in the stream; see global-state.c. */
typedef struct GlobalState {
    uint32_t size;
    uint8_t runstate[32];
    uint8_t has_vm_was_suspended;
    uint8_t vm_was_suspended;
    uint8_t unused[66];

    /* Not on the wire. */
    const bool *store; /* is it sent? */
    RunState state;    /* decoded, if @received */
    bool received;
} GlobalState;

struct SaveStateRegistry {
    GPtrArray *entries; /* SaveStateEntry, in the order of sending */
    uint32_t next_section_id;
    GlobalState global_state;

    /* Description of the stream that is being written; NULL: none yet. */
    json_object *config_desc;
    json_object *devices_desc;
    char *failed; /* section that could not be written */
    MultiFDSend *channels; /* for device state; NULL: there are none */
};

#define SAVEVM_FOREACH(reg, e)                                                 \
    for (SaveStateEntry **e##_p_ = (SaveStateEntry **)(reg)->entries->pdata,   \
                        **e##_end_ = e##_p_ + (reg)->entries->len, *e;         \
         e##_p_ < e##_end_ && (e = *e##_p_, true); e##_p_++)

SaveStateEntry *savevm_registry_find(SaveStateRegistry *reg, const char *idstr,
                                     uint32_t instance_id);

/* ---- devices' own threads while saving (savevm-threads.c) ---- */

typedef struct SaveThreads SaveThreads;

/* Ask all handlers, start the threads they want.  Machine lock. */
SaveThreads *save_threads_start(SaveStateRegistry *reg);
/*
 * Flush @f and wait for them, and for the channels to have written what they
 * got.  @ok: the sections were written, else *@err tells why not, and is replaced if one of
 * the threads was the first to fail.  Drops the machine lock to wait.  Frees
 * @st.
 */
bool save_threads_join(SaveThreads *st, QEMUFile *f, Machine *m, bool ok,
                       Error **err);

/* ---- and while loading (loadvm-threads.c) ---- */

typedef struct LoadThreads LoadThreads;

/* Before any load_setup(); @mr may be NULL.  Load thread, as the rest. */
LoadThreads *load_threads_new(SaveStateRegistry *reg, MultiFDRecv *mr);
/* Every handler was set up. */
void load_threads_ready(LoadThreads *lt);
/* Name and instance of @e's section; new string. */
char *savevm_entry_name(const SaveStateEntry *e);
/* The load is busy with the section of @e. */
void load_tell_section(LoadContext *ctx, const SaveStateEntry *e);
/* Section @section_id of @e begins, or was loaded to its end. */
void load_threads_section_begins(LoadThreads *lt, const SaveStateEntry *e,
                                 uint32_t section_id);
void load_threads_section_ended(LoadThreads *lt, const SaveStateEntry *e);
/*
 * The main channel was read to its end mark (@ok) or the load has failed: wait
 * until all devices are complete.  If one is not, @ctx tells which.
 */
bool load_threads_join(LoadThreads *lt, bool ok, LoadContext *ctx,
                       Error **errp);
/* Ends the channels' threads as well, which may be in a handler. */
void load_threads_free(LoadThreads *lt);

/* Is a description written after the stream, and read there? */
bool savevm_wants_vmdesc(Machine *m, const StreamOptions *opt);

/*
 * The configuration element, after its type byte.  @desc: gets the
 * description.
 */
bool savevm_config_save(QEMUFile *f, Machine *m, const StreamOptions *opt,
                        json_object *desc, Error **errp);
bool savevm_config_load(QEMUFile *f, Machine *m, const StreamOptions *opt,
                        Error **errp);

/* A COMMAND element, after its type byte. */
bool loadvm_command(QEMUFile *f, const LoadContext *ctx, Error **errp);

/* Forget what an earlier stream said. */
void global_state_reset(SaveStateRegistry *reg);

#endif
