#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The forecast of a real migration, against its real end.

The guest's speed depends on the host, so it is measured, and the limits are
set as multiples of it.  The host may be busy with other things, so what is
foretold is compared with what follows from the speeds that were measured until
then; and with the real end as far as the speeds stayed what they were.

Usage: forecast_test.py BINARY GUEST-IMAGE ACCEL [name patterns]
"""

import os
import statistics
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from lib import tap  # noqa: E402
from lib.guest import Guest  # noqa: E402
from lib.vm import VM, VMError, Workspace  # noqa: E402

MIB = 1 << 20
DIRTY = 4 * MIB  # bytes per second that the guest shall write to
TRIES = 4
ERROR = 0.2  # of the time that a migration takes
DOWNTIME = 0.1


class Unsteady(Exception):
    """The guest was not as fast as the test needs it."""


class Bench:
    """A source and a destination with a guest of about the speed wanted."""

    def __init__(self, binary, image, accel, swept_mib, extra=()):
        self.binary, self.image, self.accel = binary, image, accel
        self.work = Workspace()
        self.extra = extra  # arguments of the source
        self.vms = []
        self.swept = swept_mib * MIB
        delay = 2000
        for _ in range(3):
            self.start(swept_mib, delay)
            self.rate = self.measure()
            if DIRTY / 2 < self.rate < DIRTY * 2:
                break
            delay = int(min(max(delay * self.rate / DIRTY, 1), 1 << 30))
        self.dst = self.machine("dst", ["-incoming", self.uri()])
        for vm in self.vms:
            vm.set_capability("return-path")

    def uri(self):
        return f"unix:{self.work.file('mig')}"

    def machine(self, name, extra=()):
        vm = VM(self.binary, self.work, name,
                ["-accel", self.accel, "-machine", "microvm", "-m",
                 f"{self.guest.ram_mib}M", "-kernel", self.guest.image,
                 *extra], qtest=True)
        self.vms.append(vm)
        return vm

    def start(self, swept_mib, delay):
        for vm in self.vms:
            vm.__exit__()
        self.vms = []
        self.guest = Guest(self.image, self.work.file("guest.bin"),
                           ram_mib=swept_mib + 8, swept_mib=swept_mib, fill=1,
                           page_delay=delay, print_interval=0)
        self.src = self.machine("src", self.extra)
        self.guest.wait_sweeps(self.src, 1)

    def position(self):
        """Bytes that the guest has come by."""
        params = self.guest.params
        _, _, sweep, cursor = struct.unpack(
            "<4I", self.src.qtest.read(params.control, 16))
        return sweep * self.swept + cursor - params.start

    def measure(self, seconds=1.5):
        begin, start = time.monotonic(), self.position()
        time.sleep(seconds)
        return (self.position() - start) / (time.monotonic() - begin)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        for vm in self.vms:
            vm.__exit__()
        self.work.close()


def first_pass_done(report):
    """Part of the memory that was sent at least once."""
    return report["bytes"]["first-copy"]


def watch(b, until):
    """Ask until `until(info)`: [(time, guest's position, info)]."""
    seen, begin = [], time.monotonic()
    while True:
        info = b.src.cmd("query-migrate")
        seen.append((time.monotonic() - begin, b.position(), info))
        if until(info):
            return seen
        if seen[-1][0] > 120:
            raise VMError(f"it takes too long: {info}")
        time.sleep(0.05)


def ended(info):
    return info["status"] in ("completed", "failed", "cancelled")


def speeds(a, b):
    """Bytes per second written by the guest, and sent, between two looks."""
    took = b[0] - a[0]
    sent = [i[2].get("ram", {"transferred": 0})["transferred"] for i in (a, b)]
    return (b[1] - a[1]) / took, (sent[1] - sent[0]) / took


def change(seen):
    """By how much the guest's speed differs between the halves of a run."""
    running = [s for s in seen if not ended(s[2])]
    middle = running[len(running) // 2]
    rates = [speeds(*ends)[0] for ends in ((running[0], middle),
                                           (middle, running[-1]))]
    text = " ".join(f"{r / MIB:.2f}" for r in rates)
    print(f"# MiB/s written in the first, in the second half: {text}")
    return (max(rates) - min(rates)) / max(rates)


def ideal(swept, written, sent):
    """Seconds that a migration takes at those speeds."""
    left = sent * DOWNTIME
    todo, took = swept, left / sent
    while todo - left > sent * 0.02 and took < 1000:
        span = (todo - left) / sent
        took += span
        todo = left + min(written * span, swept)
    return took


def known(seen, b):
    """Samples with a forecast, from a quarter of the first pass on."""
    out = []
    for look in seen:
        report = look[2]["x-report"]
        if report.get("phase") in ("first-pass", "iterate") and \
                first_pass_done(report) >= b.swept / 4:
            if "forecast" not in report:
                raise VMError(f"no forecast after a quarter: {report}")
            out.append((look, report["forecast"]))
    return out


def converging(b, factor):
    """At `factor` times the guest's speed it ends, and as foretold."""
    b.src.set_parameters(max_bandwidth=int(b.rate * factor),
                         downtime_limit=int(DOWNTIME * 1000))
    b.src.cmd("migrate", {"uri": b.uri()})
    seen = watch(b, ended)
    end, _, info = seen[-1]
    if info["status"] != "completed":
        raise VMError(f"migration: {info}")
    begin = next(s for s in seen if "ram" in s[2])
    samples = known(seen, b)
    yes = [(look, look[0] + f["remaining-time"] / 1000)
           for look, f in samples if f["converges"]]
    fastest = max(w / s for w, s in (speeds(begin, look)
                                     for look, _ in samples))
    if fastest > 0.6:
        raise Unsteady(f"it wrote {fastest:.2f} times what was sent")
    if len(yes) < 0.9 * len(samples):
        raise VMError(f"said to end only {len(yes)} times of {len(samples)}")
    ratio = statistics.median(
        guess / ideal(b.swept, *speeds(begin, look)) for look, guess in yes)
    guess = statistics.median(guess for _, guess in yes)
    print(f"# end {end:.2f}, foretold {guess:.2f}; {ratio:.2f} of what the "
          "speeds so far say")
    if not 1 - ERROR < ratio < 1 + ERROR:
        raise VMError(f"{ratio:.2f} of what it should be was foretold")
    if abs(guess - end) > (ERROR + change(seen)) * end:
        raise VMError(f"{guess:.2f} s foretold, {end:.2f} s real")
    report = info["x-report"]
    if report["percent"] != 100 or "forecast" in report:
        raise VMError(f"report at the end: {report}")
    sent = report["bytes"]["first-copy"] + report["bytes"]["re-dirtied"]
    if sent != info["ram"]["normal-bytes"]:
        raise VMError(f"bytes by cause do not add up: {info}")
    pause = sum(p["microseconds"] for p in report["phases"]
                if p["phase"] in ("stop", "last-memory", "devices",
                                  "hand-over", "answer"))
    if abs(pause / 1000 - info["downtime"]) > 5 + 0.2 * info["downtime"]:
        raise VMError(f"downtime does not add up: {pause} us, {info}")


def diverging(b):
    """At half the guest's speed it does not end; what is said to help does."""
    b.src.set_parameters(max_bandwidth=int(b.rate / 2),
                         downtime_limit=int(DOWNTIME * 1000))
    b.src.cmd("migrate", {"uri": b.uri()})
    seen = watch(b, lambda info: ended(info) or first_pass_done(
        info["x-report"]) > b.swept * 0.45)
    if ended(seen[-1][2]):
        raise VMError(f"it ended: {seen[-1][2]}")
    written, sent = speeds(*(known(seen, b)[i][0] for i in (0, -1)))
    if written < 1.3 * sent:
        raise Unsteady(f"it wrote {written:.0f} bytes a second, {sent:.0f} "
                       "were sent")
    samples = [f for _, f in known(seen, b)]
    no = [f for f in samples if not f["converges"]]
    if len(no) < 0.9 * len(samples):
        raise VMError(f"said not to end only {len(no)} times of "
                      f"{len(samples)}")
    last = no[-1]
    for name in ("settles-at", "needed-bandwidth", "needed-downtime-limit",
                 "needed-dirty-rate"):
        if name not in last:
            raise VMError(f"{name} is missing: {last}")
    if last["settles-at"] <= last["may-remain"]:
        raise VMError(f"it should end then: {last}")
    if not b.rate / 4 < last["needed-bandwidth"] < b.rate * 3:
        raise VMError(f"bandwidth {last['needed-bandwidth']} is said to be "
                      f"needed, the guest writes {b.rate:.0f}")
    b.src.set_parameters(max_bandwidth=last["needed-bandwidth"] * 2)
    seen = watch(b, ended)
    if seen[-1][2]["status"] != "completed":
        raise VMError(f"migration: {seen[-1][2]}")
    ends = [f["converges"] for _, f in known(seen, b)]
    if not all(ends[len(ends) // 2:]):
        raise VMError("more bandwidth did not change the forecast")


def main():
    suite = tap.Suite()

    def run(fn, swept, *args):
        for n in range(TRIES):
            with Bench(*sys.argv[1:4], swept) as b:
                try:
                    fn(b, *args)
                    return
                except Unsteady as err:
                    print(f"# try {n + 1}: {err}")
        raise tap.Skip("the host is too busy for a steady guest")

    suite.add("converging/4", run, converging, 48, 4)
    suite.add("converging/3", run, converging, 32, 3)
    suite.add("diverging", run, diverging, 32)
    return suite.run(sys.argv[4:])


if __name__ == "__main__":
    sys.exit(main())
