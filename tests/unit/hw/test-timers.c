/* SPDX-License-Identifier: GPL-2.0-or-later */
/* i8254 and MC146818: counting, interrupts, and their sections. */
#include "qemu/osdep.h"

#include "hw-test.h"
#include "system/hw/i8254.h"
#include "system/hw/i8259.h"
#include "system/hw/mc146818rtc-int.h"

typedef struct Fixture {
    Machine *m;
} Fixture;

static void setup(Fixture *f, gconstpointer data)
{
    f->m = hw_test_machine(NULL, NULL);
    hw_out(f->m, 0x20, 0x11); /* interrupts 0x20.. and 0x28.. */
    hw_out(f->m, 0x21, 0x20);
    hw_out(f->m, 0x21, 4);
    hw_out(f->m, 0x21, 3);
    hw_out(f->m, 0xa0, 0x11);
    hw_out(f->m, 0xa1, 0x28);
    hw_out(f->m, 0xa1, 2);
    hw_out(f->m, 0xa1, 3);
}

static void teardown(Fixture *f, gconstpointer data)
{
    hw_test_machine_free(f->m);
}

/* Interrupts that came while @ns went by in steps of @step. */
static unsigned count_irqs(Fixture *f, int vector, int64_t ns, int64_t step)
{
    unsigned n = 0;

    for (int64_t t = 0; t < ns; t += step) {
        hw_test_step(f->m, step);
        while (i8259_pending(f->m)) {
            g_assert_cmphex(i8259_acknowledge(f->m), ==, vector);
            n++;
        }
    }
    return n;
}

static GByteArray *expect_round_trip(Fixture *f, Device *dev)
{
    g_autoptr(GByteArray) before = hw_test_save(dev);
    GByteArray *after;
    Error *err = NULL;

    machine_reset(f->m, SHUTDOWN_CAUSE_NONE);
    hw_test_load(dev, before->data, before->len, 3, &err);
    g_assert_no_error(err);
    after = hw_test_save(dev);
    g_assert_cmpmem(before->data, before->len, after->data, after->len);
    return after;
}

/* ---- i8254 ---- */

static void load_count(Fixture *f, unsigned channel, uint8_t control,
                       uint16_t count)
{
    hw_out(f->m, 0x43, channel << 6 | control);
    hw_out(f->m, 0x40 + channel, count & 0xff);
    hw_out(f->m, 0x40 + channel, count >> 8);
}

static uint16_t latched(Fixture *f, unsigned channel)
{
    uint16_t low;

    hw_out(f->m, 0x43, channel << 6);
    low = hw_in(f->m, 0x40 + channel);
    return low | hw_in(f->m, 0x40 + channel) << 8;
}

static void test_pit_counting(Fixture *f, gconstpointer data)
{
    load_count(f, 1, 0x34, 11932); /* mode 2: 10 ms */
    g_assert_cmpuint(latched(f, 1), ==, 11932);
    hw_test_step(f->m, 5 * NSEC_PER_MSEC);
    g_assert_cmpuint(latched(f, 1), ==, 11932 - 5965);
    hw_test_step(f->m, 10 * NSEC_PER_MSEC);
    g_assert_cmpuint(latched(f, 1), ==, 11932 - 5965);
    load_count(f, 2, 0x36, 1000); /* mode 3 counts by two */
    hw_test_step(f->m, NSEC_PER_MSEC / 10);
    g_assert_cmpuint(latched(f, 2), ==, 1000 - 2 * 119);
    load_count(f, 2, 0x30, 100); /* mode 0 goes on below zero */
    hw_test_step(f->m, NSEC_PER_MSEC);
    g_assert_cmpuint(latched(f, 2), ==, (uint16_t)(100 - 1193));
}

static void test_pit_access(Fixture *f, gconstpointer data)
{
    /* High byte only; a latched value stays until it was read. */
    hw_out(f->m, 0x43, 0x60);
    hw_out(f->m, 0x41, 0x12);
    g_assert_cmphex(hw_in(f->m, 0x41), ==, 0x12);
    hw_out(f->m, 0x43, 0x50); /* low byte only */
    hw_out(f->m, 0x41, 0x56);
    g_assert_cmphex(hw_in(f->m, 0x41), ==, 0x56);
    hw_out(f->m, 0x43, 0x40);
    hw_test_step(f->m, NSEC_PER_MSEC / 100);
    g_assert_cmphex(hw_in(f->m, 0x41), ==, 0x56);
    g_assert_cmphex(hw_in(f->m, 0x41), ==, 0x56 - 11);
    /* Read-back of status and count: the status comes first. */
    load_count(f, 1, 0x30, 0x1234);
    hw_out(f->m, 0x43, 0xc4);
    g_assert_cmphex(hw_in(f->m, 0x41), ==, 0x30);
    g_assert_cmphex(hw_in(f->m, 0x41), ==, 0x34);
    g_assert_cmphex(hw_in(f->m, 0x41), ==, 0x12);
    hw_test_step(f->m, 10 * NSEC_PER_MSEC);
    hw_out(f->m, 0x43, 0xe4);
    g_assert_cmphex(hw_in(f->m, 0x41), ==, 0xb0); /* OUT is high */
    g_assert_cmphex(hw_in(f->m, 0x43), ==, 0);
}

static void test_pit_irq(Fixture *f, gconstpointer data)
{
    load_count(f, 0, 0x34, 11932);
    i8259_acknowledge(f->m); /* whatever was there since reset */
    g_assert_cmpuint(count_irqs(f, 0x20, NSEC_PER_SEC, NSEC_PER_MSEC / 2), ==,
                     99); /* 10.0001 ms each */
    load_count(f, 0, 0x36, 11932);
    g_assert_cmpuint(count_irqs(f, 0x20, NSEC_PER_SEC, NSEC_PER_MSEC / 2), ==,
                     99);
    load_count(f, 0, 0x30, 11932); /* once */
    g_assert_cmpuint(count_irqs(f, 0x20, 9 * NSEC_PER_MSEC, NSEC_PER_MSEC),
                     ==, 0);
    g_assert_cmpuint(count_irqs(f, 0x20, NSEC_PER_SEC, NSEC_PER_MSEC), ==, 1);
    /* A mad period is slowed down. */
    load_count(f, 0, 0x34, 2);
    g_assert_cmpuint(count_irqs(f, 0x20, NSEC_PER_MSEC, NSEC_PER_MSEC / 1000),
                     ==, 10);
}

static void test_pit_section(Fixture *f, gconstpointer data)
{
    Device *dev = hw_test_device(f->m, "i8254", 0);
    g_autoptr(GByteArray) p = NULL, q = NULL;

    p = hw_test_save(dev);
    g_assert_cmpuint(p->len, ==, 108);
    g_assert_cmpmem(p->data, 8, "\0\0\0\0\0\1\0\0", 8); /* count 0x10000 */
    g_assert_cmpmem(p->data + 92, 8, p->data + 60, 8); /* load times */
    load_count(f, 0, 0x34, 11932);
    hw_test_step(f->m, 15 * NSEC_PER_MSEC);
    i8259_acknowledge(f->m);
    hw_out(f->m, 0x40, 0x34); /* half of a count, half of a read */
    hw_in(f->m, 0x40);
    hw_out(f->m, 0x43, 0x00);
    q = expect_round_trip(f, dev);
    g_assert_cmpmem(q->data + 4 + 24, 8, q->data + 100, 8);
    /* 5 ms of the second period are left. */
    hw_test_step(f->m, 4 * NSEC_PER_MSEC);
    g_assert_false(i8259_get_state(f->m, 0)->irr & 1);
    hw_test_step(f->m, 2 * NSEC_PER_MSEC);
    g_assert_true(i8259_get_state(f->m, 0)->irr & 1);
    hw_out(f->m, 0x40, 0x12);
    g_assert_cmpint(i8254_get_state(f->m)->channels[0].count, ==, 0x1234);
}

static void test_pit_section_v2(Fixture *f, gconstpointer data)
{
    Device *dev = hw_test_device(f->m, "i8254", 0);
    g_autoptr(GByteArray) p = hw_test_save(dev);
    Error *err = NULL;

    hw_test_load(dev, p->data + 4, p->len - 4, 2, &err);
    g_assert_no_error(err);
}

/* No state makes the model divide by zero, overflow or hang. */
static void test_pit_section_bad(Fixture *f, gconstpointer data)
{
    static const int64_t times[] = { INT64_MIN, INT64_MIN + 1, -2, 0,
                                     INT64_MAX - 1, INT64_MAX };
    Device *dev = hw_test_device(f->m, "i8254", 0);
    g_autoptr(GByteArray) p = hw_test_save(dev);
    Error *err = NULL;

    for (size_t i = 0; i < G_N_ELEMENTS(times); i++) {
        for (uint8_t mode = 0; mode < 8; mode++) {
            uint64_t be = GUINT64_TO_BE(times[i]);

            p->data[4 + 13] = mode;
            memcpy(p->data + 4 + 16, &be, 8);
            memcpy(p->data + 4 + 24, &be, 8);
            memcpy(p->data + 100, &be, 8);
            hw_test_load(dev, p->data, p->len, 3, &err);
            g_assert_no_error(err);
            latched(f, 0);
            hw_test_step(f->m, NSEC_PER_MSEC);
        }
    }
    p->data[4 + 1] = 0; /* count 0 */
    g_assert_false(hw_test_load(dev, p->data, p->len, 3, &err));
    g_assert_nonnull(strstr(error_get_pretty(err), "count 0 (1 to 65536)"));
    error_free(err);
}

/* ---- MC146818 ---- */

static uint8_t cmos(Fixture *f, uint8_t index)
{
    hw_out(f->m, 0x70, index);
    return hw_in(f->m, 0x71);
}

static void set_cmos(Fixture *f, uint8_t index, uint8_t val)
{
    hw_out(f->m, 0x70, index);
    hw_out(f->m, 0x71, val);
}

static void expect_time(Fixture *f, const char *text)
{
    g_autofree char *now = g_strdup_printf(
        "%02x%02x-%02x-%02x %02x:%02x:%02x", cmos(f, RTC_CENTURY),
        cmos(f, RTC_YEAR), cmos(f, RTC_MONTH), cmos(f, RTC_DAY),
        cmos(f, RTC_HOURS), cmos(f, RTC_MINUTES), cmos(f, RTC_SECONDS));

    g_assert_cmpstr(now, ==, text);
}

static void test_rtc_time(Fixture *f, gconstpointer data)
{
    g_assert_cmphex(cmos(f, RTC_REG_A), ==, 0x26);
    g_assert_cmphex(cmos(f, RTC_REG_B), ==, 0x02);
    g_assert_cmphex(cmos(f, RTC_REG_D), ==, 0x80);
    expect_time(f, "0023-11-14 22:13:20"); /* centuries count from 2000 */
    g_assert_cmphex(cmos(f, RTC_WEEKDAY), ==, 3); /* a Tuesday */
    hw_test_step(f->m, 41 * NSEC_PER_SEC);
    expect_time(f, "0023-11-14 22:14:01");
    set_cmos(f, RTC_REG_B, 0x06); /* binary */
    g_assert_cmpuint(cmos(f, RTC_HOURS), ==, 22);
    set_cmos(f, RTC_REG_B, 0x04); /* 12 hours */
    g_assert_cmpuint(cmos(f, RTC_HOURS), ==, 0x8a);
    set_cmos(f, RTC_REG_B, 0x02);
    hw_test_step(f->m, NSEC_PER_SEC - NSEC_PER_MSEC);
    g_assert_cmphex(cmos(f, RTC_REG_A), ==, 0x26);
    hw_test_step(f->m, NSEC_PER_MSEC - 100000);
    g_assert_cmphex(cmos(f, RTC_REG_A), ==, 0xa6); /* being updated */
}

static void test_rtc_set(Fixture *f, gconstpointer data)
{
    static const uint8_t time[][2] = {
        { RTC_SECONDS, 0x59 }, { RTC_MINUTES, 0x59 }, { RTC_HOURS, 0x23 },
        { RTC_DAY, 0x28 },     { RTC_MONTH, 0x02 },   { RTC_YEAR, 0x24 },
    };

    hw_test_step(f->m, NSEC_PER_SEC / 4);
    set_cmos(f, RTC_REG_B, 0x82);
    hw_test_step(f->m, 5 * NSEC_PER_SEC);
    expect_time(f, "0023-11-14 22:13:20"); /* it stands */
    for (size_t i = 0; i < G_N_ELEMENTS(time); i++) {
        set_cmos(f, time[i][0], time[i][1]);
    }
    set_cmos(f, RTC_REG_B, 0x02);
    expect_time(f, "0024-02-28 23:59:59");
    hw_test_step(f->m, NSEC_PER_SEC * 3 / 4 + 1000);
    expect_time(f, "0024-02-29 00:00:00"); /* a leap year */
    hw_test_step(f->m, 86400 * NSEC_PER_SEC);
    expect_time(f, "0024-03-01 00:00:00");
    /* Divider held, then on: the next second begins 500 ms later. */
    set_cmos(f, RTC_REG_A, 0x76);
    hw_test_step(f->m, 5 * NSEC_PER_SEC);
    set_cmos(f, RTC_REG_A, 0x26);
    hw_test_step(f->m, NSEC_PER_SEC / 2 - 1000);
    expect_time(f, "0024-03-01 00:00:00");
    hw_test_step(f->m, 2000);
    expect_time(f, "0024-03-01 00:00:01");
}

static void test_rtc_update(Fixture *f, gconstpointer data)
{
    load_count(f, 0, 0x30, 0); /* the PIT is to be quiet */
    hw_out(f->m, 0x21, 0x01);
    g_assert_cmphex(cmos(f, RTC_REG_C), ==, 0);
    hw_test_step(f->m, NSEC_PER_SEC);
    g_assert_cmphex(cmos(f, RTC_REG_C), ==, 0x10); /* seen without a timer */
    g_assert_cmphex(cmos(f, RTC_REG_C), ==, 0);
    set_cmos(f, RTC_REG_B, 0x12);
    for (int i = 0; i < 5; i++) {
        g_assert_cmpuint(count_irqs(f, 0x28, NSEC_PER_SEC, NSEC_PER_SEC / 10),
                         ==, 1);
        g_assert_cmphex(cmos(f, RTC_REG_C), ==, 0x90);
    }
}

static void test_rtc_alarm(Fixture *f, gconstpointer data)
{
    hw_out(f->m, 0x21, 0x01);
    set_cmos(f, RTC_SECONDS_ALARM, 0x25);
    set_cmos(f, RTC_MINUTES_ALARM, 0xff);
    set_cmos(f, RTC_HOURS_ALARM, 0xff);
    set_cmos(f, RTC_REG_B, 0x22);
    hw_test_step(f->m, NSEC_PER_SEC * 49 / 10);
    g_assert_false(i8259_pending(f->m));
    hw_test_step(f->m, NSEC_PER_SEC / 5);
    g_assert_true(i8259_pending(f->m));
    g_assert_cmphex(cmos(f, RTC_REG_C), ==, 0xb0);
    i8259_acknowledge(f->m);
    g_assert_cmpuint(
        count_irqs(f, 0x28, 60 * NSEC_PER_SEC, NSEC_PER_SEC / 2), ==, 1);
}

static void test_rtc_periodic(Fixture *f, gconstpointer data)
{
    hw_out(f->m, 0x21, 0x01);
    set_cmos(f, RTC_REG_A, 0x2d); /* 8 Hz */
    set_cmos(f, RTC_REG_B, 0x42);
    hw_test_step(f->m, NSEC_PER_SEC / 20); /* away from the edges */
    for (int i = 0; i < 16; i++) {
        g_assert_cmpuint(count_irqs(f, 0x28, NSEC_PER_SEC / 8,
                                    NSEC_PER_SEC / 80), ==, 1);
        g_assert_cmphex(cmos(f, RTC_REG_C) & 0xc0, ==, 0xc0);
    }
}

static void test_rtc_cmos(Fixture *f, gconstpointer data)
{
    /* 2 MiB of RAM: 640 KiB, 1 MiB above, nothing above 16 MiB or 4 GiB. */
    static const uint8_t expected[][2] = {
        { 0x15, 0x80 }, { 0x16, 0x02 }, { 0x17, 0x00 }, { 0x18, 0x04 },
        { 0x30, 0x00 }, { 0x31, 0x04 }, { 0x34, 0x00 }, { 0x35, 0x00 },
        { 0x5b, 0x00 }, { 0x5c, 0x00 }, { 0x5d, 0x00 },
    };
    RTCState w = { 0 };

    for (size_t i = 0; i < G_N_ELEMENTS(expected); i++) {
        g_assert_cmphex(cmos(f, expected[i][0]), ==, expected[i][1]);
    }
    set_cmos(f, 0x7f, 0xa5);
    g_assert_cmphex(cmos(f, 0xff), ==, 0xa5); /* bit 7 is no address */
    rtc_describe_ram(&w, 3 * GiB, 5 * GiB);
    g_assert_cmpmem(w.cmos_data + 0x30, 2, "\xff\xff", 2);
    g_assert_cmpmem(w.cmos_data + 0x34, 2, "\x00\xbf", 2);
    g_assert_cmpmem(w.cmos_data + 0x5b, 3, "\x00\x40\x01", 3);
}

/* Saved, moved, and loaded a minute later: time has gone on. */
static void test_rtc_section(Fixture *f, gconstpointer data)
{
    Device *dev = hw_test_device(f->m, "mc146818rtc", 0);
    g_autoptr(GByteArray) p = NULL;
    Error *err = NULL;

    hw_out(f->m, 0x21, 0x01);
    set_cmos(f, RTC_SECONDS_ALARM, 0x50);
    set_cmos(f, RTC_MINUTES_ALARM, 0x13);
    set_cmos(f, RTC_HOURS_ALARM, 0x22);
    set_cmos(f, RTC_REG_B, 0x62);
    hw_test_step(f->m, NSEC_PER_SEC / 2);
    cmos(f, RTC_REG_C);
    p = expect_round_trip(f, dev);
    g_assert_cmpuint(p->len, ==, 245);
    g_assert_cmphex(p->data[RTC_SECONDS], ==, 0x20);
    g_assert_cmphex(p->data[128], ==, RTC_REG_C);
    hw_test_jump(60 * NSEC_PER_SEC);
    hw_test_load(dev, p->data, p->len, 3, &err);
    g_assert_no_error(err);
    expect_time(f, "0023-11-14 22:14:20");
    g_assert_cmphex(cmos(f, RTC_REG_C) & 0x30, ==, 0x30); /* alarm gone by */

    p->data[205] = 0xff; /* base_rtc */
    g_assert_false(hw_test_load(dev, p->data, p->len, 3, &err));
    g_assert_nonnull(strstr(error_get_pretty(err), "base_rtc"));
    error_free(err);
}

static void test_rtc_section_old(Fixture *f, gconstpointer data)
{
    Device *dev = hw_test_device(f->m, "mc146818rtc", 0);
    g_autoptr(GByteArray) p = hw_test_save(dev);
    Error *err = NULL;

    p->data[RTC_HOURS] = 0x05;
    hw_test_load(dev, p->data, 197, 1, &err);
    g_assert_no_error(err);
    expect_time(f, "0023-11-14 05:13:20");
    hw_test_load(dev, p->data, 205, 2, &err);
    g_assert_no_error(err);
}

/* Every day of 40 years, there and back. */
static void test_rtc_calendar(Fixture *f, gconstpointer data)
{
    RTCState w = { 0 };

    w.cmos_data[RTC_REG_B] = REG_B_24H;
    for (int64_t day = 10957; day < 10957 + 40 * 366; day++) {
        int64_t t = day * 86400 + day % 86400, back;

        rtc_time_to_cmos(&w, t);
        back = rtc_time_from_cmos(&w);
        g_assert_cmpint(back, ==, t);
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*fn)(Fixture *f, gconstpointer data);
    } tests[] = {
        { "/hw/i8254/counting", test_pit_counting },
        { "/hw/i8254/access", test_pit_access },
        { "/hw/i8254/irq", test_pit_irq },
        { "/hw/i8254/section", test_pit_section },
        { "/hw/i8254/section-v2", test_pit_section_v2 },
        { "/hw/i8254/section-bad", test_pit_section_bad },
        { "/hw/mc146818rtc/time", test_rtc_time },
        { "/hw/mc146818rtc/set", test_rtc_set },
        { "/hw/mc146818rtc/update", test_rtc_update },
        { "/hw/mc146818rtc/alarm", test_rtc_alarm },
        { "/hw/mc146818rtc/periodic", test_rtc_periodic },
        { "/hw/mc146818rtc/cmos", test_rtc_cmos },
        { "/hw/mc146818rtc/section", test_rtc_section },
        { "/hw/mc146818rtc/section-old", test_rtc_section_old },
        { "/hw/mc146818rtc/calendar", test_rtc_calendar },
    };

    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_test_add(tests[i].path, Fixture, NULL, setup, tests[i].fn, teardown);
    }
    return g_test_run();
}
