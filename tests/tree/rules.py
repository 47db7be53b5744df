#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules about the tree: who may include whom, licenses, MAINTAINERS, sizes.

Usage: rules.py RULE SOURCE-ROOT
"""

import fnmatch
import os
import re
import subprocess
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')

# The room a schema module or trace file belongs to, from where its source is.
MACHINE_FOR_MIGRATION = {"machine", "memory", "dirty", "runstate"}
MIGRATION_FOR_SYSTEM = {"vmstate", "qemu-file-types", "register", "blocker"}


def tracked(root):
    """Paths of the project's files, relative to the root."""
    out = subprocess.run(
        ["git", "-C", root, "ls-files", "-co", "--exclude-standard"],
        capture_output=True, text=True, check=False)
    if out.returncode == 0 and out.stdout:
        return [p for p in out.stdout.splitlines()
                if os.path.isfile(os.path.join(root, p))]
    found = []
    for folder, dirs, files in os.walk(root):
        dirs[:] = [d for d in dirs if not d.startswith((".", "build"))]
        found += [os.path.relpath(os.path.join(folder, f), root)
                  for f in files]
    return found


def room_of_source(path):
    """Which room a .c or private .h file is in."""
    if path == "system/main.c" or path.startswith("system/cli"):
        return "main"
    if path.startswith(("system/monitor/", "system/qtest/")):
        return "glue"
    top = path.split("/")[0]
    return top if top in ("util", "io", "migration", "system") else None


def schema_modules(files):
    """Module name → room, from the schema files."""
    rooms = {}
    for path in files:
        if path.endswith(".json") and path.split("/")[0] in (
                "util", "io", "migration", "system"):
            name = os.path.basename(path)[:-5]
            rooms[name] = path.split("/")[0]
            if path.startswith("system/monitor/"):
                rooms[name] = "glue"
    return rooms


def room_of_header(name, modules):
    """(room, stem) of a public or generated header, None for private ones."""
    folder, _, rest = name.partition("/")
    stem = rest[:-2] if rest.endswith(".h") else rest
    if name == "config-host.h":
        return ("util", stem)
    if folder == "qapi":
        m = re.match(r"qapi-(?:types|commands|events)-(.*)", stem)
        if m and m.group(1) in modules:
            room = modules[m.group(1)]
            # RunState and the like are part of the machine's contract.
            if m.group(1) == "run-state":
                return ("system", "runstate")
            return (room, stem)
        return ("util", stem)
    if folder == "trace":
        return (stem.replace("trace-", ""), stem)
    table = {"qemu": "util", "io": "io", "migration": "migration",
             "system": "system", "hw": "system"}
    if folder in table:
        return (table[folder], stem)
    return None


def allowed(room, path, target, stem):
    """May a file of `room` include header `stem` of room `target`?"""
    if room in ("main", "glue") or target == room:
        return True
    if target == "util":
        return True
    if room == "io":
        return False
    if room == "migration":
        return target == "io" or (target == "system"
                                  and stem in MACHINE_FOR_MIGRATION)
    if room == "system":
        if target == "migration":
            return stem in MIGRATION_FOR_SYSTEM
        # Character devices are the machine's own users of channels.
        return target == "io" and (path.startswith("system/chardev/")
                                   or path == "include/system/chardev.h")
    return False


def rule_layering(root, files):
    modules = schema_modules(files)
    public = {"qemu": "util", "qapi": "util", "io": "io",
              "migration": "migration", "system": "system", "hw": "system"}
    for path in files:
        if not path.endswith((".c", ".h")):
            continue
        if path.startswith("include/"):
            room = public[path.split("/")[1]]
            if path == "include/system/monitor.h":
                room = "glue"
            if path.startswith("include/migration/migration.h"):
                room = "migration"
        else:
            room = room_of_source(path)
        if room is None:
            continue
        with open(os.path.join(root, path)) as f:
            for number, line in enumerate(f, 1):
                m = INCLUDE.match(line)
                if not m:
                    continue
                where = room_of_header(m.group(1), modules)
                here = os.path.join(root, os.path.dirname(path), m.group(1))
                private = os.path.exists(os.path.join(root, m.group(1)))
                if where is None or os.path.exists(here):
                    continue
                if private and not os.path.exists(
                        os.path.join(root, "include", m.group(1))):
                    top = room_of_source(m.group(1))
                    where = (top or where[0], where[1])
                if not allowed(room, path, *where):
                    yield (f"{path}:{number}: {room} may not include "
                           f"{m.group(1)} ({where[0]})")


def rule_license(root, files):
    for path in files:
        if not path.endswith((".c", ".h", ".py", ".S", ".sh", "meson.build",
                              ".json", ".ld")):
            continue
        if path.startswith("tests/data/") or path.endswith(".bin"):
            continue
        with open(os.path.join(root, path), errors="replace") as f:
            head = "".join(f.readline() for _ in range(3))
        if "SPDX-License-Identifier: GPL-2.0-or-later" not in head:
            yield f"{path}: no SPDX line"


def rule_maintainers(root, files):
    patterns = []
    with open(os.path.join(root, "MAINTAINERS")) as f:
        for line in f:
            if line.startswith("F:"):
                patterns.append(line[2:].strip())
    used = set()
    for path in files:
        hits = [p for p in patterns
                if (p.endswith("/") and path.startswith(p))
                or fnmatch.fnmatch(path, p)]
        used.update(hits)
        if not hits:
            yield f"{path}: in no room of MAINTAINERS"
    for p in patterns:
        if p not in used:
            yield f"MAINTAINERS: nothing matches {p}"


def rule_sizes(root, files):
    for path in files:
        if path.endswith((".c", ".h", ".py")):
            with open(os.path.join(root, path), errors="replace") as f:
                lines = sum(1 for _ in f)
            if lines > 850:
                yield f"{path}: {lines} lines, split it by subject"


def main():
    rule, root = sys.argv[1:3]
    files = tracked(root)
    problems = list(globals()["rule_" + rule](root, files))
    print("TAP version 13\n1..1")
    for p in problems:
        print(f"# {p}")
    print(f"{'not ok' if problems else 'ok'} 1 {rule}")
    return 1 if problems or not files else 0


if __name__ == "__main__":
    sys.exit(main())
