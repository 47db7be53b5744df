/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Trace events.
 *
 * Each room has a file `trace-events` with lines
 *     name(type arg, type arg) "format"
 * compiled at build time into `trace/trace-ROOM.h`, which declares for each
 *     static inline void trace_name(type arg, …)
 * A disabled event costs one load and one not-taken branch.
 */
#ifndef QEMU_TRACE_H
#define QEMU_TRACE_H

#include "qemu/error.h"

typedef struct TraceEvent {
    const char *name;
    bool enabled; /* relaxed atomic */
} TraceEvent;

/* Called by generated code: the rooms' events are known by themselves. */
void trace_register_events(TraceEvent *const *events, size_t n);
/* Generated: registers the events of all rooms. */
void trace_register_all(void);
/* Write a line "NAME text"; any thread, the event's switch is not looked at. */
void trace_emit(const TraceEvent *ev, const char *fmt, ...)
    G_GNUC_PRINTF(2, 3);

/*
 * Switch all events matching the glob @pattern; a leading "-" switches off
 * whatever @enable says.  Any thread.  Returns the number of events matched.
 */
unsigned trace_enable_events(const char *pattern, bool enable);
/* Value of -trace: [enable=]PATTERN[,events=FILE][,file=FILE]. */
bool trace_opt_parse(const char *text, Error **errp);
/*
 * Items of a log, separated by commas: "none" switches all events off,
 * "trace:PATTERN" those on that match.  False: one is unknown, and nothing was
 * changed.
 */
bool trace_log_items(const char *items);
/* The items, for a person who named an unknown one. */
#define TRACE_LOG_ITEMS                                                        \
    "Log items (comma separated):\n"                                           \
    "none            remove all logs\n"                                        \
    "trace:PATTERN   enable trace events\n"
/* Write events to @path, which is emptied first, instead of stderr. */
bool trace_set_file(const char *path, Error **errp);
/* Call @fn for each event whose name matches the glob @pattern. */
void trace_foreach(const char *pattern,
                   void (*fn)(TraceEvent *ev, void *opaque), void *opaque);

#endif
