/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"

#include "io-test.h"
#include "io/channel-null.h"
#include "io/task.h"
#include "qemu/atomic.h"

typedef struct Outcome {
    int calls;
    int destroyed; /* of the three kinds of data */
    int main_tid;
    int worker_tid;
    char *result;
    Error *err;
    GObject *source;
} Outcome;

static void destroyed(gpointer data)
{
    ((Outcome *)data)->destroyed++;
}

static void done(QIOTask *task, gpointer opaque)
{
    Outcome *o = opaque;

    o->calls++;
    g_assert_true(qio_task_get_source(task) == o->source);
    g_assert_cmpint(qemu_get_thread_id(), ==, o->main_tid);
    if (!qio_task_propagate_error(task, &o->err)) {
        o->result = g_strdup(qio_task_get_result(task));
    }
    /* Only once. */
    g_assert_false(qio_task_propagate_error(task, &o->err));
}

static void outcome_init(Outcome *o)
{
    *o = (Outcome){ .main_tid = qemu_get_thread_id() };
    o->source = G_OBJECT(qio_channel_null_new());
}

/* The task holds no reference to the source any more. */
static void outcome_end(Outcome *o)
{
    g_assert_cmpint(o->calls, ==, 1);
    g_assert_cmpint(o->source->ref_count, ==, 1);
    g_object_unref(o->source);
    g_free(o->result);
}

static void test_direct(void)
{
    Outcome o;
    QIOTask *task;

    outcome_init(&o);
    task = qio_task_new(o.source, done, &o, destroyed);
    g_assert_null(qio_task_get_result(task));
    qio_task_set_result(task, g_strdup("good"), g_free);
    qio_task_complete(task);
    g_assert_cmpstr(o.result, ==, "good");
    g_assert_cmpint(o.destroyed, ==, 1);
    outcome_end(&o);

    outcome_init(&o);
    task = qio_task_new(o.source, done, &o, NULL);
    qio_task_set_error(task, g_error_new_literal(qemu_error_quark(), 0, "a"));
    qio_task_set_error(task, g_error_new_literal(qemu_error_quark(), 0, "b"));
    qio_task_complete(task);
    io_test_error(o.err, "a");
    outcome_end(&o);
}

static void work(QIOTask *task, gpointer opaque)
{
    Outcome *o = opaque;

    o->worker_tid = qemu_get_thread_id();
    qio_task_set_result(task, g_strdup("worked"), g_free);
}

static void fail(QIOTask *task, gpointer opaque)
{
    Error *err = NULL;

    error_setg(&err, "failed");
    qio_task_set_error(task, err);
}

static void run_in(GMainContext *context, QIOTaskWorker worker, Outcome *o)
{
    QIOTask *task = qio_task_new(o->source, done, o, destroyed);

    qio_task_run_in_thread(task, worker, o, destroyed, context);
    while (!o->calls) {
        g_main_context_iteration(context, TRUE);
    }
    g_assert_cmpint(o->destroyed, ==, 2);
}

static void test_thread(void)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    Outcome o;

    outcome_init(&o);
    run_in(NULL, work, &o);
    g_assert_cmpstr(o.result, ==, "worked");
    g_assert_cmpint(o.worker_tid, !=, o.main_tid);
    outcome_end(&o);

    outcome_init(&o);
    run_in(context, fail, &o);
    io_test_error(o.err, "failed");
    outcome_end(&o);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/task/direct", test_direct);
    g_test_add_func("/task/thread", test_thread);
    return g_test_run();
}
