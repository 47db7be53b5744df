/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The return path: messages from the destination to the source, in the other
 * direction of the connection.
 *
 * SHUT 0 is the point from which on the guest belongs to the destination: it
 * sends it when everything is loaded and nothing can fail any more, and starts
 * the guest afterwards; the source gives the guest up when it has read it.
 */
#ifndef MIGRATION_RETURN_PATH_H
#define MIGRATION_RETURN_PATH_H

#include "io/channel.h"
#include "qemu/error.h"

typedef enum MigRpMessage {
    MIG_RP_MSG_SHUT = 1,
    MIG_RP_MSG_PONG = 2,
    MIG_RP_MSG_REQ_PAGES_ID = 3,
    MIG_RP_MSG_REQ_PAGES = 4,
    MIG_RP_MSG_RECV_BITMAP = 5,
    MIG_RP_MSG_RESUME_ACK = 6,
    MIG_RP_MSG_SWITCHOVER_ACK = 7,
    MIG_RP_MSG__MAX,
} MigRpMessage;

#define MIG_RP_PAYLOAD_MAX 512

/* ---- source ---- */

typedef struct ReturnPath ReturnPath;

/* What the source wants to know; both are called in the reading thread. */
typedef struct ReturnPathOps {
    /* SHUT 0 has come: has everything been sent? */
    bool (*may_complete)(void *opaque);
    /*
     * The path ended otherwise; @err is borrowed.  @refused: the destination
     * said so itself.
     */
    void (*failed)(void *opaque, bool refused, const Error *err);
} ReturnPathOps;

/* Start the thread that reads @ioc (a reference is taken). */
ReturnPath *return_path_start(QIOChannel *ioc, const ReturnPathOps *ops,
                              void *opaque);
/*
 * Wait for the thread's end: for SHUT, an error, or the shutdown of the
 * channel.  Frees @rp.  True: SHUT 0 was received.
 */
bool return_path_join(ReturnPath *rp, Error **errp);

/* ---- destination ---- */

/* Write one message; blocking.  The caller sees to it that nobody else does. */
bool return_path_send_shut(QIOChannel *ioc, uint32_t value, Error **errp);
bool return_path_send_pong(QIOChannel *ioc, uint32_t value, Error **errp);

#endif
