/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands of machine.json. */
#include "qemu/osdep.h"

#include "config-host.h"
#include "hostmem-internal.h"
#include "machine-internal.h"
#include "qapi/qapi-commands-machine.h"

TargetInfo *qmp_query_target(QmpContext *ctx, Error **errp)
{
    TargetInfo *info = g_new0(TargetInfo, 1);

    info->arch = SYS_EMU_TARGET_X86_64;
    return info;
}

MachineInfoList *qmp_query_machines(QmpContext *ctx, Error **errp)
{
    MachineInfoList *list = NULL, **tail = &list;

    for (size_t i = 0; machine_types[i]; i++) {
        const MachineType *t = machine_types[i];
        MachineInfo *info = g_new0(MachineInfo, 1);

        info->name = g_strdup(t->name);
        info->alias = g_strdup(t->alias);
        info->has_is_default = info->is_default = t->is_default;
        info->cpu_max = t->max_cpus;
        info->default_cpu_type = g_strdup(t->default_cpu_type);
        info->default_ram_id = g_strdup(t->default_ram_id);
        info->acpi = t->has_acpi;
        QAPI_LIST_APPEND(tail, info);
    }
    return list;
}

CurrentMachineParams *qmp_query_current_machine(QmpContext *ctx, Error **errp)
{
    return g_new0(CurrentMachineParams, 1);
}

NameInfo *qmp_query_name(QmpContext *ctx, Error **errp)
{
    NameInfo *info = g_new0(NameInfo, 1);

    info->name = g_strdup(machine_get_name(ctx->machine));
    return info;
}

UuidInfo *qmp_query_uuid(QmpContext *ctx, Error **errp)
{
    UuidInfo *info = g_new0(UuidInfo, 1);
    g_autoptr(GString) text = g_string_new(NULL);
    uint8_t uuid[16];

    machine_get_uuid(ctx->machine, uuid);
    for (unsigned i = 0; i < sizeof(uuid); i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            g_string_append_c(text, '-');
        }
        g_string_append_printf(text, "%02x", uuid[i]);
    }
    info->UUID = g_strdup(text->str);
    return info;
}

/* ---- accelerators ---- */

static bool accel_in_use(Machine *m, const char *name)
{
    AccelClass *ac = machine_accel_class(m);

    return ac && g_strcmp0(ac->name, name) == 0;
}

KvmInfo *qmp_query_kvm(QmpContext *ctx, Error **errp)
{
    KvmInfo *info = g_new0(KvmInfo, 1);

    info->enabled = accel_in_use(ctx->machine, "kvm");
    info->present = CONFIG_KVM;
    return info;
}

/* "kvm-accel" is ACCELERATOR_KVM. */
static bool accelerator_of_type(const char *type_name, Accelerator *out)
{
    g_autofree char *name = g_strdup(type_name);
    char *suffix = g_strrstr(name, "-accel");

    if (suffix) {
        *suffix = '\0';
    }
    return Accelerator_parse(name, out);
}

static void add_accelerator(const ObjectTypeInfo *type, void *opaque)
{
    AcceleratorList ***tail = opaque;
    Accelerator a;

    if (!type->abstract && accelerator_of_type(type->name, &a)) {
        QAPI_LIST_APPEND(*tail, a);
    }
}

AcceleratorInfo *qmp_query_accelerators(QmpContext *ctx, Error **errp)
{
    AccelClass *ac = machine_accel_class(ctx->machine);
    AcceleratorInfo *info;
    AcceleratorList **tail;
    Accelerator enabled;

    if (!ac || !Accelerator_parse(ac->name, &enabled)) {
        error_setg(errp, "no accelerator is in use");
        return NULL;
    }
    info = g_new0(AcceleratorInfo, 1);
    info->enabled = enabled;
    tail = &info->present;
    object_type_foreach("accel", add_accelerator, &tail);
    return info;
}

/* ---- CPUs ---- */

CpuInfoFastList *qmp_query_cpus_fast(QmpContext *ctx, Error **errp)
{
    CpuInfoFastList *list = NULL, **tail = &list;
    Machine *m = ctx->machine;

    for (unsigned i = 0; i < machine_cpu_count(m); i++) {
        CPUState *cpu = machine_get_cpu(m, i);
        CpuInfoFast *info = g_new0(CpuInfoFast, 1);

        info->cpu_index = i;
        info->qom_path = cpu_qom_path(i);
        info->thread_id = cpu->thread_id;
        info->target = SYS_EMU_TARGET_X86_64;
        /* One thread on one core per socket. */
        info->props = g_new0(CpuInstanceProperties, 1);
        info->props->has_socket_id = true;
        info->props->socket_id = i;
        info->props->has_core_id = true;
        info->props->has_thread_id = true;
        QAPI_LIST_APPEND(tail, info);
    }
    return list;
}

/* ---- memory ---- */

MemoryInfo *qmp_query_memory_size_summary(QmpContext *ctx, Error **errp)
{
    MemoryInfo *info = g_new0(MemoryInfo, 1);

    info->base_memory = machine_get_ram_size(ctx->machine);
    info->has_plugged_memory = true; /* there is no place for more */
    return info;
}

static Memdev *memdev_of_backend(const char *id, MemoryBackend *backend)
{
    const MemoryBackendOptions *o = memory_backend_options(backend);
    Memdev *dev = g_new0(Memdev, 1);

    dev->id = g_strdup(id);
    dev->size = o->size;
    dev->merge = o->merge;
    dev->dump = o->dump;
    dev->prealloc = o->prealloc;
    dev->share = o->share;
    dev->has_reserve = true;
    dev->reserve = o->reserve;
    dev->policy = HOST_MEM_POLICY_DEFAULT;
    return dev;
}

/* The RAM that the machine made for want of a backend. */
static Memdev *memdev_of_block(Machine *m, const RAMBlock *b)
{
    Memdev *dev = g_new0(Memdev, 1);

    dev->id = g_strdup(b->idstr);
    dev->size = b->used_length;
    dev->dump = !m->omit_from_core;
    dev->merge = m->mem_merge;
    dev->share = b->flags & RAM_SHARED;
    dev->has_reserve = true;
    dev->reserve = true;
    dev->policy = HOST_MEM_POLICY_DEFAULT;
    return dev;
}

MemdevList *qmp_query_memdev(QmpContext *ctx, Error **errp)
{
    Machine *m = ctx->machine;
    g_auto(GStrv) ids = object_container_ids(m->objects);
    MemdevList *list = NULL, **tail = &list;

    if (m->ram && !container_of(m->ram, RAMBlockPriv, block)->backend) {
        QAPI_LIST_APPEND(tail, memdev_of_block(m, m->ram));
    }
    for (size_t i = 0; ids[i]; i++) {
        GObject *obj = object_container_get(m->objects, ids[i]);

        if (g_type_is_a(G_OBJECT_TYPE(obj), MEMORY_BACKEND_TYPE)) {
            QAPI_LIST_APPEND(tail,
                             memdev_of_backend(ids[i],
                                               QEMU_MEMORY_BACKEND(obj)));
        }
    }
    return list;
}

IOThreadInfoList *qmp_query_iothreads(QmpContext *ctx, Error **errp)
{
    return NULL;
}

MemoryDeviceInfoList *qmp_query_memory_devices(QmpContext *ctx, Error **errp)
{
    return NULL;
}

HotpluggableCPUList *qmp_query_hotpluggable_cpus(QmpContext *ctx, Error **errp)
{
    error_setg(errp, "machine does not support hot-plugging CPUs");
    return NULL;
}

bool qmp_inject_nmi(QmpContext *ctx, Error **errp)
{
    error_setg(errp, "machine does not provide NMIs");
    return false;
}
