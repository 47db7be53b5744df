# SPDX-License-Identifier: GPL-2.0-or-later
"""Guest RAM of a running process, read and written from outside through
/proc/PID/mem: works alike for every program, and without a CPU."""

import re


class HostRam:
    """The RAM of one process, found by its size."""

    def __init__(self, pid, size):
        self.pid = pid
        self.size = size
        self.base = self._find(size)
        self.mem = open(f"/proc/{pid}/mem", "r+b", buffering=0)

    def _find(self, size):
        """Host address: the writable mapping of just this size, else the
        smallest that is larger."""
        best = None
        with open(f"/proc/{self.pid}/maps") as f:
            for line in f:
                m = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
                if not m:
                    continue
                start, end = int(m.group(1), 16), int(m.group(2), 16)
                if end - start == size:
                    return start
                if end - start > size and (not best or end - start < best[1]):
                    best = (start, end - start)
        if not best:
            raise RuntimeError(f"process {self.pid} has no mapping of the size"
                               f" of the guest's RAM ({size:#x})")
        return best[0]

    def read(self, offset, length):
        self.mem.seek(self.base + offset)
        parts = []
        while length:
            data = self.mem.read(length)
            parts.append(data)
            length -= len(data)
        return b"".join(parts)

    def write(self, offset, data):
        view = memoryview(data)
        self.mem.seek(self.base + offset)
        while view:
            view = view[self.mem.write(view):]

    def close(self):
        self.mem.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
