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

/*
 * What SHUT says when it is not 0.  Other programs send 1.  Ours says what
 * failed in bits 24 to 31 and, for a section or a channel, its id in the bits
 * below.
 */
typedef enum RpFailure {
    RP_FAILURE_UNKNOWN,
    RP_FAILURE_BEGINNING, /* header or configuration */
    RP_FAILURE_SECTION,   /* a section's contents, or the machine has none */
    RP_FAILURE_STREAM,    /* something else in the stream */
    RP_FAILURE_MACHINE,   /* all was read, but cannot be put to use */
    RP_FAILURE_CHANNEL,   /* a multifd channel's contents */
    /* The source stopped sending; if it did so itself it knows better why. */
    RP_FAILURE_ENDED,
    RP_FAILURE_CHANNEL_ENDED, /* the same of a multifd channel */
    RP_FAILURE__MAX,
} RpFailure;

uint32_t return_path_code(RpFailure what, uint32_t id);
/* In words, freed by g_free(); NULL: @code says nothing that we know. */
char *return_path_reason(uint32_t code);
/* Did the destination fail because nothing more came? */
bool return_path_ended(uint32_t code);
/* Is it about a section, and which? */
bool return_path_section(uint32_t code, uint32_t *section_id);

/* ---- source ---- */

typedef struct ReturnPath ReturnPath;

/* What the source wants to know; all are called in the reading thread. */
typedef struct ReturnPathOps {
    /* SHUT 0 has come: has everything been sent? */
    bool (*may_complete)(void *opaque);
    /*
     * The path ended otherwise; @err is borrowed.  @code: what the destination
     * said itself, 0: nothing.
     */
    void (*failed)(void *opaque, uint32_t code, const Error *err);
    /* Name of the section that @code is about; freed by g_free(); or NULL. */
    char *(*section_name)(void *opaque, uint32_t code);
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
