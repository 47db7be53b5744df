/* SPDX-License-Identifier: GPL-2.0-or-later */
/* i8259 pair and IOAPIC: requests, priorities, end of interrupt, sections. */
#include "qemu/osdep.h"

#include "hw-test.h"
#include "system/hw/i8259.h"
#include "system/hw/ioapic.h"

typedef struct Fixture {
    Machine *m;
    GArray *delivered; /* uint64_t: what the IOAPIC handed over */
} Fixture;

static void setup(Fixture *f, gconstpointer data)
{
    f->m = hw_test_machine("pit=off,rtc=off", NULL);
    f->delivered = g_array_new(false, false, sizeof(uint64_t));
}

static void teardown(Fixture *f, gconstpointer data)
{
    hw_test_machine_free(f->m);
    g_array_free(f->delivered, true);
}

/* ---- i8259 ---- */

/* As an operating system does: vectors from 0x20 and 0x28, nothing masked. */
static void program(Fixture *f, uint8_t icw4)
{
    static const uint16_t base[] = { 0x20, 0xa0 };

    for (int i = 0; i < 2; i++) {
        hw_out(f->m, base[i], 0x11);
        hw_out(f->m, base[i] + 1, i ? 0x28 : 0x20);
        hw_out(f->m, base[i] + 1, i ? 2 : 4);
        hw_out(f->m, base[i] + 1, icw4);
        hw_out(f->m, base[i] + 1, 0x00);
    }
}

static void pulse(Fixture *f, int irq)
{
    i8259_set_irq(f->m, irq, 1);
    i8259_set_irq(f->m, irq, 0);
}

static void expect_vector(Fixture *f, int vector)
{
    g_assert_true(i8259_pending(f->m));
    g_assert_cmphex(i8259_acknowledge(f->m), ==, vector);
}

static uint8_t read_isr(Fixture *f, uint16_t base)
{
    uint8_t val;

    hw_out(f->m, base, 0x0b);
    val = hw_in(f->m, base);
    hw_out(f->m, base, 0x0a);
    return val;
}

static void test_pic_priority(Fixture *f, gconstpointer data)
{
    program(f, 0x01);
    g_assert_false(i8259_pending(f->m));
    pulse(f, 4);
    pulse(f, 1);
    g_assert_cmphex(hw_in(f->m, 0x20), ==, 0x12);
    expect_vector(f, 0x21);
    g_assert_false(i8259_pending(f->m)); /* 4 is less urgent than 1 */
    g_assert_cmphex(read_isr(f, 0x20), ==, 0x02);
    pulse(f, 0);
    expect_vector(f, 0x20);
    hw_out(f->m, 0x20, 0x20); /* ends 0 */
    g_assert_cmphex(read_isr(f, 0x20), ==, 0x02);
    hw_out(f->m, 0x20, 0x61); /* ends 1 by name */
    expect_vector(f, 0x24);
    hw_out(f->m, 0x20, 0x20);
    g_assert_cmphex(i8259_acknowledge(f->m), ==, 0x27); /* spurious */
    g_assert_cmphex(read_isr(f, 0x20), ==, 0);
}

static void test_pic_mask(Fixture *f, gconstpointer data)
{
    program(f, 0x01);
    hw_out(f->m, 0x21, 0x10);
    g_assert_cmphex(hw_in(f->m, 0x21), ==, 0x10);
    pulse(f, 4);
    g_assert_false(i8259_pending(f->m));
    hw_out(f->m, 0x21, 0x00);
    expect_vector(f, 0x24);
}

static void test_pic_cascade(Fixture *f, gconstpointer data)
{
    program(f, 0x01);
    pulse(f, 10);
    g_assert_cmphex(hw_in(f->m, 0x20), ==, 0x04);
    expect_vector(f, 0x2a);
    g_assert_cmphex(read_isr(f, 0xa0), ==, 0x04);
    g_assert_cmphex(read_isr(f, 0x20), ==, 0x04);
    pulse(f, 9);
    g_assert_false(i8259_pending(f->m)); /* the master's 2 is in service */
    hw_out(f->m, 0xa0, 0x20);
    hw_out(f->m, 0x20, 0x20);
    expect_vector(f, 0x29);
}

static void test_pic_level(Fixture *f, gconstpointer data)
{
    hw_out(f->m, 0x4d0, 0xff);
    hw_out(f->m, 0x4d1, 0xff);
    g_assert_cmphex(hw_in(f->m, 0x4d0), ==, 0xf8);
    g_assert_cmphex(hw_in(f->m, 0x4d1), ==, 0xde);
    program(f, 0x01);
    i8259_set_irq(f->m, 5, 1);
    expect_vector(f, 0x25);
    hw_out(f->m, 0x20, 0x20);
    expect_vector(f, 0x25); /* still up */
    i8259_set_irq(f->m, 5, 0);
    hw_out(f->m, 0x20, 0x20);
    g_assert_false(i8259_pending(f->m));
}

static void test_pic_modes(Fixture *f, gconstpointer data)
{
    program(f, 0x03); /* automatic end of interrupt */
    pulse(f, 3);
    expect_vector(f, 0x23);
    g_assert_cmphex(read_isr(f, 0x20), ==, 0);

    program(f, 0x01);
    hw_out(f->m, 0x20, 0xc3); /* 3 becomes the least urgent */
    pulse(f, 3);
    pulse(f, 4);
    expect_vector(f, 0x24);
    hw_out(f->m, 0x20, 0xa0); /* end it and make it the least urgent */
    g_assert_cmpint(i8259_get_state(f->m, 0)->priority_add, ==, 5);
    expect_vector(f, 0x23);
    hw_out(f->m, 0x20, 0x20);

    hw_out(f->m, 0x20, 0x0c); /* poll */
    pulse(f, 6);
    g_assert_cmphex(hw_in(f->m, 0x20), ==, 0x86);
    g_assert_cmphex(hw_in(f->m, 0x20), ==, 0x00); /* IRR again */
}

static void expect_same(Device *dev, const GByteArray *p, int version)
{
    g_autoptr(GByteArray) after = NULL;
    Error *err = NULL;

    hw_test_load(dev, p->data, p->len, version, &err);
    g_assert_no_error(err);
    after = hw_test_save(dev);
    g_assert_cmpmem(p->data, p->len, after->data, after->len);
}

static void test_pic_section(Fixture *f, gconstpointer data)
{
    Device *master = hw_test_device(f->m, "i8259", 0);
    Device *slave = hw_test_device(f->m, "i8259", 1);
    g_autoptr(GByteArray) p = NULL, q = NULL, ltim = NULL;

    program(f, 0x01);
    pulse(f, 1);
    i8259_acknowledge(f->m);
    pulse(f, 12);
    pulse(f, 0);
    p = hw_test_save(master);
    q = hw_test_save(slave);
    g_assert_cmpuint(p->len, ==, 16);
    g_assert_cmpuint(q->len, ==, 16);
    g_assert_cmphex(p->data[1], ==, 0x05); /* irr */
    g_assert_cmphex(p->data[3], ==, 0x02); /* isr */
    g_assert_cmphex(p->data[5], ==, 0x20); /* irq_base */
    g_assert_cmphex(q->data[1], ==, 0x10);
    machine_reset(f->m, SHUTDOWN_CAUSE_NONE);
    g_assert_false(i8259_pending(f->m));
    expect_same(slave, q, 1);
    expect_same(master, p, 1);
    expect_vector(f, 0x20);
    hw_out(f->m, 0x20, 0x20);
    hw_out(f->m, 0x20, 0x20);
    expect_vector(f, 0x2c);

    hw_out(f->m, 0x20, 0x19); /* level triggered by ICW1 */
    ltim = hw_test_save(master);
    g_assert_cmpuint(ltim->len, ==, 16 + 6 + 10 + 1);
    machine_reset(f->m, SHUTDOWN_CAUSE_NONE);
    expect_same(master, ltim, 1);
    expect_same(master, p, 1); /* without: off again */
}

static void test_pic_section_bad(Fixture *f, gconstpointer data)
{
    Device *dev = hw_test_device(f->m, "i8259", 0);
    g_autoptr(GByteArray) p = hw_test_save(dev);
    Error *err = NULL;

    p->data[9] = 4;
    g_assert_false(hw_test_load(dev, p->data, p->len, 1, &err));
    g_assert_nonnull(strstr(error_get_pretty(err), "init_state 4 (limit 3)"));
    error_free(err);
}

/* ---- IOAPIC ---- */

static uint32_t ioapic_read(Fixture *f, uint8_t index)
{
    memory_store(f->m, IOAPIC_BASE, index, 4);
    return memory_load(f->m, IOAPIC_BASE + 0x10, 4);
}

static void ioapic_write(Fixture *f, uint8_t index, uint32_t val)
{
    memory_store(f->m, IOAPIC_BASE, index, 4);
    memory_store(f->m, IOAPIC_BASE + 0x10, val, 4);
}

static void deliver(void *opaque, uint64_t entry)
{
    Fixture *f = opaque;

    g_array_append_val(f->delivered, entry);
}

static void expect_delivered(Fixture *f, uint64_t entry)
{
    g_assert_cmpuint(f->delivered->len, ==, 1);
    g_assert_cmphex(g_array_index(f->delivered, uint64_t, 0), ==, entry);
    g_array_set_size(f->delivered, 0);
}

static void test_ioapic_registers(Fixture *f, gconstpointer data)
{
    g_assert_cmphex(ioapic_read(f, 1), ==, 0x00170020);
    ioapic_write(f, 0, 0xff000000);
    g_assert_cmphex(ioapic_read(f, 0), ==, 0x0f000000);
    for (int i = 0; i < IOAPIC_PINS; i++) {
        g_assert_cmphex(ioapic_read(f, 0x10 + 2 * i), ==, 0x10000);
        g_assert_cmphex(ioapic_read(f, 0x11 + 2 * i), ==, 0);
    }
    ioapic_write(f, 0x14, 0xffffffff);
    ioapic_write(f, 0x15, 0x12345678);
    g_assert_cmphex(ioapic_read(f, 0x14), ==, 0xffffafff);
    g_assert_cmphex(ioapic_read(f, 0x15), ==, 0x12345678);
    ioapic_write(f, 0x40, 1); /* beyond the table */
    g_assert_cmphex(ioapic_read(f, 0x40), ==, 0);
}

static void test_ioapic_edge(Fixture *f, gconstpointer data)
{
    ioapic_set_deliver(f->m, deliver, f);
    ioapic_set_pin(f->m, 4, 1); /* masked: lost */
    ioapic_set_pin(f->m, 4, 0);
    ioapic_write(f, 0x18, 0x31);
    g_assert_cmpuint(f->delivered->len, ==, 0);
    ioapic_set_pin(f->m, 4, 1);
    expect_delivered(f, 0x31);
    ioapic_set_pin(f->m, 4, 1); /* no edge */
    g_assert_cmpuint(f->delivered->len, ==, 0);
}

static void test_ioapic_level(Fixture *f, gconstpointer data)
{
    ioapic_set_deliver(f->m, deliver, f);
    ioapic_write(f, 0x1a, 0x8035);
    ioapic_set_pin(f->m, 5, 1);
    expect_delivered(f, 0xc035);
    g_assert_cmphex(ioapic_read(f, 0x1a), ==, 0xc035);
    ioapic_eoi(f->m, 0x35); /* the line is still up */
    expect_delivered(f, 0xc035);
    ioapic_set_pin(f->m, 5, 0);
    memory_store(f->m, IOAPIC_BASE + 0x40, 0x35, 4);
    g_assert_cmpuint(f->delivered->len, ==, 0);
    g_assert_cmphex(ioapic_read(f, 0x1a), ==, 0x8035);
}

static void test_ioapic_section(Fixture *f, gconstpointer data)
{
    Device *dev = hw_test_device(f->m, "ioapic", 0);
    g_autoptr(GByteArray) p = NULL;

    ioapic_write(f, 0x18, 0x31);
    ioapic_write(f, 0x0, 0x03000000);
    ioapic_set_pin(f->m, 4, 1); /* nobody takes it: stays */
    p = hw_test_save(dev);
    g_assert_cmpuint(p->len, ==, 206);
    g_assert_cmphex(p->data[0], ==, 3);
    g_assert_cmphex(p->data[13], ==, 0x10); /* irr */
    g_assert_cmphex(p->data[14 + 4 * 8 + 7], ==, 0x31);
    machine_reset(f->m, SHUTDOWN_CAUSE_NONE);
    expect_same(dev, p, 3);
    ioapic_set_deliver(f->m, deliver, f);
    expect_delivered(f, 0x31);
}

/* Version 1 has neither the unused bytes nor the requests. */
static void test_ioapic_section_v1(Fixture *f, gconstpointer data)
{
    Device *dev = hw_test_device(f->m, "ioapic", 0);
    g_autoptr(GByteArray) p = hw_test_save(dev);
    Error *err = NULL;

    p->data[0] = 7;
    g_byte_array_remove_range(p, 2, 12);
    hw_test_load(dev, p->data, p->len, 1, &err);
    g_assert_no_error(err);
    g_assert_cmpuint(ioapic_get_state(f->m)->id, ==, 7);
    g_assert_cmphex(ioapic_get_state(f->m)->ioredtbl[23], ==, 0x10000);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*fn)(Fixture *f, gconstpointer data);
    } tests[] = {
        { "/hw/i8259/priority", test_pic_priority },
        { "/hw/i8259/mask", test_pic_mask },
        { "/hw/i8259/cascade", test_pic_cascade },
        { "/hw/i8259/level", test_pic_level },
        { "/hw/i8259/modes", test_pic_modes },
        { "/hw/i8259/section", test_pic_section },
        { "/hw/i8259/section-bad", test_pic_section_bad },
        { "/hw/ioapic/registers", test_ioapic_registers },
        { "/hw/ioapic/edge", test_ioapic_edge },
        { "/hw/ioapic/level", test_ioapic_level },
        { "/hw/ioapic/section", test_ioapic_section },
        { "/hw/ioapic/section-v1", test_ioapic_section_v1 },
    };

    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_test_add(tests[i].path, Fixture, NULL, setup, tests[i].fn, teardown);
    }
    return g_test_run();
}
