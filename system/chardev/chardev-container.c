/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chardevs by label, and what the command line says about them. */
#include "qemu/osdep.h"

#include "chardev-int.h"
#include "qemu/cutils.h"
#include "qemu/keyval.h"

struct ChardevContainer {
    GPtrArray *devices; /* in order of creation */
    YankRegistry *yank; /* has those that can be yanked; may be NULL */
    void (*quit)(void *opaque);
    void *quit_opaque;
    bool no_stdio;
};

static const ChardevKind *const chardev_kinds[] = {
    &chardev_kind_file,
    &chardev_kind_null,
    &chardev_kind_socket,
    &chardev_kind_stdio,
};

ChardevContainer *chardev_container_new(void)
{
    ChardevContainer *c = g_new0(ChardevContainer, 1);

    c->devices = g_ptr_array_new_with_free_func(g_object_unref);
    return c;
}

/* Registers nothing if there is no registry or nothing to yank. */
static void register_yank(ChardevContainer *c, Chardev *chr)
{
    g_autofree char *name =
        g_strconcat("chardev:", chardev_get_label(chr), NULL);

    /* Labels are unique: it cannot be there already. */
    if (c->yank && chardev_has_yank(chr) &&
        yank_register_instance(c->yank, name, NULL)) {
        yank_register_function(c->yank, name, chardev_yank, chr);
    }
}

static void unregister_yank(ChardevContainer *c, Chardev *chr)
{
    g_autofree char *name =
        g_strconcat("chardev:", chardev_get_label(chr), NULL);

    if (c->yank && chardev_has_yank(chr)) {
        yank_unregister_function(c->yank, name, chardev_yank, chr);
        yank_unregister_instance(c->yank, name);
    }
}

void chardev_container_set_yank(ChardevContainer *c, YankRegistry *registry)
{
    for (guint i = 0; i < c->devices->len; i++) {
        unregister_yank(c, g_ptr_array_index(c->devices, i));
    }
    c->yank = registry;
    for (guint i = 0; i < c->devices->len; i++) {
        register_yank(c, g_ptr_array_index(c->devices, i));
    }
}

void chardev_container_free(ChardevContainer *c)
{
    if (c) {
        chardev_container_set_yank(c, NULL);
        g_ptr_array_unref(c->devices);
        g_free(c);
    }
}

void chardev_container_set_quit(ChardevContainer *c,
                                void (*quit)(void *opaque), void *opaque)
{
    c->quit = quit;
    c->quit_opaque = opaque;
}

void chardev_container_refuse_stdio(ChardevContainer *c)
{
    c->no_stdio = true;
}

void chardev_kind_foreach(void (*fn)(const char *name, void *opaque),
                          void *opaque)
{
    for (size_t i = 0; i < G_N_ELEMENTS(chardev_kinds); i++) {
        fn(chardev_kinds[i]->name, opaque);
    }
}

Chardev *chardev_container_find(ChardevContainer *c, const char *label)
{
    for (guint i = 0; i < c->devices->len; i++) {
        Chardev *chr = g_ptr_array_index(c->devices, i);

        if (g_str_equal(chardev_get_label(chr), label)) {
            return chr;
        }
    }
    return NULL;
}

void chardev_container_foreach(ChardevContainer *c,
                               void (*fn)(Chardev *chr, void *opaque),
                               void *opaque)
{
    for (guint i = 0; i < c->devices->len; i++) {
        fn(g_ptr_array_index(c->devices, i), opaque);
    }
}

const char *chardev_opt_str(json_object *opts, const char *name)
{
    json_object *value;

    if (!json_object_object_get_ex(opts, name, &value)) {
        return NULL;
    }
    return json_object_get_string(value);
}

bool chardev_opt_bool(json_object *opts, const char *name, bool def,
                      bool *value, Error **errp)
{
    const char *text = chardev_opt_str(opts, name);

    *value = def;
    return !text || qapi_bool_parse(name, text, value, errp);
}

bool chardev_opt_uint(json_object *opts, const char *name, uint64_t max,
                      uint64_t *value, Error **errp)
{
    const char *text = chardev_opt_str(opts, name);
    uint64_t n;

    if (!text) {
        return true;
    }
    if (!qemu_parse_u64(text, &n) || n > max) {
        error_setg(errp, "Parameter '%s' expects a number up to %" PRIu64,
                   name, max);
        return false;
    }
    *value = n;
    return true;
}

static const ChardevKind *find_kind(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(chardev_kinds); i++) {
        if (g_str_equal(chardev_kinds[i]->name, name)) {
            return chardev_kinds[i];
        }
    }
    return NULL;
}

static bool check_options(const ChardevKind *kind, json_object *opts,
                          Error **errp)
{
    json_object_object_foreach(opts, name, value)
    {
        if (g_str_equal(name, "backend") || g_str_equal(name, "id")) {
            continue;
        }
        if (!g_strv_contains(kind->options, name)) {
            error_setg(errp, "Invalid parameter '%s'", name);
            return false;
        }
        if (!json_object_is_type(value, json_type_string)) {
            error_setg(errp,
                       "Invalid parameter type for '%s', expected: string",
                       name);
            return false;
        }
    }
    return true;
}

static Chardev *container_create(ChardevContainer *c, const ChardevKind *kind,
                                 const char *label, json_object *opts,
                                 Error **errp)
{
    Chardev *chr;

    if (chardev_container_find(c, label)) {
        error_setg(errp, "Duplicate ID '%s' for chardev", label);
        return NULL;
    }
    if (!check_options(kind, opts, errp)) {
        return NULL;
    }
    if (c->no_stdio && kind == &chardev_kind_stdio) {
        error_setg(errp, "cannot use stdio with -daemonize");
        return NULL;
    }
    chr = kind->create(label, opts, errp);
    if (chr) {
        g_ptr_array_add(c->devices, chr);
        register_yank(c, chr);
    }
    return chr;
}

Chardev *chardev_container_add(ChardevContainer *c, json_object *opts,
                               Error **errp)
{
    const char *id = chardev_opt_str(opts, "id");
    const char *backend = chardev_opt_str(opts, "backend");
    const ChardevKind *kind;

    if (!id) {
        error_setg(errp, "chardev: no id specified");
        return NULL;
    }
    if (!id_wellformed(id)) {
        error_setg(errp, "Parameter 'id' expects an identifier");
        error_append_hint(errp, "An identifier is a letter, followed by "
                                "letters, digits, '-', '.' and '_'.\n");
        return NULL;
    }
    if (!backend) {
        error_setg(errp, "chardev: \"%s\" missing backend", id);
        return NULL;
    }
    kind = find_kind(backend);
    if (!kind) {
        error_setg(errp, "'%s' is not a valid char driver name", backend);
        return NULL;
    }
    return container_create(c, kind, id, opts, errp);
}

/*
 * "HOST:PORT[,option...]" to options.  The host may be a numeric IPv6 address
 * in brackets.
 */
static json_object *parse_tcp(const char *text, Error **errp)
{
    size_t len = strcspn(text, ",");
    g_autofree char *head = g_strndup(text, len);
    g_autofree char *rest = NULL;
    char *colon = strrchr(head, ':');
    const char *host = head;

    if (!colon || strchr(colon, ']')) {
        error_setg(errp, "address '%s' lacks a port: expected HOST:PORT",
                   head);
        return NULL;
    }
    *colon = '\0';
    if (*host == '[' && colon > head && colon[-1] == ']') {
        colon[-1] = '\0';
        host++;
    }
    rest = g_strdup_printf("host=%s,port=%s%s", host, colon + 1, text + len);
    return keyval_parse(rest, NULL, true, false, NULL, errp);
}

static json_object *parse_path(const char *text, Error **errp)
{
    g_autofree char *params = g_strconcat("path=", text, NULL);

    return keyval_parse(params, NULL, true, false, NULL, errp);
}

/* A file name is taken as it is: commas have no meaning. */
static json_object *parse_file(const char *text)
{
    json_object *opts = json_object_new_object();

    json_object_object_add(opts, "path", json_object_new_string(text));
    return opts;
}

/* The kind and the options that the short form @text stands for. */
static const ChardevKind *parse_short(const char *text, json_object **opts,
                                      Error **errp)
{
    const char *arg;

    *opts = NULL;
    if (g_str_equal(text, "null") || g_str_equal(text, "stdio")) {
        *opts = json_object_new_object();
        return find_kind(text);
    }
    if (g_str_has_prefix(text, "file:")) {
        *opts = parse_file(text + strlen("file:"));
        return &chardev_kind_file;
    }
    if (g_str_has_prefix(text, "unix:")) {
        arg = text + strlen("unix:");
        *opts = parse_path(arg, errp);
        return *opts ? &chardev_kind_socket : NULL;
    }
    if (g_str_has_prefix(text, "tcp:")) {
        arg = text + strlen("tcp:");
        *opts = parse_tcp(arg, errp);
        return *opts ? &chardev_kind_socket : NULL;
    }
    error_setg(errp, "'%s' is not a valid char driver", text);
    return NULL;
}

/* @shared: Ctrl-C on the terminal is for the guest, Ctrl-A x for us. */
static Chardev *parse_one(ChardevContainer *c, const char *text,
                          const char *label, bool shared, Error **errp)
{
    const ChardevKind *kind;
    json_object *opts;
    Error *err = NULL;
    Chardev *chr;

    if (g_str_has_prefix(text, "chardev:")) {
        chr = chardev_container_find(c, text + strlen("chardev:"));
        if (!chr && g_str_has_prefix(label, "serial")) {
            error_setg(errp, "could not connect serial device to character "
                             "backend '%s'", text);
        } else if (!chr) {
            error_setg(errp, "chardev \"%s\" not found",
                       text + strlen("chardev:"));
        }
        return chr;
    }
    kind = parse_short(text, &opts, &err);
    if (!kind && g_str_has_prefix(label, "compat_monitor")) {
        /* People and scripts know this as two lines. */
        error_report_err(err);
        error_setg(errp, "parse error: %s", text);
        return NULL;
    }
    if (!kind) {
        error_propagate(errp, err);
        return NULL;
    }
    if (shared && kind == &chardev_kind_stdio) {
        json_object_object_add(opts, "signal", json_object_new_string("off"));
    }
    chr = container_create(c, kind, label, opts, errp);
    json_object_put(opts);
    return chr;
}

/* mon:DEV: the device itself gets the label "LABEL-base". */
static Chardev *parse_shared(ChardevContainer *c, const char *text,
                             const char *label, Chardev **monitor,
                             Error **errp)
{
    g_autofree char *base_label = g_strconcat(label, "-base", NULL);
    Chardev *base, *port[2];

    if (chardev_container_find(c, label)) {
        error_setg(errp, "Duplicate ID '%s' for chardev", label);
        return NULL;
    }
    base = parse_one(c, text, base_label, true, errp);
    if (!base) {
        return NULL;
    }
    if (chardev_has_frontend(base)) {
        error_setg(errp, "chardev '%s' is already in use",
                   chardev_get_label(base));
        return NULL;
    }
    chardev_mux_new(base, label, port, c->quit, c->quit_opaque);
    g_ptr_array_add(c->devices, port[0]);
    g_ptr_array_add(c->devices, port[1]);
    *monitor = port[1];
    return port[0];
}

Chardev *chardev_container_parse(ChardevContainer *c, const char *text,
                                 const char *label, Chardev **monitor,
                                 Error **errp)
{
    if (monitor) {
        *monitor = NULL;
        if (g_str_has_prefix(text, "mon:")) {
            return parse_shared(c, text + strlen("mon:"), label, monitor,
                                errp);
        }
    }
    return parse_one(c, text, label, false, errp);
}
