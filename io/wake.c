/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One-shot signals over eventfd. */
#include "qemu/osdep.h"

#include <poll.h>
#include <sys/eventfd.h>

#include "io/wake.h"
#include "qemu/atomic.h"

void wake_init(Wake *wake)
{
    wake->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    wake->set = false;
}

void wake_destroy(Wake *wake)
{
    if (wake->fd >= 0) {
        close(wake->fd);
        wake->fd = -1;
    }
}

void wake_set(Wake *wake)
{
    uint64_t one = 1;
    ssize_t ret;

    (void)qatomic_xchg(&wake->set, true);
    if (wake->fd >= 0) {
        /* Never read, so it stays readable; it can hardly overflow. */
        ret = write(wake->fd, &one, sizeof(one));
        (void)ret;
    }
}

bool wake_is_set(Wake *wake)
{
    return qatomic_load_acquire(&wake->set);
}

bool wake_poll(Wake *wake, int fd, short events, int ms)
{
    struct pollfd fds[2] = {
        { .fd = fd, .events = events },
        { .fd = wake->fd, .events = POLLIN },
    };
    int ready;

    do {
        if (wake_is_set(wake)) {
            return false;
        }
        ready = poll(fds, 2, ms);
    } while (ready < 0 && errno == EINTR);
    return ready > 0 && !wake_is_set(wake) && fds[0].revents;
}
