/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of multifd share: packets, channels, methods. */
#ifndef MIGRATION_MULTIFD_INTERNAL_H
#define MIGRATION_MULTIFD_INTERNAL_H

#include "migration/channel.h"
#include "migration/multifd.h"
#include "qemu/atomic.h"
#include "qemu/thread.h"

/* ---- packets ---- */

#define MULTIFD_FLAG_SYNC UINT32_C(0x01)
#define MULTIFD_FLAG_COMPRESSION_MASK UINT32_C(0x3e)
#define MULTIFD_FLAG_NOCOMP UINT32_C(0x00)
#define MULTIFD_FLAG_ZLIB UINT32_C(0x02)
#define MULTIFD_FLAG_ZSTD UINT32_C(0x04)
#define MULTIFD_FLAG_DEVICE_STATE UINT32_C(0x40)

/* Elements of a packet: the header, each page alone, something between. */
#define MULTIFD_SEND_IOVS (1 + MULTIFD_PAGES_MAX + 32)

/* Compressed data of one packet is never longer. */
#define MULTIFD_DATA_MAX (2 * MULTIFD_PACKET_SIZE)

/* Begins every packet and tells which kind it is; big-endian. */
typedef struct MultiFDPacketHdr {
    uint32_t magic;
    uint32_t version;
    uint32_t flags;
} MultiFDPacketHdr;

/* Of guest memory, or only a sync; big-endian. */
typedef struct MultiFDPacket {
    MultiFDPacketHdr hdr;
    uint32_t pages_alloc;
    uint32_t normal_pages;
    uint32_t next_packet_size; /* bytes of data that follow */
    uint64_t packet_num;
    uint32_t zero_pages;
    uint32_t unused32;
    uint64_t unused64[3];
    char ramblock[256];
    uint64_t offset[MULTIFD_PAGES_MAX];
} MultiFDPacket;
QEMU_BUILD_BUG_ON(sizeof(MultiFDPacket) != 320 + 8 * MULTIFD_PAGES_MAX);

/* Of a device, without method and never a sync; the data follows. */
typedef struct MultiFDPacketDevice {
    MultiFDPacketHdr hdr;
    char idstr[256]; /* of the device's section, with its NUL */
    uint32_t instance_id;
    uint32_t next_packet_size;
} MultiFDPacketDevice;
QEMU_BUILD_BUG_ON(sizeof(MultiFDPacketDevice) != 276);

/* ---- what is sent at once ---- */

/*
 * Pages of one block, as offsets.  While it is filled, pages to be looked at
 * stand at the front and pages known to be zero at the back; after
 * multifd_send_zero_page_detect() the normal ones stand at the front and all
 * zero ones behind them.
 */
typedef struct MultiFDPages {
    const RAMBlock *block;
    uint32_t normal_num;
    uint32_t zero_num;
    uint64_t offset[MULTIFD_PAGES_MAX];
} MultiFDPages;

/* A piece of a device's state. */
typedef struct MultiFDDeviceState {
    char idstr[256];
    uint32_t instance_id;
    uint8_t *data; /* owned */
    size_t len;
} MultiFDDeviceState;

/* Pages of one block that are known to be zero: as many packets as it takes. */
typedef struct MultiFDZeroRun {
    const RAMBlock *block;
    uint64_t first;
    uint64_t n;
} MultiFDZeroRun;

typedef enum MultiFDPayloadType {
    MULTIFD_PAYLOAD_NONE,
    MULTIFD_PAYLOAD_RAM,
    MULTIFD_PAYLOAD_ZERO_RUN,
    MULTIFD_PAYLOAD_DEVICE_STATE,
} MultiFDPayloadType;

typedef struct MultiFDSendData {
    MultiFDPayloadType type;
    union {
        MultiFDPages ram;
        MultiFDZeroRun zero_run;
        MultiFDDeviceState device;
    } u;
} MultiFDSendData;

/* Make it an empty batch, whatever it was. */
void multifd_send_data_clear(MultiFDSendData *data);

/* ---- channels of the source ---- */

typedef struct MultiFDSendParams {
    MultiFDSend *ms;
    uint8_t id;
    char name[16]; /* of the thread */
    QemuThread thread;

    /* Main loop; @connect until the channel is connected. */
    SocketConnect *connect;
    guint watch; /* for its end; 0: none */
    bool closed; /* atomic: the destination has closed it */
    QIOChannel *watched; /* so that it is freed after the thread was joined */
    QIOChannel *c; /* changed under ms->channel_lock */

    QemuSemaphore sem;      /* there is something to do */
    QemuSemaphore sem_sync; /* the sync that was asked for is done */
    /*
     * Who owns @data: the channel's thread while this is set.  Whoever gives
     * it away stores with release, whoever takes it loads with acquire.
     */
    bool pending_job;
    int pending_sync; /* MultiFDSyncReq; the same protocol */
    MultiFDSendData *data;

    /* The rest is the thread's own. */
    MultiFDCounters *counters;
    bool zero_copy; /* guest memory is sent in place, until a flush */
    bool by_reference; /* the same; multifd_send_finish() flushes */
    MultiFDPacket *packet;
    MultiFDPacket *zero_packets; /* those sent at once; NULL: not needed yet */
    MultiFDPacketDevice device_packet;
    uint32_t flags;            /* of the packet: the method */
    uint32_t next_packet_size; /* bytes in iov behind the header */
    struct iovec *iov;         /* element 0 is for the header */
    uint32_t iovs_num;
    void *compress_data;
} MultiFDSendParams;

struct MultiFDSend {
    Machine *machine;
    const MigrationOptions *options;
    MigrationCounters *counters;
    MultiFDFailedFn *failed;
    void *opaque;
    const struct MultiFDMethods *ops;

    unsigned n;
    MultiFDSendParams *params;
    QemuMutex channel_lock;
    QemuSemaphore channels_created; /* once per channel, whatever came of it */
    QemuSemaphore channels_ready;   /* as many as there are idle channels */
    bool exiting; /* atomic, full ordering with the semaphores */
    bool failing; /* atomic: the first failure was reported */
    bool finished; /* atomic: nothing more is sent; they may be closed */

    QemuMutex send_mutex; /* one multifd_send() at a time */
    unsigned next_channel; /* send_mutex */
    uint64_t packet_num;   /* atomic */

    /* The thread that queues. */
    MultiFDSendData *data; /* the batch being filled */
    MultiFDSendData *zero_run; /* an empty one besides, for a run */
    bool dirty;            /* something was queued since the last sync */
};

/*
 * Give the batch *@data to an idle channel and take its empty one in exchange.
 * May wait for one.  Any thread.
 */
bool multifd_send(MultiFDSend *ms, MultiFDSendData **data, Error **errp);
/* Start the threads; the channels are connected already (tests). */
void multifd_send_start(MultiFDSend *ms);
/* Channel @p has sent so many bytes; its thread. */
void multifd_send_count(MultiFDSendParams *p, uint64_t bytes);

/* ---- channels of the destination ---- */

typedef struct MultiFDPieces MultiFDPieces;

typedef struct MultiFDRecvParams {
    MultiFDRecv *mr;
    uint8_t id;
    char name[16];
    QemuThread thread;
    QIOChannel *c;          /* NULL: has not come yet */
    QemuSemaphore sem_sync; /* the main channel has reached the sync point */

    /* The thread's own: the packet being read, checked. */
    MultiFDCounters *counters;
    MultiFDPacket *packet;
    uint32_t flags;
    uint32_t next_packet_size;
    uint64_t packet_num;
    LoadBlock *block; /* NULL: no pages */
    uint32_t normal_num;
    uint32_t zero_num;
    uint64_t offset[MULTIFD_PAGES_MAX]; /* normal ones, then zero ones */
    bool synced;      /* a sync point was passed */
    MultiFDPacketDevice device_packet;
    struct iovec *iov;
    uint8_t *scratch; /* a page that nobody reads */
    MultiFDPieces *pieces; /* of multifd-store.c; NULL: not needed yet */
    void *compress_data;
} MultiFDRecvParams;

struct MultiFDRecv {
    MigrationOptions options;
    uint8_t uuid[16];
    MultiFDFailedFn *failed;
    void *opaque;
    const struct MultiFDMethods *ops;
    MultiFDFindFn *find;
    void *find_opaque;

    unsigned n;
    unsigned come; /* main loop: channels that are there */
    MultiFDRecvParams *params;
    /* Protects params[].c before the start, and the change of devices. */
    QemuMutex channel_lock;
    const MultiFDDeviceOps *device_ops; /* NULL: no device state is taken */
    void *device_opaque;
    unsigned ended; /* atomic: channels at their end of file */
    /* Once per channel at a sync point, or at its end. */
    QemuSemaphore sem_sync;
    bool exiting; /* atomic, full ordering with the semaphores */
    bool source_gone; /* atomic: why */
    bool given_up;    /* atomic: what failed did because nothing more came */
    int first_eof;    /* atomic: channel that ended first, -1: none */
    bool failing; /* atomic: the first failure was reported */
};

/*
 * Read a packet and do what it says, except for the sync: 1; 0: end of file;
 * -1: error.  The channel's thread; fuzzers too.
 */
int multifd_recv_step(MultiFDRecvParams *p, Error **errp);

/* ---- methods ---- */

/*
 * How page data is put on the wire.  Each function works on one channel and
 * runs in its thread.  Cleanup is called iff setup was successful.
 */
typedef struct MultiFDMethods {
    uint32_t flag; /* of packets */
    bool (*send_setup)(MultiFDSendParams *p, Error **errp);
    void (*send_cleanup)(MultiFDSendParams *p);
    /*
     * Append the data of p->data's normal pages to p->iov, which has room for
     * MULTIFD_SEND_IOVS elements, and add to p->next_packet_size, which is 0.
     * There is at least one page.
     */
    bool (*send_prepare)(MultiFDSendParams *p, Error **errp);
    bool (*recv_setup)(MultiFDRecvParams *p, Error **errp);
    void (*recv_cleanup)(MultiFDRecvParams *p);
    /*
     * Read p->next_packet_size bytes and store p->normal_num pages, of which
     * there is at least one.
     */
    bool (*recv)(MultiFDRecvParams *p, Error **errp);
} MultiFDMethods;

void multifd_register_ops(MultiFDCompression method,
                          const MultiFDMethods *ops);
const MultiFDMethods *multifd_get_ops(MultiFDCompression method);

void multifd_nocomp_register(void);
void multifd_zlib_register(void);
void multifd_zstd_register(void);

/* Runs of pages that follow one another: @n pages at @host. */
typedef struct MultiFDRun {
    uint8_t *host; /* NULL: pages of a block that is not here */
    uint64_t first;
    uint32_t n;
} MultiFDRun;
/*
 * The run among p->offset[@i..@end) that begins with @i; returns the index
 * behind it.
 */
uint32_t multifd_recv_run(const MultiFDRecvParams *p, uint32_t i,
                          uint32_t end, MultiFDRun *run);
/* The same for the pages to be sent. */
uint32_t multifd_send_run(const MultiFDPages *pages, uint32_t i,
                          uint32_t end, MultiFDRun *run);
/*
 * Read the compressed data of a packet into @buf of MULTIFD_DATA_MAX bytes;
 * refuses more.
 */
bool multifd_recv_data(MultiFDRecvParams *p, uint8_t *buf, Error **errp);

/* ---- storing pages (multifd-store.c) ---- */

/* Put the next @len bytes of the packet's pages into @buf. */
typedef bool MultiFDFillFn(MultiFDRecvParams *p, void *opaque, uint8_t *buf,
                           size_t len, Error **errp);
/* Store the normal pages of the packet, which @fill gives in their order. */
bool multifd_recv_store(MultiFDRecvParams *p, MultiFDFillFn *fill,
                        void *opaque, Error **errp);
/* Will they be written to a file, rather than put where they belong? */
bool multifd_recv_wants_write(const MultiFDRecvParams *p);

/* ---- packets (multifd-packet.c) ---- */

void multifd_init_fill(MultiFDInit *init, Machine *m, uint8_t id);
/* Check all but whether the id was there before; n: number of channels. */
bool multifd_init_check(const MultiFDInit *init, const uint8_t uuid[16],
                        unsigned n, Error **errp);
void multifd_send_fill_packet(MultiFDSendParams *p);
/* @packet says that pages [@first, +@n) of the run in p->data are zero. */
void multifd_send_fill_zero(MultiFDSendParams *p, MultiFDPacket *packet,
                            uint64_t first, uint32_t n);
void multifd_send_fill_sync(MultiFDSendParams *p);
/* Magic and version; sets p->flags. */
bool multifd_recv_check_hdr(MultiFDRecvParams *p, Error **errp);
/* Everything else; sets what stands below p->packet. */
bool multifd_recv_unfill_packet(MultiFDRecvParams *p, Error **errp);

/* ---- device state (multifd-device-state.c) ---- */

/* Send the piece in p->data. */
bool multifd_send_device_state(MultiFDSendParams *p, Error **errp);
/*
 * The packet that begins with p->packet->hdr, which was checked: read the rest
 * of it, and give its data to the device.
 */
bool multifd_recv_device_state(MultiFDRecvParams *p, Error **errp);

/* ---- zero pages (multifd-zero-page.c) ---- */

/* Look at the pages of p->data and put the zero ones behind the others. */
void multifd_send_zero_page_detect(MultiFDSendParams *p);
/* Send the run in p->data. */
bool multifd_send_zero_run(MultiFDSendParams *p, Error **errp);
/* Clear the zero pages of the packet, where they are not known to be. */
void multifd_recv_zero_page_process(MultiFDRecvParams *p);

#endif
