/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Real machines for tests of the migration engine: no CPU, RAM of a chosen
 * kind, and a "guest" that is a thread writing to it while the machine runs.
 */
#ifndef TESTS_MIGRATION_MACHINE_PAIR_H
#define TESTS_MIGRATION_MACHINE_PAIR_H

#include "migration/incoming.h"
#include "migration/outgoing.h"
#include "qapi/context.h"
#include "qemu/thread.h"
#include "system/machine.h"

typedef struct TestMachine {
    Machine *m;
    RAMBlock *ram;
    QmpContext ctx;
    int fd; /* what take_fd() gives; -1: nothing */
    QapiEventSink sink;
    QemuMutex events_lock;
    GString *events; /* "MIGRATION setup; STOP; ..." */
    int exit_status; /* what the exit handler was called with, -1 */
} TestMachine;

/* @flags: RAM_SHARED or 0.  @incoming: starts in inmigrate, autostart. */
TestMachine *test_machine_new(uint64_t ram_size, uint32_t flags,
                              bool incoming);
/* The same with another name of the block, and more (either may be NULL). */
TestMachine *test_machine_new_named(const char *ram_id, uint64_t ram_size,
                                    uint32_t flags, bool incoming,
                                    const char *uuid, bool suppress_vmdesc);
void test_machine_free(TestMachine *t);
void test_machine_start(TestMachine *t); /* let the guest run */
char *test_machine_events(TestMachine *t); /* freed by g_free() */

/* Run the main loop a little, the lock of both held (either may be NULL). */
void test_pump(TestMachine *a, TestMachine *b);
/* Until the source (destination) is in a state that ends a migration. */
MigrationStatus test_wait_source(TestMachine *src, TestMachine *dst);
MigrationStatus test_wait_destination(TestMachine *src, TestMachine *dst);

/* Start a migration over a new pair of sockets.  @caps: NULL-terminated. */
void test_migrate_socketpair(TestMachine *src, TestMachine *dst,
                             const MigrationCapability *caps, size_t n_caps);
void test_set_capability(TestMachine *t, MigrationCapability cap, bool on);
void test_set_bandwidth(TestMachine *t, uint64_t bytes_per_second);
/* error-desc of query-migrate, or NULL; freed by g_free(). */
char *test_error_desc(TestMachine *t);

/* A guest: writes whole pages, each with its own new value, while it runs. */
typedef struct TestGuest {
    TestMachine *t;
    QemuThread thread;
    QemuMutex lock;
    bool running;  /* lock */
    bool quit;     /* atomic */
    uint64_t first, n; /* pages it writes */
    uint64_t next; /* value */
    uint64_t *shadow; /* per page of RAM: the last value, guest thread */
    int pause_us;  /* between two pages */
} TestGuest;

/* Fill all of RAM: a third zero, a third text, a third random. */
void test_fill(TestMachine *t, uint32_t seed);
TestGuest *test_guest_new(TestMachine *t, uint64_t first, uint64_t n,
                          int pause_us);
void test_guest_stop(TestGuest *g); /* join; the shadow stays */
void test_guest_free(TestGuest *g);
/* Both machines hold the same bytes; else fails the test naming the page. */
void test_assert_same_ram(TestMachine *a, TestMachine *b);
/* @t holds what @g wrote last in each page it wrote. */
void test_assert_guest_ram(TestMachine *t, TestGuest *g);

#endif
