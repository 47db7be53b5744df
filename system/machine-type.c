/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Machine types by name, and the properties of -machine. */
#include "qemu/osdep.h"

#include "machine-internal.h"
#include "qemu/cutils.h"

const MachineType *machine_type_find(const char *name)
{
    for (size_t i = 0; machine_types[i]; i++) {
        const MachineType *t = machine_types[i];

        if (strcmp(t->name, name) == 0
            || (t->alias && strcmp(t->alias, name) == 0)) {
            return t;
        }
    }
    return NULL;
}

bool machine_ram_ignored(Machine *m, const char *idstr)
{
    const char *const *names = machine_get_type(m)->ram_ignored;

    for (; names && *names; names++) {
        size_t len = strlen(*names);

        if ((*names)[len - 1] == '*' ? !strncmp(*names, idstr, len - 1)
                                     : !strcmp(*names, idstr)) {
            return true;
        }
    }
    return false;
}

/* "on", "off" or "auto" for what may be written; NULL if it means nothing. */
static const char *machine_switch_parse(const char *value, bool has_auto)
{
    bool on;

    if (has_auto && strcmp(value, "auto") == 0) {
        return "auto";
    }
    if (!qapi_bool_parse("value", value, &on, NULL)) {
        return NULL;
    }
    return on ? "on" : "off";
}

bool machine_set_property(MachineConfig *config, const char *name,
                          const char *value, Error **errp)
{
    const MachineProperty *p = config->type->properties;
    const char *v;

    while (p && p->name && strcmp(p->name, name) != 0) {
        p++;
    }
    if (!p || !p->name) {
        error_setg(errp, "Property '%s-machine.%s' not found",
                   config->type->name, name);
        return false;
    }
    v = machine_switch_parse(value, p->has_auto);
    if (!v && p->has_auto) {
        error_setg(errp, "Parameter '%s' does not accept value '%s'", name,
                   value);
        return false;
    }
    if (!v) {
        error_setg(errp, "Parameter '%s' expects 'on' or 'off'", name);
        return false;
    }
    if (p->off_only && strcmp(v, "on") == 0) {
        error_setg(errp, "Property '%s-machine.%s' cannot be on: this machine "
                   "has no such device", config->type->name, name);
        return false;
    }
    if (!config->properties) {
        config->properties = g_hash_table_new_full(g_str_hash, g_str_equal,
                                                   g_free, g_free);
    }
    g_hash_table_replace(config->properties, g_strdup(name), g_strdup(v));
    return true;
}

const char *machine_get_property(Machine *m, const char *name)
{
    return m->properties ? g_hash_table_lookup(m->properties, name) : NULL;
}
