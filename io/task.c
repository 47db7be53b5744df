/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asynchronous operations: a worker thread, and a source that joins it and
 * tells the result.  The join orders all that the worker did before the
 * completion.
 */
#include "qemu/osdep.h"

#include "io/task.h"
#include "qemu/thread.h"
#include "qemu/wake-source.h"

struct QIOTask {
    GObject *source;
    QIOTaskFunc fn;
    gpointer opaque;
    GDestroyNotify destroy;
    Error *err;
    gpointer result;
    GDestroyNotify destroy_result;
    /* In a thread: */
    QemuThread thread;
    const char *thread_name;
    QIOTaskWorker worker;
    gpointer worker_opaque;
    GDestroyNotify worker_destroy;
    WakeSource *finished;
};

QIOTask *qio_task_new(GObject *source, QIOTaskFunc fn, gpointer opaque,
                      GDestroyNotify destroy)
{
    QIOTask *task = g_new0(QIOTask, 1);

    task->source = g_object_ref(source);
    task->fn = fn;
    task->opaque = opaque;
    task->destroy = destroy;
    task->thread_name = "io-task";
    return task;
}

static void task_free(QIOTask *task)
{
    if (task->worker_destroy) {
        task->worker_destroy(task->worker_opaque);
    }
    if (task->destroy) {
        task->destroy(task->opaque);
    }
    if (task->destroy_result) {
        task->destroy_result(task->result);
    }
    wake_source_free(task->finished);
    error_free(task->err);
    g_object_unref(task->source);
    g_free(task);
}

void qio_task_complete(QIOTask *task)
{
    if (task->fn) {
        task->fn(task, task->opaque);
    }
    task_free(task);
}

static void task_finished(void *opaque)
{
    QIOTask *task = opaque;

    qemu_thread_join(&task->thread);
    qio_task_complete(task);
}

static void *task_thread(void *data)
{
    QIOTask *task = data;

    task->worker(task, task->worker_opaque);
    wake_source_wake(task->finished);
    return NULL;
}

void qio_task_set_thread_name(QIOTask *task, const char *name)
{
    task->thread_name = name;
}

void qio_task_run_in_thread(QIOTask *task, QIOTaskWorker worker,
                            gpointer opaque, GDestroyNotify destroy,
                            GMainContext *context)
{
    task->worker = worker;
    task->worker_opaque = opaque;
    task->worker_destroy = destroy;
    task->finished = wake_source_new(context, task_finished, task);
    qemu_thread_create(&task->thread, task->thread_name, task_thread, task);
}

void qio_task_set_error(QIOTask *task, Error *err)
{
    error_propagate(&task->err, err);
}

bool qio_task_propagate_error(QIOTask *task, Error **errp)
{
    if (!task->err) {
        return false;
    }
    error_propagate(errp, g_steal_pointer(&task->err));
    return true;
}

GObject *qio_task_get_source(QIOTask *task)
{
    return task->source;
}

void qio_task_set_result(QIOTask *task, gpointer result, GDestroyNotify d)
{
    task->result = result;
    task->destroy_result = d;
}

gpointer qio_task_get_result(QIOTask *task)
{
    return task->result;
}
