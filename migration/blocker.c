/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"
#include "migration/blocker.h"

#include "migration/outgoing.h"

typedef struct MigrationBlocker {
    unsigned id;
    char *reason;
} MigrationBlocker;

static void blocker_free(gpointer data)
{
    MigrationBlocker *b = data;

    g_free(b->reason);
    g_free(b);
}

bool migrate_add_blocker(Machine *m, const char *reason, unsigned *id,
                         Error **errp)
{
    MigrationState *s = machine_get_migration(m);
    MigrationBlocker *b;

    if (!s) {
        *id = 0; /* this machine cannot be migrated anyway */
        return true;
    }
    if (s->only_migratable) {
        error_setg(errp, "disallowing migration blocker "
                   "(--only-migratable) for: %s", reason);
        return false;
    }
    if (outgoing_running(s)) {
        error_setg(errp, "disallowing migration blocker "
                   "(migration/snapshot in progress) for: %s", reason);
        return false;
    }
    b = g_new0(MigrationBlocker, 1);
    b->id = ++s->next_blocker;
    b->reason = g_strdup(reason);
    s->blockers = g_slist_append(s->blockers, b);
    *id = b->id;
    return true;
}

void migrate_del_blocker(Machine *m, unsigned id)
{
    MigrationState *s = machine_get_migration(m);

    for (GSList *l = s ? s->blockers : NULL; l; l = l->next) {
        MigrationBlocker *b = l->data;

        if (b->id == id) {
            s->blockers = g_slist_delete_link(s->blockers, l);
            blocker_free(b);
            return;
        }
    }
}

const char *migration_first_blocker(MigrationState *s)
{
    return s->blockers ? ((MigrationBlocker *)s->blockers->data)->reason
                       : NULL;
}

strList *migration_blocked_reasons(MigrationState *s)
{
    strList *list = NULL, **tail = &list;

    for (GSList *l = s->blockers; l; l = l->next) {
        MigrationBlocker *b = l->data;

        QAPI_LIST_APPEND(tail, g_strdup(b->reason));
    }
    return list;
}

void migration_blockers_free(MigrationState *s)
{
    g_slist_free_full(s->blockers, blocker_free);
    s->blockers = NULL;
}
