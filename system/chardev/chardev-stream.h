/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Chardevs over QIOChannels: watching for input, and a queue for what a slow
 * peer has not taken.
 */
#ifndef CHARDEV_STREAM_H
#define CHARDEV_STREAM_H

#include "chardev-int.h"
#include "io/channel.h"

#define CHARDEV_TYPE_STREAM (chardev_stream_get_type())
G_DECLARE_DERIVABLE_TYPE(ChardevStream, chardev_stream, CHARDEV, STREAM,
                         Chardev)

struct _ChardevStreamClass {
    ChardevClass parent_class;
    /*
     * Write without waiting: bytes done, QIO_CHANNEL_ERR_BLOCK or -1.  Lock
     * held.
     */
    ssize_t (*send)(ChardevStream *s, QIOChannel *out, const uint8_t *buf,
                    size_t len);
    /* The input has ended or failed.  In the front end's context, no lock. */
    void (*eof)(ChardevStream *s);
};

/*
 * Use these channels from now on (references are taken, either may be NULL)
 * and tell the front end that a peer is there.  Lock held.
 */
void chardev_stream_open(ChardevStream *s, QIOChannel *in, QIOChannel *out);
/* Close them, drop the queue, tell that the peer has gone.  Lock held. */
void chardev_stream_close(ChardevStream *s);
/* Lock held; NULL: no peer. */
QIOChannel *chardev_stream_get_out(ChardevStream *s);

#endif
