#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""-device framebuffer: pictures of it, its memory in a migration.

Usage: screen_test.py BINARY [name patterns]
"""

import os
import struct
import sys
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from lib import tap  # noqa: E402
from lib.vm import VM, VMError  # noqa: E402
from qmp_bench import Bench, ask, check_table  # noqa: E402
from qmp_cases import Fails, Gives, named, same  # noqa: E402

def start_microvm(bench, name, accel, args=()):
    """A machine with a CPU that stands at its reset state."""
    vm = VM(bench.binary, bench.work, name, [
        "-machine", "microvm", "-m", "16M", "-accel", accel, "-S", *args],
        qtest=True)
    bench.vms.append(vm)
    return vm


FB = "framebuffer,width=5,height=3,addr=0xd0000000"


def start_screen(bench, name, device=FB, args=()):
    try:
        return start_microvm(bench, name, "qtest",
                             ["-device", device, *args])
    except VMError as e:
        if "not a valid device model name" in str(e):
            raise tap.Skip("built without pixman") from None
        raise


def read_ppm(path):
    with open(path, "rb") as f:
        data = f.read()
    head = b"P6\n5 3\n255\n"
    same(data[:len(head)], head, "head of a PPM")
    return data[len(head):]


def read_png(path):
    """The rows of an RGB picture, with their filters undone."""
    with open(path, "rb") as f:
        data = f.read()
    same(data[:8], b"\x89PNG\r\n\x1a\n", "head of a PNG")
    at, packed, width = 8, b"", 0
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        if kind == b"IHDR":
            width, height, *rest = struct.unpack(">IIBBBBB", body)
            same(rest, [8, 2, 0, 0, 0], "kind of PNG")
            same((width, height), (5, 3), "size")
        elif kind == b"IDAT":
            packed += body
        at += length + 12
    raw, stride, rows = zlib.decompress(packed), 3 * width, []
    for start in range(0, len(raw), stride + 1):
        rows.append(unfilter(raw[start], raw[start + 1:start + 1 + stride],
                             rows[-1] if rows else bytes(stride)))
    return b"".join(rows)


def unfilter(kind, line, above):
    out = bytearray()
    for i, byte in enumerate(line):
        left = out[i - 3] if i >= 3 else 0
        corner = above[i - 3] if i >= 3 else 0
        guess = left + above[i] - corner
        paeth = min((left, above[i], corner), key=lambda v: abs(guess - v))
        out.append((byte + (0, left, above[i], (left + above[i]) // 2,
                            paeth)[kind]) & 0xff)
    return bytes(out)


def picture():
    """Some pixels: what the guest writes, what is to be seen."""
    pixels = [(n * 16 % 256, 255 - n * 7, n * n % 256) for n in range(15)]
    return (b"".join(bytes((b, g, r, 0x77)) for r, g, b in pixels),
            b"".join(bytes(p) for p in pixels))


def has_png(vm):
    return "does not accept value" not in str(ask(
        vm, "screendump", {"filename": "/nonexistent/x", "format": "png"}))


def test_screendump(bench):
    vm = start_screen(bench, "screen", FB + ",id=fb0")
    memory, seen = picture()
    path = bench.work.file("picture")
    vm.qtest.write(0xd0000000, memory)
    vm.cmd("screendump", {"filename": path})
    same(read_ppm(path), seen, "PPM")
    vm.cmd("screendump", {"filename": path, "device": "fb0", "head": 0,
                          "format": "ppm"})
    same(read_ppm(path), seen, "PPM of fb0")
    if has_png(vm):
        vm.cmd("screendump", {"filename": path, "format": "png"})
        same(read_png(path), seen, "PNG")
        same(vm.hmp(f'screendump -p "{path}"'), "", "HMP")
        same(read_png(path), seen, "PNG of HMP")
    check_table(vm, [
        ("screendump", {"filename": "/nonexistent/x"}, Fails(
            "Could not create '/nonexistent/x': No such file or directory")),
        ("screendump", {"filename": path, "device": "fb1"},
         Fails("Device 'fb1' not found", "DeviceNotFound")),
        ("screendump", {"filename": path, "device": "fb0", "head": 1},
         Fails("Device 'fb0' does not have a head 1")),
        ("screendump", {"filename": "/dev/full"},
         Fails("Could not write to '/dev/full'")),
        ("qom-list", {"path": "/machine/peripheral"},
         named(name="fb0", type="child<framebuffer>")),
        ("qom-get", {"path": "/machine/peripheral/fb0", "property": "width"},
         Gives(5)),
        ("qom-set", {"path": "/machine/peripheral/fb0", "property": "width",
                     "value": 5000},
         Fails("cannot change property 'width' of framebuffer")),
        ("device-list-properties", {"typename": "framebuffer"},
         named(name="height"))])
    if b"fb0.vram" not in vm.hmp("info ramblock").encode():
        raise VMError("the screen has no block of memory")


def test_rgb565(bench):
    vm = start_screen(bench, "rgb565", FB + ",format=rgb565")
    path = bench.work.file("picture")
    # Rows of 5 pixels of 2 bytes are padded to 12 bytes.
    vm.qtest.write(0xd0000000, struct.pack("<6H", 0xf800, 0x07e0, 0x001f,
                                           0xffff, 0, 0x1234))
    vm.qtest.write(0xd000000c, struct.pack("<H", 0xffff))
    vm.cmd("screendump", {"filename": path})
    same(read_ppm(path)[:18], b"\xff\0\0" b"\0\xff\0" b"\0\0\xff"
         b"\xff\xff\xff" b"\0\0\0" b"\xff\xff\xff", "pixels")


def test_screen_migrates(bench):
    """Its memory arrives, changed parts of it too; another size does not."""
    src = start_screen(bench, "from")
    dst = start_screen(bench, "to", args=["-incoming", "defer"])
    memory, seen = picture()
    src.qtest.write(0xd0000000, memory)
    src.set_parameters(max_bandwidth=0)
    src.cmd("cont")
    stream, path = bench.work.file("stream"), bench.work.file("picture")
    dst.cmd("migrate-incoming", {"uri": f"unix:{stream}"})
    src.set_capability("pause-before-switchover")
    src.cmd("migrate", {"uri": f"unix:{stream}"})
    src.wait_migration("pre-switchover")
    src.qtest.write(0xd0000000, memory[4:8])
    src.cmd("migrate-continue", {"state": "pre-switchover"})
    src.wait_migration("completed")
    dst.wait_migration("completed")
    dst.cmd("screendump", {"filename": path})
    same(read_ppm(path), seen[3:6] + seen[3:], "picture")

    src2 = start_screen(bench, "from2")
    src2.cmd("migrate", {"uri": f"file:{stream}.file"})
    src2.wait_migration("completed")
    other = start_screen(bench, "other", FB.replace("width=5", "width=4"),
                         args=["-incoming", "defer"])
    other.cmd("migrate-incoming", {"uri": f"file:{stream}.file",
                                   "exit-on-error": False})
    info = other.wait_migration("failed")
    if "framebuffer" not in info.get("error-desc", ""):
        raise VMError(f"the wrong size is not named: {info}")


def test_device_option(bench):
    start_screen(bench, "good")
    for value, text in (
            ("nosuch", "'nosuch' is not a valid device model name"),
            ("device", "'device' is not a valid device model name"),
            ("id=x", "Parameter 'driver' is missing"),
            ("framebuffer,foo=1", "Property 'framebuffer.foo' not found"),
            ("framebuffer,id=1x", "Parameter 'id' expects an identifier"),
            ("framebuffer,format=gray",
             "Parameter 'format' does not accept value 'gray'"),
            ("framebuffer,addr=0x800000", "address 0x800000 is taken"),
            ("framebuffer,addr=0xd0000001",
             "address 0xd0000001 is not the start of a page"),
            ("framebuffer,addr=0xfec00000,width=8000,height=8000",
             "address 0xfec00000 is taken"),
            ("framebuffer,addr=0xfffffffffffff000",
             "is not the start of a page with room for")):
        try:
            start_microvm(bench, "bad", "qtest", ["-device", value])
        except VMError as e:
            if text not in str(e) or "status 1" not in str(e):
                raise VMError(f"{value}: {e} instead of {text}") from None
        else:
            raise VMError(f"-device {value} is taken")
    try:
        start_screen(bench, "bad", "framebuffer,id=a",
                     ["-device", "framebuffer,id=a,addr=0xe0000000"])
    except VMError as e:
        if "Duplicate device ID 'a'" not in str(e):
            raise
    start_screen(bench, "json",
                 '{"driver": "framebuffer", "id": "a", "width": 7}',
                 ["-device", "framebuffer,id=b,addr=0xe0000000"])


def main():
    suite = tap.Suite()

    def run(fn):
        with Bench(sys.argv[1]) as bench:
            fn(bench)

    for fn in (test_screendump, test_rgb565, test_screen_migrates,
               test_device_option):
        suite.add(fn.__name__[5:].replace("_", "-"), run, fn)
    return suite.run(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
