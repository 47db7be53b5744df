/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sections cpu, cpu_common and apic byte by byte, the XSAVE image, and what is
 * derived from registers.
 */
#include "qemu/osdep.h"

#include "io/channel-buffer.h"
#include "migration/qemu-file.h"
#include "migration/vmstate.h"
#include "system/accel/x86/cpu-x86-vmstate.h"
#include "system/cpu-x86.h"

typedef struct Fixture {
    CPUState cpu;
    CPUX86State *env;
} Fixture;

static void set_up(Fixture *f, gconstpointer data)
{
    f->env = cpu_x86_new(&f->cpu);
    f->cpu.env = f->env;
}

static void tear_down(Fixture *f, gconstpointer data)
{
    cpu_x86_free(f->env);
}

static GByteArray *save(const VMStateDescription *vmsd, void *opaque)
{
    QIOChannelBuffer *buffer = qio_channel_buffer_new(65536);
    QEMUFile *f = qemu_file_new_output(QIO_CHANNEL(buffer));
    GByteArray *bytes = g_byte_array_new();
    g_autoptr(Error) err = NULL;
    const uint8_t *data;
    size_t len;

    vmstate_save(f, vmsd, opaque, &err);
    g_assert_no_error(err);
    g_assert_true(qemu_fflush(f));
    data = qio_channel_buffer_data(buffer, &len);
    g_byte_array_append(bytes, data, len);
    qemu_file_free(f);
    g_object_unref(buffer);
    return bytes;
}

static bool load(const VMStateDescription *vmsd, void *opaque, int version,
                 const uint8_t *data, size_t len, Error **errp)
{
    QIOChannelBuffer *buffer = qio_channel_buffer_new(len + 1);
    QEMUFile *f;
    bool ok;

    qio_channel_write_all(QIO_CHANNEL(buffer), data, len, NULL);
    f = qemu_file_new_input(QIO_CHANNEL(buffer));
    ok = vmstate_load(f, vmsd, opaque, version, errp)
         && !qemu_file_get_error(f, errp);
    qemu_file_free(f);
    g_object_unref(buffer);
    return ok;
}

static uint64_t be(const GByteArray *b, size_t offset, size_t size)
{
    uint64_t v = 0;

    g_assert_cmpuint(offset + size, <=, b->len);
    for (size_t i = 0; i < size; i++) {
        v = v << 8 | b->data[offset + i];
    }
    return v;
}

/* Sizes of whole sections without subsections. */
static void test_sizes(Fixture *f, gconstpointer data)
{
    g_autoptr(GByteArray) cpu = save(&vmstate_x86_cpu, f->env);
    g_autoptr(GByteArray) common = save(&vmstate_cpu_common, f->env);
    g_autoptr(GByteArray) apic = save(&vmstate_apic, f->env);

    g_assert_cmpuint(cpu->len, ==, 1817);
    g_assert_cmpuint(common->len, ==, 8);
    g_assert_cmpuint(apic->len, ==, 181);
    f->env->apic.wait_for_sipi = 1;
    g_byte_array_unref(g_steal_pointer(&apic));
    apic = save(&vmstate_apic, f->env);
    g_assert_cmpuint(apic->len, ==, 181 + 23);
}

/* Fields at their places in the section. */
static void test_offsets(Fixture *f, gconstpointer data)
{
    CPUX86State *e = f->env;
    g_autoptr(GByteArray) b = NULL;

    e->regs[R_ESP] = 0x1111;
    e->eip = 0x2222;
    e->eflags = 0x3302;
    e->fptag = 0x81;
    e->fpregs[7].exponent = 0x4001;
    e->segs[R_GS].flags = 0x9304;
    e->tr.limit = 0x67;
    e->idt.base = 0x5555;
    e->sysenter_cs = 0x6666;
    e->cr3 = 0x7000;
    e->dr[7] = 0x455;
    e->xmm[15].q[1] = 0x8888;
    e->efer = 0;
    e->kernelgsbase = 0x9999;
    e->mtrr_var[7].mask = 0xaaaa;
    e->interrupt_injected = 0x20;
    e->mp_state = 3;
    e->tsc = 0xbbbb;
    e->exception_nr = 14;
    e->sipi_vector = 0x10;
    e->tsc_aux = 0xcccc;
    e->wall_clock_msr = 0xdddd;
    e->ymmh[0].q[0] = 0xeeee;
    b = save(&vmstate_x86_cpu, e);

    g_assert_cmphex(be(b, 32, 8), ==, 0x1111);
    g_assert_cmphex(be(b, 128, 8), ==, 0x2222);
    g_assert_cmphex(be(b, 136, 8), ==, 0x3302);
    g_assert_cmphex(be(b, 148, 2), ==, 0x37f);
    g_assert_cmphex(be(b, 152, 2), ==, 0x81);
    g_assert_cmphex(be(b, 156 + 70 + 8, 2), ==, 0x4001);
    g_assert_cmphex(be(b, 236 + 20 + 4, 8), ==, 0xffff0000);
    g_assert_cmphex(be(b, 236 + 100 + 16, 4), ==, 0x9304);
    g_assert_cmphex(be(b, 376 + 12, 4), ==, 0x67);
    g_assert_cmphex(be(b, 416 + 4, 8), ==, 0x5555);
    g_assert_cmphex(be(b, 436, 4), ==, 0x6666);
    g_assert_cmphex(be(b, 456, 8), ==, 0x60000010);
    g_assert_cmphex(be(b, 472, 8), ==, 0x7000);
    g_assert_cmphex(be(b, 544, 8), ==, 0x455);
    g_assert_cmphex(be(b, 552, 4), ==, 0xffffffff);
    g_assert_cmphex(be(b, 556, 4), ==, 0x1f80);
    g_assert_cmphex(be(b, 808, 8), ==, 0x8888);
    g_assert_cmphex(be(b, 856, 8), ==, 0x9999);
    g_assert_cmphex(be(b, 864, 4), ==, 0x30000);
    g_assert_cmphex(be(b, 868, 8), ==, UINT64_C(0x7040600070406));
    g_assert_cmphex(be(b, 876, 4), ==, 0x101);
    g_assert_cmphex(be(b, 1141, 8), ==, 0xaaaa);
    g_assert_cmphex(be(b, 1149, 4), ==, 0x20);
    g_assert_cmphex(be(b, 1153, 4), ==, 3);
    g_assert_cmphex(be(b, 1157, 8), ==, 0xbbbb);
    g_assert_cmphex(be(b, 1165, 4), ==, 14);
    g_assert_cmphex(be(b, 1173, 4), ==, 0x10);
    g_assert_cmphex(be(b, 1177, 8), ==, 0x100010a);
    g_assert_cmphex(be(b, 1521, 8), ==, 0xcccc);
    g_assert_cmphex(be(b, 1537, 8), ==, 0xdddd);
    g_assert_cmphex(be(b, 1545, 8), ==, 1);
    g_assert_cmphex(be(b, 1561, 8), ==, 0xeeee);
}

/* A size of each subsection on the wire, with its 5, name and version. */
static void test_subsections(Fixture *f, gconstpointer data)
{
    static const struct {
        size_t offset;
        size_t size;
    } cases[] = {
        { offsetof(CPUX86State, async_pf_en_msr), 30 },
        { offsetof(CPUX86State, async_pf_int_msr), 34 },
        { offsetof(CPUX86State, pv_eoi_en_msr), 34 },
        { offsetof(CPUX86State, steal_time_msr), 32 },
        { offsetof(CPUX86State, poll_control_msr), 34 },
        { offsetof(CPUX86State, fpop), 38 },
        { offsetof(CPUX86State, tsc_adjust), 32 },
        { offsetof(CPUX86State, tsc_deadline), 33 },
        { offsetof(CPUX86State, misc_enable), 38 },
        { offsetof(CPUX86State, feature_control), 42 },
        { offsetof(CPUX86State, pmu_gp), 375 },
        { offsetof(CPUX86State, bnd), 101 },
        { offsetof(CPUX86State, hv_hypercall), 46 },
        { offsetof(CPUX86State, hv_vapic), 34 },
        { offsetof(CPUX86State, hv_time), 33 },
        { offsetof(CPUX86State, hv_crash), 66 },
        { offsetof(CPUX86State, hv_runtime), 36 },
        { offsetof(CPUX86State, hv_synic), 178 },
        { offsetof(CPUX86State, hv_stimer), 91 },
        { offsetof(CPUX86State, hv_reenlightenment), 60 },
        { offsetof(CPUX86State, hi16_zmm), 1616 },
        { offsetof(CPUX86State, xss), 21 },
        { offsetof(CPUX86State, umwait), 20 },
        { offsetof(CPUX86State, tsc_khz), 25 },
        { offsetof(CPUX86State, smi_count), 31 },
        { offsetof(CPUX86State, pkru), 18 },
        { offsetof(CPUX86State, pkrs), 18 },
        { offsetof(CPUX86State, spec_ctrl), 27 },
        { offsetof(CPUX86State, amd_tsc_scale), 35 },
        { offsetof(CPUX86State, mcg_ext_ctl), 29 },
        { offsetof(CPUX86State, intel_pt), 122 },
        { offsetof(CPUX86State, virt_ssbd), 27 },
        { offsetof(CPUX86State, svm_int_ctl), 23 },
        { offsetof(CPUX86State, tsx_ctrl), 26 },
        { offsetof(CPUX86State, pdptrs_valid), 48 },
        { offsetof(CPUX86State, xfd), 33 },
        { offsetof(CPUX86State, hwcr), 26 },
        { offsetof(CPUX86State, triple_fault_pending), 23 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GByteArray) b = NULL;
        g_autoptr(GByteArray) again = NULL;
        g_autoptr(Error) err = NULL;
        uint8_t *field = (uint8_t *)f->env + cases[i].offset;

        cpu_x86_reset(f->env);
        *field ^= 1; /* poll_control and misc_enable are 1 by default */
        if (cases[i].offset == offsetof(CPUX86State, poll_control_msr)
            || cases[i].offset == offsetof(CPUX86State, misc_enable)) {
            *field = 4;
        }
        b = save(&vmstate_x86_cpu, f->env);
        if (b->len != 1817 + cases[i].size) {
            g_error("subsection %zu has %u bytes, expected %zu", i,
                    b->len - 1817, cases[i].size);
        }
        cpu_x86_reset(f->env);
        g_assert_true(load(&vmstate_x86_cpu, f->env, 12, b->data, b->len,
                           &err));
        g_assert_no_error(err);
        again = save(&vmstate_x86_cpu, f->env);
        g_assert_cmpmem(b->data, b->len, again->data, again->len);
        f->env->tsc_khz = 0;
    }
}

static void test_unknown_subsection(Fixture *f, gconstpointer data)
{
    static const uint8_t extra[] = "\005\010cpu/what\0\0\0\001";
    g_autoptr(GByteArray) b = save(&vmstate_x86_cpu, f->env);
    g_autoptr(Error) err = NULL;

    g_byte_array_append(b, extra, sizeof(extra) - 1);
    g_assert_false(load(&vmstate_x86_cpu, f->env, 12, b->data, b->len, &err));
    g_assert_nonnull(err);
    g_assert_nonnull(strstr(error_get_pretty(err), "cpu/what"));
}

/* Everything comes back, and bytes of all kinds are taken or refused. */
static void test_round_trip(Fixture *f, gconstpointer data)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(7);
    g_autoptr(GByteArray) b = save(&vmstate_x86_cpu, f->env);

    for (int i = 0; i < 2000; i++) {
        g_autoptr(GByteArray) again = NULL;
        g_autoptr(GByteArray) changed = g_byte_array_new();
        g_autoptr(Error) err = NULL;
        guint32 at = g_rand_int_range(rand, 0, b->len);

        if (at >= 876 && at < 880) {
            continue; /* hflags2 decides about a subsection */
        }

        g_byte_array_append(changed, b->data, b->len);
        changed->data[at] = g_rand_int(rand);
        if (!load(&vmstate_x86_cpu, f->env, 12, changed->data, changed->len,
                  &err)) {
            g_assert_nonnull(err);
            continue;
        }
        /* Except hflags (144 to 147), which are derived. */
        again = save(&vmstate_x86_cpu, f->env);
        g_assert_cmpuint(again->len, ==, changed->len);
        g_assert_cmpmem(again->data, 144, changed->data, 144);
        g_assert_cmpmem(again->data + 148, again->len - 148,
                        changed->data + 148, changed->len - 148);
    }
}

static void expect_refused(Fixture *f, GByteArray *b, size_t offset,
                           uint8_t value)
{
    g_autoptr(Error) err = NULL;
    uint8_t before = b->data[offset];

    b->data[offset] = value;
    g_assert_false(load(&vmstate_x86_cpu, f->env, 12, b->data, b->len, &err));
    g_assert_nonnull(err);
    b->data[offset] = before;
}

static void test_refused(Fixture *f, gconstpointer data)
{
    g_autoptr(GByteArray) b = save(&vmstate_x86_cpu, f->env);

    expect_refused(f, b, 155, 1);      /* FPU format */
    expect_refused(f, b, 1149, 1);     /* interrupt_injected */
    expect_refused(f, b, 1156, 9);     /* mp_state */
    expect_refused(f, b, 1168, 99);    /* exception_nr */
    expect_refused(f, b, 816 + 6, 4);  /* EFER.LMA alone */
}

static void test_version_11(Fixture *f, gconstpointer data)
{
    g_autoptr(GByteArray) b = save(&vmstate_x86_cpu, f->env);
    g_autoptr(Error) err = NULL;

    f->env->xcr0 = 0;
    g_assert_true(load(&vmstate_x86_cpu, f->env, 11, b->data, 1545, &err));
    g_assert_no_error(err);
    g_assert_cmphex(f->env->xcr0, ==, 3);
}

/*
 * What stock QEMU sent is understood, and comes out the same, derived flags
 * included.
 */
static void test_recorded(Fixture *f, gconstpointer data)
{
    static const char *const releases[] = { "7.2", "10.0", "11.1" };
    const struct {
        const char *name;
        const VMStateDescription *vmsd;
    } sections[] = {
        { "cpu_common", &vmstate_cpu_common },
        { "cpu", &vmstate_x86_cpu },
        { "apic", &vmstate_apic },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(releases) * 3; i++) {
        const VMStateDescription *vmsd = sections[i % 3].vmsd;
        g_autofree char *path =
            g_strdup_printf("%s/%s-%s.bin", TEST_SECTION_DIR,
                            sections[i % 3].name, releases[i / 3]);
        g_autoptr(GByteArray) again = NULL;
        g_autoptr(Error) err = NULL;
        g_autofree char *bytes = NULL;
        gsize len;

        g_file_get_contents(path, &bytes, &len, &err);
        g_assert_no_error(err);
        g_assert_true(load(vmsd, f->env, vmsd->version_id, (uint8_t *)bytes,
                           len, &err));
        g_assert_no_error(err);
        again = save(vmsd, f->env);
        g_assert_cmpmem(again->data, again->len, bytes, len);
    }
}

static void set_segment(CPUX86State *e, int i, uint32_t flags, uint64_t base)
{
    e->segs[i].flags = flags;
    e->segs[i].base = base;
}

static void test_hflags(Fixture *f, gconstpointer data)
{
    CPUX86State *e = f->env;

    g_assert_cmphex(e->hflags, ==, 0x40);

    /* A Linux kernel in 64-bit mode, IOPL 0, SSE on, MP. */
    e->cr0 = 0x80050033;
    e->cr4 = 0x6a0;
    e->efer = 0xd01;
    set_segment(e, R_CS, 0xa09b00, 0);
    set_segment(e, R_SS, 0xc09300, 0);
    set_segment(e, R_DS, 0xc09300, 0);
    set_segment(e, R_ES, 0xc09300, 0);
    g_assert_cmphex(cpu_x86_compute_hflags(e), ==, 0x0040c2b0);
    e->cr0 = 0x80000011;
    g_assert_cmphex(cpu_x86_compute_hflags(e), ==, 0x0040c0b0);

    /* 32-bit flat code, then with one segment that is not. */
    e->efer = 0;
    e->cr4 = 0;
    e->cr0 = 0x11;
    set_segment(e, R_CS, 0xcf9b00, 0);
    g_assert_cmphex(cpu_x86_compute_hflags(e), ==, 0xb0);
    e->segs[R_DS].base = 0x1000;
    g_assert_cmphex(cpu_x86_compute_hflags(e), ==, 0xf0);
}

static void test_xsave(Fixture *f, gconstpointer data)
{
    g_autofree uint8_t *area = g_malloc(8192);
    g_autofree CPUX86State *copy = NULL;
    CPUX86State *e = f->env;

    e->fpuc = 0x27f;
    e->fpus = 0x3000;
    e->fptag = 0xc0;
    e->fpregs[1].mantissa = UINT64_C(0xc90fdaa22168c235);
    e->fpregs[1].exponent = 0x4000;
    e->xmm[3].q[1] = 0x1234;
    cpu_x86_to_xsave(e, area, 8192);
    g_assert_cmphex(area[0] | area[1] << 8, ==, 0x27f);
    g_assert_cmphex(area[4], ==, 0xc0);
    g_assert_cmphex(area[32 + 16 + 8] | area[32 + 16 + 9] << 8, ==, 0x4000);
    g_assert_cmphex(area[24] | area[25] << 8, ==, 0x1f80);
    g_assert_cmphex(area[160 + 3 * 16 + 8] | area[160 + 3 * 16 + 9] << 8, ==,
                    0x1234);

    copy = g_memdup2(e, sizeof(*e));
    memset(&e->fpregs, 0xff, sizeof(e->fpregs));
    memset(&e->xmm, 0xff, sizeof(e->xmm));
    e->fptag = e->fpus = e->fpuc = 0;
    e->mxcsr = 0;
    cpu_x86_from_xsave(e, area, 8192);
    g_assert_cmphex(e->fpuc, ==, copy->fpuc);
    g_assert_cmphex(e->fpus, ==, copy->fpus);
    g_assert_cmphex(e->fptag, ==, copy->fptag);
    g_assert_cmphex(e->mxcsr, ==, copy->mxcsr);
    for (int i = 0; i < 8; i++) {
        g_assert_cmphex(e->fpregs[i].mantissa, ==, copy->fpregs[i].mantissa);
        g_assert_cmphex(e->fpregs[i].exponent, ==, copy->fpregs[i].exponent);
    }
    g_assert_cmpmem(e->xmm, sizeof(e->xmm), copy->xmm, sizeof(copy->xmm));
}

static void add(const char *path, void (*fn)(Fixture *f, gconstpointer data))
{
    g_test_add(path, Fixture, NULL, set_up, fn, tear_down);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("/cpu-x86/sizes", test_sizes);
    add("/cpu-x86/offsets", test_offsets);
    add("/cpu-x86/subsections", test_subsections);
    add("/cpu-x86/unknown-subsection", test_unknown_subsection);
    add("/cpu-x86/round-trip", test_round_trip);
    add("/cpu-x86/refused", test_refused);
    add("/cpu-x86/version-11", test_version_11);
    add("/cpu-x86/recorded", test_recorded);
    add("/cpu-x86/hflags", test_hflags);
    add("/cpu-x86/xsave", test_xsave);
    return g_test_run();
}
