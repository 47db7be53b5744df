/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The base class of character devices: front end, events, lock. */
#include "qemu/osdep.h"

#include "chardev-int.h"
#include "qemu/clock.h"
#include "qemu/wake-source.h"

typedef struct ChardevPrivate {
    char *label;
    QemuMutex lock;
    /* The rest is protected by the lock. */
    const ChardevHandlers *handlers; /* NULL: no front end */
    void *opaque;
    GMainContext *context;
    WakeSource *wake;      /* runs chardev_woken() in the context */
    bool open;             /* a peer is there */
    uint64_t opens;        /* how many peers there were */
    /* What the front end was told last; used in its context only. */
    uint64_t told;         /* number of the peer it knows of; 0: none */
    /* During read(): descriptors not taken yet. */
    int *fds;
    size_t nfds;
} ChardevPrivate;

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE(Chardev, chardev, G_TYPE_OBJECT)

enum { PROP_LABEL = 1 };

static ChardevPrivate *chardev_priv(Chardev *chr)
{
    return chardev_get_instance_private(chr);
}

QemuMutex *chardev_lock(Chardev *chr)
{
    return &chardev_priv(chr)->lock;
}

GMainContext *chardev_context(Chardev *chr)
{
    return chardev_priv(chr)->context;
}

void chardev_wake(Chardev *chr)
{
    ChardevPrivate *p = chardev_priv(chr);

    if (p->wake) {
        wake_source_wake(p->wake);
    }
}

void chardev_set_open(Chardev *chr, bool open)
{
    ChardevPrivate *p = chardev_priv(chr);

    if (p->open == open) {
        return;
    }
    p->open = open;
    if (open) {
        p->opens++;
    }
    /* Not told from here: the lock is held, and the thread may be wrong. */
    chardev_wake(chr);
}

void chardev_fe_sync_events(Chardev *chr)
{
    ChardevPrivate *p = chardev_priv(chr);
    const ChardevHandlers *h;
    uint64_t now, before;
    void *opaque;

    qemu_mutex_lock(&p->lock);
    h = p->handlers;
    opaque = p->opaque;
    now = p->open ? p->opens : 0;
    before = p->told;
    p->told = now;
    qemu_mutex_unlock(&p->lock);

    if (!h || !h->event || now == before) {
        return;
    }
    if (before) {
        h->event(opaque, CHARDEV_EVENT_CLOSED);
    }
    if (now) {
        h->event(opaque, CHARDEV_EVENT_OPENED);
    }
}

static void chardev_woken(void *opaque)
{
    Chardev *chr = opaque;
    ChardevClass *klass = QEMU_CHARDEV_GET_CLASS(chr);

    qemu_mutex_lock(chardev_lock(chr));
    klass->update(chr);
    qemu_mutex_unlock(chardev_lock(chr));
    chardev_fe_sync_events(chr);
    klass->deliver(chr);
}

bool chardev_attach(Chardev *chr, const ChardevHandlers *h, void *opaque,
                    GMainContext *context, Error **errp)
{
    ChardevPrivate *p = chardev_priv(chr);

    QEMU_LOCK_GUARD(&p->lock);
    if (p->handlers) {
        error_setg(errp, "chardev '%s' is already in use", p->label);
        return false;
    }
    p->handlers = h;
    p->opaque = opaque;
    p->context = g_main_context_ref(context ? context
                                            : g_main_context_default());
    p->told = 0;
    p->wake = wake_source_new(p->context, chardev_woken, chr);
    wake_source_wake(p->wake);
    return true;
}

void chardev_detach(Chardev *chr)
{
    ChardevPrivate *p = chardev_priv(chr);

    QEMU_LOCK_GUARD(&p->lock);
    if (!p->handlers) {
        return;
    }
    QEMU_CHARDEV_GET_CLASS(chr)->stop(chr);
    g_clear_pointer(&p->wake, wake_source_free);
    g_clear_pointer(&p->context, g_main_context_unref);
    p->handlers = NULL;
    p->opaque = NULL;
}

size_t chardev_write(Chardev *chr, const void *buf, size_t len)
{
    QEMU_LOCK_GUARD(chardev_lock(chr));
    return QEMU_CHARDEV_GET_CLASS(chr)->write(chr, buf, len, false);
}

void chardev_write_all(Chardev *chr, const void *buf, size_t len)
{
    QEMU_LOCK_GUARD(chardev_lock(chr));
    QEMU_CHARDEV_GET_CLASS(chr)->write(chr, buf, len, true);
}

bool chardev_flush(Chardev *chr, int64_t timeout_ms)
{
    int64_t end = clock_get_ms() + timeout_ms;

    for (;;) {
        qemu_mutex_lock(chardev_lock(chr));
        bool done = QEMU_CHARDEV_GET_CLASS(chr)->flush(chr);
        qemu_mutex_unlock(chardev_lock(chr));
        if (done) {
            return true;
        }
        if (clock_get_ms() >= end) {
            return false;
        }
        clock_sleep_ns(NSEC_PER_MSEC);
    }
}

void chardev_accept_input(Chardev *chr)
{
    QEMU_LOCK_GUARD(chardev_lock(chr));
    chardev_wake(chr);
}

size_t chardev_fe_can_read(Chardev *chr)
{
    ChardevPrivate *p = chardev_priv(chr);
    const ChardevHandlers *h;
    void *opaque;

    qemu_mutex_lock(&p->lock);
    h = p->handlers;
    opaque = p->opaque;
    qemu_mutex_unlock(&p->lock);
    if (!h) {
        return 0;
    }
    return h->can_read ? h->can_read(opaque) : SIZE_MAX;
}

void chardev_fe_read(Chardev *chr, const uint8_t *buf, size_t len, int *fds,
                     size_t nfds)
{
    ChardevPrivate *p = chardev_priv(chr);
    const ChardevHandlers *h;
    void *opaque;

    /* A peer's first bytes must not overtake the news that it is there. */
    chardev_fe_sync_events(chr);

    qemu_mutex_lock(&p->lock);
    h = p->handlers;
    opaque = p->opaque;
    p->fds = fds;
    p->nfds = nfds;
    qemu_mutex_unlock(&p->lock);

    if (h && h->read) {
        h->read(opaque, buf, len);
    }

    qemu_mutex_lock(&p->lock);
    fds = g_steal_pointer(&p->fds);
    nfds = p->nfds;
    p->nfds = 0;
    qemu_mutex_unlock(&p->lock);
    for (size_t i = 0; i < nfds; i++) {
        close(fds[i]);
    }
    g_free(fds);
}

int *chardev_take_fds(Chardev *chr, size_t *n)
{
    ChardevPrivate *p = chardev_priv(chr);

    QEMU_LOCK_GUARD(&p->lock);
    *n = p->nfds;
    p->nfds = 0;
    return g_steal_pointer(&p->fds);
}

const char *chardev_get_label(Chardev *chr)
{
    return chardev_priv(chr)->label;
}

char *chardev_get_filename(Chardev *chr)
{
    QEMU_LOCK_GUARD(chardev_lock(chr));
    return QEMU_CHARDEV_GET_CLASS(chr)->get_filename(chr);
}

bool chardev_has_frontend(Chardev *chr)
{
    QEMU_LOCK_GUARD(chardev_lock(chr));
    return chardev_priv(chr)->handlers != NULL;
}

bool chardev_is_open(Chardev *chr)
{
    QEMU_LOCK_GUARD(chardev_lock(chr));
    return chardev_priv(chr)->open;
}

static size_t chardev_default_write(Chardev *chr, const uint8_t *buf,
                                    size_t len, bool unlimited)
{
    return len;
}

static bool chardev_default_flush(Chardev *chr)
{
    return true;
}

static void chardev_default_none(Chardev *chr)
{
}

static void chardev_set_property(GObject *obj, guint id, const GValue *value,
                                 GParamSpec *pspec)
{
    if (id == PROP_LABEL) {
        chardev_priv(QEMU_CHARDEV(obj))->label = g_value_dup_string(value);
    }
}

static void chardev_finalize(GObject *obj)
{
    ChardevPrivate *p = chardev_priv(QEMU_CHARDEV(obj));

    g_free(p->label);
    qemu_mutex_destroy(&p->lock);
    G_OBJECT_CLASS(chardev_parent_class)->finalize(obj);
}

bool chardev_has_yank(Chardev *chr)
{
    return QEMU_CHARDEV_GET_CLASS(chr)->yank != NULL;
}

void chardev_yank(void *opaque)
{
    Chardev *chr = opaque;

    QEMU_LOCK_GUARD(chardev_lock(chr));
    QEMU_CHARDEV_GET_CLASS(chr)->yank(chr);
}

static void chardev_class_init(ChardevClass *klass)
{
    GObjectClass *oc = G_OBJECT_CLASS(klass);

    oc->finalize = chardev_finalize;
    oc->set_property = chardev_set_property;
    g_object_class_install_property(
        oc, PROP_LABEL,
        g_param_spec_string("label", NULL, NULL, NULL,
                            G_PARAM_WRITABLE | G_PARAM_CONSTRUCT_ONLY |
                                G_PARAM_STATIC_STRINGS));
    klass->write = chardev_default_write;
    klass->flush = chardev_default_flush;
    klass->update = chardev_default_none;
    klass->deliver = chardev_default_none;
    klass->stop = chardev_default_none;
}

static void chardev_init(Chardev *chr)
{
    qemu_mutex_init(&chardev_priv(chr)->lock);
}
