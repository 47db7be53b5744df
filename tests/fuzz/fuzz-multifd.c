/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arbitrary bytes as what comes over a multifd channel: the first packet, RAM
 * packets, device state, and data by each method, stored into real memory.
 *
 * The first byte of an input chooses the parser; with -DFUZZ_PARSER=N it is
 * always number N, and inputs begin with their second byte.  With
 * -fsanitize=fuzzer LLVMFuzzerTestOneInput() is driven by libFuzzer; otherwise
 * main() runs it over files, or for some seconds over mutations of what our
 * own sender makes, or writes that for libFuzzer to begin with:
 *
 *   fuzz-multifd FILE...
 *   fuzz-multifd --mutate SECONDS
 *   fuzz-multifd --seeds PARSER DIRECTORY
 */
#include "qemu/osdep.h"

#include "fuzz-replay.h"
#include "io/channel-buffer.h"
#include "migration/multifd-internal.h"
#include "qemu/clock.h"
#include "qemu/object.h"

#define RAM_SIZE MiB
#define SEED 20240607
/* Before the data of each packet, see data_stream(). */
#define DATA_PREFIX 3
#define DEVICE "0000:00:02.0/vfio"

typedef enum FuzzParser {
    FUZZ_INITIAL,
    FUZZ_RAM,    /* whole packets; device state among them, too */
    FUZZ_DEVICE, /* what follows the flags of device state */
    FUZZ_ZLIB,   /* data of packets whose headers are in order */
    FUZZ_ZSTD,
    FUZZ__MAX,
} FuzzParser;

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

/* NONE stands for what is not built in. */
static MultiFDCompression fuzz_method(FuzzParser parser)
{
    MultiFDCompression method =
        parser == FUZZ_ZLIB ? MULTIFD_COMPRESSION_ZLIB :
        parser == FUZZ_ZSTD ? MULTIFD_COMPRESSION_ZSTD :
                              MULTIFD_COMPRESSION_NONE;

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

static void fuzz_failed(void *opaque, int channel, const Error *err)
{
}

/* The first packet; was it taken? */
static unsigned fuzz_initial(Fuzz *f, const uint8_t *data, size_t size)
{
    MultiFDRecv *mr = multifd_recv_new(f->m, &f->options, &f->counters,
                                       fuzz_failed, f);
    g_autoptr(Error) err = NULL;
    MultiFDInit init = { 0 };
    bool ok;

    memcpy(&init, data, MIN(size, sizeof(init)));
    ok = multifd_init_check(&init, mr->uuid, mr->n, &err);
    g_assert_true(ok == !err);
    multifd_recv_free(mr);
    return ok;
}

/* The stream of one channel; how many packets were taken. */
static unsigned fuzz_channel(Fuzz *f, const uint8_t *data, size_t size)
{
    g_autoptr(QIOChannelBuffer) buf = qio_channel_buffer_new(size);
    MultiFDRecv *mr = multifd_recv_new(f->m, &f->options, &f->counters,
                                       fuzz_failed, f);
    MultiFDRecvParams *p = &mr->params[0];
    g_autoptr(Error) err = NULL;
    unsigned taken = 0;
    int ret = 1;

    g_assert_true(qio_channel_write_all(QIO_CHANNEL(buf), data, size, NULL));
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

/* Packets of device state: the same beginning, then what is to be looked at. */
static GByteArray *device_stream(const uint8_t *data, size_t size)
{
    const MultiFDPacketHdr hdr = {
        .magic = GUINT32_TO_BE(MULTIFD_MAGIC),
        .version = GUINT32_TO_BE(MULTIFD_VERSION),
        .flags = GUINT32_TO_BE(MULTIFD_FLAG_DEVICE_STATE),
    };
    GByteArray *a = g_byte_array_new();

    g_byte_array_append(a, (const uint8_t *)&hdr, sizeof(hdr));
    g_byte_array_append(a, data, size);
    return a;
}

/*
 * Packets with good headers, since few inputs would come through them: each
 * begins with a byte for the number of pages and two for the size of its data.
 */
static GByteArray *data_stream(const uint8_t *data, size_t size,
                               uint32_t method)
{
    GByteArray *a = g_byte_array_new();

    while (size > DATA_PREFIX) {
        uint32_t n = data[0] % 16 + 1;
        size_t len = MIN((size_t)data[1] << 8 | data[2], size - DATA_PREFIX);
        MultiFDPacket packet = {
            .hdr.magic = GUINT32_TO_BE(MULTIFD_MAGIC),
            .hdr.version = GUINT32_TO_BE(MULTIFD_VERSION),
            .hdr.flags = GUINT32_TO_BE(method),
            .pages_alloc = GUINT32_TO_BE(MULTIFD_PAGES_MAX),
            .normal_pages = GUINT32_TO_BE(n),
            .next_packet_size = GUINT32_TO_BE(len),
            .ramblock = "ram",
        };

        for (uint32_t i = 0; i < n; i++) {
            packet.offset[i] = GUINT64_TO_BE(i * 7 % 16 *
                                             (uint64_t)TARGET_PAGE_SIZE);
        }
        g_byte_array_append(a, (uint8_t *)&packet, sizeof(packet));
        g_byte_array_append(a, data + DATA_PREFIX, len);
        data += DATA_PREFIX + len;
        size -= DATA_PREFIX + len;
    }
    return a;
}

/* How many packets were taken. */
static unsigned fuzz_parser(FuzzParser parser, const uint8_t *data,
                            size_t size)
{
    g_autoptr(GByteArray) a = NULL;
    Fuzz *f = fuzz_get();

    f->options.multifd_channels = 1;
    f->options.multifd_compression = fuzz_method(parser);
    switch (parser) {
    case FUZZ_INITIAL:
        return fuzz_initial(f, data, size);
    case FUZZ_DEVICE:
        a = device_stream(data, size);
        break;
    case FUZZ_ZLIB:
    case FUZZ_ZSTD:
        a = data_stream(data, size,
                        multifd_get_ops(fuzz_method(parser))->flag);
        break;
    default:
        return fuzz_channel(f, data, size);
    }
    return fuzz_channel(f, a->data, a->len);
}

#ifndef FUZZ_PARSER
static unsigned fuzz_one(const uint8_t *data, size_t size)
{
    return size ? fuzz_parser(data[0] % FUZZ__MAX, data + 1, size - 1) : 0;
}
#else
static unsigned fuzz_one(const uint8_t *data, size_t size)
{
    return fuzz_parser(FUZZ_PARSER, data, size);
}
#endif

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

/* A batch of pages: zero, noise, text. */
static void fill_pages(Fuzz *f, MultiFDPages *pages, GRand *rand)
{
    pages->block = f->rb;
    pages->zero_num = 0;
    pages->normal_num = g_rand_int_range(rand, 1, 12);
    for (uint32_t i = 0; i < pages->normal_num; i++) {
        uint8_t *page;

        pages->offset[i] = (uint64_t)(i * 7 % 12) * TARGET_PAGE_SIZE;
        page = f->rb->host + pages->offset[i];
        for (size_t n = 0; n < TARGET_PAGE_SIZE; n++) {
            page[n] = i % 3 == 0 ? 0 : i % 3 == 1 ? g_rand_int(rand) : n / 64;
        }
    }
}

/* As data_stream() takes it. */
static void put_data(GByteArray *a, const MultiFDSendParams *p)
{
    uint8_t prefix[DATA_PREFIX] = { p->data->u.ram.normal_num - 1,
                                    p->next_packet_size >> 8,
                                    p->next_packet_size & 0xff };

    g_byte_array_append(a, prefix, sizeof(prefix));
    for (uint32_t i = 1; i < p->iovs_num; i++) {
        g_byte_array_append(a, p->iov[i].iov_base, p->iov[i].iov_len);
    }
}

static void put_pages(GByteArray *a, Fuzz *f, MultiFDSendParams *p,
                      FuzzParser parser, GRand *rand)
{
    fill_pages(f, &p->data->u.ram, rand);
    if (parser == FUZZ_RAM) {
        multifd_send_zero_page_detect(p);
    }
    p->iovs_num = 1;
    p->next_packet_size = 0;
    if (p->data->u.ram.normal_num) {
        g_assert_true(p->ms->ops->send_prepare(p, NULL));
    }
    if (parser != FUZZ_RAM) {
        put_data(a, p);
        return;
    }
    multifd_send_fill_packet(p);
    put_iov(a, p);
    p->iovs_num = 1;
    multifd_send_fill_sync(p);
    put_iov(a, p);
}

/* An input, with its first byte; *@packets: that are in it. */
static GByteArray *make_seed(FuzzParser parser, GRand *rand, unsigned *packets)
{
    Fuzz *f = fuzz_get();
    GByteArray *a = g_byte_array_new();
    bool device_first = g_rand_boolean(rand); /* most mutations are there */
    uint8_t choice = parser;
    MultiFDInit init;
    MultiFDSend *ms;

    f->options.multifd_channels = 1;
    f->options.multifd_compression = fuzz_method(parser);
    g_byte_array_append(a, &choice, 1);
    *packets = parser == FUZZ_INITIAL ? 1
               : SEED_ROUNDS * (parser == FUZZ_RAM ? 3 : 1);
    if (parser == FUZZ_INITIAL) {
        multifd_init_fill(&init, f->m, 0);
        g_byte_array_append(a, (uint8_t *)&init, sizeof(init));
        return a;
    }
    ms = multifd_send_new(f->m, &f->options, &f->sums, &f->counters,
                          fuzz_failed, f);
    g_assert_true(ms->ops->send_setup(&ms->params[0], NULL));
    for (int k = 0; k < SEED_ROUNDS; k++) {
        if (parser == FUZZ_DEVICE || (parser == FUZZ_RAM && device_first)) {
            put_device_state(a, rand);
        }
        if (parser != FUZZ_DEVICE) {
            put_pages(a, f, &ms->params[0], parser, rand);
        }
        if (parser == FUZZ_RAM && !device_first) {
            put_device_state(a, rand);
        }
    }
    if (parser == FUZZ_DEVICE) {
        /* The first packet's beginning is put there by device_stream(). */
        g_byte_array_remove_range(a, 1, sizeof(MultiFDPacketHdr));
    }
    ms->ops->send_cleanup(&ms->params[0]);
    multifd_send_free(ms);
    return a;
}

static int write_seeds(FuzzParser parser, const char *dir)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(SEED);
    unsigned packets;

    if (g_mkdir_with_parents(dir, 0777) < 0) {
        fprintf(stderr, "cannot make %s\n", dir);
        return 1;
    }
    for (int n = 0; n < 8; n++) {
        g_autoptr(GByteArray) a = make_seed(parser, rand, &packets);
        g_autofree char *path = g_strdup_printf("%s/seed%d", dir, n);

        if (!g_file_set_contents(path, (char *)a->data + 1, a->len - 1,
                                 NULL)) {
            fprintf(stderr, "cannot write %s\n", path);
            return 1;
        }
    }
    return 0;
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
        at += fields[g_rand_int_range(rand, 0, G_N_ELEMENTS(fields))] +
              g_rand_int_range(rand, 0, 8);
        break;
    case 1:
        at += g_rand_int_range(rand, 0, sizeof(MultiFDPacket) + 256);
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
        unsigned packets;
        g_autoptr(GByteArray) a = make_seed(runs % FUZZ__MAX, rand, &packets);

        if (runs < FUZZ__MAX) {
            g_assert_cmpuint(fuzz_one(a->data, a->len), ==, packets);
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
    fuzz_replay_init();
    if (argc == 3 && !strcmp(argv[1], "--mutate")) {
        fuzz_get(); /* makes the methods known */
        return run_mutations(atoi(argv[2]));
    }
    if (argc == 4 && !strcmp(argv[1], "--seeds")) {
        fuzz_get();
        return write_seeds(atoi(argv[2]) % FUZZ__MAX, argv[3]);
    }
    return fuzz_replay_files(argc, argv);
}

#endif
