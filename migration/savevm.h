/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The main channel as a sequence of elements: header, configuration, sections,
 * commands, end, description; written for the migration thread, read for the
 * load thread.
 */
#ifndef MIGRATION_SAVEVM_H
#define MIGRATION_SAVEVM_H

#include "migration/qemu-file.h"
#include "migration/register.h"
#include "system/machine.h"

typedef struct MultiFDSend MultiFDSend;
typedef struct MultiFDRecv MultiFDRecv;

/* Stream variants (-global migration.*), fixed when the migration starts. */
typedef struct StreamOptions {
    bool send_configuration;     /* default true */
    bool send_section_footer;    /* true */
    bool store_global_state;     /* true */
    bool send_switchover_start;  /* true */
    bool suppress_vmdesc;        /* false; or the machine's own setting */
    bool validate_uuid;          /* capability */
    bool x_ignore_shared;        /* capability */
    bool mapped_ram;             /* capability */
} StreamOptions;

/* Command numbers of COMMAND elements. */
typedef enum MigCommand {
    MIG_CMD_OPEN_RETURN_PATH = 1,
    MIG_CMD_PING = 2,
    MIG_CMD_POSTCOPY_ADVISE = 3,
    MIG_CMD_POSTCOPY_LISTEN = 4,
    MIG_CMD_POSTCOPY_RUN = 5,
    MIG_CMD_POSTCOPY_RAM_DISCARD = 6,
    MIG_CMD_PACKAGED = 7,
    MIG_CMD_ENABLE_COLO = 8,
    MIG_CMD_POSTCOPY_RESUME = 9,
    MIG_CMD_RECV_BITMAP = 10,
    MIG_CMD_SWITCHOVER_START = 11,
    MIG_CMD__MAX,
} MigCommand;

/* "PING"; for messages. */
const char *savevm_command_name(MigCommand cmd);

/* ---- save side: the migration thread ---- */

/* File header and configuration. */
bool savevm_save_header(QEMUFile *f, Machine *m, const StreamOptions *opt,
                        Error **errp);
void savevm_send_command(QEMUFile *f, MigCommand cmd, const void *payload,
                         uint16_t len);
void savevm_send_open_return_path(QEMUFile *f);
void savevm_send_ping(QEMUFile *f, uint32_t value);
/*
 * Devices may send state over the channels of @ms (NULL: none) until
 * savevm_cleanup().
 */
void savevm_use_channels(Machine *m, MultiFDSend *ms);
/* START of every live handler, early-setup descriptions.  Machine lock. */
bool savevm_setup(QEMUFile *f, Machine *m, const StreamOptions *opt,
                  Error **errp);
/* One PART of each handler that has work.  1 all are done, 0 not, -1 error. */
int savevm_iterate(QEMUFile *f, Machine *m, const StreamOptions *opt,
                   Error **errp);
bool savevm_pending(Machine *m, bool exact, uint64_t *bytes, Error **errp);
/*
 * END of every live handler, and what their threads send; all of that is with
 * the kernel then.  Guest stopped, machine lock, which is dropped to wait.
 */
bool savevm_complete_live(QEMUFile *f, Machine *m, const StreamOptions *opt,
                          Error **errp);
/*
 * All FULL sections, end of file mark, description; flushes.  Guest stopped,
 * machine lock; machine_pre_save() was called.
 */
bool savevm_complete_devices(QEMUFile *f, Machine *m, const StreamOptions *opt,
                             Error **errp);
/* After the end of the migration, however it ended. */
void savevm_cleanup(Machine *m);

/*
 * The section that could not be written, "NAME instance N"; NULL: none.  Valid
 * until the next savevm_save_header(); for the thread that writes.
 */
const char *savevm_failed_section(Machine *m);
/* Likewise of the section with that id in our streams; freed by g_free(). */
char *savevm_section_name(Machine *m, uint32_t section_id);

/* ---- load side: the load thread ---- */

/* Where a load failed. */
typedef enum LoadStage {
    LOAD_BEGINNING,
    LOAD_BETWEEN,    /* sections */
    LOAD_IN_SECTION,
} LoadStage;

typedef struct LoadContext {
    Machine *machine;
    const StreamOptions *opt;
    /*
     * A command arrived (payload checked for length).  Return false to fail
     * the load.  NULL: OPEN_RETURN_PATH and PING are errors, SWITCHOVER_START
     * is ignored, everything else is refused by name.
     */
    bool (*command)(void *opaque, MigCommand cmd, const uint8_t *payload,
                    uint16_t len, Error **errp);
    void *opaque;
    MultiFDRecv *multifd; /* its channels may bring device state; or NULL */
    /* Result. */
    LoadStage stage;
    uint32_t section_id; /* the source's; IN_SECTION */
    char section[256 + 32]; /* its name and instance; empty: not known */
} LoadContext;

/*
 * Read a whole stream, header to description.  Takes the machine lock itself
 * around device state, never while it waits for the peer's RAM.  On success
 * all sections are loaded, machine_post_load() not yet called.  Errors name
 * section, instance, field.
 */
bool loadvm_state(QEMUFile *f, LoadContext *ctx, Error **errp);

/* ---- global state ---- */

/* Remember the run state to put into the stream (before stopping). */
void global_state_store(Machine *m);
/* What the stream said; false if it had no globalstate section. */
bool global_state_received(Machine *m, RunState *state);
void global_state_register(Machine *m, const bool *store_global_state);

#endif
