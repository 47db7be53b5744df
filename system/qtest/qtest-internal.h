/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The qtest protocol: one line in, one line out. */
#ifndef SYSTEM_QTEST_INTERNAL_H
#define SYSTEM_QTEST_INTERNAL_H

#include "hw/pins.h"
#include "system/machine.h"

/* Most bytes that one command may move. */
#define QTEST_MAX_DATA ((uint64_t)64 * MiB)

#define QTEST_MAX_IRQS 256

/* The interrupt lines that a test has asked to be told about. */
typedef struct QtestIrqs {
    IRQPins *pins; /* NULL: none yet */
    bool levels[QTEST_MAX_IRQS]; /* as told */
    /* Send a line, which has no newline.  Machine lock held. */
    void (*report)(void *opaque, const char *line);
    void *opaque;
} QtestIrqs;

/*
 * Run one command, @line without its newline, and append the reply without a
 * newline to @reply.  What it intercepts is reported by @irqs, which lives
 * until qtest_irqs_release().  Machine lock held.
 */
void qtest_process_line(Machine *m, QtestIrqs *irqs, const char *line,
                        GString *reply);

/* The words of a command; the first is its name. */
typedef struct QtestArgs {
    Machine *machine;
    QtestIrqs *irqs;
    char *const *words;
    unsigned n;
    GString *reply;
} QtestArgs;

/* Each returns false after appending "FAIL ..." to the reply. */
bool qtest_arg_count(QtestArgs *a, unsigned min, unsigned max);
bool qtest_arg_u64(QtestArgs *a, unsigned i, uint64_t *out);
/* The address @i and the length @i + 1; at most @max bytes. */
bool qtest_arg_range(QtestArgs *a, unsigned i, uint64_t max, uint64_t *addr,
                     uint64_t *len);
void qtest_fail(QtestArgs *a, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/* qtest-memory.c: commands that move data */
void qtest_cmd_read(QtestArgs *a);
void qtest_cmd_write(QtestArgs *a);
void qtest_cmd_b64read(QtestArgs *a);
void qtest_cmd_b64write(QtestArgs *a);
void qtest_cmd_memset(QtestArgs *a);

/* qtest-irq.c: interrupt lines */
void qtest_cmd_intercept_in(QtestArgs *a);
void qtest_cmd_intercept_out(QtestArgs *a);
void qtest_cmd_set_irq_in(QtestArgs *a);
/* Somebody new: all lines count as low. */
void qtest_irqs_reset(QtestIrqs *irqs);
/* Nothing is intercepted any more. */
void qtest_irqs_release(QtestIrqs *irqs);

#endif
