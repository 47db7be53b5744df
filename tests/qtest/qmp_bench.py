# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of QMP share: machines without a guest, raw connections,
tables of calls."""

import json
import os
import socket

from lib.qmp import QMPError
from lib.vm import VM, VMError, Workspace
from qmp_cases import same


class Bench:
    """Machines without a guest, their scratch folder."""

    def __init__(self, binary):
        self.binary = binary
        self.work = Workspace()
        self.vms = []

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        for vm in self.vms:
            vm.__exit__()
        self.work.close()

    def start(self, *args, accel="qtest"):
        name = f"vm{len(self.vms)}"
        path = self.work.file(f"{name}.raw")
        vm = VM(self.binary, self.work, name,
                ["-machine", "none", "-m", "16M", "-accel", accel,
                 "-qmp", f"unix:{path},server=on,wait=off", *args])
        vm.raw_path = path
        self.vms.append(vm)
        return vm


class Raw:
    """A connection whose bytes the test chooses."""

    def __init__(self, path, timeout=30):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(timeout)
        self.sock.connect(path)
        self.file = self.sock.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.file.close()
        self.sock.close()

    def send(self, text):
        self.sock.sendall(text if isinstance(text, bytes) else text.encode())

    def line(self):
        """The next message, undecoded."""
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise VMError(f"a message ends with {line[-10:]!r}")
        return line

    def message(self):
        return json.loads(self.line())

    def ask(self, text):
        """Send, and return the next message that is no event."""
        self.send(text)
        while True:
            msg = self.message()
            if "event" not in msg:
                return msg

    def negotiate(self, oob=False):
        greeting = self.message()
        same(self.ask('{"execute": "qmp_capabilities", "arguments": '
                      '{"enable": [%s]}}' % ('"oob"' if oob else "")),
             {"return": {}}, "negotiation")
        return greeting


def ask(vm, command, args):
    """The value, or (class, description) of the error."""
    try:
        return vm.cmd(command, args)
    except QMPError as e:
        return (e.error_class, e.desc)


def check_table(vm, table):
    for command, args, want in table:
        want.check(ask(vm, command, args), f"{command} {json.dumps(args)}")


def of_command(command, table):
    return [(command, args, want) for args, want in table]


def descriptors(vm):
    return len(os.listdir(f"/proc/{vm.process.pid}/fd"))


def send_fd(c, text):
    r, w = os.pipe()
    try:
        socket.send_fds(c.sock, [text.encode()], [r, w])
    finally:
        os.close(r)
        os.close(w)
