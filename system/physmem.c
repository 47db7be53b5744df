/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest-physical map: what is where. */
#include "qemu/osdep.h"

#include "machine-internal.h"
#include "physmem.h"

static void io_region_free(gpointer p)
{
    IORegion *r = p;

    g_free(r->name);
    g_free(r);
}

void physmap_init(PhysMap *map)
{
    map->pieces = g_array_new(false, false, sizeof(MapPiece));
    map->ranges = g_array_new(false, false, sizeof(MemoryRange));
    map->ports = g_ptr_array_new();
    map->regions = g_ptr_array_new_with_free_func(io_region_free);
}

void physmap_destroy(PhysMap *map)
{
    g_array_free(map->pieces, true);
    g_array_free(map->ranges, true);
    g_ptr_array_free(map->ports, true);
    g_ptr_array_free(map->regions, true);
}

/* Cut [@gpa, @end) out of the pieces there are. */
static void physmap_punch(PhysMap *map, uint64_t gpa, uint64_t end)
{
    for (guint i = 0; i < map->pieces->len; i++) {
        MapPiece *p = &g_array_index(map->pieces, MapPiece, i);
        uint64_t p_end = p->gpa + p->size;

        if (p_end <= gpa || p->gpa >= end) {
            continue;
        }
        if (p_end > end) {
            MapPiece rest = *p;

            rest.offset += end - p->gpa;
            rest.gpa = end;
            rest.size = p_end - end;
            g_array_insert_val(map->pieces, i + 1, rest);
            p = &g_array_index(map->pieces, MapPiece, i);
        }
        if (p->gpa < gpa) {
            p->size = gpa - p->gpa;
        } else {
            g_array_remove_index(map->pieces, i);
            i--;
        }
    }
}

static void physmap_insert(PhysMap *map, MapPiece piece)
{
    guint at = 0;

    g_assert(piece.size && piece.gpa + piece.size > piece.gpa);
    physmap_punch(map, piece.gpa, piece.gpa + piece.size);
    while (at < map->pieces->len
           && g_array_index(map->pieces, MapPiece, at).gpa < piece.gpa) {
        at++;
    }
    g_array_insert_val(map->pieces, at, piece);

    g_array_set_size(map->ranges, 0);
    for (guint i = 0; i < map->pieces->len; i++) {
        const MapPiece *p = &g_array_index(map->pieces, MapPiece, i);

        if (p->block) {
            MemoryRange r = { p->gpa, p->size, p->block, p->offset };

            g_array_append_val(map->ranges, r);
        }
    }
}

bool memory_map_is_free(Machine *m, uint64_t gpa, uint64_t size)
{
    for (guint i = 0; i < m->map.pieces->len; i++) {
        const MapPiece *p = &g_array_index(m->map.pieces, MapPiece, i);

        if (p->gpa < gpa + size && gpa < p->gpa + p->size) {
            return false;
        }
    }
    return true;
}

void memory_map_ram(Machine *m, uint64_t gpa, RAMBlock *b, uint64_t offset,
                    uint64_t size)
{
    g_assert(offset <= b->max_length && size <= b->max_length - offset);
    if (offset == 0) {
        b->gpa = gpa;
    }
    physmap_insert(&m->map, (MapPiece){ .gpa = gpa, .size = size, .block = b,
                                        .offset = offset });
}

static IORegion *io_region_new(Machine *m, const char *name, uint64_t addr,
                               uint64_t size, const IORegionOps *ops,
                               void *opaque)
{
    IORegion *r = g_new0(IORegion, 1);

    r->name = g_strdup(name);
    r->addr = addr;
    r->size = size;
    r->ops = ops;
    r->opaque = opaque;
    g_ptr_array_add(m->map.regions, r);
    return r;
}

void memory_map_io(Machine *m, const char *name, uint64_t gpa, uint64_t size,
                   const IORegionOps *ops, void *opaque)
{
    IORegion *r = io_region_new(m, name, gpa, size, ops, opaque);

    physmap_insert(&m->map, (MapPiece){ .gpa = gpa, .size = size, .io = r });
}

void ioport_map(Machine *m, const char *name, uint16_t port, uint16_t n,
                const IORegionOps *ops, void *opaque)
{
    IORegion *r = io_region_new(m, name, port, n, ops, opaque);
    guint at = 0;

    g_assert(n && port + n <= 0x10000);
    while (at < m->map.ports->len) {
        IORegion *other = g_ptr_array_index(m->map.ports, at);

        if (other->addr >= port) {
            break;
        }
        at++;
    }
    g_ptr_array_insert(m->map.ports, at, r);
}

size_t memory_map_ranges(Machine *m, const MemoryRange **ranges)
{
    *ranges = (const MemoryRange *)(void *)m->map.ranges->data;
    return m->map.ranges->len;
}

const MapPiece *physmap_find(const PhysMap *map, uint64_t gpa, uint64_t *next)
{
    guint lo = 0, hi = map->pieces->len;

    /* The first piece that ends behind @gpa. */
    while (lo < hi) {
        guint mid = lo + (hi - lo) / 2;
        const MapPiece *p = &g_array_index(map->pieces, MapPiece, mid);

        if (p->gpa + p->size <= gpa) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    if (lo < map->pieces->len) {
        const MapPiece *p = &g_array_index(map->pieces, MapPiece, lo);

        *next = p->gpa;
        return p->gpa <= gpa ? p : NULL;
    }
    *next = UINT64_MAX;
    return NULL;
}

IORegion *physmap_find_port(const PhysMap *map, uint32_t port)
{
    for (guint i = 0; i < map->ports->len; i++) {
        IORegion *r = g_ptr_array_index(map->ports, i);

        if (port < r->addr) {
            break;
        }
        if (port < r->addr + r->size) {
            return r;
        }
    }
    return NULL;
}
