/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arbitrary bytes as what comes over a multifd channel: the first packet, RAM
 * packets and their data by each method, stored into real memory, and device
 * state.
 *
 * The first byte of an input chooses the method.  With -fsanitize=fuzzer
 * LLVMFuzzerTestOneInput() is driven by libFuzzer; otherwise main() runs it
 * over files, or for some seconds over mutations of what our own sender makes:
 *
 *   fuzz-multifd FILE...
 *   fuzz-multifd --mutate SECONDS
 */
#include "qemu/osdep.h"

#include "io/channel-buffer.h"
#include "migration/multifd-internal.h"
#include "qemu/clock.h"
#include "qemu/object.h"

#define RAM_SIZE MiB
#define SEED 20240607
#define DEVICE "0000:00:02.0/vfio"

static const MachineType fuzz_type = { .name = "none", .max_cpus = 1 };
const MachineType *const machine_types[] = { &fuzz_type, NULL };

typedef struct Fuzz {
    Machine *m;
    RAMBlock *rb;
    LoadBlock *lb;
    MigrationOptions options;
    MigrationCounters sums;
    MultiFDCounters counters;
    unsigned device_sum;
} Fuzz;

/* Made once, used for all inputs. */
static Fuzz *fuzz_get(void)
{
    static Fuzz *f;
    MachineConfig mc = {
        .type = &fuzz_type,
        .incoming = true,
        .objects = NULL,
    };

    if (f) {
        return f;
    }
    f = g_new0(Fuzz, 1);
    mc.objects = object_container_new();
    migration_options_init(&f->options);
    f->m = machine_new(&mc);
    bql_lock(f->m);
    g_assert_true(machine_build(f->m, NULL));
    f->rb = machine_ram_add(f->m, "ram", RAM_SIZE, RAM_MIGRATABLE, NULL);
    bql_unlock(f->m);
    f->lb = load_block_new("ram");
    load_block_attach(f->lb, f->rb, 0);
    return f;
}

/* The method that @choice stands for, among those built in. */
static MultiFDCompression fuzz_method(uint8_t choice)
{
    MultiFDCompression method = choice % MULTIFD_COMPRESSION__MAX;

    return multifd_method_supported(method) ? method
                                            : MULTIFD_COMPRESSION_NONE;
}

static LoadBlock *fuzz_find(void *opaque, const uint8_t *name, size_t len)
{
    return len == 3 && !memcmp(name, "ram", 3) ? opaque : NULL;
}

static void *fuzz_find_device(void *opaque, const char *idstr,
                              uint32_t instance_id, Error **errp)
{
    if (!strcmp(idstr, DEVICE) && instance_id == 1) {
        return opaque;
    }
    error_setg(errp, "no such device");
    return NULL;
}

/* Looks at all of what it gets. */
static bool fuzz_load_device(void *device, uint8_t *data, size_t len,
                             Error **errp)
{
    Fuzz *f = device;

    for (size_t i = 0; i < len; i++) {
        f->device_sum += data[i];
    }
    g_free(data);
    return true;
}

static void fuzz_devices_ended(void *opaque, bool failed)
{
}

static const MultiFDDeviceOps fuzz_device_ops = {
    .find = fuzz_find_device,
    .load = fuzz_load_device,
    .ended = fuzz_devices_ended,
};

static void fuzz_failed(void *opaque, const Error *err)
{
}

/* The stream of one channel; how many packets were taken. */
static unsigned fuzz_channel(Fuzz *f, const uint8_t *data, size_t size)
{
    g_autoptr(QIOChannelBuffer) buf = qio_channel_buffer_new(size);
    MultiFDRecv *mr = multifd_recv_new(f->m, &f->options, &f->counters,
                                       fuzz_failed, f);
    MultiFDRecvParams *p = &mr->params[0];
    g_autoptr(Error) err = NULL;
    MultiFDInit init;
    unsigned taken = 0;
    int ret = 1;

    g_assert_true(qio_channel_write_all(QIO_CHANNEL(buf), data, size, NULL));
    if (!qio_channel_read_all(QIO_CHANNEL(buf), &init, sizeof(init), &err) ||
        !multifd_init_check(&init, mr->uuid, mr->n, &err)) {
        /* The rest all the same. */
        g_assert_nonnull(err);
        g_clear_pointer(&err, error_free);
    }
    mr->find = fuzz_find;
    mr->find_opaque = f->lb;
    multifd_recv_set_devices(mr, &fuzz_device_ops, f);
    p->packet = g_new0(MultiFDPacket, 1);
    p->scratch = g_malloc(TARGET_PAGE_SIZE);
    p->c = g_object_ref(QIO_CHANNEL(buf));
    p->synced = true;
    g_assert_true(mr->ops->recv_setup(p, NULL));
    while (ret > 0) {
        ret = multifd_recv_step(p, &err);
        taken += ret > 0;
        g_assert_true((ret < 0) == !!err);
    }
    mr->ops->recv_cleanup(p);
    g_free(p->packet);
    g_free(p->scratch);
    multifd_recv_free(mr);
    return taken;
}

static unsigned fuzz_one(const uint8_t *data, size_t size)
{
    Fuzz *f;

    if (!size) {
        return 0;
    }
    f = fuzz_get();
    f->options.multifd_channels = 1;
    f->options.multifd_compression = fuzz_method(data[0]);
    return fuzz_channel(f, data + 1, size - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_one(data, size);
    return 0;
}

#ifndef FUZZ_LIBFUZZER

/* ---- what our own sender makes ---- */

#define SEED_ROUNDS 3

static void put_iov(GByteArray *a, const MultiFDSendParams *p)
{
    g_byte_array_append(a, (uint8_t *)p->packet, sizeof(*p->packet));
    for (uint32_t i = 1; i < p->iovs_num; i++) {
        g_byte_array_append(a, p->iov[i].iov_base, p->iov[i].iov_len);
    }
}

static void put_device_state(GByteArray *a, GRand *rand)
{
    MultiFDPacketDevice packet = {
        .hdr.magic = GUINT32_TO_BE(MULTIFD_MAGIC),
        .hdr.version = GUINT32_TO_BE(MULTIFD_VERSION),
        .hdr.flags = GUINT32_TO_BE(MULTIFD_FLAG_DEVICE_STATE),
        .idstr = DEVICE,
        .instance_id = GUINT32_TO_BE(1),
    };
    guint n = g_rand_int_range(rand, 1, 100);

    packet.next_packet_size = GUINT32_TO_BE(n);
    g_byte_array_append(a, (uint8_t *)&packet, sizeof(packet));
    g_byte_array_set_size(a, a->len + n);
    memset(a->data + a->len - n, 0x5a, n);
}

static GByteArray *make_seed(MultiFDCompression method, GRand *rand)
{
    Fuzz *f = fuzz_get();
    GByteArray *a = g_byte_array_new();
    bool devices = method == MULTIFD_COMPRESSION_NONE;
    bool device_first = g_rand_boolean(rand); /* most mutations are there */
    uint8_t choice = method;
    MultiFDInit init;
    MultiFDSend *ms;
    MultiFDSendParams *p;

    f->options.multifd_channels = 1;
    f->options.multifd_compression = method;
    ms = multifd_send_new(f->m, &f->options, &f->sums, &f->counters,
                          fuzz_failed, f);
    p = &ms->params[0];
    g_assert_true(ms->ops->send_setup(p, NULL));
    g_byte_array_append(a, &choice, 1);
    multifd_init_fill(&init, f->m, 0);
    g_byte_array_append(a, (uint8_t *)&init, sizeof(init));
    for (int k = 0; k < SEED_ROUNDS; k++) {
        MultiFDPages *pages = &p->data->u.ram;

        if (devices && device_first) {
            put_device_state(a, rand);
        }
        pages->block = f->rb;
        pages->zero_num = 0;
        pages->normal_num = g_rand_int_range(rand, 1, 12);
        for (uint32_t i = 0; i < pages->normal_num; i++) {
            uint8_t *page;

            pages->offset[i] = (uint64_t)(i * 7 % 12) * TARGET_PAGE_SIZE;
            page = f->rb->host + pages->offset[i];
            for (size_t n = 0; n < TARGET_PAGE_SIZE; n++) {
                page[n] = i % 3 == 0 ? 0 : i % 3 == 1 ? g_rand_int(rand)
                                                      : n / 64;
            }
        }
        multifd_send_zero_page_detect(p);
        p->iovs_num = 1;
        p->next_packet_size = 0;
        if (p->data->u.ram.normal_num) {
            g_assert_true(ms->ops->send_prepare(p, NULL));
        }
        multifd_send_fill_packet(p);
        put_iov(a, p);
        p->iovs_num = 1;
        multifd_send_fill_sync(p);
        put_iov(a, p);
        if (devices && !device_first) {
            put_device_state(a, rand);
        }
    }
    ms->ops->send_cleanup(p);
    multifd_send_free(ms);
    return a;
}

/* ---- mutations ---- */

/* Headers are small beside the data, and more is decided there. */
static size_t pick_position(const GByteArray *a, GRand *rand)
{
    static const size_t fields[] = { 0, 4, 8, 12, 16, 20, 24, 32, 64, 268,
                                     272, 320 };
    size_t at = 1;

    switch (g_rand_int_range(rand, 0, 3)) {
    case 0:
        at += sizeof(MultiFDInit) +
              fields[g_rand_int_range(rand, 0, G_N_ELEMENTS(fields))] +
              g_rand_int_range(rand, 0, 8);
        break;
    case 1:
        at += g_rand_int_range(rand, 0, sizeof(MultiFDInit) +
                                            sizeof(MultiFDPacket) + 256);
        break;
    default:
        at = g_rand_int_range(rand, 0, a->len);
    }
    return MIN(at, a->len - 1);
}

static void mutate(GByteArray *a, GRand *rand)
{
    size_t pos = pick_position(a, rand), from;
    size_t n = g_rand_int_range(rand, 1, 32);

    n = MIN(n, a->len - pos);
    switch (g_rand_int_range(rand, 0, 6)) {
    case 0:
        a->data[pos] ^= 1 << g_rand_int_range(rand, 0, 8);
        break;
    case 1:
        a->data[pos] += g_rand_int_range(rand, -4, 5);
        break;
    case 2:
        memset(a->data + pos, g_rand_boolean(rand) ? 0 : 0xff, MIN(n, 8));
        break;
    case 3:
        if (a->len > n + 1) {
            g_byte_array_remove_range(a, pos, n);
        }
        break;
    case 4:
        from = pick_position(a, rand);
        memmove(a->data + pos, a->data + MIN(from, a->len - n), n);
        break;
    default:
        g_byte_array_set_size(a, MAX(pos, 1));
    }
}

static int run_mutations(int seconds)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(SEED);
    int64_t end = clock_get_ms() + seconds * 1000;
    const char *save = g_getenv("FUZZ_SAVE");
    unsigned runs = 0, taken = 0;

    do {
        MultiFDCompression method = fuzz_method(runs % 3);
        g_autoptr(GByteArray) a = make_seed(method, rand);

        if (runs < 3) {
            /* Data and a sync point; device state has no method. */
            g_assert_cmpuint(fuzz_one(a->data, a->len), ==,
                             SEED_ROUNDS *
                             (method == MULTIFD_COMPRESSION_NONE ? 3 : 2));
        }
        for (int n = g_rand_int_range(rand, 1, 4); n--;) {
            mutate(a, rand);
        }
        if (save) {
            g_file_set_contents(save, (char *)a->data, a->len, NULL);
        }
        taken += fuzz_one(a->data, a->len);
        runs++;
    } while (clock_get_ms() < end);
    printf("%u streams, %u packets taken\n", runs, taken);
    return 0;
}

int main(int argc, char **argv)
{
    /* GLib's complaints are findings like any other. */
    g_log_set_always_fatal(G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING |
                           G_LOG_FATAL_MASK);
    if (argc == 3 && !strcmp(argv[1], "--mutate")) {
        fuzz_get(); /* makes the methods known */
        return run_mutations(atoi(argv[2]));
    }
    for (int i = 1; i < argc; i++) {
        g_autofree char *data = NULL;
        gsize len;

        if (!g_file_get_contents(argv[i], &data, &len, NULL)) {
            fprintf(stderr, "cannot read %s\n", argv[i]);
            return 1;
        }
        fuzz_one((uint8_t *)data, len);
    }
    return 0;
}

#endif
