/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -add-fd: descriptors the program was started with, into sets. */
#include "qemu/osdep.h"

#include "qemu/cutils.h"
#include "qemu/fdset.h"
#include "qemu/keyval.h"
#include "system/cli.h"

/* Member @name, a number; -1: it is not there or means nothing. */
static int64_t number(json_object *o, const char *name)
{
    const char *text = json_object_get_string(json_object_object_get(o, name));
    uint64_t n;

    return text && qemu_parse_u64(text, &n) && n <= INT_MAX ? (int64_t)n : -1;
}

/* Those of this program's own all close on exec: such a one is not meant. */
static bool is_inherited(int fd)
{
    int flags = fcntl(fd, F_GETFD);

    return flags >= 0 && !(flags & FD_CLOEXEC);
}

/* *@original is the descriptor that was duplicated. */
static bool add_fd(const char *value, int *original, Error **errp)
{
    static const char *const known[] = { "fd", "set", "opaque", NULL };
    json_object *o = keyval_parse(value, NULL, true, false, NULL, errp);
    int64_t fd, set;
    int copy = -1;

    if (!o) {
        return false;
    }
    fd = number(o, "fd");
    set = number(o, "set");
    if (!cli_only_members(o, known, errp)) {
        /* the error is set */
    } else if (fd < 0) {
        error_setg(errp, "fd option is required and must be non-negative");
    } else if (fd <= STDERR_FILENO) {
        error_setg(errp, "fd cannot be a standard I/O stream");
    } else if (!is_inherited(fd)) {
        error_setg(errp, "fd is not valid or already in use");
    } else if (set < 0) {
        error_setg(errp, "set option is required and must be non-negative");
    } else {
        copy = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        if (copy < 0) {
            error_setg_errno(errp, errno, "cannot duplicate descriptor %d",
                             (int)fd);
        } else {
            fdset_add_fd(copy, set, json_object_get_string(
                json_object_object_get(o, "opaque")));
        }
        *original = fd;
    }
    json_object_put(o);
    return copy >= 0;
}

bool cli_add_fds(const CommandLine *cl)
{
    g_autoptr(GArray) originals = g_array_new(false, false, sizeof(int));

    for (guint i = 0; i < cl->add_fds->len; i++) {
        const CliUse *use = &g_array_index(cl->add_fds, CliUse, i);
        Error *err = NULL;
        int fd;

        if (!add_fd(use->value, &fd, &err)) {
            cli_report(use, err);
            return false;
        }
        g_array_append_val(originals, fd);
    }
    /* Now, not sooner: one descriptor may be for several sets. */
    for (guint i = 0; i < originals->len; i++) {
        int fd = g_array_index(originals, int, i);

        if (is_inherited(fd)) {
            close(fd);
        }
    }
    return true;
}
