/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading the main channel.  Nothing that comes from it is trusted: names and
 * ids are looked up, versions and lengths checked, and every failure says
 * where in the stream it was.
 */
#include "qemu/osdep.h"

#include "migration/savevm-internal.h"

/* Longest description that is read (and dropped); large ones have 100 KiB. */
#define VMDESC_MAX ((uint32_t)(64 * MiB))
/* Different section ids in one stream: far beyond any machine. */
#define SECTION_IDS_MAX 65536

/* What a section id stands for, since its START or FULL. */
typedef struct LoadSection {
    SaveStateEntry *entry;
    int version;
} LoadSection;

typedef struct LoadState {
    QEMUFile *f;
    LoadContext *ctx;
    SaveStateRegistry *reg;
    GHashTable *sections; /* section id -> LoadSection */
    LoadThreads *threads;
} LoadState;

/* ---- sections ---- */

/* A throw-away object takes what this machine has no device for. */
static bool load_ignored(LoadState *ls, const LoadSection *s, Error **errp)
{
    g_autofree void *obj = g_malloc0(s->entry->ignored_size);
    bool ok;

    ok = vmstate_load(ls->f, s->entry->vmsd, obj, s->version, errp);
    vmstate_release(s->entry->vmsd, obj);
    return ok;
}

static bool load_payload(LoadState *ls, const LoadSection *s, Error **errp)
{
    SaveStateEntry *e = s->entry;
    bool ok;

    if (e->ops) {
        return e->ops->load_state(ls->f, e->opaque, s->version, errp);
    }
    if (e->ignored) {
        return load_ignored(ls, s, errp);
    }
    bql_lock(ls->ctx->machine);
    qemu_file_drop_lock(ls->f, ls->ctx->machine);
    ok = vmstate_load(ls->f, e->vmsd, e->opaque, s->version, errp);
    qemu_file_drop_lock(ls->f, NULL);
    bql_unlock(ls->ctx->machine);
    return ok;
}

static bool load_footer(LoadState *ls, uint32_t section_id, Error **errp)
{
    uint8_t mark;
    uint32_t id;

    if (!ls->ctx->opt->send_section_footer) {
        return true;
    }
    mark = qemu_get_byte(ls->f);
    if (qemu_file_get_error(ls->f, errp)) {
        error_prepend(errp, "section footer: ");
        return false;
    }
    if (mark != QEMU_VM_SECTION_FOOTER) {
        error_setg(errp, "section footer is missing: found 0x%02x", mark);
        return false;
    }
    id = qemu_get_be32(ls->f);
    if (qemu_file_get_error(ls->f, errp)) {
        error_prepend(errp, "section footer: ");
        return false;
    }
    if (id != section_id) {
        error_setg(errp, "section footer is of section id %" PRIu32
                   ", not %" PRIu32, id, section_id);
        return false;
    }
    return true;
}

void load_tell_section(LoadContext *ctx, const SaveStateEntry *e)
{
    g_autofree char *name = savevm_entry_name(e);

    g_strlcpy(ctx->section, name, sizeof(ctx->section));
}

static bool load_section(LoadState *ls, const LoadSection *s,
                         uint32_t section_id, Error **errp)
{
    ls->ctx->stage = LOAD_IN_SECTION;
    ls->ctx->section_id = section_id;
    load_tell_section(ls->ctx, s->entry);
    /* A stream error behind the back of the handler counts, too. */
    if (load_payload(ls, s, errp) && !qemu_file_get_error(ls->f, errp) &&
        load_footer(ls, section_id, errp)) {
        ls->ctx->stage = LOAD_BETWEEN;
        return true;
    }
    error_prepend(errp, "Error while loading section '%s' instance %" PRIu32
                  ": ", s->entry->idstr, s->entry->instance_id);
    return false;
}

/* A section that names itself: START or FULL. */
static bool load_start(LoadState *ls, Error **errp)
{
    uint32_t section_id, instance_id, version;
    LoadSection s, *known;
    char idstr[256];

    section_id = qemu_get_be32(ls->f);
    ls->ctx->stage = LOAD_IN_SECTION;
    ls->ctx->section_id = section_id;
    ls->ctx->section[0] = '\0';
    qemu_get_counted_string(ls->f, idstr);
    instance_id = qemu_get_be32(ls->f);
    version = qemu_get_be32(ls->f);
    if (qemu_file_get_error(ls->f, errp)) {
        error_prepend(errp, "Error while reading the head of a section: ");
        return false;
    }
    s.entry = savevm_registry_find(ls->reg, idstr, instance_id);
    if (!s.entry) {
        g_autofree char *shown = g_strescape(idstr, NULL);

        error_setg(errp, "section '%s' instance %" PRIu32 " is unknown: this "
                   "machine has no such device", shown, instance_id);
        return false;
    }
    if (version > (uint32_t)s.entry->version_id) {
        error_setg(errp, "Error while loading section '%s' instance %" PRIu32
                   ": version %" PRIu32 " is newer than %d, the newest known",
                   idstr, instance_id, version, s.entry->version_id);
        return false;
    }
    s.version = version;
    known = g_hash_table_lookup(ls->sections, GUINT_TO_POINTER(section_id));
    if (!known) {
        if (g_hash_table_size(ls->sections) >= SECTION_IDS_MAX) {
            error_setg(errp, "more than %d section ids in one stream",
                       SECTION_IDS_MAX);
            return false;
        }
        known = g_new(LoadSection, 1);
        g_hash_table_insert(ls->sections, GUINT_TO_POINTER(section_id), known);
    }
    *known = s;
    load_threads_section_begins(ls->threads, s.entry, section_id);
    return load_section(ls, &s, section_id, errp);
}

/* A section that continues one: PART or END. */
static bool load_part(LoadState *ls, StreamElement type, Error **errp)
{
    uint32_t section_id = qemu_get_be32(ls->f);
    LoadSection *s;

    if (qemu_file_get_error(ls->f, errp)) {
        error_prepend(errp, "Error while reading the head of a section: ");
        return false;
    }
    s = g_hash_table_lookup(ls->sections, GUINT_TO_POINTER(section_id));
    if (!s) {
        error_setg(errp, "a section continues section id %" PRIu32
                   ", which has not started", section_id);
        return false;
    }
    if (!load_section(ls, s, section_id, errp)) {
        return false;
    }
    if (type == QEMU_VM_SECTION_END) {
        load_threads_section_ended(ls->threads, s->entry);
    }
    return true;
}

/* ---- the rest of the stream ---- */

static bool load_header(LoadState *ls, Error **errp)
{
    uint32_t magic = qemu_get_be32(ls->f);
    uint32_t version;
    int type;

    if (qemu_file_get_error(ls->f, errp)) {
        error_prepend(errp, "Error while reading the stream header: ");
        return false;
    }
    if (magic != QEMU_VM_FILE_MAGIC) {
        error_setg(errp, "Not a migration stream: it begins with 0x%08" PRIx32,
                   magic);
        return false;
    }
    version = qemu_get_be32(ls->f);
    if (qemu_file_get_error(ls->f, errp)) {
        error_prepend(errp, "Error while reading the stream header: ");
        return false;
    }
    if (version != QEMU_VM_FILE_VERSION) {
        error_setg(errp, "Stream version %" PRIu32 " is %s, version %d is "
                   "expected", version,
                   version == QEMU_VM_FILE_VERSION_OBSOLETE ? "obsolete"
                                                            : "unknown",
                   QEMU_VM_FILE_VERSION);
        return false;
    }
    if (!ls->ctx->opt->send_configuration) {
        return true;
    }
    type = qemu_get_byte(ls->f);
    if (qemu_file_get_error(ls->f, errp) ||
        (type == QEMU_VM_CONFIGURATION &&
         !savevm_config_load(ls->f, ls->ctx->machine, ls->ctx->opt, errp))) {
        error_prepend(errp, "Error while loading the configuration: ");
        return false;
    }
    if (type != QEMU_VM_CONFIGURATION) {
        error_setg(errp, "Configuration is missing: found element 0x%02x "
                   "(send-configuration must be alike on both sides)", type);
        return false;
    }
    return true;
}

static bool load_elements(LoadState *ls, Error **errp)
{
    for (;;) {
        uint8_t type = qemu_get_byte(ls->f);
        bool ok;

        if (qemu_file_get_error(ls->f, errp)) {
            error_prepend(errp, "Error while waiting for a section, a command "
                          "or the end mark: ");
            return false;
        }
        switch (type) {
        case QEMU_VM_EOF:
            return true;
        case QEMU_VM_SECTION_START:
        case QEMU_VM_SECTION_FULL:
            ok = load_start(ls, errp);
            break;
        case QEMU_VM_SECTION_PART:
        case QEMU_VM_SECTION_END:
            ok = load_part(ls, type, errp);
            break;
        case QEMU_VM_COMMAND:
            ok = loadvm_command(ls->f, ls->ctx, errp);
            break;
        default:
            error_setg(errp, "Unknown section type 0x%02x in the stream",
                       type);
            ok = false;
        }
        if (!ok) {
            return false;
        }
    }
}

/*
 * Read the description and drop it, so that the source is not cut off while it
 * writes.  The guest is complete since the end mark, and a source without a
 * return path has given it up when it wrote that: whatever is wrong from here
 * on is worth a warning, but no failure.
 */
static void skip_description(LoadState *ls)
{
    int type = qemu_peek_byte(ls->f, 0);
    uint32_t len = 0, done;

    if (type == QEMU_VM_VMDESCRIPTION) {
        qemu_file_skip(ls->f, 1);
        len = qemu_get_be32(ls->f);
    }
    if (type != QEMU_VM_VMDESCRIPTION || len > VMDESC_MAX) {
        warn_report("the stream ends without its description");
        return;
    }
    for (done = 0; done < len && !qemu_file_has_error(ls->f);) {
        uint8_t sink[4096];
        uint32_t n = MIN(len - done, sizeof(sink));

        qemu_get_buffer(ls->f, sink, n);
        done += n;
    }
    if (qemu_file_has_error(ls->f)) {
        warn_report("the stream ends within its description");
    }
}

/* Returns how many handlers were set up, in *@n, also when one fails. */
static bool setup_handlers(LoadState *ls, guint *n, Error **errp)
{
    bool ok = true;

    *n = 0;
    bql_lock(ls->ctx->machine);
    SAVEVM_FOREACH(ls->reg, e) {
        if (!e->ops || !ok) {
            break; /* live handlers stand first */
        }
        if (e->ops->load_setup && !e->ops->load_setup(e->opaque, errp)) {
            error_prepend(errp, "Error while preparing to load section '%s': ",
                          e->idstr);
            ok = false;
        }
        *n += 1;
    }
    bql_unlock(ls->ctx->machine);
    return ok;
}

static void cleanup_handlers(LoadState *ls, guint n)
{
    SAVEVM_FOREACH(ls->reg, e) {
        if (n == 0) {
            break;
        }
        n--;
        if (e->ops->load_cleanup) {
            e->ops->load_cleanup(e->opaque);
        }
    }
}

bool loadvm_state(QEMUFile *f, LoadContext *ctx, Error **errp)
{
    LoadState ls = {
        .f = f,
        .ctx = ctx,
        .reg = machine_get_savevm(ctx->machine),
    };
    guint handlers;
    bool ok, set_up;

    ls.sections = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    global_state_reset(ls.reg);
    ctx->stage = LOAD_BEGINNING;
    ok = load_header(&ls, errp);
    if (ok) {
        ctx->stage = LOAD_BETWEEN;
        ls.threads = load_threads_new(ls.reg, ctx->multifd);
        set_up = setup_handlers(&ls, &handlers, errp);
        if (set_up) {
            load_threads_ready(ls.threads);
        }
        ok = set_up && load_elements(&ls, errp);
        if (ok && savevm_wants_vmdesc(ctx->machine, ctx->opt)) {
            skip_description(&ls);
        }
        /* What the channels bring has no end mark: the devices know. */
        ok = load_threads_join(ls.threads, ok, ctx, ok ? errp : NULL) && ok;
        load_threads_free(ls.threads);
        cleanup_handlers(&ls, handlers);
    }
    g_hash_table_unref(ls.sections);
    return ok;
}
