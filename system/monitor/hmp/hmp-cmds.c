/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The human monitor's general commands; other rooms bring their own. */
#include "qemu/osdep.h"

#include "hmp-int.h"
#include "qapi/qapi-commands-control.h"
#include "qapi/qapi-commands-machine.h"
#include "qapi/qapi-commands-run-state.h"
#include "qapi/qapi-commands-trace.h"
#include "qemu/trace.h"

static const char *arg_str(json_object *args, const char *name)
{
    return json_object_get_string(json_object_object_get(args, name));
}

/* Help. */

static void print_help(HmpContext *hmp, const HmpCommand *cmd)
{
    hmp_printf(hmp, "%s%s %s -- %s\n", cmd->is_info ? "info " : "", cmd->name,
               cmd->params ? cmd->params : "", cmd->help ? cmd->help : "");
}

static void print_all_help(HmpContext *hmp, bool is_info)
{
    g_autoptr(GPtrArray) commands = hmp_commands_sorted(is_info);

    for (guint i = 0; i < commands->len; i++) {
        print_help(hmp, g_ptr_array_index(commands, i));
    }
}

static void hmp_help(HmpContext *hmp, json_object *args)
{
    const char *text = arg_str(args, "name");
    g_auto(GStrv) words = g_strsplit_set(text ? text : "", " ", -1);
    const HmpCommand *cmd;
    const char *name = words[0];
    bool is_info;

    if (!name || !*name) {
        print_all_help(hmp, false);
        return;
    }
    is_info = g_str_equal(name, "info");
    if (is_info) {
        name = words[1];
        if (!name || !*name) {
            print_all_help(hmp, true);
            return;
        }
    }
    cmd = hmp_find_command(name, strlen(name), is_info);
    if (cmd) {
        print_help(hmp, cmd);
    } else {
        hmp_printf(hmp, "unknown command: '%s'\n", text);
    }
}

static void hmp_info(HmpContext *hmp, json_object *args)
{
    print_all_help(hmp, true);
}

/* The guest and the program. */

static void hmp_stop(HmpContext *hmp, json_object *args)
{
    Error *err = NULL;

    qmp_stop(hmp->qmp, &err);
    hmp_handle_error(hmp, err);
}

static void hmp_cont(HmpContext *hmp, json_object *args)
{
    Error *err = NULL;

    qmp_cont(hmp->qmp, &err);
    hmp_handle_error(hmp, err);
}

static void hmp_system_reset(HmpContext *hmp, json_object *args)
{
    Error *err = NULL;

    qmp_system_reset(hmp->qmp, &err);
    hmp_handle_error(hmp, err);
}

static void hmp_quit(HmpContext *hmp, json_object *args)
{
    Error *err = NULL;

    if (qmp_quit(hmp->qmp, &err)) {
        hmp_leave(hmp);
    }
    hmp_handle_error(hmp, err);
}

static void hmp_getfd(HmpContext *hmp, json_object *args)
{
    Error *err = NULL;

    qmp_getfd(hmp->qmp, arg_str(args, "fdname"), &err);
    hmp_handle_error(hmp, err);
}

static void hmp_closefd(HmpContext *hmp, json_object *args)
{
    Error *err = NULL;

    qmp_closefd(hmp->qmp, arg_str(args, "fdname"), &err);
    hmp_handle_error(hmp, err);
}

static void hmp_trace_event(HmpContext *hmp, json_object *args)
{
    bool on = json_object_get_boolean(json_object_object_get(args, "option"));
    Error *err = NULL;

    if (!qmp_trace_event_set_state(hmp->qmp, arg_str(args, "name"), on, true,
                                   true, &err)) {
        hmp_printf(hmp, "%s\n", error_get_pretty(err));
        error_free(err);
    }
}

static void hmp_logfile(HmpContext *hmp, json_object *args)
{
    Error *err = NULL;

    if (!trace_set_file(arg_str(args, "filename"), &err)) {
        hmp_printf(hmp, "%s\n", error_get_pretty(err));
        error_free(err);
    }
}

static void hmp_log(HmpContext *hmp, json_object *args)
{
    if (!trace_log_items(arg_str(args, "items"))) {
        hmp_printf(hmp, "%s", TRACE_LOG_ITEMS);
    }
}

static void print_char(HmpContext *hmp, int64_t value)
{
    switch (value) {
    case '\n':
        hmp_printf(hmp, "'\\n'\n");
        break;
    case '\r':
        hmp_printf(hmp, "'\\r'\n");
        break;
    case '\'':
    case '\\':
        hmp_printf(hmp, "'\\%c'\n", (int)value);
        break;
    default:
        hmp_printf(hmp, value >= ' ' && value < 0x7f ? "'%c'\n"
                                                     : "'\\x%02x'\n",
                   (unsigned)value);
        break;
    }
}

/* The last format letter matters alone: the value has always 64 bits. */
static void hmp_print(HmpContext *hmp, json_object *args)
{
    const char *format = arg_str(args, "fmt");
    int64_t value = json_object_get_int64(json_object_object_get(args, "val"));
    char letter = 'x';

    for (; format && *format; format++) {
        if (strchr("oxduci", *format)) {
            letter = *format;
        }
    }
    switch (letter) {
    case 'o':
        hmp_printf(hmp, "%#" PRIo64 "\n", (uint64_t)value);
        break;
    case 'x':
        hmp_printf(hmp, "%#" PRIx64 "\n", (uint64_t)value);
        break;
    case 'u':
        hmp_printf(hmp, "%" PRIu64 "\n", (uint64_t)value);
        break;
    case 'c':
        print_char(hmp, value);
        break;
    default:
        hmp_printf(hmp, "%" PRId64 "\n", value);
        break;
    }
}

/* info. */

static void hmp_info_version(HmpContext *hmp, json_object *args)
{
    g_autoptr(VersionInfo) info = qmp_query_version(hmp->qmp, NULL);

    if (info) {
        hmp_printf(hmp, "%" PRId64 ".%" PRId64 ".%" PRId64 "%s\n",
                   info->qemu->major, info->qemu->minor, info->qemu->micro,
                   info->package);
    }
}

static void hmp_info_status(HmpContext *hmp, json_object *args)
{
    g_autoptr(StatusInfo) info = qmp_query_status(hmp->qmp, NULL);

    if (!info) {
        return;
    }
    hmp_printf(hmp, "VM status: %s", info->running ? "running" : "paused");
    if (!info->running && info->status != RUN_STATE_PAUSED) {
        hmp_printf(hmp, " (%s)", RunState_str(info->status));
    }
    hmp_printf(hmp, "\n");
}

static void hmp_info_name(HmpContext *hmp, json_object *args)
{
    g_autoptr(NameInfo) info = qmp_query_name(hmp->qmp, NULL);

    if (info && info->name) {
        hmp_printf(hmp, "%s\n", info->name);
    }
}

static void hmp_info_uuid(HmpContext *hmp, json_object *args)
{
    g_autoptr(UuidInfo) info = qmp_query_uuid(hmp->qmp, NULL);

    if (info) {
        hmp_printf(hmp, "%s\n", info->UUID);
    }
}

static void hmp_info_kvm(HmpContext *hmp, json_object *args)
{
    g_autoptr(KvmInfo) info = qmp_query_kvm(hmp->qmp, NULL);

    if (info) {
        hmp_printf(hmp, "kvm support: %s\n",
                   !info->present  ? "not compiled"
                   : info->enabled ? "enabled"
                                   : "disabled");
    }
}

static void hmp_info_accelerators(HmpContext *hmp, json_object *args)
{
    g_autoptr(AcceleratorInfo) info = qmp_query_accelerators(hmp->qmp, NULL);
    const char *separator = "";

    if (!info) {
        return;
    }
    for (AcceleratorList *a = info->present; a; a = a->next) {
        bool current = a->value == info->enabled;

        hmp_printf(hmp, current ? "%s[%s]" : "%s%s", separator,
                   Accelerator_str(a->value));
        separator = " ";
    }
    hmp_printf(hmp, "\n");
}

static void hmp_info_chardev(HmpContext *hmp, json_object *args)
{
    g_autoptr(ChardevInfoList) list = qmp_query_chardev(hmp->qmp, NULL);

    for (ChardevInfoList *i = list; i; i = i->next) {
        hmp_printf(hmp, "%s: filename=%s\n", i->value->label,
                   i->value->filename);
    }
}

static void hmp_info_history(HmpContext *hmp, json_object *args)
{
    Readline *rl = hmp_readline(hmp);
    const char *line;

    for (guint i = 0; rl && (line = readline_get_history(rl, i)); i++) {
        hmp_printf(hmp, "%u: '%s'\n", i, line);
    }
}

static void hmp_info_trace_events(HmpContext *hmp, json_object *args)
{
    const char *name = arg_str(args, "name");
    Error *err = NULL;
    g_autoptr(TraceEventInfoList) list =
        qmp_trace_event_get_state(hmp->qmp, name ? name : "*", &err);

    if (err) {
        hmp_printf(hmp, "%s\n", error_get_pretty(err));
        error_free(err);
        return;
    }
    for (TraceEventInfoList *i = list; i; i = i->next) {
        hmp_printf(hmp, "%s : state %d\n", i->value->name,
                   i->value->state == TRACE_EVENT_STATE_ENABLED);
    }
}

/* Where complete_trace_event() puts the names. */
typedef struct WordSink {
    void (*add)(void *opaque, const char *word);
    void *opaque;
} WordSink;

static void add_event_name(TraceEvent *ev, void *opaque)
{
    WordSink *sink = opaque;

    sink->add(sink->opaque, ev->name);
}

static void complete_trace_event(QmpContext *ctx, int nb, char *const *argv,
                                 const char *prefix,
                                 void (*add)(void *opaque, const char *word),
                                 void *opaque)
{
    g_autofree char *pattern = g_strconcat(prefix, "*", NULL);
    WordSink sink = { add, opaque };

    if (nb == 0) {
        trace_foreach(pattern, add_event_name, &sink);
    } else if (nb == 1) {
        add(opaque, "on");
        add(opaque, "off");
    }
}

static void complete_event_name(QmpContext *ctx, int nb, char *const *argv,
                                const char *prefix,
                                void (*add)(void *opaque, const char *word),
                                void *opaque)
{
    if (nb == 0) {
        complete_trace_event(ctx, nb, argv, prefix, add, opaque);
    }
}

static const HmpCommand general_commands[] = {
    { "help|?", "name:S?", "[cmd]", "show the help", hmp_help },
    { "info", "", "[subcommand]",
      "show what the monitor knows about something", hmp_info },
    { "stop|s", "", "", "stop the guest", hmp_stop },
    { "cont|c", "", "", "let the guest go on", hmp_cont },
    { "quit|q", "", "", "end the program", hmp_quit },
    { "system_reset", "", "", "reset the guest", hmp_system_reset },
    { "getfd", "fdname:s", "name",
      "keep the descriptor sent with this command (SCM_RIGHTS) as name",
      hmp_getfd },
    { "closefd", "fdname:s", "name", "close a descriptor kept by getfd",
      hmp_closefd },
    { "trace-event", "name:s,option:b", "name on|off",
      "switch trace events on or off", hmp_trace_event,
      complete_trace_event },
    { "logfile", "filename:F", "file", "write trace events to file",
      hmp_logfile },
    { "log", "items:s", "item1[,...]",
      "choose what is logged: none, trace:pattern", hmp_log },
    { "print|p", "fmt:/,val:l", "/fmt expr",
      "print the value of an expression (fmt: x, d, u, o or c)",
      hmp_print },
    { "version", "", "", "show the version", hmp_info_version,
      .is_info = true },
    { "status", "", "", "show whether the guest is running",
      hmp_info_status, .is_info = true },
    { "name", "", "", "show the guest's name", hmp_info_name,
      .is_info = true },
    { "uuid", "", "", "show the guest's UUID", hmp_info_uuid,
      .is_info = true },
    { "kvm", "", "", "show whether KVM is in use", hmp_info_kvm,
      .is_info = true },
    { "accelerators", "", "",
      "show the accelerators, the one in use in brackets",
      hmp_info_accelerators, .is_info = true },
    { "chardev", "", "", "show the character devices", hmp_info_chardev,
      .is_info = true },
    { "history", "", "", "show the lines typed before", hmp_info_history,
      .is_info = true },
    { "trace-events", "name:s?", "[name]",
      "show the trace events and their state", hmp_info_trace_events,
      complete_event_name, .is_info = true },
};

void monitor_register_hmp_commands(void)
{
    hmp_register_commands(general_commands, G_N_ELEMENTS(general_commands));
}
