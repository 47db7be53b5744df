# SPDX-License-Identifier: GPL-2.0-or-later
"""What the user asks for, as capabilities and parameters of both sides."""

import json

from .qmp import QMPError
from .side import MoveError

BOTH = ("source", "destination")

# Names that mean something to one side only.  Any other is set on both.
ONE_SIDE = {
    "source": {
        "auto-converge", "release-ram", "pause-before-switchover",
        "validate-uuid", "background-snapshot", "zero-copy-send",
        "dirty-limit", "zero-blocks",
        "throttle-trigger-threshold", "cpu-throttle-initial",
        "cpu-throttle-increment", "cpu-throttle-tailslow",
        "max-cpu-throttle", "tls-hostname", "max-bandwidth",
        "avail-switchover-bandwidth", "downtime-limit",
        "multifd-zlib-level", "multifd-zstd-level", "multifd-qatzip-level",
        "xbzrle-cache-size", "max-postcopy-bandwidth", "vcpu-dirty-limit",
        "x-vcpu-dirty-limit-period", "mode", "zero-page-detection"},
    "destination": {
        "postcopy-blocktime", "late-block-activate", "tls-authz",
        "announce-initial", "announce-max", "announce-rounds",
        "announce-step"},
}

# These change the stream: a migration with different values cannot work.
MUST_AGREE = ("multifd", "postcopy-ram", "postcopy-preempt", "mapped-ram",
              "x-ignore-shared", "x-colo", "switchover-ack")
MULTIFD_MUST_AGREE = ("multifd-channels", "multifd-compression")

SUFFIXES = {"": 1, "B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30,
            "T": 1 << 40}


def parse_size(text):
    """Bytes of `64M`, `1.5G`, `123`; raises ValueError."""
    number = text.strip().upper().removesuffix("IB")
    suffix = number[-1:] if number[-1:] in SUFFIXES else ""
    number = number[:len(number) - len(suffix)]
    if number.isdigit():
        return int(number) * SUFFIXES[suffix]
    value = float(number) * SUFFIXES[suffix]
    if not suffix or not 0 <= value < 1 << 64:
        raise ValueError(f"'{text}' is not a size")
    return int(value)


def parse_switch(text):
    """True or False of on/off/true/false/yes/no; raises ValueError."""
    word = text.lower()
    if word in ("on", "true", "yes"):
        return True
    if word in ("off", "false", "no"):
        return False
    raise ValueError(f"'{text}' is not on or off")


def convert(name, text, current):
    """The value of a parameter in the type that its current value has."""
    if not isinstance(text, str):
        return text
    try:
        if isinstance(current, bool):
            return parse_switch(text)
        if isinstance(current, (int, float)):
            return parse_size(text)
        if isinstance(current, (list, dict)):
            return json.loads(text)
    except ValueError as e:
        raise MoveError(f"parameter {name}: {e}") from None
    return text


def applies_to(name, label):
    other = BOTH[1 - BOTH.index(label)]
    return name not in ONE_SIDE[other]


class Settings:
    """Capabilities and parameters to set, and what was there before.

    return_path  turn the capability return-path on where both sides have it
                 and nothing else is said, so that the source waits for the
                 destination's word before it says that all is done
    """

    def __init__(self, return_path=True):
        self.return_path = return_path
        self.caps = {label: {} for label in BOTH}
        self.params = {label: {} for label in BOTH}
        self._before = {}  # label → (capabilities, parameters) as found

    def capability(self, name, on=True):
        for label in BOTH:
            if applies_to(name, label):
                self.caps[label][name] = on

    def parameter(self, name, value, sides=BOTH):
        """`value`: text, or of the parameter's own type."""
        for label in sides:
            if applies_to(name, label):
                self.params[label][name] = value

    # -- checking

    @staticmethod
    def _refuse(sides, known, wanted, what):
        for side in sides:
            for name in wanted[side.label]:
                if name in known[side.label]:
                    continue
                other = [s for s in sides if s is not side]
                has = any(name in known[s.label] for s in other)
                raise MoveError(
                    f"the {side.label} (QEMU {side.version}) has no migration"
                    f" {what} '{name}'" +
                    (f"; the {other[0].label} has it" if has else "") +
                    f". It has: {', '.join(sorted(known[side.label]))}")

    def refuse_unknown(self, *sides):
        """Names that a side has not got are an error (MoveError) that tells
        which; returns what the sides have, {label: values} for capabilities
        and for parameters."""
        caps = {s.label: s.capabilities() for s in sides}
        params = {s.label: s.parameters() for s in sides}
        self._refuse(sides, caps, self.caps, "capability")
        self._refuse(sides, params, self.params, "parameter")
        return caps, params

    @staticmethod
    def _must_agree(names, found, wanted, what, option):
        """Values that are not asked for may still differ between sides."""
        for name in names:
            values = []
            for label in BOTH:
                value = wanted[label].get(name, found[label].get(name))
                if value is None and what == "capability":
                    value = False  # a side that has not got it
                values.append(value)
            if None in values or values[0] == values[1]:
                continue
            shown = ["on" if v is True else "off" if v is False else str(v)
                     for v in values]
            raise MoveError(
                f"migration {what} '{name}' is {shown[0]} at the source and "
                f"{shown[1]} at the destination; say which with {option}")

    def _plan(self, sides):
        """Look at both sides, complete and check what is to be set."""
        caps, params = self.refuse_unknown(*sides)
        if self.return_path and all("return-path" in caps[b] for b in BOTH):
            for label in BOTH:
                self.caps[label].setdefault("return-path", True)
        for label in BOTH:
            wanted = self.params[label]
            for name in wanted:
                wanted[name] = convert(name, wanted[name],
                                       params[label][name])
        self._must_agree(MUST_AGREE, caps, self.caps, "capability",
                         "--cap NAME or --cap NAME=off")
        if self.caps["source"].get("multifd", caps["source"].get("multifd")):
            self._must_agree(MULTIFD_MUST_AGREE, params, self.params,
                             "parameter", "--multifd and --compression")
        return caps, params

    # -- setting

    def apply(self, src, dst):
        """Check all, then set all; nothing stays changed if a side refuses.
        Raises MoveError."""
        sides = (src, dst)
        caps, params = self._plan(sides)
        for side in sides:
            label = side.label
            self._before[label] = (
                {n: caps[label][n] for n in self.caps[label]},
                {n: params[label][n] for n in self.params[label]})
        try:
            for side in sides:
                self._set(side, self.caps[side.label],
                          self.params[side.label])
        except MoveError:
            for side in sides:
                self.restore(side)
            raise

    @staticmethod
    def _set(side, caps, params):
        # Parameters first: what a capability needs may be among them.
        if params:
            side.do("migrate-set-parameters", params)
        if caps:
            side.do("migrate-set-capabilities", {"capabilities": [
                {"capability": n, "state": on} for n, on in caps.items()]})

    def restore(self, side):
        """Put back what was there before, as far as the side lets us."""
        caps, params = self._before.get(side.label, ({}, {}))
        for part in ((caps, {}), ({}, params)):
            try:
                self._set(side, *part)
            except (MoveError, QMPError):
                pass
