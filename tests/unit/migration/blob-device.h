/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device for tests of device state over multifd channels: some MiB of state,
 * sent in pieces by several threads, in an order that is not theirs.
 *
 * A piece is its index, big-endian, and bytes.  The END section is the number
 * of pieces; if that is 0, the whole state follows.
 */
#ifndef TESTS_MIGRATION_BLOB_DEVICE_H
#define TESTS_MIGRATION_BLOB_DEVICE_H

#include "machine-pair.h"
#include "migration/register.h"

#define BLOB_SIZE ((size_t)(5 * MiB + 1234))
#define BLOB_PIECE ((size_t)(48 * KiB))
#define BLOB_PIECES ((unsigned)DIV_ROUND_UP(BLOB_SIZE, BLOB_PIECE))

/* What goes wrong, and at which piece. */
typedef enum BlobFault {
    BLOB_FINE,
    BLOB_SAVE_FAILS,    /* a sending thread */
    BLOB_SAVE_HUGE,     /* a piece larger than any may be */
    BLOB_END_FAILS,     /* the END section, while threads send */
    BLOB_PIECE_MISSING, /* one is never sent */
    BLOB_STUCK,         /* a sending thread goes on until it is told to end */
    BLOB_LOAD_FAILS,    /* the one that takes pieces */
    BLOB_THREAD_FAILS,  /* the one that puts them together */
} BlobFault;

typedef struct Blob {
    TestMachine *t;
    uint32_t instance;
    uint8_t *state; /* of BLOB_SIZE */
    unsigned threads;
    BlobFault fault;
    unsigned fault_at; /* index of a piece */
    int pause_us;      /* before each piece */

    bool able;      /* migration thread: sends pieces */
    int running;    /* atomic: threads in save_complete_thread() */
    unsigned sent;  /* atomic: pieces */

    bool begun;     /* load thread: the START section has come */
    QemuMutex lock; /* protects what follows: the load */
    QemuCond cond;
    GBytes *pieces[BLOB_PIECES];
    unsigned got;
    unsigned expected;
    bool told;      /* the END section has come */
    bool inlined;   /* and had all of it */
    bool ended;     /* nothing more will come */
    unsigned out_of_order; /* pieces that came before an earlier one */
    bool complete;
} Blob;

/* With state that looks like noise, if @seed. */
Blob *blob_new(TestMachine *t, uint32_t instance, uint32_t seed);
/* Before the machine is freed. */
void blob_free(Blob *b);

#endif
