/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The qtest protocol, line by line. */
#include "test-util.h"

#include "system/accel/accel-int.h"
#include "system/qtest/qtest-internal.h"
#include "system/vclock.h"

#define FAIL "FAIL*" /* any text */

typedef struct Exchange {
    const char *line, *reply;
} Exchange;

/* Reports go before the reply of the line that caused them. */
static void note_report(void *opaque, const char *line)
{
    g_string_append_printf(opaque, "%s; ", line);
}

static void run(Machine *m, const Exchange *list, size_t n)
{
    QtestIrqs irqs = { .report = note_report };

    for (size_t i = 0; i < n; i++) {
        g_autoptr(GString) reply = g_string_new(NULL);

        irqs.opaque = reply;
        qtest_process_line(m, &irqs, list[i].line, reply);
        if (!g_pattern_match_simple(list[i].reply, reply->str)) {
            g_test_message("%s: got '%s', expected '%s'", list[i].line,
                           reply->str, list[i].reply);
            g_test_fail();
        }
    }
    qtest_irqs_release(&irqs);
}
#define RUN(m, list) run(m, list, G_N_ELEMENTS(list))

static void test_memory(void)
{
    static const Exchange list[] = {
        { "endianness", "OK little" },
        { "writeq 0x400 0xfeed12345678cafe", "OK" },
        { "readq 0x400", "OK 0xfeed12345678cafe" },
        { "readl 0x400", "OK 0x000000005678cafe" },
        { "readw 0x402", "OK 0x0000000000005678" },
        { "readb 02007", "OK 0x00000000000000fe" }, /* octal */
        { "writeb 1024 0x1ff", "OK" },
        { "read 0x400 4", "OK 0xffca7856" },
        { "write 0x500 4 0x0A0b", "OK" },
        { "read 0x500 4", "OK 0x0a0b0000" },
        { "write 0x500 1 0x", "ERR invalid argument size" },
        { "write 0x500 2 0xzz", FAIL },
        { "write 0x500 2 1234", FAIL },
        { "read 0x500 2", "OK 0x0a0b" },
        { "memset 0x600 3 0xaa", "OK" },
        { "memset 0x600 0 0", "OK" },
        { "read 0x5ff 5", "OK 0x00aaaaaa00" },
        { "b64read 0x600 3", "OK qqqq" },
        { "b64write 0x700 3 AQID", "OK" },
        { "b64write 0x700 9 AQ==", "OK" },
        { "b64write 0x700 3 AQ", "ERR invalid argument size" },
        { "read 0x700 4", "OK 0x01020300" },
        /* not there */
        { "readb 0xfffffffffffffff0", "OK 0x0000000000000000" },
        { "writeq 0xfffffffffffffff0 1", "OK" },
        { "read 0x80000000 2", "OK 0x0000" },
        /* what the reference program aborts on */
        { "read 0 0", FAIL },
        { "read 0", FAIL },
        { "read 0 0x10000000000", FAIL },
        { "read 0xffffffffffffffff 2", FAIL },
        { "memset 0 0xffffffffffffffff 1", FAIL },
        { "readb", FAIL },
        { "readb x", FAIL },
        { "readb  0", FAIL },
        { "writeb 0", FAIL },
        { "writeb 0 0 0", FAIL },
        { "write 0 0 0x1", "OK" },
        { "nosuch 1 2", "FAIL Unknown command 'nosuch'" },
        { "", "FAIL Unknown command ''" },
        { "module_load a b", "OK" },
        { "irq_intercept_in ioapic", "FAIL Unknown device" },
        { "irq_intercept_out x", "FAIL Unknown device" },
        { "set_irq_in x unnamed-gpio-in 0 1", "FAIL Unknown device" },
    };
    Machine *m = test_machine_new(MiB, qtest_accel_get_type());

    RUN(m, list);
    test_machine_free(m);
}

static uint64_t port_read(void *opaque, uint64_t addr, unsigned size)
{
    return *(uint32_t *)opaque;
}

static void port_write(void *opaque, uint64_t addr, uint64_t val,
                       unsigned size)
{
    *(uint32_t *)opaque = val;
}

static void test_ports(void)
{
    static const IORegionOps ops = { port_read, port_write, 1, 4 };
    static const Exchange list[] = {
        { "inb 0x80", "OK 0x00ff" },
        { "inw 0x80", "OK 0xffff" },
        { "inl 0x80", "OK 0xffffffff" },
        { "outb 0x80 1", "OK" },
        { "outl 0x100 0x12345678", "OK" },
        { "inl 0x100", "OK 0x12345678" },
        { "inb 0x100", "OK 0x0078" },
        { "inb 0x10000", FAIL },
        { "outb 0x100", FAIL },
    };
    Machine *m = test_machine_new(0, qtest_accel_get_type());
    uint32_t reg = 0;

    ioport_map(m, "reg", 0x100, 4, &ops, &reg);
    RUN(m, list);
    test_machine_free(m);
}

static void ignore(void *opaque)
{
}

static void test_clock(void)
{
    static const Exchange list[] = {
        { "clock_step 100", "OK 100" },
        { "clock_step", "OK 500" },
        { "clock_step", "FAIL cannot advance clock to the next deadline "
                        "because there is no pending deadline" },
        { "clock_set 1000", "OK 1000" },
        { "clock_set 999", "FAIL 1000" },
        { "clock_step 0", "FAIL could not advance time" },
        { "clock_step -1", "FAIL could not advance time" },
        { "clock_set 0xffffffffffffffff", "FAIL 1000" },
        { "clock_step 1 2", FAIL },
        { "clock_set", FAIL },
    };
    Machine *m = test_machine_new(0, qtest_accel_get_type());
    VTimer *t = vtimer_new(m, ignore, NULL);

    vtimer_mod(t, 500);
    RUN(m, list);
    vtimer_free(t);
    test_machine_free(m);
}

static int wire_levels[8];

static void set_wire(void *opaque, int n, int level)
{
    wire_levels[n] = level;
}

static uint64_t no_read(void *opaque, uint64_t addr, unsigned size)
{
    return 0;
}

/* A register whose bits are the levels of output pins. */
static void write_levels(void *opaque, uint64_t addr, uint64_t val,
                         unsigned size)
{
    IRQPins *pins = opaque;

    for (unsigned i = 0; i < irq_pins_count(pins); i++) {
        irq_set(irq_pins_get(pins, i), val >> i & 1);
    }
}

static void test_irqs(void)
{
    static const IORegionOps ops = { no_read, write_levels, 1, 1 };
    static const Exchange in[] = {
        { "set_irq_in chip unnamed-gpio-in 1 1", "OK" },
        { "irq_intercept_in nosuch", "FAIL Unknown device" },
        { "irq_intercept_in chip name", "FAIL Interception of named in-GPIOs "
                                        "not yet supported" },
        { "irq_intercept_in dev", "FAIL No intercepts installed" },
        { "irq_intercept_in chip", "OK" },
        { "irq_intercept_in /machine/chip", "OK" },
        { "irq_intercept_in dev", "FAIL IRQ intercept already enabled" },
        { "irq_intercept_out dev", "FAIL IRQ intercept already enabled" },
        { "set_irq_in chip unnamed-gpio-in 2 1", "IRQ raise 2; OK" },
        { "set_irq_in chip unnamed-gpio-in 2 5", "OK" },
        { "set_irq_in chip unnamed-gpio-in 2 0", "IRQ lower 2; OK" },
        { "outb 0x100 3", "IRQ raise 0; IRQ raise 1; OK" },
        { "outb 0x100 2", "IRQ lower 0; OK" },
        { "set_irq_in chip unnamed-gpio-in 4 1", FAIL },
        { "set_irq_in chip nosuch 1 1", FAIL },
        { "set_irq_in dev unnamed-gpio-in 1 1", FAIL },
        { "set_irq_in chip unnamed-gpio-in x 1", FAIL },
        { "set_irq_in chip unnamed-gpio-in 1", FAIL },
        { "irq_intercept_in", FAIL },
    };
    static const Exchange out[] = {
        { "irq_intercept_out dev name", "FAIL No intercepts installed" },
        { "irq_intercept_out chip", "FAIL No intercepts installed" },
        { "irq_intercept_out dev", "OK" },
        { "outb 0x100 0", "OK" },
        { "outb 0x100 2", "IRQ raise 1; OK" },
        { "set_irq_in chip unnamed-gpio-in 3 1", "OK" },
    };
    Machine *m = test_machine_new(0, qtest_accel_get_type());
    IRQPins *chip = irq_pins_new(m, "chip", true, 4,
                                 (IRQ){ set_wire, NULL, 4 });
    IRQPins *dev = irq_pins_new(m, "dev", false, 2, irq_pins_get(chip, 0));

    ioport_map(m, "levels", 0x100, 1, &ops, dev);
    RUN(m, in);
    /* They are delivered all the same. */
    g_assert_cmpint(wire_levels[4 + 0], ==, 0);
    g_assert_cmpint(wire_levels[4 + 1], ==, 1);
    g_assert_cmpint(wire_levels[4 + 2], ==, 0);
    RUN(m, out);
    g_assert_cmpint(wire_levels[4 + 3], ==, 1);
    test_machine_free(m);
}

static void test_other_accel(void)
{
    static const Exchange list[] = {
        { "clock_step 100", "FAIL Unknown command 'clock_step'" },
        { "clock_set 100", "FAIL Unknown command 'clock_set'" },
        { "readb 0", "OK 0x0000000000000000" },
    };
    Machine *m = test_machine_new(0, G_TYPE_INVALID); /* no RAM either */

    RUN(m, list);
    test_machine_free(m);
}

/* A vCPU that runs nothing starts, stops and ends all the same. */
static void test_cpu(void)
{
    Machine *m = test_machine_new(MiB, qtest_accel_get_type());
    static const Exchange list[] = { { "readb 0", "OK 0x0000000000000000" } };
    Error *err = NULL;

    g_assert_nonnull(cpu_create(m, 0, &err));
    for (unsigned i = 0; i < 50; i++) {
        vm_start(m);
        RUN(m, list);
        g_assert_true(vm_stop(m, RUN_STATE_PAUSED, &err));
    }
    vm_start(m);
    test_machine_free(m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qtest/memory", test_memory);
    g_test_add_func("/qtest/ports", test_ports);
    g_test_add_func("/qtest/clock", test_clock);
    g_test_add_func("/qtest/irqs", test_irqs);
    g_test_add_func("/qtest/other-accel", test_other_accel);
    g_test_add_func("/qtest/cpu", test_cpu);
    return g_test_run();
}
