#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The flows that management programs rely on: which command comes when, which
events and states it brings in which order, who ends by himself and who not.
What TLS adds to them is in tls_test.py, broken connections are in
migration_test.py and multifd_fault_test.py.

Usage: flows_test.py BINARY GUEST-IMAGE ACCEL [name patterns]
"""

import os
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.dirname(__file__))
from lib import tap  # noqa: E402
from lib.vm import VMError, require_accel  # noqa: E402
from migration_test import (Bench, channels_of, connect_fd,  # noqa: E402
                            expect_error)
from multifd_test import has_method  # noqa: E402

MARK_AT = 0x90400  # where the guest never writes, sent early
MARK = bytes.fromhex("cafe78563412edfe")
UUIDS = ["11111111-1111-1111-1111-111111111111",
         "22222222-2222-2222-2222-222222222222"]
OFFSET = 4096


# ---- what all flows are made of ----

def set_exactly(vm, **params):
    """What was set is read back, at once and the same."""
    vm.set_parameters(**params)
    now = vm.cmd("query-migrate-parameters")
    for name, value in params.items():
        got = now[name.replace("_", "-")]
        if got != value or type(got) is not type(value):
            raise VMError(f"{name} was set to {value!r} and is {got!r}")


def never_end(vm):
    set_exactly(vm, max_bandwidth=3_000_000, downtime_limit=1)


def may_end(vm):
    set_exactly(vm, max_bandwidth=1_000_000_000, downtime_limit=30_000)


def statuses(vm):
    vm.qmp.poll_events()
    return [e["data"]["status"] if e["event"] == "MIGRATION" else e["event"]
            for e in vm.qmp.events if e["event"] != "MIGRATION_PASS"]


def wait_event(vm, name, timeout=60):
    """Also satisfied by one that came before."""
    end = time.monotonic() + timeout
    while name not in statuses(vm):
        if time.monotonic() > end:
            raise VMError(f"{vm.name}: no {name}, only {statuses(vm)}")
        time.sleep(0.002)


def in_order(vm, *wanted):
    """These events, and others in between."""
    rest = iter(statuses(vm))
    for name in wanted:
        if name not in rest:
            raise VMError(f"{vm.name}: {statuses(vm)}, not {wanted}")


def source(bench, extra=(), **caps):
    vm = bench.start(extra=extra)
    vm.qmp.events.clear()
    prepare(vm, caps)
    return vm


def destination(bench, extra=(), **caps):
    vm = bench.start(incoming="defer", extra=extra)
    prepare(vm, caps)
    return vm


def prepare(vm, caps):
    for name in caps:
        vm.set_capability(name.replace("_", "-"))


def listen(bench, dst, transport="unix", **args):
    """Returns where to; the destination is in setup then."""
    bench.count += 1
    uri = ("tcp:127.0.0.1:0" if transport == "tcp" else
           f"unix:{bench.work.file(f'flow{bench.count}')}")
    dst.cmd("migrate-incoming", {"uri": uri, **args})
    wait_event(dst, "setup")
    if transport == "tcp":
        addr = dst.cmd("query-migrate")["socket-address"][0]
        uri = f"tcp:{addr['host']}:{addr['port']}"
    return uri


def finish(bench, src, dst):
    """The source goes first; the guest runs on, and stands when stopped."""
    bench.end(src)
    bench.guest.wait_sweeps(dst, 1)
    dst.cmd("stop")
    control = bench.guest.params.control
    before = dst.qtest.read(control, 32)
    time.sleep(0.2)
    if dst.qtest.read(control, 32) != before:
        raise VMError("memory changes although the guest is stopped")
    bench.guest.check(dst.qtest)
    bench.end(dst)


def mark(src):
    src.qtest.write(MARK_AT, MARK)


def wait_mark(bench, src, dst):
    """The pages arrive, and the source's guest goes on writing."""
    end = time.monotonic() + 60
    while dst.qtest.read(MARK_AT, len(MARK)) != MARK:
        if time.monotonic() > end:
            raise VMError("the mark does not arrive")
        time.sleep(0.005)
    bench.guest.wait_sweeps(src, 1)
    if src.migration_status() != "active":
        raise VMError(f"it should not end yet: {src.migration_status()}")


def live(bench, src, dst, start, check=True):
    """The guest writes faster than pages go out, until it is allowed to."""
    never_end(src)
    mark(src)
    start()
    wait_mark(bench, src, dst)
    may_end(src)
    src.wait_migration()
    wait_event(src, "STOP")
    wait_event(dst, "RESUME")
    in_order(src, "setup", "active", "STOP", "device", "completed")
    if check:
        finish(bench, src, dst)


def still(bench, src, dst, start):
    """The guest stands from the beginning."""
    src.cmd("stop")
    wait_event(src, "STOP")
    may_end(src)
    start()
    src.wait_migration()
    dst.wait_migration()
    in_order(src, "STOP", "setup", "active", "device", "completed")
    dst.cmd("cont")
    wait_event(dst, "RESUME")
    finish(bench, src, dst)


def migrate(src, uri, listed=False):
    src.cmd("migrate", channels_of(uri) if listed else {"uri": uri})


# ---- one connection ----

def test_unix(bench):
    path = bench.work.file("plain")
    src, dst = source(bench), bench.start(incoming=f"unix:{path}")
    live(bench, src, dst, lambda: migrate(src, f"unix:{path}"))


def test_tcp(bench):
    src = source(bench)
    dst = bench.start(incoming="tcp:127.0.0.1:0")
    addr = dst.cmd("query-migrate")["socket-address"][0]
    if addr["type"] != "inet":
        raise VMError(f"socket-address {addr}")
    still(bench, src, dst,
          lambda: migrate(src, f"tcp:{addr['host']}:{addr['port']}"))


def names_used_up(*vms):
    for vm in vms:
        expect_error(vm, "File descriptor named 'mig' not found", "closefd",
                     {"fdname": "mig"})


def test_fd_socket(bench):
    src, dst = source(bench), destination(bench)
    still(bench, src, dst, lambda: connect_fd(src, dst) or
          names_used_up(src, dst))


def test_fd_file(bench):
    """Each side has a descriptor of its own of the file."""
    path = bench.work.file("mig")
    src, dst = source(bench), destination(bench)
    for vm in (src, dst):
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        vm.cmd("getfd", {"fdname": "mig"}, fds=[fd])
        os.close(fd)
    through_file(bench, src, "fd:mig", path, True, dst)


def test_bad_destination(bench):
    """Nobody there: the source runs on, another destination is untouched."""
    src, dst = source(bench), destination(bench)
    uri = listen(bench, dst, "tcp")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        migrate(src, f"tcp:127.0.0.1:{s.getsockname()[1]}")
    src.wait_migration("failed")
    if "active" in statuses(src) or src.status() != "running":
        raise VMError(f"{statuses(src)}, {src.status()}")
    if dst.migration_status() != "setup" or not uri:
        raise VMError(f"destination: {dst.migration_status()}")
    bench.end(src)
    bench.end(dst)


# ---- files ----

def through_file(bench, src, uri, path, stopped, dst=None):
    dst = dst or destination(bench)
    if OFFSET:
        with open(path, "wb") as f:
            f.write(b"X" * OFFSET)
    may_end(src)
    if stopped:
        src.cmd("stop")
    migrate(src, uri)
    src.wait_migration()
    dst.cmd("migrate-incoming", {"uri": uri})
    wait_event(dst, "setup")
    dst.wait_migration()
    if stopped:
        dst.cmd("cont")
    wait_event(dst, "RESUME")
    finish(bench, src, dst)
    with open(path, "rb") as f:
        begin = f.read(OFFSET + 4)
    at = OFFSET if "offset" in uri else 0
    if at and begin[:at] != b"X" * at or begin[at:at + 4] != b"QEVM":
        raise VMError(f"the file begins with {begin[:8]} ... {begin[-8:]}")


def test_file(bench):
    path = bench.work.file("mig")
    through_file(bench, source(bench), f"file:{path}", path, True)


def test_file_offset(bench):
    path = bench.work.file("mig")
    through_file(bench, source(bench), f"file:{path},offset={OFFSET}", path,
                 False)


def test_file_fdset(bench):
    path = bench.work.file("mig")
    src, dst = source(bench), destination(bench)
    for vm, flags in ((src, os.O_WRONLY | os.O_CREAT), (dst, os.O_RDONLY)):
        fd = os.open(path, flags, 0o600)
        vm.cmd("add-fd", {"fdset-id": 1}, fds=[fd])
        os.close(fd)
    end = bench.end

    def end_without_fds(vm):
        if vm is src:
            vm.cmd("remove-fd", {"fdset-id": 1})
            if vm.cmd("query-fdsets"):
                raise VMError(f"left: {vm.cmd('query-fdsets')}")
        end(vm)

    bench.end = end_without_fds
    through_file(bench, src, f"file:/dev/fdset/1,offset={OFFSET}", path, False,
                 dst)


def test_file_bad_offset(bench):
    src = source(bench)
    expect_error(src, "offset", "migrate",
                 {"uri": f"file:{bench.work.file('mig')},offset=0x20M"})
    bench.end(src)


# ---- several connections ----

def set_multifd(vm, method="none", **params):
    vm.set_capability("multifd")
    set_exactly(vm, multifd_channels=16, multifd_compression=method, **params)


def multifd_pair(bench, method="none", **params):
    src, dst = source(bench), destination(bench)
    if not has_method(src, method):
        raise tap.Skip(f"built without {method}")
    for vm in (src, dst):
        set_multifd(vm, method, **params)
    return src, dst, listen(bench, dst, "tcp")


def test_multifd(bench, listed, zero):
    src, dst, uri = multifd_pair(bench)
    set_exactly(src, zero_page_detection=zero)
    live(bench, src, dst, lambda: migrate(src, uri, listed))


def test_multifd_packed(bench, method):
    src, dst, uri = multifd_pair(bench, method,
                                 **{f"multifd_{method}_level": 2})
    still(bench, src, dst, lambda: migrate(src, uri))


def test_multifd_cancel(bench):
    """The destination notices and ends; the source's next move, with the
    same settings, is complete."""
    src, dst, uri = multifd_pair(bench)
    dst.exit_expected = True
    never_end(src)
    mark(src)
    migrate(src, uri)
    wait_mark(bench, src, dst)
    src.cmd("migrate_cancel")
    if dst.wait_exit() != 1:
        raise VMError(f"the destination's status {dst.process.returncode}")
    src.wait_migration("cancelled")
    in_order(src, "active", "cancelling", "cancelled")
    bench.guest.wait_sweeps(src, 1)
    second = destination(bench)
    set_multifd(second)
    src.qmp.events.clear()
    uri = listen(bench, second, "tcp")
    live(bench, src, second, lambda: migrate(src, uri))


# ---- cancel in every state ----

def both_alive(bench, *vms):
    for vm in vms:
        bench.end(vm)


def test_cancel_none(bench):
    src, dst = source(bench), destination(bench)
    may_end(src)
    for vm in (src, dst):
        vm.cmd("migrate_cancel")
    migrate(src, listen(bench, dst, **{"exit-on-error": False}))
    src.wait_migration()
    dst.wait_migration()
    both_alive(bench, src, dst)


def cancellable(bench):
    caps = {"pause_before_switchover": True, "multifd": True}
    src, dst = source(bench, **caps), destination(bench, **caps)
    may_end(src)
    uri = listen(bench, dst, **{"exit-on-error": False})
    migrate(src, uri)
    return src, dst


def test_cancel_in(bench, state):
    src, dst = cancellable(bench)
    wait_event(src, state)
    src.cmd("migrate_cancel")
    wait_event(src, "cancelling")
    src.wait_migration("cancelled")
    dst.wait_migration("failed")
    order = ["setup", "active", "pre-switchover"]
    in_order(src, *order[:order.index(state) + 1], "cancelling", "cancelled")
    both_alive(bench, src, dst)


def test_cancel_twice(bench, state):
    src, dst = cancellable(bench)
    src.cmd("migrate_cancel")
    wait_event(src, state)
    src.cmd("migrate_cancel")
    src.wait_migration("cancelled")
    dst.wait_migration("failed")
    both_alive(bench, src, dst)


def test_cancel_completed(bench):
    src, dst = source(bench), destination(bench)
    may_end(src)
    migrate(src, listen(bench, dst, **{"exit-on-error": False}))
    wait_event(src, "completed")
    src.cmd("migrate_cancel")
    src.wait_migration()
    dst.wait_migration()
    both_alive(bench, src, dst)


def test_cancel_failed(bench):
    src = source(bench)
    migrate(src, f"unix:{bench.work.file('nobody')}")
    wait_event(src, "failed")
    src.cmd("migrate_cancel")
    src.wait_migration("failed")
    both_alive(bench, src)


# ---- what is checked ----

def test_uuid(bench, ids, fits):
    """Compared only if both have one."""
    args = [["-uuid", UUIDS[n]] if n is not None else [] for n in ids]
    src = source(bench, args[0], validate_uuid=True)
    dst = destination(bench, args[1])
    set_exactly(src, max_bandwidth=1_000_000_000, downtime_limit=1_000_000)
    migrate(src, listen(bench, dst))
    if fits:
        src.wait_migration()
        dst.wait_migration()
        both_alive(bench, src, dst)
        return
    dst.exit_expected = True
    src.wait_migration("failed")
    if dst.wait_exit() != 1 or src.status() != "running":
        raise VMError(f"{dst.process.returncode}, {src.status()}")


def test_addresses(bench):
    src = source(bench)
    both = {**channels_of("tcp:127.0.0.1:1"), "uri": "tcp:127.0.0.1:1"}
    expect_error(src, "", "migrate", both)
    expect_error(src, "", "migrate", {})
    bench.end(src)


def test_ignore_shared(bench):
    """Memory that both have does not go out, however slow it would be."""
    size = f"{bench.guest.ram_mib}M"
    extra = ["-object", f"memory-backend-file,id=mem0,size={size},share=on,"
             f"mem-path={bench.work.file('shared')}",
             "-machine", "memory-backend=mem0"]
    src = source(bench, extra, x_ignore_shared=True)
    dst = destination(bench, extra, x_ignore_shared=True)
    never_end(src)
    migrate(src, listen(bench, dst))
    wait_event(src, "STOP")
    wait_event(dst, "RESUME")
    sent = src.wait_migration()["ram"]["transferred"]
    if sent >= 4 << 20:
        raise VMError(f"{sent} bytes were transferred")
    bench.end(src)
    bench.guest.wait_sweeps(dst, 1)


def cases(suite, run):
    for name, fn, *args in (
            ("precopy/unix/plain", test_unix),
            ("precopy/tcp/plain", test_tcp),
            ("precopy/fd/tcp", test_fd_socket),
            ("precopy/fd/file", test_fd_file),
            ("precopy/bad-dest", test_bad_destination),
            ("precopy/file", test_file),
            ("precopy/file/offset", test_file_offset),
            ("precopy/file/offset/fdset", test_file_fdset),
            ("precopy/file/offset/bad", test_file_bad_offset),
            ("multifd/tcp/uri/plain/none", test_multifd, False, "multifd"),
            ("multifd/tcp/channels/plain/none", test_multifd, True,
             "multifd"),
            ("multifd/tcp/zero-page/legacy", test_multifd, False, "legacy"),
            ("multifd/tcp/zero-page/none", test_multifd, False, "none"),
            ("multifd/tcp/zlib", test_multifd_packed, "zlib"),
            ("multifd/tcp/zstd", test_multifd_packed, "zstd"),
            ("multifd/tcp/cancel", test_multifd_cancel),
            ("cancel/none", test_cancel_none),
            ("cancel/setup", test_cancel_in, "setup"),
            ("cancel/active", test_cancel_in, "active"),
            ("cancel/pre-switchover", test_cancel_in, "pre-switchover"),
            ("cancel/cancelling", test_cancel_twice, "cancelling"),
            ("cancel/cancelled", test_cancel_twice, "cancelled"),
            ("cancel/completed", test_cancel_completed),
            ("cancel/failed", test_cancel_failed),
            ("uuid/same", test_uuid, (0, 0), True),
            ("uuid/other", test_uuid, (0, 1), False),
            ("uuid/src-not-set", test_uuid, (None, 0), True),
            ("uuid/dst-not-set", test_uuid, (0, None), True),
            ("addresses", test_addresses),
            ("ignore-shared", test_ignore_shared)):
        suite.add(name, run, fn, *args)


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
