#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Record the session that docs/hmp.md shows: a migration at the human monitor
between two of our machines, as the terminal shows it.  To be run by hand:

    tests/qtest/record_hmp.py BUILD/qemu-system-x86_64 BUILD/tests/guest/guest.img
"""

import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from hmp_test import PROMPT, Bench, Terminal, render  # noqa: E402
from lib.guest import Guest  # noqa: E402
from lib.vm import VM, Workspace, has_accel  # noqa: E402

SHOWN = "/run/vm/b.sock"  # where the page says that the destination is
DELAY = 500  # of the guest at each page, us or so: some MiB/s are written


class Session:
    """Everything the person saw, from a monitor on a socket."""

    def __init__(self, binary, work, args):
        self.path = work.file("hmp")
        self.text = ""
        self.vm = VM(binary, work, "a", [
            *args, "-monitor", f"unix:{self.path},server=on,wait=off"],
            qtest=True)
        self.sock = None
        Bench.connect(self)
        self.term = Terminal(self.fd)
        self.until(r"\(qemu\) $")

    def until(self, pattern):
        self.text += self.term.until(re.compile(pattern, re.DOTALL), 120)

    def type(self, keys, end=r"\r\n(.*\r\n)?\(qemu\) $"):
        self.term.send(keys)
        self.until(end)


def screen(text):
    """The lines; of one that was drawn over, what was there before the next
    carriage return that begins a new drawing, where it makes a difference."""
    out = []
    for line in text.split("\r\n"):
        parts = [p for p in re.split(r"\r(?=migrating)", line) if p]
        out += [render(p.lstrip("\r"))[-1].rstrip() for p in parts] or [""]
    return out


def main():
    binary, image = sys.argv[1:3]
    accel = "kvm" if has_accel(binary, "kvm") and \
        os.access("/dev/kvm", os.R_OK | os.W_OK) else "tcg"
    with Workspace() as work:
        guest = Guest(image, work.file("guest.bin"), ram_mib=128,
                      swept_mib=64, page_delay=DELAY)
        args = ["-machine", "microvm", "-accel", accel, "-m", "128M",
                "-kernel", guest.image]
        sock = work.file("b.sock")
        dst = VM(binary, work, "b", [*args, "-incoming", f"unix:{sock}"])
        s = Session(binary, work, args)
        try:
            guest.wait_sweeps(s.vm, 1)
            s.type("info status\r")
            s.type("migrate_set_\t", r"migrate_set_parameter.*migrate_set_")
            s.type("p\tdownt\t100\r")
            s.type("migrate_set_parameter max-bandwidth 2\r")
            s.type(f"migrate -d unix:{sock}\r")
            time.sleep(4)
            s.type("info migrate -a\r")
            s.type("migrate_cancel\r")
            dst.wait_exit()
            dst = VM(binary, work, "b", [*args, "-incoming", f"unix:{sock}"])
            s.type("migrate_set_parameter max-bandwidth 16\r")
            s.type(f"migrate unix:{sock}\r")
            s.type("info migrate -a\r")
            s.type("info status\r")
            s.type("quit\r", r"quit\x1b\[K\r\n$")
        finally:
            s.vm.exit_expected = True
            s.sock.close()
            for vm in (s.vm, dst):
                vm.__exit__()
        for line in screen(s.text.replace(sock, SHOWN)):
            print(line)
    return PROMPT in s.text


if __name__ == "__main__":
    sys.exit(not main())
