/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Authorization: whether somebody whose identity has been proven may come in.
 * The identity of a TLS client is its certificate's distinguished name, e.g.
 * "C=GB,O=Example,CN=host.example".
 */
#ifndef IO_AUTHZ_H
#define IO_AUTHZ_H

#include "qemu/object.h"

#define AUTHZ_TYPE (authz_get_type())
G_DECLARE_INTERFACE(Authz, authz, IO, AUTHZ, GObject)
struct _AuthzInterface {
    GTypeInterface parent_iface;
    bool (*is_allowed)(Authz *authz, const char *identity);
};

/* Whether @identity may come in.  Any thread; may read a file. */
bool authz_is_allowed(Authz *authz, const char *identity);

/*
 * The authorization object @id of @container: a borrowed reference, or NULL if
 * there is no such object or it is of another kind.
 */
Authz *authz_find(ObjectContainer *container, const char *id, Error **errp);

/* Announce authz-simple, authz-list and authz-list-file.  Start-up only. */
void authz_register_types(void);

#endif
