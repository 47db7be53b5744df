/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest memory: RAM blocks, the guest-physical map, ports, and access to them
 * from outside the CPU.
 */
#ifndef SYSTEM_MEMORY_H
#define SYSTEM_MEMORY_H

#include "qemu/error.h"

typedef struct Machine Machine;
typedef struct RAMBlock RAMBlock;

#define RAM_SHARED (1 << 0)    /* MAP_SHARED */
#define RAM_NAMED_FILE (1 << 1) /* backed by a file with a name */
#define RAM_RESIZEABLE (1 << 2)
#define RAM_MIGRATABLE (1 << 3)
#define RAM_READONLY (1 << 4)

/*
 * One piece of host memory that is guest RAM or ROM.  Fields are constant once
 * the machine is built, except where told.
 */
struct RAMBlock {
    char *idstr;           /* name on the wire */
    uint8_t *host;         /* host address of its first byte */
    uint64_t used_length;  /* bytes in use; machine lock */
    uint64_t max_length;   /* bytes reserved at host */
    size_t page_size;      /* of the backing (huge pages) */
    uint32_t flags;        /* RAM_* */
    int fd;                /* memfd or file behind it, -1 */
    uint64_t fd_offset;    /* of the block's first byte in fd */
    uint64_t gpa;          /* guest-physical address of its first byte */

    /*
     * Written since the consumer last fetched: one bit per target page, set
     * atomically by the dirty sources, cleared by dirty_log_fetch().  NULL
     * while logging is off.
     */
    unsigned long *dirty;
    void *dirty_source_data; /* private to system/dirty.c */

    RAMBlock *next;        /* machine's list, in order of creation */
};

/* Blocks of @m in order of creation, NULL at the end. */
RAMBlock *machine_ram_first(Machine *m);
#define RAMBLOCK_FOREACH(m, b)                                                 \
    for (RAMBlock *b = machine_ram_first(m); b; b = b->next)
#define RAMBLOCK_FOREACH_MIGRATABLE(m, b)                                      \
    RAMBLOCK_FOREACH(m, b) if (!(b->flags & RAM_MIGRATABLE)) {} else

/*
 * Is @idstr a block that stock QEMU's machine of this type has and this one
 * does not, whose pages may be dropped when they arrive?  Constant after
 * machine_build().
 */
bool machine_ram_ignored(Machine *m, const char *idstr);

RAMBlock *machine_ram_find(Machine *m, const char *idstr, size_t idlen);
uint64_t ram_block_pages(const RAMBlock *b); /* target pages in used_length */

/*
 * Add a block of @size bytes at no guest address yet, backed by anonymous
 * private memory, or by a memfd with RAM_SHARED.  @size is a multiple of the
 * page size.  Machine lock held.
 */
RAMBlock *machine_ram_add(Machine *m, const char *idstr, uint64_t size,
                          uint32_t flags, Error **errp);
/*
 * The block that holds host address @host, or NULL; *@offset is within it.
 */
RAMBlock *machine_ram_from_host(Machine *m, const void *host,
                                uint64_t *offset);

/*
 * Which target pages may hold anything but zeros: sets bit i of @map (of
 * ram_block_pages() bits, zeroed by the caller) unless page i was never
 * touched.  Reads no page and makes none resident.  Works on private memory
 * (page tables) and shared memory (holes of the file).
 * False: the host cannot tell; then every bit is set.
 */
bool ram_block_presence(const RAMBlock *b, unsigned long *map);

/*
 * Give back the memory of [@offset, +@len): reads as zero afterwards.  Both
 * are multiples of the block's page size.  Marks the pages dirty.
 */
bool ram_block_discard(RAMBlock *b, uint64_t offset, uint64_t len,
                       Error **errp);

/* ---- guest-physical map and ports; built under the machine lock ---- */

/*
 * Device registers.  read returns the value, write takes it; @addr is relative
 * to the region, @size 1, 2, 4 or 8.  Called with the machine lock held.
 */
typedef struct IORegionOps {
    uint64_t (*read)(void *opaque, uint64_t addr, unsigned size);
    void (*write)(void *opaque, uint64_t addr, uint64_t val, unsigned size);
    /*
     * What the callbacks can do; 0: 1 and 4.  Larger accesses are split, lowest
     * address first.  Smaller ones become one of min_size at the aligned
     * address: the other bytes of a read are dropped, those of a write are 0.
     */
    unsigned min_size;
    unsigned max_size;
} IORegionOps;

/*
 * Show [@offset, +@size) of @b at guest-physical @gpa.  What is mapped later
 * hides what was there before.
 */
void memory_map_ram(Machine *m, uint64_t gpa, RAMBlock *b, uint64_t offset,
                    uint64_t size);
/* Is there neither memory nor a register in [@gpa, @gpa + @size)? */
bool memory_map_is_free(Machine *m, uint64_t gpa, uint64_t size);
void memory_map_io(Machine *m, const char *name, uint64_t gpa, uint64_t size,
                   const IORegionOps *ops, void *opaque);
void ioport_map(Machine *m, const char *name, uint16_t port, uint16_t n,
                const IORegionOps *ops, void *opaque);

/* RAM ranges of the map, in order of address, for accelerators. */
typedef struct MemoryRange {
    uint64_t gpa, size;
    RAMBlock *block;
    uint64_t offset; /* in the block */
} MemoryRange;
size_t memory_map_ranges(Machine *m, const MemoryRange **ranges);

/*
 * Access from outside the CPU (qtest, loaders, monitors, device DMA): RAM,
 * ROM and registers.  Unmapped reads give 0 and writes vanish; false if any
 * byte was unmapped.  Writes mark pages dirty.  Machine lock held.
 */
bool memory_read(Machine *m, uint64_t gpa, void *buf, size_t len);
bool memory_write(Machine *m, uint64_t gpa, const void *buf, size_t len);
/* One register-sized access, as the CPU does on an exit. */
uint64_t memory_load(Machine *m, uint64_t gpa, unsigned size);
void memory_store(Machine *m, uint64_t gpa, uint64_t val, unsigned size);
/* Ports: unclaimed reads give all ones. */
uint32_t ioport_in(Machine *m, uint16_t port, unsigned size);
void ioport_out(Machine *m, uint16_t port, uint32_t val, unsigned size);

#endif
