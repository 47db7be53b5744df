# SPDX-License-Identifier: GPL-2.0-or-later
"""Which stock QEMUs there are to test against.

QEMU_STOCK holds the paths of their programs, separated by colons (tests/check
sets it; empty means none). Without it, the packaged one and what
tests/stock-qemu has unpacked are looked for.
"""

import os
import re
import subprocess

from . import tap

PACKAGED = "/usr/bin/qemu-system-x86_64"
UNPACKED = os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "..", "..", "build-check",
    "stock-10.0", "qemu-system-x86_64")
# The releases that must be tested against, and where to get them.
WANTED = {
    7: "no stock QEMU 7 is here (Debian 12: package qemu-system-x86)",
    10: "no stock QEMU 10 is here (run tests/stock-qemu)",
}


def version_of(binary):
    """(major, minor) of a QEMU program; None if it does not run."""
    try:
        out = subprocess.run([binary, "--version"], capture_output=True,
                             text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    m = re.search(r"version (\d+)\.(\d+)", out)
    return (int(m.group(1)), int(m.group(2))) if m else None


class Stock:
    """A stock program."""

    def __init__(self, binary, version):
        self.binary = binary
        self.version = version
        self.name = f"stock-{version[0]}.{version[1]}"

    def compat_args(self):
        """What our program needs to speak to it, both ways."""
        if self.version < (10, 0):
            # Older receivers do not know command 11.
            return ["-global", "migration.send-switchover-start=off"]
        return []

    def multifd_args(self):
        """The same for multifd: sync points before 8.1, zero pages in packets
        before 9.0."""
        args = []
        if self.version < (9, 0):
            args += ["-global", "migration.zero-page-detection=legacy"]
        if self.version < (8, 1):
            args += ["-global",
                     "migration.multifd-flush-after-each-section=on"]
        return args

    def tls_args(self):
        """The same for TLS on multifd channels: before 10.0 they ended without
        a word."""
        if self.version < (10, 0):
            return ["-global", "migration.multifd-clean-tls-termination=off"]
        return []

    def uris(self, path):
        """(save, load) a file: older ones do it through a command."""
        if self.version < (8, 2):
            return f"exec:cat > {path}", f"exec:cat {path}"
        return f"file:{path}", f"file:{path}"


def find(paths=None):
    """The stock programs that run here, one per release."""
    if paths is None:
        paths = os.environ.get("QEMU_STOCK")
        paths = [PACKAGED, UNPACKED] if paths is None else paths.split(":")
    found = {}
    for path in paths:
        version = version_of(path)
        if version:
            found.setdefault(version, Stock(os.path.realpath(path), version))
    return [found[v] for v in sorted(found)]


def _missing(why):
    raise tap.Skip(why)


def add_missing(suite, stocks):
    """A skipped test, with its reason, for each release that is not here."""
    for major, why in WANTED.items():
        if not any(s.version[0] == major for s in stocks):
            suite.add(f"stock-{major}", _missing, why)


def from_args(args):
    """(stocks, remaining arguments): [--peer STOCK]... before patterns."""
    peers = []
    while args[:1] == ["--peer"]:
        peers.append(args[1])
        args = args[2:]
    return find(peers or None), args
