/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loader of boot sector images. */
#include "qemu/osdep.h"

#include "system/hw/boot-image.h"

#include "system/cpu-x86.h"
#include "system/runstate.h"

#define SECTOR_SIZE 512
#define SIGNATURE_OFFSET 510
#define LINUX_MAGIC_OFFSET 0x202 /* Linux boot protocol 2.00 and later */
#define FIRST_HARD_DISK 0x80

#define BOOT_IMAGE_TYPE (boot_image_get_type())
G_DECLARE_FINAL_TYPE(BootImage, boot_image, HW, BOOT_IMAGE, Device)

struct _BootImage {
    Device parent_instance;
    char *data; /* NULL: nothing to boot */
    size_t len;
};

G_DEFINE_TYPE(BootImage, boot_image, DEVICE_TYPE)

bool boot_image_check(const uint8_t *data, size_t len, const char *path,
                      Error **errp)
{
    const size_t max = BOOT_IMAGE_END - BOOT_IMAGE_ADDR;

    if (len >= 4 && memcmp(data, "\177ELF", 4) == 0) {
        error_setg(errp,
                   "kernel file '%s' is an ELF file; only raw boot sector "
                   "images can be booted",
                   path);
        return false;
    }
    if (len >= LINUX_MAGIC_OFFSET + 4 &&
        memcmp(data + LINUX_MAGIC_OFFSET, "HdrS", 4) == 0) {
        error_setg(errp,
                   "kernel file '%s' is a Linux kernel (bzImage); only raw "
                   "boot sector images can be booted",
                   path);
        return false;
    }
    if (len < SECTOR_SIZE || data[SIGNATURE_OFFSET] != 0x55 ||
        data[SIGNATURE_OFFSET + 1] != 0xaa) {
        error_setg(errp,
                   "kernel file '%s' is not a boot sector image: no "
                   "signature 55 aa at byte %d",
                   path, SIGNATURE_OFFSET);
        return false;
    }
    if (len > max) {
        error_setg(errp,
                   "kernel file '%s' is too large: %zu bytes (limit %zu)",
                   path, len, max);
        return false;
    }
    return true;
}

static bool read_image(BootImage *b, const char *path, Error **errp)
{
    g_autoptr(GError) err = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        /* The odd prefix is what programs that start stock QEMU know. */
        error_setg_errno(errp, errno, "could not open kernel file '%s'",
                         path);
        return false;
    }
    close(fd);
    if (!g_file_get_contents(path, &b->data, &b->len, &err)) {
        error_setg(errp, "could not read kernel file '%s': %s", path,
                   err->message);
        return false;
    }
    return true;
}

/* After the processors' own reset. */
static void boot_image_reset(Device *dev)
{
    BootImage *b = HW_BOOT_IMAGE(dev);
    Machine *m = device_get_machine(dev);
    CPUState *cpu;

    if (runstate_get(m) == RUN_STATE_INMIGRATE) {
        return;
    }
    if (b->data) {
        memory_write(m, BOOT_IMAGE_ADDR, b->data, b->len);
    }
    if (machine_cpu_count(m) == 0) {
        return;
    }
    cpu = machine_get_cpu(m, 0);
    if (b->data) {
        cpu_x86_set_real_mode_entry(cpu->env, 0, BOOT_IMAGE_ADDR,
                                    FIRST_HARD_DISK);
    } else {
        cpu->env->halted = 1;
        cpu->env->mp_state = MP_STATE_HALTED;
    }
}

static void boot_image_finalize(GObject *obj)
{
    g_free(HW_BOOT_IMAGE(obj)->data);
    G_OBJECT_CLASS(boot_image_parent_class)->finalize(obj);
}

static void boot_image_class_init(BootImageClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = boot_image_finalize;
    QEMU_DEVICE_CLASS(klass)->reset = boot_image_reset;
}

static void boot_image_init(BootImage *b)
{
}

bool boot_image_create(Machine *m, const char *path, Error **errp)
{
    g_autoptr(BootImage) b = g_object_new(BOOT_IMAGE_TYPE, NULL);

    if (path) {
        if (!read_image(b, path, errp) ||
            !boot_image_check((const uint8_t *)b->data, b->len, path, errp)) {
            return false;
        }
        if (machine_get_ram_size(m) < BOOT_IMAGE_ADDR + b->len) {
            error_setg(errp,
                       "kernel file '%s' of %zu bytes does not fit into "
                       "%" PRIu64 " bytes of RAM at 0x%x",
                       path, b->len, machine_get_ram_size(m), BOOT_IMAGE_ADDR);
            return false;
        }
    }
    return device_realize(QEMU_DEVICE(g_steal_pointer(&b)), m, 0, errp);
}
