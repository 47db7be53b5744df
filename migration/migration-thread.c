/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The migration thread: writes one stream from its first byte to its last.
 *
 * Each step returns false when the migration is over, with an error unless it
 * was cancelled.  The machine lock is held to begin, to stop the guest and
 * collect its devices, and to finish; never while the peer is waited for.
 */
#include "qemu/osdep.h"
#include "migration/outgoing.h"

#include "io/channel-buffer.h"
#include "io/tls-session.h"
#include "migration/savevm.h"
#include "qemu/atomic.h"
#include "qemu/clock.h"
#include "qemu/main-loop.h"
#include "system/runstate.h"
#include "trace/trace-migration.h"

/* The dirty log is not read more often than this: each look has its price. */
#define SYNC_INTERVAL_NS (20 * NSEC_PER_MSEC)
/* How long a destination may take to say why it closed a channel. */
#define HEAR_NS NSEC_PER_SEC

static void thread_count(MigrationState *s)
{
    migration_counters_transferred(&s->counters,
                                   qemu_file_transferred(s->file),
                                   !s->stopped);
    migration_meter_update(&s->meter, clock_get_ns());
}

/* Wait up to @ns, or until somebody wants something. */
static void thread_wait(MigrationState *s, int64_t ns)
{
    qemu_event_timedwait(&s->wake, DIV_ROUND_UP(ns, NSEC_PER_MSEC));
}

/* ---- setup ---- */

static bool thread_may_complete(void *opaque)
{
    return outgoing_phase(opaque) == OUT_COMMIT;
}

/* The name of the section that the destination's @code is about, or NULL. */
static char *thread_section_name(void *opaque, uint32_t code)
{
    MigrationState *s = opaque;
    uint32_t id;

    return return_path_section(code, &id)
               ? savevm_section_name(s->machine, id)
               : NULL;
}

/*
 * In the return path's thread: the destination is gone or refuses.  What it
 * says itself is worth more than what the writing side sees of it; but that the
 * path or the stream ends after the writing side gave up is no news.
 */
static void thread_return_path_failed(void *opaque, uint32_t code,
                                      const Error *err)
{
    MigrationState *s = opaque;
    g_autofree char *reason = return_path_reason(code);
    g_autofree char *section = thread_section_name(s, code);

    bool consequence = !code || return_path_ended(code);

    if (!consequence || !qatomic_read(&s->failing)) {
        outgoing_set_error_from(s, err, &(ErrorOrigin) {
            .channel = "return path",
            .section = section,
            .peer_code = code,
            .peer_reason = reason,
        });
    }
    qatomic_set(&s->broken, true);
    qatomic_set(&s->rp_ended, true);
    outgoing_shutdown_channel(s, QIO_CHANNEL_SHUTDOWN_BOTH);
    if (s->multifd) {
        /* The thread may wait for a channel that nobody reads any more. */
        multifd_send_shutdown(s->multifd);
    }
    qemu_event_set(&s->wake);
}

static const ReturnPathOps thread_return_path_ops = {
    .may_complete = thread_may_complete,
    .section_name = thread_section_name,
    .failed = thread_return_path_failed,
};

static bool thread_setup(MigrationState *s, Error **errp)
{
    bool ok;

    progress_enter(&s->progress, MIGRATION_PHASE_SETUP);
    if (s->multifd && !multifd_send_setup(s->multifd, errp)) {
        return false;
    }
    if (!savevm_save_header(s->file, s->machine, &s->stream, errp)) {
        return false;
    }
    if (s->run.caps[MIGRATION_CAPABILITY_RETURN_PATH]) {
        s->rp = return_path_start(s->ioc, &thread_return_path_ops, s);
        savevm_send_open_return_path(s->file);
        savevm_send_ping(s->file, 1);
    }
    bql_lock(s->machine);
    savevm_use_channels(s->machine, s->multifd);
    ok = savevm_setup(s->file, s->machine, &s->stream, errp);
    bql_unlock(s->machine);
    qemu_fflush(s->file);
    if (!ok || qemu_file_get_error(s->file, errp)) {
        return false;
    }
    qatomic_set(&s->setup_ns, clock_get_ns());
    thread_count(s);
    outgoing_tell_first_pass(s);
    return outgoing_move(s, OUT_SETUP, OUT_ACTIVE);
}

/* ---- iteration ---- */

/* Bytes that may be left when the guest is stopped. */
static uint64_t switchover_limit(MigrationState *s)
{
    uint64_t bandwidth = qatomic_read(&s->run.avail_switchover_bandwidth);
    uint64_t downtime = qatomic_read(&s->run.downtime_limit);
    unsigned __int128 limit;

    if (!bandwidth) {
        bandwidth = qatomic_read(&s->counters.bandwidth);
    }
    limit = (unsigned __int128)bandwidth * downtime / 1000;
    return MIN(limit, (unsigned __int128)INT64_MAX);
}

static void thread_expect_downtime(MigrationState *s, uint64_t left)
{
    uint64_t bandwidth = qatomic_read(&s->counters.bandwidth);

    if (bandwidth) {
        qatomic_set(&s->counters.expected_downtime,
                    (unsigned __int128)left * 1000 / bandwidth);
    }
}

/*
 * Is so little left that the guest can be stopped?  What the last look at the
 * dirty log left over decides whether it is time for the next look, and that
 * one, exact at its moment, decides.  1: yes, 0: no, -1: error.
 */
static int thread_converged(MigrationState *s, int64_t *last_sync,
                            Error **errp)
{
    uint64_t before, left;
    int64_t since;

    if (!savevm_pending(s->machine, false, &left, errp)) {
        return -1;
    }
    before = left;
    if (left > switchover_limit(s)) {
        return 0;
    }
    since = clock_get_ns() - *last_sync;
    if (*last_sync && since < SYNC_INTERVAL_NS) {
        /* The guest has hardly written anything: let it. */
        qemu_fflush(s->file);
        thread_wait(s, SYNC_INTERVAL_NS - since);
        migration_meter_idle(&s->meter,
                             clock_get_ns() - *last_sync - since);
        outgoing_tell(s, PROGRESS_OTHER);
    }
    *last_sync = clock_get_ns();
    if (!savevm_pending(s->machine, true, &left, errp)) {
        return -1;
    }
    outgoing_tell_synced(s, before, left);
    thread_expect_downtime(s, left);
    trace_migration_pending(left, switchover_limit(s));
    return left <= switchover_limit(s);
}

static bool thread_iterate(MigrationState *s, Error **errp)
{
    int64_t last_sync = 0, wait;
    int converged;

    while (outgoing_phase(s) == OUT_ACTIVE && !qatomic_read(&s->broken)) {
        if (qemu_file_get_error(s->file, errp)) {
            return false;
        }
        converged = thread_converged(s, &last_sync, errp);
        if (converged) {
            return converged > 0;
        }
        if (savevm_iterate(s->file, s->machine, &s->stream, errp) < 0) {
            return false;
        }
        thread_count(s);
        outgoing_tell(s, PROGRESS_SENDING);
        wait = rate_limiter_wait_ns(&s->limiter, clock_get_ns(),
                                    qatomic_read(&s->counters.transferred));
        if (wait) {
            /* What is buffered may go: it is paid for. */
            qemu_fflush(s->file);
            thread_count(s);
            outgoing_tell(s, PROGRESS_SENDING);
            thread_wait(s, wait);
            outgoing_tell(s, PROGRESS_LIMITED);
        }
        if (!outgoing_look(s, errp)) {
            return false;
        }
    }
    return false;
}

/* ---- switch-over; machine lock held ---- */

static bool thread_stop_guest(MigrationState *s, Error **errp)
{
    if (outgoing_phase(s) != OUT_ACTIVE) {
        return false;
    }
    progress_enter(&s->progress, MIGRATION_PHASE_STOP);
    s->old_state = runstate_get(s->machine);
    global_state_store(s->machine);
    qatomic_set(&s->stop_ns, clock_get_ns());
    if (!vm_stop(s->machine, RUN_STATE_FINISH_MIGRATE, errp)) {
        return false;
    }
    thread_count(s);
    s->stopped = true;
    return true;
}

/* Stand in pre-switchover until told to go on, without the lock. */
static bool thread_pause(MigrationState *s)
{
    if (!s->run.caps[MIGRATION_CAPABILITY_PAUSE_BEFORE_SWITCHOVER]) {
        return outgoing_move(s, OUT_ACTIVE, OUT_DEVICE);
    }
    progress_enter(&s->progress, MIGRATION_PHASE_PAUSE);
    qemu_event_reset(&s->wake);
    if (!outgoing_move(s, OUT_ACTIVE, OUT_PRE_SWITCHOVER)) {
        return false;
    }
    qemu_fflush(s->file);
    bql_unlock(s->machine);
    while (outgoing_phase(s) == OUT_PRE_SWITCHOVER &&
           !qatomic_read(&s->may_continue) && !qatomic_read(&s->broken)) {
        qemu_event_wait(&s->wake);
        qemu_event_reset(&s->wake);
    }
    bql_lock(s->machine);
    return !qatomic_read(&s->broken) &&
           outgoing_move(s, OUT_PRE_SWITCHOVER, OUT_DEVICE);
}

/*
 * Write the devices, the end mark and the description into memory: nothing
 * that fails in collecting them leaves a piece of them on the wire, and
 * nobody waits for the peer with the lock held.
 */
static QIOChannelBuffer *thread_collect_devices(MigrationState *s,
                                                Error **errp)
{
    g_autoptr(QIOChannelBuffer) buf = qio_channel_buffer_new(64 * KiB);
    QEMUFile *f = qemu_file_new_output(QIO_CHANNEL(buf));
    bool ok = machine_pre_save(s->machine, errp) &&
              savevm_complete_devices(f, s->machine, &s->stream, errp);

    qemu_file_free(f);
    return ok ? g_steal_pointer(&buf) : NULL;
}

static QIOChannelBuffer *thread_switch_over(MigrationState *s, Error **errp)
{
    QIOChannelBuffer *buf = NULL;

    bql_lock(s->machine);
    if (thread_stop_guest(s, errp) && thread_pause(s)) {
        if (s->stream.send_switchover_start) {
            savevm_send_command(s->file, MIG_CMD_SWITCHOVER_START, NULL, 0);
        }
        progress_enter(&s->progress, MIGRATION_PHASE_LAST_MEMORY);
        if (savevm_complete_live(s->file, s->machine, &s->stream, errp)) {
            thread_count(s);
            outgoing_tell(s, PROGRESS_SENDING);
            progress_enter(&s->progress, MIGRATION_PHASE_DEVICES);
            buf = thread_collect_devices(s, errp);
        }
    }
    bql_unlock(s->machine);
    return buf;
}

/* ---- the commit point ---- */

/*
 * Where the end mark lies in the collected devices: their last byte, or before
 * the description, which is 0x06, a length and that many bytes of text (so
 * nothing within it looks like its own beginning).
 */
static size_t end_mark_position(const uint8_t *p, size_t len, bool vmdesc)
{
    for (size_t at = len; vmdesc && at-- > 0;) {
        uint32_t n;

        if (at + 6 <= len && p[at] == 0 && p[at + 1] == 0x06) {
            memcpy(&n, p + at + 2, sizeof(n));
            if (GUINT32_FROM_BE(n) == len - at - 6) {
                return at;
            }
        }
    }
    return len - 1;
}

/* Bytes from the end mark on that are written at once; fit into one record. */
#define END_PIECE TLS_RECORD_MAX

/*
 * Hand the last piece to the kernel, watching how much of it it takes: the
 * end mark makes the difference between a destination that has the guest and
 * one that has not.  It goes with a call of its own that, with TLS, makes one
 * record: if that fails, the kernel has not got the whole record, so the
 * destination can read nothing of it.
 */
static bool thread_write_end(MigrationState *s, QIOChannelBuffer *buf,
                             Error **errp)
{
    size_t len, end, now, done = 0;
    const uint8_t *p = qio_channel_buffer_data(buf, &len);
    uint64_t before;

    progress_enter(&s->progress, MIGRATION_PHASE_HAND_OVER);
    progress_device_bytes(&s->progress, len);
    qemu_fflush(s->file);
    if (qemu_file_get_error(s->file, errp)) {
        return false;
    }
    before = qemu_file_transferred(s->file);
    end = end_mark_position(p, len, !s->stream.suppress_vmdesc);
    while (done < len) {
        ssize_t n;

        now = done < end ? end - done : MIN(len - done, END_PIECE);
        n = qio_channel_write(s->ioc, p + done, now, errp);
        if (n == QIO_CHANNEL_ERR_BLOCK) {
            qio_channel_wait(s->ioc, G_IO_OUT);
            continue;
        }
        if (n <= 0) {
            return false;
        }
        done += n;
        s->wrote_end = done > end;
        migration_counters_transferred(&s->counters, before + done, false);
    }
    return true;
}

/* Write the end and find out who has the guest. */
static bool thread_commit(MigrationState *s, QIOChannelBuffer *buf,
                          Error **errp)
{
    g_autoptr(Error) err = NULL;
    bool ok;

    /*
     * After this the destination decides; one that lacks a channel would never
     * do so.
     */
    if ((s->multifd && !multifd_send_finish(s->multifd)) ||
        qatomic_read(&s->broken) ||
        !outgoing_move(s, OUT_DEVICE, OUT_COMMIT)) {
        return false;
    }
    ok = thread_write_end(s, buf, &err);
    if (s->rp) {
        /* The answer counts, also when the writing broke off. */
        if (!ok) {
            qatomic_set(&s->failing, true);
            outgoing_shutdown_channel(s, QIO_CHANNEL_SHUTDOWN_WRITE);
        }
        progress_enter(&s->progress, MIGRATION_PHASE_ANSWER);
        ok = return_path_join(s->rp, err ? NULL : &err);
        s->rp = NULL;
    } else if (!ok && s->wrote_end) {
        warn_report("migration: the destination has the guest, but: %s",
                    error_get_pretty(err));
        ok = true;
    }
    if (!ok) {
        error_propagate(errp, g_steal_pointer(&err));
        return false;
    }
    g_clear_pointer(&err, error_free);
    /* A file or a command may tell only now that it lost something. */
    return qemu_fclose(g_steal_pointer(&s->file), errp);
}

/* ---- end ---- */

/* The guest is ours again: let it do what it did before it was stopped. */
static void thread_resume_guest(MigrationState *s)
{
    if (!s->stopped || runstate_get(s->machine) != RUN_STATE_FINISH_MIGRATE) {
        return;
    }
    if (s->old_state == RUN_STATE_RUNNING ||
        s->old_state == RUN_STATE_SUSPENDED) {
        vm_start(s->machine);
    } else {
        runstate_set(s->machine, s->old_state);
    }
}

static void thread_reap(void *opaque)
{
    MigrationState *s = opaque;

    s->reaps_left--;
    outgoing_reap(s);
}

/*
 * If a multifd channel has failed, that is the cause.  Their threads have
 * ended, so nobody writes the error any more.
 */
static void thread_channel_failed(MigrationState *s)
{
    g_autofree char *channel = multifd_channel_name(s->failed_channel);

    outgoing_set_error_from(s, s->channel_error, &(ErrorOrigin) {
        .channel = channel,
    });
}

/*
 * A multifd channel has failed.  If the destination closed it because it cannot
 * take the guest, it is about to say why: let it, for a moment, unless somebody
 * does not want to wait.
 */
static void thread_hear_destination(MigrationState *s)
{
    int64_t left, deadline = clock_get_ns() + HEAR_NS;
    bool channel;

    WITH_QEMU_LOCK_GUARD(&s->error_lock) {
        channel = s->channel_error && s->failed_channel >= 0;
    }
    if (!s->rp || !channel) {
        return;
    }
    outgoing_shutdown_channel(s, QIO_CHANNEL_SHUTDOWN_WRITE);
    for (;;) {
        qemu_event_reset(&s->wake);
        left = deadline - clock_get_ns();
        if (left <= 0 || qatomic_read(&s->rp_ended) ||
            outgoing_cancelled(s)) {
            return;
        }
        thread_wait(s, left);
    }
}

/* The thread cannot go on: stop the other one, keep the best error. */
static void thread_give_up(MigrationState *s, const Error *err)
{
    ErrorOrigin origin = { .channel = "main" };

    qatomic_set(&s->failing, true);
    thread_hear_destination(s);
    outgoing_shutdown_channel(s, QIO_CHANNEL_SHUTDOWN_BOTH);
    if (s->rp) {
        return_path_join(s->rp, NULL);
        s->rp = NULL;
    }
    if (s->multifd) {
        multifd_send_cleanup(s->multifd);
        thread_channel_failed(s);
    }
    origin.section = savevm_failed_section(s->machine);
    outgoing_set_error_from(s, err, &origin);
    if (!outgoing_cancelled(s)) {
        QEMU_LOCK_GUARD(&s->error_lock);

        error_report("%s", s->error ? error_get_pretty(s->error)
                                    : "migration failed");
    }
}

static void thread_finish(MigrationState *s, bool ok)
{
    OutPhase phase;

    if (s->multifd) {
        if (ok) {
            multifd_send_bye(s->multifd);
        }
        multifd_send_cleanup(s->multifd);
    }
    if (s->file) {
        qemu_file_free(g_steal_pointer(&s->file));
    }
    bql_lock(s->machine);
    savevm_cleanup(s->machine);
    qatomic_set(&s->end_ns, clock_get_ns());
    progress_end(&s->progress, ok);
    if (ok) {
        migration_meter_finish(&s->meter, s->end_ns - s->setup_ns);
        runstate_set(s->machine, RUN_STATE_POSTMIGRATE);
        outgoing_move(s, OUT_COMMIT, OUT_COMPLETED);
    } else {
        if (qatomic_read(&s->cancel_asked)) {
            outgoing_move(s, OUT_COMMIT, OUT_CANCELLING);
        }
        thread_resume_guest(s);
        phase = outgoing_phase(s);
        outgoing_move(s, phase, phase == OUT_CANCELLING ? OUT_CANCELLED
                                                        : OUT_FAILED);
    }
    s->reaps_left++;
    main_loop_schedule(thread_reap, s);
    bql_unlock(s->machine);
}

void *migration_thread(void *opaque)
{
    MigrationState *s = opaque;
    g_autoptr(QIOChannelBuffer) buf = NULL;
    g_autoptr(Error) err = NULL;
    bool ok = false;

    qatomic_set(&s->counters.expected_downtime,
                qatomic_read(&s->run.downtime_limit));
    migration_meter_init(&s->meter, &s->counters, clock_get_ns());
    rate_limiter_init(&s->limiter, &s->run.max_bandwidth, clock_get_ns(), 0);
    if (thread_setup(s, &err) && thread_iterate(s, &err)) {
        buf = thread_switch_over(s, &err);
        ok = buf && thread_commit(s, buf, &err);
    }
    if (!ok) {
        thread_give_up(s, err);
    }
    thread_finish(s, ok);
    return NULL;
}
