#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Walks query-qmp-schema: every command with arguments made up from it, right
and wrong.  Each call is answered, and what comes back is of the type that the
schema says.  Usage: qmp_walk_test.py BINARY [name patterns]
"""

import json
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from lib import tap  # noqa: E402
from lib.qapi import STRANGE, Schema  # noqa: E402
from lib.vm import VM, VMError, Workspace  # noqa: E402

CALLS = 40  # of each kind, to each command
OPTIONS = ["-machine", "none", "-m", "1M", "-accel", "qtest", "-S"]


def make(schema, command, rng, rare):
    args = schema.arguments(command, rng, rare)
    args.pop("prealloc", None)  # of gigabytes, it may be
    if command == "migrate-incoming":
        args["exit-on-error"] = False
    return args


def call(vm, schema, command, args):
    vm.qmp.send(command, args)
    reply = vm.qmp.reply()
    what = f"{command} {json.dumps(args)[:1000]}"
    if "return" in reply:
        why = schema.check(schema.commands[command]["ret-type"],
                           reply["return"])
        if why:
            raise VMError(f"{what}: {why}")
        return True
    if sorted(reply["error"]) != ["class", "desc"] or \
            not reply["error"]["desc"]:
        raise VMError(f"{what}: {reply}")
    return False


def mandatory(schema, command):
    kind = schema.types[schema.commands[command]["arg-type"]]
    return [m["name"] for m in kind["members"] if "default" not in m]


def walk_command(vm, schema, command):
    rng = random.Random(command)
    for rare in (0, 0.3):
        for _ in range(CALLS):
            call(vm, schema, command, make(schema, command, rng, rare))
    # What cannot be right: one of a strange type, missing, too many.
    args = make(schema, command, rng, 0)
    if call(vm, schema, command, {**args, "x-no-such-argument": 1}):
        raise VMError(f"{command} takes an argument that is not in the schema")
    for name in mandatory(schema, command):
        less = {k: v for k, v in args.items() if k != name}
        if call(vm, schema, command, less):
            raise VMError(f"{command} does without {name}")
    for name in args:
        for strange in STRANGE:
            call(vm, schema, command, {**args, name: strange})


def test_walk(binary, options):
    with Workspace() as work:
        with VM(binary, work, "first", OPTIONS) as vm:
            schema = Schema(vm.cmd("query-qmp-schema"))
        for command in sorted(set(schema.commands) - {"quit"}):
            with VM(binary, work, "vm", [*OPTIONS, *options],
                    preexec=lambda: os.chdir(work.path)) as vm:
                walk_command(vm, schema, command)
                vm.cmd("query-status")
                status = vm.close()
                if status != 0:
                    raise VMError(f"status {status} after {command}: "
                                  f"{vm.stderr()[-2000:]}")


def main():
    suite = tap.Suite()
    binary = os.path.abspath(sys.argv[1])
    suite.add("source", test_walk, binary, [])
    suite.add("destination", test_walk, binary, ["-incoming", "defer"])
    return suite.run(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
