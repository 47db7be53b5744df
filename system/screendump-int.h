/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SCREENDUMP_INT_H
#define SCREENDUMP_INT_H

#include <stdio.h>

#include "qemu/error.h"
#include "system/display.h"

/* Only with CONFIG_PNG.  What cannot be written shows in ferror(@file). */
bool screendump_png(const Display *d, FILE *file, Error **errp);

#endif
