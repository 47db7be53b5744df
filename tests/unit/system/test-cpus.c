/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vCPU threads around an accelerator that only counts. */
#include "test-util.h"

#include "qemu/atomic.h"
#include "system/cpu.h"

typedef struct CountAccel {
    Accel parent;
    uint64_t count[8];  /* what each guest CPU has done; atomic */
    unsigned gets, puts;
    unsigned fail_after; /* CPU 0 fails when it has counted so far */
    bool fail_init;
} CountAccel;
typedef struct CountAccelClass {
    AccelClass parent_class;
} CountAccelClass;

static GType count_accel_get_type(void);
G_DEFINE_TYPE(CountAccel, count_accel, ACCEL_TYPE)

static bool count_cpu_init(Accel *accel, CPUState *cpu, Error **errp)
{
    if (((CountAccel *)accel)->fail_init) {
        error_setg(errp, "no CPU today");
        return false;
    }
    return true;
}

static bool count_cpu_exec(Accel *accel, CPUState *cpu, Error **errp)
{
    CountAccel *a = (CountAccel *)accel;

    g_assert_true(cpu_is_self(cpu));
    while (!qatomic_load_acquire(&cpu->exit_request)) {
        uint64_t n = qatomic_fetch_add(&a->count[cpu->index], 1);

        if (a->fail_after && n > a->fail_after && cpu->index == 0) {
            error_setg(errp, "out of fuel");
            return false;
        }
        if (n % 64 == 0) {
            bql_lock(cpu->machine); /* a device access */
            bql_unlock(cpu->machine);
        }
    }
    return true;
}

static bool count_get(Accel *accel, CPUState *cpu, Error **errp)
{
    g_assert_true(cpu_is_self(cpu));
    ((CountAccel *)accel)->gets++;
    return true;
}

static bool count_put(Accel *accel, CPUState *cpu, Error **errp)
{
    g_assert_true(cpu_is_self(cpu));
    ((CountAccel *)accel)->puts++;
    return true;
}

static void count_accel_class_init(CountAccelClass *klass)
{
    AccelClass *ac = QEMU_ACCEL_CLASS(klass);

    ac->name = "count";
    ac->cpu_init = count_cpu_init;
    ac->cpu_exec = count_cpu_exec;
    ac->get_registers = count_get;
    ac->put_registers = count_put;
}

static void count_accel_init(CountAccel *a)
{
}

static Machine *new_machine(unsigned cpus, CountAccel **a)
{
    Machine *m = test_machine_new(MiB, count_accel_get_type());
    Error *err = NULL;

    *a = (CountAccel *)machine_get_accel(m);
    for (unsigned i = 0; i < cpus; i++) {
        g_assert_nonnull(cpu_create(m, i, &err));
        g_assert_no_error(err);
    }
    return m;
}

/* Let the others have the lock until CPU @i has counted some more. */
static void let_run(Machine *m, CountAccel *a, unsigned i)
{
    uint64_t from = qatomic_read(&a->count[i]);

    bql_unlock(m);
    while (qatomic_read(&a->count[i]) < from + 200) {
        g_usleep(100);
    }
    bql_lock(m);
}

static void test_run_stop(void)
{
    CountAccel *a;
    Machine *m = new_machine(3, &a);
    uint64_t counts[3];

    g_assert_cmpuint(machine_cpu_count(m), ==, 3);
    g_assert_null(machine_get_cpu(m, 3));
    for (unsigned round = 0; round < 20; round++) {
        vm_start(m);
        let_run(m, a, round % 3);
        vm_stop(m, RUN_STATE_PAUSED, NULL);
        for (unsigned i = 0; i < 3; i++) {
            counts[i] = qatomic_read(&a->count[i]);
        }
        bql_unlock(m);
        g_usleep(500);
        bql_lock(m);
        for (unsigned i = 0; i < 3; i++) {
            g_assert_cmpuint(qatomic_read(&a->count[i]), ==, counts[i]);
        }
    }
    test_machine_free(m);
}

static void note_thread(CPUState *cpu, void *opaque)
{
    g_assert_true(cpu_is_self(cpu));
    g_assert_true(bql_locked(cpu->machine));
    *(int *)opaque = qemu_get_thread_id();
}

static void test_run_on(void)
{
    CountAccel *a;
    Machine *m = new_machine(2, &a);
    int id = 0;

    cpu_run_on(machine_get_cpu(m, 1), note_thread, &id);
    g_assert_cmpint(id, ==, machine_get_cpu(m, 1)->thread_id);
    vm_start(m);
    let_run(m, a, 0);
    cpu_run_on(machine_get_cpu(m, 0), note_thread, &id);
    g_assert_cmpint(id, ==, machine_get_cpu(m, 0)->thread_id);
    let_run(m, a, 0); /* goes on by itself */
    vm_stop(m, RUN_STATE_PAUSED, NULL);
    test_machine_free(m);
}

static void test_registers(void)
{
    CountAccel *a;
    Machine *m = new_machine(1, &a);
    CPUState *cpu = machine_get_cpu(m, 0);
    Error *err = NULL;

    /* The reset state is the newest: nothing to fetch, one write-back. */
    g_assert_true(cpu_synchronize_state(cpu, &err));
    g_assert_cmpuint(a->gets, ==, 0);
    vm_start(m);
    let_run(m, a, 0);
    vm_stop(m, RUN_STATE_PAUSED, NULL);
    g_assert_cmpuint(a->puts, ==, 1);

    g_assert_true(machine_pre_save(m, &err));
    g_assert_true(machine_pre_save(m, &err));
    g_assert_cmpuint(a->gets, ==, 1);
    /* Only looked at: not written back. */
    vm_start(m);
    let_run(m, a, 0);
    vm_stop(m, RUN_STATE_PAUSED, NULL);
    g_assert_cmpuint(a->puts, ==, 1);

    g_assert_true(cpu_synchronize_state(cpu, &err));
    g_assert_cmpuint(a->gets, ==, 2);
    g_assert_true(machine_post_load(m, &err));
    g_assert_cmpuint(a->puts, ==, 2);
    machine_reset(m, SHUTDOWN_CAUSE_NONE);
    vm_start(m);
    let_run(m, a, 0);
    vm_stop(m, RUN_STATE_PAUSED, NULL);
    g_assert_cmpuint(a->puts, ==, 3);
    test_machine_free(m);
}

static void test_reset_running(void)
{
    CountAccel *a;
    Machine *m = new_machine(2, &a);

    vm_start(m);
    let_run(m, a, 1);
    system_reset_request(m, SHUTDOWN_CAUSE_GUEST_RESET);
    system_handle_requests(m);
    g_assert_true(runstate_is_running(m));
    let_run(m, a, 0);
    let_run(m, a, 1);
    assert_events(m, "RESUME RESET:guest-reset");
    vm_stop(m, RUN_STATE_PAUSED, NULL);
    test_machine_free(m);
}

static void test_failure(void)
{
    CountAccel *a;
    Machine *m = new_machine(2, &a);

    a->fail_after = 1000;
    vm_start(m);
    bql_unlock(m);
    while (runstate_get(m) != RUN_STATE_INTERNAL_ERROR) {
        g_main_context_iteration(NULL, true);
    }
    bql_lock(m);
    assert_events(m, "RESUME STOP");
    test_machine_free(m);
}

static void test_init_failure(void)
{
    CountAccel *a;
    Machine *m = new_machine(1, &a);
    Error *err = NULL;

    a->fail_init = true;
    g_assert_null(cpu_create(m, 1, &err));
    test_expect_error(&err, "no CPU today");
    g_assert_cmpuint(machine_cpu_count(m), ==, 1);
    test_machine_free(m);
}

/* Two threads that stop and start against each other. */
typedef struct Operator {
    QemuThread thread;
    Machine *machine;
} Operator;

static void *operator(void *arg)
{
    Operator *o = arg;

    for (unsigned i = 0; i < 200; i++) {
        bql_lock(o->machine);
        if (i % 2) {
            runstate_stop(o->machine, NULL);
        } else {
            runstate_cont(o->machine, NULL);
        }
        bql_unlock(o->machine);
    }
    return NULL;
}

static void test_operators(void)
{
    CountAccel *a;
    Machine *m = new_machine(2, &a);
    Operator ops[2];

    bql_unlock(m);
    for (unsigned i = 0; i < 2; i++) {
        ops[i].machine = m;
        qemu_thread_create(&ops[i].thread, "operator", operator, &ops[i]);
    }
    for (unsigned i = 0; i < 2; i++) {
        qemu_thread_join(&ops[i].thread);
    }
    bql_lock(m);
    runstate_stop(m, NULL);
    g_assert_false(runstate_is_running(m));
    test_machine_free(m);
}

int main(int argc, char **argv)
{
    error_init(argv[0]);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cpus/run-stop", test_run_stop);
    g_test_add_func("/cpus/run-on", test_run_on);
    g_test_add_func("/cpus/registers", test_registers);
    g_test_add_func("/cpus/reset-running", test_reset_running);
    g_test_add_func("/cpus/failure", test_failure);
    g_test_add_func("/cpus/init-failure", test_init_failure);
    g_test_add_func("/cpus/operators", test_operators);
    return g_test_run();
}
