/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine with devices and a live handler that log what happens to them, and
 * whole migrations of it through memory.
 */
#ifndef SAVEVM_RIG_H
#define SAVEVM_RIG_H

#include "fake-machine.h"
#include "migration/savevm-internal.h"
#include "test-channel.h"

typedef struct Dev {
    Machine *machine;
    uint8_t value;
    uint16_t extra;
    bool skip;
} Dev;

/* value, needed unless @skip; subsection widget/extra; 0xee is refused. */
extern const VMStateDescription vmstate_widget;

typedef struct Live {
    GString *log;
    int parts;      /* save: PARTs still to come */
    uint8_t loaded[16];
    unsigned n_loaded;
    const char *fail; /* call that fails */
} Live;

typedef struct Rig {
    Machine *m;
    StreamOptions opt;
    Live live;
    Dev widgets[2], clock, pic, early;
    bool store;
} Rig;

extern const StreamOptions default_options;

/* Registered in an order that is not the one of sending. */
Rig *rig_new(void);
void rig_fill(Rig *r); /* values other than 0 */
void rig_free(Rig *r);
/* A whole migration; NULL: fine, else the error.  @stream may be NULL. */
char *rig_save(Rig *r, GByteArray **stream);
char *rig_load(Rig *r, const void *data, size_t len);

/* ---- elements of its stream, in hex ---- */

/* Ids count registrations, so they show the order of sending. */
#define HEADER "5145564d 00000003"
#define CONFIG "07 00000004 6e6f6e65"
#define LIVE_START "01 00000006 04 6c697665 00000000 00000004 a1 7e 00000006"
#define LIVE_PART "02 00000006 a2 7e 00000006"
#define LIVE_END "03 00000006 a3 7e 00000006"
#define EARLY "04 00000004 05 6561726c79 00000000 00000001 44 7e 00000004"
#define CLOCK "04 00000005 05 636c6f636b 00000000 00000001 55 7e 00000005"
#define PIC "04 00000003 07 6275732f706963 00000003 00000001 33 7e 00000003"
#define WIDGET0 "04 00000001 06 776964676574 00000000 00000002 11 7e 00000001"
#define WIDGET1 "04 00000002 06 776964676574 00000001 00000002 22" \
    "05 0c 7769646765742f6578747261 00000001 abcd 7e 00000002"
#define GLOBALSTATE_HEAD "04 00000000 0b 676c6f62616c7374617465" \
    "00000000 00000001 00000008 72756e6e696e67 00" \
    "00000000 00000000 00000000 00000000 00000000 00000000 01 00"

#endif
