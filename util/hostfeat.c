/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the host can do.  Each feature is tried out, not derived from a kernel
 * version: distributions backport, and sandboxes forbid.
 */
#include "qemu/osdep.h"

#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "qemu/atomic.h"
#include "qemu/error.h"
#include "qemu/hostfeat.h"
#include "qemu/linux-mm.h"

static bool probe_avx2(void)
{
    return __builtin_cpu_supports("avx2");
}

static bool probe_avx512(void)
{
    return __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512bw");
}

static bool probe_aes_gcm(void)
{
    return __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
}

/* A fresh page of memory for a probe to work on; NULL if there is none. */
static void *map_probe_page(void)
{
    void *page = mmap(NULL, TARGET_PAGE_SIZE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return page == MAP_FAILED ? NULL : page;
}

static bool probe_pagemap_scan(void)
{
    void *page = map_probe_page();
    struct page_region region;
    struct pm_scan_arg arg = {
        .size = sizeof(arg),
        .start = (uintptr_t)page,
        .end = (uintptr_t)page + TARGET_PAGE_SIZE,
        .vec = (uintptr_t)&region,
        .vec_len = 1,
        .category_anyof_mask = PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
        .return_mask = PAGE_IS_PRESENT,
    };
    bool found = false;
    int fd;

    if (!page) {
        return false;
    }
    fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        found = ioctl(fd, PAGEMAP_SCAN, &arg) >= 0;
        close(fd);
    }
    munmap(page, TARGET_PAGE_SIZE);
    return found;
}

static bool probe_uffd_wp_async(void)
{
    struct uffdio_api api = {
        .api = UFFD_API,
        .features = UFFD_FEATURE_WP_ASYNC,
    };
    bool found;
    int fd;

    fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
    if (fd < 0) {
        return false;
    }
    /* Refused as a whole if it does not know the feature. */
    found = ioctl(fd, UFFDIO_API, &api) == 0;
    close(fd);
    return found;
}

static bool probe_madv_populate(void)
{
    void *page = map_probe_page();
    bool found = page && madvise(page, TARGET_PAGE_SIZE,
                                 MADV_POPULATE_WRITE) == 0;

    if (page) {
        munmap(page, TARGET_PAGE_SIZE);
    }
    return found;
}

static bool probe_msg_zerocopy(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    bool found;

    if (fd < 0) {
        fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    }
    if (fd < 0) {
        return false;
    }
    found = setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on)) == 0;
    close(fd);
    return found;
}

static bool probe_memfd(void)
{
    int fd = memfd_create("probe", MFD_CLOEXEC);

    if (fd >= 0) {
        close(fd);
    }
    return fd >= 0;
}

/* Does what is changed after it was sent arrive? */
static bool splice_refers(char *page, int pipe_in, int pipe_out, int out,
                          int in)
{
    struct iovec iov = { page, TARGET_PAGE_SIZE };
    char got = 0;

    *page = 1;
    if (vmsplice(pipe_in, &iov, 1, 0) != TARGET_PAGE_SIZE ||
        splice(pipe_out, NULL, out, NULL, TARGET_PAGE_SIZE,
               SPLICE_F_NONBLOCK) != TARGET_PAGE_SIZE) {
        return false;
    }
    *page = 2;
    return recv(in, &got, 1, MSG_DONTWAIT) == 1 && got == 2;
}

static bool probe_unix_splice(void)
{
    int fds[2], socks[2];
    char *page = map_probe_page();
    bool found = false;

    if (page && pipe2(fds, O_CLOEXEC) == 0) {
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks) == 0) {
            found = splice_refers(page, fds[1], fds[0], socks[0], socks[1]);
            close(socks[0]);
            close(socks[1]);
        }
        close(fds[0]);
        close(fds[1]);
    }
    if (page) {
        munmap(page, TARGET_PAGE_SIZE);
    }
    return found;
}

typedef enum FeatState {
    FEAT_UNKNOWN,
    FEAT_PRESENT,
    FEAT_ABSENT,
} FeatState;

static struct {
    const char *name;
    bool (*probe)(void);
    /* Relaxed: two threads that probe at once find the same. */
    FeatState state;
} features[HOSTFEAT__MAX] = {
    [HOSTFEAT_AVX2] = { "avx2", probe_avx2 },
    [HOSTFEAT_AVX512] = { "avx512", probe_avx512 },
    [HOSTFEAT_AES_GCM] = { "aes-gcm", probe_aes_gcm },
    [HOSTFEAT_PAGEMAP_SCAN] = { "pagemap-scan", probe_pagemap_scan },
    [HOSTFEAT_UFFD_WP_ASYNC] = { "uffd-wp-async", probe_uffd_wp_async },
    [HOSTFEAT_MADV_POPULATE] = { "madv-populate", probe_madv_populate },
    [HOSTFEAT_MSG_ZEROCOPY] = { "msg-zerocopy", probe_msg_zerocopy },
    [HOSTFEAT_MEMFD] = { "memfd", probe_memfd },
    [HOSTFEAT_UNIX_SPLICE] = { "unix-splice", probe_unix_splice },
};

const char *hostfeat_name(HostFeat feat)
{
    return features[feat].name;
}

void hostfeat_disable(HostFeat feat)
{
    qatomic_set(&features[feat].state, FEAT_ABSENT);
}

/* Apply QEMU_HOSTFEAT_OFF. */
static void read_environment(void)
{
    const char *off = g_getenv("QEMU_HOSTFEAT_OFF");
    g_auto(GStrv) names = g_strsplit(off ? off : "", ",", -1);

    for (char **name = names; *name; name++) {
        int feat = 0;

        if (!**name) {
            continue;
        }
        while (feat < HOSTFEAT__MAX && strcmp(features[feat].name, *name)) {
            feat++;
        }
        if (feat == HOSTFEAT__MAX) {
            warn_report("QEMU_HOSTFEAT_OFF: unknown feature '%s'", *name);
        } else {
            hostfeat_disable(feat);
        }
    }
}

bool hostfeat_has(HostFeat feat)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    FeatState state;

    pthread_once(&once, read_environment);
    state = qatomic_read(&features[feat].state);
    if (state == FEAT_UNKNOWN) {
        state = features[feat].probe() ? FEAT_PRESENT : FEAT_ABSENT;
        qatomic_set(&features[feat].state, state);
    }
    return state == FEAT_PRESENT;
}
