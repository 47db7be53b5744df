/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The qtest server: lines from a character device to commands, replies and a
 * log.  A reply goes out at once, for tests make tens of thousands of small
 * requests one after the other.
 */
#include "system/qtest.h"

#include "qemu/clock.h"
#include "qtest-internal.h"

/* A line that is longer than any command that could succeed. */
#define LINE_MAX_BYTES (QTEST_MAX_DATA * 2 + 4096)

struct QtestServer {
    Machine *machine;
    Chardev *chr;
    GString *input; /* of the line that is not complete yet */
    bool overlong;  /* dropping the rest of a line */
    bool open;
    QtestIrqs irqs;
    FILE *log;      /* or NULL */
    int64_t opened_ns;
};

/* ---- log ---- */

static void G_GNUC_PRINTF(3, 4)
log_line(QtestServer *s, char kind, const char *fmt, ...)
{
    double t = (clock_get_ns() - s->opened_ns) / 1e9;
    va_list ap;

    if (!s->log) {
        return;
    }
    fprintf(s->log, "[%c +%.06f] ", kind, t);
    va_start(ap, fmt);
    vfprintf(s->log, fmt, ap);
    va_end(ap);
    fputc('\n', s->log);
    fflush(s->log);
}

static bool open_log(QtestServer *s, const char *name, Error **errp)
{
    if (!name) {
        s->log = stderr;
        return true;
    }
    if (strcmp(name, "none") == 0) {
        return true;
    }
    s->log = fopen(name, "we");
    if (!s->log) {
        error_setg_errno(errp, errno, "Could not open qtest log '%s'", name);
        return false;
    }
    return true;
}

/* ---- lines ---- */

static void report_irq(void *opaque, const char *line)
{
    QtestServer *s = opaque;
    g_autofree char *text = g_strconcat(line, "\n", NULL);

    log_line(s, 'S', "%s", line);
    chardev_write_all(s->chr, text, strlen(text));
}

static void run_line(QtestServer *s, const char *line)
{
    g_autoptr(GString) reply = g_string_new(NULL);

    log_line(s, 'R', "%s", line);
    qtest_process_line(s->machine, &s->irqs, line, reply);
    log_line(s, 'S', "%s", reply->str);
    g_string_append_c(reply, '\n');
    chardev_write_all(s->chr, reply->str, reply->len);
}

static void line_complete(QtestServer *s)
{
    if (s->overlong) {
        static const char reply[] = "FAIL Line is too long\n";

        chardev_write_all(s->chr, reply, strlen(reply));
    } else {
        run_line(s, s->input->str);
    }
    s->overlong = false;
    g_string_truncate(s->input, 0);
}

static void server_read(void *opaque, const uint8_t *buf, size_t len)
{
    QtestServer *s = opaque;

    while (len) {
        const uint8_t *end = memchr(buf, '\n', len);
        size_t n = end ? (size_t)(end - buf) : len;

        if (s->input->len + n > LINE_MAX_BYTES) {
            s->overlong = true;
        } else {
            g_string_append_len(s->input, (const char *)buf, n);
        }
        if (end) {
            line_complete(s);
            n++;
        }
        buf += n;
        len -= n;
    }
}

static void server_event(void *opaque, ChardevEvent event)
{
    QtestServer *s = opaque;

    if (event == CHARDEV_EVENT_OPENED && !s->open) {
        s->open = true;
        qtest_irqs_reset(&s->irqs);
        s->opened_ns = clock_get_ns();
        if (s->log) {
            fprintf(s->log, "[I %.06f] OPENED\n", s->opened_ns / 1e9);
            fflush(s->log);
        }
    } else if (event == CHARDEV_EVENT_CLOSED && s->open) {
        s->open = false;
        s->overlong = false;
        g_string_truncate(s->input, 0);
        log_line(s, 'I', "CLOSED");
    }
}

static const ChardevHandlers handlers = {
    .read = server_read,
    .event = server_event,
};

QtestServer *qtest_server_new(Machine *m, Chardev *chr, const char *log,
                              Error **errp)
{
    QtestServer *s = g_new0(QtestServer, 1);

    s->machine = m;
    s->irqs.report = report_irq;
    s->irqs.opaque = s;
    s->input = g_string_new(NULL);
    if (!open_log(s, log, errp)) {
        qtest_server_free(s);
        return NULL;
    }
    s->chr = g_object_ref(chr);
    if (!chardev_attach(chr, &handlers, s, NULL, errp)) {
        g_clear_object(&s->chr);
        qtest_server_free(s);
        return NULL;
    }
    return s;
}

void qtest_server_free(QtestServer *s)
{
    if (!s) {
        return;
    }
    qtest_irqs_release(&s->irqs);
    if (s->chr) {
        chardev_detach(s->chr);
        g_object_unref(s->chr);
    }
    if (s->log && s->log != stderr) {
        fclose(s->log);
    }
    g_string_free(s->input, true);
    g_free(s);
}
