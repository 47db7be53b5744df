/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Access to guest memory, registers and ports from outside the CPU.  Numbers
 * are little-endian, as the guest is; so is the host.
 */
#include "qemu/osdep.h"

#include "physmem.h"
#include "qemu/atomic.h"

/* ---- registers: accesses of any size onto what the device can do ---- */

static unsigned io_min_size(const IORegion *r)
{
    return r->ops->min_size ? r->ops->min_size : 1;
}

static unsigned io_max_size(const IORegion *r)
{
    return r->ops->max_size ? r->ops->max_size : 4;
}

static uint64_t size_mask(unsigned size)
{
    return size >= 8 ? UINT64_MAX : (UINT64_C(1) << (size * 8)) - 1;
}

/*
 * Size of the next access of a row of @left bytes at @addr: a power of two,
 * naturally aligned, and no more than @max.
 */
static unsigned next_size(uint64_t addr, size_t left, unsigned max)
{
    unsigned size = max;

    while (size > left || (addr & (size - 1)) != 0) {
        size /= 2;
    }
    return size;
}

/* One access the device can do; @size is at most max_size and aligned. */
static uint64_t io_read_one(const IORegion *r, uint64_t addr, unsigned size)
{
    unsigned wide = MAX(size, io_min_size(r));
    uint64_t base = addr & ~(uint64_t)(wide - 1);
    uint64_t val = r->ops->read ? r->ops->read(r->opaque, base, wide) : 0;

    return (val >> ((addr - base) * 8)) & size_mask(size);
}

static void io_write_one(const IORegion *r, uint64_t addr, uint64_t val,
                         unsigned size)
{
    unsigned wide = MAX(size, io_min_size(r));
    uint64_t base = addr & ~(uint64_t)(wide - 1);

    if (r->ops->write) {
        r->ops->write(r->opaque, base,
                      (val & size_mask(size)) << ((addr - base) * 8), wide);
    }
}

static void io_read(const IORegion *r, uint64_t addr, uint8_t *buf, size_t len)
{
    while (len) {
        unsigned n = next_size(addr, len, io_max_size(r));
        uint64_t val = io_read_one(r, addr, n);

        memcpy(buf, &val, n);
        buf += n;
        addr += n;
        len -= n;
    }
}

static void io_write(const IORegion *r, uint64_t addr, const uint8_t *buf,
                     size_t len)
{
    while (len) {
        unsigned n = next_size(addr, len, io_max_size(r));
        uint64_t val = 0;

        memcpy(&val, buf, n);
        io_write_one(r, addr, val, n);
        buf += n;
        addr += n;
        len -= n;
    }
}

/* ---- RAM ---- */

/*
 * Copy out of and into guest memory.  An aligned number is one access, as a
 * running guest must never see half of one.
 */
#define RAM_LOAD(type, buf, guest)                                             \
    ({                                                                         \
        type v_ = qatomic_read((const type *)(guest));                         \
        memcpy(buf, &v_, sizeof(v_));                                          \
    })
#define RAM_STORE(type, guest, buf)                                            \
    ({                                                                         \
        type v_;                                                               \
        memcpy(&v_, buf, sizeof(v_));                                          \
        qatomic_set((type *)(guest), v_);                                      \
    })

static bool ram_is_number(const void *guest, size_t len)
{
    return (len == 2 || len == 4 || len == 8)
           && ((uintptr_t)guest & (len - 1)) == 0;
}

static void ram_load(void *buf, const void *guest, size_t len)
{
    if (!ram_is_number(guest, len)) {
        memcpy(buf, guest, len);
    } else if (len == 8) {
        RAM_LOAD(uint64_t, buf, guest);
    } else if (len == 4) {
        RAM_LOAD(uint32_t, buf, guest);
    } else {
        RAM_LOAD(uint16_t, buf, guest);
    }
}

static void ram_store(void *guest, const void *buf, size_t len)
{
    if (!ram_is_number(guest, len)) {
        memcpy(guest, buf, len);
    } else if (len == 8) {
        RAM_STORE(uint64_t, guest, buf);
    } else if (len == 4) {
        RAM_STORE(uint32_t, guest, buf);
    } else {
        RAM_STORE(uint16_t, guest, buf);
    }
}

/* The part of an access of @len bytes at @gpa that lies in one piece. */
static size_t piece_span(const MapPiece *p, uint64_t gpa, size_t len)
{
    return MIN(len, p->size - (gpa - p->gpa));
}

static size_t hole_span(uint64_t gpa, uint64_t next, size_t len)
{
    return next > gpa ? MIN(len, next - gpa) : len;
}

bool memory_read(Machine *m, uint64_t gpa, void *buf, size_t len)
{
    uint8_t *out = buf;
    bool all = true;

    while (len) {
        uint64_t next;
        const MapPiece *p = physmap_find(&m->map, gpa, &next);
        size_t n;

        if (!p) {
            n = hole_span(gpa, next, len);
            memset(out, 0, n);
            all = false;
        } else {
            uint64_t at = p->offset + (gpa - p->gpa);

            n = piece_span(p, gpa, len);
            if (p->block) {
                ram_load(out, p->block->host + at, n);
            } else {
                io_read(p->io, at, out, n);
            }
        }
        out += n;
        gpa += n;
        len -= n;
    }
    return all;
}

bool memory_write(Machine *m, uint64_t gpa, const void *buf, size_t len)
{
    const uint8_t *in = buf;
    bool all = true;

    while (len) {
        uint64_t next;
        const MapPiece *p = physmap_find(&m->map, gpa, &next);
        size_t n;

        if (!p) {
            n = hole_span(gpa, next, len);
            all = false;
        } else {
            uint64_t at = p->offset + (gpa - p->gpa);

            n = piece_span(p, gpa, len);
            if (!p->block) {
                io_write(p->io, at, in, n);
            } else if (!(p->block->flags & RAM_READONLY)) {
                ram_store(p->block->host + at, in, n);
                dirty_log_mark(p->block, at, n);
            }
        }
        in += n;
        gpa += n;
        len -= n;
    }
    return all;
}

uint64_t memory_load(Machine *m, uint64_t gpa, unsigned size)
{
    uint64_t val = 0;

    memory_read(m, gpa, &val, MIN(size, sizeof(val)));
    return val;
}

void memory_store(Machine *m, uint64_t gpa, uint64_t val, unsigned size)
{
    memory_write(m, gpa, &val, MIN(size, sizeof(val)));
}

/* ---- ports ---- */

uint32_t ioport_in(Machine *m, uint16_t port, unsigned size)
{
    uint32_t val = 0;
    unsigned n;

    for (unsigned i = 0; i < size; i += n) {
        IORegion *r = physmap_find_port(&m->map, port + i);
        uint32_t part = 0xff;

        n = 1;
        if (r) {
            uint64_t at = port + i - r->addr;

            n = MIN(size - i, r->size - at);
            part = 0;
            io_read(r, at, (uint8_t *)&part, n);
        }
        val |= part << (i * 8);
    }
    return val;
}

void ioport_out(Machine *m, uint16_t port, uint32_t val, unsigned size)
{
    unsigned n;

    for (unsigned i = 0; i < size; i += n) {
        IORegion *r = physmap_find_port(&m->map, port + i);
        uint32_t part = val >> (i * 8);

        n = 1;
        if (r) {
            uint64_t at = port + i - r->addr;

            n = MIN(size - i, r->size - at);
            io_write(r, at, (const uint8_t *)&part, n);
        }
    }
}
