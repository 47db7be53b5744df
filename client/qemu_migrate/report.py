# SPDX-License-Identifier: GPL-2.0-or-later
"""What is told after a migration: one dictionary, as JSON or in words."""

from . import peer

MIB = 1 << 20
# Members of query-migrate that have a place of their own in the report.
KNOWN = {"status", "ram", "total-time", "setup-time", "downtime",
         "expected-downtime", "error-desc", "socket-address",
         "blocked-reasons"}


def side_of(move, side):
    out = {"monitor": side.address.text if side.address else None,
           "version": side.version}
    out.update(move.final.get(side.label, {}))
    return out


def rate_of(transferred, total_time):
    """Bytes per second, from milliseconds."""
    return 1000.0 * transferred / total_time if total_time else 0.0


def collect(move, plot=None):
    """The report of a Move that has ended."""
    info = move.info_ram
    ram = info.get("ram", {})
    total = info.get("total-time") if move.result == "completed" else None
    if total is None:
        total = round(move.elapsed() * 1000)
    sent = ram.get("transferred", 0)
    labels = ("source", "destination")
    return {
        "result": move.result,
        "reasons": move.reasons,
        "notes": move.notes,
        "source": side_of(move, move.src),
        "destination": side_of(move, move.dst),
        "uri": move.source_uri,
        "set": {label: {"capabilities": move.settings.caps[label],
                        "parameters": move.settings.params[label]}
                for label in labels},
        "total-time": total,
        "setup-time": info.get("setup-time"),
        "downtime": info.get("downtime"),
        "downtime-limit": move.downtime_limit,
        "transferred": sent,
        "throughput": rate_of(sent, total),
        "ram": ram,
        "forecast": move.forecast,
        # Whatever else this version tells.
        "details": {k: v for k, v in {**info, **move.info}.items()
                    if k not in KNOWN},
        "samples": move.samples.points,
        "states": [{"time": t, "status": s} for t, s in move.samples.states],
        "plot": plot,
    }


def refused(reason, result="failed"):
    """The report of a migration that was not begun."""
    return {"result": result, "reasons": [reason], "notes": [],
            "samples": [], "states": []}


# -- in words

def mib(value):
    return f"{value / MIB:.1f} MiB"


def side_line(side):
    if side.get("gone"):
        return side["gone"]
    text = f"{side.get('run-state')}"
    if side.get("migration-status"):
        text += f" (migration {side['migration-status']})"
    return f"{text}, QEMU {side['version']}"


def where_guest_is(rep):
    """The most important sentence after a failure."""
    src, dst = rep["source"], rep["destination"]
    if dst.get("running"):
        return "The guest runs at the destination."
    if src.get("running"):
        return "The guest runs on at the source."
    if src.get("gone"):
        return (f"The source {src['gone']}: it cannot be seen who has the "
                "guest.")
    return f"The guest is at the source, not running ({src['run-state']})."


def flatten(name, value):
    """Lines of a member that only some programs have."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flatten(f"{name}.{key}", inner)
    elif isinstance(value, list) and any(isinstance(v, dict) for v in value):
        for n, inner in enumerate(value):
            rows = list(flatten("", inner))
            # What is said of one channel, or the like, fits into one line.
            yield f"{name}[{n}]", ", ".join(
                f"{key.lstrip('.')} {text}".strip() for key, text in rows)
    elif isinstance(value, list):
        yield name, ", ".join(str(v) for v in value)
    elif isinstance(value, bool):
        yield name, "yes" if value else "no"
    elif isinstance(value, float):
        yield name, f"{value:.4g}"
    else:
        yield name, str(value)


def numbers(rep):
    """Lines of what was measured."""
    ram = rep["ram"]
    if not rep["states"]:
        return  # it did not begin
    yield "total time", f"{rep['total-time']} ms"
    if rep["downtime"] is not None and rep["result"] == "completed":
        limit = rep["downtime-limit"]
        yield "downtime", (f"{rep['downtime']} ms" +
                           (f" (limit {limit} ms)" if limit is not None
                            else ""))
    if rep["setup-time"] is not None:
        yield "setup time", f"{rep['setup-time']} ms"
    if not ram:
        return
    yield "sent", (f"{mib(rep['transferred'])} for a guest of "
                   f"{mib(ram['total'])}")
    yield "pages", (f"{ram['normal']} full, {ram['duplicate']} zero, "
                    f"{ram.get('dirty-sync-count', 0)} passes")
    if ram.get("multifd-bytes"):
        yield "multifd", mib(ram["multifd-bytes"])
    yield "throughput", f"{rep['throughput'] / MIB:.1f} MiB/s"


def more_of(rep):
    """Lines of what only some programs tell."""
    for name, value in rep["details"].items():
        if name == "x-report" and isinstance(value, dict):
            value = {k: v for k, v in value.items() if k not in peer.TOLD}
        yield from flatten(name, value)


def table(rows):
    rows = list(rows)
    width = max([12] + [len(name) for name, _ in rows])
    return [f"  {name:<{width}} {value}" for name, value in rows]


def text_of(rep):
    """The report for a person, lines ended by newlines."""
    lines = [f"Migration {rep['result']}" +
             (": " + "; ".join(rep["reasons"]) if rep["reasons"] else "")]
    if "source" not in rep:
        return lines[0] + "\n"
    if rep["result"] != "completed":
        lines.append(where_guest_is(rep))
    lines += [f"Note: {note}" for note in rep["notes"]]
    rows = [*numbers(rep), ("source", side_line(rep["source"])),
            ("destination", side_line(rep["destination"]))]
    if rep["uri"]:
        rows.append(("over", rep["uri"]))
    if rep["plot"]:
        rows.append(("plot", rep["plot"]))
    rows += peer.rows_of(rep["details"])
    lines += table(rows)
    advice = peer.advice(rep["forecast"])
    if advice and rep["result"] != "completed":
        lines.append(f"The source says: {advice}.")
    more = list(more_of(rep))
    if more:
        lines += ["Told by the source:", *table(more)]
    return "\n".join(lines) + "\n"
