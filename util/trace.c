/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/trace.h"

#include "qemu/atomic.h"
#include "qemu/clock.h"
#include "qemu/keyval.h"
#include "qemu/thread.h"

/* Filled once, by the first caller that asks for events. */
static GPtrArray *all_events;

/* Protects the output: lines stay whole while the file is changed. */
static QemuMutex output_lock = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .initialized = true,
};
static FILE *output; /* NULL: stderr */

void trace_register_events(TraceEvent *const *events, size_t n)
{
    if (!all_events) {
        all_events = g_ptr_array_new();
    }
    for (size_t i = 0; i < n; i++) {
        g_ptr_array_add(all_events, events[i]);
    }
}

static GPtrArray *get_events(void)
{
    static gsize done;

    if (g_once_init_enter(&done)) {
        trace_register_all();
        if (!all_events) {
            all_events = g_ptr_array_new();
        }
        g_once_init_leave(&done, 1);
    }
    return all_events;
}

void trace_emit(const TraceEvent *ev, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    char stamp[64] = "";
    FILE *out;
    va_list ap;

    if (error_get_timestamp()) {
        int64_t now = clock_get_wall_us();

        snprintf(stamp, sizeof(stamp), "%d@%" PRId64 ".%06" PRId64 ":",
                 getpid(), now / 1000000, now % 1000000);
    }
    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);

    /* One call, so that what others write to stderr does not mix in. */
    QEMU_LOCK_GUARD(&output_lock);
    out = output ? output : stderr;
    fprintf(out, "%s%s %s\n", stamp, ev->name, text);
    fflush(out);
}

void trace_foreach(const char *pattern,
                   void (*fn)(TraceEvent *ev, void *opaque), void *opaque)
{
    GPtrArray *events = get_events();

    if (!g_utf8_validate(pattern, -1, NULL)) {
        return; /* no name is like that, and GLib aborts on it */
    }
    for (guint i = 0; i < events->len; i++) {
        TraceEvent *ev = g_ptr_array_index(events, i);

        if (g_pattern_match_simple(pattern, ev->name)) {
            fn(ev, opaque);
        }
    }
}

typedef struct Switch {
    bool enable;
    unsigned count;
} Switch;

static void switch_event(TraceEvent *ev, void *opaque)
{
    Switch *sw = opaque;

    qatomic_set(&ev->enabled, sw->enable);
    sw->count++;
}

unsigned trace_enable_events(const char *pattern, bool enable)
{
    Switch sw = { .enable = enable };

    if (*pattern == '-') {
        pattern++;
        sw.enable = false;
    }
    trace_foreach(pattern, switch_event, &sw);
    return sw.count;
}

/* The same for a person: a name that fits nothing is worth a warning. */
static void enable_or_warn(const char *pattern)
{
    if (!trace_enable_events(pattern, true) && !strpbrk(pattern, "*?")) {
        warn_report("trace event '%s' does not exist",
                    pattern + (*pattern == '-'));
    }
}

bool trace_log_items(const char *items)
{
    g_auto(GStrv) list = g_strsplit(items, ",", -1);

    for (char **item = list; *item; item++) {
        if (!g_str_equal(*item, "none") &&
            !g_str_has_prefix(*item, "trace:")) {
            return false;
        }
    }
    for (char **item = list; *item; item++) {
        if (g_str_equal(*item, "none")) {
            trace_enable_events("*", false);
        } else {
            enable_or_warn(*item + strlen("trace:"));
        }
    }
    return *list != NULL;
}

bool trace_set_file(const char *path, Error **errp)
{
    FILE *file = fopen(path, "we");

    if (!file) {
        error_setg_errno(errp, errno, "Error opening logfile %s", path);
        return false;
    }
    QEMU_LOCK_GUARD(&output_lock);
    if (output) {
        fclose(output);
    }
    output = file;
    return true;
}

/* One pattern a line; empty lines and those that begin with # are skipped. */
static bool enable_from_file(const char *path, Error **errp)
{
    g_autoptr(GError) err = NULL;
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;

    if (!g_file_get_contents(path, &text, NULL, &err)) {
        error_setg_errno(errp, errno, "%s", path);
        return false;
    }
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        g_strstrip(*line);
        if (**line && **line != '#') {
            enable_or_warn(*line);
        }
    }
    return true;
}

static const char *get_option(json_object *opts, const char *name)
{
    json_object *value;

    return json_object_object_get_ex(opts, name, &value)
               ? json_object_get_string(value)
               : NULL;
}

bool trace_opt_parse(const char *text, Error **errp)
{
    json_object *opts =
        keyval_parse(text, "enable", true, false, NULL, errp);
    const char *enable, *events, *file;
    bool ok = true;

    if (!opts) {
        return false;
    }
    json_object_object_foreach(opts, key, value)
    {
        (void)value;
        if (ok && !g_str_equal(key, "enable") && !g_str_equal(key, "events") &&
            !g_str_equal(key, "file")) {
            error_setg(errp, "Invalid parameter '%s'", key);
            ok = false;
        }
    }
    enable = get_option(opts, "enable");
    events = get_option(opts, "events");
    file = get_option(opts, "file");
    if (ok && enable) {
        enable_or_warn(enable);
    }
    ok = ok && (!events || enable_from_file(events, errp)) &&
         (!file || trace_set_file(file, errp));
    json_object_put(opts);
    return ok;
}
