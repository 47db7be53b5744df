# SPDX-License-Identifier: GPL-2.0-or-later
"""Test programs in Python that speak TAP, like the ones in C."""

import fnmatch
import sys
import time
import traceback


class Skip(Exception):
    """Raised by a test that cannot run here; the text says why."""


class Suite:
    """A list of (name, function); run() prints TAP and returns the status.
    `notes` are lines to print first: the version of TAP must come before."""

    def __init__(self):
        self.tests = []
        self.notes = []

    def add(self, name, fn, *args, **kwargs):
        self.tests.append((name, lambda: fn(*args, **kwargs)))

    def run(self, argv=None):
        argv = sys.argv[1:] if argv is None else argv
        patterns = [a for a in argv if not a.startswith("-")]
        chosen = [t for t in self.tests
                  if not patterns or any(fnmatch.fnmatch(t[0], p)
                                         for p in patterns)]
        if "-l" in argv:
            for name, _ in chosen:
                print(name)
            return 0
        failed = 0
        print("TAP version 13")
        print(f"1..{len(chosen)}", flush=True)
        for note in self.notes:
            print(f"# {note}", flush=True)
        for n, (name, fn) in enumerate(chosen, 1):
            start = time.monotonic()
            try:
                fn()
                print(f"ok {n} {name}")
            except Skip as why:
                print(f"ok {n} {name} # SKIP {' '.join(str(why).split())}")
            except Exception:  # pylint: disable=broad-except
                failed += 1
                for line in traceback.format_exc().splitlines():
                    print(f"# {line}")
                print(f"not ok {n} {name}")
            print(f"# {name}: {time.monotonic() - start:.1f} s", flush=True)
        return 1 if failed else 0
