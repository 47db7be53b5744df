# SPDX-License-Identifier: GPL-2.0-or-later
"""Compiler for the rooms' trace-events files.

    tracetool.py OUTDIR ROOM=FILE...

For each room it writes trace-ROOM.h and trace-ROOM.c, and for all of them
trace-all.c, which registers the events.  A line of FILE is

    name(type arg, type arg) "format"

where the format may be any sequence of string literals and macros that expand
to them; lines that begin with "#" are comments.
"""

import os
import re
import sys

_LINE = re.compile(r'([a-z][a-z0-9_]*)\(([^()]*)\)\s*(".*")$')


class TraceError(Exception):
    """A mistake in a trace-events file."""


class Event:
    """One event: name, text of the parameters, their names, format."""

    def __init__(self, name, params, fmt):
        self.name = name
        self.params = ' '.join(params.split())
        self.fmt = fmt
        self.args = []
        if self.params != 'void':
            for param in self.params.split(','):
                match = re.fullmatch(r'.*[\s*]([A-Za-z_]\w*)', param)
                if not match:
                    raise ValueError(f"parameter '{param.strip()}' of "
                                     f"'{name}' has no name")
                self.args.append(match.group(1))


def parse(path, known):
    """Events of the file @path; @known has the names of other rooms'."""
    events = []
    with open(path, encoding='utf-8') as src:
        for number, line in enumerate(src, 1):
            line = line.strip()
            if not line or line.startswith('#'):
                continue
            where = f'{os.path.relpath(path)}:{number}'
            match = _LINE.fullmatch(line)
            if not match:
                raise TraceError(f'{where}: expected name(type arg, …) '
                                 '"format"')
            if match.group(1) in known:
                raise TraceError(f"{where}: event '{match.group(1)}' exists "
                                 'already')
            known.add(match.group(1))
            try:
                events.append(Event(*match.groups()))
            except ValueError as exc:
                raise TraceError(f'{where}: {exc}') from exc
    return events


def _banner(room):
    return ('/* SPDX-License-Identifier: GPL-2.0-or-later */\n'
            f'/* Generated from {room}/trace-events by util/trace. */\n')


def header(room, events):
    """Text of trace-ROOM.h."""
    guard = f'TRACE_TRACE_{room.upper()}_H'
    text = (f'{_banner(room)}#ifndef {guard}\n#define {guard}\n\n'
            '#include "qemu/atomic.h"\n#include "qemu/trace.h"\n')
    for event in events:
        args = ''.join(', ' + arg for arg in event.args)
        text += f'''
extern TraceEvent trace_event_{event.name};
static inline void trace_{event.name}({event.params})
{{
    if (G_UNLIKELY(qatomic_read(&trace_event_{event.name}.enabled))) {{
        trace_emit(&trace_event_{event.name}, {event.fmt}{args});
    }}
}}
'''
    return text + f'\nvoid trace_register_{room}(void);\n\n#endif\n'


def source(room, events):
    """Text of trace-ROOM.c."""
    text = (f'{_banner(room)}#include "qemu/osdep.h"\n'
            f'#include "trace/trace-{room}.h"\n\n')
    for event in events:
        text += (f'TraceEvent trace_event_{event.name} = '
                 f'{{ .name = "{event.name}" }};\n')
    body = ''
    if events:
        lines = ''.join(f'        &trace_event_{e.name},\n' for e in events)
        body = (f'    static TraceEvent *const events[] = {{\n{lines}'
                '    };\n\n    trace_register_events(events, '
                'G_N_ELEMENTS(events));\n')
    return text + f'\nvoid trace_register_{room}(void)\n{{\n{body}}}\n'


def source_all(rooms):
    """Text of trace-all.c."""
    text = _banner('each room') + '#include "qemu/osdep.h"\n'
    text += ''.join(f'#include "trace/trace-{room}.h"\n' for room in rooms)
    calls = ''.join(f'    trace_register_{room}();\n' for room in rooms)
    return text + f'\nvoid trace_register_all(void)\n{{\n{calls}}}\n'


def main(argv):
    """Returns the exit status."""
    outdir = argv[1]
    known = set()
    files = {}
    rooms = []
    try:
        for arg in argv[2:]:
            room, path = arg.split('=', 1)
            events = parse(path, known)
            rooms.append(room)
            files[f'trace-{room}.h'] = header(room, events)
            files[f'trace-{room}.c'] = source(room, events)
    except (TraceError, OSError) as exc:
        print(exc, file=sys.stderr)
        return 1
    files['trace-all.c'] = source_all(rooms)
    for name, text in files.items():
        with open(os.path.join(outdir, name), 'w', encoding='utf-8') as out:
            out.write(text)
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv))
