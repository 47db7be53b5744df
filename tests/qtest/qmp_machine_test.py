#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""QMP and HMP about the machine: its memory in files and dumps, its buttons,
its objects, its command line.

Usage: qmp_machine_test.py BINARY [name patterns]
"""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from lib import tap  # noqa: E402
from lib.vm import VM, VMError  # noqa: E402
from qmp_bench import Bench, ask, check_table  # noqa: E402
from qmp_cases import (Fails, Gives, OK, expects, has, missing,  # noqa: E402
                       named, refused, same, unexpected, wrong)

NO_CPU = expects("cpu-index", "a CPU number")

ARGUMENTS = [
    ("system_powerdown", {"x": 1}, unexpected()),
    ("system_wakeup", None,
     Fails("wake-up from suspend is not supported by this guest")),
    ("inject-nmi", None, Fails("machine does not provide NMIs")),
    ("query-memory-devices", None, Gives([])),
    ("query-iothreads", None, Gives([])),
    ("query-hotpluggable-cpus", None,
     Fails("machine does not support hot-plugging CPUs")),
    ("query-memory-size-summary", None, has(base_memory=16 << 20)),
    ("query-memdev", None, named(id="ram", size=16 << 20, share=False,
                                 policy="default")),
    ("set-action", None, OK),
    ("set-action", {"reboot": "x"}, refused("reboot", "x")),
    ("set-action", {"reboot": 1}, wrong("reboot", "string")),
    ("set-action", {"x": 1}, unexpected()),
    ("set-action", {"reboot": "shutdown", "shutdown": "pause"}, OK),
    ("set-action", {"reboot": "reset", "shutdown": "poweroff"}, OK),
    ("memsave", None, missing("val")),
    ("memsave", {"val": 0, "size": 1}, missing("filename")),
    ("memsave", {"val": "0", "size": 1, "filename": "/x"},
     expects("val", "uint64")),
    ("memsave", {"val": 0, "size": 1, "filename": "/x"}, NO_CPU),
    ("memsave", {"val": 0, "size": 1, "filename": "/x", "cpu-index": 1},
     NO_CPU),
    ("pmemsave", None, missing("val")),
    ("pmemsave", {"val": 0, "size": 1, "filename": 1},
     wrong("filename", "string")),
    ("pmemsave", {"val": 0, "size": 1, "filename": "/nonexistent/x"},
     Fails("Could not open '/nonexistent/x': No such file or directory")),
    ("pmemsave", {"val": 0, "size": 1, "filename": "/dev/fdset/3"},
     Fails("Could not open '/dev/fdset/3': No such file or directory")),
    ("pmemsave", {"val": 0, "size": -1, "filename": "/dev/null"},
     expects("size", "a number below 2^63")),
    ("pmemsave", {"val": 1 << 40, "size": 1 << 60, "filename": "/dev/null"},
     Fails("Could not write to '/dev/null': 0x1000000000000000 bytes without "
           "memory, and it is no regular file")),
    ("query-block", None, Gives([])), ("query-block-jobs", None, Gives([])),
    ("query-blockstats", {"query-nodes": True}, Gives([])),
    ("query-named-block-nodes", {"flat": True}, Gives([])),
    ("query-jobs", None, Gives([])), ("query-pci", None, Gives([])),
    ("query-tpm", None, Gives([])), ("query-mice", None, Gives([])),
    ("query-rx-filter", None, Gives([])),
    ("query-rx-filter", {"name": "n"},
     Fails("invalid net client name: n")),
    ("query-balloon", None, Fails("No balloon device has been activated",
                                  "DeviceNotActive")),
    ("query-colo-status", None,
     Gives({"mode": "none", "last-mode": "none", "reason": "none"})),
    ("query-chardev-backends", None, named(name="socket")),
    ("query-command-line-options", {"option": "nosuch"},
     Fails("invalid option name: nosuch")),
    ("query-command-line-options", {"option": 1}, wrong("option", "string")),
    ("query-command-line-options", {"option": "memory"},
     Gives([{"option": "memory",
             "parameters": [{"name": "size", "type": "size"}]}])),
    ("query-command-line-options", None, named(option="chardev")),
]

QOM = [
    ("qom-list", None, missing("path")),
    ("qom-list", {"path": "/nosuch"},
     Fails("Device '/nosuch' not found", "DeviceNotFound")),
    ("qom-list", {"path": "objects"},
     Fails("Device 'objects' not found", "DeviceNotFound")),
    ("qom-list", {"path": "/"}, named(name="machine",
                                      type="child<none-machine>")),
    ("qom-list", {"path": "//objects/"},
     Gives([{"name": "type", "type": "string"}])),
    ("object-add", {"qom-type": "nosuch", "id": "m"},
     refused("qom-type", "nosuch")),
    ("object-add", {"qom-type": "authz-simple", "id": "1m"},
     missing("identity")),
    ("object-add", {"qom-type": "authz-simple", "id": "a",
                    "identity": "me"}, OK),
    ("object-add", {"qom-type": "authz-simple", "id": "a", "identity": "me"},
     Fails("attempt to add duplicate property 'a' to object (type "
           "'container')")),
    ("object-add", {"qom-type": "memory-backend-ram", "id": "m"},
     missing("size")),
    ("object-add", {"qom-type": "memory-backend-ram", "id": "m",
                    "size": 4096}, OK),
    ("qom-list", {"path": "/objects"},
     named(name="a", type="child<authz-simple>")),
    ("qom-list", {"path": "/objects/a"},
     named(name="identity", type="string")),
    ("qom-get", {"path": "/objects/a", "property": "type"},
     Gives("authz-simple")),
    ("qom-get", {"path": "/objects/a", "property": "identity"}, Gives("me")),
    ("qom-get", {"path": "/objects/a", "property": "nosuch"},
     Fails("Property 'authz-simple.nosuch' not found")),
    ("qom-set", None, missing("path")),
    ("qom-set", {"path": "/objects/a", "property": "identity"},
     missing("value")),
    ("qom-set", {"path": "/objects/z", "property": "a", "value": 1},
     Fails("Device '/objects/z' not found", "DeviceNotFound")),
    ("qom-set", {"path": "/objects/a", "property": "nosuch", "value": 1},
     Fails("Property 'authz-simple.nosuch' not found")),
    ("qom-set", {"path": "/objects/a", "property": "type", "value": "b"},
     Fails("Property 'authz-simple.type' is not writable")),
    ("qom-set", {"path": "/objects/a", "property": "identity", "value": 1},
     wrong("identity", "string")),
    ("qom-set", {"path": "/objects/a", "property": "identity",
                 "value": "you"}, OK),
    ("qom-get", {"path": "/objects/a", "property": "identity"},
     Gives("you")),
    # The memory is mapped: another size would be a lie.
    ("qom-set", {"path": "/objects/m", "property": "size", "value": 8192},
     Fails("cannot change property 'size' of memory-backend-ram")),
    ("qom-get", {"path": "/objects/m", "property": "size"}, Gives(4096)),
    ("qom-set", {"path": "/machine", "property": "type", "value": "x"},
     Fails("Property 'none-machine.type' is not writable")),
    ("qom-get", {"path": "/machine", "property": "type"},
     Gives("none-machine")),
    ("qom-get", {"path": "/machine/unattached", "property": "type"},
     Gives("container")),
    ("object-del", {"id": "a"}, OK),
    ("object-del", {"id": "a"}, Fails("object 'a' not found")),
    ("object-del", {"id": "m"}, OK),
    ("qom-list-properties", None, missing("typename")),
    ("qom-list-properties", {"typename": "nosuch"},
     Fails("Class 'nosuch' not found", "DeviceNotFound")),
    ("qom-list-properties", {"typename": "memory-backend-ram"},
     named(name="size", type="uint64")),
    ("qom-list-properties", {"typename": "microvm-machine"},
     named(name="isa-serial", type="bool")),
    ("qom-list-types", {"implements": "machine", "abstract": False},
     named(name="none-machine", parent="machine")),
]


def test_arguments(bench):
    check_table(bench.start(), ARGUMENTS)


def test_objects(bench):
    check_table(bench.start(), QOM)


def test_powerdown(bench):
    vm = bench.start()
    vm.cmd("system_powerdown")
    same([e["event"] for e in vm.qmp.events], ["POWERDOWN"], "events")
    same(vm.hmp("system_powerdown"), "", "HMP")


def start_microvm(bench, name, accel="tcg", args=()):
    """A machine with a CPU that stands at its reset state."""
    vm = VM(bench.binary, bench.work, name, [
        "-machine", "microvm", "-m", "16M", "-accel", accel, "-S", *args],
        qtest=True)
    bench.vms.append(vm)
    return vm


def flags_of_ram(vm):
    """The kernel's flags of the mapping that is 16 MiB large."""
    with open(f"/proc/{vm.process.pid}/smaps", encoding="ascii") as f:
        text = f.read()
    found = re.findall(r"(?s)\nSize: +16384 kB\n.*?VmFlags: ([^\n]*)", text)
    if not found:
        raise VMError("no mapping of 16 MiB")
    return found[0].split()


def test_memory_options(bench):
    """-machine dump-guest-core, mem-merge: told, and given to the kernel."""
    for number, (options, dump, merge) in enumerate((
            ("", True, False), (",dump-guest-core=off,mem-merge=on", False,
                                True))):
        vm = VM(bench.binary, bench.work, f"memory{number}", [
            "-machine", "none" + options, "-m", "16M", "-accel", "qtest"])
        bench.vms.append(vm)
        told = vm.cmd("query-memdev")[0]
        same((told["dump"], told["merge"]), (dump, merge), "query-memdev")
        same([vm.cmd("qom-get", {"path": "/machine", "property": name})
              for name in ("dump-guest-core", "mem-merge")], [dump, merge],
             "properties")
        flags = flags_of_ram(vm)
        same("dd" in flags, not dump, "left out of core dumps")
        if merge and "mg" not in flags and os.path.exists(
                "/sys/kernel/mm/ksm/run"):
            raise VMError(f"{flags}")


def test_pmemsave(bench):
    vm = start_microvm(bench, "pmem", "qtest")
    vm.qtest.write(0xfffffc, b"end!")
    vm.qtest.write(0x123, b"begin")
    path = bench.work.file("pmem.out")
    with open(path, "wb") as f:
        f.write(b"old" * 100000)
    vm.cmd("pmemsave", {"val": 0x100, "size": 0x40, "filename": path})
    with open(path, "rb") as f:
        same(f.read(), bytes(0x23) + b"begin" + bytes(0x18), "memory")
    # Past the end of memory: zeros, and no room on the disk for them.
    vm.cmd("pmemsave", {"val": 0xfffff8, "size": 1 << 30, "filename": path})
    with open(path, "rb") as f:
        same(f.read(16), bytes(4) + b"end!" + bytes(8), "end of memory")
    same(os.stat(path).st_size, 1 << 30, "size")
    if os.stat(path).st_blocks * 512 > 1 << 20:
        raise VMError("zeros take room")
    fd = os.open(path, os.O_RDWR)
    vm.cmd("add-fd", {"fdset-id": 5}, fds=[fd])
    os.close(fd)
    same(ask(vm, "pmemsave", {"val": 0x123, "size": 5,
                              "filename": "/dev/fdset/5"})[1],
         "Could not open '/dev/fdset/5': Permission denied", "O_RDWR")
    fd = os.open(path, os.O_WRONLY)
    vm.cmd("add-fd", {"fdset-id": 5}, fds=[fd])
    os.close(fd)
    vm.cmd("pmemsave", {"val": 0x123, "size": 5, "filename": "/dev/fdset/5"})
    with open(path, "rb") as f:
        same(f.read(), b"begin", "file of a set")
    same(vm.hmp(f'pmemsave 0x123 3 "{path}"'), "", "HMP")
    with open(path, "rb") as f:
        same(f.read(), b"beg", "file of HMP")


DUMPS = [
    ("xp /4xb 0x100", "0000000000000100: 0x00 0x01 0xfe 0xff"),
    ("xp /2xh 0x100", "0000000000000100: 0x0100 0xfffe"),
    ("xp 0x100", "0000000000000100: 0xfffe"),
    ("xp /2xw 0x100", "0000000000000100: 0xfffe0100 0x64636261"),
    ("xp /1xg 0x100", "0000000000000100: 0x64636261fffe0100"),
    ("xp /4db 0x100", "0000000000000100:   0   1  -2  -1"),
    ("xp /4ub 0x100", "0000000000000100:   0   1 254 255"),
    ("xp /2dh 0x100", "0000000000000100:   256    -2"),
    ("xp /4cw 0x104", "0000000000000104: 'a' 'b' 'c' 'd'"),
    ("xp /2ob 0x101", "0000000000000101:  01 0376"),
    ("xp /9xb 0xfffff8", "0000000000fffff8:" + " 0x00" * 8
     + "\r\n0000000001000000: Cannot access memory"),
    ("xp /3000000xb 0",
     "Error: at most 1048576 bytes can be shown at once"),
    ("xp /1i 0", "Asm output not supported on this arch"),
    ("xp /z 0", "invalid char in format: 'z'\r\n"
     'Try "help xp" for more information'),
]


def test_dumps(bench):
    vm = start_microvm(bench, "dump", "qtest")
    vm.qtest.write(0x100, b"\x00\x01\xfe\xffabcd")
    vm.hmp("xp /1xh 0")
    for line, want in DUMPS:
        if line == "xp 0x100":
            want = "0000000000000100: 0x0100"
        same(vm.hmp(line), want + "\r\n", line)
    vm.qtest.write(0x200, bytes(range(1, 101)))
    total = 0
    for byte in range(1, 101):
        total = ((total >> 1 | total << 15) + byte) & 0xffff
    same(vm.hmp("sum 0x200 100"), f"{total:05}\r\n", "sum")
    same(vm.hmp("i /xb 0x3fd"), "portb[0x03fd] = 0x60\r\n", "port")
    vm.hmp("o /xb 0x3ff 0x5a")
    same(vm.hmp("i /xb 0x3ff"), "portb[0x03ff] = 0x5a\r\n", "port")


def test_virtual(bench):
    """Virtual addresses of a CPU without paging are its physical ones."""
    vm = start_microvm(bench, "virtual")
    vm.qtest.write(0x5000, b"by any name")
    path = bench.work.file("mem.out")
    vm.cmd("memsave", {"val": 0x5003, "size": 3, "filename": path})
    with open(path, "rb") as f:
        same(f.read(), b"any", "memsave")
    same(vm.hmp("x /3c 0x5003"), "0000000000005003: 'a' 'n' 'y'\r\n", "x")
    same(vm.hmp("gva2gpa 0x5003"), "gpa: 0x5003\r\n", "gva2gpa")
    same(ask(vm, "memsave", {"val": 0, "size": 1, "filename": path,
                             "cpu-index": 1})[1], NO_CPU.want[1], "CPU 1")
    same(ask(vm, "memsave", {"val": 1 << 40, "size": 7,
                             "filename": path})[1],
         "Invalid addr 0x0000010000000000/size 7 specified", "no memory")
    path = vm.cmd("query-cpus-fast")[0]["qom-path"]
    same(vm.cmd("qom-get", {"path": path, "property": "type"}), "x86_64-cpu",
         "type of the CPU")
    lines = vm.hmp("info registers").split("\r\n")
    same([lines[0], lines[3].split()[:2], lines[5].split()[0]],
         ["CPU#0", ["EIP=0000fff0", "EFL=00000002"], "CS"],
         "info registers")
    same(vm.hmp("info registers -a"), vm.hmp("info registers"), "of all")
    tree = vm.hmp("info mtree")
    for want in ("0000000000ffffff (prio 0, ram): microvm.ram\r\n",
                 "    00000000000003f8-00000000000003ff (prio 0, i/o): "
                 "serial\r\n"):
        if want not in tree:
            raise VMError(f"info mtree: {tree}")
    if "Host virtual address for 0x1000 (microvm.ram) is 0x" not in \
            vm.hmp("gpa2hva 0x1000"):
        raise VMError(vm.hmp("gpa2hva 0x1000"))
    same(vm.hmp("gpa2hva 0xfec00000"),
         "Memory at address 0xfec00000 is not RAM\r\n", "gpa2hva")
    same([vm.hmp("cpu 0"), vm.hmp("cpu 1")], ["", "invalid CPU index\r\n"],
         "cpu")
    same(vm.hmp("info cpus"), "* CPU #0: thread_id=%d\r\n"
         % vm.cmd("query-cpus-fast")[0]["thread-id"], "info cpus")


def test_hmp(bench):
    vm = bench.start()
    for line, want in (
            ("system_wakeup", "Error: wake-up from suspend is not supported "
                              "by this guest"),
            ("nmi", "Error: machine does not provide NMIs"),
            ("x /2x 0", "Can not dump without CPU"),
            ("gva2gpa 0", "No cpu"),
            ("info memory_size_summary", "base memory: 16777216\r\n"
             "plugged memory: 0"),
            ("object_add authz-simple,id=q,identity=a b", None),
            ("qom-list /objects", "type (string)\r\nq (child<authz-simple>)"),
            ("qom-set /objects/q identity c d", None),
            ("qom-get /objects/q identity", '"c d"'),
            ('object_add {"qom-type": "authz-simple", "id": "r", '
             '"identity": "x"}', None),
            ("object_add authz-simple,id=q,identity=a",
             "Error: attempt to add duplicate property 'q' to object (type "
             "'container')"),
            ("object_add authz-simple,id=s,foo=a",
             "Error: Invalid parameter 'foo'"),
            ("object_del q", None), ("object_del r", None),
            ("object_del q", "Error: object 'q' not found"),
            ("info iothreads", None), ("info memory-devices", None)):
        same(vm.hmp(line), want + "\r\n" if want else "", line)
    for line, want in (("info memdev", "memory backend: ram\r\n"
                                       "  size:  16777216\r\n"),
                       ("info ramblock", "Block Name")):
        if want not in vm.hmp(line):
            raise VMError(f"{line}: {vm.hmp(line)}")


def main():
    suite = tap.Suite()

    def run(fn):
        with Bench(sys.argv[1]) as bench:
            fn(bench)

    for fn in (test_arguments, test_objects, test_powerdown,
               test_memory_options, test_pmemsave, test_dumps, test_virtual,
               test_hmp):
        suite.add(fn.__name__[5:].replace("_", "-"), run, fn)
    return suite.run(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
