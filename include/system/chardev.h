/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Character devices: the byte streams that monitors, serial ports and the
 * qtest server talk through.
 *
 * A Chardev is the host's side (a socket, a file, the terminal); the front end
 * is the one user attached to it.  A front end's handlers run in the thread
 * that iterates the GMainContext it attached with; writing is possible from
 * any thread.
 */
#ifndef SYSTEM_CHARDEV_H
#define SYSTEM_CHARDEV_H

#include <glib-object.h>
#include <json-c/json.h>

#include "qemu/error.h"
#include "qemu/yank.h"

#define CHARDEV_TYPE (chardev_get_type())
G_DECLARE_DERIVABLE_TYPE(Chardev, chardev, QEMU, CHARDEV, GObject)

typedef enum ChardevEvent {
    CHARDEV_EVENT_OPENED, /* a peer is there; what is written reaches it */
    CHARDEV_EVENT_CLOSED, /* it has gone; a later one may come (OPENED) */
} ChardevEvent;

typedef struct ChardevHandlers {
    /*
     * How many bytes read() may be given now.  0: reading stops until
     * chardev_accept_input().  NULL: always ready.
     */
    size_t (*can_read)(void *opaque);
    /* Bytes came; at most what can_read() said.  NULL: input is dropped. */
    void (*read)(void *opaque, const uint8_t *buf, size_t len);
    /* May be NULL. */
    void (*event)(void *opaque, ChardevEvent event);
} ChardevHandlers;

/*
 * Make @h with @opaque the front end of @chr: the handlers are called from
 * @context (NULL: the default context, so with the machine lock held), first
 * of all event(OPENED) if a peer is there already.  @h is not copied.  The
 * front end must keep @chr alive until it detaches.
 *
 * False with "chardev 'ID' is already in use" if there is a front end already.
 */
bool chardev_attach(Chardev *chr, const ChardevHandlers *h, void *opaque,
                    GMainContext *context, Error **errp);
/*
 * Remove the front end: no handler is called any more.  From the thread that
 * iterates the context, or when nobody does any more.
 */
void chardev_detach(Chardev *chr);

/*
 * Write for a device: takes what fits and returns how much that was; what a
 * slow peer does not take is queued up to 64 KiB.  Without a peer all is
 * taken, and lost.  Files and the null device never fall short.  Any thread.
 */
size_t chardev_write(Chardev *chr, const void *buf, size_t len);
/*
 * Write for a protocol: everything is sent or queued, without limit, unless
 * the peer goes away.  Any thread; does not wait for a slow peer.
 */
void chardev_write_all(Chardev *chr, const void *buf, size_t len);
/*
 * Wait until the peer has taken what is queued, at most @timeout_ms
 * milliseconds.  False: time is up.  Any thread.
 */
bool chardev_flush(Chardev *chr, int64_t timeout_ms);
/* can_read() may return more than before: read again.  Any thread. */
void chardev_accept_input(Chardev *chr);

/*
 * Inside read(): the descriptors that arrived with these bytes, in order; the
 * caller closes them and frees the array by g_free().  NULL and *@n = 0 if
 * there are none.  Those not taken are closed when read() returns.
 */
int *chardev_take_fds(Chardev *chr, size_t *n);

const char *chardev_get_label(Chardev *chr);
/* "unix:/path,server=on" for query-chardev; freed by g_free().  Any thread. */
char *chardev_get_filename(Chardev *chr);
bool chardev_has_frontend(Chardev *chr); /* any thread */
bool chardev_is_open(Chardev *chr);      /* a peer is there; any thread */

/* Chardevs by label.  Main thread only. */
typedef struct ChardevContainer ChardevContainer;
ChardevContainer *chardev_container_new(void);
/* Drops its references; front ends must have detached. */
void chardev_container_free(ChardevContainer *c);
/*
 * What Ctrl-A x on a device shared by mon: does; for devices made later.
 * @quit is called from the main loop.
 */
void chardev_container_set_quit(ChardevContainer *c,
                                void (*quit)(void *opaque), void *opaque);
/*
 * Keep the chardevs that have a peer, those made later too, in @registry as
 * "chardev:LABEL".  It must live until another one (or NULL) is set.
 */
void chardev_container_set_yank(ChardevContainer *c, YankRegistry *registry);
/* For a process in the background: kind stdio fails from now on. */
void chardev_container_refuse_stdio(ChardevContainer *c);
/* Call @fn for the name of each kind that -chardev knows. */
void chardev_kind_foreach(void (*fn)(const char *name, void *opaque),
                          void *opaque);
/* Borrowed, or NULL. */
Chardev *chardev_container_find(ChardevContainer *c, const char *label);
void chardev_container_foreach(ChardevContainer *c,
                               void (*fn)(Chardev *chr, void *opaque),
                               void *opaque);

/*
 * -chardev: make one from {"backend": KIND, "id": LABEL, option: text...} as
 * keyval_parse() with implied key "backend" and legacy booleans gives it.
 * Blocks while a client connects and while a server waits for its first
 * client (wait=on, the default).  Returns a borrowed reference.
 */
Chardev *chardev_container_add(ChardevContainer *c, json_object *opts,
                               Error **errp);
/*
 * -serial, -monitor, -qmp, -qtest: make one from the short syntax (null,
 * stdio, file:F, unix:PATH[,...], tcp:HOST:PORT[,...]) under @label, or find
 * the one that chardev:ID names.  "none" is the caller's business.
 *
 * With mon:DEV the device is shared with a human monitor: the result is the
 * caller's share, *@monitor the one to put the monitor on.  @monitor NULL:
 * mon: is refused; else it is set to NULL for all other forms.
 */
Chardev *chardev_container_parse(ChardevContainer *c, const char *text,
                                 const char *label, Chardev **monitor,
                                 Error **errp);

#endif
