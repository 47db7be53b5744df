/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tokens of QMP's JSON: RFC 8259, with strings in single quotes too.
 *
 * A message ends where all braces and brackets are closed, or where more were
 * closed than opened.  They are counted, not matched: whether they pair up is
 * for the parser to find, which gets whole messages only.
 */
#include "qemu/osdep.h"

#include "json-lexer.h"

enum {
    LEX_START,
    LEX_RECOVERY, /* after an error: skip what belongs to the broken token */
    LEX_KEYWORD,
    LEX_STRING,
    LEX_STRING_ESCAPE,
    LEX_NEG,      /* "-" */
    LEX_ZERO,     /* "0" or "-0" */
    LEX_DIGITS,
    LEX_POINT,    /* "1." */
    LEX_FRACTION,
    LEX_EXP,      /* "1e" */
    LEX_EXP_SIGN, /* "1e+" */
    LEX_EXP_DIGITS,
};

/* How much of a bad token an error quotes. */
#define STRAY_SHOWN 1024

void json_lexer_init(JsonLexer *lx)
{
    *lx = (JsonLexer){ .state = LEX_START };
    lx->text = g_string_new(NULL);
    lx->tokens = g_array_new(false, false, sizeof(JsonToken));
}

void json_lexer_destroy(JsonLexer *lx)
{
    g_string_free(lx->text, true);
    g_array_unref(lx->tokens);
}

void json_lexer_next_message(JsonLexer *lx)
{
    lx->braces = 0;
    lx->brackets = 0;
    lx->complete = false;
    /* A huge message's memory is not kept for the small ones after it. */
    if (lx->text->allocated_len > MiB) {
        g_string_free(lx->text, true);
        lx->text = g_string_new(NULL);
    }
    if (lx->tokens->len > MiB / sizeof(JsonToken)) {
        g_array_unref(lx->tokens);
        lx->tokens = g_array_new(false, false, sizeof(JsonToken));
    }
    g_string_truncate(lx->text, 0);
    g_array_set_size(lx->tokens, 0);
    lx->token_start = 0;
}

void json_lexer_reset(JsonLexer *lx)
{
    json_lexer_next_message(lx);
    lx->state = LEX_START;
}

/* Give up the message; the rest of the token at fault is skipped. */
static void lexer_fail(JsonLexer *lx)
{
    json_lexer_next_message(lx);
    lx->state = LEX_RECOVERY;
}

static void lexer_stray(JsonLexer *lx, Error **errp)
{
    size_t len = lx->text->len - lx->token_start;

    error_setg(errp, "JSON parse error, stray '%.*s'",
               (int)MIN(len, STRAY_SHOWN), lx->text->str + lx->token_start);
    lexer_fail(lx);
}

/* The text from token_start on is a token. */
static bool lexer_token(JsonLexer *lx, JsonTokenType type, Error **errp)
{
    JsonToken token = {
        .type = type,
        .start = lx->token_start,
        .len = lx->text->len - lx->token_start,
    };

    lx->state = LEX_START;
    g_array_append_val(lx->tokens, token);
    lx->token_start = lx->text->len;
    lx->braces += (type == JSON_TOKEN_LBRACE) - (type == JSON_TOKEN_RBRACE);
    lx->brackets +=
        (type == JSON_TOKEN_LBRACKET) - (type == JSON_TOKEN_RBRACKET);

    if (lx->tokens->len > JSON_MAX_TOKENS) {
        error_setg(errp, "JSON token count limit exceeded");
        lexer_fail(lx);
        return false;
    }
    if (lx->braces + lx->brackets > JSON_MAX_DEPTH) {
        error_setg(errp, "JSON nesting depth limit exceeded");
        /* The token itself was fine: go on with the next. */
        json_lexer_reset(lx);
        return false;
    }
    lx->complete = lx->braces < 0 || lx->brackets < 0 ||
                   (!lx->braces && !lx->brackets);
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The state after @c in the middle of a number; -1: @c is not part of it. */
static int number_state(int state, char c)
{
    bool exp = c == 'e' || c == 'E';

    switch (state) {
    case LEX_NEG:
        return c == '0' ? LEX_ZERO : is_digit(c) ? LEX_DIGITS : -1;
    case LEX_DIGITS:
        if (is_digit(c)) {
            return LEX_DIGITS;
        }
        G_GNUC_FALLTHROUGH;
    case LEX_ZERO:
        return c == '.' ? LEX_POINT : exp ? LEX_EXP : -1;
    case LEX_POINT:
        return is_digit(c) ? LEX_FRACTION : -1;
    case LEX_FRACTION:
        return is_digit(c) ? LEX_FRACTION : exp ? LEX_EXP : -1;
    case LEX_EXP:
        if (c == '+' || c == '-') {
            return LEX_EXP_SIGN;
        }
        G_GNUC_FALLTHROUGH;
    case LEX_EXP_SIGN:
    default:
        return is_digit(c) ? LEX_EXP_DIGITS : -1;
    }
}

/* May a number end in @state, when @c follows? */
static bool number_complete(int state, char c)
{
    switch (state) {
    case LEX_ZERO:
        return !is_digit(c);
    case LEX_DIGITS:
    case LEX_FRACTION:
    case LEX_EXP_DIGITS:
        return true;
    default:
        return false;
    }
}

/* The first byte of a token.  False: error. */
static bool lexer_begin(JsonLexer *lx, char c, Error **errp)
{
    static const char structural[] = "{}[]:,";
    const char *found;

    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
        return true;
    }
    g_string_append_c(lx->text, c);
    found = c ? strchr(structural, c) : NULL;
    if (found) {
        return lexer_token(lx, found - structural, errp);
    }
    if (c == '"' || c == '\'') {
        lx->quote = c;
        lx->state = LEX_STRING;
    } else if (c == '-') {
        lx->state = LEX_NEG;
    } else if (c == '0') {
        lx->state = LEX_ZERO;
    } else if (is_digit(c)) {
        lx->state = LEX_DIGITS;
    } else if (c >= 'a' && c <= 'z') {
        lx->state = LEX_KEYWORD;
    } else {
        lexer_stray(lx, errp);
        return false;
    }
    return true;
}

static bool lexer_in_string(JsonLexer *lx, char c, Error **errp)
{
    g_string_append_c(lx->text, c);
    if ((unsigned char)c < 0x20) {
        lexer_stray(lx, errp);
        return false;
    }
    if (lx->state == LEX_STRING_ESCAPE) {
        lx->state = LEX_STRING;
    } else if (c == '\\') {
        lx->state = LEX_STRING_ESCAPE;
    } else if (c == lx->quote) {
        return lexer_token(lx, JSON_TOKEN_STRING, errp);
    }
    return true;
}

/*
 * A byte inside or after a number or keyword.  *@used: it was part of it or
 * of an error; otherwise it begins the next token.
 */
static bool lexer_in_scalar(JsonLexer *lx, char c, bool *used, Error **errp)
{
    bool is_float = lx->state == LEX_FRACTION || lx->state == LEX_EXP_DIGITS;
    int next;

    *used = true;
    if (lx->state == LEX_KEYWORD) {
        if (c >= 'a' && c <= 'z') {
            g_string_append_c(lx->text, c);
            return true;
        }
        *used = false;
        return lexer_token(lx, JSON_TOKEN_KEYWORD, errp);
    }
    next = number_state(lx->state, c);
    if (next >= 0) {
        g_string_append_c(lx->text, c);
        lx->state = next;
        return true;
    }
    if (number_complete(lx->state, c)) {
        *used = false;
        return lexer_token(lx,
                           is_float ? JSON_TOKEN_FLOAT : JSON_TOKEN_INTEGER,
                           errp);
    }
    g_string_append_c(lx->text, c);
    lexer_stray(lx, errp);
    return false;
}

/* After an error: does @c begin something new? */
static bool ends_recovery(char c)
{
    return (unsigned char)c < 0x20 || strchr("{}[]:,", c);
}

size_t json_lexer_feed(JsonLexer *lx, const char *buf, size_t len,
                       Error **errp)
{
    size_t i = 0;

    while (i < len && !lx->complete) {
        bool used = true, ok = true;

        switch (lx->state) {
        case LEX_RECOVERY:
            if (ends_recovery(buf[i])) {
                lx->state = LEX_START;
                used = false;
            }
            break;
        case LEX_START:
            ok = lexer_begin(lx, buf[i], errp);
            break;
        case LEX_STRING:
        case LEX_STRING_ESCAPE:
            ok = lexer_in_string(lx, buf[i], errp);
            break;
        default:
            ok = lexer_in_scalar(lx, buf[i], &used, errp);
            break;
        }
        i += used;
        if (!ok) {
            return i;
        }
        if (lx->text->len > JSON_MAX_TEXT) {
            error_setg(errp, "JSON token size limit exceeded");
            lexer_fail(lx);
            return i;
        }
    }
    return i;
}
