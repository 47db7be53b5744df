/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The destination's half: waits for a source, loads the stream in a thread of
 * its own, starts the guest.
 *
 * The guest becomes ours when the whole stream is loaded and, if the source
 * reads a return path, SHUT 0 was sent; until then any failure leaves it to
 * the source.
 */
#include "qemu/osdep.h"
#include "migration/incoming.h"

#include "migration/channel.h"
#include "migration/outgoing.h"
#include "migration/return-path.h"
#include "migration/tls.h"
#include "qemu/atomic.h"
#include "qemu/clock.h"
#include "qemu/main-loop.h"
#include "system/runstate.h"
#include "trace/trace-migration.h"

/* How long a source may take to hear that we refuse. */
#define REFUSE_LINGER_NS NSEC_PER_SEC

#define TO(phase) (1u << IN_##phase)

/*
 * The guest may run here in COMPLETED only.  SETUP goes back to NONE when
 * listening or opening failed, so that it can be tried again; it FAILED if a
 * source came that could not be understood.
 */
static const struct {
    MigrationStatus status;
    bool running;
    unsigned next;
} phases[IN__MAX] = {
    [IN_NONE] = { MIGRATION_STATUS_NONE, false, TO(SETUP) },
    [IN_SETUP] = { MIGRATION_STATUS_SETUP, true,
                   TO(ACTIVE) | TO(NONE) | TO(FAILED) },
    [IN_ACTIVE] = { MIGRATION_STATUS_ACTIVE, true,
                    TO(COMPLETED) | TO(FAILED) },
    [IN_COMPLETED] = { MIGRATION_STATUS_COMPLETED, false, 0 },
    [IN_FAILED] = { MIGRATION_STATUS_FAILED, false, 0 },
};

InPhase incoming_phase(IncomingState *in)
{
    return qatomic_load_acquire(&in->phase);
}

MigrationStatus incoming_status(IncomingState *in)
{
    return phases[incoming_phase(in)].status;
}

bool incoming_running(IncomingState *in)
{
    return phases[incoming_phase(in)].running;
}

static void incoming_move(IncomingState *in, InPhase from, InPhase to)
{
    if (!(phases[from].next & (1u << to)) ||
        qatomic_cmpxchg(&in->phase, (int)from, (int)to) != (int)from) {
        return;
    }
    trace_migration_state("in", MigrationStatus_str(phases[from].status),
                          MigrationStatus_str(phases[to].status));
    trace_migrate_set_state(MigrationStatus_str(phases[to].status));
    migration_send_event(in->machine, &in->run, phases[to].status);
}

IncomingState *incoming_new(Machine *m, MigrationState *outgoing)
{
    IncomingState *in = g_new0(IncomingState, 1);

    in->machine = m;
    in->outgoing = outgoing;
    qemu_mutex_init(&in->error_lock);
    return in;
}

void incoming_free(IncomingState *in)
{
    if (in) {
        g_clear_pointer(&in->error, error_free);
        qapi_free_MigrationFailure(in->failure);
        g_clear_pointer(&in->channel_error, error_free);
        g_free(in->channel_counters);
        qemu_mutex_destroy(&in->error_lock);
        g_free(in);
    }
}

/* ---- end ---- */

void incoming_yank_channel(void *opaque)
{
    qio_channel_shutdown(opaque, QIO_CHANNEL_SHUTDOWN_BOTH, NULL);
}

static void incoming_yank(void *opaque)
{
    IncomingState *in = opaque;

    qio_channel_shutdown(in->ioc, QIO_CHANNEL_SHUTDOWN_BOTH, NULL);
    if (in->multifd) {
        multifd_recv_shutdown(in->multifd);
    }
}

/*
 * A multifd channel has failed: end the load, which reads the main channel or
 * waits for the others.  The source can still be told on the other direction.
 */
static void incoming_multifd_failed(void *opaque, int channel,
                                    const Error *err)
{
    IncomingState *in = opaque;

    WITH_QEMU_LOCK_GUARD(&in->error_lock) {
        in->channel_error = error_copy(err);
        in->failed_channel = channel;
    }
    qio_channel_shutdown(in->ioc, QIO_CHANNEL_SHUTDOWN_READ, NULL);
}

/*
 * A source that has a return path does not close the main channel before it
 * has our answer.  If it did, it has given up; the load need not wait for
 * channels that may never say so.  Whoever sets the second of the two flags
 * sees both.
 */
static void incoming_check_gone(IncomingState *in)
{
    if (in->multifd && qatomic_read(&in->return_path) &&
        qatomic_read(&in->source_gone)) {
        multifd_recv_source_gone(in->multifd);
    }
}

static gboolean incoming_source_gone(QIOChannel *ioc, GIOCondition cond,
                                     gpointer opaque)
{
    IncomingState *in = opaque;

    in->watch = 0;
    (void)qatomic_xchg(&in->source_gone, true);
    incoming_check_gone(in);
    return G_SOURCE_REMOVE;
}

static void incoming_stop_listening(IncomingState *in)
{
    if (in->listener) {
        qio_net_listener_set_client_func(in->listener, NULL, NULL, NULL, NULL);
        qio_net_listener_disconnect(in->listener);
    }
}

void incoming_reap(IncomingState *in)
{
    YankRegistry *yank = machine_get_yank(in->machine);

    if (incoming_running(in)) {
        return;
    }
    if (in->thread.created) {
        /* It takes no lock after the state became final. */
        qemu_thread_join(&in->thread);
    }
    if (in->watch) {
        g_source_remove(in->watch);
        in->watch = 0;
    }
    if (in->ioc) {
        yank_unregister_function(yank, "migration", incoming_yank, in);
        g_clear_object(&in->ioc);
    }
    incoming_handshakes_drop(in);
    incoming_channels_drop(in);
    g_clear_pointer(&in->multifd, multifd_recv_free);
    if (in->yank_registered) {
        yank_unregister_instance(yank, "migration");
        in->yank_registered = false;
    }
    incoming_stop_listening(in);
    g_clear_object(&in->listener);
    g_clear_pointer(&in->addresses, qapi_free_SocketAddressList);
}

static void incoming_ended(void *opaque)
{
    IncomingState *in = opaque;

    in->reaps_left--;
    incoming_reap(in);
    if (incoming_phase(in) == IN_FAILED && in->exit_on_error && in->exit_fn) {
        in->exit_fn(in->exit_opaque, 1);
    }
}

void incoming_shutdown(IncomingState *in)
{
    in->exit_on_error = false;
    incoming_stop_listening(in);
    if (in->ioc) {
        incoming_yank(in);
    }
    if (in->thread.created) {
        bql_unlock(in->machine);
        qemu_thread_join(&in->thread);
        bql_lock(in->machine);
    }
    incoming_move(in, IN_SETUP, IN_NONE);
    incoming_reap(in);
    while (in->reaps_left) {
        g_main_context_iteration(NULL, true);
    }
}

/* ---- the load thread ---- */

static bool incoming_command(void *opaque, MigCommand cmd,
                             const uint8_t *payload, uint16_t len,
                             Error **errp)
{
    IncomingState *in = opaque;
    uint32_t value;

    switch (cmd) {
    case MIG_CMD_OPEN_RETURN_PATH:
        if (in->return_path) {
            error_setg(errp, "command OPEN_RETURN_PATH came twice");
            return false;
        }
        (void)qatomic_xchg(&in->return_path, true);
        incoming_check_gone(in);
        return true;
    case MIG_CMD_PING:
        if (!in->return_path) {
            error_setg(errp, "command PING, but there is no return path");
            return false;
        }
        memcpy(&value, payload, sizeof(value));
        return return_path_send_pong(in->ioc, GUINT32_FROM_BE(value), errp);
    case MIG_CMD_SWITCHOVER_START:
        return true;
    default:
        error_setg(errp, "command %s is not supported",
                   savevm_command_name(cmd));
        return false;
    }
}

/* Everything is loaded: the last things that can fail, then the commit. */
static bool incoming_take_over(IncomingState *in, Error **errp)
{
    bool ok;

    bql_lock(in->machine);
    ok = machine_post_load(in->machine, errp);
    bql_unlock(in->machine);
    if (!ok) {
        error_prepend(errp, "cannot set the machine to the state received: ");
        return false;
    }
    return !in->return_path || return_path_send_shut(in->ioc, 0, errp);
}

/*
 * Tell the source, and read on a little: closing a socket with unread bytes
 * in it would take the message back.
 */
static void incoming_refuse(IncomingState *in, uint32_t code)
{
    int64_t deadline = clock_get_ns() + REFUSE_LINGER_NS;
    g_autofree uint8_t *sink = g_malloc(64 * KiB);

    if (!in->return_path || !return_path_send_shut(in->ioc, code, NULL) ||
        !qio_channel_set_blocking(in->ioc, false, NULL)) {
        return;
    }
    while (clock_get_ns() < deadline) {
        ssize_t n = qio_channel_read(in->ioc, sink, 64 * KiB, NULL);

        if (n == QIO_CHANNEL_ERR_BLOCK) {
            clock_sleep_ns(NSEC_PER_MSEC);
        } else if (n <= 0) {
            break;
        }
    }
}

/* What to tell the source about a load that failed. */
static uint32_t incoming_failure_code(IncomingState *in, QEMUFile *f,
                                      const LoadContext *ctx, bool loaded)
{
    if (loaded) {
        return return_path_code(RP_FAILURE_MACHINE, 0);
    }
    if (in->multifd &&
        (multifd_recv_given_up(in->multifd) || qemu_file_ended(f))) {
        /* It has lost another channel, perhaps, and knows which one. */
        return return_path_code(RP_FAILURE_ENDED, 0);
    }
    switch (ctx->stage) {
    case LOAD_BEGINNING:
        return return_path_code(RP_FAILURE_BEGINNING, 0);
    case LOAD_IN_SECTION:
        return return_path_code(RP_FAILURE_SECTION, ctx->section_id);
    default:
        return return_path_code(RP_FAILURE_STREAM, 0);
    }
}

/*
 * Let the guest do what it did at the source.  Lock held.  States that only
 * make sense in the middle of something mean that it stood still.
 */
static void incoming_start_guest(IncomingState *in)
{
    RunState state = RUN_STATE_RUNNING;
    bool autostart = runstate_get_autostart(in->machine);

    global_state_received(in->machine, &state);
    switch (state) {
    case RUN_STATE_RUNNING:
        if (autostart) {
            vm_start(in->machine);
        } else {
            runstate_set(in->machine, RUN_STATE_PAUSED);
        }
        break;
    case RUN_STATE_SUSPENDED:
        runstate_set(in->machine, autostart ? RUN_STATE_SUSPENDED
                                            : RUN_STATE_PAUSED);
        break;
    case RUN_STATE_INMIGRATE:
    case RUN_STATE_FINISH_MIGRATE:
    case RUN_STATE_RESTORE_VM:
    case RUN_STATE_SAVE_VM:
    case RUN_STATE_DEBUG:
    case RUN_STATE_COLO:
        runstate_set(in->machine, RUN_STATE_PAUSED);
        break;
    default:
        runstate_set(in->machine, state);
        break;
    }
}

/*
 * What there is to say of a load that failed with *@err.  If a channel has
 * failed, that is why, whatever it looked like from the main channel; then *@code
 * tells the source so, too.  All other threads have ended.
 */
static MigrationFailure *incoming_explain(IncomingState *in,
                                          const LoadContext *ctx, Error **err,
                                          uint32_t *code)
{
    MigrationFailure *f = g_new0(MigrationFailure, 1);

    QEMU_LOCK_GUARD(&in->error_lock);
    if (in->channel_error) {
        error_free(*err);
        *err = g_steal_pointer(&in->channel_error);
        f->channel = multifd_channel_name(in->failed_channel);
        if (in->failed_channel >= 0) {
            *code = return_path_code(multifd_recv_given_up(in->multifd)
                                         ? RP_FAILURE_CHANNEL_ENDED
                                         : RP_FAILURE_CHANNEL,
                                     in->failed_channel);
        }
    } else {
        f->channel = g_strdup("main");
        f->section = ctx->stage == LOAD_IN_SECTION
                         ? g_strdup(ctx->section)
                         : NULL;
    }
    f->reason = g_strdup(error_get_pretty(*err));
    return f;
}

static void *incoming_thread(void *opaque)
{
    IncomingState *in = opaque;
    QEMUFile *f = qemu_file_new_input(in->ioc);
    LoadContext ctx = {
        .machine = in->machine,
        .opt = &in->stream,
        .command = incoming_command,
        .opaque = in,
        .multifd = in->multifd,
    };
    MigrationFailure *failure = NULL;
    Error *err = NULL;
    bool loaded = loadvm_state(f, &ctx, &err);
    bool ok = loaded && incoming_take_over(in, &err);

    if (!ok) {
        uint32_t code = incoming_failure_code(in, f, &ctx, loaded);

        failure = incoming_explain(in, &ctx, &err, &code);
        error_report("load of migration failed: %s", error_get_pretty(err));
        incoming_refuse(in, code);
        qemu_file_free(f);
    } else {
        /* All of it has been read: how the source closes does not matter. */
        qemu_fclose(f, NULL);
    }
    bql_lock(in->machine);
    if (ok) {
        incoming_start_guest(in);
        incoming_move(in, IN_ACTIVE, IN_COMPLETED);
    } else {
        in->error = err;
        in->failure = failure;
        trace_migration_error("in", error_get_pretty(err));
        incoming_move(in, IN_ACTIVE, IN_FAILED);
    }
    in->reaps_left++;
    main_loop_schedule(incoming_ended, in);
    bql_unlock(in->machine);
    return NULL;
}

/* ---- start ---- */

/* There are no threads yet. */
void incoming_setup_failed(IncomingState *in, const char *channel, Error *err)
{
    error_report("load of migration failed: %s", error_get_pretty(err));
    trace_migration_error("in", error_get_pretty(err));
    in->error = err;
    in->failure = g_new0(MigrationFailure, 1);
    in->failure->reason = g_strdup(error_get_pretty(err));
    in->failure->channel = g_strdup(channel);
    incoming_move(in, IN_SETUP, IN_FAILED);
    in->reaps_left++;
    main_loop_schedule(incoming_ended, in);
}

void incoming_begin(IncomingState *in, QIOChannel *ioc)
{
    MigrationState *s = in->outgoing;
    RAMConfig ram;

    incoming_handshakes_drop(in); /* they are none of ours */
    in->ioc = ioc;
    qio_channel_set_name(ioc, "migration-incoming");
    yank_register_function(machine_get_yank(in->machine), "migration",
                           incoming_yank, in);
    in->stream = migration_options_stream(&s->options, in->machine);
    qatomic_set(&in->return_path, false);
    qatomic_set(&in->source_gone, false);
    ram = (RAMConfig) {
        .ignore_shared = in->stream.x_ignore_shared,
        .multifd_recv = in->multifd,
        .multifd_flush_each_section =
            in->multifd && in->run.multifd_flush_after_each_section,
    };
    ram_configure(s->ram, &ram);
    incoming_move(in, IN_SETUP, IN_ACTIVE);
    if (in->multifd) {
        in->watch = qio_channel_add_watch(ioc,
                                          G_IO_HUP | QIO_CHANNEL_PEER_CLOSED,
                                          incoming_source_gone, in, NULL);
    }
    qemu_thread_create(&in->thread, "mig/dst/main", incoming_thread, in);
}

void incoming_channel_ready(IncomingState *in, QIOChannel *ioc)
{
    if (incoming_phase(in) != IN_SETUP) {
        return; /* the others have failed */
    }
    if (in->multifd) {
        incoming_channel_arrived(in, ioc);
        return;
    }
    /* One connection is all that this stream has. */
    incoming_stop_listening(in);
    incoming_begin(in, g_object_ref(ioc));
}

static void incoming_accepted(QIONetListener *listener,
                              QIOChannelSocket *client, gpointer opaque)
{
    IncomingState *in = opaque;
    Error *err = NULL;

    if (incoming_phase(in) != IN_SETUP) {
        return;
    }
    if (!migration_tls_wanted(&in->outgoing->options)) {
        incoming_channel_ready(in, QIO_CHANNEL(client));
    } else if (!incoming_channel_secure(in, QIO_CHANNEL(client), &err)) {
        error_prepend(&err, "incoming migration: connection refused: ");
        error_report_err(err);
    }
}

static bool incoming_listen(IncomingState *in, const SocketAddress *addr,
                            Error **errp)
{
    bool multifd = in->run.caps[MIGRATION_CAPABILITY_MULTIFD];
    int n = multifd ? 1 + in->run.multifd_channels : 1;

    in->listener = qio_net_listener_new();
    qio_net_listener_set_name(in->listener, "migration-listener");
    if (!qio_net_listener_open_sync(in->listener, addr, n, errp)) {
        g_clear_object(&in->listener);
        return false;
    }
    if (multifd) {
        in->channel_counters = g_new0(MultiFDCounters,
                                      in->run.multifd_channels);
        in->multifd = multifd_recv_new(in->machine, &in->run,
                                       in->channel_counters,
                                       incoming_multifd_failed, in);
    }
    in->addresses = qio_net_listener_get_addresses(in->listener);
    incoming_move(in, IN_NONE, IN_SETUP);
    qio_net_listener_set_client_func(in->listener, incoming_accepted, in, NULL,
                                     NULL);
    return true;
}

static bool incoming_open(IncomingState *in, QmpContext *ctx,
                          const MigrationAddress *addr, Error **errp)
{
    g_autoptr(QIOChannel) ioc = migration_channel_open(addr, ctx, true, true,
                                                       errp);

    if (!ioc) {
        return false;
    }
    incoming_move(in, IN_NONE, IN_SETUP);
    if (!migration_tls_wanted(&in->run)) {
        incoming_begin(in, g_steal_pointer(&ioc));
    } else if (!incoming_channel_secure(in, ioc, errp)) {
        incoming_move(in, IN_SETUP, IN_NONE);
        return false;
    }
    return true;
}

bool incoming_start(IncomingState *in, QmpContext *ctx,
                    const MigrationAddress *addr, bool exit_on_error,
                    Error **errp)
{
    YankRegistry *yank = machine_get_yank(in->machine);
    bool ok;

    if (!yank_register_instance(yank, "migration", errp)) {
        return false;
    }
    in->exit_on_error = exit_on_error;
    in->run = in->outgoing->options;
    if (migration_address_is_network(addr)) {
        ok = incoming_listen(in, &addr->u.socket, errp);
    } else {
        ok = incoming_open(in, ctx, addr, errp);
    }
    if (!ok) {
        yank_unregister_instance(yank, "migration");
        return false;
    }
    in->yank_registered = true;
    return true;
}
