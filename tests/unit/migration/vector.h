/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Recorded streams of stock QEMU: tests/data/vectors/NAME.json and channels. */
#ifndef VECTOR_H
#define VECTOR_H

#include <json-c/json.h>

#include "migration/savevm.h"

typedef struct Vector {
    char *name;
    json_object *json;
    GByteArray *main; /* the main channel, from where its stream begins */
    char *machine;    /* machine type name in the stream */
    StreamOptions opt;
    bool has_uuid;
    uint8_t uuid[16];
} Vector;

/* Directory of the vectors: argument of the test or $MIGRATION_VECTORS. */
void vector_set_dir(const char *dir);
/* Names without ".json", sorted; freed by g_ptr_array_unref(). */
GPtrArray *vector_names(void);
/*
 * Read and check one; NULL: it cannot be unpacked here (built without zstd).
 */
Vector *vector_load(const char *name);
void vector_free(Vector *v);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Vector, vector_free)

/* Call @fn for each block listed in the stream. */
void vector_foreach_block(const Vector *v,
                          void (*fn)(void *opaque, const char *name,
                                     uint64_t size),
                          void *opaque);
/* SHA-256 that @block's content must have; NULL: not known. */
const char *vector_ram_sha256(const Vector *v, const char *block);
/* Records of this kind ("PAGE|CONT") in all RAM sections. */
unsigned vector_ram_records(const Vector *v, const char *kind);
/* The commands in the stream, "NAME NAME ". */
char *vector_commands(const Vector *v);

#endif
