/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kinds of accelerators, for accel_register_types() only. */
#ifndef SYSTEM_ACCEL_ACCEL_INT_H
#define SYSTEM_ACCEL_ACCEL_INT_H

#include <glib-object.h>

GType kvm_accel_get_type(void);
GType tcg_accel_get_type(void);
GType qtest_accel_get_type(void);

#endif
