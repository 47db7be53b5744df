#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A QMP monitor under bytes that mean little: requests made up from the
schema, right and wrong, lines for the human monitor, and damaged text;
connections that come and go.

The program must answer every whole request, and must end with status 0 on
SIGTERM; a sanitizer's report ends it otherwise.

Usage: qmp_fuzz.py BINARY [SECONDS [SEED]]
"""

import errno
import json
import os
import random
import re
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from lib import tap  # noqa: E402
from lib.qapi import Schema, WORDS  # noqa: E402
from lib.qmp import QMPClosed, QMPTimeout  # noqa: E402
from lib.vm import VM, VMError, Workspace  # noqa: E402

# quit ends the program, which is right but of no use here.
NOT_CALLED = {"quit"}
ANSWER = 60  # seconds; a hang, not a measure of speed

PIECES = ['{', '}', '[', ']', ':', ',', '"', "'", '"execute"', '"arguments"',
          '"id"', '"exec-oob"', 'true', 'null', '-', '1e999', '0x', '\\',
          '\\u0000', '\\ud800', '\x00', '\x01', '\xff', ' ', '\n', '\r\n',
          '"query-status"', '{"execute": "query-status"}', '[[[[', '1' * 40]


HUMAN_FORMATS = ["/x", "/4xb", "/c", "/i", "/2000000g", "/", "/z", "/9o"]
HUMAN_WORDS = ["on", "off", "-d", "-r", "-a", "-z", "0", "1", "-1", "0x10",
               "1+", "(", "1k", "1.5G", "0x7fffffffffffffff", "1/0", "$eip",
               '"', '"a b"', "a", "/", "*", "events", "multifd",
               "max-bandwidth", "downtime-limit", "tls-creds", "none",
               "unix:nobody", "file:out", "trace:*", "nosuch", "\xe4", "\x01",
               "authz-simple,id=a,identity=b", "/objects", "/machine", "type"]


class Ended(Exception):
    """The program ended as it should: nothing came in from migrate-incoming
    with exit-on-error, the default."""


class Target:
    """The program, its steady monitor, and a socket for all comers."""

    def __init__(self, binary, work, number):
        self.path = work.file(f"fuzz{number}.sock")
        # Every other one is a destination.
        self.vm = VM(binary, work, f"fuzz{number}", [
            "-machine", "none", "-m", "1M", "-accel", "qtest",
            "-qmp", f"unix:{self.path},server=on,wait=off",
            *(["-incoming", "defer"] if number % 2 else [])],
            preexec=lambda: os.chdir(work.path))
        self.vm.qmp.timeout = ANSWER
        self.schema = self.human = None

    def connect(self):
        """The next client; those before may not all have been noticed."""
        end = time.monotonic() + ANSWER
        while True:
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(ANSWER)
            try:
                sock.connect(self.path)
                return sock
            except OSError as e:
                sock.close()
                if e.errno != errno.EAGAIN:
                    self.fail(f"{e} on connecting")
                if time.monotonic() > end:
                    self.fail("no connection is taken any more")
                time.sleep(0.001)

    def check_events(self):
        """What came meanwhile is in the schema."""
        for event in self.vm.qmp.events:
            why = self.schema.check_event(event)
            if why:
                self.fail(why)
        self.vm.qmp.events.clear()

    def fail(self, text):
        try:
            status = self.vm.process.wait(1)
        except subprocess.TimeoutExpired:
            status = None
        if status == 1 and "load of migration failed" in self.vm.stderr():
            raise Ended
        print(f"# {self.vm.stderr()[-4000:]}".replace("\n", "\n# "))
        raise VMError(text)

    def check(self, doing):
        """It lives and answers."""
        try:
            self.vm.qmp.command("query-status")
            self.check_events()
        except (QMPClosed, QMPTimeout, OSError) as e:
            self.fail(f"{e} after {doing}")

    def end(self):
        status = self.vm.close()
        if status != 0:
            self.fail(f"status {status} after SIGTERM")
        if "Sanitizer" in self.vm.stderr():
            self.fail("a sanitizer has something to say")


def damage(rng, data):
    """Change, drop, double or insert some bytes."""
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 5])):
        at = rng.randrange(len(data) + 1)
        what = rng.random()
        if what < 0.3:
            data[at:at + 1] = bytes([rng.randrange(256)])
        elif what < 0.5:
            del data[at:at + rng.randrange(8)]
        elif what < 0.7:
            data[at:at] = data[at:at + rng.randrange(40)]
        else:
            data[at:at] = rng.choice(PIECES).encode("latin-1")
    return bytes(data)


def request(rng, schema):
    command = rng.choice(sorted(set(schema.commands) - NOT_CALLED))
    msg = {"execute": command}
    if rng.random() < 0.9:
        msg["arguments"] = schema.arguments(command, rng,
                                            rng.choice([0, 0, 0.1, 0.4]))
        # Gigabytes of it would be no finding.
        msg["arguments"].pop("prealloc", None)
    if rng.random() < 0.3:
        msg["id"] = rng.choice(WORDS)
    if rng.random() < 0.05:
        msg["exec-oob"] = msg.pop("execute")
    return msg


def human_names(target):
    """All commands of the human monitor that a test may give."""
    names = []
    for prefix, listing in (("", "help"), ("info ", "info")):
        text = target.vm.cmd("human-monitor-command",
                             {"command-line": listing})
        for line in text.split("\r\n"):
            if " -- " in line:
                word = line[len(prefix):].split()[0]
                names += [prefix + n for n in word.split("|")]
    # It would end the program; it would look at all that is asked for.
    return [n for n in names if n not in ("quit", "q", "sum")]


def human_line(rng, names):
    """A command and words that may be what it takes."""
    line = rng.choice(names)
    if rng.random() < 0.2:
        line += rng.choice(HUMAN_FORMATS)
    for _ in range(rng.choice([0, 1, 1, 2, 2, 3, 5])):
        line += rng.choice([" ", " ", " ", "  ", "\t", ""])
        line += rng.choice(HUMAN_WORDS)
    return line


def fuzz_human(target, rng, schema):
    """Lines of the human monitor; some with damage."""
    del schema
    line = human_line(rng, target.human)
    if rng.random() < 0.2:
        line = damage(rng, line.encode("latin-1")).decode("latin-1")
    if re.search("(^|[^a-z])q(uit)?([^a-z]|$)", line):
        return
    try:
        target.vm.qmp.send("human-monitor-command", {"command-line": line})
        reply = target.vm.qmp.reply()
    except (QMPClosed, QMPTimeout, OSError) as e:
        target.fail(f"{e} after {line!r}")
    if not isinstance(reply.get("return", ""), str):
        target.fail(f"{line!r}: {reply}")
    target.check_events()


def fuzz_grammar(target, rng, schema):
    """Whole requests: each has an answer, of the type the schema says."""
    msg = request(rng, schema)
    name = msg.get("execute")
    try:
        target.vm.qmp.sock.sendall(json.dumps(msg).encode() + b"\n")
        reply = target.vm.qmp.reply()
    except (QMPClosed, QMPTimeout, OSError) as e:
        target.fail(f"{e} after {json.dumps(msg)[:2000]}")
    if "return" in reply and name:
        why = schema.check(schema.commands[name]["ret-type"],
                           reply["return"])
        if why:
            target.fail(f"{json.dumps(msg)[:2000]}: {why}")
    target.check_events()


def fuzz_bytes(target, rng, schema):
    """A connection of its own, dropped at any moment."""
    with target.connect() as sock:
        listen = rng.random() < 0.8
        data = b'{"execute": "qmp_capabilities", "arguments": ' + \
            rng.choice([b'{}}', b'{"enable": ["oob"]}}'])
        for _ in range(rng.randrange(1, 6)):
            text = json.dumps(request(rng, schema)).encode()
            data += damage(rng, text) if rng.random() < 0.8 else text
        if rng.random() < 0.2:
            data = "".join(rng.choices(PIECES, k=rng.randrange(200))).encode(
                "latin-1")
        if b'"quit' in data or b"'quit" in data:
            return
        try:
            if listen:
                sock.recv(65536)
            sock.sendall(data)
            if rng.random() < 0.5:
                sock.settimeout(0.02)
                sock.recv(1 << 16)
        except (socket.timeout, TimeoutError, OSError):
            pass


def run(binary, seconds, seed):
    rng = random.Random(seed)
    end = time.monotonic() + seconds
    number = calls = 0
    print(f"# seed {seed}, {seconds} s")
    with Workspace() as work:
        while time.monotonic() < end:
            target = Target(binary, work, number)
            try:
                schema = Schema(target.vm.cmd("query-qmp-schema"))
                target.schema = schema
                target.human = human_names(target)
                # A new program now and then, as objects and such pile up.
                for _ in range(1500):
                    if time.monotonic() > end:
                        break
                    fuzz = rng.choices((fuzz_grammar, fuzz_bytes,
                                        fuzz_human), (6, 3, 2))[0]
                    fuzz(target, rng, schema)
                    calls += 1
                    if calls % 50 == 0:
                        target.check("those before")
                target.check("the last")
                target.end()
            except Ended:
                pass
            finally:
                target.vm.__exit__()
            number += 1
    print(f"# {calls} calls to {number} programs")


def main():
    binary = os.path.abspath(sys.argv[1])
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 60
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else int(time.time())
    suite = tap.Suite()
    suite.add("qmp-fuzz", run, binary, seconds, seed)
    return suite.run([])


if __name__ == "__main__":
    sys.exit(main())
