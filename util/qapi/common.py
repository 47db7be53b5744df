# SPDX-License-Identifier: GPL-2.0-or-later
"""What all parts of the compiler share: places, errors, names, output."""

import os
import re


class Place:
    """A line of a schema file, for error messages."""

    def __init__(self, path, line):
        self.path = path
        self.line = line

    def __str__(self):
        return f'{self.path}:{self.line}'


class SchemaError(Exception):
    """A mistake in a schema, with the place where it was found."""

    def __init__(self, place, text):
        super().__init__(f'{place}: {text}')


# Words that cannot be used as they are for a C identifier: keywords, GNU
# extensions and what the preprocessor predefines on some systems.
_C_RESERVED = frozenset('''
    auto break case char const continue default do double else enum extern
    float for goto if inline int long register restrict return short signed
    sizeof static struct switch typedef union unsigned void volatile while
    asm typeof linux unix errno i386 bool true false and or not xor
'''.split())


def c_name(name):
    """The C identifier for a name of the schema."""
    ident = re.sub(r'[^A-Za-z0-9_]', '_', name)
    if ident in _C_RESERVED:
        return 'q_' + ident
    if ident[0].isdigit():
        return '_' + ident
    return ident


def upper_snake(name):
    """CamelCase or lower-case to UPPER_SNAKE: JSONType to JSON_TYPE."""
    name = re.sub(r'(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])', '_',
                  name)
    return re.sub(r'[^A-Za-z0-9_]', '_', name).upper()


def enum_const(prefix, value):
    """Name of the C constant for @value of an enum with @prefix."""
    return prefix + '_' + upper_snake(value)


def c_string(text):
    """A C string literal."""
    return '"' + text.replace('\\', '\\\\').replace('"', '\\"') + '"'


def guard(filename):
    """Name of the macro that guards a header against double inclusion."""
    return re.sub(r'[^A-Za-z0-9]', '_', filename).upper()


class CFile:
    """A C source or header under construction."""

    def __init__(self, filename, source):
        self.filename = filename
        self._head = (f'/* SPDX-License-Identifier: GPL-2.0-or-later */\n'
                      f'/* Generated from {source} by util/qapi. */\n')
        self._parts = []

    def add(self, text):
        """Append @text; the newline after an opening ''' is dropped."""
        self._parts.append(re.sub(r'^\n(?=.)', '', text))

    def write(self, outdir):
        """Write the file below @outdir."""
        body = ''.join(self._parts)
        if self.filename.endswith('.h'):
            name = guard(self.filename)
            body = f'#ifndef {name}\n#define {name}\n\n{body}\n#endif\n'
        write_file(os.path.join(outdir, self.filename), self._head + body)


def write_file(path, text):
    """Write @text to @path."""
    with open(path, 'w', encoding='utf-8') as out:
        out.write(text)
