/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arbitrary bytes as the main channel of a migration: the stream, described
 * state of every kind, and the program's own RAM section, on real memory.
 *
 * With -fsanitize=fuzzer LLVMFuzzerTestOneInput() is driven by libFuzzer.
 * Otherwise fuzz-main.c runs it over files and over mutations of them.
 */
#include "qemu/osdep.h"

#include "fuzz-loadvm.h"
#include "fuzz-replay.h"
#include "migration/ram.h"
#include "migration/savevm-internal.h"
#include "qemu/object.h"
#include "vmstate-object.h"

/* Streams up to this size go to the small machine, others to the large. */
#define SMALL_STREAM (256 * KiB)

static const MachineType fuzz_type = { .name = "none", .max_cpus = 1 };
const MachineType *const machine_types[] = { &fuzz_type, NULL };

static const VMStateDescription vmstate_fuzz_tree[] = {
    {
        .name = "tree-value",
        .fields = (const VMStateField[]){
            VMSTATE_UINT16(b, Inner),
            VMSTATE_END_OF_LIST()
        },
    },
    {
        .name = "tree-key",
        .fields = (const VMStateField[]){
            VMSTATE_UINT8(a, Inner),
            VMSTATE_END_OF_LIST()
        },
    },
};

static const VMStateDescription vmstate_fuzz_deep = {
    .name = "everything/sub/deep",
    .version_id = 1,
    .fields = (const VMStateField[]){
        VMSTATE_INT32(inner_count, Dev),
        VMSTATE_STRUCT_VARRAY_ALLOC(inners, Dev, inner_count, vmstate_owner,
                                    Inner),
        VMSTATE_END_OF_LIST()
    },
};

static const VMStateDescription vmstate_fuzz_sub = {
    .name = "everything/sub",
    .version_id = 1,
    .fields = (const VMStateField[]){
        VMSTATE_UINT32(size, Dev),
        VMSTATE_VBUFFER_ALLOC_UINT32(vbuf, Dev, size),
        VMSTATE_GQUEUE(queue, Dev, 0, vmstate_pair, Inner),
        VMSTATE_END_OF_LIST()
    },
    .subsections =
        (const VMStateDescription *const[]){ &vmstate_fuzz_deep, NULL },
};

static const VMStateDescription vmstate_fuzz = {
    .name = "everything",
    .version_id = 3,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]){
        VMSTATE_BOOL(flag, Dev),
        VMSTATE_UINT32(bits, Dev),
        VMSTATE_BITMAP_UINT32(pmap, Dev, bits),
        VMSTATE_UINT32(count, Dev),
        VMSTATE_VARRAY_UINT32_ALLOC(varray, Dev, count, vmstate_info_uint16,
                                    uint16_t),
        VMSTATE_VARRAY_UINT32(some, Dev, count, vmstate_info_uint32,
                              uint32_t),
        VMSTATE_UINT8(few, Dev),
        VMSTATE_STRUCT_VARRAY_UINT8(fixed, Dev, few, vmstate_pair, Inner),
        VMSTATE_ARRAY_OF_POINTER_TO_STRUCT(pointers, Dev, 3, vmstate_pair,
                                           Inner),
        VMSTATE_ARRAY_OF_POINTER_TO_STRUCT_ALLOC(made, Dev, 3, vmstate_owner,
                                                 Inner),
        VMSTATE_GTREE(tree, Dev, 2, vmstate_fuzz_tree, Inner, Inner),
        VMSTATE_GTREE_DIRECT_KEY(direct, Dev, 3, vmstate_fuzz_tree[0], Inner),
        VMSTATE_END_OF_LIST()
    },
    .subsections =
        (const VMStateDescription *const[]){ &vmstate_fuzz_sub, NULL },
};

static const StreamOptions fuzz_options = {
    .send_configuration = true,
    .send_section_footer = true,
    .store_global_state = true,
};

typedef struct FuzzMachine {
    Machine *m;
    RAMState *ram;
} FuzzMachine;

static FuzzMachine *fuzz_machine_new(uint64_t ram_size)
{
    static const RAMConfig config = { .detect_zero = true };
    MachineConfig mc = {
        .type = &fuzz_type,
        .incoming = true,
        .uuid = "12345678-9abc-def0-1122-334455667788", /* as recorded */
        .objects = object_container_new(),
    };
    FuzzMachine *fm = g_new0(FuzzMachine, 1);

    fm->m = machine_new(&mc);
    bql_lock(fm->m);
    fm->ram = ram_register(fm->m, NULL);
    ram_configure(fm->ram, &config);
    global_state_register(fm->m, &fuzz_options.store_global_state);
    g_assert_true(machine_build(fm->m, NULL));
    g_assert_nonnull(machine_ram_add(fm->m, "ram0", ram_size, RAM_MIGRATABLE,
                                     NULL));
    bql_unlock(fm->m);
    return fm;
}

/* Made once and used for all inputs: [0] small, [1] large. */
static FuzzMachine *fuzz_machine(bool large)
{
    static FuzzMachine *machines[2];

    if (!machines[large]) {
        machines[large] = fuzz_machine_new(large ? MiB : 64 * KiB);
    }
    return machines[large];
}

static bool accept_command(void *opaque, MigCommand cmd,
                           const uint8_t *payload, uint16_t len, Error **errp)
{
    return true;
}

static QEMUFile *input_file(const uint8_t *data, size_t size)
{
    TestChannel *ioc;
    QEMUFile *f = test_file_input(data, size, &ioc);

    ioc->max_io = 10007; /* records straddle what a read gives */
    return f;
}

bool fuzz_one(const uint8_t *data, size_t size)
{
    FuzzMachine *fm = fuzz_machine(size > SMALL_STREAM);
    SaveStateRegistry *reg = machine_get_savevm(fm->m);
    LoadContext ctx = {
        .machine = fm->m,
        .opt = &fuzz_options,
        .command = accept_command,
    };
    QEMUFile *f = input_file(data, size);
    Dev *dev = dev_new();
    Error *err = NULL;
    bool ok;

    g_assert_true(vmstate_register(reg, NULL, 0, &vmstate_fuzz, dev, NULL));
    ok = loadvm_state(f, &ctx, &err);
    /* Either it worked or it says why not. */
    g_assert_true(ok == !err);
    error_free(err);
    vmstate_unregister(reg, &vmstate_fuzz, dev);
    vmstate_release(&vmstate_fuzz, dev);
    dev_free(dev);
    qemu_file_free(f);
    return ok;
}

GByteArray *fuzz_seed(void)
{
    FuzzMachine *fm = fuzz_machine(false);
    SaveStateRegistry *reg = machine_get_savevm(fm->m);
    GByteArray *seed;
    TestChannel *out;
    QEMUFile *f = test_file_output(&out);
    Dev *dev = dev_new_filled();

    global_state_store(fm->m);
    g_assert_true(vmstate_register(reg, NULL, 0, &vmstate_fuzz, dev, NULL));
    g_assert_true(savevm_save_header(f, fm->m, &fuzz_options, NULL));
    savevm_send_ping(f, 1);
    bql_lock(fm->m);
    g_assert_true(savevm_complete_devices(f, fm->m, &fuzz_options, NULL));
    bql_unlock(fm->m);
    savevm_cleanup(fm->m);
    vmstate_unregister(reg, &vmstate_fuzz, dev);
    vmstate_release(&vmstate_fuzz, dev);
    dev_free(dev);
    seed = g_byte_array_ref(out->data);
    qemu_file_free(f);
    return seed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_one(data, size);
    return 0;
}
