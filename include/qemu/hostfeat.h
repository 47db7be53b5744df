/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Features of the host's kernel and CPU, probed once into one table.  Each can
 * be switched off (environment QEMU_HOSTFEAT_OFF=name,name or
 * hostfeat_disable()) so that tests run the fallbacks.
 */
#ifndef QEMU_HOSTFEAT_H
#define QEMU_HOSTFEAT_H

#include "qemu/osdep.h"

typedef enum HostFeat {
    HOSTFEAT_AVX2,
    HOSTFEAT_AVX512, /* F and BW */
    HOSTFEAT_AES_GCM, /* AES-NI and PCLMULQDQ */
    HOSTFEAT_PAGEMAP_SCAN,   /* ioctl on /proc/self/pagemap, Linux 6.7 */
    HOSTFEAT_UFFD_WP_ASYNC,  /* userfaultfd asynchronous write-protect, 6.7 */
    HOSTFEAT_MADV_POPULATE,  /* MADV_POPULATE_WRITE, Linux 5.14 */
    HOSTFEAT_MSG_ZEROCOPY,   /* SO_ZEROCOPY on TCP, Linux 4.14 */
    HOSTFEAT_MEMFD,
    HOSTFEAT_UNIX_SPLICE,    /* splice(2) to a unix socket does not copy */
    HOSTFEAT__MAX,
} HostFeat;

bool hostfeat_has(HostFeat feat); /* any thread */
const char *hostfeat_name(HostFeat feat);
void hostfeat_disable(HostFeat feat); /* tests; before the feature is used */

#endif
