/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Yank: end whatever blocks on a lost peer.  Instances (a migration, a
 * chardev) register functions that shut their connections down; all are safe
 * to call from any thread and never block for long.
 */
#ifndef QEMU_YANK_H
#define QEMU_YANK_H

#include "qemu/error.h"

typedef struct YankRegistry YankRegistry;
typedef void YankFn(void *opaque);

YankRegistry *yank_registry_new(void);
void yank_registry_free(YankRegistry *reg);

/* @instance e.g. "migration", "chardev:char0".  False: it exists already. */
bool yank_register_instance(YankRegistry *reg, const char *instance,
                            Error **errp);
/* All functions of the instance must be unregistered before. */
void yank_unregister_instance(YankRegistry *reg, const char *instance);
void yank_register_function(YankRegistry *reg, const char *instance,
                            YankFn *fn, void *opaque);
void yank_unregister_function(YankRegistry *reg, const char *instance,
                              YankFn *fn, void *opaque);
/* Call all functions of @instance; false if it does not exist. */
bool yank_instance(YankRegistry *reg, const char *instance, Error **errp);
/* NULL-terminated names; freed by g_strfreev(). */
char **yank_list_instances(YankRegistry *reg);

#endif
