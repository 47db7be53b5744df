/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kinds of chardevs need of the base class, and how each kind is
 * made.
 */
#ifndef CHARDEV_INT_H
#define CHARDEV_INT_H

#include "qemu/thread.h"
#include "system/chardev.h"

struct _ChardevClass {
    GObjectClass parent_class;

    /*
     * Send @len bytes; the lock is held.  Returns how many were taken; all of
     * them when @unlimited.
     */
    size_t (*write)(Chardev *chr, const uint8_t *buf, size_t len,
                    bool unlimited);
    /* Try to send what is queued, without waiting.  True: nothing is left. */
    bool (*flush)(Chardev *chr);
    /*
     * Watch what has to be watched now: chardev_wake() was called.  In the
     * front end's context, lock held.
     */
    void (*update)(Chardev *chr);
    /* Give the front end what is at hand already.  After update(), no lock. */
    void (*deliver)(Chardev *chr);
    /* The front end has gone: stop watching.  Lock held. */
    void (*stop)(Chardev *chr);
    /* Text for chardev_get_filename().  Lock held. */
    char *(*get_filename)(Chardev *chr);
    /*
     * Shut the connection to the peer down, if there is one.  NULL: there is
     * nothing that could block on a peer.  Lock held, any thread.
     */
    void (*yank)(Chardev *chr);
    gpointer padding[2];
};

/* The lock of everything in @chr that several threads use. */
QemuMutex *chardev_lock(Chardev *chr);
/* The front end's context; NULL: none is attached.  Lock held. */
GMainContext *chardev_context(Chardev *chr);

/*
 * Have update() called soon.  Sources are made there only, never in the
 * thread that finds out that one is needed.  Lock held, any thread.
 */
void chardev_wake(Chardev *chr);

/* A peer has come or gone; tells the front end.  Lock held. */
void chardev_set_open(Chardev *chr, bool open);

/*
 * Calls into the front end, from its context, lock not held.  How much it
 * takes (0 too when there is none); here are bytes, and descriptors: the
 * array and what remains in it are this function's.
 */
size_t chardev_fe_can_read(Chardev *chr);
void chardev_fe_read(Chardev *chr, const uint8_t *buf, size_t len, int *fds,
                     size_t nfds);
/* Tell it about opens and closes that it does not know of yet. */
void chardev_fe_sync_events(Chardev *chr);

/* Can it be yanked? */
bool chardev_has_yank(Chardev *chr);
/* A YankFn: end the connection to the peer of the chardev @opaque. */
void chardev_yank(void *opaque);

/* Is the option @name on?  @def if it is absent. */
bool chardev_opt_bool(json_object *opts, const char *name, bool def,
                      bool *value, Error **errp);
const char *chardev_opt_str(json_object *opts, const char *name);
/* A decimal number up to @max; *@value is untouched if it is absent. */
bool chardev_opt_uint(json_object *opts, const char *name, uint64_t max,
                      uint64_t *value, Error **errp);

/* One kind: its options besides "backend" and "id", NULL-terminated. */
typedef struct ChardevKind {
    const char *name;
    const char *const *options;
    Chardev *(*create)(const char *label, json_object *opts, Error **errp);
} ChardevKind;

extern const ChardevKind chardev_kind_null;
extern const ChardevKind chardev_kind_file;
extern const ChardevKind chardev_kind_stdio;
extern const ChardevKind chardev_kind_socket;

/*
 * Share @backend: its front end becomes the mux, which passes what comes from
 * the peer to one of two ports and what either writes to the peer.  The ports
 * get the labels @label and "@label-monitor"; @quit (may be NULL) is called
 * when the person asks to end the program.
 */
void chardev_mux_new(Chardev *backend, const char *label, Chardev *ports[2],
                     void (*quit)(void *opaque), void *opaque);

#endif
