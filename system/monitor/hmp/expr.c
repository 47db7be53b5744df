/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Integer expressions of HMP arguments, by recursive descent. */
#include "qemu/osdep.h"

#include "expr.h"

/* Deeper nesting of parentheses and signs is nobody's intention. */
#define EXPR_DEPTH 64

typedef struct Expr {
    const char *p;
    int depth;
} Expr;

static bool parse_sum(Expr *e, uint64_t *value, Error **errp);

static char next(Expr *e)
{
    while (g_ascii_isspace(*e->p)) {
        e->p++;
    }
    return *e->p;
}

static bool parse_char_constant(Expr *e, uint64_t *value, Error **errp)
{
    if (!e->p[1]) {
        error_setg(errp, "character constant expected");
        return false;
    }
    if (e->p[2] != '\'') {
        error_setg(errp, "missing terminating \' character");
        return false;
    }
    *value = (unsigned char)e->p[1];
    e->p += 3;
    return true;
}

static bool parse_number(Expr *e, uint64_t *value, Error **errp)
{
    char *end;

    /* strtoull() would take signs and blanks of its own. */
    if (!g_ascii_isdigit(*e->p)) {
        error_setg(errp, "invalid char '%c' in expression", *e->p);
        return false;
    }
    errno = 0;
    *value = strtoull(e->p, &end, 0);
    if (errno == ERANGE) {
        error_setg(errp, "number too large");
        return false;
    }
    e->p = end;
    return true;
}

static bool parse_unary(Expr *e, uint64_t *value, Error **errp)
{
    char c = next(e);
    bool ok;

    switch (c) {
    case '\0':
        error_setg(errp, "unexpected end of expression");
        return false;
    case '$':
        /* No register can be named: machines give the monitor none. */
        error_setg(errp, "unknown register");
        return false;
    case '\'':
        return parse_char_constant(e, value, errp);
    case '+':
    case '-':
    case '~':
    case '(':
        break;
    default:
        return parse_number(e, value, errp);
    }

    if (e->depth == EXPR_DEPTH) {
        error_setg(errp, "expression too deeply nested");
        return false;
    }
    e->depth++;
    e->p++;
    ok = c == '(' ? parse_sum(e, value, errp) : parse_unary(e, value, errp);
    e->depth--;
    if (!ok) {
        return false;
    }
    if (c == '(') {
        if (next(e) != ')') {
            error_setg(errp, "')' expected");
            return false;
        }
        e->p++;
    } else if (c == '-') {
        *value = -*value;
    } else if (c == '~') {
        *value = ~*value;
    }
    return true;
}

static bool parse_product(Expr *e, uint64_t *value, Error **errp)
{
    uint64_t right;
    char op;

    if (!parse_unary(e, value, errp)) {
        return false;
    }
    while ((op = next(e)) && strchr("*/%", op)) {
        e->p++;
        if (!parse_unary(e, &right, errp)) {
            return false;
        }
        if (op == '*') {
            *value *= right;
        } else if (!right) {
            error_setg(errp, "division by zero");
            return false;
        } else {
            *value = op == '/' ? *value / right : *value % right;
        }
    }
    return true;
}

static bool parse_logic(Expr *e, uint64_t *value, Error **errp)
{
    uint64_t right;
    char op;

    if (!parse_product(e, value, errp)) {
        return false;
    }
    while ((op = next(e)) && strchr("&|^", op)) {
        e->p++;
        if (!parse_product(e, &right, errp)) {
            return false;
        }
        *value = op == '&'   ? *value & right
                 : op == '|' ? *value | right
                             : *value ^ right;
    }
    return true;
}

static bool parse_sum(Expr *e, uint64_t *value, Error **errp)
{
    uint64_t right;
    char op;

    if (!parse_logic(e, value, errp)) {
        return false;
    }
    while ((op = next(e)) && strchr("+-", op)) {
        e->p++;
        if (!parse_logic(e, &right, errp)) {
            return false;
        }
        *value = op == '+' ? *value + right : *value - right;
    }
    return true;
}

bool hmp_parse_expr(const char **p, int64_t *value, Error **errp)
{
    Expr e = { .p = *p };
    uint64_t result;

    if (!parse_sum(&e, &result, errp)) {
        return false;
    }
    next(&e);
    *p = e.p;
    *value = result;
    return true;
}
