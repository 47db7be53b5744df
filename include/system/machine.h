/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The machine: owner of RAM, the physical map, CPUs, devices, run state and
 * the registry of savable state.  Several may exist in one process.
 */
#ifndef SYSTEM_MACHINE_H
#define SYSTEM_MACHINE_H

#include "qapi/context.h"
#include "qapi/qapi-types-run-state.h"
#include "qemu/error.h"
#include "qemu/object.h"
#include "qemu/thread.h"
#include "qemu/yank.h"
#include "system/memory.h"

struct SaveStateRegistry; /* include/migration/register.h */
struct MigrationState;    /* include/migration/migration.h */
struct IncomingState;
struct _Chardev; /* include/system/chardev.h */

/* A switch of a machine type, -machine NAME=on|off[|auto]. */
typedef struct MachineProperty {
    const char *name; /* NULL: end of the table */
    const char *desc;
    bool has_auto;    /* "auto" is a value too */
    bool off_only;    /* a device of stock QEMU that is not here */
} MachineProperty;

typedef struct MachineType {
    const char *name;          /* on the wire and for -machine */
    const char *desc;
    const char *default_ram_id; /* block name; NULL: machine has no RAM */
    uint64_t default_ram_size;
    unsigned max_cpus;
    bool has_cpu;
    const MachineProperty *properties; /* or NULL */
    const char *alias;         /* or NULL */
    const char *default_cpu_type; /* or NULL */
    bool is_default;
    bool has_acpi;
    /*
     * RAM blocks that stock QEMU's machine of this type has and this one has
     * not, NULL-terminated: their pages may be dropped when they arrive.  A
     * name that ends in "*" stands for all that begin so.  NULL: none.
     */
    const char *const *ram_ignored;
    /* Build devices; RAM block and accelerator exist.  Lock held. */
    bool (*init)(Machine *m, Error **errp);
} MachineType;

/* Known types, NULL-terminated (system/hw). */
extern const MachineType *const machine_types[];
const MachineType *machine_type_find(const char *name);

/* How a machine is to be made; strings are borrowed during machine_new(). */
typedef struct MachineConfig {
    const MachineType *type;
    uint64_t ram_size;      /* bytes; 0: the type's default */
    GObject *memory_backend; /* or NULL: anonymous RAM */
    const char *name;       /* -name, or NULL */
    const char *uuid;       /* 36 characters, or NULL: unset */
    const char *kernel;     /* -kernel, or NULL */
    struct _Chardev *const *serials; /* -serial; elements may be NULL */
    size_t n_serials;
    GHashTable *properties; /* machine_set_property(); or NULL */
    bool suppress_vmdesc;
    bool omit_from_core;    /* RAM is no part of core dumps */
    bool mem_merge;         /* the host may merge equal pages of RAM */
    bool incoming;          /* starts in inmigrate */
    bool autostart;         /* no -S */
    ObjectContainer *objects; /* user objects; owned by the machine then */
} MachineConfig;

/*
 * Set a property of config->type, e.g. "rtc" to "off"; creates
 * config->properties (text to text, the caller drops its reference with
 * g_hash_table_unref() after machine_new()).  Error: unknown, or a bad value.
 */
bool machine_set_property(MachineConfig *config, const char *name,
                          const char *value, Error **errp);
/* "on", "off", "auto", or NULL: not set. */
const char *machine_get_property(Machine *m, const char *name);

/*
 * Make a machine without accelerator, RAM and devices, then (machine_build)
 * add them.  In between the caller sets the accelerator
 * (include/system/accel.h).
 */
Machine *machine_new(const MachineConfig *config);
/*
 * Between machine_new() and machine_build(), lock held: take @backend (a
 * MemoryBackend) as the machine's RAM, in place of config->memory_backend.
 */
bool machine_set_memory_backend(Machine *m, GObject *backend, Error **errp);
/* The same for -serial; @n elements that may be NULL, references are taken. */
void machine_set_serials(Machine *m, struct _Chardev *const *serials,
                         size_t n);
/*
 * Make RAM, devices and CPUs, and reset them.  Lock held.  After a failure the
 * machine can only be freed.
 */
bool machine_build(Machine *m, Error **errp);
/*
 * End and join the vCPU threads.  Lock held (dropped while waiting), guest
 * stopped; idempotent.  After it nothing emits events any more.
 */
void machine_stop_cpus(Machine *m);
/*
 * Free all that the machine owns, its objects included.  Lock not held; its
 * migrations were shut down and its CPUs need not run any more.
 */
void machine_free(Machine *m);

/* The big lock of this machine. */
void bql_lock(Machine *m);
void bql_unlock(Machine *m);
/*
 * Does the calling thread hold it?  Waiting on a condition with the lock, and
 * the main loop's poll, count as holding.
 */
bool bql_locked(Machine *m);
/* For main_loop_set_lock(), and to wait for conditions with. */
QemuMutex *machine_get_lock(Machine *m);
QemuMutex *machine_get_lock_gate(Machine *m);

const MachineType *machine_get_type(Machine *m);
const char *machine_get_name(Machine *m);      /* -name, or NULL */
/* 16 bytes in RFC 4122 order; false if none was set (zeros). */
bool machine_get_uuid(Machine *m, uint8_t uuid[16]);
uint64_t machine_get_ram_size(Machine *m);
RAMBlock *machine_get_ram(Machine *m); /* the main block; NULL: no RAM */
const char *machine_get_kernel(Machine *m);    /* -kernel, or NULL */
/* Back-end of serial port @n (a reference of the machine's), or NULL. */
struct _Chardev *machine_get_serial(Machine *m, unsigned n);
bool machine_get_suppress_vmdesc(Machine *m);
ObjectContainer *machine_get_objects(Machine *m);
struct SaveStateRegistry *machine_get_savevm(Machine *m);
YankRegistry *machine_get_yank(Machine *m);

/* Where events of this machine go; never NULL (a sink that drops them). */
QapiEventSink *machine_get_event_sink(Machine *m);
void machine_set_event_sink(Machine *m, QapiEventSink *sink);

/* The migrations of this machine, set by whoever made them; may be NULL. */
struct MigrationState *machine_get_migration(Machine *m);
void machine_set_migration(Machine *m, struct MigrationState *s);
struct IncomingState *machine_get_incoming(Machine *m);
void machine_set_incoming(Machine *m, struct IncomingState *s);

/* Reset all devices and CPUs.  Lock held, guest not running. */
void machine_reset(Machine *m, ShutdownCause cause);

/* Register the HMP commands about machines; start-up only. */
void machine_register_hmp_commands(void);
/* Announce the machine types as types of objects (NAME-machine). */
void machine_register_types(void);

/*
 * Bring state that lives outside (the accelerator) into the structures that
 * sections describe, before saving; and back, after loading.  Lock held,
 * guest stopped.
 */
bool machine_pre_save(Machine *m, Error **errp);
bool machine_post_load(Machine *m, Error **errp);

#endif
