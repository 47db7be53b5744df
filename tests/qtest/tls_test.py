#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Migrations over TLS: every kind of credentials, and every way in which they
can be wrong.  After each failure the source's guest runs on, both sides have
said what was wrong, and the next migration works.

Usage: tls_test.py BINARY GUEST-IMAGE MAKE-TLS-CERTS [name patterns]
"""

import ctypes
import os
import shutil
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from lib import tap  # noqa: E402
from lib.tls import Certs, add_creds  # noqa: E402
from lib.vm import QMPError, VMError  # noqa: E402
from migration_test import (FAST, Bench, and_again, connect,  # noqa: E402
                            connect_fd, expect_error, failed, finish)

HOST = "dst.example"
OTHER_KEY = "ff0102030405060708090a0b0c0d0e0f"


class TlsBench(Bench):
    """A bench with credentials; `with_rp` is on everywhere, so that a source
    hears of a destination that does not want it."""

    def __init__(self, binary, image, tool):
        usable = os.access("/dev/kvm", os.R_OK | os.W_OK)
        super().__init__(binary, image, "kvm" if usable else "tcg")
        self.certs = Certs(tool, self.work.file("certs"))
        self.dirs = self.certs.standard()

    def pair(self, *caps, extra=()):
        """Source and destination, not connected."""
        src = self.start()
        src.set_parameters(max_bandwidth=FAST)
        dst = self.start(incoming="defer", extra=extra)
        for vm in (src, dst):
            for cap in ("return-path", *caps):
                vm.set_capability(cap)
        return src, dst

    def secure(self, vm, kind, endpoint, folder=None, **props):
        add_creds(vm, kind, endpoint,
                  folder or self.dirs[(kind, endpoint)], **props)

    def secure_both(self, src, dst, kind):
        self.secure(src, kind, "client")
        self.secure(dst, kind, "server")
        if kind == "x509":
            src.set_parameters(tls_hostname=HOST)


def wait_stderr(vm, text, timeout=30):
    end = time.monotonic() + timeout
    while text not in vm.stderr():
        if time.monotonic() > end:
            raise VMError(f"{vm.name} did not say '{text}', but: "
                          f"{vm.stderr()}")
        time.sleep(0.01)


BRIDGE = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                      "../lib/bridge.py")


def connect_exec(bench, src, dst):
    """Commands that carry both ways, unlike `cat`."""
    bench.count += 1
    path = bench.work.file(f"bridge{bench.count}")
    command = f"exec:exec {sys.executable} {BRIDGE}"
    dst.cmd("migrate-incoming", {"uri": f"{command} listen {path}"})
    while not os.path.exists(path):
        time.sleep(0.01)
    src.cmd("migrate", {"uri": f"{command} connect {path}"})


# ---- what works ----

def test_moves(bench, kind, transport):
    src, dst = bench.pair()
    for n in range(3):
        bench.secure_both(src, dst, kind)
        if transport == "fd":
            connect_fd(src, dst)
        elif transport == "exec":
            connect_exec(bench, src, dst)
        else:
            connect(bench, src, dst, transport, channels=n == 1)
        finish(bench, src, dst, paused=False)
        bench.end(src)
        # Onwards: what was a server becomes a client.
        dst.set_parameters(tls_creds=None, max_bandwidth=FAST)
        dst.cmd("object-del", {"id": "tls0"})
        src, dst = dst, bench.start(incoming="defer")
        dst.set_capability("return-path")
    bench.check_runs(src)


def test_multifd(bench, kind, transport, channels, method, caps=()):
    src, dst = bench.pair("multifd", *caps)
    for vm in (src, dst):
        vm.set_parameters(multifd_channels=channels,
                          multifd_compression=method)
    bench.secure_both(src, dst, kind)
    connect(bench, src, dst, transport)
    finish(bench, src, dst, paused=False)
    bench.check_runs(dst)
    for vm in (src, dst):
        if vm.stderr():
            raise VMError(f"{vm.name} complains: {vm.stderr()}")


def test_default_host(bench):
    """The host of the address is in the certificate."""
    src, dst = bench.pair()
    bench.secure(src, "x509", "client")
    bench.secure(dst, "x509", "server")
    connect(bench, src, dst, "tcp")
    finish(bench, src, dst, paused=False)


def test_without_return_path(bench):
    src, dst = bench.pair()
    for vm in (src, dst):
        vm.set_capability("return-path", False)
    bench.secure_both(src, dst, "psk")
    connect(bench, src, dst, "unix")
    finish(bench, src, dst, paused=False)
    bench.check_runs(dst)


def test_on_the_fly(bench):
    """The destination listens already when it gets its credentials."""
    src, dst = bench.pair()
    path = bench.work.file("fly.sock")
    dst.cmd("migrate-incoming", {"uri": f"unix:{path}"})
    bench.secure_both(src, dst, "x509")
    src.cmd("migrate", {"uri": f"unix:{path}"})
    finish(bench, src, dst, paused=False)


def test_client_without_cert(bench):
    """verify-peer=off on the destination takes everybody."""
    src, dst = bench.pair()
    folder = bench.certs.x509("bare", "client", cert=False)
    bench.secure(src, "x509", "client", folder)
    bench.secure(dst, "x509", "server", **{"verify-peer": False})
    connect(bench, src, dst, "tcp")
    finish(bench, src, dst, paused=False)


def test_authz_allows(bench):
    src, dst = bench.pair()
    bench.secure_both(src, dst, "x509")
    dst.cmd("object-add", {"qom-type": "authz-simple", "id": "authz0",
                           "identity": "O=Test,CN=src"})
    dst.set_parameters(tls_authz="authz0")
    connect(bench, src, dst, "tcp")
    finish(bench, src, dst, paused=False)


def test_parameters(bench):
    """Null and "" are the same, and both read back as ""."""
    vm = bench.start()
    names = ("tls-creds", "tls-hostname", "tls-authz")

    def expect(value):
        got = vm.cmd("query-migrate-parameters")
        for name in names:
            if got[name] != value:
                raise VMError(f"{name} is {got[name]!r}, not {value!r}")

    expect("")
    for clear in (None, ""):
        vm.cmd("migrate-set-parameters", {name: "x" for name in names})
        expect("x")
        vm.cmd("migrate-set-parameters", {name: clear for name in names})
        expect("")
    vm.hmp("migrate_set_parameter tls-creds tls1")
    if "tls-creds: 'tls1'\r\n" not in vm.hmp("info migrate_parameters"):
        raise VMError(vm.hmp("info migrate_parameters"))
    vm.hmp('migrate_set_parameter tls-creds ""')
    expect("")
    expect_error(vm, "tls-creds", "migrate-set-parameters", {"tls-creds": 5})
    and_again(bench, vm)


def test_exec_one_way(bench):
    """A command that never answers: no handshake, and a cancel ends it."""
    src = bench.start()
    bench.secure(src, "psk", "client")
    src.cmd("migrate", {"uri": "exec:cat > /dev/null"})
    time.sleep(0.1)
    if src.migration_status() != "setup":
        raise VMError(f"status {src.migration_status()}")
    src.cmd("migrate_cancel")
    src.wait_migration("cancelled")
    # A command that ends.
    src.cmd("migrate", {"uri": "exec:true"})
    failed(bench, src, "TLS handshake failed")
    src.set_parameters(tls_creds="")
    and_again(bench, src)


def test_switched_off(bench):
    """Null after an id: the connection is plain again."""
    src, dst = bench.pair()
    bench.secure(src, "psk", "client")
    src.set_parameters(tls_creds=None)
    connect(bench, src, dst, "tcp")
    finish(bench, src, dst, paused=False)


# ---- what is refused ----

class Fault:
    """Makes one thing wrong.  `said` is what the source's error says, `heard`
    what the destination prints; `ends`: the destination does not wait for
    another source."""

    def __init__(self, kind, said, heard, ends=False, transport="tcp",
                 **wrong):
        self.kind = kind
        self.said = said
        self.heard = heard
        self.ends = ends
        self.transport = transport
        self.wrong = wrong


FAULTS = {
    "psk-mismatch": Fault(
        "psk", "TLS handshake failed", "TLS handshake failed",
        client_key=OTHER_KEY),
    "wrong-host": Fault(
        "x509", "Certificate does not match the hostname wrong.example",
        "the peer gave up: Certificate is bad", ends=True,
        hostname="wrong.example"),
    "no-host": Fault(
        "x509", "No hostname for certificate validation",
        "the peer gave up: Certificate is bad", ends=True, transport="unix",
        hostname=None),
    "server-expired": Fault(
        "x509", "The certificate has expired: the certificate of the server",
        "the peer refused: Certificate is bad",
        server_cert={"since": -3, "to": -1}),
    "client-expired": Fault(
        "x509", "Certificate is bad",
        "The certificate has expired: the certificate of the client",
        client_cert={"since": -3, "to": -1}),
    "unknown-authority": Fault(
        "x509", "hasn't got a known issuer: the certificate of the server",
        "the peer refused: Certificate is bad", server_ca="other"),
    "no-client-cert": Fault(
        "x509", "Certificate is required", "the peer sent no certificate",
        client_bare=True),
    "authz-denies": Fault(
        "x509", "Access was denied",
        "TLS x509 authz check for O=Test,CN=src is denied",
        authz={"qom-type": "authz-simple", "identity": "O=Test,CN=else"}),
    "authz-missing": Fault(
        "x509", "", "No authorization object with id 'authz0'", authz_missing=True),
    "source-no-creds": Fault(
        "psk", "No TLS credentials with id 'nosuch'", None,
        source_creds="nosuch"),
    "source-not-creds": Fault(
        "psk", "Object with id 'sec0' is not TLS credentials", None,
        source_creds="sec0"),
    "source-server-creds": Fault(
        "psk", "Expected TLS credentials for a client endpoint", None,
        source_creds="srv0"),
    "destination-no-creds": Fault(
        "psk", "", "No TLS credentials with id 'nosuch'",
        destination_creds="nosuch"),
    "destination-client-creds": Fault(
        "psk", "", "Expected TLS credentials for a server endpoint",
        destination_creds="cli0"),
    "plain-source": Fault(
        "psk", "", "Perhaps the peer does not use TLS", source_creds=None),
    "plain-destination": Fault(
        "psk", "TLS handshake failed", "Not a migration stream", ends=True,
        destination_creds=None),
    "kinds-differ": Fault(
        "psk", "TLS handshake failed", "TLS handshake failed",
        server_kind="anon"),
}


def secure_wrongly(bench, src, dst, fault):
    wrong = fault.wrong
    certs = bench.certs
    client = server = None
    if "client_key" in wrong:
        client = certs.psk("wrong", wrong["client_key"])
    if "client_cert" in wrong:
        client = certs.x509("wrong", "client", cn="src",
                            **wrong["client_cert"])
    if "client_bare" in wrong:
        client = certs.x509("wrong", "client", cert=False)
    if "server_cert" in wrong:
        server = certs.x509("wrong", "server", cn="dst", dns=HOST,
                            **wrong["server_cert"])
    if "server_ca" in wrong:
        certs.make("other", cn="other", ca="yes")
        server = certs.x509("wrong", "server", ca="ca", signer="other",
                            cn="dst", dns=HOST)
    lax = {"sanity-check": False} if fault.kind == "x509" else {}
    bench.secure(src, fault.kind, "client", client, **lax)
    server_kind = wrong.get("server_kind", fault.kind)
    bench.secure(dst, server_kind, "server", server, **lax)
    if fault.kind == "x509":
        src.set_parameters(tls_hostname=wrong.get("hostname", HOST))
    src.cmd("object-add", {"qom-type": "secret", "id": "sec0", "data": "x"})
    src.cmd("object-add", {"qom-type": "tls-creds-anon", "id": "srv0",
                           "endpoint": "server"})
    dst.cmd("object-add", {"qom-type": "tls-creds-anon", "id": "cli0",
                           "endpoint": "client"})
    if "authz" in wrong:
        dst.cmd("object-add", {"id": "authz0", **wrong["authz"]})
    if "authz" in wrong or "authz_missing" in wrong:
        dst.set_parameters(tls_authz="authz0")
    if "source_creds" in wrong:
        src.set_parameters(tls_creds=wrong["source_creds"])
    if "destination_creds" in wrong:
        dst.set_parameters(tls_creds=wrong["destination_creds"])


def put_right(bench, src, dst, fault):
    """Good credentials on both sides, under another id."""
    for vm, endpoint in ((src, "client"), (dst, "server")):
        add_creds(vm, fault.kind, endpoint,
                  bench.dirs[(fault.kind, endpoint)], obj_id="good")
        vm.set_parameters(tls_authz="", tls_hostname=HOST)


def test_fault(bench, fault, caps=()):
    src, dst = bench.pair(*caps)
    secure_wrongly(bench, src, dst, fault)
    bench.count += 1
    path = bench.work.file(f"fault{bench.count}.sock")
    uri = f"unix:{path}" if fault.transport == "unix" else "tcp:127.0.0.1:0"
    dst.cmd("migrate-incoming", {"uri": uri})
    if fault.transport == "tcp":
        port = dst.cmd("query-migrate")["socket-address"][0]["port"]
        uri = f"tcp:127.0.0.1:{port}"
    src.cmd("migrate", {"uri": uri})
    failed(bench, src, fault.said)
    if not src.cmd("query-migrate").get("error-desc"):
        raise VMError("no error-desc")
    wait_stderr(src, fault.said)
    if fault.heard:
        wait_stderr(dst, fault.heard)
    # With multifd a destination waits for the channels that did not come.
    if fault.ends and "multifd" not in caps:
        if dst.wait_exit() != 1:
            raise VMError("status of the destination is not 1")
        dst = bench.start(incoming="defer")
        dst.set_capability("return-path")
        dst.cmd("migrate-incoming", {"uri": f"unix:{path}2"})
        uri = f"unix:{path}2"
    elif dst.migration_status() != "setup":
        raise VMError(f"the destination is in {dst.migration_status()}")
    put_right(bench, src, dst, fault)
    src.cmd("migrate", {"uri": uri})
    finish(bench, src, dst, paused=False)
    bench.check_runs(dst)


# ---- credentials that cannot be loaded ----

def lose_override():
    """Root may read everything; the program then starts without that."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    for cap in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        prctl(24, cap, 0, 0, 0)  # PR_CAPBSET_DROP


def test_bad_files(bench):
    certs = bench.certs
    vm = bench.start(preexec=lose_override if os.getuid() == 0 else None)

    def refused(kind, endpoint, folder, *texts):
        for text in texts:
            expect_error(vm, text, "object-add", {
                "qom-type": f"tls-creds-{kind}", "id": "bad",
                "endpoint": endpoint, "dir": folder})

    folder = certs.x509("nokey", "server", cn="dst", dns=HOST)
    key = os.path.join(folder, "server-key.pem")
    os.chmod(key, 0)
    refused("x509", "server", folder, f"{key}: Permission denied")
    os.unlink(key)
    refused("x509", "server", folder, f"{key}: No such file or directory")
    folder = certs.psk("empty")
    os.unlink(os.path.join(folder, "keys.psk"))
    refused("psk", "client", folder, f"{folder}/keys.psk: No such file")
    folder = certs.psk("nonsense", "xyz")
    refused("psk", "client", folder, f"{folder}/keys.psk, line 1")
    folder = certs.x509("old", "server", cn="dst", since=-3, to=-1)
    refused("x509", "server", folder, "server-cert.pem", "expired")
    folder = certs.x509("early", "client", cn="src", since=1, to=3)
    refused("x509", "client", folder, "client-cert.pem", "not yet")
    folder = certs.x509("garbage", "server", cn="dst")
    with open(os.path.join(folder, "server-cert.pem"), "w",
              encoding="ascii") as f:
        f.write("no certificate")
    refused("x509", "server", folder, "server-cert.pem")
    # Halves of two pairs.
    folder = certs.x509("mixed", "server", cn="dst")
    other = certs.x509("mixed2", "server", cn="dst")
    shutil.copy(os.path.join(other, "server-key.pem"), folder)
    refused("x509", "server", folder, f"{folder}/server-cert.pem",
            f"{folder}/server-key.pem")
    for name in ("ca-crl.pem", "dh-params.pem"):
        folder = certs.x509(f"bad-{name}", "server", cn="dst")
        with open(os.path.join(folder, name), "w", encoding="ascii") as f:
            f.write("nothing of the kind")
        refused("x509", "server", folder, f"{folder}/{name}")
    folder = certs.psk("stranger", user="somebody")
    refused("psk", "client", folder,
            f"Username 'qemu' not found in {folder}/keys.psk")
    for text, said in (("nothing", "not JSON"), ('{"rules": 3}', "rules"),
                       ('{"policy": "perhaps"}', "perhaps")):
        path = os.path.join(folder, "rules.json")
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
        for part in (path, said):
            expect_error(vm, part, "object-add", {
                "qom-type": "authz-list-file", "id": "bad",
                "filename": path})
    expect_error(vm, f"Unable to read {path}x", "object-add", {
        "qom-type": "authz-list-file", "id": "bad", "filename": f"{path}x"})
    and_again(bench, vm)


def test_conflicts(bench):
    """What TLS does not go with."""
    vm = bench.start()
    vm.set_parameters(tls_creds="tls0")
    expect_error(vm, "works both ways", "migrate",
                 {"uri": f"file:{bench.work.file('x')}"})
    vm.set_capability("multifd")
    expect_error(vm, "Zero copy only available for non-compressed non-TLS "
                 "multifd migration", "migrate-set-capabilities",
                 {"capabilities": [{"capability": "zero-copy-send",
                                    "state": True}]})
    vm.set_parameters(tls_creds="")
    try:
        vm.set_capability("zero-copy-send")
    except QMPError as e:
        raise tap.Skip(f"no zero-copy-send here: {e.desc}") from None
    expect_error(vm, "Zero copy only available", "migrate-set-parameters",
                 {"tls-creds": "tls0"})
    vm.set_capability("zero-copy-send", False)
    vm.set_capability("multifd", False)
    and_again(bench, vm)


def cases(suite, run):
    for kind in ("x509", "psk", "anon"):
        for transport in ("tcp", "unix", "fd", "exec"):
            suite.add(f"{kind}/{transport}", run, test_moves, kind, transport)
        for channels in (1, 4, 16):
            suite.add(f"multifd/{kind}/tcp/{channels}", run, test_multifd,
                      kind, "tcp", channels, "none")
    for method in ("zlib", "zstd"):
        suite.add(f"multifd/x509/unix/{method}", run, test_multifd, "x509",
                  "unix", 2, method)
    for name, fault in FAULTS.items():
        suite.add(f"fault/{name}", run, test_fault, fault)
    for name in ("psk-mismatch", "wrong-host", "no-client-cert",
                 "authz-denies", "source-no-creds"):
        suite.add(f"fault/multifd/{name}", run, test_fault, FAULTS[name],
                  ("multifd",))
    for fn in (test_default_host, test_without_return_path, test_on_the_fly,
               test_client_without_cert, test_authz_allows, test_parameters,
               test_exec_one_way, test_switched_off, test_bad_files, test_conflicts):
        suite.add(fn.__name__[5:].replace("_", "-"), run, fn)


def main(add=cases):
    """Run the cases that `add` gives; also for other files."""
    binary, image, tool = sys.argv[1:4]
    suite = tap.Suite()

    def run(fn, *args):
        with TlsBench(binary, image, tool) as bench:
            fn(bench, *args)

    add(suite, run)
    return suite.run(sys.argv[4:])


if __name__ == "__main__":
    sys.exit(main())
