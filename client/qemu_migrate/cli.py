# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line of qemu-migrate."""

import argparse
import json
import os
import signal
import sys

from . import plot, report
from .address import AddressError, MigrationUri, MonitorAddress
from .move import Move
from .progress import Progress
from .settings import Settings, parse_size, parse_switch
from .side import MoveError, Side

DONE, FAILED, USAGE, CANCELLED = 0, 1, 2, 130

EPILOG = """\
SRC and DST are QMP monitors: the path of a socket, or HOST:PORT. The
destination must have been started with -incoming defer, or must be listening.

exit codes: 0 the guest has moved; 1 it has not (the report says why);
2 wrong use; 130 cancelled by Ctrl-C
"""


def size(text):
    try:
        return parse_size(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"'{text}': expected bytes per second, with K, M, G or T") \
            from None


def count(least, most):
    def check(text):
        if not text.isdigit() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(
                f"'{text}': expected {least} to {most}")
        return int(text)
    return check


def seconds(text):
    try:
        value = float(text)
        if not 0 < value < 1e9:
            raise ValueError
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"'{text}': expected seconds") from None
    return value


def monitor(text):
    try:
        return MonitorAddress(text)
    except AddressError as e:
        raise argparse.ArgumentTypeError(str(e)) from None


def migration_uri(text):
    try:
        return MigrationUri(text)
    except AddressError as e:
        raise argparse.ArgumentTypeError(str(e)) from None


def capability(text):
    """(name, on) of NAME or NAME=off."""
    name, eq, value = text.partition("=")
    try:
        on = parse_switch(value) if eq else True
    except ValueError as e:
        raise argparse.ArgumentTypeError(f"{text}: {e}") from None
    if not name:
        raise argparse.ArgumentTypeError(f"'{text}': expected NAME[=off]")
    return name, on


def parameter(text):
    """(name, text) of NAME=VALUE."""
    name, eq, value = text.partition("=")
    if not eq or not name:
        raise argparse.ArgumentTypeError(f"'{text}': expected NAME=VALUE")
    return name, value


def add_settings(p):
    """Options that become capabilities and parameters; the demo has them
    too."""
    p.add_argument("--multifd", type=count(1, 255), metavar="N",
                   help="send memory over N channels")
    p.add_argument("--compression", metavar="METHOD",
                   help="compress what the channels send (with --multifd)")
    p.add_argument("--cap", "--capability", type=capability,
                   action="append", default=[], metavar="NAME[=off]",
                   help="set a capability; repeatable")
    p.add_argument("--param", "--parameter", type=parameter,
                   action="append", default=[], metavar="NAME=VALUE",
                   help="set a parameter; repeatable")


def settings_of(opt, settings=None):
    """A Settings of these options."""
    s = settings or Settings()
    if opt.multifd:
        s.capability("multifd")
        s.parameter("multifd-channels", opt.multifd)
    if opt.compression:
        s.parameter("multifd-compression", opt.compression)
    for name, on in opt.cap:
        s.capability(name, on)
    for name, value in opt.param:
        s.parameter(name, value)
    return s


def parser():
    p = argparse.ArgumentParser(
        prog="qemu-migrate", epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Move a running guest from one QEMU to another, through "
        "their QMP monitors.")
    p.add_argument("src", metavar="SRC", type=monitor,
                   help="monitor of the QEMU that has the guest")
    p.add_argument("dst", metavar="DST", type=monitor,
                   help="monitor of the QEMU that is to get it")
    p.add_argument("--uri", type=migration_uri, metavar="URI",
                   help="tcp:HOST:PORT or unix:PATH for the destination to "
                   "listen on [a free TCP port]")
    add_settings(p)
    p.add_argument("--bandwidth", type=size, metavar="BYTES",
                   help="most bytes per second, e.g. 500M; 0: no limit")
    p.add_argument("--downtime", type=count(0, 2000000), metavar="MS",
                   help="longest stop of the guest, in milliseconds")
    p.add_argument("--tls-creds", metavar="ID[,ID]",
                   help="TLS credentials object, at the source and (if "
                   "another) at the destination")
    p.add_argument("--tls-hostname", metavar="NAME",
                   help="name to find in the destination's certificate")
    p.add_argument("--timeout", type=seconds, metavar="SECONDS",
                   help="cancel it, as failed, if it takes longer")
    p.add_argument("--json", action="store_true",
                   help="print the report as one JSON object")
    p.add_argument("--plot", metavar="FILE.svg",
                   help="draw rates and remaining memory over time")
    p.add_argument("--quiet", action="store_true", help="show no progress")
    return p


def parse(argv):
    p = parser()
    opt = p.parse_args(argv)
    if opt.src.same_as(opt.dst):
        p.error("SRC and DST are the same monitor")
    caps = dict(opt.cap)
    if opt.compression and not opt.multifd and not caps.get("multifd"):
        p.error("--compression works with --multifd only")
    if opt.tls_hostname and not opt.tls_creds:
        p.error("--tls-hostname works with --tls-creds only")
    if opt.plot:
        folder = os.path.dirname(opt.plot) or "."
        if os.path.isdir(opt.plot) or not os.access(folder, os.W_OK):
            p.error(f"--plot {opt.plot}: cannot write there")
    return opt


def all_settings(opt):
    s = Settings()
    if opt.bandwidth is not None:
        s.parameter("max-bandwidth", opt.bandwidth)
    if opt.downtime is not None:
        s.parameter("downtime-limit", opt.downtime)
    if opt.tls_creds:
        ids = opt.tls_creds.split(",", 1)
        s.parameter("tls-creds", ids[0], ["source"])
        s.parameter("tls-creds", ids[-1], ["destination"])
    if opt.tls_hostname:
        s.parameter("tls-hostname", opt.tls_hostname)
    return settings_of(opt, s)


class Interrupts:
    """The first signal cancels a migration that goes on; the second, or one
    before it has begun, leaves at once (KeyboardInterrupt)."""

    def __init__(self, move, progress):
        self.move = move
        self.progress = progress
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._handle)

    def _handle(self, number, frame):
        if self.move.started is None or self.move.cancelling:
            raise KeyboardInterrupt
        self.move.cancel()
        os.write(2, b"\ncancelling (once more to leave at once)\n")


def write_plot(opt, rep):
    if not opt.plot or not rep["samples"]:
        return
    try:
        with open(opt.plot, "w", encoding="utf-8") as f:
            f.write(plot.draw(rep))
        rep["plot"] = opt.plot
    except OSError as e:
        rep["notes"].append(f"cannot write {opt.plot}: {e.strerror}")


def tell(opt, rep):
    if opt.json:
        print(json.dumps(rep))
    else:
        sys.stdout.write(report.text_of(rep))
    sys.stdout.flush()


def run(opt, src, dst):
    """The report of it all."""
    progress = Progress(sys.stderr)
    move = Move(src, dst, all_settings(opt), uri=opt.uri, timeout=opt.timeout,
                observer=None if opt.quiet else progress)
    Interrupts(move, progress)
    try:
        src.connect()
        dst.connect()
        move.prepare()
        move.start()
        move.watch()
    except MoveError as e:
        progress.clear()
        if not src.qmp or not dst.qmp:
            return report.refused(str(e))
        move.give_up(str(e))
    except KeyboardInterrupt:
        progress.clear()
        return report.refused(
            "left while the migration was being cancelled"
            if move.started is not None else
            "interrupted before the migration began", "cancelled")
    progress.clear()
    rep = report.collect(move)
    write_plot(opt, rep)
    return rep


def main(argv=None):
    """Run the program; its exit code."""
    opt = parse(argv)
    src = Side("source", address=opt.src)
    dst = Side("destination", address=opt.dst)
    try:
        rep = run(opt, src, dst)
        tell(opt, rep)
    except BrokenPipeError:
        # Whoever reads the report has left.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return FAILED
    finally:
        src.close()
        dst.close()
    return {"completed": DONE, "cancelled": CANCELLED}.get(rep["result"],
                                                           FAILED)
