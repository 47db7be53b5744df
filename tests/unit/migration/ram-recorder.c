/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"

#include "migration/qemu-file.h"
#include "ram-recorder.h"

#define FLAG_ZERO 0x02
#define FLAG_MEM_SIZE 0x04
#define FLAG_PAGE 0x08
#define FLAG_EOS 0x10
#define FLAG_CONTINUE 0x20
#define FLAG_MULTIFD_FLUSH 0x200

const char *const ram_record_names[RAM_RECORD__MAX] = {
    "MEM_SIZE", "ZERO", "ZERO|CONT", "PAGE", "PAGE|CONT", "EOS",
    "MFLUSH",
};

static void block_free(void *p)
{
    RamRecorderBlock *b = p;

    g_free(b->name);
    g_free(b->data);
    g_free(b);
}

RamRecorder *ram_recorder_new(void)
{
    RamRecorder *r = g_new0(RamRecorder, 1);

    r->blocks = g_ptr_array_new_with_free_func(block_free);
    return r;
}

void ram_recorder_free(RamRecorder *r)
{
    g_ptr_array_unref(r->blocks);
    g_free(r);
}

RamRecorderBlock *ram_recorder_add(RamRecorder *r, const char *name,
                                   uint64_t size)
{
    RamRecorderBlock *b = g_new0(RamRecorderBlock, 1);

    b->name = g_strdup(name);
    b->size = size;
    b->data = g_malloc0(size);
    g_ptr_array_add(r->blocks, b);
    return b;
}

static RamRecorderBlock *find_block(RamRecorder *r, QEMUFile *f, Error **errp)
{
    char name[256];
    guint i;

    qemu_get_counted_string(f, name);
    if (qemu_file_get_error(f, errp)) {
        return NULL;
    }
    for (i = 0; i < r->blocks->len; i++) {
        RamRecorderBlock *b = g_ptr_array_index(r->blocks, i);

        if (!strcmp(b->name, name)) {
            return b;
        }
    }
    error_setg(errp, "unknown RAM block");
    return NULL;
}

static bool read_block_list(RamRecorder *r, QEMUFile *f, uint64_t total,
                            Error **errp)
{
    while (total) {
        RamRecorderBlock *b = find_block(r, f, errp);
        uint64_t len;

        if (!b) {
            return false;
        }
        len = qemu_get_be64(f);
        if (r->x_ignore_shared) {
            qemu_get_be64(f);
        }
        if (qemu_file_get_error(f, errp)) {
            return false;
        }
        if (len != b->size || len > total) {
            error_setg(errp, "bad length of RAM block '%s'", b->name);
            return false;
        }
        total -= len;
    }
    return true;
}

static bool read_page(RamRecorder *r, QEMUFile *f, uint64_t offset,
                      unsigned flags, Error **errp)
{
    bool cont = flags & FLAG_CONTINUE;
    bool zero = flags & FLAG_ZERO;

    if (!cont) {
        r->current = find_block(r, f, errp);
    } else if (!r->current) {
        error_setg(errp, "no block to continue");
    }
    if (!r->current) {
        return false;
    }
    if (offset > r->current->size - TARGET_PAGE_SIZE || r->x_ignore_shared) {
        error_setg(errp, "page outside its block");
        return false;
    }
    if (zero) {
        if (qemu_get_byte(f) != 0) {
            error_setg(errp, "fill byte is not 0");
            return false;
        }
        memset(r->current->data + offset, 0, TARGET_PAGE_SIZE);
        r->count[cont ? RAM_RECORD_ZERO_CONT : RAM_RECORD_ZERO]++;
    } else {
        qemu_get_buffer(f, r->current->data + offset, TARGET_PAGE_SIZE);
        r->count[cont ? RAM_RECORD_PAGE_CONT : RAM_RECORD_PAGE]++;
    }
    return true;
}

static bool recorder_load_state(QEMUFile *f, void *opaque, int version_id,
                                Error **errp)
{
    RamRecorder *r = opaque;

    for (;;) {
        uint64_t word = qemu_get_be64(f);
        uint64_t offset = word & TARGET_PAGE_MASK;
        unsigned flags = word & ~TARGET_PAGE_MASK;
        bool ok = true;

        if (qemu_file_get_error(f, errp)) {
            return false;
        }
        switch (flags & ~FLAG_CONTINUE) {
        case FLAG_MEM_SIZE:
            r->count[RAM_RECORD_MEM_SIZE]++;
            ok = read_block_list(r, f, offset, errp);
            break;
        case FLAG_ZERO:
        case FLAG_PAGE:
            ok = read_page(r, f, offset, flags, errp);
            break;
        case FLAG_EOS:
            r->count[RAM_RECORD_EOS]++;
            return true;
        case FLAG_MULTIFD_FLUSH:
            r->count[RAM_RECORD_MULTIFD_FLUSH]++;
            break;
        default:
            error_setg(errp, "unknown RAM record 0x%x", flags);
            ok = false;
        }
        if (!ok) {
            return false;
        }
    }
}

static bool recorder_load_setup(void *opaque, Error **errp)
{
    RamRecorder *r = opaque;

    r->setups++;
    return true;
}

static void recorder_load_cleanup(void *opaque)
{
    RamRecorder *r = opaque;

    r->cleanups++;
}

const SaveVMHandlers ram_recorder_ops = {
    .load_setup = recorder_load_setup,
    .load_state = recorder_load_state,
    .load_cleanup = recorder_load_cleanup,
};
