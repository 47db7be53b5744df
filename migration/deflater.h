/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Making deflate blocks (RFC 1951): by ISA-L where it is built in and the level
 * is one of its own, else by zlib.  ISA-L compresses several times faster, and
 * a little less.
 */
#ifndef MIGRATION_DEFLATER_H
#define MIGRATION_DEFLATER_H

#include "qemu/error.h"

/* One way to do it; the functions are called by those below. */
typedef struct Deflater Deflater;
struct Deflater {
    /* Use all of @in; *@room, the bytes at @out, becomes what is left. */
    bool (*run)(Deflater *d, uint8_t *in, size_t len, bool flush,
                uint8_t *out, size_t *room, Error **errp);
    void (*reset)(Deflater *d);
    void (*free)(Deflater *d);
};

/* @level: 0 to 9, zlib's. */
Deflater *deflater_new(int level, Error **errp);
void deflater_free(Deflater *d); /* NULL is allowed */

/*
 * Compress [@in, +@len) into [@out, +*@out_len), which becomes what was used
 * of it; an error if that is all.  What comes later may refer back to it.
 * @flush: everything that is held back goes out, up to a byte boundary.
 */
bool deflater_run(Deflater *d, uint8_t *in, size_t len, bool flush,
                  uint8_t *out, size_t *out_len, Error **errp);

/* Never refer back to what came until now; nothing may be held back. */
void deflater_reset(Deflater *d);

/* NULL: ISA-L has no such level. */
Deflater *deflater_isal_new(int level);

#endif
