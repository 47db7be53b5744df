#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The parts of qemu-migrate alone: addresses, settings, samples, pictures,
monitors that misbehave.

Usage: test_client.py [name patterns]
"""

import os
import socket
import sys
import threading
import xml.etree.ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../.."))
from lib import tap  # noqa: E402
from lib import qmp  # noqa: E402,F401  pylint: disable=unused-import
from qemu_migrate import peer, plot, progress, report  # noqa: E402
from qemu_migrate.address import (  # noqa: E402
    AddressError, MigrationUri, MonitorAddress)
from qemu_migrate.samples import MOST, Samples  # noqa: E402
from qemu_migrate.settings import (  # noqa: E402
    Settings, convert, parse_size)
from qemu_migrate.side import MoveError, Side, SideGone  # noqa: E402

SVG = "{http://www.w3.org/2000/svg}"


def equal(what, got, want):
    if got != want:
        raise AssertionError(f"{what}: {got!r}, not {want!r}")


def raises(kind, text, fn, *args):
    try:
        fn(*args)
    except kind as e:
        if text not in str(e):
            raise AssertionError(f"'{e}' does not say '{text}'") from None
        return
    raise AssertionError(f"{fn.__name__}{args} was accepted")


def test_monitor_address():
    for text, path, host, port in (
            ("/run/a.sock", "/run/a.sock", None, None),
            ("a.sock", "a.sock", None, None),
            ("unix:a:1", "a:1", None, None),
            ("./a:1", "./a:1", None, None),
            ("h:1234", None, "h", 1234),
            ("tcp:h:1234", None, "h", 1234),
            ("[::1]:5", None, "::1", 5),
            (":5", None, "localhost", 5)):
        a = MonitorAddress(text)
        equal(text, (a.path, a.host, a.port), (path, host, port))
    for text in ("", "tcp:h", "tcp:h:port", "tcp:h:70000"):
        raises(AddressError, "expected", MonitorAddress, text)
    same = MonitorAddress("localhost:1").same_as(MonitorAddress("[::1]:1"))
    equal("loopback", same, True)
    same = MonitorAddress("a:1").same_as(MonitorAddress("a:2"))
    equal("other port", same, False)


def test_migration_uri():
    uri = MigrationUri("tcp:0.0.0.0:0")
    equal("wildcard", uri.for_source(4444, "dst"), "tcp:dst:4444")
    equal("v6", uri.for_source(1, "fe80::1"), "tcp:[fe80::1]:1")
    equal("host", MigrationUri("tcp:[::1]:7").for_source(None, "dst"),
          "tcp:[::1]:7")
    equal("unix", MigrationUri("unix:/a").for_source(None, "x"), "unix:/a")
    for text in ("", "exec:cat", "fd:1", "tcp:1", "unix:", "tcp:a:b"):
        raises(AddressError, "expected tcp:HOST:PORT", MigrationUri, text)


def test_sizes():
    for text, value in (("0", 0), ("10", 10), ("1K", 1024), ("2m", 2 << 20),
                        ("1.5G", 3 << 29), ("1GiB", 1 << 30), ("7B", 7)):
        equal(text, parse_size(text), value)
    for text in ("", "-1", "1.5", "K", "1Q", "nan", "infG", "1e9999G"):
        raises(ValueError, "", parse_size, text)


def test_convert():
    for text, current, value in (
            ("on", False, True), ("off", True, False), ("64M", 1, 64 << 20),
            ("zlib", "none", "zlib"), ('["a"]', [], ["a"]), (7, 1, 7)):
        equal(text, convert("p", text, current), value)
    raises(MoveError, "parameter p", convert, "p", "maybe", True)
    raises(MoveError, "parameter p", convert, "p", "many", 1)


class FakeSide:
    """A side without a process: answers what a monitor would."""

    version = "0"

    def __init__(self, label, caps, params, refuse=None):
        self.label = label
        self.caps = dict(caps)
        self.params = dict(params)
        self.refuse = refuse

    def capabilities(self):
        return dict(self.caps)

    def parameters(self):
        return dict(self.params)

    def do(self, name, args):
        if name == self.refuse:
            raise MoveError(f"{self.label} refuses {name}")
        for c in args.get("capabilities", []):
            self.caps[c["capability"]] = c["state"]
        if name == "migrate-set-parameters":
            self.params.update(args)


CAPS = {"return-path": False, "multifd": False, "auto-converge": False}
PARAMS = {"max-bandwidth": 1, "multifd-channels": 2, "tls-creds": "",
          "multifd-compression": "none", "tls-authz": ""}


def pair(**refuse):
    return (FakeSide("source", CAPS, PARAMS, refuse.get("source")),
            FakeSide("destination", CAPS, PARAMS, refuse.get("destination")))


def test_settings():
    src, dst = pair()
    s = Settings()
    s.capability("multifd")
    s.capability("auto-converge")
    s.parameter("multifd-channels", "4")
    s.parameter("max-bandwidth", "1G")
    s.parameter("tls-authz", "a")
    s.apply(src, dst)
    equal("source", src.caps, {k: True for k in CAPS})
    equal("destination", dst.caps, {**CAPS, "return-path": True,
                                    "multifd": True})
    equal("source", src.params, {**PARAMS, "multifd-channels": 4,
                                 "max-bandwidth": 1 << 30})
    equal("destination", dst.params, {**PARAMS, "multifd-channels": 4,
                                      "tls-authz": "a"})
    s.restore(src)
    equal("restored", (src.caps, src.params), (CAPS, PARAMS))


def test_settings_refused():
    s = Settings()
    s.capability("nosuch")
    raises(MoveError, "the source (QEMU 0) has no migration capability "
           "'nosuch'", s.apply, *pair())
    s = Settings()
    s.parameter("nosuch", "1")
    raises(MoveError, "has no migration parameter 'nosuch'", s.apply,
           *pair())
    # One side only: which, and that the other has it.
    src, dst = pair()
    del dst.caps["multifd"]
    s = Settings()
    s.capability("multifd")
    raises(MoveError, "the destination (QEMU 0) has no migration capability "
           "'multifd'; the source has it", s.apply, src, dst)
    # What only the source uses is not asked of the destination.
    src, dst = pair()
    del dst.caps["auto-converge"]
    s = Settings()
    s.capability("auto-converge")
    s.apply(src, dst)
    # When the second side refuses, the first is put back.
    src, dst = pair(destination="migrate-set-capabilities")
    s = Settings()
    s.capability("multifd")
    s.parameter("multifd-channels", 9)
    raises(MoveError, "destination refuses", s.apply, src, dst)
    equal("source", (src.caps, src.params), (CAPS, PARAMS))
    equal("destination", dst.params, PARAMS)


def test_settings_disagree():
    src, dst = pair()
    src.caps["multifd"] = True
    raises(MoveError, "'multifd' is on at the source and off at the "
           "destination", Settings().apply, src, dst)
    del dst.caps["multifd"]
    raises(MoveError, "off at the destination", Settings().apply, src, dst)
    src, dst = pair()
    src.caps["multifd"] = dst.caps["multifd"] = True
    dst.params["multifd-channels"] = 3
    raises(MoveError, "'multifd-channels' is 2 at the source and 3 at the "
           "destination", Settings().apply, src, dst)
    src.caps["multifd"] = dst.caps["multifd"] = False
    Settings().apply(src, dst)  # does not matter then


def info_at(n, status="active", rate=1 << 20):
    return {"status": status, "ram": {
        "transferred": n * rate, "remaining": (10_000 - n) * rate,
        "total": 10_000 * rate, "dirty-pages-rate": 256,
        "page-size": 4096, "dirty-sync-count": 1}}


def test_samples():
    s = Samples()
    s.add(0.0, {"status": "setup"})
    for n in range(1, 5001):
        s.add(n / 10, info_at(n))
        if n % 100 == 0 and len(s.points) > MOST + 1:
            raise AssertionError(f"{len(s.points)} points are kept")
    s.add(501.0, info_at(5001, "completed"))
    points = s.points
    if len(points) < MOST / 3:
        raise AssertionError(f"only {len(points)} points are left")
    times = [p["time"] for p in points]
    equal("order", times, sorted(set(times)))
    equal("last", (points[-1]["time"], points[-1]["status"]),
          (501.0, "completed"))
    for p in points[1:-1]:
        if abs(p["send-rate"] / (10 << 20) - 1) > 0.01:
            raise AssertionError(f"rate {p['send-rate']} at {p['time']}")
    equal("states", [state for _, state in s.states],
          ["setup", "active", "completed"])


def report_of(samples):
    return {"result": "completed", "samples": samples.points,
            "source": {"monitor": "/a<b>&c"}, "destination": {},
            "states": [{"time": t, "status": s} for t, s in samples.states]}


def test_plot():
    """Any number of points gives a well-formed picture inside its frame."""
    for count in (0, 1, 2, 50, 3000):
        s = Samples()
        s.add(0.0, {"status": "setup"})
        for n in range(count):
            s.add(0.01 + n / 10, info_at(n))
        rep = report_of(s)
        root = xml.etree.ElementTree.fromstring(plot.draw(rep))
        curves = {c.get("id"): c.get("points").split()
                  for c in root.iter(SVG + "polyline")}
        equal("curves", set(curves), {"send-rate", "dirty-rate",
                                      "remaining"})
        for name, points in curves.items():
            equal(f"points of {name}", len(points), len(rep["samples"]))
            for point in points:
                x, y = (float(v) for v in point.split(","))
                if not (plot.LEFT <= x <= plot.RIGHT
                        and 0 <= y <= plot.HEIGHT):
                    raise AssertionError(f"{name}: {point} is outside")
        texts = [t.text for t in root.iter(SVG + "text")]
        for unit in ("MiB/s", "MiB", "seconds"):
            if unit not in texts:
                raise AssertionError(f"no '{unit}' in {texts}")


def test_report_details():
    """Members that this program does not know are told as they are."""
    rows = dict(report.flatten("x-a", {"rate": 1.5, "ok": True, "n": [1, 2],
                                       "c": [{"b": 1, "d": {"e": 3}}, 4]}))
    equal("rows", rows, {"x-a.rate": "1.5", "x-a.ok": "yes",
                         "x-a.n": "1, 2", "x-a.c[0]": "b 1, d.e 3",
                         "x-a.c[1]": "4"})


X_REPORT = {
    "percent": 40.5, "send-rate": 1, "dirty-rate": 7 << 20,
    "forecast": {"converges": False, "may-remain": 1,
                 "needed-bandwidth": 200 << 20,
                 "needed-downtime-limit": 900},
    "phases": [{"phase": "setup", "microseconds": 1500},
               {"phase": "first-pass", "microseconds": 2_500_000}],
    "bytes": {"first-copy": 5 << 20, "re-dirtied": 0},
    "failure": {"reason": "it broke", "phase": "iterate",
                "section": "ram"},
    "working-set": 4096}


def test_peer():
    """What our program tells besides comes into line, samples and report."""
    info = {**info_at(1), "x-report": X_REPORT}
    s = Samples()
    s.add(0.1, info)
    equal("dirty rate", s.last()["dirty-rate"], 7 << 20)
    equal("percent", progress.percent(s.last(), info), 40.5)
    equal("outlook", peer.outlook(info), "does not converge")
    equal("rows", dict(peer.rows_of(info)), {
        "phases": "setup 2 ms, first-pass 2.5 s", "bytes":
        "first-copy 5.0 MiB", "failed": "in phase iterate, section ram"})
    says = peer.advice(X_REPORT["forecast"])
    for part in ("200 MiB/s", "900 ms"):
        if part not in says:
            raise AssertionError(f"{says} does not say {part}")
    equal("others", list(report.more_of({"details": info}))[-1],
          ("x-report.working-set", "4096"))
    info["x-report"] = {"forecast": {"converges": True,
                                     "remaining-time": 12_300}}
    equal("outlook", peer.outlook(info), "12.3 s left")


def test_peer_strange():
    """Any other shape is left out."""
    for x in (None, 5, [], {}, {"percent": "many", "dirty-rate": True,
                                "forecast": 1, "phases": 7, "bytes": [1],
                                "failure": {"x": 1}},
              {"forecast": {"converges": True, "remaining-time": "soon"},
               "phases": [{}], "bytes": {"a": "b"}, "failure": 3}):
        info = {**info_at(1), "x-report": x}
        s = Samples()
        s.add(0.1, info)
        equal("dirty rate", s.last()["dirty-rate"], 1 << 20)
        equal("outlook", peer.outlook(info), "")
        equal("advice", peer.advice(peer.forecast_of(info)), "")
        equal("rows", list(peer.rows_of(info)), [])
        list(report.more_of({"details": info}))
        progress.percent(s.last(), info)


class FakeMonitor:
    """Listens on TCP; says these lines, one per line that it reads (the first
    at once), then closes."""

    def __init__(self, *lines, stay=False):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(1)
        self.lines = lines
        self.stay = stay
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def side(self):
        port = self.listener.getsockname()[1]
        return Side("source", address=MonitorAddress(f"127.0.0.1:{port}"))

    def _run(self):
        conn, _ = self.listener.accept()
        with conn, conn.makefile("rb") as f:
            for n, line in enumerate(self.lines):
                if n:
                    f.readline()
                conn.sendall(line + b"\r\n")
            while self.stay and f.readline():
                pass

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.thread.join()
        self.listener.close()


GREETING = b'{"QMP": {"version": {}, "capabilities": []}}'
RETURN = b'{"return": {}}'


def test_monitors():
    for lines, text in (
            ((b"SSH-2.0-OpenSSH",), "does not speak QMP"),
            ((b"[1]",), "does not speak QMP"),
            ((b'{"hello": 1}',), "does not greet"),
            ((), "connection closed"),
            ((GREETING, b'{"error": {"class": "a", "desc": "no"}}'), "no")):
        with FakeMonitor(*lines) as monitor:
            raises(MoveError, text, monitor.side().connect)
    with FakeMonitor(GREETING, RETURN, b"garbage") as monitor:
        side = monitor.side()
        side.connect()
        raises(SideGone, "broken QMP connection", side.do, "query-status")
        raises(SideGone, "broken QMP connection", side.do, "query-status")
        side.close()
    with FakeMonitor(GREETING, RETURN, stay=True) as monitor:
        side = monitor.side()
        side.connect()
        side.qmp.timeout = 0.2
        raises(SideGone, "does not answer", side.do, "query-status")
        side.close()


def test_monitor_polled():
    """A query that is not answered yet does not mix up what comes after."""
    with FakeMonitor(GREETING, RETURN, b'{"return": {"status": "a"}}',
                     b'{"return": {"status": "b"}}',
                     b'{"return": 5}') as monitor:
        side = monitor.side()
        side.connect()
        while not side.poll("query-status"):
            pass
        seen = side.poll("query-status")["status"]
        if seen not in ("a", "b"):
            raise AssertionError(f"polled {seen}")
        equal("command", side.cmd("other"), 5)
        equal("status, after the monitor is gone", side.last("query-status"),
              {"status": "b"})
        side.close()


def main():
    suite = tap.Suite()
    for name, fn in sorted(globals().items()):
        if name.startswith("test_"):
            suite.add(name[5:].replace("_", "-"), fn)
    return suite.run()


if __name__ == "__main__":
    sys.exit(main())
