/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"
#include "migration/return-path.h"

#include "qemu/thread.h"
#include "trace/trace-migration.h"

struct ReturnPath {
    QIOChannel *ioc;
    QemuThread thread;
    const ReturnPathOps *ops;
    void *opaque;
    /* Written by the thread, read after it was joined. */
    bool shut;
    uint32_t code; /* SHUT, when it is not 0 */
    Error *err;
};

/* Exact payload length of each message, -1: varies, -2: does not exist. */
static const struct {
    const char *name;
    int len;
} messages[MIG_RP_MSG__MAX] = {
    [0] = { "INVALID", -2 },
    [MIG_RP_MSG_SHUT] = { "SHUT", 4 },
    [MIG_RP_MSG_PONG] = { "PONG", 4 },
    [MIG_RP_MSG_REQ_PAGES_ID] = { "REQ_PAGES_ID", -1 },
    [MIG_RP_MSG_REQ_PAGES] = { "REQ_PAGES", 12 },
    [MIG_RP_MSG_RECV_BITMAP] = { "RECV_BITMAP", -1 },
    [MIG_RP_MSG_RESUME_ACK] = { "RESUME_ACK", 4 },
    [MIG_RP_MSG_SWITCHOVER_ACK] = { "SWITCHOVER_ACK", 0 },
};

static bool message_check(uint16_t type, uint16_t len, Error **errp)
{
    if (type >= MIG_RP_MSG__MAX || messages[type].len == -2) {
        error_setg(errp, "return path: message of unknown type %u", type);
        return false;
    }
    if (len > MIG_RP_PAYLOAD_MAX ||
        (messages[type].len >= 0 && len != messages[type].len)) {
        error_setg(errp, "return path: message %s of %u bytes, expected %d",
                   messages[type].name, len,
                   messages[type].len >= 0 ? messages[type].len
                                           : MIG_RP_PAYLOAD_MAX);
        return false;
    }
    return true;
}

/* ---- what SHUT says ---- */

static const char *const failures[RP_FAILURE__MAX] = {
    [RP_FAILURE_BEGINNING] = "the beginning of the stream does not suit it",
    [RP_FAILURE_SECTION] = "it could not load a section",
    [RP_FAILURE_STREAM] = "the stream is not in order",
    [RP_FAILURE_MACHINE] = "its machine cannot be set to the state received",
    [RP_FAILURE_CHANNEL] = "multifd channel",
    [RP_FAILURE_ENDED] = "the stream ended too early",
    [RP_FAILURE_CHANNEL_ENDED] = "multifd channel",
};

uint32_t return_path_code(RpFailure what, uint32_t id)
{
    if (what == RP_FAILURE_UNKNOWN) {
        return 1;
    }
    return (uint32_t)what << 24 |
           (what == RP_FAILURE_SECTION || what == RP_FAILURE_CHANNEL ||
            what == RP_FAILURE_CHANNEL_ENDED ? id & 0xffffff : 0);
}

char *return_path_reason(uint32_t code)
{
    uint32_t what = code >> 24;

    if (what == RP_FAILURE_CHANNEL || what == RP_FAILURE_CHANNEL_ENDED) {
        return g_strdup_printf("%s %u %s there", failures[what],
                               code & 0xffffff,
                               what == RP_FAILURE_CHANNEL ? "failed"
                                                          : "ended");
    }
    return g_strdup(what < RP_FAILURE__MAX ? failures[what] : NULL);
}

bool return_path_ended(uint32_t code)
{
    return code >> 24 == RP_FAILURE_ENDED ||
           code >> 24 == RP_FAILURE_CHANNEL_ENDED;
}

bool return_path_section(uint32_t code, uint32_t *section_id)
{
    *section_id = code & 0xffffff;
    return code >> 24 == RP_FAILURE_SECTION;
}

static void refused(ReturnPath *rp, Error **errp)
{
    g_autofree char *reason = return_path_reason(rp->code);
    g_autofree char *section = rp->ops->section_name(rp->opaque, rp->code);

    error_setg(errp, "the destination could not take the guest: it reports "
               "failure %u%s%s%s%s%s", rp->code, reason ? " (" : "",
               reason ? reason : "", section ? ": " : "",
               section ? section : "", reason ? ")" : "");
}

/* 1: SHUT 0, the last message; 0: go on; -1: error. */
static int message_handle(ReturnPath *rp, uint16_t type,
                          const uint8_t *payload, Error **errp)
{
    uint32_t value = 0;

    if (messages[type].len == sizeof(value)) {
        memcpy(&value, payload, sizeof(value));
        value = GUINT32_FROM_BE(value);
    }
    trace_return_path_message(messages[type].name, value);
    switch (type) {
    case MIG_RP_MSG_SHUT:
        if (value) {
            rp->code = value;
            refused(rp, errp);
            return -1;
        }
        if (!rp->ops->may_complete(rp->opaque)) {
            error_setg(errp, "return path: the destination reported success "
                       "before it was sent the whole guest");
            return -1;
        }
        return 1;
    case MIG_RP_MSG_PONG:
        return 0;
    default:
        error_setg(errp, "return path: unexpected message %s",
                   messages[type].name);
        return -1;
    }
}

static int return_path_read(ReturnPath *rp, Error **errp)
{
    uint8_t payload[MIG_RP_PAYLOAD_MAX];
    uint16_t header[2], type, len;
    int ret = qio_channel_read_all_eof(rp->ioc, header, sizeof(header), errp);

    if (ret <= 0) {
        if (ret == 0) {
            error_setg(errp, "the destination closed the return path before "
                       "it had the guest");
        }
        error_prepend(errp, "return path: ");
        return -1;
    }
    type = GUINT16_FROM_BE(header[0]);
    len = GUINT16_FROM_BE(header[1]);
    if (!message_check(type, len, errp)) {
        return -1;
    }
    if (len && !qio_channel_read_all(rp->ioc, payload, len, errp)) {
        error_prepend(errp, "return path: ");
        return -1;
    }
    return message_handle(rp, type, payload, errp);
}

static void *return_path_thread(void *opaque)
{
    ReturnPath *rp = opaque;
    int ret;

    do {
        ret = return_path_read(rp, &rp->err);
    } while (ret == 0);
    rp->shut = ret > 0;
    if (!rp->shut) {
        rp->ops->failed(rp->opaque, rp->code, rp->err);
    }
    return NULL;
}

ReturnPath *return_path_start(QIOChannel *ioc, const ReturnPathOps *ops,
                              void *opaque)
{
    ReturnPath *rp = g_new0(ReturnPath, 1);

    rp->ioc = g_object_ref(ioc);
    rp->ops = ops;
    rp->opaque = opaque;
    qemu_thread_create(&rp->thread, "mig/src/return", return_path_thread, rp);
    return rp;
}

bool return_path_join(ReturnPath *rp, Error **errp)
{
    bool shut;

    qemu_thread_join(&rp->thread);
    shut = rp->shut;
    error_propagate(errp, rp->err);
    g_object_unref(rp->ioc);
    g_free(rp);
    return shut;
}

/* ---- destination ---- */

static bool return_path_send(QIOChannel *ioc, MigRpMessage type,
                             uint32_t value, Error **errp)
{
    struct QEMU_PACKED {
        uint16_t type;
        uint16_t len;
        uint32_t value;
    } msg = {
        .type = GUINT16_TO_BE(type),
        .len = GUINT16_TO_BE(sizeof(value)),
        .value = GUINT32_TO_BE(value),
    };

    if (!qio_channel_write_all(ioc, &msg, sizeof(msg), errp)) {
        error_prepend(errp, "cannot send %s on the return path: ",
                      messages[type].name);
        return false;
    }
    return true;
}

bool return_path_send_shut(QIOChannel *ioc, uint32_t value, Error **errp)
{
    return return_path_send(ioc, MIG_RP_MSG_SHUT, value, errp);
}

bool return_path_send_pong(QIOChannel *ioc, uint32_t value, Error **errp)
{
    return return_path_send(ioc, MIG_RP_MSG_PONG, value, errp);
}
