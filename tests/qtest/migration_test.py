#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Migrations of a running guest, through the program's own QMP, with the
guest's memory checked after every move; and every way they can fail.

Usage: migration_test.py BINARY GUEST-IMAGE ACCEL [name patterns]
"""

import errno
import os
import random
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from lib import tap  # noqa: E402
from lib.guest import Guest  # noqa: E402
from lib.vm import (QMPError, VM, VMError, Workspace,  # noqa: E402
                    end_all, require_accel, tell_stderr)

FAST = 1 << 40  # bytes per second: no limit in effect
SLOW = 1 << 20


class Bench:
    """One test's machines and scratch folder."""

    def __init__(self, binary, image, accel):
        self.binary = binary
        self.accel = accel
        self.work = Workspace()
        self.guest = Guest(image, self.work.file("guest.bin"), ram_mib=48,
                           swept_mib=16)
        self.count = 0
        self.vms = []

    def __enter__(self):
        return self

    def __exit__(self, exc_type=None, *_):
        try:
            if exc_type not in (None, tap.Skip):
                tell_stderr(self.vms)
            end_all(self.vms)
        finally:
            self.work.close()

    def start(self, incoming=None, paused=False, preexec=None, extra=()):
        """A machine with the test guest; events are on."""
        self.count += 1
        args = ["-accel", self.accel, "-machine", "microvm",
                "-m", f"{self.guest.ram_mib}M",
                "-kernel", self.guest.image, *extra]
        if incoming:
            args += ["-incoming", incoming]
        if paused:
            args += ["-S"]
        vm = VM(self.binary, self.work, f"vm{self.count}", args, serial=True,
                qtest=True, preexec=preexec)
        self.vms.append(vm)
        vm.set_capability("events")
        if not incoming:
            self.guest.seen = None  # another guest's history
        if not incoming and not paused:
            self.wait_running(vm)
        return vm

    def end(self, vm):
        """Leave `vm` by SIGTERM; it must end with status 0."""
        status = vm.close()
        self.vms.remove(vm)
        if status:
            raise VMError(f"{vm.name} ended with status {status}:\n"
                          f"{vm.stderr()}")

    def wait_running(self, vm):
        """Until the guest has come round its memory at least once."""
        self.guest.wait_sweeps(vm, 2)

    def check_memory(self, vm):
        """Stop the guest if it runs, check its memory, run it again."""
        was_running = vm.status() == "running"
        if was_running:
            vm.cmd("stop")
        self.guest.check(vm.qtest)
        if was_running:
            vm.cmd("cont")

    def check_runs(self, vm):
        """The guest runs: it goes on writing, and its memory is whole."""
        if vm.status() != "running":
            raise VMError(f"{vm.name} is {vm.status()}, not running")
        self.guest.wait_sweeps(vm, 1)
        self.check_memory(vm)


# ---- the moves that succeed ----

def address_for(bench, transport):
    if transport == "unix":
        bench.count += 1
        return f"unix:{bench.work.file(f'mig{bench.count}.sock')}"
    return "tcp:127.0.0.1:0"


def channels_of(uri):
    """The same address as `channels`."""
    kind, _, rest = uri.partition(":")
    if kind == "unix":
        addr = {"transport": "socket", "type": "unix", "path": rest}
    else:
        host, _, port = rest.rpartition(":")
        addr = {"transport": "socket", "type": "inet", "host": host,
                "port": port}
    return {"channels": [{"channel-type": "main", "addr": addr}]}


def connect(bench, src, dst, transport, channels=False):
    """Make dst listen and src send; returns when `migrate` was accepted."""
    uri = address_for(bench, transport)
    dst.cmd("migrate-incoming",
            channels_of(uri) if channels else {"uri": uri})
    if transport == "tcp":
        addr = dst.cmd("query-migrate")["socket-address"][0]
        uri = f"tcp:127.0.0.1:{addr['port']}"
    src.cmd("migrate", channels_of(uri) if channels else {"uri": uri})


def connect_fd(src, dst):
    a, b = socket.socketpair()
    try:
        dst.cmd("getfd", {"fdname": "mig"}, fds=[b.fileno()])
        src.cmd("getfd", {"fdname": "mig"}, fds=[a.fileno()])
    finally:
        a.close()
        b.close()
    dst.cmd("migrate-incoming", {"uri": "fd:mig"})
    src.cmd("migrate", {"uri": "fd:mig"})


def connect_exec(bench, src, dst):
    bench.count += 1
    fifo = bench.work.file(f"fifo{bench.count}")
    os.mkfifo(fifo)
    dst.cmd("migrate-incoming", {"uri": f"exec:cat {fifo}"})
    src.cmd("migrate", {"uri": f"exec:cat > {fifo}"})


def finish(bench, src, dst, paused):
    src.wait_migration()
    dst.wait_migration()
    src.wait_status("postmigrate")
    dst.wait_status("paused" if paused else "running")
    bench.check_memory(dst)


def move(bench, src, transport, paused=False, channels=False):
    """One move to a fresh machine, which is returned; `src` is ended."""
    if transport == "file":
        path = bench.work.file("vm.mig")
        src.cmd("migrate", {"uri": f"file:{path}"})
        src.wait_migration()
        src.wait_status("postmigrate")
        dst = bench.start(incoming="defer")
        dst.cmd("migrate-incoming", {"uri": f"file:{path}"})
    else:
        dst = bench.start(incoming="defer")
        if transport == "fd":
            connect_fd(src, dst)
        elif transport == "exec":
            connect_exec(bench, src, dst)
        else:
            connect(bench, src, dst, transport, channels)
    finish(bench, src, dst, paused)
    bench.end(src)
    return dst


def test_forth_and_back(bench, transport, paused, moves=10):
    vm = bench.start()
    vm.set_parameters(max_bandwidth=FAST)
    if paused:
        vm.cmd("stop")
    for n in range(moves):
        vm = move(bench, vm, transport, paused, channels=n % 2 == 1)
        vm.set_parameters(max_bandwidth=FAST)
    if paused:
        vm.cmd("cont")
    bench.check_runs(vm)
    bench.end(vm)


def test_autostart(bench):
    """-S on the destination keeps the guest stopped; `cont` while it loads
    starts it, and never-started guests arrive as prelaunch."""
    src = bench.start()
    src.set_parameters(max_bandwidth=FAST)
    dst = bench.start(incoming="defer", paused=True)
    connect(bench, src, dst, "unix")
    finish(bench, src, dst, paused=True)
    dst.cmd("cont")
    bench.check_runs(dst)
    src = bench.start(paused=True)
    dst = bench.start(incoming="defer")
    connect(bench, src, dst, "unix")
    src.wait_migration()
    dst.wait_migration()
    dst.wait_status("prelaunch")


def test_uri_on_command_line(bench):
    path = bench.work.file("cli.sock")
    src = bench.start()
    src.set_parameters(max_bandwidth=FAST)
    dst = bench.start(incoming=f"unix:{path}")
    src.cmd("migrate", {"uri": f"unix:{path}"})
    finish(bench, src, dst, paused=False)
    bench.check_runs(dst)


def test_events(bench):
    """The sequence of events on both sides of a live move."""
    src = bench.start()
    dst = bench.start(incoming="defer")
    src.qmp.events.clear()
    src.set_parameters(max_bandwidth=FAST)
    connect(bench, src, dst, "unix")
    finish(bench, src, dst, paused=False)
    src.qmp.poll_events()
    dst.qmp.poll_events()

    def names(vm):
        out = []
        for e in vm.qmp.events:
            if e["event"] == "MIGRATION":
                out.append(e["data"]["status"])
            elif e["event"] != "MIGRATION_PASS":
                out.append(e["event"])
        return out

    want = ["setup", "active", "STOP", "device", "completed"]
    if names(src) != want:
        raise VMError(f"source's events {names(src)}, not {want}")
    want = ["setup", "active", "RESUME", "completed"]
    if names(dst)[:4] != want:
        raise VMError(f"destination's events {names(dst)}, not {want}")
    passes = [e["data"]["pass"] for e in src.qmp.events
              if e["event"] == "MIGRATION_PASS"]
    if passes != list(range(1, len(passes) + 1)) or not passes:
        raise VMError(f"passes {passes}")


def test_pause_before_switchover(bench):
    src = bench.start()
    src.set_capability("pause-before-switchover")
    src.set_parameters(max_bandwidth=FAST)
    dst = bench.start(incoming="defer")
    connect(bench, src, dst, "unix")
    src.wait_migration("pre-switchover")
    src.cmd("migrate-continue", {"state": "pre-switchover"})
    finish(bench, src, dst, paused=False)
    bench.check_runs(dst)


def test_return_path(bench):
    """With a return path the source waits for the destination's word."""
    src = bench.start()
    dst = bench.start(incoming="defer")
    for vm in (src, dst):
        vm.set_capability("return-path")
    src.set_parameters(max_bandwidth=FAST)
    connect(bench, src, dst, "tcp")
    finish(bench, src, dst, paused=False)
    bench.check_runs(dst)


# ---- cancel ----

def cancelled(bench, src):
    src.cmd("migrate_cancel")
    src.wait_migration("cancelled")
    bench.check_runs(src)


def and_again(bench, src):
    """After all that, a new migration works."""
    src.set_parameters(max_bandwidth=FAST, downtime_limit=300)
    src.set_capability("pause-before-switchover", False)
    dst = bench.start(incoming="defer")
    connect(bench, src, dst, "unix")
    finish(bench, src, dst, paused=False)
    bench.check_runs(dst)


def wait_listen_full():
    """A TCP listener whose backlog is full: connecting to it hangs."""
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen(0)
    fill = []
    for _ in range(4):
        c = socket.socket()
        c.setblocking(False)
        c.connect_ex(s.getsockname())
        fill.append(c)
    return s, fill


def test_cancel_connecting(bench):
    src = bench.start()
    s, fill = wait_listen_full()
    src.cmd("migrate", {"uri": f"tcp:127.0.0.1:{s.getsockname()[1]}"})
    if src.migration_status() != "setup":
        raise VMError(f"status {src.migration_status()} while connecting")
    cancelled(bench, src)
    for c in (s, *fill):
        c.close()
    and_again(bench, src)


def test_cancel_active(bench):
    src = bench.start()
    src.set_parameters(max_bandwidth=SLOW)
    dst = bench.start(incoming="defer")
    dst.exit_expected = True
    connect(bench, src, dst, "unix")
    src.wait_migration("active")
    time.sleep(0.2)
    cancelled(bench, src)
    if dst.wait_exit() != 1:
        raise VMError("the destination of a cancelled migration should end "
                      "with status 1")
    and_again(bench, src)


def test_cancel_stalled(bench):
    """The peer accepts, but never reads: sending is blocked."""
    src = bench.start()
    src.set_parameters(max_bandwidth=FAST)
    path = bench.work.file("stall.sock")
    s = socket.socket(socket.AF_UNIX)
    s.bind(path)
    s.listen(1)
    src.cmd("migrate", {"uri": f"unix:{path}"})
    conn, _ = s.accept()
    src.wait_migration("active")
    time.sleep(0.3)
    cancelled(bench, src)
    conn.close()
    s.close()
    and_again(bench, src)


def test_cancel_pre_switchover(bench):
    src = bench.start()
    src.set_capability("pause-before-switchover")
    src.set_parameters(max_bandwidth=FAST)
    dst = bench.start(incoming="defer")
    dst.exit_expected = True
    connect(bench, src, dst, "unix")
    src.wait_migration("pre-switchover")
    if src.status() == "running":
        raise VMError("the guest runs in pre-switchover")
    cancelled(bench, src)
    dst.wait_exit()
    and_again(bench, src)


def test_cancel_idle(bench):
    """Nothing to cancel: success without effect."""
    src = bench.start()
    src.cmd("migrate_cancel")
    if src.cmd("query-migrate"):
        raise VMError("migrate_cancel changed the status")
    and_again(bench, src)


def test_cancel_random(bench, rounds=20):
    rng = random.Random(20)
    src = bench.start()
    for _ in range(rounds):
        src.set_parameters(max_bandwidth=rng.choice([SLOW, 64 << 20, FAST]),
                           downtime_limit=0)
        dst = bench.start(incoming="defer")
        dst.exit_expected = True
        connect(bench, src, dst, rng.choice(["unix", "tcp"]))
        time.sleep(rng.random() * 0.2)
        src.cmd("migrate_cancel")
        info = src.wait_migration("cancelled", also=("completed",))
        if info["status"] == "completed":
            # It was over before the command came: go on over there.
            dst.wait_migration()
            src = dst
        else:
            dst.wait_exit()
            bench.check_runs(src)
    and_again(bench, src)


# ---- failures ----

def expect_error(vm, text, command, args):
    """`command` must be refused with an error that contains `text`."""
    try:
        vm.cmd(command, args)
    except QMPError as e:
        if text not in e.desc:
            raise VMError(f"{command}: '{e.desc}' does not say "
                          f"'{text}'") from None
        return
    raise VMError(f"{command} {args} was accepted")


def failed(bench, src, text):
    info = src.wait_migration("failed")
    if text not in info.get("error-desc", ""):
        raise VMError(f"error-desc '{info.get('error-desc')}' does not say "
                      f"'{text}'")
    bench.check_runs(src)


def test_wrong_uri(bench):
    src = bench.start()
    for uri, text in (("foo:bar", "unknown migration protocol: foo:bar"),
                      ("tcp:bad", "error parsing address 'bad'"),
                      ("unix:", "invalid Unix socket address"),
                      ("fd:nope", "File descriptor named 'nope' has not been "
                       "found"),
                      ("file:/nonexistent/x", "No such file or directory"),
                      ("", "unknown migration protocol")):
        expect_error(src, text, "migrate", {"uri": uri})
    expect_error(src, "need either 'uri' or 'channels' argument", "migrate",
                 {})
    bench.check_runs(src)
    and_again(bench, src)


def test_refused(bench):
    src = bench.start()
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    src.cmd("migrate", {"uri": f"tcp:127.0.0.1:{port}"})
    failed(bench, src, f"Failed to connect to '127.0.0.1:{port}': "
                       "Connection refused")
    src.cmd("migrate", {"uri": "unix:/nonexistent/sock"})
    failed(bench, src, "No such file or directory")
    and_again(bench, src)


def test_exec_fails(bench):
    src = bench.start()
    src.cmd("migrate", {"uri": "exec:exit 3"})
    failed(bench, src, "")
    and_again(bench, src)


def test_destination_killed(bench):
    for when in ("active", "listening"):
        src = bench.start()
        src.set_parameters(max_bandwidth=SLOW)
        dst = bench.start(incoming="defer")
        connect(bench, src, dst, "unix")
        if when == "active":
            src.wait_migration("active")
            time.sleep(0.2)
        dst.kill()
        src.set_parameters(max_bandwidth=64 << 20)
        failed(bench, src, "")
        if not src.cmd("query-migrate").get("error-desc"):
            raise VMError("no error-desc")
        and_again(bench, src)


def test_source_killed(bench):
    for exit_on_error in (True, False):
        src = bench.start()
        src.set_parameters(max_bandwidth=SLOW)
        dst = bench.start(incoming="defer")
        path = bench.work.file(f"killed{exit_on_error}.sock")
        dst.cmd("migrate-incoming", {"uri": f"unix:{path}",
                                     "exit-on-error": exit_on_error})
        src.cmd("migrate", {"uri": f"unix:{path}"})
        src.wait_migration("active")
        time.sleep(0.2)
        src.kill()
        if exit_on_error:
            if dst.wait_exit() != 1:
                raise VMError("status of the destination is not 1")
            if "load of migration failed" not in dst.stderr():
                raise VMError(f"stderr: {dst.stderr()}")
        else:
            info = dst.wait_migration("failed")
            if not info.get("error-desc"):
                raise VMError("no error-desc")
            if dst.status() != "inmigrate":
                raise VMError(f"status {dst.status()}")
            bench.end(dst)


def test_full_disk(bench):
    """A file on a file system that is too small."""
    folder = bench.work.file("small")
    os.mkdir(folder)
    r = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "small",
                        folder], capture_output=True, text=True, check=False)
    if r.returncode:
        raise tap.Skip(f"cannot mount a small file system: "
                       f"{r.stderr.strip()}")
    try:
        src = bench.start()
        src.set_parameters(max_bandwidth=FAST)
        src.cmd("migrate", {"uri": f"file:{folder}/vm.mig"})
        failed(bench, src, os.strerror(errno.ENOSPC))
        and_again(bench, src)
    finally:
        subprocess.run(["umount", "-l", folder], check=False)


def test_garbage(bench):
    """Something else than a migration comes to the port."""
    for data in (b"GET / HTTP/1.0\r\n\r\n", b"\0" * 100, b"QEVM\0\0\0\2", b"",
                 b"QEVM\0\0\0\3" + b"\xff" * 64,
                 b"QEVM\0\0\0\3\7\0\0\0\4none"):
        dst = bench.start(incoming="defer")
        path = bench.work.file("garbage.sock")
        dst.cmd("migrate-incoming", {"uri": f"unix:{path}",
                                     "exit-on-error": False})
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(path)
            try:
                s.sendall(data)
            except OSError:
                pass
        info = dst.wait_migration("failed")
        if not info.get("error-desc"):
            raise VMError(f"no error-desc for {data!r}")
        bench.end(dst)


def test_two_at_once(bench):
    src = bench.start()
    src.set_parameters(max_bandwidth=SLOW)
    dst = bench.start(incoming="defer")
    connect(bench, src, dst, "unix")
    expect_error(src, "There's a migration process in progress", "migrate",
                 {"uri": "tcp:127.0.0.1:1"})
    expect_error(dst, "The incoming migration has already been started",
                 "migrate-incoming", {"uri": "tcp:127.0.0.1:0"})
    expect_error(dst, "Guest is waiting for an incoming migration",
                 "migrate", {"uri": "tcp:127.0.0.1:1"})
    src.set_parameters(max_bandwidth=FAST)
    finish(bench, src, dst, paused=False)
    bench.check_runs(dst)


def test_relay_cut(bench):
    """The connection breaks after so many bytes."""
    src = bench.start()
    for limit in (0, 7, 20, 100, 5000, 100_000, 3_000_000):
        src.set_parameters(max_bandwidth=FAST, downtime_limit=0)
        dst = bench.start(incoming="defer")
        path = bench.work.file(f"relay{limit}.sock")
        inner = bench.work.file(f"inner{limit}.sock")
        dst.cmd("migrate-incoming", {"uri": f"unix:{inner}"})
        outer = socket.socket(socket.AF_UNIX)
        outer.bind(path)
        outer.listen(1)

        def relay(outer=outer, inner=inner, left=limit):
            a, _ = outer.accept()
            with a, socket.socket(socket.AF_UNIX) as b:
                b.connect(inner)
                while left > 0:
                    data = a.recv(min(left, 65536))
                    if not data:
                        return
                    b.sendall(data)
                    left -= len(data)

        t = threading.Thread(target=relay)
        t.start()
        src.cmd("migrate", {"uri": f"unix:{path}"})
        t.join()
        outer.close()
        failed(bench, src, "")
        if dst.wait_exit() != 1:
            raise VMError(f"cut after {limit}: the destination's status")
    and_again(bench, src)


def cases(suite, run):
    for transport in ("tcp", "unix", "fd", "exec", "file"):
        for paused in (False, True):
            suite.add(f"{transport}/{'paused' if paused else 'live'}",
                      run, test_forth_and_back, transport, paused)
    for fn in (test_autostart, test_uri_on_command_line, test_events,
               test_pause_before_switchover, test_return_path,
               test_cancel_idle, test_cancel_connecting, test_cancel_active,
               test_cancel_stalled, test_cancel_pre_switchover,
               test_cancel_random, test_wrong_uri, test_refused,
               test_exec_fails, test_destination_killed, test_source_killed,
               test_full_disk, test_garbage, test_two_at_once,
               test_relay_cut):
        suite.add(fn.__name__[5:].replace("_", "-"), run, fn)


def main():
    binary, image, accel = sys.argv[1:4]
    suite = tap.Suite()

    def run(fn, *args):
        require_accel(binary, accel)
        with Bench(binary, image, accel) as bench:
            fn(bench, *args)

    cases(suite, run)
    return suite.run(sys.argv[4:])


if __name__ == "__main__":
    sys.exit(main())
