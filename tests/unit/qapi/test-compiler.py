# SPDX-License-Identifier: GPL-2.0-or-later
"""Mistakes in a schema: the compiler's words and the line it names."""

import os
import subprocess
import sys
import tempfile

from taptest import Tap

COMPILER = os.path.join(sys.argv[1], 'util', 'qapi', 'main.py')

DOC = '##\n# @{}:\n#\n# Text.\n{}##\n'


def doc(name, *members):
    """A documentation block."""
    return DOC.format(name, ''.join(f'#\n# @{m}: text\n' for m in members))


ENUM = doc('En', 'a', 'b') + "{ 'enum': 'En', 'data': [ 'a', 'b' ] }\n"
STRUCT = doc('St', 'x') + "{ 'struct': 'St', 'data': { 'x': 'int' } }\n"


def struct(data, *members, extra=''):
    """A struct T with @data."""
    return (doc('Tt', *members)
            + f"{{ 'struct': 'Tt', 'data': {data}{extra} }}\n")


def union(text, *members):
    """A union T behind an enum and a struct."""
    return ENUM + STRUCT + doc('Un', *members) + "{ 'union': 'Un', " + text


# Schema, line of the error, its text.
BAD = {
    'stray character': ('?', 1, "stray '?'"),
    'open string': ("{ 'a", 1, 'stray "\'"'),
    'no colon': ("{ 'struct' 'a' }", 1, "expected ':'"),
    'no comma': ("{ 'struct': 'a'\n'b': 'c' }", 2, "expected ',' or '}'"),
    'trailing comma': ("{ 'struct': 'a',\n}", 2, "',' before '}'"),
    'key no string': ("{ true: 'a' }", 1, "expected string or '}'"),
    'duplicate key': ("{ 'a': 'b',\n'a': 'c' }", 2, "duplicate key 'a'"),
    'no value': ("{ 'a': }", 1,
                 "expected '{', '[', string or boolean"),
    'top level': ("[ 'a' ]", 1, "expected '{'"),
    'open doc': ('##\n# text\n', 3,
                 "documentation block has no closing '##'"),
    'bad doc line': ('##\n#text\n##\n', 2, 'line of a documentation block '
                     "must begin with '# '"),
    'bad doc head': ('##\n# @Foo\n##\n', 2, "first line must be '@Name:'"),
    'doc alone': (doc('Aa'), 1, "documentation of 'Aa' is not followed by "
                  'its definition'),
    'doc twice': (doc('Aa', 'x', 'x'), 8, "'x' is documented twice"),
    'include': ("{ 'include': 'nosuch.json' }", 1, "cannot read "
                "'nosuch.json': No such file or directory"),
    'include itself': ("{ 'include': 'test.json' }", 1,
                       "'test.json' includes itself"),
    'include extra': ("{ 'include': 'x', 'y': 'z' }", 1,
                      "'include' takes a file name only"),
    'kind': (doc('Aa') + "{ 'foo': 'Aa' }", 6,
             'unknown kind of definition, expected one of alternate, '
             'command, enum, event, struct, union'),
    'no doc': ("{ 'struct': 'Tt', 'data': {} }", 1,
               "struct 'Tt' is not documented"),
    'wrong doc': (doc('Other') + "{ 'struct': 'Tt', 'data': {} }", 1,
                  "documentation of 'Other' stands before struct 'Tt'"),
    'no member doc': (struct("{ 'x': 'int' }"), 6,
                      "member 'x' of 'Tt' is not documented"),
    'no such member': (struct("{}", 'x'), 1,
                       "documented member 'x' of 'Tt' does not exist"),
    'no enum doc': (doc('En', 'a') + "{ 'enum': 'En', 'data': ['a', 'b'] }",
                    8, "member 'b' of 'En' is not documented"),
    'no data': (doc('Tt') + "{ 'struct': 'Tt' }", 6,
                "struct 'Tt' lacks 'data'"),
    'unknown key': (struct("{}", extra=", 'if': 'X'"), 6,
                    "struct 'Tt' has an unknown key 'if'"),
    'type name': (doc('tt') + "{ 'struct': 'tt', 'data': {} }", 6,
                  "name 'tt' of a type must be CamelCase"),
    'list name': (doc('TtList') + "{ 'struct': 'TtList', 'data': {} }", 6,
                  "type 'TtList' must not end in 'List' or 'Kind'"),
    'command name': (doc('Do') + "{ 'command': 'Do' }", 6,
                     "name 'Do' of a command must be lower case"),
    'event name': (doc('Done') + "{ 'event': 'Done' }", 6,
                   "name 'Done' of a event must be UPPER CASE"),
    'member name': (struct("{ 'X': 'int' }", 'X'), 8,
                    "name 'X' of a member must be lower case"),
    'reserved': (struct("{ 'has-x': 'int' }", 'has-x'), 8,
                 "member 'has-x' of 'Tt' has a reserved name"),
    'twice': (STRUCT + STRUCT, 16, "type 'St' is defined already"),
    'builtin': (doc('int') + "{ 'struct': 'int', 'data': {} }", 6,
                "name 'int' of a type must be CamelCase"),
    'commands': (doc('a-b') + "{ 'command': 'a-b' }\n" + doc('a_b')
                 + "{ 'command': 'a_b' }", 12, "'a_b' clashes with 'a-b'"),
    'unknown type': (struct("{ 'x': 'Foo' }", 'x'), 8,
                     "member 'x' of 'Tt' has the unknown type 'Foo'"),
    'list of two': (struct("{ 'x': [ 'int', 'str' ] }", 'x'), 8,
                    "member 'x' of 'Tt': a list type names one type"),
    'null member': (struct("{ 'x': 'null' }", 'x'), 8,
                    "member 'x' of 'Tt' cannot be null"),
    'member type': (struct("{ 'x': { 'foo': 'int' } }", 'x'), 8,
                    "member 'x' of 'Tt' takes 'type' and 'features' only"),
    'clash': (struct("{ 'a-b': 'int', 'a_b': 'int' }", 'a-b', 'a_b'), 10,
              "member 'a_b' of 'Tt' clashes with 'a-b'"),
    'base clash': (STRUCT + struct("{ 'x': 'str' }", 'x',
                                   extra=", 'base': 'St'"), 16,
                   "member 'x' of 'Tt' clashes with 'x'"),
    'base kind': (ENUM + struct("{}", extra=", 'base': 'En'"), 16,
                  "base of 'Tt' must be an object type, 'En' is not"),
    'base itself': (struct("{}", extra=", 'base': 'Tt'"), 6,
                    "base of 'Tt' is itself"),
    'base loop': (doc('Aa') + "{ 'struct': 'Aa', 'base': 'Bb', 'data': {} }\n"
                  + doc('Bb')
                  + "{ 'struct': 'Bb', 'base': 'Aa', 'data': {} }\n", 6,
                  "'Aa' contains itself"),
    'enum clash': (doc('En', 'a-b', 'a_b')
                   + "{ 'enum': 'En', 'data': [ 'a-b', 'a_b' ] }", 10,
                   "value 'a_b' of 'En' clashes with 'a-b'"),
    'union tag': (union("'base': 'St', 'discriminator': 'y', "
                        "'data': { 'a': 'St' } }"), 24,
                  "discriminator of 'Un': base has no member 'y'"),
    'union tag type': (union("'base': 'St', 'discriminator': 'x', "
                             "'data': { 'a': 'St' } }"), 24,
                       "discriminator of 'Un' must be a mandatory member of "
                       'an enum type'),
    'union value': (union("'base': { 't': 'En' }, 'discriminator': 't', "
                          "'data': { 'c': 'St' } }", 't'), 26,
                    "branch 'c' of 'Un' is not a value of 'En'"),
    'union branch': (union("'base': { 't': 'En' }, 'discriminator': 't', "
                           "'data': { 'a': 'int' } }", 't'), 26,
                     "branch 'a' of 'Un' must be an object type, 'int' is "
                     'not'),
    'union clash': (union("'base': { 'x': 'En' }, 'discriminator': 'x', "
                          "'data': { 'a': 'St' } }", 'x'), 26,
                    "member 'x' of 'Un' (branch 'a') clashes with 'x'"),
    'alternate': (doc('Al', 'a', 'b') + "{ 'alternate': 'Al', 'data': { "
                  "'a': 'int', 'b': 'number' } }", 10,
                  "branch 'b' of 'Al' cannot be told from 'a'"),
    'alternate any': (doc('Al', 'a', 'b') + "{ 'alternate': 'Al', 'data': { "
                      "'a': 'int', 'b': 'any' } }", 10,
                      "branch 'b' of 'Al' cannot be of type 'any'"),
    'boxed': (doc('do', 'a') + "{ 'command': 'do', 'data': { 'a': 'int' }, "
              "'boxed': true }", 8,
              "boxed 'do' needs a named type as its data"),
    'data kind': (ENUM + doc('do') + "{ 'command': 'do', 'data': 'En' }", 16,
                  "data of 'do' must be an object type, 'En' is not"),
    'returns': (doc('do') + "{ 'command': 'do', 'returns': 'Foo' }", 6,
                "result of 'do' has the unknown type 'Foo'"),
    'flag': (doc('do') + "{ 'command': 'do', 'allow-oob': 'yes' }", 6,
             "'allow-oob' of 'do' must be true or false"),
}


def compile_text(outdir, text):
    """Compile a schema of one file; returns the finished process."""
    with open(os.path.join(outdir, 'test.json'), 'w',
              encoding='utf-8') as out:
        out.write(text)
    return subprocess.run([sys.executable, COMPILER, '-o', outdir,
                           'test.json'], cwd=outdir, capture_output=True,
                          text=True, check=False)


def check_doc(tap, outdir):
    """The page has the text of each part of a documentation block."""
    text = ('##\n# = Heading\n#\n# Free text.\n##\n' + ENUM
            + '##\n# @do:\n#\n# Body about @a.\n#\n# @a: first line\n'
            '#     and second\n#\n# @b: other\n#\n# Text behind.\n#\n'
            '# Returns: a thing\n#\n# Features:\n# @unstable: may go\n##\n'
            "{ 'command': 'do', 'data': { 'a': 'int', '*b': ['En'] },\n"
            "  'returns': 'str', 'features': [ 'unstable' ] }\n")
    compile_text(outdir, text)
    page = os.path.join(outdir, 'page.md')
    subprocess.run([sys.executable, COMPILER, '--doc', page, 'test.json'],
                   cwd=outdir, check=True)
    with open(page, encoding='utf-8') as src:
        page = src.read()
    for part in ('## Heading\n\nFree text.\n', '### En\n\n*enum*\n',
                 '### do\n\n*command*\n\nBody about `a`.\n',
                 '- `a` (int): first line\n  and second\n',
                 '- *`b`* (list of [En](#en)): other\n',
                 '- `unstable` (feature): may go\n',
                 '\nText behind.\n', '**Returns:** a thing (str)\n'):
        tap.check('page has ' + repr(part), part in page, page)


def check_introspection(tap):
    """Whatever the program's own schema names is described, once."""
    # pylint: disable=import-error,import-outside-toplevel
    sys.path.insert(0, os.path.join(sys.argv[1], 'util'))
    from qapi.gen_introspect import introspect
    from qapi.parser import parse_schema
    from qapi.schema import Schema

    root = os.path.join(sys.argv[1], 'util', 'qapi', 'schema.json')
    entities = introspect(Schema(parse_schema(root)))
    names = [e['name'] for e in entities]
    tap.check('no entity twice', len(names) == len(set(names)))
    used = set()
    for entity in entities:
        for part in [entity] + entity.get('members', []) \
                + entity.get('variants', []):
            used.update(part[key] for key in ('type', 'arg-type', 'ret-type',
                                              'element-type') if key in part)
    tap.check('every reference leads somewhere', used <= set(names),
              str(used - set(names)))
    plain = {e['name'] for e in entities
             if e['meta-type'] not in ('command', 'event')}
    tap.check('no type without use', plain <= used | {'0'},
              str(plain - used))


def main():
    """Run all checks."""
    tap = Tap()
    with tempfile.TemporaryDirectory() as outdir:
        for name, (text, line, error) in BAD.items():
            result = compile_text(outdir, text)
            expected = f'test.json:{line}: {error}\n'
            tap.check('error: ' + name, result.returncode == 1
                      and result.stderr == expected,
                      f'expected {expected}got {result.stderr}')
        result = compile_text(outdir, ENUM + STRUCT)
        tap.check('good schema', result.returncode == 0, result.stderr)
        check_doc(tap, outdir)
    check_introspection(tap)
    tap.finish()


main()
