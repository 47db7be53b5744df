/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A linear framebuffer: memory at a fixed guest-physical address, row by row,
 * that is the screen.  It has no registers: a boot loader tells the guest
 * where it is, as with the one that firmware leaves to an operating system.
 * Its memory is a RAM block of its own and migrates like all RAM.
 */
#include "qemu/osdep.h"

#include <pixman.h>

#include "hw/device.h"
#include "qemu/object.h"
#include "system/display.h"
#include "system/hw/framebuffer.h"

#define DEFAULT_WIDTH 640
#define DEFAULT_HEIGHT 480
#define DEFAULT_ADDR 0xd0000000
#define MAX_SIDE 8192

enum { PROP_WIDTH = 1, PROP_HEIGHT, PROP_FORMAT, PROP_ADDR };

typedef enum PixelFormat {
    PIXEL_FORMAT_XRGB8888,
    PIXEL_FORMAT_RGB565,
} PixelFormat;

static const struct {
    pixman_format_code_t code;
    unsigned bytes;
} formats[] = {
    [PIXEL_FORMAT_XRGB8888] = { PIXMAN_x8r8g8b8, 4 },
    [PIXEL_FORMAT_RGB565] = { PIXMAN_r5g6b5, 2 },
};

#define FRAMEBUFFER_TYPE (framebuffer_get_type())
G_DECLARE_FINAL_TYPE(Framebuffer, framebuffer, HW, FRAMEBUFFER, Device)

struct _Framebuffer {
    Device parent_instance;
    /* What was asked for; must be the same on the destination. */
    uint32_t width, height, format;
    uint64_t addr;
    RAMBlock *vram;
    Display display;
};

G_DEFINE_FINAL_TYPE(Framebuffer, framebuffer, DEVICE_TYPE)

static GType pixel_format_get_type(void)
{
    static const GEnumValue values[] = {
        { PIXEL_FORMAT_XRGB8888, "xrgb8888", "xrgb8888" },
        { PIXEL_FORMAT_RGB565, "rgb565", "rgb565" },
        { 0, NULL, NULL },
    };
    static gsize type;

    if (g_once_init_enter(&type)) {
        g_once_init_leave(&type,
                          g_enum_register_static("PixelFormat", values));
    }
    return type;
}

static unsigned framebuffer_stride(const Framebuffer *fb)
{
    return ROUND_UP(fb->width * formats[fb->format].bytes, 4);
}

static void framebuffer_read_row(void *opaque, unsigned y, uint8_t *rgb)
{
    Framebuffer *fb = opaque;
    unsigned stride = framebuffer_stride(fb);
    g_autofree uint32_t *row = g_new(uint32_t, fb->width);
    pixman_image_t *from = pixman_image_create_bits(
        formats[fb->format].code, fb->width, 1,
        (uint32_t *)(fb->vram->host + (size_t)y * stride), stride);
    pixman_image_t *to = pixman_image_create_bits(
        PIXMAN_x8r8g8b8, fb->width, 1, row, fb->width * sizeof(*row));

    pixman_image_composite32(PIXMAN_OP_SRC, from, NULL, to, 0, 0, 0, 0, 0, 0,
                             fb->width, 1);
    for (unsigned x = 0; x < fb->width; x++) {
        *rgb++ = row[x] >> 16;
        *rgb++ = row[x] >> 8;
        *rgb++ = row[x];
    }
    pixman_image_unref(from);
    pixman_image_unref(to);
}

static bool framebuffer_check_place(Framebuffer *fb, uint64_t size,
                                    Error **errp)
{
    if (fb->addr % TARGET_PAGE_SIZE || fb->addr + size < fb->addr) {
        error_setg(errp, "address 0x%" PRIx64 " is not the start of a page "
                   "with room for 0x%" PRIx64 " bytes", fb->addr, size);
        return false;
    }
    if (!memory_map_is_free(device_get_machine(QEMU_DEVICE(fb)), fb->addr,
                            size)) {
        error_setg(errp, "address 0x%" PRIx64 " is taken", fb->addr);
        return false;
    }
    return true;
}

static bool framebuffer_realize(Device *dev, Error **errp)
{
    Framebuffer *fb = HW_FRAMEBUFFER(dev);
    Machine *m = device_get_machine(dev);
    const char *id = device_get_id(dev);
    g_autofree char *name = g_strdup_printf("%s.vram",
                                            id ? id : "framebuffer");
    uint64_t size = ROUND_UP((uint64_t)framebuffer_stride(fb) * fb->height,
                             TARGET_PAGE_SIZE);

    if (!framebuffer_check_place(fb, size, errp)) {
        return false;
    }
    fb->vram = machine_ram_add(m, name, size, RAM_MIGRATABLE, errp);
    if (!fb->vram) {
        return false;
    }
    memory_map_ram(m, fb->addr, fb->vram, 0, size);
    fb->display = (Display){ .id = id, .width = fb->width,
                             .height = fb->height,
                             .read_row = framebuffer_read_row, .opaque = fb };
    machine_add_display(m, &fb->display);
    return true;
}

static const VMStateDescription vmstate_framebuffer = {
    .name = "framebuffer",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]){
        VMSTATE_UINT32_EQUAL(width, Framebuffer),
        VMSTATE_UINT32_EQUAL(height, Framebuffer),
        VMSTATE_UINT32_EQUAL(format, Framebuffer),
        VMSTATE_UINT64_EQUAL(addr, Framebuffer),
        VMSTATE_END_OF_LIST(),
    },
};

static void framebuffer_set_property(GObject *obj, guint id,
                                     const GValue *value, GParamSpec *spec)
{
    Framebuffer *fb = HW_FRAMEBUFFER(obj);

    switch (id) {
    case PROP_WIDTH:
        fb->width = g_value_get_uint(value);
        break;
    case PROP_HEIGHT:
        fb->height = g_value_get_uint(value);
        break;
    case PROP_FORMAT:
        fb->format = g_value_get_enum(value);
        break;
    case PROP_ADDR:
        fb->addr = g_value_get_uint64(value);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(obj, id, spec);
    }
}

static void framebuffer_get_property(GObject *obj, guint id, GValue *value,
                                     GParamSpec *spec)
{
    Framebuffer *fb = HW_FRAMEBUFFER(obj);

    switch (id) {
    case PROP_WIDTH:
        g_value_set_uint(value, fb->width);
        break;
    case PROP_HEIGHT:
        g_value_set_uint(value, fb->height);
        break;
    case PROP_FORMAT:
        g_value_set_enum(value, fb->format);
        break;
    case PROP_ADDR:
        g_value_set_uint64(value, fb->addr);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(obj, id, spec);
    }
}

static void framebuffer_class_init(FramebufferClass *klass)
{
    GObjectClass *oc = G_OBJECT_CLASS(klass);

    QEMU_DEVICE_CLASS(klass)->realize = framebuffer_realize;
    QEMU_DEVICE_CLASS(klass)->vmsd = &vmstate_framebuffer;
    oc->set_property = framebuffer_set_property;
    oc->get_property = framebuffer_get_property;
    g_object_class_install_property(oc, PROP_WIDTH,
        g_param_spec_uint("width", "width", "pixels in a row", 1, MAX_SIDE,
                          DEFAULT_WIDTH, G_PARAM_READWRITE));
    g_object_class_install_property(oc, PROP_HEIGHT,
        g_param_spec_uint("height", "height", "rows", 1, MAX_SIDE,
                          DEFAULT_HEIGHT, G_PARAM_READWRITE));
    g_object_class_install_property(oc, PROP_FORMAT,
        g_param_spec_enum("format", "format", "xrgb8888 or rgb565",
                          pixel_format_get_type(), PIXEL_FORMAT_XRGB8888,
                          G_PARAM_READWRITE));
    g_object_class_install_property(oc, PROP_ADDR,
        g_param_spec_uint64("addr", "addr", "guest-physical address", 0,
                            UINT64_MAX, DEFAULT_ADDR, G_PARAM_READWRITE));
}

static void framebuffer_init(Framebuffer *fb)
{
    fb->width = DEFAULT_WIDTH;
    fb->height = DEFAULT_HEIGHT;
    fb->addr = DEFAULT_ADDR;
}

void framebuffer_register_type(void)
{
    object_type_announce("framebuffer", "device", FRAMEBUFFER_TYPE, false,
                         false);
}
