# SPDX-License-Identifier: GPL-2.0-or-later
"""What this project's QEMU tells beyond others: query-migrate's `x-report`.

It is experimental, and other programs have not got it: whatever is missing or
of another shape is left out, and never in anybody's way.
"""

MIB = 1 << 20

# Members that rows_of() tells in words of its own.
TOLD = {"phases", "bytes", "failure", "forecast", "percent", "send-rate",
        "dirty-rate", "phase", "phase-age"}


def report_of(info):
    """The member, {} if there is none."""
    report = info.get("x-report")
    return report if isinstance(report, dict) else {}


def number_of(info, name):
    """A number of the report, None if it is not there."""
    value = report_of(info).get(name)
    good = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value if good else None


def forecast_of(info):
    """The forecast, {} if there is none."""
    forecast = report_of(info).get("forecast")
    return forecast if isinstance(forecast, dict) else {}


def duration(milliseconds):
    """In words: `40 ms`, `2.5 s`, `12 min`."""
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    if milliseconds < 120_000:
        return f"{milliseconds / 1000:.1f} s"
    return f"{milliseconds / 60_000:.0f} min"


def outlook(info):
    """The forecast in a few words, "" if there is none."""
    forecast = forecast_of(info)
    left = forecast.get("remaining-time")
    if forecast.get("converges") is False:
        return "does not converge"
    if forecast.get("converges") and isinstance(left, (int, float)):
        return f"{duration(left)} left"
    return ""


def advice(forecast):
    """What would make a migration end that otherwise does not; "" if there is
    nothing to say."""
    if forecast.get("converges") is not False:
        return ""
    ways = []
    for name, form in (
            ("needed-bandwidth", lambda v: f"{v / MIB:.0f} MiB/s of "
             "bandwidth"),
            ("needed-downtime-limit", lambda v: f"a downtime of {v} ms"),
            ("needed-dirty-rate", lambda v: "a guest that writes at most "
             f"{v / MIB:.0f} MiB/s")):
        value = forecast.get(name)
        if isinstance(value, (int, float)):
            ways.append(form(value))
    text = "as it was, it would not have converged"
    return text + (f"; what would help: {', or '.join(ways)}" if ways else "")


def phase_rows(phases):
    return ", ".join(f"{p['phase']} {duration(p['microseconds'] / 1000)}"
                     for p in phases)


def byte_rows(causes):
    return ", ".join(f"{name} {value / MIB:.1f} MiB"
                     for name, value in causes.items() if value)


def failure_rows(failure):
    text = f"in phase {failure['phase']}"
    for name in ("section", "channel", "peer-reason"):
        if failure.get(name):
            text += f", {name} {failure[name]}"
    return text


def rows_of(info):
    """(name, text) of what the report tells after the end."""
    report = report_of(info)
    for name, title, form in (("phases", "phases", phase_rows),
                              ("bytes", "bytes", byte_rows),
                              ("failure", "failed", failure_rows)):
        try:
            text = form(report[name]) if report.get(name) else ""
        except (KeyError, TypeError, AttributeError):
            continue
        if text:
            yield title, text
