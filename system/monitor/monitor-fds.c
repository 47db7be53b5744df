/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The descriptors that a connection holds.
 *
 * The kernel ends a read after the bytes that came with descriptors, so the
 * end of that read tells which command they were sent with, even when the
 * client sends several commands before it waits for the first reply.
 */
#include "qemu/osdep.h"

#include "monitor-fds.h"

typedef struct ReceivedFd {
    int fd;
    uint64_t end;
} ReceivedFd;

static void named_fd_free(gpointer value)
{
    close(GPOINTER_TO_INT(value));
}

void monitor_fds_init(MonitorFds *f)
{
    qemu_mutex_init(&f->lock);
    f->received = g_array_new(false, false, sizeof(ReceivedFd));
    f->named = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                     named_fd_free);
}

void monitor_fds_clear(MonitorFds *f)
{
    QEMU_LOCK_GUARD(&f->lock);
    for (guint i = 0; i < f->received->len; i++) {
        close(g_array_index(f->received, ReceivedFd, i).fd);
    }
    g_array_set_size(f->received, 0);
    g_hash_table_remove_all(f->named);
}

void monitor_fds_destroy(MonitorFds *f)
{
    monitor_fds_clear(f);
    g_array_unref(f->received);
    g_hash_table_unref(f->named);
    qemu_mutex_destroy(&f->lock);
}

void monitor_fds_received(MonitorFds *f, const int *fds, size_t n,
                          uint64_t end)
{
    QEMU_LOCK_GUARD(&f->lock);
    for (size_t i = 0; i < n; i++) {
        ReceivedFd received = { .fd = fds[i], .end = end };

        g_array_append_val(f->received, received);
    }
}

int monitor_fds_take_received(MonitorFds *f, uint64_t start, Error **errp)
{
    ReceivedFd *first;
    int fd;

    QEMU_LOCK_GUARD(&f->lock);
    first = &g_array_index(f->received, ReceivedFd, 0);
    while (f->received->len && first->end < start) {
        close(first->fd);
        g_array_remove_index(f->received, 0);
    }
    if (!f->received->len) {
        error_setg(errp, "No file descriptor supplied via SCM_RIGHTS");
        return -1;
    }
    fd = first->fd;
    g_array_remove_index(f->received, 0);
    return fd;
}

bool monitor_fds_name(MonitorFds *f, const char *name, uint64_t start,
                      Error **errp)
{
    int fd = monitor_fds_take_received(f, start, errp);

    if (fd < 0) {
        return false;
    }
    if (g_ascii_isdigit(*name)) {
        close(fd);
        error_setg(errp, "Parameter 'fdname' expects a name not starting "
                         "with a digit");
        return false;
    }
    QEMU_LOCK_GUARD(&f->lock);
    g_hash_table_replace(f->named, g_strdup(name), GINT_TO_POINTER(fd));
    return true;
}

bool monitor_fds_close(MonitorFds *f, const char *name, Error **errp)
{
    QEMU_LOCK_GUARD(&f->lock);
    if (!g_hash_table_remove(f->named, name)) {
        error_setg(errp, "File descriptor named '%s' not found", name);
        return false;
    }
    return true;
}

int monitor_fds_take(MonitorFds *f, const char *name, Error **errp)
{
    gpointer key, value;

    QEMU_LOCK_GUARD(&f->lock);
    if (!g_hash_table_steal_extended(f->named, name, &key, &value)) {
        error_setg(errp, "File descriptor named '%s' has not been found",
                   name);
        return -1;
    }
    g_free(key);
    return GPOINTER_TO_INT(value);
}
