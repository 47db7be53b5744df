/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qtest commands about interrupt lines. */
#include "qemu/osdep.h"

#include "qtest-internal.h"

void qtest_irqs_reset(QtestIrqs *irqs)
{
    memset(irqs->levels, 0, sizeof(irqs->levels));
}

void qtest_irqs_release(QtestIrqs *irqs)
{
    if (irqs->pins) {
        irq_pins_tap(irqs->pins, NULL, NULL);
        irqs->pins = NULL;
    }
}

/* A tap: only changes are told. */
static void level_set(void *opaque, int n, int level)
{
    QtestIrqs *irqs = opaque;

    if (n < QTEST_MAX_IRQS && irqs->levels[n] != !!level) {
        g_autofree char *line = g_strdup_printf(
            "IRQ %s %d", level ? "raise" : "lower", n);

        irqs->levels[n] = !!level;
        irqs->report(irqs->opaque, line);
    }
}

static void intercept(QtestArgs *a, bool input)
{
    IRQPins *pins;

    if (!qtest_arg_count(a, 2, 3)) {
        return;
    }
    if (!irq_pins_has_device(a->machine, a->words[1])) {
        qtest_fail(a, "Unknown device");
        return;
    }
    if (input && a->n > 2) {
        qtest_fail(a, "Interception of named in-GPIOs not yet supported");
        return;
    }
    /* No device has groups of pins with names of their own. */
    pins = a->n > 2 ? NULL
                    : irq_pins_find(a->machine, a->words[1], input);
    if (a->irqs->pins && a->irqs->pins != pins) {
        qtest_fail(a, "IRQ intercept already enabled");
    } else if (!pins) {
        qtest_fail(a, "No intercepts installed");
    } else {
        a->irqs->pins = pins;
        irq_pins_tap(pins, level_set, a->irqs);
        g_string_append(a->reply, "OK");
    }
}

void qtest_cmd_intercept_in(QtestArgs *a)
{
    intercept(a, true);
}

void qtest_cmd_intercept_out(QtestArgs *a)
{
    intercept(a, false);
}

void qtest_cmd_set_irq_in(QtestArgs *a)
{
    uint64_t n, level;
    IRQPins *pins;

    if (!qtest_arg_count(a, 5, 5)) {
        return;
    }
    if (!irq_pins_has_device(a->machine, a->words[1])) {
        qtest_fail(a, "Unknown device");
        return;
    }
    pins = irq_pins_find(a->machine, a->words[1], true);
    if (!pins || strcmp(a->words[2], "unnamed-gpio-in") != 0) {
        qtest_fail(a, "Unknown GPIO '%s'", a->words[2]);
        return;
    }
    if (!qtest_arg_u64(a, 3, &n) || !qtest_arg_u64(a, 4, &level)) {
        return;
    }
    if (n >= irq_pins_count(pins)) {
        qtest_fail(a, "Unknown GPIO '%s'", a->words[3]);
        return;
    }
    irq_set(irq_pins_get(pins, n), level != 0);
    g_string_append(a->reply, "OK");
}
