/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The in-kernel local APIC between KVM's register page and X86APICState.
 * Register offsets: Intel SDM volume 3, 11.4.1.
 */
#include "qemu/osdep.h"

#include "system/accel/kvm/kvm-int.h"
#include "system/vclock.h"

enum {
    APIC_ID = 0x20,
    APIC_ARB_ID = 0x90,
    APIC_TPR = 0x80,
    APIC_LDR = 0xd0,
    APIC_DFR = 0xe0,
    APIC_SVR = 0xf0,
    APIC_ISR = 0x100,
    APIC_TMR = 0x180,
    APIC_IRR = 0x200,
    APIC_ESR = 0x280,
    APIC_ICR = 0x300,
    APIC_LVT = 0x320,
    APIC_TMICT = 0x380,
    APIC_TMCCT = 0x390,
    APIC_TDCR = 0x3e0,
};

#define LVT_MASKED (1u << 16)
#define LVT_TIMER_TSC_DEADLINE (1u << 18)

static uint32_t reg_get(const struct kvm_lapic_state *page, int reg)
{
    uint32_t v;

    memcpy(&v, page->regs + reg, sizeof(v));
    return v;
}

static void reg_set(struct kvm_lapic_state *page, int reg, uint32_t v)
{
    memcpy(page->regs + reg, &v, sizeof(v));
}

static bool timer_counts(const X86APICState *a)
{
    return a->initial_count && !(a->lvt[0] & LVT_MASKED)
           && !(a->lvt[0] & LVT_TIMER_TSC_DEADLINE);
}

/* The counter runs at 1 GHz divided by 2^shift: one tick is 1 << shift ns. */
static void timer_from_page(X86APICState *a,
                            const struct kvm_lapic_state *page, int64_t now)
{
    uint32_t current = reg_get(page, APIC_TMCCT);

    a->count_shift = cpu_x86_apic_count_shift(a->divide_conf);
    a->initial_count_load_time = now;
    a->next_time = 0;
    a->timer_expiry = -1;
    if (timer_counts(a)) {
        uint64_t left = current ? current : (uint64_t)a->initial_count + 1;

        a->next_time = now + (left << a->count_shift);
        a->timer_expiry = a->next_time;
    }
}

/* What is left of the count; recent kernels go on from there. */
static uint32_t timer_current(const X86APICState *a, int64_t now)
{
    int64_t left;

    if (!timer_counts(a) || a->timer_expiry <= now) {
        return 0;
    }
    left = (a->timer_expiry - now) >> cpu_x86_apic_count_shift(a->divide_conf);
    return MIN(left, (int64_t)a->initial_count);
}

bool kvm_get_lapic(CPUState *cpu, Error **errp)
{
    X86APICState *a = &cpu->env->apic;
    struct kvm_lapic_state page;

    if (!kvm_cpu(cpu)->accel->irqchip) {
        return true;
    }
    if (kvm_ioctl(kvm_cpu(cpu)->fd, KVM_GET_LAPIC, (uintptr_t)&page) < 0) {
        error_setg_errno(errp, errno, "kvm: cannot read the LAPIC");
        return false;
    }
    a->id = reg_get(&page, APIC_ID) >> 24;
    a->arb_id = reg_get(&page, APIC_ARB_ID) >> 24;
    a->tpr = reg_get(&page, APIC_TPR);
    a->spurious_vec = reg_get(&page, APIC_SVR);
    a->log_dest = reg_get(&page, APIC_LDR) >> 24;
    a->dest_mode = reg_get(&page, APIC_DFR) >> 28;
    for (int i = 0; i < 8; i++) {
        a->isr[i] = reg_get(&page, APIC_ISR + 0x10 * i);
        a->tmr[i] = reg_get(&page, APIC_TMR + 0x10 * i);
        a->irr[i] = reg_get(&page, APIC_IRR + 0x10 * i);
    }
    for (int i = 0; i < 6; i++) {
        a->lvt[i] = reg_get(&page, APIC_LVT + 0x10 * i);
    }
    a->esr = reg_get(&page, APIC_ESR);
    a->icr[0] = reg_get(&page, APIC_ICR);
    a->icr[1] = reg_get(&page, APIC_ICR + 0x10);
    a->divide_conf = reg_get(&page, APIC_TDCR);
    a->initial_count = reg_get(&page, APIC_TMICT);
    timer_from_page(a, &page, vclock_get_ns(cpu->machine));
    return true;
}

bool kvm_put_lapic(CPUState *cpu, Error **errp)
{
    const X86APICState *a = &cpu->env->apic;
    int fd = kvm_cpu(cpu)->fd;
    struct kvm_lapic_state page;

    if (!kvm_cpu(cpu)->accel->irqchip) {
        return true;
    }
    /* Begin with the kernel's page: its version and mode registers stay. */
    if (kvm_ioctl(fd, KVM_GET_LAPIC, (uintptr_t)&page) < 0) {
        error_setg_errno(errp, errno, "kvm: cannot read the LAPIC");
        return false;
    }
    reg_set(&page, APIC_ID, (uint32_t)a->id << 24);
    reg_set(&page, APIC_TPR, a->tpr);
    reg_set(&page, APIC_SVR, a->spurious_vec);
    reg_set(&page, APIC_LDR, (uint32_t)a->log_dest << 24);
    reg_set(&page, APIC_DFR, (uint32_t)a->dest_mode << 28 | 0x0fffffff);
    for (int i = 0; i < 8; i++) {
        reg_set(&page, APIC_ISR + 0x10 * i, a->isr[i]);
        reg_set(&page, APIC_TMR + 0x10 * i, a->tmr[i]);
        reg_set(&page, APIC_IRR + 0x10 * i, a->irr[i]);
    }
    for (int i = 0; i < 6; i++) {
        reg_set(&page, APIC_LVT + 0x10 * i, a->lvt[i]);
    }
    reg_set(&page, APIC_ESR, a->esr);
    reg_set(&page, APIC_ICR, a->icr[0]);
    reg_set(&page, APIC_ICR + 0x10, a->icr[1]);
    reg_set(&page, APIC_TDCR, a->divide_conf);
    reg_set(&page, APIC_TMICT, a->initial_count);
    reg_set(&page, APIC_TMCCT,
            timer_current(a, vclock_get_ns(cpu->machine)));
    if (kvm_ioctl(fd, KVM_SET_LAPIC, (uintptr_t)&page) < 0) {
        error_setg_errno(errp, errno, "kvm: cannot write the LAPIC");
        return false;
    }
    return true;
}
