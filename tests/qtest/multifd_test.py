#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Migrations of a running guest over several channels, with its memory checked
afterwards; what is refused; what is seen of the channels while they work.

Usage: multifd_test.py BINARY GUEST-IMAGE ACCEL [name patterns]
"""

import os
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.dirname(__file__))
from lib.vm import VMError, require_accel  # noqa: E402
from lib import tap  # noqa: E402
from lib.multifd import equal_soon  # noqa: E402
from migration_test import (FAST, SLOW, Bench, and_again,  # noqa: E402
                            cancelled, connect, expect_error,
                            finish)


def multifd(vm, channels=2, method="none", **parameters):
    vm.set_capability("multifd")
    vm.set_parameters(multifd_channels=channels, multifd_compression=method,
                      **parameters)


def has_method(vm, method):
    """Is it built in?  The schema lists what is."""
    types = {t["name"]: t for t in vm.cmd("query-qmp-schema")}
    return any(t["meta-type"] == "enum" and
               {"none", method} <= set(t["values"]) and
               "legacy" not in t["values"] for t in types.values())


def test_move(bench, channels, method, transport, paused, zero, moves=2):
    vm = bench.start()
    if not has_method(vm, method):
        raise tap.Skip(f"built without {method}")
    if paused:
        vm.cmd("stop")
    for _ in range(moves):
        dst = bench.start(incoming="defer")
        for side in (vm, dst):
            multifd(side, channels, method)
        vm.set_parameters(max_bandwidth=FAST, zero_page_detection=zero)
        connect(bench, vm, dst, transport)
        finish(bench, vm, dst, paused)
        info = vm.cmd("query-migrate")
        if len(info["x-channels"]) != channels:
            raise VMError(f"x-channels: {info['x-channels']}")
        if info["ram"]["multifd-bytes"] < info["ram"]["normal"]:
            raise VMError(f"multifd-bytes: {info['ram']}")
        bench.end(vm)
        vm = dst
    if paused:
        vm.cmd("cont")
    bench.check_runs(vm)


def test_zero_copy(bench):
    src = bench.start()
    dst = bench.start(incoming="defer")
    for vm in (src, dst):
        multifd(vm)
    src.set_capability("zero-copy-send")
    src.set_parameters(max_bandwidth=FAST)
    expect_error(src, "not over a unix socket", "migrate",
                 {"uri": "unix:/nowhere"})
    connect(bench, src, dst, "tcp")
    info = src.wait_migration("completed", also=("failed",))
    if "lock enough memory" in info.get("error-desc", ""):
        raise tap.Skip("no locked memory allowed here")
    finish(bench, src, dst, paused=False)
    if "dirty-sync-missed-zero-copy" not in info["ram"]:
        raise VMError("no count of missed zero copies")
    bench.check_runs(dst)


def test_options(bench):
    """What does not go together is refused by name."""
    vm = bench.start()
    zero_copy = {"capabilities": [{"capability": "zero-copy-send",
                                   "state": True}]}
    expect_error(vm, "non-compressed non-TLS multifd", "migrate-set-capabilities",
                 zero_copy)
    vm.set_capability("multifd")
    vm.cmd("migrate-set-capabilities", zero_copy)
    for value in ("zlib", "zstd"):
        if has_method(vm, value):
            expect_error(vm, "non-compressed non-TLS multifd",
                         "migrate-set-parameters",
                         {"multifd-compression": value})
    vm.set_capability("zero-copy-send", False)
    for name, value in (("multifd-channels", 0), ("multifd-zlib-level", 10),
                        ("multifd-zstd-level", 21)):
        expect_error(vm, name.replace("-", "_"), "migrate-set-parameters",
                     {name: value})
    expect_error(vm, "multifd-channels", "migrate-set-parameters",
                 {"multifd-channels": 256})
    for uri in ("exec:cat", "file:/tmp/nothing", "fd:none"):
        expect_error(vm, "multi-channel URIs", "migrate", {"uri": uri})
    dst = bench.start(incoming="defer")
    dst.set_capability("multifd")
    for uri in ("exec:cat", "file:/tmp/nothing", "fd:none"):
        expect_error(dst, "multi-channel URIs", "migrate-incoming",
                     {"uri": uri})
    dst.set_capability("multifd", False)
    dst.cmd("migrate-incoming", {"uri": "tcp:127.0.0.1:0"})
    expect_error(dst, "Multifd must be set before incoming starts",
                 "migrate-set-capabilities",
                 {"capabilities": [{"capability": "multifd", "state": True}]})


def thread_names(vm):
    base = f"/proc/{vm.process.pid}/task"
    out = set()
    for tid in os.listdir(base):
        try:
            with open(f"{base}/{tid}/comm") as f:
                out.add(f.read().strip())
        except FileNotFoundError:
            pass
    return out


def test_seen(bench):
    """Threads, counters and text of a migration at work."""
    extra = ["-name", "seen,debug-threads=on"]
    src = bench.start(extra=extra)
    dst = bench.start(incoming="defer", extra=extra)
    for vm in (src, dst):
        multifd(vm, 3)
    src.set_parameters(max_bandwidth=SLOW)
    connect(bench, src, dst, "tcp")
    src.wait_migration("active")
    for vm, name in ((src, "mig/src/send"), (dst, "mig/dst/recv")):
        # The destination begins when all connections have come.
        equal_soon(f"threads of {vm.name}", {f"{name}_{i}" for i in range(3)},
                   lambda vm=vm, name=name: {
                       t for t in thread_names(vm) if t.startswith(name)})
    src.set_parameters(max_bandwidth=FAST)
    finish(bench, src, dst, paused=False)
    for vm in (src, dst):
        channels = vm.cmd("query-migrate")["x-channels"]
        text = vm.hmp("info migrate -a")
        for c in channels:
            line = f"multifd channel {c['id']}: {c['bytes'] >> 10} kbytes"
            if line not in text:
                raise VMError(f"'{line}' not in:\n{text}")
        if "multifd channel" in vm.hmp("info migrate"):
            raise VMError("channels without -a")
        if thread_names(vm) & {"mig/src/send_0", "mig/dst/recv_0"}:
            raise VMError("a thread is left")


# What happens to each channel, and once to all.
TRACED = {
    "source": (("multifd_new_send_channel", "multifd_send_thread_start",
                "multifd_send_sync_packet", "multifd_send_thread_end"),
               ("multifd_send_sync_main", "multifd_send_shutdown")),
    "destination": (("multifd_recv_new_channel", "multifd_recv_thread_start",
                     "multifd_recv_sync", "multifd_recv_thread_end"),
                    ("migration_channel_arrived", "migration_channel_known",
                     "multifd_recv_sync_main", "multifd_recv_shutdown")),
}


def test_traced(bench):
    """Trace events of everything that becomes of a channel."""
    src = bench.start()
    dst = bench.start(incoming="defer")
    for vm in (src, dst):
        multifd(vm, 3)
        for name in ("multifd_*", "migration_channel_*"):
            vm.cmd("trace-event-set-state", {"name": name, "enable": True})
    src.set_parameters(max_bandwidth=FAST)
    connect(bench, src, dst, "tcp")
    finish(bench, src, dst, paused=False)
    for vm, (each, once) in zip((src, dst), TRACED.values()):
        lines = vm.stderr().splitlines()
        for event in each:
            for n in range(3):
                if not any(f"{event} channel {n}" in line for line in lines):
                    raise VMError(f"no {event} of channel {n}: {lines[:40]}")
        for event in once:
            if not any(event in line for line in lines):
                raise VMError(f"no {event}: {lines[:40]}")


def test_cancel_active(bench):
    src = bench.start()
    dst = bench.start(incoming="defer")
    dst.exit_expected = True
    for vm in (src, dst):
        multifd(vm, 4)
    src.set_parameters(max_bandwidth=SLOW)
    connect(bench, src, dst, "tcp")
    src.wait_migration("active")
    time.sleep(0.2)
    cancelled(bench, src)
    if dst.wait_exit() != 1:
        raise VMError("the destination should have ended with status 1")
    src.set_capability("multifd", False)
    and_again(bench, src)


def test_cancel_stalled(bench):
    """The peer accepts all connections and never reads."""
    src = bench.start()
    multifd(src, 4)
    src.set_parameters(max_bandwidth=FAST)
    path = bench.work.file("stall.sock")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)
        s.listen(8)
        src.cmd("migrate", {"uri": f"unix:{path}"})
        conns = [s.accept()[0] for _ in range(5)]
        src.wait_migration("active")
        time.sleep(0.3)
        cancelled(bench, src)
        for c in conns:
            c.close()
    src.set_capability("multifd", False)
    and_again(bench, src)


def test_channel_refused(bench):
    """The main connection works, another does not."""
    src = bench.start()
    multifd(src, 4)
    path = bench.work.file("one.sock")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)
        s.listen(1)
        src.cmd("migrate", {"uri": f"unix:{path}"})
        s.accept()[0].close()
    info = src.wait_migration("failed")
    if "multifd channel" not in info["error-desc"]:
        raise VMError(info["error-desc"])
    bench.check_runs(src)
    src.set_capability("multifd", False)
    and_again(bench, src)


def main():
    binary, image, accel = sys.argv[1:4]
    suite = tap.Suite()

    def run(fn, *args):
        require_accel(binary, accel)
        with Bench(binary, image, accel) as bench:
            fn(bench, *args)

    for n, (channels, method, transport, paused, zero) in enumerate((
            (2, "none", "tcp", False, "multifd"),
            (1, "none", "unix", False, "legacy"),
            (16, "none", "tcp", True, "none"),
            (2, "zlib", "unix", False, "multifd"),
            (4, "zlib", "tcp", True, "legacy"),
            (2, "zstd", "tcp", False, "multifd"),
            (16, "zstd", "unix", False, "none"))):
        state = "paused" if paused else "live"
        suite.add(f"move/{n}-{method}/{channels}/{transport}/{state}/{zero}",
                  run, test_move, channels, method, transport, paused, zero)
    for name, fn in (("zero-copy", test_zero_copy), ("options", test_options),
                     ("seen", test_seen), ("traced", test_traced),
                     ("cancel/active",
                                           test_cancel_active),
                     ("cancel/stalled", test_cancel_stalled),
                     ("channel-refused", test_channel_refused)):
        suite.add(name, run, fn)
    return suite.run(sys.argv[4:])


if __name__ == "__main__":
    sys.exit(main())
