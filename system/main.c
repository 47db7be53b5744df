/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The program's start and end: the one place where all rooms meet.
 *
 * Start-up has the phases of stock QEMU, so that its order of effects (which
 * socket is there when, which error comes first) is what tools expect:
 * words, process, character devices and monitors, machine, incoming or run.
 */
#include "qemu/osdep.h"

#include "config-host.h"
#include "hw/device.h"
#include "io/authz.h"
#include "io/channel.h"
#include "io/secret.h"
#include "io/tls-creds.h"
#include "migration/migration.h"
#include "qapi/dispatch.h"
#include "qapi/qapi-init-commands.h"
#include "qemu/cutils.h"
#include "qemu/keyval.h"
#include "qemu/main-loop.h"
#include "qemu/trace.h"
#include "system/accel.h"
#include "system/chardev.h"
#include "system/cli.h"
#include "system/hostmem.h"
#include "system/machine.h"
#include "system/monitor.h"
#include "system/process.h"
#include "system/qtest.h"
#include "system/runstate.h"

/* Serial ports a machine has at most. */
#define MAX_SERIALS 4

/* Everything the process owns, in the order it is made. */
typedef struct Program {
    CommandLine cl;
    ChardevContainer *chardevs;
    ObjectContainer *objects; /* the machine's, once it exists */
    MachineConfig config;
    Chardev *serials[MAX_SERIALS];
    QmpCommandList *commands;
    Machine *machine;
    MonitorHub *monitors;
    QtestServer *qtest;
    bool ending; /* a signal has asked for the end */
    int exit_status;
} Program;

/* ---- -machine, -m, -smp: into the MachineConfig ---- */

/* Options of -machine that are not properties of the type. */
static bool machine_option(Program *p, const char *key, const char *val,
                           const char **backend, Error **errp)
{
    if (g_str_equal(key, "type") || g_str_equal(key, "accel")) {
        return true;
    }
    if (g_str_equal(key, "memory-backend")) {
        *backend = val;
        return true;
    }
    if (g_str_equal(key, "kernel")) {
        p->config.kernel = val;
        return true;
    }
    if (g_str_equal(key, "suppress-vmdesc")) {
        return qapi_bool_parse(key, val, &p->config.suppress_vmdesc, errp);
    }
    if (g_str_equal(key, "mem-merge")) {
        return qapi_bool_parse(key, val, &p->config.mem_merge, errp);
    }
    if (g_str_equal(key, "dump-guest-core")) {
        bool dump;

        if (!qapi_bool_parse(key, val, &dump, errp)) {
            return false;
        }
        p->config.omit_from_core = !dump;
        return true;
    }
    return machine_set_property(&p->config, key, val, errp);
}

static bool choose_machine(Program *p, const char **backend, Error **errp)
{
    const char *type = NULL;

    if (p->cl.machine) {
        type = json_object_get_string(
            json_object_object_get(p->cl.machine, "type"));
    }
    if (!type) {
        error_setg(errp, "No machine specified, and there is no default");
        error_append_hint(errp, "Use -machine help to list supported "
                                "machines\n");
        return false;
    }
    p->config.type = machine_type_find(type);
    if (!p->config.type) {
        error_setg(errp, "unsupported machine type: \"%s\"", type);
        error_append_hint(errp, "Use -machine help to list supported "
                                "machines\n");
        return false;
    }
    p->config.kernel = p->cl.kernel;
    json_object_object_foreach(p->cl.machine, key, val)
    {
        if (!machine_option(p, key, json_object_get_string(val), backend,
                            errp)) {
            return false;
        }
    }
    return true;
}

static bool check_cpus(Program *p, Error **errp)
{
    static const char *const known[] = { "cpus",  "maxcpus", "sockets", "dies",
                                         "cores", "threads", NULL };
    const char *text;
    uint64_t n;

    if (!p->cl.smp) {
        return true;
    }
    json_object_object_foreach(p->cl.smp, key, val)
    {
        text = json_object_get_string(val);
        if (!g_strv_contains(known, key)) {
            error_setg(errp, "Parameter 'smp.%s' is unexpected", key);
            return false;
        }
        if (!qemu_parse_u64(text, &n)) {
            error_setg(errp, "Parameter 'smp.%s' expects integer", key);
            return false;
        }
        if (n == 0) {
            error_setg(errp, "Invalid CPU topology: CPU topology parameters "
                             "must be greater than zero");
            return false;
        }
        if (n > p->config.type->max_cpus) {
            error_setg(errp, "Invalid SMP CPUs %" PRIu64 ". The max CPUs "
                       "supported by machine '%s' is %u", n,
                       p->config.type->name, p->config.type->max_cpus);
            return false;
        }
    }
    return true;
}

static bool configure_machine(Program *p, const char **backend, Error **errp)
{
    CommandLine *cl = &p->cl;

    if (!choose_machine(p, backend, errp) || !check_cpus(p, errp)) {
        return false;
    }
    if (cl->memory) {
        const char *size = json_object_get_string(
            json_object_object_get(cl->memory, "size"));

        /* The text was checked when it was read. */
        if (size && !qemu_parse_size(size, MiB, &p->config.ram_size)) {
            error_setg(errp, "-m %s: not a size", size);
            return false;
        }
    }
    p->config.name = cl->name;
    p->config.uuid = cl->uuid;
    p->config.incoming = cl->incoming != NULL;
    p->config.autostart = !cl->stopped;
    return true;
}

/* ---- process phase ---- */

static void on_signal(void *opaque, int signo, pid_t sender)
{
    Program *p = opaque;

    if (p->ending) {
        return; /* said already: `timeout` signals twice */
    }
    p->ending = true;
    /* A qtest program expects silence. */
    if (!p->qtest && sender) {
        g_autofree char *name = process_name_of(sender);

        error_report("terminating on signal %d from pid %ld (%s)", signo,
                     (long)sender, name);
    } else if (!p->qtest) {
        error_report("terminating on signal %d", signo);
    }
    system_shutdown_request(p->machine, SHUTDOWN_CAUSE_HOST_SIGNAL);
}

static bool process_phase(Program *p)
{
    Error *err = NULL;

    if (p->cl.daemonize && p->cl.nographic && !p->cl.nodefaults) {
        error_report("-nographic cannot be used with -daemonize");
        return false;
    }
    if (p->cl.daemonize && !process_daemonize(&err)) {
        error_report_err(err);
        return false;
    }
    process_guard_startup();
    if ((p->cl.pidfile && !process_write_pidfile(p->cl.pidfile, &err)) ||
        (p->cl.logfile && !trace_set_file(p->cl.logfile, &err))) {
        error_report_err(err);
        return false;
    }
    if (p->cl.log_items && !trace_log_items(p->cl.log_items)) {
        printf("%s", TRACE_LOG_ITEMS);
        return false;
    }
    for (guint i = 0; i < p->cl.traces->len; i++) {
        const CliUse *use = &g_array_index(p->cl.traces, CliUse, i);

        bool ok;

        cli_set_location(use);
        ok = trace_opt_parse(use->value, &err);
        cli_set_location(NULL);
        if (!ok) {
            cli_report(use, err);
            return false;
        }
    }
    qemu_thread_naming(p->cl.debug_threads);
    return cli_add_fds(&p->cl);
}

/* ---- character devices, monitors, qtest ---- */

static bool create_chardevs(Program *p)
{
    for (guint i = 0; i < p->cl.chardevs->len; i++) {
        const CliUse *use = &g_array_index(p->cl.chardevs, CliUse, i);
        Error *err = NULL;
        json_object *opts = keyval_parse(use->value, "backend", true, false,
                                         NULL, &err);
        bool ok;

        cli_set_location(use);
        ok = opts && chardev_container_add(p->chardevs, opts, &err);
        cli_set_location(NULL);
        json_object_put(opts);
        if (!ok) {
            cli_report(use, err);
            return false;
        }
    }
    return true;
}

/* One serial port on what @use names, with a monitor for mon:DEV. */
static bool create_serial(Program *p, guint port, const CliUse *use)
{
    g_autofree char *label = g_strdup_printf("serial%u", port);
    Chardev *monitor = NULL;
    Error *err = NULL;

    if (port >= MAX_SERIALS) {
        error_setg(&err, "there are at most %d serial ports", MAX_SERIALS);
        cli_report(use, err);
        return false;
    }
    if (g_str_equal(use->value, "none")) {
        return true;
    }
    cli_set_location(use);
    p->serials[port] = chardev_container_parse(p->chardevs, use->value, label,
                                               &monitor, &err);
    cli_set_location(NULL);
    if (!p->serials[port] && !g_str_has_prefix(use->value, "chardev:")) {
        /* Known as two lines. */
        cli_report(use, err);
        err = NULL;
        error_setg(&err, "could not connect serial device to character "
                   "backend '%s'", use->value);
    }
    if (!p->serials[port] ||
        (monitor &&
         !monitor_init(p->monitors, monitor, false, false, &err))) {
        cli_report(use, err);
        return false;
    }
    return true;
}

/*
 * -nographic: what has no place of its own yet, serial port and monitor, goes
 * to stdio.
 */
static void add_stdio_devices(CommandLine *cl)
{
    bool serial = !cl->serials->len, monitor = !cl->monitors->len;
    CliUse use = { "serial", monitor ? "mon:stdio" : "stdio" };

    if (!cl->nographic || cl->nodefaults) {
        return;
    }
    if (serial) {
        g_array_append_val(cl->serials, use);
    } else if (monitor) {
        use = (CliUse){ "monitor", "stdio" };
        g_array_append_val(cl->monitors, use);
    }
}

static bool create_serials(Program *p)
{
    for (guint i = 0; i < p->cl.serials->len; i++) {
        if (!create_serial(p, i, &g_array_index(p->cl.serials, CliUse, i))) {
            return false;
        }
    }
    p->config.serials = p->serials;
    p->config.n_serials = MAX_SERIALS;
    return true;
}

/* -mon chardev=ID,mode=control,pretty=on */
static bool create_mon(Program *p, const char *value, Error **errp)
{
    json_object *o = keyval_parse(value, "chardev", true, false, NULL, errp);
    static const char *const known[] = { "chardev", "mode", "pretty",
                                         NULL };
    const char *id, *mode = "readline", *pretty_text;
    bool pretty = false, ok = false;
    Chardev *chr;

    if (!o) {
        return false;
    }
    id = json_object_get_string(json_object_object_get(o, "chardev"));
    pretty_text = json_object_get_string(json_object_object_get(o, "pretty"));
    if (json_object_object_get(o, "mode")) {
        mode = json_object_get_string(json_object_object_get(o, "mode"));
    }
    if (!cli_only_members(o, known, errp)) {
        /* the error is set */
    } else if (!id) {
        error_setg(errp, "Parameter 'chardev' is missing");
    } else if (!g_str_equal(mode, "readline") &&
               !g_str_equal(mode, "control")) {
        error_setg(errp, "Parameter 'mode' does not accept value '%s'", mode);
    } else if (!pretty_text ||
               qapi_bool_parse("pretty", pretty_text, &pretty, errp)) {
        chr = chardev_container_find(p->chardevs, id);
        if (!chr) {
            error_setg(errp, "chardev \"%s\" not found", id);
        } else {
            ok = monitor_init(p->monitors, chr, g_str_equal(mode, "control"),
                              pretty, errp);
        }
    }
    json_object_put(o);
    return ok;
}

static bool create_monitors(Program *p)
{
    unsigned n = 0;

    for (guint i = 0; i < p->cl.monitors->len; i++) {
        const CliUse *use = &g_array_index(p->cl.monitors, CliUse, i);
        bool control = g_str_has_prefix(use->option, "qmp");
        bool ok = true;
        Error *err = NULL;

        if (g_str_equal(use->option, "mon")) {
            ok = create_mon(p, use->value, &err);
        } else if (control || !g_str_equal(use->value, "none")) {
            g_autofree char *label = g_strdup_printf("compat_monitor%u", n++);
            Chardev *chr;

            cli_set_location(use);
            chr = chardev_container_parse(p->chardevs, use->value, label,
                                          NULL, &err);
            cli_set_location(NULL);
            ok = chr && monitor_init(p->monitors, chr, control,
                                     g_str_equal(use->option, "qmp-pretty"),
                                     &err);
        }
        if (!ok) {
            cli_report(use, err);
            return false;
        }
    }
    return true;
}

static bool create_qtest(Program *p)
{
    Error *err = NULL;
    Chardev *chr;

    if (!p->cl.qtest) {
        return true;
    }
    chr = chardev_container_parse(p->chardevs, p->cl.qtest, "qtest", NULL,
                                  &err);
    if (!chr) {
        error_report_err(err);
        error_report("Failed to initialize device for qtest: \"%s\"",
                     p->cl.qtest);
        return false;
    }
    p->qtest = qtest_server_new(p->machine, chr, p->cl.qtest_log, &err);
    if (!p->qtest) {
        error_report_err(err);
        return false;
    }
    return true;
}

/* ---- accelerator and machine ---- */

static void put_json(gpointer obj)
{
    json_object_put(obj);
}

/*
 * Nothing said: the fastest that works; a machine without a CPU works
 * everywhere.
 */
static GStrv default_accels(Program *p)
{
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();

    if (CONFIG_KVM) {
        g_strv_builder_add(names, "kvm");
    }
    if (CONFIG_TCG) {
        g_strv_builder_add(names, "tcg");
    }
    if (!machine_get_type(p->machine)->has_cpu) {
        g_strv_builder_add(names, "qtest");
    }
    return g_strv_builder_end(names);
}

/* -accel uses or -machine accel=a:b, as {"accel": NAME, property: value}. */
static GPtrArray *wanted_accels(Program *p, Error **errp)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(put_json);
    const char *colon = p->cl.machine ? json_object_get_string(
        json_object_object_get(p->cl.machine, "accel")) : NULL;

    if (colon && p->cl.accels->len) {
        error_setg(errp, "The -accel and \"-machine accel=\" options are "
                         "incompatible");
        return NULL;
    }
    for (guint i = 0; i < p->cl.accels->len; i++) {
        const CliUse *use = &g_array_index(p->cl.accels, CliUse, i);
        bool enable_kvm = g_str_equal(use->option, "enable-kvm");
        const char *text = enable_kvm ? "kvm" : use->value;
        json_object *o = keyval_parse(text, "accel", true, false, NULL, errp);

        if (!o) {
            return NULL;
        }
        g_ptr_array_add(list, o);
    }
    if (!list->len) {
        g_auto(GStrv) names = colon ? g_strsplit(colon, ":", -1)
                                    : default_accels(p);

        for (size_t i = 0; names[i]; i++) {
            json_object *o = json_object_new_object();

            json_object_object_add(o, "accel",
                                   json_object_new_string(names[i]));
            g_ptr_array_add(list, o);
        }
    }
    return g_steal_pointer(&list);
}

static bool select_accel(Program *p)
{
    Error *err = NULL;
    g_autoptr(GPtrArray) wanted = wanted_accels(p, &err);

    if (!wanted || !accel_select(p->machine,
                                 (json_object *const *)wanted->pdata,
                                 wanted->len, p->cl.qtest != NULL, &err)) {
        error_report_err(err);
        return false;
    }
    return true;
}

static bool apply_global(Program *p, const CliUse *use)
{
    g_autofree char *driver = NULL;
    g_autofree char *prop = NULL;
    g_autofree char *value = NULL;
    Error *err = NULL;

    if (!cli_parse_global(use->value, &driver, &prop, &value, &err)) {
        cli_report(use, err);
        return false;
    }
    if (!g_str_equal(driver, "migration")) {
        warn_report("global %s.%s has invalid class name", driver, prop);
        return true;
    }
    if (!migration_set_global(p->machine, prop, value, &err)) {
        error_report_err(err);
        return false;
    }
    return true;
}

static bool apply_globals(Program *p)
{
    Error *err = NULL;

    for (guint i = 0; i < p->cl.globals->len; i++) {
        if (!apply_global(p, &g_array_index(p->cl.globals, CliUse, i))) {
            return false;
        }
    }
    if (!migration_check_globals(p->machine, &err)) {
        error_report_err(err);
        return false;
    }
    return true;
}

/* The end of a failed load with exit-on-error: the message is out already. */
static void on_incoming_failed(void *opaque, int status)
{
    Program *p = opaque;

    p->exit_status = status;
    main_loop_quit();
}

static void on_shutdown(void *opaque)
{
    main_loop_quit();
}

static bool build_machine(Program *p, const char *backend)
{
    Error *err = NULL;

    if (!cli_create_objects(&p->cl, p->objects, true)) {
        return false;
    }
    if (backend) {
        GObject *obj = object_container_get(p->objects, backend);

        if (!obj || !machine_set_memory_backend(p->machine, obj, &err)) {
            if (!err) {
                error_setg(&err, "Memory backend '%s' not found", backend);
            }
            error_report_err(err);
            return false;
        }
    }
    if (!cli_create_devices(&p->cl, p->machine)) {
        return false;
    }
    if (!machine_build(p->machine, &err)) {
        error_report_err(err);
        return false;
    }
    return true;
}

/* ---- the whole ---- */

/*
 * -incoming fd:N is a descriptor that the program was started with.  Those of
 * its own all close on exec, so none of them can be meant.
 */
static int take_inherited_fd(QmpContext *ctx, const char *name, Error **errp)
{
    uint64_t fd;
    int flags;

    if (!qemu_parse_u64(name, &fd) || fd > INT_MAX) {
        error_setg(errp, "Invalid file descriptor number '%s'", name);
        return -1;
    }
    flags = fcntl((int)fd, F_GETFD);
    if (flags < 0 || (flags & FD_CLOEXEC)) {
        error_setg(errp, "File descriptor %s was not handed over", name);
        return -1;
    }
    fcntl((int)fd, F_SETFD, FD_CLOEXEC);
    return (int)fd;
}

static bool start_guest(Program *p)
{
    CliUse use = { "incoming", p->cl.incoming };
    QmpContext ctx = *monitor_hub_get_context(p->monitors);
    Error *err = NULL;

    if (!p->cl.incoming) {
        if (!p->cl.stopped) {
            vm_start(p->machine);
        }
        return true;
    }
    ctx.take_fd = take_inherited_fd;
    if (!migration_incoming_start(p->machine, &ctx, p->cl.incoming, &err)) {
        cli_report(&use, err);
        return false;
    }
    return true;
}

static bool start(Program *p)
{
    const char *backend = NULL;
    Error *err = NULL;

    if (!configure_machine(p, &backend, &err)) {
        error_report_err(err);
        return false;
    }
    p->objects = object_container_new();
    p->chardevs = chardev_container_new();
    if (p->cl.daemonize) {
        chardev_container_refuse_stdio(p->chardevs);
    }
    add_stdio_devices(&p->cl);
    if (!cli_create_objects(&p->cl, p->objects, false) ||
        !create_chardevs(p)) {
        return false;
    }
    p->config.objects = p->objects;
    p->machine = machine_new(&p->config);
    bql_lock(p->machine);
    main_loop_set_lock(machine_get_lock(p->machine),
                       machine_get_lock_gate(p->machine));
    runstate_set_shutdown_handler(p->machine, on_shutdown, p);
    runstate_set_actions(p->machine, p->cl.no_reboot, p->cl.no_shutdown);
    migration_init(p->machine);
    migration_set_exit_handler(p->machine, on_incoming_failed, p);
    if (p->cl.only_migratable) {
        migration_set_only_migratable(p->machine);
    }
    p->commands = qmp_command_list_new();
    qmp_init_commands(p->commands);
    p->monitors = monitor_hub_new(p->machine, p->commands, p->chardevs);
    if (!create_serials(p)) {
        return false;
    }
    machine_set_serials(p->machine, p->serials, MAX_SERIALS);
    if (!create_monitors(p) || !create_qtest(p)) {
        return false;
    }
    /* Not sooner: a wait for a monitor's first client ends by a signal. */
    if (!process_watch_signals(on_signal, p, &err)) {
        error_report_err(err);
        return false;
    }
    return apply_globals(p) && select_accel(p) &&
           build_machine(p, backend) && start_guest(p);
}

static void finish(Program *p)
{
    if (p->machine) {
        migration_shutdown(p->machine);
        if (p->monitors) {
            monitor_flush_all(p->monitors, 1000);
        }
        /* What follows is no event of the guest's life any more. */
        machine_set_event_sink(p->machine, NULL);
        qtest_server_free(p->qtest);
        if (runstate_is_running(p->machine)) {
            vm_stop(p->machine, RUN_STATE_PAUSED, NULL);
        }
        machine_stop_cpus(p->machine);
        monitor_hub_free(p->monitors);
        main_loop_set_lock(NULL, NULL);
        bql_unlock(p->machine);
        machine_free(p->machine);
    } else {
        g_clear_pointer(&p->objects, object_container_free);
    }
    g_clear_pointer(&p->config.properties, g_hash_table_unref);
    g_clear_pointer(&p->chardevs, chardev_container_free);
    g_clear_pointer(&p->commands, qmp_command_list_free);
    process_remove_pidfile();
    cli_clear(&p->cl);
}

static void register_types(void)
{
    hostmem_register_types();
    secret_register_types();
    authz_register_types();
    tls_creds_register_types();
    accel_register_types();
    machine_register_types();
    hw_register_types();
    monitor_register_hmp_commands();
    machine_register_hmp_commands();
    migration_register_hmp_commands();
}

int main(int argc, char **argv)
{
    g_autofree Program *p = g_new0(Program, 1);
    Error *err = NULL;

    error_init(argv[0]);
    register_types();
    if (!cli_parse(&p->cl, argc, argv, &err)) {
        error_report_err(err);
        cli_clear(&p->cl);
        return 1;
    }
    if (cli_answer_help(&p->cl)) {
        cli_clear(&p->cl);
        return 0;
    }
    if (!process_phase(p) || !start(p)) {
        p->exit_status = 1;
    } else {
        process_daemon_ready();
        main_loop_run();
    }
    finish(p);
    return p->exit_status;
}
