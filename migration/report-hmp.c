/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"
#include "migration/report-hmp.h"

#include "qemu/cutils.h"

/* Phases in which the guest stands still. */
static bool is_downtime(MigrationPhase phase)
{
    return phase >= MIGRATION_PHASE_STOP;
}

static char *seconds_to_str(int64_t ms)
{
    if (ms < 60000) {
        return g_strdup_printf("%.1f s", ms / 1e3);
    }
    return g_strdup_printf("%" PRId64 " min %" PRId64 " s", ms / 60000,
                           ms / 1000 % 60);
}

static void print_size(HmpContext *hmp, const char *label, uint64_t bytes,
                       const char *behind)
{
    g_autofree char *text = size_to_str(bytes);

    hmp_printf(hmp, "%s: %s%s\n", label, text, behind);
}

/* ---- forecast ---- */

static void print_forecast(HmpContext *hmp, const MigrationForecast *f)
{
    g_autofree char *may = size_to_str(f->may_remain);
    g_autofree char *left = NULL;

    if (f->converges) {
        left = seconds_to_str(f->remaining_time);
        hmp_printf(hmp, "forecast: completes in %s, downtime %" PRId64
                   " ms\n", left, f->downtime);
        return;
    }
    left = size_to_str(f->settles_at);
    hmp_printf(hmp, "forecast: does not converge, %s are left after each "
               "pass, %s may be\n", left, may);
    if (f->has_needed_bandwidth) {
        print_size(hmp, "  would help: max-bandwidth", f->needed_bandwidth,
                   "/s");
    }
    if (f->has_needed_downtime_limit) {
        hmp_printf(hmp, "  would help: downtime-limit: %" PRIu64 " ms\n",
                   f->needed_downtime_limit);
    }
    if (f->has_needed_dirty_rate) {
        print_size(hmp, "  or a guest with a dirty rate of",
                   f->needed_dirty_rate, "/s");
    }
}

/* ---- the rest ---- */

static void print_phases(HmpContext *hmp, const MigrationPhaseTimeList *list)
{
    hmp_printf(hmp, "phases:\n");
    for (; list; list = list->next) {
        hmp_printf(hmp, "  %s: %.3f ms%s\n",
                   MigrationPhase_str(list->value->phase),
                   list->value->microseconds / 1e3,
                   is_downtime(list->value->phase) ? " (downtime)" : "");
    }
}

void hmp_print_failure(HmpContext *hmp, const MigrationFailure *f)
{
    hmp_printf(hmp, "failure: %s\n", f->reason);
    if (f->has_phase) {
        hmp_printf(hmp, "  phase: %s\n", MigrationPhase_str(f->phase));
    }
    if (f->section) {
        hmp_printf(hmp, "  section: %s\n", f->section);
    }
    if (f->channel) {
        hmp_printf(hmp, "  channel: %s\n", f->channel);
    }
    if (f->has_peer_code) {
        hmp_printf(hmp, "  destination's reason: %u%s%s\n", f->peer_code,
                   f->peer_reason ? ", " : "",
                   f->peer_reason ? f->peer_reason : "");
    }
}

void hmp_print_report(HmpContext *hmp, const MigrationReport *r)
{
    if (r->has_phase) {
        hmp_printf(hmp, "phase: %s, for %" PRId64 " ms\n",
                   MigrationPhase_str(r->phase), r->phase_age);
    }
    if (r->has_stalled) {
        hmp_printf(hmp, "stalled: for %" PRId64 " ms\n", r->stalled);
    }
    hmp_printf(hmp, "done: %.1f %%\n", r->percent);
    print_size(hmp, "send rate", r->send_rate, "/s");
    print_size(hmp, "link rate", r->link_rate, "/s");
    print_size(hmp, "dirty rate", r->dirty_rate, "/s");
    print_size(hmp, "working set", r->working_set, "");
    if (r->forecast) {
        print_forecast(hmp, r->forecast);
    }
    print_phases(hmp, r->phases);
    print_size(hmp, "sent once", r->bytes->first_copy, "");
    print_size(hmp, "sent again", r->bytes->re_dirtied, "");
    print_size(hmp, "zero", r->bytes->zero, "");
    print_size(hmp, "device state", r->bytes->device, "");
    if (r->failure) {
        hmp_print_failure(hmp, r->failure);
    }
}

/* ---- for somebody who waits ---- */

static char *progress_outlook(const MigrationReport *r)
{
    g_autofree char *left = NULL;

    if (r && r->has_stalled) {
        return g_strdup(", the destination takes nothing");
    }
    if (!r || !r->forecast) {
        return g_strdup("");
    }
    if (!r->forecast->converges) {
        return g_strdup(", does not converge");
    }
    left = seconds_to_str(r->forecast->remaining_time);
    return g_strdup_printf(", %s to go", left);
}

char *report_progress_line(const MigrationInfo *info)
{
    const MigrationStats *ram = info->ram;
    g_autofree char *left = NULL, *outlook = NULL;

    if (!ram || !ram->total) {
        return NULL;
    }
    left = size_to_str(ram->remaining);
    outlook = progress_outlook(info->x_report);
    return g_strdup_printf("\rmigrating: %3d%%, %s left, %.0f mbps, pass %"
                           PRId64 "%s\033[K",
                           info->x_report ? (int)info->x_report->percent : 0,
                           left, ram->mbps, ram->dirty_sync_count, outlook);
}

char *report_result_line(const MigrationInfo *info)
{
    g_autofree char *took = NULL, *sent = NULL;

    if (info->status != MIGRATION_STATUS_COMPLETED || !info->ram) {
        return g_strdup_printf("\rmigration %s\033[K\n",
                               MigrationStatus_str(info->status));
    }
    took = seconds_to_str(info->total_time);
    sent = size_to_str(info->ram->transferred);
    return g_strdup_printf("\rmigration completed in %s, downtime %" PRId64
                           " ms, %s sent\033[K\n", took, info->downtime,
                           sent);
}
