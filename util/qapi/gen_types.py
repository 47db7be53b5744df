# SPDX-License-Identifier: GPL-2.0-or-later
"""qapi-types-M.h: the C types of a module."""

from qapi.common import CFile, c_name


def member_decls(members):
    """Lines that declare @members inside a struct."""
    text = ''
    for member in members:
        if member.has_flag:
            text += f'    bool has_{member.c_name};\n'
        text += f'    {member.type.c_type()}{member.c_name};\n'
    return text


def branch_decls(obj):
    """Lines of the union of a union type."""
    if not obj.branches:
        return ''
    lines = ''.join(f'        {branch.c_ident} {c_name(value)};\n'
                    for value, branch in obj.branches)
    return f'    union {{\n{lines}    }} u;\n'


def struct_body(obj):
    """What stands between the braces of a struct."""
    body = member_decls(obj.members) + branch_decls(obj)
    # Without members it would have no size, and nothing to allocate.
    return body or '    char unused;\n'


def _enum(enum):
    values = ''.join(f'    {enum.const(v.name)},\n' for v in enum.values)
    name = enum.c_ident
    return f'''
typedef enum {name} {{
{values}    {enum.prefix}__MAX,
}} {name};
extern const QapiType qapi_type_{name};
const char *{name}_str({name} value);
bool {name}_parse(const char *s, {name} *out);
QAPI_DECLARE_LIST({name}List, {name})

'''


def _alternate(alt):
    lines = ''.join(_alternate_branch(b) for b in alt.branches
                    if b.type.name != 'null')
    return f'''
struct {alt.c_ident} {{
    QType type;
    union {{
{lines}    }} u;
}};

'''


def _alternate_branch(branch):
    ctype = branch.type.c_type()
    if branch.type.is_object:
        ctype = branch.type.c_ident + ' '
    return f'        {ctype}{branch.c_name};\n'


def _embedded(entity):
    """Types of the same module that @entity holds by value."""
    if entity.kind == 'alternate':
        return [b.type for b in entity.branches if b.type.is_object]
    return [branch for _, branch in entity.branches]


def _in_order(types):
    """@types, each behind those it holds by value."""
    done = []

    def visit(entity):
        if entity not in done and entity in types:
            for inner in _embedded(entity):
                visit(inner)
            done.append(entity)
    for entity in types:
        visit(entity)
    return done


def gen_types(schema, module, include):
    """The header of @module; @include prefixes the names of headers."""
    out = CFile(f'qapi-types-{module.name}.h', module.name + '.json')
    out.add('#include "qapi/qapi-runtime.h"\n')
    for dep in module.includes:
        out.add(f'#include "{include}qapi-types-{dep.name}.h"\n')
    out.add('\n')
    types = schema.module_types(module)
    composite = [t for t in types if t.kind != 'enum']
    for entity in composite:
        name = entity.c_ident
        out.add(f'typedef struct {name} {name};\n'
                f'typedef struct {name}List {name}List;\n')
    if composite:
        out.add('\n')
    for entity in types:
        if entity.kind == 'enum':
            out.add(_enum(entity))
    for entity in _in_order(composite):
        if entity.kind == 'alternate':
            out.add(_alternate(entity))
        else:
            out.add(f'struct {entity.c_ident} {{\n{struct_body(entity)}}};'
                    '\n\n')
    for entity in composite:
        out.add(f'QAPI_DECLARE_FUNCTIONS({entity.c_ident})\n')
        out.add(f'QAPI_DECLARE_LIST({entity.c_ident}List, '
                f'{entity.c_ident} *)\n')
    return out
