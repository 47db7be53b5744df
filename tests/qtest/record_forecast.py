#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Record a migration of the test guest for the replay of forecasts.

The host should have nothing else to do.  FACTOR: the bandwidth, in multiples
of the guest's speed.  Below 1 the migration is ended after SECONDS.

Usage: record_forecast.py BINARY GUEST-IMAGE ACCEL SWEPT-MIB FACTOR OUT-FILE
                          [SECONDS]
"""

import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))
from forecast_test import Bench, ended  # noqa: E402

PAGE = 4096
DOWNTIME = 100  # milliseconds


def numbers(line):
    return re.findall(r"[-\d.]+", line)


def replay_line(line):
    """One line of a trace as a line of a record, or None."""
    name, _, rest = line.partition(" ")
    v = numbers(rest)
    if name == "migration_sent":
        at, pages, whole, sent, took, limited = v
        busy, waited = ("0", took) if limited == "1" else (took, "0")
        return f"sent {at} {pages} {whole} {sent} {busy} {waited}"
    if name == "migration_look":
        return "look " + " ".join(v)
    if name == "migration_synced":
        return "synced " + " ".join(v)
    return None


def shortened(lines):
    """Sums of what was sent, ten a second."""
    total, since = None, 0.0
    for line in lines:
        words = line.split()
        at = float(words[1])
        if words[0] == "sent":
            values = [float(w) for w in words[2:]]
            if total is None:
                total, since = [0.0] * len(values), at
            total = [a + b for a, b in zip(total, values)]
            if at - since < 0.1:
                last = words[1]
                continue
            last = words[1]
        if total is not None:
            yield f"sent {last} " + " ".join(f"{v:g}" if v == int(v) else
                                             f"{v:.6f}" for v in total)
            total = None
        if words[0] != "sent":
            yield line


def record(binary, image, accel, swept, factor, out, limit):
    trace = out + ".trace"
    with Bench(binary, image, accel, swept,
               ["-trace", f"enable=migration_*,file={trace}"]) as b:
        bandwidth = int(b.rate * factor)
        b.src.set_parameters(max_bandwidth=bandwidth, downtime_limit=DOWNTIME)
        b.src.cmd("migrate", {"uri": b.uri()})
        begin, info = time.monotonic(), {"status": "setup"}
        while not ended(info) and (factor > 1 or
                                   time.monotonic() - begin < limit):
            time.sleep(0.05)
            info = b.src.cmd("query-migrate")
        end = info["total-time"] / 1000 if ended(info) else 0
        pages = info["ram"]["total"] // PAGE
    with open(trace, encoding="utf-8") as f:
        lines = [replay_line(t[t.index("migration_"):]) for t in f
                 if "migration_" in t]
    with open(out, "w", encoding="utf-8") as f:
        f.write(f"# a {swept + 8} MiB guest that sweeps over {swept} MiB; the "
                f"bandwidth is {factor} of that ({accel})\n")
        f.write(f"run {pages} {bandwidth} {DOWNTIME / 1000} {end}\n")
        f.write("".join(t + "\n" for t in shortened(t for t in lines if t)))
    os.unlink(trace)


if __name__ == "__main__":
    record(*sys.argv[1:4], int(sys.argv[4]), float(sys.argv[5]), sys.argv[6],
           float((sys.argv[7:] or ["60"])[0]))
