#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The relay that other tests damage connections with (lib/relay.py).

Usage: relay_test.py [name patterns]
"""

import os
import random
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from lib import tap  # noqa: E402
from lib.relay import Relay, parse_address  # noqa: E402
from lib.vm import Workspace  # noqa: E402


class Server:
    """Takes connections; keeps what each sent and how it ended, answers with
    `answer` and then closes its own way out."""

    def __init__(self, uri, answer=b""):
        family, address = parse_address(uri)
        self.listener = socket.socket(family)
        self.listener.bind(address)
        self.listener.listen(16)
        self.uri = uri
        if family == socket.AF_INET:
            self.uri = f"tcp:127.0.0.1:{self.listener.getsockname()[1]}"
        self.answer = answer
        self.got = []
        self.ends = []
        self.threads = []
        self.acceptor = threading.Thread(target=self._accept)
        self.acceptor.start()

    def _accept(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            self.got.append(bytearray())
            self.ends.append(None)
            n = len(self.got) - 1
            t = threading.Thread(target=self._serve, args=(conn, n))
            self.threads.append(t)
            t.start()

    def _serve(self, conn, n):
        with conn:
            try:
                if self.answer:
                    conn.sendall(self.answer)
                while True:
                    data = conn.recv(65536)
                    if not data:
                        self.ends[n] = "end"
                        return
                    self.got[n] += data
            except OSError as e:
                self.ends[n] = type(e).__name__

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.acceptor.join()
        for t in self.threads:
            t.join()


def dial(relay):
    family, address = parse_address(relay.uri)
    sock = socket.socket(family)
    sock.settimeout(30)
    sock.connect(address)
    return sock


def read_all(sock):
    """(bytes until the end, how it ended)."""
    out = bytearray()
    try:
        while True:
            data = sock.recv(65536)
            if not data:
                return bytes(out), "end"
            out += data
    except OSError as e:
        return bytes(out), type(e).__name__


def send_most(sock, data):
    """Send until all is out or the peer is gone."""
    try:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def equal(what, got, want):
    if got != want:
        raise AssertionError(f"{what}: {got!r:.100}, not {want!r:.100}")


class Bench:
    def __init__(self, kind, work):
        self.kind = kind
        self.work = work
        self.data = random.Random(1).randbytes(3_000_000)
        self.count = 0

    def uri(self, name):
        """An address to listen on, a new one each time."""
        self.count += 1
        return (f"unix:{self.work.file(name + str(self.count))}"
                if self.kind == "unix" else "tcp:127.0.0.1:0")

    def run(self, plan, answer=b"", sends=None, peek=0):
        """One connection through a relay with this plan; returns (what the
        server got, its end, what the client got, its end, connection)."""
        with Server(self.uri("server"), answer) as server:
            with Relay(self.uri("relay"), server.uri, plan, peek) as relay:
                with dial(relay) as sock:
                    t = threading.Thread(
                        target=send_most,
                        args=(sock, self.data if sends is None else sends))
                    t.start()
                    back, end = read_all(sock)
                    t.join()
                if not relay.wait(lambda: relay.finished == 1):
                    raise AssertionError("the connection does not end")
                conn = relay.connections[0]
        return bytes(server.got[0]), server.ends[0], back, end, conn


def test_forward(bench):
    got, end, back, back_end, conn = bench.run(None, answer=bench.data[::-1])
    equal("up", got, bench.data)
    equal("down", back, bench.data[::-1])
    equal("ends", (end, back_end), ("end", "end"))
    equal("counts", (conn.up.count, conn.down.count),
          (len(bench.data), len(bench.data)))


def test_cut(bench):
    for at in (0, 1, 4096, 2_000_001):
        def plan(conn, at=at):
            conn.up.cut_at = at
        got, _, _, _, conn = bench.run(plan)
        # Closing a socket may drop what the peer has not read yet; never is
        # there a byte more.
        equal(f"cut at {at}", got, bench.data[:len(got)])
        if len(got) > at or conn.up.count != at:
            raise AssertionError(f"{len(got)} bytes, cut at {at}")


def test_reset(bench):
    def plan(conn):
        conn.up.cut_at = 5000
        conn.up.reset = True
    _, end, _, back_end, _ = bench.run(plan)
    if bench.kind == "tcp":
        equal("ends", (end, back_end),
              ("ConnectionResetError", "ConnectionResetError"))


def test_truncate(bench):
    def plan(conn):
        conn.up.truncate_at = 123_456
    got, end, back, _, conn = bench.run(plan, answer=b"x" * 1000)
    equal("up", got, bench.data[:123_456])
    equal("end", end, "end")
    equal("down", back, b"x" * 1000)
    equal("read from the client", conn.up.count, len(bench.data))


def test_corrupt(bench):
    def plan(conn):
        conn.up.corrupt = {0: 0x80, 700_000: 0xff}
        conn.down.corrupt = {9: 1}
    got, _, back, _, _ = bench.run(plan, answer=bytes(20))
    want = bytearray(bench.data)
    want[0] ^= 0x80
    want[700_000] ^= 0xff
    equal("up", got, bytes(want))
    equal("down", back, bytes(9) + b"\1" + bytes(10))


def test_stall(bench):
    def plan(conn):
        conn.up.stall_at = 10_000
    with Server(bench.uri("server")) as server, \
            Relay(bench.uri("relay"), server.uri, plan) as relay, \
            dial(relay) as sock:
        sock.sendall(bytes(20_000))
        if not relay.wait(lambda: relay.connections
                          and relay.connections[0].up.count == 10_000):
            raise AssertionError("nothing came")
        if relay.wait(lambda: relay.connections[0].up.count > 10_000, 0.3):
            raise AssertionError("did not stall")
        relay.release()
        if not relay.wait(lambda: relay.connections[0].up.count == 20_000):
            raise AssertionError("did not go on")
        # A stall that nobody releases is ended by close().
        relay.connections[0].up.stall()
        sock.sendall(b"x")


def test_rate(bench):
    """Half the bytes need about half the time: measured against itself."""
    seconds = []
    for size in (100_000, 400_000):
        def plan(conn):
            conn.up.rate = 500_000
        start = time.monotonic()
        got, _, _, _, _ = bench.run(plan, sends=bytes(size))
        seconds.append(time.monotonic() - start)
        equal("bytes", len(got), size)
    if seconds[1] < 1.5 * seconds[0]:
        raise AssertionError(f"not throttled: {seconds}")


def test_per_connection(bench):
    """Each connection has its own plan, chosen by its first bytes."""
    def plan(conn):
        if conn.first == b"cut!":
            conn.up.cut_at = 6
    with Server(bench.uri("server")) as server, \
            Relay(bench.uri("relay"), server.uri, plan, peek=4) as relay:
        for first in (b"main", b"cut!", b"more"):
            with dial(relay) as sock:
                sock.sendall(first + bytes(100))
                count = len(relay.connections)
                relay.wait(lambda c=count: len(server.got) > c, 0.5)
        if not relay.wait(lambda: relay.finished == 3):
            raise AssertionError("connections do not end")
        equal("first bytes", [c.first for c in relay.connections],
              [b"main", b"cut!", b"more"])
        counts = [c.up.count for c in relay.connections]
    equal("counts", counts, [104, 6, 104])


def test_no_server(bench):
    with Relay(bench.uri("relay"), "unix:/nonexistent/server") as relay:
        with dial(relay) as sock:
            _, _ = read_all(sock)
        relay.wait(lambda: relay.finished == 1)
        equal("error", type(relay.connections[0].error), FileNotFoundError)


def test_leaves_nothing(bench):
    """Closing in the middle of everything ends threads and descriptors."""
    before = threading.active_count(), len(os.listdir("/proc/self/fd"))
    for reset in (False, True):
        with Server(bench.uri("server"), b"y" * 100) as server:
            relay = Relay(bench.uri("relay"), server.uri)
            socks = [dial(relay) for _ in range(5)]
            for sock in socks:
                sock.sendall(bytes(1000))
            relay.wait(lambda r=relay: len(r.connections) == 5)
            relay.connections[0].cut(reset)
            relay.connections[1].down.stall()
            relay.close()
            for sock in socks:
                sock.close()
    after = threading.active_count(), len(os.listdir("/proc/self/fd"))
    equal("threads and descriptors", after, before)


def main():
    suite = tap.Suite()

    def run(kind, fn):
        with Workspace() as work:
            fn(Bench(kind, work))

    for kind in ("tcp", "unix"):
        for fn in (test_forward, test_cut, test_reset, test_truncate,
                   test_corrupt, test_stall, test_rate, test_per_connection,
                   test_no_server, test_leaves_nothing):
            name = fn.__name__[5:].replace("_", "-")
            suite.add(f"{kind}/{name}", run, kind, fn)
    return suite.run()


if __name__ == "__main__":
    sys.exit(main())
