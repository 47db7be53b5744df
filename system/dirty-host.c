/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A dirty source for any host memory, without help from an accelerator.
 *
 * The memory is registered with userfaultfd in asynchronous write-protect mode:
 * the kernel resolves faults on protected pages by itself and only remembers
 * that the page is writable again.  One PAGEMAP_SCAN walk then reports the
 * pages written and protects them in the same step, so no write between the
 * two is lost.  Described in the kernel's pagemap.rst and userfaultfd.rst.
 *
 * Pages without an entry in the page tables are left alone: they cost no
 * memory, and show up as written once they get one (also by a first read, which
 * is the false alarm that the header mentions).
 */
#include "qemu/osdep.h"

#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "machine-internal.h"
#include "qemu/linux-mm.h"
#include "qemu/hostfeat.h"

#ifndef UFFD_FEATURE_WP_HUGETLBFS_SHMEM
#define UFFD_FEATURE_WP_HUGETLBFS_SHMEM (1 << 12)
#endif

#define SCAN_REGIONS 1024

typedef struct DirtyHost {
    Machine *machine;
    int uffd;    /* -1 while logging is off */
    int pagemap;
    struct page_region *regions;
} DirtyHost;

static bool host_open_uffd(DirtyHost *h, Error **errp)
{
    struct uffdio_api api = {
        .api = UFFD_API,
        .features = UFFD_FEATURE_WP_ASYNC | UFFD_FEATURE_WP_UNPOPULATED
                    | UFFD_FEATURE_PAGEFAULT_FLAG_WP
                    | UFFD_FEATURE_WP_HUGETLBFS_SHMEM,
    };

    h->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
    if (h->uffd < 0 && errno == EPERM) {
        /* Enough here: nobody ever waits for our answer to a fault. */
        h->uffd = syscall(SYS_userfaultfd,
                          O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
    }
    if (h->uffd < 0) {
        error_setg_errno(errp, errno, "userfaultfd");
        return false;
    }
    if (ioctl(h->uffd, UFFDIO_API, &api) < 0) {
        error_setg_errno(errp, errno, "userfaultfd has no asynchronous write "
                         "protection");
        return false;
    }
    return true;
}

static bool host_register(DirtyHost *h, RAMBlock *b, Error **errp)
{
    struct uffdio_register reg = {
        .range = { .start = (uintptr_t)b->host, .len = b->max_length },
        .mode = UFFDIO_REGISTER_MODE_WP,
    };

    if (b->flags & RAM_READONLY) {
        return true; /* nobody can write it */
    }
    if (ioctl(h->uffd, UFFDIO_REGISTER, &reg) < 0) {
        error_setg_errno(errp, errno, "userfaultfd cannot track RAM block "
                         "'%s'", b->idstr);
        return false;
    }
    return true;
}

/* Take the pages written since the last time, and protect them again. */
static bool host_scan(DirtyHost *h, RAMBlock *b, bool mark, Error **errp)
{
    uint64_t base = (uintptr_t)b->host;
    uint64_t end = base + b->used_length;
    uint64_t at = base;

    if (b->flags & RAM_READONLY) {
        return true;
    }
    while (at < end) {
        struct pm_scan_arg arg = {
            .size = sizeof(arg),
            .flags = PM_SCAN_WP_MATCHING | PM_SCAN_CHECK_WPASYNC,
            .start = at,
            .end = end,
            .vec = (uintptr_t)h->regions,
            .vec_len = SCAN_REGIONS,
            .category_mask = PAGE_IS_WRITTEN,
            .return_mask = PAGE_IS_WRITTEN,
        };
        int n = ioctl(h->pagemap, PAGEMAP_SCAN, &arg);

        if (n < 0 || arg.walk_end <= at) {
            error_setg_errno(errp, n < 0 ? errno : EIO, "scanning the pages of "
                             "RAM block '%s'", b->idstr);
            return false;
        }
        for (int i = 0; mark && i < n; i++) {
            dirty_log_mark(b, h->regions[i].start - base,
                           h->regions[i].end - h->regions[i].start);
        }
        at = arg.walk_end;
    }
    return true;
}

static void dirty_host_stop(void *opaque)
{
    DirtyHost *h = opaque;

    /* Closing it ends all registrations and lifts the protection. */
    if (h->uffd >= 0) {
        close(h->uffd);
        h->uffd = -1;
    }
    if (h->pagemap >= 0) {
        close(h->pagemap);
        h->pagemap = -1;
    }
    g_clear_pointer(&h->regions, g_free);
}

static bool dirty_host_start(void *opaque, Error **errp)
{
    DirtyHost *h = opaque;
    bool ok;

    h->regions = g_new(struct page_region, SCAN_REGIONS);
    h->pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    ok = h->pagemap >= 0;
    if (!ok) {
        error_setg_errno(errp, errno, "/proc/self/pagemap");
    }
    ok = ok && host_open_uffd(h, errp);
    for (RAMBlock *b = machine_ram_first(h->machine); ok && b; b = b->next) {
        /* What was written before does not count: only protect it. */
        ok = host_register(h, b, errp) && host_scan(h, b, false, errp);
    }
    if (!ok) {
        dirty_host_stop(h);
    }
    return ok;
}

static bool dirty_host_sync(void *opaque, Error **errp)
{
    DirtyHost *h = opaque;

    RAMBLOCK_FOREACH(h->machine, b) {
        if (!host_scan(h, b, true, errp)) {
            return false;
        }
    }
    return true;
}

/* No clear(): sync has protected what it reported. */
static const DirtySource dirty_host_source = {
    .name = "host",
    .start = dirty_host_start,
    .stop = dirty_host_stop,
    .sync = dirty_host_sync,
};

bool dirty_log_use_host_source(Machine *m, Error **errp)
{
    if (!hostfeat_has(HOSTFEAT_UFFD_WP_ASYNC)
        || !hostfeat_has(HOSTFEAT_PAGEMAP_SCAN)) {
        error_setg(errp, "cannot track writes to host memory: needs "
                   "userfaultfd with asynchronous write protection and "
                   "PAGEMAP_SCAN (Linux 6.7)");
        return false;
    }
    if (!m->dirty_host) {
        m->dirty_host = g_new0(DirtyHost, 1);
        m->dirty_host->machine = m;
        m->dirty_host->uffd = -1;
        m->dirty_host->pagemap = -1;
    }
    dirty_log_set_source(m, &dirty_host_source, m->dirty_host);
    return true;
}

void dirty_host_free(DirtyHost *h)
{
    dirty_host_stop(h);
    g_free(h);
}
