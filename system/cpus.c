/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The vCPU threads: a loop around the accelerator, and requests to it. */
#include "qemu/osdep.h"

#include "cpu-x86.h"
#include "machine-internal.h"
#include "qemu/atomic.h"

/* Something to be done in a vCPU's thread; lives on the caller's stack. */
typedef struct CPUWork {
    struct CPUWork *next;
    void (*fn)(CPUState *cpu, void *opaque);
    void *opaque;
    bool done;
} CPUWork;

static __thread CPUState *current_cpu;

bool cpu_is_self(const CPUState *cpu)
{
    return current_cpu == cpu;
}

CPUState *cpus_self(Machine *m)
{
    return current_cpu && current_cpu->machine == m ? current_cpu : NULL;
}

void cpu_kick(CPUState *cpu)
{
    AccelClass *ac = machine_accel_class(cpu->machine);

    /*
     * Sequentially consistent, as is the thread's reading of it: the request
     * (stop, work, ...) was stored before.
     */
    (void)qatomic_xchg(&cpu->exit_request, true);
    if (ac && ac->cpu_kick) {
        ac->cpu_kick(cpu->machine->accel, cpu);
    }
    qemu_cond_broadcast(&cpu->halt_cond);
}

/* ---- in the vCPU's thread, lock held ---- */

static void cpu_run_work(CPUState *cpu)
{
    while (cpu->work) {
        CPUWork *w = cpu->work;

        cpu->work = w->next;
        w->fn(cpu, w->opaque);
        w->done = true; /* its owner may go on and free it */
        qemu_cond_broadcast(&cpu->machine->cpu_cond);
    }
}

/* A guest whose CPU cannot go on stands, and says so. */
static void cpu_fail(CPUState *cpu, Error *err)
{
    error_prepend(&err, "vCPU %u: ", cpu->index);
    error_report_err(err);
    cpu->stopped = true;
    qemu_cond_broadcast(&cpu->machine->cpu_cond);
    system_stop_request(cpu->machine, RUN_STATE_INTERNAL_ERROR);
}

static bool cpu_write_back(CPUState *cpu, Error **errp)
{
    Machine *m = cpu->machine;
    AccelClass *ac = machine_accel_class(m);

    if (cpu->env_dirty && ac->put_registers
        && !ac->put_registers(m->accel, cpu, errp)) {
        return false;
    }
    cpu->env_dirty = false;
    return true;
}

/* Run guest code until somebody wants something. */
static void cpu_run(CPUState *cpu)
{
    Machine *m = cpu->machine;
    AccelClass *ac = machine_accel_class(m);
    Error *err = NULL;
    bool ok;

    /*
     * Forget old kicks before the last look at the requests: they are made
     * with the lock held, so none can slip in before it is dropped below; and
     * a kick after that is seen by cpu_exec().
     */
    (void)qatomic_xchg(&cpu->exit_request, false);
    if (!cpu_write_back(cpu, &err)) {
        cpu_fail(cpu, err);
        return;
    }
    cpu->env_valid = false;
    bql_unlock(m);
    ok = ac->cpu_exec(m->accel, cpu, &err);
    bql_lock(m);
    if (!ok) {
        cpu_fail(cpu, err);
    }
}

static void cpu_set_up(CPUState *cpu)
{
    Machine *m = cpu->machine;
    AccelClass *ac = machine_accel_class(m);

    cpu->thread_id = qemu_get_thread_id();
    if (ac && ac->cpu_init) {
        bql_unlock(m);
        ac->cpu_init(m->accel, cpu, &cpu->init_error);
        bql_lock(m);
    }
    cpu->created = true;
    qemu_cond_broadcast(&m->cpu_cond);
}

static void *cpu_thread(void *arg)
{
    CPUState *cpu = arg;
    Machine *m = cpu->machine;
    AccelClass *ac = machine_accel_class(m);
    bool usable;

    current_cpu = cpu;
    bql_lock(m);
    cpu_set_up(cpu);
    usable = !cpu->init_error;
    while (!cpu->unplug) {
        cpu_run_work(cpu);
        if (cpu->stop) {
            cpu->stop = false;
            cpu->stopped = true;
            qemu_cond_broadcast(&m->cpu_cond);
        }
        if (cpu->unplug || cpu->work) {
            continue;
        }
        if (cpu->stopped || !ac || !ac->cpu_exec || !usable) {
            qemu_cond_wait(&cpu->halt_cond, &m->bql);
        } else {
            cpu_run(cpu);
        }
    }
    bql_unlock(m);
    if (ac && ac->cpu_destroy && usable) {
        ac->cpu_destroy(m->accel, cpu);
    }
    current_cpu = NULL;
    return NULL;
}

/* ---- life ---- */

static void cpu_free(CPUState *cpu)
{
    if (cpu->env) {
        cpu_x86_free(cpu->env);
    }
    qemu_cond_destroy(&cpu->halt_cond);
    error_free(cpu->init_error);
    g_free(cpu);
}

/* End and join its thread.  Drops the lock. */
static void cpu_end_thread(CPUState *cpu)
{
    Machine *m = cpu->machine;

    if (!cpu->thread.created) {
        return;
    }
    cpu->unplug = true;
    cpu_kick(cpu);
    bql_unlock(m);
    qemu_thread_join(&cpu->thread);
    bql_lock(m);
}

CPUState *cpu_create(Machine *m, unsigned index, Error **errp)
{
    g_autofree char *name = g_strdup_printf("CPU %u", index);
    CPUState *cpu = g_new0(CPUState, 1);

    g_assert(index == m->cpus->len);
    cpu->machine = m;
    cpu->index = index;
    cpu->stopped = true;
    cpu->env_valid = true; /* the reset state, newer than the accelerator's */
    cpu->env_dirty = true;
    qemu_cond_init(&cpu->halt_cond);
    cpu->env = cpu_x86_new(cpu);

    qemu_thread_create(&cpu->thread, name, cpu_thread, cpu);
    while (!cpu->created) {
        qemu_cond_wait(&m->cpu_cond, &m->bql);
    }
    if (cpu->init_error) {
        error_propagate(errp, g_steal_pointer(&cpu->init_error));
    } else if (cpu_x86_register(cpu, errp)) {
        g_ptr_array_add(m->cpus, cpu);
        return cpu;
    }
    cpu_end_thread(cpu);
    cpu_free(cpu);
    return NULL;
}

unsigned machine_cpu_count(Machine *m)
{
    return m->cpus->len;
}

CPUState *machine_get_cpu(Machine *m, unsigned index)
{
    return index < m->cpus->len ? g_ptr_array_index(m->cpus, index) : NULL;
}

void machine_stop_cpus(Machine *m)
{
    for (guint i = 0; i < m->cpus->len; i++) {
        cpu_end_thread(g_ptr_array_index(m->cpus, i));
    }
}

void cpus_destroy_all(Machine *m)
{
    machine_stop_cpus(m);
    for (guint i = 0; i < m->cpus->len; i++) {
        CPUState *cpu = g_ptr_array_index(m->cpus, i);

        cpu_x86_unregister(cpu);
        cpu_free(cpu);
    }
    g_ptr_array_set_size(m->cpus, 0);
}

/* ---- requests from other threads, lock held ---- */

static bool cpu_is_paused(const CPUState *cpu)
{
    return cpu->stopped || cpu->unplug || cpu_is_self(cpu);
}

void cpus_pause_all(Machine *m)
{
    for (guint i = 0; i < m->cpus->len; i++) {
        CPUState *cpu = g_ptr_array_index(m->cpus, i);

        cpu->stop = true;
        cpu_kick(cpu);
    }
    for (guint i = 0; i < m->cpus->len; i++) {
        CPUState *cpu = g_ptr_array_index(m->cpus, i);

        while (!cpu_is_paused(cpu)) {
            qemu_cond_wait(&m->cpu_cond, &m->bql);
        }
    }
}

void cpus_resume_all(Machine *m)
{
    for (guint i = 0; i < m->cpus->len; i++) {
        CPUState *cpu = g_ptr_array_index(m->cpus, i);

        cpu->stop = false;
        cpu->stopped = false;
        cpu_kick(cpu);
    }
}

void cpu_run_on(CPUState *cpu, void (*fn)(CPUState *cpu, void *opaque),
                void *opaque)
{
    CPUWork work = { .fn = fn, .opaque = opaque };
    CPUWork **tail = &cpu->work;

    /* A thread that has ended leaves its CPU to everybody. */
    if (cpu_is_self(cpu) || !cpu->thread.created) {
        fn(cpu, opaque);
        return;
    }
    while (*tail) {
        tail = &(*tail)->next;
    }
    *tail = &work;
    cpu_kick(cpu);
    while (!work.done) {
        qemu_cond_wait(&cpu->machine->cpu_cond, &cpu->machine->bql);
    }
}

/* ---- registers ---- */

typedef struct RegisterJob {
    bool ok;
    Error **errp;
} RegisterJob;

static void work_fetch(CPUState *cpu, void *opaque)
{
    RegisterJob *job = opaque;
    Machine *m = cpu->machine;
    AccelClass *ac = machine_accel_class(m);

    job->ok = cpu->env_valid || !ac || !ac->get_registers
              || ac->get_registers(m->accel, cpu, job->errp);
    cpu->env_valid |= job->ok;
}

static void work_store(CPUState *cpu, void *opaque)
{
    RegisterJob *job = opaque;

    job->ok = !machine_accel_class(cpu->machine)
              || cpu_write_back(cpu, job->errp);
}

static bool cpu_fetch(CPUState *cpu, Error **errp)
{
    RegisterJob job = { .errp = errp };

    cpu_run_on(cpu, work_fetch, &job);
    if (!job.ok) {
        error_prepend(errp, "registers of vCPU %u: ", cpu->index);
    }
    return job.ok;
}

bool cpu_synchronize_state(CPUState *cpu, Error **errp)
{
    if (!cpu_fetch(cpu, errp)) {
        return false;
    }
    cpu->env_dirty = true;
    return true;
}

bool cpus_fetch_all(Machine *m, Error **errp)
{
    for (guint i = 0; i < m->cpus->len; i++) {
        if (!cpu_fetch(g_ptr_array_index(m->cpus, i), errp)) {
            return false;
        }
    }
    return true;
}

bool cpus_store_all(Machine *m, Error **errp)
{
    for (guint i = 0; i < m->cpus->len; i++) {
        CPUState *cpu = g_ptr_array_index(m->cpus, i);
        RegisterJob job = { .errp = errp };

        cpu_run_on(cpu, work_store, &job);
        if (!job.ok) {
            error_prepend(errp, "registers of vCPU %u: ", cpu->index);
            return false;
        }
    }
    return true;
}

void cpus_reset_all(Machine *m)
{
    for (guint i = 0; i < m->cpus->len; i++) {
        CPUState *cpu = g_ptr_array_index(m->cpus, i);

        cpu_x86_reset(cpu->env);
        cpu->env_valid = true;
        cpu->env_dirty = true;
    }
}
