/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"
#include "migration/deflater.h"

#include <isa-l/igzip_lib.h>

typedef struct IsalDeflater {
    Deflater parent;
    struct isal_zstream zs;
    uint8_t *level_buf;
} IsalDeflater;

/*
 * Working memory by level.  There is a level 0, too; but that is not what users
 * of zlib mean by it.
 */
static const uint32_t level_buf_size[] = {
    [1] = ISAL_DEF_LVL1_DEFAULT,
    [2] = ISAL_DEF_LVL2_DEFAULT,
    [3] = ISAL_DEF_LVL3_DEFAULT,
};

static bool isal_run(Deflater *d, uint8_t *in, size_t len, bool flush,
                     uint8_t *out, size_t *room, Error **errp)
{
    struct isal_zstream *zs = &((IsalDeflater *)d)->zs;
    int ret;

    zs->next_in = in;
    zs->avail_in = len;
    zs->next_out = out;
    zs->avail_out = *room;
    zs->flush = flush ? SYNC_FLUSH : NO_FLUSH;
    ret = isal_deflate(zs);
    if (ret != COMP_OK) {
        error_setg(errp, "cannot compress: ISA-L error %d", ret);
        return false;
    }
    *room = zs->avail_out;
    return true;
}

static void isal_reset(Deflater *d)
{
    isal_deflate_reset(&((IsalDeflater *)d)->zs);
}

static void isal_free(Deflater *d)
{
    g_free(((IsalDeflater *)d)->level_buf);
    g_free(d);
}

Deflater *deflater_isal_new(int level)
{
    IsalDeflater *z;

    if (level < 1 || level >= (int)G_N_ELEMENTS(level_buf_size)) {
        return NULL;
    }
    z = g_new0(IsalDeflater, 1);
    z->level_buf = g_malloc(level_buf_size[level]);
    isal_deflate_init(&z->zs);
    z->zs.level = level;
    z->zs.level_buf = z->level_buf;
    z->zs.level_buf_size = level_buf_size[level];
    z->zs.gzip_flag = IGZIP_DEFLATE;
    z->parent = (Deflater) { isal_run, isal_reset, isal_free };
    return &z->parent;
}
