#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Migrations over several channels that must succeed: combinations of
channels, methods, encryption and transport, of a guest that runs or stands
still, with its memory checked after every move; and what is left of a hundred
of them.

Usage: multifd_matrix_test.py BINARY GUEST-IMAGE [--certs TOOL]
       [--all | --brief] [patterns]
  --certs  the program make-tls-certs, for moves with encryption
  --all    every combination, not only a selection in which each value meets
           each other one; also if $CI is set and --brief is not there
"""

import collections
import itertools
import os
import random
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from lib import tap, tls  # noqa: E402
from lib.multifd import (  # noqa: E402
    ModestBench, Security, connect, equal_soon, listen, options, set_up)
from lib.vm import QMPError, VMError, end_all, tell_stderr  # noqa: E402
from migration_test import FAST, SLOW  # noqa: E402

CHANNELS = (1, 2, 4, 16)
METHODS = ("none", "zlib", "zstd")
SECURITY = ("plain", "x509", "psk")
TRANSPORTS = ("tcp", "unix")
PACES = ("live", "paused")

# Bytes per second at which the guest has time to write.
STEADY = 100 << 20


def has_method(vm, method):
    """Can this build do it?  Sets the parameter."""
    try:
        vm.set_parameters(multifd_compression=method)
    except QMPError:
        return False
    return True


class Chain:
    """A guest that is moved on and on.  After a failed move the next one
    begins with a new guest."""

    def __init__(self, binary, image, certs):
        self.bench = ModestBench(binary, image)
        self.security = Security(certs, self.bench.work.file("certs"))
        self.vm = None

    def machine(self):
        if not self.vm:
            self.vm = self.bench.start()
        return self.vm

    def drop(self):
        vms = list(self.bench.vms)
        self.bench.vms.clear()
        self.vm = None
        end_all(vms)

    def require(self, method, security):
        """Skip what this build cannot do."""
        vm = self.machine()
        if not has_method(vm, method):
            raise tap.Skip(f"this build does not do {method}")
        self.security.require(vm, security)

    def move(self, channels, method, security, transport, pace):
        bench = self.bench
        src = self.machine()
        dst = bench.start(incoming="defer")
        before = dst.threads(), dst.descriptors()
        for vm in (src, dst):
            set_up(vm, channels, method)
            vm.set_capability("return-path", channels % 4 == 0)
        if pace == "paused":
            src.cmd("stop")
            bench.let_go(src)
        else:
            src.set_parameters(max_bandwidth=STEADY, downtime_limit=0)
        self.security.apply(src, dst, security)
        connect(bench, src, dst, transport, listed=channels > 2)
        if pace == "live":
            wait_syncs(src, 3)
            bench.let_go(src)
        self.finish(src, dst, channels, pace)
        equal_soon(f"{dst.name}: threads and descriptors", before,
                   lambda: (dst.threads(), dst.descriptors()))
        self.vm = dst

    def finish(self, src, dst, channels, pace):
        src.wait_migration()
        dst.wait_migration()
        src.wait_status("postmigrate")
        check_stats(src, dst, channels)
        dst.wait_status("paused" if pace == "paused" else "running")
        self.bench.check_memory(dst)
        if pace == "paused":
            dst.cmd("cont")
        self.bench.end(src)
        self.bench.guest.wait_sweeps(dst, 1)

    def close(self):
        self.bench.__exit__()


def wait_syncs(vm, count, timeout=60.0):
    """Until the guest's writes were looked at `count` times."""
    end = time.monotonic() + timeout
    while True:
        info = vm.cmd("query-migrate")
        if info.get("ram", {}).get("dirty-sync-count", 0) >= count:
            return
        if info.get("status") in ("failed", "cancelled", "completed"):
            raise VMError(f"{vm.name}: migration {info['status']}: "
                          f"{info.get('error-desc')}")
        if time.monotonic() > end:
            raise VMError(f"{vm.name}: no {count} passes: {info}")
        time.sleep(0.005)


def counts(info):
    """What the channels carried, without what they waited for."""
    return [{k: v for k, v in c.items() if k not in ("idle", "network")}
            for c in info["x-channels"]]


def check_stats(src, dst, channels):
    """Memory went over all channels, and both sides counted the same."""
    sent, got = (vm.cmd("query-migrate") for vm in (src, dst))
    if [c["id"] for c in sent["x-channels"]] != list(range(channels)):
        raise VMError(f"channels {sent['x-channels']}")
    if counts(sent) != counts(got):
        raise VMError(f"sent {sent['x-channels']}, received "
                      f"{got['x-channels']}")
    total = sum(c["bytes"] for c in sent["x-channels"])
    if sent["ram"]["multifd-bytes"] != total:
        raise VMError(f"multifd-bytes {sent['ram']['multifd-bytes']}, the "
                      f"channels together {total}")
    if not all(c["packets"] > c["syncs"] for c in sent["x-channels"]):
        raise VMError(f"an unused channel: {sent['x-channels']}")


def selection(*lists):
    """Tuples of one item of each list, such that each two items of different
    lists meet in one of them."""
    def pairs(t):
        return {(i, t[i], j, t[j])
                for i, j in itertools.combinations(range(len(t)), 2)}

    everything = list(itertools.product(*lists))
    missing = set().union(*(pairs(t) for t in everything))
    while missing:
        best = max(everything, key=lambda t: len(pairs(t) & missing))
        missing -= pairs(best)
        yield best


def test_move(chain, *what):
    chain.require(what[1], what[2])
    try:
        chain.move(*what)
    except Exception:
        tell_stderr(chain.bench.vms)
        chain.drop()
        raise


# ---- nothing is left ----

WARM_UP = 20
GROWTH_KIB = 1024
# What the C library keeps for later would hide what is lost: it is to give back
# at once whatever has a page of its own, or its heap grows by the most that was
# ever used at a time.
TIDY_MALLOC = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "4096",
               "MALLOC_TRIM_THRESHOLD_": "4096"}


def one_of_many(bench, src, n, methods, rng, security):
    """A migration that ends well, or is cancelled, or fails; the guest runs
    on here.  `security` is a Security and a list of what to take from it."""
    channels = CHANNELS[n % len(CHANNELS)]
    method = methods[n // len(CHANNELS) % len(methods)]
    dst = bench.start(incoming="defer")
    dst.exit_expected = True
    for vm in (src, dst):
        set_up(vm, channels, method)
    security[0].apply(src, dst, security[1][n % len(security[1])])
    how = ("complete", "cancel", "kill")[n % 3]
    src.set_parameters(max_bandwidth=FAST if how == "complete" else SLOW,
                       downtime_limit=300 if how == "complete" else 0)
    connect(bench, src, dst, TRANSPORTS[n % 2])
    if how == "complete":
        src.wait_migration()
    else:
        time.sleep(rng.random() * 0.1)
    if how == "cancel":
        src.cmd("migrate_cancel")
        src.wait_migration("cancelled", also=("completed",))
    dst.kill()
    if how == "kill":
        src.set_parameters(max_bandwidth=FAST)
        src.wait_migration("failed", also=("completed",))
    bench.vms.remove(dst)
    dst.__exit__()
    if src.migration_status() == "completed":
        src.cmd("cont")
    src.wait_status("running")


def tidy_start(bench, **args):
    os.environ.update(TIDY_MALLOC)
    vm = bench.start(**args)
    for name in TIDY_MALLOC:
        del os.environ[name]
    return vm


class Left:
    """What a process has now, and whether it has the same later."""

    def __init__(self, vm):
        self.vm = vm
        self.before = None
        # What was begun is ended first.
        while self.before != self.now():
            self.before = self.now()
            time.sleep(0.3)
        self.memory = vm.memory_kib()

    def now(self):
        """How many of each name."""
        return collections.Counter(self.vm.threads() + self.vm.descriptors())

    def check(self, rounds):
        equal_soon("threads and descriptors", self.before, self.now)
        growth = self.vm.memory_kib() - self.memory
        print(f"# {rounds} times: {growth} KiB more")
        if growth > GROWTH_KIB:
            raise VMError(f"{growth} KiB more after {rounds} times")


def test_nothing_left(binary, image, certs, rounds, kinds):
    """On a source, of a hundred migrations."""
    with ModestBench(binary, image) as bench:
        src = tidy_start(bench)
        security = Security(certs, bench.work.file("certs"))
        for kind in kinds:
            security.require(src, kind)
        methods = [m for m in METHODS if has_method(src, m)]
        rng = random.Random(5)
        for n in range(rounds):
            if n == WARM_UP:
                left = Left(src)
            one_of_many(bench, src, n, methods, rng, (security, kinds))
        left.check(rounds - WARM_UP)
        bench.check_runs(src)


def send_wrongly(uri, n):
    """Somebody who is no source: goes at once, says nothing, breaks off
    within the handshake, or is not of this world."""
    _, host, port = uri.split(":")
    with socket.socket() as s:
        s.connect((host, int(port)))
        s.sendall((b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01",
                   b"GET / HTTP/1.0\r\n\r\n")[n % 4])


def test_nothing_left_waiting(binary, image, certs, rounds):
    """On a destination, of a hundred attempts of sources that have another
    key, are cancelled, or do not exist; then the right one comes."""
    with ModestBench(binary, image) as bench:
        src = bench.start()
        security = Security(certs, bench.work.file("certs"))
        security.require(src, "psk")
        dst = tidy_start(bench, incoming="defer")
        for vm in (src, dst):
            set_up(vm, 4)
        security.apply(src, dst, "psk")
        tls.add_creds(src, "psk", "client", tls.Certs(
            certs, bench.work.file("other")).psk("other", "f" * 32), "wrong")
        uri = listen(bench, dst, "tcp")
        for n in range(rounds):
            if n == WARM_UP:
                left = Left(dst)
            for k in range(6):
                send_wrongly(uri, k)
            src.cmd("migrate", {"uri": uri})
            src.wait_migration("failed")
        left.check(rounds - WARM_UP)
        src.set_parameters(tls_creds="psk-client", max_bandwidth=FAST)
        src.cmd("migrate", {"uri": uri})
        src.wait_migration()
        dst.wait_migration()
        bench.check_runs(dst)


# ---- huge pages ----

NR_HUGE = "/proc/sys/vm/nr_hugepages"


def free_huge():
    """(free huge pages, KiB of each)."""
    with open("/proc/meminfo", encoding="ascii") as f:
        info = dict(line.split(":") for line in f)
    return (int(info.get("HugePages_Free", "0")),
            int(info.get("Hugepagesize", "0 kB").split()[0]))


class HugePages:
    """Have the host keep some for this test, if it can be had."""

    def __init__(self, mib):
        self.mib = mib
        self.before = None

    def enough(self):
        free, size = free_huge()
        return free * size >= self.mib << 10

    def __enter__(self):
        if self.enough():
            return
        _, size = free_huge()
        try:
            with open(NR_HUGE, encoding="ascii") as f:
                self.before = f.read()
            with open(NR_HUGE, "w", encoding="ascii") as f:
                f.write(str(int(self.before) + (self.mib << 10) // size))
        except (OSError, ZeroDivisionError) as e:
            raise tap.Skip(f"no huge pages to be had: {e}") from None
        if not self.enough():
            self.__exit__()
            raise tap.Skip(f"the host has no {self.mib} MiB of huge pages")

    def __exit__(self, *exc):
        if self.before is not None:
            with open(NR_HUGE, "w", encoding="ascii") as f:
                f.write(self.before)


def test_huge_pages(binary, image, share, method):
    with ModestBench(binary, image) as bench:
        mib = bench.guest.ram_mib
        extra = ["-object", f"memory-backend-memfd,id=mem0,size={mib}M,"
                 f"hugetlb=on,share={share}",
                 "-machine", "memory-backend=mem0"]
        with HugePages(2 * mib):
            try:
                src = bench.start(extra=extra)
                if not has_method(src, method):
                    raise tap.Skip(f"this build does not do {method}")
                dst = bench.start(incoming="defer", extra=extra)
                for vm in (src, dst):
                    set_up(vm, 4, method)
                src.set_parameters(max_bandwidth=FAST)
                connect(bench, src, dst, "tcp")
                src.wait_migration()
                dst.wait_migration()
                dst.wait_status("running")
                for vm in (src, dst):
                    if not vm.memory_kib("HugetlbPages"):
                        raise VMError(f"{vm.name} has no huge pages")
                bench.check_runs(dst)
            finally:
                vms, bench.vms = bench.vms, []
                end_all(vms)


def main():
    binary, image, opts, patterns = options(sys.argv, ("certs",))
    chain = Chain(binary, image, opts.get("certs"))
    suite = tap.Suite()
    lists = (CHANNELS, METHODS, SECURITY, TRANSPORTS, PACES)
    if opts["all"]:
        cases = list(itertools.product(*lists))
    else:
        cases = list(selection(*lists))
    for what in cases:
        suite.add("/".join(str(w) for w in what), test_move, chain, *what)
    for share in ("on", "off"):
        for method in ("none", "zstd"):
            suite.add(f"huge-pages/{share}/{method}", test_huge_pages, binary,
                      image, share, method)
    rounds = 100 + WARM_UP if opts["all"] else 10 + WARM_UP
    certs = opts.get("certs")
    suite.add("nothing-left/plain", test_nothing_left, binary, image, certs,
              rounds, ["plain"])
    suite.add("nothing-left/tls", test_nothing_left, binary, image, certs,
              rounds, ["x509", "psk"])
    suite.add("nothing-left/waiting", test_nothing_left_waiting, binary, image,
              certs, rounds)
    try:
        return suite.run(patterns)
    finally:
        chain.close()


if __name__ == "__main__":
    sys.exit(main())
