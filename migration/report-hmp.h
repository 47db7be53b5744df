/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report on a migration in words. */
#ifndef MIGRATION_REPORT_HMP_H
#define MIGRATION_REPORT_HMP_H

#include "qapi/hmp.h"
#include "qapi/qapi-types-migration.h"

/* The lines of `info migrate -a`. */
void hmp_print_report(HmpContext *hmp, const MigrationReport *r);
/* Why it failed. */
void hmp_print_failure(HmpContext *hmp, const MigrationFailure *f);
/*
 * One line for somebody who waits, to be written over itself, and the line
 * that takes its place at the end.  Freed by g_free(); NULL: nothing to tell.
 */
char *report_progress_line(const MigrationInfo *info);
char *report_result_line(const MigrationInfo *info);

#endif
