#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Live migrations between this program and a stock QEMU, both ways, with
`-machine none`; RAM is compared byte for byte.

Usage: live.py BINARY [--peer STOCK]... [name patterns]
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from lib import pattern, stock, tap  # noqa: E402
from lib.hostram import HostRam  # noqa: E402
from lib.vm import QMPError, VM, VMError, Workspace  # noqa: E402

SIZE = 24 << 20
BACKENDS = {
    "private": "memory-backend-ram,id=mem0,size=24M",
    "shared": "memory-backend-memfd,id=mem0,size=24M,share=on",
}
CONTENT = None


def content():
    """The lower half of RAM; nobody ever touches the upper half."""
    global CONTENT  # pylint: disable=global-statement
    if CONTENT is None:
        CONTENT = pattern.memory(SIZE // 2)
    return CONTENT


class Pair:
    """What runs where in one case."""

    def __init__(self, ours, peer):
        self.ours = ours
        self.peer = peer

    def vm(self, which, work, name, backend, args):
        binary = self.ours if which == "ours" else self.peer.binary
        args = ["-machine", "none,memory-backend=mem0", "-m", "24M",
                "-object", BACKENDS[backend], *args]
        if which == "ours":
            args += self.peer.compat_args()
        return VM(binary, work, name, args)


def put_content(vm):
    with HostRam(vm.process.pid, SIZE) as ram:
        ram.write(0, content())


def check_content(vm):
    data = content()
    with HostRam(vm.process.pid, SIZE) as ram:
        got = ram.read(0, SIZE)
    want = data + bytes(SIZE - len(data))
    if got != want:
        bad = next(i for i in range(0, SIZE, 4096)
                   if got[i:i + 4096] != want[i:i + 4096])
        raise VMError(f"page {bad // 4096} differs on the destination")


def final_states(src, dst, paused):
    src.wait_status("postmigrate")
    dst.wait_status("paused" if paused else "running")


def set_parameters(vm, params):
    try:
        vm.cmd("migrate-set-parameters", params)
    except QMPError as e:
        if "multifd-compression' does not accept" not in e.desc:
            raise
        raise tap.Skip(f"{vm.name} was built without "
                       f"{params['multifd-compression']}") from None


def incoming_for(work, transport):
    """Where a destination is to listen."""
    return (f"unix:{work.file('mig.sock')}" if transport == "unix"
            else "tcp:127.0.0.1:0")


def migrate_to(src, dst, uri, paused):
    """Migrate; dst listens at `uri`, and has the content then."""
    dst.cmd("migrate-incoming", {"uri": uri})
    if uri.startswith("tcp:"):
        addr = dst.cmd("query-migrate")["socket-address"][0]
        uri = f"tcp:127.0.0.1:{addr['port']}"
    src.cmd("migrate", {"uri": uri})
    src.wait_migration()
    dst.wait_migration()
    final_states(src, dst, paused)
    check_content(dst)


def socket_case(pair, way, transport, backend, paused, caps=(), params=None):
    a, b = way
    extra = {side: pair.peer.multifd_args()
             if side == "ours" and "multifd" in caps else [] for side in way}
    with Workspace() as work:
        with pair.vm(a, work, "src", backend, extra[a]) as src, \
                pair.vm(b, work, "dst", backend,
                        [*extra[b], "-incoming", "defer"]) as dst:
            for vm in (src, dst):
                for cap in caps:
                    vm.set_capability(cap)
                if params:
                    set_parameters(vm, params)
            put_content(src)
            if paused:
                src.cmd("stop")
            migrate_to(src, dst, incoming_for(work, transport), paused)


def file_case(pair, way, backend, paused):
    a, b = way
    with Workspace() as work:
        path = work.file("vm.mig")
        save, load = pair.peer.uris(path)
        with pair.vm(a, work, "src", backend, []) as src:
            put_content(src)
            if paused:
                src.cmd("stop")
            src.cmd("migrate", {"uri": save if a == "stock"
                                else f"file:{path}"})
            src.wait_migration()
            src.wait_status("postmigrate")
        with pair.vm(b, work, "dst", backend, ["-incoming", "defer"]) as dst:
            dst.cmd("migrate-incoming", {"uri": load if b == "stock"
                                         else f"file:{path}"})
            dst.wait_migration()
            dst.wait_status("paused" if paused else "running")
            check_content(dst)


def add_cases(suite, pair):
    """All cases against one stock program."""
    for way in (("stock", "ours"), ("ours", "stock")):
        prefix = f"{pair.peer.name}/{way[0]}-to-{way[1]}"
        for transport in ("tcp", "unix", "file"):
            for backend in BACKENDS:
                for paused in (False, True):
                    name = (f"{prefix}/{transport}/{backend}/"
                            f"{'paused' if paused else 'running'}")
                    if transport == "file":
                        suite.add(name, file_case, pair, way, backend, paused)
                    else:
                        suite.add(name, socket_case, pair, way, transport,
                                  backend, paused)
        for method in ("none", "zlib", "zstd"):
            for n, transport, backend, paused in (
                    (1, "unix", "private", False), (2, "tcp", "shared", True),
                    (4, "tcp", "private", False), (8, "tcp", "private", False)):
                suite.add(f"{prefix}/multifd/{method}/{n}", socket_case, pair,
                          way, transport, backend, paused, ("multifd",),
                          {"multifd-channels": n,
                           "multifd-compression": method})
        suite.add(f"{prefix}/unix/return-path", socket_case, pair, way, "unix",
                  "private", False, ("return-path",))


def main():
    ours = sys.argv[1]
    stocks, rest = stock.from_args(sys.argv[2:])
    suite = tap.Suite()
    for peer in stocks:
        add_cases(suite, Pair(ours, peer))
    stock.add_missing(suite, stocks)
    return suite.run(rest)


if __name__ == "__main__":
    sys.exit(main())
