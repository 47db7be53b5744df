#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Load the recorded streams of stock QEMU into the program, as a file and over
a socket, with shared and with private RAM, and compare the RAM.  Those with
multifd channels come over sockets, the connections in different orders.

Usage: recorded.py BINARY VECTORS-FOLDER [name patterns]
"""

import hashlib
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from lib import tap  # noqa: E402
from lib.vm import QMPError, VM, VMError, Workspace  # noqa: E402


def unpack(folder, entry):
    """The bytes of one channel."""
    path = os.path.join(folder, entry["file"])
    if not path.endswith(".zst"):
        with open(path, "rb") as f:
            data = f.read()
    else:
        if not shutil.which("zstd"):
            raise tap.Skip("the zstd program is not here")
        data = subprocess.run(["zstd", "-dcq", path], stdout=subprocess.PIPE,
                              check=True).stdout
    if hashlib.sha256(data).hexdigest() != entry["sha256"]:
        raise VMError(f"{path} is damaged")
    return data


def read_vector(folder, name):
    with open(os.path.join(folder, name + ".json")) as f:
        return json.load(f)


def receiver_args(vector, backing, ram_path):
    """The recorded command line, with this backing for the RAM."""
    words = iter(shlex.split(vector["command_line"])[1:])
    out = []
    for w in words:
        if w in ("-nodefaults", "-S"):
            continue
        if w == "-display":
            next(words)
            continue
        if w.startswith("memory-backend-file"):
            size = w.split("size=")[1].split(",")[0]
            w = (f"memory-backend-file,id=ram0,size={size},share=on,"
                 f"mem-path={ram_path}" if backing == "shared" else
                 f"memory-backend-ram,id=ram0,size={size}")
        out.append(w)
    return out


def expected_status(vector):
    """A guest that never ran stays prelaunch."""
    return "prelaunch" if "-S" in vector["command_line"].split() else "running"


def check_return_path(vector, folder, sock):
    """What the receiver says must be what stock QEMU said."""
    want = unpack(folder, vector["files"]["main-return"])
    got = b""
    sock.settimeout(20)
    while len(got) < len(want):
        data = sock.recv(4096)
        if not data:
            break
        got += data
    if got != want:
        raise VMError(f"return path said {got.hex()}, not {want.hex()}")


def check_ram(vm, ram):
    got = vm.qtest.read(0, ram["size"])
    if hashlib.sha256(got).hexdigest() != ram["sha256"]:
        raise VMError("RAM differs from what was recorded")


def load(binary, folder, name, transport, backing):
    vector = read_vector(folder, name)
    data = unpack(folder, vector["files"]["main"])
    ram = vector["ram"]["ram0"]
    offset = vector.get("stream_offset", 0)
    ignored = "x-ignore-shared" in vector["capabilities"]
    if ignored and backing != "shared":
        raise tap.Skip("its RAM does not travel: shared memory only")
    with Workspace() as work:
        ram_path = work.file("ram")
        with VM(binary, work, "dst",
                [*receiver_args(vector, backing, ram_path),
                 "-incoming", "defer"], qtest=True) as vm:
            for cap in vector["capabilities"]:
                vm.set_capability(cap)
            if transport == "file":
                path = work.file("stream")
                with open(path, "wb") as f:
                    f.write(data)
                vm.cmd("migrate-incoming",
                       {"uri": f"file:{path},offset={offset:#x}"})
            else:
                path = work.file("sock")
                vm.cmd("migrate-incoming", {"uri": f"unix:{path}"})
                with socket.socket(socket.AF_UNIX) as s:
                    s.connect(path)
                    s.sendall(data[offset:])
                    # Else the receiver waits for a description that this
                    # stream may not have.
                    s.shutdown(socket.SHUT_WR)
                    if "return-path" in vector["capabilities"]:
                        check_return_path(vector, folder, s)
                    vm.wait_migration()
            vm.wait_migration()
            vm.wait_status(expected_status(vector))
            if ignored:
                return
            check_ram(vm, ram)


# ---- several connections ----

# "gone": the main channel is closed before the receiver looks at any.
ORDERS = ("recorded", "main-last", "by-piece", "gone")


def multifd_globals(vector):
    """What a destination has to know about a source before 8.1."""
    if vector["producer"]["version"].startswith("7."):
        return ["-global", "migration.multifd-flush-after-each-section=on"]
    return []


def set_parameters(vm, parameters):
    try:
        vm.cmd("migrate-set-parameters", parameters)
    except QMPError as e:
        if "multifd-compression' does not accept" not in e.desc:
            raise
        raise tap.Skip("built without "
                       f"{parameters['multifd-compression']}") from None


def play(sock, data):
    try:
        sock.sendall(data)
    except OSError:
        pass  # what became of it is the receiver's to tell


def play_all(path, channels, order):
    """Connect and send everything; the open sockets."""
    socks, threads = {}, []
    names = list(channels)
    if order == "main-last":
        names.reverse()
    for name in names:
        socks[name] = socket.socket(socket.AF_UNIX)
        socks[name].connect(path)
        if order == "by-piece":
            # The first packet in two parts, others in between.
            socks[name].sendall(channels[name][:1])
            channels[name] = channels[name][1:]
    for name in names:
        threads.append(threading.Thread(target=play, args=(
            socks[name], channels[name])))
        threads[-1].start()
    return socks, threads


def load_multifd(binary, folder, name, order, backing, extra=None):
    vector = read_vector(folder, name)
    extra = multifd_globals(vector) if extra is None else extra
    channels = {c: unpack(folder, vector["files"][c])
                for c in vector["connection_order"]}
    with Workspace() as work:
        args = receiver_args(vector, backing, work.file("ram"))
        with VM(binary, work, "dst", [*args, *extra, "-incoming", "defer"],
                qtest=True) as vm:
            for cap in vector["capabilities"]:
                vm.set_capability(cap)
            set_parameters(vm, vector["parameters"])
            path = work.file("sock")
            vm.cmd("migrate-incoming", {"uri": f"unix:{path}",
                                        "exit-on-error": False})
            if order == "gone":
                vm.process.send_signal(signal.SIGSTOP)
            socks, threads = play_all(path, channels, order)
            threads[list(socks).index("main")].join()
            socks["main"].shutdown(socket.SHUT_WR)
            if order == "gone":
                vm.process.send_signal(signal.SIGCONT)
            try:
                vm.wait_migration()
            finally:
                for t in threads:
                    t.join()
                for s in socks.values():
                    s.close()
            vm.wait_status(expected_status(vector))
            check_ram(vm, vector["ram"]["ram0"])


def refuse_unset_flush(binary, folder):
    """A source before 8.1 and a destination that was not told."""
    try:
        load_multifd(binary, folder, "multifd-none-2ch-7.2", "recorded",
                     "private", extra=())
    except VMError as e:
        if "multifd-flush-after-each-section" not in str(e):
            raise
    else:
        raise VMError("it was loaded")


def main():
    binary, folder = sys.argv[1:3]
    suite = tap.Suite()
    for entry in sorted(os.listdir(folder)):
        name = entry[:-5]
        # A machine with devices, and an instruction counter that is on: not
        # for this machine, the unit tests walk them.
        if not entry.endswith(".json") or name.startswith(("pc-", "icount")):
            continue
        if name.startswith("multifd-"):
            for order in ORDERS:
                for backing in ("shared", "private"):
                    suite.add(f"{name}/{order}/{backing}", load_multifd,
                              binary, folder, name, order, backing)
            continue
        # A file cannot answer on a return path.
        for transport in ("unix",) if "returnpath" in name else ("file",
                                                                  "unix"):
            for backing in ("shared", "private"):
                suite.add(f"{name}/{transport}/{backing}", load, binary,
                          folder, name, transport, backing)
    suite.add("multifd/flush-not-set", refuse_unset_flush, binary, folder)
    return suite.run(sys.argv[3:])


if __name__ == "__main__":
    sys.exit(main())
