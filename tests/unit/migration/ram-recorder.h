/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A second, independent reader of the "ram" section, written from the format's
 * description for tests: keeps blocks in plain memory and counts records.
 */
#ifndef RAM_RECORDER_H
#define RAM_RECORDER_H

#include "migration/register.h"

typedef enum RamRecordKind {
    RAM_RECORD_MEM_SIZE,
    RAM_RECORD_ZERO,
    RAM_RECORD_ZERO_CONT,
    RAM_RECORD_PAGE,
    RAM_RECORD_PAGE_CONT,
    RAM_RECORD_EOS,
    RAM_RECORD_MULTIFD_FLUSH,
    RAM_RECORD__MAX,
} RamRecordKind;
extern const char *const ram_record_names[RAM_RECORD__MAX];

typedef struct RamRecorderBlock {
    char *name;
    uint64_t size;
    uint8_t *data;
} RamRecorderBlock;

typedef struct RamRecorder {
    GPtrArray *blocks;
    RamRecorderBlock *current;
    bool x_ignore_shared; /* blocks have an address, no page comes */
    unsigned count[RAM_RECORD__MAX];
    unsigned setups, cleanups;
} RamRecorder;

extern const SaveVMHandlers ram_recorder_ops;

RamRecorder *ram_recorder_new(void);
void ram_recorder_free(RamRecorder *r);
RamRecorderBlock *ram_recorder_add(RamRecorder *r, const char *name,
                                   uint64_t size);

#endif
