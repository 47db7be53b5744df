/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The source's half of a migration: its states, its start and its end.  What
 * happens in between is the migration thread's (migration-thread.c).
 *
 * All of this runs in the main loop with the machine lock held, except where a
 * function says otherwise.
 */
#include "qemu/osdep.h"
#include "migration/outgoing.h"

#include "migration/incoming.h"
#include "qapi/qapi-events-migration.h"
#include "qemu/atomic.h"
#include "qemu/clock.h"
#include "qemu/main-loop.h"
#include "trace/trace-migration.h"

/* ---- the states ---- */

/*
 * Who may run the guest.  HERE: this side, and what went over so far does not
 * allow the peer to.  OUTCOME: the last bytes are on their way; the guest
 * stands still here until it is known which side has it (see COMMIT below).
 * PEER: the other side; this one runs it again only if an operator says so.
 */
typedef enum GuestOwner { HERE, OUTCOME, PEER } GuestOwner;

#define TO(phase) (1u << OUT_##phase)

/*
 * What each state means.  A migration moves only along "next"; whoever wants
 * to end it early changes the state first, and the thread, which looks at
 * the state before each step, does the rest.
 *
 * COMMIT is the commit point: the end of the stream is being written.  From
 * here on a cancel no longer decides, it only asks: it closes this side's half
 * of the connection, and what the destination got before that decides.
 *   - With a return path the guest is the peer's when SHUT 0 has come, and
 *     ours if the path ends without it: a destination that sent no SHUT 0
 *     does not run the guest.
 *   - Without one it is the peer's when the end mark was handed to the kernel,
 *     and ours if that did not happen: without the end mark a destination
 *     does not run the guest.
 */
static const struct {
    MigrationStatus status; /* as the world sees it */
    GuestOwner owner;
    bool running;           /* "There's a migration process in progress" */
    unsigned next;
} phases[OUT__MAX] = {
    [OUT_NONE] = { MIGRATION_STATUS_NONE, HERE, false, TO(SETUP) },
    [OUT_SETUP] = { MIGRATION_STATUS_SETUP, HERE, true,
                    TO(ACTIVE) | TO(CANCELLING) | TO(FAILED) },
    [OUT_ACTIVE] = { MIGRATION_STATUS_ACTIVE, HERE, true,
                     TO(PRE_SWITCHOVER) | TO(DEVICE) | TO(CANCELLING) |
                         TO(FAILED) },
    [OUT_PRE_SWITCHOVER] = { MIGRATION_STATUS_PRE_SWITCHOVER, HERE, true,
                             TO(DEVICE) | TO(CANCELLING) | TO(FAILED) },
    [OUT_DEVICE] = { MIGRATION_STATUS_DEVICE, HERE, true,
                     TO(COMMIT) | TO(CANCELLING) | TO(FAILED) },
    [OUT_COMMIT] = { MIGRATION_STATUS_DEVICE, OUTCOME, true,
                     TO(COMPLETED) | TO(CANCELLING) | TO(FAILED) },
    [OUT_CANCELLING] = { MIGRATION_STATUS_CANCELLING, HERE, true,
                         TO(CANCELLED) },
    [OUT_COMPLETED] = { MIGRATION_STATUS_COMPLETED, PEER, false, TO(SETUP) },
    [OUT_FAILED] = { MIGRATION_STATUS_FAILED, HERE, false, TO(SETUP) },
    [OUT_CANCELLED] = { MIGRATION_STATUS_CANCELLED, HERE, false, TO(SETUP) },
};

OutPhase outgoing_phase(MigrationState *s)
{
    return qatomic_load_acquire(&s->phase);
}

MigrationStatus outgoing_status(MigrationState *s)
{
    return phases[outgoing_phase(s)].status;
}

bool outgoing_running(MigrationState *s)
{
    return phases[outgoing_phase(s)].running;
}

bool outgoing_phase_owns_guest(OutPhase phase)
{
    return phases[phase].owner == HERE;
}

bool outgoing_cancelled(MigrationState *s)
{
    return outgoing_phase(s) == OUT_CANCELLING ||
           qatomic_read(&s->cancel_asked);
}

void migration_send_event(Machine *m, const MigrationOptions *o,
                          MigrationStatus status)
{
    if (o->caps[MIGRATION_CAPABILITY_EVENTS]) {
        qapi_event_send_migration(machine_get_event_sink(m), status);
    }
}

bool outgoing_move(MigrationState *s, OutPhase from, OutPhase to)
{
    if (!(phases[from].next & (1u << to)) ||
        qatomic_cmpxchg(&s->phase, (int)from, (int)to) != (int)from) {
        return false;
    }
    trace_migration_state("out", MigrationStatus_str(phases[from].status),
                          MigrationStatus_str(phases[to].status));
    if (phases[from].status != phases[to].status) {
        trace_migrate_set_state(MigrationStatus_str(phases[to].status));
        migration_send_event(s->machine, &s->run, phases[to].status);
    }
    return true;
}

void outgoing_set_error_from(MigrationState *s, const Error *err,
                             const ErrorOrigin *origin)
{
    QEMU_LOCK_GUARD(&s->error_lock);

    /* What breaks because of a cancel is no news. */
    if (err && !s->error && !outgoing_cancelled(s)) {
        s->error = error_copy(err);
        progress_fail(&s->progress, error_get_pretty(err), origin->section,
                      origin->channel, origin->peer_code,
                      origin->peer_reason);
        trace_migration_error("out", error_get_pretty(err));
    }
}

void outgoing_set_error(MigrationState *s, const Error *err)
{
    outgoing_set_error_from(s, err, &(ErrorOrigin) { 0 });
}

void outgoing_shutdown_channel(MigrationState *s, QIOChannelShutdown how)
{
    QEMU_LOCK_GUARD(&s->channel_lock);

    if (s->ioc) {
        qio_channel_shutdown(s->ioc, how, NULL);
    }
}

static void outgoing_yank(void *opaque)
{
    MigrationState *s = opaque;
    MultiFDSend *multifd;

    outgoing_shutdown_channel(s, QIO_CHANNEL_SHUTDOWN_BOTH);
    WITH_QEMU_LOCK_GUARD(&s->channel_lock) {
        multifd = s->multifd;
    }
    if (multifd) {
        multifd_send_shutdown(multifd); /* freed when nobody can yank it */
    }
}

/* Both ends and yank see @ioc (taken) from now on, the multifd ones too. */
static void outgoing_set_channels(MigrationState *s, QIOChannel *ioc,
                                  MultiFDSend *multifd)
{
    QIOChannel *old;

    WITH_QEMU_LOCK_GUARD(&s->channel_lock) {
        old = s->ioc;
        s->ioc = ioc;
        s->multifd = multifd;
    }
    g_clear_object(&old);
}

/*
 * A multifd channel has failed.  If that is because the destination refuses,
 * the return path may still tell why; what it says comes first.
 */
static void outgoing_multifd_failed(void *opaque, int channel,
                                    const Error *err)
{
    MigrationState *s = opaque;

    WITH_QEMU_LOCK_GUARD(&s->error_lock) {
        s->channel_error = error_copy(err);
        s->failed_channel = channel;
    }
    qatomic_set(&s->failing, true);
    qatomic_set(&s->broken, true);
    outgoing_shutdown_channel(s, channel >= 0 &&
                                         outgoing_phase(s) < OUT_COMMIT
                                     ? QIO_CHANNEL_SHUTDOWN_WRITE
                                     : QIO_CHANNEL_SHUTDOWN_BOTH);
    qemu_event_set(&s->wake);
}

/* ---- end ---- */

void outgoing_reap(MigrationState *s)
{
    YankRegistry *yank = machine_get_yank(s->machine);
    MultiFDSend *multifd;

    if (outgoing_running(s)) {
        return;
    }
    if (s->thread.created) {
        /* It takes no lock after the state became final. */
        qemu_thread_join(&s->thread);
    }
    if (s->yank_registered) {
        yank_unregister_function(yank, "migration", outgoing_yank, s);
        yank_unregister_instance(yank, "migration");
        s->yank_registered = false;
    }
    multifd = s->multifd;
    outgoing_set_channels(s, NULL, NULL);
    multifd_send_free(multifd);
    g_clear_pointer(&s->address, qapi_free_SocketAddress);
    g_clear_pointer(&s->tls, migration_tls_unref);
}

/* A migration ends before its thread was started. */
static void outgoing_end_early(MigrationState *s, const Error *err)
{
    outgoing_set_error_from(s, err, &(ErrorOrigin) { .channel = "main" });
    qatomic_set(&s->end_ns, clock_get_ns());
    progress_end(&s->progress, false);
    if (!outgoing_move(s, OUT_CANCELLING, OUT_CANCELLED)) {
        outgoing_move(s, OUT_SETUP, OUT_FAILED);
    }
    outgoing_reap(s);
}

/* ---- start ---- */

bool outgoing_set_options(MigrationState *s, const MigrationOptions *o,
                          Error **errp)
{
    if (!migration_options_check(o, errp)) {
        return false;
    }
    s->options = *o;
    migration_options_copy_live(&s->run, o);
    return true;
}

static void outgoing_synced(void *opaque, uint64_t n)
{
    MigrationState *s = opaque;

    if (s->run.caps[MIGRATION_CAPABILITY_EVENTS]) {
        qapi_event_send_migration_pass(machine_get_event_sink(s->machine), n);
    }
}

/* Forget the last migration, freeze the options of the next. */
static void outgoing_reset(MigrationState *s)
{
    outgoing_reap(s);
    g_clear_pointer(&s->error, error_free);
    g_clear_pointer(&s->channel_error, error_free);
    g_clear_pointer(&s->channel_counters, g_free);
    s->run = s->options;
    s->stream = migration_options_stream(&s->run, s->machine);
    migration_counters_reset(&s->counters);
    progress_start(&s->progress);
    qatomic_set(&s->start_ns, clock_get_ns());
    qatomic_set(&s->setup_ns, 0);
    qatomic_set(&s->stop_ns, 0);
    qatomic_set(&s->end_ns, 0);
    qatomic_set(&s->cancel_asked, false);
    qatomic_set(&s->may_continue, false);
    qatomic_set(&s->broken, false);
    qatomic_set(&s->failing, false);
    qatomic_set(&s->rp_ended, false);
    s->failed_channel = -1;
    qemu_event_reset(&s->wake);
    s->stopped = false;
    s->wrote_end = false;
}

/* Tell the RAM section what this migration is like. */
static void outgoing_configure_ram(MigrationState *s)
{
    uint64_t detection = s->run.zero_page_detection;
    bool multifd_zero = s->multifd &&
                        detection == ZERO_PAGE_DETECTION_MULTIFD;
    RAMConfig ram = {
        .ignore_shared = s->stream.x_ignore_shared,
        .detect_zero = detection != ZERO_PAGE_DETECTION_NONE && !multifd_zero,
        .multifd_zero_pages = multifd_zero,
        .multifd_flush_each_section =
            s->multifd && s->run.multifd_flush_after_each_section,
        .multifd_send = s->multifd,
        .limiter = &s->limiter,
        .counters = &s->counters,
        .meter = &s->meter,
        .synced = outgoing_synced,
        .opaque = s,
    };

    ram_configure(s->ram, &ram);
}

/* The connection is there, or failed.  Takes @ioc and @err. */
static void outgoing_connected(void *opaque, QIOChannel *ioc, Error *err)
{
    MigrationState *s = opaque;
    MultiFDSend *multifd = NULL;

    s->connect = NULL;
    if (err) {
        outgoing_end_early(s, err);
        error_report_err(err);
        return;
    }
    if (s->run.caps[MIGRATION_CAPABILITY_MULTIFD]) {
        s->channel_counters = g_new0(MultiFDCounters,
                                     s->run.multifd_channels);
        multifd = multifd_send_new(s->machine, &s->run, &s->counters,
                                   s->channel_counters,
                                   outgoing_multifd_failed, s);
    }
    outgoing_set_channels(s, ioc, multifd);
    outgoing_configure_ram(s);
    s->file = qemu_file_new_output(ioc);
    if (multifd) {
        multifd_send_connect(multifd, s->address, s->tls);
    }
    qemu_thread_create(&s->thread, "mig/src/main", migration_thread, s);
}

/*
 * Begin to have a channel to @addr; outgoing_connected() gets it.  What turns
 * out at once is an error of the command, except with TLS.
 */
static bool outgoing_connect(MigrationState *s, QmpContext *ctx,
                             const MigrationAddress *addr, Error **errp)
{
    bool both_ways = s->tls || s->run.caps[MIGRATION_CAPABILITY_RETURN_PATH];
    g_autoptr(QIOChannel) ioc = NULL;

    if (migration_address_is_network(addr)) {
        s->address = qapi_SocketAddress_clone(&addr->u.socket);
        s->connect = migration_socket_connect(&addr->u.socket, s->tls,
                                              outgoing_connected, s);
    } else {
        ioc = migration_channel_open(addr, ctx, false, both_ways, errp);
        if (!ioc) {
            return false;
        }
        if (!s->tls) {
            outgoing_connected(s, g_steal_pointer(&ioc), NULL);
            return true;
        }
        s->connect = migration_channel_secure(ioc, s->tls, outgoing_connected,
                                              s, errp);
        if (!s->connect) {
            return false;
        }
    }
    /* What a yank ends for now. */
    outgoing_set_channels(
        s, g_object_ref(migration_socket_connect_channel(s->connect)), NULL);
    return true;
}

bool outgoing_start(MigrationState *s, QmpContext *ctx,
                    const MigrationAddress *addr, Error **errp)
{
    YankRegistry *yank = machine_get_yank(s->machine);
    Error *err = NULL;

    outgoing_reset(s);
    outgoing_move(s, outgoing_phase(s), OUT_SETUP);
    if (yank_register_instance(yank, "migration", &err)) {
        yank_register_function(yank, "migration", outgoing_yank, s);
        s->yank_registered = true;
        if (!migration_tls_new(s->machine, &s->run, addr, &s->tls, &err)) {
            /* Problems of TLS are told as those of connecting are. */
            outgoing_end_early(s, err);
            error_report_err(err);
            return true;
        }
        if (outgoing_connect(s, ctx, addr, &err)) {
            return true;
        }
    }
    outgoing_end_early(s, err);
    error_propagate(errp, err);
    return false;
}

/* ---- cancel ---- */

void outgoing_cancel(MigrationState *s)
{
    OutPhase phase = outgoing_phase(s);

    while (phases[phase].next & TO(CANCELLING)) {
        if (phase == OUT_COMMIT) {
            /*
             * Asked once: end our half, and let the destination say whether
             * it has the guest.  Asked again: it does not answer; give up.
             */
            bool again = qatomic_xchg(&s->cancel_asked, true);

            outgoing_shutdown_channel(s, again ? QIO_CHANNEL_SHUTDOWN_BOTH
                                               : QIO_CHANNEL_SHUTDOWN_WRITE);
            if (again && s->multifd) {
                multifd_send_shutdown(s->multifd);
            }
            return;
        }
        if (outgoing_move(s, phase, OUT_CANCELLING)) {
            break;
        }
        phase = outgoing_phase(s);
    }
    if (outgoing_phase(s) != OUT_CANCELLING) {
        return;
    }
    if (s->connect) {
        migration_socket_connect_cancel(s->connect, &s->connects_left);
        s->connect = NULL;
        outgoing_end_early(s, NULL);
        return;
    }
    outgoing_shutdown_channel(s, QIO_CHANNEL_SHUTDOWN_BOTH);
    if (s->multifd) {
        multifd_send_cancel(s->multifd, &s->connects_left);
    }
    qemu_event_set(&s->wake);
}

void outgoing_continue(MigrationState *s)
{
    qatomic_set(&s->may_continue, true);
    qemu_event_set(&s->wake);
}

/* ---- life of the engine ---- */

void migration_init(Machine *m)
{
    MigrationState *s = g_new0(MigrationState, 1);
    Error *err = NULL;

    s->machine = m;
    migration_options_init(&s->options);
    s->run = s->options;
    qemu_mutex_init(&s->channel_lock);
    qemu_mutex_init(&s->error_lock);
    progress_init(&s->progress);
    qemu_event_init(&s->wake, false);
    global_state_register(m, &s->options.store_global_state);
    s->ram = ram_register(m, &err);
    if (!s->ram) {
        /* Only if somebody else called his section "ram". */
        error_report_err(err);
    }
    machine_set_migration(m, s);
    machine_set_incoming(m, incoming_new(m, s));
}

static void outgoing_shutdown(MigrationState *s)
{
    int64_t deadline;

    outgoing_cancel(s);
    outgoing_cancel(s); /* the second one does not wait for an answer */
    outgoing_shutdown_channel(s, QIO_CHANNEL_SHUTDOWN_BOTH);
    if (s->multifd) {
        multifd_send_cancel(s->multifd, &s->connects_left);
    }
    if (s->thread.created) {
        bql_unlock(s->machine);
        qemu_thread_join(&s->thread);
        bql_lock(s->machine);
    }
    outgoing_reap(s);
    /*
     * Let calls that are scheduled run.  A resolver cannot be interrupted; do
     * not wait for it for ever, the process is about to end.
     */
    deadline = clock_get_ns() + 3 * NSEC_PER_SEC;
    while ((s->connects_left || s->reaps_left) &&
           clock_get_ns() < deadline) {
        if (!g_main_context_iteration(NULL, false)) {
            clock_sleep_ns(NSEC_PER_MSEC);
        }
    }
}

void migration_shutdown(Machine *m)
{
    MigrationState *s = machine_get_migration(m);
    IncomingState *in = machine_get_incoming(m);

    if (!s) {
        return;
    }
    while (s->hmp_waits) {
        g_source_remove(GPOINTER_TO_UINT(s->hmp_waits->data));
    }
    incoming_shutdown(in);
    outgoing_shutdown(s);
    machine_set_incoming(m, NULL);
    machine_set_migration(m, NULL);
    incoming_free(in);
    if (s->connects_left || s->reaps_left) {
        return; /* it will still be written to */
    }
    savevm_unregister_live(machine_get_savevm(m), "ram", s->ram);
    ram_free(s->ram);
    migration_blockers_free(s);
    g_clear_pointer(&s->error, error_free);
    g_clear_pointer(&s->channel_error, error_free);
    g_free(s->channel_counters);
    qemu_event_destroy(&s->wake);
    progress_destroy(&s->progress);
    qemu_mutex_destroy(&s->error_lock);
    qemu_mutex_destroy(&s->channel_lock);
    g_free(s);
}

bool migration_set_global(Machine *m, const char *prop, const char *value,
                          Error **errp)
{
    MigrationState *s = machine_get_migration(m);

    return migration_options_set_global(&s->options, prop, value, errp);
}

bool migration_check_globals(Machine *m, Error **errp)
{
    MigrationState *s = machine_get_migration(m);

    return migration_options_check(&s->options, errp);
}
