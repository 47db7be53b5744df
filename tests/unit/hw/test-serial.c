/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 16550A: registers, FIFOs, interrupts, and its section in all situations. */
#include "qemu/osdep.h"

#include "hw-test.h"
#include "system/hw/i8259.h"
#include "system/hw/serial-int.h"
#include "system/runstate.h"

#define PORT 0x3f8
enum { DATA = PORT, IER, IIR, LCR, MCR, LSR, MSR, SCR };

typedef struct Fixture {
    Machine *m;
    Chardev *chr;
    Device *dev;
    SerialState *w;
} Fixture;

static void setup(Fixture *f, gconstpointer data)
{
    f->chr = fake_chardev_new();
    f->m = hw_test_machine(NULL, f->chr);
    f->dev = hw_test_device(f->m, "serial", 0);
    f->w = serial_get_state(f->m, 0);
}

static void teardown(Fixture *f, gconstpointer data)
{
    hw_test_machine_free(f->m);
    g_object_unref(f->chr);
}

/* Is the port's line up, as the interrupt controller saw it last? */
static bool line(Fixture *f)
{
    return i8259_get_state(f->m, 0)->last_irr & (1 << 4);
}

static void expect_in(Fixture *f, uint16_t port, uint8_t val)
{
    g_assert_cmphex(hw_in(f->m, port), ==, val);
}

static void test_registers(Fixture *f, gconstpointer data)
{
    static const struct {
        uint16_t port;
        uint8_t reset, written, read;
    } table[] = {
        { IER, 0x00, 0xff, 0x0f }, { LCR, 0x00, 0x1b, 0x1b },
        { MCR, 0x08, 0xef, 0x0f }, { LSR, 0x60, 0x00, 0x60 },
        { MSR, 0xb0, 0x00, 0xb0 }, { SCR, 0x00, 0x5a, 0x5a },
    };

    expect_in(f, IIR, 0x01);
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
        expect_in(f, table[i].port, table[i].reset);
        hw_out(f->m, table[i].port, table[i].written);
        expect_in(f, table[i].port, table[i].read);
    }
    hw_out(f->m, LCR, 0x80);
    expect_in(f, DATA, 12);
    expect_in(f, IER, 0);
    hw_out(f->m, DATA, 0x34);
    hw_out(f->m, IER, 0x12);
    g_assert_cmphex(f->w->divider, ==, 0x1234);
    expect_in(f, DATA, 0x34);
    expect_in(f, IER, 0x12);
    hw_out(f->m, LCR, 0x03);
    expect_in(f, IER, 0x0f);
}

static void test_transmit(Fixture *f, gconstpointer data)
{
    hw_out(f->m, DATA, 'a');
    hw_out(f->m, IIR, 0x07);
    hw_out(f->m, DATA, 'b');
    g_assert_cmpstr(fake_chardev_output(f->chr), ==, "ab");
    expect_in(f, LSR, 0x60);
    expect_in(f, IIR, 0xc1);
    g_assert_false(line(f));

    /* Enabling the interrupt shows it once; so does the next byte. */
    hw_out(f->m, IER, IER_THRI);
    g_assert_true(line(f));
    expect_in(f, IIR, 0xc2);
    g_assert_false(line(f));
    expect_in(f, IIR, 0xc1);
    hw_out(f->m, DATA, 'c');
    g_assert_true(line(f));
    expect_in(f, IIR, 0xc2);
}

static void test_throttled(Fixture *f, gconstpointer data)
{
    fake_chardev_set_room(f->chr, 1);
    hw_out(f->m, DATA, '0');
    hw_out(f->m, DATA, '1'); /* waits in the shift register */
    expect_in(f, LSR, 0x20);
    hw_out(f->m, DATA, '2'); /* waits in the holding register */
    expect_in(f, LSR, 0x00);
    hw_test_step(f->m, 10 * NSEC_PER_MSEC);
    g_assert_cmpstr(fake_chardev_output(f->chr), ==, "0");
    fake_chardev_set_room(f->chr, 100);
    hw_test_step(f->m, 10 * NSEC_PER_MSEC);
    g_assert_cmpstr(fake_chardev_output(f->chr), ==, "012");
    expect_in(f, LSR, 0x60);

    hw_out(f->m, IIR, 0x07);
    fake_chardev_set_room(f->chr, 0);
    for (char c = 'a'; c <= 'z'; c++) {
        hw_out(f->m, DATA, c); /* one in the shift register, 16 behind it */
    }
    fake_chardev_set_room(f->chr, 100);
    hw_test_step(f->m, 10 * NSEC_PER_MSEC);
    g_assert_cmpstr(fake_chardev_output(f->chr), ==, "012abcdefghijklmnopq");
}

static void test_receive(Fixture *f, gconstpointer data)
{
    g_assert_cmpuint(fake_chardev_input(f->chr, "xy"), ==, 1);
    expect_in(f, LSR, 0x61);
    g_assert_cmpuint(fake_chardev_input(f->chr, "y"), ==, 0);
    expect_in(f, DATA, 'x');
    expect_in(f, LSR, 0x60);

    hw_out(f->m, IER, IER_RDI | IER_RLSI);
    g_assert_false(line(f));
    fake_chardev_input(f->chr, "z");
    g_assert_true(line(f));
    expect_in(f, IIR, 0x04);
    expect_in(f, DATA, 'z');
    g_assert_false(line(f));
}

static void test_receive_fifo(Fixture *f, gconstpointer data)
{
    hw_out(f->m, LCR, 0x03); /* 10 bits per character with start and stop */
    hw_out(f->m, IIR, 0x47); /* trigger at 4 */
    hw_out(f->m, IER, IER_RDI);
    g_assert_cmpuint(fake_chardev_input(f->chr, "abc"), ==, 3);
    expect_in(f, IIR, 0xc1);
    hw_test_step(f->m, 4 * NSEC_PER_MSEC); /* 4 at 9600 baud: 4.2 ms */
    expect_in(f, IIR, 0xc1);
    hw_test_step(f->m, NSEC_PER_MSEC);
    expect_in(f, IIR, 0xcc);
    g_assert_true(line(f));
    expect_in(f, DATA, 'a');
    expect_in(f, IIR, 0xc1);
    g_assert_cmpuint(fake_chardev_input(f->chr, "defghijklmnopqrst"), ==, 14);
    expect_in(f, IIR, 0xc4);
    g_assert_cmpuint(fake_chardev_input(f->chr, "t"), ==, 0);
    for (char c = 'b'; c <= 'q'; c++) {
        expect_in(f, LSR, 0x61);
        expect_in(f, DATA, c);
    }
    expect_in(f, LSR, 0x60);
    g_assert_false(line(f));
    hw_test_step(f->m, 10 * NSEC_PER_MSEC); /* no timeout when empty */
    expect_in(f, IIR, 0xc1);

    fake_chardev_input(f->chr, "uv");
    hw_out(f->m, IIR, 0x43); /* empty the receiver */
    expect_in(f, LSR, 0x60);
    hw_test_step(f->m, 10 * NSEC_PER_MSEC);
    g_assert_false(line(f));
}

static void test_loopback(Fixture *f, gconstpointer data)
{
    hw_out(f->m, MCR, MCR_LOOP | MCR_DTR | MCR_OUT1);
    expect_in(f, MSR, MSR_DSR | MSR_RI);
    hw_out(f->m, MCR, MCR_LOOP | MCR_RTS | MCR_OUT2);
    expect_in(f, MSR, MSR_CTS | MSR_DCD);
    g_assert_cmpuint(fake_chardev_input(f->chr, "x"), ==, 0);
    hw_out(f->m, DATA, 'l');
    g_assert_cmpstr(fake_chardev_output(f->chr), ==, "");
    expect_in(f, LSR, 0x61);

    hw_out(f->m, IER, IER_RLSI | IER_RDI);
    hw_out(f->m, DATA, 'm'); /* overrun */
    expect_in(f, IIR, 0x06);
    expect_in(f, LSR, 0x63);
    expect_in(f, LSR, 0x61);
    expect_in(f, IIR, 0x04);
    expect_in(f, DATA, 'm');
}

static void test_stopped(Fixture *f, gconstpointer data)
{
    g_assert_true(runstate_stop(f->m, NULL));
    g_assert_cmpuint(fake_chardev_input(f->chr, "x"), ==, 0);
    g_assert_true(runstate_cont(f->m, NULL));
    g_assert_cmpuint(fake_chardev_input(f->chr, "x"), ==, 1);
}

/* ---- section ---- */

static size_t save_size(Fixture *f)
{
    g_autoptr(GByteArray) p = hw_test_save(f->dev);

    return p->len;
}

/* Save, disturb, load: the same comes out when saved again. */
static GByteArray *round_trip(Fixture *f)
{
    g_autoptr(GByteArray) before = hw_test_save(f->dev);
    GByteArray *after;
    Error *err = NULL;

    machine_reset(f->m, SHUTDOWN_CAUSE_NONE);
    hw_test_load(f->dev, before->data, before->len, 3, &err);
    g_assert_no_error(err);
    after = hw_test_save(f->dev);
    g_assert_cmpmem(before->data, before->len, after->data, after->len);
    return after;
}

static void test_section_idle(Fixture *f, gconstpointer data)
{
    static const uint8_t reset[] = { 0, 12, 0, 0, 1, 0, 8, 0x60, 0xb0, 0, 0 };
    g_autoptr(GByteArray) p = round_trip(f);

    g_assert_cmpmem(p->data, p->len, reset, sizeof(reset));
}

static void test_section_busy(Fixture *f, gconstpointer data)
{
    g_autoptr(GByteArray) p = NULL;

    hw_out(f->m, IIR, 0x47);
    hw_out(f->m, IER, IER_RDI | IER_THRI);
    hw_in(f->m, IIR);
    g_assert_cmpuint(save_size(f), ==, 11);
    /* Each subsection: 05, length, name, version, fields. */
    fake_chardev_input(f->chr, "ab");
    g_assert_cmpuint(save_size(f), ==, 11 + (6 + 16 + 24) + (6 + 25 + 8));
    hw_test_step(f->m, 10 * NSEC_PER_MSEC);
    g_assert_cmpuint(save_size(f), ==, 11 + (6 + 16 + 24) + (6 + 23 + 4));
    fake_chardev_set_room(f->chr, 0);
    hw_out(f->m, DATA, 'A');
    hw_out(f->m, DATA, 'B');
    hw_out(f->m, DATA, 'C');
    p = round_trip(f);
    g_assert_cmpuint(p->len, ==, 11 + (6 + 16 + 24) + (6 + 23 + 4) +
                                     (6 + 10 + 6) + (6 + 16 + 24));
    g_assert_true(hw_test_has(p, "serial/tsr"));
    g_assert_true(hw_test_has(p, "serial/xmit_fifo"));

    /* It goes on where it was. */
    g_assert_true(line(f));
    expect_in(f, IIR, 0xcc);
    expect_in(f, DATA, 'a');
    expect_in(f, DATA, 'b');
    fake_chardev_set_room(f->chr, 100);
    hw_test_step(f->m, 10 * NSEC_PER_MSEC);
    g_assert_cmpstr(fake_chardev_output(f->chr), ==, "ABC");
    expect_in(f, IIR, 0xc2);
}

static void test_section_timeout(Fixture *f, gconstpointer data)
{
    g_autoptr(GByteArray) p = NULL;

    hw_out(f->m, IIR, 0x87);
    hw_out(f->m, IER, IER_RDI);
    fake_chardev_input(f->chr, "a");
    p = round_trip(f);
    g_assert_true(hw_test_has(p, "serial/fifo_timeout_timer"));
    g_assert_false(line(f));
    hw_test_step(f->m, 10 * NSEC_PER_MSEC);
    expect_in(f, IIR, 0xcc);
}

static void test_section_thr(Fixture *f, gconstpointer data)
{
    g_autoptr(GByteArray) shown = NULL, hidden = NULL;

    /* THR empty is what IIR says: no subsection. */
    hw_out(f->m, IER, IER_THRI);
    shown = round_trip(f);
    g_assert_cmpuint(shown->len, ==, 11);
    g_assert_cmpint(f->w->thr_ipending, ==, 1);
    /* Something more urgent hides it. */
    hw_out(f->m, IER, IER_THRI | IER_RDI);
    fake_chardev_input(f->chr, "x");
    hidden = round_trip(f);
    g_assert_cmpuint(hidden->len, ==, 11 + 6 + 19 + 4);
    expect_in(f, IIR, 0x04);
    expect_in(f, DATA, 'x');
    expect_in(f, IIR, 0x02);
}

static void expect_refused(Fixture *f, const GByteArray *p, const char *text)
{
    Error *err = NULL;

    g_assert_false(hw_test_load(f->dev, p->data, p->len, 3, &err));
    g_assert_nonnull(strstr(error_get_pretty(err), text));
    error_free(err);
}

static void test_section_temt(Fixture *f, gconstpointer data)
{
    g_autoptr(GByteArray) idle = hw_test_save(f->dev), busy = NULL;

    idle->data[7] &= ~LSR_TEMT;
    expect_refused(f, idle, "inconsistent state in serial device");
    fake_chardev_set_room(f->chr, 0);
    hw_out(f->m, DATA, 'x');
    busy = hw_test_save(f->dev);
    busy->data[7] |= LSR_TEMT;
    expect_refused(f, busy, "inconsistent state in serial device");
}

static void test_section_bad_fifo(Fixture *f, gconstpointer data)
{
    g_autoptr(GByteArray) p = NULL;

    hw_out(f->m, IIR, 0x07);
    fake_chardev_input(f->chr, "a");
    p = hw_test_save(f->dev);
    p->data[11 + 6 + 16 + 16 + 3] = 16; /* head */
    expect_refused(f, p, "recv_fifo");
    p->data[11 + 6 + 16 + 16 + 3] = 0;
    p->data[11 + 6 + 16 + 20 + 3] = 17; /* num */
    expect_refused(f, p, "recv_fifo");
}

static void test_section_version_2(Fixture *f, gconstpointer data)
{
    static const uint8_t v2[] = { 0, 1, 'r', 1, 1, 3, 8, 0x61, 0xb0, 's' };
    Error *err = NULL;

    hw_out(f->m, IIR, 0x07);
    hw_test_load(f->dev, v2, sizeof(v2), 2, &err);
    g_assert_no_error(err);
    g_assert_cmphex(f->w->fcr, ==, 0);
    expect_in(f, SCR, 's');
    expect_in(f, IIR, 0x04);
    expect_in(f, DATA, 'r');
}

/* A stock source whose back-end is a real port. */
static void test_section_poll(Fixture *f, gconstpointer data)
{
    static const char poll[] = "\5\13serial/poll\0\0\0\1\0\0\0\1"
                               "\0\0\0\0\0\0\0\1";
    g_autoptr(GByteArray) p = hw_test_save(f->dev);
    Error *err = NULL;

    g_byte_array_append(p, (const uint8_t *)poll, sizeof(poll) - 1);
    hw_test_load(f->dev, p->data, p->len, 3, &err);
    g_assert_no_error(err);
    g_assert_cmpuint(save_size(f), ==, 11);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*fn)(Fixture *f, gconstpointer data);
    } tests[] = {
        { "/hw/serial/registers", test_registers },
        { "/hw/serial/transmit", test_transmit },
        { "/hw/serial/throttled", test_throttled },
        { "/hw/serial/receive", test_receive },
        { "/hw/serial/receive-fifo", test_receive_fifo },
        { "/hw/serial/loopback", test_loopback },
        { "/hw/serial/stopped", test_stopped },
        { "/hw/serial/section/idle", test_section_idle },
        { "/hw/serial/section/busy", test_section_busy },
        { "/hw/serial/section/timeout", test_section_timeout },
        { "/hw/serial/section/thr", test_section_thr },
        { "/hw/serial/section/temt", test_section_temt },
        { "/hw/serial/section/bad-fifo", test_section_bad_fifo },
        { "/hw/serial/section/version-2", test_section_version_2 },
        { "/hw/serial/section/poll", test_section_poll },
    };

    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_test_add(tests[i].path, Fixture, NULL, setup, tests[i].fn, teardown);
    }
    return g_test_run();
}
