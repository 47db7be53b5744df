# SPDX-License-Identifier: GPL-2.0-or-later
"""How monitors and migration addresses are written."""

import os
import socket

LOOPBACK = ("localhost", "127.0.0.1", "::1")
WILDCARDS = ("", "0.0.0.0", "::")


class AddressError(Exception):
    """The text is not an address; str() says what was expected."""


def split_host_port(text):
    """(host, port) of HOST:PORT, [V6]:PORT or :PORT; None if it is not."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        return None
    if host.startswith("[") and host.endswith("]"):
        return host[1:-1], int(port)
    return None if ":" in host else (host, int(port))


def join_host_port(host, port):
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class MonitorAddress:
    """Where a QMP monitor listens: `/path/to/socket`, `unix:PATH`,
    `HOST:PORT` or `tcp:HOST:PORT`.

    path or host and port are None.
    """

    def __init__(self, text):
        self.text = text
        self.path = self.host = self.port = None
        kind, _, rest = text.partition(":")
        found = split_host_port(rest if kind == "tcp" else text)
        if kind == "unix" and rest:
            self.path = rest
        elif kind == "tcp" or (found and "/" not in text):
            if not found:
                raise AddressError(f"'{text}': expected tcp:HOST:PORT")
            self.host, self.port = found
            self.host = self.host or "localhost"
        elif text:
            self.path = text
        else:
            raise AddressError("empty address: expected a socket's path or "
                               "HOST:PORT")

    def connect(self, timeout):
        """A connected socket; raises OSError."""
        if self.path is None:
            return socket.create_connection((self.host, self.port), timeout)
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.settimeout(timeout)
            sock.connect(self.path)
        except BaseException:
            sock.close()
            raise
        return sock

    def is_local(self):
        """Is it this host's for sure?"""
        return self.path is not None or self.host in LOOPBACK

    def same_as(self, other):
        """Do both certainly name one listener?"""
        if self.path is not None and other.path is not None:
            try:
                return os.path.samefile(self.path, other.path)
            except OSError:
                return (os.path.realpath(self.path)
                        == os.path.realpath(other.path))
        if self.path is not None or other.path is not None:
            return False
        hosts = {h if h not in LOOPBACK else "localhost"
                 for h in (self.host, other.host)}
        return self.port == other.port and len(hosts) == 1


class MigrationUri:
    """Where the destination is to listen: tcp:HOST:PORT or unix:PATH."""

    def __init__(self, text):
        kind, _, rest = text.partition(":")
        self.text = text
        self.kind = kind
        self.host = self.port = None
        if kind == "tcp":
            # Options may follow: tcp:HOST:PORT,ipv4=on
            address, comma, options = rest.partition(",")
            found = split_host_port(address)
            if not found:
                raise AddressError(f"'{text}': expected tcp:HOST:PORT")
            self.host, self.port = found
            self.options = comma + options
        elif kind != "unix" or not rest:
            raise AddressError(f"'{text}': expected tcp:HOST:PORT or "
                               "unix:PATH")

    def for_source(self, bound_port, host):
        """The uri that the source connects to, when the destination listens
        on `bound_port`, and is known as `host` if this one names no host."""
        if self.kind == "unix":
            return self.text
        if self.host not in WILDCARDS:
            host = self.host
        return "tcp:" + join_host_port(host, bound_port or self.port)
