/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The big lock of a machine, and who holds it. */
#include "qemu/osdep.h"

#include "machine-internal.h"

/*
 * The locks that this thread holds, by machine.  A record of the thread and
 * not of the lock: it stays right while the thread sleeps in a condition or
 * in the main loop's poll, which drop the mutex without our knowing.  A thread
 * holds more than one only in tests with several machines.
 */
#define BQL_MAX_HELD 8
static __thread Machine *held[BQL_MAX_HELD];

static Machine **bql_slot(Machine *m)
{
    for (unsigned i = 0; i < BQL_MAX_HELD; i++) {
        if (held[i] == m) {
            return &held[i];
        }
    }
    return NULL;
}

bool bql_locked(Machine *m)
{
    return bql_slot(m) != NULL;
}

void bql_lock(Machine *m)
{
    Machine **slot;

    g_assert(!bql_locked(m));
    slot = bql_slot(NULL);
    g_assert(slot);
    /*
     * A vCPU that lets go for a device access is back within a microsecond,
     * sooner than a sleeping waiter wakes up, and would keep everybody else
     * out for as long as the guest prints.  So one waits in front of the
     * lock, at the gate, which also stops the one who comes back.
     */
    qemu_mutex_lock(&m->bql_gate);
    qemu_mutex_lock(&m->bql);
    qemu_mutex_unlock(&m->bql_gate);
    *slot = m;
}

void bql_unlock(Machine *m)
{
    Machine **slot = bql_slot(m);

    g_assert(slot);
    *slot = NULL;
    qemu_mutex_unlock(&m->bql);
}

QemuMutex *machine_get_lock(Machine *m)
{
    return &m->bql;
}

QemuMutex *machine_get_lock_gate(Machine *m)
{
    return &m->bql_gate;
}

/* ---- sources of the main loop that work under the lock ---- */

typedef struct MachineSource {
    GSource source;
    Machine *machine;
    void (*fn)(Machine *m);
} MachineSource;

static gboolean machine_source_dispatch(GSource *source, GSourceFunc cb,
                                        gpointer data)
{
    MachineSource *s = (MachineSource *)source;
    bool locked = bql_locked(s->machine);

    /* One shot: whoever has news sets the time again. */
    g_source_set_ready_time(source, -1);
    if (!locked) {
        bql_lock(s->machine);
    }
    s->fn(s->machine);
    if (!locked) {
        bql_unlock(s->machine);
    }
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs machine_source_funcs = {
    .dispatch = machine_source_dispatch,
};

GSource *machine_source_new(Machine *m, const char *name,
                            void (*fn)(Machine *m))
{
    GSource *source = g_source_new(&machine_source_funcs,
                                   sizeof(MachineSource));
    MachineSource *s = (MachineSource *)source;

    s->machine = m;
    s->fn = fn;
    g_source_set_name(source, name);
    g_source_attach(source, NULL);
    return source;
}
