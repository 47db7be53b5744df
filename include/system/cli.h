/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line: words to a CommandLine, nothing is acted on yet. */
#ifndef SYSTEM_CLI_H
#define SYSTEM_CLI_H

#include <json-c/json.h>

#include "qemu/error.h"
#include "qemu/object.h"

/* One use of an option, in the order of the command line. */
typedef struct CliUse {
    const char *option; /* without the dash */
    const char *value;  /* from argv, "" if the option takes none */
} CliUse;

typedef struct CommandLine {
    json_object *machine; /* merged properties of -machine; "type" is the name */
    GArray *accels;       /* CliUse: -accel and -enable-kvm */
    GArray *objects;      /* CliUse: -object */
    GArray *chardevs;     /* CliUse: -chardev */
    GArray *monitors;     /* CliUse: -mon, -monitor, -qmp, -qmp-pretty */
    GArray *serials;      /* CliUse: -serial */
    GArray *globals;      /* CliUse: -global */
    GArray *traces;       /* CliUse: -trace */
    GArray *devices;      /* CliUse: -device */
    GArray *add_fds;      /* CliUse: -add-fd */
    json_object *memory;  /* -m */
    json_object *smp;     /* -smp */
    const char *name;     /* -name's guest */
    char *name_buf;
    const char *uuid;
    const char *kernel;
    const char *incoming;
    const char *qtest;
    const char *qtest_log;
    const char *logfile;
    const char *log_items; /* -d */
    const char *pidfile;
    bool daemonize;
    bool nodefaults;
    bool nographic;
    bool display_none;
    bool stopped;         /* -S */
    bool no_reboot;
    bool no_shutdown;
    bool only_migratable;
    bool debug_threads;
    bool help;            /* -help */
    bool version;         /* -version */
} CommandLine;

/*
 * Read all words.  The error's text includes the option ("-m 1X: …"), as it
 * goes after the program's name.
 */
bool cli_parse(CommandLine *cl, int argc, char **argv, Error **errp);
void cli_clear(CommandLine *cl);

/*
 * -global "DRIVER.PROP=VALUE" or "driver=D,property=P,value=V" to its three
 * parts, freed by g_free() (also when it fails).
 */
bool cli_parse_global(const char *text, char **driver, char **prop,
                      char **value, Error **errp);

/* Refuse members of @o that are not in the NULL-terminated list @known. */
bool cli_only_members(json_object *o, const char *const *known, Error **errp);

/* True if a list was asked for, and is printed: nothing else is to be done. */
bool cli_answer_help(const CommandLine *cl);
void cli_print_version(void);
void cli_print_help(void);

/* Carry out -add-fd, and close what it duplicated; errors are reported. */
bool cli_add_fds(const CommandLine *cl);

/*
 * Carry out -object: those that are memory backends, or the others.  Errors
 * are reported.
 */
bool cli_create_objects(const CommandLine *cl, ObjectContainer *objects,
                        bool memory);

/* Carry out -device, before machine_build(); errors are reported. */
struct Machine;
bool cli_create_devices(const CommandLine *cl, struct Machine *m);

/* Report @err as the fault of @use, free it. */
void cli_report(const CliUse *use, Error *err);

/* Reports from now on are about @use; NULL: about nothing in particular. */
void cli_set_location(const CliUse *use);

#endif
