/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kinds of authorization objects share. */
#ifndef IO_AUTHZ_INT_H
#define IO_AUTHZ_INT_H

#include "io/authz.h"
#include "qapi/qapi-types-objects.h"

GType authz_simple_get_type(void);
GType authz_list_get_type(void);
GType authz_list_file_get_type(void);

/* What the first rule of @list that matches says, else its policy. */
bool authz_rules_allow(const AuthZListProperties *list, const char *identity);

#endif
