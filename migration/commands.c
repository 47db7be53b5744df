/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The QMP commands of migration.json.  Main loop, machine lock held. */
#include "qemu/osdep.h"

#include "migration/incoming.h"
#include "migration/outgoing.h"
#include "migration/uri.h"
#include "qapi/qapi-commands-migration.h"
#include "qemu/atomic.h"
#include "qemu/clock.h"
#include "qemu/keyval.h"
#include "system/runstate.h"

static MigrationState *context_outgoing(QmpContext *ctx)
{
    return machine_get_migration(ctx->machine);
}

static IncomingState *context_incoming(QmpContext *ctx)
{
    return machine_get_incoming(ctx->machine);
}

/* ---- options ---- */

bool qmp_migrate_set_capabilities(QmpContext *ctx,
                                  MigrationCapabilityStatusList *caps,
                                  Error **errp)
{
    MigrationState *s = context_outgoing(ctx);
    MigrationOptions o = s->options;

    if (outgoing_running(s)) {
        error_setg(errp, "There's a migration process in progress");
        return false;
    }
    for (; caps; caps = caps->next) {
        o.caps[caps->value->capability] = caps->value->state;
    }
    if (o.caps[MIGRATION_CAPABILITY_MULTIFD] &&
        !s->options.caps[MIGRATION_CAPABILITY_MULTIFD] &&
        incoming_running(context_incoming(ctx))) {
        error_setg(errp, "Multifd must be set before incoming starts");
        return false;
    }
    return outgoing_set_options(s, &o, errp);
}

MigrationCapabilityStatusList *
qmp_query_migrate_capabilities(QmpContext *ctx, Error **errp)
{
    MigrationState *s = context_outgoing(ctx);
    MigrationCapabilityStatusList *list = NULL, **tail = &list;

    for (int i = 0; i < MIGRATION_CAPABILITY__MAX; i++) {
        MigrationCapabilityStatus *cap = g_new0(MigrationCapabilityStatus, 1);

        cap->capability = i;
        cap->state = s->options.caps[i];
        QAPI_LIST_APPEND(tail, cap);
    }
    return list;
}

bool qmp_migrate_set_parameters(QmpContext *ctx,
                                const MigrationParameters *params,
                                Error **errp)
{
    MigrationState *s = context_outgoing(ctx);
    MigrationOptions o = s->options;
    json_object *obj = qapi_MigrationParameters_to_json(params);
    bool ok = true;

    json_object_object_foreach(obj, name, value)
    {
        const MigOption *opt = migration_option_find(MIG_OPTION_PARAMETER,
                                                     name);

        ok = ok && opt && migration_option_set_json(&o, opt, value, errp);
    }
    json_object_put(obj);
    return ok && outgoing_set_options(s, &o, errp);
}

MigrationParameters *qmp_query_migrate_parameters(QmpContext *ctx,
                                                  Error **errp)
{
    MigrationState *s = context_outgoing(ctx);
    json_object *obj = json_object_new_object();
    MigrationParameters *params;
    const MigOption *opt;
    size_t n;

    opt = migration_options_table(&n);
    for (; n--; opt++) {
        if (opt->kind == MIG_OPTION_PARAMETER) {
            json_object_object_add(obj, opt->name,
                                   migration_option_get_json(&s->options,
                                                             opt));
        }
    }
    params = qapi_MigrationParameters_from_json(obj, NULL, errp);
    json_object_put(obj);
    return params;
}

/* Can the transport of @addr do what the options ask for? */
static bool migration_address_fits(const MigrationAddress *addr,
                                   const MigrationOptions *o, Error **errp)
{
    if (o->caps[MIGRATION_CAPABILITY_MULTIFD] &&
        !migration_address_is_network(addr)) {
        error_setg(errp, "Migration requires multi-channel URIs (e.g. tcp)");
        return false;
    }
    if (migration_tls_wanted(o) && !migration_address_is_bidirectional(addr)) {
        error_setg(errp, "Migration with TLS requires a transport that works "
                   "both ways (e.g. tcp)");
        return false;
    }
    return true;
}

/* The same, of what concerns only the source. */
static bool migration_address_fits_send(const MigrationAddress *addr,
                                        const MigrationOptions *o,
                                        Error **errp)
{
    if (o->caps[MIGRATION_CAPABILITY_ZERO_COPY_SEND] &&
        addr->u.socket.type == SOCKET_ADDRESS_TYPE_UNIX) {
        error_setg(errp, "zero-copy-send works over tcp, not over a unix "
                   "socket");
        return false;
    }
    return true;
}

/* ---- source ---- */

/* May a migration to @addr start now? */
static bool may_migrate(MigrationState *s, const MigrationAddress *addr,
                        bool resume, Error **errp)
{
    const char *blocker = migration_first_blocker(s);

    if (s->options.caps[MIGRATION_CAPABILITY_RETURN_PATH] &&
        !migration_address_is_bidirectional(addr)) {
        error_setg(errp, "Migration with return-path requires a transport "
                   "that works both ways (e.g. tcp)");
        return false;
    }
    if (!migration_address_fits(addr, &s->options, errp) ||
        !migration_address_fits_send(addr, &s->options, errp)) {
        return false;
    }
    if (resume) {
        error_setg(errp, "Cannot resume if there is no paused migration");
        return false;
    }
    if (outgoing_running(s)) {
        error_setg(errp, "There's a migration process in progress");
        return false;
    }
    switch (runstate_get(s->machine)) {
    case RUN_STATE_INMIGRATE:
        error_setg(errp, "Guest is waiting for an incoming migration");
        return false;
    case RUN_STATE_POSTMIGRATE:
        error_setg(errp, "Can't migrate the vm that was paused due to "
                   "previous migration");
        return false;
    default:
        break;
    }
    if (blocker) {
        error_setg(errp, "%s", blocker);
        return false;
    }
    return true;
}

bool qmp_migrate(QmpContext *ctx, const char *uri,
                 MigrationChannelList *channels, bool has_detach,
                 bool detach, bool has_resume, bool resume, Error **errp)
{
    MigrationState *s = context_outgoing(ctx);
    g_autoptr(MigrationAddress) addr =
        migration_target_parse(uri, channels, false, errp);

    if (!addr || !may_migrate(s, addr, has_resume && resume, errp)) {
        return false;
    }
    /* This guest may have come here a moment ago. */
    incoming_reap(context_incoming(ctx));
    return outgoing_start(s, ctx, addr, errp);
}

bool qmp_migrate_cancel(QmpContext *ctx, Error **errp)
{
    outgoing_cancel(context_outgoing(ctx));
    return true;
}

bool qmp_migrate_continue(QmpContext *ctx, MigrationStatus state, Error **errp)
{
    MigrationState *s = context_outgoing(ctx);

    if (outgoing_status(s) != state) {
        error_setg(errp, "Migration not in expected state: %s",
                   MigrationStatus_str(outgoing_status(s)));
        return false;
    }
    if (state == MIGRATION_STATUS_PRE_SWITCHOVER) {
        outgoing_continue(s);
    }
    return true;
}

/* ---- destination ---- */

static bool incoming_start_args(QmpContext *ctx, const char *uri,
                                MigrationChannelList *channels,
                                bool exit_on_error, Error **errp)
{
    g_autoptr(MigrationAddress) addr =
        migration_target_parse(uri, channels, true, errp);

    return addr &&
           migration_address_fits(addr, &context_outgoing(ctx)->options,
                                  errp) &&
           incoming_start(context_incoming(ctx), ctx, addr, exit_on_error,
                          errp);
}

bool qmp_migrate_incoming(QmpContext *ctx, const char *uri,
                          MigrationChannelList *channels,
                          bool has_exit_on_error, bool exit_on_error,
                          Error **errp)
{
    if (incoming_phase(context_incoming(ctx)) != IN_NONE) {
        error_setg(errp, "The incoming migration has already been started");
        return false;
    }
    if (runstate_get(ctx->machine) != RUN_STATE_INMIGRATE) {
        error_setg(errp, "'-incoming' was not specified on the command line");
        return false;
    }
    return incoming_start_args(ctx, uri, channels,
                               !has_exit_on_error || exit_on_error, errp);
}

/* Letters, then a colon. */
static bool looks_like_uri(const char *text)
{
    size_t n = 0;

    while (g_ascii_isalpha(text[n])) {
        n++;
    }
    return n && text[n] == ':';
}

bool migration_incoming_start(Machine *m, QmpContext *ctx, const char *text,
                              Error **errp)
{
    g_autoptr(MigrationChannel) channel = NULL;
    MigrationChannelList list = { 0 };
    json_object *obj;

    if (!strcmp(text, "defer")) {
        return true;
    }
    if (looks_like_uri(text)) {
        return incoming_start_args(ctx, text, NULL, true, errp);
    }
    obj = keyval_parse_or_json(text, "channel-type", NULL, errp);
    if (!obj) {
        return false;
    }
    /* On the command line all values are strings. */
    channel = *text == '{'
                  ? qapi_MigrationChannel_from_json(obj, NULL, errp)
                  : qapi_MigrationChannel_from_keyval(obj, errp);
    json_object_put(obj);
    if (!channel) {
        return false;
    }
    list.value = channel;
    return incoming_start_args(ctx, NULL, &list, true, errp);
}

void migration_set_exit_handler(Machine *m,
                                void (*fn)(void *opaque, int status),
                                void *opaque)
{
    IncomingState *in = machine_get_incoming(m);

    in->exit_fn = fn;
    in->exit_opaque = opaque;
}

void migration_set_only_migratable(Machine *m)
{
    machine_get_migration(m)->only_migratable = true;
}

/* ---- query-migrate ---- */

static int64_t span_ms(int64_t from_ns, int64_t to_ns)
{
    return MAX(to_ns - from_ns, 0) / NSEC_PER_MSEC;
}

static void query_times(MigrationState *s, MigrationInfo *info)
{
    int64_t start = qatomic_read(&s->start_ns);
    int64_t setup = qatomic_read(&s->setup_ns);
    int64_t stop = qatomic_read(&s->stop_ns);
    int64_t end = qatomic_read(&s->end_ns);
    bool completed = info->status == MIGRATION_STATUS_COMPLETED;

    info->has_total_time = true;
    info->total_time = span_ms(start, end ? end : clock_get_ns());
    info->has_setup_time = true;
    info->setup_time = setup ? span_ms(start, setup) : 0;
    if (completed) {
        info->has_downtime = true;
        info->downtime = span_ms(stop, end);
    } else {
        info->has_expected_downtime = true;
        info->expected_downtime =
            qatomic_read(&s->counters.expected_downtime);
    }
}

static void query_outgoing(MigrationState *s, MigrationInfo *info)
{
    info->has_status = true;
    info->status = outgoing_status(s);
    switch (info->status) {
    case MIGRATION_STATUS_SETUP:
    case MIGRATION_STATUS_FAILED:
    case MIGRATION_STATUS_CANCELLED:
        break;
    default:
        info->ram = migration_counters_query(
            &s->counters, info->status == MIGRATION_STATUS_COMPLETED);
        query_times(s, info);
        break;
    }
    if (s->channel_counters) {
        info->x_channels = multifd_counters_query(s->channel_counters,
                                                  s->run.multifd_channels);
    }
    info->x_report = progress_query(&s->progress);
    QEMU_LOCK_GUARD(&s->error_lock);
    if (s->error) {
        info->error_desc = g_strdup(error_get_pretty(s->error));
    }
}

static void query_incoming(IncomingState *in, MigrationInfo *info)
{
    info->socket_address = qapi_SocketAddressList_clone(in->addresses);
    if (incoming_phase(in) == IN_NONE) {
        return;
    }
    info->has_status = true;
    info->status = incoming_status(in);
    if (in->channel_counters) {
        info->x_channels = multifd_counters_query(in->channel_counters,
                                                  in->run.multifd_channels);
    }
    if (in->error) {
        info->error_desc = g_strdup(error_get_pretty(in->error));
        info->x_failure = qapi_MigrationFailure_clone(in->failure);
    }
}

MigrationInfo *qmp_query_migrate(QmpContext *ctx, Error **errp)
{
    MigrationState *s = context_outgoing(ctx);
    MigrationInfo *info = g_new0(MigrationInfo, 1);

    query_incoming(context_incoming(ctx), info);
    info->blocked_reasons = migration_blocked_reasons(s);
    if (outgoing_phase(s) != OUT_NONE) {
        g_clear_pointer(&info->error_desc, g_free);
        g_clear_pointer(&info->x_channels, qapi_free_MultiFDChannelStatsList);
        g_clear_pointer(&info->x_failure, qapi_free_MigrationFailure);
        query_outgoing(s, info);
    }
    return info;
}
