/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Accelerators: what runs guest code.  A GObject class per kind
 * (kvm, tcg, qtest), chosen by -accel in the order given.
 */
#ifndef SYSTEM_ACCEL_H
#define SYSTEM_ACCEL_H

#include <glib-object.h>

#include "system/cpu.h"
#include "system/machine.h"

#define ACCEL_TYPE (accel_get_type())
G_DECLARE_DERIVABLE_TYPE(Accel, accel, QEMU, ACCEL, GObject)

struct _AccelClass {
    GObjectClass parent_class;
    const char *name; /* "kvm" */

    /* Is it usable on this host; open what is needed.  Lock held. */
    bool (*init)(Accel *accel, Machine *m, Error **errp);
    /* All RAM is mapped; hand the map to the accelerator. Lock held. */
    bool (*memory_ready)(Accel *accel, Error **errp);
    /*
     * Interrupt controllers: does the accelerator bring its own (in-kernel)?
     * If so irq lines end in set_irq().
     */
    bool has_irqchip;
    void (*set_irq)(Accel *accel, int gsi, int level);

    /* vCPU life; init and the exec loop run in the vCPU's thread, no lock. */
    bool (*cpu_init)(Accel *accel, CPUState *cpu, Error **errp);
    void (*cpu_destroy)(Accel *accel, CPUState *cpu);
    /*
     * Run guest code until cpu->exit_request is set (or kick()); takes the
     * machine lock itself around device accesses.
     */
    bool (*cpu_exec)(Accel *accel, CPUState *cpu, Error **errp);
    /* Make cpu_exec() return soon.  Any thread. */
    void (*cpu_kick)(Accel *accel, CPUState *cpu);
    /*
     * Copy registers between the accelerator and cpu->env; called in the
     * vCPU's thread while it does not run guest code.
     */
    bool (*get_registers)(Accel *accel, CPUState *cpu, Error **errp);
    bool (*put_registers)(Accel *accel, CPUState *cpu, Error **errp);

    /* The guest was stopped or starts again (clocks).  Lock held. */
    void (*vm_state_change)(Accel *accel, bool running);

    /*
     * Devices that live inside the accelerator (in-kernel interrupt chips and
     * timer): copy their state into the structures of the device models, and
     * back.  For machine_pre_save(), and machine_post_load() and
     * machine_reset().  NULL: there are none.  Lock held, guest stopped.
     */
    bool (*devices_get)(Accel *accel, Error **errp);
    bool (*devices_put)(Accel *accel, Error **errp);
    gpointer padding[6];
};

/* The accelerator of @m; NULL before accel_select(). */
Accel *machine_get_accel(Machine *m);
void machine_set_accel(Machine *m, Accel *accel);

/*
 * Try the named accelerators in order, set the first that works.  Prints the
 * reasons of those that failed, and "falling back to X" unless @quiet.
 * Properties come as {"accel": NAME, prop: value}.
 * On failure *@errp is about the last one tried, the reasons of the others
 * have been printed, and the location of reports (error_set_location()) is
 * still that "-accel NAME", so that the caller's report carries it.
 * Lock held.
 */
bool accel_select(Machine *m, json_object *const *wanted, size_t n, bool quiet,
                  Error **errp);
/* Announce all accelerator types that are built in. */
void accel_register_types(void);

#endif
