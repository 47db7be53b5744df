/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The qtest commands, and finding the one that a line means. */
#include "qemu/osdep.h"

#include "qemu/cutils.h"
#include "qtest-internal.h"
#include "system/accel.h"
#include "system/vclock.h"

/* ---- arguments ---- */

void qtest_fail(QtestArgs *a, const char *fmt, ...)
{
    va_list ap;

    g_string_append(a->reply, "FAIL ");
    va_start(ap, fmt);
    g_string_append_vprintf(a->reply, fmt, ap);
    va_end(ap);
}

bool qtest_arg_count(QtestArgs *a, unsigned min, unsigned max)
{
    if (a->n < min || a->n > max) {
        qtest_fail(a, "Command '%s' has %u words, expected %u%s", a->words[0],
                   a->n, a->n < min ? min : max,
                   min == max ? "" : a->n < min ? " at least" : " at most");
        return false;
    }
    return true;
}

bool qtest_arg_u64(QtestArgs *a, unsigned i, uint64_t *out)
{
    int64_t negative;

    if (qemu_parse_u64(a->words[i], out)) {
        return true;
    }
    if (qemu_parse_i64(a->words[i], &negative)) {
        *out = (uint64_t)negative;
        return true;
    }
    qtest_fail(a, "Invalid number '%s'", a->words[i]);
    return false;
}

bool qtest_arg_range(QtestArgs *a, unsigned i, uint64_t max, uint64_t *addr,
                     uint64_t *len)
{
    if (!qtest_arg_u64(a, i, addr) || !qtest_arg_u64(a, i + 1, len)) {
        return false;
    }
    if (*len > max || *addr + *len < *addr) {
        qtest_fail(a, "Invalid length '%s'", a->words[i + 1]);
        return false;
    }
    return true;
}

/* Bytes that the last letter of a command stands for. */
static unsigned letter_size(const char *word)
{
    switch (word[strlen(word) - 1]) {
    case 'b':
        return 1;
    case 'w':
        return 2;
    case 'l':
        return 4;
    default:
        return 8;
    }
}

/* ---- numbers in memory and ports ---- */

static void cmd_endianness(QtestArgs *a)
{
    g_string_append(a->reply, "OK little");
}

static void cmd_read_number(QtestArgs *a)
{
    uint64_t addr;

    if (qtest_arg_count(a, 2, 2) && qtest_arg_u64(a, 1, &addr)) {
        g_string_append_printf(a->reply, "OK 0x%016" PRIx64,
                               memory_load(a->machine, addr,
                                           letter_size(a->words[0])));
    }
}

static void cmd_write_number(QtestArgs *a)
{
    uint64_t addr, val;

    if (qtest_arg_count(a, 3, 3) && qtest_arg_u64(a, 1, &addr)
        && qtest_arg_u64(a, 2, &val)) {
        memory_store(a->machine, addr, val, letter_size(a->words[0]));
        g_string_append(a->reply, "OK");
    }
}

static bool arg_port(QtestArgs *a, uint16_t *port)
{
    uint64_t val;

    if (!qtest_arg_u64(a, 1, &val)) {
        return false;
    }
    if (val > UINT16_MAX) {
        qtest_fail(a, "Port '%s' is above 0xffff", a->words[1]);
        return false;
    }
    *port = val;
    return true;
}

static void cmd_in(QtestArgs *a)
{
    uint16_t port;

    if (qtest_arg_count(a, 2, 2) && arg_port(a, &port)) {
        g_string_append_printf(a->reply, "OK 0x%04" PRIx32,
                               ioport_in(a->machine, port,
                                         letter_size(a->words[0])));
    }
}

static void cmd_out(QtestArgs *a)
{
    uint16_t port;
    uint64_t val;

    if (qtest_arg_count(a, 3, 3) && arg_port(a, &port)
        && qtest_arg_u64(a, 2, &val)) {
        ioport_out(a->machine, port, val, letter_size(a->words[0]));
        g_string_append(a->reply, "OK");
    }
}

/* ---- the clock ---- */

static void reply_clock(QtestArgs *a)
{
    g_string_append_printf(a->reply, "OK %" PRId64, vclock_get_ns(a->machine));
}

static void cmd_clock_step(QtestArgs *a)
{
    int64_t now = vclock_get_ns(a->machine);
    uint64_t step;
    int64_t to;

    if (!qtest_arg_count(a, 1, 2)) {
        return;
    }
    if (a->n == 1) {
        to = vclock_next_deadline(a->machine);
        if (to < 0) {
            qtest_fail(a, "cannot advance clock to the next deadline because "
                       "there is no pending deadline");
            return;
        }
    } else if (!qtest_arg_u64(a, 1, &step)) {
        return;
    } else if (step > INT64_MAX - (uint64_t)now) {
        qtest_fail(a, "could not advance time");
        return;
    } else {
        to = now + step;
    }
    vclock_set_ns(a->machine, to);
    if (vclock_get_ns(a->machine) == now) {
        qtest_fail(a, "could not advance time");
        return;
    }
    reply_clock(a);
}

static void cmd_clock_set(QtestArgs *a)
{
    uint64_t to;

    if (!qtest_arg_count(a, 2, 2) || !qtest_arg_u64(a, 1, &to)) {
        return;
    }
    if (to > INT64_MAX || !vclock_set_ns(a->machine, to)) {
        qtest_fail(a, "%" PRId64, vclock_get_ns(a->machine));
        return;
    }
    reply_clock(a);
}

/* ---- the rest ---- */

static void cmd_module_load(QtestArgs *a)
{
    /* Nothing is loadable, so nothing is missing. */
    if (qtest_arg_count(a, 3, 3)) {
        g_string_append(a->reply, "OK");
    }
}

/* ---- */

typedef struct QtestCommand {
    const char *name;
    void (*fn)(QtestArgs *a);
    bool needs_manual_clock; /* unknown with other accelerators than qtest */
} QtestCommand;

static const QtestCommand commands[] = {
    { "read", qtest_cmd_read, false }, /* by far the most frequent */
    { "readb", cmd_read_number, false },
    { "readw", cmd_read_number, false },
    { "readl", cmd_read_number, false },
    { "readq", cmd_read_number, false },
    { "write", qtest_cmd_write, false },
    { "writeb", cmd_write_number, false },
    { "writew", cmd_write_number, false },
    { "writel", cmd_write_number, false },
    { "writeq", cmd_write_number, false },
    { "b64read", qtest_cmd_b64read, false },
    { "b64write", qtest_cmd_b64write, false },
    { "memset", qtest_cmd_memset, false },
    { "inb", cmd_in, false },
    { "inw", cmd_in, false },
    { "inl", cmd_in, false },
    { "outb", cmd_out, false },
    { "outw", cmd_out, false },
    { "outl", cmd_out, false },
    { "endianness", cmd_endianness, false },
    { "clock_step", cmd_clock_step, true },
    { "clock_set", cmd_clock_set, true },
    { "irq_intercept_in", qtest_cmd_intercept_in, false },
    { "irq_intercept_out", qtest_cmd_intercept_out, false },
    { "set_irq_in", qtest_cmd_set_irq_in, false },
    { "module_load", cmd_module_load, false },
};

static bool is_qtest_accel(Machine *m)
{
    Accel *accel = machine_get_accel(m);

    return accel
           && strcmp(((AccelClass *)G_OBJECT_GET_CLASS(accel))->name, "qtest")
              == 0;
}

static const QtestCommand *find_command(Machine *m, const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return commands[i].needs_manual_clock && !is_qtest_accel(m)
                   ? NULL : &commands[i];
        }
    }
    return NULL;
}

void qtest_process_line(Machine *m, QtestIrqs *irqs, const char *line,
                        GString *reply)
{
    g_auto(GStrv) words = g_strsplit(line, " ", -1);
    QtestArgs a = {
        .machine = m,
        .irqs = irqs,
        .words = words,
        .n = g_strv_length(words),
        .reply = reply,
    };
    const QtestCommand *cmd = find_command(m, a.n ? words[0] : "");

    if (cmd) {
        cmd->fn(&a);
    } else {
        qtest_fail(&a, "Unknown command '%s'", a.n ? words[0] : "");
    }
}
