/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of the machine share. */
#ifndef TESTS_UNIT_SYSTEM_TEST_UTIL_H
#define TESTS_UNIT_SYSTEM_TEST_UTIL_H

#include "qemu/osdep.h"

#include "system/accel.h"
#include "system/machine.h"
#include "system/runstate.h"

/* A type with RAM block "ram", up to 8 CPUs, no devices. */
extern const MachineType test_machine_type;

/*
 * A machine of that type with @ram_size bytes, built, with accelerator @accel
 * (a type name such as "test", or NULL); the caller holds its lock.
 */
Machine *test_machine_new(uint64_t ram_size, GType accel);
void test_machine_free(Machine *m); /* lock held */

/* The events of @m since the last call, "STOP RESUME"; freed by g_free(). */
char *test_events(Machine *m);
#define assert_events(m, text)                                                 \
    do {                                                                       \
        g_autofree char *events_ = test_events(m);                             \
        g_assert_cmpstr(events_, ==, text);                                    \
    } while (0)

/* Fails the test unless *@err is set to @text; frees it. */
void test_expect_error(Error **err, const char *text);

#endif
