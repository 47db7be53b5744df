/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine as its own parts see it. */
#ifndef SYSTEM_MACHINE_INTERNAL_H
#define SYSTEM_MACHINE_INTERNAL_H

#include "hw/device.h"
#include "migration/register.h"
#include "system/accel.h"
#include "system/cpu.h"
#include "system/dirty.h"
#include "system/display.h"
#include "system/hostmem.h"
#include "system/machine.h"
#include "system/runstate.h"
#include "system/vclock.h"

/* A block together with what only the machine needs to know about it. */
typedef struct RAMBlockPriv {
    RAMBlock block;         /* first: the public part */
    HostMemory mem;         /* its own memory, unless @backend is set */
    MemoryBackend *backend; /* reference */
    unsigned long *dirty;   /* the map, kept while logging is off */
} RAMBlockPriv;

/* Registers in the guest-physical map or among the ports. */
typedef struct IORegion {
    char *name;
    uint64_t addr, size;
    const IORegionOps *ops;
    void *opaque;
} IORegion;

/* A piece of the guest-physical map; pieces do not overlap. */
typedef struct MapPiece {
    uint64_t gpa, size;
    RAMBlock *block;  /* or NULL: */
    IORegion *io;
    uint64_t offset;  /* of the piece's first byte in block or io */
} MapPiece;

typedef struct PhysMap {
    GArray *pieces;    /* MapPiece, by address */
    GArray *ranges;    /* MemoryRange: the RAM among them */
    GPtrArray *ports;  /* IORegion, by port */
    GPtrArray *regions; /* all IORegion, owned */
} PhysMap;

/*
 * The virtual clock.  While it runs: host time plus the offset; while it
 * stands: the offset itself.  In manual mode always the latter.
 */
typedef struct VClock {
    QemuMutex lock; /* leaf; for readers in any thread */
    bool running;
    bool manual;
    int64_t offset_ns;
    int64_t offset_ticks;
    int64_t manual_ns;
    GList *timers;   /* armed VTimers by expiry; machine lock */
    GSource *source; /* fires at the first one's expiry */
    struct TimerSection *section; /* vclock-vmstate.c */
} VClock;

typedef struct RunStateNotifier {
    RunStateFn *fn;
    void *opaque;
} RunStateNotifier;

typedef struct RunControl {
    RunState state;     /* written with the machine lock, read without */
    bool autostart;
    bool was_suspended;
    bool changing;      /* see runcontrol_begin_change() */
    QemuCond change_cond;
    GArray *notifiers;
    bool no_reboot, no_shutdown;
    void (*shutdown_fn)(void *opaque);
    void *shutdown_opaque;
    /* Requests; under request_lock, which is a leaf. */
    QemuMutex request_lock;
    ShutdownCause reset, shutdown;
    bool stop;
    RunState stop_state;
    GSource *source;    /* wakes the main loop for them */
} RunControl;

struct Machine {
    QemuMutex bql;
    QemuMutex bql_gate;      /* see bql_lock() */
    const MachineType *type;
    char *name;
    char *kernel;
    uint8_t uuid[16];
    bool has_uuid;
    bool suppress_vmdesc;
    bool omit_from_core, mem_merge; /* as in MachineConfig */
    uint64_t ram_size;
    GHashTable *properties;
    GPtrArray *serials;      /* references or NULL */
    ObjectContainer *objects;
    MemoryBackend *backend;  /* reference, until it is a block */

    RAMBlock *ram_first;
    RAMBlock *ram;
    PhysMap map;
    VClock clock;
    RunControl run;

    Accel *accel;            /* reference */
    GPtrArray *cpus;         /* CPUState */
    QemuCond cpu_cond;       /* a CPU reached what was asked for */
    GPtrArray *devices;      /* Device, references */
    GPtrArray *plugged;      /* Device; references until machine_build() */
    GPtrArray *displays;     /* const Display, borrowed */
    GPtrArray *pins;         /* IRQPins, owned; NULL: none */

    const DirtySource *dirty_source;
    void *dirty_opaque;
    struct DirtyHost *dirty_host;
    bool dirty_enabled;      /* atomic */

    SaveStateRegistry *savevm;
    YankRegistry *yank;
    QapiEventSink *sink;
    struct MigrationState *migration;
    struct IncomingState *incoming;
};

/* machine-ram.c */
RAMBlock *machine_ram_add_backend(Machine *m, const char *idstr,
                                  MemoryBackend *backend, Error **errp);
void machine_ram_free_all(Machine *m);

/* physmem.c */
void physmap_init(PhysMap *map);
void physmap_destroy(PhysMap *map);

/* vclock.c; the functions to start and stop need the machine lock */
void vclock_init(Machine *m);
void vclock_destroy(Machine *m);
void vclock_start(Machine *m);
void vclock_stop(Machine *m);

/* vclock-vmstate.c: section `timer` */
bool vclock_register(Machine *m, Error **errp);
void vclock_unregister(Machine *m);
/* Offsets as the section has them; the clock must stand. */
void vclock_get_offsets(Machine *m, int64_t *ticks, int64_t *ns);
void vclock_set_offsets(Machine *m, int64_t ticks, int64_t ns);

/* runstate.c, runstate-requests.c */
void runcontrol_init(Machine *m, bool incoming, bool autostart);
void runcontrol_destroy(Machine *m);
void runcontrol_requests_init(Machine *m);
void runcontrol_requests_destroy(Machine *m);
void runcontrol_wake(Machine *m); /* look at the requests again */
/*
 * Around waiting for vCPUs, which drops the lock: nobody else stops, starts or
 * resets the guest meanwhile.
 */
void runcontrol_begin_change(Machine *m);
void runcontrol_end_change(Machine *m);

/* cpus.c */
void cpus_reset_all(Machine *m);
CPUState *cpus_self(Machine *m); /* the vCPU whose thread this is, or NULL */
bool cpus_fetch_all(Machine *m, Error **errp);
bool cpus_store_all(Machine *m, Error **errp);

/*
 * cpu-x86-walk.c.  First bring the registers into cpu->env: a running guest is
 * held for that moment, and what is read by them later is not of one moment.
 */
bool cpu_registers_fetch(CPUState *cpu, Error **errp);
/* Where the page tables lead; false: to nothing. */
bool cpu_x86_translate(CPUState *cpu, uint64_t va, uint64_t *pa);
bool cpu_read_virtual(CPUState *cpu, uint64_t va, void *buf, size_t len);

/* qom-qmp-cmds.c: the tree that clients see; freed by g_free() */
#define CPU_TYPE_NAME "x86_64-cpu"
char *cpu_qom_path(unsigned index);
char *machine_type_class_name(const MachineType *type); /* NAME-machine */

/* cpu-hmp-cmds.c, devices-hmp-cmds.c, memory-hmp-cmds.c */
void cpu_register_hmp_commands(void);
void devices_register_hmp_commands(void);
void memory_register_hmp_commands(void);

/* device.c */
bool devices_realize_plugged(Machine *m, Error **errp);
Device *devices_find(Machine *m, const char *id); /* of -device; or NULL */
void devices_reset_all(Machine *m);
void devices_free_all(Machine *m);

/* dirty-host.c */
void dirty_host_free(struct DirtyHost *h);

/*
 * A source of the default main context whose callback runs with the machine's
 * lock held, whether the loop holds it or not.  g_source_set_ready_time()
 * makes it run once.
 */
GSource *machine_source_new(Machine *m, const char *name,
                            void (*fn)(Machine *m));

static inline AccelClass *machine_accel_class(Machine *m)
{
    return m->accel ? (AccelClass *)G_OBJECT_GET_CLASS(m->accel) : NULL;
}

#endif
