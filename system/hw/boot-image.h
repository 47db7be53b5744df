/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -kernel with a raw boot sector image: the whole file is put at 0x7c00 and
 * entered there in real mode, as a PC's firmware does with a disk's first
 * sector.
 */
#ifndef HW_BOOT_IMAGE_H
#define HW_BOOT_IMAGE_H

#include "hw/device.h"

#define BOOT_IMAGE_ADDR 0x7c00
#define BOOT_IMAGE_END 0x9fc00 /* where a PC's firmware keeps its data */

/*
 * Check that @data, read from @path, is an image that can be booted.  Error:
 * it is something else (a Linux kernel, an ELF file), or too large.
 */
bool boot_image_check(const uint8_t *data, size_t len, const char *path,
                      Error **errp);

/*
 * Add a device to @m that at each reset puts the file at @path into memory and
 * the boot processor at its entry; a reset before an incoming migration
 * leaves memory alone.  @path NULL: nothing to boot, the processor is halted.
 * Lock held.
 */
bool boot_image_create(Machine *m, const char *path, Error **errp);

#endif
