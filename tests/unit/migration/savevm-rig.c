/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"

#include "savevm-rig.h"

static bool extra_needed(void *opaque)
{
    return ((Dev *)opaque)->extra != 0;
}

static bool dev_needed(void *opaque)
{
    return !((Dev *)opaque)->skip;
}

static bool dev_post_load(void *opaque, int version_id, Error **errp)
{
    Dev *d = opaque;

    g_assert_true(!d->machine || bql_locked(d->machine));
    if (d->value == 0xee) {
        error_setg(errp, "value 0xee is refused");
        return false;
    }
    return true;
}

static const VMStateDescription vmstate_extra = {
    .name = "widget/extra",
    .version_id = 1,
    .needed = extra_needed,
    .fields = (const VMStateField[]){
        VMSTATE_UINT16(extra, Dev),
        VMSTATE_END_OF_LIST()
    },
};

const VMStateDescription vmstate_widget = {
    .name = "widget",
    .version_id = 2,
    .minimum_version_id = 2,
    .needed = dev_needed,
    .post_load = dev_post_load,
    .fields = (const VMStateField[]){
        VMSTATE_UINT8(value, Dev),
        VMSTATE_END_OF_LIST()
    },
    .subsections = (const VMStateDescription *const[]){ &vmstate_extra, NULL },
};

#define SIMPLE(name_, pri_, early_)                                            \
    {                                                                          \
        .name = name_, .version_id = 1, .minimum_version_id = 1,               \
        .priority = pri_, .early_setup = early_,                               \
        .fields = (const VMStateField[]){                                      \
            VMSTATE_UINT8(value, Dev),                                         \
            VMSTATE_END_OF_LIST()                                              \
        },                                                                     \
    }

static const VMStateDescription vmstate_clock =
    SIMPLE("clock", MIG_PRI_TIMER, false);
static const VMStateDescription vmstate_pic =
    SIMPLE("pic", MIG_PRI_IOAPIC, false);
static const VMStateDescription vmstate_early =
    SIMPLE("early", MIG_PRI_DEFAULT, true);

static bool live_call(Live *l, const char *name, Error **errp)
{
    g_string_append_printf(l->log, "%s ", name);
    if (l->fail && !strcmp(l->fail, name)) {
        error_setg(errp, "%s failed", name);
        return false;
    }
    return true;
}

static bool live_save_setup(QEMUFile *f, void *opaque, Error **errp)
{
    qemu_put_byte(f, 0xa1);
    return live_call(opaque, "setup", errp);
}

static bool live_has_pending(void *opaque)
{
    return ((Live *)opaque)->parts > 0;
}

static int live_save_iterate(QEMUFile *f, void *opaque, Error **errp)
{
    Live *l = opaque;

    qemu_put_byte(f, 0xa2);
    if (!live_call(l, "iterate", errp)) {
        return -1;
    }
    return --l->parts == 0;
}

static bool live_save_complete(QEMUFile *f, void *opaque, Error **errp)
{
    qemu_put_byte(f, 0xa3);
    return live_call(opaque, "complete", errp);
}

static bool live_state_pending(void *opaque, bool exact, uint64_t *bytes,
                               Error **errp)
{
    *bytes = exact ? 7 : 70;
    return live_call(opaque, "pending", errp);
}

static void live_save_cleanup(void *opaque)
{
    live_call(opaque, "cleanup", NULL);
}

static bool live_load_setup(void *opaque, Error **errp)
{
    return live_call(opaque, "load-setup", errp);
}

static bool live_load_state(QEMUFile *f, void *opaque, int version_id,
                            Error **errp)
{
    Live *l = opaque;

    g_assert_cmpint(version_id, <=, 4);
    if (l->n_loaded < sizeof(l->loaded)) {
        l->loaded[l->n_loaded++] = qemu_get_byte(f);
    }
    return live_call(l, "load", errp);
}

static void live_load_cleanup(void *opaque)
{
    live_call(opaque, "load-cleanup", NULL);
}

static const SaveVMHandlers live_ops = {
    .save_setup = live_save_setup,
    .has_pending = live_has_pending,
    .save_iterate = live_save_iterate,
    .save_complete = live_save_complete,
    .state_pending = live_state_pending,
    .save_cleanup = live_save_cleanup,
    .load_setup = live_load_setup,
    .load_state = live_load_state,
    .load_cleanup = live_load_cleanup,
};

const StreamOptions default_options = {
    .send_configuration = true,
    .send_section_footer = true,
    .store_global_state = true,
    .send_switchover_start = true,
};

Rig *rig_new(void)
{
    Rig *r = g_new0(Rig, 1);
    SaveStateRegistry *reg;

    r->m = fake_machine_new("none");
    r->opt = default_options;
    r->store = true;
    r->live.log = g_string_new(NULL);
    r->widgets[0].machine = r->m;
    reg = r->m->reg;
    global_state_register(r->m, &r->store);
    g_assert_true(vmstate_register(reg, NULL, -1, &vmstate_widget,
                                   &r->widgets[0], NULL));
    g_assert_true(vmstate_register(reg, NULL, -1, &vmstate_widget,
                                   &r->widgets[1], NULL));
    g_assert_true(vmstate_register(reg, "bus", 3, &vmstate_pic, &r->pic,
                                   NULL));
    g_assert_true(vmstate_register(reg, NULL, 0, &vmstate_early, &r->early,
                                   NULL));
    g_assert_true(vmstate_register(reg, NULL, 0, &vmstate_clock, &r->clock,
                                   NULL));
    g_assert_true(savevm_register_live(reg, "live", 0, 4, &live_ops, &r->live,
                                       NULL));
    return r;
}

void rig_fill(Rig *r)
{
    r->live.parts = 2;
    r->widgets[0].value = 0x11;
    r->widgets[1].value = 0x22;
    r->widgets[1].extra = 0xabcd;
    r->pic.value = 0x33;
    r->early.value = 0x44;
    r->clock.value = 0x55;
}

void rig_free(Rig *r)
{
    fake_machine_free(r->m);
    g_string_free(r->live.log, true);
    g_free(r);
}

char *rig_save(Rig *r, GByteArray **stream)
{
    TestChannel *out;
    QEMUFile *f = test_file_output(&out);
    g_autoptr(Error) err = NULL;
    int ret = 0;
    bool ok;

    global_state_store(r->m);
    ok = savevm_save_header(f, r->m, &r->opt, &err) &&
         savevm_setup(f, r->m, &r->opt, &err);
    while (ok && ret == 0) {
        ret = savevm_iterate(f, r->m, &r->opt, &err);
        ok = ret >= 0;
    }
    if (ok && r->opt.send_switchover_start) {
        savevm_send_command(f, MIG_CMD_SWITCHOVER_START, NULL, 0);
    }
    ok = ok && savevm_complete_live(f, r->m, &r->opt, &err) &&
         savevm_complete_devices(f, r->m, &r->opt, &err);
    savevm_cleanup(r->m);
    g_assert_true(ok == !err);
    qemu_fflush(f);
    if (stream) {
        *stream = g_byte_array_ref(out->data);
    }
    qemu_file_free(f);
    return ok ? NULL : g_strdup(error_get_pretty(err));
}

char *rig_load(Rig *r, const void *data, size_t len)
{
    LoadContext ctx = { .machine = r->m, .opt = &r->opt };
    QEMUFile *f = test_file_input(data, len, NULL);
    g_autoptr(Error) err = NULL;
    bool ok = loadvm_state(f, &ctx, &err);

    g_assert_true(ok == !err);
    g_assert_false(r->m->locked);
    qemu_file_free(f);
    return ok ? NULL : g_strdup(error_get_pretty(err));
}
