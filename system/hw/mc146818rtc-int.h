/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The real-time clock's two source files share this. */
#ifndef HW_MC146818RTC_INT_H
#define HW_MC146818RTC_INT_H

#include "system/hw/mc146818rtc.h"
#include "system/vclock.h"

enum {
    RTC_SECONDS,
    RTC_SECONDS_ALARM,
    RTC_MINUTES,
    RTC_MINUTES_ALARM,
    RTC_HOURS,
    RTC_HOURS_ALARM,
    RTC_WEEKDAY,
    RTC_DAY,
    RTC_MONTH,
    RTC_YEAR,
    RTC_REG_A,
    RTC_REG_B,
    RTC_REG_C,
    RTC_REG_D,
    RTC_CENTURY = 0x32,
};

#define REG_A_UIP 0x80
#define REG_A_DIVIDER 0x60    /* the bits that tell on from held */
#define REG_A_DIVIDER_ON 0x20 /* 32768 Hz; above: held */
#define REG_A_RATE 0x0f

#define REG_B_SET 0x80
#define REG_B_PIE 0x40
#define REG_B_AIE 0x20
#define REG_B_UIE 0x10
#define REG_B_SQWE 0x08
#define REG_B_BINARY 0x04
#define REG_B_24H 0x02

#define REG_C_IRQF 0x80
#define REG_C_PF 0x40
#define REG_C_AF 0x20
#define REG_C_UF 0x10
#define REG_C_CAUSES (REG_C_PF | REG_C_AF | REG_C_UF)

#define REG_D_VALID 0x80

/* Update-in-progress shows this long before the second ends. */
#define RTC_UIP_NS 244000

/* Far beyond what the registers can hold; keeps sums within 64 bits. */
#define RTC_SECONDS_MAX (UINT64_C(1) << 40)

struct _MC146818RTC {
    Device parent_instance;
    RTCState wire;
    int64_t last_second; /* guest time when update flags were last noted */
    IRQ output;
    VTimer *update_timer;
    VTimer *periodic_timer;
};

extern const VMStateDescription vmstate_rtc;
bool rtc_pre_save(void *opaque, Error **errp);
bool rtc_post_load(void *opaque, int version_id, Error **errp);

/* The host's wall clock, ns since 1970. */
int64_t rtc_wall_ns(void);

/* Time registers from and to seconds since 1970, in the format set in B. */
void rtc_time_to_cmos(RTCState *w, int64_t seconds);
int64_t rtc_time_from_cmos(const RTCState *w);

/*
 * Seconds from @second to the next match of the alarm, at least 1; 0: there is
 * none within @limit seconds and a day.
 */
int64_t rtc_alarm_distance(const RTCState *w, int64_t second, int64_t limit);

/* Memory sizes where PC firmware and kernels look for them. */
void rtc_describe_ram(RTCState *w, uint64_t low, uint64_t high);

#endif
