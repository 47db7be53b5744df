/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Streams recorded from stock QEMU, loaded into a real machine over a socket:
 * its memory has to have the recorded hash, and what it answers has to be what
 * stock's destination answered.
 */
#include "qemu/osdep.h"

#include <sys/socket.h>

#include "machine-pair.h"
#include "qapi/qapi-commands-migration.h"
#include "vector.h"

static const char *vector_dir;

/* What stock's destination sent back; NULL: nothing was recorded. */
static GBytes *vector_answer(const Vector *v)
{
    g_autofree char *path = g_strdup_printf("%s/%s.main-return.bin",
                                            vector_dir, v->name);
    char *bytes;
    gsize n;

    if (!g_file_get_contents(path, &bytes, &n, NULL)) {
        return NULL;
    }
    return g_bytes_new_take(bytes, n);
}

/* ---- the source: a thread that plays the recording ---- */

typedef struct Player {
    int fd;
    const GByteArray *stream;
    GByteArray *answer;
} Player;

static void *player_thread(void *opaque)
{
    Player *p = opaque;
    uint8_t buf[64];
    ssize_t n;

    for (size_t done = 0; done < p->stream->len; done += n) {
        n = send(p->fd, p->stream->data + done, p->stream->len - done,
                 MSG_NOSIGNAL);
        if (n <= 0) {
            break;
        }
    }
    while ((n = recv(p->fd, buf, sizeof(buf), 0)) > 0) {
        g_byte_array_append(p->answer, buf, n);
    }
    return NULL;
}

/* ---- one vector ---- */

static void set_options(TestMachine *t, const Vector *v)
{
    if (v->opt.x_ignore_shared) {
        test_set_capability(t, MIGRATION_CAPABILITY_X_IGNORE_SHARED, true);
    }
    if (v->opt.validate_uuid) {
        test_set_capability(t, MIGRATION_CAPABILITY_VALIDATE_UUID, true);
    }
    if (!v->opt.send_configuration) {
        migration_set_global(t->m, "send-configuration", "off", NULL);
    }
    if (!v->opt.send_section_footer) {
        migration_set_global(t->m, "send-section-footer", "off", NULL);
    }
}

typedef struct BlockInfo {
    char *name;
    uint64_t size;
    unsigned n;
} BlockInfo;

static void note_block(void *opaque, const char *name, uint64_t size)
{
    BlockInfo *info = opaque;

    g_free(info->name);
    info->name = g_strdup(name);
    info->size = size;
    info->n++;
}

static char *uuid_text(const Vector *v)
{
    GString *s = g_string_new(NULL);

    for (size_t i = 0; i < sizeof(v->uuid); i++) {
        g_string_append_printf(s, "%s%02x",
                               i == 4 || i == 6 || i == 8 || i == 10 ? "-"
                                                                     : "",
                               v->uuid[i]);
    }
    return g_string_free(s, false);
}

static void test_vector(gconstpointer opaque)
{
    g_autoptr(Vector) v = vector_load(opaque);
    g_autoptr(GBytes) answer = NULL;
    g_autofree char *uuid = NULL, *sum = NULL, *desc = NULL, *name = NULL;
    Player p = { .answer = g_byte_array_new() };
    BlockInfo block = { 0 };
    TestMachine *dst;
    QemuThread thread;
    MigrationStatus status;
    Error *err = NULL;
    int sv[2];

    if (!v) {
        g_test_skip("built without zstd");
        g_byte_array_unref(p.answer);
        return;
    }
    answer = vector_answer(v);
    uuid = v->has_uuid ? uuid_text(v) : NULL;
    vector_foreach_block(v, note_block, &block);
    g_assert_cmpuint(block.n, ==, 1);
    name = block.name;
    dst = test_machine_new_named(name, block.size, RAM_SHARED, true, uuid,
                                 v->opt.suppress_vmdesc);
    p.stream = v->main;
    set_options(dst, v);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), ==,
                    0);
    p.fd = sv[0];
    dst->fd = sv[1];
    bql_lock(dst->m);
    qmp_migrate_incoming(&dst->ctx, "fd:x", NULL, true, false, &err);
    bql_unlock(dst->m);
    g_assert_no_error(err);
    qemu_thread_create(&thread, "player", player_thread, &p);
    status = test_wait_destination(NULL, dst);
    test_pump(NULL, dst);
    qemu_thread_join(&thread);
    desc = test_error_desc(dst);
    g_assert_cmpstr(desc, ==, NULL);
    g_assert_cmpint(status, ==, MIGRATION_STATUS_COMPLETED);
    sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, dst->ram->host,
                                      dst->ram->used_length);
    g_assert_cmpstr(sum, ==, vector_ram_sha256(v, name));
    if (answer) {
        gsize len;
        const void *data = g_bytes_get_data(answer, &len);

        g_assert_cmpmem(p.answer->data, p.answer->len, data, len);
    } else {
        g_assert_cmpuint(p.answer->len, ==, 0);
    }
    close(p.fd);
    g_byte_array_unref(p.answer);
    test_machine_free(dst);
}

/* Why a vector is not for this test; NULL: it is. */
static const char *vector_skip(const char *name)
{
    if (g_str_has_prefix(name, "pc-")) {
        return "not of machine type none";
    }
    if (g_str_has_prefix(name, "icount")) {
        return "the timer's icount state has no reader here";
    }
    if (g_str_has_prefix(name, "x-ignore-shared")) {
        return "needs a named file on both sides";
    }
    return NULL;
}

static void test_skipped(gconstpointer opaque)
{
    g_test_skip(vector_skip(opaque));
}

int main(int argc, char **argv)
{
    g_autoptr(GPtrArray) names = NULL;

    g_test_init(&argc, &argv, NULL);
    error_init("test-migration-vectors");
    vector_dir = argc > 1 ? argv[1] : g_getenv("MIGRATION_VECTORS");
    vector_set_dir(vector_dir);
    names = vector_names();
    g_assert_cmpuint(names->len, >, 0);
    for (guint i = 0; i < names->len; i++) {
        g_autofree char *path = g_strdup_printf("/vectors/%s",
                                                (char *)names->pdata[i]);

        if (g_str_has_prefix(names->pdata[i], "multifd")) {
            continue; /* several connections: interop/recorded.py plays them */
        }
        g_test_add_data_func(path, names->pdata[i],
                             vector_skip(names->pdata[i]) ? test_skipped
                                                          : test_vector);
    }
    return g_test_run();
}
