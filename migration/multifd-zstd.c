/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pages as one zstd frame (RFC 8878) per channel, which lasts for the whole
 * migration: each packet ends with a flush, none with the end of the frame.
 */
#include "qemu/osdep.h"
#include "migration/multifd-internal.h"

#include <zstd.h>

typedef struct ZstdData {
    ZSTD_CCtx *cctx; /* source */
    ZSTD_DCtx *dctx; /* destination */
    uint8_t *data;   /* compressed; MULTIFD_DATA_MAX bytes */
} ZstdData;

static void zstd_data_free(ZstdData *z)
{
    ZSTD_freeCCtx(z->cctx);
    ZSTD_freeDCtx(z->dctx);
    g_free(z->data);
    g_free(z);
}

/* ---- source ---- */

static bool zstd_send_setup(MultiFDSendParams *p, Error **errp)
{
    ZstdData *z = g_new0(ZstdData, 1);
    int level = p->ms->options->multifd_zstd_level;
    size_t ret;

    z->data = g_malloc(MULTIFD_DATA_MAX);
    z->cctx = ZSTD_createCCtx();
    if (!z->cctx) {
        error_setg(errp, "cannot start to compress: out of memory");
        zstd_data_free(z);
        return false;
    }
    ret = ZSTD_CCtx_setParameter(z->cctx, ZSTD_c_compressionLevel, level);
    if (ZSTD_isError(ret)) {
        error_setg(errp, "cannot start to compress at level %d: %s", level,
                   ZSTD_getErrorName(ret));
        zstd_data_free(z);
        return false;
    }
    p->compress_data = z;
    return true;
}

static void zstd_send_cleanup(MultiFDSendParams *p)
{
    zstd_data_free(p->compress_data);
    p->compress_data = NULL;
}

/* While streaming, zstd copies its input before it looks at it. */
static bool zstd_send_prepare(MultiFDSendParams *p, Error **errp)
{
    const MultiFDPages *pages = &p->data->u.ram;
    ZstdData *z = p->compress_data;
    ZSTD_outBuffer out = { z->data, MULTIFD_DATA_MAX, 0 };
    MultiFDRun run;

    for (uint32_t i = 0; i < pages->normal_num;) {
        ZSTD_EndDirective flush;
        ZSTD_inBuffer in;
        size_t ret;

        i = multifd_send_run(pages, i, pages->normal_num, &run);
        in = (ZSTD_inBuffer) { run.host, run.n * TARGET_PAGE_SIZE, 0 };
        flush = i == pages->normal_num ? ZSTD_e_flush : ZSTD_e_continue;
        do {
            ret = ZSTD_compressStream2(z->cctx, &out, &in, flush);
        } while (!ZSTD_isError(ret) && out.pos < out.size &&
                 (in.pos < in.size || (flush == ZSTD_e_flush && ret)));
        if (ZSTD_isError(ret)) {
            error_setg(errp, "cannot compress: %s", ZSTD_getErrorName(ret));
            return false;
        }
        if (out.pos == out.size) {
            error_setg(errp, "cannot compress: the packet gets longer than "
                       "%zu bytes", MULTIFD_DATA_MAX);
            return false;
        }
    }
    p->next_packet_size = out.pos;
    p->iov[p->iovs_num++] = (struct iovec) { z->data, out.pos };
    return true;
}

/* ---- destination ---- */

static bool zstd_recv_setup(MultiFDRecvParams *p, Error **errp)
{
    ZstdData *z = g_new0(ZstdData, 1);

    z->data = g_malloc(MULTIFD_DATA_MAX);
    z->dctx = ZSTD_createDCtx();
    if (!z->dctx) {
        error_setg(errp, "cannot start to decompress: out of memory");
        zstd_data_free(z);
        return false;
    }
    p->compress_data = z;
    return true;
}

static void zstd_recv_cleanup(MultiFDRecvParams *p)
{
    zstd_data_free(p->compress_data);
    p->compress_data = NULL;
}

/* The next @len bytes of what the packet holds. */
static bool zstd_fill(MultiFDRecvParams *p, void *opaque, uint8_t *buf,
                      size_t len, Error **errp)
{
    ZstdData *z = p->compress_data;
    ZSTD_inBuffer *in = opaque;
    ZSTD_outBuffer out = { buf, len, 0 };

    while (out.pos < out.size) {
        size_t in_pos = in->pos, out_pos = out.pos;
        size_t ret = ZSTD_decompressStream(z->dctx, &out, in);

        if (ZSTD_isError(ret)) {
            error_setg(errp, "cannot decompress: %s", ZSTD_getErrorName(ret));
            return false;
        }
        if (in->pos == in_pos && out.pos == out_pos) {
            error_setg(errp, "compressed data ends %zu bytes before the end "
                       "of a page", out.size - out.pos);
            return false;
        }
    }
    return true;
}

/* Nothing that makes more output may be left. */
static bool zstd_recv_end(ZstdData *z, ZSTD_inBuffer *in, Error **errp)
{
    uint8_t byte;
    ZSTD_outBuffer out = { &byte, 1, 0 };
    size_t ret;

    do {
        size_t pos = in->pos;

        ret = ZSTD_decompressStream(z->dctx, &out, in);
        if (!ZSTD_isError(ret) && in->pos == pos) {
            break;
        }
    } while (!ZSTD_isError(ret) && !out.pos && in->pos < in->size);
    if (ZSTD_isError(ret)) {
        error_setg(errp, "cannot decompress: %s", ZSTD_getErrorName(ret));
        return false;
    }
    if (out.pos || in->pos < in->size) {
        error_setg(errp, "compressed data holds more than its pages");
        return false;
    }
    return true;
}

static bool zstd_recv(MultiFDRecvParams *p, Error **errp)
{
    ZstdData *z = p->compress_data;
    ZSTD_inBuffer in = { z->data, p->next_packet_size, 0 };

    return multifd_recv_data(p, z->data, errp) &&
           multifd_recv_store(p, zstd_fill, &in, errp) &&
           zstd_recv_end(z, &in, errp);
}

static const MultiFDMethods zstd_methods = {
    .flag = MULTIFD_FLAG_ZSTD,
    .send_setup = zstd_send_setup,
    .send_cleanup = zstd_send_cleanup,
    .send_prepare = zstd_send_prepare,
    .recv_setup = zstd_recv_setup,
    .recv_cleanup = zstd_recv_cleanup,
    .recv = zstd_recv,
};

void multifd_zstd_register(void)
{
    multifd_register_ops(MULTIFD_COMPRESSION_ZSTD, &zstd_methods);
}
