/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Motorola MC146818 real-time clock: what its memory holds (time, alarm, RAM
 * sizes), and its section.
 */
#include "qemu/osdep.h"

#include "system/hw/mc146818rtc-int.h"

#include "system/hw/wire.h"

#define BASE_YEAR 2000 /* year 0 of century 0 in the registers */
#define DAY 86400
#define HOUR_PM 0x80
#define ALARM_ANY 0xc0 /* and above: matches every value */

static uint8_t encode(const RTCState *w, unsigned val)
{
    if (w->cmos_data[RTC_REG_B] & REG_B_BINARY) {
        return val;
    }
    return val / 10 << 4 | val % 10;
}

static unsigned decode(const RTCState *w, uint8_t val)
{
    if (w->cmos_data[RTC_REG_B] & REG_B_BINARY) {
        return val;
    }
    return (val >> 4) * 10 + (val & 0x0f);
}

static uint8_t encode_hour(const RTCState *w, unsigned hour)
{
    if (w->cmos_data[RTC_REG_B] & REG_B_24H) {
        return encode(w, hour);
    }
    return encode(w, (hour + 11) % 12 + 1) | (hour >= 12 ? HOUR_PM : 0);
}

static unsigned decode_hour(const RTCState *w, uint8_t val)
{
    if (w->cmos_data[RTC_REG_B] & REG_B_24H) {
        return decode(w, val);
    }
    return decode(w, val & ~HOUR_PM) % 12 + (val & HOUR_PM ? 12 : 0);
}

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static unsigned month_days(int64_t year, unsigned month)
{
    static const uint8_t days[12] = { 31, 28, 31, 30, 31, 30,
                                      31, 31, 30, 31, 30, 31 };

    return days[month - 1] + (month == 2 && is_leap(year));
}

/* Days from 1970-01-01 to the first of January of @year, 1 <= year. */
static int64_t days_before_year(int64_t year)
{
    int64_t y = year - 1;

    return y * 365 + y / 4 - y / 100 + y / 400 - 719162;
}

void rtc_time_to_cmos(RTCState *w, int64_t seconds)
{
    int64_t days = CLAMP(seconds, 0, (int64_t)RTC_SECONDS_MAX) / DAY;
    unsigned rest = CLAMP(seconds, 0, (int64_t)RTC_SECONDS_MAX) % DAY;
    int64_t year = 1970 + days / 366; /* at most a few hundred too low */
    unsigned month = 1, since_base;

    w->cmos_data[RTC_SECONDS] = encode(w, rest % 60);
    w->cmos_data[RTC_MINUTES] = encode(w, rest / 60 % 60);
    w->cmos_data[RTC_HOURS] = encode_hour(w, rest / 3600);
    w->cmos_data[RTC_WEEKDAY] = encode(w, (days + 4) % 7 + 1);
    while (days_before_year(year + 1) <= days) {
        year++;
    }
    days -= days_before_year(year);
    while (days >= month_days(year, month)) {
        days -= month_days(year, month++);
    }
    since_base = (year + 10000 - BASE_YEAR) % 10000;
    w->cmos_data[RTC_DAY] = encode(w, days + 1);
    w->cmos_data[RTC_MONTH] = encode(w, month);
    w->cmos_data[RTC_YEAR] = encode(w, since_base % 100);
    w->cmos_data[RTC_CENTURY] = encode(w, since_base / 100);
}

int64_t rtc_time_from_cmos(const RTCState *w)
{
    int64_t year = BASE_YEAR + decode(w, w->cmos_data[RTC_YEAR]) +
                   100 * decode(w, w->cmos_data[RTC_CENTURY]);
    unsigned month = CLAMP(decode(w, w->cmos_data[RTC_MONTH]), 1, 12);
    int64_t days = days_before_year(year);

    for (unsigned i = 1; i < month; i++) {
        days += month_days(year, i);
    }
    days += decode(w, w->cmos_data[RTC_DAY]);
    return (days - 1) * DAY + decode_hour(w, w->cmos_data[RTC_HOURS]) * 3600 +
           decode(w, w->cmos_data[RTC_MINUTES]) * 60 +
           decode(w, w->cmos_data[RTC_SECONDS]);
}

int64_t rtc_alarm_distance(const RTCState *w, int64_t second, int64_t limit)
{
    uint8_t reg_s = w->cmos_data[RTC_SECONDS_ALARM];
    uint8_t reg_m = w->cmos_data[RTC_MINUTES_ALARM];
    uint8_t reg_h = w->cmos_data[RTC_HOURS_ALARM];
    unsigned s = decode(w, reg_s), m = decode(w, reg_m);
    unsigned h = decode_hour(w, reg_h);

    for (int64_t i = 1; i <= MIN(limit, DAY); i++) {
        int64_t t = ((second + i) % DAY + DAY) % DAY;

        if ((reg_s >= ALARM_ANY || t % 60 == s) &&
            (reg_m >= ALARM_ANY || t / 60 % 60 == m) &&
            (reg_h >= ALARM_ANY || t / 3600 == h)) {
            return i;
        }
    }
    return 0;
}

static void put_le16(uint8_t *p, uint64_t val)
{
    uint16_t v = MIN(val, UINT16_MAX);

    p[0] = v;
    p[1] = v >> 8;
}

void rtc_describe_ram(RTCState *w, uint64_t low, uint64_t high)
{
    uint64_t above_1m = low > MiB ? (low - MiB) / KiB : 0;
    uint64_t above_16m = low > 16 * MiB ? (low - 16 * MiB) / (64 * KiB) : 0;

    put_le16(&w->cmos_data[0x15], MIN(low / KiB, 640));
    put_le16(&w->cmos_data[0x17], above_1m);
    put_le16(&w->cmos_data[0x30], above_1m);
    put_le16(&w->cmos_data[0x34], above_16m);
    for (int i = 0; i < 3; i++) {
        w->cmos_data[0x5b + i] = high / (64 * KiB) >> (8 * i);
    }
}

static bool reinject_needed(void *opaque)
{
    const MC146818RTC *s = opaque;

    return s->wire.irq_reinject_on_ack_count != 0;
}

static bool rtc_pre_load(void *opaque, Error **errp)
{
    MC146818RTC *s = opaque;

    s->wire.irq_reinject_on_ack_count = 0;
    return true;
}

/* Counts lost ticks for a policy this clock does not have: carried along. */
static const VMStateDescription vmstate_rtc_reinject = {
    .name = "mc146818rtc/irq_reinject_on_ack_count",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = reinject_needed,
    .fields = (const VMStateField[]){
        WIRE_FIELD_(irq_reinject_on_ack_count, MC146818RTC, 0,
                    vmstate_info_uint16, uint16_t),
        VMSTATE_END_OF_LIST(),
    },
};

const VMStateDescription vmstate_rtc = {
    .name = "mc146818rtc",
    .version_id = 3,
    .minimum_version_id = 1,
    .pre_load = rtc_pre_load,
    .post_load = rtc_post_load,
    .pre_save = rtc_pre_save,
    .fields = (const VMStateField[]){
        {
            .name = "cmos_data",
            .size = RTC_CMOS_SIZE,
            .info = &vmstate_info_buffer,
            .offset = offsetof(MC146818RTC, wire.cmos_data),
        },
        WIRE_U8(cmos_index, MC146818RTC),
        VMSTATE_UNUSED(28),
        WIRE_TIMER_V(periodic_timer, MC146818RTC, 0),
        WIRE_I64_V(next_periodic_time, MC146818RTC, 0),
        VMSTATE_UNUSED(24),
        WIRE_U32_V(irq_coalesced, MC146818RTC, 2),
        WIRE_U32_V(period, MC146818RTC, 2),
        WIRE_U64_V(base_rtc, MC146818RTC, 3),
        WIRE_U64_V(last_update, MC146818RTC, 3),
        WIRE_I64_V(offset, MC146818RTC, 3),
        WIRE_TIMER_V(update_timer, MC146818RTC, 3),
        WIRE_U64_V(next_alarm_time, MC146818RTC, 3),
        VMSTATE_END_OF_LIST(),
    },
    .subsections = (const VMStateDescription *const[]){
        &vmstate_rtc_reinject,
        NULL,
    },
};
