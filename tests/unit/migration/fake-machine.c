/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"

#include "fake-machine.h"
#include "migration/register.h"

Machine *fake_machine_new(const char *type_name)
{
    Machine *m = g_new0(Machine, 1);

    m->type.name = type_name;
    m->runstate = RUN_STATE_RUNNING;
    m->reg = savevm_registry_new();
    return m;
}

void fake_machine_free(Machine *m)
{
    savevm_registry_free(m->reg);
    g_free(m);
}

void bql_lock(Machine *m)
{
    g_assert_false(m->locked);
    m->locked = true;
    m->lock_count++;
}

void bql_unlock(Machine *m)
{
    g_assert_true(m->locked);
    m->locked = false;
}

bool bql_locked(Machine *m)
{
    return m->locked;
}

const MachineType *machine_get_type(Machine *m)
{
    return &m->type;
}

bool machine_get_uuid(Machine *m, uint8_t uuid[16])
{
    memcpy(uuid, m->uuid, 16);
    return m->has_uuid;
}

bool machine_get_suppress_vmdesc(Machine *m)
{
    return m->suppress_vmdesc;
}

struct SaveStateRegistry *machine_get_savevm(Machine *m)
{
    return m->reg;
}

RunState runstate_get(Machine *m)
{
    return m->runstate;
}

/*
 * Linked with the channels that carry device state, but there are none: the
 * machine has no memory and no objects.
 */
ObjectContainer *machine_get_objects(Machine *m)
{
    g_assert_not_reached();
}

uint64_t ram_block_pages(const RAMBlock *b)
{
    g_assert_not_reached();
}

bool ram_block_presence(const RAMBlock *b, unsigned long *map)
{
    g_assert_not_reached();
}
