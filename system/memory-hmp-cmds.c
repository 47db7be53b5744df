/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Human monitor commands that look at guest memory and ports. */
#include "qemu/osdep.h"

#include "physmem.h"
#include "qapi/hmp.h"
#include "qapi/qapi-commands-machine.h"

/* Bytes that one command prints at most; the rest can have another one. */
#define DUMP_MAX MiB

/* /CountFormatSize; what is not said is as the last time, as in a debugger. */
typedef struct DumpFormat {
    uint64_t count;
    char letter;   /* x d u o c i */
    unsigned size; /* 1, 2, 4, 8 */
} DumpFormat;

static char last_letter = 'x'; /* main thread */
static unsigned last_size = 4;

static int64_t arg_int(json_object *args, const char *name)
{
    return json_object_get_int64(json_object_object_get(args, name));
}

static const char *arg_str(json_object *args, const char *name)
{
    return json_object_get_string(json_object_object_get(args, name));
}

/* False: too much was asked for, said so. */
static bool parse_format(HmpContext *hmp, json_object *args, DumpFormat *f)
{
    static const char sizes[] = "bhwg";
    const char *text = arg_str(args, "fmt");
    const char *size;

    *f = (DumpFormat){ 1, last_letter, last_size };
    if (text && g_ascii_isdigit(*text)) {
        f->count = g_ascii_strtoull(text, (char **)&text, 10);
    }
    for (; text && *text; text++) {
        size = strchr(sizes, *text);
        if (size) {
            f->size = 1u << (size - sizes);
        } else {
            f->letter = *text;
        }
    }
    if (f->letter == 'c') {
        f->size = 1;
    }
    if (f->count > DUMP_MAX / f->size) {
        hmp_printf(hmp, "Error: at most %" PRIu64 " bytes can be shown at "
                   "once\n", (uint64_t)DUMP_MAX);
        return false;
    }
    last_letter = f->letter;
    last_size = f->size;
    return true;
}

static void print_value(HmpContext *hmp, const DumpFormat *f, uint64_t v)
{
    static const int decimal_width[] = { 0, 3, 5, 0, 10, 0, 0, 0, 20 };
    int width = decimal_width[f->size];
    unsigned unused = 64 - f->size * 8;

    switch (f->letter) {
    case 'o':
        hmp_printf(hmp, "%#*" PRIo64, (int)(f->size * 8 + 2) / 3, v);
        break;
    case 'd':
        hmp_printf(hmp, "%*" PRId64, width,
                   (int64_t)(v << unused) >> unused);
        break;
    case 'u':
        hmp_printf(hmp, "%*" PRIu64, width, v);
        break;
    case 'c':
        hmp_printf(hmp, v >= ' ' && v < 0x7f && v != '\'' && v != '\\'
                            ? "'%c'" : "'\\x%02x'", (unsigned)v);
        break;
    default:
        hmp_printf(hmp, "0x%0*" PRIx64, (int)f->size * 2, v);
        break;
    }
}

/* The words @x and xp have in common; @cpu: NULL for physical addresses. */
static void dump(HmpContext *hmp, const DumpFormat *f, uint64_t addr,
                 CPUState *cpu)
{
    unsigned per_line = f->size == 1 ? 8 : 16 / f->size;
    uint64_t left = f->count;

    if (f->letter == 'i') {
        hmp_printf(hmp, machine_cpu_count(hmp->qmp->machine)
                            ? "Asm output not supported on this arch\n"
                            : "Can not dump without CPU\n");
        return;
    }
    while (left) {
        unsigned n = MIN(left, per_line);
        uint8_t line[16];

        hmp_printf(hmp, "%016" PRIx64 ":", addr);
        if (cpu ? !cpu_read_virtual(cpu, addr, line, n * f->size)
                : !memory_read(hmp->qmp->machine, addr, line, n * f->size)) {
            hmp_printf(hmp, " Cannot access memory\n");
            return;
        }
        for (unsigned i = 0; i < n; i++) {
            uint64_t v = 0;

            memcpy(&v, line + i * f->size, f->size);
            hmp_printf(hmp, " ");
            print_value(hmp, f, v);
        }
        hmp_printf(hmp, "\n");
        addr += n * f->size;
        left -= n;
    }
}

static void hmp_xp(HmpContext *hmp, json_object *args)
{
    DumpFormat f;

    if (parse_format(hmp, args, &f)) {
        dump(hmp, &f, arg_int(args, "addr"), NULL);
    }
}

/* The CPU that virtual addresses are of; NULL: there is none, said so. */
static CPUState *hmp_cpu(HmpContext *hmp, const char *without)
{
    Machine *m = hmp->qmp->machine;
    Error *err = NULL;
    CPUState *cpu;

    if (!machine_cpu_count(m)) {
        hmp_printf(hmp, "%s\n", without);
        return NULL;
    }
    cpu = machine_get_cpu(m, 0);
    if (!cpu_registers_fetch(cpu, &err)) {
        hmp_handle_error(hmp, err);
        return NULL;
    }
    return cpu;
}

static void hmp_x(HmpContext *hmp, json_object *args)
{
    CPUState *cpu = hmp_cpu(hmp, "Can not dump without CPU");
    DumpFormat f;

    if (cpu && parse_format(hmp, args, &f)) {
        dump(hmp, &f, arg_int(args, "addr"), cpu);
    }
}

static void hmp_gva2gpa(HmpContext *hmp, json_object *args)
{
    CPUState *cpu = hmp_cpu(hmp, "No cpu");
    uint64_t pa;

    if (!cpu) {
        return;
    }
    if (cpu_x86_translate(cpu, arg_int(args, "addr"), &pa)) {
        hmp_printf(hmp, "gpa: %#" PRIx64 "\n", pa);
    } else {
        hmp_printf(hmp, "Unmapped\n");
    }
}

/* A 16-bit sum, rotated right by one bit before each byte is added. */
static void hmp_sum(HmpContext *hmp, json_object *args)
{
    uint64_t addr = arg_int(args, "start"), left = arg_int(args, "size");
    g_autofree uint8_t *buf = g_malloc(64 * KiB);
    uint16_t sum = 0;

    if (left > 64 * GiB) {
        hmp_printf(hmp, "Error: size 0x%" PRIx64 " is too large\n", left);
        return;
    }
    while (left) {
        size_t n = MIN(left, 64 * KiB);

        memory_read(hmp->qmp->machine, addr, buf, n);
        for (size_t i = 0; i < n; i++) {
            sum = (uint16_t)(sum >> 1 | sum << 15) + buf[i];
        }
        addr += n;
        left -= n;
    }
    hmp_printf(hmp, "%05d\n", sum);
}

static const char *port_suffix(unsigned size)
{
    return size == 1 ? "b" : size == 2 ? "w" : "l";
}

static void hmp_i(HmpContext *hmp, json_object *args)
{
    uint16_t port = arg_int(args, "addr");
    DumpFormat f;
    uint32_t value;

    if (!parse_format(hmp, args, &f)) {
        return;
    }
    f.size = MIN(f.size, 4);
    value = ioport_in(hmp->qmp->machine, port, f.size);
    hmp_printf(hmp, "port%s[0x%04x] = 0x%0*x\n", port_suffix(f.size), port,
               (int)f.size * 2, value);
}

static void hmp_o(HmpContext *hmp, json_object *args)
{
    DumpFormat f;

    if (parse_format(hmp, args, &f)) {
        ioport_out(hmp->qmp->machine, arg_int(args, "addr"),
                   arg_int(args, "val"), MIN(f.size, 4));
    }
}

static void hmp_memsave(HmpContext *hmp, json_object *args)
{
    Error *err = NULL;

    if (!machine_cpu_count(hmp->qmp->machine)) {
        hmp_printf(hmp, "No CPU available\n");
        return;
    }
    qmp_memsave(hmp->qmp, arg_int(args, "val"), arg_int(args, "size"),
                arg_str(args, "filename"), false, 0, &err);
    hmp_handle_error(hmp, err);
}

static void hmp_pmemsave(HmpContext *hmp, json_object *args)
{
    Error *err = NULL;

    qmp_pmemsave(hmp->qmp, arg_int(args, "val"), arg_int(args, "size"),
                 arg_str(args, "filename"), &err);
    hmp_handle_error(hmp, err);
}

static void hmp_info_ramblock(HmpContext *hmp, json_object *args)
{
    hmp_printf(hmp, "%24s %8s  %18s %18s %18s %18s %3s\n", "Block Name",
               "PSize", "Offset", "Used", "Total", "HVA", "RO");
    RAMBLOCK_FOREACH(hmp->qmp->machine, b) {
        hmp_printf(hmp, "%24s %4zu KiB  0x%016" PRIx64 " 0x%016" PRIx64
                   " 0x%016" PRIx64 " 0x%016" PRIx64 " %3s\n", b->idstr,
                   b->page_size / KiB, b->gpa, b->used_length, b->max_length,
                   (uint64_t)(uintptr_t)b->host,
                   b->flags & RAM_READONLY ? "ro" : "rw");
    }
}

static void print_region(HmpContext *hmp, unsigned indent, uint64_t first,
                         uint64_t size, const char *kind, const char *name)
{
    hmp_printf(hmp, "%*s%016" PRIx64 "-%016" PRIx64 " (prio 0, %s): %s",
               indent, "", first, first + (size - 1), kind, name);
}

static void hmp_info_mtree(HmpContext *hmp, json_object *args)
{
    const PhysMap *map = &hmp->qmp->machine->map;

    hmp_printf(hmp, "address-space: memory\n");
    print_region(hmp, 2, 0, 0, "i/o", "system\n");
    for (guint i = 0; i < map->pieces->len; i++) {
        const MapPiece *p = &g_array_index(map->pieces, MapPiece, i);
        const RAMBlock *b = p->block;

        print_region(hmp, 4, p->gpa, p->size,
                     !b ? "i/o" : b->flags & RAM_READONLY ? "rom" : "ram",
                     b ? b->idstr : p->io->name);
        if (p->offset) {
            hmp_printf(hmp, " @%016" PRIx64, p->offset);
        }
        hmp_printf(hmp, "\n");
    }
    hmp_printf(hmp, "\naddress-space: I/O\n");
    print_region(hmp, 2, 0, 0x10000, "i/o", "io\n");
    for (guint i = 0; i < map->ports->len; i++) {
        const IORegion *r = g_ptr_array_index(map->ports, i);

        print_region(hmp, 4, r->addr, r->size, "i/o", r->name);
        hmp_printf(hmp, "\n");
    }
    hmp_printf(hmp, "\n");
}

static void hmp_gpa2hva(HmpContext *hmp, json_object *args)
{
    uint64_t gpa = arg_int(args, "addr"), next;
    const MapPiece *p = physmap_find(&hmp->qmp->machine->map, gpa, &next);

    if (!p) {
        hmp_printf(hmp, "No memory is mapped at address 0x%" PRIx64 "\n",
                   gpa);
    } else if (!p->block) {
        hmp_printf(hmp, "Memory at address 0x%" PRIx64 " is not RAM\n", gpa);
    } else {
        hmp_printf(hmp, "Host virtual address for 0x%" PRIx64 " (%s) is "
                   "0x%" PRIx64 "\n", gpa, p->block->idstr,
                   (uint64_t)(uintptr_t)(p->block->host + p->offset +
                                         (gpa - p->gpa)));
    }
}

static const HmpCommand memory_commands[] = {
    { "xp", "fmt:/,addr:l", "/fmt addr",
      "show guest memory at a physical address", hmp_xp },
    { "x", "fmt:/,addr:l", "/fmt addr",
      "show guest memory as the CPU's programs see it", hmp_x },
    { "gva2gpa", "addr:l", "addr",
      "show which physical address a virtual one leads to", hmp_gva2gpa },
    { "gpa2hva", "addr:l", "addr",
      "show where in this program a physical address is", hmp_gpa2hva },
    { "sum", "start:l,size:l", "addr size",
      "show a checksum of physical memory", hmp_sum },
    { "i", "fmt:/,addr:l", "/fmt port", "read from an I/O port", hmp_i },
    { "o", "fmt:/,addr:l,val:l", "/fmt port value", "write to an I/O port",
      hmp_o },
    { "memsave", "val:l,size:l,filename:F", "addr size file",
      "write size bytes of memory, by virtual addresses, to a file",
      hmp_memsave },
    { "pmemsave", "val:l,size:l,filename:F", "addr size file",
      "write size bytes of memory, by physical addresses, to a file",
      hmp_pmemsave },
    { "ramblock", "", "", "show the blocks of guest memory",
      hmp_info_ramblock, .is_info = true },
    { "mtree", "", "", "show what is where in memory and among the ports",
      hmp_info_mtree, .is_info = true },
};

void memory_register_hmp_commands(void)
{
    hmp_register_commands(memory_commands, G_N_ELEMENTS(memory_commands));
}
