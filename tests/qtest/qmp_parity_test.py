#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Our answers to QMP commands beside those that stock QEMU gave
(tests/data/qmp, recorded by record_parity.py): the shape of what is returned,
class and text of errors.  What differs has to be in parity_deviations.py,
and nothing else may be there.

Usage: qmp_parity_test.py BINARY RECORDING...
"""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import parity_cases as cases  # noqa: E402
from parity_deviations import MAY_BE_UNUSED, deviations, excuse  # noqa: E402
from lib import tap  # noqa: E402
from lib.vm import VM, VMError, Workspace  # noqa: E402

def differences(ours, theirs, path=""):
    """What two shapes do not have in common."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in sorted({*ours, *theirs}):
            below = f"{path}.{name}" if path else name
            if name not in ours:
                yield f"-{below}"
            elif name not in theirs:
                yield f"+{below}"
            else:
                yield from differences(ours[name], theirs[name], below)
    elif isinstance(ours, list) and isinstance(theirs, list):
        if ours and theirs:
            yield from differences(ours[0], theirs[0], path + "[]")
        elif ours != theirs:
            yield f"{path}: {'empty' if theirs else 'not empty'}"
    elif ours != theirs:
        yield f"{path}: {ours} instead of {theirs}"


def compare(ours, theirs):
    if "error" in ours:
        if ours != theirs:
            yield f"error {ours['error'][1]}"
    elif "error" in theirs:
        yield "no error"
    else:
        yield from differences(ours["return"], theirs["return"])


def test_parity(binary, recording):
    with open(recording, encoding="utf-8") as f:
        recorded = json.load(f)
    theirs = recorded["answers"]
    expected = deviations(recorded["version"])
    bad, used = [], set()
    with Workspace() as work, VM(binary, work, "vm", cases.OPTIONS) as vm:
        types = {t["name"] for t in vm.cmd("qom-list-types")}
        for key, command, args in cases.calls():
            if key not in theirs:
                raise VMError(f"not recorded: {key}")
            got = cases.answer(vm.qmp, command, args)
            if command == "object-add" and not cases.is_built(types, args):
                continue
            for difference in compare(got, theirs[key]):
                entry = excuse(expected, command, difference)
                if entry:
                    used.add(entry[:2])
                else:
                    bad.append(f"{key}: {difference}; ours {got}, "
                               f"recorded {theirs[key]}")
        status = vm.wait_exit()
    for line in bad:
        print(f"# {line}")
    if bad:
        raise VMError(f"{len(bad)} answers differ")
    if status != 0:
        raise VMError(f"quit ends with status {status}")
    unused = {e[:2] for e in expected} - used - MAY_BE_UNUSED
    if unused:
        raise VMError(f"deviations that are none any more: {unused}")


def test_all_called(binary):
    """No command is forgotten in the table."""
    with Workspace() as work, VM(binary, work, "vm", cases.OPTIONS) as vm:
        built = {c["name"] for c in vm.cmd("query-commands")}
    left = built - {command for command, _ in cases.RIGHT}
    if left - cases.NOT_COMPARED:
        raise VMError(f"not in parity_cases.py: {left - cases.NOT_COMPARED}")


def main():
    suite = tap.Suite()
    suite.add("all-called", test_all_called, sys.argv[1])
    for recording in sys.argv[2:]:
        suite.add(os.path.basename(recording), test_parity, sys.argv[1],
                  recording)
    return suite.run([])


if __name__ == "__main__":
    sys.exit(main())
