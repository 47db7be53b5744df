/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest-physical map, ports, and which pages were ever touched. */
#include "test-util.h"

#include <sys/mman.h>

#include "qemu/bitmap.h"
#include "qemu/hostfeat.h"

#define PAGE TARGET_PAGE_SIZE

/* ---- registers that remember ---- */

typedef struct FakeDevice {
    uint8_t regs[16];
    GString *log;
} FakeDevice;

static uint64_t fake_read(void *opaque, uint64_t addr, unsigned size)
{
    FakeDevice *d = opaque;
    uint64_t val = 0;

    g_string_append_printf(d->log, "r%u@%" PRIx64 " ", size, addr);
    memcpy(&val, d->regs + addr, size);
    return val;
}

static void fake_write(void *opaque, uint64_t addr, uint64_t val,
                       unsigned size)
{
    FakeDevice *d = opaque;

    g_string_append_printf(d->log, "w%u@%" PRIx64 "=%" PRIx64 " ", size, addr,
                           val);
    memcpy(d->regs + addr, &val, size);
}

static void assert_log(FakeDevice *d, const char *text)
{
    g_assert_cmpstr(d->log->str, ==, text);
    g_string_truncate(d->log, 0);
}

static FakeDevice *fake_new(void)
{
    FakeDevice *d = g_new0(FakeDevice, 1);

    for (unsigned i = 0; i < sizeof(d->regs); i++) {
        d->regs[i] = i;
    }
    d->log = g_string_new(NULL);
    return d;
}

static void fake_free(FakeDevice *d)
{
    g_string_free(d->log, true);
    g_free(d);
}

static const IORegionOps ops_any = { fake_read, fake_write, 1, 8 };
static const IORegionOps ops_bytes = { fake_read, fake_write, 1, 1 };
static const IORegionOps ops_words = { fake_read, fake_write, 4, 4 };

static void test_sizes(void)
{
    Machine *m = test_machine_new(MiB, G_TYPE_INVALID);
    FakeDevice *d = fake_new();
    uint8_t buf[7];

    memory_map_io(m, "any", 0x10000000, 16, &ops_any, d);
    memory_map_io(m, "bytes", 0x10001000, 16, &ops_bytes, d);
    memory_map_io(m, "words", 0x10002000, 16, &ops_words, d);

    g_assert_cmphex(memory_load(m, 0x10000000, 8), ==, 0x0706050403020100);
    assert_log(d, "r8@0 ");
    g_assert_cmphex(memory_load(m, 0x10001002, 4), ==, 0x05040302);
    assert_log(d, "r1@2 r1@3 r1@4 r1@5 ");
    g_assert_cmphex(memory_load(m, 0x10002001, 1), ==, 0x01);
    assert_log(d, "r4@0 ");
    g_assert_cmphex(memory_load(m, 0x10002000, 8), ==, 0x0706050403020100);
    assert_log(d, "r4@0 r4@4 ");
    memory_store(m, 0x10002006, 0xbeef, 2);
    assert_log(d, "w4@4=beef0000 ");
    memory_store(m, 0x10001000, 0xaabb, 2);
    assert_log(d, "w1@0=bb w1@1=aa ");
    /* Not aligned: naturally aligned pieces. */
    memory_read(m, 0x10000001, buf, sizeof(buf));
    assert_log(d, "r1@1 r2@2 r4@4 ");
    fake_free(d);
    test_machine_free(m);
}

static void test_map(void)
{
    Machine *m = test_machine_new(4 * MiB, G_TYPE_INVALID);
    FakeDevice *d = fake_new();
    const MemoryRange *ranges;
    RAMBlock *rom;
    uint8_t buf[64];

    rom = machine_ram_add(m, "rom", 2 * PAGE, RAM_READONLY, NULL);
    /* The test wants content; the block is only read-only for the guest. */
    mprotect(rom->host, 2 * PAGE, PROT_READ | PROT_WRITE);
    memset(rom->host, 0xaa, 2 * PAGE);
    memory_map_ram(m, 0x100000, rom, PAGE, PAGE);
    memory_map_io(m, "d", 0x200000, 16, &ops_any, d);

    g_assert_cmpuint(memory_map_ranges(m, &ranges), ==, 4);
    g_assert_cmphex(ranges[0].size, ==, 0x100000);
    g_assert_true(ranges[1].block == rom && ranges[1].offset == PAGE);
    g_assert_cmphex(ranges[2].gpa, ==, 0x101000);
    g_assert_cmphex(ranges[2].offset, ==, 0x101000);
    g_assert_cmphex(ranges[3].gpa, ==, 0x200010);
    g_assert_cmphex(ranges[3].gpa + ranges[3].size, ==, 4 * MiB);

    /* Across the border into the ROM, which takes no writes. */
    memset(buf, 0x55, sizeof(buf));
    g_assert_true(memory_write(m, 0x100000 - 32, buf, sizeof(buf)));
    g_assert_true(memory_read(m, 0x100000 - 32, buf, sizeof(buf)));
    g_assert_cmphex(buf[31], ==, 0x55);
    g_assert_cmphex(buf[32], ==, 0xaa);
    /* RAM, then registers, then RAM. */
    g_assert_true(memory_read(m, 0x200000 - 1, buf, 18));
    assert_log(d, "r8@0 r8@8 ");

    /* Beyond everything. */
    memset(buf, 0x55, sizeof(buf));
    g_assert_false(memory_read(m, 4 * MiB - 8, buf, 16));
    g_assert_cmphex(buf[15], ==, 0);
    g_assert_false(memory_write(m, UINT64_MAX - 3, buf, 4));
    g_assert_cmphex(memory_load(m, UINT64_MAX, 8), ==, 0x0000000000000000);
    fake_free(d);
    test_machine_free(m);
}

static void test_ports(void)
{
    Machine *m = test_machine_new(0, G_TYPE_INVALID);
    FakeDevice *d = fake_new();

    ioport_map(m, "b", 0x70, 2, &ops_bytes, d);
    ioport_map(m, "a", 0x3f8, 8, &ops_any, d);
    g_assert_cmphex(ioport_in(m, 0x80, 1), ==, 0xff);
    g_assert_cmphex(ioport_in(m, 0x80, 4), ==, 0xffffffff);
    g_assert_cmphex(ioport_in(m, 0x3f8, 4), ==, 0x03020100);
    assert_log(d, "r4@0 ");
    g_assert_cmphex(ioport_in(m, 0x71, 2), ==, 0xff01);
    assert_log(d, "r1@1 ");
    ioport_out(m, 0x6f, 0x112233, 4);
    assert_log(d, "w1@0=22 w1@1=11 ");
    g_assert_cmphex(ioport_in(m, 0xffff, 4), ==, 0xffffffff);
    ioport_out(m, 0xffff, 0, 4);
    fake_free(d);
    test_machine_free(m);
}

static void test_blocks(void)
{
    Machine *m = test_machine_new(MiB, G_TYPE_INVALID);
    g_autofree char *name = g_strnfill(256, 'x');
    RAMBlock *b = machine_ram_add(m, "second", 2 * PAGE, 0, NULL);
    uint64_t offset;
    Error *err = NULL;

    g_assert_true(machine_ram_find(m, "secondary", 6) == b);
    g_assert_null(machine_ram_find(m, "secondary", 9));
    g_assert_true(machine_ram_from_host(m, b->host + 5, &offset) == b);
    g_assert_cmpuint(offset, ==, 5);
    g_assert_null(machine_ram_from_host(m, &offset, &offset));

    g_assert_null(machine_ram_add(m, "second", PAGE, 0, &err));
    test_expect_error(&err, "RAM block 'second' exists already");
    g_assert_null(machine_ram_add(m, "odd", 100, 0, &err));
    test_expect_error(&err, "size 0x64 of RAM block 'odd' is not a multiple of "
                            "the page size 0x1000");
    g_assert_null(machine_ram_add(m, name, PAGE, 0, &err));
    g_clear_pointer(&err, error_free);
    g_assert_null(machine_ram_add(m, "huge", UINT64_MAX - 4095, 0, &err));
    g_assert_nonnull(err);
    g_clear_pointer(&err, error_free);
    test_machine_free(m);
}

/* ---- presence ---- */

static void assert_presence(RAMBlock *b, bool exact, const unsigned *pages,
                            size_t n)
{
    uint64_t total = ram_block_pages(b);
    g_autofree unsigned long *map = bitmap_new(total);

    g_assert_true(ram_block_presence(b, map));
    for (size_t i = 0; i < n; i++) {
        g_assert_true(test_bit(pages[i], map));
    }
    if (exact) {
        g_assert_cmpuint(bitmap_count(map, 0, total), ==, n);
    }
}

static void check_presence(uint32_t flags)
{
    static const unsigned touched[] = { 0, 3, 4, 5, 700, 1023 };
    Machine *m = test_machine_new(0, G_TYPE_INVALID);
    RAMBlock *b = machine_ram_add(m, "b", 1024 * PAGE, flags, NULL);
    bool private = !(flags & RAM_SHARED);
    Error *err = NULL;

    madvise(b->host, b->used_length, MADV_NOHUGEPAGE);
    assert_presence(b, true, NULL, 0);
    if (private) {
        /* A read maps the zero page; PAGEMAP_SCAN can tell. */
        g_assert_cmpuint(*(volatile uint8_t *)(b->host + 100 * PAGE), ==, 0);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(touched); i++) {
        b->host[touched[i] * PAGE + i] = 1;
    }
    assert_presence(b, !private || hostfeat_has(HOSTFEAT_PAGEMAP_SCAN), touched,
                    G_N_ELEMENTS(touched));

    g_assert_true(ram_block_discard(b, 3 * PAGE, 1021 * PAGE, &err));
    g_assert_no_error(err);
    assert_presence(b, true, touched, 1);
    g_assert_cmpuint(b->host[4 * PAGE + 2], ==, 0);
    g_assert_false(ram_block_discard(b, 100, PAGE, &err));
    g_clear_pointer(&err, error_free);
    g_assert_false(ram_block_discard(b, 1024 * PAGE, PAGE, &err));
    g_clear_pointer(&err, error_free);
    test_machine_free(m);
}

static void test_presence_private(void)
{
    check_presence(0);
}

static void test_presence_shared(void)
{
    check_presence(RAM_SHARED);
}

/* The scan itself makes nothing resident. */
static void test_presence_untouched(void)
{
    Machine *m = test_machine_new(0, G_TYPE_INVALID);
    RAMBlock *b = machine_ram_add(m, "b", 256 * MiB, RAM_SHARED, NULL);
    uint64_t pages = ram_block_pages(b);
    g_autofree unsigned long *map = bitmap_new(pages);
    g_autofree unsigned char *vec = g_malloc(pages);

    g_assert_true(ram_block_presence(b, map));
    g_assert_true(bitmap_empty(map, pages));
    g_assert_cmpint(mincore(b->host, b->used_length, vec), ==, 0);
    for (uint64_t i = 0; i < pages; i++) {
        g_assert_false(vec[i] & 1);
    }
    test_machine_free(m);
}

/* The same results without the ioctl; the zero page is not told then. */
static void test_presence_fallback(void)
{
    if (g_test_subprocess()) {
        hostfeat_disable(HOSTFEAT_PAGEMAP_SCAN);
        check_presence(0);
        return;
    }
    g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
    g_test_trap_assert_passed();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/memory/sizes", test_sizes);
    g_test_add_func("/memory/map", test_map);
    g_test_add_func("/memory/ports", test_ports);
    g_test_add_func("/memory/blocks", test_blocks);
    g_test_add_func("/presence/private", test_presence_private);
    g_test_add_func("/presence/shared", test_presence_shared);
    g_test_add_func("/presence/untouched", test_presence_untouched);
    g_test_add_func("/presence/fallback", test_presence_fallback);
    return g_test_run();
}
