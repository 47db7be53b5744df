/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kinds of described state that hold other objects: temporary structures,
 * lists, trees.  They look like elementary kinds to the walk, and their inner
 * fields stay out of the description: only their size is in it.
 */
#include "qemu/osdep.h"

#include "migration/qemu-file.h"
#include "migration/vmstate-internal.h"

/* Bytes between the elements of lists and trees. */
#define MORE 0x01
#define NO_MORE 0x00

/* ---- tmp: the fields of a structure made for the occasion ---- */

static void *tmp_new(const VMStateField *field, const void *parent)
{
    void *tmp = g_malloc0(field->size);

    /* By convention its first member leads back to the real object. */
    *(const void **)tmp = parent;
    return tmp;
}

static bool get_tmp(QEMUFile *f, void *pv, size_t size,
                    const VMStateField *field, Error **errp)
{
    g_autofree void *tmp = tmp_new(field, pv);
    bool ok;

    ok = vmstate_load(f, field->vmsd, tmp, field->vmsd->version_id, errp);
    vmstate_release(field->vmsd, tmp);
    return ok;
}

static bool put_tmp(QEMUFile *f, const void *pv, size_t size,
                    const VMStateField *field, Error **errp)
{
    g_autofree void *tmp = tmp_new(field, pv);

    return vmstate_save(f, field->vmsd, tmp, errp);
}

const VMStateInfo vmstate_info_tmp = {
    .name = "tmp",
    .get = get_tmp,
    .put = put_tmp,
};

/* ---- queues: MORE and an element, as often as needed, then NO_MORE ---- */

void vmstate_gqueue_clear(GQueue *queue, const VMStateField *field)
{
    void *elem;

    while ((elem = g_queue_pop_head(queue)) != NULL) {
        vmstate_release(field->vmsd, elem);
        g_free(elem);
    }
}

/* Does another element follow?  False with an error for any other byte. */
static bool get_more(QEMUFile *f, bool *more, Error **errp)
{
    uint8_t v = qemu_get_byte(f);

    if (qemu_file_get_error(f, errp)) {
        return false;
    }
    if (v != MORE && v != NO_MORE) {
        error_setg(errp, "byte before the next element is 0x%02x, not 0 or 1",
                   v);
        return false;
    }
    *more = v == MORE;
    return true;
}

/* Elements of @size that one load may make. */
static uint64_t element_limit(const VMStateField *field, size_t size)
{
    return field->limit ? field->limit : VMSTATE_ALLOC_MAX / MAX(size, 1);
}

static bool get_gqueue(QEMUFile *f, void *pv, size_t size,
                       const VMStateField *field, Error **errp)
{
    uint64_t limit = element_limit(field, field->size);
    GQueue *queue = pv;
    bool more;

    vmstate_gqueue_clear(queue, field);
    while (get_more(f, &more, errp)) {
        void *elem;

        if (!more) {
            return true;
        }
        if (queue->length >= limit) {
            error_setg(errp, "more than %" PRIu64 " elements", limit);
            return false;
        }
        /* In the queue at once: a failed load leaves it to the owner. */
        elem = g_malloc0(field->size);
        g_queue_push_tail(queue, elem);
        if (!vmstate_load(f, field->vmsd, elem, field->vmsd->version_id,
                          errp)) {
            error_prepend(errp, "element %u: ", queue->length - 1);
            return false;
        }
    }
    return false;
}

static bool put_gqueue(QEMUFile *f, const void *pv, size_t size,
                       const VMStateField *field, Error **errp)
{
    const GQueue *queue = pv;
    const GList *link;

    for (link = queue->head; link; link = link->next) {
        qemu_put_byte(f, MORE);
        if (!vmstate_save(f, field->vmsd, link->data, errp)) {
            return false;
        }
    }
    qemu_put_byte(f, NO_MORE);
    return true;
}

const VMStateInfo vmstate_info_gqueue = {
    .name = "qtailq",
    .get = get_gqueue,
    .put = put_gqueue,
};

/* ---- trees: the number of nodes, then as a queue of key and value ---- */

typedef struct TreeSave {
    QEMUFile *f;
    const VMStateField *field;
    Error **errp;
    bool ok;
} TreeSave;

/* Keys are plain numbers when the table names no structure for them. */
static const VMStateDescription *tree_key_vmsd(const VMStateField *field)
{
    return field->start ? &field->vmsd[1] : NULL;
}

static gboolean put_gtree_node(void *key, void *value, void *data)
{
    TreeSave *ts = data;
    const VMStateDescription *key_vmsd = tree_key_vmsd(ts->field);

    qemu_put_byte(ts->f, MORE);
    if (key_vmsd) {
        ts->ok = vmstate_save(ts->f, key_vmsd, key, ts->errp);
    } else {
        qemu_put_be64(ts->f, (uintptr_t)key);
    }
    ts->ok = ts->ok && vmstate_save(ts->f, ts->field->vmsd, value, ts->errp);
    return !ts->ok; /* true ends the walk */
}

static bool put_gtree(QEMUFile *f, const void *pv, size_t size,
                      const VMStateField *field, Error **errp)
{
    GTree *tree = *(GTree *const *)pv;
    TreeSave ts = { .f = f, .field = field, .errp = errp, .ok = true };

    qemu_put_be32(f, tree ? g_tree_nnodes(tree) : 0);
    if (tree) {
        g_tree_foreach(tree, put_gtree_node, &ts);
    }
    qemu_put_byte(f, NO_MORE);
    return ts.ok;
}

static void free_node(const VMStateField *field, void *key, void *value)
{
    const VMStateDescription *key_vmsd = tree_key_vmsd(field);

    if (key_vmsd && key) {
        vmstate_release(key_vmsd, key);
        g_free(key);
    }
    if (value) {
        vmstate_release(field->vmsd, value);
        g_free(value);
    }
}

/* One key with its value into @tree. */
static bool get_gtree_node(QEMUFile *f, const VMStateField *field, GTree *tree,
                           Error **errp)
{
    const VMStateDescription *key_vmsd = tree_key_vmsd(field);
    void *value = g_malloc0(field->size);
    void *key = NULL;
    bool ok = true;

    if (key_vmsd) {
        key = g_malloc0(field->start);
        ok = vmstate_load(f, key_vmsd, key, key_vmsd->version_id, errp);
    } else {
        key = (void *)(uintptr_t)qemu_get_be64(f);
    }
    ok = ok && vmstate_load(f, field->vmsd, value, field->vmsd->version_id,
                            errp);
    if (ok && g_tree_lookup_extended(tree, key, NULL, NULL)) {
        error_setg(errp, "the same key twice");
        ok = false;
    }
    if (!ok) {
        free_node(field, key, value);
        return false;
    }
    g_tree_insert(tree, key, value);
    return true;
}

static bool get_gtree(QEMUFile *f, void *pv, size_t size,
                      const VMStateField *field, Error **errp)
{
    uint64_t limit = element_limit(field, field->size + field->start);
    GTree *tree = *(GTree **)pv;
    uint32_t nodes = qemu_get_be32(f);
    uint32_t n = 0;
    bool more;

    if (qemu_file_get_error(f, errp)) {
        return false;
    }
    if (!tree || nodes > limit) {
        error_setg(errp, "%" PRIu32 " nodes, at most %" PRIu64 " allowed",
                   nodes, tree ? limit : 0);
        return false;
    }
    /* Empties it without ending its life. */
    g_tree_destroy(g_tree_ref(tree));
    while (get_more(f, &more, errp)) {
        if (more ? n >= nodes : n != nodes) {
            error_setg(errp, "%s nodes than the %" PRIu32 " announced",
                       more ? "more" : "fewer", nodes);
            return false;
        }
        if (!more) {
            return true;
        }
        if (!get_gtree_node(f, field, tree, errp)) {
            error_prepend(errp, "node %" PRIu32 ": ", n);
            return false;
        }
        n++;
    }
    return false;
}

const VMStateInfo vmstate_info_gtree = {
    .name = "gtree",
    .get = get_gtree,
    .put = put_gtree,
};
