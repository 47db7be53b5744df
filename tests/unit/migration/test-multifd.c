/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whole migrations over several channels between two machines in one process:
 * how they move, and everything that can happen to their connections.
 */
#include "qemu/osdep.h"

#include <glib/gstdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "machine-pair.h"
#include "migration/multifd-internal.h"
#include "qapi/qapi-commands-migration.h"
#include "qemu/atomic.h"
#include "system/runstate.h"

#define RAM_SIZE (8 * MiB)

static char *dir; /* for sockets */

typedef struct MoveCase {
    const char *name;
    unsigned channels;
    MultiFDCompression method;
    ZeroPageDetection zero;
    uint32_t flags;
    bool per_section;
    bool return_path;
} MoveCase;

/* ---- two machines ---- */

typedef struct Pair {
    TestMachine *src, *dst;
    char *uri;
} Pair;

static void set_parameters(TestMachine *t, const MoveCase *c)
{
    MigrationParameters p = {
        .has_multifd_channels = true,
        .multifd_channels = c->channels,
        .has_multifd_compression = true,
        .multifd_compression = c->method,
        .has_zero_page_detection = true,
        .zero_page_detection = c->zero,
    };
    Error *err = NULL;

    test_set_capability(t, MIGRATION_CAPABILITY_MULTIFD, true);
    test_set_capability(t, MIGRATION_CAPABILITY_RETURN_PATH, c->return_path);
    bql_lock(t->m);
    qmp_migrate_set_parameters(&t->ctx, &p, &err);
    g_assert_no_error(err);
    if (c->per_section) {
        g_assert_true(migration_set_global(
            t->m, "multifd-flush-after-each-section", "on", &err));
    }
    bql_unlock(t->m);
}

/* A destination that listens. */
static void pair_listen(Pair *p, const MoveCase *c)
{
    static unsigned n;
    Error *err = NULL;

    p->dst = test_machine_new(RAM_SIZE, c->flags, true);
    set_parameters(p->dst, c);
    p->uri = g_strdup_printf("unix:%s/%u", dir, n++);
    bql_lock(p->dst->m);
    qmp_migrate_incoming(&p->dst->ctx, p->uri, NULL, true, false, &err);
    bql_unlock(p->dst->m);
    g_assert_no_error(err);
}

static void pair_new(Pair *p, const MoveCase *c)
{
    p->src = test_machine_new(RAM_SIZE, c->flags, false);
    set_parameters(p->src, c);
    test_fill(p->src, 1);
    test_machine_start(p->src);
    pair_listen(p, c);
}

static void pair_end_listen(Pair *p)
{
    test_machine_free(p->dst);
    g_free(p->uri);
}

static void pair_free(Pair *p)
{
    pair_end_listen(p);
    test_machine_free(p->src);
}

static void pair_migrate(Pair *p)
{
    Error *err = NULL;

    bql_lock(p->src->m);
    qmp_migrate(&p->src->ctx, p->uri, NULL, false, false, false, false, &err);
    bql_unlock(p->src->m);
    g_assert_no_error(err);
}

static void pair_check_moved(Pair *p)
{
    g_autofree char *desc = NULL;

    if (test_wait_source(p->src, p->dst) != MIGRATION_STATUS_COMPLETED) {
        desc = test_error_desc(p->src);
        g_error("source: %s", desc);
    }
    if (test_wait_destination(p->src, p->dst) != MIGRATION_STATUS_COMPLETED) {
        desc = test_error_desc(p->dst);
        g_error("destination: %s", desc);
    }
    test_assert_same_ram(p->src, p->dst);
}

/* The source failed for a reason with @text in it, and goes on. */
static void pair_check_failed(Pair *p, const char *text)
{
    g_autofree char *desc = NULL;

    g_assert_cmpint(test_wait_source(p->src, p->dst), ==,
                    MIGRATION_STATUS_FAILED);
    desc = test_error_desc(p->src);
    if (!desc || !strstr(desc, text)) {
        g_error("source failed with: %s", desc);
    }
    g_assert_true(runstate_is_running(p->src->m));
}

static void check_destination_failed(Pair *p, const char *text)
{
    g_autofree char *desc = NULL;

    g_assert_cmpint(test_wait_destination(NULL, p->dst), ==,
                    MIGRATION_STATUS_FAILED);
    desc = test_error_desc(p->dst);
    if (!desc || !strstr(desc, text)) {
        g_error("destination failed with: %s", desc);
    }
}

/* ---- moving ---- */

static void check_channels(Pair *p, const MoveCase *c)
{
    g_autoptr(MigrationInfo) out = NULL, in = NULL;
    MultiFDChannelStatsList *a, *b;
    uint64_t bytes = 0, syncs = 0;
    unsigned n = 0;

    bql_lock(p->src->m);
    out = qmp_query_migrate(&p->src->ctx, NULL);
    bql_unlock(p->src->m);
    bql_lock(p->dst->m);
    in = qmp_query_migrate(&p->dst->ctx, NULL);
    bql_unlock(p->dst->m);
    b = in->x_channels;
    for (a = out->x_channels; a; a = a->next, b = b->next) {
        g_assert_cmpuint(a->value->id, ==, n++);
        g_assert_cmpuint(a->value->bytes, ==, b->value->bytes);
        g_assert_cmpuint(a->value->packets, ==, b->value->packets);
        g_assert_cmpuint(a->value->normal, ==, b->value->normal);
        g_assert_cmpuint(a->value->zero, ==, b->value->zero);
        g_assert_cmpuint(a->value->syncs, ==, b->value->syncs);
        g_assert_cmpuint(a->value->syncs, >=, 2);
        syncs = syncs ? syncs : a->value->syncs;
        g_assert_cmpuint(a->value->syncs, ==, syncs);
        bytes += a->value->bytes;
    }
    g_assert_cmpuint(n, ==, c->channels);
    g_assert_cmpuint(out->ram->multifd_bytes, ==, bytes);
    g_assert_true(out->ram->duplicate ||
                  c->zero == ZERO_PAGE_DETECTION_NONE);
}

static void test_move(gconstpointer data)
{
    const MoveCase *c = data;
    Pair p;
    TestGuest *g;

    pair_new(&p, c);
    g = test_guest_new(p.src, 100, 500, 20);
    test_set_bandwidth(p.src, 50 * MiB);
    pair_migrate(&p);
    pair_check_moved(&p);
    test_guest_stop(g);
    test_assert_guest_ram(p.dst, g);
    check_channels(&p, c);
    g_assert_true(runstate_is_running(p.dst->m));
    test_guest_free(g);
    pair_free(&p);
}

/* The one sends what it does not know, or the other waits for it. */
static void test_sync_mismatch(gconstpointer data)
{
    bool src_per_section = GPOINTER_TO_UINT(data);
    MoveCase c = { .channels = 2, .zero = ZERO_PAGE_DETECTION_MULTIFD,
                   .return_path = true, .per_section = src_per_section };
    Pair p = { .src = test_machine_new(RAM_SIZE, 0, false) };

    set_parameters(p.src, &c);
    test_machine_start(p.src);
    c.per_section = !src_per_section;
    pair_listen(&p, &c);
    pair_migrate(&p);
    test_wait_source(p.src, p.dst);
    check_destination_failed(&p, "multifd-flush-after-each-section=on");
    g_assert_true(runstate_is_running(p.src->m));
    pair_free(&p);
}

/* ---- ending early ---- */

static const MoveCase plain = { .channels = 4,
                                .zero = ZERO_PAGE_DETECTION_MULTIFD,
                                .return_path = true };

static void pump_some(Pair *p, GRand *rand)
{
    gint64 end = g_get_monotonic_time() + g_rand_int_range(rand, 0, 30000);

    while (g_get_monotonic_time() < end &&
           outgoing_running(machine_get_migration(p->src->m))) {
        test_pump(p->src, p->dst);
    }
}

static void test_cancel(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(3);
    unsigned cancelled = 0;
    Pair p;

    pair_new(&p, &plain);
    for (int i = 0; i < 30; i++) {
        MigrationState *s = machine_get_migration(p.src->m);

        /* Slow ones for the middle, fast ones for the end. */
        test_set_bandwidth(p.src, i % 4 < 2 ? 2 * MiB : 20 * MiB);
        pair_migrate(&p);
        pump_some(&p, rand);
        bql_lock(p.src->m);
        outgoing_cancel(s);
        bql_unlock(p.src->m);
        test_wait_source(p.src, p.dst);
        if (outgoing_status(s) == MIGRATION_STATUS_COMPLETED) {
            pair_free(&p);
            pair_new(&p, &plain);
            continue;
        }
        g_assert_cmpint(outgoing_status(s), ==, MIGRATION_STATUS_CANCELLED);
        g_assert_true(runstate_is_running(p.src->m));
        cancelled++;
        pair_end_listen(&p);
        pair_listen(&p, &plain);
    }
    g_assert_cmpuint(cancelled, >, 0);
    test_set_bandwidth(p.src, 0);
    pair_migrate(&p);
    pair_check_moved(&p);
    pair_free(&p);
}

/* Break channel @n of one side, if it is there. */
static void break_channel(Pair *p, bool at_source, unsigned n)
{
    MultiFDSend *ms = machine_get_migration(p->src->m)->multifd;
    MultiFDRecv *mr = machine_get_incoming(p->dst->m)->multifd;

    if (at_source && ms) {
        QEMU_LOCK_GUARD(&ms->channel_lock);

        if (ms->params[n].c) {
            qio_channel_shutdown(ms->params[n].c, QIO_CHANNEL_SHUTDOWN_BOTH,
                                 NULL);
        }
    } else if (!at_source && mr) {
        QEMU_LOCK_GUARD(&mr->channel_lock);

        if (mr->params[n].c) {
            qio_channel_shutdown(mr->params[n].c, QIO_CHANNEL_SHUTDOWN_BOTH,
                                 NULL);
        }
    }
}

static void test_break(gconstpointer data)
{
    bool at_source = GPOINTER_TO_UINT(data);
    g_autoptr(GRand) rand = g_rand_new_with_seed(4 + at_source);
    unsigned failed = 0;
    Pair p;

    pair_new(&p, &plain);
    for (unsigned i = 0; i < 24; i++) {
        MigrationState *s = machine_get_migration(p.src->m);
        g_autofree char *desc = NULL;

        test_set_bandwidth(p.src, i % 4 < 2 ? 2 * MiB : 20 * MiB);
        pair_migrate(&p);
        pump_some(&p, rand);
        bql_lock(p.src->m);
        bql_lock(p.dst->m);
        break_channel(&p, at_source, i % plain.channels);
        bql_unlock(p.dst->m);
        bql_unlock(p.src->m);
        if (test_wait_source(p.src, p.dst) == MIGRATION_STATUS_COMPLETED) {
            pair_free(&p); /* it came too late */
            pair_new(&p, &plain);
            continue;
        }
        g_assert_cmpint(outgoing_status(s), ==, MIGRATION_STATUS_FAILED);
        g_assert_true(runstate_is_running(p.src->m));
        desc = test_error_desc(p.src);
        g_assert_nonnull(desc);
        g_assert_null(strstr(desc, "were shut down"));
        failed++;
        test_wait_destination(p.src, p.dst);
        g_assert_false(runstate_is_running(p.dst->m));
        pair_end_listen(&p);
        pair_listen(&p, &plain);
    }
    g_assert_cmpuint(failed, >, 0);
    test_set_bandwidth(p.src, 0);
    pair_migrate(&p);
    pair_check_moved(&p);
    pair_free(&p);
}

/* The destination does not have this memory and says so. */
static void test_refused(void)
{
    Pair p = { 0 };
    TestMachine *other;

    pair_new(&p, &plain);
    other = p.dst;
    g_free(p.uri);
    pair_listen(&p, &plain);
    test_machine_free(p.dst);
    /* Another one, with another name for its memory, listens there. */
    p.dst = test_machine_new_named("other", RAM_SIZE, 0, true, NULL, false);
    set_parameters(p.dst, &plain);
    bql_lock(p.dst->m);
    qmp_migrate_incoming(&p.dst->ctx, p.uri, NULL, true, false, NULL);
    bql_unlock(p.dst->m);
    pair_migrate(&p);
    pair_check_failed(&p, "");
    check_destination_failed(&p, "Unknown ramblock \"ram\"");
    test_machine_free(other);
    pair_free(&p);
}

/* ---- connections that are not what they should be ---- */

static int connect_to(const Pair *p)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(addr.sun_path, p->uri + strlen("unix:"), sizeof(addr.sun_path));
    g_assert_cmpint(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), ==,
                    0);
    return fd;
}

typedef struct StrangerCase {
    const char *name;
    const char *first, *second; /* NULL: no such connection */
    size_t len;
    bool close;
    const char *error;
} StrangerCase;

#define INIT(id) "\x11\x22\x33\x44\0\0\0\1" "\0\0\0\0\0\0\0\0"                  \
    "\0\0\0\0\0\0\0\0" id "\0\0\0\0\0\0\0" "\0\0\0\0\0\0\0\0"                  \
    "\0\0\0\0\0\0\0\0" "\0\0\0\0\0\0\0\0" "\0\0\0\0\0\0\0\0"

static const StrangerCase strangers[] = {
    { "garbage", "GET / HTTP/1.1\r\n", NULL, 16, false,
      "a connection begins with 47, neither" },
    { "silent-close", "", NULL, 0, true, "closed before it said" },
    { "twice", INIT("\1"), INIT("\1"), 64, false,
      "two connections are for channel 1" },
    { "id", INIT("\4"), NULL, 64, false,
      "channel id 4, but multifd-channels is 4" },
    { "magic", "\x11\x22\x33\x45" "\0\0\0\1" "56789012" "56789012" "56789012"
      "56789012" "56789012" "56789012" "56789012" "56789012", NULL, 64, false,
      "magic 0x11223345" },
    { "uuid", "\x11\x22\x33\x44" "\0\0\0\1" "\1\0\0\0\0\0\0\0" "\0\0\0\0\0\0\0"
      "\0" "\0\0\0\0\0\0\0\0" "\0\0\0\0\0\0\0\0" "\0\0\0\0\0\0\0\0"
      "\0\0\0\0\0\0\0\0" "\0\0\0\0\0\0\0\0", NULL, 64, false,
      "UUID 01000000-0000-0000-0000-000000000000, this machine has 0000" },
    { "short", INIT("\1"), NULL, 63, true, "end of file within it" },
    { "close", INIT("\1"), NULL, 64, true,
      "closed it before all other channels" },
    { "second-main", "QEVM\0\0\0\3", "QEVM\0\0\0\3", 8, false,
      "second main channel" },
};

static void test_stranger(gconstpointer data)
{
    const StrangerCase *c = data;
    int fd[2] = { -1, -1 };
    Pair p = { 0 };

    pair_listen(&p, &plain);
    for (int i = 0; i < 2; i++) {
        const char *bytes = i ? c->second : c->first;

        if (!bytes) {
            continue;
        }
        fd[i] = connect_to(&p);
        for (size_t k = 0; k < c->len; k++) {
            /* Byte by byte, as far as they are wanted. */
            if (send(fd[i], bytes + k, 1, MSG_NOSIGNAL) != 1) {
                break;
            }
            test_pump(NULL, p.dst);
        }
        if (c->close) {
            close(fd[i]);
            fd[i] = -1;
        }
    }
    check_destination_failed(&p, c->error);
    close(fd[0]);
    close(fd[1]);
    pair_end_listen(&p);
}

/* Somebody who says nothing is in nobody's way. */
static void test_silent(void)
{
    Pair p;
    int fd;

    pair_new(&p, &plain);
    fd = connect_to(&p);
    test_pump(NULL, p.dst);
    pair_migrate(&p);
    pair_check_moved(&p);
    close(fd);
    pair_free(&p);
}

/* A peer that takes connections and never reads: cancel ends all waits. */
static void test_stalled(void)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    MigrationState *s;
    Pair p;
    gint64 end;

    pair_new(&p, &plain);
    test_set_bandwidth(p.src, 0);
    s = machine_get_migration(p.src->m);
    g_free(p.uri);
    p.uri = g_strdup_printf("unix:%s/stalled", dir);
    g_strlcpy(addr.sun_path, p.uri + 5, sizeof(addr.sun_path));
    g_assert_cmpint(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), ==, 0);
    g_assert_cmpint(listen(fd, 16), ==, 0);
    for (int i = 0; i < 3; i++) {
        pair_migrate(&p);
        end = g_get_monotonic_time() + 50000 * i;
        while (g_get_monotonic_time() < end) {
            test_pump(p.src, NULL);
        }
        g_assert_true(outgoing_running(s));
        bql_lock(p.src->m);
        outgoing_cancel(s);
        bql_unlock(p.src->m);
        g_assert_cmpint(test_wait_source(p.src, NULL), ==,
                        MIGRATION_STATUS_CANCELLED);
        g_assert_true(runstate_is_running(p.src->m));
    }
    close(fd);
    pair_free(&p);
}

/* ---- hand-off by several threads ---- */

typedef struct Caller {
    MultiFDSend *ms;
    const RAMBlock *rb;
    uint64_t first;
    QemuThread thread;
} Caller;

/* Sends single pages of its own quarter, each as a batch. */
static void *caller_thread(void *opaque)
{
    Caller *c = opaque;
    MultiFDSendData *data = g_new0(MultiFDSendData, 1);

    for (uint64_t i = 0; i < RAM_SIZE / TARGET_PAGE_SIZE / 4; i++) {
        data->type = MULTIFD_PAYLOAD_RAM;
        data->u.ram.block = c->rb;
        data->u.ram.normal_num = 1;
        data->u.ram.zero_num = 0;
        data->u.ram.offset[0] = (c->first + i) * TARGET_PAGE_SIZE;
        g_assert_true(multifd_send(c->ms, &data, NULL));
    }
    g_free(data);
    return NULL;
}

static void connect_channels(MultiFDSend *ms, MultiFDRecv *mr)
{
    for (unsigned i = 0; i < ms->n; i++) {
        int sv[2];

        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv),
                        ==, 0);
        ms->params[i].c = QIO_CHANNEL(qio_channel_socket_new_fd(sv[0], NULL));
        mr->params[i].c = QIO_CHANNEL(qio_channel_socket_new_fd(sv[1], NULL));
    }
}

static LoadBlock *find_only(void *opaque, const uint8_t *name, size_t len)
{
    return opaque;
}

static void no_failure(void *opaque, int channel, const Error *err)
{
    g_error("%s", error_get_pretty(err));
}

static void read_init(MultiFDRecv *mr)
{
    for (unsigned i = 0; i < mr->n; i++) {
        MultiFDInit init;

        g_assert_true(qio_channel_read_all(mr->params[i].c, &init,
                                           sizeof(init), NULL));
        g_assert_true(multifd_init_check(&init, mr->uuid, mr->n, NULL));
        g_assert_cmpuint(init.id, ==, i);
    }
}

static void test_callers(gconstpointer data)
{
    MultiFDCounters counters[2][8] = { 0 };
    MigrationCounters sums = { 0 };
    MigrationOptions options;
    TestMachine *src = test_machine_new(RAM_SIZE, 0, false);
    TestMachine *dst = test_machine_new(RAM_SIZE, 0, true);
    LoadBlock *lb = load_block_new("ram");
    Caller callers[4];
    MultiFDSend *ms;
    MultiFDRecv *mr;

    migration_options_init(&options);
    options.multifd_channels = GPOINTER_TO_UINT(data);
    load_block_attach(lb, dst->ram, 0);
    test_fill(src, 8);
    ms = multifd_send_new(src->m, &options, &sums, counters[0], no_failure,
                          NULL);
    mr = multifd_recv_new(dst->m, &options, counters[1], no_failure, NULL);
    connect_channels(ms, mr);
    multifd_send_start(ms);
    read_init(mr);
    multifd_recv_start(mr, find_only, lb);
    g_assert_true(multifd_send_sync(ms, MULTIFD_SYNC_ALL, NULL));
    g_assert_true(multifd_recv_sync_main(mr, NULL));
    for (int i = 0; i < 4; i++) {
        callers[i] = (Caller) { ms, src->ram,
                                i * RAM_SIZE / TARGET_PAGE_SIZE / 4, { 0 } };
        qemu_thread_create(&callers[i].thread, "caller", caller_thread,
                           &callers[i]);
    }
    for (int i = 0; i < 4; i++) {
        qemu_thread_join(&callers[i].thread);
    }
    g_assert_true(multifd_send_sync(ms, MULTIFD_SYNC_LOCAL, NULL));
    g_assert_cmpuint(sums.normal_pages + sums.zero_pages, ==,
                     RAM_SIZE / TARGET_PAGE_SIZE);
    g_assert_true(multifd_send_sync(ms, MULTIFD_SYNC_ALL, NULL));
    g_assert_true(multifd_recv_sync_main(mr, NULL));
    test_assert_same_ram(src, dst);
    for (unsigned i = 0; i < ms->n; i++) {
        /* Each of them gets its turn. */
        g_assert_cmpuint(counters[0][i].packets, >, 2);
    }
    multifd_send_cleanup(ms);
    multifd_send_free(ms);
    multifd_recv_cleanup(mr);
    multifd_recv_free(mr);
    load_block_free(lb);
    test_machine_free(src);
    test_machine_free(dst);
}

/* ---- */

static const ZeroPageDetection zeros[] = {
    ZERO_PAGE_DETECTION_MULTIFD, ZERO_PAGE_DETECTION_LEGACY,
    ZERO_PAGE_DETECTION_NONE,
};

static void add_moves(void)
{
    static const unsigned channels[] = { 1, 2, 8 };
    unsigned n = 0;

    for (int m = 0; m < MULTIFD_COMPRESSION__MAX; m++) {
        for (size_t k = 0; k < 9 && multifd_method_supported(m); k++, n++) {
            MoveCase *c = g_new0(MoveCase, 1); /* as long as the tests run */
            g_autofree char *path = NULL;

            c->channels = channels[k % 3];
            c->method = m;
            c->zero = zeros[(k / 3 + k) % 3];
            c->flags = n % 2 ? RAM_SHARED : 0;
            c->per_section = k % 4 == 3;
            c->return_path = k % 2;
            path = g_strdup_printf("/move/%s/%u/%s%s",
                                   MultiFDCompression_str(m), c->channels,
                                   ZeroPageDetection_str(c->zero),
                                   c->per_section ? "/per-section" : "");
            g_test_add_data_func_full(path, c, test_move, g_free);
        }
    }
}

static const MoveCase many = { .channels = 255,
                               .zero = ZERO_PAGE_DETECTION_MULTIFD };

int main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    error_init("test-multifd");
    multifd_methods_init();
    dir = g_dir_make_tmp("multifd-XXXXXX", NULL);
    add_moves();
    g_test_add_data_func("/move/255", &many, test_move);
    g_test_add_data_func("/mismatch/source", GUINT_TO_POINTER(1),
                         test_sync_mismatch);
    g_test_add_data_func("/mismatch/destination", GUINT_TO_POINTER(0),
                         test_sync_mismatch);
    g_test_add_func("/cancel", test_cancel);
    g_test_add_data_func("/break/source", GUINT_TO_POINTER(1), test_break);
    g_test_add_data_func("/break/destination", GUINT_TO_POINTER(0),
                         test_break);
    g_test_add_func("/refused", test_refused);
    g_test_add_func("/silent", test_silent);
    g_test_add_func("/stalled", test_stalled);
    for (size_t i = 0; i < G_N_ELEMENTS(strangers); i++) {
        g_autofree char *path = g_strconcat("/stranger/", strangers[i].name,
                                            NULL);

        g_test_add_data_func(path, &strangers[i], test_stranger);
    }
    g_test_add_data_func("/callers/1", GUINT_TO_POINTER(1), test_callers);
    g_test_add_data_func("/callers/2", GUINT_TO_POINTER(2), test_callers);
    g_test_add_data_func("/callers/8", GUINT_TO_POINTER(8), test_callers);
    ret = g_test_run();
    g_rmdir(dir);
    g_free(dir);
    return ret;
}
