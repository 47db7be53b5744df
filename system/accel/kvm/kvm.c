/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The KVM accelerator: opening the kernel's module and making a VM. */
#include "qemu/osdep.h"

#include <sys/ioctl.h>

#include "system/accel/kvm/kvm-int.h"

/*
 * Three pages for a task state segment and one for an identity map, which
 * Intel CPUs without real mode under virtualization need; at the place where
 * stock machines have them, just below the firmware.
 */
#define KVM_IDENTITY_MAP_ADDR UINT64_C(0xfeffc000)
#define KVM_TSS_ADDR 0xfeffd000ul

G_DEFINE_TYPE(KVMAccel, kvm_accel, ACCEL_TYPE)

int kvm_ioctl(int fd, unsigned long request, uintptr_t arg)
{
    int ret;

    do {
        ret = ioctl(fd, request, arg);
    } while (ret < 0 && errno == EINTR);
    return ret;
}

int kvm_check_extension(KVMAccel *k, unsigned cap)
{
    int ret = kvm_ioctl(k->vm_fd >= 0 ? k->vm_fd : k->fd,
                        KVM_CHECK_EXTENSION, cap);

    return MAX(ret, 0);
}

static bool kvm_enable_vm_cap(KVMAccel *k, uint32_t cap, uint64_t arg)
{
    struct kvm_enable_cap enable = { .cap = cap, .args = { arg } };

    return kvm_ioctl(k->vm_fd, KVM_ENABLE_CAP, (uintptr_t)&enable) == 0;
}

/* What nothing works without. */
static bool kvm_check_required(KVMAccel *k, Error **errp)
{
    static const struct {
        unsigned cap;
        const char *name;
    } required[] = {
        { KVM_CAP_USER_MEMORY, "USER_MEMORY" },
        { KVM_CAP_SET_TSS_ADDR, "SET_TSS_ADDR" },
        { KVM_CAP_SET_IDENTITY_MAP_ADDR, "SET_IDENTITY_MAP_ADDR" },
        { KVM_CAP_EXT_CPUID, "EXT_CPUID" },
        { KVM_CAP_MP_STATE, "MP_STATE" },
        { KVM_CAP_IRQCHIP, "IRQCHIP" },
        { KVM_CAP_IRQ_ROUTING, "IRQ_ROUTING" },
        { KVM_CAP_PIT2, "PIT2" },
        { KVM_CAP_PIT_STATE2, "PIT_STATE2" },
        { KVM_CAP_DEBUGREGS, "DEBUGREGS" },
        { KVM_CAP_XSAVE, "XSAVE" },
        { KVM_CAP_XCRS, "XCRS" },
        { KVM_CAP_VCPU_EVENTS, "VCPU_EVENTS" },
        { KVM_CAP_ADJUST_CLOCK, "ADJUST_CLOCK" },
        { KVM_CAP_IMMEDIATE_EXIT, "IMMEDIATE_EXIT" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(required); i++) {
        if (kvm_check_extension(k, required[i].cap) <= 0) {
            error_setg(errp, "failed to initialize kvm: the kernel lacks "
                       "KVM_CAP_%s", required[i].name);
            return false;
        }
    }
    return true;
}

static bool kvm_open(KVMAccel *k, Error **errp)
{
    int version;

    k->fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (k->fd < 0) {
        int err = errno;

        /* The two lines that stock prints, and that people search for. */
        error_report("Could not access KVM kernel module: %s",
                     g_strerror(err));
        error_setg_errno(errp, err, "failed to initialize kvm");
        return false;
    }
    version = kvm_ioctl(k->fd, KVM_GET_API_VERSION, 0);
    if (version != KVM_API_VERSION) {
        error_setg(errp, "failed to initialize kvm: the kernel's interface "
                   "has version %d, expected %d", version, KVM_API_VERSION);
        return false;
    }
    return true;
}

/* Optional capabilities of the VM: use what is there. */
static void kvm_probe_optional(KVMAccel *k)
{
    int xsave = kvm_check_extension(k, KVM_CAP_XSAVE2);

    k->xsave_size = MAX((size_t)xsave, sizeof(struct kvm_xsave));
    k->has_sregs2 = kvm_check_extension(k, KVM_CAP_SREGS2);
    k->exception_payload =
        kvm_check_extension(k, KVM_CAP_EXCEPTION_PAYLOAD)
        && kvm_enable_vm_cap(k, KVM_CAP_EXCEPTION_PAYLOAD, 1);
    k->triple_fault_event =
        kvm_check_extension(k, KVM_CAP_X86_TRIPLE_FAULT_EVENT)
        && kvm_enable_vm_cap(k, KVM_CAP_X86_TRIPLE_FAULT_EVENT, 1);
    /*
     * Only the manual re-arming, not KVM_DIRTY_LOG_INITIALLY_SET: a log whose
     * first answer is "everything" would hide which pages were never touched,
     * and those are not to be sent at all.
     */
    k->manual_dirty_log =
        (kvm_check_extension(k, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2)
         & KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE)
        && kvm_enable_vm_cap(k, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
                             KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE);
}

static bool kvm_create_vm(KVMAccel *k, Error **errp)
{
    uint64_t identity_map = KVM_IDENTITY_MAP_ADDR;
    int size = kvm_ioctl(k->fd, KVM_GET_VCPU_MMAP_SIZE, 0);

    if (size < (int)sizeof(struct kvm_run)) {
        error_setg(errp, "failed to initialize kvm: the kernel's vCPU area "
                   "has %d bytes", size);
        return false;
    }
    k->run_size = size;
    k->vm_fd = kvm_ioctl(k->fd, KVM_CREATE_VM, 0);
    if (k->vm_fd < 0) {
        error_setg_errno(errp, errno, "failed to initialize kvm: cannot "
                         "create a virtual machine");
        return false;
    }
    if (!kvm_check_required(k, errp)) {
        return false;
    }
    kvm_probe_optional(k);
    if (kvm_ioctl(k->vm_fd, KVM_SET_IDENTITY_MAP_ADDR,
                  (uintptr_t)&identity_map) < 0
        || kvm_ioctl(k->vm_fd, KVM_SET_TSS_ADDR, KVM_TSS_ADDR) < 0) {
        error_setg_errno(errp, errno, "failed to initialize kvm: cannot "
                         "set the place of the TSS");
        return false;
    }
    return true;
}

static bool kvm_accel_init_machine(Accel *accel, Machine *m, Error **errp)
{
    KVMAccel *k = KVM_ACCEL(accel);

    k->machine = m;
    if (!kvm_open(k, errp) || !kvm_create_vm(k, errp)) {
        return false;
    }
    if (machine_get_type(m)->has_cpu && !kvm_irqchip_create(k, errp)) {
        return false;
    }
    kvm_cpu_install_kick();
    return true;
}

static bool kvm_memory_ready(Accel *accel, Error **errp)
{
    KVMAccel *k = KVM_ACCEL(accel);
    const MemoryRange *ranges;
    size_t n = memory_map_ranges(k->machine, &ranges);
    int max = kvm_check_extension(k, KVM_CAP_NR_MEMSLOTS);

    if (n > (size_t)max) {
        error_setg(errp, "kvm: %zu pieces of memory, the kernel takes %d", n,
                   max);
        return false;
    }
    k->slots = g_new0(KVMSlot, n);
    for (size_t i = 0; i < n; i++) {
        k->slots[i] = (KVMSlot) {
            .id = i,
            .gpa = ranges[i].gpa,
            .size = ranges[i].size,
            .block = ranges[i].block,
            .offset = ranges[i].offset,
        };
        k->n_slots = i + 1;
        if (!kvm_slot_set(k, &k->slots[i], false, errp)) {
            return false;
        }
    }
    dirty_log_set_source(k->machine,
                         k->manual_dirty_log ? &kvm_dirty_source_manual
                                             : &kvm_dirty_source, k);
    return !machine_get_type(k->machine)->has_cpu
           || kvm_clock_register(k, errp);
}

static void kvm_vm_state_change(Accel *accel, bool running)
{
    KVMAccel *k = KVM_ACCEL(accel);

    kvm_clock_state_change(k, running);
    kvm_pit_state_change(k, running);
}

static void kvm_accel_finalize(GObject *obj)
{
    KVMAccel *k = KVM_ACCEL(obj);

    kvm_clock_unregister(k);
    for (size_t i = 0; i < k->n_slots; i++) {
        g_free(k->slots[i].bitmap);
    }
    g_free(k->slots);
    if (k->vm_fd >= 0) {
        close(k->vm_fd);
    }
    if (k->fd >= 0) {
        close(k->fd);
    }
    G_OBJECT_CLASS(kvm_accel_parent_class)->finalize(obj);
}

static void kvm_accel_class_init(KVMAccelClass *klass)
{
    AccelClass *ac = QEMU_ACCEL_CLASS(klass);

    G_OBJECT_CLASS(klass)->finalize = kvm_accel_finalize;
    ac->name = "kvm";
    ac->init = kvm_accel_init_machine;
    ac->memory_ready = kvm_memory_ready;
    ac->has_irqchip = true;
    ac->set_irq = kvm_set_irq;
    ac->cpu_init = kvm_cpu_init;
    ac->cpu_destroy = kvm_cpu_destroy;
    ac->cpu_exec = kvm_cpu_exec;
    ac->cpu_kick = kvm_cpu_kick;
    ac->get_registers = kvm_get_registers;
    ac->put_registers = kvm_put_registers;
    ac->vm_state_change = kvm_vm_state_change;
    ac->devices_get = kvm_devices_get;
    ac->devices_put = kvm_devices_put;
}

static void kvm_accel_init(KVMAccel *k)
{
    k->fd = -1;
    k->vm_fd = -1;
    k->clock_is_reliable = true;
}
