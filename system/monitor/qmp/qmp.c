/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A QMP monitor: one client at a time, its requests and replies.
 *
 * Input is read and cut into requests in the hub's thread.  Requests are
 * queued and executed in the main loop, in order; those out of band are
 * executed at once, in the hub's thread.  Without oob one request is read,
 * executed and answered before the next is looked at.
 */
#include "qemu/osdep.h"

#include "../monitor-int.h"
#include "config-host.h"
#include "json-parser.h"
#include "json-writer.h"

/* Requests that wait for their turn when oob is on. */
#define QMP_QUEUE_MAX 8

/* A message from the client: a request, or what was wrong with it. */
typedef struct QmpPending {
    json_object *message;
    QmpRequest request; /* points into the message */
    Error *error;
    uint64_t session;
    uint64_t start;     /* number of its first byte in the stream */
} QmpPending;

struct MonitorQmp {
    Monitor common;
    bool pretty;
    WakeSource *resume; /* looks at the input again, in the hub's thread */

    /* Used in the hub's thread only. */
    JsonParser *parser;
    GByteArray *input;  /* read, not yet parsed */
    uint64_t position;  /* number of the first byte in @input */
    uint64_t msg_start; /* of the message that is being parsed */
    bool in_message;    /* its first byte has been seen */

    QemuMutex lock;
    /* Protected by the lock. */
    GQueue queue;       /* QmpPending */
    bool busy;          /* the main loop executes a request */
    bool open;          /* there is a client */
    uint64_t session;   /* number of the client */
    bool command_mode;
    bool oob;

    /* The request being executed in the main loop, used there only. */
    const QmpPending *current;
    bool negotiated;    /* it was qmp_capabilities, and went well */
    bool negotiated_oob;
};

static void pending_free(gpointer data)
{
    QmpPending *pending = data;

    json_object_put(pending->message);
    error_free(pending->error);
    g_free(pending);
}

static void pending_free_ptr(QmpPending *pending)
{
    pending_free(pending);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QmpPending, pending_free_ptr)

static void qmp_send(MonitorQmp *mon, json_object *message)
{
    g_autoptr(GString) text = g_string_new(NULL);

    json_write(text, message, mon->pretty);
    g_string_append(text, "\r\n");
    chardev_write_all(mon->common.chr, text->str, text->len);
}

/* Answer a request of client number @session; dropped if that has gone. */
static void qmp_reply(MonitorQmp *mon, json_object *reply, uint64_t session)
{
    QEMU_LOCK_GUARD(&mon->lock);
    if (mon->open && mon->session == session) {
        qmp_send(mon, reply);
    }
}

void monitor_qmp_send_event(MonitorQmp *mon, json_object *event)
{
    QEMU_LOCK_GUARD(&mon->lock);
    if (mon->command_mode) {
        qmp_send(mon, event);
    }
}

json_object *monitor_version(void)
{
    json_object *version = json_object_new_object();
    json_object *qemu = json_object_new_object();
    int major = 0, minor = 0, micro = 0;

    sscanf(QEMU_VERSION, "%d.%d.%d", &major, &minor, &micro);
    json_object_object_add(qemu, "micro", json_object_new_int(micro));
    json_object_object_add(qemu, "minor", json_object_new_int(minor));
    json_object_object_add(qemu, "major", json_object_new_int(major));
    json_object_object_add(version, "qemu", qemu);
    json_object_object_add(version, "package", json_object_new_string(""));
    return version;
}

static void qmp_send_greeting(MonitorQmp *mon)
{
    json_object *greeting = json_object_new_object();
    json_object *qmp = json_object_new_object();
    json_object *capabilities = json_object_new_array();

    json_object_array_add(capabilities, json_object_new_string("oob"));
    json_object_object_add(qmp, "version", monitor_version());
    json_object_object_add(qmp, "capabilities", capabilities);
    json_object_object_add(greeting, "QMP", qmp);
    qmp_send(mon, greeting);
    json_object_put(greeting);
}

/* May another request be taken?  Lock held. */
static bool qmp_may_take(MonitorQmp *mon)
{
    if (!mon->open) {
        return false;
    }
    return mon->oob ? mon->queue.length < QMP_QUEUE_MAX
                    : !mon->queue.length && !mon->busy;
}

/* A new message: executed now if out of band, else queued. */
static void qmp_take_message(MonitorQmp *mon, QmpPending *pending)
{
    json_object *reply;
    bool oob;

    qemu_mutex_lock(&mon->lock);
    pending->session = mon->session;
    oob = mon->oob;
    qemu_mutex_unlock(&mon->lock);

    if (!pending->error) {
        qmp_parse_request(pending->message, oob, &pending->request,
                          &pending->error);
    }
    if (!pending->error && pending->request.oob) {
        reply = qmp_execute(mon->common.hub->cmds, &pending->request,
                            &mon->common.ctx);
        qmp_reply(mon, reply, pending->session);
        json_object_put(reply);
        pending_free(pending);
        return;
    }

    qemu_mutex_lock(&mon->lock);
    g_queue_push_tail(&mon->queue, pending);
    qemu_mutex_unlock(&mon->lock);
    wake_source_wake(mon->common.hub->dispatcher);
}

/*
 * Find where the message begins whose bytes are at @offset.  Blanks before it
 * are no part of it; the parser gets them, since one may end its recovery from
 * an error.
 */
static void qmp_find_start(MonitorQmp *mon, size_t offset)
{
    while (offset < mon->input->len &&
           memchr(" \t\r\n", mon->input->data[offset], 4)) {
        ++offset;
    }
    mon->msg_start = mon->position + offset;
    mon->in_message = offset < mon->input->len;
}

/* Parse up to the end of one message; true if there was one. */
static bool qmp_parse_one(MonitorQmp *mon, size_t *offset)
{
    g_autoptr(QmpPending) pending = g_new0(QmpPending, 1);
    size_t used;
    bool done;

    if (!mon->in_message) {
        qmp_find_start(mon, *offset);
    }
    used = json_parser_feed(mon->parser,
                            (const char *)mon->input->data + *offset,
                            mon->input->len - *offset, &done,
                            &pending->message, &pending->error);
    *offset += used;
    if (!done) {
        return false;
    }
    pending->start = mon->msg_start;
    mon->in_message = false;
    qmp_take_message(mon, g_steal_pointer(&pending));
    return true;
}

/* Take as many requests from the input as may be. */
static void qmp_process_input(MonitorQmp *mon)
{
    size_t offset = 0;

    while (offset < mon->input->len) {
        qemu_mutex_lock(&mon->lock);
        bool may_take = qmp_may_take(mon);
        qemu_mutex_unlock(&mon->lock);
        if (!may_take) {
            break;
        }
        if (!qmp_parse_one(mon, &offset)) {
            break;
        }
    }
    mon->position += offset;
    g_byte_array_remove_range(mon->input, 0, offset);
}

static void qmp_resume(void *opaque)
{
    MonitorQmp *mon = opaque;

    qmp_process_input(mon);
    chardev_accept_input(mon->common.chr);
}

static size_t qmp_can_read(void *opaque)
{
    MonitorQmp *mon = opaque;

    QEMU_LOCK_GUARD(&mon->lock);
    return !mon->input->len && qmp_may_take(mon) ? SIZE_MAX : 0;
}

static void qmp_read(void *opaque, const uint8_t *buf, size_t len)
{
    MonitorQmp *mon = opaque;
    g_autofree int *fds = NULL;
    size_t nfds;

    fds = chardev_take_fds(mon->common.chr, &nfds);
    g_byte_array_append(mon->input, buf, len);
    monitor_fds_received(&mon->common.fds, fds, nfds,
                         mon->position + mon->input->len - 1);
    qmp_process_input(mon);
}

/* A client has come or gone: nothing of the one before may remain. */
static void qmp_event(void *opaque, ChardevEvent event)
{
    MonitorQmp *mon = opaque;

    json_parser_reset(mon->parser);
    g_byte_array_set_size(mon->input, 0);
    mon->position = 0;
    mon->in_message = false;
    monitor_fds_clear(&mon->common.fds);

    qemu_mutex_lock(&mon->lock);
    g_queue_clear_full(&mon->queue, pending_free);
    mon->session++;
    mon->command_mode = false;
    mon->oob = false;
    mon->open = event == CHARDEV_EVENT_OPENED;
    if (mon->open) {
        qmp_send_greeting(mon);
    }
    qemu_mutex_unlock(&mon->lock);
    if (event == CHARDEV_EVENT_CLOSED) {
        monitor_client_gone(mon->common.hub);
    }
}

bool monitor_qmp_is_open(MonitorQmp *mon)
{
    QEMU_LOCK_GUARD(&mon->lock);
    return mon->open;
}

static const ChardevHandlers qmp_handlers = {
    .can_read = qmp_can_read,
    .read = qmp_read,
    .event = qmp_event,
};

bool monitor_qmp_negotiated(QmpContext *ctx, bool oob, Error **errp)
{
    MonitorQmp *mon = container_of(monitor_of(ctx), MonitorQmp, common);

    QEMU_LOCK_GUARD(&mon->lock);
    if (mon->command_mode && mon->session == mon->current->session) {
        error_set(errp, ERROR_CLASS_COMMAND_NOT_FOUND,
                  "Capabilities negotiation is already complete, command "
                  "ignored");
        return false;
    }
    mon->negotiated = true;
    mon->negotiated_oob = oob;
    return true;
}

uint64_t monitor_qmp_request_start(QmpContext *ctx)
{
    return container_of(monitor_of(ctx), MonitorQmp, common)->current->start;
}

/* The reply to @pending, which is executed unless something forbids it. */
static json_object *qmp_execute_pending(MonitorQmp *mon, QmpPending *pending,
                                        bool negotiating)
{
    g_autoptr(Error) err = NULL;

    if (pending->error) {
        return qmp_error_reply(&pending->request, pending->error);
    }
    if (negotiating &&
        !g_str_equal(pending->request.command, "qmp_capabilities")) {
        error_set(&err, ERROR_CLASS_COMMAND_NOT_FOUND,
                  "Expecting capabilities negotiation with "
                  "'qmp_capabilities'");
        return qmp_error_reply(&pending->request, err);
    }
    return qmp_execute(mon->common.hub->cmds, &pending->request,
                       &mon->common.ctx);
}

bool monitor_qmp_execute_one(MonitorQmp *mon)
{
    g_autoptr(QmpPending) pending = NULL;
    json_object *reply;
    bool negotiating;

    qemu_mutex_lock(&mon->lock);
    pending = g_queue_pop_head(&mon->queue);
    negotiating = !mon->command_mode;
    mon->busy = pending != NULL;
    qemu_mutex_unlock(&mon->lock);
    if (!pending) {
        return false;
    }
    /* With oob there is room for another one now. */
    wake_source_wake(mon->resume);

    mon->current = pending;
    mon->negotiated = false;
    reply = qmp_execute_pending(mon, pending, negotiating);
    mon->current = NULL;

    qemu_mutex_lock(&mon->lock);
    mon->busy = false;
    if (mon->open && mon->session == pending->session) {
        qmp_send(mon, reply);
        if (mon->negotiated) {
            /* From here on: no event precedes the reply. */
            mon->command_mode = true;
            mon->oob = mon->negotiated_oob;
        }
    }
    qemu_mutex_unlock(&mon->lock);
    wake_source_wake(mon->resume);
    json_object_put(reply);
    return true;
}

MonitorQmp *monitor_qmp_new(MonitorHub *hub, Chardev *chr, bool pretty,
                            Error **errp)
{
    MonitorQmp *mon = g_new0(MonitorQmp, 1);

    monitor_setup(&mon->common, hub, NULL, true);
    mon->pretty = pretty;
    mon->parser = json_parser_new();
    mon->input = g_byte_array_new();
    qemu_mutex_init(&mon->lock);
    g_queue_init(&mon->queue);
    mon->resume = wake_source_new(hub->io_context, qmp_resume, mon);
    mon->common.chr = chr;
    if (!chardev_attach(chr, &qmp_handlers, mon, hub->io_context, errp)) {
        mon->common.chr = NULL;
        monitor_qmp_free(mon);
        return NULL;
    }
    return mon;
}

void monitor_qmp_free(MonitorQmp *mon)
{
    wake_source_free(mon->resume);
    monitor_cleanup(&mon->common);
    g_queue_clear_full(&mon->queue, pending_free);
    g_byte_array_unref(mon->input);
    json_parser_free(mon->parser);
    qemu_mutex_destroy(&mon->lock);
    g_free(mon);
}

Chardev *monitor_qmp_chardev(MonitorQmp *mon)
{
    return mon->common.chr;
}
