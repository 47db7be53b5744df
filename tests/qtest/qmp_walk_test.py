#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Walks query-qmp-schema: every command with arguments made up from it, right
and wrong.  Each call is answered, and what comes back, as answer or as event,
is of the type that the schema says.  Queries are also made in all the states
that a migration has.  Usage: qmp_walk_test.py BINARY [name patterns]
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


def check_events(vm, schema):
    for event in vm.qmp.events:
        why = schema.check_event(event)
        if why:
            raise VMError(why)
    vm.qmp.events.clear()


def call(vm, schema, command, args):
    vm.qmp.send(command, args)
    reply = vm.qmp.reply()
    check_events(vm, schema)
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


class Watched:
    """Machines whose answers are looked at in every state."""

    def __init__(self, binary, work):
        self.binary = binary
        self.work = work
        self.schema = None
        self.vms = []
        self.seen = set()   # (machine, what query-migrate told)

    def start(self, name, *options):
        vm = VM(self.binary, self.work, name, [
            "-machine", "microvm", "-m", "16M", "-accel", "qtest",
            "-chardev", "null,id=c", "-serial", "chardev:c", *options])
        self.vms.append(vm)
        if not self.schema:
            self.schema = Schema(vm.cmd("query-qmp-schema"))
        vm.set_capability("events")
        return vm

    def look(self):
        """Every query that needs no arguments, on every machine."""
        for vm in self.vms:
            for command in self.schema.commands:
                if command.startswith("query-") and not mandatory(
                        self.schema, command):
                    call(vm, self.schema, command, {})
            info = vm.cmd("query-migrate")
            self.seen.add((vm.name, info.get("status")))
            check_events(vm, self.schema)

    def end(self):
        for vm in self.vms:
            vm.__exit__()


def walk_states(w):
    src = w.start("src")
    w.look()
    dst = w.start("dst", "-incoming", "defer")
    src.cmd("object-add", {"qom-type": "authz-simple", "id": "a",
                           "identity": "x"})
    src.cmd("object-add", {"qom-type": "memory-backend-ram", "id": "m",
                           "size": 1 << 20})
    w.look()
    path = w.work.file("walk.sock")
    src.cmd("migrate", {"uri": f"unix:{path}"})
    src.wait_migration("failed")
    w.look()
    for vm in w.vms:
        vm.set_capability("return-path")
        vm.set_capability("multifd")
    src.set_capability("pause-before-switchover")
    dst.cmd("migrate-incoming", {"uri": f"unix:{path}"})
    w.look()
    src.set_parameters(max_bandwidth=1)
    src.cmd("migrate", {"uri": f"unix:{path}"})
    src.wait_migration("active")
    dst.wait_migration("active")
    w.look()
    src.set_parameters(max_bandwidth=0)
    src.wait_migration("pre-switchover")
    w.look()
    src.cmd("migrate-continue", {"state": "pre-switchover"})
    src.wait_migration("completed")
    dst.wait_migration("completed")
    w.look()
    for vm in w.vms:
        for command in ("stop", "system_reset", "system_powerdown", "cont"):
            call(vm, w.schema, command, {})
        w.look()
    late = w.start("late", "-incoming", "defer")
    late.cmd("migrate-incoming", {"uri": "exec:echo nonsense",
                                  "exit-on-error": False})
    late.wait_migration("failed")
    w.look()


def test_states(binary):
    with Workspace() as work:
        w = Watched(binary, work)
        try:
            walk_states(w)
        finally:
            w.end()
    wanted = {("src", None), ("src", "failed"), ("src", "active"),
              ("src", "pre-switchover"), ("src", "completed"), ("dst", None),
              ("dst", "setup"), ("dst", "active"), ("dst", "completed"),
              ("late", "failed")}
    if wanted - w.seen:
        raise VMError(f"not seen: {wanted - w.seen}")


def main():
    suite = tap.Suite()
    binary = os.path.abspath(sys.argv[1])
    suite.add("source", test_walk, binary, [])
    suite.add("destination", test_walk, binary, ["-incoming", "defer"])
    suite.add("states", test_states, binary)
    return suite.run(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
