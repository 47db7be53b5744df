# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls of QMP commands to compare with stock QEMU: every command right, with
an argument missing, with one of a wrong type, and with one too many.

The calls are made in this order to one process (OPTIONS), so that what a call
leaves behind is the same for both."""

import json

OPTIONS = ["-machine", "none", "-m", "16M", "-accel", "tcg", "-nodefaults",
           "-display", "none", "-name", "guest 1",
           "-uuid", "12345678-9abc-def0-1234-56789abcdef0"]

NOWHERE = "/nonexistent/x"
FILE = {"transport": "file", "filename": NOWHERE, "offset": 0}

# (command, arguments that are right); some fail all the same, as nothing fits
# on a machine without devices.
RIGHT = [
    ("query-version", {}), ("query-commands", {}), ("query-name", {}),
    ("query-uuid", {}), ("query-status", {}), ("query-kvm", {}),
    ("query-target", {}), ("query-machines", {}), ("query-qmp-schema", {}),
    ("query-current-machine", {}), ("query-cpus-fast", {}),
    ("query-hotpluggable-cpus", {}), ("query-memory-size-summary", {}),
    ("query-memory-devices", {}), ("query-memdev", {}),
    ("query-iothreads", {}), ("query-chardev", {}),
    ("query-accelerators", {}), ("query-events", {}),
    ("query-block", {}), ("query-blockstats", {"query-nodes": True}),
    ("query-named-block-nodes", {"flat": True}), ("query-block-jobs", {}),
    ("query-jobs", {}), ("query-pci", {}), ("query-tpm", {}),
    ("query-mice", {}), ("query-rx-filter", {}),
    ("query-rx-filter", {"name": "nosuch"}), ("query-balloon", {}),
    ("query-colo-status", {}), ("query-chardev-backends", {}),
    ("query-command-line-options", {"option": "memory"}),
    ("query-command-line-options", {"option": "smp-opts"}),
    ("query-command-line-options", {"option": "nosuch"}),
    ("human-monitor-command", {"command-line": "info status",
                               "cpu-index": 0}),
    ("human-monitor-command", {"command-line": "stop"}),
    ("human-monitor-command", {"command-line": "cont"}),
    ("human-monitor-command", {"command-line": "nosuch"}),
    ("getfd", {"fdname": "a"}), ("closefd", {"fdname": "a"}),
    ("add-fd", {"fdset-id": 1, "opaque": "a"}),
    ("remove-fd", {"fdset-id": 1, "fd": 5}), ("query-fdsets", {}),
    ("qom-list-types", {"implements": "accel", "abstract": False}),
    ("qom-list-types", {"implements": "nosuch"}),
    ("qom-list", {"path": "/"}), ("qom-list", {"path": "/objects"}),
    ("qom-list", {"path": "/nosuch"}), ("qom-list", {"path": "relative"}),
    ("qom-list-properties", {"typename": "authz-simple"}),
    ("qom-list-properties", {"typename": "nosuch"}),
    ("device-list-properties", {"typename": "nosuch"}),
    ("device-list-properties", {"typename": "device"}),
    ("device-list-properties", {"typename": "authz-simple"}),
    ("object-add", {"qom-type": "authz-simple", "id": "a",
                    "identity": "me"}),
    ("object-add", {"qom-type": "authz-simple", "id": "a",
                    "identity": "me"}),
    ("object-add", {"qom-type": "authz-simple", "id": "1a",
                    "identity": "me"}),
    ("object-add", {"qom-type": "nosuch", "id": "b"}),
    ("object-add", {"qom-type": "memory-backend-ram", "id": "m",
                    "size": 1 << 20}),
    ("object-add", {"qom-type": "memory-backend-ram", "id": "n",
                    "size": 0}),
    ("object-add", {"qom-type": "memory-backend-file", "id": "n",
                    "size": 1 << 20, "mem-path": NOWHERE}),
    ("object-add", {"qom-type": "secret", "id": "s", "data": "x"}),
    ("object-add", {"qom-type": "secret", "id": "s2", "file": NOWHERE}),
    ("object-add", {"qom-type": "tls-creds-psk", "id": "t",
                    "dir": "/nonexistent", "endpoint": "client"}),
    ("object-add", {"qom-type": "tls-creds-x509", "id": "t",
                    "dir": "/nonexistent", "endpoint": "server"}),
    ("object-add", {"qom-type": "tls-creds-anon", "id": "t",
                    "endpoint": "nosuch"}),
    ("query-memdev", {}), ("qom-list", {"path": "/objects/a"}),
    ("qom-get", {"path": "/objects/a", "property": "identity"}),
    ("qom-get", {"path": "/objects/a", "property": "type"}),
    ("qom-get", {"path": "/objects/a", "property": "nosuch"}),
    ("qom-get", {"path": "/machine", "property": "type"}),
    ("qom-get", {"path": "/nosuch", "property": "type"}),
    ("qom-set", {"path": "/objects/a", "property": "identity",
                 "value": "you"}),
    ("qom-set", {"path": "/objects/a", "property": "nosuch", "value": 1}),
    ("qom-set", {"path": "/objects/a", "property": "type", "value": "x"}),
    ("qom-set", {"path": "/objects/m", "property": "size", "value": 4096}),
    ("qom-set", {"path": "/machine", "property": "type", "value": "x"}),
    ("object-del", {"id": "a"}), ("object-del", {"id": "nosuch"}),
    ("stop", {}), ("query-status", {}), ("stop", {}), ("system_reset", {}),
    ("query-status", {}), ("cont", {}), ("query-status", {}), ("cont", {}),
    ("system_reset", {}), ("query-status", {}), ("system_powerdown", {}),
    ("system_wakeup", {}), ("inject-nmi", {}),
    ("set-action", {"reboot": "shutdown", "shutdown": "pause"}),
    ("set-action", {"reboot": "reset", "shutdown": "poweroff"}),
    ("set-action", {"reboot": "nosuch"}),
    ("memsave", {"val": 0, "size": 16, "filename": NOWHERE,
                 "cpu-index": 0}),
    ("pmemsave", {"val": 0, "size": 16, "filename": NOWHERE}),
    ("screendump", {"filename": NOWHERE, "format": "png"}),
    ("screendump", {"filename": NOWHERE, "device": "nosuch", "head": 0}),
    ("screendump", {"filename": NOWHERE, "head": 0}),
    ("screendump", {"filename": NOWHERE, "format": "nosuch"}),
    ("trace-event-get-state", {"name": "nosuch"}),
    ("trace-event-get-state", {"name": "nosuch*"}),
    ("trace-event-get-state", {"name": "migrate_set_state"}),
    ("trace-event-set-state", {"name": "nosuch*", "enable": True,
                               "ignore-unavailable": True}),
    ("trace-event-set-state", {"name": "nosuch", "enable": False}),
    ("query-yank", {}), ("yank", {"instances": []}),
    ("yank", {"instances": [{"type": "migration"}]}),
    ("yank", {"instances": [{"type": "nosuch"}]}),
    ("yank", {"instances": [{"type": "chardev"}]}),
    ("yank", {"instances": [{"type": "chardev", "id": "nosuch"}]}),
    ("query-migrate", {}), ("query-migrate-capabilities", {}),
    ("query-migrate-parameters", {}),
    ("migrate-set-capabilities",
     {"capabilities": [{"capability": "events", "state": False}]}),
    ("migrate-set-capabilities", {"capabilities": [{"state": False}]}),
    ("migrate-set-capabilities", {"capabilities": [{"capability":
                                                    "events"}]}),
    ("migrate-set-capabilities",
     {"capabilities": [{"capability": "nosuch", "state": False}]}),
    ("migrate-set-capabilities",
     {"capabilities": [{"capability": "events", "state": False, "x": 1}]}),
    ("migrate-set-parameters", {"max-bandwidth": 1 << 20}),
    ("migrate-set-parameters", {"max-bandwidth": 1.5}),
    ("migrate-set-parameters", {"max-bandwidth": 1 << 64}),
    ("migrate-set-parameters", {"downtime-limit": 300}),
    ("migrate-set-parameters", {"downtime-limit": 2000001}),
    ("migrate-set-parameters", {"downtime-limit": -1}),
    ("migrate-set-parameters", {"max-bandwidth": -1}),
    ("migrate-set-parameters", {"max-bandwidth": 1e3}),
    ("migrate-set-parameters", {"max-bandwidth": -(1 << 63) - 1}),
    ("migrate-set-parameters", {"multifd-channels": 0}),
    ("migrate-set-parameters", {"multifd-channels": 256}),
    ("migrate-set-parameters", {"multifd-compression": "nosuch"}),
    ("migrate-set-parameters", {"multifd-zlib-level": 10}),
    ("migrate-set-parameters", {"multifd-zstd-level": 21}),
    ("migrate-set-parameters", {"tls-creds": None}),
    ("migrate-set-parameters", {"tls-hostname": "a", "tls-creds": ""}),
    ("migrate-set-parameters", {"tls-hostname": ""}),
    ("query-migrate-parameters", {}),
    ("migrate-set-capabilities", {"capabilities": []}),
    ("migrate-set-capabilities",
     {"capabilities": [{"capability": "multifd", "state": True},
                       {"capability": "nosuch", "state": True}]}),
    ("query-migrate-capabilities", {}),
    ("migrate_cancel", {}),
    ("migrate-continue", {"state": "none"}),
    ("migrate-continue", {"state": "active"}),
    ("migrate-continue", {"state": "nosuch"}),
    ("migrate-incoming", {"uri": "tcp:127.0.0.1:0"}),
    ("migrate", {"uri": "nosuch:x"}), ("migrate", {"uri": "tcp:a"}),
    ("migrate", {"uri": "tcp:[::1:5"}), ("migrate", {"uri": "unix:"}),
    ("migrate", {"uri": "fd:nosuch"}), ("query-migrate", {}),
    # Nothing that starts: what follows would depend on how far it is.
    ("migrate", {"uri": "fd:nosuch", "resume": True}),
    ("migrate", {"uri": "fd:nosuch", "detach": 1}),
    ("qmp_capabilities", {"enable": []}),
    ("nosuch", {"x": 1}),
    ("quit", {}),
]


def wrong(value):
    """Something of another type."""
    return {} if isinstance(value, (str, list)) else "x"


def variants(command, args):
    """(kind, arguments) of all calls made of one that is right."""
    if command != "quit":
        yield "right", args
    for name in args:
        yield f"missing {name}", {k: v for k, v in args.items() if k != name}
    for name, value in args.items():
        yield f"wrong {name}", {**args, name: wrong(value)}
    yield "extra", {**args, "x-extra": 1}
    if command == "quit":
        yield "right", args


def calls():
    """All (key, command, arguments); keys are the same everywhere."""
    for number, (command, args) in enumerate(RIGHT):
        for kind, changed in variants(command, args):
            yield (f"{number} {command} {json.dumps(args, sort_keys=True)} "
                   f"{kind}", command, changed)


def shape(value):
    """A value without what differs from run to run: objects keep names,
    lists become what their elements have in common."""
    if isinstance(value, dict):
        return {k: shape(v) for k, v in sorted(value.items())}
    if isinstance(value, list):
        merged = None
        for item in value:
            merged = merge(merged, shape(item))
        return [] if merged is None else [merged]
    for kind, name in ((bool, "boolean"), (str, "string"),
                       ((int, float), "number")):
        if isinstance(value, kind):
            return name
    return "null"


def merge(a, b):
    """One shape that has what either has."""
    if a is None or a == b:
        return b
    if isinstance(a, dict) and isinstance(b, dict):
        return {k: merge(a.get(k), b[k]) if k in b else a[k]
                for k in sorted({*a, *b})}
    if isinstance(a, list) and isinstance(b, list):
        return [merge(a[0], b[0])] if a and b else a or b
    return "any"


def answer(qmp, command, args):
    """What is recorded: {"return": SHAPE} or {"error": [CLASS, DESC]}."""
    qmp.send(command, args)
    reply = qmp.reply()
    if "error" in reply:
        return {"error": [reply["error"]["class"], reply["error"]["desc"]]}
    return {"return": shape(reply["return"])}


def is_built(types, args):
    """Can an object of this type be made here; @types: those there are."""
    kind = args.get("qom-type")
    return (not isinstance(kind, str) or not kind.startswith("tls-")
            or kind in types)


# Commands that are not in RIGHT: nothing to compare with.
NOT_COMPARED = set()
