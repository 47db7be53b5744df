#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The human monitor as a person meets it, through a socket and through a
terminal: prompt, keys, history, completion, help, every command's arguments,
and a migration in the foreground.

Usage: hmp_test.py BINARY [name patterns]
"""

import fcntl
import os
import pty
import re
import select
import socket
import struct
import sys
import termios
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from lib import tap  # noqa: E402
from lib.vm import VM, VMError, Workspace, has_accel  # noqa: E402

PROMPT = "(qemu) "
BANNER = re.compile(r"QEMU \d+\.\d+\.\d+ monitor - type 'help' for more "
                    r"information\r\n\(qemu\) $")


def same(got, want, what):
    if got != want:
        raise VMError(f"{what}: got {got!r}, expected {want!r}")


def render(text):
    """The lines that a terminal shows after `text`."""
    lines, row, col = [""], 0, 0
    for part in re.findall("\x1b\\[[0-9;]*[A-Za-z]|[^\x1b]", text):
        if part == "\n":
            row += 1
            if row == len(lines):
                lines.append("")
        elif part == "\r":
            col = 0
        elif part == "\x1b[D":
            col = max(col - 1, 0)
        elif part == "\x1b[C":
            col += 1
        elif part == "\x1b[K":
            lines[row] = lines[row][:col]
        elif part == "\x1b[2J":
            lines = [""]
        elif part == "\x1b[1;1H":
            row = col = 0
        elif part[0] == "\x1b":
            raise VMError(f"unknown sequence {part!r}")
        else:
            old = lines[row].ljust(col)
            lines[row] = old[:col] + part + old[col + 1:]
            col += 1
    return lines


class Terminal:
    """The person's side of a human monitor, on a connected descriptor."""

    def __init__(self, fd):
        self.fd = fd

    def send(self, keys):
        os.write(self.fd, keys.encode("latin-1"))

    def until(self, pattern, timeout=30):
        """Everything up to now, when it matches at its end."""
        text, end = "", time.monotonic() + timeout
        while not re.search(pattern, text):
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise VMError(f"no {pattern!r} in {text!r}")
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                data = b""
            if not data:
                raise VMError(f"the monitor is gone after {text!r}")
            # A terminal puts one more return before each line feed.
            text = (text + data.decode("latin-1")).replace("\r\r\n", "\r\n")
        return text

    def rest(self):
        """What is left when the other side has gone."""
        text = ""
        while select.select([self.fd], [], [], 1)[0]:
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                break
            if not data:
                break
            text += data.decode("latin-1")
        return text

    def type(self, keys, end=r"\r\n(.*\r\n)?\(qemu\) $"):
        """Press keys, then enter: the line that was executed, as the screen
        shows it, and the text that followed it up to the prompt."""
        self.send(keys + "\r")
        text = self.until(re.compile(end, re.DOTALL))
        lines = render(PROMPT + text)
        same(lines.pop(), PROMPT.rstrip() + " ", "the last line")
        at = max(i for i, s in enumerate(lines) if s.startswith(PROMPT))
        return lines[at][len(PROMPT):], lines[at + 1:]

    def run(self, line):
        """The output of one command, line by line."""
        got, output = self.type(line)
        same(got, line, "the line on the screen")
        return output


class Bench:
    """One machine without a guest, and a person at its monitor."""

    def __init__(self, binary, kind="socket"):
        self.work = Workspace()
        args = ["-machine", "none", "-m", "16M", "-accel", "qtest", "-S",
                "-name", "guest 1"]
        preexec = None
        if kind in ("pty", "stdio"):
            self.fd, inner = pty.openpty()
            fcntl.ioctl(self.fd, termios.TIOCSWINSZ,
                        struct.pack("HHHH", 24, 80, 0, 0))
            self.tty_before = termios.tcgetattr(inner)
            self.inner = inner
            if kind == "stdio":
                args += ["-monitor", "stdio"]
            else:
                # Ctrl-C is for the monitor, as with -nographic.
                args += ["-chardev", "stdio,id=tty,signal=off", "-mon", "tty"]

            def preexec():
                os.setsid()
                os.dup2(inner, 0)
                os.dup2(inner, 1)
                fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        else:
            self.path = self.work.file("hmp")
            args += ["-monitor", f"unix:{self.path},server=on,wait=off"]
        self.vm = VM(binary, self.work, "vm", args, preexec=preexec)
        self.sock = None
        if kind not in ("pty", "stdio"):
            self.connect()
        self.term = Terminal(self.fd)
        self.banner = self.term.until(r"\(qemu\) $")

    def connect(self):
        if self.sock:
            self.sock.close()
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)
        self.fd = self.sock.fileno()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.vm.__exit__()
        if self.sock:
            self.sock.close()
        else:
            os.close(self.fd)
            os.close(self.inner)
        self.work.close()


def test_banner(b):
    if not BANNER.match(b.banner):
        raise VMError(f"the banner is {b.banner!r}")
    same(b.term.run(""), [], "an empty line")
    b.term.send("\r\n")  # counts as two
    b.term.until(r"^\r\n\(qemu\) \r\n\(qemu\) $")


# Keys, and the line that they make.
KEYS = [
    ("p 12", "p 12", "0xc"),
    (" 12\x01p", "p 12", "0xc"),
    (" 12\x1b[1~p", "p 12", "0xc"),
    (" 12\x1bOHp", "p 12", "0xc"),
    ("p 1\x012\x1b[3~\x7f\x05\x08\x08\x08p 12", "p 12", "0xc"),
    ("p 2\x1b[D1", "p 12", "0xc"),
    ("p 2\x1b[D1\x1b[C3", "p 123", "0x7b"),
    ("p 13\x7f2", "p 12", "0xc"),
    ("p 13\x082", "p 12", "0xc"),
    ("p 312\x1b[D\x1b[D\x1b[D\x04", "p 12", "0xc"),
    ("p 312\x1b[D\x1b[D\x1b[D\x1b[3~", "p 12", "0xc"),
    ("p 12\x04\x04", "p 12", "0xc"),
    ("nonsense\x15p 12", "p 12", "0xc"),
    ("p nonsense  \x1712", "p 12", "0xc"),
    ("p 1\x1b[1~\x1b[4~2", "p 12", "0xc"),
    ("p 1\x01\x052", "p 12", "0xc"),
    ("p 1\x1b[1~\x1bOF2", "p 12", "0xc"),
    ("p 1\x032\x02\x06", "p 12", "0xc"),
    ("p 1\x9bD\x9bC2", "p 12", "0xc"),
    ("\x1b[D\x7f\x08\x17\x15p 12\x1b[C", "p 12", "0xc"),
    ("p 1\x0c2", "p 12", "0xc"),
    # What a telnet client says besides.
    ("\xff\xfd\x03\xff\xfb\x18p \xff\xf112\x00", "p 12", "0xc"),
    ("p \xff\xfa\x1f\x00p\xff\xff\x00x\xff\xf012", "p 12", "0xc"),
]


def test_keys(b):
    for keys, line, output in KEYS:
        same(b.term.type(keys), (line, [output]), repr(keys))


def test_history(b):
    for line in ("p 1", "p 2", "p 3", "p 1"):
        b.term.run(line)
    same(b.term.run("info history"),
         ["0: 'p 2'", "1: 'p 3'", "2: 'p 1'", "3: 'info history'"], "history")
    for keys, line in (("\x1b[A\x1b[A", "p 1"), ("\x10\x10\x10", "p 3"),
                       ("\x1b[A\x1b[A\x1b[A\x1b[B", "p 1"),
                       ("\x10\x10\x0e", "p 1"),
                       ("\x1b[A\x1b[B" "p 4", "p 4"),
                       ("\x1b[A" "0", "p 40"),
                       ("\x1b[A" * 80 + "0", "p 20")):
        same(b.term.type(keys)[0], line, repr(keys))
    for n in range(70):
        b.term.run(f"p {n}")
    listed = b.term.run("info history")
    same((len(listed), listed[0], listed[63]),
         (64, "0: 'p 7'", "63: 'info history'"), "a full history")


# What was typed before the tab, the line after it, what was listed.
COMPLETIONS = [
    ("sto", "stop ", []),
    ("nosuch", "nosuch", []),
    ("migrate_set", "migrate_set_",
     ["migrate_set_capability", "migrate_set_parameter"]),
    ("migrate_set_c", "migrate_set_capability ", []),
    ("info st", "info status ", []),
    ("info migrate_c", "info migrate_capabilities ", []),
    ("help migrate_in", "help migrate_incoming ", []),
    ("migrate_set_capability ev", "migrate_set_capability events ", []),
    ("migrate_set_capability events o", "migrate_set_capability events o",
     ["off", "on"]),
    ("migrate_set_capability events of", "migrate_set_capability events off ",
     []),
    ("migrate_set_parameter max-b", "migrate_set_parameter max-bandwidth ",
     []),
    ("migrate_set_parameter downtime-limit ",
     "migrate_set_parameter downtime-limit ", []),
    ("migrate_set_parameter zero-page-detection ",
     "migrate_set_parameter zero-page-detection ",
     ["legacy", "multifd", "none"]),
    ("migrate_set_parameter zero-page-detection l",
     "migrate_set_parameter zero-page-detection legacy ", []),
    ("migrate_set_parameter mode n", "migrate_set_parameter mode normal ",
     []),
    ("migrate -d un", "migrate -d unix: ", []),
    ("trace-event migration_e", "trace-event migration_error ", []),
    ("trace-event migration_error of", "trace-event migration_error off ",
     []),
    ("info trace-events ram_sy", "info trace-events ram_sync ", []),
]


def test_completion(b):
    for typed, line, listed in COMPLETIONS:
        b.term.send(typed + "\t" + "\x01#\x05")  # the mark shows the end
        text = b.term.until(re.compile(r"#" + re.escape(line) + r"\x1b\[K"
                                       r"[^#]*$"))
        lines = render(PROMPT + text)
        same(lines[-1], f"{PROMPT}#{line}", f"{typed!r} and tab")
        same(" ".join(lines[1:-1]).split(), listed, f"list for {typed!r}")
        b.term.send("\x15")
        b.term.until("\x1b\\[K$")
    # All commands are offered for nothing.
    b.term.send("\t")
    text = b.term.until(r"\(qemu\) $")
    offered = " ".join(render(text)[1:-1]).split()
    names = [n for line in b.term.run("help")
             for n in line.split()[0].split("|") if " -- " in line]
    same(offered, sorted(names), "what is completed")


# What they are about is an error when it is missing.
NO_DEVICE = ("balloon", "hotpluggable-cpus")


def commands_of(lines):
    return [s.split(" -- ")[0] for s in lines if " -- " in s]


def test_help(b):
    lines = b.term.run("help")
    heads = commands_of(lines)
    same(heads, sorted(heads), "the order of help")
    same(b.term.run("?"), lines, "?")
    for wanted in ("migrate", "migrate_cancel", "migrate_incoming",
                   "migrate_set_capability", "migrate_set_parameter",
                   "stop|s", "cont|c", "quit|q", "help|?", "info"):
        if wanted not in [h.split()[0] for h in heads]:
            raise VMError(f"help lacks {wanted}")
    for head in heads:
        for name in head.split()[0].split("|"):
            if name == "info":
                continue  # lists its own
            same(commands_of(b.term.run(f"help {name}")), [head],
                 f"help {name}")
    same(b.term.run("help nosuch"), ["unknown command: 'nosuch'"],
         "help nosuch")
    infos = b.term.run("info")
    same(b.term.run("help info"), infos, "help info")
    names = [h.split()[1] for h in commands_of(infos)]
    for wanted in ("migrate", "migrate_capabilities", "migrate_parameters",
                   "status", "version", "name", "uuid"):
        if wanted not in names:
            raise VMError(f"info lacks {wanted}")
    for name, head in zip(names, commands_of(infos)):
        same(commands_of(b.term.run(f"help info {name}")), [head],
             f"help info {name}")
        text = "\n".join(b.term.run(f"info {name}"))
        if "unknown" in text or ("Error" in text and name not in NO_DEVICE):
            raise VMError(f"info {name}: {text}")


def usage(text, command):
    return [text, f'Try "help {command}" for more information']


def extra(names, command=None):
    return usage(f"{names}: extraneous characters at the end of line",
                 command or names)


LOG_ITEMS = ["Log items (comma separated):",
             "none            remove all logs",
             "trace:PATTERN   enable trace events"]

LINES = [
    ("xyz", ["unknown command: 'xyz'"]),
    ("xyz a b", ["unknown command: 'xyz'"]),
    ("Help", ["unknown command: 'Help'"]),
    ("qui", ["unknown command: 'qui'"]),
    ("stop|s", ["unknown command: 'stop|s'"]),
    ("stop;cont", ["unknown command: 'stop;cont'"]),
    ("#x", ["unknown command: '#x'"]),
    ("info xyz", ["unknown command: 'info xyz'"]),
    ("info xyz a", ["unknown command: 'info xyz'"]),
    ("infostatus", ["unknown command: 'infostatus'"]),
    ("info  status", ["VM status: paused (prelaunch)"]),
    ("info status x", extra("status", "info status")),
    ("info name", ["guest 1"]),
    ("info uuid", ["00000000-0000-0000-0000-000000000000"]),
    ("cont", []), ("info status", ["VM status: running"]),
    ("  stop  ", []), ("info status", ["VM status: paused"]),
    ("c", []), ("s", []), ("system_reset", []),
    ("info status", ["VM status: paused (prelaunch)"]),
    ("stop x", extra("stop|s", "stop")), ("c x", extra("cont|c", "c")),
    ("migrate", usage("migrate: string expected", "migrate")),
    ("migrate -d", usage("migrate: string expected", "migrate")),
    ("migrate -z u", usage("migrate: unsupported option -z", "migrate")),
    ("migrate -b u", usage("migrate: unsupported option -b", "migrate")),
    ("migrate a b", extra("migrate")),
    ("migrate -dr u", extra("migrate")),
    ('migrate "a', usage("migrate: string expected", "migrate")),
    ('migrate "a\\q"', usage("migrate: string expected", "migrate")),
    ("migrate foo:bar", ["Error: unknown migration protocol: foo:bar"]),
    ("migrate -d tcp:a", ["Error: error parsing address 'a'"]),
    ('migrate ""', ["Error: unknown migration protocol: "]),
    ("migrate_cancel", []), ("migrate_cancel x", extra("migrate_cancel")),
    ("migrate_continue",
     usage("migrate_continue: string expected", "migrate_continue")),
    ("migrate_continue foo", ["Error: invalid parameter value: foo"]),
    ("migrate_continue completed",
     ["Error: Migration not in expected state: none"]),
    ("migrate_incoming tcp:127.0.0.1:0",
     ["Error: '-incoming' was not specified on the command line"]),
    ("migrate_set_capability", usage(
        "migrate_set_capability: string expected", "migrate_set_capability")),
    ("migrate_set_capability events",
     usage("Expected 'on' or 'off'", "migrate_set_capability")),
    ("migrate_set_capability events yes",
     usage("Expected 'on' or 'off'", "migrate_set_capability")),
    ("migrate_set_capability foo on", ["Error: invalid parameter value: foo"]),
    ("migrate_set_capability events on x", extra("migrate_set_capability")),
    ("migrate_set_parameter", usage(
        "migrate_set_parameter: string expected", "migrate_set_parameter")),
    ("migrate_set_parameter max-bandwidth", usage(
        "migrate_set_parameter: string expected", "migrate_set_parameter")),
    ("migrate_set_parameter x y", ["Error: invalid parameter value: x"]),
    ("migrate_set_parameter downtime-limit 1 2",
     extra("migrate_set_parameter")),
    ("getfd x", ["Error: No file descriptor supplied via SCM_RIGHTS"]),
    ("closefd zz", ["Error: File descriptor named 'zz' not found"]),
    ("p (1", usage("')' expected", "p")),
    ("p 1+", usage("unexpected end of expression", "p")),
    ("p $nosuch", usage("unknown register", "p")),
    ("p /t 1", usage("invalid char in format: 't'", "p")),
    ("p 1 2", extra("print|p", "p")), ("p 0x10*2-1", ["0x1f"]),
    ("p/d -5", ["-5"]), ("p/u -1", ["18446744073709551615"]),
    ("p/o 8", ["010"]), ("p/c 65", ["'A'"]), ("p/c 10", ["'\\n'"]),
    ("p/2dx 1", ["0x1"]),
    ("cpu 0", ["invalid CPU index"]), ("cpu x", usage(
        "invalid char 'x' in expression", "cpu")),
    ("info registers", ["No CPU available"]),
    ("x/i 0", ["Can not dump without CPU"]),
    ("xp/i 0", ["Can not dump without CPU"]),
    ("memsave 0 1 x", ["No CPU available"]),
    ("gpa2hva 0x1000000000",
     ["No memory is mapped at address 0x1000000000"]),
    ("info mtree", [
        "address-space: memory",
        "  0000000000000000-ffffffffffffffff (prio 0, i/o): system",
        "    0000000000000000-0000000000ffffff (prio 0, ram): ram", "",
        "address-space: I/O",
        "  0000000000000000-000000000000ffff (prio 0, i/o): io", ""]),
    ("info block", []), ("info blockstats", []), ("info network", []),
    ("info pci", []), ("info tpm", []), ("info iothreads", []),
    ("info memory-devices", []), ("info block-jobs", ["No active jobs"]),
    ("info mice", ["No mouse devices connected"]),
    ("info numa", ["0 nodes"]),
    ("info snapshots", ["no block device can store vmstate for snapshot"]),
    ("info balloon", ["Error: No balloon device has been activated"]),
    ("info hotpluggable-cpus",
     ["Error: machine does not support hot-plugging CPUs"]),
    ("logfile", usage("logfile: filename expected", "logfile")),
    ("logfile /nonexistent/x",
     ["Error opening logfile /nonexistent/x: No such file or directory"]),
    ("log none", []), ("log trace:migration*,none", []),
    ("log nosuch", LOG_ITEMS), ("log none,nosuch", LOG_ITEMS),
    ("log", usage("log: string expected", "log")),
    ("trace-event nosuch on", ['unknown event "nosuch"']),
    ("info trace-events nosuch", ['unknown event "nosuch"']),
    ("trace-event nosuch maybe",
     usage("Expected 'on' or 'off'", "trace-event")),
]


def test_lines(b):
    for line, output in LINES:
        # Blanks around a line are lost on the way through the screen.
        same(b.term.type(line)[1], output, repr(line))
    built = has_accel(b.vm.binary, "kvm")
    same(b.term.type("info kvm")[1],
         [f"kvm support: {'disabled' if built else 'not compiled'}"],
         "'info kvm'")


NO_SIZE = ["Error: Parameter 'downtime-limit' expects a non-negative number "
           "below 2^64",
           "Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, "
           "tera-, peta-",
           "and exabytes, respectively."]

# Values, and what `info migrate_parameters` says then (a list: an error).
VALUES = [
    ("max-bandwidth", "10", "10485760 bytes/second"),
    ("max-bandwidth", "10B", "10 bytes/second"),
    ("max-bandwidth", "512k", "524288 bytes/second"),
    ("max-bandwidth", "1.5G", "1610612736 bytes/second"),
    ("max-bandwidth", "0x10", "16777216 bytes/second"),
    ("max-bandwidth", "0", "0 bytes/second"),
    ("max-bandwidth", "1z", ["Error: Invalid size 1z"]),
    ("max-bandwidth", "-1", ["Error: Invalid size -1"]),
    ("avail-switchover-bandwidth", "7", "7340032 bytes/second"),
    ("downtime-limit", "500", "500 ms"),
    ("downtime-limit", "2k", "2048 ms"),
    ("downtime-limit", "2000000", "2000000 ms"),
    ("downtime-limit", "2000001",
     ["Error: Parameter 'downtime_limit' expects an integer in the range of "
      "0 to (2000 * 1000) ms"]),
    ("downtime-limit", "x", NO_SIZE),
    ("downtime-limit", "-1",
     ["Error: Value '-1' is out of range for parameter 'downtime-limit'"]),
    ("downtime-limit", "16E",
     ["Error: Value '16E' is out of range for parameter 'downtime-limit'"]),
    ("multifd-channels", "x",
     ["Error: Parameter 'multifd-channels' expects uint64"]),
    ("multifd-channels", "256",
     ["Error: Parameter 'multifd-channels' expects uint8_t"]),
    ("zero-page-detection", "none", "none"),
    ("zero-page-detection", "x",
     ["Error: Parameter 'zero-page-detection' does not accept value 'x'"]),
    ("mode", "normal", "normal"),
    ("mode", "x", ["Error: Parameter 'mode' does not accept value 'x'"]),
]


def test_options(b):
    parameters = ["max-bandwidth: 134217728 bytes/second",
                  "avail-switchover-bandwidth: 0 bytes/second",
                  "downtime-limit: 300 ms"]
    same([s for s in b.term.run("info migrate_parameters")
          if s.split(":")[0] in ("max-bandwidth", "downtime-limit",
                                 "avail-switchover-bandwidth")],
         parameters, "info migrate_parameters")
    for name, value, want in VALUES:
        output = b.term.run(f"migrate_set_parameter {name} {value}")
        if isinstance(want, list):
            same(output, want, f"{name} {value}")
            continue
        same(output, [], f"{name} {value}")
        if f"{name}: {want}" not in b.term.run("info migrate_parameters"):
            raise VMError(f"{name} {value}: not {want}")
    listed = b.term.run("info migrate_capabilities")
    same([s.split(": ") for s in listed],
         [[c["capability"], "off"]
          for c in b.vm.cmd("query-migrate-capabilities")], "capabilities")
    same(b.term.run("migrate_set_capability return-path on"), [], "on")
    if "return-path: on" not in b.term.run("info migrate_capabilities"):
        raise VMError("return-path is not on")


# ---- migrate ----

GLOBALS = ["globals:", "store-global-state: on", "only-migratable: off",
           "send-configuration: on", "send-section-footer: on",
           "send-switchover-start: on", "clear-bitmap-shift: 18"]
RAM = [r"transferred ram: \d+ kbytes", r"throughput: \d+\.\d\d mbps",
       r"remaining ram: \d+ kbytes", r"total ram: 16384 kbytes",
       r"duplicate: \d+ pages", r"normal: \d+ pages",
       r"normal bytes: \d+ kbytes", r"dirty sync count: \d+",
       r"page size: 4 kbytes", r"multifd bytes: 0 kbytes",
       r"pages-per-second: \d+"]
OPTIONAL = [r"dirty pages rate: [1-9]\d* pages",
            r"precopy ram: \d+ kbytes", r"downtime ram: \d+ kbytes"]


def check_info(b, status, times, ram):
    """`info migrate` line by line."""
    lines = b.term.run("info migrate")
    same(lines[:len(GLOBALS)], GLOBALS, "the globals")
    rest = lines[len(GLOBALS):]
    want = [status, *times, *(RAM if ram else [])]
    for pattern in want:
        if not rest or not re.fullmatch(pattern, rest[0]):
            raise VMError(f"info migrate: {rest[:1]}, not {pattern}")
        rest.pop(0)
    for pattern in OPTIONAL if ram else []:
        if rest and re.fullmatch(pattern, rest[0]):
            rest.pop(0)
    same(rest, [], "more lines of info migrate")


REPORT = [r"done: \d+\.\d %", r"send rate: .*B/s", r"link rate: .*B/s",
          r"dirty rate: .*B/s", r"working set: .*B"]
PHASES = ["connect", "setup", "first-pass", "iterate", "stop", "last-memory",
          "devices", "hand-over"]


def report(b):
    """What -a adds to `info migrate`."""
    short, long = b.term.run("info migrate"), b.term.run("info migrate -a")
    # Times and rates go on.
    same([s.split(":")[0] for s in long[:len(short)]],
         [s.split(":")[0] for s in short], "the part without -a")
    return long[len(short):]


def check_report(b, before, after):
    """Lines of -a: patterns around those that are always there."""
    lines = report(b)
    for pattern in [*before, *REPORT, *after]:
        if not lines or not re.fullmatch(pattern, lines[0]):
            raise VMError(f"info migrate -a: {lines[:1]}, not {pattern}")
        lines.pop(0)
    return lines


def labels(lines):
    """What the lines are about, without those that may be missing."""
    return [s.split(":")[0] for s in lines
            if not any(re.fullmatch(p, s) for p in OPTIONAL)]


def check_documented(lines):
    """The recorded session of the manual has the lines of today."""
    path = os.path.join(os.path.dirname(__file__), "../../docs/hmp.md")
    with open(path, encoding="utf-8") as f:
        shown = f.read().split("(qemu) info migrate -a\n")[-1]
    same(labels(shown.split("(qemu)")[0].splitlines()), labels(lines),
         "the end of the session in docs/hmp.md")


def stalled(b):
    """A migration that takes long: at a byte per second."""
    path = b.work.file("stalled")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(8)
    b.vm.set_parameters(max_bandwidth=1, downtime_limit=0)
    return listener, f"unix:{path}"


def test_info_migrate(b):
    same(b.term.run("info migrate"), GLOBALS, "info migrate at first")
    same(b.term.run("info migrate -a"), GLOBALS, "info migrate -a at first")
    same(b.term.run("info migrate -x"),
         usage("migrate: unsupported option -x", "info migrate"),
         "info migrate -x")
    with stalled(b)[0] as listener:
        uri = f"unix:{listener.getsockname()}"
        same(b.term.run(f"migrate -d {uri}"), [], "migrate -d")
        b.vm.wait_migration("active")
        check_info(b, "Migration status: active",
                   [r"total time: \d+ ms", r"expected downtime: \d+ ms",
                    r"setup: \d+ ms"], True)
        check_report(b, [r"phase: first-pass, for \d+ ms"], [])
        same(b.term.run("migrate_cancel"), [], "migrate_cancel")
        b.vm.wait_migration("cancelled")
    check_info(b, "Migration status: cancelled", ["total time: 0 ms"], False)
    b.vm.set_parameters(max_bandwidth=0)
    same(b.term.run("migrate -d unix:/nonexistent/x"), [], "migrate -d")
    b.vm.wait_migration("failed")
    check_info(b, r"Migration status: failed \(Failed to connect to "
               r"'/nonexistent/x': No such file or directory\)",
               ["total time: 0 ms"], False)
    same(check_report(b, [], ["phases:", r"  connect: [\d.]+ ms"])[4:],
         ["failure: Failed to connect to '/nonexistent/x': No such file or "
          "directory", "  phase: connect", "  channel: main"], "the failure")
    b.term.run(f"migrate -d file:{b.work.file('vm.mig')}")
    b.vm.wait_migration()
    check_info(b, "Migration status: completed",
               [r"total time: \d+ ms", r"downtime: \d+ ms", r"setup: \d+ ms"],
               True)
    check_documented(b.term.run("info migrate -a"))
    lines = check_report(b, [], ["phases:"])
    same([s.split(":")[0].strip() for s in lines],
         [*PHASES, "sent once", "sent again", "zero", "device state"],
         "phases and bytes")
    same([s.split(":")[0].strip() for s in lines if "(downtime)" in s],
         PHASES[4:], "the downtime")
    same(b.vm.hmp("migrate tcp:127.0.0.1:1"),
         "Error: Can't migrate the vm that was paused due to previous "
         "migration\r\n", "migrate from postmigrate")


def test_foreground(b):
    """The prompt comes back when the migration has ended, or is left."""
    with stalled(b)[0] as listener:
        b.term.send(f"migrate unix:{listener.getsockname()}\r")
        text = b.term.until(r"migrating: .*% *, .* left, .* mbps, pass \d+")
        b.term.send("p 7\r")  # typed ahead
        text = b.term.until(r"pass \d+[^\r]*\x1b\[K$")
        if PROMPT in text:
            raise VMError(f"the prompt is there: {text!r}")
        b.term.send("\x03")
        text = b.term.until(r"0x7\r\n\(qemu\) $")
        if "the migration goes on; migrate_cancel ends it\r\n" not in text:
            raise VMError(f"after Ctrl-C: {text!r}")
        same(b.vm.migration_status(), "active", "status after Ctrl-C")
        b.term.run("migrate_cancel")
        b.vm.wait_migration("cancelled")
        # Ended by another monitor.
        b.term.send(f"migrate unix:{listener.getsockname()}\r")
        b.term.until(r"migrating: ")
        b.vm.cmd("migrate_cancel")
        b.term.until(r"\(qemu\) $")
    b.vm.set_parameters(max_bandwidth=0)
    output = b.term.type("migrate unix:/nonexistent/x")[1]
    same(output, ["migration failed",
                  "Error: Failed to connect to '/nonexistent/x': No such file "
                  "or directory"], "a failing migrate")
    output = b.term.type(f"migrate file:{b.work.file('vm.mig')}")[1]
    if len(output) != 1 or not re.fullmatch(
            r"migration completed in [\d.]+ s, downtime \d+ ms, .* sent",
            output[0]):
        raise VMError(f"migrate: {output}")
    same(b.vm.migration_status(), "completed", "status when it is back")
    same(b.term.run("info status"), ["VM status: paused (postmigrate)"],
         "info status")


def test_detached(b):
    """A monitor that nobody sits at does not wait."""
    same(b.vm.hmp(f"migrate file:{b.work.file('vm.mig')}"),
         "terminal does not allow synchronous migration, continuing "
         "detached\r\n", "human-monitor-command migrate")
    b.vm.wait_migration()


def test_disconnect(b):
    """Going away in the middle of a migrate leaves the migration alone; the
    next person begins anew."""
    with stalled(b)[0] as listener:
        for _ in range(3):
            b.term.send(f"migrate unix:{listener.getsockname()}\r")
            b.term.until(r"migrating: ")
            b.connect()
            b.term = Terminal(b.fd)
            if not BANNER.match(b.term.until(r"\(qemu\) $")):
                raise VMError("no banner")
            same(b.vm.migration_status(), "active", "status")
            same(b.term.run("info history"), ["0: 'info history'"],
                 "history of somebody else")
            b.term.run("migrate_cancel")
            b.vm.wait_migration("cancelled")
    same(b.vm.close(), 0, "exit status")


def test_quit(b):
    b.vm.exit_expected = True
    b.term.send("quit\r")
    same(b.vm.wait_exit(), 0, "exit status after quit")
    # No farewell, and no prompt for what nobody reads.
    text = b.term.rest()
    if PROMPT in text[text.find("quit\x1b[K"):]:
        raise VMError(f"after quit: {text!r}")


def test_stdio(b):
    """-monitor stdio: the keys, a migration in the foreground, and Ctrl-C,
    which is a signal there: the program ends and leaves the terminal as it
    was."""
    for keys, line, output in KEYS[:6]:
        same(b.term.type(keys), (line, [output]), repr(keys))
    b.term.send("migrate_set_par\tdownt\t500\r")
    b.term.until(r"migrate_set_parameter downtime-limit 500\x1b\[K\r\n"
                 r"\(qemu\) $")
    if "downtime-limit: 500 ms" not in b.term.run("info migrate_parameters"):
        raise VMError("what was completed was not executed")
    with stalled(b)[0] as listener:
        b.term.send(f"migrate unix:{listener.getsockname()}\r")
        b.term.until(r"migrating: +\d+%, .* left, .* mbps, pass \d+"
                     r"[^\r]*\x1b\[K$")
        if termios.tcgetattr(b.inner)[3] & termios.ECHO:
            raise VMError("the terminal echoes by itself")
        b.vm.exit_expected = True
        b.term.send("\x03")
        same(b.vm.wait_exit(), 0, "exit status after Ctrl-C")
    same(termios.tcgetattr(b.inner), b.tty_before, "the terminal after it")


def main():
    suite = tap.Suite()

    def run(fn, kind):
        with Bench(sys.argv[1], kind) as b:
            fn(b)

    for kind in ("socket", "pty"):
        for fn in (test_banner, test_keys, test_history, test_completion,
                   test_help, test_lines, test_options, test_info_migrate,
                   test_foreground, test_quit):
            suite.add(f"{kind}/{fn.__name__[5:].replace('_', '-')}", run, fn,
                      kind)
    suite.add("stdio", run, test_stdio, "stdio")
    suite.add("detached", run, test_detached, "socket")
    suite.add("disconnect", run, test_disconnect, "socket")
    return suite.run(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
