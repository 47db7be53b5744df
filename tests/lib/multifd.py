# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of migrations over several channels share."""

import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../qtest"))
from migration_test import (  # noqa: E402
    FAST, Bench, address_for, channels_of, finish)

from . import tap, tls  # noqa: E402
from .guest import Guest  # noqa: E402
from .vm import QMPError, VMError  # noqa: E402

HOST = "dst.example"


class ModestBench(Bench):
    """A guest of little memory, on the accelerator that starts fastest: these
    tests are many, and not about the guest."""

    def __init__(self, binary, image):
        has = subprocess.run([binary, "-accel", "help"], check=True,
                             stdout=subprocess.PIPE, text=True).stdout.split()
        super().__init__(binary, image, "tcg" if "tcg" in has else "kvm")
        self.guest = Guest(image, self.work.file("guest.bin"), ram_mib=24,
                           swept_mib=6)

    @staticmethod
    def let_go(vm):
        """From now on the migration can end.  A sanitizer (--brief) makes zstd
        slower than the guest writes: then not within the usual downtime."""
        brief = "--brief" in sys.argv
        vm.set_parameters(max_bandwidth=FAST,
                          downtime_limit=5000 if brief else 300)


class Security:
    """Encryption of migrations between machines of one test.  `tool` makes
    the certificates, `folder` gets them."""

    def __init__(self, tool, folder):
        self.tool = tool
        self.folder = folder
        self.dirs = None

    def require(self, vm, security):
        """Skip what cannot be done here: "plain", "x509", "psk" or "anon"."""
        if security == "plain":
            return
        if "tls-creds" not in vm.cmd("query-migrate-parameters"):
            raise tap.Skip("this build has no TLS")
        if not self.tool:
            raise tap.Skip("no program that makes certificates (--certs)")

    def _use(self, vm, security, end):
        """A machine is first a server, later a client, perhaps often."""
        obj_id = f"{security}-{end}"
        try:
            tls.add_creds(vm, security, end, self.dirs[(security, end)],
                          obj_id=obj_id)
        except QMPError as e:
            if "duplicate" not in e.desc:
                raise
            vm.set_parameters(tls_creds=obj_id)

    def apply(self, src, dst, security):
        """For the next migration from src to dst."""
        if security == "plain":
            for vm in (src, dst):
                if "tls-creds" in vm.cmd("query-migrate-parameters"):
                    vm.set_parameters(tls_creds="")
            return
        if not self.dirs:
            self.dirs = tls.Certs(self.tool, self.folder).standard()
        for vm, end in ((src, "client"), (dst, "server")):
            self._use(vm, security, end)
        if security == "x509":
            src.set_parameters(tls_hostname=HOST)


def set_up(vm, channels, method="none"):
    """Switch multifd on; the same on both sides."""
    vm.set_capability("multifd")
    vm.set_parameters(multifd_channels=channels, multifd_compression=method)


def listen(bench, dst, transport, listed=False, **args):
    """Make dst listen; returns where.  `listed`: by `channels`, not uri."""
    uri = address_for(bench, transport)
    dst.cmd("migrate-incoming",
            {**(channels_of(uri) if listed else {"uri": uri}), **args})
    if transport == "tcp":
        addr = dst.cmd("query-migrate")["socket-address"][0]
        uri = f"tcp:127.0.0.1:{addr['port']}"
    return uri


def move_on(bench, src, channels, method="none", transport="unix"):
    """A migration that must succeed, whatever was before; returns the new
    machine and ends the old one."""
    dst = bench.start(incoming="defer")
    for vm in (src, dst):
        set_up(vm, channels, method)
    bench.let_go(src)
    connect(bench, src, dst, transport)
    finish(bench, src, dst, paused=False)
    bench.end(src)
    return dst


def connect(bench, src, dst, transport, listed=False):
    """Make dst listen and src send; returns when `migrate` was accepted."""
    uri = listen(bench, dst, transport, listed)
    src.cmd("migrate", channels_of(uri) if listed else {"uri": uri})


def equal_soon(what, want, get, timeout=20.0):
    """get() becomes `want`: what is over may take a moment to be gone."""
    end = time.monotonic() + timeout
    while True:
        got = get()
        if got == want:
            return
        if time.monotonic() > end:
            raise VMError(f"{what}: {got}, not {want}")
        time.sleep(0.01)


def options(argv, known=()):
    """(BINARY, IMAGE, options, what is left) of a test program.  options
    has "all", and of `known` those that were given as --NAME VALUE."""
    opts = {"all": "--all" in argv or (bool(os.environ.get("CI")) and
                                       "--brief" not in argv)}
    rest = [a for a in argv[3:] if a not in ("--all", "--brief")]
    for name in known:
        if f"--{name}" in rest:
            at = rest.index(f"--{name}")
            opts[name] = rest[at + 1]
            del rest[at:at + 2]
    return argv[1], argv[2], opts, rest
