# SPDX-License-Identifier: GPL-2.0-or-later
"""A relay between a client and a server that damages what it forwards.

    def plan(conn):
        if conn.number == 2:
            conn.up.cut_at = 100_000      # third connection, client to server
            conn.down.rate = 1 << 20      # and a slow way back

    with Relay("tcp:127.0.0.1:0", "unix:/tmp/real.sock", plan) as relay:
        vm.cmd("migrate", {"uri": relay.uri})
        relay.wait(lambda: relay.finished == 3)

Addresses are `tcp:HOST:PORT` and `unix:PATH`, as `migrate` takes them.  Each
connection has two ways, `up` (client to server) and `down`, each forwarded by
a thread of its own; close() ends and joins all of them.
"""

import errno
import os
import select
import socket
import struct
import threading
import time

PIECE = 256 << 10
FOREVER = 1 << 62


def parse_address(text):
    """(family, address) of `tcp:HOST:PORT` or `unix:PATH`."""
    kind, _, rest = text.partition(":")
    if kind == "unix" and rest:
        return socket.AF_UNIX, rest
    host, _, port = rest.rpartition(":")
    if kind != "tcp" or not host or not port.isdigit():
        raise ValueError(f"relay address '{text}': expected tcp:HOST:PORT or "
                         "unix:PATH")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return family, (host.strip("[]"), int(port))


class Way:
    """One direction of one connection.

    The faults are attributes that may be set by the relay's plan, and from
    any thread at any time later; offsets count from the first byte.

    cut_at       after so many bytes both sockets are closed, in both ways
    reset        with cut_at: TCP peers see a reset instead of an end
    truncate_at  after so many bytes the receiver sees the end of the stream;
                 the rest is read from the sender and thrown away
    stall_at     after so many bytes nothing more is read, until release()
    corrupt      {offset: mask}: the byte there is XORed with the mask
    rate         bytes per second, None is no limit
    """

    def __init__(self, name, conn):
        self.name = name
        self.conn = conn
        self.cut_at = None
        self.reset = False
        self.truncate_at = None
        self.stall_at = None
        self.corrupt = {}
        self.rate = None
        self.count = 0       # bytes read from the sender
        self.ended = False   # the sender has closed, or the connection is cut
        self._go = threading.Event()

    def stall(self):
        """Forward nothing more from now on."""
        self.stall_at = self.count

    def release(self):
        """Let a stalled way go on."""
        self.stall_at = None
        self._go.set()

    def _room(self):
        """Bytes that may be read before something happens."""
        marks = [m for m in (self.cut_at, self.truncate_at, self.stall_at)
                 if m is not None and m > self.count]
        piece = PIECE
        if self.rate:  # some twenty pieces a second, not one big burst
            piece = min(PIECE, max(1, int(self.rate) // 20))
        return min([piece] + [m - self.count for m in marks])

    def _reached(self, mark):
        return mark is not None and self.count >= mark

    def _damage(self, data, start):
        """`data`, which begins at offset `start`, with bytes corrupted."""
        hits = {o: m for o, m in dict(self.corrupt).items()
                if start <= o < start + len(data)}
        if not hits:
            return data
        data = bytearray(data)
        for offset, mask in hits.items():
            data[offset - start] ^= mask
        return bytes(data)

    def _wait_stalled(self):
        """Until there is no stall; False if the connection ended meanwhile."""
        while self._reached(self.stall_at):
            self._go.clear()
            if self._reached(self.stall_at) and not self.conn.closing:
                self._go.wait(1.0)
            if self.conn.closing:
                return False
        return True

    def _read(self, sock, early):
        """(next piece, what is left of `early`); an empty piece is the end."""
        room = self._room()
        if early:
            return early[:room], early[room:]
        return sock.recv(room), b""

    def _send(self, sock, data):
        """Like sendall(), but ended by the connection's end too, which a
        reset would not do."""
        view = memoryview(data)
        while view:
            try:
                view = view[sock.send(view, socket.MSG_DONTWAIT):]
            except BlockingIOError:
                select.select([], [sock], [], 0.2)
                if self.conn.closing:
                    raise

    def pump(self, sock, peer, early=b""):
        """Thread: forward from sock to peer, `early` first."""
        try:
            self._pump(sock, peer, early)
        except OSError:
            # An end that was reset takes its whole connection along.
            self.conn.cut()
        finally:
            self.ended = True
            self.conn.relay.changed()

    def _pump(self, sock, peer, early):
        next_at = time.monotonic()
        while True:
            if self._reached(self.cut_at):
                self.conn.cut(self.reset)
                return
            if not self._wait_stalled():
                return
            thrown = self._reached(self.truncate_at)
            if thrown and self.count == self.truncate_at:
                peer.shutdown(socket.SHUT_WR)
            data, early = self._read(sock, early)
            if not data:
                if not thrown and not self.conn.closing:
                    peer.shutdown(socket.SHUT_WR)
                return
            start = self.count
            self.count += len(data)
            if not thrown:
                self._send(peer, self._damage(data, start))
            self.conn.relay.changed()
            if self.rate:
                now = time.monotonic()
                next_at = max(next_at, now - 0.1) + len(data) / self.rate
                if next_at > now:
                    self.conn.closed.wait(next_at - now)


class Connection:
    """A client's connection and the one made to the server for it.

    number   0 for the first that was accepted
    first    the first bytes of the client, as many as the relay peeks
    error    why the server could not be reached, or None
    """

    def __init__(self, relay, number, client, family):
        self.relay = relay
        self.number = number
        self.first = b""
        self.error = None
        self.up = Way("up", self)
        self.down = Way("down", self)
        self.closed = threading.Event()
        self._client = client
        self._server = socket.socket(family)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._done = False

    @property
    def closing(self):
        return self.closed.is_set()

    @property
    def finished(self):
        """Nothing more will be forwarded, in either way."""
        return self._done

    def start(self):
        self._thread.start()

    def cut(self, reset=False):
        """Break the connection off; any thread."""
        if reset:
            for sock in (self._client, self._server):
                self._reset_on_close(sock)
        self.closed.set()
        for way in (self.up, self.down):
            way._go.set()  # pylint: disable=protected-access
        for sock in (self._client, self._server):
            # Shutting down the way out would send an orderly end before the
            # reset, which goes out when the socket is closed.
            how = socket.SHUT_RD if reset else socket.SHUT_RDWR
            try:
                sock.shutdown(how)
            except OSError:
                pass

    @staticmethod
    def _reset_on_close(sock):
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                            struct.pack("ii", 1, 0))
        except OSError:
            pass  # closed already

    def join(self):
        self._thread.join()

    def _connect(self):
        """Connect to the server; ended by cut()."""
        sock = self._server
        sock.setblocking(False)
        while True:
            code = sock.connect_ex(self.relay.target)
            if code == errno.EINPROGRESS:
                while not self.closing and not select.select(
                        [], [sock], [], 0.2)[1]:
                    pass
                code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if self.closing:
                code = errno.ECONNABORTED
            if code == errno.EAGAIN:  # a unix listener with a full backlog
                self.closed.wait(0.01)
                continue
            break
        if code:
            raise OSError(code, os.strerror(code))
        sock.setblocking(True)

    def _peek(self, want):
        """Read the first `want` bytes (less if the client sends less)."""
        while len(self.first) < want:
            data = self._client.recv(want - len(self.first))
            if not data:
                break
            self.first += data

    def _run(self):
        try:
            self._peek(self.relay.peek)
            self.relay.plan(self)
            self._connect()
        except OSError as e:
            self.error = e
            self.cut()
        else:
            self._forward()
        self.closed.set()
        self._client.close()
        self._server.close()
        self._done = True
        self.relay.changed()

    def _forward(self):
        back = threading.Thread(target=self.down.pump, daemon=True,
                                args=(self._server, self._client))
        back.start()
        self.up.pump(self._client, self._server, self.first)
        back.join()


class Relay:
    """Listens at `listen` (tcp port 0: any), forwards each connection to
    `target`.

    plan(conn)  is called once per connection, in its thread, before anything
                is forwarded, and sets the faults
    peek        bytes of the client to have in conn.first by then: enough to
                tell a main channel from a multifd one.  A client that waits
                for the server to speak first needs 0.
    """

    def __init__(self, listen, target, plan=None, peek=0):
        self.plan = plan or (lambda conn: None)
        self.peek = peek
        self.connections = []
        self._family, self.target = parse_address(target)
        family, address = parse_address(listen)
        self._cond = threading.Condition()
        self._path = address if family == socket.AF_UNIX else None
        self._listener = socket.socket(family)
        if self._path:
            if os.path.exists(self._path):
                os.unlink(self._path)
        else:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR,
                                      1)
        self._listener.bind(address)
        self._listener.listen(256)
        if self._path:
            self.uri = listen
        else:
            host, port = self._listener.getsockname()[:2]
            self.uri = (f"tcp:[{host}]:{port}" if ":" in host
                        else f"tcp:{host}:{port}")
        self._wake_r, self._wake_w = os.pipe()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self):
        while True:
            ready, _, _ = select.select([self._listener, self._wake_r], [],
                                        [])
            if self._wake_r in ready:
                return
            try:
                client, _ = self._listener.accept()
            except OSError as e:
                if e.errno in (errno.ECONNABORTED, errno.EINTR):
                    continue
                return
            conn = Connection(self, len(self.connections), client,
                              self._family)
            with self._cond:
                self.connections.append(conn)
                self._cond.notify_all()
            conn.start()

    @property
    def finished(self):
        """How many connections are over."""
        return sum(c.finished for c in self.connections)

    def changed(self):
        """Wake up those in wait()."""
        with self._cond:
            self._cond.notify_all()

    def wait(self, condition, timeout=60.0):
        """Until condition() is true; called again whenever something was
        forwarded, connected or closed.  False if the time was not enough."""
        with self._cond:
            return self._cond.wait_for(condition, timeout)

    def release(self):
        """Let everything stalled go on."""
        for conn in list(self.connections):
            conn.up.release()
            conn.down.release()

    def cut(self):
        """Break off every connection, go on listening."""
        for conn in list(self.connections):
            conn.cut()

    def close(self):
        """Stop listening, break off everything, join every thread."""
        if self._wake_w < 0:
            return
        os.write(self._wake_w, b"x")
        self._thread.join()
        self._listener.close()
        if self._path and os.path.exists(self._path):
            os.unlink(self._path)
        self.cut()
        for conn in self.connections:
            conn.join()
        os.close(self._wake_r)
        os.close(self._wake_w)
        self._wake_w = -1

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
