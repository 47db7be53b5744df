/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Everything that can be set about a migration, in one table: capabilities,
 * parameters and the switches of the stream format.
 */
#ifndef MIGRATION_OPTIONS_H
#define MIGRATION_OPTIONS_H

#include <json-c/json.h>

#include "migration/savevm.h"
#include "qapi/qapi-types-migration.h"
#include "qemu/error.h"

/* Room for a text, with its end: ids of objects, names of hosts. */
#define MIGRATION_TEXT_SIZE 256

/*
 * The values.  A machine has one set that the operator edits (machine lock),
 * and each migration works on a copy of it taken at its start.  Of that copy
 * only the "live" options change later, by atomic stores.
 */
typedef struct MigrationOptions {
    bool caps[MIGRATION_CAPABILITY__MAX];
    uint64_t max_bandwidth;              /* bytes/s, 0: unlimited; live */
    uint64_t avail_switchover_bandwidth; /* bytes/s, 0: measured; live */
    uint64_t downtime_limit;             /* ms; live */
    uint64_t mode;                       /* MigMode */
    uint64_t zero_page_detection;        /* ZeroPageDetection */
    uint64_t multifd_channels;
    uint64_t multifd_compression;        /* MultiFDCompression */
    uint64_t multifd_zlib_level;
    uint64_t multifd_zstd_level;
    bool store_global_state;
    bool send_configuration;
    bool send_section_footer;
    bool send_switchover_start;
    bool multifd_flush_after_each_section;
    bool multifd_clean_tls_termination;
    /* "": not set. */
    char tls_creds[MIGRATION_TEXT_SIZE];
    char tls_hostname[MIGRATION_TEXT_SIZE];
    char tls_authz[MIGRATION_TEXT_SIZE];
} MigrationOptions;

typedef enum MigOptionKind {
    MIG_OPTION_CAPABILITY, /* migrate-set-capabilities */
    MIG_OPTION_PARAMETER,  /* migrate-set-parameters */
    MIG_OPTION_STREAM,     /* -global only */
} MigOptionKind;

typedef enum MigOptionType {
    MIG_TYPE_BOOL, /* a bool */
    MIG_TYPE_STR,  /* text within the structure */
    MIG_TYPE_UINT, /* the others are uint64_t */
    MIG_TYPE_UINT8, /* too; no more than 255 can be given */
    MIG_TYPE_SIZE,
    MIG_TYPE_ENUM,
} MigOptionType;

typedef struct MigOption {
    const char *name; /* on QMP and HMP */
    MigOptionKind kind;
    MigOptionType type;
    size_t offset;     /* in MigrationOptions */
    uint64_t value;    /* default; of STR it is "" */
    uint64_t min;      /* UINT, SIZE */
    uint64_t max;      /* UINT, SIZE; 0: no limit */
    const char *range; /* "expects ..." of the range error */
    /* ENUM: name of a value, NULL behind the last. */
    const char *(*enum_name)(uint64_t value);
    /* ENUM: is this value built in?  NULL: all are. */
    bool (*enum_has)(uint64_t value);
    const char *unit;  /* printed behind the value by HMP */
    uint64_t hmp_unit; /* SIZE: what a number without suffix means on HMP */
    const char *global; /* "migration.X" of -global, or NULL */
    bool live;          /* takes effect in a running migration */
    size_t needs;       /* bool that must be on if this is; 0: none */
    const char *needs_name;
    const char *help;
} MigOption;

/* The table: *@n entries, in the order in which they are listed. */
const MigOption *migration_options_table(size_t *n);
/* NULL: no such option. */
const MigOption *migration_option_find(MigOptionKind kind, const char *name);

void migration_options_init(MigrationOptions *o);
/* Do the options fit together? */
bool migration_options_check(const MigrationOptions *o, Error **errp);

/*
 * Set from text.  @hmp: units of the human monitor, and its error texts; else
 * those of the command line.  *@o is untouched on failure.
 */
bool migration_option_set_text(MigrationOptions *o, const MigOption *opt,
                               const char *text, bool hmp, Error **errp);
/* Set from JSON that the schema has checked; the range is checked here. */
bool migration_option_set_json(MigrationOptions *o, const MigOption *opt,
                               json_object *value, Error **errp);
/* -global migration.@prop=@value. */
bool migration_options_set_global(MigrationOptions *o, const char *prop,
                                  const char *value, Error **errp);

json_object *migration_option_get_json(const MigrationOptions *o,
                                       const MigOption *opt);
/* As HMP shows it, with unit; freed by g_free(). */
char *migration_option_get_text(const MigrationOptions *o,
                                const MigOption *opt);

/* Copy the live options from @src to the copy @dst that others read. */
void migration_options_copy_live(MigrationOptions *dst,
                                 const MigrationOptions *src);

/* What the stream code needs to know of @o. */
StreamOptions migration_options_stream(const MigrationOptions *o, Machine *m);

#endif
