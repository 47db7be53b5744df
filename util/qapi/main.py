# SPDX-License-Identifier: GPL-2.0-or-later
"""Command line of the schema compiler.

    main.py [-p PREFIX] [-i INCLUDE] [-U NAME]... -o OUTDIR SCHEMA
    main.py --doc FILE SCHEMA

The first form writes, for each module M of SCHEMA, qapi-types-M.{h,c},
qapi-commands-M.{h,c} and qapi-events-M.{h,c}, and for all of them
PREFIXqapi-introspect.c and PREFIXqapi-init-commands.{h,c}; generated files
include each other with INCLUDE before the name.  Clients are not told of enum
values that need a NAME which is not built in (-U).  The second form writes the
reference page.
"""

import argparse
import os
import sys

# The compiler is the package "qapi" in the directory above this file; this
# directory itself must not stand in the way of the standard library.
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# pylint: disable=wrong-import-position
from qapi.common import SchemaError, write_file  # noqa: E402
from qapi.gen_commands import gen_commands, gen_init  # noqa: E402
from qapi.gen_doc import gen_doc  # noqa: E402
from qapi.gen_events import gen_events  # noqa: E402
from qapi.gen_introspect import gen_introspect  # noqa: E402
from qapi.gen_marshal import gen_marshal  # noqa: E402
from qapi.gen_types import gen_types  # noqa: E402
from qapi.parser import parse_schema  # noqa: E402
from qapi.schema import Schema  # noqa: E402


def generate(schema, root, args):
    """Write all C files."""
    files = [gen_introspect(schema, args.prefix, args.lacks)]
    files += gen_init(schema, args.include, args.prefix)
    for module in schema.modules:
        # A root that only includes has nothing to generate.
        if module.path == root and not module.exprs:
            continue
        files.append(gen_types(schema, module, args.include))
        files.append(gen_marshal(schema, module, args.include))
        files += gen_commands(schema, module, args.include)
        files += gen_events(schema, module, args.include)
    for file in files:
        file.write(args.outdir)


def main():
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description='Compile a QAPI schema.')
    parser.add_argument('-p', dest='prefix', default='')
    parser.add_argument('-i', dest='include', default='qapi/')
    parser.add_argument('-U', dest='lacks', action='append', default=[])
    parser.add_argument('-o', dest='outdir')
    parser.add_argument('--doc', help='write the reference page instead')
    parser.add_argument('schema')
    args = parser.parse_args()
    if not args.outdir and not args.doc:
        parser.error('nothing to write: give -o or --doc')
    try:
        modules = parse_schema(args.schema)
        schema = Schema(modules)
    except SchemaError as exc:
        print(exc, file=sys.stderr)
        return 1
    if args.outdir:
        generate(schema, os.path.abspath(args.schema), args)
    if args.doc:
        write_file(args.doc, gen_doc(schema))
    return 0


if __name__ == '__main__':
    sys.exit(main())
