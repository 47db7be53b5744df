# SPDX-License-Identifier: GPL-2.0-or-later
"""The test guest as tests that drive the whole program see it: an image with
this test's parameters, waiting for sweeps, checking memory through qtest."""

import os
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../guest"))
import checker  # noqa: E402  pylint: disable=wrong-import-position
import guest_params  # noqa: E402  pylint: disable=wrong-import-position

MIB = 1 << 20


class GuestError(Exception):
    pass


class Guest:
    """A patched copy of the guest image at `path`.

    Memory from 1 MiB on is swept, `swept_mib` of it, filled with data before
    unless `fill` is 0; the rest of RAM is never touched.
    """

    def __init__(self, image, path, ram_mib=64, swept_mib=None, fill=1,
                 **params):
        self.ram_mib = ram_mib
        self.image = path
        if swept_mib is None:
            swept_mib = max(1, ram_mib // 2)
        self.swept_mib = swept_mib
        with open(image, "rb") as f:
            data = f.read()
        data = guest_params.patch_image(
            data, start=MIB, end=(1 + swept_mib) * MIB, fill=fill,
            **params)
        self.params = guest_params.GuestParams.from_image(data)
        with open(path, "wb") as f:
            f.write(data)
        self.seen = None  # sweep that some check saw

    def sweep(self, qtest):
        """Number of the sweep the guest is in; None before the first."""
        raw = qtest.read(self.params.control, 12)
        magic, phase, sweep = struct.unpack("<III", raw)
        if magic != checker.CTL_MAGIC or phase < checker.PHASE_SWEEP:
            return None
        return sweep

    def wait_sweeps(self, vm, count, timeout=120.0):
        """Until the guest has begun `count` more sweeps."""
        end = time.monotonic() + timeout
        first = self.sweep(vm.qtest) or 0
        while True:
            now = self.sweep(vm.qtest)
            if now is not None and (now - first) & 0xffffffff >= count:
                return
            if time.monotonic() > end:
                raise GuestError(f"{vm.name}: the guest does not go on (sweep "
                                 f"{now}, {count} after {first} wanted)")
            time.sleep(0.01)

    def check(self, qtest):
        """The guest is stopped: its memory must be whole, and not older than
        at the last check."""
        dump = bytearray()
        for _, piece in qtest.read_all(0, self.params.end):
            dump += piece
        result = checker.check(bytes(dump), self.params, 0, self.seen)
        if not result:
            raise GuestError(f"guest memory is wrong:\n{result}")
        self.seen = result.sweep
        return result
