# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls made up from what query-qmp-schema says: right ones, and wrong."""

# Strings that mean something to some command, and some that mean nothing.
WORDS = ["", "x", "a b", "/", "/machine", "/objects", "/nonexistent/x",
         "/dev/fdset/0", "/dev/null", "none", "on", "1", "-1", "nosuch:1",
         "unix:/nonexistent/x", "tcp:127.0.0.1:1", "fd:nosuch",
         "file:/nonexistent/x", "authz-simple", "framebuffer", "type",
         "info status", "migrate_set_parameter", "*", "%s%n", "\u20ac",
         "\U0001f600", "a" * 300, "\x00", "\\\"'"]
INTEGERS = [0, 1, -1, 2, 7, 255, 256, 4095, 4096, 65536, (1 << 31) - 1,
            1 << 31, 1 << 32, (1 << 53) + 1, (1 << 63) - 1, -(1 << 63)]
# Not of the type that is wanted, whatever that is.
STRANGE = [None, True, False, 0, -1, 1.5, 1e300, 1 << 63, (1 << 64) - 1,
           1 << 64, "", "x", [], [[]], [None], {}, {"x": {}}, {"type": "x"}]


class Schema:
    """The entities of one program."""

    def __init__(self, entities):
        self.types = {e["name"]: e for e in entities
                      if e["meta-type"] not in ("command", "event")}
        self.commands = {e["name"]: e for e in entities
                         if e["meta-type"] == "command"}
        self.events = {e["name"]: e for e in entities
                       if e["meta-type"] == "event"}

    def value(self, name, rng, depth=0, rare=0.0):
        """A value of type @name; members are wrong with chance @rare."""
        kind = self.types[name]
        if rng.random() < rare:
            return rng.choice(STRANGE)
        make = getattr(self, "_" + kind["meta-type"])
        return make(kind, rng, depth, rare)

    def _builtin(self, kind, rng, depth, rare):
        del depth, rare
        return {"string": lambda: rng.choice(WORDS),
                "int": lambda: rng.choice(INTEGERS),
                "number": lambda: rng.choice([*INTEGERS, 0.5, -1e10]),
                "boolean": lambda: rng.random() < 0.5,
                "null": lambda: None,
                "value": lambda: rng.choice(STRANGE)}[kind["json-type"]]()

    def _enum(self, kind, rng, depth, rare):
        del depth, rare
        return rng.choice([m["name"] for m in kind["members"]]
                          if "members" in kind else kind["values"])

    def _array(self, kind, rng, depth, rare):
        count = rng.choice([0, 1, 1, 2, 5]) if depth < 6 else 0
        return [self.value(kind["element-type"], rng, depth + 1, rare)
                for _ in range(count)]

    def _alternate(self, kind, rng, depth, rare):
        return self.value(rng.choice(kind["members"])["type"], rng, depth,
                          rare)

    def _object(self, kind, rng, depth, rare):
        out = {}
        for m in kind["members"]:
            optional = "default" in m
            if (rng.random() < 0.5 if optional else rng.random() >= rare):
                out[m["name"]] = self.value(m["type"], rng, depth + 1, rare)
        if "tag" in kind:
            for v in kind.get("variants", []):
                if v["case"] == out.get(kind["tag"]):
                    extra = self._object(self.types[v["type"]], rng, depth,
                                         rare)
                    out = {**extra, **out}
        if rng.random() < rare:
            out[rng.choice(WORDS) or "x"] = rng.choice(STRANGE)
        return out

    def arguments(self, command, rng, rare=0.0):
        """What can be given to @command."""
        kind = self.types[self.commands[command]["arg-type"]]
        return self._object(kind, rng, 0, rare)

    def check(self, name, value, path="return"):
        """Why @value is not of type @name; None if it is."""
        kind = self.types[name]
        check = getattr(self, "_check_" + kind["meta-type"])
        return check(kind, value, path)

    def check_event(self, event):
        """Why @event, as it came, is none of the schema; None if it is."""
        if event.get("event") not in self.events:
            return f"{event} is not in the schema"
        unknown = set(event) - {"event", "data", "timestamp"}
        if unknown:
            return f"{event} has {unknown}"
        return self.check(self.events[event["event"]]["arg-type"],
                          event.get("data", {}), event["event"])

    def _check_builtin(self, kind, value, path):
        want = {"string": str, "int": int, "number": (int, float),
                "boolean": bool, "null": type(None),
                "value": object}[kind["json-type"]]
        ok = isinstance(value, want) and (
            kind["json-type"] in ("boolean", "value")
            or not isinstance(value, bool))
        return None if ok else f"{path} is {value!r}, no {kind['json-type']}"

    def _check_enum(self, kind, value, path):
        values = [m["name"] for m in kind.get("members", [])] or \
            kind["values"]
        return None if value in values else f"{path} is {value!r}"

    def _check_array(self, kind, value, path):
        if not isinstance(value, list):
            return f"{path} is no list"
        for n, item in enumerate(value):
            why = self.check(kind["element-type"], item, f"{path}[{n}]")
            if why:
                return why
        return None

    def _check_alternate(self, kind, value, path):
        whys = [self.check(m["type"], value, path) for m in kind["members"]]
        return None if None in whys else whys[0]

    def _check_object(self, kind, value, path):
        if not isinstance(value, dict):
            return f"{path} is no object"
        members = {m["name"]: m for m in kind["members"]}
        if "tag" in kind:
            for v in kind.get("variants", []):
                if v["case"] == value.get(kind["tag"]):
                    members.update((m["name"], m) for m in
                                   self.types[v["type"]]["members"])
        for name, m in members.items():
            if name not in value:
                if "default" not in m:
                    return f"{path}.{name} is missing"
                continue
            why = self.check(m["type"], value[name], f"{path}.{name}")
            if why:
                return why
        unknown = set(value) - set(members)
        return f"{path} has {unknown}" if unknown else None
