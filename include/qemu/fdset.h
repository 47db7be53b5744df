/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Numbered sets of descriptors, and files opened by name, where the name
 * /dev/fdset/N stands for a fitting descriptor of set N.
 *
 * Like descriptors themselves the sets belong to the process: two machines in
 * one process see the same ones.  All functions may be called by any thread.
 */
#ifndef QEMU_FDSET_H
#define QEMU_FDSET_H

#include "qemu/error.h"

/*
 * Put @fd into set @id, or with @id < 0 into a new set with the lowest free
 * number.  @opaque: text to find it again by, or NULL; copied.  @fd is the
 * set's then.  Returns the set's number.
 */
int64_t fdset_add_fd(int fd, int64_t id, const char *opaque);
/*
 * Close @fd of set @id, or all of the set if @fd < 0.  What was opened from
 * them stays open.
 */
bool fdset_remove_fd(int64_t id, int64_t fd, Error **errp);
/* Call @fn for each descriptor, sets in order of their numbers; locked. */
void fdset_foreach(void (*fn)(int64_t id, int fd, const char *opaque,
                              void *opaque2),
                   void *opaque2);
/*
 * Nobody is left who could name the sets: close those that no open file came
 * from.
 */
void fdset_drop_unused(void);

/*
 * Open a file, close-on-exec.  Returns the descriptor, to be closed by
 * qemu_close(); -1 with errno set and an error that names the file.  From a
 * set comes a duplicate of the first descriptor that has the access mode
 * @flags asks for; O_TRUNC empties its file.
 */
int qemu_open(const char *name, int flags, mode_t mode, Error **errp);
int qemu_close(int fd);
/*
 * All of a file, as g_file_get_contents() gives it: *@text is freed by
 * g_free(), followed by a NUL; @len may be NULL.  A file of a set is read from
 * its beginning, if it has one.
 */
bool qemu_read_file(const char *name, char **text, size_t *len, Error **errp);

#endif
