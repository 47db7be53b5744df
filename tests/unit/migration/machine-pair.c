/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"
#include "machine-pair.h"

#include <json-c/json.h>
#include <sys/socket.h>

#include "qapi/qapi-commands-migration.h"
#include "qemu/atomic.h"
#include "qemu/clock.h"
#include "system/dirty.h"
#include "system/runstate.h"

static const MachineType test_type = {
    .name = "none",
    .desc = "machine of the tests",
    .max_cpus = 1,
};
const MachineType *const machine_types[] = { &test_type, NULL };

/* ---- machines ---- */

static void sink_emit(QapiEventSink *sink, const char *event,
                      json_object *data)
{
    TestMachine *t = container_of(sink, TestMachine, sink);
    json_object *v = NULL;

    qemu_mutex_lock(&t->events_lock);
    g_string_append(t->events, event);
    if (data && (json_object_object_get_ex(data, "status", &v) ||
                 json_object_object_get_ex(data, "pass", &v))) {
        g_string_append_printf(t->events, " %s", json_object_get_string(v));
    }
    g_string_append(t->events, "; ");
    qemu_mutex_unlock(&t->events_lock);
    json_object_put(data);
}

static int take_fd(QmpContext *ctx, const char *name, Error **errp)
{
    TestMachine *t = container_of(ctx, TestMachine, ctx);
    int fd = t->fd;

    t->fd = -1;
    if (fd < 0) {
        error_setg(errp, "File descriptor named '%s' has not been found",
                   name);
    }
    return fd;
}

static void on_exit_request(void *opaque, int status)
{
    TestMachine *t = opaque;

    t->exit_status = status;
}

TestMachine *test_machine_new(uint64_t ram_size, uint32_t flags, bool incoming)
{
    return test_machine_new_named("ram", ram_size, flags, incoming, NULL,
                                  false);
}

TestMachine *test_machine_new_named(const char *ram_id, uint64_t ram_size,
                                    uint32_t flags, bool incoming,
                                    const char *uuid, bool suppress_vmdesc)
{
    MachineConfig config = {
        .type = &test_type,
        .incoming = incoming,
        .uuid = uuid,
        .suppress_vmdesc = suppress_vmdesc,
        .autostart = true,
        .objects = object_container_new(),
    };
    TestMachine *t = g_new0(TestMachine, 1);

    t->fd = -1;
    t->exit_status = -1;
    t->events = g_string_new(NULL);
    qemu_mutex_init(&t->events_lock);
    t->sink.emit = sink_emit;
    t->m = machine_new(&config);
    t->ctx.machine = t->m;
    t->ctx.take_fd = take_fd;
    bql_lock(t->m);
    machine_set_event_sink(t->m, &t->sink);
    migration_init(t->m);
    migration_set_exit_handler(t->m, on_exit_request, t);
    g_assert_true(machine_build(t->m, NULL));
    t->ram = machine_ram_add(t->m, ram_id, ram_size, flags | RAM_MIGRATABLE,
                             NULL);
    g_assert_nonnull(t->ram);
    bql_unlock(t->m);
    return t;
}

void test_machine_free(TestMachine *t)
{
    bql_lock(t->m);
    migration_shutdown(t->m);
    bql_unlock(t->m);
    machine_free(t->m);
    if (t->fd >= 0) {
        close(t->fd);
    }
    qemu_mutex_destroy(&t->events_lock);
    g_string_free(t->events, true);
    g_free(t);
}

void test_machine_start(TestMachine *t)
{
    bql_lock(t->m);
    vm_start(t->m);
    bql_unlock(t->m);
}

char *test_machine_events(TestMachine *t)
{
    QEMU_LOCK_GUARD(&t->events_lock);

    return g_strdup(t->events->str);
}

void test_pump(TestMachine *a, TestMachine *b)
{
    if (a) {
        bql_lock(a->m);
    }
    if (b) {
        bql_lock(b->m);
    }
    while (g_main_context_iteration(NULL, false)) {
    }
    if (b) {
        bql_unlock(b->m);
    }
    if (a) {
        bql_unlock(a->m);
    }
    g_usleep(200);
}

MigrationStatus test_wait_source(TestMachine *src, TestMachine *dst)
{
    MigrationState *s = machine_get_migration(src->m);

    while (outgoing_running(s)) {
        test_pump(src, dst);
    }
    test_pump(src, dst);
    return outgoing_status(s);
}

MigrationStatus test_wait_destination(TestMachine *src, TestMachine *dst)
{
    IncomingState *in = machine_get_incoming(dst->m);

    while (incoming_running(in)) {
        test_pump(src, dst);
    }
    test_pump(src, dst);
    return incoming_status(in);
}

void test_set_capability(TestMachine *t, MigrationCapability cap, bool on)
{
    MigrationCapabilityStatus status = { .capability = cap, .state = on };
    MigrationCapabilityStatusList list = { .value = &status };
    Error *err = NULL;

    bql_lock(t->m);
    qmp_migrate_set_capabilities(&t->ctx, &list, &err);
    bql_unlock(t->m);
    g_assert_no_error(err);
}

void test_set_bandwidth(TestMachine *t, uint64_t bytes_per_second)
{
    MigrationParameters p = { .has_max_bandwidth = true,
                              .max_bandwidth = bytes_per_second };
    Error *err = NULL;

    bql_lock(t->m);
    qmp_migrate_set_parameters(&t->ctx, &p, &err);
    bql_unlock(t->m);
    g_assert_no_error(err);
}

void test_migrate_socketpair(TestMachine *src, TestMachine *dst,
                             const MigrationCapability *caps, size_t n_caps)
{
    Error *err = NULL;
    int sv[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), ==,
                    0);
    src->fd = sv[0];
    dst->fd = sv[1];
    for (size_t i = 0; i < n_caps; i++) {
        test_set_capability(src, caps[i], true);
        test_set_capability(dst, caps[i], true);
    }
    bql_lock(dst->m);
    qmp_migrate_incoming(&dst->ctx, "fd:x", NULL, true, false, &err);
    bql_unlock(dst->m);
    g_assert_no_error(err);
    bql_lock(src->m);
    qmp_migrate(&src->ctx, "fd:x", NULL, false, false, false, false, &err);
    bql_unlock(src->m);
    g_assert_no_error(err);
}

char *test_error_desc(TestMachine *t)
{
    g_autoptr(MigrationInfo) info = NULL;

    bql_lock(t->m);
    info = qmp_query_migrate(&t->ctx, NULL);
    bql_unlock(t->m);
    return g_strdup(info->error_desc);
}

/* ---- guests ---- */

/*
 * Guest stores race with the migration thread's reads, by design; the dirty
 * log repairs what that breaks.  The sanitizer must not see them.
 */
#if defined(__SANITIZE_THREAD__)
__attribute__((no_sanitize_thread))
#endif
static void
guest_write_page(volatile uint64_t *page, uint64_t value)
{
    for (size_t i = 0; i < TARGET_PAGE_SIZE / sizeof(*page); i++) {
        page[i] = value + i;
    }
}

void test_fill(TestMachine *t, uint32_t seed)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    static const char text[] = "all work and no play makes a dull page. ";

    for (uint64_t page = 0; page < ram_block_pages(t->ram); page++) {
        uint8_t *p = t->ram->host + page * TARGET_PAGE_SIZE;

        switch (g_rand_int_range(rand, 0, 3)) {
        case 1:
            for (size_t i = 0; i < TARGET_PAGE_SIZE; i++) {
                p[i] = text[(i + page) % (sizeof(text) - 1)];
            }
            break;
        case 2:
            for (size_t i = 0; i < TARGET_PAGE_SIZE; i += 4) {
                uint32_t v = g_rand_int(rand);

                memcpy(p + i, &v, sizeof(v));
            }
            break;
        default:
            break;
        }
    }
}

static void guest_run_state(void *opaque, bool running, RunState state)
{
    TestGuest *g = opaque;

    /* Returns when the thread is out of guest memory. */
    qemu_mutex_lock(&g->lock);
    g->running = running;
    qemu_mutex_unlock(&g->lock);
}

static void guest_step(TestGuest *g, GRand *rand)
{
    uint64_t page = g->first + g_rand_int_range(rand, 0, g->n);
    uint64_t offset = page * TARGET_PAGE_SIZE;

    guest_write_page((volatile uint64_t *)(g->t->ram->host + offset), g->next);
    g->shadow[page] = g->next++;
    dirty_log_mark(g->t->ram, offset, TARGET_PAGE_SIZE);
}

static void *guest_thread(void *opaque)
{
    TestGuest *g = opaque;
    g_autoptr(GRand) rand = g_rand_new_with_seed(7);

    while (!qatomic_read(&g->quit)) {
        qemu_mutex_lock(&g->lock);
        if (g->running) {
            guest_step(g, rand);
        }
        qemu_mutex_unlock(&g->lock);
        g_usleep(g->pause_us);
    }
    return NULL;
}

TestGuest *test_guest_new(TestMachine *t, uint64_t first, uint64_t n,
                          int pause_us)
{
    TestGuest *g = g_new0(TestGuest, 1);

    g->t = t;
    g->first = first;
    g->n = n;
    g->next = 1;
    g->pause_us = pause_us;
    g->shadow = g_new0(uint64_t, ram_block_pages(t->ram));
    qemu_mutex_init(&g->lock);
    bql_lock(t->m);
    g->running = runstate_is_running(t->m);
    runstate_add_notifier(t->m, guest_run_state, g);
    bql_unlock(t->m);
    qemu_thread_create(&g->thread, "guest", guest_thread, g);
    return g;
}

void test_guest_stop(TestGuest *g)
{
    if (g->thread.created) {
        qatomic_set(&g->quit, true);
        qemu_thread_join(&g->thread);
        bql_lock(g->t->m);
        runstate_remove_notifier(g->t->m, guest_run_state, g);
        bql_unlock(g->t->m);
    }
}

void test_guest_free(TestGuest *g)
{
    test_guest_stop(g);
    qemu_mutex_destroy(&g->lock);
    g_free(g->shadow);
    g_free(g);
}

void test_assert_same_ram(TestMachine *a, TestMachine *b)
{
    for (uint64_t page = 0; page < ram_block_pages(a->ram); page++) {
        uint64_t offset = page * TARGET_PAGE_SIZE;

        if (memcmp(a->ram->host + offset, b->ram->host + offset,
                   TARGET_PAGE_SIZE)) {
            g_error("page %" PRIu64 " differs", page);
        }
    }
}

void test_assert_guest_ram(TestMachine *t, TestGuest *g)
{
    for (uint64_t page = g->first; page < g->first + g->n; page++) {
        const uint64_t *p =
            (const uint64_t *)(t->ram->host + page * TARGET_PAGE_SIZE);

        for (size_t i = 0; g->shadow[page] && i < TARGET_PAGE_SIZE / 8; i++) {
            if (p[i] != g->shadow[page] + i) {
                g_error("page %" PRIu64 " word %zu holds %" PRIu64
                        ", the guest wrote %" PRIu64, page, i, p[i],
                        g->shadow[page] + i);
            }
        }
    }
}
