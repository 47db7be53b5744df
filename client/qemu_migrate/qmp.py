# SPDX-License-Identifier: GPL-2.0-or-later
"""A QMP client: one connection, commands, and the events in their order."""

import array
import json
import socket
import time


# No reply is near to this; a peer that sends so much without an end of line
# does not speak QMP.
LONGEST_LINE = 64 << 20


class QMPError(Exception):
    """An error reply."""

    def __init__(self, command, error):
        super().__init__(f"{command}: {error.get('desc')}")
        self.command = command
        self.error_class = error.get("class")
        self.desc = error.get("desc")


class QMPClosed(Exception):
    """The peer closed the connection (the process ended, mostly)."""


class QMPTimeout(Exception):
    """Nothing came in time."""


class QMPProtocol(Exception):
    """What the peer sends is not QMP."""


class QMPClient:
    """Speaks QMP over a connected stream socket (descriptors can be passed
    over unix sockets only).

    Events that arrive are kept in .events until taken by wait_event().  A
    reply that did not come in time leaves the connection unusable.
    """

    def __init__(self, sock, timeout=60.0):
        self.sock = sock
        self.timeout = timeout
        self.buffer = b""
        self.events = []
        self.greeting = None

    @classmethod
    def connect(cls, path, deadline=30.0, alive=lambda: True):
        """Connect to the listening socket at `path`, waiting for it."""
        end = time.monotonic() + deadline
        while True:
            sock = socket.socket(socket.AF_UNIX)
            try:
                sock.connect(path)
                return cls(sock)
            except OSError:
                sock.close()
                if time.monotonic() > end or not alive():
                    raise
                time.sleep(0.01)

    def negotiate(self, oob=False, timeout=None):
        """Read the greeting, enter command mode.  A monitor that serves
        somebody else already says nothing: QMPTimeout after `timeout`
        seconds."""
        msg = self._read(timeout)
        if not isinstance(msg.get("QMP"), dict):
            raise QMPProtocol("the peer does not greet as a QMP monitor")
        self.greeting = msg
        args = {"enable": ["oob"]} if oob else None
        self.command("qmp_capabilities", args)

    def _read(self, timeout=None):
        end = time.monotonic() + (self.timeout if timeout is None else timeout)
        while b"\n" not in self.buffer:
            left = end - time.monotonic()
            if left <= 0:
                raise QMPTimeout("no message from the monitor")
            self.sock.settimeout(left)
            try:
                data = self.sock.recv(65536)
            except socket.timeout:
                raise QMPTimeout("no message from the monitor") from None
            except ConnectionError:
                data = b""
            if not data:
                raise QMPClosed("monitor connection closed")
            self.buffer += data
            if len(self.buffer) > LONGEST_LINE:
                raise QMPProtocol("endless line from the monitor")
        line, self.buffer = self.buffer.split(b"\n", 1)
        try:
            msg = json.loads(line)
        except ValueError:
            msg = None
        if not isinstance(msg, dict):
            raise QMPProtocol(f"the peer does not speak QMP: {line[:60]!r}")
        return msg

    def send(self, name, args=None, fds=(), oob=False, ident=None):
        msg = {"exec-oob" if oob else "execute": name}
        if args:
            msg["arguments"] = args
        if ident is not None:
            msg["id"] = ident
        data = json.dumps(msg).encode() + b"\n"
        self.sock.settimeout(self.timeout)
        try:
            if fds:
                self.sock.sendmsg([data], [(
                    socket.SOL_SOCKET, socket.SCM_RIGHTS,
                    array.array("i", fds))])
            else:
                self.sock.sendall(data)
        except socket.timeout:
            raise QMPTimeout("the monitor takes no command") from None
        except OSError:
            raise QMPClosed("monitor connection closed") from None

    def reply(self):
        while True:
            msg = self._read()
            if "event" in msg:
                self.events.append(msg)
            else:
                return msg

    def try_reply(self):
        """The next reply if it has arrived, else None."""
        while True:
            try:
                msg = self._read(timeout=0.001)
            except QMPTimeout:
                return None
            if "event" not in msg:
                return msg
            self.events.append(msg)

    def command(self, name, args=None, fds=(), oob=False):
        """Run a command, return its value; raises QMPError."""
        self.send(name, args, fds, oob)
        msg = self.reply()
        if "error" in msg:
            raise QMPError(name, msg["error"])
        return msg["return"]

    def poll_events(self):
        """Take in what has arrived, without waiting."""
        while True:
            try:
                msg = self._read(timeout=0.001)
            except QMPTimeout:
                return
            if "event" in msg:
                self.events.append(msg)

    def wait_event(self, name, timeout=60.0, **data):
        """The next event `name` whose data has these members; others before
        it are dropped."""
        end = time.monotonic() + timeout
        while True:
            while self.events:
                event = self.events.pop(0)
                got = event.get("data", {})
                if event["event"] == name and all(
                        got.get(k) == v for k, v in data.items()):
                    return event
            left = end - time.monotonic()
            if left <= 0:
                raise QMPTimeout(f"no event {name} {data}")
            try:
                msg = self._read(timeout=left)
            except QMPTimeout:
                raise QMPTimeout(f"no event {name} {data}") from None
            if "event" in msg:
                self.events.append(msg)

    def close(self):
        self.sock.close()
