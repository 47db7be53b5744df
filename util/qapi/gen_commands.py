# SPDX-License-Identifier: GPL-2.0-or-later
"""qapi-commands-M.{h,c}: prototypes of the qmp_*() functions of a module,
and the code between them and the dispatcher."""

from qapi.common import CFile, c_name, c_string
from qapi.gen_marshal import describe_object, implicit_struct, parameters
from qapi.gen_types import struct_body


def _prototype(command):
    name = 'qmp_' + c_name(command.name)
    if not command.gen:
        return (f'json_object *{name}(QmpContext *ctx, json_object *args, '
                'Error **errp)')
    ret = command.ret.c_type() if command.ret else 'bool '
    return (f'{ret}{name}(QmpContext *ctx'
            f'{parameters(command.arg, command.boxed)}, Error **errp)')


def wrap(text):
    """Break the line of a prototype between its parameters."""
    head, params = text.split('(', 1)
    lines = [head + '(']
    for param in params.split(', '):
        room = len(lines[-1]) + len(param) < 78
        if lines[-1].endswith('(') and room:
            lines[-1] += param
        elif room:
            lines[-1] += ', ' + param
        else:
            lines[-1] += ','
            lines.append('    ' + param)
    return '\n'.join(lines).replace('(,', '(')


def _call_args(command):
    if not command.arg:
        return ''
    if command.boxed:
        return ', &arg'
    text = ''
    for member in command.arg.members:
        if member.has_flag:
            text += f', arg.has_{member.c_name}'
        text += f', arg.{member.c_name}'
    return text


def _marshal_raw(command):
    # The command checks its own arguments; NULL without error is null.
    return '''
    Error *err = NULL;
    json_object *value = qmp_%s(ctx, args, &err);

    if (err) {
        error_propagate(errp, err);
        return false;
    }
    *ret = value;
    return true;
''' % c_name(command.name)


def _marshal(command):
    name = c_name(command.name)
    arg = command.arg
    if arg:
        decl, atype = f'    {arg.c_ident} arg;\n', arg.c_ident
        ref = '&arg'
    else:
        decl, atype, ref = '    char arg;\n', 'empty', '&arg'
    read = f'''
    if (!qapi_read_struct(&qapi_type_{atype}, {ref}, args, QAPI_INPUT_JSON,
                          errp)) {{
        return false;
    }}
'''
    call = f'qmp_{name}(ctx{_call_args(command)}'
    clear = f'    qapi_clear_struct(&qapi_type_{atype}, {ref});\n'
    if not command.ret:
        return (f'{decl}    bool ok;\n{read}    ok = {call}, errp);\n'
                f'{clear}    return ok;\n')
    rtype = '&qapi_type_' + command.ret.c_ident
    return f'''
{decl}    {command.ret.c_type()}value;
    Error *err = NULL;
{read}    value = {call}, &err);
{clear}    if (!err) {{
        *ret = qapi_write({rtype}, &value);
    }}
    qapi_clear({rtype}, &value);
    error_propagate(errp, err);
    return !err;
'''[1:]


def _entry(command):
    flags = ''
    if command.allow_oob:
        flags += ', .allow_oob = true'
    if command.ret or not command.gen:
        flags += ', .returns = true'
    return (f'    {{ {c_string(command.name)}, '
            f'marshal_{c_name(command.name)}{flags} }},\n')


def gen_commands(schema, module, include):
    """Header and source of the commands of @module."""
    commands = [c for c in schema.commands if c.module is module]
    base = 'qapi-commands-' + module.name
    init = f'void qmp_init_commands_{c_name(module.name)}' \
           '(QmpCommandList *cmds)'
    header = CFile(base + '.h', module.name + '.json')
    header.add('#include "qapi/dispatch.h"\n'
               f'#include "{include}qapi-types-{module.name}.h"\n\n'
               '/* Add the commands of this module to @cmds. */\n'
               f'{init};\n\n')
    source = CFile(base + '.c', module.name + '.json')
    source.add('#include "qemu/osdep.h"\n'
               f'#include "{include}{base}.h"\n\n')
    for command in commands:
        header.add(wrap(_prototype(command) + ';') + '\n')
        if command.gen and command.arg and command.arg.implicit:
            source.add(implicit_struct(command.arg,
                                       struct_body(command.arg)))
            source.add(describe_object(command.arg, 'static '))
            source.add('\n')
        body = _marshal(command) if command.gen else _marshal_raw(command)
        source.add(f'static bool marshal_{c_name(command.name)}('
                   'json_object *args, json_object **ret,\n'
                   '    QmpContext *ctx, Error **errp)\n'
                   '{\n' + body.lstrip('\n') + '}\n\n')
    if commands:
        table = ''.join(_entry(c) for c in commands)
        source.add(f'static const QmpCommand commands[] = {{\n{table}}};\n\n')
    body = ('    qmp_command_list_add(cmds, commands, '
            'G_N_ELEMENTS(commands));\n' if commands else '')
    source.add(f'{init}\n{{\n{body}}}\n')
    return [header, source]


def gen_init(schema, include, prefix):
    """qapi-init-commands.{h,c}: all commands at once."""
    base = prefix + 'qapi-init-commands'
    symbol = prefix.replace('-', '_')
    proto = f'void {symbol}qmp_init_commands(QmpCommandList *cmds)'
    header = CFile(base + '.h', 'schema.json')
    header.add('#include "qapi/dispatch.h"\n\n'
               '/* Add the commands of all modules to @cmds. */\n'
               f'{proto};\n')
    source = CFile(base + '.c', 'schema.json')
    source.add('#include "qemu/osdep.h"\n'
               f'#include "{include}{base}.h"\n')
    calls = ''
    for module in schema.modules:
        if module.exprs:
            source.add(f'#include "{include}qapi-commands-'
                       f'{module.name}.h"\n')
            calls += f'    qmp_init_commands_{c_name(module.name)}(cmds);\n'
    source.add(f'\n{proto}\n{{\n{calls}}}\n')
    return [header, source]
