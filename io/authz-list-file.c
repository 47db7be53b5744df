/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * authz-list-file: rules in a file, as JSON: {"policy": "deny", "rules": […]}.
 *
 * A changed file is noticed when somebody wants to come in, by its inode, size
 * and times: no watch, no thread, and no window in which old rules count.
 */
#include "qemu/osdep.h"

#include <sys/stat.h>

#include "io/authz-int.h"
#include "qemu/fdset.h"
#include "qemu/thread.h"

typedef struct AuthzListFile {
    GObject parent_instance;
    char *filename;
    bool refresh;
    QemuMutex lock; /* handshakes of several connections ask at once */
    /* Under @lock: the rules (NULL: the file is bad, nobody comes in). */
    AuthZListProperties *list;
    struct stat seen; /* the file they are from */
} AuthzListFile;
typedef GObjectClass AuthzListFileClass;

static void authz_list_file_authz(AuthzInterface *iface);
static void authz_list_file_user_creatable(UserCreatableInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE(
    AuthzListFile, authz_list_file, G_TYPE_OBJECT,
    G_IMPLEMENT_INTERFACE(AUTHZ_TYPE, authz_list_file_authz)
    G_IMPLEMENT_INTERFACE(USER_CREATABLE_TYPE, authz_list_file_user_creatable))

enum { PROP_FILENAME = 1, PROP_REFRESH };

static void authz_list_file_set_property(GObject *obj, guint id,
                                         const GValue *value, GParamSpec *spec)
{
    AuthzListFile *a = (AuthzListFile *)obj;

    switch (id) {
    case PROP_FILENAME:
        g_free(a->filename);
        a->filename = g_value_dup_string(value);
        break;
    case PROP_REFRESH:
        a->refresh = g_value_get_boolean(value);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(obj, id, spec);
    }
}

static void authz_list_file_get_property(GObject *obj, guint id, GValue *value,
                                         GParamSpec *spec)
{
    AuthzListFile *a = (AuthzListFile *)obj;

    switch (id) {
    case PROP_FILENAME:
        g_value_set_string(value, a->filename);
        break;
    case PROP_REFRESH:
        g_value_set_boolean(value, a->refresh);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(obj, id, spec);
    }
}

/* Read the file; called with the lock held or before anybody else is there. */
static bool authz_list_file_load(AuthzListFile *a, Error **errp)
{
    g_autofree char *text = NULL;
    json_object *content;
    Error *err = NULL;

    g_clear_pointer(&a->list, qapi_free_AuthZListProperties);
    if (!qemu_read_file(a->filename, &text, NULL, &err)) {
        error_propagate(errp, err);
        error_prepend(errp, "Unable to read %s: ", a->filename);
        return false;
    }
    content = json_tokener_parse(text);
    if (!content) {
        error_setg(errp, "Unable to parse %s: not JSON", a->filename);
        return false;
    }
    a->list = qapi_AuthZListProperties_from_json(content, NULL, &err);
    json_object_put(content);
    if (!a->list) {
        error_propagate(errp, err);
        error_prepend(errp, "Unable to parse %s: ", a->filename);
        return false;
    }
    return true;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
           a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
           a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static void authz_list_file_check(AuthzListFile *a)
{
    Error *err = NULL;
    struct stat now;

    /* A file that is gone differs from what was seen, once. */
    memset(&now, 0, sizeof(now));
    (void)stat(a->filename, &now);
    if (same_file(&now, &a->seen)) {
        return;
    }
    a->seen = now;
    if (!authz_list_file_load(a, &err)) {
        error_prepend(&err, "Nobody is authorized until this is mended: ");
        warn_report_err(err);
    }
}

static bool authz_list_file_complete(UserCreatable *uc, Error **errp)
{
    AuthzListFile *a = (AuthzListFile *)uc;

    if (!a->filename) {
        error_setg(errp, "Parameter 'filename' is missing");
        return false;
    }
    /* Before reading: a change in between is noticed at the next check. */
    memset(&a->seen, 0, sizeof(a->seen));
    (void)stat(a->filename, &a->seen);
    return authz_list_file_load(a, errp);
}

static bool authz_list_file_is_allowed(Authz *authz, const char *identity)
{
    AuthzListFile *a = (AuthzListFile *)authz;
    QEMU_LOCK_GUARD(&a->lock);

    if (a->refresh) {
        authz_list_file_check(a);
    }
    return a->list && authz_rules_allow(a->list, identity);
}

static void authz_list_file_finalize(GObject *obj)
{
    AuthzListFile *a = (AuthzListFile *)obj;

    g_free(a->filename);
    qapi_free_AuthZListProperties(a->list);
    qemu_mutex_destroy(&a->lock);
    G_OBJECT_CLASS(authz_list_file_parent_class)->finalize(obj);
}

static void authz_list_file_class_init(AuthzListFileClass *klass)
{
    klass->set_property = authz_list_file_set_property;
    klass->get_property = authz_list_file_get_property;
    klass->finalize = authz_list_file_finalize;
    g_object_class_install_property(klass, PROP_FILENAME,
        g_param_spec_string("filename", "filename", "file with the rules",
                            NULL, G_PARAM_READWRITE));
    g_object_class_install_property(klass, PROP_REFRESH,
        g_param_spec_boolean("refresh", "refresh", "notice changes", true,
                             G_PARAM_READWRITE));
}

static void authz_list_file_init(AuthzListFile *a)
{
    a->refresh = true;
    qemu_mutex_init(&a->lock);
}

static void authz_list_file_authz(AuthzInterface *iface)
{
    iface->is_allowed = authz_list_file_is_allowed;
}

static void authz_list_file_user_creatable(UserCreatableInterface *iface)
{
    iface->complete = authz_list_file_complete;
}
