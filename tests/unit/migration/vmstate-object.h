/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An object with every kind of member, for the tests of described state. */
#ifndef VMSTATE_OBJECT_H
#define VMSTATE_OBJECT_H

#include "migration/vmstate-internal.h"
#include "test-channel.h"

typedef struct Inner {
    uint8_t a;
    uint16_t b;
    uint32_t len;
    uint8_t *data;
} Inner;

typedef struct Dev {
    bool flag;
    int8_t i8;
    int16_t i16;
    int32_t i32;
    int64_t i64;
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    double number;
    uint8_t buf[5];
    uint32_t size;
    uint8_t *vbuf;
    uint32_t bits;
    unsigned long *pmap;
    unsigned long map[2];
    uint16_t words[3];
    uint32_t count;
    uint16_t *varray;
    uint32_t some[6];
    int32_t inner_count;
    Inner *inners;
    uint8_t few;
    Inner fixed[3];
    Inner one;
    Inner *pointer;
    Inner *pointers[3];
    Inner *made[3];
    GQueue queue;
    GTree *tree;
    GTree *direct;
} Dev;

/* Inner: a, and from version 2 on b. */
extern const VMStateDescription vmstate_pair;
/* Inner with memory of its own: a, len, data. */
extern const VMStateDescription vmstate_owner;

/* Memory that exists on both sides, whatever the stream says. */
Dev *dev_new(void);
Dev *dev_new_filled(void);
void dev_free(Dev *d);

/* What @vmsd writes of @obj; it must not fail. @desc may be NULL. */
GByteArray *dev_save(const VMStateDescription *vmsd, void *obj,
                     json_object *desc);
/* NULL: loaded; else the error. */
char *dev_load(const VMStateDescription *vmsd, void *obj, int version,
               const void *data, size_t len);

#endif
