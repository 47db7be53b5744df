/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The migration engine as the program's start and end see it; everything else
 * comes through the commands of migration.json.
 */
#ifndef MIGRATION_MIGRATION_H
#define MIGRATION_MIGRATION_H

#include <json-c/json.h>

#include "qapi/hmp.h"
#include "system/machine.h"

typedef struct MigrationState MigrationState;
typedef struct IncomingState IncomingState;

/*
 * Make the outgoing and incoming halves for @m, register the "ram" and
 * "globalstate" sections, and attach both to the machine.  Before
 * machine_build().  Lock held.
 */
void migration_init(Machine *m);
/*
 * End whatever runs (cancel, yank), join all threads, free.  Lock held; it is
 * dropped while waiting.
 */
void migration_shutdown(Machine *m);

/* -global migration.PROP=VALUE.  After migration_init(). */
bool migration_set_global(Machine *m, const char *prop, const char *value,
                          Error **errp);
/* Check the options set so far against each other. */
bool migration_check_globals(Machine *m, Error **errp);

/*
 * -incoming TEXT: "defer", a URI, JSON or dotted keys.  @take_fd resolves fd:NAME.
 * Load failure ends the process with status 1 (exit-on-error).
 */
bool migration_incoming_start(Machine *m, QmpContext *ctx, const char *text,
                              Error **errp);

/*
 * What to do when an incoming migration fails that was to end the process:
 * @fn is called from the main loop, lock held, with the exit status.
 */
void migration_set_exit_handler(Machine *m,
                                void (*fn)(void *opaque, int status),
                                void *opaque);
/* -only-migratable: adding a blocker fails.  After migration_init(). */
void migration_set_only_migratable(Machine *m);

/* Tables for the human monitor (migration-hmp-cmds.c). */
void migration_register_hmp_commands(void);

#endif
