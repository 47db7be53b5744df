#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""qemu-migrate between real processes: this program's, a stock QEMU's, and
one of each.

Usage: client_test.py QEMU-MIGRATE BINARY GUEST-IMAGE BUILD-FOLDER
                      [name patterns]
"""

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from client_bench import (  # noqa: E402
    STOCKS, Bench, Failure, check_moved, check_plot, check_stayed, equal,
    finish, says)
from lib import stock, tap  # noqa: E402
from lib.guest import Guest  # noqa: E402
from lib.relay import Relay  # noqa: E402
from lib.vm import QMPError, VM  # noqa: E402


# ---- moves that succeed ----

def test_live(bench):
    """A guest that goes on writing, with everything that can be shown."""
    guest = Guest(bench.image, bench.work.file("g.bin"), ram_mib=64,
                  swept_mib=16)
    src = bench.live(guest)
    dst = bench.live(guest, "defer")
    guest.wait_sweeps(src, 2)
    svg = bench.work.file("a.svg")
    # All of its data takes a while to send, yet fits into the downtime.
    out, err = bench.run(src, dst, "--json", "--plot", svg, "--bandwidth",
                         "20M", "--downtime", "1000", "--param",
                         "avail-switchover-bandwidth=20M")
    rep = json.loads(out)
    equal("result", (rep["result"], rep["reasons"]), ("completed", []))
    equal("plot", rep["plot"], svg)
    check_plot(svg, rep)
    equal("run states", (rep["source"]["run-state"],
                         rep["destination"]["run-state"]),
          ("postmigrate", "running"))
    equal("limit", rep["downtime-limit"], 1000)
    equal("set", rep["set"]["source"]["parameters"],
          {"max-bandwidth": 20 << 20, "downtime-limit": 1000,
           "avail-switchover-bandwidth": 20 << 20})
    if not rep["total-time"] or rep["transferred"] < 16 << 20:
        raise Failure(f"numbers: {rep['total-time']} {rep['transferred']}")
    last = rep["samples"][-1]
    equal("end", (last["status"], last["remaining"]), ("completed", 0))
    says("progress", err, "remaining")
    says("progress", err, "completed 100.0%")
    guest.wait_sweeps(dst, 2)
    dst.cmd("stop")
    guest.check(dst.qtest)


def need_multifd(bench, kinds):
    """Skip if this build has no multifd; arguments for it to be understood by
    the others."""
    if "ours" not in kinds:
        return []
    with VM(bench.ours, bench.work, "probe", ["-machine", "none"]) as vm:
        caps = [c["capability"]
                for c in vm.cmd("query-migrate-capabilities")]
    if "multifd" not in caps:
        raise tap.Skip("this build has no multifd")
    return [arg for kind in kinds - {"ours"}
            for arg in STOCKS[kind].multifd_args()]


def test_between(bench, src_kind, dst_kind, options):
    extra = []
    if "--multifd" in options:
        extra = need_multifd(bench, {src_kind, dst_kind})
    src, dst = bench.pair(src_kind, dst_kind,
                          extra if src_kind == "ours" else [],
                          extra if dst_kind == "ours" else [])
    svg = bench.work.file("a.svg")
    rep = bench.report(src, dst, "--plot", svg, "--bandwidth", "15M",
                       "--downtime", "10", *options)
    equal("result", rep["result"], "completed")
    check_plot(svg, rep)
    check_moved(src, dst)
    equal("peers", [rep[s]["version"].split()[0]
                    for s in ("source", "destination")],
          [".".join(str(vm.cmd("query-version")["qemu"][k])
                    for k in ("major", "minor", "micro"))
           for vm in (src, dst)])
    if "--multifd" in options and not rep["ram"]["multifd-bytes"]:
        raise Failure(f"multifd was not used: {rep['ram']}")


def test_text(bench):
    """The report in words."""
    src, dst = bench.pair()
    out, err = bench.run(src, dst, "--quiet")
    equal("progress", err, "")
    for part in ("Migration completed\n", "total time", "downtime", "sent",
                 "throughput", "postmigrate (migration completed)",
                 "running (migration completed)", "tcp:127.0.0.1:"):
        says("report", out, part)


def test_unix(bench):
    src, dst = bench.pair()
    path = bench.work.file("mig.sock")
    rep = bench.report(src, dst, "--uri", f"unix:{path}")
    equal("uri", rep["uri"], f"unix:{path}")
    check_moved(src, dst)


def test_tcp_any_host(bench):
    """Listening on every address, the source still gets a real one."""
    src, dst = bench.pair()
    rep = bench.report(src, dst, "--uri", "tcp:0.0.0.0:0")
    if not re.fullmatch(r"tcp:127\.0\.0\.1:[1-9]\d*", rep["uri"]):
        raise Failure(f"uri {rep['uri']}")
    check_moved(src, dst)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def test_tcp_monitors(bench):
    ports = [free_port(), free_port()]
    args = [["-qmp", f"tcp:127.0.0.1:{p},server=on,wait=off"] for p in ports]
    src, dst = bench.pair(src_extra=args[0], dst_extra=args[1])
    rep = bench.report(f"127.0.0.1:{ports[0]}", f"tcp:localhost:{ports[1]}")
    equal("result", rep["result"], "completed")
    check_moved(src, dst)


def test_listening(bench, kind, transport, with_uri):
    """A destination that was started with an address."""
    src = bench.ram(kind)
    uri = (f"unix:{bench.work.file('mig.sock')}" if transport == "unix"
           else f"tcp:127.0.0.1:{free_port()}")
    dst = bench.ram(kind, uri)
    rep = bench.report(src, dst, *(["--uri", uri] if with_uri else []))
    equal("uri", rep["uri"], uri)
    check_moved(src, dst)


def test_pre_switchover(bench):
    src, dst = bench.pair()
    rep = bench.report(src, dst, "--cap", "pause-before-switchover")
    equal("result", rep["result"], "completed")
    equal("destination was not asked to",
          rep["set"]["destination"]["capabilities"], {"return-path": True})
    check_moved(src, dst)


def test_tls(bench, kind):
    """Credentials by the objects' names, one for each side."""
    folder = bench.work.file("tls")
    os.mkdir(folder)
    with open(f"{folder}/keys.psk", "w", encoding="ascii") as f:
        f.write("qemu:" + "5a" * 32 + "\n")

    def creds(ident, endpoint):
        return ["-object", f"tls-creds-psk,id={ident},endpoint={endpoint},"
                f"dir={folder}"]

    if kind == "ours":
        with VM(bench.ours, bench.work, "probe", ["-machine", "none"]) as vm:
            if "tls-creds" not in vm.cmd("query-migrate-parameters"):
                raise tap.Skip("this build has no TLS for migration")
    src, dst = bench.pair(kind, kind, creds("out", "client"),
                          creds("in", "server"))
    rep = bench.report(src, dst, "--tls-creds", "out,in")
    equal("set", (rep["set"]["source"]["parameters"],
                  rep["set"]["destination"]["parameters"]),
          ({"tls-creds": "out"}, {"tls-creds": "in"}))
    check_moved(src, dst)


def test_terminal(bench):
    """One line that is drawn over and over, and gone before the report."""
    src, dst = bench.pair()
    master, slave = pty.openpty()
    p = subprocess.Popen(bench.command(src, dst, "--bandwidth", "20M",
                                       "--downtime", "1"),
                         stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    shown = b""
    while True:
        try:
            data = os.read(master, 4096)
        except OSError:
            break
        if not data:
            break
        shown += data
    os.close(master)
    equal("exit code", p.wait(60), 0)
    text = shown.decode()
    head, _, tail = text.partition("Migration completed")
    if head.count("\r\x1b[K") < 4 or "\n" in head:
        raise Failure(f"not one line: {head!r}")
    if not head.endswith("\r\x1b[K") or "\x1b" in tail:
        raise Failure(f"the line stays: {text!r}")
    says("progress", head, "MiB/s")


# ---- failures ----

def wait_sending(src, process):
    """Until the client's migration sends; it must still run then."""
    end = time.monotonic() + 60
    while src.cmd("query-migrate").get("ram", {}).get("transferred", 0) < 1:
        if time.monotonic() > end or process.poll() is not None:
            raise Failure(f"it does not begin: {finish(process, 0)}")
        time.sleep(0.01)


def settings_of(vm):
    return (vm.cmd("query-migrate-capabilities"),
            vm.cmd("query-migrate-parameters"))


def test_destination_killed(bench, src_kind, dst_kind):
    src, dst = bench.pair(src_kind, dst_kind)
    before = settings_of(src)
    p = bench.spawn(src, dst, "--json", "--bandwidth", "1M")
    wait_sending(src, p)
    dst.kill()
    rep = json.loads(finish(p, 1)[0])
    equal("result", rep["result"], "failed")
    why = "; ".join(rep["reasons"])
    says("reasons", why, "destination process is gone")
    says("reasons", why, "source")
    equal("source runs", (rep["source"]["running"],
                          rep["source"]["migration-status"]),
          (True, "failed"))
    says("destination", rep["destination"]["gone"], "process is gone")
    check_stayed(src)
    equal("settings of the source", settings_of(src), before)


def test_destination_killed_words(bench):
    src, dst = bench.pair()
    p = bench.spawn(src, dst, "--bandwidth", "1M")
    wait_sending(src, p)
    dst.kill()
    out, _ = finish(p, 1)
    says("report", out, "Migration failed: source: ")
    says("report", out, "destination process is gone")
    says("report", out, "The guest runs on at the source.")


def test_source_killed(bench):
    src, dst = bench.pair()
    p = bench.spawn(src, dst, "--bandwidth", "1M")
    wait_sending(src, p)
    src.kill()
    out, _ = finish(p, 1)
    says("report", out, "source process is gone")


def test_damaged(bench, kind):
    """The destination's own reason is told too, if it stays to tell it."""
    src = bench.ram("ours")
    dst = bench.ram(kind, "defer")
    inner = f"unix:{bench.work.file('inner.sock')}"
    dst.cmd("migrate-incoming", {"uri": inner, "exit-on-error": False}
            if kind == "ours" else {"uri": inner})

    def plan(conn):
        conn.up.corrupt = {0: 0xff}  # of the magic number

    with Relay(f"unix:{bench.work.file('outer.sock')}", inner,
               plan) as relay:
        out, _ = bench.run(src, dst, "--uri", relay.uri, "--bandwidth",
                           "1M", status=1)
    says("report", out, "Migration failed: source: ")
    says("report", out, "destination: " if kind == "ours" else
         "destination process is gone")
    check_stayed(src)


def test_cut(bench):
    """The connection breaks, both processes live: the destination that can
    do nothing more is ended, and the source can try again."""
    src, dst = bench.pair()
    path = bench.work.file("inner.sock")

    def plan(conn):
        conn.up.cut_at = 300_000

    # Listens where the client does not know: it is given the relay.
    dst.cmd("migrate-incoming", {"uri": f"unix:{path}",
                                 "exit-on-error": False})
    with Relay(f"unix:{bench.work.file('outer.sock')}", f"unix:{path}",
               plan) as relay:
        rep = bench.report(src, dst, "--uri", relay.uri, status=1)
    says("reasons", "; ".join(rep["reasons"]), "destination: ")
    equal("source runs", rep["source"]["running"], True)
    check_stayed(src)
    there = bench.ram("ours", "defer")
    bench.run(src, there)
    check_moved(src, there)


def test_kept_destination_ends(bench):
    """A destination that the client told to stay when loading fails is ended
    by the client."""
    src, dst = bench.pair()
    p = bench.spawn(src, dst, "--json", "--bandwidth", "1M")
    wait_sending(src, p)
    p.send_signal(signal.SIGINT)
    rep = json.loads(finish(p, 130)[0])
    says("destination", rep["destination"]["gone"], "ended, after")
    equal("exit status of the destination", dst.wait_exit(), 0)


def test_interrupt(bench, kind, number):
    src, dst = bench.pair(kind, kind)
    before = settings_of(src)
    p = bench.spawn(src, dst, "--json", "--bandwidth", "1M")
    wait_sending(src, p)
    p.send_signal(number)
    rep = json.loads(finish(p, 130)[0])
    equal("result", (rep["result"], rep["reasons"]),
          ("cancelled", ["cancelled by the user"]))
    equal("source", (rep["source"]["running"],
                     rep["source"]["migration-status"]),
          (True, "cancelled"))
    check_stayed(src)
    equal("settings of the source", settings_of(src), before)


def test_interrupt_twice(bench):
    """The second one leaves, though the source does not answer."""
    src, dst = bench.pair()
    p = bench.spawn(src, dst, "--bandwidth", "1M")
    wait_sending(src, p)
    src.process.send_signal(signal.SIGSTOP)
    p.send_signal(signal.SIGINT)
    while "cancelling" not in p.stderr.readline():
        equal("still there", p.poll(), None)
    equal("still there", p.poll(), None)
    p.send_signal(signal.SIGINT)
    out, _ = finish(p, 130)
    says("report", out, "left while the migration was being cancelled")
    src.process.send_signal(signal.SIGCONT)


def test_destination_hangs(bench):
    """Cancelling does not wait for a destination that does not answer."""
    src, dst = bench.pair()
    p = bench.spawn(src, dst, "--json", "--bandwidth", "1M")
    wait_sending(src, p)
    dst.process.send_signal(signal.SIGSTOP)
    p.send_signal(signal.SIGINT)
    rep = json.loads(finish(p, 130)[0])
    equal("result", rep["result"], "cancelled")
    equal("destination", rep["destination"]["gone"], "does not answer")
    check_stayed(src)


def test_cancelled_by_other(bench):
    src, dst = bench.pair()
    p = bench.spawn(src, dst, "--json", "--bandwidth", "1M")
    wait_sending(src, p)
    src.cmd("migrate_cancel")
    rep = json.loads(finish(p, 130)[0])
    equal("reasons", rep["reasons"], ["cancelled by somebody else"])


def test_timeout(bench):
    src, dst = bench.pair()
    rep = bench.report(src, dst, "--bandwidth", "1M", "--timeout", "0.5",
                       status=1)
    equal("result", rep["result"], "failed")
    says("reason", rep["reasons"][0], "(--timeout)")
    check_stayed(src)


def test_unreachable(bench):
    src, dst = bench.pair()
    closed = f"127.0.0.1:{free_port()}"
    for a, b, text in (
            ("/nonexistent/qmp", dst.sock, "cannot connect to the source "
             "monitor /nonexistent/qmp: No such file or directory"),
            (src.sock, "/nonexistent/qmp", "cannot connect to the "
             "destination monitor /nonexistent/qmp"),
            (src.sock, closed, "Connection refused"),
            (bench.image, dst.sock, "Connection refused")):
        out, _ = bench.run(a, b, status=1)
        says("report", out, text)
    rep = bench.report(src, closed, status=1)
    equal("result", (rep["result"], len(rep["reasons"])), ("failed", 1))
    check_stayed(src)


def test_monitor_in_use(bench):
    """Somebody else is connected: no greeting comes."""
    src, dst = bench.pair()
    with socket.socket(socket.AF_UNIX) as other:
        other.connect(dst.sock)
        other.recv(10)
        out, _ = bench.run(src, dst, status=1)
    says("report", out, "another client is connected to it")
    bench.run(src, dst)


def test_same_monitor(bench):
    src = bench.ram("ours")
    link = bench.work.file("link")
    os.symlink(src.sock, link)
    for other in (src.sock, f"unix:{src.sock}", link,
                  os.path.relpath(src.sock)):
        _, err = bench.run(src, other, status=2)
        says("message", err, "SRC and DST are the same monitor")


def test_wrong_states(bench):
    src, dst = bench.pair()
    other = bench.ram("ours")
    for a, b, text in (
            (src, other, "does not wait for a migration (run state running)"),
            (dst, src, "are SRC and DST swapped?")):
        out, _ = bench.run(a, b, status=1)
        says("report", out, text)
    bench.run(src, dst)
    out, _ = bench.run(src, bench.ram("ours", "defer"), status=1)
    says("report", out, "has been migrated away already")
    out, _ = bench.run(other, dst, status=1)
    says("report", out, "does not wait for a migration")


def test_busy(bench):
    src, dst = bench.pair()
    third = bench.ram("ours", "defer")
    src.set_parameters(max_bandwidth=1 << 20)
    path = bench.work.file("mig.sock")
    dst.cmd("migrate-incoming", {"uri": f"unix:{path}"})
    src.cmd("migrate", {"uri": f"unix:{path}"})
    src.wait_migration("active")
    out, _ = bench.run(src, third, status=1)
    says("report", out, "a migration is going on at the source already")
    other = bench.ram("ours")
    out, _ = bench.run(other, dst, status=1)
    says("report", out, "cannot take a migration any more (migration status "
         "active)")


def test_wrong_names(bench):
    src, dst = bench.pair()
    before = settings_of(src), settings_of(dst)
    for options, text in (
            (["--cap", "nosuch"], "has no migration capability 'nosuch'"),
            (["--param", "nosuch=1"], "has no migration parameter 'nosuch'"),
            (["--param", "max-bandwidth=much"], "parameter max-bandwidth: "),
            (["--param", "downtime-limit=9999999", "--cap", "validate-uuid"],
             "the source refuses migrate-set-parameters: ")):
        out, _ = bench.run(src, dst, *options, status=1)
        says("report", out, text)
        says("report", out, "The guest runs on at the source.")
    equal("settings", (settings_of(src), settings_of(dst)), before)
    bench.run(src, dst)


def test_one_side_lacks(bench, src_kind, dst_kind):
    """A capability that only the other program has."""
    src, dst = bench.pair(src_kind, dst_kind)
    have = [{c["capability"] for c in vm.cmd("query-migrate-capabilities")}
            for vm in (src, dst)]
    only = have[0] - have[1] - {"zero-blocks", "auto-converge",
                                "release-ram", "background-snapshot",
                                "zero-copy-send", "validate-uuid",
                                "pause-before-switchover", "dirty-limit",
                                "postcopy-blocktime", "late-block-activate"}
    if not only:
        raise tap.Skip(f"{dst_kind} has every capability of {src_kind}")
    name = sorted(only)[0]
    out, _ = bench.run(src, dst, "--cap", name, status=1)
    says("report", out, f"the destination (QEMU {dst_version(dst)}")
    says("report", out, f"has no migration capability '{name}'; the source "
         "has it")
    check_stayed(src)


def dst_version(vm):
    qemu = vm.cmd("query-version")["qemu"]
    return f"{qemu['major']}.{qemu['minor']}.{qemu['micro']}"


def test_usage(bench):
    """Wrong use ends with 2 and touches nothing: these monitors are not
    there."""
    for options, text in (
            (["--nosuch"], "unrecognized arguments"),
            (["--multifd", "0"], "expected 1 to 255"),
            (["--multifd", "x"], "expected 1 to 255"),
            (["--compression", "zlib"], "works with --multifd only"),
            (["--tls-hostname", "x"], "works with --tls-creds only"),
            (["--bandwidth", "fast"], "expected bytes per second"),
            (["--downtime", "-1"], "expected"),
            (["--timeout", "0"], "expected seconds"),
            (["--cap", "a=b"], "is not on or off"),
            (["--param", "a"], "expected NAME=VALUE"),
            (["--uri", "exec:cat"], "expected tcp:HOST:PORT or unix:PATH"),
            (["--plot", "/nonexistent/a.svg"], "cannot write there")):
        _, err = bench.run("/a", "/b", *options, status=2)
        says("message", err, text)
    _, err = bench.run("/a", "", status=2)
    says("message", err, "empty address")


def test_interrupted_before(bench):
    """While it waits for a greeting that does not come."""
    path = bench.work.file("silent.sock")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)
        s.listen(1)
        p = bench.spawn(path, "/nonexistent")
        conn, _ = s.accept()
        time.sleep(0.2)
        p.send_signal(signal.SIGINT)
        out, _ = finish(p, 130)
        conn.close()
    says("report", out, "interrupted before the migration began")


def test_reader_leaves(bench):
    """Nobody reads the report any more."""
    src, dst = bench.pair()
    p = bench.spawn(src, dst, "--json", "--quiet", "--bandwidth", "10M",
                    "--downtime", "1")
    p.stdout.close()
    equal("exit code", p.wait(60), 1)
    equal("messages", p.stderr.read(), "")
    p.stderr.close()
    check_moved(src, dst)


def test_many_threads_watch(bench):
    """Other monitors of the same machines are used at the same time."""
    src, dst = bench.pair()
    stop = threading.Event()

    def ask():
        while not stop.is_set():
            try:
                src.cmd("query-migrate")
                dst.cmd("query-migrate")
            except QMPError:
                pass

    t = threading.Thread(target=ask)
    t.start()
    try:
        bench.run(src, dst, "--bandwidth", "10M", "--downtime", "1")
    finally:
        stop.set()
        t.join()
    check_moved(src, dst)


def test_installed(bench, build):
    """The installed program finds its modules."""
    root = bench.work.file("root")
    r = subprocess.run(["meson", "install", "-C", build, "--no-rebuild",
                        "--tags", "client", "--destdir", root],
                       capture_output=True, text=True, check=False)
    if r.returncode:
        raise Failure(f"meson install: {r.stdout}{r.stderr}")
    found = [os.path.join(folder, "qemu-migrate")
             for folder, _, files in os.walk(root) if "qemu-migrate" in files]
    equal("programs", len(found), 1)
    bench.tool = found[0]
    src, dst = bench.pair()
    r = subprocess.run([found[0], src.sock, dst.sock], capture_output=True,
                       text=True, check=False, cwd="/")
    equal("exit code", (r.returncode, r.stderr * r.returncode), (0, ""))
    check_moved(src, dst)


def cases(suite, run, build):
    stocks = list(STOCKS)
    pairs = [("ours", "ours")]
    for kind in stocks:
        pairs += [(kind, kind), (kind, "ours"), ("ours", kind)]
    for kinds in pairs:
        name = "-to-".join(kinds)
        suite.add(f"{name}/move", run, test_between, *kinds, [])
        suite.add(f"{name}/destination-killed", run, test_destination_killed,
                  *kinds)
        suite.add(f"{name}/multifd", run, test_between, *kinds,
                  ["--multifd", "3"])
    if len(stocks) > 1:
        suite.add("older-to-newer/move", run, test_between, stocks[0],
                  stocks[-1], [])
    for kind in stocks:
        suite.add(f"{kind}-to-{kind}/compression", run, test_between, kind,
                  kind, ["--multifd", "3", "--compression", "zlib"])
        for kinds in (("ours", kind), (kind, "ours")):
            suite.add(f"{kinds[0]}-to-{kinds[1]}/lacks", run,
                      test_one_side_lacks, *kinds)
    for kind in ("ours", *stocks):
        suite.add(f"{kind}/interrupt", run, test_interrupt, kind,
                  signal.SIGINT)
        suite.add(f"{kind}/tls", run, test_tls, kind)
        suite.add(f"{kind}/damaged", run, test_damaged, kind)
        for transport in ("tcp", "unix"):
            for uri in (False, True):
                suite.add(f"{kind}/listening/{transport}/"
                          f"{'uri' if uri else 'found'}", run,
                          test_listening, kind, transport, uri)
    suite.add("terminate", run, test_interrupt, "ours", signal.SIGTERM)
    suite.add("installed", run, test_installed, build)
    for fn in (test_live, test_text, test_unix, test_tcp_any_host,
               test_tcp_monitors, test_pre_switchover, test_terminal,
               test_destination_killed_words, test_source_killed, test_cut,
               test_kept_destination_ends, test_interrupt_twice,
               test_interrupted_before, test_destination_hangs,
               test_cancelled_by_other,
               test_timeout, test_unreachable, test_monitor_in_use,
               test_same_monitor, test_wrong_states, test_busy,
               test_wrong_names, test_usage, test_reader_leaves,
               test_many_threads_watch):
        suite.add(fn.__name__[5:].replace("_", "-"), run, fn)


def main():
    tool, ours, image, build = sys.argv[1:5]
    suite = tap.Suite()

    def run(fn, *args):
        with Bench(tool, ours, image) as bench:
            fn(bench, *args)

    cases(suite, run, build)
    stock.add_missing(suite, list(STOCKS.values()))
    return suite.run(sys.argv[5:])


if __name__ == "__main__":
    sys.exit(main())
