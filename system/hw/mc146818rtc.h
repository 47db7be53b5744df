/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Motorola MC146818 real-time clock with 128 bytes of CMOS memory.
 *
 * Reference: MC146818A data sheet (ADI856).  The clock follows the host's
 * wall clock, at a distance that the guest may set.
 */
#ifndef HW_MC146818RTC_H
#define HW_MC146818RTC_H

#include "hw/device.h"

#define RTC_CMOS_SIZE 128

/* What section `mc146818rtc` holds. */
typedef struct RTCState {
    uint8_t cmos_data[RTC_CMOS_SIZE];
    uint8_t cmos_index;
    int64_t periodic_timer;     /* expiry, host wall clock in ns, or -1 */
    int64_t next_periodic_time; /* the same */
    uint32_t irq_coalesced;
    uint32_t period;            /* of periodic interrupts, in 32768 Hz ticks */
    /* Guest time in seconds since 1970 is base_rtc at wall time last_update
     * less offset (both ns). */
    uint64_t base_rtc;
    uint64_t last_update;
    int64_t offset;
    int64_t update_timer;       /* expiry, host wall clock in ns, or -1 */
    uint64_t next_alarm_time;   /* the same; UINT64_MAX: none */
    uint16_t irq_reinject_on_ack_count;
} RTCState;

#define MC146818RTC_TYPE (mc146818rtc_get_type())
G_DECLARE_FINAL_TYPE(MC146818RTC, mc146818rtc, HW, MC146818RTC, Device)

/*
 * Make the clock; @output is its interrupt line.  The CMOS describes @low
 * bytes of RAM from address 0 and @high from 4 GiB.  Lock held.
 */
bool mc146818rtc_create(Machine *m, IRQ output, uint64_t low, uint64_t high,
                        Error **errp);

/* NULL: none.  Lock held. */
RTCState *mc146818rtc_get_state(Machine *m);

#endif
