/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a person would see: the screens of a machine. */
#ifndef SYSTEM_DISPLAY_H
#define SYSTEM_DISPLAY_H

#include <stdint.h>

typedef struct Machine Machine;

typedef struct Display {
    const char *id; /* id of the device, or NULL */
    unsigned width, height; /* pixels */
    /* Row @y, from 0 at the top, as 3 * width bytes red, green, blue. */
    void (*read_row)(void *opaque, unsigned y, uint8_t *rgb);
    void *opaque;
} Display;

/* Add a screen; @display must live as long as the machine.  Lock held. */
void machine_add_display(Machine *m, const Display *display);
/* The first screen, or the one of device @id; NULL: there is none. */
const Display *machine_find_display(Machine *m, const char *id);

#endif
