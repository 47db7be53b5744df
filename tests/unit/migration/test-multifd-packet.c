/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets of multifd channels that are damaged: each field wrong in each way
 * it can be, and compressed data that does not hold what its header says.
 * What is refused names the field and the value.
 */
#include "qemu/osdep.h"

#include "io/channel-buffer.h"
#include "machine-pair.h"
#include "migration/multifd-internal.h"

#define RAM_SIZE MiB
#define PAGES 128
#define UUID "00112233-4455-6677-8899-aabbccddeeff"

static const uint8_t uuid[16] = { 0x00, 0x11, 0x22, 0x33, 0x44, 0x55,
                                  0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb,
                                  0xcc, 0xdd, 0xee, 0xff };

/* ---- the first packet ---- */

typedef struct InitCase {
    const char *name;
    size_t at; /* which byte is changed */
    uint8_t value;
    const char *error; /* NULL: none */
} InitCase;

static const InitCase init_cases[] = {
    { "good", 63, 0, NULL },
    { "last-id", 24, 3, NULL },
    { "magic-high", 0, 0x12, "magic 0x12223344, not 0x11223344" },
    { "magic-low", 3, 0, "magic 0x11223300, not 0x11223344" },
    { "version-0", 7, 0, "version 0, only 1 is known" },
    { "version-2", 7, 2, "version 2, only 1 is known" },
    { "version-high", 4, 0x80, "version 2147483649, only 1 is known" },
    { "uuid-first", 8, 1, "UUID 01112233-4455-6677-8899-aabbccddeeff, this "
      "machine has " UUID },
    { "uuid-last", 23, 0, "UUID 00112233-4455-6677-8899-aabbccddee00" },
    { "id-n", 24, 4, "channel id 4, but multifd-channels is 4 here" },
    { "id-255", 24, 255, "channel id 255, but multifd-channels is 4 here" },
    { "reserved-8", 25, 0xff, NULL },
    { "reserved-64", 32, 0xff, NULL },
};

static void test_init(gconstpointer data)
{
    const InitCase *c = data;
    MultiFDInit init = {
        .magic = GUINT32_TO_BE(MULTIFD_MAGIC),
        .version = GUINT32_TO_BE(MULTIFD_VERSION),
    };
    g_autoptr(Error) err = NULL;

    memcpy(init.uuid, uuid, sizeof(uuid));
    ((uint8_t *)&init)[c->at] = c->value;
    g_assert_true(multifd_init_check(&init, uuid, 4, &err) == !c->error);
    if (c->error) {
        g_assert_nonnull(strstr(error_get_pretty(err), c->error));
    }
}

/* ---- one receiving channel without a thread ---- */

typedef struct Rig {
    TestMachine *t;
    MultiFDSend *ms;
    MultiFDRecv *mr;
    MultiFDSendParams *s;
    MultiFDRecvParams *r;
    MultiFDCounters counters[2];
    MigrationCounters sums;
    MigrationOptions options;
    LoadBlock *blocks[3]; /* ram; not here; skipped */
} Rig;

static LoadBlock *rig_find(void *opaque, const uint8_t *name, size_t len)
{
    Rig *rig = opaque;

    for (size_t i = 0; i < G_N_ELEMENTS(rig->blocks); i++) {
        const char *idstr = rig->blocks[i]->idstr;

        if (strlen(idstr) == len && !memcmp(idstr, name, len)) {
            return rig->blocks[i];
        }
    }
    return NULL;
}

static void rig_failed(void *opaque, int channel, const Error *err)
{
    g_assert_not_reached();
}

static Rig *rig_new(MultiFDCompression method)
{
    Rig *rig = g_new0(Rig, 1);

    migration_options_init(&rig->options);
    rig->options.multifd_channels = 1;
    rig->options.multifd_compression = method;
    rig->t = test_machine_new_named("ram", RAM_SIZE, 0, true, UUID, false);
    rig->blocks[0] = load_block_new("ram");
    load_block_attach(rig->blocks[0], rig->t->ram, 0);
    rig->blocks[1] = load_block_new("elsewhere");
    rig->blocks[1]->length = RAM_SIZE;
    rig->blocks[2] = load_block_new("skipped");
    rig->blocks[2]->skipped = true;
    rig->ms = multifd_send_new(rig->t->m, &rig->options, &rig->sums,
                               &rig->counters[0], rig_failed, rig);
    rig->mr = multifd_recv_new(rig->t->m, &rig->options, &rig->counters[1],
                               rig_failed, rig);
    rig->mr->find = rig_find;
    rig->mr->find_opaque = rig;
    rig->s = &rig->ms->params[0];
    rig->r = &rig->mr->params[0];
    rig->r->packet = g_new0(MultiFDPacket, 1);
    rig->r->scratch = g_malloc(TARGET_PAGE_SIZE);
    rig->r->synced = true;
    g_assert_true(rig->ms->ops->send_setup(rig->s, NULL));
    g_assert_true(rig->mr->ops->recv_setup(rig->r, NULL));
    return rig;
}

static void rig_free(Rig *rig)
{
    rig->ms->ops->send_cleanup(rig->s);
    rig->mr->ops->recv_cleanup(rig->r);
    g_free(rig->r->packet);
    g_free(rig->r->scratch);
    multifd_send_free(rig->ms);
    multifd_recv_free(rig->mr);
    for (size_t i = 0; i < G_N_ELEMENTS(rig->blocks); i++) {
        load_block_free(rig->blocks[i]);
    }
    test_machine_free(rig->t);
    g_free(rig);
}

/* ---- RAM packets ---- */

typedef struct PacketCase {
    const char *name;
    /* Fields in host order; offset: of the first or last entry. */
    uint32_t magic, version, flags, alloc, normal, size, zero;
    uint64_t first, last;
    const char *block;
    bool unsynced;
    const char *error; /* NULL: taken */
} PacketCase;

/* A good packet; the cases change something. */
#define PACKET                                                                 \
    .magic = MULTIFD_MAGIC, .version = 1, .alloc = PAGES, .normal = 2,         \
    .size = 2 * TARGET_PAGE_SIZE, .zero = 1, .block = "ram",                   \
    .last = RAM_SIZE - TARGET_PAGE_SIZE

#pragma GCC diagnostic ignored "-Woverride-init"
static const PacketCase packet_cases[] = {
    { "good", PACKET },
    { "magic", PACKET, .magic = 0x44332211,
      .error = "magic 0x44332211, not 0x11223344" },
    { "version-0", PACKET, .version = 0, .error = "version 0, only 1" },
    { "version-2", PACKET, .version = 2, .error = "version 2, only 1" },
    { "sync-with-data", PACKET, .flags = 1 },
    { "sync", PACKET, .flags = 1, .alloc = 0, .normal = 0, .zero = 0 },
    /* Senders before 9.0: everything else is left over. */
    { "empty-stale", PACKET, .normal = 0, .zero = 0, .size = UINT32_MAX,
      .block = "never heard of", .first = 1, .last = UINT64_MAX },
    { "method", PACKET, .flags = 0x02,
      .error = "method 0x2, but multifd-compression 'none' has 0x0" },
    { "method-sync", PACKET, .flags = 0x05,
      .error = "flags 0x5 with compression method 0x4" },
    { "method-two", PACKET, .flags = 0x3e, .error = "method 0x3e" },
    { "alloc-129", PACKET, .alloc = 129,
      .error = "pages_alloc 129, more than 128" },
    { "alloc-max", PACKET, .alloc = UINT32_MAX,
      .error = "pages_alloc 4294967295, more than 128" },
    { "normal-alloc", PACKET, .alloc = 1,
      .error = "2 normal pages, more than pages_alloc 1" },
    { "normal-max", PACKET, .normal = UINT32_MAX,
      .error = "4294967295 normal pages, more than pages_alloc 128" },
    { "zero-alloc", PACKET, .alloc = 2,
      .error = "1 zero pages besides 2 normal ones, more than pages_alloc 2" },
    { "zero-127", PACKET, .zero = 127, .error = "127 zero pages besides 2" },
    { "zero-wraps", PACKET, .zero = UINT32_MAX - 1,
      .error = "4294967294 zero pages besides 2" },
    { "block-unknown", PACKET, .block = "rom",
      .error = "unknown RAM block 'rom'" },
    { "block-prefix", PACKET, .block = "ra", .error = "RAM block 'ra'" },
    { "block-longer", PACKET, .block = "ramm", .error = "RAM block 'ramm'" },
    { "block-empty", PACKET, .block = "", .error = "RAM block ''" },
    { "block-control", PACKET, .block = "\x1b[2J\n",
      .error = "RAM block '\\033[2J\\n'" },
    { "block-skipped", PACKET, .block = "skipped",
      .error = "RAM block 'skipped', which x-ignore-shared" },
    { "block-elsewhere", PACKET, .block = "elsewhere" },
    { "offset-odd", PACKET, .first = 1, .error = "offset 0x1 of page 0" },
    { "offset-half", PACKET, .first = TARGET_PAGE_SIZE / 2,
      .error = "offset 0x800 of page 0" },
    { "offset-end", PACKET, .last = RAM_SIZE,
      .error = "offset 0x100000 of page 2, not a page of RAM block 'ram' of "
               "0x100000 bytes" },
    { "offset-max", PACKET, .last = UINT64_MAX - TARGET_PAGE_SIZE + 1,
      .error = "offset 0xfffffffffffff000 of page 2" },
    { "offset-elsewhere", PACKET, .block = "elsewhere", .first = RAM_SIZE,
      .error = "offset 0x100000 of page 0" },
    { "before-sync", PACKET, .unsynced = true,
      .error = "pages before the first sync point" },
    { "unknown-flag", PACKET, .flags = 0x80 },
};

static void packet_fill(MultiFDPacket *packet, const PacketCase *c)
{
    uint32_t n = MIN((uint64_t)c->normal + c->zero, PAGES);

    memset(packet, 0, sizeof(*packet));
    packet->hdr.magic = GUINT32_TO_BE(c->magic);
    packet->hdr.version = GUINT32_TO_BE(c->version);
    packet->hdr.flags = GUINT32_TO_BE(c->flags);
    packet->pages_alloc = GUINT32_TO_BE(c->alloc);
    packet->normal_pages = GUINT32_TO_BE(c->normal);
    packet->zero_pages = GUINT32_TO_BE(c->zero);
    packet->next_packet_size = GUINT32_TO_BE(c->size);
    g_strlcpy(packet->ramblock, c->block, sizeof(packet->ramblock));
    packet->offset[0] = GUINT64_TO_BE(c->first);
    if (n) {
        packet->offset[n - 1] = GUINT64_TO_BE(c->last);
    }
}

static void test_packet(gconstpointer data)
{
    const PacketCase *c = data;
    Rig *rig = rig_new(MULTIFD_COMPRESSION_NONE);
    MultiFDRecvParams *r = rig->r;
    g_autoptr(Error) err = NULL;
    bool ok;

    packet_fill(r->packet, c);
    r->synced = !c->unsynced;
    ok = multifd_recv_check_hdr(r, &err) &&
         multifd_recv_unfill_packet(r, &err);
    if (c->error) {
        g_assert_false(ok);
        g_assert_nonnull(strstr(error_get_pretty(err), c->error));
        rig_free(rig);
        return;
    }
    g_assert_no_error(err);
    g_assert_true(ok);
    g_assert_cmpuint(r->normal_num, ==, c->normal);
    g_assert_cmpuint(r->zero_num, ==, c->zero);
    g_assert_cmpuint(r->next_packet_size, ==, c->normal ? c->size : 0);
    g_assert_true(!r->block == !(c->normal + c->zero));
    rig_free(rig);
}

/* A name without its end, and the last byte that does not count. */
static void test_packet_name(void)
{
    static const PacketCase good = { "name", PACKET };
    Rig *rig = rig_new(MULTIFD_COMPRESSION_NONE);
    g_autoptr(Error) err = NULL;

    packet_fill(rig->r->packet, &good);
    memset(rig->r->packet->ramblock, 'x', sizeof(rig->r->packet->ramblock));
    g_assert_true(multifd_recv_check_hdr(rig->r, &err));
    g_assert_false(multifd_recv_unfill_packet(rig->r, &err));
    g_assert_nonnull(strstr(error_get_pretty(err), "xxx'"));
    g_assert_null(strstr(error_get_pretty(err), "\\"));
    g_assert_cmpuint(strlen(error_get_pretty(err)), <, 300);
    rig_free(rig);
}

/* ---- data ---- */

/* Some of each kind: text, noise, and pages in no order. */
static void rig_send(Rig *rig, GByteArray *out, uint32_t seed)
{
    MultiFDPages *pages = &rig->s->data->u.ram;
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);

    pages->block = rig->t->ram;
    pages->zero_num = 0;
    pages->normal_num = 40;
    for (uint32_t i = 0; i < pages->normal_num; i++) {
        uint8_t *page;

        /* Each in a place of its own, runs and gaps. */
        pages->offset[i] = (i * 3 % 40 + i % 2 * 64) * TARGET_PAGE_SIZE;
        page = rig->t->ram->host + pages->offset[i];
        for (size_t k = 0; k < TARGET_PAGE_SIZE; k++) {
            page[k] = i < 16 ? g_rand_int(rand) : "lorem ipsum "[k % 12] + i;
        }
    }
    rig->s->iovs_num = 0;
    rig->s->next_packet_size = 0;
    g_assert_true(rig->ms->ops->send_prepare(rig->s, NULL));
    g_byte_array_set_size(out, 0);
    for (uint32_t i = 0; i < rig->s->iovs_num; i++) {
        g_byte_array_append(out, rig->s->iov[i].iov_base,
                            rig->s->iov[i].iov_len);
    }
    g_assert_cmpuint(out->len, ==, rig->s->next_packet_size);
}

/* What was sent is to be received, with this data. */
static bool rig_recv(Rig *rig, const uint8_t *data, size_t len, uint32_t size,
                     Error **errp)
{
    g_autoptr(QIOChannelBuffer) buf = qio_channel_buffer_new(len);
    const MultiFDPages *pages = &rig->s->data->u.ram;
    MultiFDRecvParams *r = rig->r;
    bool ok;

    g_assert_true(qio_channel_write_all(QIO_CHANNEL(buf), data, len, NULL));
    r->block = rig->blocks[0];
    r->normal_num = pages->normal_num;
    memcpy(r->offset, pages->offset, sizeof(pages->offset));
    r->next_packet_size = size;
    r->c = QIO_CHANNEL(buf);
    ok = rig->mr->ops->recv(r, errp);
    r->c = NULL;
    return ok;
}

/* Several packets, of which each needs what came before. */
static void test_data_good(gconstpointer opaque)
{
    Rig *rig = rig_new(GPOINTER_TO_UINT(opaque));
    g_autoptr(GByteArray) data = g_byte_array_new();
    g_autofree uint8_t *want = g_malloc(RAM_SIZE);
    g_autoptr(Error) err = NULL;

    for (uint32_t i = 0; i < 5; i++) {
        rig_send(rig, data, i);
        memcpy(want, rig->t->ram->host, RAM_SIZE);
        for (uint32_t k = 0; k < 40; k++) {
            memset(rig->t->ram->host + rig->s->data->u.ram.offset[k], 0xee,
                   TARGET_PAGE_SIZE);
        }
        g_assert_true(rig_recv(rig, data->data, data->len, data->len, &err));
        g_assert_cmpmem(rig->t->ram->host, RAM_SIZE, want, RAM_SIZE);
    }
    rig_free(rig);
}

/* A size that the header must not have. */
static void test_data_size(gconstpointer opaque)
{
    static const int off[] = { -4096, -1, 1, 4096 };
    Rig *rig = rig_new(GPOINTER_TO_UINT(opaque));
    g_autoptr(GByteArray) data = g_byte_array_new();

    rig_send(rig, data, 1);
    g_byte_array_set_size(data, data->len + 4096);
    memset(data->data + data->len - 4096, 0xff, 4096);
    for (size_t i = 0; i < G_N_ELEMENTS(off); i++) {
        g_autoptr(Error) err = NULL;
        Rig *fresh = rig_new(GPOINTER_TO_UINT(opaque));
        uint32_t size = data->len - 4096 + off[i];

        memcpy(fresh->s->data, rig->s->data, sizeof(*rig->s->data));
        /*
         * A byte of what ends a packet may be missing from this one and make
         * the next one wrong.
         */
        if (!rig_recv(fresh, data->data, data->len, size, &err)) {
            g_assert_nonnull(err);
        } else {
            g_assert_cmpint(ABS(off[i]), ==, 1);
            g_assert_cmpuint(GPOINTER_TO_UINT(opaque), !=,
                             MULTIFD_COMPRESSION_NONE);
        }
        rig_free(fresh);
    }
    for (size_t i = 0; i < 2; i++) {
        g_autoptr(Error) err = NULL;
        uint32_t size = i ? UINT32_MAX : MULTIFD_DATA_MAX + 1;

        g_assert_false(rig_recv(rig, data->data, data->len, size, &err));
        g_assert_nonnull(strstr(error_get_pretty(err), "next_packet_size"));
    }
    rig_free(rig);
}

/* End of file within the data. */
static void test_data_short(gconstpointer opaque)
{
    Rig *rig = rig_new(GPOINTER_TO_UINT(opaque));
    g_autoptr(GByteArray) data = g_byte_array_new();
    g_autoptr(Error) err = NULL;

    rig_send(rig, data, 1);
    g_assert_false(rig_recv(rig, data->data, data->len - 1, data->len, &err));
    g_assert_nonnull(strstr(error_get_pretty(err), "end-of-file"));
    rig_free(rig);
}

/*
 * Any damage: refused with a reason, or other bytes in these pages, and none
 * in others.
 */
static void test_data_damage(gconstpointer opaque)
{
    Rig *rig = rig_new(GPOINTER_TO_UINT(opaque));
    g_autoptr(GByteArray) data = g_byte_array_new();
    g_autoptr(GRand) rand = g_rand_new_with_seed(99);
    unsigned refused = 0;

    rig_send(rig, data, 1);
    for (int i = 0; i < 100; i++) {
        g_autofree uint8_t *bad = g_memdup2(data->data, data->len);
        uint32_t at = g_rand_int_range(rand, 0, i < 50 ? 100 : data->len);
        g_autoptr(Error) err = NULL;
        bool ok;

        bad[at] ^= 1 << g_rand_int_range(rand, 0, 8);
        rig->mr->ops->recv_cleanup(rig->r);
        g_assert_true(rig->mr->ops->recv_setup(rig->r, NULL));
        memset(rig->t->ram->host + 200 * TARGET_PAGE_SIZE, 0x5a,
               TARGET_PAGE_SIZE);
        ok = rig_recv(rig, bad, data->len, data->len, &err);
        g_assert_true(ok == !err);
        refused += !ok;
        for (size_t k = 0; k < TARGET_PAGE_SIZE; k++) {
            g_assert_cmpuint(rig->t->ram->host[200 * TARGET_PAGE_SIZE + k], ==,
                             0x5a);
        }
    }
    g_test_message("%u of 100 refused", refused);
    g_assert_true(refused || GPOINTER_TO_UINT(opaque) ==
                                 MULTIFD_COMPRESSION_NONE);
    rig_free(rig);
}

/* Pages of a block that the machine does not have are read and dropped. */
static void test_data_elsewhere(gconstpointer opaque)
{
    Rig *rig = rig_new(GPOINTER_TO_UINT(opaque));
    g_autoptr(GByteArray) data = g_byte_array_new();
    g_autofree uint8_t *want = g_malloc(RAM_SIZE);
    LoadBlock *ram = rig->blocks[0];

    rig_send(rig, data, 1);
    memset(rig->t->ram->host, 0xcc, RAM_SIZE);
    memcpy(want, rig->t->ram->host, RAM_SIZE);
    rig->blocks[0] = rig->blocks[1];
    g_assert_true(rig_recv(rig, data->data, data->len, data->len, NULL));
    g_assert_cmpmem(rig->t->ram->host, RAM_SIZE, want, RAM_SIZE);
    rig->blocks[0] = ram;
    rig_free(rig);
}

/* ---- zero pages ---- */

static void test_zero_detect(void)
{
    Rig *rig = rig_new(MULTIFD_COMPRESSION_NONE);
    MultiFDPages *pages = &rig->s->data->u.ram;

    pages->block = rig->t->ram;
    pages->normal_num = 6;
    for (uint32_t i = 0; i < 6; i++) {
        pages->offset[i] = i * TARGET_PAGE_SIZE;
        rig->t->ram->host[i * TARGET_PAGE_SIZE + 77] = i % 2;
    }
    pages->zero_num = 2; /* known before */
    pages->offset[PAGES - 1] = 10 * TARGET_PAGE_SIZE;
    pages->offset[PAGES - 2] = 11 * TARGET_PAGE_SIZE;
    multifd_send_zero_page_detect(rig->s);
    g_assert_cmpuint(pages->normal_num, ==, 3);
    g_assert_cmpuint(pages->zero_num, ==, 5);
    for (uint32_t i = 0; i < 8; i++) {
        static const uint64_t want[] = { 1, 3, 5, 0, 2, 4, 11, 10 };

        g_assert_cmpuint(pages->offset[i], ==, want[i] * TARGET_PAGE_SIZE);
    }
    rig_free(rig);
}

static void test_zero_recv(void)
{
    Rig *rig = rig_new(MULTIFD_COMPRESSION_NONE);
    MultiFDRecvParams *r = rig->r;
    uint8_t *host = rig->t->ram->host;

    r->block = rig->blocks[0];
    r->normal_num = 1;
    r->zero_num = 2;
    r->offset[0] = 0;
    r->offset[1] = 5 * TARGET_PAGE_SIZE;
    r->offset[2] = RAM_SIZE - TARGET_PAGE_SIZE;
    memset(host, 1, RAM_SIZE);
    load_block_mark(r->block, 0, RAM_SIZE / TARGET_PAGE_SIZE);
    multifd_recv_zero_page_process(r);
    for (uint64_t page = 0; page < RAM_SIZE / TARGET_PAGE_SIZE; page++) {
        bool zero = page == 5 || page == RAM_SIZE / TARGET_PAGE_SIZE - 1;

        g_assert_cmpuint(host[page * TARGET_PAGE_SIZE], ==, !zero);
        g_assert_cmpuint(host[(page + 1) * TARGET_PAGE_SIZE - 1], ==, !zero);
    }
    rig_free(rig);
}

/* A run that is known to be zero: packets without data, one behind another. */
static void test_zero_run(void)
{
    Rig *rig = rig_new(MULTIFD_COMPRESSION_NONE);
    g_autoptr(QIOChannelBuffer) buf = qio_channel_buffer_new(0);
    MultiFDSendParams *s = rig->s;
    MultiFDRecvParams *r = rig->r;
    uint8_t *host = rig->t->ram->host;
    const uint64_t first = 3, n = RAM_SIZE / TARGET_PAGE_SIZE - first;
    g_autoptr(Error) err = NULL;

    s->data->type = MULTIFD_PAYLOAD_ZERO_RUN;
    s->data->u.zero_run = (MultiFDZeroRun) { rig->t->ram, first, n };
    s->c = r->c = QIO_CHANNEL(buf);
    g_assert_true(multifd_send_zero_run(s, &err));
    g_assert_cmpuint(s->counters->bytes, ==, 2 * sizeof(MultiFDPacket));
    g_assert_cmpuint(s->counters->packets, ==, 2);
    g_assert_cmpuint(s->counters->zero_pages, ==, n);
    g_assert_cmpuint(rig->sums.zero_pages, ==, n);

    memset(host, 1, RAM_SIZE);
    load_block_mark(rig->blocks[0], 0, RAM_SIZE / TARGET_PAGE_SIZE);
    g_assert_cmpint(multifd_recv_step(r, &err), ==, 1);
    g_assert_cmpuint(r->zero_num, ==, PAGES);
    g_assert_cmpint(multifd_recv_step(r, &err), ==, 1);
    g_assert_cmpuint(r->zero_num, ==, n - PAGES);
    g_assert_cmpint(multifd_recv_step(r, &err), ==, 0);
    g_assert_no_error(err);
    for (uint64_t i = 0; i < RAM_SIZE; i++) {
        g_assert_cmpuint(host[i], ==, i < first * TARGET_PAGE_SIZE);
    }
    s->c = r->c = NULL;
    rig_free(rig);
}

/* ---- */

static void add_data_tests(MultiFDCompression method)
{
    static const struct {
        const char *name;
        void (*fn)(gconstpointer opaque);
    } tests[] = {
        { "good", test_data_good },
        { "size", test_data_size },
        { "short", test_data_short },
        { "damage", test_data_damage },
        { "elsewhere", test_data_elsewhere },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strdup_printf(
            "/data/%s/%s", MultiFDCompression_str(method), tests[i].name);

        g_test_add_data_func(path, GUINT_TO_POINTER(method), tests[i].fn);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    error_init("test-multifd-packet");
    multifd_methods_init();
    for (size_t i = 0; i < G_N_ELEMENTS(init_cases); i++) {
        g_autofree char *path = g_strconcat("/init/", init_cases[i].name,
                                            NULL);

        g_test_add_data_func(path, &init_cases[i], test_init);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(packet_cases); i++) {
        g_autofree char *path = g_strconcat("/packet/", packet_cases[i].name,
                                            NULL);

        g_test_add_data_func(path, &packet_cases[i], test_packet);
    }
    g_test_add_func("/packet/name-unterminated", test_packet_name);
    for (int i = 0; i < MULTIFD_COMPRESSION__MAX; i++) {
        if (multifd_method_supported(i)) {
            add_data_tests(i);
        }
    }
    g_test_add_func("/zero/detect", test_zero_detect);
    g_test_add_func("/zero/recv", test_zero_recv);
    g_test_add_func("/zero/run", test_zero_run);
    return g_test_run();
}
