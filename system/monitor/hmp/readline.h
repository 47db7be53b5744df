/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A line editor for terminals that understand ANSI cursor sequences: bytes
 * in, text to show and finished lines out.  Knows nothing of monitors.
 */
#ifndef MONITOR_READLINE_H
#define MONITOR_READLINE_H

#include "qemu/osdep.h"

typedef struct Readline Readline;

typedef struct ReadlineOps {
    /* Show @text. */
    void (*show)(void *opaque, const char *text);
    /* Enter was pressed.  The caller begins a new line by readline_start(). */
    void (*line)(void *opaque, const char *line);
    /*
     * Tab was pressed behind @text (from the start of the line): call
     * readline_add_completion() for each word that could stand there and
     * return how many bytes at the end of @text are the beginning of it.
     */
    size_t (*complete)(void *opaque, Readline *rl, const char *text);
} ReadlineOps;

/* @prompt, @ops and @opaque are not copied. */
Readline *readline_new(const char *prompt, const ReadlineOps *ops,
                       void *opaque);
void readline_free(Readline *rl);
/* Show the prompt and begin an empty line. */
void readline_start(Readline *rl);
/* A new person: forget the line and the history. */
void readline_reset(Readline *rl);
void readline_handle_byte(Readline *rl, uint8_t byte);
/* The line number @n of the history, 0 is the oldest; NULL behind the last. */
const char *readline_get_history(Readline *rl, guint n);
/* In ops->complete: a word; copied. */
void readline_add_completion(Readline *rl, const char *word);

#endif
