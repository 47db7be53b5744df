/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A migration page by page, in simulated time: a guest that writes, a log, a
 * sender that works like the migration thread, and the estimate told of it.
 */
#ifndef TESTS_MIGRATION_FORECAST_SIM_H
#define TESTS_MIGRATION_FORECAST_SIM_H

#include "migration/estimate.h"

typedef enum SimPattern {
    SIM_RANDOM, /* any page of the working set */
    SIM_SWEEP,  /* one after the other */
    SIM_MIXED,  /* one of five writes anywhere, the others as with RANDOM */
} SimPattern;

/* Something changes in the middle; 0: not this. */
typedef struct SimChange {
    double at;
    double dirty_rate;
    double send_rate;
    double downtime;
    unsigned hot_pages;
} SimChange;

typedef struct SimConfig {
    unsigned pages;        /* of guest memory */
    unsigned hot_first;    /* the working set */
    unsigned hot_pages;
    double dirty_rate;     /* writes per second, one page each */
    double send_rate;      /* pages/s */
    double downtime;       /* seconds */
    SimPattern pattern;
    SimChange change;
    /* Pages are in the log until they are sent, as with KVM; short passes. */
    bool repeats;
    double give_up;        /* it does not converge after that; 0: 120 s */
} SimConfig;

/* What was foretold at some moment. */
typedef struct SimSample {
    double time;
    double sent;           /* part of the first pass that is done */
    bool known;
    Forecast forecast;
} SimSample;

typedef struct SimResult {
    bool converged;
    double end;
    GArray *samples;       /* of SimSample */
} SimResult;

void sim_run(const SimConfig *config, SimResult *result);

#endif
