/* SPDX-License-Identifier: GPL-2.0-or-later */
/* screendump: a picture of a screen. */
#include "qemu/osdep.h"

#include "config-host.h"
#include "machine-internal.h"
#include "qapi/qapi-commands-ui.h"
#include "qemu/fdset.h"
#include "screendump-int.h"

void machine_add_display(Machine *m, const Display *display)
{
    g_ptr_array_add(m->displays, (gpointer)display);
}

const Display *machine_find_display(Machine *m, const char *id)
{
    for (guint i = 0; i < m->displays->len; i++) {
        const Display *d = g_ptr_array_index(m->displays, i);

        if (!id || g_strcmp0(id, d->id) == 0) {
            return d;
        }
    }
    return NULL;
}

/* Netpbm's ppm(5), the raw kind. */
static bool write_ppm(const Display *d, FILE *file, Error **errp)
{
    g_autofree uint8_t *row = g_malloc(3 * (size_t)d->width);

    fprintf(file, "P6\n%u %u\n255\n", d->width, d->height);
    for (unsigned y = 0; y < d->height; y++) {
        d->read_row(d->opaque, y, row);
        fwrite(row, 3, d->width, file);
    }
    return true; /* whether it was written is known when it is closed */
}

typedef bool PictureWriter(const Display *d, FILE *file, Error **errp);

static bool choose_writer(ImageFormat format, PictureWriter **write,
                          Error **errp)
{
    if (format == IMAGE_FORMAT_PPM) {
        *write = write_ppm;
        return true;
    }
#if CONFIG_PNG
    *write = screendump_png;
    return true;
#else
    error_setg(errp, "Parameter 'format' does not accept value '%s'",
               ImageFormat_str(format));
    return false;
#endif
}

static const Display *choose_display(Machine *m, const char *device,
                                     bool has_head, int64_t head,
                                     Error **errp)
{
    const Display *d = machine_find_display(m, device);

    if (has_head && !device) {
        error_setg(errp, "'head' must be specified together with 'device'");
        return NULL;
    }
    if (!d && !device) {
        error_setg(errp, "There is no console to take a screendump from");
    } else if (!d) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '%s' not found",
                  device);
    } else if (has_head && head != 0) {
        error_setg(errp, "Device '%s' does not have a head %" PRId64, device,
                   head);
        return NULL;
    }
    return d;
}

bool qmp_screendump(QmpContext *ctx, const char *filename, const char *device,
                    bool has_head, int64_t head, bool has_format,
                    ImageFormat format, Error **errp)
{
    const Display *d = choose_display(ctx->machine, device, has_head, head,
                                      errp);
    PictureWriter *write;
    bool ok, written;
    FILE *file;
    int fd, copy;

    if (!d || !choose_writer(has_format ? format : IMAGE_FORMAT_PPM, &write,
                             errp)) {
        return false;
    }
    fd = qemu_open(filename, O_WRONLY | O_CREAT | O_TRUNC, 0666, errp);
    if (fd < 0) {
        return false;
    }
    /* fclose() knows nothing of descriptor sets. */
    copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    file = copy < 0 ? NULL : fdopen(copy, "w");
    if (!file) {
        error_setg_errno(errp, errno, "Could not write to '%s'", filename);
        if (copy >= 0) {
            close(copy);
        }
        qemu_close(fd);
        return false;
    }
    ok = write(d, file, errp);
    written = !ferror(file);
    written = fclose(file) == 0 && written;
    qemu_close(fd);
    if (ok && !written) {
        error_setg(errp, "Could not write to '%s'", filename);
    }
    return ok && written;
}
