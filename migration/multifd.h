/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Multifd: connections besides the main one that carry guest memory, each with
 * a thread of its own on both sides.  docs/wire-format.md describes what they
 * carry.
 *
 * Source: the migration thread gathers pages into a batch and gives full
 * batches to channels that are idle.  Destination: each channel stores what it
 * reads.  Nothing orders the channels but the sync points.
 */
#ifndef MIGRATION_MULTIFD_H
#define MIGRATION_MULTIFD_H

#include "io/channel.h"
#include "migration/options.h"
#include "migration/ram-store.h"
#include "migration/stats.h"
#include "migration/tls.h"
#include "system/machine.h"

/* Pages in a batch, hence in a packet. */
#define MULTIFD_PACKET_SIZE ((size_t)(512 * KiB))
#define MULTIFD_PAGES_MAX (MULTIFD_PACKET_SIZE / TARGET_PAGE_SIZE)

typedef struct MultiFDSend MultiFDSend;
typedef struct MultiFDRecv MultiFDRecv;

/*
 * In a channel's thread: the first failure of all channels; the others are
 * being shut down.  @channel: its number, or -1 if a device's thread failed.
 * @err is borrowed.
 */
typedef void MultiFDFailedFn(void *opaque, int channel, const Error *err);

/* What reports call channel number @channel; NULL for -1.  New string. */
char *multifd_channel_name(int channel);
/* Make the compression methods known; at start-up, any number of times. */
void multifd_methods_init(void);
/* Can this build do @method? */
bool multifd_method_supported(MultiFDCompression method);

/* ---- source ---- */

typedef enum MultiFDSyncReq {
    MULTIFD_SYNC_NONE,
    MULTIFD_SYNC_LOCAL, /* all channels have written what they were given */
    MULTIFD_SYNC_ALL,   /* and have told the peer that this is a sync point */
} MultiFDSyncReq;

/*
 * One migration's channels, not connected yet.  @options, @counters and
 * @channel_counters (zeroed, one per channel) stay the caller's.  Main loop.
 */
MultiFDSend *multifd_send_new(Machine *m, const MigrationOptions *options,
                              MigrationCounters *counters,
                              MultiFDCounters *channel_counters,
                              MultiFDFailedFn *failed, void *opaque);
/* After multifd_send_cleanup().  Main loop. */
void multifd_send_free(MultiFDSend *ms);
/* Begin to connect all channels to @addr; @tls as there.  Main loop. */
void multifd_send_connect(MultiFDSend *ms, const SocketAddress *addr,
                          MigrationTLS *tls);
/*
 * Give up those that still try to connect; *@left counts them until they have
 * ended.  Implies a shutdown.  Main loop.
 */
void multifd_send_cancel(MultiFDSend *ms, unsigned *left);
/* End everything that blocks, from any thread; all later sends fail. */
void multifd_send_shutdown(MultiFDSend *ms);
/* Wait until all channels are connected.  Migration thread. */
bool multifd_send_setup(MultiFDSend *ms, Error **errp);
/*
 * Everything was sent and synchronized: from now on the destination may close
 * the channels, and guest memory may change.  May wait for the destination to
 * read.  False, after a call of the failure function or a shutdown: it has
 * closed one already, for a reason of which nothing was heard yet.  Migration
 * thread.
 */
bool multifd_send_finish(MultiFDSend *ms);
/*
 * Everything was sent and synchronized: tell the peer, where the connections
 * can say so, that this is not a premature end.  Migration thread.
 */
void multifd_send_bye(MultiFDSend *ms);
/* End and join the threads, close the connections.  Migration thread. */
void multifd_send_cleanup(MultiFDSend *ms);

/*
 * Send pages [@first, +@n) of @rb.  Their content is read when a channel gets
 * to it, after the call returned; @untouched: it is known to be zero and is
 * not looked at.  May wait for a channel.  One thread at a time.
 */
bool multifd_queue_run(MultiFDSend *ms, const RAMBlock *rb, uint64_t first,
                       uint64_t n, bool untouched, Error **errp);
/* Were pages queued since the last sync? */
bool multifd_send_dirty(MultiFDSend *ms);
/* Send the partial batch, then do what @req says.  Same thread. */
bool multifd_send_sync(MultiFDSend *ms, MultiFDSyncReq req, Error **errp);

/*
 * A piece of a device's state may have up to so many bytes; the format knows
 * no limit.
 */
#define MULTIFD_DEVICE_STATE_MAX ((size_t)(64 * MiB))

/* Can @ms (may be NULL) carry device state? */
bool multifd_device_state_supported(const MultiFDSend *ms);
/*
 * Send @len bytes of state of the device whose section is @idstr,
 * @instance_id, over whichever channel is idle; pieces may overtake one
 * another.  Takes @data, which g_free() will free, also on failure.  May wait
 * for a channel; fails when the channels are shut down.  Any thread, several
 * at once.
 */
bool multifd_queue_device_state(MultiFDSend *ms, const char *idstr,
                                uint32_t instance_id, uint8_t *data,
                                size_t len, Error **errp);
/* Are the channels being shut down?  Any thread. */
bool multifd_send_exiting(const MultiFDSend *ms);
/*
 * The migration fails because of @err (borrowed), unless it has failed or
 * ended before: report it and shut down.  Any thread.
 */
void multifd_send_error(MultiFDSend *ms, const Error *err);

/* ---- destination ---- */

/* The first bytes of a channel, from the network; big-endian. */
typedef struct MultiFDInit {
    uint32_t magic;
    uint32_t version;
    uint8_t uuid[16];
    uint8_t id;
    uint8_t unused1[7];
    uint64_t unused2[4];
} MultiFDInit;
QEMU_BUILD_BUG_ON(sizeof(MultiFDInit) != 64);

#define MULTIFD_MAGIC UINT32_C(0x11223344)
#define MULTIFD_VERSION UINT32_C(1)

/*
 * @options are copied; @channel_counters (zeroed, one per channel) stay the
 * caller's.  Main loop.
 */
MultiFDRecv *multifd_recv_new(Machine *m, const MigrationOptions *options,
                              MultiFDCounters *channel_counters,
                              MultiFDFailedFn *failed, void *opaque);
void multifd_recv_free(MultiFDRecv *mr);
/*
 * A connection that began with @init has come; takes a reference on success.
 * Main loop.
 */
bool multifd_recv_new_channel(MultiFDRecv *mr, QIOChannel *ioc,
                              const MultiFDInit *init, Error **errp);
/* Have all come? */
bool multifd_recv_complete(const MultiFDRecv *mr);
/* End everything that blocks, from any thread. */
void multifd_recv_shutdown(MultiFDRecv *mr);
/* The same, because the source is known to have given up. */
void multifd_recv_source_gone(MultiFDRecv *mr);

/* Who takes the state of devices; called by the channels' threads. */
typedef struct MultiFDDeviceOps {
    /* The device with that section; NULL: there is none, @errp tells. */
    void *(*find)(void *opaque, const char *idstr, uint32_t instance_id,
                  Error **errp);
    /* @device is from find(); takes @data, also on failure. */
    bool (*load)(void *device, uint8_t *data, size_t len, Error **errp);
    /*
     * No more will come: all channels have ended or (@failed) are being shut
     * down.  Any thread, more than once; must not block.
     */
    void (*ended)(void *opaque, bool failed);
} MultiFDDeviceOps;
/*
 * Before multifd_recv_start(); with NULL, after multifd_recv_cleanup().  No
 * function of @ops runs any more when the latter has returned.  Load thread.
 */
void multifd_recv_set_devices(MultiFDRecv *mr, const MultiFDDeviceOps *ops,
                              void *opaque);
/* As multifd_send_error(). */
void multifd_recv_error(MultiFDRecv *mr, const Error *err);

/*
 * So many pages may come before ones that the source had queued before them:
 * those of the other channels' packets (an estimate, for load_block_attach()).
 */
uint64_t multifd_recv_ahead(const MultiFDRecv *mr);
/*
 * Begin to read.  @find: the block of a name (of at most 255 bytes, not
 * terminated), called by the channels' threads between two sync points.
 */
typedef LoadBlock *MultiFDFindFn(void *opaque, const uint8_t *name,
                                 size_t len);
void multifd_recv_start(MultiFDRecv *mr, MultiFDFindFn *find, void *opaque);
/*
 * The main channel has reached a sync point: wait until every channel has too,
 * then let them go on.  Load thread.
 */
bool multifd_recv_sync_main(MultiFDRecv *mr, Error **errp);
/*
 * Has something failed because the source had stopped sending?  Load thread,
 * after multifd_recv_cleanup() or multifd_recv_sync_main().
 */
bool multifd_recv_given_up(const MultiFDRecv *mr);
/* End and join the threads.  Load thread. */
void multifd_recv_cleanup(MultiFDRecv *mr);

#endif
