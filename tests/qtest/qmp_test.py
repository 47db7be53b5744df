#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""QMP as a client meets it: the protocol, every command with right, missing,
wrong and extra arguments, and connections that end at any moment.

The expected texts are those of stock QEMU.  Usage: qmp_test.py BINARY
[name patterns]
"""

import json
import os
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import qmp_cases as cases  # noqa: E402
from lib import tap  # noqa: E402
from lib.vm import VMError  # noqa: E402
from qmp_bench import (Bench, Raw, ask, check_table,  # noqa: E402
                       descriptors, of_command, send_fd)
from qmp_cases import (Fails, Gives, OK, error, has, named,  # noqa: E402
                       same, unexpected, wrong)


def test_simple(bench):
    vm = bench.start("-S", "-name", "guest 1", "-uuid", cases.UUID)
    check_table(vm, cases.SIMPLE)
    check_table(vm, [(c, {"x": 1}, unexpected()) for c in cases.NOTHING_TAKEN])
    check_table(vm, of_command("human-monitor-command", cases.HUMAN))


def test_unset(bench):
    """What has no name and no cases.UUID says so."""
    vm = bench.start()
    check_table(vm, [("query-name", None, OK),
                     ("query-uuid", None, Gives({"UUID": cases.NO_UUID}))])


def test_migrate_arguments(bench):
    vm = bench.start()
    check_table(vm, of_command("migrate", cases.MIGRATE))
    same(vm.status(), "running", "status after refused migrations")


def test_incoming_arguments(bench):
    no_incoming = Fails("'-incoming' was not specified on the command line")
    check_table(bench.start(), [
        ("migrate-incoming", {"uri": "tcp:127.0.0.1:0"}, no_incoming),
        ("migrate-incoming", {"x": 1}, unexpected())])
    vm = bench.start("-incoming", "defer")
    check_table(vm, of_command("migrate-incoming", [
        (None, cases.NEED), *cases.TARGETS,
        ({"channels": cases.channel(cases.FILE, cases.FILE)}, Fails(
            "Channel list must have only one entry, for type 'main'")),
        ({"uri": "tcp:a:1", "exit-on-error": 1},
         wrong("exit-on-error", "boolean")),
        ({"uri": "unix:/nonexistent/x", "exit-on-error": False}, Fails(
            "Failed to bind socket to /nonexistent/x: No such file or "
            "directory"))]))
    check_table(vm, [
        ("migrate", {"uri": "tcp:127.0.0.1:1"},
         Fails("Guest is waiting for an incoming migration")),
        ("migrate-incoming", {"uri": "tcp:127.0.0.1:0"}, OK),
        ("migrate-incoming", {"uri": "tcp:127.0.0.1:0"},
         Fails("The incoming migration has already been started"))])


def test_capabilities(bench):
    vm = bench.start()
    before = vm.cmd("query-migrate-capabilities")
    check_table(vm, of_command("migrate-set-capabilities", cases.CAPABILITIES))
    same(vm.cmd("query-migrate-capabilities"), before,
         "capabilities after refused changes")
    for c in before:
        if sorted(c) != ["capability", "state"] or c["state"]:
            raise VMError(f"capability {c}")
    check_table(vm, of_command("migrate-set-capabilities", [
        (cases.caps(), OK), (cases.caps(("events", True), ("events", False),
                            ("return-path", True)), OK)]))
    on = [c["capability"] for c in vm.cmd("query-migrate-capabilities")
          if c["state"]]
    same(on, ["return-path"], "capabilities that are on")


def test_parameters(bench):
    vm = bench.start()
    before = vm.cmd("query-migrate-parameters")
    for name, value in (("max-bandwidth", 128 << 20),
                        ("downtime-limit", 300), ("mode", "normal"),
                        ("avail-switchover-bandwidth", 0),
                        ("zero-page-detection", "multifd")):
        same(before.get(name), value, f"default of {name}")
    check_table(vm, of_command("migrate-set-parameters", cases.PARAMETERS))
    same(vm.cmd("query-migrate-parameters"), before,
         "parameters after refused changes")
    check_table(vm, of_command("migrate-set-parameters", [
        (None, OK), ({}, OK)]))
    for name, value in (("max-bandwidth", 0), ("max-bandwidth", 1),
                        ("max-bandwidth", 1 << 63),
                        ("max-bandwidth", (1 << 64) - 1),
                        ("downtime-limit", 0), ("downtime-limit", 2000000),
                        ("avail-switchover-bandwidth", 12345),
                        ("zero-page-detection", "none"),
                        ("zero-page-detection", "multifd"),
                        ("mode", "normal")):
        same(ask(vm, "migrate-set-parameters", {name: value}), {},
             f"{name} = {value}")
        same(vm.cmd("query-migrate-parameters")[name], value, name)
    # A negative number is taken modulo 2^64.
    same(ask(vm, "migrate-set-parameters", {"max-bandwidth": -1}), {},
         "max-bandwidth = -1")
    same(vm.cmd("query-migrate-parameters")["max-bandwidth"], (1 << 64) - 1,
         "max-bandwidth")


def test_other_arguments(bench):
    vm = bench.start()
    check_table(vm, of_command("migrate-continue", cases.CONTINUE))
    check_table(vm, cases.DESCRIPTORS)
    check_table(vm, of_command("yank", cases.YANK))
    check_table(vm, cases.TRACE)


# ---- the protocol ----

def test_greeting(bench):
    vm = bench.start()
    with Raw(vm.raw_path) as c:
        greeting = c.message()["QMP"]
        same(sorted(greeting), ["capabilities", "version"], "greeting")
        same(greeting["capabilities"], ["oob"], "capabilities")
        same(greeting["version"], vm.cmd("query-version"), "version")


def test_negotiation(bench):
    vm = bench.start()
    early = error("Expecting capabilities negotiation with "
                  "'qmp_capabilities'", "CommandNotFound")
    with Raw(vm.raw_path) as c:
        c.message()
        same(c.ask('{"execute": "query-version"}'), early, "too early")
        same(c.ask('{"execute": "nosuch", "id": 1}'), {**early, "id": 1},
             "too early")
        same(c.ask('{"execute": "qmp_capabilities", "arguments": '
                   '{"enable": ["foo"]}}'),
             error("Parameter 'null' does not accept value 'foo'"), "foo")
        same(c.ask('{"execute": "query-version"}'), early, "after an error")
        # No event before the negotiation is over.
        vm.cmd("stop")
        vm.cmd("cont")
        c.send('{"execute": "qmp_capabilities", "arguments": '
               '{"enable": ["oob", "oob"]}}')
        same(c.message(), {"return": {}}, "negotiation")
        same(c.ask('{"execute": "qmp_capabilities"}'),
             error("Capabilities negotiation is already complete, command "
                   "ignored", "CommandNotFound"), "a second time")
    # The next client begins anew, without oob.
    with Raw(vm.raw_path) as c:
        c.message()
        same(c.ask('{"execute": "query-version"}'), early, "next client")
        same(c.ask('{"execute": "qmp_capabilities"}'), {"return": {}},
             "next client")
        same(c.ask('{"exec-oob": "query-yank"}'),
             error("QMP input member 'exec-oob' is unexpected"), "no oob")


def test_one_client(bench):
    """A second client waits until the first has gone."""
    vm = bench.start()
    with Raw(vm.raw_path) as a:
        a.negotiate()
        with Raw(vm.raw_path, timeout=0.2) as b:
            try:
                b.message()
            except (socket.timeout, TimeoutError):
                pass
            else:
                raise VMError("two clients at once")
            a.sock.shutdown(socket.SHUT_RDWR)
            a.sock.close()
        with Raw(vm.raw_path) as b:
            b.negotiate()


def test_ids(bench):
    vm = bench.start()
    ids = [0, 1, -1, 1 << 62, 1.5, True, False, None, "", "x", "\u20ac",
           "\x7f", "a\\\"b\n", [], {}, [1, [2, {"a": None}]], {"id": {"id":
                                                                      []}}]
    with Raw(vm.raw_path) as c:
        c.negotiate()
        for ident in ids:
            text = json.dumps(ident)
            got = c.ask('{"execute": "query-name", "id": %s}' % text)
            same(got, {"return": {}, "id": ident}, f"id {text}")
            same(type(got["id"]), type(ident), f"type of id {text}")
            got = c.ask('{"id": %s, "execute": "nosuch"}' % text)
            same(got.get("id", "none"), ident, f"id {text} of an error")
            got = c.ask('{"id": %s}' % text)
            same(got, error("QMP input lacks member 'execute'", id=ident),
                 f"id {text} of no request")
        # The reply is ASCII.
        c.send('{"execute": "query-name", "id": "\u20ac\U0001f600"}')
        if b'"\\u20AC\\uD83D\\uDE00"' not in c.line():
            raise VMError("a reply is not ASCII")


BAD_REQUESTS = [
    ('{"execute": }', "JSON parse error, expecting value"),
    ('{"execute" "x"}', "JSON parse error, missing : in object pair"),
    ('{1: 2}', "JSON parse error, key is not a string in object"),
    ('{"execute": nope}', "JSON parse error, invalid keyword 'nope'"),
    ('{"execute": "a", "execute": "a"}', "JSON parse error, duplicate key"),
    (r'{"execute": "\q"}',
     "JSON parse error, invalid escape sequence in string"),
    ("[]", "QMP input must be a JSON object"),
    ('"x"', "QMP input must be a JSON object"),
    ("7 ", "QMP input must be a JSON object"),
    ("true ", "QMP input must be a JSON object"),
    ("{}", "QMP input lacks member 'execute'"),
    ('{"arguments": {}}', "QMP input lacks member 'execute'"),
    ('{"execute": 1}', "QMP input member 'execute' must be a string"),
    ('{"execute": null}', "QMP input member 'execute' must be a string"),
    # Nothing behind a NUL may be lost from sight.
    ('{"execute": "query-status\\u0000x"}',
     "QMP input member 'execute' contains a NUL character"),
    ('{"execute": "query-status", "id\\u0000": 1}',
     "JSON parse error, key contains a NUL character"),
    ('{"execute": "object-del", "arguments": {"id": "a\\u0000b"}}',
     "Parameter 'id' contains a NUL character"),
    ('{"execute": "query-name", "foo": 1}',
     "QMP input member 'foo' is unexpected"),
    ('{"execute": "query-name", "arguments": []}',
     "QMP input member 'arguments' must be an object"),
    ('{"execute": "query-name", "arguments": null}',
     "QMP input member 'arguments' must be an object"),
    ('{"exec-oob": "query-yank"}',
     "QMP input member 'exec-oob' is unexpected"),
]


def test_malformed(bench):
    vm = bench.start()
    with Raw(vm.raw_path) as c:
        c.negotiate()
        for text, desc in BAD_REQUESTS:
            same(c.ask(text), error(desc), text)
            # What a bad message left over ends at a control byte.
            c.send("\x01\n")
            while "stray" not in c.message()["error"]["desc"]:
                pass
        # The object itself is one level; Python cannot decode the reply.
        deep = "[" * 1023 + "]" * 1023
        c.send('{"execute": "query-name", "id": %s}' % deep)
        same(c.line(), b'{"return": {}, "id": %s}\r\n' % deep.encode(),
             "nesting of 1024")
        c.send("[[" + deep + "]]")
        same(c.message(), error("JSON nesting depth limit exceeded"),
             "nesting of 1025")
        c.send("\x01\n")
        while "stray" not in c.message()["error"]["desc"]:
            pass
        same(c.ask("{'execute': 'query-name'}"), {"return": {}},
             "single quotes")


def test_many_in_one_write(bench):
    vm = bench.start()
    for oob in (False, True):
        with Raw(vm.raw_path) as c:
            c.negotiate(oob)
            c.send("".join('{"execute":"query-name","id":%d}' % n +
                           (" " if n % 3 else "") for n in range(500)))
            for n in range(500):
                same(c.message(), {"return": {}, "id": n}, f"reply {n}")


def test_in_pieces(bench):
    vm = bench.start()
    text = '\r\n\t {"execute": "query-name", "id": "\u20ac"}'.encode()
    with Raw(vm.raw_path) as c:
        c.negotiate()
        for i in range(len(text)):
            c.send(text[i:i + 1])
        same(c.message(), {"return": {}, "id": "\u20ac"}, "byte by byte")


def test_long_id(bench):
    """A long message there and back, many times the socket's buffer."""
    vm = bench.start()
    ident = "x" * (4 << 20)
    with Raw(vm.raw_path) as c:
        c.negotiate()
        same(len(c.ask('{"execute": "query-name", "id": "%s"}' % ident)
                 ["id"]), len(ident), "a long id")


def test_oob(bench):
    vm = bench.start()
    with Raw(vm.raw_path) as c:
        c.negotiate(oob=True)
        yankable = c.ask('{"exec-oob": "query-yank", "id": 1}')
        same(yankable, {"return": vm.cmd("query-yank"), "id": 1},
             "query-yank")
        same(c.ask('{"exec-oob": "yank", "arguments": {"instances": []}}'),
             {"return": {}}, "yank")
        same(c.ask('{"execute": "query-yank"}')["return"],
             yankable["return"], "query-yank in band")
        same(c.ask('{"exec-oob": "query-name", "id": 2}'),
             error("The command query-name does not support OOB", id=2),
             "query-name")
        same(c.ask('{"exec-oob": "nosuch"}'),
             error("The command nosuch has not been found",
                   "CommandNotFound"), "nosuch")
        same(c.ask('{"exec-oob": 1}'),
             error("QMP input member 'exec-oob' must be a string"), "1")
        same(c.ask('{"exec-oob": "yank"}'),
             error("Parameter 'instances' is missing"), "yank alone")
        for text in ('{"execute": "yank", "exec-oob": "yank"}',
                     '{"exec-oob": "yank", "execute": "yank"}'):
            desc = c.ask(text)["error"]["desc"]
            if desc not in ("QMP input member 'execute' clashes with "
                            "'exec-oob'", "QMP input member 'exec-oob' "
                            "clashes with 'execute'"):
                raise VMError(f"{text}: {desc}")


def test_yank_chardev(bench):
    """A yanked socket loses its client, and takes the next one."""
    vm = bench.start()
    instance = {"type": "chardev", "id": "compat_monitor0"}
    if instance not in vm.cmd("query-yank"):
        raise VMError(f"query-yank: {vm.cmd('query-yank')}")
    with Raw(vm.raw_path) as c:
        c.negotiate()
        vm.cmd("yank", {"instances": [instance]})
        same(c.file.read(), b"", "what a yanked client reads")
    with Raw(vm.raw_path) as c:
        c.negotiate()
    vm.cmd("yank", {"instances": [instance]})
    with Raw(vm.raw_path) as c:
        c.negotiate()


def test_pretty(bench):
    path = bench.work.file("pretty")
    bench.start("-qmp-pretty", f"unix:{path},server=on,wait=off")
    with Raw(path) as c:
        lines = [c.line()]
        while lines[-1] != b"}\r\n":
            lines.append(c.line())
        same(lines[:2], [b"{\r\n", b'    "QMP": {\r\n'], "the greeting")
        json.loads(b"".join(lines))
        c.send('{"execute": "qmp_capabilities"}')
        same([c.line() for _ in range(4)],
             [b"{\r\n", b'    "return": {\r\n', b"    }\r\n", b"}\r\n"],
             "an empty object")
        c.send('{"execute": "query-target", "id": [1, {}]}')
        text = b"".join(c.line() for _ in range(10))
        same(json.loads(text),
             {"return": {"arch": "x86_64"}, "id": [1, {}]}, "a reply")
        if b'\r\n    "return": {\r\n        "arch": "x86_64"\r\n    }' not in \
                text:
            raise VMError(f"not pretty: {text!r}")


def test_compact(bench):
    """One space behind colons and commas, none inside brackets."""
    vm = bench.start()
    with Raw(vm.raw_path) as c:
        c.message()
        c.send('{"execute":"qmp_capabilities"}')
        same(c.line(), b'{"return": {}}\r\n', "a reply")
        c.send('{"execute":"query-target"}')
        same(c.line(), b'{"return": {"arch": "x86_64"}}\r\n', "a reply")
        c.send('{"execute":"query-cpus-fast"}')
        same(c.line(), b'{"return": []}\r\n', "a reply")


# ---- events ----

def sequence(c, text):
    """What comes up to the reply: names of events, then the reply."""
    c.send(text)
    out = []
    while True:
        msg = c.message()
        if "event" not in msg:
            return out + [msg]
        stamp = msg["timestamp"]
        now = time.time()
        if not (now - 60 < stamp["seconds"] <= now + 1 and
                0 <= stamp["microseconds"] < 1000000):
            raise VMError(f"timestamp {stamp} at {now}")
        event = msg["event"]
        out.append((event, msg["data"]) if "data" in msg else event)


def test_events(bench):
    """What a command brings about is told before it is answered."""
    vm = bench.start()
    done = {"return": {}}
    reset = ("RESET", {"guest": False, "reason": "host-qmp-system-reset"})
    steps = [
        ("cont", [done], "running"),
        ("stop", ["STOP", done], "paused"),
        ("stop", [done], "paused"),
        ("cont", ["RESUME", done], "running"),
        ("system_reset", [reset, done], "running"),
        ("stop", ["STOP", done], "paused"),
        ("system_reset", [reset, done], "prelaunch"),
        ("cont", ["RESUME", done], "running"),
    ]
    with Raw(vm.raw_path) as c:
        c.negotiate()
        for command, want, status in steps:
            same(sequence(c, '{"execute": "%s"}' % command), want, command)
            same(c.ask('{"execute": "query-status"}')["return"],
                 {"status": status, "running": status == "running"},
                 f"status after {command}")
        same(sequence(c, '{"execute": "quit", "id": 7}'),
             [("SHUTDOWN", {"guest": False, "reason": "host-qmp-quit"}),
              {"return": {}, "id": 7}], "quit")
        same(c.file.read(), b"", "what follows the reply to quit")
    same(vm.wait_exit(), 0, "exit status after quit")


def test_signal(bench):
    vm = bench.start()
    with Raw(vm.raw_path) as c:
        c.negotiate()
        vm.process.terminate()
        msg = c.message()
        same((msg["event"], msg["data"]),
             ("SHUTDOWN", {"guest": False, "reason": "host-signal"}),
             "the last event")
    same(vm.wait_exit(), 0, "exit status after SIGTERM")


def test_migration_states(bench):
    """query-status and query-migrate before, during and after."""
    src = bench.start()
    path = bench.work.file("mig")
    dst = bench.start("-incoming", "defer", "-S")
    same(src.cmd("query-migrate"), {}, "query-migrate at first")
    same(dst.cmd("query-migrate"), {}, "query-migrate at first")
    same(dst.cmd("query-status"), {"status": "inmigrate", "running": False},
         "destination at first")
    src.set_capability("events")
    src.set_capability("pause-before-switchover")
    dst.cmd("migrate-incoming", {"uri": f"unix:{path}"})
    same(dst.cmd("query-migrate"),
         {"status": "setup", "socket-address": [{"type": "unix",
                                                 "path": path}]},
         "query-migrate of a listener")
    src.cmd("migrate", {"uri": f"unix:{path}"})
    same(src.qmp.events[0]["data"], {"status": "setup"},
         "the event before the reply")
    info = src.wait_migration("pre-switchover")
    check_table(src, [
        ("cont", None, Fails("Migration is not finalized yet")),
        ("system_reset", None, Fails("Migration is not finalized yet"))])
    check_ram(info, ["expected-downtime", "setup-time", "total-time"])
    same(src.cmd("query-status"), {"status": "paused", "running": False}
         if src.status() == "paused" else
         {"status": "finish-migrate", "running": False}, "while it waits")
    check_table(src, [
        ("migrate-set-capabilities", cases.caps(("events", False)),
         Fails("There's a migration process in progress")),
        ("migrate", {"uri": f"unix:{path}"},
         Fails("There's a migration process in progress")),
        ("query-yank", None, named(type="migration")),
        ("migrate-continue", {"state": "active"},
         Fails("Migration not in expected state: pre-switchover")),
        ("migrate-continue", {"state": "pre-switchover"}, OK)])
    info = src.wait_migration()
    check_ram(info, ["downtime", "setup-time", "total-time"])
    same((info["ram"]["remaining"], info["ram"]["dirty-pages-rate"]), (0, 0),
         "what is left at the end")
    src.wait_status("postmigrate")
    dst.wait_migration()
    dst.wait_status("paused" if dst.status() == "paused" else "prelaunch")
    same(sorted(dst.cmd("query-migrate")), ["status"],
         "query-migrate of a destination at the end")
    check_table(src, [
        ("query-yank", None, Gives(ok=lambda r: {"type": "migration"}
                                   not in r)),
        ("migrate", {"uri": f"unix:{path}"}, Fails(
            "Can't migrate the vm that was paused due to previous "
            "migration")),
        ("cont", None, OK),
        ("query-status", None, Gives({"status": "running",
                                      "running": True})),
        ("migrate", {"uri": f"file:{path}.no/x"}, Fails(
            f"Could not create '{path}.no/x': No such file or directory")),
        ("query-migrate", None, Gives({
            "status": "failed", "error-desc":
            f"Could not create '{path}.no/x': No such file or directory"}))])


RAM_MEMBERS = """dirty-pages-rate dirty-sync-count
dirty-sync-missed-zero-copy downtime-bytes duplicate mbps multifd-bytes normal
normal-bytes page-size pages-per-second postcopy-bytes postcopy-requests
precopy-bytes remaining total transferred""".split()


def check_ram(info, times):
    same(sorted(info), sorted(["ram", "status", "x-report", *times]),
         f"query-migrate when {info['status']}")
    same(sorted(info["ram"]), RAM_MEMBERS, "members of ram")
    same((info["ram"]["total"], info["ram"]["page-size"]), (16 << 20, 4096),
         "total and page-size")


# ---- the schema ----

def schema_names(entity):
    """The types that an entity of query-qmp-schema names."""
    for member in ("arg-type", "ret-type", "element-type"):
        if member in entity:
            yield entity[member]
    for list_name in ("members", "variants"):
        for item in entity.get(list_name, []):
            if "type" in item:
                yield item["type"]


META = {"command": {"arg-type", "ret-type"}, "event": {"arg-type"},
        "builtin": {"json-type"}, "enum": {"members", "values"},
        "array": {"element-type"}, "object": {"members"},
        "alternate": {"members"}}


def test_schema(bench):
    vm = bench.start()
    schema = vm.cmd("query-qmp-schema")
    types = {e["name"]: e for e in schema
             if e["meta-type"] not in ("command", "event")}
    used = set()
    for e in schema:
        if not META[e["meta-type"]].issubset(e):
            raise VMError(f"{e['name']} lacks members: {e}")
        for name in schema_names(e):
            used.add(name)
            if name not in types:
                raise VMError(f"{e['name']} names {name}, which is not there")
        if "tag" in e:
            check_union(e, types)
    same(set(types) - used, set(), "types that nothing names")
    same(len({e["name"] for e in schema}), len(schema), "entities")
    of_kind = {k: sorted(e["name"] for e in schema if e["meta-type"] == k)
               for k in META}
    same(sorted(c["name"] for c in vm.cmd("query-commands")),
         of_kind["command"], "commands")
    same(sorted(e["name"] for e in vm.cmd("query-events")),
         of_kind["event"], "events")
    same([e["name"] for e in schema if e.get("allow-oob")],
         [n for n in [e["name"] for e in schema]
          if n in ("yank", "query-yank")], "commands out of band")
    check_options(vm, schema, types)
    check_empty_calls(vm, schema, types)


def check_union(e, types):
    """Each case of a union is a value of its tag."""
    tag = [m for m in e["members"] if m["name"] == e["tag"]][0]
    values = set(types[tag["type"]]["values"])
    cases = {v["case"] for v in e.get("variants", [])}
    if not cases.issubset(values):
        raise VMError(f"{e['name']}: cases {cases - values}")


def check_options(vm, schema, types):
    """Capabilities and parameters are those that can be asked for."""
    def arguments(command):
        e = [e for e in schema if e["name"] == command][0]
        return types[e["arg-type"]]["members"]

    item = types[arguments("migrate-set-capabilities")[0]["type"]]
    item = types[item["element-type"]]
    kind = [m for m in item["members"] if m["name"] == "capability"][0]
    same(types[kind["type"]]["values"],
         [c["capability"] for c in vm.cmd("query-migrate-capabilities")],
         "capabilities")
    same(sorted(m["name"] for m in arguments("migrate-set-parameters")),
         sorted(vm.cmd("query-migrate-parameters")), "parameters")


def check_empty_calls(vm, schema, types):
    """Every command without arguments: those that need one say which."""
    for e in schema:
        if e["meta-type"] != "command" or e["name"] == "quit":
            continue
        needed = [m["name"] for m in types[e["arg-type"]]["members"]
                  if "default" not in m]
        got = ask(vm, e["name"], None)
        if needed:
            if not isinstance(got, tuple) or got[1] not in [
                    f"Parameter '{n}' is missing" for n in needed]:
                raise VMError(f"{e['name']}: {got} with {needed} missing")
        elif isinstance(got, tuple) and "is missing" in got[1]:
            raise VMError(f"{e['name']}: {got}")


# ---- connections that end ----

BEGUN = '{"execute": "qmp_capabilities"}'
ENDINGS = ["", "{", '{"execute": "query-qmp-schema"', BEGUN,
           BEGUN + '{"execute": "query-qmp-sch',
           BEGUN + '{"execute": "query-qmp-schema"}' * 20,
           BEGUN + '{"execute": "stop"}{"execute": "cont"}' * 5,
           BEGUN + "[" * 500, '{"execute": "nope"', "\x01" * 50, "\xff"]


def drop_one(vm, n):
    """Connection number @n, dropped in the middle of something."""
    with Raw(vm.raw_path) as c:
        text = ENDINGS[n % len(ENDINGS)]
        if n % 2:
            c.message()
        try:
            if text and n % 5 == 0:
                send_fd(c, text)
            elif n % 7 == 0:
                send_fd(c, BEGUN + '{"execute": "getfd", "arguments": '
                        '{"fdname": "f%d"}}' % n)
            elif n % 11 == 0:
                send_fd(c, BEGUN + '{"execute": "add-fd", "arguments": '
                        '{"opaque": "f%d"}}' % n)
            else:
                c.send(text)
        except OSError:
            raise VMError(f"connection {n} was cut") from None


def left_behind(vm):
    """What a connection might leave: descriptors, threads, sets."""
    return (descriptors(vm), len(os.listdir(f"/proc/{vm.process.pid}/task")),
            vm.cmd("query-fdsets"))


def drop_many(vm, numbers, before):
    for n in numbers:
        drop_one(vm, n)
    with Raw(vm.raw_path) as c:
        c.negotiate()
        same(c.ask('{"execute": "query-name"}'), {"return": {}}, "at last")
    for fdset in vm.cmd("query-fdsets"):
        # They are for all clients, and one has been there all the time.
        vm.cmd("remove-fd", {"fdset-id": fdset["fdset-id"]})
    end = time.monotonic() + 20
    while left_behind(vm) != before and time.monotonic() < end:
        time.sleep(0.05)
    same(left_behind(vm), before, "descriptors, threads, sets")


def test_dropped(bench, count=1000):
    """Connections dropped in the middle of anything leave nothing."""
    vm = bench.start()
    with Raw(vm.raw_path) as c:
        c.negotiate()
    before = None
    while before != left_behind(vm):
        before = left_behind(vm)
        time.sleep(0.2)
    drop_many(vm, range(count // 2), before)
    memory = vm.memory_kib("RssAnon")
    drop_many(vm, range(count), before)
    grown = vm.memory_kib("RssAnon") - memory
    if grown * 1024 > count * 500 and not is_sanitized(vm):
        raise VMError(f"{count} connections leave {grown} KiB")
    vm.cmd("cont")
    same(vm.status(), "running", "status")
    same(vm.close(), 0, "exit status")


def is_sanitized(vm):
    """What is freed is not used again there, for a while."""
    with open(f"/proc/{vm.process.pid}/maps", encoding="utf-8") as f:
        maps = f.read()
    return "libasan" in maps or "libtsan" in maps


def main():
    suite = tap.Suite()

    def run(fn):
        with Bench(sys.argv[1]) as bench:
            fn(bench)

    for fn in (test_greeting, test_negotiation, test_one_client, test_ids,
               test_malformed, test_many_in_one_write, test_in_pieces,
               test_long_id, test_oob, test_yank_chardev, test_pretty,
               test_compact, test_events, test_signal,
               test_migration_states, test_simple, test_unset,
               test_migrate_arguments, test_incoming_arguments,
               test_capabilities, test_parameters, test_other_arguments,
               test_schema, test_dropped):
        suite.add(fn.__name__[5:].replace("_", "-"), run, fn)
    return suite.run(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
