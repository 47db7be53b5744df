/* SPDX-License-Identifier: GPL-2.0-or-later */
/* I/O advanced interrupt controller: registers, delivery, section. */
#include "qemu/osdep.h"

#include "system/hw/ioapic.h"

#include "system/hw/wire.h"

#define REG_SELECT 0x00
#define REG_WINDOW 0x10
#define REG_EOI 0x40

#define INDEX_ID 0x00
#define INDEX_VERSION 0x01
#define INDEX_ARBITRATION 0x02
#define INDEX_TABLE 0x10

#define VERSION 0x20
/* Delivery status and remote IRR belong to the controller. */
#define ENTRY_READ_ONLY ((UINT64_C(1) << 12) | IOAPIC_ENTRY_REMOTE_IRR)

struct _IOAPIC {
    Device parent_instance;
    IOAPICState wire;
    uint32_t levels; /* of the pins, as last set; to see edges */
    bool in_kernel;
    IOAPICDeliver *deliver;
    void *deliver_opaque;
};

G_DEFINE_TYPE(IOAPIC, ioapic, DEVICE_TYPE)

/* Hand over what is requested and not masked. */
static void service(IOAPIC *s)
{
    if (!s->deliver) {
        return;
    }
    for (unsigned i = 0; i < IOAPIC_PINS; i++) {
        uint64_t *entry = &s->wire.ioredtbl[i];
        uint32_t bit = UINT32_C(1) << i;

        if (!(s->wire.irr & bit) || (*entry & IOAPIC_ENTRY_MASKED)) {
            continue;
        }
        if (!(*entry & IOAPIC_ENTRY_LEVEL)) {
            s->wire.irr &= ~bit;
        } else if (*entry & IOAPIC_ENTRY_REMOTE_IRR) {
            continue; /* delivered, not yet ended */
        } else {
            *entry |= IOAPIC_ENTRY_REMOTE_IRR;
        }
        s->deliver(s->deliver_opaque, *entry);
    }
}

static void set_pin(IOAPIC *s, unsigned pin, bool level)
{
    uint64_t entry = s->wire.ioredtbl[pin];
    uint32_t bit = UINT32_C(1) << pin;
    bool rising = level && !(s->levels & bit);

    s->levels = level ? s->levels | bit : s->levels & ~bit;
    if (entry & IOAPIC_ENTRY_LEVEL) {
        s->wire.irr = level ? s->wire.irr | bit : s->wire.irr & ~bit;
    } else if (rising && !(entry & IOAPIC_ENTRY_MASKED)) {
        s->wire.irr |= bit; /* an edge at a masked pin is lost */
    }
    if (level) {
        service(s);
    }
}

static void end_of_interrupt(IOAPIC *s, uint8_t vector)
{
    for (unsigned i = 0; i < IOAPIC_PINS; i++) {
        uint64_t *entry = &s->wire.ioredtbl[i];

        if ((uint8_t)*entry == vector && (*entry & IOAPIC_ENTRY_LEVEL)) {
            *entry &= ~IOAPIC_ENTRY_REMOTE_IRR;
        }
    }
    service(s);
}

static uint32_t read_window(const IOAPIC *s)
{
    unsigned index = s->wire.ioregsel;
    uint64_t entry;

    switch (index) {
    case INDEX_ID:
    case INDEX_ARBITRATION:
        return (uint32_t)s->wire.id << 24;
    case INDEX_VERSION:
        return (IOAPIC_PINS - 1) << 16 | VERSION;
    default:
        break;
    }
    if (index < INDEX_TABLE || index >= INDEX_TABLE + 2 * IOAPIC_PINS) {
        return 0;
    }
    entry = s->wire.ioredtbl[(index - INDEX_TABLE) / 2];
    return index & 1 ? entry >> 32 : entry;
}

static void write_window(IOAPIC *s, uint32_t val)
{
    unsigned index = s->wire.ioregsel;
    uint64_t *entry;

    if (index == INDEX_ID) {
        s->wire.id = (val >> 24) & 0x0f;
        return;
    }
    if (index < INDEX_TABLE || index >= INDEX_TABLE + 2 * IOAPIC_PINS) {
        return;
    }
    entry = &s->wire.ioredtbl[(index - INDEX_TABLE) / 2];
    if (index & 1) {
        *entry = (uint32_t)*entry | (uint64_t)val << 32;
    } else {
        *entry = (*entry & (~(uint64_t)UINT32_MAX | ENTRY_READ_ONLY)) |
                 (val & ~ENTRY_READ_ONLY);
    }
    if (!(*entry & IOAPIC_ENTRY_LEVEL)) {
        *entry &= ~IOAPIC_ENTRY_REMOTE_IRR;
    }
    service(s);
}

static uint64_t ioapic_read(void *opaque, uint64_t addr, unsigned size)
{
    IOAPIC *s = opaque;

    switch (addr) {
    case REG_SELECT:
        return s->wire.ioregsel;
    case REG_WINDOW:
        return read_window(s);
    default:
        return 0;
    }
}

static void ioapic_write(void *opaque, uint64_t addr, uint64_t val,
                         unsigned size)
{
    IOAPIC *s = opaque;

    switch (addr) {
    case REG_SELECT:
        s->wire.ioregsel = val;
        break;
    case REG_WINDOW:
        write_window(s, val);
        break;
    case REG_EOI:
        end_of_interrupt(s, val);
        break;
    default:
        break;
    }
}

static const IORegionOps ioapic_ops = {
    .read = ioapic_read,
    .write = ioapic_write,
    .min_size = 4,
    .max_size = 4,
};

static void ioapic_reset(Device *dev)
{
    IOAPIC *s = HW_IOAPIC(dev);

    s->wire = (IOAPICState){ 0 };
    for (unsigned i = 0; i < IOAPIC_PINS; i++) {
        s->wire.ioredtbl[i] = IOAPIC_ENTRY_MASKED;
    }
}

static bool ioapic_realize(Device *dev, Error **errp)
{
    IOAPIC *s = HW_IOAPIC(dev);

    if (!s->in_kernel) {
        memory_map_io(device_get_machine(dev), "ioapic", IOAPIC_BASE, 0x1000,
                      &ioapic_ops, s);
    }
    return true;
}

static bool ioapic_pre_load(void *opaque, Error **errp)
{
    IOAPIC *s = opaque;

    s->wire.irr = 0; /* not in version 1 */
    return true;
}

static bool ioapic_post_load(void *opaque, int version_id, Error **errp)
{
    IOAPIC *s = opaque;

    s->wire.irr &= (UINT32_C(1) << IOAPIC_PINS) - 1;
    if (!s->in_kernel) {
        service(s);
    }
    return true;
}

static const VMStateDescription vmstate_ioapic = {
    .name = "ioapic",
    .version_id = 3,
    .minimum_version_id = 1,
    .pre_load = ioapic_pre_load,
    .post_load = ioapic_post_load,
    .fields = (const VMStateField[]){
        WIRE_U8(id, IOAPIC),
        WIRE_U8(ioregsel, IOAPIC),
        VMSTATE_UNUSED_V(2, 8),
        WIRE_U32_V(irr, IOAPIC, 2),
        {
            .name = "ioredtbl",
            .num = IOAPIC_PINS,
            .info = &vmstate_info_uint64,
            .size = sizeof(uint64_t),
            .flags = VMS_ARRAY,
            .offset = offsetof(IOAPIC, wire.ioredtbl),
        },
        VMSTATE_END_OF_LIST(),
    },
};

static void ioapic_class_init(IOAPICClass *klass)
{
    DeviceClass *dc = QEMU_DEVICE_CLASS(klass);

    dc->realize = ioapic_realize;
    dc->reset = ioapic_reset;
    dc->vmsd = &vmstate_ioapic;
}

static void ioapic_init(IOAPIC *s)
{
}

bool ioapic_create(Machine *m, bool in_kernel, Error **errp)
{
    IOAPIC *s = g_object_new(IOAPIC_TYPE, NULL);

    s->in_kernel = in_kernel;
    return device_realize(QEMU_DEVICE(s), m, 0, errp);
}

IOAPICState *ioapic_get_state(Machine *m)
{
    IOAPIC *s = hw_find_device(m, IOAPIC_TYPE, 0);

    return s ? &s->wire : NULL;
}

void ioapic_set_pin(Machine *m, int pin, int level)
{
    IOAPIC *s = hw_find_device(m, IOAPIC_TYPE, 0);

    if (s && !s->in_kernel) {
        set_pin(s, pin, level);
    }
}

void ioapic_set_deliver(Machine *m, IOAPICDeliver *fn, void *opaque)
{
    IOAPIC *s = hw_find_device(m, IOAPIC_TYPE, 0);

    if (s) {
        s->deliver = fn;
        s->deliver_opaque = opaque;
        service(s);
    }
}

void ioapic_eoi(Machine *m, uint8_t vector)
{
    IOAPIC *s = hw_find_device(m, IOAPIC_TYPE, 0);

    if (s && !s->in_kernel) {
        end_of_interrupt(s, vector);
    }
}
