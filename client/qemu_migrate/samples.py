# SPDX-License-Identifier: GPL-2.0-or-later
"""What was measured during a migration."""

from collections import deque

from . import peer

MOST = 1000  # points that are kept, however long it takes


class Samples:
    """A series of points, evenly thinned out when it gets long.

    points   dicts: time (s since the start), transferred, remaining, total
             (bytes), send-rate, dirty-rate (bytes/s), status, pass
    states   [(time, status)] at each change
    """

    def __init__(self):
        self._kept = []
        self._tail = None
        self._spacing = 0.0
        self._recent = deque()
        self.states = []

    def add(self, time, info):
        """Take in a query-migrate of the source at `time` seconds."""
        status = info.get("status", "none")
        if not self.states or self.states[-1][1] != status:
            self.states.append((time, status))
        ram = info.get("ram")
        if not ram:
            return
        dirty = peer.number_of(info, "dirty-rate")
        if dirty is None:
            dirty = (ram.get("dirty-pages-rate", 0)
                     * ram.get("page-size", 4096))
        point = {
            "time": time, "status": status,
            "transferred": ram["transferred"],
            "remaining": ram["remaining"], "total": ram["total"],
            "dirty-rate": dirty,
            "pass": ram.get("dirty-sync-count", 0)}
        self._recent.append((time, ram["transferred"]))
        while time - self._recent[0][0] > 1.0 and len(self._recent) > 2:
            self._recent.popleft()
        if self._kept and time - self._kept[-1]["time"] < self._spacing:
            self._tail = point
            return
        self._kept.append(point)
        self._tail = None
        if len(self._kept) > MOST:
            span = self._kept[-1]["time"] - self._kept[0]["time"]
            self._tail = self._kept[-1]
            self._kept = self._kept[::2]
            if self._kept[-1] is self._tail:
                self._tail = None
            self._spacing = 2 * span / MOST

    @property
    def points(self):
        """All that was kept.  The send rate is the mean over the time before
        a point, long enough that the sender's own 100 ms steps do not
        show."""
        points = self._kept + ([self._tail] if self._tail else [])
        window = max(0.3, points[-1]["time"] / 100) if points else 0
        # Nothing was sent yet when `migrate` was.
        behind = [{"time": 0.0, "transferred": 0}, *points]
        begin = 0
        out = []
        for n, p in enumerate(points):
            while begin < n and behind[begin + 1]["time"] <= \
                    p["time"] - window:
                begin += 1
            seconds = p["time"] - behind[begin]["time"]
            sent = p["transferred"] - behind[begin]["transferred"]
            out.append({**p, "send-rate": max(0.0, sent / seconds)
                        if seconds > 0 else 0.0})
        return out

    def last(self):
        return self._tail or (self._kept[-1] if self._kept else None)

    def send_rate(self):
        """Bytes per second over about the last second."""
        if len(self._recent) < 2:
            return 0.0
        (t0, b0), (t1, b1) = self._recent[0], self._recent[-1]
        return max(0.0, (b1 - b0) / (t1 - t0)) if t1 > t0 else 0.0
