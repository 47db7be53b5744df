/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The migration's commands for people.  Main loop, machine lock held. */
#include "qemu/osdep.h"

#include "migration/outgoing.h"
#include "migration/report-hmp.h"
#include "migration/uri.h"
#include "qapi/hmp.h"
#include "qapi/qapi-commands-migration.h"

static const char *arg_str(json_object *args, const char *name)
{
    json_object *v = NULL;

    return json_object_object_get_ex(args, name, &v)
               ? json_object_get_string(v)
               : NULL;
}

static bool arg_bool(json_object *args, const char *name)
{
    json_object *v = NULL;

    return json_object_object_get_ex(args, name, &v) &&
           json_object_get_boolean(v);
}

static MigrationState *hmp_outgoing(HmpContext *hmp)
{
    return machine_get_migration(hmp->qmp->machine);
}

static void hmp_unknown_name(HmpContext *hmp, const char *name)
{
    Error *err = NULL;

    error_setg(&err, "invalid parameter value: %s", name);
    hmp_handle_error(hmp, err);
}

/* ---- migrate ---- */

/* How often a person who waits is told how far it is. */
#define PROGRESS_MS 1000

/* A monitor whose prompt is withheld until the migration is over. */
typedef struct HmpWait {
    MigrationState *s;
    bool (*update)(void *handle, const char *text, bool finish,
                   bool *interrupted);
    void *handle;
    guint source;
} HmpWait;

static bool status_is_busy(MigrationStatus status)
{
    switch (status) {
    case MIGRATION_STATUS_SETUP:
    case MIGRATION_STATUS_ACTIVE:
    case MIGRATION_STATUS_DEVICE:
    case MIGRATION_STATUS_CANCELLING:
        return true;
    default:
        return false;
    }
}

static gboolean hmp_wait_poll(gpointer opaque)
{
    HmpWait *w = opaque;
    QmpContext ctx = { .machine = w->s->machine };
    g_autoptr(MigrationInfo) info = qmp_query_migrate(&ctx, NULL);
    g_autofree char *text = NULL, *result = NULL;
    bool interrupted = false;

    if (status_is_busy(info->status)) {
        text = report_progress_line(info);
        if (w->update(w->handle, text, false, &interrupted)) {
            return G_SOURCE_CONTINUE;
        }
        /* Nobody waits any more: the handle goes in either case. */
        w->update(w->handle, interrupted ? "\nthe migration goes on; "
                  "migrate_cancel ends it\n" : NULL, true, NULL);
        return G_SOURCE_REMOVE;
    }
    result = report_result_line(info);
    if (info->error_desc) {
        text = g_strdup_printf("%sError: %s\n", result, info->error_desc);
    }
    w->update(w->handle, text ? text : result, true, NULL);
    return G_SOURCE_REMOVE;
}

static void hmp_wait_free(gpointer opaque)
{
    HmpWait *w = opaque;
    GSList **list = &w->s->hmp_waits;

    *list = g_slist_remove(*list, GUINT_TO_POINTER(w->source));
    g_free(w);
}

static void hmp_wait(HmpContext *hmp, MigrationState *s)
{
    void *handle = hmp->interactive && hmp->suspend ? hmp->suspend(hmp) : NULL;
    HmpWait *w;

    if (!handle) {
        hmp_printf(hmp, "terminal does not allow synchronous migration, "
                   "continuing detached\n");
        return;
    }
    w = g_new0(HmpWait, 1);
    w->s = s;
    w->update = hmp->update;
    w->handle = handle;
    w->source = g_timeout_add_full(G_PRIORITY_DEFAULT, PROGRESS_MS,
                                   hmp_wait_poll, w, hmp_wait_free);
    s->hmp_waits = g_slist_prepend(s->hmp_waits, GUINT_TO_POINTER(w->source));
}

static void hmp_migrate(HmpContext *hmp, json_object *args)
{
    Error *err = NULL;

    qmp_migrate(hmp->qmp, arg_str(args, "uri"), NULL, false, false, true,
                arg_bool(args, "resume"), &err);
    if (!hmp_handle_error(hmp, err) && !arg_bool(args, "detach")) {
        hmp_wait(hmp, hmp_outgoing(hmp));
    }
}

static void hmp_migrate_cancel(HmpContext *hmp, json_object *args)
{
    qmp_migrate_cancel(hmp->qmp, NULL);
}

static void hmp_migrate_continue(HmpContext *hmp, json_object *args)
{
    const char *name = arg_str(args, "state");
    MigrationStatus state;
    Error *err = NULL;

    if (!MigrationStatus_parse(name, &state)) {
        hmp_unknown_name(hmp, name);
        return;
    }
    qmp_migrate_continue(hmp->qmp, state, &err);
    hmp_handle_error(hmp, err);
}

static void hmp_migrate_incoming(HmpContext *hmp, json_object *args)
{
    Error *err = NULL;

    qmp_migrate_incoming(hmp->qmp, arg_str(args, "uri"), NULL, true, false,
                         &err);
    hmp_handle_error(hmp, err);
}

/* ---- options ---- */

static void hmp_migrate_set_capability(HmpContext *hmp, json_object *args)
{
    const char *name = arg_str(args, "capability");
    MigrationCapabilityStatus status = { .state = arg_bool(args, "state") };
    MigrationCapabilityStatusList list = { .value = &status };
    Error *err = NULL;

    if (!MigrationCapability_parse(name, &status.capability)) {
        hmp_unknown_name(hmp, name);
        return;
    }
    qmp_migrate_set_capabilities(hmp->qmp, &list, &err);
    hmp_handle_error(hmp, err);
}

static void hmp_migrate_set_parameter(HmpContext *hmp, json_object *args)
{
    MigrationState *s = hmp_outgoing(hmp);
    const char *name = arg_str(args, "parameter");
    const MigOption *opt = migration_option_find(MIG_OPTION_PARAMETER, name);
    MigrationOptions o = s->options;
    Error *err = NULL;

    if (!opt) {
        hmp_unknown_name(hmp, name);
        return;
    }
    if (migration_option_set_text(&o, opt, arg_str(args, "value"), true,
                                  &err)) {
        outgoing_set_options(s, &o, &err);
    }
    hmp_handle_error(hmp, err);
}

static void hmp_info_options(HmpContext *hmp, MigOptionKind kind)
{
    MigrationState *s = hmp_outgoing(hmp);
    const MigOption *opt;
    size_t n;

    opt = migration_options_table(&n);
    for (; n--; opt++) {
        if (opt->kind == kind) {
            g_autofree char *text = migration_option_get_text(&s->options,
                                                              opt);

            hmp_printf(hmp, "%s: %s\n", opt->name, text);
        }
    }
}

static void hmp_info_capabilities(HmpContext *hmp, json_object *args)
{
    hmp_info_options(hmp, MIG_OPTION_CAPABILITY);
}

static void hmp_info_parameters(HmpContext *hmp, json_object *args)
{
    hmp_info_options(hmp, MIG_OPTION_PARAMETER);
}

/* ---- info migrate ---- */

static void hmp_info_globals(HmpContext *hmp)
{
    MigrationState *s = hmp_outgoing(hmp);

    hmp_printf(hmp, "globals:\n");
    hmp_printf(hmp, "store-global-state: %s\n",
               s->options.store_global_state ? "on" : "off");
    hmp_printf(hmp, "only-migratable: %s\n", s->only_migratable ? "on" : "off");
    hmp_printf(hmp, "send-configuration: %s\n",
               s->options.send_configuration ? "on" : "off");
    hmp_printf(hmp, "send-section-footer: %s\n",
               s->options.send_section_footer ? "on" : "off");
    hmp_printf(hmp, "send-switchover-start: %s\n",
               s->options.send_switchover_start ? "on" : "off");
    /* Pages per re-armed piece of the dirty log, as a power of two. */
    hmp_printf(hmp, "clear-bitmap-shift: 18\n");
}

static void hmp_info_ram(HmpContext *hmp, const MigrationStats *ram)
{
    hmp_printf(hmp, "transferred ram: %" PRId64 " kbytes\n",
               ram->transferred >> 10);
    hmp_printf(hmp, "throughput: %0.2f mbps\n", ram->mbps);
    hmp_printf(hmp, "remaining ram: %" PRId64 " kbytes\n",
               ram->remaining >> 10);
    hmp_printf(hmp, "total ram: %" PRId64 " kbytes\n", ram->total >> 10);
    hmp_printf(hmp, "duplicate: %" PRId64 " pages\n", ram->duplicate);
    hmp_printf(hmp, "normal: %" PRId64 " pages\n", ram->normal);
    hmp_printf(hmp, "normal bytes: %" PRId64 " kbytes\n",
               ram->normal_bytes >> 10);
    hmp_printf(hmp, "dirty sync count: %" PRId64 "\n", ram->dirty_sync_count);
    hmp_printf(hmp, "page size: %" PRId64 " kbytes\n", ram->page_size >> 10);
    hmp_printf(hmp, "multifd bytes: %" PRIu64 " kbytes\n",
               ram->multifd_bytes >> 10);
    hmp_printf(hmp, "pages-per-second: %" PRIu64 "\n", ram->pages_per_second);
    if (ram->dirty_pages_rate) {
        hmp_printf(hmp, "dirty pages rate: %" PRId64 " pages\n",
                   ram->dirty_pages_rate);
    }
    if (ram->precopy_bytes) {
        hmp_printf(hmp, "precopy ram: %" PRIu64 " kbytes\n",
                   ram->precopy_bytes >> 10);
    }
    if (ram->downtime_bytes) {
        hmp_printf(hmp, "downtime ram: %" PRIu64 " kbytes\n",
                   ram->downtime_bytes >> 10);
    }
    if (ram->dirty_sync_missed_zero_copy) {
        hmp_printf(hmp, "Zero-copy-send fallbacks happened: %" PRIu64
                   " times\n", ram->dirty_sync_missed_zero_copy);
    }
}

static void hmp_info_channels(HmpContext *hmp,
                              const MultiFDChannelStatsList *list)
{
    for (; list; list = list->next) {
        const MultiFDChannelStats *c = list->value;

        hmp_printf(hmp, "multifd channel %u: %" PRIu64 " kbytes, %" PRIu64
                   " packets, %" PRIu64 " syncs, %" PRIu64 " normal pages, %"
                   PRIu64 " zero pages, idle %.3f ms, network %.3f ms\n",
                   c->id, c->bytes >> 10, c->packets, c->syncs, c->normal,
                   c->zero, c->idle / 1e3, c->network / 1e3);
    }
}

static void hmp_info_status(HmpContext *hmp, const MigrationInfo *info)
{
    hmp_printf(hmp, "Migration status: %s",
               MigrationStatus_str(info->status));
    if (info->status == MIGRATION_STATUS_FAILED && info->error_desc) {
        hmp_printf(hmp, " (%s)", info->error_desc);
    }
    hmp_printf(hmp, "\ntotal time: %" PRId64 " ms\n", info->total_time);
    if (info->has_expected_downtime) {
        hmp_printf(hmp, "expected downtime: %" PRId64 " ms\n",
                   info->expected_downtime);
    }
    if (info->has_downtime) {
        hmp_printf(hmp, "downtime: %" PRId64 " ms\n", info->downtime);
    }
    if (info->has_setup_time) {
        hmp_printf(hmp, "setup: %" PRId64 " ms\n", info->setup_time);
    }
}

static void hmp_info_migrate(HmpContext *hmp, json_object *args)
{
    g_autoptr(MigrationInfo) info = qmp_query_migrate(hmp->qmp, NULL);

    hmp_info_globals(hmp);
    if (info->blocked_reasons) {
        hmp_printf(hmp, "Outgoing migration blocked:\n");
        for (strList *l = info->blocked_reasons; l; l = l->next) {
            hmp_printf(hmp, "  %s\n", l->value);
        }
    }
    if (info->has_status) {
        hmp_info_status(hmp, info);
    }
    if (info->ram) {
        hmp_info_ram(hmp, info->ram);
    }
    if (arg_bool(args, "all")) {
        hmp_info_channels(hmp, info->x_channels);
    }
    if (info->socket_address) {
        hmp_printf(hmp, "socket address: [\n");
        for (SocketAddressList *l = info->socket_address; l; l = l->next) {
            g_autofree char *uri = migration_socket_uri(l->value);

            hmp_printf(hmp, "\t%s\n", uri);
        }
        hmp_printf(hmp, "]\n");
    }
    if (info->x_report && arg_bool(args, "all")) {
        hmp_print_report(hmp, info->x_report);
    }
    if (info->x_failure && arg_bool(args, "all")) {
        hmp_print_failure(hmp, info->x_failure);
    }
}

/* ---- completion ---- */

typedef void HmpAddFn(void *opaque, const char *word);

static void complete_option(MigOptionKind kind, const char *prefix,
                            HmpAddFn *add, void *opaque)
{
    const MigOption *opt;
    size_t n;

    opt = migration_options_table(&n);
    for (; n--; opt++) {
        if (opt->kind == kind && g_str_has_prefix(opt->name, prefix)) {
            add(opaque, opt->name);
        }
    }
}

static void complete_words(const char *const *words, const char *prefix,
                           HmpAddFn *add, void *opaque)
{
    for (; *words; words++) {
        if (g_str_has_prefix(*words, prefix)) {
            add(opaque, *words);
        }
    }
}

static const char *const on_off[] = { "on", "off", NULL };

/* Numbers and texts cannot be guessed. */
static void complete_value(const MigOption *opt, const char *prefix,
                           HmpAddFn *add, void *opaque)
{
    const char *name;

    if (opt->type == MIG_TYPE_BOOL) {
        complete_words(on_off, prefix, add, opaque);
    } else if (opt->type == MIG_TYPE_ENUM) {
        for (uint64_t v = 0; (name = opt->enum_name(v)); v++) {
            if (g_str_has_prefix(name, prefix) &&
                (!opt->enum_has || opt->enum_has(v))) {
                add(opaque, name);
            }
        }
    }
}

static void complete_capability(QmpContext *ctx, int nb, char *const *argv,
                                const char *prefix, HmpAddFn *add,
                                void *opaque)
{
    if (nb == 0) {
        complete_option(MIG_OPTION_CAPABILITY, prefix, add, opaque);
    } else if (nb == 1) {
        complete_words(on_off, prefix, add, opaque);
    }
}

static void complete_parameter(QmpContext *ctx, int nb, char *const *argv,
                               const char *prefix, HmpAddFn *add,
                               void *opaque)
{
    const MigOption *opt;

    if (nb == 0) {
        complete_option(MIG_OPTION_PARAMETER, prefix, add, opaque);
        return;
    }
    opt = migration_option_find(MIG_OPTION_PARAMETER, argv[0]);
    if (nb == 1 && opt) {
        complete_value(opt, prefix, add, opaque);
    }
}

static void complete_uri(QmpContext *ctx, int nb, char *const *argv,
                         const char *prefix, HmpAddFn *add, void *opaque)
{
    static const char *const kinds[] = { "tcp:", "unix:", "fd:", "exec:",
                                         "file:", NULL };

    complete_words(kinds, prefix, add, opaque);
}

/* ---- the table ---- */

static const HmpCommand commands[] = {
    { .name = "migrate", .args_type = "detach:-d,resume:-r,uri:s",
      .params = "[-d] [-r] uri",
      .help = "move the guest to uri; -d: do not wait for the end,\n"
              "-r: go on with a paused postcopy migration",
      .cmd = hmp_migrate, .complete = complete_uri },
    { .name = "migrate_cancel", .args_type = "", .params = "",
      .help = "end the current migration; the guest stays",
      .cmd = hmp_migrate_cancel },
    { .name = "migrate_continue", .args_type = "state:s", .params = "state",
      .help = "let a migration go on that waits in state",
      .cmd = hmp_migrate_continue },
    { .name = "migrate_incoming", .args_type = "uri:s", .params = "uri",
      .help = "wait for a guest at uri (after -incoming defer)",
      .cmd = hmp_migrate_incoming, .complete = complete_uri },
    { .name = "migrate_set_capability", .args_type = "capability:s,state:b",
      .params = "capability state",
      .help = "switch a capability of the migration on or off",
      .cmd = hmp_migrate_set_capability, .complete = complete_capability },
    { .name = "migrate_set_parameter", .args_type = "parameter:s,value:s",
      .params = "parameter value",
      .help = "change a parameter of the migration",
      .cmd = hmp_migrate_set_parameter, .complete = complete_parameter },
    { .name = "migrate", .args_type = "all:-a", .params = "[-a]",
      .help = "state of the migration; -a: phases, rates, forecast and "
              "channels as well",
      .cmd = hmp_info_migrate,
      .is_info = true },
    { .name = "migrate_capabilities", .args_type = "", .params = "",
      .help = "capabilities that are on and off",
      .cmd = hmp_info_capabilities, .is_info = true },
    { .name = "migrate_parameters", .args_type = "", .params = "",
      .help = "values of the migration parameters", .cmd = hmp_info_parameters,
      .is_info = true },
};

void migration_register_hmp_commands(void)
{
    hmp_register_commands(commands, G_N_ELEMENTS(commands));
}
