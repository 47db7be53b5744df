#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Connections that hang or break off, plain and with TLS: what yank and
migrate_cancel end, and how the end of a TLS channel is told from its being cut
off.

Usage: yank_test.py BINARY GUEST-IMAGE MAKE-TLS-CERTS [name patterns]
"""

import os
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import tls_test  # noqa: E402
from lib.vm import VMError  # noqa: E402
from migration_test import (FAST, SLOW, and_again, expect_error,  # noqa: E402
                            failed, finish)
from tls_test import wait_stderr  # noqa: E402


def yank(vm):
    if {"type": "migration"} not in vm.cmd("query-yank"):
        raise VMError(f"{vm.name}: {vm.cmd('query-yank')}")
    vm.cmd("yank", {"instances": [{"type": "migration"}]})


def listen(bench, name):
    path = bench.work.file(name)
    s = socket.socket(socket.AF_UNIX)
    s.bind(path)
    s.listen(300)
    return s, path


def no_yank(vm):
    """The instance is gone when the migration is over."""
    end = time.monotonic() + 30
    while {"type": "migration"} in vm.cmd("query-yank"):
        if time.monotonic() > end:
            raise VMError("the yank instance stays")
        time.sleep(0.01)
    expect_error(vm, "Instance not found", "yank",
                 {"instances": [{"type": "migration"}]})


def test_silent_server(bench, how):
    """The peer accepts and never answers: within the handshake."""
    src = bench.start(extra=["-name", "silent,debug-threads=on"])
    bench.secure(src, "psk", "client")
    s, path = listen(bench, "silent.sock")
    src.cmd("migrate", {"uri": f"unix:{path}"})
    conn, _ = s.accept()
    if conn.recv(1, socket.MSG_PEEK) != b"\x16":
        raise VMError("no TLS handshake record")
    if src.migration_status() != "setup":
        raise VMError(f"status {src.migration_status()}")
    if "mig/src/tls" not in src.threads():
        raise VMError(f"threads {src.threads()}")
    if how == "yank":
        yank(src)
        failed(bench, src, "")
    else:
        src.cmd("migrate_cancel")
        src.wait_migration("cancelled")
        bench.check_runs(src)
    no_yank(src)
    conn.settimeout(30)
    while conn.recv(4096):  # what it sent, then the end
        pass
    conn.close()
    s.close()
    src.set_parameters(tls_creds="")
    and_again(bench, src)


class Relay:
    """Between source and destination; `handle(n, a, b)` moves the data of
    connection number n from a (source) to b."""

    def __init__(self, bench, inner, handle):
        self.server, self.path = listen(bench, "relay.sock")
        self.inner = inner
        self.handle = handle
        self.count = 0
        self.sockets = []
        self.threads = []
        self.start(self.accept)

    def start(self, fn, *args):
        t = threading.Thread(target=fn, args=args, daemon=True)
        self.threads.append(t)
        t.start()

    def accept(self):
        while True:
            try:
                a, _ = self.server.accept()
            except OSError:
                return
            b = socket.socket(socket.AF_UNIX)
            self.sockets += [a, b]
            try:
                b.connect(self.inner)
            except OSError:
                a.close()
                return
            self.start(self.handle, self.count, a, b)
            self.start(self.copy, b, a)
            self.count += 1

    @staticmethod
    def copy(a, b):
        try:
            while True:
                data = a.recv(65536)
                if not data:
                    break
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        for s in (self.server, *self.sockets):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()
        for t in self.threads:
            t.join(30)


def multifd_through(bench, handle, **params):
    """A multifd migration through a relay; not started."""
    src, dst = bench.pair("multifd")
    for vm in (src, dst):
        vm.set_parameters(multifd_channels=4, **params)
    bench.secure_both(src, dst, "psk")
    inner = bench.work.file("inner.sock")
    dst.cmd("migrate-incoming", {"uri": f"unix:{inner}"})
    return src, dst, Relay(bench, inner, handle)


def test_silent_channel(bench, how):
    """The main channel is there, the others hang in their handshakes."""
    def handle(n, a, b):
        if n == 0:
            Relay.copy(a, b)

    src, dst, relay = multifd_through(bench, handle)
    try:
        src.cmd("migrate", {"uri": f"unix:{relay.path}"})
        end = time.monotonic() + 30
        while relay.count < 5 and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.1)
        if src.migration_status() != "setup":
            raise VMError(f"status {src.migration_status()}")
        if how == "yank":
            yank(src)
            failed(bench, src, "")
        else:
            src.cmd("migrate_cancel")
            src.wait_migration("cancelled")
            bench.check_runs(src)
        no_yank(src)
    finally:
        relay.close()
    dst.kill()
    src.set_capability("multifd", False)
    src.set_capability("return-path", False)
    src.set_parameters(tls_creds="")
    and_again(bench, src)


def read_exactly(s, size):
    data = b""
    while len(data) < size:
        piece = s.recv(size - len(data))
        if not piece:
            raise OSError("closed")
        data += piece
    return data


def test_truncated_channel(bench):
    """Somebody on the way closes a multifd channel between two records: that
    looks like a normal end to all but TLS."""
    def handle(n, a, b):
        if n == 0:
            Relay.copy(a, b)
            return
        try:
            for _ in range(40 if n == 2 else 1 << 40):
                header = read_exactly(a, 5)
                body = read_exactly(a, header[3] << 8 | header[4])
                b.sendall(header + body)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    src, dst, relay = multifd_through(bench, handle)
    try:
        src.cmd("migrate", {"uri": f"unix:{relay.path}"})
        failed(bench, src, "")
        wait_stderr(dst, "without the peer's closing message")
        wait_stderr(dst, "multifd channel")
        if dst.wait_exit() != 1:
            raise VMError("status of the destination is not 1")
    finally:
        relay.close()
    src.set_capability("multifd", False)
    src.set_capability("return-path", False)
    src.set_parameters(tls_creds="")
    and_again(bench, src)


def test_clean_end(bench, switch):
    """Each multifd channel ends with the closing message, an alert record of
    its own (in TLS 1.2 it can be seen from outside), and one that does not
    is taken where the switch says so."""
    last = {}

    def handle(n, a, b):
        try:
            while True:
                header = read_exactly(a, 5)
                body = read_exactly(a, header[3] << 8 | header[4])
                last[n] = header[0]
                if header[0] == 21 and switch == "off":
                    continue  # alerts do not get through
                b.sendall(header + body)
        except OSError:
            pass
        try:
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    src, dst = bench.pair("multifd", extra=[
        "-global", f"migration.multifd-clean-tls-termination={switch}"])
    for vm, endpoint in ((src, "client"), (dst, "server")):
        vm.set_parameters(multifd_channels=4)
        bench.secure(vm, "anon", endpoint)  # goes with TLS 1.2 only
    inner = bench.work.file("inner.sock")
    dst.cmd("migrate-incoming", {"uri": f"unix:{inner}"})
    relay = Relay(bench, inner, handle)
    try:
        src.cmd("migrate", {"uri": f"unix:{relay.path}"})
        finish(bench, src, dst, paused=False)
        bench.check_runs(dst)
    finally:
        relay.close()
    if dst.stderr():
        raise VMError(dst.stderr())
    for n in range(1, 5):
        if last.get(n) != 21:
            raise VMError(f"channel {n} ended with a record of type "
                          f"{last.get(n)}")


def test_yank_sending(bench):
    """The peer takes the connection and never reads."""
    src = bench.start()
    src.set_parameters(max_bandwidth=FAST)
    s, path = listen(bench, "stalled.sock")
    src.cmd("migrate", {"uri": f"unix:{path}"})
    conn, _ = s.accept()
    src.wait_migration("active")
    time.sleep(0.3)
    yank(src)
    failed(bench, src, "")
    no_yank(src)
    conn.close()
    s.close()
    and_again(bench, src)


def test_yank_sending_multifd(bench):
    """The same, with every channel stuck."""
    stall = threading.Event()

    def handle(n, a, b):
        try:
            while not stall.is_set():
                b.sendall(a.recv(65536))
        except OSError:
            pass

    src, dst, relay = multifd_through(bench, handle)
    src.set_parameters(max_bandwidth=SLOW * 8)
    try:
        src.cmd("migrate", {"uri": f"unix:{relay.path}"})
        src.wait_migration("active")
        stall.set()
        src.set_parameters(max_bandwidth=FAST)
        time.sleep(0.5)
        yank(src)
        failed(bench, src, "")
        no_yank(src)
    finally:
        relay.close()
    dst.kill()
    src.set_capability("multifd", False)
    src.set_capability("return-path", False)
    src.set_parameters(tls_creds="")
    and_again(bench, src)


def test_yank_listening(bench):
    """A client that hangs in its handshake is dropped, the destination goes
    on waiting; and while it waits, it can be ended by SIGTERM."""
    src, dst = bench.pair(extra=["-name", "listen,debug-threads=on"])
    bench.secure_both(src, dst, "psk")
    path = bench.work.file("listen.sock")
    dst.cmd("migrate-incoming", {"uri": f"unix:{path}"})
    conns = []
    for _ in range(3):
        s = socket.socket(socket.AF_UNIX)
        s.connect(path)
        s.sendall(b"\x16\x03\x01")
        s.settimeout(30)
        conns.append(s)
    time.sleep(0.2)
    if dst.threads().count("mig/dst/tls") != 3:
        raise VMError(f"threads {dst.threads()}")
    yank(dst)
    for s in conns:
        try:
            while s.recv(100):
                pass
        except ConnectionResetError:
            pass
        s.close()
    if dst.migration_status() != "setup":
        raise VMError(f"the destination is in {dst.migration_status()}")
    # One hangs while the right one comes.
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    src.cmd("migrate", {"uri": f"unix:{path}"})
    finish(bench, src, dst, paused=False)
    no_yank(dst)
    s.close()
    other = bench.start(incoming="defer")
    bench.secure(other, "psk", "server")
    other.cmd("migrate-incoming", {"uri": f"unix:{path}2"})
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(f"{path}2")
        time.sleep(0.1)
        bench.end(other)


def test_yank_loading(bench):
    """The source has gone silent within its stream."""
    dst = bench.start(incoming="defer")
    path = bench.work.file("loading.sock")
    dst.cmd("migrate-incoming", {"uri": f"unix:{path}",
                                 "exit-on-error": False})
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        s.sendall(b"QEVM\0\0\0\3")
        dst.wait_migration("active")
        yank(dst)
        info = dst.wait_migration("failed")
    if not info.get("error-desc"):
        raise VMError("no error-desc")
    no_yank(dst)
    bench.end(dst)


def test_yank_waiting_multifd(bench):
    """The main channel has come, the others have not."""
    dst = bench.start(incoming="defer")
    dst.set_capability("multifd")
    path = bench.work.file("waiting.sock")
    dst.cmd("migrate-incoming", {"uri": f"unix:{path}",
                                 "exit-on-error": False})
    with socket.socket(socket.AF_UNIX) as s, \
            socket.socket(socket.AF_UNIX) as t:
        s.connect(path)
        s.sendall(b"QEVM\0\0\0\3")
        t.connect(path)
        time.sleep(0.2)
        yank(dst)
        t.settimeout(30)
        if t.recv(1):
            raise VMError("data from the destination")
        dst.wait_migration("failed")
    no_yank(dst)
    bench.end(dst)


def cases(suite, run):
    for how in ("cancel", "yank"):
        suite.add(f"silent-server/{how}", run, test_silent_server, how)
        suite.add(f"silent-channel/{how}", run, test_silent_channel, how)
    for switch in ("on", "off"):
        suite.add(f"clean-end/{switch}", run, test_clean_end, switch)
    for fn in (test_truncated_channel, test_yank_sending,
               test_yank_sending_multifd, test_yank_listening,
               test_yank_loading, test_yank_waiting_multifd):
        suite.add(fn.__name__[5:].replace("_", "-"), run, fn)


if __name__ == "__main__":
    sys.exit(tls_test.main(cases))
