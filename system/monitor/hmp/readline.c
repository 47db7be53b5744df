/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The line editor. */
#include "qemu/osdep.h"

#include "readline.h"

#define HISTORY_MAX 64
#define LINE_MAX_BYTES 4095
#define COMPLETIONS_MAX 256
#define SCREEN_COLUMNS 80

#define CTRL(key) ((key) - '@')
#define KEY_ESCAPE 0x1b
#define KEY_CSI 0x9b /* the one-byte form of ESC [ */
#define KEY_DELETE 0x7f

typedef enum EscapeState {
    ESCAPE_NONE,
    ESCAPE_ESC, /* ESC */
    ESCAPE_CSI, /* ESC [ */
    ESCAPE_SS3, /* ESC O */
    ESCAPE_IAC, /* telnet's command byte */
    ESCAPE_IAC_OPTION, /* and a command that has an option behind it */
    ESCAPE_IAC_SB,     /* in a subnegotiation */
    ESCAPE_IAC_SB_IAC,
} EscapeState;

/* What a telnet client sends besides keys (RFC 854); no part of UTF-8. */
#define TELNET_SE 240
#define TELNET_SB 250
#define TELNET_WILL 251
#define TELNET_DONT 254
#define TELNET_IAC 255

struct Readline {
    const char *prompt;
    const ReadlineOps *ops;
    void *opaque;

    GString *line;
    size_t cursor;
    /* What is on the screen behind the prompt. */
    GString *shown;
    size_t shown_cursor;

    EscapeState escape;
    int escape_number;

    GPtrArray *history;    /* oldest first */
    guint history_at;      /* line being looked at; history->len: the new one */
    GPtrArray *completions;
};

Readline *readline_new(const char *prompt, const ReadlineOps *ops,
                       void *opaque)
{
    Readline *rl = g_new0(Readline, 1);

    rl->prompt = prompt;
    rl->ops = ops;
    rl->opaque = opaque;
    rl->line = g_string_new(NULL);
    rl->shown = g_string_new(NULL);
    rl->history = g_ptr_array_new_with_free_func(g_free);
    rl->completions = g_ptr_array_new_with_free_func(g_free);
    return rl;
}

void readline_free(Readline *rl)
{
    if (rl) {
        g_string_free(rl->line, true);
        g_string_free(rl->shown, true);
        g_ptr_array_unref(rl->history);
        g_ptr_array_unref(rl->completions);
        g_free(rl);
    }
}

static void show(Readline *rl, const char *text)
{
    rl->ops->show(rl->opaque, text);
}

static void show_prompt(Readline *rl)
{
    show(rl, rl->prompt);
    g_string_truncate(rl->shown, 0);
    rl->shown_cursor = 0;
}

void readline_start(Readline *rl)
{
    g_string_truncate(rl->line, 0);
    rl->cursor = 0;
    rl->escape = ESCAPE_NONE;
    rl->history_at = rl->history->len;
    show_prompt(rl);
}

void readline_reset(Readline *rl)
{
    g_string_truncate(rl->line, 0);
    rl->cursor = 0;
    rl->escape = ESCAPE_NONE;
    g_ptr_array_set_size(rl->history, 0);
    rl->history_at = 0;
}

/* Bring the screen up to date: the whole line is drawn if it has changed. */
static void redraw(Readline *rl)
{
    g_autoptr(GString) out = g_string_new(NULL);

    if (!g_string_equal(rl->line, rl->shown)) {
        for (size_t i = 0; i < rl->shown_cursor; i++) {
            g_string_append(out, "\033[D");
        }
        g_string_append(out, rl->line->str);
        g_string_append(out, "\033[K");
        g_string_assign(rl->shown, rl->line->str);
        rl->shown_cursor = rl->line->len;
    }
    for (; rl->shown_cursor > rl->cursor; rl->shown_cursor--) {
        g_string_append(out, "\033[D");
    }
    for (; rl->shown_cursor < rl->cursor; rl->shown_cursor++) {
        g_string_append(out, "\033[C");
    }
    if (out->len) {
        show(rl, out->str);
    }
}

static void insert(Readline *rl, const char *text, size_t len)
{
    if (rl->line->len + len <= LINE_MAX_BYTES) {
        g_string_insert_len(rl->line, rl->cursor, text, len);
        rl->cursor += len;
    }
}

/* Delete @n characters from @start on. */
static void delete(Readline *rl, size_t start, size_t n)
{
    g_string_erase(rl->line, start, n);
    rl->cursor = start;
}

static void delete_at_cursor(Readline *rl)
{
    if (rl->cursor < rl->line->len) {
        delete(rl, rl->cursor, 1);
    }
}

static void delete_word(Readline *rl)
{
    size_t start = rl->cursor;

    while (start && rl->line->str[start - 1] == ' ') {
        start--;
    }
    while (start && rl->line->str[start - 1] != ' ') {
        start--;
    }
    delete(rl, start, rl->cursor - start);
}

/* History. */

const char *readline_get_history(Readline *rl, guint n)
{
    return n < rl->history->len ? g_ptr_array_index(rl->history, n) : NULL;
}

static void history_add(Readline *rl, const char *line)
{
    guint before;

    if (!*line) {
        return;
    }
    if (g_ptr_array_find_with_equal_func(rl->history, line, g_str_equal,
                                         &before)) {
        g_ptr_array_remove_index(rl->history, before);
    } else if (rl->history->len == HISTORY_MAX) {
        g_ptr_array_remove_index(rl->history, 0);
    }
    g_ptr_array_add(rl->history, g_strdup(line));
}

/* Show the history's line number @n; behind the last there is a new line. */
static void history_go(Readline *rl, guint n)
{
    if (n > rl->history->len) {
        return;
    }
    rl->history_at = n;
    g_string_assign(rl->line, n < rl->history->len
                                  ? g_ptr_array_index(rl->history, n)
                                  : "");
    rl->cursor = rl->line->len;
}

static void history_up(Readline *rl)
{
    if (rl->history_at) {
        history_go(rl, rl->history_at - 1);
    }
}

static void history_down(Readline *rl)
{
    if (rl->history_at < rl->history->len) {
        history_go(rl, rl->history_at + 1);
    }
}

/* Completion. */

void readline_add_completion(Readline *rl, const char *word)
{
    if (rl->completions->len < COMPLETIONS_MAX &&
        !g_ptr_array_find_with_equal_func(rl->completions, word, g_str_equal,
                                          NULL)) {
        g_ptr_array_add(rl->completions, g_strdup(word));
    }
}

static gint compare_words(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* How many bytes all completions begin with. */
static size_t common_prefix(Readline *rl)
{
    const char *first = g_ptr_array_index(rl->completions, 0);
    size_t len = strlen(first);

    for (guint i = 1; i < rl->completions->len; i++) {
        const char *word = g_ptr_array_index(rl->completions, i);
        size_t same = 0;

        while (same < len && word[same] == first[same]) {
            same++;
        }
        len = same;
    }
    return len;
}

static void show_completions(Readline *rl)
{
    g_autoptr(GString) out = g_string_new("\n");
    guint n = rl->completions->len, columns;
    size_t width = 0;

    for (guint i = 0; i < n; i++) {
        const char *word = g_ptr_array_index(rl->completions, i);

        width = MAX(width, strlen(word) + 2);
    }
    columns = width < SCREEN_COLUMNS ? SCREEN_COLUMNS / width : 1;
    for (guint i = 0; i < n; i++) {
        const char *word = g_ptr_array_index(rl->completions, i);

        g_string_append_printf(out, "%-*s", (int)width, word);
        if (i % columns == columns - 1 || i == n - 1) {
            g_string_append_c(out, '\n');
        }
    }
    show(rl, out->str);
    show_prompt(rl);
}

static void complete(Readline *rl)
{
    g_autofree char *text = g_strndup(rl->line->str, rl->cursor);
    size_t typed, prefix;
    const char *first;

    g_ptr_array_set_size(rl->completions, 0);
    typed = rl->ops->complete(rl->opaque, rl, text);
    if (!rl->completions->len) {
        return;
    }
    g_ptr_array_sort(rl->completions, compare_words);
    first = g_ptr_array_index(rl->completions, 0);
    prefix = common_prefix(rl);
    if (prefix > typed) {
        insert(rl, first + typed, prefix - typed);
    }
    if (rl->completions->len > 1) {
        show_completions(rl);
    } else if (prefix && first[prefix - 1] != '/') {
        /* A directory may go on; everything else is a whole word. */
        insert(rl, " ", 1);
    }
}

/* Keys. */

static void enter(Readline *rl)
{
    g_autofree char *line = g_strdup(rl->line->str);

    history_add(rl, line);
    show(rl, "\n");
    rl->ops->line(rl->opaque, line);
}

static void clear_screen(Readline *rl)
{
    show(rl, "\033[2J\033[1;1H");
    show_prompt(rl);
}

/* The last byte of an escape sequence. */
static void escape_end(Readline *rl, uint8_t byte)
{
    rl->escape = ESCAPE_NONE;
    switch (byte) {
    case 'A':
    case 'F':
        history_up(rl);
        break;
    case 'B':
    case 'E':
        history_down(rl);
        break;
    case 'C':
        rl->cursor = MIN(rl->cursor + 1, rl->line->len);
        break;
    case 'D':
        rl->cursor -= rl->cursor > 0;
        break;
    case '~':
        if (rl->escape_number == 1) {
            rl->cursor = 0;
        } else if (rl->escape_number == 3) {
            delete_at_cursor(rl);
        } else if (rl->escape_number == 4) {
            rl->cursor = rl->line->len;
        }
        break;
    default:
        break;
    }
}

/* A byte of a telnet command: all of them are dropped. */
static void handle_telnet(Readline *rl, uint8_t byte)
{
    switch (rl->escape) {
    case ESCAPE_IAC:
        rl->escape = byte == TELNET_SB ? ESCAPE_IAC_SB
                     : byte >= TELNET_WILL && byte <= TELNET_DONT
                         ? ESCAPE_IAC_OPTION
                         : ESCAPE_NONE;
        break;
    case ESCAPE_IAC_SB:
        rl->escape = byte == TELNET_IAC ? ESCAPE_IAC_SB_IAC : ESCAPE_IAC_SB;
        break;
    case ESCAPE_IAC_SB_IAC:
        rl->escape = byte == TELNET_SE ? ESCAPE_NONE : ESCAPE_IAC_SB;
        break;
    default:
        rl->escape = ESCAPE_NONE;
        break;
    }
}

/* A byte inside an escape sequence. */
static void handle_escape(Readline *rl, uint8_t byte)
{
    switch (rl->escape) {
    case ESCAPE_ESC:
        rl->escape_number = 0;
        rl->escape = byte == '['   ? ESCAPE_CSI
                     : byte == 'O' ? ESCAPE_SS3
                                   : ESCAPE_NONE;
        break;
    case ESCAPE_SS3:
        rl->escape = ESCAPE_NONE;
        if (byte == 'H') {
            rl->cursor = 0;
        } else if (byte == 'F') {
            rl->cursor = rl->line->len;
        }
        break;
    case ESCAPE_CSI:
    default:
        if (g_ascii_isdigit(byte)) {
            rl->escape_number = (rl->escape_number * 10 + byte - '0') % 1000;
        } else {
            escape_end(rl, byte);
        }
        break;
    }
}

static void handle_key(Readline *rl, uint8_t byte)
{
    switch (byte) {
    case CTRL('A'):
        rl->cursor = 0;
        break;
    case CTRL('D'):
        delete_at_cursor(rl);
        break;
    case CTRL('E'):
        rl->cursor = rl->line->len;
        break;
    case CTRL('I'):
        complete(rl);
        break;
    case CTRL('L'):
        clear_screen(rl);
        break;
    case CTRL('N'):
        history_down(rl);
        break;
    case CTRL('P'):
        history_up(rl);
        break;
    case CTRL('U'):
        delete(rl, 0, rl->line->len);
        break;
    case CTRL('W'):
        delete_word(rl);
        break;
    case CTRL('H'):
    case KEY_DELETE:
        if (rl->cursor) {
            delete(rl, rl->cursor - 1, 1);
        }
        break;
    case KEY_ESCAPE:
        rl->escape = ESCAPE_ESC;
        break;
    case TELNET_IAC:
        rl->escape = ESCAPE_IAC;
        break;
    case KEY_CSI:
        rl->escape_number = 0;
        rl->escape = ESCAPE_CSI;
        break;
    default:
        if (byte >= ' ') {
            insert(rl, (char *)&byte, 1);
        }
        break;
    }
}

void readline_handle_byte(Readline *rl, uint8_t byte)
{
    if (rl->escape >= ESCAPE_IAC) {
        handle_telnet(rl, byte);
    } else if (rl->escape != ESCAPE_NONE) {
        handle_escape(rl, byte);
    } else if (byte == '\n' || byte == '\r') {
        enter(rl);
        return;
    } else {
        handle_key(rl, byte);
    }
    redraw(rl);
}
