/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pages as one zlib stream (RFC 1950) per channel, which lasts for the whole
 * migration: each packet ends with a sync flush, none with the end of stream.
 */
#include "qemu/osdep.h"
#include "migration/multifd-internal.h"

#include <zlib.h>

typedef struct ZlibData {
    z_stream zs;
    uint8_t *data; /* compressed; MULTIFD_DATA_MAX bytes */
    uint8_t *page; /* source: the page as it is compressed */
} ZlibData;

static bool zlib_error(const char *what, int ret, const z_stream *zs,
                       Error **errp)
{
    error_setg(errp, "%s: zlib error %d (%s)", what, ret,
               zs->msg ? zs->msg : zError(ret));
    return false;
}

static ZlibData *zlib_data_new(void)
{
    ZlibData *z = g_new0(ZlibData, 1);

    z->data = g_malloc(MULTIFD_DATA_MAX);
    return z;
}

static void zlib_data_free(ZlibData *z)
{
    g_free(z->data);
    g_free(z->page);
    g_free(z);
}

/* ---- source ---- */

static bool zlib_send_setup(MultiFDSendParams *p, Error **errp)
{
    ZlibData *z = zlib_data_new();
    int ret = deflateInit(&z->zs, p->ms->options->multifd_zlib_level);

    if (ret != Z_OK) {
        zlib_error("cannot start to compress", ret, &z->zs, errp);
        zlib_data_free(z);
        return false;
    }
    z->page = g_malloc(TARGET_PAGE_SIZE);
    p->compress_data = z;
    return true;
}

static void zlib_send_cleanup(MultiFDSendParams *p)
{
    ZlibData *z = p->compress_data;

    deflateEnd(&z->zs);
    zlib_data_free(z);
    p->compress_data = NULL;
}

static bool zlib_send_prepare(MultiFDSendParams *p, Error **errp)
{
    const MultiFDPages *pages = &p->data->u.ram;
    ZlibData *z = p->compress_data;
    z_stream *zs = &z->zs;

    zs->next_out = z->data;
    zs->avail_out = MULTIFD_DATA_MAX;
    for (uint32_t i = 0; i < pages->normal_num; i++) {
        int flush = i + 1 == pages->normal_num ? Z_SYNC_FLUSH : Z_NO_FLUSH;
        int ret;

        /* zlib reads its input twice; the guest may write in between. */
        memcpy(z->page, pages->block->host + pages->offset[i],
               TARGET_PAGE_SIZE);
        zs->next_in = z->page;
        zs->avail_in = TARGET_PAGE_SIZE;
        ret = deflate(zs, flush);
        if (ret != Z_OK) {
            return zlib_error("cannot compress", ret, zs, errp);
        }
        if (zs->avail_in || !zs->avail_out) {
            error_setg(errp, "cannot compress: the packet gets longer than "
                       "%zu bytes", MULTIFD_DATA_MAX);
            return false;
        }
    }
    p->next_packet_size = MULTIFD_DATA_MAX - zs->avail_out;
    p->iov[p->iovs_num++] = (struct iovec) { z->data, p->next_packet_size };
    return true;
}

/* ---- destination ---- */

static bool zlib_recv_setup(MultiFDRecvParams *p, Error **errp)
{
    ZlibData *z = zlib_data_new();
    int ret = inflateInit(&z->zs);

    if (ret != Z_OK) {
        zlib_error("cannot start to decompress", ret, &z->zs, errp);
        zlib_data_free(z);
        return false;
    }
    p->compress_data = z;
    return true;
}

static void zlib_recv_cleanup(MultiFDRecvParams *p)
{
    ZlibData *z = p->compress_data;

    inflateEnd(&z->zs);
    zlib_data_free(z);
    p->compress_data = NULL;
}

/* The next @len bytes of what the packet holds. */
static bool zlib_inflate(z_stream *zs, uint8_t *out, size_t len, Error **errp)
{
    int ret;

    zs->next_out = out;
    zs->avail_out = len;
    ret = inflate(zs, Z_SYNC_FLUSH);
    /* No progress: the input has ended. */
    if (ret != Z_OK && ret != Z_BUF_ERROR) {
        return zlib_error("cannot decompress", ret, zs, errp);
    }
    if (zs->avail_out) {
        error_setg(errp, "compressed data ends %u bytes before the end of a "
                   "page", zs->avail_out);
        return false;
    }
    return true;
}

/* Nothing but the flush at the end of the packet may be left. */
static bool zlib_recv_end(z_stream *zs, Error **errp)
{
    uint8_t byte;
    int ret;

    zs->next_out = &byte;
    zs->avail_out = 1;
    ret = inflate(zs, Z_SYNC_FLUSH);
    if (ret != Z_OK && ret != Z_BUF_ERROR) {
        return zlib_error("cannot decompress", ret, zs, errp);
    }
    if (!zs->avail_out || zs->avail_in) {
        error_setg(errp, "compressed data holds more than its pages");
        return false;
    }
    return true;
}

static bool zlib_recv(MultiFDRecvParams *p, Error **errp)
{
    ZlibData *z = p->compress_data;
    MultiFDRun run;

    if (!multifd_recv_data(p, z->data, errp)) {
        return false;
    }
    z->zs.next_in = z->data;
    z->zs.avail_in = p->next_packet_size;
    for (uint32_t i = 0; i < p->normal_num;) {
        i = multifd_recv_run(p, i, p->normal_num, &run);
        if (run.host) {
            multifd_recv_populate(p, &run);
            if (!zlib_inflate(&z->zs, run.host, run.n * TARGET_PAGE_SIZE,
                              errp)) {
                return false;
            }
            continue;
        }
        while (run.n--) {
            if (!zlib_inflate(&z->zs, p->scratch, TARGET_PAGE_SIZE, errp)) {
                return false;
            }
        }
    }
    return zlib_recv_end(&z->zs, errp);
}

static const MultiFDMethods zlib_methods = {
    .flag = MULTIFD_FLAG_ZLIB,
    .send_setup = zlib_send_setup,
    .send_cleanup = zlib_send_cleanup,
    .send_prepare = zlib_send_prepare,
    .recv_setup = zlib_recv_setup,
    .recv_cleanup = zlib_recv_cleanup,
    .recv = zlib_recv,
};

void multifd_zlib_register(void)
{
    multifd_register_ops(MULTIFD_COMPRESSION_ZLIB, &zlib_methods);
}
