# SPDX-License-Identifier: GPL-2.0-or-later
"""qapi-types-M.c: descriptions of a module's types for the run-time."""

from qapi.common import CFile, c_string


def _ref(entity):
    return '&qapi_type_' + entity.c_ident


def _member(obj, member):
    ident = obj.c_ident
    fields = [f'.name = {c_string(member.name)}',
              f'.type = {_ref(member.type)}',
              f'.offset = offsetof({ident}, {member.c_name})']
    if member.optional:
        fields.append('.optional = true')
    if member.has_flag:
        fields.append('.has_flag = true')
        fields.append(f'.has_offset = offsetof({ident}, '
                      f'has_{member.c_name})')
    return '    { ' + ',\n      '.join(fields) + ' },\n'


def describe_object(obj, storage):
    """Definition of the QapiType of a struct or union."""
    ident = obj.c_ident
    text = ''
    fields = ['.kind = QAPI_KIND_STRUCT', f'.name = {c_string(obj.name)}',
              f'.size = sizeof({ident})', '.tag = -1']
    if obj.members:
        lines = ''.join(_member(obj, m) for m in obj.members)
        text += f'static const QapiMember members_{ident}[] = {{\n'
        text += f'{lines}}};\n'
        fields.append(f'.members = members_{ident}')
        fields.append(f'.n = G_N_ELEMENTS(members_{ident})')
    if obj.tag:
        lines = ''.join(f'    [{obj.tag.type.const(value)}] = '
                        f'{_ref(branch)},\n' for value, branch
                        in obj.branches)
        text += (f'static const QapiType *const branches_{ident}'
                 f'[{obj.tag.type.prefix}__MAX] = {{\n{lines}}};\n')
        fields[3] = f'.tag = {obj.members.index(obj.tag)}'
        fields.append(f'.u_offset = offsetof({ident}, u)')
        fields.append(f'.branches = branches_{ident}')
        fields.append(f'.n_branches = {obj.tag.type.prefix}__MAX')
    return text + _type(ident, fields, storage)


def _type(ident, fields, storage=''):
    lines = ''.join(f'    {field},\n' for field in fields)
    return f'{storage}const QapiType qapi_type_{ident} = {{\n{lines}}};\n'


def _enum(enum):
    ident = enum.c_ident
    lines = ''.join(f'    [{enum.const(v.name)}] = {c_string(v.name)},\n'
                    for v in enum.values)
    text = f'static const char *const values_{ident}[] = {{\n{lines}}};\n'
    text += _type(ident, ['.kind = QAPI_KIND_ENUM',
                          f'.name = {c_string(enum.name)}',
                          f'.size = sizeof({ident})',
                          f'.values = values_{ident}',
                          f'.n = {enum.prefix}__MAX'])
    return text + f'''
const char *{ident}_str({ident} value)
{{
    return qapi_enum_str(&qapi_type_{ident}, value);
}}
bool {ident}_parse(const char *s, {ident} *out)
{{
    int value;

    if (!qapi_enum_parse(&qapi_type_{ident}, s, &value)) {{
        return false;
    }}
    *out = value;
    return true;
}}
'''


def _alternate(alt):
    ident = alt.c_ident
    lines = ''.join(f'    [{b.type.qtype}] = {_ref(b.type)},\n'
                    for b in alt.branches)
    text = (f'static const QapiType *const branches_{ident}[QTYPE__MAX] = '
            f'{{\n{lines}}};\n')
    return text + _type(ident, ['.kind = QAPI_KIND_ALTERNATE',
                                f'.name = {c_string(alt.name)}',
                                f'.size = sizeof({ident})',
                                f'.u_offset = offsetof({ident}, u)',
                                f'.branches = branches_{ident}',
                                '.n_branches = QTYPE__MAX'])


def _list(entity):
    ident = entity.c_ident + 'List'
    return _type(ident, ['.kind = QAPI_KIND_LIST',
                         f'.name = {c_string(ident)}',
                         f'.size = sizeof({ident})',
                         f'.element = {_ref(entity)}',
                         f'.value_offset = offsetof({ident}, value)'])


def gen_marshal(schema, module, include):
    """The source that goes with the types of @module."""
    out = CFile(f'qapi-types-{module.name}.c', module.name + '.json')
    out.add('#include "qemu/osdep.h"\n'
            f'#include "{include}qapi-types-{module.name}.h"\n')
    for entity in schema.module_types(module):
        out.add('\n')
        if entity.kind == 'enum':
            out.add(_enum(entity))
        elif entity.kind == 'alternate':
            out.add(_alternate(entity))
        else:
            out.add(describe_object(entity, ''))
        out.add(_list(entity))
        if entity.kind != 'enum':
            out.add(f'QAPI_DEFINE_FUNCTIONS({entity.c_ident})\n')
        out.add(f'QAPI_DEFINE_FUNCTIONS({entity.c_ident}List)\n')
    return out


def fill_parameters(obj, indent):
    """Initialisers that put the parameters of a function into @obj."""
    lines = ''
    for member in obj.members:
        name = member.c_name
        if member.has_flag:
            lines += f'{indent}.has_{name} = has_{name},\n'
        cast = '(char *)' if member.type.name == 'str' else ''
        lines += f'{indent}.{name} = {cast}{name},\n'
    return lines


def parameters(arg, boxed):
    """Parameters for the members of @arg, as text that follows another."""
    if not arg:
        return ''
    if boxed:
        return f', const {arg.c_ident} *arg'
    text = ''
    for member in arg.members:
        if member.has_flag:
            text += f', bool has_{member.c_name}'
        text += f', {member.type.c_param()}{member.c_name}'
    return text


def implicit_struct(obj, body):
    """The C type of unnamed arguments, private to a source file."""
    return (f'typedef struct {obj.c_ident} {{\n{body}}} {obj.c_ident};\n')

