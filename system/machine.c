/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine: making it, ending it, and what it owns. */
#include "qemu/osdep.h"

#include <sys/mman.h>

#include "machine-internal.h"
#include "qapi/qapi-events-run-state.h"
#include "qemu/cutils.h"
#include "system/chardev.h"

/* The sink of a machine nobody listens to. */
static void sink_drop(QapiEventSink *sink, const char *event,
                      json_object *data)
{
    json_object_put(data);
}

static QapiEventSink null_sink = { .emit = sink_drop };

/* Text as RFC 4122 writes it into bytes in the same order. */
static bool uuid_parse(const char *text, uint8_t uuid[16])
{
    const char *p = text;

    if (!g_uuid_string_is_valid(text)) {
        return false;
    }
    for (unsigned i = 0; i < 16; i++) {
        while (*p == '-') {
            p++;
        }
        uuid[i] = g_ascii_xdigit_value(p[0]) << 4 | g_ascii_xdigit_value(p[1]);
        p += 2;
    }
    return true;
}

static void serial_unref(gpointer chr)
{
    if (chr) {
        g_object_unref(chr);
    }
}

Machine *machine_new(const MachineConfig *config)
{
    Machine *m = g_new0(Machine, 1);

    qemu_mutex_init(&m->bql);
    qemu_mutex_init(&m->bql_gate);
    qemu_cond_init(&m->cpu_cond);
    m->type = config->type;
    m->name = g_strdup(config->name);
    m->kernel = g_strdup(config->kernel);
    m->has_uuid = config->uuid && uuid_parse(config->uuid, m->uuid);
    m->suppress_vmdesc = config->suppress_vmdesc;
    m->omit_from_core = config->omit_from_core;
    m->mem_merge = config->mem_merge;
    m->ram_size = config->ram_size;
    m->objects = config->objects ? config->objects : object_container_new();
    if (config->properties) {
        m->properties = g_hash_table_ref(config->properties);
    }
    m->cpus = g_ptr_array_new();
    m->devices = g_ptr_array_new();
    m->plugged = g_ptr_array_new_with_free_func(g_object_unref);
    m->displays = g_ptr_array_new();
    m->serials = g_ptr_array_new_with_free_func(serial_unref);
    m->savevm = savevm_registry_new();
    m->yank = yank_registry_new();
    m->sink = &null_sink;
    physmap_init(&m->map);
    vclock_init(m);
    runcontrol_init(m, config->incoming, config->autostart);
    machine_set_serials(m, config->serials, config->n_serials);
    if (config->memory_backend) {
        m->backend = g_object_ref(QEMU_MEMORY_BACKEND(config->memory_backend));
    }
    bql_lock(m);
    vclock_register(m, NULL);
    bql_unlock(m);
    return m;
}

bool machine_set_memory_backend(Machine *m, GObject *backend, Error **errp)
{
    if (!g_type_is_a(G_OBJECT_TYPE(backend), MEMORY_BACKEND_TYPE)) {
        error_setg(errp, "Object for the machine's RAM is a %s, not a memory "
                   "backend", G_OBJECT_TYPE_NAME(backend));
        return false;
    }
    g_set_object(&m->backend, QEMU_MEMORY_BACKEND(backend));
    return true;
}

void machine_set_serials(Machine *m, struct _Chardev *const *serials, size_t n)
{
    g_ptr_array_set_size(m->serials, 0);
    for (size_t i = 0; i < n; i++) {
        g_ptr_array_add(m->serials,
                        serials[i] ? g_object_ref(serials[i]) : NULL);
    }
}

/* Id of an object among the user's, for the name of its RAM block. */
static char *machine_object_id(Machine *m, GObject *obj)
{
    g_auto(GStrv) ids = object_container_ids(m->objects);

    for (size_t i = 0; ids && ids[i]; i++) {
        if (object_container_get(m->objects, ids[i]) == obj) {
            return g_strdup(ids[i]);
        }
    }
    return NULL;
}

static bool machine_build_backend_ram(Machine *m, Error **errp)
{
    uint64_t size = memory_backend_get_size(m->backend);
    g_autofree char *id = machine_object_id(m, G_OBJECT(m->backend));

    if (m->ram_size && m->ram_size != size) {
        error_setg(errp, "Machine memory size does not match the size of the "
                   "memory backend");
        return false;
    }
    m->ram_size = size;
    m->ram = machine_ram_add_backend(m, id ? id : m->type->default_ram_id,
                                     m->backend, errp);
    g_clear_object(&m->backend);
    return m->ram != NULL;
}

static bool machine_build_ram(Machine *m, Error **errp)
{
    if (!m->type->default_ram_id) {
        if (m->backend || m->ram_size) {
            error_setg(errp, "machine type '%s' has no RAM", m->type->name);
            return false;
        }
        return true;
    }
    if (m->backend) {
        return machine_build_backend_ram(m, errp);
    }
    if (!m->ram_size) {
        m->ram_size = m->type->default_ram_size;
    }
    if (!m->ram_size) {
        return true; /* "none" without -m */
    }
    m->ram = machine_ram_add(m, m->type->default_ram_id, m->ram_size,
                             RAM_MIGRATABLE, errp);
    return m->ram != NULL;
}

/* As good as the host can: it is no error if it cannot. */
static void machine_advise_ram(Machine *m)
{
    if (m->ram && m->omit_from_core) {
        madvise(m->ram->host, m->ram->max_length, MADV_DONTDUMP);
    }
    if (m->ram && m->mem_merge) {
        madvise(m->ram->host, m->ram->max_length, MADV_MERGEABLE);
    }
}

bool machine_build(Machine *m, Error **errp)
{
    AccelClass *ac = machine_accel_class(m);

    if (!machine_build_ram(m, errp)) {
        return false;
    }
    machine_advise_ram(m);
    if (m->type->init) {
        if (!m->type->init(m, errp)) {
            return false;
        }
    } else if (m->ram) {
        memory_map_ram(m, 0, m->ram, 0, m->ram_size);
    }
    if (!devices_realize_plugged(m, errp)) {
        return false;
    }
    if (ac && ac->memory_ready && !ac->memory_ready(m->accel, errp)) {
        return false;
    }
    machine_reset(m, SHUTDOWN_CAUSE_NONE);
    return true;
}

void machine_free(Machine *m)
{
    if (!m) {
        return;
    }
    bql_lock(m);
    machine_stop_cpus(m);
    cpus_destroy_all(m);
    devices_free_all(m);
    dirty_log_stop(m);
    g_clear_pointer(&m->dirty_host, dirty_host_free);
    g_clear_object(&m->accel);
    vclock_unregister(m);
    vclock_destroy(m);
    runcontrol_destroy(m);
    machine_ram_free_all(m);
    physmap_destroy(&m->map);
    g_clear_object(&m->backend);
    g_ptr_array_free(m->serials, true);
    bql_unlock(m);

    object_container_free(m->objects);
    savevm_registry_free(m->savevm);
    yank_registry_free(m->yank);
    g_clear_pointer(&m->properties, g_hash_table_unref);
    g_ptr_array_free(m->cpus, true);
    g_ptr_array_free(m->devices, true);
    g_ptr_array_free(m->plugged, true);
    g_ptr_array_free(m->displays, true);
    g_clear_pointer(&m->pins, g_ptr_array_unref);
    qemu_cond_destroy(&m->cpu_cond);
    qemu_mutex_destroy(&m->bql);
    qemu_mutex_destroy(&m->bql_gate);
    g_free(m->name);
    g_free(m->kernel);
    g_free(m);
}

void machine_reset(Machine *m, ShutdownCause cause)
{
    AccelClass *ac = machine_accel_class(m);
    Error *err = NULL;

    cpus_reset_all(m);
    devices_reset_all(m);
    if (ac && ac->devices_put && !ac->devices_put(m->accel, &err)) {
        error_prepend(&err, "reset of the machine: ");
        error_report_err(err);
    }
    if (cause != SHUTDOWN_CAUSE_NONE
        && cause != SHUTDOWN_CAUSE_SUBSYSTEM_RESET) {
        qapi_event_send_reset(m->sink, cause >= SHUTDOWN_CAUSE_GUEST_SHUTDOWN,
                              cause);
    }
}

bool machine_pre_save(Machine *m, Error **errp)
{
    AccelClass *ac = machine_accel_class(m);

    return cpus_fetch_all(m, errp)
           && (!ac || !ac->devices_get || ac->devices_get(m->accel, errp));
}

bool machine_post_load(Machine *m, Error **errp)
{
    AccelClass *ac = machine_accel_class(m);

    /*
     * The accelerator's interrupt controllers before the CPUs: writing an
     * IOAPIC raises what it has pending, which the LAPICs know of already.
     */
    return (!ac || !ac->devices_put || ac->devices_put(m->accel, errp))
           && cpus_store_all(m, errp);
}

/* ---- what it owns and knows ---- */

const MachineType *machine_get_type(Machine *m)
{
    return m->type;
}

const char *machine_get_name(Machine *m)
{
    return m->name;
}

bool machine_get_uuid(Machine *m, uint8_t uuid[16])
{
    memcpy(uuid, m->uuid, sizeof(m->uuid));
    return m->has_uuid;
}

uint64_t machine_get_ram_size(Machine *m)
{
    return m->ram_size;
}

RAMBlock *machine_get_ram(Machine *m)
{
    return m->ram;
}

const char *machine_get_kernel(Machine *m)
{
    return m->kernel;
}

struct _Chardev *machine_get_serial(Machine *m, unsigned n)
{
    return n < m->serials->len ? g_ptr_array_index(m->serials, n) : NULL;
}

bool machine_get_suppress_vmdesc(Machine *m)
{
    return m->suppress_vmdesc;
}

ObjectContainer *machine_get_objects(Machine *m)
{
    return m->objects;
}

struct SaveStateRegistry *machine_get_savevm(Machine *m)
{
    return m->savevm;
}

YankRegistry *machine_get_yank(Machine *m)
{
    return m->yank;
}

QapiEventSink *machine_get_event_sink(Machine *m)
{
    return m->sink;
}

void machine_set_event_sink(Machine *m, QapiEventSink *sink)
{
    m->sink = sink ? sink : &null_sink;
}

struct MigrationState *machine_get_migration(Machine *m)
{
    return m->migration;
}

void machine_set_migration(Machine *m, struct MigrationState *s)
{
    m->migration = s;
}

struct IncomingState *machine_get_incoming(Machine *m)
{
    return m->incoming;
}

void machine_set_incoming(Machine *m, struct IncomingState *s)
{
    m->incoming = s;
}

Accel *machine_get_accel(Machine *m)
{
    return m->accel;
}

void machine_set_accel(Machine *m, Accel *accel)
{
    g_set_object(&m->accel, accel);
}
