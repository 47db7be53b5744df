/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pages as one zlib stream (RFC 1950) per channel, which lasts for the whole
 * migration: each packet ends with an empty stored block, none with the end of
 * the stream.
 *
 * The sending side writes the stream's header itself and has a library make
 * only the deflate blocks (RFC 1951) in it (deflater.h).  That lets it put
 * blocks of its own between them: pages that look like noise go out as stored
 * blocks straight from guest memory, at the cost of not compressing at all.
 * The library does not know about these; it starts anew behind them, so that
 * it never refers back to bytes that are not where it thinks.
 */
#include "qemu/osdep.h"
#include "migration/multifd-internal.h"

#include <zlib.h>

#include "migration/compress-sample.h"
#include "migration/deflater.h"

/* Compression method 8, window of 32 KiB, fastest algorithm. */
static const uint8_t stream_header[] = { 0x78, 0x01 };

/* What one stored block can hold; this much is decided about at once. */
#define GROUP_PAGES 15
QEMU_BUILD_BUG_ON(GROUP_PAGES * TARGET_PAGE_SIZE > UINT16_MAX);
#define STORED_HEADER_SIZE 5

typedef struct ZlibData {
    uint8_t *data; /* compressed; MULTIFD_DATA_MAX bytes */
    /* Source. */
    Deflater *deflater;
    size_t used;   /* of data */
    size_t sent;   /* of that: is in the packet already */
    uint8_t *copy; /* a group of pages as it is compressed */
    bool begun;    /* the stream's header went out */
    bool open;     /* the deflater holds back something */
    bool stale;    /* stored blocks went out since it started */
    /* Destination. */
    z_stream zs;
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
    deflater_free(z->deflater);
    g_free(z->data);
    g_free(z->copy);
    g_free(z);
}

/* ---- source ---- */

static bool zlib_send_setup(MultiFDSendParams *p, Error **errp)
{
    ZlibData *z = zlib_data_new();

    z->deflater = deflater_new(p->ms->options->multifd_zlib_level, errp);
    if (!z->deflater) {
        zlib_data_free(z);
        return false;
    }
    z->copy = g_malloc(GROUP_PAGES * TARGET_PAGE_SIZE);
    p->compress_data = z;
    return true;
}

static void zlib_send_cleanup(MultiFDSendParams *p)
{
    zlib_data_free(p->compress_data);
    p->compress_data = NULL;
}

/* Bytes that are not in guest memory. */
static void zlib_append(ZlibData *z, const void *bytes, size_t len)
{
    memcpy(z->data + z->used, bytes, len);
    z->used += len;
}

/* Put into the packet what is new in z->data. */
static void zlib_put(MultiFDSendParams *p)
{
    ZlibData *z = p->compress_data;

    if (z->used > z->sent) {
        p->iov[p->iovs_num++] = (struct iovec) {
            .iov_base = z->data + z->sent,
            .iov_len = z->used - z->sent,
        };
        p->next_packet_size += z->used - z->sent;
        z->sent = z->used;
    }
}

/* Compress [@in, +@len); up to a byte boundary if @flush says so. */
static bool zlib_deflate(ZlibData *z, uint8_t *in, size_t len, bool flush,
                         Error **errp)
{
    size_t n = MULTIFD_DATA_MAX - z->used;

    if (!deflater_run(z->deflater, in, len, flush, z->data + z->used, &n,
                      errp)) {
        return false;
    }
    z->used += n;
    z->open = !flush;
    return true;
}

static bool zlib_compress_group(ZlibData *z, const MultiFDPages *pages,
                                uint32_t i, uint32_t n, Error **errp)
{
    /* Input is read more than once; the guest may write in between. */
    for (uint32_t k = 0; k < n; k++) {
        memcpy(z->copy + k * TARGET_PAGE_SIZE,
               pages->block->host + pages->offset[i + k], TARGET_PAGE_SIZE);
    }
    if (z->stale) {
        deflater_reset(z->deflater);
        z->stale = false;
    }
    return zlib_deflate(z, z->copy, n * TARGET_PAGE_SIZE, false, errp);
}

/* The beginning of a stored block of @len bytes, at a byte boundary. */
static void zlib_append_stored(ZlibData *z, uint16_t len)
{
    uint8_t header[STORED_HEADER_SIZE] = { 0, len & 0xff, len >> 8,
                                           ~len & 0xff, (uint8_t)(~len >> 8) };

    zlib_append(z, header, sizeof(header));
    z->stale = true;
}

static bool zlib_store_group(MultiFDSendParams *p, uint32_t i, uint32_t n,
                             Error **errp)
{
    const MultiFDPages *pages = &p->data->u.ram;
    ZlibData *z = p->compress_data;
    MultiFDRun run;

    if (z->open && !zlib_deflate(z, NULL, 0, true, errp)) {
        return false;
    }
    zlib_append_stored(z, n * TARGET_PAGE_SIZE);
    zlib_put(p);
    for (uint32_t end = i + n; i < end;) {
        uint32_t next = multifd_send_run(pages, i, end, &run);

        p->iov[p->iovs_num++] = (struct iovec) {
            .iov_base = run.host,
            .iov_len = run.n * TARGET_PAGE_SIZE,
        };
        p->next_packet_size += run.n * TARGET_PAGE_SIZE;
        i = next;
    }
    return true;
}

/* Would compressing these pages only cost time? */
static bool zlib_looks_like_noise(const MultiFDPages *pages, uint32_t i,
                                  uint32_t n)
{
    CompressSample sample = { 0 };
    const uint32_t looks = 4;
    const size_t len = SAMPLE_BYTES / looks;

    for (uint32_t k = 0; k < looks; k++) {
        /* Pages all over the group, each at another place. */
        uint64_t page = pages->offset[i + k * n / looks];

        compress_sample_add(&sample, pages->block->host + page +
                            k * (TARGET_PAGE_SIZE / looks), len);
    }
    return compress_sample_is_noise(&sample);
}

static bool zlib_send_prepare(MultiFDSendParams *p, Error **errp)
{
    const MultiFDPages *pages = &p->data->u.ram;
    ZlibData *z = p->compress_data;
    bool store = p->ms->options->multifd_zlib_level == 0;
    uint32_t n;

    z->used = z->sent = 0;
    if (!z->begun) {
        zlib_append(z, stream_header, sizeof(stream_header));
        z->begun = true;
    }
    for (uint32_t i = 0; i < pages->normal_num; i += n) {
        n = MIN(pages->normal_num - i, GROUP_PAGES);
        if (store || zlib_looks_like_noise(pages, i, n)
                ? !zlib_store_group(p, i, n, errp)
                : !zlib_compress_group(z, pages, i, n, errp)) {
            return false;
        }
    }
    if (!z->open) {
        zlib_append_stored(z, 0); /* as a flush ends, too */
    } else if (!zlib_deflate(z, NULL, 0, true, errp)) {
        return false;
    }
    zlib_put(p);
    return true;
}

/* ---- destination ---- */

static bool zlib_recv_setup(MultiFDRecvParams *p, Error **errp)
{
    ZlibData *z = zlib_data_new();
    int ret = inflateInit(&z->zs);

#if ZLIB_VERNUM >= 0x1290
    /* The checksum stands at the end of the stream, which never comes. */
    if (ret == Z_OK) {
        ret = inflateValidate(&z->zs, 0);
    }
#endif
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
static bool zlib_fill(MultiFDRecvParams *p, void *opaque, uint8_t *out,
                      size_t len, Error **errp)
{
    z_stream *zs = opaque;
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

    if (!multifd_recv_data(p, z->data, errp)) {
        return false;
    }
    z->zs.next_in = z->data;
    z->zs.avail_in = p->next_packet_size;
    return multifd_recv_store(p, zlib_fill, &z->zs, errp) &&
           zlib_recv_end(&z->zs, errp);
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
