#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A running guest goes from this program to a stock QEMU's microvm machine and
comes back; its memory is checked at each stop.

Usage: microvm.py BINARY GUEST-IMAGE [--peer STOCK]... [name patterns]
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from lib import stock, tap  # noqa: E402
from lib.guest import Guest  # noqa: E402
from lib.vm import VM, VMError, Workspace, require_accel  # noqa: E402

FAST = 1 << 40


def check(guest, vm, goes_on=True):
    """The guest runs at `vm`, and its memory is whole."""
    vm.wait_status("running")
    if goes_on:
        guest.wait_sweeps(vm, 2)
    vm.cmd("stop")
    guest.check(vm.qtest)
    vm.cmd("cont")


def move(src, dst, work, n):
    uri = f"unix:{work.file(f'mig{n}.sock')}"
    for vm in (src, dst):
        vm.set_parameters(max_bandwidth=FAST)
        vm.set_capability("return-path")
    dst.cmd("migrate-incoming", {"uri": uri})
    src.cmd("migrate", {"uri": uri})
    src.wait_migration()
    dst.wait_migration()


def there_and_back(ours, peer, image, accel):
    require_accel(ours, accel)
    with Workspace() as work:
        guest = Guest(image, work.file("guest.bin"), ram_mib=48, swept_mib=8)
        common = ["-accel", accel, "-m", "48M"]
        own = ["-machine", "microvm", *common, "-kernel", guest.image,
               *peer.compat_args()]
        theirs = ["-machine", "microvm,acpi=off", *common]
        wait = ["-incoming", "defer"]
        with VM(ours, work, "start", own, serial=True, qtest=True) as a, \
                VM(peer.binary, work, "stock", theirs + wait, serial=True,
                   qtest=True) as b, \
                VM(ours, work, "back", own + wait, serial=True,
                   qtest=True) as c:
            guest.wait_sweeps(a, 2)
            move(a, b, work, 1)
            check(guest, b)
            move(b, c, work, 2)
            check(guest, c)
            for vm in (a, b, c):
                if b"sweep" not in vm.serial() or b"BAD" in vm.serial():
                    raise VMError(f"{vm.name} printed {vm.serial()[-200:]!r}")


def main():
    binary, image = sys.argv[1:3]
    stocks, rest = stock.from_args(sys.argv[3:])
    suite = tap.Suite()
    for peer in stocks:
        for accel in ("kvm", "tcg"):
            suite.add(f"{peer.name}/microvm-there-and-back/{accel}",
                      there_and_back, binary, peer, image, accel)
    stock.add_missing(suite, stocks)
    return suite.run(rest)


if __name__ == "__main__":
    sys.exit(main())
