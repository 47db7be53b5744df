/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the device tests share: a machine, a back-end, sections as bytes. */
#ifndef TESTS_UNIT_HW_HW_TEST_H
#define TESTS_UNIT_HW_HW_TEST_H

#include "hw/device.h"
#include "system/chardev.h"
#include "system/vclock.h"

/*
 * A machine of type microvm without accelerator, so with device models, its
 * lock held, its virtual clock at @ns and moved by hw_test_step() only; the
 * host's wall clock goes with it from HW_TEST_WALL_S on.  @properties:
 * "name=value,name=value" or NULL.
 */
#define HW_TEST_WALL_S INT64_C(1700000000) /* 2023-11-14 22:13:20 UTC */
Machine *hw_test_machine(const char *properties, Chardev *serial);
void hw_test_machine_free(Machine *m);
/* Let @ns pass. */
void hw_test_step(Machine *m, int64_t ns);
/* Let the host's wall clock jump. */
void hw_test_jump(int64_t ns);

/* Device of the machine with the section name @name, the @n-th of them. */
Device *hw_test_device(Machine *m, const char *name, unsigned n);

/* The section's payload of @dev. */
GByteArray *hw_test_save(Device *dev);
/* Load it at @version; false and *@errp set as vmstate_load() does. */
bool hw_test_load(Device *dev, const void *data, size_t len, int version,
                  Error **errp);
/* Is there a subsection @name in @payload? */
bool hw_test_has(const GByteArray *payload, const char *name);

/* Port accesses of one byte. */
uint8_t hw_in(Machine *m, uint16_t port);
void hw_out(Machine *m, uint16_t port, uint8_t val);

/* A Chardev that the test is the other side of. */
Chardev *fake_chardev_new(void);
/* Bytes it will take before it is full. */
void fake_chardev_set_room(Chardev *chr, size_t room);
/* What was written; NUL-terminated text. */
const char *fake_chardev_output(Chardev *chr);
/* Offer input; returns how many bytes the device took. */
size_t fake_chardev_input(Chardev *chr, const char *text);

#endif
