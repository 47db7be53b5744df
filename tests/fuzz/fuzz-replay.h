/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What main() of a fuzz target without libFuzzer does with files. */
#ifndef TESTS_FUZZ_REPLAY_H
#define TESTS_FUZZ_REPLAY_H

#include "qemu/osdep.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* First of all: GLib's complaints are findings like any other. */
static inline void fuzz_replay_init(void)
{
    g_log_set_always_fatal(G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING |
                           G_LOG_FATAL_MASK);
}

/* Run the files that are named; returns the process's status. */
static inline int fuzz_replay_files(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        g_autofree char *data = NULL;
        gsize len;

        if (!g_file_get_contents(argv[i], &data, &len, NULL)) {
            fprintf(stderr, "cannot read %s\n", argv[i]);
            return 1;
        }
        LLVMFuzzerTestOneInput((uint8_t *)data, len);
    }
    return 0;
}

#endif
