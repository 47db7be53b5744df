/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looking things up in the guest-physical map. */
#ifndef SYSTEM_PHYSMEM_H
#define SYSTEM_PHYSMEM_H

#include "machine-internal.h"

/*
 * The piece that @gpa lies in; NULL: nothing is there, and *@next is where the
 * next piece begins (UINT64_MAX: none).
 */
const MapPiece *physmap_find(const PhysMap *map, uint64_t gpa, uint64_t *next);
IORegion *physmap_find_port(const PhysMap *map, uint32_t port);

#endif
