/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Integer expressions of HMP arguments. */
#ifndef HMP_EXPR_H
#define HMP_EXPR_H

#include "qemu/error.h"

/*
 * Evaluate the expression at *@p, in C's syntax and wrapping at 64 bits:
 * decimal, 0x, leading 0 and 'c' constants, unary + - ~, parentheses, and
 * * / % + - & | ^.  *@p is left at the first byte that does not belong to it.
 */
bool hmp_parse_expr(const char **p, int64_t *value, Error **errp);

#endif
