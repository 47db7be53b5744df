/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sizes in the JSON description of a stream, by the rules for its readers. */
#ifndef VMDESC_CHECK_H
#define VMDESC_CHECK_H

#include <json-c/json.h>

#include "qemu/osdep.h"

/* Bytes of a section's payload according to its description. */
uint64_t vmdesc_payload(json_object *vmsd);

#endif
