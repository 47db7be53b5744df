/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration element: which machine the stream is of, and those
 * settings that must be alike on both sides for it to be readable.
 */
#include "qemu/osdep.h"

#include "migration/savevm-internal.h"
#include "migration/vmstate-internal.h"

/* Longest machine type name accepted. */
#define MACHINE_NAME_MAX 255
/* Entries of the capability list accepted; there are two different ones. */
#define CAPABILITIES_MAX 16

/* Capabilities that change the format of the stream. */
typedef enum StreamCapability {
    STREAM_CAP_X_IGNORE_SHARED,
    STREAM_CAP_MAPPED_RAM,
    STREAM_CAP__MAX,
} StreamCapability;

static const char *const stream_cap_names[STREAM_CAP__MAX] = {
    [STREAM_CAP_X_IGNORE_SHARED] = "x-ignore-shared",
    [STREAM_CAP_MAPPED_RAM] = "mapped-ram",
};

typedef struct ConfigState {
    Machine *machine;
    const StreamOptions *opt;

    uint32_t len; /* of name */
    uint8_t *name;
    uint32_t target_page_bits;
    uint32_t caps_count;
    StreamCapability *capabilities;
    struct {
        uint8_t data[16];
    } uuid;

    uint32_t caps_here;     /* bit per StreamCapability */
    uint32_t caps_received;
} ConfigState;

/* ---- capabilities ---- */

static bool get_capability(QEMUFile *f, void *pv, size_t size,
                           const VMStateField *field, Error **errp)
{
    char name[256];
    int i;

    qemu_get_counted_string(f, name);
    if (qemu_file_get_error(f, errp)) {
        return false;
    }
    for (i = 0; i < STREAM_CAP__MAX; i++) {
        if (!strcmp(name, stream_cap_names[i])) {
            *(StreamCapability *)pv = i;
            return true;
        }
    }
    {
        g_autofree char *shown = g_strescape(name, NULL);

        error_setg(errp, "unknown capability '%s'", shown);
    }
    return false;
}

static bool put_capability(QEMUFile *f, const void *pv, size_t size,
                           const VMStateField *field, Error **errp)
{
    qemu_put_counted_string(
        f, stream_cap_names[*(const StreamCapability *)pv]);
    return true;
}

static const VMStateInfo vmstate_info_capability = {
    .name = "capability",
    .get = get_capability,
    .put = put_capability,
};

static bool capabilities_needed(void *opaque)
{
    ConfigState *cfg = opaque;

    return cfg->caps_here != 0;
}

static bool capabilities_post_load(void *opaque, int version_id, Error **errp)
{
    ConfigState *cfg = opaque;
    uint32_t i;

    for (i = 0; i < cfg->caps_count; i++) {
        cfg->caps_received |= 1u << cfg->capabilities[i];
    }
    return true;
}

static const VMStateDescription vmstate_config_capabilities = {
    .name = "configuration/capabilities",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = capabilities_needed,
    .post_load = capabilities_post_load,
    .fields = (const VMStateField[]){
        VMSTATE_UINT32(caps_count, ConfigState),
        {
            .name = "capabilities",
            .num_offset = VMSTATE_OFFSET_(ConfigState, caps_count, uint32_t),
            .info = &vmstate_info_capability,
            .size = sizeof(StreamCapability),
            .flags = VMS_VARRAY_UINT32 | VMS_POINTER | VMS_ALLOC,
            .offset = offsetof(ConfigState, capabilities),
            .limit = CAPABILITIES_MAX,
        },
        VMSTATE_END_OF_LIST()
    },
};

/* ---- target page size ---- */

/* Sent only where it can differ, which is nowhere on x86. */
static bool target_page_bits_needed(void *opaque)
{
    return false;
}

static const VMStateDescription vmstate_config_target_page_bits = {
    .name = "configuration/target-page-bits",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = target_page_bits_needed,
    .fields = (const VMStateField[]){
        VMSTATE_UINT32_EQUAL(target_page_bits, ConfigState),
        VMSTATE_END_OF_LIST()
    },
};

/* ---- UUID ---- */

static bool uuid_needed(void *opaque)
{
    ConfigState *cfg = opaque;

    return cfg->opt->validate_uuid &&
           machine_get_uuid(cfg->machine, cfg->uuid.data);
}

static bool uuid_post_load(void *opaque, int version_id, Error **errp)
{
    ConfigState *cfg = opaque;
    uint8_t here[16];

    if (!machine_get_uuid(cfg->machine, here)) {
        warn_report("the incoming machine has a UUID, this one has none");
        return true;
    }
    if (memcmp(here, cfg->uuid.data, sizeof(here))) {
        error_setg(errp, "the stream is of a machine with another UUID");
        return false;
    }
    return true;
}

static const VMStateDescription vmstate_config_uuid = {
    .name = "configuration/uuid",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = uuid_needed,
    .post_load = uuid_post_load,
    .fields = (const VMStateField[]){
        VMSTATE_UINT8_ARRAY(uuid.data, ConfigState, 16),
        VMSTATE_END_OF_LIST()
    },
};

/* ---- the element itself ---- */

static bool check_machine_name(ConfigState *cfg, Error **errp)
{
    const char *here = machine_get_type(cfg->machine)->name;
    g_autofree char *copy = NULL;
    g_autofree char *shown = NULL;

    /* All of it: stock takes a beginning of the right name, too. */
    if (cfg->len == strlen(here) && !memcmp(cfg->name, here, cfg->len)) {
        return true;
    }
    copy = g_strndup(cfg->len ? (const char *)cfg->name : "", cfg->len);
    shown = g_strescape(copy, NULL);
    error_setg(errp, "the stream is of machine type '%s', this machine is "
               "'%s'", shown, here);
    return false;
}

static bool configuration_post_load(void *opaque, int version_id,
                                    Error **errp)
{
    ConfigState *cfg = opaque;
    int i;

    if (!check_machine_name(cfg, errp)) {
        return false;
    }
    for (i = 0; i < STREAM_CAP__MAX; i++) {
        bool there = cfg->caps_received & (1u << i);
        bool here = cfg->caps_here & (1u << i);

        if (there != here) {
            error_setg(errp, "capability '%s' is %s at the source and %s here",
                       stream_cap_names[i], there ? "on" : "off",
                       here ? "on" : "off");
            return false;
        }
    }
    return true;
}

static const VMStateDescription vmstate_configuration = {
    .name = "configuration",
    .version_id = 1,
    .minimum_version_id = 1,
    .post_load = configuration_post_load,
    .fields = (const VMStateField[]){
        VMSTATE_UINT32(len, ConfigState),
        {
            .name = "name",
            .size_offset = VMSTATE_OFFSET_(ConfigState, len, uint32_t),
            .info = &vmstate_info_buffer,
            .flags = VMS_VBUFFER | VMS_POINTER | VMS_ALLOC,
            .offset = offsetof(ConfigState, name),
            .limit = MACHINE_NAME_MAX,
        },
        VMSTATE_END_OF_LIST()
    },
    .subsections = (const VMStateDescription *const[]){
        &vmstate_config_target_page_bits,
        &vmstate_config_capabilities,
        &vmstate_config_uuid,
        NULL
    },
};

static uint32_t stream_caps(const StreamOptions *opt)
{
    return (uint32_t)opt->x_ignore_shared << STREAM_CAP_X_IGNORE_SHARED |
           (uint32_t)opt->mapped_ram << STREAM_CAP_MAPPED_RAM;
}

bool savevm_config_save(QEMUFile *f, Machine *m, const StreamOptions *opt,
                        json_object *desc, Error **errp)
{
    g_autofree char *name = g_strdup(machine_get_type(m)->name);
    StreamCapability caps[STREAM_CAP__MAX];
    ConfigState cfg = {
        .machine = m,
        .opt = opt,
        .len = strlen(name),
        .name = (uint8_t *)name,
        .target_page_bits = TARGET_PAGE_BITS,
        .capabilities = caps,
        .caps_here = stream_caps(opt),
    };
    int i;

    for (i = 0; i < STREAM_CAP__MAX; i++) {
        if (cfg.caps_here & (1u << i)) {
            caps[cfg.caps_count++] = i;
        }
    }
    return vmstate_save_described(f, &vmstate_configuration, &cfg,
                                  vmstate_configuration.version_id, desc,
                                  errp) &&
           !qemu_file_get_error(f, errp);
}

bool savevm_config_load(QEMUFile *f, Machine *m, const StreamOptions *opt,
                        Error **errp)
{
    ConfigState cfg = {
        .machine = m,
        .opt = opt,
        .target_page_bits = TARGET_PAGE_BITS,
        .caps_here = stream_caps(opt),
    };
    bool ok;

    ok = vmstate_load(f, &vmstate_configuration, &cfg,
                      vmstate_configuration.version_id, errp);
    vmstate_release(&vmstate_configuration, &cfg);
    return ok;
}
