/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"

#include "qemu/cutils.h"
#include "qemu/fdset.h"
#include "qemu/thread.h"

#define FDSET_PATH "/dev/fdset/"

typedef struct FdsetEntry {
    int fd;
    char *opaque;
} FdsetEntry;

typedef struct Fdset {
    int64_t id;
    GArray *entries; /* FdsetEntry */
    GArray *opened;  /* int: duplicates that are in use */
} Fdset;

/* Fdset in order of id; made at the first use, gone with the last set. */
static GPtrArray *fdsets;
static QemuMutex fdset_lock = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .initialized = true,
};

static void entry_clear(gpointer data)
{
    FdsetEntry *entry = data;

    close(entry->fd);
    g_free(entry->opaque);
}

static void fdset_free(gpointer data)
{
    Fdset *set = data;

    g_array_unref(set->entries);
    g_array_unref(set->opened);
    g_free(set);
}

/* All that follow, up to the public functions: with the lock held. */

static Fdset *fdset_find(int64_t id)
{
    for (guint i = 0; fdsets && i < fdsets->len; i++) {
        Fdset *set = g_ptr_array_index(fdsets, i);

        if (set->id == id) {
            return set;
        }
    }
    return NULL;
}

static int64_t fdset_free_id(void)
{
    int64_t id = 0;

    while (fdset_find(id)) {
        id++;
    }
    return id;
}

static Fdset *fdset_create(int64_t id)
{
    Fdset *set = g_new0(Fdset, 1);
    guint at = 0;

    set->id = id;
    set->entries = g_array_new(false, false, sizeof(FdsetEntry));
    g_array_set_clear_func(set->entries, entry_clear);
    set->opened = g_array_new(false, false, sizeof(int));
    if (!fdsets) {
        fdsets = g_ptr_array_new_with_free_func(fdset_free);
    }
    while (at < fdsets->len
           && ((Fdset *)g_ptr_array_index(fdsets, at))->id < id) {
        at++;
    }
    g_ptr_array_insert(fdsets, at, set);
    return set;
}

/* A set goes when neither descriptors nor files opened from it are left. */
static void fdset_drop_if_empty(Fdset *set)
{
    if (set->entries->len || set->opened->len) {
        return;
    }
    g_ptr_array_remove(fdsets, set);
    if (!fdsets->len) {
        g_clear_pointer(&fdsets, g_ptr_array_unref);
    }
}

/* ---- the sets ---- */

int64_t fdset_add_fd(int fd, int64_t id, const char *opaque)
{
    FdsetEntry entry = { .fd = fd, .opaque = g_strdup(opaque) };
    Fdset *set;

    QEMU_LOCK_GUARD(&fdset_lock);
    if (id < 0) {
        id = fdset_free_id();
    }
    set = fdset_find(id);
    if (!set) {
        set = fdset_create(id);
    }
    g_array_append_val(set->entries, entry);
    return id;
}

bool fdset_remove_fd(int64_t id, int64_t fd, Error **errp)
{
    bool found = false;
    Fdset *set;

    QEMU_LOCK_GUARD(&fdset_lock);
    set = fdset_find(id);
    for (guint i = set ? set->entries->len : 0; i-- > 0;) {
        if (fd < 0 || g_array_index(set->entries, FdsetEntry, i).fd == fd) {
            g_array_remove_index(set->entries, i);
            found = true;
        }
    }
    if (found) {
        fdset_drop_if_empty(set);
    } else if (fd < 0) {
        error_setg(errp, "File descriptor named 'fdset-id:%" PRId64 "' not "
                   "found", id);
    } else {
        error_setg(errp, "File descriptor named 'fdset-id:%" PRId64 ", fd:%"
                   PRId64 "' not found", id, fd);
    }
    return found;
}

void fdset_foreach(void (*fn)(int64_t id, int fd, const char *opaque,
                              void *opaque2),
                   void *opaque2)
{
    QEMU_LOCK_GUARD(&fdset_lock);
    for (guint i = 0; fdsets && i < fdsets->len; i++) {
        Fdset *set = g_ptr_array_index(fdsets, i);

        for (guint j = 0; j < set->entries->len; j++) {
            FdsetEntry *e = &g_array_index(set->entries, FdsetEntry, j);

            fn(set->id, e->fd, e->opaque, opaque2);
        }
    }
}

void fdset_drop_unused(void)
{
    QEMU_LOCK_GUARD(&fdset_lock);
    for (guint i = fdsets ? fdsets->len : 0; i-- > 0;) {
        Fdset *set = g_ptr_array_index(fdsets, i);

        if (!set->opened->len) {
            g_array_set_size(set->entries, 0);
            fdset_drop_if_empty(set);
        }
    }
}

/* ---- files ---- */

/* With O_DIRECT asked for, one that has it is better than one that has not. */
static int fdset_match(const Fdset *set, int flags)
{
    int second = -1;

    for (guint i = 0; i < set->entries->len; i++) {
        int fd = g_array_index(set->entries, FdsetEntry, i).fd;
        int has = fcntl(fd, F_GETFL);

        if (has < 0 || (has & O_ACCMODE) != (flags & O_ACCMODE)) {
            continue;
        }
        if ((has & O_DIRECT) == (flags & O_DIRECT)) {
            return fd;
        }
        if (second < 0) {
            second = fd;
        }
    }
    return second;
}

static int fdset_dup(const char *name, int flags, Error **errp)
{
    uint64_t id;
    Fdset *set;
    int from, fd;

    if (!qemu_parse_u64(name + strlen(FDSET_PATH), &id) || id > INT64_MAX) {
        errno = EINVAL;
        error_setg(errp, "Could not parse fdset %s", name);
        return -1;
    }
    QEMU_LOCK_GUARD(&fdset_lock);
    set = fdset_find(id);
    if (!set || !set->entries->len) {
        errno = ENOENT;
        error_setg_errno(errp, errno, "Could not open '%s'", name);
        return -1;
    }
    from = fdset_match(set, flags);
    if (from < 0) {
        errno = EACCES;
        error_setg(errp, "Failed to find file descriptor with matching "
                   "flags=0x%x", flags & ~O_CLOEXEC);
        return -1;
    }
    fd = fcntl(from, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        error_setg_errno(errp, errno, "Could not open '%s'", name);
        return -1;
    }
    if ((flags & O_TRUNC) && ftruncate(fd, 0) < 0 && errno != EINVAL) {
        int saved = errno;

        error_setg_errno(errp, errno, "Could not truncate '%s'", name);
        close(fd);
        errno = saved;
        return -1;
    }
    g_array_append_val(set->opened, fd);
    return fd;
}

int qemu_open(const char *name, int flags, mode_t mode, Error **errp)
{
    int fd;

    if (g_str_has_prefix(name, FDSET_PATH)) {
        return fdset_dup(name, flags, errp);
    }
    do {
        fd = open(name, flags | O_CLOEXEC, mode);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) {
        int saved = errno;

        error_setg_errno(errp, errno, "Could not %s '%s'",
                         flags & O_CREAT ? "create" : "open", name);
        errno = saved;
    }
    return fd;
}

int qemu_close(int fd)
{
    QEMU_LOCK_GUARD(&fdset_lock);
    for (guint i = 0; fdsets && i < fdsets->len; i++) {
        Fdset *set = g_ptr_array_index(fdsets, i);

        for (guint j = 0; j < set->opened->len; j++) {
            if (g_array_index(set->opened, int, j) == fd) {
                g_array_remove_index_fast(set->opened, j);
                fdset_drop_if_empty(set);
                return close(fd);
            }
        }
    }
    return close(fd);
}

/* Until the end; errno is set if that fails. */
static bool read_all(int fd, GByteArray *all)
{
    uint8_t buf[4096];
    ssize_t n;

    lseek(fd, 0, SEEK_SET); /* a pipe goes on from where it is */
    do {
        n = read(fd, buf, sizeof(buf));
        if (n > 0) {
            g_byte_array_append(all, buf, n);
        }
    } while (n > 0 || (n < 0 && errno == EINTR));
    return n == 0;
}

bool qemu_read_file(const char *name, char **text, size_t *len, Error **errp)
{
    GByteArray *all;
    bool ok;
    int fd;

    if (!g_str_has_prefix(name, FDSET_PATH)) {
        return g_file_get_contents(name, text, len, errp);
    }
    fd = qemu_open(name, O_RDONLY, 0, NULL);
    if (fd < 0) {
        error_setg_errno(errp, errno, "Failed to open file “%s”", name);
        return false;
    }
    all = g_byte_array_new();
    ok = read_all(fd, all);
    if (!ok) {
        error_setg_errno(errp, errno, "Failed to read from file “%s”", name);
        g_byte_array_free(all, true);
    } else {
        if (len) {
            *len = all->len;
        }
        g_byte_array_append(all, (const uint8_t *)"", 1);
        *text = (char *)g_byte_array_free(all, false);
    }
    qemu_close(fd);
    return ok;
}
