/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Receiving guest memory.
 *
 * Records are taken apart where they lie in the stream's read buffer, and
 * checked; ram-store.c puts the pages where they belong, in a thread of its
 * own where there is enough to do (store-queue.c).  That never reaches beyond
 * a section: when one is loaded, or has failed, nothing is left to be stored.
 */
#include "qemu/osdep.h"
#include "migration/ram.h"

#include "migration/store-queue.h"

struct RAMLoad {
    GPtrArray *blocks; /* of LoadBlock */
    LoadBlock *last;   /* what CONTINUE refers to, across sections */
    bool listed;       /* the block list has come */
    bool synced;       /* a sync point of multifd channels has come */
    StoreQueue *queue;
};

/* The list does not change between two sync points of multifd channels. */
static LoadBlock *load_block_find(void *opaque, const uint8_t *name,
                                  size_t len)
{
    RAMLoad *load = opaque;

    for (guint i = 0; i < load->blocks->len; i++) {
        LoadBlock *lb = load->blocks->pdata[i];

        if (strlen(lb->idstr) == len && !memcmp(lb->idstr, name, len)) {
            return lb;
        }
    }
    return NULL;
}

static LoadBlock *load_block_add(RAMLoad *load, const char *idstr)
{
    LoadBlock *lb = load_block_new(idstr);

    g_ptr_array_add(load->blocks, lb);
    return lb;
}

bool ram_load_setup(void *opaque, Error **errp)
{
    RAMState *rs = opaque;
    RAMLoad *load = g_new0(RAMLoad, 1);
    uint64_t ahead = rs->config.multifd_recv
                         ? multifd_recv_ahead(rs->config.multifd_recv) : 0;

    ram_load_cleanup(rs);
    load->blocks = g_ptr_array_new_with_free_func(load_block_free);
    load->queue = store_queue_new();
    rs->load = load;
    RAMBLOCK_FOREACH_MIGRATABLE(rs->machine, b) {
        LoadBlock *lb = load_block_add(load, b->idstr);

        load_block_attach(lb, b, ahead);
        lb->skipped = ram_block_ignored(&rs->config, b);
    }
    if (rs->config.multifd_recv) {
        multifd_recv_start(rs->config.multifd_recv, load_block_find, load);
    }
    return true;
}

void ram_load_cleanup(void *opaque)
{
    RAMState *rs = opaque;

    if (rs->load) {
        if (rs->config.multifd_recv) {
            multifd_recv_cleanup(rs->config.multifd_recv);
        }
        store_queue_free(rs->load->queue);
        g_ptr_array_unref(rs->load->blocks);
        g_clear_pointer(&rs->load, g_free);
    }
}

/* ---- the block list ---- */

static bool load_block_list_entry(RAMState *rs, QEMUFile *f, uint64_t *left,
                                  Error **errp)
{
    RAMLoad *load = rs->load;
    char idstr[256];
    size_t len = qemu_get_counted_string(f, idstr);
    uint64_t length = qemu_get_be64(f);
    uint64_t gpa = rs->config.ignore_shared ? qemu_get_be64(f) : 0;
    LoadBlock *lb;

    if (!len || qemu_file_get_error(f, errp)) {
        if (errp && !*errp) {
            error_setg(errp, "empty name in the list of RAM blocks");
        }
        return false;
    }
    if (length > *left) {
        error_setg(errp, "RAM block '%s' has length 0x%" PRIx64 ", but only 0x%"
                   PRIx64 " of the announced total is left", idstr, length,
                   *left);
        return false;
    }
    *left -= length;
    lb = load_block_find(load, (const uint8_t *)idstr, len);
    if (!lb && machine_ram_ignored(rs->machine, idstr)) {
        lb = load_block_add(load, idstr);
        lb->length = length;
    }
    if (!lb) {
        error_setg(errp, "Unknown ramblock \"%s\", cannot accept migration",
                   idstr);
        return false;
    }
    if (length != lb->length) {
        error_setg(errp, "Size mismatch: %s: 0x%" PRIx64 " != 0x%" PRIx64
                   " (source's RAM block is not of this machine's size)",
                   idstr, length, lb->length);
        return false;
    }
    if (lb->skipped && gpa != lb->rb->gpa) {
        error_setg(errp, "Mismatched GPAs for block %s: 0x%" PRIx64
                   " != 0x%" PRIx64, idstr, gpa, lb->rb->gpa);
        return false;
    }
    return true;
}

static bool load_block_list(RAMState *rs, QEMUFile *f, uint64_t total,
                            Error **errp)
{
    if (rs->load->listed && rs->config.multifd_recv) {
        error_setg(errp, "a second list of RAM blocks, with multifd");
        return false;
    }
    rs->load->listed = true;
    while (total) {
        if (!load_block_list_entry(rs, f, &total, errp)) {
            return false;
        }
    }
    return true;
}

/* ---- records ---- */

int ram_record_parse(const uint8_t *buf, size_t len, RAMRecord *rec,
                     Error **errp)
{
    uint64_t word;
    size_t at = sizeof(word);

    rec->size = at;
    if (len < at) {
        return 0;
    }
    memcpy(&word, buf, sizeof(word));
    word = GUINT64_FROM_BE(word);
    rec->offset = word & TARGET_PAGE_MASK;
    rec->flag = word & RAM_SAVE_FLAG_MASK & ~RAM_SAVE_FLAG_CONTINUE;
    rec->has_name = false;
    rec->name_len = 0;
    if (rec->flag == RAM_SAVE_FLAG_EOS ||
        rec->flag == RAM_SAVE_FLAG_MEM_SIZE ||
        rec->flag == RAM_SAVE_FLAG_MULTIFD_FLUSH) {
        return 1;
    }
    if (rec->flag != RAM_SAVE_FLAG_PAGE && rec->flag != RAM_SAVE_FLAG_ZERO) {
        error_setg(errp, "Unknown combination of migration flags: 0x%x in a "
                   "RAM record", rec->flag);
        return -1;
    }
    if (!(word & RAM_SAVE_FLAG_CONTINUE)) {
        rec->size = at + 1;
        if (len < rec->size) {
            return 0;
        }
        rec->has_name = true;
        rec->name_len = buf[at];
        rec->name = buf + at + 1;
        at += 1 + rec->name_len;
    }
    rec->data = buf + at;
    rec->size = at + (rec->flag == RAM_SAVE_FLAG_PAGE ? TARGET_PAGE_SIZE : 1);
    return len >= rec->size;
}

/* Check @rec against the block it is for; NULL: error. */
static LoadBlock *record_block(RAMLoad *load, const RAMRecord *rec,
                               Error **errp)
{
    LoadBlock *lb = load->last;

    if (rec->has_name) {
        lb = load_block_find(load, rec->name, rec->name_len);
        if (!lb) {
            g_autofree char *name =
                g_strndup((const char *)rec->name, rec->name_len);
            g_autofree char *shown = g_strescape(name, NULL);

            error_setg(errp, "RAM record for unknown block '%s'", shown);
            return NULL;
        }
        load->last = lb;
    }
    if (!lb) {
        error_setg(errp, "RAM record continues a block, but none was named");
        return NULL;
    }
    if (rec->offset >= lb->length) {
        error_setg(errp, "Illegal RAM offset 0x%" PRIx64 " in block '%s' of "
                   "0x%" PRIx64 " bytes", rec->offset, lb->idstr, lb->length);
        return NULL;
    }
    if (lb->skipped) {
        error_setg(errp, "RAM record for block '%s', which x-ignore-shared "
                   "leaves out", lb->idstr);
        return NULL;
    }
    return lb;
}

static bool load_page_record(RAMLoad *load, const RAMRecord *rec, Error **errp)
{
    LoadBlock *lb = record_block(load, rec, errp);
    uint64_t page = rec->offset / TARGET_PAGE_SIZE;

    if (!lb) {
        return false;
    }
    if (rec->flag == RAM_SAVE_FLAG_ZERO && *rec->data) {
        error_setg(errp, "RAM record fills a page of block '%s' with 0x%02x, "
                   "only 0 is allowed", lb->idstr, *rec->data);
        return false;
    }
    if (lb->rb) {
        store_queue_add(load->queue, lb, page,
                        rec->flag == RAM_SAVE_FLAG_ZERO ? NULL : rec->data);
    }
    return true;
}

/*
 * A sync point of multifd channels: what came before, by whatever way, is
 * stored before anything that comes after it.
 */
static bool load_multifd_sync(RAMState *rs, Error **errp)
{
    RAMLoad *load = rs->load;

    if (!rs->config.multifd_recv) {
        error_setg(errp, "RAM record MULTIFD_FLUSH, but multifd is off here");
        return false;
    }
    if (!load->listed) {
        error_setg(errp, "sync point of multifd before the list of RAM "
                   "blocks");
        return false;
    }
    load->synced = true;
    return store_queue_finish(load->queue, errp) &&
           multifd_recv_sync_main(rs->config.multifd_recv, errp);
}

/*
 * A MULTIFD_FLUSH record.  Where the ends of sections are the sync points no
 * source sends one: this one counts otherwise than we do.
 */
static bool load_multifd_flush(RAMState *rs, Error **errp)
{
    if (rs->config.multifd_flush_each_section) {
        error_setg(errp, "RAM record MULTIFD_FLUSH, but the destination has "
                   "migration.multifd-flush-after-each-section=on");
        return false;
    }
    return load_multifd_sync(rs, errp);
}

/*
 * The end of a section.  A source that has multifd passes a sync point before
 * the end of the first one; without it, nobody would wait for the channels.
 */
static bool load_multifd_eos(RAMState *rs, Error **errp)
{
    if (!rs->config.multifd_recv) {
        return true;
    }
    if (rs->config.multifd_flush_each_section) {
        return load_multifd_sync(rs, errp);
    }
    if (!rs->load->synced) {
        error_setg(errp, "no MULTIFD_FLUSH record before the end of the first "
                   "RAM section: a source before 8.1 needs migration."
                   "multifd-flush-after-each-section=on on the destination");
        return false;
    }
    return true;
}

/* Have more of the stream in the buffer than the @len bytes of a fragment. */
static bool load_need(QEMUFile *f, size_t len, Error **errp)
{
    const uint8_t *p;

    if (qemu_peek_buffer(f, &p, len) >= len) {
        return true;
    }
    if (!qemu_file_get_error(f, errp)) {
        error_setg(errp, "stream ends within a RAM record");
    }
    return false;
}

/*
 * List the records at @p.  1: *@rec ends them: EOS, MEM_SIZE or MULTIFD_FLUSH;
 * 0: more has to be read, or no more can be listed; -1: error.  *@used: the
 * bytes taken.
 */
static int load_list(RAMLoad *load, const uint8_t *p, size_t avail,
                     size_t *used, RAMRecord *rec, Error **errp)
{
    for (;;) {
        int ret = ram_record_parse(p + *used, avail - *used, rec, errp);

        if (ret <= 0) {
            return ret;
        }
        if (rec->flag == RAM_SAVE_FLAG_EOS ||
            rec->flag == RAM_SAVE_FLAG_MEM_SIZE ||
            rec->flag == RAM_SAVE_FLAG_MULTIFD_FLUSH) {
            *used += rec->size;
            return 1;
        }
        if (!load_page_record(load, rec, errp)) {
            return -1;
        }
        *used += rec->size;
        if (store_queue_full(load->queue)) {
            return 0;
        }
    }
}

/*
 * Take all records of the section that lie in the buffer.  1: the section has
 * ended, 0: go on with *@need bytes in the buffer, -1: error; one of storing
 * is left to store_queue_finish().  Everything behind a MEM_SIZE word is read
 * by way of the stream, so that one ends the piece; so does a sync point.
 */
static int load_buffered(RAMState *rs, QEMUFile *f, size_t *need, Error **errp)
{
    RAMLoad *load = rs->load;
    const uint8_t *p;
    size_t avail = qemu_file_buffered(f, &p), used = 0;
    RAMRecord rec = { 0 };
    int ret;

    if (!store_queue_begin(load->queue)) {
        return -1;
    }
    ret = load_list(load, p, avail, &used, &rec, errp);
    *need = ret == 0 && !store_queue_full(load->queue) ? rec.size
                                                       : sizeof(uint64_t);
    qemu_file_skip(f, used);
    /* The buffer is about to move on. */
    if (ret == 0 && used >= STORE_HANDOFF_BYTES &&
        !store_queue_full(load->queue)) {
        store_queue_submit(load->queue, f);
    } else if (!store_queue_finish(load->queue, NULL)) {
        return -1;
    }
    if (ret > 0 && rec.flag == RAM_SAVE_FLAG_MEM_SIZE) {
        return load_block_list(rs, f, rec.offset, errp) ? 0 : -1;
    }
    if (ret > 0 && rec.flag == RAM_SAVE_FLAG_MULTIFD_FLUSH) {
        return load_multifd_flush(rs, errp) ? 0 : -1;
    }
    if (ret > 0 && !load_multifd_eos(rs, errp)) {
        return -1;
    }
    return ret;
}

static bool load_section(RAMState *rs, QEMUFile *f, Error **errp)
{
    size_t need = sizeof(uint64_t);
    int ret;

    do {
        if (!load_need(f, need, errp)) {
            return false;
        }
        ret = load_buffered(rs, f, &need, errp);
    } while (ret == 0);
    return ret > 0;
}

bool ram_load_state(QEMUFile *f, void *opaque, int version_id, Error **errp)
{
    RAMState *rs = opaque;
    Error *err = NULL, *store_err = NULL;
    bool ok;

    if (version_id != RAM_SECTION_VERSION) {
        error_setg(errp, "section 'ram' has version %d, only %d is known",
                   version_id, RAM_SECTION_VERSION);
        return false;
    }
    if (!rs->load) {
        error_setg(errp, "section 'ram' outside of a load");
        return false;
    }
    ok = load_section(rs, f, &err);
    if (!store_queue_finish(rs->load->queue, &store_err)) {
        /* That happened to earlier records than what was found after it. */
        error_free(err);
        err = store_err;
        ok = false;
    }
    if (err) {
        error_propagate(errp, err);
    }
    return ok;
}
