/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scatter-gather lists against one flat buffer. */
#include "qemu/osdep.h"

#include "qemu/iov.h"

#define MAX_ELEMS 8
#define MAX_BYTES 64

typedef struct List {
    struct iovec iov[MAX_ELEMS];
    size_t n;
    size_t size;
    uint8_t flat[MAX_BYTES]; /* what the elements are pieces of */
} List;

static void list_fill(List *l)
{
    l->n = g_test_rand_int_range(0, MAX_ELEMS + 1);
    l->size = 0;
    for (size_t i = 0; i < l->n; i++) {
        l->iov[i].iov_base = l->flat + l->size;
        l->iov[i].iov_len = g_test_rand_int_range(0, 8);
        l->size += l->iov[i].iov_len;
    }
    for (size_t i = 0; i < MAX_BYTES; i++) {
        l->flat[i] = g_test_rand_int();
    }
}

static void test_copy(void)
{
    for (int round = 0; round < 5000; round++) {
        uint8_t buf[MAX_BYTES], want[MAX_BYTES];
        List l;
        size_t offset, len, done;

        list_fill(&l);
        g_assert_cmpuint(iov_size(l.iov, l.n), ==, l.size);
        offset = g_test_rand_int_range(0, l.size + 4);
        len = g_test_rand_int_range(0, MAX_BYTES);
        done = offset < l.size ? MIN(len, l.size - offset) : 0;

        memset(buf, 0x55, sizeof(buf));
        g_assert_cmpuint(iov_to_buf(l.iov, l.n, offset, buf, len), ==, done);
        g_assert_cmpmem(buf, done, l.flat + MIN(offset, l.size), done);
        g_assert_true(done == sizeof(buf) || buf[done] == 0x55);

        memcpy(want, l.flat, sizeof(want));
        memset(want + MIN(offset, l.size), 0x77, done);
        memset(buf, 0x77, sizeof(buf));
        g_assert_cmpuint(iov_from_buf(l.iov, l.n, offset, buf, len), ==, done);
        g_assert_cmpmem(l.flat, sizeof(want), want, sizeof(want));

        memset(want + MIN(offset, l.size), 0, done);
        g_assert_cmpuint(iov_memset(l.iov, l.n, offset, 0, len), ==, done);
        g_assert_cmpmem(l.flat, sizeof(want), want, sizeof(want));
    }
}

static void test_discard(void)
{
    for (int round = 0; round < 5000; round++) {
        uint8_t rest[MAX_BYTES];
        List l;
        struct iovec *iov = l.iov;
        size_t n, bytes, left;

        list_fill(&l);
        n = l.n;
        bytes = g_test_rand_int_range(0, l.size + 4);
        left = l.size - MIN(bytes, l.size);
        iov_discard_front(&iov, &n, bytes);
        g_assert_cmpuint(iov_size(iov, n), ==, left);
        g_assert_cmpuint(iov_to_buf(iov, n, 0, rest, sizeof(rest)), ==, left);
        g_assert_cmpmem(rest, left, l.flat + l.size - left, left);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/iov/copy", test_copy);
    g_test_add_func("/iov/discard", test_discard);
    return g_test_run();
}
