/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The KVM accelerator's parts among themselves.  The interface is the
 * kernel's: Documentation/virt/kvm/api.rst.
 */
#ifndef SYSTEM_ACCEL_KVM_KVM_INT_H
#define SYSTEM_ACCEL_KVM_KVM_INT_H

#include <linux/kvm.h>

#include "system/accel.h"
#include "system/cpu-x86.h"
#include "system/dirty.h"

/* Numbers that the headers of Linux 6.1 do not have yet. */
#ifndef KVM_CAP_X86_TRIPLE_FAULT_EVENT
#define KVM_CAP_X86_TRIPLE_FAULT_EVENT 218
#endif
#ifndef KVM_VCPUEVENT_VALID_TRIPLE_FAULT
#define KVM_VCPUEVENT_VALID_TRIPLE_FAULT 0x20
#endif

/* One KVM memory slot and the log that KVM last gave for it. */
typedef struct KVMSlot {
    uint32_t id;
    uint64_t gpa, size;
    RAMBlock *block;
    uint64_t offset;       /* in the block */
    unsigned long *bitmap; /* while logging: reported, not yet cleared */
} KVMSlot;

#define KVM_ACCEL_TYPE (kvm_accel_get_type())
G_DECLARE_FINAL_TYPE(KVMAccel, kvm_accel, KVM, ACCEL, Accel)

struct _KVMAccel {
    Accel parent_instance;
    Machine *machine;
    int fd;    /* /dev/kvm */
    int vm_fd;
    size_t run_size;
    KVMSlot *slots;
    size_t n_slots;

    bool manual_dirty_log; /* KVM_CLEAR_DIRTY_LOG re-arms */
    bool exception_payload;
    bool triple_fault_event;
    bool has_sregs2;
    size_t xsave_size;
    bool irqchip; /* made, with PIT */

    /* kvmclock; machine lock. */
    uint64_t clock_ns;   /* guest's, while it is stopped */
    bool clock_valid;    /* clock_ns is to be written before it runs */
    bool clock_is_reliable;
    bool clock_registered;
    int64_t pit_stopped_at; /* host time, 0: PIT needs no correction */
};

typedef struct KVMCPU {
    KVMAccel *accel;
    int fd;
    struct kvm_run *run;
    void *xsave;         /* accel->xsave_size bytes */
    bool *msr_supported; /* by place in the table of kvm-msr.c */
    int64_t tsc_khz;
    unsigned phys_bits;  /* of the guest's CPUID */
    bool io_pending;     /* an access was answered, not yet completed */
} KVMCPU;

static inline KVMCPU *kvm_cpu(CPUState *cpu)
{
    return cpu->accel_data;
}

/* kvm.c: as ioctl(), restarted on EINTR; -1 and errno on failure. */
int kvm_ioctl(int fd, unsigned long request, uintptr_t arg);
/* Value of capability @cap of the VM, 0 if unknown. */
int kvm_check_extension(KVMAccel *k, unsigned cap);

/* kvm-cpu.c */
void kvm_cpu_install_kick(void);
bool kvm_cpu_init(Accel *accel, CPUState *cpu, Error **errp);
void kvm_cpu_destroy(Accel *accel, CPUState *cpu);
bool kvm_cpu_exec(Accel *accel, CPUState *cpu, Error **errp);
void kvm_cpu_kick(Accel *accel, CPUState *cpu);

/* kvm-cpuid.c: give @cpu the host's features; before any other state. */
bool kvm_cpu_set_cpuid(KVMAccel *k, CPUState *cpu, Error **errp);

/* kvm-state.c; vCPU's thread. */
bool kvm_get_registers(Accel *accel, CPUState *cpu, Error **errp);
bool kvm_put_registers(Accel *accel, CPUState *cpu, Error **errp);

/* kvm-msr.c; vCPU's thread. */
void kvm_msr_probe(CPUState *cpu);
bool kvm_get_msrs(CPUState *cpu, Error **errp);
/*
 * @full: those that tell time, too.  The TSC deadline is not among them, see
 * kvm_put_tsc_deadline().
 */
bool kvm_put_msrs(CPUState *cpu, bool full, Error **errp);
/* After LAPIC and TSC, else the kernel forgets it. */
bool kvm_put_tsc_deadline(CPUState *cpu, Error **errp);

/* kvm-irqchip.c */
bool kvm_irqchip_create(KVMAccel *k, Error **errp);
void kvm_set_irq(Accel *accel, int gsi, int level);
bool kvm_devices_get(Accel *accel, Error **errp);
bool kvm_devices_put(Accel *accel, Error **errp);
/* The guest was stopped or goes on: timers do not see the time between. */
void kvm_pit_state_change(KVMAccel *k, bool running);

/* kvm-lapic.c; vCPU's thread. */
bool kvm_get_lapic(CPUState *cpu, Error **errp);
bool kvm_put_lapic(CPUState *cpu, Error **errp);

/* kvm-clock.c; machine lock. */
bool kvm_clock_register(KVMAccel *k, Error **errp);
void kvm_clock_unregister(KVMAccel *k);
void kvm_clock_state_change(KVMAccel *k, bool running);

/* kvm-dirty.c: logging on the slots of a KVMAccel. */
extern const DirtySource kvm_dirty_source, kvm_dirty_source_manual;
/* Tell KVM about @slot, with or without logging. */
bool kvm_slot_set(KVMAccel *k, KVMSlot *slot, bool log, Error **errp);

#endif
