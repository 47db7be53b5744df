# SPDX-License-Identifier: GPL-2.0-or-later
"""The compiler for trace events: what it makes and what it refuses."""

import os
import subprocess
import sys
import tempfile

from taptest import Tap

TOOL = os.path.join(sys.argv[1], 'util', 'trace', 'tracetool.py')

BAD = [
    ('foo', ':1: expected name(type arg, …) "format"'),
    ('\nfoo(int a)', ':2: expected name(type arg, …) "format"'),
    ('Foo(int a) "%d"', ':1: expected name(type arg, …) "format"'),
    ('foo(int) "%d"', ":1: parameter 'int' of 'foo' has no name"),
    ('foo() "x"', ":1: parameter '' of 'foo' has no name"),
    ('a(void) "x"\na(void) "y"', ":2: event 'a' exists already"),
]

GOOD = r'''# comment

plain(void) "nothing"
full(const char *s, uint64_t addr, int n) "s %s addr 0x%" PRIx64 " n %d"
'''


def run(outdir, text):
    """Compile @text; returns the finished process."""
    path = os.path.join(outdir, 'trace-events')
    with open(path, 'w', encoding='utf-8') as out:
        out.write(text)
    return subprocess.run([sys.executable, TOOL, outdir, 'room=' + path],
                          capture_output=True, text=True, check=False)


def main():
    """Run all checks."""
    tap = Tap()
    with tempfile.TemporaryDirectory() as outdir:
        for text, error in BAD:
            result = run(outdir, text)
            tap.check('refuses ' + repr(text),
                      result.returncode == 1
                      and result.stderr.rstrip().endswith(error),
                      result.stderr)
        result = run(outdir, GOOD)
        tap.check('accepts a good file', result.returncode == 0,
                  result.stderr)
        with open(os.path.join(outdir, 'trace-room.h'),
                  encoding='utf-8') as src:
            header = src.read()
        for part in ('static inline void trace_plain(void)',
                     'trace_emit(&trace_event_plain, "nothing");',
                     'trace_full(const char *s, uint64_t addr, int n)',
                     'PRIx64 " n %d", s, addr, n);'):
            tap.check('header has ' + part, part in header, header)
    tap.finish()


main()
