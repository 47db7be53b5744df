/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"
#include "migration/deflater.h"

#include <zlib.h>

#include "config-host.h"

typedef struct ZlibDeflater {
    Deflater parent;
    z_stream zs;
} ZlibDeflater;

static void zlib_error(const char *what, const z_stream *zs, int ret,
                       Error **errp)
{
    error_setg(errp, "%s: zlib error %d (%s)", what, ret,
               zs->msg ? zs->msg : zError(ret));
}

static bool zlib_run(Deflater *d, uint8_t *in, size_t len, bool flush,
                     uint8_t *out, size_t *room, Error **errp)
{
    z_stream *zs = &((ZlibDeflater *)d)->zs;
    int ret;

    zs->next_in = in;
    zs->avail_in = len;
    zs->next_out = out;
    zs->avail_out = *room;
    ret = deflate(zs, flush ? Z_SYNC_FLUSH : Z_NO_FLUSH);
    if (ret != Z_OK) {
        zlib_error("cannot compress", zs, ret, errp);
        return false;
    }
    *room = zs->avail_out;
    return true;
}

static void zlib_reset(Deflater *d)
{
    deflateReset(&((ZlibDeflater *)d)->zs);
}

static void zlib_free(Deflater *d)
{
    deflateEnd(&((ZlibDeflater *)d)->zs);
    g_free(d);
}

static Deflater *deflater_zlib_new(int level, Error **errp)
{
    ZlibDeflater *z = g_new0(ZlibDeflater, 1);
    int ret = deflateInit2(&z->zs, level, Z_DEFLATED, -MAX_WBITS, 8,
                           Z_DEFAULT_STRATEGY);

    if (ret != Z_OK) {
        zlib_error("cannot start to compress", &z->zs, ret, errp);
        g_free(z);
        return NULL;
    }
    z->parent = (Deflater) { zlib_run, zlib_reset, zlib_free };
    return &z->parent;
}

Deflater *deflater_new(int level, Error **errp)
{
    Deflater *d = NULL;

#if CONFIG_ISAL
    d = deflater_isal_new(level);
#endif
    return d ? d : deflater_zlib_new(level, errp);
}

void deflater_free(Deflater *d)
{
    if (d) {
        d->free(d);
    }
}

bool deflater_run(Deflater *d, uint8_t *in, size_t len, bool flush,
                  uint8_t *out, size_t *out_len, Error **errp)
{
    size_t room = *out_len;

    if (!d->run(d, in, len, flush, out, &room, errp)) {
        return false;
    }
    if (!room) {
        error_setg(errp, "cannot compress: it gets longer than %zu bytes",
                   *out_len);
        return false;
    }
    *out_len -= room;
    return true;
}

void deflater_reset(Deflater *d)
{
    d->reset(d);
}
