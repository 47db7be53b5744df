/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Error over GError, and reports to people on stderr.
 *
 * The project's own errors are of an extended GError domain, whose private
 * part holds the hint.  Errors that GLib makes (g_spawn_*, g_file_*) can travel
 * in the same variables: they are generic errors without a hint.
 */
#include "qemu/osdep.h"

#include "qemu/error.h"

typedef struct QemuErrorPrivate {
    GString *hint; /* NULL: none */
} QemuErrorPrivate;

static void qemu_error_private_init(QemuErrorPrivate *priv)
{
    priv->hint = NULL;
}

static void qemu_error_private_copy(const QemuErrorPrivate *src,
                                    QemuErrorPrivate *dst)
{
    dst->hint = src->hint ? g_string_new(src->hint->str) : NULL;
}

static void qemu_error_private_clear(QemuErrorPrivate *priv)
{
    if (priv->hint) {
        g_string_free(priv->hint, TRUE);
    }
}

G_DEFINE_EXTENDED_ERROR(QemuError, qemu_error)

static bool error_is_ours(const Error *err)
{
    return err->domain == qemu_error_quark();
}

/* The first error wins: a second one is a bug, reported and dropped. */
static void G_GNUC_PRINTF(4, 0)
error_setv(Error **errp, ErrorClass cls, int os_errno, const char *fmt,
           va_list ap)
{
    int saved_errno = errno;

    if (errp) {
        g_autofree char *msg = g_strdup_vprintf(fmt, ap);

        if (os_errno) {
            char *full = g_strdup_printf("%s: %s", msg, g_strerror(os_errno));
            g_free(msg);
            msg = full;
        }
        if (*errp) {
            g_warning("error '%s' would overwrite '%s'", msg,
                      (*errp)->message);
        } else {
            *errp = g_error_new_literal(qemu_error_quark(), (int)cls, msg);
        }
    }
    errno = saved_errno;
}

void error_setg(Error **errp, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    error_setv(errp, ERROR_CLASS_GENERIC_ERROR, 0, fmt, ap);
    va_end(ap);
}

void error_setg_errno(Error **errp, int os_errno, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    error_setv(errp, ERROR_CLASS_GENERIC_ERROR, os_errno, fmt, ap);
    va_end(ap);
}

void error_set(Error **errp, ErrorClass cls, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    error_setv(errp, cls, 0, fmt, ap);
    va_end(ap);
}

void error_prepend(Error **errp, const char *fmt, ...)
{
    g_autofree char *prefix = NULL;
    char *joined;
    va_list ap;

    if (!errp || !*errp) {
        return;
    }
    va_start(ap, fmt);
    prefix = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    joined = g_strconcat(prefix, (*errp)->message, NULL);
    g_free((*errp)->message);
    (*errp)->message = joined;
}

void error_append_hint(Error **errp, const char *fmt, ...)
{
    QemuErrorPrivate *priv;
    va_list ap;

    if (!errp || !*errp || !error_is_ours(*errp)) {
        return;
    }
    priv = qemu_error_get_private(*errp);
    if (!priv->hint) {
        priv->hint = g_string_new(NULL);
    }
    va_start(ap, fmt);
    g_string_append_vprintf(priv->hint, fmt, ap);
    va_end(ap);
}

const char *error_get_hint(const Error *err)
{
    const QemuErrorPrivate *priv;

    if (!error_is_ours(err)) {
        return NULL;
    }
    priv = qemu_error_get_private(err);
    return priv->hint ? priv->hint->str : NULL;
}

void error_propagate(Error **dst, Error *src)
{
    if (!src) {
        return;
    }
    if (dst && !*dst) {
        *dst = src;
    } else {
        error_free(src);
    }
}

const char *error_get_pretty(const Error *err)
{
    return err->message;
}

ErrorClass error_get_class(const Error *err)
{
    return error_is_ours(err) ? (ErrorClass)err->code
                              : ERROR_CLASS_GENERIC_ERROR;
}

const char *ErrorClass_str(ErrorClass cls)
{
    switch (cls) {
    case ERROR_CLASS_COMMAND_NOT_FOUND:
        return "CommandNotFound";
    case ERROR_CLASS_DEVICE_NOT_FOUND:
        return "DeviceNotFound";
    case ERROR_CLASS_DEVICE_NOT_ACTIVE:
        return "DeviceNotActive";
    case ERROR_CLASS_KVM_MISSING_CAP:
        return "KVMMissingCap";
    case ERROR_CLASS_GENERIC_ERROR:
        break;
    }
    return "GenericError";
}

Error *error_copy(const Error *err)
{
    return g_error_copy(err);
}

void error_free(Error *err)
{
    if (err) {
        g_error_free(err);
    }
}

/* Set once at start-up, before other threads exist. */
static char *progname;
static bool timestamps;
/*
 * Per thread, so that a report from another thread never carries the option
 * that the main thread happens to look at.
 */
static __thread char *location;

void error_init(const char *argv0)
{
    g_free(progname);
    progname = g_path_get_basename(argv0);
}

const char *error_get_progname(void)
{
    return progname ? progname : "qemu";
}

void error_set_timestamp(bool on)
{
    timestamps = on;
}

bool error_get_timestamp(void)
{
    return timestamps;
}

void error_set_location(const char *text)
{
    g_free(location);
    location = g_strdup(text);
}

static void append_timestamp(GString *line)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autofree char *seconds = g_date_time_format(now, "%Y-%m-%dT%H:%M:%S");

    g_string_append_printf(line, "%s.%06dZ ", seconds,
                           g_date_time_get_microsecond(now));
}

/* One fputs(), so that lines of several threads do not mix. */
static void report(const char *kind, const char *text, const char *hint)
{
    g_autoptr(GString) line = g_string_new(NULL);

    if (timestamps) {
        append_timestamp(line);
    }
    g_string_append_printf(line, "%s: ", error_get_progname());
    if (location) {
        g_string_append_printf(line, "%s: ", location);
    }
    g_string_append_printf(line, "%s%s\n", kind, text);
    if (hint) {
        g_string_append(line, hint);
        if (line->str[line->len - 1] != '\n') {
            g_string_append_c(line, '\n');
        }
    }
    fputs(line->str, stderr);
    fflush(stderr);
}

#define REPORT_VA(kind, fmt)                                                   \
    do {                                                                       \
        g_autofree char *text = NULL;                                          \
        va_list ap;                                                            \
                                                                               \
        va_start(ap, fmt);                                                     \
        text = g_strdup_vprintf(fmt, ap);                                      \
        va_end(ap);                                                            \
        report(kind, text, NULL);                                              \
    } while (0)

void error_report(const char *fmt, ...)
{
    REPORT_VA("", fmt);
}

void warn_report(const char *fmt, ...)
{
    REPORT_VA("warning: ", fmt);
}

void info_report(const char *fmt, ...)
{
    REPORT_VA("info: ", fmt);
}

void error_report_err(Error *err)
{
    report("", error_get_pretty(err), error_get_hint(err));
    error_free(err);
}

void warn_report_err(Error *err)
{
    report("warning: ", error_get_pretty(err), error_get_hint(err));
    error_free(err);
}
