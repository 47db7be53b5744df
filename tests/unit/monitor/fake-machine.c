/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"

#include <glib/gstdio.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "fake-machine.h"
#include "qapi/qapi-commands-control.h"
#include "qapi/qapi-commands-introspect.h"
#include "qapi/qapi-commands-machine.h"
#include "qapi/qapi-commands-run-state.h"
#include "qapi/qapi-commands-trace.h"
#include "qapi/qapi-commands-yank.h"
#include "qapi/qapi-events-run-state.h"
#include "system/cpu.h"
#include "system/runstate.h"

/* ---- what the monitor calls of a machine ---- */

void machine_set_event_sink(Machine *m, QapiEventSink *sink)
{
    m->sink = sink;
}

YankRegistry *machine_get_yank(Machine *m)
{
    return m->yank;
}

unsigned machine_cpu_count(Machine *m)
{
    return 1;
}

void system_shutdown_request(Machine *m, ShutdownCause cause)
{
    m->quit_requested = true;
}

void system_handle_requests(Machine *m)
{
    if (m->quit_requested) {
        m->quit_requested = false;
        m->quits++;
        qapi_event_send_shutdown(m->sink, false,
                                 SHUTDOWN_CAUSE_HOST_QMP_QUIT);
    }
}

bool qmp_stop(QmpContext *ctx, Error **errp)
{
    ctx->machine->running = false;
    return true;
}

bool qmp_cont(QmpContext *ctx, Error **errp)
{
    if (ctx->machine->running) {
        error_setg(errp, "it runs");
        error_append_hint(errp, "Stop it first\n");
        return false;
    }
    ctx->machine->running = true;
    return true;
}

bool qmp_system_reset(QmpContext *ctx, Error **errp)
{
    return true;
}

StatusInfo *qmp_query_status(QmpContext *ctx, Error **errp)
{
    StatusInfo *info = g_new0(StatusInfo, 1);

    info->running = ctx->machine->running;
    info->status = info->running ? RUN_STATE_RUNNING : RUN_STATE_POSTMIGRATE;
    return info;
}

NameInfo *qmp_query_name(QmpContext *ctx, Error **errp)
{
    NameInfo *info = g_new0(NameInfo, 1);

    info->name = g_strdup("guest");
    return info;
}

UuidInfo *qmp_query_uuid(QmpContext *ctx, Error **errp)
{
    UuidInfo *info = g_new0(UuidInfo, 1);

    info->UUID = g_strdup("00000000-0000-0000-0000-000000000000");
    return info;
}

KvmInfo *qmp_query_kvm(QmpContext *ctx, Error **errp)
{
    return g_new0(KvmInfo, 1);
}

AcceleratorInfo *qmp_query_accelerators(QmpContext *ctx, Error **errp)
{
    AcceleratorInfo *info = g_new0(AcceleratorInfo, 1);

    info->enabled = ACCELERATOR_TCG;
    QAPI_LIST_PREPEND(info->present, ACCELERATOR_TCG);
    QAPI_LIST_PREPEND(info->present, ACCELERATOR_KVM);
    return info;
}

/* ---- fixture ---- */

Fixture *fixture_new(void)
{
    g_autofree char *template =
        g_build_filename(g_get_tmp_dir(), "monitor-XXXXXX", NULL);
    Fixture *f = g_new0(Fixture, 1);

    f->dir = g_mkdtemp(g_steal_pointer(&template));
    g_assert_nonnull(f->dir);
    f->machine.yank = yank_registry_new();
    f->cmds = qmp_command_list_new();
    qmp_init_commands_control(f->cmds);
    qmp_init_commands_introspect(f->cmds);
    qmp_init_commands_trace(f->cmds);
    qmp_init_commands_yank(f->cmds);
    f->chardevs = chardev_container_new();
    f->hub = monitor_hub_new(&f->machine, f->cmds, f->chardevs);
    return f;
}

void fixture_free(Fixture *f)
{
    monitor_hub_free(f->hub);
    chardev_container_free(f->chardevs);
    qmp_command_list_free(f->cmds);
    yank_registry_free(f->machine.yank);
    g_assert_cmpint(g_rmdir(f->dir), ==, 0);
    g_free(f->dir);
    g_free(f);
}

void fixture_add_monitor(Fixture *f, const char *label, bool control,
                         bool pretty)
{
    g_autofree char *text =
        g_strdup_printf("unix:%s/%s,server=on,wait=off", f->dir, label);
    Error *err = NULL;
    Chardev *chr =
        chardev_container_parse(f->chardevs, text, label, NULL, &err);

    g_assert_no_error(err);
    g_assert_true(monitor_init(f->hub, chr, control, pretty, &err));
    g_assert_no_error(err);
}

/* ---- clients ---- */

Client *client_new(Fixture *f, const char *label)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    Client *c = g_new0(Client, 1);

    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%s", f->dir, label);
    c->input = g_string_new(NULL);
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(connect(c->fd, (struct sockaddr *)&addr, sizeof(addr)),
                    ==, 0);
    return c;
}

void client_free(Client *c)
{
    close(c->fd);
    g_string_free(c->input, true);
    g_free(c);
}

void client_send(Client *c, const char *text)
{
    size_t len = strlen(text);

    g_assert_cmpint(send(c->fd, text, len, MSG_NOSIGNAL), ==, len);
}

void client_send_fd(Client *c, const char *text, int fd)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = { 0 };
    struct iovec iov = { .iov_base = (char *)text, .iov_len = strlen(text) };
    struct msghdr msg = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof(control.space),
    };
    struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    cmsg->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
    g_assert_cmpint(sendmsg(c->fd, &msg, 0), ==, strlen(text));
}

/* Read what is there, after waiting for it. */
static void client_fill(Client *c, bool main_loop)
{
    char buf[4096];
    ssize_t n;

    for (;;) {
        struct pollfd pfd = { .fd = c->fd, .events = POLLIN };

        while (main_loop && g_main_context_iteration(NULL, false)) {
        }
        if (poll(&pfd, 1, main_loop ? 1 : -1) > 0) {
            break;
        }
    }
    n = recv(c->fd, buf, sizeof(buf), 0);
    g_assert_cmpint(n, >, 0);
    g_string_append_len(c->input, buf, n);
}

static char *client_take(Client *c, const char *end, bool keep_end,
                         bool main_loop)
{
    const char *found;
    size_t len;
    char *text;

    while (!(found = strstr(c->input->str, end))) {
        client_fill(c, main_loop);
    }
    len = found - c->input->str;
    text = g_strndup(c->input->str, len + (keep_end ? strlen(end) : 0));
    g_string_erase(c->input, 0, len + strlen(end));
    return text;
}

char *client_line(Client *c)
{
    return client_take(c, "\r\n", false, true);
}

char *client_line_blocking(Client *c)
{
    return client_take(c, "\r\n", false, false);
}

char *client_until(Client *c, const char *end)
{
    return client_take(c, end, true, true);
}

void client_expect(Client *c, const char *want)
{
    g_autofree char *line = client_line(c);

    g_assert_cmpstr(line, ==, want);
}

void client_negotiate(Client *c, bool oob)
{
    g_autofree char *greeting = client_line(c);

    g_assert_true(g_str_has_prefix(greeting, "{\"QMP\": {\"version\": "));
    client_send(c, oob ? "{'execute': 'qmp_capabilities', "
                         "'arguments': {'enable': ['oob']}}"
                       : "{'execute': 'qmp_capabilities'}");
    client_expect(c, "{\"return\": {}}");
}
