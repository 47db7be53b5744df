/* SPDX-License-Identifier: GPL-2.0-or-later */
/* query-command-line-options: what can be said with name=value. */
#include "qemu/osdep.h"

#include "qapi/qapi-commands-cli.h"
#include "system/machine.h"

#define STR COMMAND_LINE_PARAMETER_TYPE_STRING
#define BOOL COMMAND_LINE_PARAMETER_TYPE_BOOLEAN
#define NUM COMMAND_LINE_PARAMETER_TYPE_NUMBER
#define SIZE COMMAND_LINE_PARAMETER_TYPE_SIZE

typedef struct Parameter {
    const char *name;
    CommandLineParameterType type;
    const char *help;  /* or NULL */
    const char *value; /* the default, or NULL */
} Parameter;

static const Parameter accel_parameters[] = {
    { "accel", STR, "kvm, tcg or qtest" },
    { NULL },
};
static const Parameter add_fd_parameters[] = {
    { "fd", NUM, "descriptor that a duplicate is made of" },
    { "set", NUM, "set that the duplicate goes into" },
    { "opaque", STR, "text to find it again by" },
    { NULL },
};
static const Parameter chardev_parameters[] = {
    { "backend", STR, "file, null, socket or stdio" },
    { "path", STR }, { "input-path", STR }, { "append", BOOL },
    { "abstract", BOOL }, { "tight", BOOL }, { "host", STR },
    { "port", STR }, { "to", NUM }, { "ipv4", BOOL }, { "ipv6", BOOL },
    { "fd", STR }, { "server", BOOL }, { "wait", BOOL },
    { "reconnect", NUM }, { "reconnect-ms", NUM }, { "nodelay", BOOL },
    { "signal", BOOL },
    { NULL },
};
static const Parameter global_parameters[] = {
    { "driver", STR, "\"migration\"" },
    { "property", STR },
    { "value", STR },
    { NULL },
};
static const Parameter machine_parameters[] = {
    { "type", STR, "type of machine" },
    { "accel", STR, "accelerators to try, separated by colons" },
    { "memory-backend", STR, "id of the object that is the RAM" },
    { "kernel", STR, "image to boot" },
    { "dump-guest-core", BOOL, "RAM is part of core dumps", "on" },
    { "mem-merge", BOOL, "the host may merge equal pages of RAM", "off" },
    { "suppress-vmdesc", BOOL, "leave the description out of streams", "off" },
    { NULL },
};
static const Parameter memory_parameters[] = {
    { "size", SIZE },
    { NULL },
};
static const Parameter mon_parameters[] = {
    { "chardev", STR },
    { "mode", STR, "readline or control" },
    { "pretty", BOOL },
    { NULL },
};
static const Parameter msg_parameters[] = {
    { "timestamp", BOOL },
    { NULL },
};
static const Parameter name_parameters[] = {
    { "guest", STR, "name of the guest" },
    { "process", STR },
    { "debug-threads", BOOL, "name the threads" },
    { NULL },
};
static const Parameter object_parameters[] = {
    { NULL },
};
static const Parameter smp_parameters[] = {
    { "cpus", NUM }, { "maxcpus", NUM }, { "sockets", NUM }, { "dies", NUM },
    { "cores", NUM }, { "threads", NUM },
    { NULL },
};
static const Parameter trace_parameters[] = {
    { "enable", STR }, { "events", STR }, { "file", STR },
    { NULL },
};

static const struct {
    const char *name;
    const Parameter *parameters;
} options[] = {
    { "accel", accel_parameters },     { "add-fd", add_fd_parameters },
    { "chardev", chardev_parameters }, { "global", global_parameters },
    { "machine", machine_parameters }, { "memory", memory_parameters },
    { "mon", mon_parameters },         { "msg", msg_parameters },
    { "name", name_parameters },       { "object", object_parameters },
    { "smp-opts", smp_parameters },    { "trace", trace_parameters },
};

static void add_parameter(CommandLineParameterInfoList ***tail,
                          const Parameter *p)
{
    CommandLineParameterInfo *info = g_new0(CommandLineParameterInfo, 1);

    info->name = g_strdup(p->name);
    info->type = p->type;
    info->help = g_strdup(p->help);
    info->q_default = g_strdup(p->value);
    QAPI_LIST_APPEND(*tail, info);
}

/* The switches of all machine types, each name once. */
static void add_machine_switches(CommandLineParameterInfoList ***tail)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

    for (size_t i = 0; machine_types[i]; i++) {
        const MachineProperty *p = machine_types[i]->properties;

        for (; p && p->name; p++) {
            Parameter parameter = { p->name, p->has_auto ? STR : BOOL,
                                    p->desc, NULL };

            if (g_hash_table_add(seen, (gpointer)p->name)) {
                add_parameter(tail, &parameter);
            }
        }
    }
}

CommandLineOptionInfoList *
qmp_query_command_line_options(QmpContext *ctx, const char *option,
                               Error **errp)
{
    CommandLineOptionInfoList *list = NULL, **tail = &list;

    for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
        CommandLineParameterInfoList **last;
        CommandLineOptionInfo *info;

        if (option && !g_str_equal(option, options[i].name)) {
            continue;
        }
        info = g_new0(CommandLineOptionInfo, 1);
        info->option = g_strdup(options[i].name);
        last = &info->parameters;
        for (const Parameter *p = options[i].parameters; p->name; p++) {
            add_parameter(&last, p);
        }
        if (g_str_equal(info->option, "machine")) {
            add_machine_switches(&last);
        }
        QAPI_LIST_APPEND(tail, info);
    }
    if (!list && option) {
        error_setg(errp, "invalid option name: %s", option);
    }
    return list;
}
