/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pages of zeros: finding them, and noting them down in bulk. */
#ifndef MIGRATION_ZERO_PAGE_H
#define MIGRATION_ZERO_PAGE_H

#include "migration/qemu-file.h"

/* How many of the @n pages at @p, from the first on, are (not) all zero. */
uint64_t zero_page_run(const uint8_t *p, uint64_t n, bool zero);

/*
 * Write @n ZERO records with CONTINUE, for the pages from @offset on.  Returns
 * the bytes they take.
 */
uint64_t zero_page_put_records(QEMUFile *f, uint64_t offset, uint64_t n);

/* Bytes in such a record. */
#define ZERO_RECORD_SIZE 9

#endif
