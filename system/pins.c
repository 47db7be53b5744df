/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interrupt lines with names. */
#include "qemu/osdep.h"

#include "hw/pins.h"
#include "machine-internal.h"

struct IRQPins {
    char *device;
    bool input;
    unsigned n;
    IRQ wire;
    IRQHandler *tap;
    void *tap_opaque;
};

static void pins_free(gpointer p)
{
    IRQPins *pins = p;

    g_free(pins->device);
    g_free(pins);
}

static void set_pin(void *opaque, int n, int level)
{
    IRQPins *pins = opaque;
    IRQ wire = pins->wire;

    if (pins->tap) {
        pins->tap(pins->tap_opaque, n, level);
    }
    wire.n += n;
    irq_set(wire, level);
}

IRQPins *irq_pins_new(Machine *m, const char *device, bool input, unsigned n,
                      IRQ wire)
{
    IRQPins *pins = g_new0(IRQPins, 1);

    pins->device = g_strdup(device);
    pins->input = input;
    pins->n = n;
    pins->wire = wire;
    if (!m->pins) {
        m->pins = g_ptr_array_new_with_free_func(pins_free);
    }
    g_ptr_array_add(m->pins, pins);
    return pins;
}

IRQ irq_pins_get(IRQPins *pins, unsigned i)
{
    g_assert(i < pins->n);
    return (IRQ){ set_pin, pins, i };
}

unsigned irq_pins_count(const IRQPins *pins)
{
    return pins->n;
}

static bool is_of(const IRQPins *pins, const char *path)
{
    const char *slash = strrchr(path, '/');

    return g_str_equal(pins->device, slash ? slash + 1 : path);
}

bool irq_pins_has_device(Machine *m, const char *path)
{
    return irq_pins_find(m, path, true) || irq_pins_find(m, path, false);
}

IRQPins *irq_pins_find(Machine *m, const char *path, bool input)
{
    for (guint i = 0; m->pins && i < m->pins->len; i++) {
        IRQPins *pins = g_ptr_array_index(m->pins, i);

        if (pins->input == input && is_of(pins, path)) {
            return pins;
        }
    }
    return NULL;
}

void irq_pins_tap(IRQPins *pins, IRQHandler *tap, void *opaque)
{
    pins->tap = tap;
    pins->tap_opaque = opaque;
}
