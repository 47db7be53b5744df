/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-loadvm without libFuzzer:
 *
 *   fuzz-loadvm FILE...                   run these inputs
 *   fuzz-loadvm --vectors DIR [SECONDS]   recorded streams, whole and mutated
 *
 * The mutations come from a fixed seed (or $FUZZ_SEED), so that a crash comes
 * again; the input that runs is kept in $FUZZ_SAVE, if that is set.
 */
#include "qemu/osdep.h"

#include "fuzz-loadvm.h"
#include "fuzz-replay.h"
#include "qemu/clock.h"
#include "vector.h"

#define DEFAULT_SEED 20240607

/* Bytes of a stream that are worth more attention than its pages. */
#define HEAD 256
#define TAIL 3000

static size_t pick_position(GRand *rand, size_t len)
{
    size_t n = len;
    size_t base = 0;

    if (len > HEAD + TAIL) {
        switch (g_rand_int_range(rand, 0, 4)) {
        case 0:
            n = HEAD;
            break;
        case 1:
        case 2:
            base = len - TAIL;
            n = TAIL;
            break;
        }
    }
    return base + g_rand_int_range(rand, 0, MAX(n, 1));
}

/* Change a byte, some bytes, or the length. */
static void mutate(GByteArray *a, GRand *rand)
{
    static const uint8_t values[] = { 0, 1, 2, 4, 5, 6, 7, 8, 0x10, 0x28,
                                      0x30, 0x31, 0x7e, 0x7f, 0x80, 0xff };
    size_t pos, n;

    if (!a->len) {
        return;
    }
    pos = pick_position(rand, a->len);
    n = g_rand_int_range(rand, 1, 32);
    n = MIN(n, a->len - pos);
    switch (g_rand_int_range(rand, 0, 7)) {
    case 0:
        a->data[pos] ^= 1 << g_rand_int_range(rand, 0, 8);
        break;
    case 1:
        a->data[pos] = values[g_rand_int_range(rand, 0,
                                               G_N_ELEMENTS(values))];
        break;
    case 2: /* a count or size */
        memset(a->data + pos, g_rand_boolean(rand) ? 0 : 0xff, MIN(n, 8));
        break;
    case 3:
        g_byte_array_remove_range(a, pos, n);
        break;
    case 4: { /* twice the same piece */
        g_autofree uint8_t *tail = g_memdup2(a->data + pos, a->len - pos);
        size_t len = a->len - pos;

        g_byte_array_set_size(a, pos + n);
        g_byte_array_append(a, tail, len);
        break;
    }
    case 5: { /* a piece from elsewhere */
        size_t from = pick_position(rand, a->len);

        memmove(a->data + pos, a->data + from, MIN(n, a->len - from));
        break;
    }
    default:
        if (g_rand_int_range(rand, 0, 4) == 0) {
            g_byte_array_set_size(a, pos);
        } else {
            a->data[pos] += g_rand_int_range(rand, -4, 5);
        }
    }
}

static void keep(const GByteArray *a)
{
    const char *path = g_getenv("FUZZ_SAVE");

    if (path) {
        g_file_set_contents(path, (char *)a->data, a->len, NULL);
    }
}

static GPtrArray *load_seeds(const char *dir)
{
    GPtrArray *seeds =
        g_ptr_array_new_with_free_func((GDestroyNotify)g_byte_array_unref);
    g_autoptr(GPtrArray) names = NULL;
    guint i;

    g_ptr_array_add(seeds, fuzz_seed());
    vector_set_dir(dir);
    names = vector_names();
    for (i = 0; i < names->len; i++) {
        g_autoptr(Vector) v = vector_load(g_ptr_array_index(names, i));

        if (v) {
            g_ptr_array_add(seeds, g_byte_array_ref(v->main));
        }
    }
    return seeds;
}

/* Every other time our own, and the long ones seldom: they take long. */
static GByteArray *pick_seed(const GPtrArray *seeds, GRand *rand, unsigned run)
{
    GByteArray *seed;

    if (run % 2) {
        return g_ptr_array_index(seeds, 0);
    }
    do {
        seed = g_ptr_array_index(seeds,
                                 g_rand_int_range(rand, 0, seeds->len));
    } while (seed->len > 256 * KiB && g_rand_int_range(rand, 0, 20));
    return seed;
}

static int run_vectors(const char *dir, int seconds)
{
    g_autoptr(GPtrArray) seeds = load_seeds(dir);
    const char *text = g_getenv("FUZZ_SEED");
    GRand *rand = g_rand_new_with_seed(text ? atoi(text) : DEFAULT_SEED);
    int64_t end = clock_get_ms() + seconds * 1000;
    unsigned runs = 0, taken = 0;
    guint i;

    for (i = 0; i < seeds->len; i++) {
        GByteArray *a = g_ptr_array_index(seeds, i);

        taken += fuzz_one(a->data, a->len);
    }
    printf("%u streams, %u taken as they are\n", seeds->len, taken);
    /* Our own and a few of stock's must load, else nothing is tested. */
    if (taken == 0) {
        return 1;
    }
    for (taken = 0; clock_get_ms() < end; runs++) {
        GByteArray *seed = pick_seed(seeds, rand, runs);
        g_autoptr(GByteArray) a = g_byte_array_new();
        int n = g_rand_int_range(rand, 1, 5);

        g_byte_array_append(a, seed->data, seed->len);
        while (n--) {
            mutate(a, rand);
        }
        keep(a);
        taken += fuzz_one(a->data, a->len);
    }
    printf("%u mutated streams, %u taken\n", runs, taken);
    g_rand_free(rand);
    return 0;
}

int main(int argc, char **argv)
{
    fuzz_replay_init();
    if (argc >= 3 && !strcmp(argv[1], "--vectors")) {
        return run_vectors(argv[2], argc > 3 ? atoi(argv[3]) : 3);
    }
    return fuzz_replay_files(argc, argv);
}
