/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupt controllers and timer in the kernel: making them, their lines, and
 * copying their state to and from the device models, which describe it for
 * streams.  The LAPIC belongs to its vCPU: kvm-lapic.c.
 */
#include "qemu/osdep.h"

#include "qemu/clock.h"
#include "system/accel/kvm/kvm-int.h"
#include "system/hw/i8254.h"
#include "system/hw/i8259.h"
#include "system/hw/ioapic.h"
#include "system/vclock.h"

#define PIC_LINES 16
#define CASCADE_LINE 2
#define TIMER_LINE 0
#define TIMER_PIN 2 /* of the IOAPIC: where guests look for line 0 */

static void add_route(struct kvm_irq_routing *routing, int gsi, int chip,
                      int pin)
{
    struct kvm_irq_routing_entry *e = &routing->entries[routing->nr++];

    e->gsi = gsi;
    e->type = KVM_IRQ_ROUTING_IRQCHIP;
    e->u.irqchip.irqchip = chip;
    e->u.irqchip.pin = pin;
}

/* The wiring of a PC: lines 0 to 15 reach both kinds of controllers. */
static bool set_routing(KVMAccel *k, Error **errp)
{
    g_autofree struct kvm_irq_routing *routing =
        g_malloc0(sizeof(*routing)
                  + (PIC_LINES + IOAPIC_PINS) * sizeof(routing->entries[0]));

    for (int i = 0; i < PIC_LINES; i++) {
        if (i != CASCADE_LINE) {
            add_route(routing, i,
                      i < 8 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE,
                      i & 7);
        }
    }
    for (int i = 0; i < IOAPIC_PINS; i++) {
        if (i != CASCADE_LINE) {
            add_route(routing, i, KVM_IRQCHIP_IOAPIC,
                      i == TIMER_LINE ? TIMER_PIN : i);
        }
    }
    if (kvm_ioctl(k->vm_fd, KVM_SET_GSI_ROUTING, (uintptr_t)routing) < 0) {
        error_setg_errno(errp, errno, "failed to initialize kvm: cannot "
                         "wire the interrupt lines");
        return false;
    }
    return true;
}

bool kvm_irqchip_create(KVMAccel *k, Error **errp)
{
    struct kvm_pit_config pit = { .flags = 0 };

    if (kvm_ioctl(k->vm_fd, KVM_CREATE_IRQCHIP, 0) < 0) {
        error_setg_errno(errp, errno, "failed to initialize kvm: cannot "
                         "create the interrupt controllers");
        return false;
    }
    if (kvm_ioctl(k->vm_fd, KVM_CREATE_PIT2, (uintptr_t)&pit) < 0) {
        error_setg_errno(errp, errno, "failed to initialize kvm: cannot "
                         "create the timer");
        return false;
    }
    if (!set_routing(k, errp)) {
        return false;
    }
    k->irqchip = true;
    return true;
}

void kvm_set_irq(Accel *accel, int gsi, int level)
{
    KVMAccel *k = KVM_ACCEL(accel);
    struct kvm_irq_level line = { .irq = gsi, .level = !!level };

    if (kvm_ioctl(k->vm_fd, KVM_IRQ_LINE, (uintptr_t)&line) < 0) {
        warn_report("kvm: cannot set interrupt line %d: %s", gsi,
                    g_strerror(errno));
    }
}

static bool get_chip(KVMAccel *k, struct kvm_irqchip *chip, Error **errp)
{
    if (kvm_ioctl(k->vm_fd, KVM_GET_IRQCHIP, (uintptr_t)chip) < 0) {
        error_setg_errno(errp, errno, "kvm: cannot read interrupt "
                         "controller %u", chip->chip_id);
        return false;
    }
    return true;
}

static bool put_chip(KVMAccel *k, struct kvm_irqchip *chip, Error **errp)
{
    if (kvm_ioctl(k->vm_fd, KVM_SET_IRQCHIP, (uintptr_t)chip) < 0) {
        error_setg_errno(errp, errno, "kvm: cannot write interrupt "
                         "controller %u", chip->chip_id);
        return false;
    }
    return true;
}

static bool get_pic(KVMAccel *k, unsigned n, Error **errp)
{
    I8259State *s = i8259_get_state(k->machine, n);
    struct kvm_irqchip chip = { .chip_id = n };
    const struct kvm_pic_state *p = &chip.chip.pic;

    if (!s) {
        return true; /* the kernel has one, the machine's guest does not */
    }
    if (!get_chip(k, &chip, errp)) {
        return false;
    }
    s->last_irr = p->last_irr;
    s->irr = p->irr;
    s->imr = p->imr;
    s->isr = p->isr;
    s->priority_add = p->priority_add;
    s->irq_base = p->irq_base;
    s->read_reg_select = p->read_reg_select;
    s->poll = p->poll;
    s->special_mask = p->special_mask;
    s->init_state = p->init_state;
    s->auto_eoi = p->auto_eoi;
    s->rotate_on_auto_eoi = p->rotate_on_auto_eoi;
    s->special_fully_nested_mode = p->special_fully_nested_mode;
    s->init4 = p->init4;
    s->elcr = p->elcr;
    return true;
}

static bool put_pic(KVMAccel *k, unsigned n, Error **errp)
{
    const I8259State *s = i8259_get_state(k->machine, n);
    struct kvm_irqchip chip = { .chip_id = n };
    struct kvm_pic_state *p = &chip.chip.pic;

    if (!s) {
        return true;
    }
    *p = (struct kvm_pic_state) {
        .last_irr = s->last_irr,
        .irr = s->irr,
        .imr = s->imr,
        .isr = s->isr,
        .priority_add = s->priority_add,
        .irq_base = s->irq_base,
        .read_reg_select = s->read_reg_select,
        .poll = s->poll,
        .special_mask = s->special_mask,
        .init_state = s->init_state,
        .auto_eoi = s->auto_eoi,
        .rotate_on_auto_eoi = s->rotate_on_auto_eoi,
        .special_fully_nested_mode = s->special_fully_nested_mode,
        .init4 = s->init4,
        .elcr = s->elcr,
        .elcr_mask = n == 0 ? I8259_ELCR_MASK_MASTER : I8259_ELCR_MASK_SLAVE,
    };
    return put_chip(k, &chip, errp);
}

static bool get_ioapic(KVMAccel *k, Error **errp)
{
    IOAPICState *s = ioapic_get_state(k->machine);
    struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };
    const struct kvm_ioapic_state *p = &chip.chip.ioapic;

    QEMU_BUILD_BUG_ON(IOAPIC_PINS != KVM_IOAPIC_NUM_PINS);
    if (!s) {
        return true;
    }
    if (!get_chip(k, &chip, errp)) {
        return false;
    }
    s->id = p->id;
    s->ioregsel = p->ioregsel;
    s->irr = p->irr;
    for (int i = 0; i < IOAPIC_PINS; i++) {
        s->ioredtbl[i] = p->redirtbl[i].bits;
    }
    return true;
}

static bool put_ioapic(KVMAccel *k, Error **errp)
{
    const IOAPICState *s = ioapic_get_state(k->machine);
    struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };
    struct kvm_ioapic_state *p = &chip.chip.ioapic;

    if (!s) {
        return true;
    }
    p->base_address = IOAPIC_BASE;
    p->id = s->id;
    p->ioregsel = s->ioregsel;
    p->irr = s->irr;
    for (int i = 0; i < IOAPIC_PINS; i++) {
        p->redirtbl[i].bits = s->ioredtbl[i];
    }
    return put_chip(k, &chip, errp);
}

/* Host time at which the guest's time stands. */
static int64_t pit_reference(const KVMAccel *k)
{
    return k->pit_stopped_at ? k->pit_stopped_at : clock_get_ns();
}

/* The kernel's load times are host times, the models' virtual ones. */
static bool get_pit(KVMAccel *k, Error **errp)
{
    I8254State *s = i8254_get_state(k->machine);
    struct kvm_pit_state2 p;
    int64_t now = vclock_get_ns(k->machine);

    if (!s) {
        return true;
    }
    if (kvm_ioctl(k->vm_fd, KVM_GET_PIT2, (uintptr_t)&p) < 0) {
        error_setg_errno(errp, errno, "kvm: cannot read the timer");
        return false;
    }
    for (int i = 0; i < PIT_CHANNELS; i++) {
        I8254Channel *c = &s->channels[i];
        const struct kvm_pit_channel_state *pc = &p.channels[i];

        c->count = pc->count;
        c->latched_count = pc->latched_count;
        c->count_latched = pc->count_latched;
        c->status_latched = pc->status_latched;
        c->status = pc->status;
        c->read_state = pc->read_state;
        c->write_state = pc->write_state;
        c->write_latch = pc->write_latch;
        c->rw_mode = pc->rw_mode;
        c->mode = pc->mode;
        c->bcd = pc->bcd;
        c->gate = pc->gate;
        c->count_load_time = now - (pit_reference(k) - pc->count_load_time);
        c->next_transition_time = i == 0 ? i8254_next_transition(c, now) : -1;
    }
    s->irq_disabled = !!(p.flags & KVM_PIT_FLAGS_HPET_LEGACY);
    return true;
}

static bool put_pit(KVMAccel *k, Error **errp)
{
    const I8254State *s = i8254_get_state(k->machine);
    struct kvm_pit_state2 p = { 0 };
    int64_t now = vclock_get_ns(k->machine);

    if (!s) {
        return true;
    }
    k->pit_stopped_at = clock_get_ns();
    for (int i = 0; i < PIT_CHANNELS; i++) {
        const I8254Channel *c = &s->channels[i];

        p.channels[i] = (struct kvm_pit_channel_state) {
            .count = c->count,
            .latched_count = c->latched_count,
            .count_latched = c->count_latched,
            .status_latched = c->status_latched,
            .status = c->status,
            .read_state = c->read_state,
            .write_state = c->write_state,
            .write_latch = c->write_latch,
            .rw_mode = c->rw_mode,
            .mode = c->mode,
            .bcd = c->bcd,
            .gate = c->gate,
            /* Unsigned: a stream may have brought any time. */
            .count_load_time = (uint64_t)k->pit_stopped_at - (uint64_t)now
                               + (uint64_t)c->count_load_time,
        };
    }
    p.flags = s->irq_disabled ? KVM_PIT_FLAGS_HPET_LEGACY : 0;
    if (kvm_ioctl(k->vm_fd, KVM_SET_PIT2, (uintptr_t)&p) < 0) {
        error_setg_errno(errp, errno, "kvm: cannot write the timer");
        return false;
    }
    return true;
}

bool kvm_devices_get(Accel *accel, Error **errp)
{
    KVMAccel *k = KVM_ACCEL(accel);

    return !k->irqchip
           || (get_pic(k, KVM_IRQCHIP_PIC_MASTER, errp)
               && get_pic(k, KVM_IRQCHIP_PIC_SLAVE, errp)
               && get_ioapic(k, errp) && get_pit(k, errp));
}

bool kvm_devices_put(Accel *accel, Error **errp)
{
    KVMAccel *k = KVM_ACCEL(accel);

    return !k->irqchip
           || (put_pic(k, KVM_IRQCHIP_PIC_MASTER, errp)
               && put_pic(k, KVM_IRQCHIP_PIC_SLAVE, errp)
               && put_ioapic(k, errp) && put_pit(k, errp));
}

void kvm_pit_state_change(KVMAccel *k, bool running)
{
    struct kvm_pit_state2 p;
    int64_t now = clock_get_ns();

    if (!k->irqchip) {
        return;
    }
    if (!running) {
        k->pit_stopped_at = now;
        return;
    }
    if (k->pit_stopped_at
        && kvm_ioctl(k->vm_fd, KVM_GET_PIT2, (uintptr_t)&p) == 0) {
        for (int i = 0; i < PIT_CHANNELS; i++) {
            p.channels[i].count_load_time += now - k->pit_stopped_at;
        }
        /* Reading worked, so this does; the guest's timer is late else. */
        kvm_ioctl(k->vm_fd, KVM_SET_PIT2, (uintptr_t)&p);
    }
    k->pit_stopped_at = 0;
}
