/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of migration options, and getting values into and out of it.
 * QMP, HMP and -global know the options only through this table.
 */
#include "qemu/osdep.h"
#include "migration/options.h"
#include "migration/tls.h"

#include "migration/multifd.h"
#include "qemu/atomic.h"
#include "qemu/cutils.h"

static const char *zero_page_detection_name(uint64_t v)
{
    return v < ZERO_PAGE_DETECTION__MAX ? ZeroPageDetection_str(v) : NULL;
}

static const char *multifd_compression_name(uint64_t v)
{
    return v < MULTIFD_COMPRESSION__MAX ? MultiFDCompression_str(v) : NULL;
}

static bool multifd_compression_has(uint64_t v)
{
    return multifd_method_supported(v);
}

static const char *mig_mode_name(uint64_t v)
{
    return v < MIG_MODE__MAX ? MigMode_str(v) : NULL;
}

#define CAPABILITY(cap, ...)                                                   \
    {                                                                          \
        .kind = MIG_OPTION_CAPABILITY, .type = MIG_TYPE_BOOL,                  \
        .offset = offsetof(MigrationOptions, caps) +                           \
                  MIGRATION_CAPABILITY_##cap * sizeof(bool),                   \
        __VA_ARGS__                                                            \
    }
#define PARAMETER(member, ...)                                                 \
    {                                                                          \
        .kind = MIG_OPTION_PARAMETER,                                          \
        .offset = offsetof(MigrationOptions, member), __VA_ARGS__              \
    }
#define STREAM_SWITCH(member, ...)                                             \
    {                                                                          \
        .kind = MIG_OPTION_STREAM, .type = MIG_TYPE_BOOL,                      \
        .offset = offsetof(MigrationOptions, member), __VA_ARGS__              \
    }

/* Capabilities stand in the order of their enum. */
static const MigOption options[] = {
    CAPABILITY(EVENTS, .name = "events", .global = "x-events",
               .help = "emit events about the migration"),
    CAPABILITY(RETURN_PATH, .name = "return-path", .global = "x-return-path",
               .help = "the destination confirms that it has the guest"),
    CAPABILITY(PAUSE_BEFORE_SWITCHOVER, .name = "pause-before-switchover",
               .help = "wait for migrate-continue before device state goes"),
    CAPABILITY(MULTIFD, .name = "multifd", .global = "x-multifd",
               .help = "send guest memory over several connections"),
    CAPABILITY(X_IGNORE_SHARED, .name = "x-ignore-shared",
               .help = "leave out memory that both sides map from one file"),
    CAPABILITY(VALIDATE_UUID, .name = "validate-uuid",
               .needs = offsetof(MigrationOptions, send_configuration),
               .needs_name = "send-configuration",
               .help = "the destination must have the same UUID"),
    CAPABILITY(ZERO_COPY_SEND, .name = "zero-copy-send",
               .global = "x-zero-copy-send",
               .help = "the kernel sends guest memory from where it is"),

    PARAMETER(max_bandwidth, .name = "max-bandwidth", .type = MIG_TYPE_SIZE,
              .value = 128 * MiB, .unit = " bytes/second", .hmp_unit = MiB,
              .global = "x-max-bandwidth", .live = true,
              .help = "rate while the guest runs, 0: unlimited"),
    PARAMETER(avail_switchover_bandwidth,
              .name = "avail-switchover-bandwidth", .type = MIG_TYPE_SIZE,
              .unit = " bytes/second", .hmp_unit = MiB,
              .global = "avail-switchover-bandwidth", .live = true,
              .help = "rate to expect once the guest stands, 0: measure"),
    PARAMETER(downtime_limit, .name = "downtime-limit", .type = MIG_TYPE_UINT,
              .value = 300, .max = 2000 * 1000,
              .range = "an integer in the range of 0 to (2000 * 1000) ms",
              .unit = " ms", .global = "x-downtime-limit", .live = true,
              .help = "how long the guest may stand still"),
    PARAMETER(zero_page_detection, .name = "zero-page-detection",
              .type = MIG_TYPE_ENUM, .value = ZERO_PAGE_DETECTION_MULTIFD,
              .enum_name = zero_page_detection_name,
              .global = "zero-page-detection",
              .help = "who looks for zero pages"),
    PARAMETER(mode, .name = "mode", .type = MIG_TYPE_ENUM,
              .value = MIG_MODE_NORMAL, .enum_name = mig_mode_name,
              .global = "mode", .help = "kind of migration"),

    PARAMETER(multifd_channels, .name = "multifd-channels",
              .type = MIG_TYPE_UINT8, .value = 2, .min = 1, .max = 255,
              .range = "a value between 1 and 255",
              .global = "multifd-channels",
              .help = "number of additional connections"),
    PARAMETER(multifd_compression, .name = "multifd-compression",
              .type = MIG_TYPE_ENUM, .value = MULTIFD_COMPRESSION_NONE,
              .enum_name = multifd_compression_name,
              .enum_has = multifd_compression_has,
              .global = "multifd-compression",
              .help = "how memory is put on additional connections"),
    PARAMETER(multifd_zlib_level, .name = "multifd-zlib-level",
              .type = MIG_TYPE_UINT8, .value = 1, .max = 9,
              .range = "a value between 0 and 9",
              .global = "multifd-zlib-level",
              .help = "how much work zlib compression may make"),
    PARAMETER(multifd_zstd_level, .name = "multifd-zstd-level",
              .type = MIG_TYPE_UINT8, .value = 1, .max = 20,
              .range = "a value between 0 and 20",
              .global = "multifd-zstd-level",
              .help = "how much work zstd compression may make"),

    PARAMETER(tls_creds, .name = "tls-creds", .type = MIG_TYPE_STR,
              .global = "tls-creds",
              .help = "TLS credentials object; none: no TLS"),
    PARAMETER(tls_hostname, .name = "tls-hostname", .type = MIG_TYPE_STR,
              .global = "tls-hostname",
              .help = "who the destination's certificate must be for; none: "
                      "the host of the address"),
    PARAMETER(tls_authz, .name = "tls-authz", .type = MIG_TYPE_STR,
              .global = "tls-authz",
              .help = "authorization object that TLS clients must pass"),

    STREAM_SWITCH(store_global_state, .name = "store-global-state",
                  .value = true,
                  .global = "store-global-state",
                  .help = "send the guest's run state"),
    STREAM_SWITCH(send_configuration, .name = "send-configuration",
                  .value = true,
                  .global = "send-configuration",
                  .help = "send the machine type first"),
    STREAM_SWITCH(send_section_footer, .name = "send-section-footer",
                  .value = true,
                  .global = "send-section-footer",
                  .help = "end each section with its number"),
    STREAM_SWITCH(send_switchover_start, .name = "send-switchover-start",
                  .value = true,
                  .global = "send-switchover-start",
                  .help = "announce that the guest was stopped"),
    STREAM_SWITCH(multifd_flush_after_each_section,
                  .name = "multifd-flush-after-each-section",
                  .global = "multifd-flush-after-each-section",
                  .help = "multifd channels wait at the end of each section, "
                          "as before version 8.1"),
    STREAM_SWITCH(multifd_clean_tls_termination,
                  .name = "multifd-clean-tls-termination", .value = true,
                  .global = "multifd-clean-tls-termination",
                  .help = "TLS multifd channels must not end without the "
                          "source saying so; it does since version 10.0"),
};

const MigOption *migration_options_table(size_t *n)
{
    *n = G_N_ELEMENTS(options);
    return options;
}

const MigOption *migration_option_find(MigOptionKind kind, const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
        if (options[i].kind == kind && !strcmp(options[i].name, name)) {
            return &options[i];
        }
    }
    return NULL;
}

static uint64_t option_get(const MigrationOptions *o, const MigOption *opt)
{
    const char *p = (const char *)o + opt->offset;

    if (opt->type == MIG_TYPE_BOOL) {
        return *(const bool *)p;
    }
    return *(const uint64_t *)p;
}

static void option_put(MigrationOptions *o, const MigOption *opt, uint64_t v)
{
    char *p = (char *)o + opt->offset;

    if (opt->type == MIG_TYPE_BOOL) {
        *(bool *)p = v;
    } else {
        *(uint64_t *)p = v;
    }
}

static bool option_put_str(MigrationOptions *o, const MigOption *opt,
                           const char *text, Error **errp)
{
    if (strlen(text) >= MIGRATION_TEXT_SIZE) {
        error_setg(errp, "Parameter '%s' expects at most %d bytes", opt->name,
                   MIGRATION_TEXT_SIZE - 1);
        return false;
    }
    strcpy((char *)o + opt->offset, text);
    return true;
}

static const char *option_get_str(const MigrationOptions *o,
                                  const MigOption *opt)
{
    return (const char *)o + opt->offset;
}

/* Range errors spell the name with underscores, as stock 10.0 does. */
static bool option_check_range(const MigOption *opt, uint64_t v, Error **errp)
{
    g_autofree char *name = NULL;

    if (v >= opt->min && (!opt->max || v <= opt->max)) {
        return true;
    }
    name = g_strdelimit(g_strdup(opt->name), "-", '_');
    error_setg(errp, "Parameter '%s' expects %s", name, opt->range);
    return false;
}

void migration_options_init(MigrationOptions *o)
{
    multifd_methods_init();
    memset(o, 0, sizeof(*o));
    for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
        if (options[i].type != MIG_TYPE_STR) {
            option_put(o, &options[i], options[i].value);
        }
    }
}

bool migration_options_check(const MigrationOptions *o, Error **errp)
{
    for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
        const MigOption *opt = &options[i];

        if (opt->needs && option_get(o, opt) &&
            !*(const bool *)((const char *)o + opt->needs)) {
            error_setg(errp, "Capability '%s' requires migration.%s",
                       opt->name, opt->needs_name);
            return false;
        }
    }
    if (o->caps[MIGRATION_CAPABILITY_ZERO_COPY_SEND] &&
        (!o->caps[MIGRATION_CAPABILITY_MULTIFD] ||
         o->multifd_compression != MULTIFD_COMPRESSION_NONE ||
         migration_tls_wanted(o))) {
        error_setg(errp, "Zero copy only available for non-compressed "
                   "non-TLS multifd migration");
        return false;
    }
    return true;
}

static bool option_parse_enum(const MigOption *opt, const char *option,
                              const char *text, uint64_t *v, Error **errp)
{
    const char *name;

    for (uint64_t i = 0; (name = opt->enum_name(i)); i++) {
        if (!strcmp(name, text) && (!opt->enum_has || opt->enum_has(i))) {
            *v = i;
            return true;
        }
    }
    error_setg(errp, "Parameter '%s' does not accept value '%s'", option,
               text);
    return false;
}

/*
 * What @text means for an option that is no string; its range is not looked
 * at.  @name is what the user calls it.
 */
static bool option_parse(const MigOption *opt, const char *name,
                         const char *text, bool hmp, uint64_t *v, Error **errp)
{
    bool flag;

    switch (opt->type) {
    case MIG_TYPE_BOOL:
        if (!qapi_bool_parse(name, text, &flag, errp)) {
            return false;
        }
        *v = flag;
        return true;
    case MIG_TYPE_ENUM:
        return option_parse_enum(opt, name, text, v, errp);
    case MIG_TYPE_UINT8:
        *v = 0;
        if (!qemu_parse_u64(text, v) || *v > UINT8_MAX) {
            error_setg(errp, "Parameter '%s' expects %s", name,
                       *v > UINT8_MAX ? "uint8_t" : "uint64");
            return false;
        }
        return true;
    default:
        if (!hmp || !opt->hmp_unit) {
            return qemu_parse_size_option(name, text, 1, v, errp);
        }
        if (!qemu_parse_size(text, opt->hmp_unit, v)) {
            error_setg(errp, "Invalid size %s", text);
            return false;
        }
        return true;
    }
}

/* To @v, if it is in range. */
static bool option_set(MigrationOptions *o, const MigOption *opt, uint64_t v,
                       Error **errp)
{
    if (!option_check_range(opt, v, errp)) {
        return false;
    }
    option_put(o, opt, v);
    return true;
}

bool migration_option_set_text(MigrationOptions *o, const MigOption *opt,
                               const char *text, bool hmp, Error **errp)
{
    uint64_t v;

    if (opt->type == MIG_TYPE_STR) {
        return option_put_str(o, opt, text, errp);
    }
    return option_parse(opt, opt->name, text, hmp, &v, errp) &&
           option_set(o, opt, v, errp);
}

bool migration_option_set_json(MigrationOptions *o, const MigOption *opt,
                               json_object *value, Error **errp)
{
    uint64_t v = 0;

    switch (opt->type) {
    case MIG_TYPE_STR: {
        /* Null is another way to say that there is none. */
        const char *text = json_object_get_string(value);

        return option_put_str(o, opt, text ? text : "", errp);
    }
    case MIG_TYPE_BOOL:
        v = json_object_get_boolean(value);
        break;
    case MIG_TYPE_ENUM:
        if (!option_parse_enum(opt, opt->name,
                               json_object_get_string(value), &v, errp)) {
            return false;
        }
        break;
    case MIG_TYPE_UINT:
    case MIG_TYPE_UINT8:
    case MIG_TYPE_SIZE:
        v = json_object_get_uint64(value);
        break;
    }
    if (!option_check_range(opt, v, errp)) {
        return false;
    }
    option_put(o, opt, v);
    return true;
}

bool migration_options_set_global(MigrationOptions *o, const char *prop,
                                  const char *value, Error **errp)
{
    const MigOption *opt = NULL;
    uint64_t v;
    bool ok;

    for (size_t i = 0; i < G_N_ELEMENTS(options) && !opt; i++) {
        if (options[i].global && !strcmp(options[i].global, prop)) {
            opt = &options[i];
        }
    }
    if (!opt) {
        error_setg(errp, "Property 'migration.%s' not found", prop);
        ok = false;
    } else if (opt->type == MIG_TYPE_STR) {
        ok = option_put_str(o, opt, value, errp);
    } else {
        ok = option_parse(opt, prop, value, false, &v, errp);
    }
    if (!ok) {
        error_prepend(errp, "can't apply global migration.%s=%s: ", prop,
                      value);
        return false;
    }
    /* A value out of range is no matter of how it was given. */
    return opt->type == MIG_TYPE_STR || option_set(o, opt, v, errp);
}

json_object *migration_option_get_json(const MigrationOptions *o,
                                       const MigOption *opt)
{
    uint64_t v;

    if (opt->type == MIG_TYPE_STR) {
        return json_object_new_string(option_get_str(o, opt));
    }
    v = option_get(o, opt);
    switch (opt->type) {
    case MIG_TYPE_BOOL:
        return json_object_new_boolean(v);
    case MIG_TYPE_ENUM:
        return json_object_new_string(opt->enum_name(v));
    default:
        return json_object_new_uint64(v);
    }
}

char *migration_option_get_text(const MigrationOptions *o,
                                const MigOption *opt)
{
    uint64_t v;

    if (opt->type == MIG_TYPE_STR) {
        return g_strdup_printf("'%s'", option_get_str(o, opt));
    }
    v = option_get(o, opt);
    switch (opt->type) {
    case MIG_TYPE_BOOL:
        return g_strdup(v ? "on" : "off");
    case MIG_TYPE_ENUM:
        return g_strdup(opt->enum_name(v));
    default:
        return g_strdup_printf("%" PRIu64 "%s", v,
                               opt->unit ? opt->unit : "");
    }
}

void migration_options_copy_live(MigrationOptions *dst,
                                 const MigrationOptions *src)
{
    for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
        const MigOption *opt = &options[i];

        if (opt->live) {
            /* All live options are numbers; each stands for itself. */
            qatomic_set((uint64_t *)((char *)dst + opt->offset),
                        option_get(src, opt));
        }
    }
}

StreamOptions migration_options_stream(const MigrationOptions *o, Machine *m)
{
    return (StreamOptions) {
        .send_configuration = o->send_configuration,
        .send_section_footer = o->send_section_footer,
        .store_global_state = o->store_global_state,
        .send_switchover_start = o->send_switchover_start,
        .suppress_vmdesc = machine_get_suppress_vmdesc(m),
        .validate_uuid = o->caps[MIGRATION_CAPABILITY_VALIDATE_UUID],
        .x_ignore_shared = o->caps[MIGRATION_CAPABILITY_X_IGNORE_SHARED],
    };
}
