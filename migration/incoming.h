/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The destination's half. */
#ifndef MIGRATION_INCOMING_H
#define MIGRATION_INCOMING_H

#include "io/net-listener.h"
#include "migration/migration.h"
#include "migration/multifd.h"
#include "migration/options.h"
#include "migration/ram.h"
#include "qemu/thread.h"

typedef enum InPhase {
    IN_NONE,      /* not started */
    IN_SETUP,     /* listening or opening */
    IN_ACTIVE,    /* reading the stream */
    IN_COMPLETED,
    IN_FAILED,
    IN__MAX,
} InPhase;

struct IncomingState {
    Machine *machine;
    MigrationState *outgoing; /* for the options and the RAM section */
    int phase;                /* atomic */

    /* Machine lock. */
    bool exit_on_error;
    bool yank_registered;
    unsigned reaps_left;          /* calls scheduled in the main loop */
    QIONetListener *listener;
    SocketAddressList *addresses; /* where it listens, until the end */
    GSList *handshakes;           /* of IncomingHandshake (incoming-tls.c) */
    GSList *arrivals;             /* of IncomingArrival (incoming-channels.c) */
    QIOChannel *main;             /* has come; the others have not all */
    Error *error;
    MigrationFailure *failure;    /* more about it */
    void (*exit_fn)(void *opaque, int status);
    void *exit_opaque;

    /* Of the load; set before the thread starts. */
    MigrationOptions run;
    StreamOptions stream;
    QemuThread thread;
    QIOChannel *ioc;
    MultiFDRecv *multifd;     /* NULL: none */
    MultiFDCounters *channel_counters; /* one per channel, or NULL */
    QemuMutex error_lock;
    Error *channel_error;     /* of a multifd channel; error_lock */
    int failed_channel;       /* which one, -1: none; error_lock */
    bool return_path;         /* atomic: OPEN_RETURN_PATH has come */
    guint watch;              /* main loop: of the end of ioc; 0: none */
    bool source_gone;         /* atomic: the source sends no more on ioc */
};

IncomingState *incoming_new(Machine *m, MigrationState *outgoing);
void incoming_free(IncomingState *in); /* after incoming_shutdown() */
void incoming_shutdown(IncomingState *in); /* lock held, dropped to wait */

InPhase incoming_phase(IncomingState *in); /* any thread */
MigrationStatus incoming_status(IncomingState *in);
/* Listening or loading? */
bool incoming_running(IncomingState *in);
/* Join the thread of a load that has ended.  Main loop, lock held. */
void incoming_reap(IncomingState *in);
/* Listen on or open @addr.  Main loop, lock held. */
bool incoming_start(IncomingState *in, QmpContext *ctx,
                    const MigrationAddress *addr, bool exit_on_error,
                    Error **errp);

/* The main channel and all others are there: load.  Main loop, lock held. */
void incoming_begin(IncomingState *in, QIOChannel *ioc); /* takes @ioc */
/*
 * What has come is no migration; @channel showed it (NULL: none).  Takes @err.
 * Main loop, lock held.
 */
void incoming_setup_failed(IncomingState *in, const char *channel, Error *err);

/* A connection (borrowed) has come and can be read. */
void incoming_channel_ready(IncomingState *in, QIOChannel *ioc);
/* End what blocks on the QIOChannel @opaque; any thread. */
void incoming_yank_channel(void *opaque);

/* ---- incoming-tls.c; main loop, lock held ---- */

/*
 * Do a TLS handshake on @ioc (referenced), then go on with
 * incoming_channel_ready().  False: TLS cannot be set up.
 */
bool incoming_channel_secure(IncomingState *in, QIOChannel *ioc,
                             Error **errp);
/* End all handshakes; before the yank instance goes. */
void incoming_handshakes_drop(IncomingState *in);

/* ---- incoming-channels.c; main loop, lock held ---- */

/* Find out what the new connection is for.  Takes a reference. */
void incoming_channel_arrived(IncomingState *in, QIOChannel *ioc);
/* Forget connections that are not for the load; closes them. */
void incoming_channels_drop(IncomingState *in);

#endif
