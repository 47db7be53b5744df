#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Everything that can happen to a migration over several channels: cancelled
at any moment, and each of its connections cut, stalled, truncated, corrupted
or never made.  It ends with a clear error on both sides, the guest runs on at
the source, and the next migration works.

Usage: multifd_fault_test.py BINARY GUEST-IMAGE [--seed N] [--certs TOOL]
       [--all | --brief] [patterns]
  --certs the program make-tls-certs, for encrypted ones
  --seed  repeat the random choices of another run; it is printed
  --all   more rounds of everything; also if $CI is set and --brief is not there
"""

import os
import random
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from lib import tap  # noqa: E402
from lib.multifd import (  # noqa: E402
    ModestBench, Security, connect, listen, move_on, options, set_up)
from lib.relay import Relay  # noqa: E402
from lib.vm import VMError  # noqa: E402
from migration_test import FAST, SLOW, expect_error  # noqa: E402

BRISK = 64 << 20
INIT = 64        # bytes of the first packet of a channel
PACKET = 1344    # bytes of a header
FIRST = INIT + PACKET  # where the first packet with pages begins


class FaultBench(ModestBench):
    """Ready-made pairs, and what both sides of a failed migration owe."""

    def __init__(self, binary, image, rng, rounds, certs):
        super().__init__(binary, image)
        self.rng = rng
        self.rounds = rounds
        self.security = Security(certs, self.work.file("certs"))
        self.certs = certs

    def destination(self, src, channels, method="none", security="plain"):
        """A machine that waits for `src`; multifd is set up on both, with a
        return path: without one the source does not hear of everything."""
        dst = self.start(incoming="defer")
        dst.exit_expected = True
        for vm in (src, dst):
            set_up(vm, channels, method)
            vm.set_capability("return-path")
        self.security.apply(src, dst, security)
        src.set_parameters(max_bandwidth=BRISK, downtime_limit=0)
        return dst

    def discard(self, vm):
        self.vms.remove(vm)
        vm.__exit__()

    def source_failed(self, src, text=""):
        """It says why, and its guest runs."""
        info = src.wait_migration("failed")
        desc = info.get("error-desc", "")
        if not desc or text not in desc:
            raise VMError(f"error-desc '{desc}' does not say '{text}'")
        self.check_runs(src)
        return desc

    def destination_failed(self, dst, text=""):
        """It says why, and ends; returns what it said."""
        if dst.wait_exit(60) != 1:
            raise VMError(f"{dst.name} ended with status "
                          f"{dst.process.returncode}: {dst.stderr()}")
        said = dst.stderr()
        if "load of migration failed: " not in said or text not in said:
            raise VMError(f"{dst.name} says '{said}', not '{text}'")
        self.discard(dst)
        return said

    def cancelled(self, src):
        """By one command; or by two, if all was sent already: the first one
        then waits for what the destination says."""
        src.cmd("migrate_cancel")
        try:
            src.wait_migration("cancelled", timeout=2)
        except VMError:
            if src.migration_status() != "device":
                raise
            src.cmd("migrate_cancel")
            src.wait_migration("cancelled")
        self.check_runs(src)


def yank(vm):
    """Not even out of band: nobody who waits for a peer has a lock."""
    vm.cmd("yank", {"instances": [{"type": "migration"}]})


# ---- cancel ----

def cancel_once(bench, src, channels):
    """Returns the machine that has the guest then."""
    rng = bench.rng
    method = rng.choice(("none", "none", "zlib", "zstd"))
    security = "plain"
    if bench.certs:
        security = rng.choice(("plain", "plain", "psk", "x509"))
    dst = bench.destination(src, channels, method, security)
    src.set_capability("return-path", rng.random() < 0.5)
    src.set_parameters(max_bandwidth=rng.choice([SLOW, BRISK, FAST]))
    connect(bench, src, dst, rng.choice(["unix", "tcp"]))
    time.sleep(rng.random() ** 2 * 0.2)
    src.cmd("migrate_cancel")
    info = src.wait_migration("cancelled", also=("completed",))
    if info["status"] == "completed":
        # It was over before the command came: go on over there.
        dst.wait_migration()
        dst.wait_status("running")
        bench.end(src)
        bench.check_runs(dst)
        return dst
    # It may not have heard of the source at all.
    dst.kill()
    bench.discard(dst)
    bench.check_runs(src)
    return src


def test_cancel(bench, channels):
    src = bench.start()
    for n in range(bench.rounds):
        try:
            src = cancel_once(bench, src, channels)
        except Exception:
            print(f"# in round {n}")
            raise
    bench.security.apply(src, src, "plain")
    src = move_on(bench, src, channels, transport="tcp")
    bench.check_runs(src)


# ---- a connection breaks ----

def channel_name(conn):
    """"main", or the id of a multifd channel; None before it was said."""
    if conn.first[:4] == b"QEVM":
        return "main"
    return conn.first[24] if len(conn.first) == INIT else None


class Fault:
    """One thing that a relay does to one connection."""

    def __init__(self, kind, channel, at, way="up", mask=0xff):
        self.kind = kind
        self.channel = channel
        self.at = at
        self.way = way
        self.mask = mask

    def __str__(self):
        return f"{self.kind} {self.channel} {self.way} at {self.at}"

    def plan(self, conn):
        if channel_name(conn) == self.channel:
            self.apply(conn)

    def apply(self, conn):
        way = getattr(conn, self.way)
        if self.kind == "corrupt":
            way.corrupt = {self.at: self.mask}
        elif self.kind == "reset":
            way.cut_at = self.at
            way.reset = True
        else:
            setattr(way, f"{self.kind}_at", self.at)

    def reached(self, relay):
        return any(channel_name(c) == self.channel and
                   getattr(c, self.way).count >= self.at
                   for c in relay.connections)


def relayed(bench, src, dst, fault):
    """Begin a migration through a relay that does this."""
    transport = bench.rng.choice(("unix", "tcp"))
    target = listen(bench, dst, transport)
    bench.count += 1
    outer = ("tcp:127.0.0.1:0" if transport == "tcp" else
             f"unix:{bench.work.file(f'relay{bench.count}')}")
    relay = Relay(outer, target, fault.plan, peek=INIT)
    try:
        src.cmd("migrate", {"uri": relay.uri})
    except Exception:
        relay.close()
        raise
    return relay


def random_offset(rng, channels):
    """In the first packets, or somewhere in the pages of the first pass."""
    return rng.choice((0, rng.randrange(1, INIT), INIT,
                       rng.randrange(INIT, FIRST), FIRST,
                       rng.randrange(FIRST, FIRST + PACKET),
                       rng.randrange(FIRST + PACKET, 800_000 // channels)))


def check_named(fault, said, heard):
    """One side has seen which channel it was: `said` by the source, `heard`
    from the destination.  In its first packet a channel has no number yet."""
    text = f"{said}\n{heard}"
    if fault.channel == "main" or f"multifd channel {fault.channel}" in text:
        return
    if fault.at < INIT and ("initial packet of a channel" in text or
                            "before it said what it is" in text):
        return
    raise VMError(f"{fault}: nobody names the channel: {text}")


def check_report(src, said):
    """The report has the channel that the error is about."""
    failure = src.cmd("query-migrate")["x-report"]["failure"]
    where = failure.get("channel", "")
    if said.startswith("multifd channel ") and \
            where != f"multifd {said.split()[2].rstrip(':')}":
        raise VMError(f"'{said}' was seen on '{where}'")


def break_once(bench, src, channels, fault, method="none"):
    dst = bench.destination(src, channels, method)
    with relayed(bench, src, dst, fault):
        said = bench.source_failed(src)
        check_named(fault, said, bench.destination_failed(dst))
    check_report(src, said)


def stall_once(bench, src, channels, fault, end):
    """Nothing goes on until somebody ends it."""
    dst = bench.destination(src, channels)
    with relayed(bench, src, dst, fault) as relay:
        if not relay.wait(lambda: fault.reached(relay)):
            raise VMError("the relay did not get so far")
        time.sleep(bench.rng.random() * 0.1)
        if end == "cancel":
            bench.cancelled(src)
        else:
            yank(dst if end == "yank-dst" else src)
            bench.source_failed(src)
        if end == "yank-dst":
            bench.destination_failed(dst)
    if end != "yank-dst":
        # For it the connection has stalled until now.
        bench.destination_failed(dst)


def test_break(bench, kind, channels):
    """Each connection in turn."""
    src = bench.start()
    for channel in ("main", *range(channels)):
        fault = Fault(kind, channel, random_offset(bench.rng, channels))
        if channel == "main":
            fault.at %= 3_000  # what follows the devices is not needed
        print(f"# {fault}")
        if kind == "stall":
            stall_once(bench, src, channels, fault,
                       bench.rng.choice(("cancel", "yank", "yank-dst")))
        else:
            break_once(bench, src, channels, fault)
        src = move_on(bench, src, channels)
    bench.check_runs(src)


class SecureFault(Fault):
    """On an encrypted connection: nobody outside knows which channel it is,
    only that number 0 is the main one."""

    def plan(self, conn):
        if conn.number == self.channel:
            self.apply(conn)

    def reached(self, relay):
        return any(c.number == self.channel and c.up.count >= self.at
                   for c in relay.connections)


# A client's part of a handshake is shorter, whatever the credentials.
HANDSHAKE = 4000
# Whoever reads the first record ignores the minor version in its header, says
# RFC 8446, 5.1: this byte's corruption alone changes nothing.
IGNORED = 2


def break_secure_once(bench, src, channels, fault, security):
    dst = bench.destination(src, channels, "none", security)
    src.set_parameters(zero_page_detection="none")
    with relayed(bench, src, dst, fault) as relay:
        if fault.kind == "stall":
            if not relay.wait(lambda: fault.reached(relay)):
                raise VMError("the relay did not get so far")
            yank(src)
        said = bench.source_failed(src)
    if fault.channel == 0 or fault.at < HANDSHAKE:
        # That may have been no source for it at all; then it waits on.
        dst.kill()
        bench.discard(dst)
        return
    heard = bench.destination_failed(dst)
    # Whoever yanks knows what he does.
    if fault.kind != "stall" and "multifd channel" not in said + heard:
        raise VMError(f"{fault}: nobody names the channel: {said}\n{heard}")


def test_break_secure(bench, kind, security):
    """Each connection in turn: in the handshake, and behind it."""
    src = bench.start()
    bench.security.require(src, security)
    for channel in range(5):
        early = bench.rng.randrange(600)
        if kind == "corrupt" and early == IGNORED:
            early += 1
        for at in (early, bench.rng.randrange(HANDSHAKE, 100_000)):
            if channel == 0:
                at %= 8000
            fault = SecureFault(kind, channel, at)
            print(f"# {fault}")
            break_secure_once(bench, src, 4, fault, security)
        bench.security.apply(src, src, "plain")
        src = move_on(bench, src, 4)
    bench.check_runs(src)


# Bytes whose corruption has to be noticed: offset, what is said there.
CORRUPT = (
    (0, "a connection begins with ee"),     # magic of the first packet
    (1, "has magic"),
    (7, "has version"),
    (8, "has UUID"),
    (24, "channel"),                        # its id
    (INIT, "has magic"),
    (INIT + 7, "has version"),
    (FIRST + 0, "has magic"),
    (FIRST + 7, "has version"),
    (FIRST + 11, "has flags"),
    (FIRST + 12, "has pages_alloc"),
    (FIRST + 16, "normal pages"),
    (FIRST + 32, "zero pages"),
    (FIRST + 22, "next_packet_size"),
    (FIRST + 64, "unknown RAM block"),
    (FIRST + 320, "has offset"),
    (FIRST + 327, "has offset"),
)


def test_corrupt(bench, method):
    """Fields of packets; that both sides name them, and the next move
    works."""
    src = bench.start()
    for at, text in CORRUPT:
        if method != "none" and "next_packet_size" in text:
            at -= 2  # a size that cannot be
        fault = Fault("corrupt", bench.rng.randrange(2), at)
        print(f"# {fault}")
        dst = bench.destination(src, 2, method)
        # Every packet has normal pages.
        src.set_parameters(zero_page_detection="none")
        with relayed(bench, src, dst, fault):
            bench.source_failed(src)
            bench.destination_failed(dst, text)
    move_on(bench, src, 2, method)


def test_return_path(bench):
    """What comes back on the main channel."""
    src = bench.start()
    for kind, at in (("cut", 0), ("reset", 0), ("corrupt", 0), ("cut", 5),
                     ("corrupt", 1), ("corrupt", 3), ("truncate", 0)):
        fault = Fault(kind, "main", at, way="down")
        print(f"# {fault}")
        dst = bench.destination(src, 2)
        with relayed(bench, src, dst, fault):
            bench.source_failed(src)
            bench.destination_failed(dst)
    move_on(bench, src, 2)


# ---- connections that are not made ----

class Listener:
    """A port that takes the first `count` connections; the others are refused
    when it has been closed."""

    def __init__(self):
        self.sock = socket.socket()
        self.sock.bind(("127.0.0.1", 0))
        self.sock.listen(256)
        self.sock.settimeout(60)
        self.uri = f"tcp:127.0.0.1:{self.sock.getsockname()[1]}"
        self.conns = []

    def take(self, count):
        for _ in range(count):
            self.conns.append(self.sock.accept()[0])

    def close(self):
        self.sock.close()
        for c in self.conns:
            c.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


def test_refused(bench):
    """Only so many of the connections are accepted."""
    src = bench.start()
    src.set_capability("return-path")
    for count in (0, 1, 2, 4, 8):
        set_up(src, 8)
        with Listener() as port:
            src.cmd("migrate", {"uri": port.uri})
            port.take(count)
            port.sock.close()
            bench.source_failed(src)
    move_on(bench, src, 8)


def test_connect_hangs(bench, end):
    """A socket that is listened to, but never accepts: connecting hangs when
    its backlog is full."""
    src = bench.start()
    src.set_capability("return-path")
    for count in (0, 1, 5):
        set_up(src, 8)
        path = bench.work.file(f"full{count}")
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind(path)
            sock.listen(count)
            src.cmd("migrate", {"uri": f"unix:{path}"})
            time.sleep(0.1)
            if end == "cancel":
                bench.cancelled(src)
            else:
                yank(src)
                bench.source_failed(src)
    move_on(bench, src, 8)


def test_closed_at_once(bench):
    """A port that takes every connection and closes it."""
    src = bench.start()
    src.set_capability("return-path")
    for keep in (0, 1, 3):
        set_up(src, 4)
        with Listener() as port:
            src.cmd("migrate", {"uri": port.uri})
            port.take(keep)
            port.sock.settimeout(1)
            try:
                while True:
                    port.sock.accept()[0].close()
            except socket.timeout:
                pass  # none of the others comes any more
            bench.source_failed(src)
    move_on(bench, src, 4)


# ---- sides that do not fit together ----

def test_more_channels(bench):
    """The destination wants fewer."""
    src = bench.start()
    dst = bench.destination(src, 4)
    dst.set_parameters(multifd_channels=2)
    connect(bench, src, dst, "unix")
    said = bench.source_failed(src)
    heard = bench.destination_failed(dst)
    # If those with low numbers come first, nobody looks at the others.
    if "multifd channel " not in said and "multifd-channels" not in heard:
        raise VMError(f"unclear: {said}\n{heard}")
    move_on(bench, src, 4)


def test_fewer_channels(bench):
    """The destination waits for more, until somebody ends it."""
    src = bench.start()
    for end in ("cancel", "yank", "yank-dst", "kill-dst"):
        dst = bench.destination(src, 2)
        dst.set_parameters(multifd_channels=4)
        connect(bench, src, dst, "unix")
        time.sleep(0.1)
        if src.migration_status() not in ("setup", "active"):
            raise VMError(f"status {src.migration_status()}")
        if end == "cancel":
            bench.cancelled(src)
        elif end == "kill-dst":
            dst.kill()
            bench.source_failed(src)
            bench.discard(dst)
            continue
        else:
            yank(dst if end == "yank-dst" else src)
            bench.source_failed(src)
        bench.destination_failed(dst)
    # The same, but the source is gone.
    dst = bench.destination(src, 2)
    dst.set_parameters(multifd_channels=4)
    connect(bench, src, dst, "tcp")
    time.sleep(0.1)
    src.kill()
    bench.destination_failed(dst)


def test_main_only(bench):
    """A source that got no further than its main connection has gone."""
    for transport in ("tcp", "unix"):
        dst = bench.start(incoming="defer")
        set_up(dst, 2)
        uri = listen(bench, dst, transport)
        kind, _, rest = uri.partition(":")
        sock = socket.socket(socket.AF_UNIX if kind == "unix"
                             else socket.AF_INET)
        with sock:
            sock.connect(rest if kind == "unix" else
                         ("127.0.0.1", int(rest.rpartition(":")[2])))
            sock.sendall(b"QEVM\0\0\0\3")
            time.sleep(0.1)
        bench.destination_failed(dst)


def test_only_one_side(bench):
    src = bench.start()
    dst = bench.destination(src, 2)
    dst.set_capability("multifd", False)
    connect(bench, src, dst, "unix")
    bench.source_failed(src)
    bench.destination_failed(dst)
    dst = bench.destination(src, 2)
    src.set_capability("multifd", False)
    connect(bench, src, dst, "unix")
    time.sleep(0.1)
    bench.cancelled(src)
    bench.destination_failed(dst)
    move_on(bench, src, 2)


def test_other_method(bench):
    src = bench.start()
    for here, there in (("none", "zlib"), ("zlib", "zstd"),
                        ("zstd", "none")):
        dst = bench.destination(src, 2, here)
        set_up(dst, 2, there)
        connect(bench, src, dst, "unix")
        bench.source_failed(src)
        bench.destination_failed(dst, f"multifd-compression '{there}'")
    move_on(bench, src, 2)


# ---- a whole side dies ----

def test_destination_dies(bench, channels):
    src = bench.start()
    for n in range(max(3, bench.rounds // 10)):
        dst = bench.destination(src, channels)
        src.set_parameters(max_bandwidth=SLOW)
        connect(bench, src, dst, "unix" if n % 2 else "tcp")
        time.sleep(bench.rng.random() ** 2 * 0.3)
        dst.kill()
        src.set_parameters(max_bandwidth=BRISK)
        bench.source_failed(src)
        bench.discard(dst)
    move_on(bench, src, channels)


def test_source_dies(bench, channels):
    for n in range(max(3, bench.rounds // 20)):
        src = bench.start()
        dst = bench.destination(src, channels)
        src.set_parameters(max_bandwidth=SLOW)
        connect(bench, src, dst, "unix" if n % 2 else "tcp")
        src.wait_migration("active")
        time.sleep(bench.rng.random() ** 2 * 0.3)
        src.kill()
        bench.discard(src)
        bench.destination_failed(dst)


def test_sigterm(bench, side):
    """Ending a program in the middle of a stalled migration."""
    src = bench.start()
    dst = bench.destination(src, 8)
    fault = Fault("stall", 5, FIRST + PACKET + 1000)
    with relayed(bench, src, dst, fault) as relay:
        if not relay.wait(lambda: fault.reached(relay)):
            raise VMError("the relay did not get so far")
        if side == "source":
            bench.end(src)
        else:
            bench.end(dst)
            bench.source_failed(src)
    if side == "source":
        bench.destination_failed(dst)


def test_devices_stall(bench, end):
    """The destination waits in the middle of a device's state: it goes on
    answering, and can be ended."""
    src = bench.start()
    src.set_capability("return-path")
    src.set_parameters(max_bandwidth=FAST)
    # How long the main channel is.
    for at in (None, 0.2, 0.5, 0.8):
        dst = bench.destination(src, 2)
        bench.let_go(src)
        if at is None:
            fault = Fault("stall", "none", 0)
            with relayed(bench, src, dst, fault) as relay:
                src.wait_migration()
                dst.wait_migration()
                total = next(c.up.count for c in relay.connections
                             if channel_name(c) == "main")
            bench.end(src)
            src = dst
            continue
        fault = Fault("stall", "main", int(1000 + at * (total - 1000)))
        print(f"# {fault} of {total}")
        with relayed(bench, src, dst, fault) as relay:
            if not relay.wait(lambda f=fault, r=relay: f.reached(r)):
                raise VMError("the relay did not get so far")
            time.sleep(0.1)
            if dst.status() != "inmigrate":
                raise VMError(f"status {dst.status()}")
            if end == "yank":
                yank(dst)
                bench.destination_failed(dst)
            else:
                bench.end(dst)
            bench.source_failed(src)
    move_on(bench, src, 2)


def test_not_read(bench, end, pages):
    """The destination stands still when the source has stopped its guest and
    sends the last pages, few or many: it waits, and can be ended."""
    src = bench.start()
    src.cmd("stop")
    src.set_capability("pause-before-switchover")
    dst = bench.destination(src, 2)
    bench.let_go(src)
    src.set_parameters(zero_page_detection="none")
    connect(bench, src, dst, "unix")
    src.wait_migration("pre-switchover")
    # What was there, but dirty now.
    src.qtest.write(1 << 20, src.qtest.read(1 << 20, pages * 4096))
    time.sleep(0.2)  # it has nearly always read the rest by then
    dst.process.send_signal(signal.SIGSTOP)
    src.cmd("migrate-continue", {"state": "pre-switchover"})
    time.sleep(0.3)
    if src.migration_status() != "device":
        raise VMError(f"{src.name} is in state {src.migration_status()}")
    if end == "cancel":
        src.cmd("migrate_cancel")
        src.wait_migration("cancelled")
    else:
        yank(src)
        src.wait_migration("failed")
    src.cmd("cont")
    dst.process.send_signal(signal.SIGCONT)
    bench.destination_failed(dst)
    src.set_capability("pause-before-switchover", False)
    bench.check_runs(src)
    move_on(bench, src, 2)


def cases(suite, run):
    for channels in (1, 2, 8, 255):
        suite.add(f"cancel/{channels}", run, test_cancel, channels)
    for kind in ("cut", "reset", "truncate", "stall"):
        for channels in (1, 2, 8):
            suite.add(f"{kind}/{channels}", run, test_break, kind, channels)
    for kind in ("cut", "reset", "truncate", "stall", "corrupt"):
        for security in ("psk", "x509"):
            suite.add(f"{kind}/{security}", run, test_break_secure, kind,
                      security)
    for method in ("none", "zlib", "zstd"):
        suite.add(f"corrupt/{method}", run, test_corrupt, method)
    for end in ("cancel", "yank"):
        suite.add(f"connect-hangs/{end}", run, test_connect_hangs, end)
    for channels in (1, 2, 8, 255):
        suite.add(f"destination-dies/{channels}", run, test_destination_dies,
                  channels)
        suite.add(f"source-dies/{channels}", run, test_source_dies, channels)
    for side in ("source", "destination"):
        suite.add(f"sigterm/{side}", run, test_sigterm, side)
    for end in ("cancel", "yank"):
        for pages in (30, 600):
            suite.add(f"not-read/{end}/{pages}", run, test_not_read, end,
                      pages)
    for end in ("yank", "sigterm"):
        suite.add(f"devices-stall/{end}", run, test_devices_stall, end)
    for fn in (test_return_path, test_refused, test_closed_at_once,
               test_more_channels, test_fewer_channels, test_main_only,
               test_only_one_side, test_other_method):
        suite.add(fn.__name__[5:].replace("_", "-"), run, fn)


def main():
    binary, image, opts, patterns = options(sys.argv, ("seed", "certs"))
    seed = int(opts.get("seed", random.randrange(1 << 32)))
    suite = tap.Suite()
    suite.notes.append(f"--seed {seed}")

    def run(fn, *args):
        rng = random.Random(f"{seed} {fn.__name__} {args}")
        rounds = 50 if opts["all"] else 10
        with FaultBench(binary, image, rng, rounds,
                        opts.get("certs")) as bench:
            fn(bench, *args)

    cases(suite, run)
    return suite.run(patterns)


if __name__ == "__main__":
    sys.exit(main())
