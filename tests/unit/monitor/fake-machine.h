/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * As much of a machine as the monitor needs, and QMP clients for it, all in
 * one thread: clients run the main loop while they wait for an answer.
 */
#ifndef MONITOR_TEST_FAKE_MACHINE_H
#define MONITOR_TEST_FAKE_MACHINE_H

#include "system/machine.h"
#include "system/monitor.h"

struct Machine {
    QapiEventSink *sink;
    YankRegistry *yank;
    bool running;
    int quits; /* shutdown requests handled */
    bool quit_requested;
};

typedef struct Fixture {
    Machine machine;
    QmpCommandList *cmds; /* control, yank, trace, introspect */
    ChardevContainer *chardevs;
    MonitorHub *hub;
    char *dir;
} Fixture;

Fixture *fixture_new(void);
void fixture_free(Fixture *f);
/* A listening monitor under the chardev label @label. */
void fixture_add_monitor(Fixture *f, const char *label, bool control,
                         bool pretty);

typedef struct Client {
    int fd;
    GString *input;
} Client;

Client *client_new(Fixture *f, const char *label);
void client_free(Client *c);
void client_send(Client *c, const char *text);
void client_send_fd(Client *c, const char *text, int fd);
/* The next line, without CR LF, the main loop running; freed by g_free(). */
char *client_line(Client *c);
/* The same without the main loop: only other threads can answer. */
char *client_line_blocking(Client *c);
/* The next line must be @want. */
void client_expect(Client *c, const char *want);
/* Greeting and negotiation. */
void client_negotiate(Client *c, bool oob);
/* Input up to and including @end, with the main loop; freed by g_free(). */
char *client_until(Client *c, const char *end);

#endif
