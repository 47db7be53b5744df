#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Move a running guest live from one process to another, and prove it.

Starts a source and a destination, boots the test guest, migrates it through
QMP while it goes on writing, checks its memory on the destination.
"""

import argparse
import os
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib.guest import Guest, GuestError  # noqa: E402
from lib.vm import QMPError, VM, VMError, Workspace  # noqa: E402

MIB = 1 << 20


class DemoError(Exception):
    pass


def parse(argv):
    p = argparse.ArgumentParser(prog="tests/demo", description=__doc__)
    p.add_argument("--build", default="build", help=argparse.SUPPRESS)
    p.add_argument("--binary", help="program to run [BUILD/"
                   "qemu-system-x86_64]")
    p.add_argument("--accel", help="kvm or tcg [the first that works]")
    p.add_argument("--memory", type=int, default=256, metavar="MIB",
                   help="guest memory [%(default)s]")
    p.add_argument("--transport", default="tcp",
                   choices=["tcp", "unix", "fd", "exec", "file"])
    p.add_argument("--bandwidth", type=int, default=64, metavar="MIB/S",
                   help="max-bandwidth [%(default)s]")
    p.add_argument("--downtime-limit", type=int, default=1000, metavar="MS")
    p.add_argument("--capability", action="append", default=[],
                   metavar="NAME", help="set on both sides; repeatable")
    p.add_argument("--parameter", action="append", default=[],
                   metavar="NAME=VALUE", help="set on both sides; repeatable")
    p.add_argument("--multifd", type=int, metavar="CHANNELS",
                   help="use this many multifd channels")
    p.add_argument("--compression", metavar="METHOD",
                   help="multifd-compression")
    return p.parse_args(argv)


def options_of(opt):
    """Capabilities and parameters asked for."""
    caps = list(opt.capability)
    params = {}
    if opt.multifd:
        caps.append("multifd")
        params["multifd-channels"] = opt.multifd
    if opt.compression:
        params["multifd-compression"] = opt.compression
    for text in opt.parameter:
        name, eq, value = text.partition("=")
        if not eq:
            raise DemoError(f"--parameter {text}: expected NAME=VALUE")
        params[name] = (int(value) if value.isdigit()
                        else value == "on" if value in ("on", "off")
                        else value)
    return caps, params


def apply_options(vm, caps, params):
    """Set them; an option the program does not have is an error by name."""
    known = {c["capability"] for c in vm.cmd("query-migrate-capabilities")}
    for cap in caps:
        if cap not in known:
            raise DemoError(f"this program has no migration capability "
                            f"'{cap}' (it has: {', '.join(sorted(known))})")
        vm.set_capability(cap)
    known = vm.cmd("query-migrate-parameters")
    for name, value in params.items():
        if name not in known:
            raise DemoError(f"this program has no migration parameter "
                            f"'{name}' (it has: {', '.join(sorted(known))})")
        vm.cmd("migrate-set-parameters", {name: value})


class Serial:
    """Shows what a guest prints, as it comes."""

    MOST = 4  # lines at a time

    def __init__(self, label, path):
        self.label = label
        self.path = path
        self.seen = 0

    def show(self):
        with open(self.path, "rb") as f:
            f.seek(self.seen)
            data = f.read()
        self.seen += len(data)
        text = data.decode("ascii", "replace").replace("\r", "").strip("\n")
        lines = [line for line in text.split("\n") if line]
        if lines:
            clear_progress()
        if len(lines) > self.MOST:
            print(f"  [{self.label}] ({len(lines) - self.MOST} lines not "
                  "shown)")
        for line in lines[-self.MOST:]:
            print(f"  [{self.label}] {line}")


def clear_progress():
    if sys.stdout.isatty():
        print("\r\033[K", end="")


class Progress:
    """One line, redrawn on a terminal, printed now and then elsewhere."""

    def __init__(self):
        self.start = time.monotonic()
        self.last_print = 0.0
        self.last = None

    def show(self, info):
        ram = info.get("ram")
        now = time.monotonic()
        if not ram:
            return
        rate = 0.0
        if self.last and now > self.last[0]:
            rate = (ram["transferred"] - self.last[1]) / (now - self.last[0])
        self.last = (now, ram["transferred"])
        done = 100 * (1 - ram["remaining"] / ram["total"]) if ram["total"] \
            else 100
        dirty = ram["dirty-pages-rate"] * ram["page-size"]
        line = (f"{info['status']:>10} {done:5.1f}%  {rate / MIB:7.1f} MiB/s"
                f"  dirty {dirty / MIB:6.1f} MiB/s"
                f"  remaining {ram['remaining'] / MIB:6.1f} MiB"
                f"  pass {ram['dirty-sync-count']}"
                f"  elapsed {now - self.start:4.1f} s")
        if sys.stdout.isatty():
            print("\r\033[K  " + line, end="", flush=True)
        elif now - self.last_print > 0.5:
            self.last_print = now
            print("  " + line, flush=True)


def connect(opt, work, src, dst):
    """Start the migration; returns a function that gives the destination
    (which `file` starts only after the source is done)."""
    if opt.transport == "file":
        src.cmd("migrate", {"uri": f"file:{work.file('vm.mig')}"})
        return
    if opt.transport == "fd":
        a, b = socket.socketpair()
        with a, b:
            dst.cmd("getfd", {"fdname": "mig"}, fds=[b.fileno()])
            src.cmd("getfd", {"fdname": "mig"}, fds=[a.fileno()])
        dst.cmd("migrate-incoming", {"uri": "fd:mig"})
        src.cmd("migrate", {"uri": "fd:mig"})
        return
    if opt.transport == "exec":
        fifo = work.file("fifo")
        os.mkfifo(fifo)
        dst.cmd("migrate-incoming", {"uri": f"exec:cat {fifo}"})
        src.cmd("migrate", {"uri": f"exec:cat > {fifo}"})
        return
    uri = (f"unix:{work.file('mig.sock')}" if opt.transport == "unix"
           else "tcp:127.0.0.1:0")
    dst.cmd("migrate-incoming", {"uri": uri})
    if opt.transport == "tcp":
        addr = dst.cmd("query-migrate")["socket-address"][0]
        uri = f"tcp:127.0.0.1:{addr['port']}"
    src.cmd("migrate", {"uri": uri})


def watch(src, serial, progress):
    """Until the end; the final query-migrate."""
    while True:
        info = src.cmd("query-migrate")
        serial.show()
        progress.show(info)
        if info["status"] == "completed":
            clear_progress()
            return info
        if info["status"] in ("failed", "cancelled"):
            raise DemoError(f"migration {info['status']}: "
                            f"{info.get('error-desc')}")
        time.sleep(0.05)


def vm_args(opt, guest):
    args = ["-machine", "microvm", "-m", f"{opt.memory}M",
            "-kernel", guest.image, "-name", "demo,debug-threads=on"]
    if opt.accel:
        args += ["-accel", opt.accel]
    return args


def report(info, opt):
    ram = info["ram"]
    seconds = info["total-time"] / 1000
    print("Report:")
    print(f"  total time   {info['total-time']} ms")
    print(f"  downtime     {info['downtime']} ms"
          f" (limit {opt.downtime_limit} ms)")
    print(f"  sent         {ram['transferred'] / MIB:.1f} MiB for a guest of "
          f"{opt.memory} MiB: {ram['normal']} pages,"
          f" {ram['duplicate']} zero pages,"
          f" {ram['dirty-sync-count']} passes")
    if seconds:
        print(f"  throughput   "
              f"{ram['transferred'] / MIB / seconds:.1f} MiB/s")


def demo(opt, work):
    caps, params = options_of(opt)
    binary = opt.binary or os.path.join(opt.build, "qemu-system-x86_64")
    # The guest writes over its range faster than any connection sends; what
    # fits into the downtime limit can be moved all the same.
    swept = min(opt.memory // 4,
                int(opt.bandwidth * opt.downtime_limit / 1000 * 0.8))
    guest = Guest(os.path.join(opt.build, "tests/guest/guest.img"),
                  work.file("guest.bin"), ram_mib=opt.memory,
                  swept_mib=max(swept, 1), print_interval=8)
    args = vm_args(opt, guest)
    with VM(binary, work, "source", args, serial=True, qtest=True) as src:
        apply_options(src, caps, params)
        accel = src.cmd("query-kvm")["enabled"]
        print(f"Source runs ({'kvm' if accel else 'tcg'}), guest of "
              f"{opt.memory} MiB that writes over {guest.swept_mib} MiB for "
              "ever; it prints:")
        serial = Serial("source", src.serial_path)
        guest.wait_sweeps(src, 2)
        serial.show()
        with VM(binary, work, "destination", args + ["-incoming", "defer"],
                serial=True, qtest=True) as dst:
            apply_options(dst, caps, params)
            src.cmd("migrate-set-parameters",
                    {"max-bandwidth": opt.bandwidth * MIB,
                     "downtime-limit": opt.downtime_limit})
            print(f"Migrating over {opt.transport}:")
            connect(opt, work, src, dst)
            info = watch(src, serial, Progress())
            if opt.transport == "file":
                dst.cmd("migrate-incoming",
                        {"uri": f"file:{work.file('vm.mig')}"})
            dst.wait_migration()
            dst.wait_status("running")
            print("Moved; the guest goes on at the destination:")
            there = Serial("destination", dst.serial_path)
            guest.wait_sweeps(dst, 9)  # it prints every 8th
            there.show()
            dst.cmd("stop")
            guest.check(dst.qtest)
            print("Guest memory on the destination: checked, no page lost, "
                  "stale or torn.")
            if src.status() != "postmigrate":
                raise DemoError(f"the source is {src.status()}")
            report(info, opt)
            for vm in (src, dst):
                if vm.close():
                    raise DemoError(f"{vm.name} did not end well:\n"
                                    f"{vm.stderr()}")


def main():
    opt = parse(sys.argv[1:])
    with Workspace() as work:
        try:
            demo(opt, work)
        except (DemoError, VMError, GuestError, QMPError) as e:
            clear_progress()
            sys.exit(f"tests/demo: {e}")
        except KeyboardInterrupt:
            sys.exit(130)


if __name__ == "__main__":
    main()
