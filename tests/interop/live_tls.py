#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Live migrations over TLS between this program and a stock QEMU, both ways,
with `-machine none`; RAM is compared byte for byte.

Usage: live_tls.py BINARY MAKE-TLS-CERTS [--peer STOCK] [name patterns]
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from lib import tap  # noqa: E402
from lib.tls import Certs, add_creds  # noqa: E402
from lib.vm import Workspace  # noqa: E402
from live import (Pair, check_content, final_states, no_stock,  # noqa: E402
                  put_content)

HOST = "dst.example"


def extra_args(pair, which):
    """What makes us understand peers that are too old to know better."""
    if which == "ours" and pair.stock_version < (10, 0):
        return ["-global", "migration.multifd-clean-tls-termination=off",
                "-global", "migration.multifd-flush-after-each-section=on",
                "-global", "migration.zero-page-detection=legacy"]
    return []


def tls_case(pair, tool, way, kind, transport, channels, method="none",
             return_path=True):
    with Workspace() as work:
        dirs = Certs(tool, work.file("certs")).standard()
        incoming = (f"unix:{work.file('mig.sock')}" if transport == "unix"
                    else "tcp:127.0.0.1:0")
        a, b = way
        with pair.vm(a, work, "src", "private", extra_args(pair, a)) as src, \
                pair.vm(b, work, "dst", "private",
                        [*extra_args(pair, b), "-incoming", "defer"]) as dst:
            for vm, endpoint in ((src, "client"), (dst, "server")):
                add_creds(vm, kind, endpoint, dirs[(kind, endpoint)])
                if return_path:
                    vm.set_capability("return-path")
                if channels:
                    vm.set_capability("multifd")
                    vm.set_parameters(multifd_channels=channels,
                                      multifd_compression=method)
            if kind == "x509" and transport == "unix":
                src.set_parameters(tls_hostname=HOST)
            put_content(src)
            dst.cmd("migrate-incoming", {"uri": incoming})
            uri = incoming
            if transport == "tcp":
                addr = dst.cmd("query-migrate")["socket-address"][0]
                uri = f"tcp:127.0.0.1:{addr['port']}"
            src.cmd("migrate", {"uri": uri})
            src.wait_migration()
            dst.wait_migration()
            final_states(src, dst, False)
            check_content(dst)


def cases(suite, add):
    for way in (("stock", "ours"), ("ours", "stock")):
        prefix = f"{way[0]}-to-{way[1]}"
        for kind in ("x509", "psk", "anon"):
            for transport in ("tcp", "unix"):
                add(suite, f"{prefix}/{kind}/{transport}", way, kind,
                    transport, 0)
            for channels in (1, 4):
                add(suite, f"{prefix}/{kind}/multifd-{channels}", way, kind,
                    "tcp", channels)
        add(suite, f"{prefix}/psk/one-way", way, "psk", "tcp", 0, "none",
            False)
        for method in ("zlib", "zstd"):
            add(suite, f"{prefix}/x509/multifd-{method}", way, "x509", "tcp",
                2, method)


def main():
    ours, tool = sys.argv[1:3]
    rest = sys.argv[3:]
    stock = "/usr/bin/qemu-system-x86_64"
    if rest[:1] == ["--peer"]:
        stock = rest[1]
        rest = rest[2:]
    have = os.access(stock, os.X_OK)
    pair = Pair(ours, stock) if have else None

    def add(suite, name, way, *args):
        if have:
            suite.add(name, tls_case, pair, tool, way, *args)
        else:
            suite.add(name, no_stock, stock)

    suite = tap.Suite()
    cases(suite, add)
    return suite.run(rest)


if __name__ == "__main__":
    sys.exit(main())
