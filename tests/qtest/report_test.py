#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What is told of a migration that fails, on both sides and by both monitors:
the first cause, where it was seen, and what the destination said; what the
channels waited for; and the states as trace events.

Usage: report_test.py BINARY GUEST-IMAGE [name patterns]
"""

import os
import random
import re
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.dirname(__file__))
from lib import tap  # noqa: E402
from lib.multifd import listen  # noqa: E402
from lib.vm import VMError  # noqa: E402
from migration_test import FAST, SLOW  # noqa: E402
from multifd_fault_test import (FIRST, Fault,  # noqa: E402
                                FaultBench, relayed)


class ReportBench(FaultBench):
    """Destinations stay when a load fails, to be asked."""

    def __init__(self, binary, image):
        super().__init__(binary, image, random.Random(7), 1, None)

    def pair(self, channels=4, extra=(), src_extra=()):
        src = self.start(extra=src_extra)
        dst = self.start(incoming="defer", extra=extra)
        for vm in (src, dst):
            vm.set_capability("return-path")
            if channels:
                vm.set_capability("multifd")
                vm.set_parameters(multifd_channels=channels)
        src.set_parameters(max_bandwidth=64 << 20, downtime_limit=0)
        return src, dst


class Staying:
    """Lets `dst` stay alive after a failed load, for relayed()."""

    def __init__(self, dst):
        self.dst = dst

    def __getattr__(self, name):
        return getattr(self.dst, name)

    def cmd(self, name, args=None, fds=()):
        if name == "migrate-incoming":
            args = {**args, "exit-on-error": False}
        return self.dst.cmd(name, args, fds)


def same(got, want, what):
    if got != want:
        raise VMError(f"{what}: {got!r}, not {want!r}")


def source_failure(src):
    info = src.wait_migration("failed")
    failure = info["x-report"].get("failure")
    if not failure:
        raise VMError(f"no failure in {info}")
    same(failure["reason"], info["error-desc"], "reason")
    if "phase" not in failure:
        raise VMError(f"no phase: {failure}")
    check_hmp(src, failure)
    return failure


def destination_failure(dst):
    info = dst.wait_migration("failed")
    failure = info.get("x-failure")
    if not failure:
        raise VMError(f"no x-failure in {info}")
    same(failure["reason"], info["error-desc"], "reason")
    if "phase" in failure:
        raise VMError(f"a phase: {failure}")
    check_hmp(dst, failure)
    return failure


def check_hmp(vm, failure):
    """info migrate -a has all of it, info migrate only the reason."""
    text = vm.hmp("info migrate -a").replace("\r", "")
    want = [f"failure: {failure['reason']}"]
    for name in ("phase", "section", "channel"):
        if name in failure:
            want.append(f"  {name}: {failure[name]}")
    if "peer-code" in failure:
        want.append(f"  destination's reason: {failure['peer-code']}")
    for line in want:
        if "\n" + line not in text:
            raise VMError(f"'{line}' is not in:\n{text}")
    if "failure:" in vm.hmp("info migrate"):
        raise VMError("the failure without -a")


# ---- a channel ----

def test_channel_corrupt(bench):
    """The destination sees it, names the channel, and tells the source."""
    for channel in (0, 3):
        src, dst = bench.pair()
        # Every packet has normal pages.
        src.set_parameters(zero_page_detection="none")
        fault = Fault("corrupt", channel, FIRST)
        with relayed(bench, src, Staying(dst), fault):
            there = destination_failure(dst)
            here = source_failure(src)
        same(there["channel"], f"multifd {channel}", "destination's channel")
        if f"multifd channel {channel}: " not in there["reason"]:
            raise VMError(there["reason"])
        # Its word on the return path, or the channel that it closed.
        same(here["channel"] == "return path" or
             here["channel"].startswith("multifd "), True,
             f"source's channel {here['channel']}")
        for vm in (src, dst):
            bench.end(vm)


def test_channel_reset(bench):
    """Of a connection that breaks, the source knows which one it is."""
    for channel in (1, 2):
        src, dst = bench.pair()
        # It has not sent everything before it can notice.
        src.set_parameters(zero_page_detection="none")
        # Without it nobody but the channels themselves can tell.
        for vm in (src, dst):
            vm.set_capability("return-path", False)
        fault = Fault("reset", channel, FIRST + 100)
        with relayed(bench, src, Staying(dst), fault):
            here = source_failure(src)
            there = destination_failure(dst)
        # Or another one, which the destination has closed because of it.
        same(bool(re.fullmatch("multifd [0-3]", here["channel"])), True,
             f"source's channel {here['channel']}")
        # It may see first that the source has closed the others, too.
        same(bool(re.fullmatch("main|multifd [0-3]", there["channel"])),
             True, f"destination's channel {there['channel']}")
        for vm in (src, dst):
            bench.end(vm)


def test_channel_refused(bench):
    """A channel that does not come about."""
    src = bench.start()
    src.set_capability("multifd")
    src.set_parameters(multifd_channels=2)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(1)
        src.cmd("migrate", {"uri": f"tcp:127.0.0.1:{s.getsockname()[1]}"})
        s.accept()[0].close()
    here = source_failure(src)
    same(bool(re.fullmatch(r"multifd [01]|main", here["channel"])), True,
         f"channel {here['channel']}")
    bench.end(src)


# ---- the main channel, and what the destination says ----

def test_section_refused(bench):
    """A device that the destination has not: it says which."""
    for channels in (0, 2):
        src, dst = bench.pair(channels, src_extra=["-device", "framebuffer"])
        src.cmd("migrate",
                {"uri": listen(bench, dst, "unix", **{"exit-on-error":
                                                      False})})
        here, there = source_failure(src), destination_failure(dst)
        same(here["channel"], "return path", "source's channel")
        same(here["peer-code"] != 0, True, "code")
        if not here.get("peer-reason") or \
                here["peer-reason"] not in here["reason"]:
            raise VMError(f"what the destination means: {here}")
        same(there["channel"], "main", "destination's channel")
        same(src.status(), "running", "source")
        bench.check_runs(src)
        for vm in (src, dst):
            bench.end(vm)


def test_main_broken(bench):
    """The destination goes away in the middle."""
    src, dst = bench.pair(0)
    src.set_parameters(max_bandwidth=SLOW)
    src.cmd("migrate", {"uri": listen(bench, dst, "unix")})
    src.wait_migration("active")
    time.sleep(0.2)
    dst.kill()
    src.set_parameters(max_bandwidth=64 << 20)
    here = source_failure(src)
    same(here["channel"] in ("main", "return path"), True,
         f"channel {here['channel']}")
    same("peer-code" in here, False, "a code of nobody")
    bench.end(src)


def test_main_corrupt(bench):
    """A stream that cannot be: the destination says where it was."""
    src, dst = bench.pair(0)
    fault = Fault("corrupt", "main", 3)
    with relayed(bench, src, Staying(dst), fault):
        there, here = destination_failure(dst), source_failure(src)
    same(there["channel"], "main", "destination's channel")
    same(here["channel"] in ("main", "return path"), True, "channel")
    bench.end(src)
    bench.end(dst)


def test_forgotten(bench):
    """A new migration begins with a clean report."""
    src, dst = bench.pair(0, src_extra=["-device", "framebuffer"])
    uri = listen(bench, dst, "unix", **{"exit-on-error": False})
    src.cmd("migrate", {"uri": uri})
    source_failure(src)
    bench.end(dst)
    dst = bench.start(incoming="defer", extra=["-device", "framebuffer"])
    dst.set_capability("return-path")
    src.set_parameters(max_bandwidth=FAST, downtime_limit=300)
    src.cmd("migrate", {"uri": listen(bench, dst, "unix")})
    info = src.wait_migration()
    if "failure" in info["x-report"] or "error-desc" in info:
        raise VMError(f"the old failure: {info}")
    dst.wait_migration()
    if "x-failure" in dst.cmd("query-migrate"):
        raise VMError("a failure of the destination")
    bench.end(src)
    bench.end(dst)


# ---- waits ----

def test_waits(bench):
    """Each channel's time is spent somewhere, and goes on while it waits."""
    src, dst = bench.pair(2)
    begin = time.monotonic()
    src.set_parameters(max_bandwidth=SLOW)
    src.cmd("migrate", {"uri": listen(bench, dst, "unix")})
    src.wait_migration("active")
    looks = []
    for _ in range(2):
        time.sleep(0.5)
        looks.append([vm.cmd("query-migrate")["x-channels"]
                      for vm in (src, dst)])
    for before, after in zip(*looks):
        for old, new in zip(before, after):
            grown = sum(new[k] - old[k] for k in ("idle", "network"))
            if not 0.25e6 < grown < (time.monotonic() - begin) * 1e6:
                raise VMError(f"waited {grown} us: {old} {new}")
    # At a tenth of the speed there is nothing to send for most of the time.
    if not all(c["idle"] > c["network"] for c in looks[1][0]):
        raise VMError(f"channels of the source: {looks[1][0]}")
    src.set_parameters(max_bandwidth=FAST, downtime_limit=300)
    src.wait_migration()
    dst.wait_migration()
    for vm in (src, dst):
        ends = [vm.cmd("query-migrate")["x-channels"] for _ in range(2)]
        same(ends[0], ends[1], "waits after the end")
        line = "multifd channel 0: .*, idle [0-9.]+ ms, network [0-9.]+ ms"
        if not re.search(line, vm.hmp("info migrate -a")):
            raise VMError("no waits in info migrate -a")
        bench.end(vm)


# ---- trace events ----

def test_states_traced(bench):
    """Each change of the status, under stock QEMU's name."""
    log = {name: bench.work.file(f"{name}.trace") for name in ("src", "dst")}
    trace = {name: ["-trace", f"enable=migrate_set_state,file={path}"]
             for name, path in log.items()}
    src, dst = bench.pair(0, trace["dst"], trace["src"])
    for vm in (src, dst):
        same(vm.cmd("trace-event-get-state", {"name": "migrate_set_state"}),
             [{"name": "migrate_set_state", "state": "enabled"}], "state")
    src.set_parameters(max_bandwidth=FAST, downtime_limit=300)
    src.cmd("migrate", {"uri": listen(bench, dst, "unix")})
    src.wait_migration()
    dst.wait_migration()
    bench.end(src)
    bench.end(dst)
    for name, want in (("src", ["setup", "active", "device", "completed"]),
                       ("dst", ["setup", "active", "completed"])):
        with open(log[name], encoding="utf-8") as f:
            got = re.findall(r"migrate_set_state new state (\S+)", f.read())
        same(got, want, f"states of {name}")


def main():
    binary, image = sys.argv[1:3]
    suite = tap.Suite()

    def run(fn):
        with ReportBench(binary, image) as bench:
            fn(bench)

    for fn in (test_channel_corrupt, test_channel_reset, test_channel_refused,
               test_section_refused, test_main_broken, test_main_corrupt,
               test_forgotten, test_waits, test_states_traced):
        suite.add(fn.__name__[5:].replace("_", "-"), run, fn)
    return suite.run(sys.argv[3:])


if __name__ == "__main__":
    sys.exit(main())
