/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whole migrations of devices that send their state over multifd channels, by
 * several threads: how it arrives, and everything that can go wrong with it.
 */
#include "qemu/osdep.h"

#include <glib/gstdio.h>

#include "blob-device.h"
#include "migration/multifd-internal.h"
#include "qapi/qapi-commands-migration.h"
#include "qemu/atomic.h"
#include "system/runstate.h"

#define RAM_SIZE MiB
#define BLOBS 2

static char *dir; /* for sockets */

typedef struct DeviceCase {
    unsigned channels; /* 0: no multifd */
    unsigned threads;
    MultiFDCompression method;
    bool return_path;
    /* Of the faults: */
    BlobFault fault;
    unsigned at;
    const char *error; /* of the source, or of the destination */
} DeviceCase;

typedef struct Side {
    TestMachine *t;
    Blob *blobs[BLOBS];
} Side;

typedef struct Pair {
    Side src, dst;
    char *uri;
} Pair;

/* ---- two machines ---- */

static void side_new(Side *s, const DeviceCase *c, bool incoming)
{
    MigrationParameters p = {
        .has_multifd_channels = c->channels != 0,
        .multifd_channels = c->channels,
        .has_multifd_compression = true,
        .multifd_compression = c->method,
    };
    Error *err = NULL;

    s->t = test_machine_new(RAM_SIZE, 0, incoming);
    test_set_capability(s->t, MIGRATION_CAPABILITY_MULTIFD, c->channels);
    test_set_capability(s->t, MIGRATION_CAPABILITY_RETURN_PATH,
                        c->return_path);
    bql_lock(s->t->m);
    qmp_migrate_set_parameters(&s->t->ctx, &p, &err);
    bql_unlock(s->t->m);
    g_assert_no_error(err);
    for (unsigned i = 0; i < BLOBS; i++) {
        s->blobs[i] = blob_new(s->t, i, incoming ? 0 : i + 1);
        s->blobs[i]->threads = c->threads;
    }
}

static void side_free(Side *s)
{
    bql_lock(s->t->m);
    migration_shutdown(s->t->m);
    bql_unlock(s->t->m);
    for (unsigned i = 0; i < BLOBS; i++) {
        blob_free(s->blobs[i]);
    }
    test_machine_free(s->t);
}

static void pair_listen(Pair *p, const DeviceCase *c)
{
    static unsigned n;
    Error *err = NULL;

    side_new(&p->dst, c, true);
    p->uri = g_strdup_printf("unix:%s/%u", dir, n++);
    bql_lock(p->dst.t->m);
    qmp_migrate_incoming(&p->dst.t->ctx, p->uri, NULL, true, false, &err);
    bql_unlock(p->dst.t->m);
    g_assert_no_error(err);
}

static void pair_end_listen(Pair *p)
{
    side_free(&p->dst);
    g_free(p->uri);
}

static void pair_new(Pair *p, const DeviceCase *c)
{
    side_new(&p->src, c, false);
    test_fill(p->src.t, 1);
    test_set_bandwidth(p->src.t, 0);
    test_machine_start(p->src.t);
    pair_listen(p, c);
}

static void pair_free(Pair *p)
{
    pair_end_listen(p);
    side_free(&p->src);
}

static void pair_migrate(Pair *p)
{
    Error *err = NULL;

    bql_lock(p->src.t->m);
    qmp_migrate(&p->src.t->ctx, p->uri, NULL, false, false, false, false,
                &err);
    bql_unlock(p->src.t->m);
    g_assert_no_error(err);
}

static MigrationStatus wait_source(Pair *p)
{
    return test_wait_source(p->src.t, p->dst.t);
}

static MigrationStatus wait_destination(Pair *p)
{
    return test_wait_destination(p->src.t, p->dst.t);
}

static void pair_check_moved(Pair *p)
{
    g_autofree char *desc = NULL;

    if (wait_source(p) != MIGRATION_STATUS_COMPLETED) {
        desc = test_error_desc(p->src.t);
        g_error("source: %s", desc);
    }
    if (wait_destination(p) != MIGRATION_STATUS_COMPLETED) {
        desc = test_error_desc(p->dst.t);
        g_error("destination: %s", desc);
    }
    test_assert_same_ram(p->src.t, p->dst.t);
    for (unsigned i = 0; i < BLOBS; i++) {
        g_assert_true(p->dst.blobs[i]->complete);
        g_assert_cmpmem(p->src.blobs[i]->state, BLOB_SIZE,
                        p->dst.blobs[i]->state, BLOB_SIZE);
    }
}

static void check_error(TestMachine *t, const char *text)
{
    g_autofree char *desc = test_error_desc(t);

    if (!desc || !strstr(desc, text)) {
        g_error("failed with: %s", desc);
    }
}

/* Nothing is left of a failure: the next one works. */
static void pair_check_again(Pair *p, const DeviceCase *c)
{
    g_assert_true(runstate_is_running(p->src.t->m));
    for (unsigned i = 0; i < BLOBS; i++) {
        g_assert_cmpint(qatomic_read(&p->src.blobs[i]->running), ==, 0);
        p->src.blobs[i]->fault = BLOB_FINE;
        p->src.blobs[i]->pause_us = 0;
    }
    pair_end_listen(p);
    pair_listen(p, c);
    pair_migrate(p);
    pair_check_moved(p);
}

/* ---- moving ---- */

/* Both sides have counted the same, and the pieces as well. */
static void check_counts(Pair *p, bool pieces)
{
    g_autoptr(MigrationInfo) out = NULL, in = NULL;
    MultiFDChannelStatsList *a, *b;
    uint64_t bytes = 0;

    bql_lock(p->src.t->m);
    out = qmp_query_migrate(&p->src.t->ctx, NULL);
    bql_unlock(p->src.t->m);
    bql_lock(p->dst.t->m);
    in = qmp_query_migrate(&p->dst.t->ctx, NULL);
    bql_unlock(p->dst.t->m);
    b = in->x_channels;
    for (a = out->x_channels; a; a = a->next, b = b->next) {
        g_assert_cmpuint(a->value->bytes, ==, b->value->bytes);
        g_assert_cmpuint(a->value->packets, ==, b->value->packets);
        bytes += a->value->bytes;
    }
    g_assert_cmpuint(out->ram->multifd_bytes, ==, bytes);
    if (pieces) {
        g_assert_cmpuint(bytes, >, BLOBS * BLOB_SIZE);
    } else {
        g_assert_cmpuint(bytes, <, BLOBS * BLOB_SIZE);
    }
}

static void test_move(gconstpointer data)
{
    const DeviceCase *c = data;
    bool pieces = c->channels && c->threads &&
                  c->method == MULTIFD_COMPRESSION_NONE;
    Pair p;

    pair_new(&p, c);
    pair_migrate(&p);
    pair_check_moved(&p);
    for (unsigned i = 0; i < BLOBS; i++) {
        g_assert_true(p.dst.blobs[i]->inlined == !pieces);
        g_assert_cmpuint(p.dst.blobs[i]->got, ==, pieces ? BLOB_PIECES : 0);
        g_assert_true(!pieces || p.dst.blobs[i]->out_of_order > 0);
    }
    check_counts(&p, pieces);
    pair_free(&p);
}

/* ---- what goes wrong on the source ---- */

static void test_source_fault(gconstpointer data)
{
    const DeviceCase *c = data;
    Pair p;

    pair_new(&p, c);
    p.src.blobs[1]->fault = c->fault;
    p.src.blobs[1]->fault_at = c->at;
    pair_migrate(&p);
    g_assert_cmpint(wait_source(&p), ==, MIGRATION_STATUS_FAILED);
    check_error(p.src.t, c->error);
    g_assert_cmpint(wait_destination(&p), ==, MIGRATION_STATUS_FAILED);
    pair_check_again(&p, c);
    pair_free(&p);
}

/* One device fails, while the other would go on until it is told to end. */
static void test_source_stuck(void)
{
    static const DeviceCase c = { .channels = 2, .threads = 2,
                                  .return_path = true };
    Pair p;

    pair_new(&p, &c);
    p.src.blobs[0]->fault = BLOB_STUCK;
    p.src.blobs[1]->fault = BLOB_SAVE_FAILS;
    p.src.blobs[1]->fault_at = BLOB_PIECES / 2;
    pair_migrate(&p);
    g_assert_cmpint(wait_source(&p), ==, MIGRATION_STATUS_FAILED);
    check_error(p.src.t, "Error while saving section 'blob' instance 1: ");
    pair_check_again(&p, &c);
    pair_free(&p);
}

/* ---- what goes wrong on the destination ---- */

static void test_destination_fault(gconstpointer data)
{
    const DeviceCase *c = data;
    Pair p;

    pair_new(&p, c);
    p.dst.blobs[1]->fault = c->fault;
    p.dst.blobs[1]->fault_at = c->at;
    pair_migrate(&p);
    g_assert_cmpint(wait_source(&p), ==, MIGRATION_STATUS_FAILED);
    g_assert_cmpint(wait_destination(&p), ==, MIGRATION_STATUS_FAILED);
    check_error(p.dst.t, c->error);
    pair_check_again(&p, c);
    pair_free(&p);
}

/*
 * The end mark comes, a piece does not.  Without a return path the source
 * cannot know; with one it waits, and so does the destination until somebody
 * ends it.
 */
static void test_missing(gconstpointer data)
{
    DeviceCase c = { .channels = 2, .threads = 2,
                     .return_path = GPOINTER_TO_UINT(data) };
    Pair p;

    pair_new(&p, &c);
    p.src.blobs[1]->fault = BLOB_PIECE_MISSING;
    p.src.blobs[1]->fault_at = 7;
    pair_migrate(&p);
    if (c.return_path) {
        MigrationState *s = machine_get_migration(p.src.t->m);

        while (outgoing_phase(s) != OUT_COMMIT) {
            test_pump(p.src.t, p.dst.t);
        }
        for (int i = 0; i < 50; i++) {
            test_pump(p.src.t, p.dst.t);
        }
        g_assert_cmpint(outgoing_phase(s), ==, OUT_COMMIT);
        g_assert_true(incoming_running(machine_get_incoming(p.dst.t->m)));
        multifd_recv_shutdown(machine_get_incoming(p.dst.t->m)->multifd);
        g_assert_cmpint(wait_source(&p), ==, MIGRATION_STATUS_FAILED);
        check_error(p.src.t, "load a section: blob instance 1");
    } else {
        g_assert_cmpint(wait_source(&p), ==, MIGRATION_STATUS_COMPLETED);
    }
    g_assert_cmpint(wait_destination(&p), ==, MIGRATION_STATUS_FAILED);
    check_error(p.dst.t, "Error while loading section 'blob' instance 1: "
                "piece 7 is missing");
    pair_free(&p);
}

/* ---- ending early ---- */

typedef enum Breaking {
    BREAK_CANCEL,
    BREAK_SOURCE,
    BREAK_DESTINATION,
} Breaking;

/* A number of pieces that were sent, of all devices. */
static void pump_until(Pair *p, unsigned sent)
{
    while (outgoing_running(machine_get_migration(p->src.t->m)) &&
           qatomic_read(&p->src.blobs[0]->sent) +
                   qatomic_read(&p->src.blobs[1]->sent) < sent) {
        test_pump(p->src.t, p->dst.t);
    }
}

static void pair_break(Pair *p, Breaking how, unsigned n)
{
    MigrationState *s = machine_get_migration(p->src.t->m);
    MultiFDSend *ms = s->multifd;
    MultiFDRecv *mr = machine_get_incoming(p->dst.t->m)->multifd;

    bql_lock(p->src.t->m);
    if (how == BREAK_CANCEL) {
        outgoing_cancel(s);
    } else if (how == BREAK_SOURCE && ms) {
        qio_channel_shutdown(ms->params[n].c, QIO_CHANNEL_SHUTDOWN_BOTH,
                             NULL);
    } else if (how == BREAK_DESTINATION && mr) {
        qio_channel_shutdown(mr->params[n].c, QIO_CHANNEL_SHUTDOWN_BOTH,
                             NULL);
    }
    bql_unlock(p->src.t->m);
}

static void test_break(gconstpointer data)
{
    static const DeviceCase c = { .channels = 3, .threads = 2,
                                  .return_path = true };
    Breaking how = GPOINTER_TO_UINT(data);
    g_autoptr(GRand) rand = g_rand_new_with_seed(5 + how);
    Pair p;

    for (unsigned i = 0; i < 8; i++) {
        pair_new(&p, &c);
        p.src.blobs[0]->pause_us = p.src.blobs[1]->pause_us = 500;
        /* So that the middle is where it stays until it is broken. */
        p.src.blobs[1]->fault = BLOB_STUCK;
        p.src.blobs[1]->fault_at = g_rand_int_range(rand, 0, BLOB_PIECES);
        pair_migrate(&p);
        pump_until(&p, g_rand_int_range(rand, 0, BLOB_PIECES));
        pair_break(&p, how, i % c.channels);
        g_assert_cmpint(wait_source(&p), ==,
                        how == BREAK_CANCEL ? MIGRATION_STATUS_CANCELLED
                                            : MIGRATION_STATUS_FAILED);
        g_assert_cmpint(wait_destination(&p), ==, MIGRATION_STATUS_FAILED);
        pair_check_again(&p, &c);
        pair_free(&p);
    }
}

/* ---- */

static void add_moves(void)
{
    static const unsigned channels[] = { 0, 1, 2, 8 };
    static const unsigned threads[] = { 0, 1, 2, 5 };

    for (unsigned k = 0; k < 32; k++) {
        DeviceCase *c = g_new0(DeviceCase, 1);
        g_autofree char *path = NULL;

        c->channels = channels[k % 4];
        c->threads = threads[k / 4 % 4];
        c->return_path = k / 16;
        path = g_strdup_printf("/device/move/channels-%u/threads-%u%s",
                               c->channels, c->threads,
                               c->return_path ? "/return-path" : "");
        g_test_add_data_func_full(path, c, test_move, g_free);
    }
}

static const DeviceCase compressed = { .channels = 2, .threads = 2,
                                       .method = MULTIFD_COMPRESSION_ZLIB };

static const DeviceCase source_faults[] = {
    { 2, 2, 0, true, BLOB_SAVE_FAILS, 0,
      "Error while saving section 'blob' instance 1: piece 0 cannot be read" },
    { 1, 3, 0, true, BLOB_SAVE_FAILS, BLOB_PIECES - 1, "piece 106 cannot be" },
    { 8, 2, 0, false, BLOB_SAVE_FAILS, 30, "piece 30 cannot be read" },
    { 2, 2, 0, true, BLOB_SAVE_HUGE, 9,
      "a piece of 67108865 bytes, not 1 to 67108864" },
    { 2, 2, 0, true, BLOB_END_FAILS, 0,
      "Error while saving section 'blob' instance 1: the end is nowhere" },
    { 1, 2, 0, false, BLOB_END_FAILS, 0, "the end is nowhere" },
};

static const DeviceCase destination_faults[] = {
    { 2, 2, 0, true, BLOB_LOAD_FAILS, 11,
      "Error while loading device state of section 'blob' instance 1: piece "
      "11 is not liked" },
    { 1, 1, 0, true, BLOB_LOAD_FAILS, 0, "multifd channel 0: " },
    { 8, 4, 0, true, BLOB_LOAD_FAILS, BLOB_PIECES - 1, "106 is not liked" },
    { 2, 2, 0, true, BLOB_THREAD_FAILS, 0,
      "Error while loading section 'blob' instance 1: piece 0 does not fit" },
    { 8, 4, 0, true, BLOB_THREAD_FAILS, 50, "piece 50 does not fit" },
    { 1, 1, 0, true, BLOB_THREAD_FAILS, BLOB_PIECES - 1, "piece 106 does" },
};

static void add_faults(const char *side, const DeviceCase *cases, size_t n,
                       GTestDataFunc fn)
{
    for (size_t i = 0; i < n; i++) {
        g_autofree char *path = g_strdup_printf("/device/fault/%s/%zu", side,
                                                i);

        g_test_add_data_func(path, &cases[i], fn);
    }
}

int main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    error_init("test-multifd-device");
    multifd_methods_init();
    dir = g_dir_make_tmp("multifd-XXXXXX", NULL);
    add_moves();
    if (multifd_method_supported(MULTIFD_COMPRESSION_ZLIB)) {
        g_test_add_data_func("/device/move/zlib", &compressed, test_move);
    }
    add_faults("source", source_faults, G_N_ELEMENTS(source_faults),
               test_source_fault);
    add_faults("destination", destination_faults,
               G_N_ELEMENTS(destination_faults), test_destination_fault);
    g_test_add_func("/device/fault/source/stuck", test_source_stuck);
    g_test_add_data_func("/device/missing", GUINT_TO_POINTER(0),
                         test_missing);
    g_test_add_data_func("/device/missing/return-path", GUINT_TO_POINTER(1),
                         test_missing);
    g_test_add_data_func("/device/cancel", GUINT_TO_POINTER(BREAK_CANCEL),
                         test_break);
    g_test_add_data_func("/device/break/source",
                         GUINT_TO_POINTER(BREAK_SOURCE), test_break);
    g_test_add_data_func("/device/break/destination",
                         GUINT_TO_POINTER(BREAK_DESTINATION), test_break);
    ret = g_test_run();
    g_rmdir(dir);
    g_free(dir);
    return ret;
}
