/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Table of the command line's options, and the walk over argv. */
#include "qemu/osdep.h"

#include "config-host.h"
#include "qapi/qapi-types-run-state.h"
#include "qemu/cutils.h"
#include "qemu/keyval.h"
#include "system/cli.h"

typedef struct CliOption {
    const char *name;
    const char *alias;  /* or NULL */
    const char *params; /* NULL: takes no value */
    const char *help;   /* NULL: accepted, but nothing worth a line */
    bool (*parse)(CommandLine *cl, const CliUse *use, Error **errp);
    size_t offset;      /* bool or const char * in CommandLine, if no parse */
} CliOption;

static void json_merge(json_object **into, json_object *from)
{
    if (!*into) {
        *into = json_object_new_object();
    }
    json_object_object_foreach(from, key, val)
    {
        json_object_object_add(*into, key, json_object_get(val));
    }
    json_object_put(from);
}

static bool collect(GArray *uses, const CliUse *use)
{
    g_array_append_val(uses, *use);
    return true;
}

static bool parse_machine(CommandLine *cl, const CliUse *use, Error **errp)
{
    bool help = false;
    json_object *o = keyval_parse(use->value, "type", true, false, &help, errp);

    if (!o) {
        return false;
    }
    if (help) {
        json_object_object_add(o, "help", json_object_new_string("on"));
    }
    json_merge(&cl->machine, o);
    return true;
}

static bool parse_accel(CommandLine *cl, const CliUse *use, Error **errp)
{
    return collect(cl->accels, use);
}

static bool parse_object(CommandLine *cl, const CliUse *use, Error **errp)
{
    return collect(cl->objects, use);
}

static bool parse_chardev(CommandLine *cl, const CliUse *use, Error **errp)
{
    return collect(cl->chardevs, use);
}

static bool parse_monitor(CommandLine *cl, const CliUse *use, Error **errp)
{
    return collect(cl->monitors, use);
}

static bool parse_serial(CommandLine *cl, const CliUse *use, Error **errp)
{
    return collect(cl->serials, use);
}

static bool parse_global(CommandLine *cl, const CliUse *use, Error **errp)
{
    return collect(cl->globals, use);
}

static bool parse_trace(CommandLine *cl, const CliUse *use, Error **errp)
{
    return collect(cl->traces, use);
}

static bool parse_device(CommandLine *cl, const CliUse *use, Error **errp)
{
    return collect(cl->devices, use);
}

static bool parse_add_fd(CommandLine *cl, const CliUse *use, Error **errp)
{
    return collect(cl->add_fds, use);
}

bool cli_only_members(json_object *o, const char *const *known, Error **errp)
{
    json_object_object_foreach(o, key, val)
    {
        (void)val;
        if (!g_strv_contains(known, key)) {
            error_setg(errp, "Invalid parameter '%s'", key);
            return false;
        }
    }
    return true;
}

static const char *member(json_object *o, const char *name)
{
    return json_object_get_string(json_object_object_get(o, name));
}

static bool parse_memory(CommandLine *cl, const CliUse *use, Error **errp)
{
    static const char *const known[] = { "size", NULL };
    json_object *o = keyval_parse(use->value, "size", true, false, NULL, errp);
    uint64_t size;

    if (!o) {
        return false;
    }
    json_merge(&cl->memory, o);
    if (!cli_only_members(cl->memory, known, errp)) {
        return false;
    }
    return !member(cl->memory, "size") ||
           qemu_parse_size_option("size", member(cl->memory, "size"), MiB,
                                  &size, errp);
}

static bool parse_smp(CommandLine *cl, const CliUse *use, Error **errp)
{
    json_object *o = keyval_parse(use->value, "cpus", true, false, NULL, errp);

    if (!o) {
        return false;
    }
    json_merge(&cl->smp, o);
    return true;
}

static bool parse_name(CommandLine *cl, const CliUse *use, Error **errp)
{
    static const char *const known[] = { "guest", "process", "debug-threads",
                                         NULL };
    json_object *o =
        keyval_parse(use->value, "guest", true, false, NULL, errp);
    bool ok = o && cli_only_members(o, known, errp);

    if (ok && member(o, "guest")) {
        g_free(cl->name_buf);
        cl->name = cl->name_buf = g_strdup(member(o, "guest"));
    }
    if (ok && member(o, "debug-threads")) {
        ok = qapi_bool_parse("debug-threads", member(o, "debug-threads"),
                             &cl->debug_threads, errp);
    }
    json_object_put(o);
    return ok;
}

static bool parse_uuid(CommandLine *cl, const CliUse *use, Error **errp)
{
    if (!g_uuid_string_is_valid(use->value)) {
        error_setg(errp, "failed to parse UUID string: wrong format");
        return false;
    }
    cl->uuid = use->value;
    return true;
}

static bool parse_display(CommandLine *cl, const CliUse *use, Error **errp)
{
    json_object *o = keyval_parse(use->value, "type", true, false, NULL,
                                  errp);
    const char *type = o ? member(o, "type") : NULL;
    bool ok = false;

    if (!o) {
        return false;
    }
    if (!type) {
        error_setg(errp, "Parameter 'type' is missing");
    } else if (!g_str_equal(type, "none")) {
        error_setg(errp, "Parameter 'type' does not accept value '%s'", type);
    } else {
        ok = true;
        json_object_object_foreach(o, key, val)
        {
            (void)val;
            if (ok && !g_str_equal(key, "type")) {
                error_setg(errp, "Parameter '%s' is unexpected", key);
                ok = false;
            }
        }
    }
    json_object_put(o);
    cl->display_none = ok;
    return ok;
}

/* -audio, -vnc, -nic and such: there are no such devices, so only "none" is true. */
static bool parse_only_none(CommandLine *cl, const CliUse *use, Error **errp)
{
    if (!g_str_equal(use->value, "none")) {
        error_setg(errp, "only 'none' is supported");
        return false;
    }
    return true;
}

/* -action reboot=reset|shutdown,shutdown=poweroff|pause */
static bool parse_action(CommandLine *cl, const CliUse *use, Error **errp)
{
    static const char *const known[] = { "reboot", "shutdown", NULL };
    json_object *o = keyval_parse(use->value, NULL, true, false, NULL, errp);
    bool ok = o && cli_only_members(o, known, errp);
    ShutdownAction shutdown;
    RebootAction reboot;

    if (ok && member(o, "reboot")) {
        ok = RebootAction_parse(member(o, "reboot"), &reboot);
        if (ok) {
            cl->no_reboot = reboot == REBOOT_ACTION_SHUTDOWN;
        } else {
            error_setg(errp, "Parameter 'reboot' does not accept value '%s'",
                       member(o, "reboot"));
        }
    }
    if (ok && member(o, "shutdown")) {
        ok = ShutdownAction_parse(member(o, "shutdown"), &shutdown);
        if (ok) {
            cl->no_shutdown = shutdown == SHUTDOWN_ACTION_PAUSE;
        } else {
            error_setg(errp, "Parameter 'shutdown' does not accept value "
                       "'%s'", member(o, "shutdown"));
        }
    }
    json_object_put(o);
    return ok;
}

static bool parse_msg(CommandLine *cl, const CliUse *use, Error **errp)
{
    static const char *const known[] = { "timestamp", NULL };
    json_object *o =
        keyval_parse(use->value, NULL, true, false, NULL, errp);
    bool on = false;
    bool ok = o && cli_only_members(o, known, errp);

    if (ok && member(o, "timestamp")) {
        ok = qapi_bool_parse("timestamp", member(o, "timestamp"), &on, errp);
        if (ok) {
            error_set_timestamp(on);
        }
    }
    json_object_put(o);
    return ok;
}

#define FLAG(field) .offset = offsetof(CommandLine, field)
#define TEXT(field) .offset = offsetof(CommandLine, field)

static const CliOption cli_options[] = {
    { "h", "help", NULL, "print this text and end", NULL, FLAG(help) },
    { "version", NULL, NULL, "print the version and end", NULL,
      FLAG(version) },
    { "machine", "M", "[type=]name[,prop=value...]",
      "choose the machine (-machine help lists them)", parse_machine, 0 },
    { "accel", NULL, "[accel=]name[,prop=value...]",
      "choose the accelerator; repeated: the first that works", parse_accel,
      0 },
    { "enable-kvm", NULL, NULL, "same as -accel kvm", parse_accel, 0 },
    { "m", NULL, "[size=]megs", "guest memory, in MiB or with suffix k M G T",
      parse_memory, 0 },
    { "smp", NULL, "[cpus=]n", "number of CPUs", parse_smp, 0 },
    { "object", NULL, "type,id=ID[,prop=value...]",
      "create an object (-object help lists the types)", parse_object,
      0 },
    { "name", NULL, "[guest=]name[,debug-threads=on]",
      "name of the guest; name the threads too", parse_name, 0 },
    { "uuid", NULL, "uuid", "UUID of the guest", parse_uuid, 0 },
    { "kernel", NULL, "file", "boot a raw boot sector image (microvm)", NULL,
      TEXT(kernel) },
    { "S", NULL, NULL, "do not start the guest", NULL, FLAG(stopped) },
    { "no-reboot", NULL, NULL, "end when the guest resets", NULL,
      FLAG(no_reboot) },
    { "no-shutdown", NULL, NULL, "stay, stopped, when the guest shuts down",
      NULL, FLAG(no_shutdown) },
    { "action", NULL, "reboot=reset|shutdown,shutdown=poweroff|pause",
      "what a reset or shutdown of the guest does", parse_action, 0 },
    { "incoming", NULL, "uri|defer|json", "wait for a migrated guest", NULL,
      TEXT(incoming) },
    { "only-migratable", NULL, NULL, "refuse what blocks migration", NULL,
      FLAG(only_migratable) },
    { "global", NULL, "migration.prop=value",
      "initial value of a migration option", parse_global, 0 },
    { "chardev", NULL, "backend,id=ID[,prop=value...]",
      "create a character device (null, stdio, file, socket)", parse_chardev,
      0 },
    { "mon", NULL, "[chardev=]ID[,mode=readline|control][,pretty=on]",
      "monitor on a character device", parse_monitor, 0 },
    { "monitor", NULL, "dev", "human monitor on dev (stdio, unix:, tcp:, none)",
      parse_monitor, 0 },
    { "qmp", NULL, "dev", "QMP monitor on dev", parse_monitor, 0 },
    { "qmp-pretty", NULL, "dev", "the same, indented output", parse_monitor,
      0 },
    { "serial", NULL, "dev", "serial port on dev (file:, stdio, unix:, null)",
      parse_serial, 0 },
    { "qtest", NULL, "dev", "qtest protocol on dev", NULL, TEXT(qtest) },
    { "qtest-log", NULL, "file|none", "log of the qtest protocol", NULL,
      TEXT(qtest_log) },
    { "nodefaults", NULL, NULL, "no default devices", NULL,
      FLAG(nodefaults) },
    { "no-user-config", NULL, NULL, NULL, NULL, SIZE_MAX },
    { "display", NULL, "none", "there is no display", parse_display, 0 },
    { "nographic", NULL, NULL, "serial port and monitor on stdio", NULL,
      FLAG(nographic) },
    { "audio", NULL, "none", NULL, parse_only_none, 0 },
    { "vnc", NULL, "none", NULL, parse_only_none, 0 },
    { "vga", NULL, "none", NULL, parse_only_none, 0 },
    { "net", NULL, "none", NULL, parse_only_none, 0 },
    { "nic", NULL, "none", NULL, parse_only_none, 0 },
    { "parallel", NULL, "none", NULL, parse_only_none, 0 },
    { "device", NULL, "driver[,id=ID][,prop=value...]",
      "add a device (-device help lists them)", parse_device, 0 },
    { "add-fd", NULL, "fd=n,set=m[,opaque=text]",
      "put descriptor n, which the program was started with, into set m",
      parse_add_fd, 0 },
    { "trace", NULL, "[enable=]pattern[,file=file]",
      "switch trace events on (-trace help lists them)", parse_trace, 0 },
    { "d", NULL, "item1[,...]", "log items: none, trace:pattern", NULL,
      TEXT(log_items) },
    { "msg", NULL, "timestamp=on", "time stamps before messages", parse_msg,
      0 },
    { "D", NULL, "file", "write trace events to file", NULL, TEXT(logfile) },
    { "pidfile", NULL, "file", "write the process id to file", NULL,
      TEXT(pidfile) },
    { "daemonize", NULL, NULL, "go to the background when set up", NULL,
      FLAG(daemonize) },
};

static const CliOption *find_option(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cli_options); i++) {
        const CliOption *o = &cli_options[i];

        if (g_str_equal(o->name, name) ||
            (o->alias && g_str_equal(o->alias, name))) {
            return o;
        }
    }
    return NULL;
}

static bool take_option(CommandLine *cl, const CliOption *o, const CliUse *use,
                        Error **errp)
{
    if (o->parse) {
        if (!o->parse(cl, use, errp)) {
            error_prepend(errp, "-%s%s%s: ", use->option,
                          *use->value ? " " : "", use->value);
            return false;
        }
    } else if (o->offset != SIZE_MAX && o->params) {
        *(const char **)((char *)cl + o->offset) = use->value;
    } else if (o->offset != SIZE_MAX) {
        *(bool *)((char *)cl + o->offset) = true;
    }
    return true;
}

bool cli_parse(CommandLine *cl, int argc, char **argv, Error **errp)
{
    GArray **lists[] = { &cl->accels,   &cl->objects, &cl->chardevs,
                         &cl->monitors, &cl->serials, &cl->globals,
                         &cl->traces,   &cl->add_fds,
                         &cl->devices };

    memset(cl, 0, sizeof(*cl));
    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
        *lists[i] = g_array_new(false, false, sizeof(CliUse));
    }
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        CliUse use = { "", "" };
        const CliOption *o;

        if (word[0] != '-') {
            error_setg(errp, "%s: there are no disks", word);
            return false;
        }
        use.option = word + (word[1] == '-' ? 2 : 1);
        o = find_option(use.option);
        if (!o) {
            error_setg(errp, "%s: invalid option", word);
            return false;
        }
        if (o->params) {
            if (++i >= argc) {
                error_setg(errp, "%s: requires an argument", word);
                return false;
            }
            use.value = argv[i];
        }
        if (!take_option(cl, o, &use, errp)) {
            return false;
        }
    }
    return true;
}

void cli_clear(CommandLine *cl)
{
    GArray *lists[] = { cl->accels,   cl->objects, cl->chardevs, cl->monitors,
                        cl->serials, cl->globals, cl->traces, cl->add_fds,
                        cl->devices };

    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
        if (lists[i]) {
            g_array_free(lists[i], true);
        }
    }
    json_object_put(cl->machine);
    json_object_put(cl->memory);
    json_object_put(cl->smp);
    g_free(cl->name_buf);
    memset(cl, 0, sizeof(*cl));
}

bool cli_parse_global(const char *text, char **driver, char **prop,
                      char **value, Error **errp)
{
    static const char *const known[] = { "driver", "property", "value",
                                         NULL };
    size_t dot = strcspn(text, ".,=");
    const char *eq = strchr(text, '=');
    json_object *o;
    bool ok = false;

    if (text[dot] == '.' && dot && eq && eq > text + dot + 1) {
        *driver = g_strndup(text, dot);
        *prop = g_strndup(text + dot + 1, eq - text - dot - 1);
        *value = g_strdup(eq + 1);
        return true;
    }
    o = keyval_parse(text, NULL, true, false, NULL, errp);
    if (o && cli_only_members(o, known, errp)) {
        ok = true;
        for (size_t i = 0; known[i] && ok; i++) {
            if (!member(o, known[i])) {
                error_setg(errp, "options 'driver', 'property', and 'value' "
                           "are required");
                ok = false;
            }
        }
    }
    if (ok) {
        *driver = g_strdup(member(o, "driver"));
        *prop = g_strdup(member(o, "property"));
        *value = g_strdup(member(o, "value"));
    }
    json_object_put(o);
    return ok;
}

void cli_print_version(void)
{
    printf("QEMU emulator version %s (migration tree %s)\n"
           "Copyright (c) 2026 the project's authors; "
           "GNU GPL version 2 or later\n",
           QEMU_VERSION, PROJECT_VERSION);
}

void cli_print_help(void)
{
    cli_print_version();
    printf("usage: %s [options]\n\n", error_get_progname());
    for (size_t i = 0; i < G_N_ELEMENTS(cli_options); i++) {
        const CliOption *o = &cli_options[i];
        g_autofree char *left = NULL;

        if (!o->help) {
            continue;
        }
        left = g_strdup_printf("-%s%s%s%s%s", o->name, o->alias ? " or -" : "",
                               o->alias ? o->alias : "", o->params ? " " : "",
                               o->params ? o->params : "");
        if (strlen(left) > 26) {
            printf("%s\n%27s%s\n", left, "", o->help);
        } else {
            printf("%-26s %s\n", left, o->help);
        }
    }
}

void cli_report(const CliUse *use, Error *err)
{
    if (use) {
        error_prepend(&err, "-%s%s%s: ", use->option, *use->value ? " " : "",
                      use->value);
    }
    error_report_err(err);
}

void cli_set_location(const CliUse *use)
{
    g_autofree char *text = use ? g_strdup_printf("-%s%s%s", use->option,
                                                  *use->value ? " " : "",
                                                  use->value)
                                : NULL;

    error_set_location(text);
}
