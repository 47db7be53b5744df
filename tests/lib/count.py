# SPDX-License-Identifier: GPL-2.0-or-later
"""Count the tests of meson's logs, print the skipped ones with their reason.

Usage: count.py LOG.json [LOG.json...]

Each TAP line of a test program counts as one test; a program without TAP lines
counts as one.  A program that failed without a failing line (crash, timeout)
counts as one failure more.  Ends with 'N passed, N failed, N skipped'; the
status is 1 if anything failed or nothing passed.
"""

import json
import re
import sys

POINT = re.compile(r"^(not ok|ok)\b\s*\d*\s*-?\s*(.*)$")


def count_program(entry):
    """(passed, failed [names], skipped [(name, reason)]) of one program."""
    passed, failed, skipped = 0, [], []
    result = entry["result"]
    for line in (entry.get("stdout") or "").splitlines():
        m = POINT.match(line)
        if m:
            name, _, directive = m.group(2).partition("#")
            name = name.strip()
            directive = directive.strip()
            if directive.upper().startswith("SKIP"):
                skipped.append((name, directive[4:].strip() or "no reason"))
            elif m.group(1) == "ok":
                passed += 1
            else:
                failed.append(name)
        elif line.startswith("Bail out!"):
            failed.append(line)
    if not passed and not failed and not skipped:
        if result in ("OK", "EXPECTEDFAIL"):
            passed = 1
        elif result == "SKIP":
            skipped.append(("", (entry.get("stdout") or "").strip()
                            or "no reason"))
    if result not in ("OK", "EXPECTEDFAIL", "SKIP") and not failed:
        failed.append(f"{result}: ended with {entry.get('returncode')}")
    return passed, failed, skipped


def main(paths):
    passed = failed = skipped = 0
    for path in paths:
        try:
            with open(path) as f:
                entries = [json.loads(line) for line in f if line.strip()]
        except OSError as e:
            print(f"FAILED: no test results: {e}")
            failed += 1
            continue
        for entry in entries:
            p, f, s = count_program(entry)
            passed += p
            failed += len(f)
            skipped += len(s)
            for name in f:
                print(f"FAILED: {entry['name']}: {name}")
            for name, reason in s:
                print(f"SKIPPED: {entry['name']}: {name}: {reason}")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
