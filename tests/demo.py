#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Move a running guest live from one process to another, and prove it.

Starts a source and a destination, boots the test guest, migrates it as
qemu-migrate does while it goes on writing, checks its memory on the
destination.
"""

import argparse
import os
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib.guest import Guest, GuestError  # noqa: E402
from lib.vm import QMPError, VM, VMError, Workspace  # noqa: E402
# The client's modules, which lib.qmp makes known.
from qemu_migrate.address import MigrationUri  # noqa: E402
from qemu_migrate.cli import add_settings, settings_of  # noqa: E402
from qemu_migrate.move import Move  # noqa: E402
from qemu_migrate.plot import draw  # noqa: E402
from qemu_migrate.progress import Progress  # noqa: E402
from qemu_migrate.report import collect, text_of  # noqa: E402
from qemu_migrate.settings import Settings  # noqa: E402
from qemu_migrate.side import MoveError, Side  # noqa: E402

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
    p.add_argument("--plot", metavar="FILE.svg",
                   help="draw rates and remaining memory over time")
    add_settings(p)
    return p.parse_args(argv)


class Serial:
    """Shows what a guest prints, as it comes."""

    MOST = 4  # lines at a time

    def __init__(self, label, path, progress):
        self.label = label
        self.path = path
        self.progress = progress
        self.seen = 0

    def show(self):
        with open(self.path, "rb") as f:
            f.seek(self.seen)
            data = f.read()
        self.seen += len(data)
        text = data.decode("ascii", "replace").replace("\r", "").strip("\n")
        lines = [line for line in text.split("\n") if line]
        if lines:
            self.progress.clear()
        if len(lines) > self.MOST:
            print(f"  [{self.label}] ({len(lines) - self.MOST} lines not "
                  "shown)")
        for line in lines[-self.MOST:]:
            print(f"  [{self.label}] {line}")


def connect_fd(src, dst):
    a, b = socket.socketpair()
    with a, b:
        dst.cmd("getfd", {"fdname": "mig"}, fds=[b.fileno()])
        src.cmd("getfd", {"fdname": "mig"}, fds=[a.fileno()])
    dst.cmd("migrate-incoming", {"uri": "fd:mig"})
    return {"uri": "fd:mig"}


def connect_exec(dst, fifo):
    os.mkfifo(fifo)
    dst.cmd("migrate-incoming", {"uri": f"exec:cat {fifo}"})
    return {"uri": f"exec:cat > {fifo}"}


def make_move(opt, work, src, dst, settings, observer):
    """The migration over the transport that was asked for.  tcp and unix are
    what qemu-migrate does by itself; the others connect in their own way."""
    uri = connect = after = None
    path = work.file("vm.mig")
    if opt.transport == "unix":
        uri = MigrationUri(f"unix:{work.file('mig.sock')}")
    elif opt.transport == "fd":
        def connect(move):
            move.migrate(connect_fd(src, dst))
    elif opt.transport == "exec":
        def connect(move):
            move.migrate(connect_exec(dst, work.file("fifo")))
    elif opt.transport == "file":
        def connect(move):
            move.migrate({"uri": f"file:{path}"})

        def after(move):
            dst.cmd("migrate-incoming", {"uri": f"file:{path}"})
    return Move(Side("source", src.qmp), Side("destination", dst.qmp),
                settings, uri=uri, observer=observer, connect=connect,
                after_source=after)


def settings_for(opt):
    """Capabilities and parameters asked for; those that a side does not have
    are refused by name."""
    # Files and commands carry nothing back.
    settings = Settings(return_path=opt.transport in ("tcp", "unix", "fd"))
    settings.parameter("max-bandwidth", opt.bandwidth * MIB)
    settings.parameter("downtime-limit", opt.downtime_limit)
    return settings_of(opt, settings)


def vm_args(opt, guest):
    args = ["-machine", "microvm", "-m", f"{opt.memory}M",
            "-kernel", guest.image, "-name", "demo,debug-threads=on"]
    if opt.accel:
        args += ["-accel", opt.accel]
    return args


def demo(opt, work):
    settings = settings_for(opt)
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
        settings.refuse_unknown(Side("source", src.qmp))
        accel = src.cmd("query-kvm")["enabled"]
        print(f"Source runs ({'kvm' if accel else 'tcg'}), guest of "
              f"{opt.memory} MiB that writes over {guest.swept_mib} MiB for "
              "ever; it prints:")
        progress = Progress(sys.stdout, interval=0.5, prefix="  ")
        serial = Serial("source", src.serial_path, progress)
        guest.wait_sweeps(src, 2)
        serial.show()
        with VM(binary, work, "destination", args + ["-incoming", "defer"],
                serial=True, qtest=True) as dst:
            rep = migrate(opt, work, src, dst, settings, serial, progress)
            print("Moved; the guest goes on at the destination:")
            there = Serial("destination", dst.serial_path, progress)
            guest.wait_sweeps(dst, 9)  # it prints every 8th
            there.show()
            dst.cmd("stop")
            guest.check(dst.qtest)
            print("Guest memory on the destination: checked, no page lost, "
                  "stale or torn.")
            if src.status() != "postmigrate":
                raise DemoError(f"the source is {src.status()}")
            print("Report:\n" + text_of(rep), end="")
            for vm in (src, dst):
                if vm.close():
                    raise DemoError(f"{vm.name} did not end well:\n"
                                    f"{vm.stderr()}")


def migrate(opt, work, src, dst, settings, serial, progress):
    """Move the guest; the report."""
    def observe(move, info):
        serial.show()
        progress(move, info)

    move = make_move(opt, work, src, dst, settings, observe)
    print(f"Migrating over {opt.transport}:")
    try:
        move.prepare()
        move.start()
        move.watch()
    finally:
        progress.clear()
    rep = collect(move)
    if rep["result"] != "completed":
        raise DemoError(text_of(rep).strip())
    dst.wait_status("running")
    if opt.plot:
        with open(opt.plot, "w", encoding="utf-8") as f:
            f.write(draw(rep))
    return rep


def main():
    opt = parse(sys.argv[1:])
    with Workspace() as work:
        try:
            demo(opt, work)
        except (DemoError, MoveError, VMError, GuestError, QMPError) as e:
            sys.exit(f"tests/demo: {e}")
        except KeyboardInterrupt:
            sys.exit(130)


if __name__ == "__main__":
    main()
