#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line: exit status and messages for options that are right,
wrong, doubled or without a value, beside those of stock QEMU
(tests/data/cli).  What differs has to be in DEVIATIONS, and nothing else may
be there.

Usage: cli_test.py BINARY RECORDING
       cli_test.py --record STOCK FILE    to be run by hand
"""

import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from lib import tap  # noqa: E402
from lib.vm import VMError, has_accel  # noqa: E402

BASE = ["-machine", "none", "-accel", "tcg", "-nodefaults", "-display",
        "none", "-monitor", "stdio"]

# Words after BASE, one case a line; one with a brace is the option's value.
CASES = r"""
foo.img
-nosuch
--nosuch
-machine
-machine nosuch
-machine none,foo=on
-machine none,accel=kvm:tcg
-machine type=none,
-machine none,dump-guest-core=off,mem-merge=off
-machine none,mem-merge=maybe
-machine none,memory-backend=x
-machine {"type":"none"}
-accel nosuch
-accel tcg,foo=1
-accel kvm:tcg
-m foo=1
-m 1X
-m -1
-m 16E
-m size=16M,size=32M
-smp 2
-smp 0
-smp cpus=x
-smp 1,sockets=3,maxcpus=2
-smp foo=1
-name a,foo=b
-name a,debug-threads=x
-name a,b
-uuid bad
-object foo
-object memory-backend-ram
-object memory-backend-ram,id=a
-object memory-backend-ram,id=a,size=1M,foo=1
-object memory-backend-ram,id=a,size=x
-object nosuch,id=a
-object {bad
-object {"qom-type":"authz-simple"}
-object {"qom-type":"authz-simple","id":"a"}
-object {"qom-type":"authz-simple","id":"a","identity":1}
-object {"qom-type":"authz-simple","id":"a","identity":"b","c":1}
-object authz-simple,id=a,identity=x -object authz-simple,id=a,identity=x
-object secret,id=a,file=/nonexistent
-object secret,id=a
-object memory-backend-file,id=a,size=1M,mem-path=/nonexistent/x
-object memory-backend-file,id=a,size=1M
-object authz-simple,id=1a,identity=x
-object authz-simple,id=a,identity=x,identity=y
-object authz-simple,id=a,identity
-object authz-simple,id=a,identity=x,
-incoming
-incoming foo:1
-incoming tcp:bad
-incoming -
-incoming {"channel-type":"main"}
-incoming main,addr.transport=foo
-incoming main,addr.transport=socket,addr.type=unix
-incoming {bad
-incoming fd:x
-incoming file:/nonexistent
-incoming unix:/nonexistent/x
-incoming main,addr.transport=socket,addr.type=inet,addr.host=127.0.0.1,addr.port=0
-incoming tcp:127.0.0.1:0 -incoming tcp:127.0.0.1:0
-chardev null
-chardev nosuch,id=a
-chardev socket,id=a
-chardev socket,id=a,path=/nonexistent/x
-chardev socket,id=a,path=/nonexistent/x,server=on,wait=off
-chardev socket,id=a,host=127.0.0.1
-chardev socket,id=a,host=127.0.0.1,port=1
-chardev socket,id=a,path=/x,wait=off
-chardev socket,id=a,path=/x,server=on,reconnect=1
-chardev socket,id=a,path=/x,server=maybe
-chardev socket,id=a,path=/x,foo=1
-chardev file,id=a
-chardev file,id=a,path=/nonexistent/x
-chardev null,id=a -chardev null,id=a
-chardev null,id=1a
-chardev stdio,id=a
-chardev null,id=a,foo=1
-chardev id=a
-mon foo=1
-mon b
-mon chardev=b,mode=foo
-mon mode=control
-chardev null,id=a -mon a,mode=readline,pretty=on
-chardev null,id=a -mon a,mode=control,pretty=x
-chardev null,id=a -mon a -mon a
-qmp nosuch:1
-qmp none
-qmp unix:/nonexistent/x,server=on,wait=off
-qmp unix:/nonexistent/x
-qmp tcp:127.0.0.1:1
-qmp tcp:127.0.0.1
-qmp stdio
-monitor nosuch
-serial nosuch
-serial chardev:zz
-serial file:/nonexistent/x
-qtest unix:/nonexistent/x
-qtest nosuch
-display nosuch
-display none,foo=1
-add-fd fd=1,set=1
-add-fd fd=99,set=1
-add-fd fd=-1,set=1
-add-fd set=1
-add-fd fd=5
-add-fd fd=5,set=-1
-add-fd foo=1
-trace nosuch
-trace enable=nosuch*,foo=1
-trace file=/nonexistent/x
-D /nonexistent/x
-d foo
-pidfile /nonexistent/x
-global nosuchdev.x=1
-global migration.nosuch=on
-global migration.x-events=maybe
-global migration.multifd-channels=0
-global migration.multifd-channels=256
-global migration.x-multifd=on
-global migration.x
-global driver=migration,property=x-events
-global driver=migration,property=x-events,value=on
-global foo=1
-msg foo=1
-msg timestamp=x
-msg timestamp=on -m 1X
-kernel /nonexistent
-device nosuch
-device nosuch,id=a
-device {"driver":"nosuch"}
-device id=a
-S -no-reboot -no-shutdown
-audio none
-vnc none
-vga none
-nic none
-net none
-parallel none
-only-migratable
-action reboot=shutdown,shutdown=pause
-action foo=1
-action reboot=x
-action shutdown=x
-no-user-config
""".strip().split("\n")

# By the words of the case; a shell of reasons.
OWN = "own words"
SHORT_FORM = "a name without a value is an error, not deprecated"
DEVIATIONS = {
    "foo.img": "there are no disks",
    "-smp 1,sockets=3,maxcpus=2": "the first wrong number is told",
    "-name a,b": SHORT_FORM,
    "-global migration.x": SHORT_FORM,
    "-object authz-simple,id=a,identity": SHORT_FORM,
    "-object {bad": "JSON errors of the command line are json-c's",
    "-incoming {bad": "the same",
    "-object authz-simple,id=1a,identity=x": OWN,
    "-chardev null,id=1a": OWN,
    "-chardev socket,id=a": "without a blank at its end",
    "-chardev stdio,id=a": "-chardev comes before -monitor here",
    "-qmp tcp:127.0.0.1": "says what is wrong",
    "-trace file=/nonexistent/x": "says which option it was",
}


def run(binary, case):
    """(status, messages) of a program that is told to end at once."""
    args = case.split(" ", 1) if "{" in case else case.split(" ")
    done = subprocess.run([binary, *BASE, *args], input=b"quit\n", timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          check=False)
    text = done.stderr.decode(errors="replace")
    text = re.sub(r"(?m)^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z )?[^ :]*"
                  r"qemu-system-x86_64:",
                  lambda m: ("TIME " if m.group(1) else "") + "PROG:", text)
    return [done.returncode, text]


def test_cases(binary, path):
    with open(path, encoding="utf-8") as f:
        recorded = json.load(f)["answers"]
    bad = []
    if not has_accel(binary, "tcg"):
        raise tap.Skip("the program was built without tcg")
    for case in CASES:
        got, want = run(binary, case), recorded[case]
        if got == want and case in DEVIATIONS:
            bad.append(f"{case}: no deviation any more")
        elif got != want and case not in DEVIATIONS:
            bad.append(f"{case}: {got}, recorded {want}")
        elif got[0] not in (0, 1):
            bad.append(f"{case}: status {got[0]}")
    for line in bad:
        print(f"# {line}")
    if bad or set(DEVIATIONS) - set(CASES):
        raise VMError(f"{len(bad)} cases differ")


def test_lists(binary):
    """What is asked for with "help" goes to stdout, and ends with status 0."""
    for option, line in (
            ("-machine", "Supported machines are:"),
            ("-accel", "Accelerators supported in QEMU binary:"),
            ("-object", "List of user creatable objects:"),
            ("-d", "Log items (comma separated):"), ("-chardev", None),
            ("-device", None), ("-trace", None)):
        done = subprocess.run([binary, option, "help"], timeout=60,
                              capture_output=True, text=True, check=False)
        first = done.stdout.split("\n")[0]
        if done.returncode or done.stderr or not first or \
                line not in (None, first):
            raise VMError(f"{option} help: {done}")
    for words, pattern in ((["-version"], r"QEMU emulator version \d+\.\d+"),
                           (["-h"], r"(?m)^usage: .* \[options\]")):
        done = subprocess.run([binary, *words], timeout=60,
                              capture_output=True, text=True, check=False)
        if done.returncode or not re.search(pattern, done.stdout):
            raise VMError(f"{words}: {done}")


def test_help_is_true(binary):
    """Every option that -help lists is known."""
    text = subprocess.run([binary, "-help"], timeout=60, check=True,
                          capture_output=True, text=True).stdout
    options = re.findall(r"(?m)^(-[\w-]+)(?: or (-[\w-]+))?", text)
    if len(options) < 20:
        raise VMError(f"-help lists {options}")
    for option in [o for pair in options for o in pair if o]:
        if option in ("-h", "-help", "-version"):
            continue
        # Without a value, or with one option too many behind it.
        words = subprocess.run([binary, option], input="quit\n", timeout=60,
                               capture_output=True, text=True, check=False)
        if "invalid option" in words.stderr:
            raise VMError(f"{option}: {words.stderr}")


def record(binary, path):
    version = subprocess.run([binary, "--version"], check=True, text=True,
                             capture_output=True).stdout
    answers = {case: run(binary, case) for case in CASES}
    with open(path, "w", encoding="utf-8") as f:
        head = {"SPDX-License-Identifier": "GPL-2.0-or-later",
                "version": re.search(r"version (\S+)", version).group(1)}
        f.write("{\n")
        for name, value in head.items():
            f.write(f" {json.dumps(name)}: {json.dumps(value)},\n")
        f.write(' "answers": {\n')
        f.write(",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}"
                           for k, v in answers.items()))
        f.write("\n }\n}\n")


def main():
    if sys.argv[1] == "--record":
        record(*sys.argv[2:])
        return 0
    suite = tap.Suite()
    binary = os.path.abspath(sys.argv[1])
    suite.add("cases", test_cases, binary, sys.argv[2])
    suite.add("lists", test_lists, binary)
    suite.add("help-is-true", test_help_is_true, binary)
    return suite.run(sys.argv[3:])


if __name__ == "__main__":
    sys.exit(main())
