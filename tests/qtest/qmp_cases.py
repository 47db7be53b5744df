# SPDX-License-Identifier: GPL-2.0-or-later
"""What every QMP command answers to right, missing, wrong and extra
arguments: tables of (command, arguments, answer).  The texts are those of
stock QEMU."""

from lib.vm import VMError

UUID = "12345678-9abc-def0-1234-56789abcdef0"
NO_UUID = "00000000-0000-0000-0000-000000000000"


def same(got, want, what):
    if got != want:
        raise VMError(f"{what}: got {got!r}, expected {want!r}")


def error(desc, cls="GenericError", **more):
    return {"error": {"class": cls, "desc": desc}, **more}


class Fails:
    """The reply is an error."""

    def __init__(self, desc, cls="GenericError"):
        self.want = (cls, desc)

    def check(self, got, what):
        same(got, self.want, what)


class Gives:
    """The reply is a value: this one, or one the function likes."""

    def __init__(self, value=None, ok=None):
        self.value = {} if value is None else value
        self.ok = ok

    def check(self, got, what):
        if self.ok:
            if isinstance(got, tuple) or not self.ok(got):
                raise VMError(f"{what}: unexpected reply {got!r}")
        else:
            if isinstance(got, dict):
                # What we tell besides, see migration-report.json.
                got = {k: v for k, v in got.items() if k != "x-report"}
            same(got, self.value, what)


OK = Gives()


def unexpected(name="x"):
    return Fails(f"Parameter '{name}' is unexpected")


def missing(name):
    return Fails(f"Parameter '{name}' is missing")


def wrong(name, kind):
    return Fails(f"Invalid parameter type for '{name}', expected: {kind}")


def refused(name, value):
    return Fails(f"Parameter '{name}' does not accept value '{value}'")


def expects(name, what):
    return Fails(f"Parameter '{name}' expects {what}")


def unknown(command):
    return Fails(f"The command {command} has not been found",
                 "CommandNotFound")


def has(**members):
    """An object with these members, each of this type or equal."""
    def check(got):
        for name, want in members.items():
            name = name.replace("_", "-")
            if name not in got:
                return False
            value = got[name]
            if isinstance(want, type):
                # A JSON true is no number.
                if type(value) is not want:
                    return False
            elif value != want:
                return False
        return True
    return Gives(ok=check)


def named(**members):
    """A list of objects, one of which has these members."""
    def check(got):
        return any(all(item.get(k.replace("_", "-")) == v
                       for k, v in members.items()) for item in got)
    return Gives(ok=check)


NOTHING_TAKEN = """query-version query-status query-name query-uuid query-kvm
query-target query-accelerators query-events query-commands query-machines
query-qmp-schema query-current-machine query-cpus-fast query-chardev
query-yank query-migrate query-migrate-capabilities query-migrate-parameters
stop cont system_reset quit migrate_cancel""".split()

SIMPLE = [
    ("query-version", None, Gives(ok=lambda r: sorted(r) == [
        "package", "qemu"] and sorted(r["qemu"]) == [
            "major", "micro", "minor"])),
    ("query-version", {}, Gives(ok=lambda r: "qemu" in r)),
    ("query-name", None, Gives({"name": "guest 1"})),
    ("query-uuid", None, Gives({"UUID": UUID})),
    ("query-status", None, Gives({"status": "prelaunch", "running": False})),
    ("query-kvm", None, has(enabled=False, present=bool)),
    ("query-target", None, Gives({"arch": "x86_64"})),
    ("query-accelerators", None, Gives(
        ok=lambda r: r["enabled"] == "qtest" and "qtest" in r["present"]
        and {"kvm", "tcg", "qtest"}.issuperset(r["present"]))),
    ("query-events", None, Gives(ok=lambda r: sorted(
        e["name"] for e in r) == ["MIGRATION", "MIGRATION_PASS", "POWERDOWN",
                                  "RESET", "RESUME", "SHUTDOWN", "STOP"])),
    ("query-machines", None, named(
        name="none", default_ram_id="ram", cpu_max=1, deprecated=False,
        hotpluggable_cpus=False, numa_mem_supported=False, acpi=False)),
    ("query-machines", None, named(name="microvm",
                                   default_ram_id="microvm.ram")),
    ("query-current-machine", None, Gives(
        {"wakeup-suspend-support": False})),
    ("query-cpus-fast", None, Gives([])),
    ("query-chardev", None, named(label="qmp0", frontend_open=True)),
    ("query-chardev", None, named(label="compat_monitor0")),
    ("query-migrate", None, OK),
    ("migrate_cancel", None, OK),
    ("qmp_capabilities", None, Fails(
        "Capabilities negotiation is already complete, command ignored",
        "CommandNotFound")),
    ("qmp_capabilities", {"enable": ["foo"]}, refused("null", "foo")),
    ("qmp_capabilities", {"enable": 1}, wrong("enable", "array")),
    ("qmp_capabilities", {"enable": [1]}, wrong("enable[0]", "string")),
    ("qmp_capabilities", {"x": 1}, unexpected()),
    ("nosuch", None, unknown("nosuch")),
    ("nosuch", {"x": 1}, unknown("nosuch")),
    ("query_version", None, unknown("query_version")),
    ("QUERY-VERSION", None, unknown("QUERY-VERSION")),
    ("", None, unknown("")),
    ("qom-list-types", {"implements": "accel", "abstract": False}, Gives(
        ok=lambda r: {"kvm-accel", "tcg-accel", "qtest-accel"}.issuperset(
            t["name"] for t in r) and "qtest-accel" in [
                t["name"] for t in r])),
    ("qom-list-types", {"implements": "nosuch"}, Gives([])),
    ("qom-list-types", {"implements": 1}, wrong("implements", "string")),
    ("qom-list-types", {"abstract": "x"}, wrong("abstract", "boolean")),
    ("qom-list-types", {"x": 1}, unexpected()),
    ("qom-list-types", {"implements": 1, "x": 1},
     wrong("implements", "string")),
]

HUMAN = [
    (None, missing("command-line")),
    ({}, missing("command-line")),
    ({"command-line": 1}, wrong("command-line", "string")),
    ({"command-line": None}, wrong("command-line", "string")),
    ({"command-line": "info status", "x": 0}, unexpected()),
    ({"command-line": "info status", "cpu-index": "x"},
     wrong("cpu-index", "integer")),
    ({"command-line": "info status", "cpu-index": 1.5},
     wrong("cpu-index", "integer")),
    ({"command-line": "info status", "cpu-index": 0},
     expects("cpu-index", "a CPU number")),
    ({"command-line": "info status", "cpu-index": -1},
     expects("cpu-index", "a CPU number")),
    ({"command-line": ""}, Gives("")),
    ({"command-line": "  "}, Gives("")),
    ({"command-line": "xyz a"}, Gives("unknown command: 'xyz'\r\n")),
    ({"command-line": "info status"},
     Gives("VM status: paused (prelaunch)\r\n")),
    ({"command-line": "info name"}, Gives("guest 1\r\n")),
]


def channel(*addr, kind="main", **more):
    return [{"channel-type": kind, "addr": a, **more} for a in addr]


INET = {"transport": "socket", "type": "inet", "host": "h", "port": "1"}
FILE = {"transport": "file", "filename": "/x/y", "offset": 0}
NEED = Fails("need either 'uri' or 'channels' argument")


def without(addr, name):
    return {k: v for k, v in addr.items() if k != name}


TARGETS = [  # of migrate and of migrate-incoming
    ({"uri": 1}, wrong("uri", "string")),
    ({"uri": None}, wrong("uri", "string")),
    ({"uri": "foo:bar", "x": 1}, unexpected()),
    ({"x": 1}, unexpected()),
    ({"uri": "foo:bar"}, Fails("unknown migration protocol: foo:bar")),
    ({"uri": "x"}, Fails("unknown migration protocol: x")),
    ({"uri": ""}, Fails("unknown migration protocol: ")),
    ({"uri": "tcp:a"}, Fails("error parsing address 'a'")),
    ({"uri": "tcp:"}, Fails("error parsing address ''")),
    ({"uri": "tcp:[::1:5"}, Fails("error parsing IPv6 address '[::1:5'")),
    ({"uri": "tcp:127.0.0.1:1:2"},
     Fails("trailing characters in address '127.0.0.1:1:2'")),
    ({"uri": "unix:"}, Fails("invalid Unix socket address")),
    ({"uri": "fd:"}, Fails("invalid file descriptor address")),
    ({"uri": "file:/x,offset=0x20M"},
     Fails("file URI has bad offset 0x20M: Invalid argument")),
    ({"channels": []}, NEED),
    ({"uri": "tcp:a:1", "channels": channel(FILE)}, NEED),
    ({"channels": 1}, wrong("channels", "array")),
    ({"channels": {}}, wrong("channels", "array")),
    ({"channels": [1]}, wrong("channels[0]", "object")),
    ({"channels": [{}]}, missing("channels[0].channel-type")),
    ({"channels": [{"channel-type": "main"}]}, missing("channels[0].addr")),
    ({"channels": [{"channel-type": "main", "addr": 1}]},
     wrong("channels[0].addr", "object")),
    ({"channels": channel({}, kind="foo")}, refused("channel-type", "foo")),
    ({"channels": channel({})}, missing("channels[0].addr.transport")),
    ({"channels": channel({"transport": "foo"})},
     refused("transport", "foo")),
    ({"channels": channel({"transport": "socket"})},
     missing("channels[0].addr.type")),
    ({"channels": channel({"transport": "socket", "type": "foo"})},
     refused("type", "foo")),
    ({"channels": channel(without(INET, "host"))},
     missing("channels[0].addr.host")),
    ({"channels": channel(without(INET, "port"))},
     missing("channels[0].addr.port")),
    ({"channels": channel({**INET, "port": 1})},
     wrong("channels[0].addr.port", "string")),
    ({"channels": channel({**INET, "x": 1})},
     unexpected("channels[0].addr.x")),
    ({"channels": channel({"transport": "socket", "type": "unix"})},
     missing("channels[0].addr.path")),
    ({"channels": channel({"transport": "socket", "type": "fd"})},
     missing("channels[0].addr.str")),
    ({"channels": channel({"transport": "exec"})},
     missing("channels[0].addr.args")),
    ({"channels": channel({"transport": "exec", "args": "x"})},
     wrong("channels[0].addr.args", "array")),
    ({"channels": channel({"transport": "exec", "args": []})},
     expects("args", "a program to run")),
    ({"channels": channel(without(FILE, "filename"))},
     missing("channels[0].addr.filename")),
    ({"channels": channel(without(FILE, "offset"))},
     missing("channels[0].addr.offset")),
    ({"channels": channel({**FILE, "offset": "1"})},
     expects("channels[0].addr.offset", "uint64")),
    ({"channels": channel({**FILE, "offset": 1.0})},
     expects("channels[0].addr.offset", "uint64")),
    ({"channels": channel(FILE, x=1)}, unexpected("channels[0].x")),
]

MIGRATE = [
    (None, NEED), ({}, NEED), *TARGETS,
    ({"channels": channel(FILE, FILE)},
     Fails("Channel list has more than one main entry")),
    ({"uri": "foo:bar", "detach": 1}, wrong("detach", "boolean")),
    ({"uri": "foo:bar", "resume": 1}, wrong("resume", "boolean")),
    ({"uri": "foo:bar", "detach": True},
     Fails("unknown migration protocol: foo:bar")),
    ({"uri": "unix:/nonexistent/x", "resume": True},
     Fails("Cannot resume if there is no paused migration")),
    ({"uri": "fd:nope"},
     Fails("File descriptor named 'nope' has not been found")),
    ({"uri": "file:/nonexistent/x"}, Fails(
        "Could not create '/nonexistent/x': No such file or directory")),
    ({"channels": channel({"transport": "exec", "args": ["/nonexistent"]})},
     Fails("Failed to execute child process \u201c/nonexistent\u201d "
           "(No such file or directory)")),
]

CONTINUE = [
    (None, missing("state")), ({"state": 1}, wrong("state", "string")),
    ({"state": "foo"}, refused("state", "foo")), ({"x": 1}, missing("state")),
    ({"state": "none", "x": 1}, unexpected()),
    ({"state": "completed"},
     Fails("Migration not in expected state: none")),
    ({"state": "pre-switchover"},
     Fails("Migration not in expected state: none")),
]


def caps(*pairs, **more):
    return {"capabilities": [{"capability": c, "state": s}
                             for c, s in pairs], **more}


CAPABILITIES = [
    (None, missing("capabilities")), ({}, missing("capabilities")),
    ({"capabilities": 1}, wrong("capabilities", "array")),
    ({"capabilities": {}}, wrong("capabilities", "array")),
    ({"capabilities": [1]}, wrong("capabilities[0]", "object")),
    ({"capabilities": [{}]}, missing("capabilities[0].capability")),
    ({"capabilities": [{"capability": "events"}]},
     missing("capabilities[0].state")),
    ({"capabilities": [{"state": True}]},
     missing("capabilities[0].capability")),
    (caps((1, True)), wrong("capabilities[0].capability", "string")),
    (caps(("nosuch", True)), refused("capability", "nosuch")),
    (caps(("Events", True)), refused("capability", "Events")),
    (caps(("events", 1)), wrong("capabilities[0].state", "boolean")),
    (caps(("events", "on")), wrong("capabilities[0].state", "boolean")),
    (caps(("events", True), ("events", None)),
     wrong("capabilities[1].state", "boolean")),
    ({"capabilities": [{"capability": "events", "state": True, "x": 1}]},
     unexpected("capabilities[0].x")),
    (caps(("events", True), x=1), unexpected()),
    (caps(("events", True), ("nosuch", True)),
     refused("capability", "nosuch")),
]

BANDWIDTH = "an integer in the range of 0 to 18446744073709551615 bytes/second"
DOWNTIME = "an integer in the range of 0 to (2000 * 1000) ms"
NO_INTEGER = ["x", 1.5, None, True, [1], {}, 1 << 64, -(1 << 63) - 1]

PARAMETERS = [
    ({"x": 1}, unexpected()),
    ({"max-bandwidth": 5, "x": 1}, unexpected()),
    *(({"max-bandwidth": v}, expects("max-bandwidth", "uint64"))
      for v in NO_INTEGER),
    *(({"downtime-limit": v}, expects("downtime-limit", "uint64"))
      for v in NO_INTEGER),
    *(({"avail-switchover-bandwidth": v},
       expects("avail-switchover-bandwidth", "uint64"))
      for v in NO_INTEGER),
    *(({"downtime-limit": v}, expects("downtime_limit", DOWNTIME))
      for v in (2000001, -1, 1 << 63, (1 << 64) - 1)),
    ({"max-bandwidth": 7, "downtime-limit": 2000001},
     expects("downtime_limit", DOWNTIME)),
    ({"mode": "x"}, refused("mode", "x")),
    ({"mode": ""}, refused("mode", "")),
    ({"mode": 1}, wrong("mode", "string")),
    ({"mode": None}, wrong("mode", "string")),
    ({"zero-page-detection": "x"}, refused("zero-page-detection", "x")),
    ({"zero-page-detection": 1}, wrong("zero-page-detection", "string")),
]

DESCRIPTORS = [
    ("getfd", None, missing("fdname")),
    ("getfd", {"fdname": 1}, wrong("fdname", "string")),
    ("getfd", {"fdname": "a", "x": 1}, unexpected()),
    ("getfd", {"fdname": "a"},
     Fails("No file descriptor supplied via SCM_RIGHTS")),
    ("closefd", None, missing("fdname")),
    ("closefd", {"fdname": 1}, wrong("fdname", "string")),
    ("closefd", {"fdname": "zz", "x": 1}, unexpected()),
    ("closefd", {"fdname": "zz"},
     Fails("File descriptor named 'zz' not found")),
]

NO_INSTANCE = Fails("Instance not found", "DeviceNotFound")
YANK = [
    (None, missing("instances")), ({"instances": 1},
                                   wrong("instances", "array")),
    ({"instances": [1]}, wrong("instances[0]", "object")),
    ({"instances": [{}]}, missing("instances[0].type")),
    ({"instances": [{"type": "foo"}]}, refused("type", "foo")),
    ({"instances": [{"type": "chardev"}]}, missing("instances[0].id")),
    ({"instances": [{"type": "chardev", "id": 1}]},
     wrong("instances[0].id", "string")),
    ({"instances": [{"type": "migration", "x": 1}]},
     unexpected("instances[0].x")),
    ({"instances": [], "x": 1}, unexpected()),
    ({"instances": []}, OK),
    ({"instances": [{"type": "migration"}]}, NO_INSTANCE),
    ({"instances": [{"type": "chardev", "id": "zz"}]}, NO_INSTANCE),
]

TRACE = [
    ("trace-event-get-state", None, missing("name")),
    ("trace-event-get-state", {"name": 1}, wrong("name", "string")),
    ("trace-event-get-state", {"name": "x", "z": 1}, unexpected("z")),
    ("trace-event-get-state", {"name": "nosuch"},
     Fails('unknown event "nosuch"')),
    ("trace-event-get-state", {"name": "nosuch*"}, Gives([])),
    ("trace-event-set-state", None, missing("name")),
    ("trace-event-set-state", {"name": "nosuch"}, missing("enable")),
    ("trace-event-set-state", {"name": "nosuch", "enable": 1},
     wrong("enable", "boolean")),
    ("trace-event-set-state", {"name": "nosuch", "enable": True},
     Fails('unknown event "nosuch"')),
    ("trace-event-set-state",
     {"name": "nosuch", "enable": True, "ignore-unavailable": 1},
     wrong("ignore-unavailable", "boolean")),
    ("trace-event-set-state", {"name": "nosuch*", "enable": True}, OK),
]
