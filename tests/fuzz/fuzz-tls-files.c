/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arbitrary bytes as the files of TLS objects: keys.psk, the rules of
 * authz-list-file, and certificates.  They are made by whoever runs the
 * program, but a slip must not end it.
 *
 * The first byte of an input chooses the file.  With -fsanitize=fuzzer
 * LLVMFuzzerTestOneInput() is driven by libFuzzer; otherwise:
 *
 *   fuzz-tls-files FILE...
 *   fuzz-tls-files --mutate SECONDS
 *   fuzz-tls-files --seeds DIRECTORY
 */
#include "qemu/osdep.h"

#include "fuzz-replay.h"
#include "io/authz.h"
#include "io/tls-creds.h"
#include "qemu/clock.h"
#include "qemu/object.h"

#define SEED 20240607

typedef struct Kind {
    const char *type; /* of the object */
    const char *dir;  /* its property for the place */
    const char *file; /* below that; NULL: the place is the file */
    const char *endpoint;
    const char *seed;
} Kind;

static const Kind kinds[] = {
    { "tls-creds-psk", "dir", "keys.psk", "client",
      "# keys\nother:00ff\nqemu:000102030405060708090a0b0c0d0e0f\n" },
    { "tls-creds-psk", "dir", "keys.psk", "server", "a:b:0A1b\r\n\nqemu:00\n" },
    { "authz-list-file", "filename", NULL, NULL,
      "{\"policy\": \"deny\", \"rules\": [{\"match\": \"CN=a*\", \"policy\": "
      "\"allow\", \"format\": \"glob\"}]}" },
    { "tls-creds-x509", "dir", "ca-cert.pem", "client",
      "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n" },
};

static char *dir;

static void fuzz_dir_remove(void)
{
    (void)rmdir(dir);
    g_free(dir);
}

/* A folder of this process, with one file in it. */
static const char *fuzz_dir(void)
{

    if (!dir) {
        authz_register_types();
        tls_creds_register_types();
        dir = g_dir_make_tmp("fuzz-tls-XXXXXX", NULL);
        g_assert_nonnull(dir);
        /* It is empty again by then. */
        atexit(fuzz_dir_remove);
    }
    return dir;
}

/* Ask the rules something. */
static void fuzz_ask(ObjectContainer *c)
{
    Authz *authz = authz_find(c, "x", NULL);

    if (authz) {
        (void)authz_is_allowed(authz, "CN=alice");
        (void)authz_is_allowed(authz, "");
    }
}

/* Could the object be made? */
static bool fuzz_one(const uint8_t *data, size_t size)
{
    const Kind *k;
    g_autofree char *path = NULL;
    g_autoptr(Error) err = NULL;
    json_object *props;
    ObjectContainer *c;
    bool ok;

    if (!size) {
        return false;
    }
    k = &kinds[data[0] % G_N_ELEMENTS(kinds)];
    path = g_build_filename(fuzz_dir(), k->file ? k->file : "rules", NULL);
    g_assert_true(g_file_set_contents_full(path, (const char *)data + 1,
                                           size - 1, G_FILE_SET_CONTENTS_NONE,
                                           0600, NULL));
    props = json_object_new_object();
    json_object_object_add(props, "qom-type", json_object_new_string(k->type));
    json_object_object_add(props, "id", json_object_new_string("x"));
    json_object_object_add(props, k->dir,
                           json_object_new_string(k->file ? fuzz_dir()
                                                          : path));
    if (k->endpoint) {
        json_object_object_add(props, "endpoint",
                               json_object_new_string(k->endpoint));
    }
    c = object_container_new();
    ok = object_container_add(c, props, false, &err);
    g_assert_true(ok == !err);
    if (ok) {
        fuzz_ask(c);
    }
    object_container_free(c);
    json_object_put(props);
    (void)unlink(path);
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_one(data, size);
    return 0;
}

#ifndef FUZZ_LIBFUZZER

static GByteArray *make_seed(uint8_t kind)
{
    GByteArray *a = g_byte_array_new();

    g_byte_array_append(a, &kind, 1);
    g_byte_array_append(a, (const uint8_t *)kinds[kind].seed,
                        strlen(kinds[kind].seed));
    return a;
}

static int write_seeds(const char *folder)
{
    if (g_mkdir_with_parents(folder, 0777) < 0) {
        return 1;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        g_autoptr(GByteArray) a = make_seed(i);
        g_autofree char *path = g_strdup_printf("%s/seed%zu", folder, i);

        if (!g_file_set_contents(path, (char *)a->data, a->len, NULL)) {
            return 1;
        }
    }
    return 0;
}

static int run_mutations(int seconds)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(SEED);
    int64_t end = clock_get_ms() + seconds * 1000;
    unsigned runs = 0, taken = 0;

    do {
        unsigned kind = runs % G_N_ELEMENTS(kinds);
        g_autoptr(GByteArray) a = make_seed(kind);

        if (runs < G_N_ELEMENTS(kinds)) {
            /* All are good but the certificate. */
            g_assert_true(fuzz_one(a->data, a->len) == (kind != 3));
        }
        for (int n = g_rand_int_range(rand, 1, 5); n--;) {
            guint at = g_rand_int_range(rand, 1, a->len);

            if (g_rand_boolean(rand)) {
                a->data[at] = g_rand_int(rand);
            } else if (g_rand_boolean(rand)) {
                a->data[at] = a->data[g_rand_int_range(rand, 1, a->len)];
            } else if (a->len > 3) {
                g_byte_array_remove_index(a, at);
            }
        }
        taken += fuzz_one(a->data, a->len);
        runs++;
    } while (clock_get_ms() < end);
    printf("%u files, %u taken\n", runs, taken);
    return 0;
}

int main(int argc, char **argv)
{
    fuzz_replay_init();
    if (argc == 3 && !strcmp(argv[1], "--mutate")) {
        return run_mutations(atoi(argv[2]));
    }
    if (argc == 3 && !strcmp(argv[1], "--seeds")) {
        return write_seeds(argv[2]);
    }
    return fuzz_replay_files(argc, argv);
}

#endif
