/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cuts a stream of bytes into the tokens of QMP's JSON and finds where a
 * message ends.  Builds no values.
 */
#ifndef QMP_JSON_LEXER_H
#define QMP_JSON_LEXER_H

#include "qemu/error.h"

typedef enum JsonTokenType {
    JSON_TOKEN_LBRACE,
    JSON_TOKEN_RBRACE,
    JSON_TOKEN_LBRACKET,
    JSON_TOKEN_RBRACKET,
    JSON_TOKEN_COLON,
    JSON_TOKEN_COMMA,
    JSON_TOKEN_INTEGER,
    JSON_TOKEN_FLOAT,
    JSON_TOKEN_KEYWORD,
    JSON_TOKEN_STRING, /* text includes the quotes, either kind */
} JsonTokenType;

typedef struct JsonToken {
    JsonTokenType type;
    size_t start; /* in the lexer's text */
    size_t len;
} JsonToken;

/* Limits of one message. */
#define JSON_MAX_TEXT (64 * MiB)
#define JSON_MAX_TOKENS (2 * MiB)
#define JSON_MAX_DEPTH 1024

typedef struct JsonLexer {
    int state;
    char quote;       /* of the string being read */
    bool complete;    /* the last feed() ended a message */
    int64_t braces;   /* open ones; negative: one too many was closed */
    int64_t brackets;
    GString *text;    /* of all tokens, back to back */
    GArray *tokens;   /* JsonToken */
    size_t token_start;
} JsonLexer;

void json_lexer_init(JsonLexer *lx);
void json_lexer_destroy(JsonLexer *lx);
/* Forget the tokens of the message that was just completed. */
void json_lexer_next_message(JsonLexer *lx);
/* Forget everything, as on a new connection. */
void json_lexer_reset(JsonLexer *lx);

/*
 * Read up to @len bytes of @buf, at most to the end of a message; returns how
 * many.  lx->complete tells whether a message is complete in lx->tokens.
 * On a lexical error *@errp is set and the broken message's tokens are gone.
 */
size_t json_lexer_feed(JsonLexer *lx, const char *buf, size_t len,
                       Error **errp);

#endif
