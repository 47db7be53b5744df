/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The qtest server: puts a machine under the control of a test program. */
#ifndef SYSTEM_QTEST_H
#define SYSTEM_QTEST_H

#include "system/chardev.h"
#include "system/machine.h"

typedef struct QtestServer QtestServer;

/*
 * Serve @m on @chr (-qtest), in the main loop.  @log: file to write a log to,
 * NULL: stderr, "none": no log.
 */
QtestServer *qtest_server_new(Machine *m, Chardev *chr, const char *log,
                              Error **errp);
void qtest_server_free(QtestServer *s); /* NULL: nothing */

#endif
