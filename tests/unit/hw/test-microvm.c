/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine types: memory map, properties, -kernel, sections of stock. */
#include "qemu/osdep.h"

#include <glib/gstdio.h>

#include "hw-test.h"
#include "io/channel-buffer.h"
#include "migration/qemu-file.h"
#include "migration/savevm.h"
#include "system/hw/boot-image.h"
#include "system/hw/i8259.h"
#include "system/hw/ioapic.h"
#include "system/hw/machines.h"
#include "system/runstate.h"

static Machine *build(const MachineConfig *config, Error **errp)
{
    Machine *m = machine_new(config);

    bql_lock(m);
    if (!machine_build(m, errp)) {
        bql_unlock(m);
        machine_free(m);
        return NULL;
    }
    return m;
}

static void unlock_and_free(Machine *m)
{
    bql_unlock(m);
    machine_free(m);
}

static Machine *build_ok(const MachineConfig *config)
{
    Error *err = NULL;
    Machine *m = build(config, &err);

    g_assert_no_error(err);
    return m;
}

static void build_fails(const MachineConfig *config, const char *text)
{
    Error *err = NULL;
    Machine *m = build(config, &err);

    g_assert_null(m);
    g_assert_cmpstr(error_get_pretty(err), ==, text);
    error_free(err);
}

/* ---- memory map ---- */

static void expect_ranges(uint64_t ram_size, const MemoryRange *want, size_t n)
{
    MachineConfig config = { .type = &machine_type_microvm,
                             .ram_size = ram_size };
    Machine *m = build_ok(&config);
    RAMBlock *ram = machine_ram_first(m);
    const MemoryRange *got;

    g_assert_cmpstr(ram->idstr, ==, "microvm.ram");
    g_assert_cmpuint(ram->used_length, ==, ram_size);
    g_assert_null(ram->next);
    g_assert_cmpuint(memory_map_ranges(m, &got), ==, n);
    for (size_t i = 0; i < n; i++) {
        g_assert_cmphex(got[i].gpa, ==, want[i].gpa);
        g_assert_cmphex(got[i].size, ==, want[i].size);
        g_assert_cmphex(got[i].offset, ==, want[i].offset);
    }
    unlock_and_free(m);
}

static void test_map(void)
{
    static const MemoryRange low[] = { { 0, 3 * GiB, NULL, 0 } };
    static const MemoryRange both[] = { { 0, 3 * GiB, NULL, 0 },
                                        { 4 * GiB, 2 * GiB, NULL, 3 * GiB } };

    expect_ranges(3 * GiB, low, 1);
    expect_ranges(5 * GiB, both, 2);
}

static void test_default_ram(void)
{
    MachineConfig config = { .type = &machine_type_microvm };
    Machine *m = build_ok(&config);

    g_assert_cmpuint(machine_get_ram_size(m), ==, 128 * MiB);
    unlock_and_free(m);
}

/* ---- properties ---- */

static void set_fails(const char *name, const char *value, const char *text)
{
    MachineConfig config = { .type = &machine_type_microvm };
    Error *err = NULL;

    g_assert_false(machine_set_property(&config, name, value, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, text);
    error_free(err);
    g_clear_pointer(&config.properties, g_hash_table_unref);
}

static void test_properties(void)
{
    static const char *const all[] = { "serial", "ioapic", "i8254", "i8259",
                                       "mc146818rtc" };
    Machine *m = hw_test_machine("acpi=off,ioapic2=off,pcie=auto,usb=off",
                                 NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
        g_assert_nonnull(hw_test_device(m, all[i], 0));
    }
    hw_test_machine_free(m);
    m = hw_test_machine("pit=off,pic=off,rtc=off,isa-serial=off", NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
        g_assert_true(!hw_test_device(m, all[i], 0) !=
                      g_str_equal(all[i], "ioapic"));
    }
    g_assert_cmpint(i8259_acknowledge(m), ==, -1);
    g_assert_cmphex(hw_in(m, 0x3fd), ==, 0xff);
    hw_test_machine_free(m);

    set_fails("foo", "on", "Property 'microvm-machine.foo' not found");
    set_fails("rtc", "x", "Parameter 'rtc' does not accept value 'x'");
    set_fails("isa-serial", "auto",
              "Parameter 'isa-serial' expects 'on' or 'off'");
    set_fails("usb", "on",
              "Property 'microvm-machine.usb' cannot be on: this machine has "
              "no such device");
}

/* Lines reach both kinds of controllers, the timer's another pin. */
static void test_lines(void)
{
    Machine *m = hw_test_machine("rtc=off", NULL);
    IOAPICState *ioapic = ioapic_get_state(m);

    memory_store(m, IOAPIC_BASE, 0x14, 4); /* pin 2 */
    memory_store(m, IOAPIC_BASE + 0x10, 0x30, 4);
    memory_store(m, IOAPIC_BASE, 0x18, 4); /* pin 4 */
    memory_store(m, IOAPIC_BASE + 0x10, 0x31, 4);
    hw_test_step(m, NSEC_PER_SEC);
    g_assert_cmphex(ioapic->irr, ==, 1 << 2);
    g_assert_cmphex(i8259_get_state(m, 0)->irr, ==, 1 << 0);
    hw_out(m, 0x3f9, 2);
    g_assert_cmphex(ioapic->irr, ==, 1 << 2 | 1 << 4);
    g_assert_cmphex(i8259_get_state(m, 0)->irr, ==, 1 << 0 | 1 << 4);
    hw_test_machine_free(m);
}

/* ---- -kernel ---- */

typedef struct Files {
    char *dir;
    char *path;
} Files;

static void files_setup(Files *f, gconstpointer data)
{
    f->dir = g_dir_make_tmp("test-microvm-XXXXXX", NULL);
    f->path = g_build_filename(f->dir, "kernel", NULL);
}

static void files_teardown(Files *f, gconstpointer data)
{
    g_unlink(f->path);
    g_rmdir(f->dir);
    g_free(f->dir);
    g_free(f->path);
}

/* A file of @size bytes with a boot sector's signature. */
static uint8_t *make_kernel(Files *f, size_t size)
{
    uint8_t *data = g_malloc0(size);

    data[510] = 0x55;
    data[511] = 0xaa;
    for (size_t i = 600; i < size; i++) {
        data[i] = i * 7;
    }
    return data;
}

static void write_kernel(Files *f, const uint8_t *data, size_t size)
{
    g_assert_true(
        g_file_set_contents(f->path, (const char *)data, size, NULL));
}

static void kernel_fails(Files *f, const char *text)
{
    MachineConfig config = { .type = &machine_type_microvm,
                             .kernel = f->path };
    g_autofree char *full = g_strdup_printf(text, f->path);

    build_fails(&config, full);
}

static void test_kernel_loaded(Files *f, gconstpointer data)
{
    const size_t size = BOOT_IMAGE_END - BOOT_IMAGE_ADDR; /* the largest */
    g_autofree uint8_t *image = make_kernel(f, size);
    g_autofree uint8_t *memory = g_malloc(size);
    MachineConfig config = { .type = &machine_type_microvm,
                             .kernel = f->path };
    Machine *m;

    write_kernel(f, image, size);
    m = build_ok(&config);
    memory_read(m, BOOT_IMAGE_ADDR, memory, size);
    g_assert_cmpmem(memory, size, image, size);
    memory_write(m, BOOT_IMAGE_ADDR + 700, "changed", 7);
    g_unlink(f->path); /* a reset needs no file */
    machine_reset(m, SHUTDOWN_CAUSE_NONE);
    memory_read(m, BOOT_IMAGE_ADDR, memory, size);
    g_assert_cmpmem(memory, size, image, size);
    unlock_and_free(m);
}

static void test_kernel_incoming(Files *f, gconstpointer data)
{
    g_autofree uint8_t *image = make_kernel(f, 512);
    uint8_t memory[512], zero[512] = { 0 };
    MachineConfig config = { .type = &machine_type_microvm,
                             .kernel = f->path,
                             .incoming = true };
    Machine *m;

    write_kernel(f, image, 512);
    m = build_ok(&config);
    memory_read(m, BOOT_IMAGE_ADDR, memory, sizeof(memory));
    g_assert_cmpmem(memory, 512, zero, 512);
    unlock_and_free(m);
}

static void test_kernel_refused(Files *f, gconstpointer data)
{
    const size_t max = BOOT_IMAGE_END - BOOT_IMAGE_ADDR;
    g_autofree uint8_t *image = make_kernel(f, max + 1);
    MachineConfig small = { .type = &machine_type_microvm,
                            .ram_size = 64 * KiB,
                            .kernel = f->path };
    MachineConfig none = { .type = &machine_type_none, .kernel = f->path };
    g_autofree char *text = NULL;

    kernel_fails(f, "could not open kernel file '%s': "
                    "No such file or directory");
    write_kernel(f, image, max + 1);
    kernel_fails(f, "kernel file '%s' is too large: 622593 bytes "
                    "(limit 622592)");
    write_kernel(f, image, 64 * KiB);
    text = g_strdup_printf("kernel file '%s' of 65536 bytes does not fit into "
                           "65536 bytes of RAM at 0x7c00",
                           f->path);
    build_fails(&small, text);
    write_kernel(f, image, 511);
    kernel_fails(f, "kernel file '%s' is not a boot sector image: no "
                    "signature 55 aa at byte 510");
    memcpy(image + 0x202, "HdrS", 4);
    write_kernel(f, image, 4096);
    kernel_fails(f, "kernel file '%s' is a Linux kernel (bzImage); only raw "
                    "boot sector images can be booted");
    memcpy(image, "\177ELF", 4);
    write_kernel(f, image, 4096);
    kernel_fails(f, "kernel file '%s' is an ELF file; only raw boot sector "
                    "images can be booted");
    build_fails(&none, "The -kernel parameter is not supported (use the "
                       "generic 'loader' device instead).");
}

/* ---- sections of stock's microvm for devices that are not here ---- */

static void put_section(QEMUFile *f, const char *name, uint32_t instance,
                        uint32_t version, const void *payload, size_t len)
{
    static uint32_t id;

    qemu_put_byte(f, 4); /* full section */
    qemu_put_be32(f, ++id);
    qemu_put_counted_string(f, name);
    qemu_put_be32(f, instance);
    qemu_put_be32(f, version);
    qemu_put_buffer(f, payload, len);
    qemu_put_byte(f, 0x7e); /* footer */
    qemu_put_be32(f, id);
}

/* A stream of @machine with that one section; what loading it says. */
static Error *load_section(const char *properties, const char *name,
                           uint32_t instance, uint32_t version,
                           const GByteArray *payload)
{
    static const StreamOptions options = { .send_configuration = true,
                                           .send_section_footer = true };
    g_autoptr(QIOChannelBuffer) ioc = qio_channel_buffer_new(4096);
    QEMUFile *f = qemu_file_new_output(QIO_CHANNEL(ioc));
    Machine *m = hw_test_machine(properties, NULL);
    LoadContext ctx = { .machine = m, .opt = &options };
    Error *err = NULL;

    g_assert_true(runstate_stop(m, &err));
    bql_unlock(m);
    savevm_save_header(f, m, &options, &err);
    put_section(f, name, instance, version, payload->data, payload->len);
    qemu_put_byte(f, 0); /* end */
    qemu_put_byte(f, 6); /* description */
    qemu_put_be32(f, 2);
    qemu_put_buffer(f, "{}", 2);
    g_assert_true(qemu_fflush(f));
    qemu_file_free(f);
    g_assert_no_error(err);

    f = qemu_file_new_input(QIO_CHANNEL(ioc));
    loadvm_state(f, &ctx, &err);
    qemu_file_free(f);
    bql_lock(m);
    hw_test_machine_free(m);
    return err;
}

static void put_zeros(GByteArray *p, size_t n)
{
    g_byte_array_set_size(p, p->len + n);
    memset(p->data + p->len - n, 0, n);
}

static void put_subsection(GByteArray *p, const char *name, uint8_t version,
                           size_t n)
{
    uint8_t len = strlen(name);

    g_byte_array_append(p, (const uint8_t *)"\5", 1);
    g_byte_array_append(p, &len, 1);
    g_byte_array_append(p, (const uint8_t *)name, len);
    put_zeros(p, 3);
    g_byte_array_append(p, &version, 1);
    put_zeros(p, n);
}

static void expect_loads(const char *properties, const char *name,
                         uint32_t instance, uint32_t version,
                         const GByteArray *p)
{
    Error *err = load_section(properties, name, instance, version, p);

    g_assert_no_error(err);
}

static void expect_refuses(const char *name, uint32_t instance,
                           uint32_t version, const GByteArray *p,
                           const char *text)
{
    Error *err = load_section(NULL, name, instance, version, p);

    g_assert_nonnull(err);
    g_assert_nonnull(strstr(error_get_pretty(err), text));
    error_free(err);
}

static void test_ignored_plain(void)
{
    g_autoptr(GByteArray) fw_cfg = g_byte_array_new();
    g_autoptr(GByteArray) ged = g_byte_array_new();
    g_autoptr(GByteArray) rtc = g_byte_array_new();

    put_zeros(fw_cfg, 4);
    expect_loads(NULL, "fw_cfg", 0, 1, fw_cfg);
    put_zeros(fw_cfg, 2);
    expect_loads(NULL, "fw_cfg", 0, 2, fw_cfg);
    put_subsection(fw_cfg, "fw_cfg/dma", 0, 8);
    put_subsection(fw_cfg, "fw_cfg/acpi_mr", 1, 24);
    g_assert_cmpuint(fw_cfg->len, ==, 74);
    expect_loads(NULL, "fw_cfg", 0, 2, fw_cfg);
    put_subsection(fw_cfg, "fw_cfg/new", 1, 4);
    expect_refuses("fw_cfg", 0, 2, fw_cfg, "fw_cfg");

    put_zeros(ged, 4);
    put_subsection(ged, "acpi-ged/memhp", 1, 4);
    g_assert_cmpuint(ged->len, ==, 28);
    expect_loads(NULL, "acpi-ged", 0, 1, ged);

    put_zeros(rtc, 245);
    expect_loads("rtc=off", "mc146818rtc", 0, 3, rtc);
}

static void test_ignored_in_use(void)
{
    g_autoptr(GByteArray) vapic = g_byte_array_new();
    g_autoptr(GByteArray) ioapic = g_byte_array_new();

    put_zeros(vapic, 144);
    expect_loads(NULL, "kvm-tpr-opt", 0, 1, vapic);
    vapic->data[127] = 1;
    expect_refuses("kvm-tpr-opt", 0, 1, vapic, "TPR option ROM");

    put_zeros(ioapic, 206);
    for (int i = 0; i < IOAPIC_PINS; i++) {
        ioapic->data[14 + 8 * i + 5] = 1; /* masked */
    }
    expect_loads(NULL, "ioapic", 1, 3, ioapic);
    ioapic->data[14 + 8 * 7 + 5] = 0;
    expect_refuses("ioapic", 1, 3, ioapic, "pin 7 of a second IOAPIC");
}

/* ---- machine type none ---- */

static void test_none(void)
{
    MachineConfig config = { .type = machine_type_find("none"),
                             .ram_size = 8 * MiB };
    Machine *m = build_ok(&config);
    const MemoryRange *got;

    g_assert_cmpstr(machine_ram_first(m)->idstr, ==, "ram");
    g_assert_cmpuint(memory_map_ranges(m, &got), ==, 1);
    g_assert_cmpuint(got[0].size, ==, 8 * MiB);
    unlock_and_free(m);
    config.ram_size = 0;
    m = build_ok(&config);
    g_assert_null(machine_ram_first(m));
    unlock_and_free(m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/hw/microvm/map", test_map);
    g_test_add_func("/hw/microvm/default-ram", test_default_ram);
    g_test_add_func("/hw/microvm/properties", test_properties);
    g_test_add_func("/hw/microvm/lines", test_lines);
    g_test_add("/hw/microvm/kernel/loaded", Files, NULL, files_setup,
               test_kernel_loaded, files_teardown);
    g_test_add("/hw/microvm/kernel/incoming", Files, NULL, files_setup,
               test_kernel_incoming, files_teardown);
    g_test_add("/hw/microvm/kernel/refused", Files, NULL, files_setup,
               test_kernel_refused, files_teardown);
    g_test_add_func("/hw/microvm/ignored/plain", test_ignored_plain);
    g_test_add_func("/hw/microvm/ignored/in-use", test_ignored_in_use);
    g_test_add_func("/hw/none", test_none);
    return g_test_run();
}
