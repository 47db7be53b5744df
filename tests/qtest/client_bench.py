# SPDX-License-Identifier: GPL-2.0-or-later
"""Machines for the tests of qemu-migrate, running it, judging the outcome."""

import json
import signal
import subprocess
import sys
import xml.etree.ElementTree

from lib import pattern, stock, tap
from lib.hostram import HostRam
from lib.vm import VM, Workspace, tell_stderr

# The stock programs by name; the other kind is "ours".
STOCKS = {s.name: s for s in stock.find()}
SIZE = 24 << 20
SVG = "{http://www.w3.org/2000/svg}"


class Failure(Exception):
    pass


def equal(what, got, want):
    if got != want:
        raise Failure(f"{what}: {got!r}, not {want!r}")


def says(what, text, wanted):
    if wanted not in text:
        raise Failure(f"{what} does not say '{wanted}': {text}")


class Bench:
    """One test's machines; those without a guest hold a known content."""

    def __init__(self, tool, ours, image):
        self.tool = tool
        self.ours = ours
        self.image = image
        self.work = Workspace()
        self.vms = []

    def __enter__(self):
        return self

    def __exit__(self, exc_type=None, *_):
        if exc_type not in (None, tap.Skip):
            tell_stderr(self.vms)
        for vm in self.vms:
            if vm.alive():
                vm.process.send_signal(signal.SIGCONT)
            vm.__exit__()
        self.work.close()

    def _start(self, binary, args, incoming, **kw):
        """A VM with a second monitor, which is the client's."""
        name = f"vm{len(self.vms)}"
        path = self.work.file(f"{name}.sock")
        args = [*args, "-qmp", f"unix:{path},server=on,wait=off"]
        if incoming:
            args += ["-incoming", incoming]
        vm = VM(binary, self.work, name, args, **kw)
        vm.sock = path
        self.vms.append(vm)
        return vm

    def ram(self, which, incoming=None, extra=(), peer="ours"):
        """`-machine none` of a kind, to migrate to or from a @peer of one."""
        binary = self.ours
        extra = list(extra)
        if which != "ours":
            binary = STOCKS[which].binary
        elif peer != "ours":
            extra += STOCKS[peer].compat_args()
        vm = self._start(binary, [
            "-machine", "none,memory-backend=mem0", "-m", "24M", "-object",
            f"memory-backend-ram,id=mem0,size={SIZE}", *extra], incoming)
        if not incoming:
            with HostRam(vm.process.pid, SIZE) as ram:
                ram.write(0, content())
        return vm

    def pair(self, src="ours", dst="ours", src_extra=(), dst_extra=()):
        return (self.ram(src, extra=src_extra, peer=dst),
                self.ram(dst, "defer", dst_extra, peer=src))

    def live(self, guest, incoming=None):
        """A machine that runs the test guest."""
        return self._start(self.ours, [
            "-machine", "microvm", "-m", f"{guest.ram_mib}M",
            "-kernel", guest.image], incoming, serial=True, qtest=True)

    def command(self, src, dst, *options):
        return [sys.executable, self.tool,
                src if isinstance(src, str) else src.sock,
                dst if isinstance(dst, str) else dst.sock, *options]

    def spawn(self, src, dst, *options):
        return subprocess.Popen(
            self.command(src, dst, *options), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, src, dst, *options, status=0):
        """(stdout, stderr) of a run that ends with `status`."""
        p = self.spawn(src, dst, *options)
        return finish(p, status)

    def report(self, src, dst, *options, status=0):
        """The JSON report of such a run."""
        out, _ = self.run(src, dst, "--json", *options, status=status)
        return json.loads(out)


CONTENT = pattern.memory(SIZE // 2)


def content():
    return CONTENT


def finish(process, status):
    out, err = process.communicate(timeout=120)
    if process.returncode != status:
        raise Failure(f"qemu-migrate ended with {process.returncode}, not "
                      f"{status}\n{out}\n{err}")
    return out, err


def check_content(vm):
    with HostRam(vm.process.pid, SIZE) as ram:
        got = ram.read(0, SIZE)
    if got != content() + bytes(SIZE - len(content())):
        raise Failure(f"RAM of {vm.name} differs")


def check_moved(src, dst):
    src.wait_status("postmigrate")
    dst.wait_status("running")
    check_content(dst)


def check_stayed(src):
    equal("source", src.status(), "running")
    check_content(src)


def check_plot(path, rep):
    """The picture is XML with one point per sample in each curve, and the
    curves are the samples: the remaining memory goes down as it did."""
    root = xml.etree.ElementTree.parse(path).getroot()
    curves = {c.get("id"): [tuple(map(float, p.split(",")))
                            for p in c.get("points").split()]
              for c in root.iter(SVG + "polyline")}
    equal("curves", set(curves), {"send-rate", "dirty-rate", "remaining"})
    samples = rep["samples"]
    if len(samples) < 3:
        raise Failure(f"only {len(samples)} samples")
    for name, points in curves.items():
        equal(f"points of {name}", len(points), len(samples))
        # Pixels grow downwards; a straight line leads from value to pixel.
        values = [s[name] for s in samples]
        low, high = values.index(min(values)), values.index(max(values))
        if values[low] == values[high]:
            continue
        scale = (points[high][1] - points[low][1]) / (values[high]
                                                      - values[low])
        if scale >= 0:
            raise Failure(f"{name} is upside down")
        for value, point in zip(values, points):
            want = points[low][1] + scale * (value - values[low])
            if abs(point[1] - want) > 0.2:
                raise Failure(f"{name}: {value} is at {point}, not {want}")
