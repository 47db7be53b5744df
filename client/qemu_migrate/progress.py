# SPDX-License-Identifier: GPL-2.0-or-later
"""The line that tells how far a migration is."""

import shutil
import time

from . import peer

MIB = 1 << 20


def percent(point, info):
    """How much is done: as the source sees it, if it tells, which knows of
    what will have to be sent again."""
    known = peer.number_of(info, "percent")
    if known is not None:
        return known
    total = point["total"]
    return 100.0 * (1 - point["remaining"] / total) if total else 100.0


def line_of(move, info):
    """What is known now, in one line."""
    status = info.get("status", "none")
    point = move.samples.last()
    if not point or not info.get("ram"):
        return f"{status:>10}  elapsed {move.elapsed():.1f} s"
    outlook = peer.outlook(info)
    return (f"{status:>10} {percent(point, info):5.1f}%"
            f"  {move.samples.send_rate() / MIB:7.1f} MiB/s"
            f"  dirty {point['dirty-rate'] / MIB:6.1f} MiB/s"
            f"  remaining {point['remaining'] / MIB:8.1f} MiB"
            f"  pass {point['pass']}"
            f"  elapsed {move.elapsed():.1f} s" +
            (f"  {outlook}" if outlook else ""))


class Progress:
    """Draws one line over and over on a terminal; elsewhere prints one when
    the status changes and every `interval` seconds."""

    def __init__(self, stream, interval=2.0, prefix=""):
        self.stream = stream
        self.live = stream.isatty()
        self.interval = interval
        self.prefix = prefix
        self._last = 0.0
        self._status = None
        self._shown = False

    def __call__(self, move, info):
        line = self.prefix + line_of(move, info)
        now = time.monotonic()
        status = info.get("status")
        if self.live:
            width = shutil.get_terminal_size().columns - 1
            print("\r\033[K" + line[:width], end="", file=self.stream,
                  flush=True)
            self._shown = True
        elif status != self._status or now - self._last >= self.interval:
            self._last = now
            print(line, file=self.stream, flush=True)
        self._status = status

    def clear(self):
        """Take the line away, to print something else."""
        if self._shown:
            print("\r\033[K", end="", file=self.stream, flush=True)
            self._shown = False
