/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing the main channel: header, configuration, the sections of each phase,
 * the end mark and the description of what was written.  The order of phases
 * is the migration thread's business; the format is in docs/wire-format.md.
 */
#include "qemu/osdep.h"

#include "migration/savevm-internal.h"
#include "migration/vmstate-internal.h"

bool savevm_wants_vmdesc(Machine *m, const StreamOptions *opt)
{
    return !opt->suppress_vmdesc && !machine_get_suppress_vmdesc(m);
}

/* ---- frames ---- */

static void put_section_header(QEMUFile *f, const SaveStateEntry *e,
                               StreamElement type)
{
    qemu_put_byte(f, type);
    qemu_put_be32(f, e->section_id);
    if (type == QEMU_VM_SECTION_START || type == QEMU_VM_SECTION_FULL) {
        qemu_put_counted_string(f, e->idstr);
        qemu_put_be32(f, e->instance_id);
        qemu_put_be32(f, e->version_id);
    }
}

static void put_section_footer(QEMUFile *f, const SaveStateEntry *e,
                               const StreamOptions *opt)
{
    if (opt->send_section_footer) {
        qemu_put_byte(f, QEMU_VM_SECTION_FOOTER);
        qemu_put_be32(f, e->section_id);
    }
}

char *savevm_entry_name(const SaveStateEntry *e)
{
    return g_strdup_printf("%s instance %" PRIu32, e->idstr, e->instance_id);
}

const char *savevm_failed_section(Machine *m)
{
    return machine_get_savevm(m)->failed;
}

char *savevm_section_name(Machine *m, uint32_t section_id)
{
    SaveStateRegistry *reg = machine_get_savevm(m);

    SAVEVM_FOREACH(reg, e) {
        if (e->section_id == section_id) {
            return savevm_entry_name(e);
        }
    }
    return NULL;
}

/*
 * After writing (a part of) @e: its own failure is @ok, the stream may have
 * one too.
 */
static bool check_section(QEMUFile *f, SaveStateRegistry *reg,
                          const SaveStateEntry *e, bool ok, Error **errp)
{
    if (ok && !qemu_file_get_error(f, errp)) {
        return true;
    }
    g_free(reg->failed);
    reg->failed = savevm_entry_name(e);
    error_prepend(errp, "Error while saving section '%s' instance %" PRIu32
                  ": ", e->idstr, e->instance_id);
    return false;
}

/* A FULL section and its place in the description. */
static bool save_full(QEMUFile *f, SaveStateRegistry *reg, SaveStateEntry *e,
                      const StreamOptions *opt, Error **errp)
{
    json_object *desc = NULL;

    if (e->vmsd->needed && !e->vmsd->needed(e->opaque)) {
        return true;
    }
    if (reg->devices_desc) {
        desc = json_object_new_object();
        json_object_object_add(desc, "name", json_object_new_string(e->idstr));
        json_object_object_add(desc, "instance_id",
                               json_object_new_int64(e->instance_id));
        json_object_array_add(reg->devices_desc, desc);
    }
    put_section_header(f, e, QEMU_VM_SECTION_FULL);
    if (!check_section(f, reg, e,
                       vmstate_save_described(f, e->vmsd, e->opaque,
                                              e->version_id, desc, errp),
                       errp)) {
        return false;
    }
    put_section_footer(f, e, opt);
    return true;
}

/* ---- phases ---- */

static void drop_description(SaveStateRegistry *reg)
{
    json_object_put(reg->config_desc);
    json_object_put(reg->devices_desc);
    reg->config_desc = NULL;
    reg->devices_desc = NULL;
}

bool savevm_save_header(QEMUFile *f, Machine *m, const StreamOptions *opt,
                        Error **errp)
{
    SaveStateRegistry *reg = machine_get_savevm(m);

    drop_description(reg);
    g_clear_pointer(&reg->failed, g_free);
    if (savevm_wants_vmdesc(m, opt)) {
        reg->devices_desc = json_object_new_array();
        if (opt->send_configuration) {
            reg->config_desc = json_object_new_object();
        }
    }
    qemu_put_be32(f, QEMU_VM_FILE_MAGIC);
    qemu_put_be32(f, QEMU_VM_FILE_VERSION);
    if (opt->send_configuration) {
        qemu_put_byte(f, QEMU_VM_CONFIGURATION);
        if (!savevm_config_save(f, m, opt, reg->config_desc, errp)) {
            error_prepend(errp, "Error while saving the configuration: ");
            return false;
        }
    }
    return !qemu_file_get_error(f, errp);
}

bool savevm_setup(QEMUFile *f, Machine *m, const StreamOptions *opt,
                  Error **errp)
{
    SaveStateRegistry *reg = machine_get_savevm(m);

    SAVEVM_FOREACH(reg, e) {
        if (e->ops) {
            bool ok = true;

            put_section_header(f, e, QEMU_VM_SECTION_START);
            e->setup_called = true;
            if (e->ops->save_setup) {
                ok = e->ops->save_setup(f, e->opaque, errp);
            }
            if (!check_section(f, reg, e, ok, errp)) {
                return false;
            }
            put_section_footer(f, e, opt);
        } else if (e->vmsd->early_setup && !e->ignored) {
            if (!save_full(f, reg, e, opt, errp)) {
                return false;
            }
        }
    }
    return qemu_fflush(f) ? true : !qemu_file_get_error(f, errp);
}

int savevm_iterate(QEMUFile *f, Machine *m, const StreamOptions *opt,
                   Error **errp)
{
    SaveStateRegistry *reg = machine_get_savevm(m);
    int all_done = 1;

    SAVEVM_FOREACH(reg, e) {
        int ret;

        if (!e->ops || !e->ops->save_iterate ||
            (e->ops->has_pending && !e->ops->has_pending(e->opaque))) {
            continue;
        }
        put_section_header(f, e, QEMU_VM_SECTION_PART);
        ret = e->ops->save_iterate(f, e->opaque, errp);
        if (!check_section(f, reg, e, ret >= 0, errp)) {
            return -1;
        }
        put_section_footer(f, e, opt);
        if (ret == 0) {
            all_done = 0;
        }
    }
    return all_done;
}

bool savevm_pending(Machine *m, bool exact, uint64_t *bytes, Error **errp)
{
    SaveStateRegistry *reg = machine_get_savevm(m);

    *bytes = 0;
    SAVEVM_FOREACH(reg, e) {
        uint64_t n = 0;

        if (!e->ops || !e->ops->state_pending) {
            continue;
        }
        if (!e->ops->state_pending(e->opaque, exact, &n, errp)) {
            error_prepend(errp, "section '%s': ", e->idstr);
            return false;
        }
        *bytes += n;
    }
    return true;
}

static bool complete_sections(QEMUFile *f, SaveStateRegistry *reg,
                              const StreamOptions *opt, Error **errp)
{
    SAVEVM_FOREACH(reg, e) {
        bool ok = true;

        if (!e->ops) {
            continue;
        }
        put_section_header(f, e, QEMU_VM_SECTION_END);
        if (e->ops->save_complete) {
            ok = e->ops->save_complete(f, e->opaque, errp);
        }
        if (!check_section(f, reg, e, ok, errp)) {
            return false;
        }
        put_section_footer(f, e, opt);
    }
    return true;
}

bool savevm_complete_live(QEMUFile *f, Machine *m, const StreamOptions *opt,
                          Error **errp)
{
    SaveStateRegistry *reg = machine_get_savevm(m);
    SaveThreads *threads = save_threads_start(reg);
    Error *err = NULL;
    bool ok = complete_sections(f, reg, opt, &err);

    ok = save_threads_join(threads, f, m, ok, &err);
    error_propagate(errp, err);
    return ok;
}

/* The description of all that was written since savevm_save_header(). */
static void put_description(QEMUFile *f, SaveStateRegistry *reg)
{
    json_object *desc = json_object_new_object();
    const char *text;
    size_t len;

    if (reg->config_desc) {
        json_object_object_add(desc, "configuration",
                               json_object_get(reg->config_desc));
    }
    json_object_object_add(desc, "page_size",
                           json_object_new_int64(TARGET_PAGE_SIZE));
    json_object_object_add(desc, "devices",
                           json_object_get(reg->devices_desc));
    text = json_object_to_json_string_length(desc, JSON_C_TO_STRING_PLAIN |
                                             JSON_C_TO_STRING_NOSLASHESCAPE,
                                             &len);
    qemu_put_byte(f, QEMU_VM_VMDESCRIPTION);
    qemu_put_be32(f, len);
    qemu_put_buffer(f, text, len);
    json_object_put(desc);
}

bool savevm_complete_devices(QEMUFile *f, Machine *m, const StreamOptions *opt,
                             Error **errp)
{
    SaveStateRegistry *reg = machine_get_savevm(m);

    SAVEVM_FOREACH(reg, e) {
        if (e->vmsd && !e->vmsd->early_setup && !e->ignored &&
            !save_full(f, reg, e, opt, errp)) {
            return false;
        }
    }
    qemu_put_byte(f, QEMU_VM_EOF);
    if (reg->devices_desc) {
        put_description(f, reg);
    }
    qemu_fflush(f);
    if (qemu_file_get_error(f, errp)) {
        error_prepend(errp, "Error while saving device state: ");
        return false;
    }
    return true;
}

void savevm_use_channels(Machine *m, MultiFDSend *ms)
{
    machine_get_savevm(m)->channels =
        multifd_device_state_supported(ms) ? ms : NULL;
}

void savevm_cleanup(Machine *m)
{
    SaveStateRegistry *reg = machine_get_savevm(m);

    reg->channels = NULL;

    SAVEVM_FOREACH(reg, e) {
        if (e->setup_called) {
            e->setup_called = false;
            if (e->ops->save_cleanup) {
                e->ops->save_cleanup(e->opaque);
            }
        }
    }
    drop_description(reg);
}
