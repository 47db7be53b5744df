/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A picture of a screen as PNG. */
#include "qemu/osdep.h"

#include <png.h>

#include "screendump-int.h"

/* libpng leaves by longjmp(): nothing of ours may be held in between. */
static bool write_png(png_structp png, png_infop info, const Display *d,
                      FILE *file, uint8_t *row)
{
    if (setjmp(png_jmpbuf(png))) {
        return false;
    }
    png_init_io(png, file);
    png_set_IHDR(png, info, d->width, d->height, 8, PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (unsigned y = 0; y < d->height; y++) {
        d->read_row(d->opaque, y, row);
        png_write_row(png, row);
    }
    png_write_end(png, NULL);
    return true;
}

/* It would print to stderr. */
static void drop_message(png_structp png, png_const_charp text)
{
}

static G_GNUC_NORETURN void leave(png_structp png, png_const_charp text)
{
    png_longjmp(png, 1);
}

bool screendump_png(const Display *d, FILE *file, Error **errp)
{
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL,
                                              leave, drop_message);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    g_autofree uint8_t *row = g_malloc(3 * (size_t)d->width);
    bool ok = info && write_png(png, info, d, file, row);

    if (!ok) {
        error_setg(errp, "Could not write a picture of %u x %u pixels",
                   d->width, d->height);
    }
    if (png) {
        png_destroy_write_struct(&png, &info);
    }
    return ok;
}
