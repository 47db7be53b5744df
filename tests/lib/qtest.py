# SPDX-License-Identifier: GPL-2.0-or-later
"""A client of the qtest line protocol."""

import base64


class QTestError(Exception):
    pass


class QTestClient:
    """Speaks the protocol over a connected socket."""

    def __init__(self, sock):
        self.sock = sock
        self.buffer = b""

    def command(self, line):
        self.sock.sendall(line.encode() + b"\n")
        while True:
            while b"\n" not in self.buffer:
                data = self.sock.recv(1 << 16)
                if not data:
                    raise QTestError(f"{line[:60]}: connection closed")
                self.buffer += data
            reply, self.buffer = self.buffer.split(b"\n", 1)
            reply = reply.decode()
            if reply.startswith("IRQ "):
                continue
            if reply == "OK" or reply.startswith("OK "):
                return reply[3:]
            raise QTestError(f"{line[:60]}: {reply}")

    def read(self, addr, length):
        """Guest-physical memory as bytes."""
        return base64.b64decode(self.command(f"b64read {addr:#x} {length}"))

    def write(self, addr, data):
        text = base64.b64encode(data).decode()
        self.command(f"b64write {addr:#x} {len(data)} {text}")

    def read_all(self, start, end, chunk=1 << 20):
        """Pieces of [start, end) as (address, bytes)."""
        for addr in range(start, end, chunk):
            yield addr, self.read(addr, min(chunk, end - addr))

    def close(self):
        self.sock.close()
