/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is this memory all zero?  The fastest code the host CPU has, see hostfeat. */
#ifndef QEMU_ZERO_H
#define QEMU_ZERO_H

#include "qemu/osdep.h"

/* True if all @len bytes at @buf are zero.  Any alignment, any length. */
bool buffer_is_zero(const void *buf, size_t len);

#endif
