/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A human monitor: on a chardev with prompt and line editing, or a temporary
 * one for a single line.  Everything here runs in the main loop.
 */
#include "qemu/osdep.h"

#include "config-host.h"
#include "hmp-int.h"

#define KEY_INTERRUPT 0x03 /* Ctrl-C */
#define TYPED_AHEAD_MAX 4096

static HmpMonitor *hmp_of(HmpContext *hmp)
{
    return container_of(hmp, HmpMonitor, hmp);
}

Readline *hmp_readline(HmpContext *hmp)
{
    return hmp_of(hmp)->rl;
}

void hmp_leave(HmpContext *hmp)
{
    hmp_of(hmp)->leaving = true;
}

/* Text for the terminal, where lines end with CR LF. */
static void hmp_append(HmpMonitor *mon, const char *text)
{
    for (; *text; text++) {
        if (*text == '\n') {
            g_string_append_c(mon->out, '\r');
        }
        g_string_append_c(mon->out, *text);
    }
}

static void hmp_flush(HmpMonitor *mon)
{
    if (mon->common.chr && mon->out->len) {
        chardev_write_all(mon->common.chr, mon->out->str, mon->out->len);
        g_string_truncate(mon->out, 0);
    }
}

static void hmp_vprintf(HmpContext *hmp, const char *fmt, va_list ap)
{
    g_autofree char *text = g_strdup_vprintf(fmt, ap);

    hmp_append(hmp_of(hmp), text);
}

void hmp_printf(HmpContext *hmp, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    hmp->vprintf(hmp, fmt, ap);
    va_end(ap);
}

bool hmp_handle_error(HmpContext *hmp, Error *err)
{
    const char *hint;

    if (!err) {
        return false;
    }
    hmp_printf(hmp, "Error: %s\n", error_get_pretty(err));
    hint = error_get_hint(err);
    if (hint && *hint) {
        hmp_printf(hmp, "%s%s", hint,
                   g_str_has_suffix(hint, "\n") ? "" : "\n");
    }
    error_free(err);
    return true;
}

static void *hmp_suspend(HmpContext *hmp)
{
    HmpMonitor *mon = hmp_of(hmp);
    HmpSuspension *s;

    if (!mon->rl || mon->suspended) {
        return NULL;
    }
    s = g_new0(HmpSuspension, 1);
    s->mon = mon;
    s->hub = mon->common.hub;
    g_ptr_array_add(s->hub->suspensions, s);
    mon->suspended = s;
    return s;
}

void hmp_suspension_free(gpointer suspension)
{
    g_free(suspension);
}

static void hmp_handle_input(HmpMonitor *mon, const uint8_t *buf, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!mon->suspended) {
            readline_handle_byte(mon->rl, buf[i]);
        } else if (buf[i] == KEY_INTERRUPT) {
            mon->suspended->interrupted = true;
        } else if (mon->typed->len < TYPED_AHEAD_MAX) {
            g_byte_array_append(mon->typed, &buf[i], 1);
        }
    }
    hmp_flush(mon);
}

/* The command in the foreground has ended. */
static void hmp_resume(HmpMonitor *mon)
{
    GByteArray *typed = mon->typed;

    mon->suspended = NULL;
    readline_start(mon->rl);
    mon->typed = g_byte_array_new();
    hmp_handle_input(mon, typed->data, typed->len);
    g_byte_array_unref(typed);
}

static bool hmp_update(void *handle, const char *text, bool finish,
                       bool *interrupted)
{
    HmpSuspension *s = handle;
    HmpMonitor *mon = s->mon;
    bool go_on = mon && !s->interrupted;

    if (interrupted) {
        *interrupted = s->interrupted;
    }
    s->interrupted = false;
    if (mon && text) {
        hmp_append(mon, text);
        hmp_flush(mon);
    }
    if (finish) {
        if (mon) {
            hmp_resume(mon);
        }
        g_ptr_array_remove(s->hub->suspensions, s); /* frees it */
    }
    return go_on;
}

static void hmp_show(void *opaque, const char *text)
{
    hmp_append(opaque, text);
}

static void hmp_line(void *opaque, const char *line)
{
    HmpMonitor *mon = opaque;

    /* What was printed so far is seen while a long command works. */
    hmp_flush(mon);
    hmp_execute_line(mon, line);
    if (!mon->suspended && !mon->leaving) {
        readline_start(mon->rl);
    }
    hmp_flush(mon);
}

static size_t hmp_complete_line(void *opaque, Readline *rl, const char *text)
{
    HmpMonitor *mon = opaque;

    return hmp_complete(&mon->common.ctx, rl, text);
}

static const ReadlineOps hmp_readline_ops = {
    .show = hmp_show,
    .line = hmp_line,
    .complete = hmp_complete_line,
};

static void hmp_read(void *opaque, const uint8_t *buf, size_t len)
{
    HmpMonitor *mon = opaque;
    g_autofree int *fds = NULL;
    size_t nfds;

    fds = chardev_take_fds(mon->common.chr, &nfds);
    monitor_fds_received(&mon->common.fds, fds, nfds, 0);
    hmp_handle_input(mon, buf, len);
}

static void hmp_event(void *opaque, ChardevEvent event)
{
    HmpMonitor *mon = opaque;

    monitor_fds_clear(&mon->common.fds);
    g_byte_array_set_size(mon->typed, 0);
    g_string_truncate(mon->out, 0);
    readline_reset(mon->rl);
    if (mon->suspended) {
        mon->suspended->mon = NULL;
        mon->suspended = NULL;
    }
    if (event == CHARDEV_EVENT_OPENED) {
        hmp_printf(&mon->hmp,
                   "QEMU %s monitor - type 'help' for more information\n",
                   QEMU_VERSION);
        readline_start(mon->rl);
        hmp_flush(mon);
    }
}

static const ChardevHandlers hmp_handlers = {
    .read = hmp_read,
    .event = hmp_event,
};

static void hmp_setup(HmpMonitor *mon, MonitorHub *hub)
{
    monitor_setup(&mon->common, hub, NULL, false);
    mon->hmp.qmp = &mon->common.ctx;
    mon->hmp.vprintf = hmp_vprintf;
    mon->hmp.suspend = hmp_suspend;
    mon->hmp.update = hmp_update;
    mon->out = g_string_new(NULL);
    mon->typed = g_byte_array_new();
}

HmpMonitor *hmp_monitor_new(MonitorHub *hub, Chardev *chr, Error **errp)
{
    HmpMonitor *mon = g_new0(HmpMonitor, 1);

    hmp_setup(mon, hub);
    mon->hmp.interactive = true;
    mon->rl = readline_new("(qemu) ", &hmp_readline_ops, mon);
    if (!chardev_attach(chr, &hmp_handlers, mon, NULL, errp)) {
        hmp_monitor_free(mon);
        return NULL;
    }
    mon->common.chr = chr;
    return mon;
}

void hmp_monitor_free(HmpMonitor *mon)
{
    if (mon->suspended) {
        mon->suspended->mon = NULL;
    }
    monitor_cleanup(&mon->common);
    readline_free(mon->rl);
    g_string_free(mon->out, true);
    g_byte_array_unref(mon->typed);
    g_free(mon);
}

Chardev *hmp_monitor_chardev(HmpMonitor *mon)
{
    return mon->common.chr;
}

char *hmp_run_line(MonitorHub *hub, const char *line)
{
    HmpMonitor *mon = g_new0(HmpMonitor, 1);
    char *text;

    hmp_setup(mon, hub);
    hmp_execute_line(mon, line);
    text = g_string_free(g_steal_pointer(&mon->out), false);
    mon->out = g_string_new(NULL);
    hmp_monitor_free(mon);
    return text;
}
