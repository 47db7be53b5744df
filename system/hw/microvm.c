/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Machine type `microvm`: RAM, one processor, the PC's interrupt controllers
 * and timers, a serial port.  Addresses, lines and section names are those
 * of stock QEMU's microvm without ACPI.
 */
#include "qemu/osdep.h"

#include "hw/pins.h"
#include "system/accel.h"
#include "system/chardev.h"
#include "system/cpu.h"
#include "system/hw/boot-image.h"
#include "system/hw/i8254.h"
#include "system/hw/i8259.h"
#include "system/hw/ioapic.h"
#include "system/hw/machines.h"
#include "system/hw/mc146818rtc.h"
#include "system/hw/serial.h"

#define GSI_PIT 0
#define GSI_SERIAL 4
#define GSI_RTC 8

#define ISA_LINES 16
#define PIC_LINE_OF_SLAVE 2
#define IOAPIC_PIN_OF_PIT 2

#define SERIAL_PORT 0x3f8

static const MachineProperty microvm_properties[] = {
    { "acpi", "ACPI tables and devices", .has_auto = true, .off_only = true },
    { "auto-kernel-cmdline", "describe devices to a Linux kernel",
      .off_only = true },
    { "ioapic2", "a second IOAPIC", .has_auto = true, .off_only = true },
    { "isa-serial", "16550A serial port at 0x3f8" },
    { "pcie", "PCI Express host bridge", .has_auto = true, .off_only = true },
    { "pic", "i8259 interrupt controllers", .has_auto = true },
    { "pit", "i8254 timer", .has_auto = true },
    { "rtc", "MC146818 clock (auto: not with KVM)", .has_auto = true },
    { "usb", "USB host controller", .off_only = true },
    { "x-option-roms", "option ROMs", .off_only = true },
    { NULL },
};

static bool has_device(Machine *m, const char *property, bool by_default)
{
    const char *value = machine_get_property(m, property);

    if (!value || g_str_equal(value, "auto")) {
        return by_default;
    }
    return g_str_equal(value, "on");
}

/* The timer is on another pin than its number says. */
static void set_ioapic(void *opaque, int pin, int level)
{
    Machine *m = opaque;

    ioapic_set_pin(m, pin == GSI_PIT ? IOAPIC_PIN_OF_PIT : pin, level);
}

static void set_pic(void *opaque, int irq, int level)
{
    Machine *m = opaque;

    if (irq != PIC_LINE_OF_SLAVE) {
        i8259_set_irq(m, irq, level);
    }
}

/* Lines 0 to 15 reach both kinds of controllers, as in a PC. */
static void set_gsi(void *opaque, int gsi, int level)
{
    Machine *m = opaque;

    if (gsi < ISA_LINES) {
        irq_set(irq_pins_get(irq_pins_find(m, "pic", true), gsi), level);
    }
    irq_set(irq_pins_get(irq_pins_find(m, "ioapic", true), gsi), level);
}

static void set_accel_gsi(void *opaque, int gsi, int level)
{
    Accel *accel = opaque;

    QEMU_ACCEL_GET_CLASS(accel)->set_irq(accel, gsi, level);
}

static void map_ram(Machine *m)
{
    RAMBlock *ram = machine_get_ram(m);
    uint64_t size = machine_get_ram_size(m);
    uint64_t low = MIN(size, (uint64_t)MICROVM_LOW_RAM_MAX);

    memory_map_ram(m, 0, ram, 0, low);
    if (size > low) {
        memory_map_ram(m, MICROVM_HIGH_RAM_BASE, ram, low, size - low);
    }
}

/* The line that device @name puts out, which leads to @gsi. */
static IRQ output_of(Machine *m, const char *name, IRQ wire, int gsi)
{
    wire.n = gsi;
    return irq_pins_get(irq_pins_new(m, name, false, 1, wire), 0);
}

/* What device lines lead to: the accelerator's chips, or ours. */
static IRQ create_inputs(Machine *m, bool in_kernel)
{
    IRQPins *ioapic;

    if (in_kernel) {
        ioapic = irq_pins_new(m, "ioapic", true, IOAPIC_PINS, (IRQ){
            set_accel_gsi, machine_get_accel(m), 0 });
        return irq_pins_get(ioapic, 0);
    }
    irq_pins_new(m, "ioapic", true, IOAPIC_PINS, (IRQ){ set_ioapic, m, 0 });
    irq_pins_new(m, "pic", true, ISA_LINES, (IRQ){ set_pic, m, 0 });
    return (IRQ){ set_gsi, m, 0 };
}

/* Their sections travel in the order in which they are made here. */
static bool create_devices(Machine *m, bool in_kernel, bool rtc, Error **errp)
{
    uint64_t size = machine_get_ram_size(m);
    uint64_t low = MIN(size, (uint64_t)MICROVM_LOW_RAM_MAX);
    IRQ gsi = create_inputs(m, in_kernel);
    IRQ pit_line = output_of(m, "pit", gsi, GSI_PIT);
    IRQ rtc_line = output_of(m, "rtc", gsi, GSI_RTC);
    IRQ serial_line = output_of(m, "serial", gsi, GSI_SERIAL);

    /*
     * The INT line of the pair leads nowhere: an accelerator without chips of
     * its own asks i8259_pending() and i8259_acknowledge().
     */
    return ioapic_create(m, in_kernel, errp) &&
           (!has_device(m, "pic", true) ||
            i8259_create_pair(m, (IRQ){ 0 }, in_kernel, errp)) &&
           (!has_device(m, "pit", true) ||
            i8254_create(m, pit_line, in_kernel, errp)) &&
           (!rtc || mc146818rtc_create(m, rtc_line, low, size - low, errp)) &&
           (!has_device(m, "isa-serial", true) ||
            serial_create(m, 0, SERIAL_PORT, serial_line,
                          machine_get_serial(m, 0), errp));
}

static bool microvm_init(Machine *m, Error **errp)
{
    Accel *accel = machine_get_accel(m);
    const AccelClass *ac = accel ? QEMU_ACCEL_GET_CLASS(accel) : NULL;
    bool kvm = ac && g_str_equal(ac->name, "kvm");
    bool rtc = has_device(m, "rtc", !kvm);

    map_ram(m);
    if (ac && !cpu_create(m, 0, errp)) {
        return false;
    }
    return create_devices(m, ac && ac->has_irqchip, rtc, errp) &&
           microvm_register_ignored(m, rtc, errp) &&
           boot_image_create(m, machine_get_kernel(m), errp);
}

/* Firmware and its tables, which this machine starts without. */
static const char *const microvm_ram_ignored[] = { "pc.bios", "/rom@etc/*",
                                                   NULL };

const MachineType machine_type_microvm = {
    .name = "microvm",
    .desc = "microvm (i386)",
    .default_ram_id = "microvm.ram",
    .default_ram_size = 128 * MiB,
    .max_cpus = 1,
    .has_cpu = true,
    .properties = microvm_properties,
    .ram_ignored = microvm_ram_ignored,
    .init = microvm_init,
};
