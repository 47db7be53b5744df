/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A KVM vCPU: its life, the loop around KVM_RUN, and getting it out of there.
 *
 * Kicking.  Whoever wants the vCPU out sets cpu->exit_request, then calls
 * kvm_cpu_kick(), which sets run->immediate_exit and sends a signal.  The loop
 * clears immediate_exit before it looks at exit_request: a request made before
 * the look is seen, one made after it finds immediate_exit cleared already,
 * sets it again, and KVM returns at once, or the signal ends KVM_RUN.
 */
#include "qemu/osdep.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "qemu/atomic.h"
#include "system/accel/kvm/kvm-int.h"
#include "system/runstate.h"

/* The first real-time signals belong to the C library. */
#define KICK_SIGNAL (SIGRTMIN + 4)

static void kick_handler(int sig)
{
    /* It is enough that KVM_RUN comes back with EINTR. */
}

void kvm_cpu_install_kick(void)
{
    struct sigaction action = { .sa_handler = kick_handler };

    sigemptyset(&action.sa_mask);
    sigaction(KICK_SIGNAL, &action, NULL);
}

/* qemu_thread_create() blocks all signals; this thread takes the kick. */
static void kvm_cpu_unblock_kick(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, KICK_SIGNAL);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void kvm_cpu_setup_mce(KVMCPU *c, KVMAccel *k)
{
    int banks = kvm_check_extension(k, KVM_CAP_MCE);
    uint64_t cap;

    if (banks < X86_MCE_BANKS
        || kvm_ioctl(k->fd, KVM_X86_GET_MCE_CAP_SUPPORTED, (uintptr_t)&cap)
               < 0) {
        return;
    }
    cap = (cap & 0x1000100) | X86_MCE_BANKS;
    /* Without it a guest merely sees no machine check banks. */
    kvm_ioctl(c->fd, KVM_X86_SETUP_MCE, (uintptr_t)&cap);
}

bool kvm_cpu_init(Accel *accel, CPUState *cpu, Error **errp)
{
    KVMAccel *k = KVM_ACCEL(accel);
    KVMCPU *c = g_new0(KVMCPU, 1);
    void *run;

    c->accel = k;
    c->fd = kvm_ioctl(k->vm_fd, KVM_CREATE_VCPU, cpu->index);
    if (c->fd < 0) {
        error_setg_errno(errp, errno, "kvm: cannot create vCPU %u",
                         cpu->index);
        g_free(c);
        return false;
    }
    cpu->accel_data = c;
    run = mmap(NULL, k->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, c->fd,
               0);
    if (run == MAP_FAILED) {
        error_setg_errno(errp, errno, "kvm: cannot map the area of vCPU %u",
                         cpu->index);
        kvm_cpu_destroy(accel, cpu);
        return false;
    }
    c->run = run;
    c->xsave = g_malloc0(k->xsave_size);
    if (!kvm_cpu_set_cpuid(k, cpu, errp)) {
        kvm_cpu_destroy(accel, cpu);
        return false;
    }
    kvm_cpu_setup_mce(c, k);
    c->tsc_khz = MAX(kvm_ioctl(c->fd, KVM_GET_TSC_KHZ, 0), 0);
    kvm_msr_probe(cpu);
    kvm_cpu_unblock_kick();
    return true;
}

void kvm_cpu_destroy(Accel *accel, CPUState *cpu)
{
    KVMCPU *c = kvm_cpu(cpu);

    if (!c) {
        return;
    }
    if (c->run) {
        munmap(c->run, c->accel->run_size);
    }
    close(c->fd);
    g_free(c->msr_supported);
    g_free(c->xsave);
    g_free(c);
    cpu->accel_data = NULL;
}

void kvm_cpu_kick(Accel *accel, CPUState *cpu)
{
    KVMCPU *c = kvm_cpu(cpu);

    if (!c) {
        return; /* not made yet: it will look before it runs */
    }
    /* After exit_request, see above; the kernel reads it when it enters. */
    (void)qatomic_xchg(&c->run->immediate_exit, 1);
    pthread_kill(cpu->thread.thread, KICK_SIGNAL);
}

static void kvm_handle_io(CPUState *cpu, const struct kvm_run *run)
{
    uint8_t *data = (uint8_t *)run + run->io.data_offset;
    Machine *m = cpu->machine;

    for (uint32_t i = 0; i < run->io.count; i++, data += run->io.size) {
        uint32_t val = 0;

        if (run->io.direction == KVM_EXIT_IO_IN) {
            val = ioport_in(m, run->io.port, run->io.size);
            memcpy(data, &val, run->io.size);
        } else {
            memcpy(&val, data, run->io.size);
            ioport_out(m, run->io.port, val, run->io.size);
        }
    }
}

/* Registers take 1, 2, 4 and 8 bytes; KVM may cut accesses otherwise. */
static void kvm_handle_mmio(CPUState *cpu, struct kvm_run *run)
{
    Machine *m = cpu->machine;
    uint64_t addr = run->mmio.phys_addr;
    uint8_t *data = run->mmio.data;
    unsigned left = MIN(run->mmio.len, sizeof(run->mmio.data));

    while (left) {
        unsigned size = 1u << (31 - __builtin_clz(left));
        uint64_t val = 0;

        if (run->mmio.is_write) {
            memcpy(&val, data, size);
            memory_store(m, addr, val, size);
        } else {
            val = memory_load(m, addr, size);
            memcpy(data, &val, size);
        }
        addr += size;
        data += size;
        left -= size;
    }
}

/* True: @run was an access to a device, which is now answered. */
static bool kvm_handle_access(CPUState *cpu, struct kvm_run *run)
{
    KVMCPU *c = kvm_cpu(cpu);

    if (run->exit_reason != KVM_EXIT_IO
        && run->exit_reason != KVM_EXIT_MMIO) {
        return false;
    }
    bql_lock(cpu->machine);
    if (run->exit_reason == KVM_EXIT_IO) {
        kvm_handle_io(cpu, run);
    } else {
        kvm_handle_mmio(cpu, run);
    }
    bql_unlock(cpu->machine);
    c->io_pending = true;
    return true;
}

/* The report about a vCPU that cannot go on. */
static void kvm_set_fatal(CPUState *cpu, Error **errp, const char *what,
                          uint64_t detail)
{
    g_autofree char *registers = NULL;

    if (kvm_get_registers(QEMU_ACCEL(kvm_cpu(cpu)->accel), cpu, NULL)) {
        registers = cpu_x86_dump(cpu->env);
    }
    error_setg(errp, "kvm: %s 0x%" PRIx64, what, detail);
    error_append_hint(errp, "%s", registers ? registers
                                            : "no registers to be had");
}

/* Exits that no device is concerned with; false: the guest cannot go on. */
static bool kvm_handle_exit(CPUState *cpu, struct kvm_run *run, Error **errp)
{
    switch (run->exit_reason) {
    case KVM_EXIT_INTR:
    case KVM_EXIT_IRQ_WINDOW_OPEN:
        return true;
    case KVM_EXIT_HLT: /* only without in-kernel LAPIC */
        return true;
    case KVM_EXIT_SHUTDOWN: /* triple fault */
        system_reset_request(cpu->machine, SHUTDOWN_CAUSE_GUEST_RESET);
        (void)qatomic_xchg(&cpu->exit_request, true);
        return true;
    case KVM_EXIT_SYSTEM_EVENT:
        if (run->system_event.type == KVM_SYSTEM_EVENT_SHUTDOWN) {
            system_shutdown_request(cpu->machine,
                                    SHUTDOWN_CAUSE_GUEST_SHUTDOWN);
        } else {
            system_reset_request(cpu->machine, SHUTDOWN_CAUSE_GUEST_RESET);
        }
        (void)qatomic_xchg(&cpu->exit_request, true);
        return true;
    case KVM_EXIT_FAIL_ENTRY:
        kvm_set_fatal(cpu, errp, "hardware refused to enter the guest, "
                      "reason",
                      run->fail_entry.hardware_entry_failure_reason);
        return false;
    case KVM_EXIT_INTERNAL_ERROR:
        kvm_set_fatal(cpu, errp, "KVM met an internal error, suberror",
                      run->internal.suberror);
        return false;
    default:
        kvm_set_fatal(cpu, errp, "unknown exit reason", run->exit_reason);
        return false;
    }
}

/*
 * An instruction that accessed a device is completed by the next KVM_RUN
 * only; until then the registers show it half done.  With immediate_exit that
 * run completes it and enters no guest code.  It may take several turns: one
 * instruction can make several accesses.
 */
static bool kvm_cpu_complete_io(CPUState *cpu, Error **errp)
{
    KVMCPU *c = kvm_cpu(cpu);

    while (c->io_pending) {
        (void)qatomic_xchg(&c->run->immediate_exit, 1);
        c->io_pending = false;
        if (ioctl(c->fd, KVM_RUN, 0) < 0) {
            if (errno == EINTR || errno == EAGAIN) {
                return true;
            }
            kvm_set_fatal(cpu, errp, "KVM_RUN failed while completing an "
                          "access, errno", errno);
            return false;
        }
        if (!kvm_handle_access(cpu, c->run)
            && !kvm_handle_exit(cpu, c->run, errp)) {
            return false;
        }
    }
    return true;
}

bool kvm_cpu_exec(Accel *accel, CPUState *cpu, Error **errp)
{
    KVMCPU *c = kvm_cpu(cpu);

    for (;;) {
        /* Full barrier between the two: see the head of this file. */
        (void)qatomic_xchg(&c->run->immediate_exit, 0);
        if (__atomic_load_n(&cpu->exit_request, __ATOMIC_SEQ_CST)) {
            return kvm_cpu_complete_io(cpu, errp);
        }
        c->io_pending = false;
        if (ioctl(c->fd, KVM_RUN, 0) < 0) {
            if (errno == EINTR || errno == EAGAIN) {
                continue;
            }
            kvm_set_fatal(cpu, errp, "KVM_RUN failed with errno", errno);
            return false;
        }
        if (!kvm_handle_access(cpu, c->run)
            && !kvm_handle_exit(cpu, c->run, errp)) {
            return false;
        }
    }
}
