#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Live migrations over TLS between this program and a stock QEMU, both ways,
with `-machine none`; RAM is compared byte for byte.

Usage: live_tls.py BINARY MAKE-TLS-CERTS [--peer STOCK]...
       [name patterns]
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from lib import stock, tap  # noqa: E402
from lib.tls import Certs, add_creds  # noqa: E402
from lib.vm import Workspace  # noqa: E402
from live import (Pair, incoming_for, migrate_to,  # noqa: E402
                  put_content, set_parameters)

HOST = "dst.example"


def extra_args(pair, which):
    """What makes us understand peers that are too old to know better."""
    if which != "ours":
        return []
    return pair.peer.multifd_args() + pair.peer.tls_args()


def tls_case(pair, tool, way, kind, transport, channels, method="none",
             return_path=True):
    with Workspace() as work:
        dirs = Certs(tool, work.file("certs")).standard()
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
                    set_parameters(vm, {"multifd-channels": channels,
                                        "multifd-compression": method})
            if kind == "x509" and transport == "unix":
                src.set_parameters(tls_hostname=HOST)
            put_content(src)
            migrate_to(src, dst, incoming_for(work, transport), False)


def add_cases(suite, pair, tool):
    """All cases against one stock program."""
    for way in (("stock", "ours"), ("ours", "stock")):
        prefix = f"{pair.peer.name}/{way[0]}-to-{way[1]}"

        def add(name, *args, prefix=prefix, way=way):
            suite.add(f"{prefix}/{name}", tls_case, pair, tool, way, *args)

        for kind in ("x509", "psk", "anon"):
            for transport in ("tcp", "unix"):
                add(f"{kind}/{transport}", kind, transport, 0)
        for channels in (1, 2, 4):
            add(f"anon/multifd/none/{channels}", "anon", "tcp", channels)
        for kind in ("x509", "psk"):
            for method in ("none", "zlib", "zstd"):
                for channels in (1, 2, 4):
                    add(f"{kind}/multifd/{method}/{channels}", kind, "tcp",
                        channels, method)
        add("psk/one-way", "psk", "tcp", 0, "none", False)


def main():
    ours, tool = sys.argv[1:3]
    stocks, rest = stock.from_args(sys.argv[3:])
    suite = tap.Suite()
    for peer in stocks:
        add_cases(suite, Pair(ours, peer), tool)
    stock.add_missing(suite, stocks)
    return suite.run(rest)


if __name__ == "__main__":
    sys.exit(main())
