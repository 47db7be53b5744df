/* SPDX-License-Identifier: GPL-2.0-or-later */
/* memsave and pmemsave: guest memory into a file. */
#include "qemu/osdep.h"

#include <sys/stat.h>

#include "physmem.h"
#include "qapi/qapi-commands-machine.h"
#include "qemu/fdset.h"

#define CHUNK (64 * KiB)

/* A pipe or device gets at most so many zeros for what is not there. */
#define MAX_ZEROS GiB

typedef struct DumpFile {
    const char *name;
    int fd;
    bool regular;
    uint8_t *buf; /* CHUNK bytes */
} DumpFile;

static bool dump_open(DumpFile *f, const char *name, uint64_t size,
                      Error **errp)
{
    struct stat st;

    if (size > INT64_MAX) {
        error_setg(errp, "Parameter 'size' expects a number below 2^63");
        return false;
    }
    f->fd = qemu_open(name, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK, 0666,
                      NULL);
    if (f->fd < 0) {
        error_setg_errno(errp, errno, "Could not open '%s'", name);
        return false;
    }
    f->name = name;
    f->regular = fstat(f->fd, &st) == 0 && S_ISREG(st.st_mode);
    f->buf = g_malloc(CHUNK);
    return true;
}

static bool dump_write(DumpFile *f, const void *buf, size_t len, Error **errp)
{
    const char *p = buf;

    while (len) {
        ssize_t n = write(f->fd, p, len);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            error_setg_errno(errp, errno, "Could not write to '%s'", f->name);
            return false;
        }
        p += n;
        len -= n;
    }
    return true;
}

/* @len zeros; in a regular file they take no room. */
static bool dump_skip(DumpFile *f, uint64_t len, Error **errp)
{
    if (f->regular) {
        if (lseek(f->fd, len, SEEK_CUR) < 0) {
            error_setg_errno(errp, errno, "Could not write to '%s'", f->name);
            return false;
        }
        return true;
    }
    if (len > MAX_ZEROS) {
        error_setg(errp, "Could not write to '%s': 0x%" PRIx64 " bytes without "
                   "memory, and it is no regular file", f->name, len);
        return false;
    }
    memset(f->buf, 0, CHUNK);
    while (len) {
        size_t n = MIN(len, CHUNK);

        if (!dump_write(f, f->buf, n, errp)) {
            return false;
        }
        len -= n;
    }
    return true;
}

/* A hole at the end becomes part of the file; close it. */
static bool dump_close(DumpFile *f, bool ok, Error **errp)
{
    if (ok && f->regular && ftruncate(f->fd, lseek(f->fd, 0, SEEK_CUR)) < 0) {
        error_setg_errno(errp, errno, "Could not write to '%s'", f->name);
        ok = false;
    }
    g_free(f->buf);
    if (qemu_close(f->fd) < 0 && ok) {
        error_setg_errno(errp, errno, "Could not write to '%s'", f->name);
        ok = false;
    }
    return ok;
}

bool qmp_memsave(QmpContext *ctx, uint64_t val, uint64_t size,
                 const char *filename, bool has_cpu_index, int64_t cpu_index,
                 Error **errp)
{
    Machine *m = ctx->machine;
    uint64_t va = val, left = size;
    bool ok = true;
    CPUState *cpu;
    DumpFile f;

    if (!has_cpu_index) {
        cpu_index = 0;
    }
    if (cpu_index < 0 || cpu_index >= machine_cpu_count(m)) {
        error_setg(errp, "Parameter 'cpu-index' expects a CPU number");
        return false;
    }
    cpu = machine_get_cpu(m, cpu_index);
    if (!cpu_registers_fetch(cpu, errp) ||
        !dump_open(&f, filename, size, errp)) {
        return false;
    }
    while (ok && left) {
        size_t n = MIN(left, CHUNK - va % CHUNK);

        if (!cpu_read_virtual(cpu, va, f.buf, n)) {
            error_setg(errp, "Invalid addr 0x%016" PRIx64 "/size %" PRIu64
                       " specified", val, size);
            ok = false;
        } else {
            ok = dump_write(&f, f.buf, n, errp);
        }
        va += n;
        left -= n;
    }
    return dump_close(&f, ok, errp);
}

bool qmp_pmemsave(QmpContext *ctx, uint64_t val, uint64_t size,
                  const char *filename, Error **errp)
{
    Machine *m = ctx->machine;
    uint64_t gpa = val, left = size;
    bool ok = true;
    DumpFile f;

    if (!dump_open(&f, filename, size, errp)) {
        return false;
    }
    while (ok && left) {
        uint64_t next, n;

        if (physmap_find(&m->map, gpa, &next)) {
            n = MIN(left, CHUNK - gpa % CHUNK);
            memory_read(m, gpa, f.buf, n);
            ok = dump_write(&f, f.buf, n, errp);
        } else {
            n = next > gpa ? MIN(left, next - gpa) : left;
            ok = dump_skip(&f, n, errp);
        }
        gpa += n;
        left -= n;
    }
    return dump_close(&f, ok, errp);
}
