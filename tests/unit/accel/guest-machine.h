/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A small machine that runs the guest of guest-code.h and watches it. */
#ifndef TESTS_UNIT_ACCEL_GUEST_MACHINE_H
#define TESTS_UNIT_ACCEL_GUEST_MACHINE_H

#include "system/accel.h"
#include "system/cpu-x86.h"
#include "system/dirty.h"
#include "system/machine.h"
#include "system/runstate.h"

/* Programs, by the value of port 0xe4. */
typedef enum GuestProgram {
    GUEST_REAL_MODE,
    GUEST_COUNT,
    GUEST_STRING,
    GUEST_PAGES,
    GUEST_MMIO,
    GUEST_HALT,
    GUEST_SPIN,
    GUEST_VECTORS,
    GUEST_FAULT, /* takes an exception without a handler */
} GuestProgram;

#define GUEST_COUNTER 0x200000
#define GUEST_PAGES_BASE 0x400000
#define GUEST_PAGES_COUNT 64
/* GUEST_VECTORS loads the FPU from one and stores it to the other. */
#define GUEST_FXRSTOR 0x510000
#define GUEST_FXSAVE 0x500000
#define GUEST_FX_SIZE 288 /* up to and with XMM7 */

/*
 * What the devices saw.  Written with the machine lock held; the counters may
 * be read without (atomically).
 */
typedef struct GuestMachine {
    QapiEventSink sink; /* first */
    Machine *m;
    GuestProgram program;
    uint32_t n_bytes;  /* written to port 0xe0 */
    uint8_t next_byte; /* expected there */
    bool byte_lost;    /* another one came */
    uint32_t n_done;   /* writes to port 0xe2 */
    uint8_t stride;    /* port 0xe1: pages between two written ones, 0: wait */
    uint32_t n_mmio;
    uint32_t mmio_value;
    bool mmio_wrong;
    uint32_t n_resets;
    uint32_t stop_at_byte; /* ask for a stop inside this access; 0: never */
} GuestMachine;

void guest_machine_types_init(void);
/*
 * Build it on accelerator @accel, ready to run; NULL if that cannot be used
 * here, then the test was skipped.
 */
GuestMachine *guest_machine_new(const char *accel, GuestProgram program);
void guest_machine_free(GuestMachine *g);

void guest_start(GuestMachine *g);
void guest_stop(GuestMachine *g);
/* Wait until *@counter (one of @g's) is at least @value; fails in the end. */
void guest_wait(GuestMachine *g, const uint32_t *counter, uint32_t value);
uint32_t guest_load32(GuestMachine *g, uint64_t gpa);
/* Move registers and memory of @from into @to; both are stopped. */
void guest_move(GuestMachine *from, GuestMachine *to);

#endif
