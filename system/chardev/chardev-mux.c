/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One device for two front ends, typically a terminal for the serial port and
 * the monitor.  Both write to it; one of them, chosen by Ctrl-A c, gets what
 * is typed.
 */
#include "qemu/osdep.h"

#include "chardev-int.h"

#define MUX_ESCAPE 0x01 /* Ctrl-A */
/* What is typed while the front end takes nothing; more is lost. */
#define MUX_BUFFER 4096

#define CHARDEV_TYPE_MUX_PORT (chardev_mux_port_get_type())
G_DECLARE_FINAL_TYPE(ChardevMuxPort, chardev_mux_port, CHARDEV, MUX_PORT,
                     Chardev)

typedef struct ChardevMux {
    int refs; /* one per port; changed under no lock: main thread only */
    Chardev *backend;
    QemuMutex lock;
    void (*quit)(void *opaque);
    void *quit_opaque;
    bool escaped; /* the last byte was Ctrl-A; used in the context only */
    /* Protected by the lock; taken after the ports', before the backend's. */
    bool attached;
    int focus;
    ChardevMuxPort *port[2]; /* not references; NULL once finalized */
} ChardevMux;

struct _ChardevMuxPort {
    Chardev parent_instance;
    ChardevMux *mux;
    int index;
    GByteArray *input; /* not yet taken; used in the context only */
};

G_DEFINE_FINAL_TYPE(ChardevMuxPort, chardev_mux_port, CHARDEV_TYPE)

static void port_set_open(ChardevMuxPort *port, bool open)
{
    QEMU_LOCK_GUARD(chardev_lock(QEMU_CHARDEV(port)));
    chardev_set_open(QEMU_CHARDEV(port), open);
}

/* Give the front end what it takes. */
static void port_deliver(Chardev *chr)
{
    ChardevMuxPort *port = CHARDEV_MUX_PORT(chr);

    chardev_fe_sync_events(chr);
    while (port->input->len) {
        size_t n = MIN(chardev_fe_can_read(chr), port->input->len);

        if (!n) {
            return;
        }
        g_autofree uint8_t *bytes = g_memdup2(port->input->data, n);
        g_byte_array_remove_range(port->input, 0, n);
        chardev_fe_read(chr, bytes, n, NULL, 0);
    }
}

static ChardevMuxPort *mux_focused(ChardevMux *mux)
{
    QEMU_LOCK_GUARD(&mux->lock);
    return mux->port[mux->focus];
}

static void mux_print(ChardevMux *mux, const char *text)
{
    chardev_write_all(mux->backend, text, strlen(text));
}

static void mux_switch(ChardevMux *mux)
{
    ChardevMuxPort *port;

    qemu_mutex_lock(&mux->lock);
    mux->focus = !mux->focus;
    port = mux->port[mux->focus];
    qemu_mutex_unlock(&mux->lock);
    if (port) {
        /* A port opens when it is looked at first. */
        port_set_open(port, true);
        port_deliver(QEMU_CHARDEV(port));
    }
}

/* The key after Ctrl-A. */
static void mux_command(ChardevMux *mux, uint8_t key)
{
    switch (key) {
    case 'c':
        mux_switch(mux);
        break;
    case 'x':
        mux_print(mux, "QEMU: Terminated\r\n");
        if (mux->quit) {
            mux->quit(mux->quit_opaque);
        }
        break;
    case 'h':
    case '?':
        mux_print(mux, "\r\nAfter Ctrl-A:\r\n"
                       "h       this list\r\n"
                       "x       end the program\r\n"
                       "c       the keys go to the other of serial port and "
                       "monitor\r\n"
                       "Ctrl-A  a Ctrl-A\r\n");
        break;
    default:
        break;
    }
}

static void mux_read(void *opaque, const uint8_t *buf, size_t len)
{
    ChardevMux *mux = opaque;

    for (size_t i = 0; i < len; i++) {
        ChardevMuxPort *port = mux_focused(mux);
        bool escaped = mux->escaped;

        mux->escaped = !escaped && buf[i] == MUX_ESCAPE;
        if (mux->escaped) {
            continue;
        }
        if (escaped && buf[i] != MUX_ESCAPE) {
            mux_command(mux, buf[i]);
            continue;
        }
        if (port && port->input->len < MUX_BUFFER) {
            g_byte_array_append(port->input, buf + i, 1);
        }
        if (port) {
            port_deliver(QEMU_CHARDEV(port));
        }
    }
}

static void mux_event(void *opaque, ChardevEvent event)
{
    ChardevMux *mux = opaque;
    bool open = event == CHARDEV_EVENT_OPENED;

    mux->escaped = false;
    for (int i = 0; i < 2; i++) {
        if (mux->port[i] && (!open || i == mux->focus)) {
            port_set_open(mux->port[i], open);
        }
    }
}

static const ChardevHandlers mux_handlers = {
    .read = mux_read,
    .event = mux_event,
};

/* The first port that is used attaches the mux. */
static void port_update(Chardev *chr)
{
    ChardevMuxPort *port = CHARDEV_MUX_PORT(chr);
    ChardevMux *mux = port->mux;

    QEMU_LOCK_GUARD(&mux->lock);
    if (!mux->attached) {
        mux->attached = chardev_attach(mux->backend, &mux_handlers, mux,
                                       chardev_context(chr), NULL);
    }
}

static size_t port_write(Chardev *chr, const uint8_t *buf, size_t len,
                         bool unlimited)
{
    ChardevMux *mux = CHARDEV_MUX_PORT(chr)->mux;

    if (!unlimited) {
        return chardev_write(mux->backend, buf, len);
    }
    chardev_write_all(mux->backend, buf, len);
    return len;
}

static bool port_flush(Chardev *chr)
{
    return chardev_flush(CHARDEV_MUX_PORT(chr)->mux->backend, 0);
}

static char *port_get_filename(Chardev *chr)
{
    return g_strdup("mux");
}

static void mux_unref(ChardevMux *mux)
{
    if (--mux->refs) {
        return;
    }
    if (mux->attached) {
        chardev_detach(mux->backend);
    }
    g_object_unref(mux->backend);
    qemu_mutex_destroy(&mux->lock);
    g_free(mux);
}

static void chardev_mux_port_finalize(GObject *obj)
{
    ChardevMuxPort *port = CHARDEV_MUX_PORT(obj);

    qemu_mutex_lock(&port->mux->lock);
    port->mux->port[port->index] = NULL;
    qemu_mutex_unlock(&port->mux->lock);
    mux_unref(port->mux);
    g_byte_array_unref(port->input);
    G_OBJECT_CLASS(chardev_mux_port_parent_class)->finalize(obj);
}

static void chardev_mux_port_class_init(ChardevMuxPortClass *klass)
{
    ChardevClass *cc = QEMU_CHARDEV_CLASS(klass);

    G_OBJECT_CLASS(klass)->finalize = chardev_mux_port_finalize;
    cc->update = port_update;
    cc->deliver = port_deliver;
    cc->write = port_write;
    cc->flush = port_flush;
    cc->get_filename = port_get_filename;
}

static void chardev_mux_port_init(ChardevMuxPort *port)
{
    port->input = g_byte_array_new();
}

void chardev_mux_new(Chardev *backend, const char *label, Chardev *ports[2],
                     void (*quit)(void *opaque), void *opaque)
{
    g_autofree char *monitor_label = g_strconcat(label, "-monitor", NULL);
    const char *labels[2] = { label, monitor_label };
    ChardevMux *mux = g_new0(ChardevMux, 1);

    qemu_mutex_init(&mux->lock);
    mux->backend = g_object_ref(backend);
    mux->refs = 2;
    mux->quit = quit;
    mux->quit_opaque = opaque;
    for (int i = 0; i < 2; i++) {
        ChardevMuxPort *port = g_object_new(CHARDEV_TYPE_MUX_PORT, "label",
                                            labels[i], NULL);

        port->mux = mux;
        port->index = i;
        mux->port[i] = port;
        ports[i] = QEMU_CHARDEV(port);
    }
}
