/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Intel 8259A interrupt controllers: registers, priorities, section. */
#include "qemu/osdep.h"

#include "system/hw/i8259.h"

#include "system/hw/wire.h"

#define CASCADE_IRQ 2 /* line of the master the slave is on */
#define NO_IRQ 8      /* priority when no bit is set */

#define ICW1_SELECT 0x10
#define ICW1_IC4 0x01
#define ICW1_SINGLE 0x02
#define ICW1_LTIM 0x08
#define OCW3_SELECT 0x08

struct _I8259 {
    Device parent_instance;
    I8259State wire;
    bool master;
    bool in_kernel;
    I8259 *other; /* the other chip of the pair, not a reference */
    IRQ output;   /* INT of the master */
};

G_DEFINE_TYPE(I8259, i8259, DEVICE_TYPE)

/* Distance of the most urgent bit of @mask from the top; NO_IRQ: none. */
static int find_priority(const I8259State *s, uint8_t mask)
{
    if (mask == 0) {
        return NO_IRQ;
    }
    for (int p = 0;; p++) {
        if (mask & (1 << ((p + s->priority_add) & 7))) {
            return p;
        }
    }
}

/* The line to be served now, -1: none beats what is in service. */
static int find_irq(const I8259 *pic)
{
    const I8259State *s = &pic->wire;
    int pending = find_priority(s, s->irr & ~s->imr);
    uint8_t in_service = s->isr;

    if (pending == NO_IRQ) {
        return -1;
    }
    if (s->special_mask) {
        in_service &= ~s->imr;
    }
    if (s->special_fully_nested_mode && pic->master) {
        /* A second line of the slave may interrupt its first. */
        in_service &= ~(1 << CASCADE_IRQ);
    }
    if (pending < find_priority(s, in_service)) {
        return (pending + s->priority_add) & 7;
    }
    return -1;
}

static void set_line(I8259 *pic, int n, int level);

static void update_output(I8259 *pic)
{
    int level = find_irq(pic) >= 0;

    if (pic->master) {
        irq_set(pic->output, level);
    } else {
        set_line(pic->other, CASCADE_IRQ, level);
    }
}

static void set_line(I8259 *pic, int n, int level)
{
    I8259State *s = &pic->wire;
    uint8_t bit = 1 << n;

    if (s->ltim || (s->elcr & bit)) {
        s->irr = level ? s->irr | bit : s->irr & ~bit;
    } else if (level && !(s->last_irr & bit)) {
        s->irr |= bit;
    }
    s->last_irr = level ? s->last_irr | bit : s->last_irr & ~bit;
    update_output(pic);
}

/* @n is being served. */
static void take(I8259 *pic, int n)
{
    I8259State *s = &pic->wire;
    uint8_t bit = 1 << n;

    if (!s->auto_eoi) {
        s->isr |= bit;
    } else if (s->rotate_on_auto_eoi) {
        s->priority_add = (n + 1) & 7;
    }
    if (!s->ltim && !(s->elcr & bit)) {
        s->irr &= ~bit;
    }
    update_output(pic);
}

/* Everything but the edge/level register, whose lines keep their requests. */
static void clear(I8259 *pic)
{
    uint8_t elcr = pic->wire.elcr;
    uint8_t irr = pic->wire.irr & elcr;

    pic->wire = (I8259State){ .elcr = elcr, .irr = irr };
}

static void start_init(I8259 *pic, uint8_t icw1)
{
    clear(pic);
    pic->wire.init_state = 1;
    pic->wire.init4 = !!(icw1 & ICW1_IC4);
    pic->wire.single_mode = !!(icw1 & ICW1_SINGLE);
    pic->wire.ltim = !!(icw1 & ICW1_LTIM);
    update_output(pic);
}

static void write_ocw2(I8259 *pic, uint8_t val)
{
    I8259State *s = &pic->wire;
    bool rotate = val & 0x80, specific = val & 0x40, eoi = val & 0x20;
    int n = val & 7;

    if (!eoi && !specific) {
        s->rotate_on_auto_eoi = rotate;
        return;
    }
    if (!specific) {
        int p = find_priority(s, s->isr);

        if (p == NO_IRQ) {
            return;
        }
        n = (p + s->priority_add) & 7;
    }
    if (eoi) {
        s->isr &= ~(1 << n);
    }
    if (rotate) {
        s->priority_add = (n + 1) & 7;
    }
    update_output(pic);
}

static void write_ocw3(I8259 *pic, uint8_t val)
{
    I8259State *s = &pic->wire;

    if (val & 0x04) {
        s->poll = 1;
    }
    if (val & 0x02) {
        s->read_reg_select = val & 1;
    }
    if (val & 0x40) {
        s->special_mask = (val >> 5) & 1;
        update_output(pic);
    }
}

/* The odd port: ICW2 to ICW4 after ICW1, else the mask. */
static void write_data(I8259 *pic, uint8_t val)
{
    I8259State *s = &pic->wire;

    switch (s->init_state) {
    case 1:
        s->irq_base = val & 0xf8;
        if (s->single_mode) {
            s->init_state = s->init4 ? 3 : 0;
        } else {
            s->init_state = 2;
        }
        break;
    case 2: /* the wiring of the cascade is fixed */
        s->init_state = s->init4 ? 3 : 0;
        break;
    case 3:
        s->special_fully_nested_mode = (val >> 4) & 1;
        s->auto_eoi = (val >> 1) & 1;
        s->init_state = 0;
        break;
    default:
        s->imr = val;
        update_output(pic);
        break;
    }
}

static void i8259_write(void *opaque, uint64_t addr, uint64_t val,
                        unsigned size)
{
    I8259 *pic = opaque;

    if (addr == 1) {
        write_data(pic, val);
    } else if (val & ICW1_SELECT) {
        start_init(pic, val);
    } else if (val & OCW3_SELECT) {
        write_ocw3(pic, val);
    } else {
        write_ocw2(pic, val);
    }
}

static uint64_t i8259_read(void *opaque, uint64_t addr, unsigned size)
{
    I8259 *pic = opaque;
    I8259State *s = &pic->wire;

    if (s->poll) {
        int n = find_irq(pic);

        s->poll = 0;
        if (n < 0) {
            return 0;
        }
        take(pic, n);
        return 0x80 | n;
    }
    if (addr == 1) {
        return s->imr;
    }
    return s->read_reg_select ? s->isr : s->irr;
}

static const IORegionOps i8259_ops = {
    .read = i8259_read,
    .write = i8259_write,
    .min_size = 1,
    .max_size = 1,
};

static uint64_t elcr_read(void *opaque, uint64_t addr, unsigned size)
{
    I8259 *pic = opaque;

    return pic->wire.elcr;
}

static void elcr_write(void *opaque, uint64_t addr, uint64_t val,
                       unsigned size)
{
    I8259 *pic = opaque;

    pic->wire.elcr = val & (pic->master ? I8259_ELCR_MASK_MASTER
                                        : I8259_ELCR_MASK_SLAVE);
}

static const IORegionOps elcr_ops = {
    .read = elcr_read,
    .write = elcr_write,
    .min_size = 1,
    .max_size = 1,
};

static void i8259_reset(Device *dev)
{
    I8259 *pic = HW_I8259(dev);

    clear(pic);
    if (!pic->in_kernel) {
        update_output(pic);
    }
}

static bool i8259_realize(Device *dev, Error **errp)
{
    I8259 *pic = HW_I8259(dev);
    Machine *m = device_get_machine(dev);

    if (!pic->in_kernel) {
        ioport_map(m, "pic", pic->master ? 0x20 : 0xa0, 2, &i8259_ops, pic);
        ioport_map(m, "elcr", pic->master ? 0x4d0 : 0x4d1, 1, &elcr_ops, pic);
    }
    return true;
}

static bool i8259_pre_load(void *opaque, Error **errp)
{
    I8259 *pic = opaque;

    pic->wire.ltim = 0; /* its subsection may be missing */
    return true;
}

static bool i8259_post_load(void *opaque, int version_id, Error **errp)
{
    I8259 *pic = opaque;
    I8259State *s = &pic->wire;

    if (s->init_state > 3 || s->priority_add > 7) {
        error_setg(errp,
                   "i8259 %s: bad state: init_state %u (limit 3), "
                   "priority_add %u (limit 7)",
                   pic->master ? "master" : "slave", s->init_state,
                   s->priority_add);
        return false;
    }
    if (!pic->in_kernel) {
        update_output(pic);
    }
    return true;
}

static bool ltim_needed(void *opaque)
{
    const I8259 *pic = opaque;

    return pic->wire.ltim != 0;
}

static const VMStateDescription vmstate_i8259_ltim = {
    .name = "i8259/ltim",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = ltim_needed,
    .fields = (const VMStateField[]){
        WIRE_U8(ltim, I8259),
        VMSTATE_END_OF_LIST(),
    },
};

static const VMStateDescription vmstate_i8259 = {
    .name = "i8259",
    .version_id = 1,
    .minimum_version_id = 1,
    .pre_load = i8259_pre_load,
    .post_load = i8259_post_load,
    .fields = (const VMStateField[]){
        WIRE_U8(last_irr, I8259),
        WIRE_U8(irr, I8259),
        WIRE_U8(imr, I8259),
        WIRE_U8(isr, I8259),
        WIRE_U8(priority_add, I8259),
        WIRE_U8(irq_base, I8259),
        WIRE_U8(read_reg_select, I8259),
        WIRE_U8(poll, I8259),
        WIRE_U8(special_mask, I8259),
        WIRE_U8(init_state, I8259),
        WIRE_U8(auto_eoi, I8259),
        WIRE_U8(rotate_on_auto_eoi, I8259),
        WIRE_U8(special_fully_nested_mode, I8259),
        WIRE_U8(init4, I8259),
        WIRE_U8(single_mode, I8259),
        WIRE_U8(elcr, I8259),
        VMSTATE_END_OF_LIST(),
    },
    .subsections = (const VMStateDescription *const[]){
        &vmstate_i8259_ltim,
        NULL,
    },
};

static void i8259_class_init(I8259Class *klass)
{
    DeviceClass *dc = QEMU_DEVICE_CLASS(klass);

    dc->realize = i8259_realize;
    dc->reset = i8259_reset;
    dc->vmsd = &vmstate_i8259;
}

static void i8259_init(I8259 *pic)
{
}

bool i8259_create_pair(Machine *m, IRQ output, bool in_kernel, Error **errp)
{
    I8259 *master = g_object_new(I8259_TYPE, NULL);
    I8259 *slave = g_object_new(I8259_TYPE, NULL);

    master->master = true;
    master->other = slave;
    slave->other = master;
    master->output = output;
    master->in_kernel = slave->in_kernel = in_kernel;
    if (!device_realize(QEMU_DEVICE(master), m, 0, errp)) {
        g_object_unref(slave);
        return false;
    }
    return device_realize(QEMU_DEVICE(slave), m, 1, errp);
}

I8259State *i8259_get_state(Machine *m, unsigned n)
{
    I8259 *pic = hw_find_device(m, I8259_TYPE, n);

    return pic ? &pic->wire : NULL;
}

void i8259_set_irq(Machine *m, int irq, int level)
{
    I8259 *pic = hw_find_device(m, I8259_TYPE, irq >= 8);

    if (pic && !pic->in_kernel) {
        set_line(pic, irq & 7, level);
    }
}

bool i8259_pending(Machine *m)
{
    I8259 *pic = hw_find_device(m, I8259_TYPE, 0);

    return pic && !pic->in_kernel && find_irq(pic) >= 0;
}

/* One chip's answer in an acknowledge cycle; IR7 is its spurious one. */
static int answer(I8259 *pic, bool *cascade)
{
    int n = find_irq(pic);

    if (n >= 0) {
        take(pic, n);
    } else {
        n = 7;
    }
    *cascade = pic->master && n == CASCADE_IRQ;
    return pic->wire.irq_base + n;
}

int i8259_acknowledge(Machine *m)
{
    I8259 *pic = hw_find_device(m, I8259_TYPE, 0);
    bool cascade;
    int vector;

    if (!pic || pic->in_kernel) {
        return -1;
    }
    vector = answer(pic, &cascade);
    return cascade ? answer(pic->other, &cascade) : vector;
}
