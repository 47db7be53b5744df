#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The qtest protocol as the migration tests use it: thousands of one-byte
reads, also while a guest comes in.  Usage: qtest_test.py BINARY [patterns]
"""

import os
import re
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from lib import tap  # noqa: E402
from lib.vm import VM, VMError, Workspace  # noqa: E402
from qmp_cases import same  # noqa: E402

READS = 25000  # what one case of a migration test asks for


def start(binary, work, name, *args):
    return VM(binary, work, name, ["-machine", "none", "-m", "16M",
                                   "-accel", "qtest", *args], qtest=True)


def switches(vm):
    """How often a thread of @vm went to sleep."""
    total = 0
    for task in os.listdir(f"/proc/{vm.process.pid}/task"):
        with open(f"/proc/{vm.process.pid}/task/{task}/status",
                  encoding="ascii") as f:
            total += sum(int(line.split()[1]) for line in f
                         if line.startswith("voluntary_ctxt_switches"))
    return total


def occupied_ns(pid, task):
    """Time that a thread ran or wanted to run."""
    with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as f:
        ran, waited, _ = f.read().split()
    return int(ran) + int(waited)


def read_pages(vm, count):
    for n in range(count):
        vm.qtest.command(f"read {n * 4096 % (16 << 20):#x} 1")


def test_fast_reads(binary):
    """No read waits for a timer or for another thread: the program sleeps
    once a read, and all the time one of both ends has something to do."""
    me = threading.get_native_id()
    with Workspace() as work, start(binary, work, "vm") as vm:
        pid = vm.process.pid
        read_pages(vm, 100)
        slept, wall = switches(vm), time.monotonic_ns()
        busy = occupied_ns(pid, pid) + occupied_ns(os.getpid(), me)
        read_pages(vm, READS)
        busy = occupied_ns(pid, pid) + occupied_ns(os.getpid(), me) - busy
        wall = time.monotonic_ns() - wall
        slept = switches(vm) - slept
        print(f"# {slept / READS:.2f} sleeps a read, busy for "
              f"{busy / wall:.0%} of the time, {READS * 1e9 / wall:.0f}/s")
        if slept > READS * 1.5:
            raise VMError(f"{slept} sleeps for {READS} reads")
        if busy < wall / 3:
            raise VMError(f"both ends idle for {1 - busy / wall:.0%} of the "
                          "time: something waits")


def test_many_lines(binary):
    """Lines in one packet are all run, in order, an answer each."""
    with Workspace() as work, start(binary, work, "vm") as vm:
        lines = b"".join(b"writeb %d %d\nreadb %d\n" % (n, n % 251, n)
                         for n in range(2000))
        # In a thread: neither end can hold all of it.
        sender = threading.Thread(target=vm.qtest.sock.sendall, args=(lines,))
        sender.start()
        answers = b""
        while answers.count(b"\n") < 4000:
            answers += vm.qtest.sock.recv(65536)
        sender.join()
        same(answers, b"".join(b"OK\nOK 0x%016x\n" % (n % 251)
                               for n in range(2000)), "answers")


def test_while_loading(binary):
    """A destination answers while pages come in, and shows them."""
    with Workspace() as work, start(binary, work, "src") as src:
        path = work.file("stream")
        with start(binary, work, "dst", "-incoming", f"unix:{path}") as dst:
            src.qtest.write(0, os.urandom(16 << 20))
            first = src.qtest.read(0, 1)
            src.set_parameters(max_bandwidth=256 << 10)
            src.cmd("migrate", {"uri": f"unix:{path}"})
            dst.wait_migration("active")
            while dst.qtest.read(0, 1) != first:
                if dst.migration_status() != "active":
                    raise VMError("the load ended without the first page")
            read_pages(dst, 2000)
            dst.cmd("query-status")
            # 16 MiB at 256 KiB a second: it has not ended meanwhile.
            same(dst.migration_status(), "active", "status after the reads")
            src.set_parameters(max_bandwidth=0)
            src.wait_migration("completed")
            dst.wait_migration("completed")
            same(dst.qtest.read(0, 16 << 20), src.qtest.read(0, 16 << 20),
                 "memory")


def answers(vm, *lines):
    """What is answered, with reports of interrupt lines before it."""
    out = []
    for line in lines:
        vm.qtest.sock.sendall(line.encode() + b"\n")
        text = b""
        while not re.search(rb"(?m)^(OK|FAIL|ERR).*\n\Z", text):
            text += vm.qtest.sock.recv(65536)
        out.append(text.decode().strip().replace("\n", "; "))
    return out


def test_irqs(binary):
    """Interrupt lines of real devices, told of and set."""
    options = ["-machine", "microvm", "-m", "16M", "-accel", "qtest",
               "-serial", "null"]
    with Workspace() as work:
        with VM(binary, work, "in", options, qtest=True) as vm:
            same(answers(
                vm, "irq_intercept_in ioapic",
                # The serial port: its transmitter is empty.
                "outb 0x3fc 8", "outb 0x3f9 2", "outb 0x3f9 0",
                # The timer: a pulse after each 1000 ticks of 1.193182 MHz.
                "outb 0x43 0x34", "outb 0x40 0xe8", "outb 0x40 3",
                "clock_step 900000", "set_irq_in ioapic unnamed-gpio-in 11 1",
                "irq_intercept_in pic"),
                 ["OK", "OK", "IRQ raise 4; OK", "IRQ lower 4; OK", "OK",
                  "OK", "OK", "IRQ raise 0; IRQ lower 0; OK 900000",
                  "IRQ raise 11; OK", "FAIL IRQ intercept already enabled"],
                 "inputs of the IOAPIC")
        with VM(binary, work, "out", options, qtest=True) as vm:
            same(answers(vm, "irq_intercept_out serial", "outb 0x3fc 8",
                         "outb 0x3f9 2", "set_irq_in pic unnamed-gpio-in 4 0",
                         "outb 0x3f9 0"),
                 ["OK", "OK", "IRQ raise 0; OK", "OK", "IRQ lower 0; OK"],
                 "output of the serial port")


def test_nonsense(binary):
    """What stock QEMU ends at is answered."""
    with Workspace() as work, start(binary, work, "vm") as vm:
        for line in ("", " ", "nosuch", "read", "read x y", "read 0 0",
                     "readb", "readb 0 0 0 0 0", "inb 0x10000", "inb",
                     "write 0 4", "write 0 4 x", "b64write 0 4 x",
                     "memset 0 x 1", "clock_step x", "clock_set",
                     "read 0 0xffffffffffffffff", "irq_intercept_in nosuch",
                     "set_irq_in a b c d", "a" * 100000):
            vm.qtest.sock.sendall(line.encode() + b"\n")
            answer = b""
            while not answer.endswith(b"\n"):
                answer += vm.qtest.sock.recv(65536)
            if not answer.startswith((b"FAIL", b"ERR", b"OK")):
                raise VMError(f"{line[:50]!r}: {answer!r}")
        same(vm.qtest.command("endianness"), "little", "endianness")


def main():
    suite = tap.Suite()
    for fn in (test_fast_reads, test_many_lines, test_while_loading,
               test_irqs, test_nonsense):
        suite.add(fn.__name__[5:].replace("_", "-"), fn, sys.argv[1])
    return suite.run(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
