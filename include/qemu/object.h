/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * User-visible names of GObject types, and objects made by the user
 * (-object, object-add): the part of QEMU's object model that clients see.
 */
#ifndef QEMU_OBJECT_H
#define QEMU_OBJECT_H

#include <glib-object.h>
#include <json-c/json.h>

#include "qemu/error.h"

/*
 * Announce @type under @name ("tcg-accel", "memory-backend-ram").  @parent is
 * the name of the type it implements ("accel", "device", "memory-backend"),
 * NULL for a root.  GTypes announced as user-creatable can be made by
 * object_new_user().  Start-up only.
 */
void object_type_announce(const char *name, const char *parent, GType type,
                          bool abstract, bool user_creatable);

typedef struct ObjectTypeInfo {
    const char *name;
    const char *parent; /* or NULL */
    GType type;
    bool abstract;
    bool user_creatable;
} ObjectTypeInfo;

/* Call @fn for each announced type that is or descends from @implements. */
void object_type_foreach(const char *implements,
                         void (*fn)(const ObjectTypeInfo *info, void *opaque),
                         void *opaque);
const ObjectTypeInfo *object_type_find(const char *name);

/*
 * User-creatable objects may implement this interface to finish their set-up
 * after all properties are set.
 */
#define USER_CREATABLE_TYPE (user_creatable_get_type())
G_DECLARE_INTERFACE(UserCreatable, user_creatable, USER, CREATABLE, GObject)
struct _UserCreatableInterface {
    GTypeInterface parent_iface;
    bool (*complete)(UserCreatable *uc, Error **errp);
    bool (*can_be_deleted)(UserCreatable *uc); /* NULL: yes */
};

/* Objects by id. */
typedef struct ObjectContainer ObjectContainer;
ObjectContainer *object_container_new(void);
void object_container_free(ObjectContainer *c);
/* Borrowed reference or NULL. */
GObject *object_container_get(ObjectContainer *c, const char *id);
/*
 * The container that @obj is in, from its completion until it is deleted;
 * NULL outside.  For objects that name others by id.
 */
ObjectContainer *object_get_container(GObject *obj);
/* NULL-terminated ids in order of creation; freed by g_strfreev(). */
char **object_container_ids(ObjectContainer *c);

/*
 * Make an object from {"qom-type": T, "id": ID, property: value…}; values are
 * JSON of the right type or strings (command line).  Errors have the texts of
 * stock QEMU: missing or unknown member, wrong type, bad or duplicate id;
 * @from_text says that @props came from key=value text, which has a text of
 * its own for unknown members.
 */
bool object_container_add(ObjectContainer *c, json_object *props,
                          bool from_text, Error **errp);
bool object_container_del(ObjectContainer *c, const char *id, Error **errp);

/* A property of this boxed type gets a reference to the JSON value as it is. */
#define OBJECT_TYPE_JSON (object_json_get_type())
GType object_json_get_type(void);

/*
 * Flag of properties that qom-set may still change when the object is made.
 * The others took effect then.
 */
#define OBJECT_PARAM_LIVE (1 << G_PARAM_USER_SHIFT)

/*
 * Set one property from JSON or from a string.  Integer properties take sizes
 * with suffixes when they come as strings.  Kinds of properties: boolean,
 * integers, double, string, enum (by nick), G_TYPE_STRV, OBJECT_TYPE_JSON.
 */
bool object_property_set_json(GObject *obj, const char *name,
                              json_object *value, Error **errp);

#endif
