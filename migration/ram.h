/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The "ram" section, version 4: guest memory.  docs/wire-format.md describes
 * it; ram.c writes it, ram-load.c reads it.
 */
#ifndef MIGRATION_RAM_H
#define MIGRATION_RAM_H

#include "migration/dirty-scan.h"
#include "migration/limiter.h"
#include "migration/multifd.h"
#include "migration/qemu-file.h"
#include "migration/register.h"
#include "migration/stats.h"
#include "system/machine.h"

#define RAM_SECTION_VERSION 4

/* Low bits of a record's first word; the others are an offset or a size. */
#define RAM_SAVE_FLAG_ZERO UINT64_C(0x02)
#define RAM_SAVE_FLAG_MEM_SIZE UINT64_C(0x04)
#define RAM_SAVE_FLAG_PAGE UINT64_C(0x08)
#define RAM_SAVE_FLAG_EOS UINT64_C(0x10)
#define RAM_SAVE_FLAG_CONTINUE UINT64_C(0x20)
#define RAM_SAVE_FLAG_MULTIFD_FLUSH UINT64_C(0x200)
#define RAM_SAVE_FLAG_MASK (~TARGET_PAGE_MASK)

/* What the section has to know about the migration it is part of. */
typedef struct RAMConfig {
    bool ignore_shared; /* skip memory that both sides map from one file */
    bool detect_zero;   /* look for pages of zeros (source) */
    /* The ends of sections are the sync points of multifd channels. */
    bool multifd_flush_each_section;
    /* Pages nobody touched go over multifd channels, too (source). */
    bool multifd_zero_pages;
    MultiFDSend *multifd_send; /* NULL: there are no such channels */
    MultiFDRecv *multifd_recv; /* the same, for the destination */
    /* Source only; all NULL on the destination. */
    RateLimiter *limiter;
    MigrationCounters *counters;
    MigrationMeter *meter;
    /* The dirty log was read for the @n-th time. */
    void (*synced)(void *opaque, uint64_t n);
    void *opaque;
} RAMConfig;

typedef struct RAMSave RAMSave;
typedef struct RAMLoad RAMLoad;
typedef struct RAMState RAMState;

/*
 * Register the section of @m.  One object serves the machine's saves and
 * loads, one at a time; freed by ram_free() after the registry.
 */
RAMState *ram_register(Machine *m, Error **errp);
void ram_free(RAMState *rs);
/* Before each migration, in or out. */
void ram_configure(RAMState *rs, const RAMConfig *config);

/* ---- for the report (progress.c); between setup and cleanup ---- */

/* How far the pages are, the untouched ones among them apart. */
typedef struct RAMPosition {
    uint64_t todo;      /* to be sent in this pass, all of them */
    uint64_t sent;      /* handed to the stream so far, all of them */
    uint64_t untouched; /* of @sent */
    /* Of the pass that ended last, as in a DirtyLook: */
    uint64_t fresh;
    uint64_t unsure;
} RAMPosition;

void ram_position(const RAMState *rs, RAMPosition *pos);
/* Look at the dirty log without beginning a pass. */
bool ram_look(RAMState *rs, DirtyLook *look, Error **errp);

/* ---- shared by the parts ---- */

struct RAMState {
    Machine *machine;
    RAMConfig config;
    RAMSave *save; /* between setup and cleanup */
    RAMLoad *load;
};

/* Are the pages of @b left out? */
bool ram_block_ignored(const RAMConfig *config, const RAMBlock *b);

extern const SaveVMHandlers ram_handlers;

bool ram_load_setup(void *opaque, Error **errp);
bool ram_load_state(QEMUFile *f, void *opaque, int version_id, Error **errp);
void ram_load_cleanup(void *opaque);

/* ---- one record, for the loader and its tests ---- */

typedef struct RAMRecord {
    uint64_t offset;     /* or size, of MEM_SIZE */
    unsigned flag;       /* one of RAM_SAVE_FLAG_*, without CONTINUE */
    bool has_name;
    uint8_t name_len;
    const uint8_t *name; /* in the buffer, not terminated */
    const uint8_t *data; /* page bytes, or the fill byte */
    size_t size;         /* of the whole record */
} RAMRecord;

/*
 * Take one record apart.  1: done; 0: incomplete, @rec->size bytes are needed
 * to get further; -1: it is none.
 */
int ram_record_parse(const uint8_t *buf, size_t len, RAMRecord *rec,
                     Error **errp);

#endif
