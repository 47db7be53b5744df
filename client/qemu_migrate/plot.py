# SPDX-License-Identifier: GPL-2.0-or-later
"""Rates and remaining memory over time as an SVG picture.

Format: Scalable Vector Graphics 1.1, W3C Recommendation.
"""

import math
from xml.sax.saxutils import escape

MIB = 1 << 20
WIDTH, HEIGHT = 860, 560
LEFT, RIGHT = 80, 840
PANELS = ((66, 276), (324, 500))  # top and bottom of each

# Distinguishable without colours too: by dashes.
CURVES = (
    ("send-rate", "sent", "#0060b0", "", 0),
    ("dirty-rate", "dirtied by the guest", "#d05000", "7 4", 0),
    ("remaining", "remaining", "#207030", "", 1),
)

STYLE = """
    text { font-family: sans-serif; font-size: 13px; fill: #222 }
    .title { font-size: 16px; font-weight: bold }
    .small { font-size: 11px; fill: #555 }
    .grid { stroke: #ddd; stroke-width: 1 }
    .axis { stroke: #444; stroke-width: 1 }
    .state { stroke: #888; stroke-width: 1; stroke-dasharray: 2 3 }
    .curve { fill: none; stroke-width: 2; stroke-linejoin: round }
"""


def nice_step(top, count):
    """A round step so that about `count` of them reach `top`."""
    raw = max(top, 1e-9) / count
    power = 10.0 ** math.floor(math.log10(raw))
    for factor in (1, 2, 5, 10):
        if factor * power >= raw * 0.999:
            return factor * power
    return 10 * power


def number(value):
    """A tick's label: no more digits than the tick has."""
    return f"{value:.6g}"


class Axis:
    """Maps [0, top] of some unit to pixels [start, end]."""

    def __init__(self, top, start, end, count):
        self.step = nice_step(top, count)
        self.top = max(self.step, math.ceil(top / self.step - 1e-6)
                       * self.step)
        self.start = start
        self.end = end

    def at(self, value):
        return self.start + (self.end - self.start) * value / self.top

    def ticks(self):
        return [n * self.step
                for n in range(int(round(self.top / self.step)) + 1)]


def line(x1, y1, x2, y2, cls):
    return (f'<line class="{cls}" x1="{x1:.1f}" y1="{y1:.1f}" '
            f'x2="{x2:.1f}" y2="{y2:.1f}"/>')


def text(x, y, content, anchor="start", cls="", extra=""):
    cls = f' class="{cls}"' if cls else ""
    return (f'<text{cls} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
            f'{extra}>{escape(content)}</text>')


def panel(out, x, y, top, bottom, unit, last):
    """Grid, axes and labels of one panel."""
    for tick in y.ticks():
        out.append(line(LEFT, y.at(tick), RIGHT, y.at(tick), "grid"))
        out.append(text(LEFT - 8, y.at(tick) + 4, number(tick), "end"))
    for tick in x.ticks():
        out.append(line(x.at(tick), top, x.at(tick), bottom, "grid"))
        if last:
            out.append(text(x.at(tick), bottom + 18, number(tick), "middle"))
    out.append(line(LEFT, top, LEFT, bottom, "axis"))
    out.append(line(LEFT, bottom, RIGHT, bottom, "axis"))
    middle = (top + bottom) / 2
    out.append(text(22, middle, unit, "middle", extra=(
        f' transform="rotate(-90 22 {middle:.1f})"')))


def legend(out, index, top):
    at = LEFT + 4
    for _, label, colour, dash, where in CURVES:
        if where != index:
            continue
        out.append(f'<line x1="{at}" y1="{top - 12}" x2="{at + 28}" '
                   f'y2="{top - 12}" stroke="{colour}" stroke-width="2"'
                   f' stroke-dasharray="{dash or "none"}"/>')
        out.append(text(at + 34, top - 8, label))
        at += 34 + 8 * len(label) + 24


def states(out, x, changes):
    """A dotted line where the status changed, with its name on top."""
    free = [LEFT]  # where the next name may begin: names must not overlap
    top, bottom = PANELS[0][0], PANELS[1][1]
    for time, status in changes:
        at = min(x.at(time), RIGHT)
        out.append(line(at, top, at, bottom, "state"))
        wide = 6.2 * len(status)
        begin = max(at - wide / 2, free[0])
        if begin + wide <= RIGHT + 15:
            out.append(text(begin, top - 28, status, cls="small"))
            free[0] = begin + wide + 8


def sides(rep):
    """From where to where, shortened to what fits beside the title."""
    names = [rep[s].get("monitor") or s for s in ("source", "destination")]
    names = [n if len(n) <= 40 else "..." + n[-37:] for n in names]
    return " \u2192 ".join(names)


def draw(rep):
    """The picture of a report (see report.collect) as text."""
    points = rep["samples"]
    changes = [(s["time"], s["status"]) for s in rep["states"]]
    # The first moments of setup are too narrow to be named.
    changes = [c for c in changes if c[1] not in ("setup", "none")]
    end = max([p["time"] for p in points] + [t for t, _ in changes] + [0.1])
    x = Axis(end, LEFT, RIGHT, 8)
    out = []
    out.append(text(LEFT, 24, f"Migration {rep['result']}", cls="title"))
    out.append(text(RIGHT, 24, sides(rep), "end", "small"))
    for index, (top, bottom) in enumerate(PANELS):
        curves = [c for c in CURVES if c[4] == index]
        most = max([p[c[0]] for p in points for c in curves] + [0]) / MIB
        y = Axis(most or 1, bottom, top, 5)
        panel(out, x, y, top, bottom, "MiB/s" if index == 0 else "MiB",
              index == len(PANELS) - 1)
        legend(out, index, top)
        for key, _, colour, dash, _ in curves:
            path = " ".join(f"{x.at(p['time']):.1f},{y.at(p[key] / MIB):.1f}"
                            for p in points)
            out.append(f'<polyline id="{key}" class="curve" stroke="{colour}"'
                       f' stroke-dasharray="{dash or "none"}"'
                       f' points="{path}"/>')
    states(out, x, changes)
    out.append(text((LEFT + RIGHT) / 2, HEIGHT - 18, "seconds", "middle"))
    body = "\n  ".join(out)
    return (f'<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<svg xmlns="http://www.w3.org/2000/svg" version="1.1" '
            f'width="{WIDTH}" height="{HEIGHT}" '
            f'viewBox="0 0 {WIDTH} {HEIGHT}">\n'
            f'  <style>{STYLE}  </style>\n'
            f'  <rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n'
            f'  {body}\n</svg>\n')
