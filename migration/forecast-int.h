/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the forecast share. */
#ifndef MIGRATION_FORECAST_INT_H
#define MIGRATION_FORECAST_INT_H

#include "migration/forecast.h"

/* The dirty log is not read more often than this: no pass is shorter. */
#define FORECAST_PASS_MIN 0.02
/* A pass this close to the one before it shows that nothing changes. */
#define FORECAST_STANDSTILL 0.998
#define FORECAST_PASSES_MAX 2000

/* So few pages below the limit, a pass ends. */
double forecast_slack(const ForecastInput *in);

/* The points joined by lines, from the origin; flat behind the last. */
double dirty_curve_joined(const DirtyCurve *c, double t);
/*
 * Divide the pages of @c, at most @most, into kinds; it has points, and still
 * rises at the time @when.
 */
void dirty_kinds_fit(DirtyCurve *c, double most, double when);
/* f(t) as these have it, at speed 1. */
double dirty_kinds_at(const DirtyCurve *c, double t);
/* As forecast_make(), for a guest that writes at random. */
void forecast_passes_random(const ForecastInput *in, Forecast *out);

#endif
