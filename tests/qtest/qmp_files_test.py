#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Descriptors handed over (getfd, add-fd, -add-fd) and the files that
/dev/fdset/N stands for.  Usage: qmp_files_test.py BINARY [name patterns]
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from lib import tap  # noqa: E402
from lib.vm import VM, VMError  # noqa: E402
from qmp_bench import (Bench, Raw, ask, check_table,  # noqa: E402
                       descriptors, send_fd)
from qmp_cases import (Fails, Gives, OK, missing,  # noqa: E402
                       same, unexpected, wrong)

NO_FD = Fails("No file descriptor supplied via SCM_RIGHTS")

ARGUMENTS = [
    ("query-fdsets", None, Gives([])),
    ("query-fdsets", {"x": 1}, unexpected()),
    ("add-fd", None, NO_FD),
    ("add-fd", {"fdset-id": 1, "opaque": "a"}, NO_FD),
    ("add-fd", {"fdset-id": "1"}, wrong("fdset-id", "integer")),
    ("add-fd", {"opaque": 1}, wrong("opaque", "string")),
    ("add-fd", {"x": 1}, unexpected()),
    ("remove-fd", None, missing("fdset-id")),
    ("remove-fd", {"fdset-id": 5, "fd": "1"}, wrong("fd", "integer")),
    ("remove-fd", {"fdset-id": 5, "x": 1}, unexpected()),
    ("remove-fd", {"fdset-id": 5},
     Fails("File descriptor named 'fdset-id:5' not found")),
    ("remove-fd", {"fdset-id": 5, "fd": 9},
     Fails("File descriptor named 'fdset-id:5, fd:9' not found")),
    ("remove-fd", {"fdset-id": -5, "fd": -9},
     Fails("File descriptor named 'fdset-id:-5, fd:-9' not found")),
]


def give(vm, path, flags, **args):
    """add-fd of a file opened with these flags."""
    fd = os.open(path, flags, 0o600)
    try:
        args = {k.replace("_", "-"): v for k, v in args.items()}
        return vm.cmd("add-fd", args, fds=[fd])
    finally:
        os.close(fd)


def test_sets(bench):
    vm = bench.start()
    check_table(vm, ARGUMENTS)
    before = descriptors(vm)
    a = give(vm, "/dev/null", os.O_RDONLY)
    b = give(vm, "/dev/null", os.O_RDWR, opaque="two")
    c = give(vm, "/dev/null", os.O_RDWR, fdset_id=0, opaque="three")
    d = give(vm, "/dev/null", os.O_RDWR, fdset_id=7)
    same([s["fdset-id"] for s in (a, b, c, d)], [0, 1, 0, 7], "set numbers")
    same(vm.cmd("query-fdsets"), [
        {"fdset-id": 0, "fds": [{"fd": a["fd"]},
                                {"fd": c["fd"], "opaque": "three"}]},
        {"fdset-id": 1, "fds": [{"fd": b["fd"], "opaque": "two"}]},
        {"fdset-id": 7, "fds": [{"fd": d["fd"]}]}], "sets")
    fd = os.open("/dev/null", os.O_RDONLY)
    try:
        vm.qmp.send("add-fd", {"fdset-id": -1}, fds=[fd])
    finally:
        os.close(fd)
    same(vm.qmp.reply()["error"]["desc"],
         "Parameter 'fdset-id' expects a non-negative value", "set -1")
    check_table(vm, [
        ("remove-fd", {"fdset-id": 0, "fd": b["fd"]}, Fails(
            f"File descriptor named 'fdset-id:0, fd:{b['fd']}' not found")),
        ("remove-fd", {"fdset-id": 0, "fd": a["fd"]}, OK),
        ("remove-fd", {"fdset-id": 0, "fd": a["fd"]}, Fails(
            f"File descriptor named 'fdset-id:0, fd:{a['fd']}' not found")),
        ("remove-fd", {"fdset-id": 7}, OK),
        ("remove-fd", {"fdset-id": 1}, OK)])
    same(vm.cmd("query-fdsets"),
         [{"fdset-id": 0, "fds": [{"fd": c["fd"], "opaque": "three"}]}],
         "sets that are left")
    # The lowest free number again.
    same(give(vm, "/dev/null", os.O_RDWR)["fdset-id"], 1, "next set")
    check_table(vm, [("remove-fd", {"fdset-id": 0}, OK),
                     ("remove-fd", {"fdset-id": 1}, OK)])
    same(descriptors(vm), before, "descriptors")


def test_last_client(bench):
    """Sets outlive a client if there is another, and go with the last."""
    vm = bench.start()
    with Raw(vm.raw_path) as c:
        c.negotiate()
        send_fd(c, '{"execute": "add-fd"}')
        same(c.message()["return"]["fdset-id"], 0, "set")
    same(len(vm.cmd("query-fdsets")), 1, "sets after one client")

    work = bench.work.file("only.raw")
    only = VM(bench.binary, bench.work, "only", [
        "-machine", "none", "-accel", "qtest",
        "-qmp", f"unix:{work},server=on,wait=off"])
    bench.vms.append(only)
    with Raw(work) as c:
        c.negotiate()
        before = descriptors(only)
        only.qmp.close()
        send_fd(c, '{"execute": "add-fd"}')
        c.message()
    with Raw(work) as c:
        c.negotiate()
        same(c.ask('{"execute": "query-fdsets"}'), {"return": []}, "sets")
        if descriptors(only) > before:
            raise VMError("descriptors are left of a set")


def finish(vm):
    return vm.wait_migration("completed")


def test_file_uri(bench):
    """file:/dev/fdset/N out and in, at an offset, what is before survives."""
    for offset in (0, 0x10000):
        path = bench.work.file(f"stream{offset}")
        head = bytes(range(256)) * 256
        with open(path, "wb") as f:
            f.write(head * 3)
        src = bench.start("-S")
        tail = f",offset={offset:#x}" if offset else ""
        give(src, path, os.O_RDONLY, fdset_id=3)
        same(ask(src, "migrate", {"uri": f"file:/dev/fdset/3{tail}"}),
             ("GenericError", "Failed to find file descriptor with matching "
                              "flags=0x41"), "only for reading")
        same(ask(src, "migrate", {"uri": f"file:/dev/fdset/4{tail}"})[1],
             "Could not open '/dev/fdset/4': No such file or directory",
             "no such set")
        same(ask(src, "migrate", {"uri": f"file:/dev/fdset/x{tail}"})[1],
             "Could not parse fdset /dev/fdset/x", "no number")
        # The descriptor's own position is of no interest.
        fd = os.open(path, os.O_WRONLY)
        os.lseek(fd, 12345, os.SEEK_SET)
        src.cmd("add-fd", {"fdset-id": 3}, fds=[fd])
        os.close(fd)
        src.cmd("migrate", {"uri": f"file:/dev/fdset/3{tail}"})
        finish(src)
        with open(path, "rb") as f:
            data = f.read()
        same(data[:offset], (head * 3)[:offset], "what is before the stream")
        same(data[offset:offset + 4], b"QEVM", "begin of the stream")

        dst = bench.start("-incoming", "defer", "-S")
        give(dst, path, os.O_WRONLY)
        same(ask(dst, "migrate-incoming", {
            "uri": f"file:/dev/fdset/0{tail}", "exit-on-error": False}),
             ("GenericError", "Failed to find file descriptor with matching "
                              "flags=0x0"), "only for writing")
        give(dst, path, os.O_RDONLY, fdset_id=0)
        dst.cmd("migrate-incoming", {"uri": f"file:/dev/fdset/0{tail}"})
        finish(dst)
        dst.cmd("remove-fd", {"fdset-id": 0})
        same(dst.cmd("query-fdsets"), [], "sets after the load")


def test_memory_backend(bench):
    path = bench.work.file("memory")
    with open(path, "wb") as f:
        f.truncate(1 << 20)
    vm = bench.start()
    args = {"qom-type": "memory-backend-file", "size": 1 << 20, "share": True,
            "mem-path": "/dev/fdset/0"}
    same(ask(vm, "object-add", {**args, "id": "m"})[1],
         "can't open backing store /dev/fdset/0 for guest RAM: No such file "
         "or directory", "no such set")
    give(vm, path, os.O_RDWR)
    vm.cmd("object-add", {**args, "id": "m"})
    # The set is in use: it stays, empty, as long as the object does.
    vm.cmd("remove-fd", {"fdset-id": 0})
    same(give(vm, path, os.O_RDWR)["fdset-id"], 1, "a set in use keeps its id")
    vm.cmd("object-del", {"id": "m"})
    same(give(vm, path, os.O_RDWR)["fdset-id"], 0, "its id is free again")


def test_secret(bench):
    """Secrets and lists of names may come from sets, more than once."""
    vm = bench.start()
    secret = bench.work.file("secret")
    with open(secret, "w", encoding="ascii") as f:
        f.write("YWJj")
    names = bench.work.file("names")
    with open(names, "w", encoding="ascii") as f:
        f.write('{"policy": "deny", "rules": []}')
    args = {"qom-type": "secret", "file": "/dev/fdset/0", "format": "base64"}
    same(ask(vm, "object-add", {**args, "id": "s"})[1],
         "Unable to read /dev/fdset/0: Failed to open file \u201c/dev/fdset/0"
         "\u201d: No such file or directory", "no such set")
    give(vm, secret, os.O_RDONLY)
    for name in ("s", "t"):
        vm.cmd("object-add", {**args, "id": name})
    # What was read is good base64, and can be the key of others.
    same(ask(vm, "object-add", {"qom-type": "secret", "id": "u",
                                "file": "/dev/fdset/0", "format": "raw",
                                "keyid": "s"})[1],
         "IV is required to decrypt secret", "a key")
    give(vm, names, os.O_RDONLY)
    args = {"qom-type": "authz-list-file", "filename": "/dev/fdset/1"}
    vm.cmd("object-add", {**args, "id": "l", "refresh": False})
    give(vm, secret, os.O_WRONLY)
    same(ask(vm, "object-add", {
        "qom-type": "secret", "id": "v", "file": "/dev/fdset/2"})[0],
         "GenericError", "only for writing")
    for name in ("s", "t", "l"):
        vm.cmd("object-del", {"id": name})
    for fdset in (0, 1, 2):
        vm.cmd("remove-fd", {"fdset-id": fdset})
    same(vm.cmd("query-fdsets"), [], "nothing is left open")


def test_option(bench):
    """-add-fd: the descriptor is duplicated, the original closed."""
    path = bench.work.file("vm.trace")
    script = ('exec 9>"$0"; exec "$@"')
    vm = VM(bench.binary, bench.work, "added",
            ["-machine", "none", "-m", "1M", "-accel", "qtest",
             "-add-fd", "fd=9,set=4,opaque=a b", "-add-fd", "set=2,fd=9",
             "-chardev", "file,id=f,path=/dev/fdset/4"],
            wrapper=["/bin/sh", "-c", script, path])
    bench.vms.append(vm)
    sets = vm.cmd("query-fdsets")
    same([(s["fdset-id"], len(s["fds"]), s["fds"][0].get("opaque"))
          for s in sets], [(2, 1, None), (4, 1, "a b")], "sets")
    links = [os.readlink(f"/proc/{vm.process.pid}/fd/{n}")
             for n in os.listdir(f"/proc/{vm.process.pid}/fd")]
    same(links.count(path), 3, "two in sets, one of the chardev")
    for value, text in (
            ("fd=9", "set option is required and must be non-negative"),
            ("set=1", "fd option is required and must be non-negative"),
            ("fd=-1,set=1", "fd option is required and must be non-negative"),
            ("fd=2,set=1", "fd cannot be a standard I/O stream"),
            ("fd=99,set=1", "fd is not valid or already in use"),
            ("fd=9,set=1,x=1", "Invalid parameter 'x'")):
        try:
            VM(bench.binary, bench.work, "bad", [
                "-machine", "none", "-add-fd", value],
                wrapper=["/bin/sh", "-c", script, path])
        except VMError as e:
            want = f"-add-fd {value}: {text}"
            if want not in str(e) or "status 1" not in str(e):
                raise VMError(f"{e} instead of {want}") from None
        else:
            raise VMError(f"-add-fd {value} is taken")


def main():
    suite = tap.Suite()

    def run(fn):
        with Bench(sys.argv[1]) as bench:
            fn(bench)

    for fn in (test_sets, test_last_client, test_file_uri,
               test_memory_backend, test_secret, test_option):
        suite.add(fn.__name__[5:].replace("_", "-"), run, fn)
    return suite.run(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
