/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Errors: GError under the names QEMU people use.
 *
 * A function that can fail takes a last parameter `Error **errp` and returns
 * bool (true: success) or a pointer (NULL: failure).  @errp may be NULL when
 * the caller does not care.  The message says what was being done, to what and
 * what went wrong; it ends without a full stop or newline.
 */
#ifndef QEMU_ERROR_H
#define QEMU_ERROR_H

#include "qemu/osdep.h"

typedef GError Error;

/* The QMP error class travels in GError's code. */
typedef enum ErrorClass {
    ERROR_CLASS_GENERIC_ERROR,
    ERROR_CLASS_COMMAND_NOT_FOUND,
    ERROR_CLASS_DEVICE_NOT_FOUND,
    ERROR_CLASS_DEVICE_NOT_ACTIVE,
    ERROR_CLASS_KVM_MISSING_CAP,
} ErrorClass;

/* Domain of every Error the project makes itself. */
GQuark qemu_error_quark(void);

/* Set *@errp, which must hold no error yet, to a GenericError. */
void error_setg(Error **errp, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/* The same with ": strerror(@os_errno)" appended when @os_errno is not 0. */
void error_setg_errno(Error **errp, int os_errno, const char *fmt, ...)
    G_GNUC_PRINTF(3, 4);

/* The same with an error class of the caller's choice. */
void error_set(Error **errp, ErrorClass cls, const char *fmt, ...)
    G_GNUC_PRINTF(3, 4);

/* Put text before the message of *@errp; nothing if there is no error. */
void error_prepend(Error **errp, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/*
 * Append a hint: lines shown below the message to people (command line, HMP),
 * never part of QMP's "desc".
 */
void error_append_hint(Error **errp, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
const char *error_get_hint(const Error *err);

/* Move @src (may be NULL) to *@dst; freed when @dst is NULL or already set. */
void error_propagate(Error **dst, Error *src);

const char *error_get_pretty(const Error *err);
ErrorClass error_get_class(const Error *err);
const char *ErrorClass_str(ErrorClass cls);
Error *error_copy(const Error *err);
void error_free(Error *err); /* @err may be NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Error, error_free)

/* Print "PROG: [location: ]text" on stderr, hint lines after it. */
void error_report(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
void warn_report(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
void info_report(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
/* The same with an Error, which is freed. */
void error_report_err(Error *err);
void warn_report_err(Error *err);

/* Program name used as prefix; the last path component of @argv0. */
void error_init(const char *argv0);
const char *error_get_progname(void);
/* Prefix reports with a UTC time stamp (-msg timestamp=on). */
void error_set_timestamp(bool on);
bool error_get_timestamp(void);
/*
 * The command line option being looked at, e.g. "-m 1X"; NULL: none.
 * @text is copied.  Main thread only.
 */
void error_set_location(const char *text);

#endif
