/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FUZZ_LOADVM_H
#define FUZZ_LOADVM_H

#include "qemu/osdep.h"

/* Load @data as a stream; true: it was taken. */
bool fuzz_one(const uint8_t *data, size_t size);

/* A valid stream of the devices that the target has, without RAM. */
GByteArray *fuzz_seed(void);

#endif
