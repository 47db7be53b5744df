/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QIOTask: one asynchronous operation, run in a worker thread. */
#ifndef IO_TASK_H
#define IO_TASK_H

#include <glib-object.h>

#include "qemu/error.h"

typedef struct QIOTask QIOTask;
typedef void (*QIOTaskFunc)(QIOTask *task, gpointer opaque);
typedef void (*QIOTaskWorker)(QIOTask *task, gpointer opaque);

/* @source stays referenced until the task is done; @fn runs at completion. */
QIOTask *qio_task_new(GObject *source, QIOTaskFunc fn, gpointer opaque,
                      GDestroyNotify destroy);
/* What the thread is called, a string that stays; default: "io-task". */
void qio_task_set_thread_name(QIOTask *task, const char *name);
/* Run @worker in a thread, then complete in @context.  Frees the task. */
void qio_task_run_in_thread(QIOTask *task, QIOTaskWorker worker,
                            gpointer opaque, GDestroyNotify destroy,
                            GMainContext *context);
/* Complete at once, in the caller.  Frees the task. */
void qio_task_complete(QIOTask *task);
void qio_task_set_error(QIOTask *task, Error *err); /* takes @err */
/* True and moves the error to @errp if the task failed. */
bool qio_task_propagate_error(QIOTask *task, Error **errp);
GObject *qio_task_get_source(QIOTask *task); /* borrowed */
void qio_task_set_result(QIOTask *task, gpointer result, GDestroyNotify d);
gpointer qio_task_get_result(QIOTask *task);

#endif
