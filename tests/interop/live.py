#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Live migrations between this program and a stock QEMU, both ways, with
`-machine none`; RAM is compared byte for byte.

Usage: live.py BINARY [--peer STOCK] [name patterns]
"""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from lib import pattern, tap  # noqa: E402
from lib.hostram import HostRam  # noqa: E402
from lib.vm import VM, VMError, Workspace  # noqa: E402

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


def version_of(binary):
    """(major, minor) of a QEMU binary."""
    out = subprocess.run([binary, "--version"], capture_output=True,
                         text=True, check=True).stdout
    m = re.search(r"version (\d+)\.(\d+)", out)
    return int(m.group(1)), int(m.group(2))


class Pair:
    """What runs where in one case."""

    def __init__(self, ours, stock):
        self.ours = ours
        self.stock = stock
        self.stock_version = version_of(stock)

    def vm(self, which, work, name, backend, args):
        binary = self.ours if which == "ours" else self.stock
        args = ["-machine", "none,memory-backend=mem0", "-m", "24M",
                "-object", BACKENDS[backend], *args]
        if which == "ours" and self.stock_version < (10, 0):
            # Command 11 is unknown to older receivers.
            args += ["-global", "migration.send-switchover-start=off"]
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


def multifd_globals(pair, which):
    """What our side has to know about a peer before 8.1 (sync points) and
    before 9.0 (zero pages in packets)."""
    if which != "ours" or pair.stock_version >= (9, 0):
        return []
    args = ["-global", "migration.zero-page-detection=legacy"]
    if pair.stock_version < (8, 1):
        args += ["-global", "migration.multifd-flush-after-each-section=on"]
    return args


def socket_case(pair, way, transport, backend, paused, caps=(), params=None):
    a, b = way
    extra = {side: multifd_globals(pair, side) if "multifd" in caps else []
             for side in way}
    with Workspace() as work:
        incoming = (f"unix:{work.file('mig.sock')}" if transport == "unix"
                    else "tcp:127.0.0.1:0")
        with pair.vm(a, work, "src", backend, extra[a]) as src, \
                pair.vm(b, work, "dst", backend,
                        [*extra[b], "-incoming", "defer"]) as dst:
            for vm in (src, dst):
                for cap in caps:
                    vm.set_capability(cap)
                if params:
                    vm.cmd("migrate-set-parameters", params)
            put_content(src)
            if paused:
                src.cmd("stop")
            dst.cmd("migrate-incoming", {"uri": incoming})
            uri = incoming
            if transport == "tcp":
                addr = dst.cmd("query-migrate")["socket-address"][0]
                uri = f"tcp:127.0.0.1:{addr['port']}"
            src.cmd("migrate", {"uri": uri})
            src.wait_migration()
            dst.wait_migration()
            final_states(src, dst, paused)
            check_content(dst)


def file_case(pair, way, backend, paused):
    a, b = way
    with Workspace() as work:
        path = work.file("vm.mig")
        with pair.vm(a, work, "src", backend, []) as src:
            put_content(src)
            if paused:
                src.cmd("stop")
            # 7.2 has no file: transport, but writes through a command.
            old = a == "stock" and pair.stock_version < (8, 2)
            src.cmd("migrate", {"uri": f"exec:cat > {path}" if old
                                else f"file:{path}"})
            src.wait_migration()
            src.wait_status("postmigrate")
        old = b == "stock" and pair.stock_version < (8, 2)
        with pair.vm(b, work, "dst", backend, ["-incoming", "defer"]) as dst:
            dst.cmd("migrate-incoming", {"uri": f"exec:cat {path}" if old
                                         else f"file:{path}"})
            dst.wait_migration()
            dst.wait_status("paused" if paused else "running")
            check_content(dst)


def no_stock(binary):
    raise tap.Skip(f"{binary} is not here (package qemu-system-x86)")


def main():
    ours = sys.argv[1]
    rest = sys.argv[2:]
    stock = "/usr/bin/qemu-system-x86_64"
    if rest[:1] == ["--peer"]:
        stock = rest[1]
        rest = rest[2:]
    suite = tap.Suite()
    have = os.access(stock, os.X_OK)
    pair = Pair(ours, stock) if have else None
    ways = [("stock", "ours"), ("ours", "stock")]
    for way in ways:
        for transport in ("tcp", "unix", "file"):
            for backend in BACKENDS:
                for paused in (False, True):
                    name = (f"{way[0]}-to-{way[1]}/{transport}/{backend}/"
                            f"{'paused' if paused else 'running'}")
                    if not have:
                        suite.add(name, no_stock, stock)
                    elif transport == "file":
                        suite.add(name, file_case, pair, way, backend, paused)
                    else:
                        suite.add(name, socket_case, pair, way, transport,
                                  backend, paused)
        for method in ("none", "zlib", "zstd"):
            for n, transport, backend, paused in (
                    (1, "unix", "private", False), (2, "tcp", "shared", True),
                    (8, "tcp", "private", False)):
                name = f"{way[0]}-to-{way[1]}/multifd/{method}/{n}"
                if not have:
                    suite.add(name, no_stock, stock)
                    continue
                suite.add(name, socket_case, pair, way, transport, backend,
                          paused, ("multifd",),
                          {"multifd-channels": n,
                           "multifd-compression": method})
        name = f"{way[0]}-to-{way[1]}/unix/return-path"
        if have:
            suite.add(name, socket_case, pair, way, "unix", "private", False,
                      ("return-path",))
        else:
            suite.add(name, no_stock, stock)
    return suite.run(rest)


if __name__ == "__main__":
    sys.exit(main())
