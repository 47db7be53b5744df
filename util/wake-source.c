/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Waking a function in a GMainContext. */
#include "qemu/osdep.h"

#include "qemu/atomic.h"
#include "qemu/wake-source.h"

struct WakeSource {
    GSource source;
    void (*fn)(void *opaque);
    void *opaque;
    /*
     * Set with release before the source is made ready, taken with acquire
     * before the function runs.  GLib orders the two as well; the flag says so
     * in terms that the thread sanitizer understands.
     */
    bool woken;
};

static gboolean wake_dispatch(GSource *source, GSourceFunc callback,
                              gpointer data)
{
    WakeSource *wake = container_of(source, WakeSource, source);

    /* First: a wake-up from here on makes the source ready again. */
    g_source_set_ready_time(source, -1);
    if (qatomic_xchg(&wake->woken, false)) {
        wake->fn(wake->opaque);
    }
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs wake_funcs = { .dispatch = wake_dispatch };

WakeSource *wake_source_new(GMainContext *context, void (*fn)(void *opaque),
                            void *opaque)
{
    GSource *source = g_source_new(&wake_funcs, sizeof(WakeSource));
    WakeSource *wake = container_of(source, WakeSource, source);

    wake->fn = fn;
    wake->opaque = opaque;
    g_source_attach(source, context);
    return wake;
}

void wake_source_wake(WakeSource *wake)
{
    qatomic_store_release(&wake->woken, true);
    g_source_set_ready_time(&wake->source, 0);
}

void wake_source_free(WakeSource *wake)
{
    if (wake) {
        g_source_destroy(&wake->source);
        g_source_unref(&wake->source);
    }
}
