/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reasons why a machine cannot be migrated now. */
#ifndef MIGRATION_BLOCKER_H
#define MIGRATION_BLOCKER_H

#include "qemu/error.h"

typedef struct Machine Machine;

/*
 * Add a reason (copied); `migrate` is refused with it.  Fails when a migration
 * runs or the machine was started -only-migratable.  Returns a handle in
 * *@id.  Machine lock held.
 */
bool migrate_add_blocker(Machine *m, const char *reason, unsigned *id,
                         Error **errp);
void migrate_del_blocker(Machine *m, unsigned id);

#endif
